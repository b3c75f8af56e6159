"""Batches for the detector, each drawn from the seed, the round and its own number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from catenary.datasets.labels import Label
from catenary.training import targets, tiles
from catenary.training.augment import NightAugmentation
from catenary.training.frames import Frames
from catenary.training.settings import TrainingSettings
from catenary.training.tiles import Truth, View


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A tile for measuring: pixels (height, width) uint8 and the parts it shows."""

    pixels: NDArray[np.uint8]
    parts: tuple[Truth, ...]


class DetectorBatches(Dataset[targets.Batch]):
    """One round of training batches; item n is always the same, whoever asks."""

    def __init__(
        self, frames: Frames, classes: Sequence[str], settings: TrainingSettings, epoch: int
    ) -> None:
        """Prepare the round numbered ``epoch``, from 0.

        Raises:
            ValueError: If no frame shows any of the classes.
        """
        self._frames = frames
        self._classes = {name: index for index, name in enumerate(classes)}
        self._settings = settings
        self._epoch = epoch
        self._augment = NightAugmentation(settings.augment)
        self._parts = [self._wanted(frames.labels(index)) for index in range(len(frames))]
        self._with_parts = [index for index, own in enumerate(self._parts) if own]
        self._with_carriers = [index for index in self._with_parts if self._carriers(index)]
        if not self._with_parts:
            raise ValueError(f"no frame shows any of {', '.join(classes)}")

    def __len__(self) -> int:
        """Return the number of batches of the round."""
        return self._settings.steps_per_epoch

    def __getitem__(self, number: int) -> targets.Batch:
        """Return batch ``number``; see `targets.Batch`."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        generator = np.random.default_rng([self._settings.seed, self._epoch, number])
        view = self._view(generator)
        pictures, parts = [], []
        for pixels, own in self._drawn(view, generator):
            pictures.append(pixels)
            parts.append(own)
        return targets.batched(pictures, parts, len(self._classes))

    def _view(self, generator: np.random.Generator) -> View:
        mix = self._settings.mix
        views: tuple[View, ...] = ("whole", "window", "close_up")
        chosen = views[int(generator.choice(3, p=[mix.whole, mix.window, mix.close_up]))]
        return "window" if chosen == "close_up" and not self._with_carriers else chosen

    def _drawn(
        self, view: View, generator: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.uint8], list[Truth]]]:
        """Yield tiles with their parts until the batch has its pixels."""
        settings = self._settings
        budget = settings.batch * settings.picture_px**2
        used = 0
        while used == 0 or used < budget:
            index, labels = self._frame(view, generator)
            window = tiles.drawn(
                view,
                labels,
                self._frames.size(index),
                (settings.long_side_px, settings.picture_px),
                generator,
            )
            if used and used + window.height * window.width > budget * 1.1:
                return
            used += window.height * window.width
            pixels = self._augment(tiles.cut(self._frames.pixels(index), window), generator)
            parts = tiles.truths(self._frames.labels(index), window, self._classes)
            yield tiles.mirrored(pixels, parts) if generator.random() < 0.5 else (pixels, parts)

    def _frame(self, view: View, generator: np.random.Generator) -> tuple[int, tuple[Label, ...]]:
        """Return the number of a frame and the labels worth looking at in this view."""
        if view == "close_up":
            index = self._with_carriers[int(generator.integers(len(self._with_carriers)))]
            return index, self._carriers(index)
        if generator.random() < 0.1:  # also frames without parts, for false alarms
            index = int(generator.integers(len(self._frames)))
        else:
            index = self._with_parts[int(generator.integers(len(self._with_parts)))]
        return index, self._parts[index]

    def _wanted(self, labels: Sequence[Label]) -> tuple[Label, ...]:
        return tuple(one for one in labels if one.component in self._classes and not one.is_ignored)

    def _carriers(self, index: int) -> tuple[Label, ...]:
        return tuple(one for one in self._parts[index] if one.component in self._settings.carriers)


def validation_scenes(
    frames: Frames, classes: Sequence[str], settings: TrainingSettings, limit: int = 40
) -> list[Scene]:
    """Return what the detector is measured on after each round: always the same.

    Args:
        frames: Of masts that are not trained on.
        classes: Component ids in label order.
        settings: Sizes and carriers.
        limit: Greatest number of frames, taken evenly; each gives its reduced picture, and a
            close-up when it shows a carrier.
    """
    known = {name: index for index, name in enumerate(classes)}
    chosen = (
        sorted({int(one) for one in np.linspace(0, len(frames) - 1, limit)}) if len(frames) else []
    )
    scenes = []
    for index in chosen:
        labels, (height, width) = frames.labels(index), frames.size(index)
        long_side = min(settings.long_side_px, max(height, width))
        windows = [tiles.whole(height, width, long_side)]
        carriers = [one for one in labels if one.component in settings.carriers]
        if carriers := [one for one in carriers if one.component in known and not one.is_ignored]:
            point = carriers[0].box.centre
            windows.append(tiles.around(point, 1.0, settings.picture_px, (height, width)))
        for window in windows:
            pixels = tiles.cut(frames.pixels(index), window)
            scenes.append(Scene(pixels, tuple(tiles.truths(labels, window, known))))
    return scenes
