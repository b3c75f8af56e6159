"""Batches for the detector, each drawn from the seed, the round and its own number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from catenary.datasets.labels import Label
from catenary.training import targets, tiles
from catenary.training.augment import NightAugmentation
from catenary.training.frames import Frames
from catenary.training.sampling import chances
from catenary.training.settings import TrainingSettings
from catenary.training.tiles import Truth, View

_BACKGROUND = 0.1  # share of tiles drawn anywhere, most of them empty: they teach what is no part


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A tile for measuring: pixels (height, width) uint8 and the parts it shows."""

    pixels: NDArray[np.uint8]
    parts: tuple[Truth, ...]


class Targets:
    """Parts to show, each with its frame; rare components more often than they occur."""

    def __init__(self, parts: Sequence[tuple[int, Label]], balance: float) -> None:
        """Keep at least one part; ``balance`` as in `catenary.training.sampling.chances`."""
        self._parts = parts
        self._chances = chances([label.component for _, label in parts], balance)

    def drawn(self, generator: np.random.Generator) -> tuple[int, Label]:
        """Return the number of a frame and a part of it."""
        return self._parts[int(generator.choice(len(self._parts), p=self._chances))]


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
        wanted = [
            (index, one)
            for index in range(len(frames))
            for one in frames.labels(index)
            if one.component in self._classes and not one.is_ignored
        ]
        if not wanted:
            raise ValueError(f"no frame shows any of {', '.join(classes)}")
        carriers = [target for target in wanted if target[1].component in settings.carriers]
        self._windows = Targets(wanted, settings.balance)
        self._close_ups = Targets(carriers or wanted, settings.balance)

    def __len__(self) -> int:
        """Return the number of batches of the round."""
        return self._settings.steps_per_epoch

    def __getitem__(self, number: int) -> targets.Batch:
        """Return batch ``number``; see `targets.Batch`."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        generator = np.random.default_rng([self._settings.seed, self._epoch, number])
        drawn = [self._tile(generator) for _ in range(self._settings.batch)]
        pictures, parts = zip(*drawn, strict=True)
        return targets.batched(pictures, parts, len(self._classes))

    def _tile(self, generator: np.random.Generator) -> tuple[NDArray[np.uint8], list[Truth]]:
        settings = self._settings
        view: View = "close_up" if generator.random() < settings.close_up_share else "window"
        target: Label | None
        if generator.random() < _BACKGROUND:
            index, target = int(generator.integers(len(self._frames))), None
        else:
            index, target = (self._close_ups if view == "close_up" else self._windows).drawn(
                generator
            )
        limits = settings.long_side_px, settings.picture_px
        window = tiles.drawn(view, target, self._frames.size(index), limits, generator)
        pixels = self._augment(tiles.cut(self._frames.pixels(index), window), generator)
        parts = tiles.truths(self._frames.labels(index), window, self._classes)
        return tiles.mirrored(pixels, parts) if generator.random() < 0.5 else (pixels, parts)


def validation_scenes(
    frames: Frames, classes: Sequence[str], settings: TrainingSettings, limit: int = 40
) -> list[Scene]:
    """Return what the detector is measured on after each round: always the same.

    Args:
        frames: Of masts that are not trained on.
        classes: Component ids in label order.
        settings: Sizes and carriers.
        limit: Greatest number of frames, taken evenly. Each gives its reduced picture; one
            shrunk until it fits a tile, where alone large parts count; and a close-up when it
            shows a carrier.
    """
    known = {name: index for index, name in enumerate(classes)}
    chosen = (
        sorted({int(one) for one in np.linspace(0, len(frames) - 1, limit)}) if len(frames) else []
    )
    scenes = []
    for index in chosen:
        labels, (height, width) = frames.labels(index), frames.size(index)
        long_side = min(settings.long_side_px, max(height, width))
        windows = [
            tiles.whole(height, width, long_side),
            tiles.whole(height, width, min(long_side, settings.picture_px)),
        ]
        carriers = [one for one in labels if one.component in settings.carriers]
        if carriers := [one for one in carriers if one.component in known and not one.is_ignored]:
            point = carriers[0].box.centre
            windows.append(tiles.around(point, 1.0, settings.picture_px, (height, width)))
        for window in windows:
            pixels = tiles.cut(frames.pixels(index), window)
            parts = tiles.truths(labels, window, known)
            scenes.append(Scene(pixels, tuple(_ignored_when_large(parts, settings.picture_px))))
    return scenes


def _ignored_when_large(parts: Sequence[Truth], side: int) -> list[Truth]:
    """Return the parts; those longer than a tile, which training never shows, do not count."""
    return [
        replace(part, is_ignored=part.is_ignored or max(part.box.width, part.box.height) > side)
        for part in parts
    ]
