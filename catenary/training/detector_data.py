"""Batches for the detector, each drawn from the seed, the round and its own number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from catenary.datasets.labels import Label, Rejected, Rejection
from catenary.training import composed, targets, tiles
from catenary.training.augment import NightAugmentation
from catenary.training.frames import Frames
from catenary.training.sampling import chances
from catenary.training.settings import TrainingSettings
from catenary.training.tiles import Tile, Truth, View, Window

_DONOR_BALANCE = -0.5  # exponent, as `balance`: rare components are pasted most; starting value
_TRIES = 4  # parts that are tried until one fits where it is to be pasted
_BACKGROUND = 0.1  # share of tiles drawn anywhere, most of them empty: they teach what is no part


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A tile for measuring: pixels (height, width) uint8 and the parts it shows."""

    pixels: NDArray[np.uint8]
    parts: tuple[Truth, ...]


_Target = TypeVar("_Target", Label, Rejection)


class Targets(Generic[_Target]):
    """What to show, each with its frame; rare components more often than they occur."""

    def __init__(self, parts: Sequence[tuple[int, _Target]], balance: float) -> None:
        """Keep the parts; ``balance`` as in `catenary.training.sampling.chances`."""
        self._parts: Sequence[tuple[int, _Target]] = parts
        self._chances = chances([label.component for _, label in parts], balance)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._parts)

    def drawn(self, generator: np.random.Generator) -> tuple[int, _Target]:
        """Return the number of a frame and a part of it; there must be one."""
        return self._parts[int(generator.choice(len(self._parts), p=self._chances))]


class _Shares(NamedTuple):
    """Shares of the tiles that are made in another way than by showing a window."""

    negative: float
    mosaic: float
    paste: float


class _Look(NamedTuple):
    """A window of a frame, and what it was drawn for."""

    frame: int
    window: Window
    target: Label | Rejection | None


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
        self._augment = NightAugmentation(settings.augment, settings.wires, settings.lamps)
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
        self._donors = Targets([one for one in wanted if composed.is_donor(one[1])], _DONOR_BALANCE)
        self._rejected = Targets(self._refused(), settings.balance)
        # Where not all is labelled, a place drawn at random tells nothing.
        self._labelled = [index for index in range(len(frames)) if frames.is_complete(index)]
        self._shares = self._shares_of_round()

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

    def _refused(self) -> list[tuple[int, Rejection]]:
        return [
            (index, one)
            for index in range(len(self._frames))
            for one in self._frames.rejections(index)
            if one.component in self._classes and one.reason is Rejected.NO_PART
        ]

    def _shares_of_round(self) -> _Shares:
        settings = self._settings
        is_plain = self._epoch >= settings.epochs - round(settings.plain_rounds * settings.epochs)
        mosaic = 0.0 if is_plain else settings.mosaic
        paste = 0.0 if is_plain or not len(self._donors) else settings.paste
        return _Shares(settings.negative_share if len(self._rejected) else 0.0, mosaic, paste)

    def _tile(self, generator: np.random.Generator) -> tuple[NDArray[np.uint8], list[Truth]]:
        # Variants are kept of plain windows: a mosaic is of many frames.
        is_kept = self._frames.shared.variants and not any(self._shares)
        tile = self._variant(generator) if is_kept else self._changed(self._made, generator)
        pixels, parts = tile.pixels, list(tile.parts)
        return tiles.mirrored(pixels, parts) if generator.random() < 0.5 else (pixels, parts)

    def _variant(self, generator: np.random.Generator) -> Tile:
        view, index, target = self._chosen(generator)
        own, frame = self._settings, self._frames.name(index)
        made_of = (own.kind, own.seed, own.picture_px, own.long_side_px, own.augment)
        key = (*made_of, *self._classes, frame, view, target and target.box)

        def seen(chance: np.random.Generator) -> Tile:
            return self._seen(self._look(view, index, target, chance))

        return self._frames.shared.picture(
            key, generator, lambda chance: self._changed(seen, chance)
        )

    def _changed(
        self, make: Callable[[np.random.Generator], Tile], generator: np.random.Generator
    ) -> Tile:
        tile = make(generator)
        return replace(tile, pixels=self._augment(tile.pixels, generator))

    def _made(self, generator: np.random.Generator) -> Tile:
        """Make a tile in a way drawn at random."""
        negative, mosaic, paste = self._shares
        if negative and generator.random() < negative:
            index, rejection = self._rejected.drawn(generator)
            return self._seen(self._look(self._view(generator), index, rejection, generator))
        way = generator.random() if mosaic + paste else 1.0
        if way < mosaic:
            return self._mosaic(generator)
        look = self._drawn(generator)
        tile = self._seen(look)
        return self._pasted(tile, look, generator) if way < mosaic + paste else tile

    def _view(self, generator: np.random.Generator) -> View:
        return "close_up" if generator.random() < self._settings.close_up_share else "window"

    def _drawn(self, generator: np.random.Generator) -> _Look:
        """Draw a window around a part, or anywhere."""
        view, index, target = self._chosen(generator)
        return self._look(view, index, target, generator)

    def _chosen(self, generator: np.random.Generator) -> tuple[View, int, Label | None]:
        """Draw how a window shows which part of which frame, or a place anywhere in it."""
        view = self._view(generator)
        target: Label | None
        if self._labelled and generator.random() < _BACKGROUND:
            index, target = self._labelled[int(generator.integers(len(self._labelled)))], None
        else:
            targets_ = self._close_ups if view == "close_up" else self._windows
            index, target = targets_.drawn(generator)
        return view, index, target

    def _look(
        self,
        view: View,
        index: int,
        target: Label | Rejection | None,
        generator: np.random.Generator,
    ) -> _Look:
        limits = self._settings.long_side_px, self._settings.picture_px
        window = tiles.drawn(view, target, self._frames.size(index), limits, generator)
        return _Look(index, window, target)

    def _seen(self, look: _Look) -> Tile:
        """Return what a window shows and what is known of it."""
        index, window = look.frame, look.window
        known = [] if self._frames.is_complete(index) else tiles.unknown(window, self._classes)
        known += tiles.truths(self._frames.labels(index), window, self._classes)
        known += tiles.absences(self._frames.rejections(index), window, self._classes)
        return Tile(tiles.cut(self._frames.pixels(index), window), tuple(known))

    def _mosaic(self, generator: np.random.Generator) -> Tile:
        side = self._settings.picture_px
        places = composed.quarters(side, generator)
        pieces = []
        for place in places:
            look = self._drawn(generator)
            shape = place.height, place.width
            window = tiles.inside(look.window, look.target, shape, generator)
            pieces.append(self._seen(look._replace(window=window)))
        return composed.mosaic(side, places, pieces)

    def _pasted(self, tile: Tile, look: _Look, generator: np.random.Generator) -> Tile:
        """Paste a part of any frame, where one of a few drawn at random fits."""
        side, frame = self._settings.picture_px, self._frames.size(look.frame)
        for _ in range(_TRIES):
            donor, label = self._donors.drawn(generator)
            factor = composed.factor_of(self._frames.size(donor), look.window, frame, generator)
            if not composed.fits(label, factor, side):
                continue
            part = composed.cutout(self._frames.pixels(donor), label, factor)
            part = composed.mirrored(part) if generator.random() < 0.5 else part
            corner = composed.corner(part, composed.visible(look.window, frame), generator)
            if corner is not None:
                return composed.pasted(tile, part, corner, self._classes[label.component])
        return tile


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
