"""Find the components of a frame: the whole picture reduced, then windows at full size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.imaging import resize, tiles
from catenary.models import on_device
from catenary.models.detections import Detections, Detector, Proposed, Refiner
from catenary.models.on_device import OnDevice, Picture
from catenary.pipeline.merge import merged

_UNSURE = np.float32(0.5)  # quality of a box that is not looked at again
_USUAL_FLOOR = 0.3  # detector score, of components that calibration says nothing of


class Coverage(StrEnum):
    """Which part of a frame is looked at in full resolution."""

    CASCADE = "cascade"  # windows around the fittings that carry small parts
    DENSE = "dense"  # every pixel


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """How a frame is searched; all numbers are our starting values.

    Attributes:
        coverage: Which part is searched in full resolution.
        coarse_side_px: Longer side of the reduced picture; wires of 3 px in 5 MP stay visible.
        overview_side_px: Longer side of a second, smaller picture, for parts too large for the
            detector in the first; training tiles hold all of a frame at about this size.
        largest_px: Longest side, in the reduced picture, of a part that is believed there.
        smallest_px: The same lower bound in the overview; parts of a size between are looked
            for in both.
        window_px: Side of a full-resolution window in cascade coverage: so many find as many small
            parts as 512 did, in half the pixels.
        tile_px: The same in dense coverage, where small ones share too much with their neighbours.
        overlap_px: Shared by neighbouring windows in dense coverage.
        max_windows: Bound on windows a frame in cascade coverage, best carriers first.
        carriers: Component ids that carry small parts.
        small: Component ids that are searched in full resolution.
        carrier_score: Detector score in [0, 1] from which a carrier is looked at closely.
        min_score: Detector score in [0, 1] from which a component is kept; None takes the model
            bundle's own floors.
        looks: How often the refiner looks at a box, each time around what it found before.
        max_refined: Bound on boxes a frame that are looked at again, best first; the others keep
            their box and count as such of which the refiner is unsure.
        max_iou: Overlap of two boxes of one class above which the weaker is dropped.
        max_cover: The same for the shared part of the smaller box.
        wires: Look for messenger and contact wires beside droppers, and judge them in stretches;
            how many false alarms that costs has not been measured.
        stretch_px: Length of such a stretch.
        tubes: Look for the tubes of cantilevers at fittings, and judge whether they are bent.
        bolts: Look for empty holes and turned marking lines where bolts are located; every bolt
            without a line that can be followed is then reported as not judged, since a bolt in its
            hole says nothing of its nut.
        foreign: Look for nests and films among the located parts.
        unproven: Also run the rules that found little or raised too much on simulated scenes:
            droppers gone from their clamps and strands of droppers, legs of pins that are not
            opened and, with ``bolts``, missing and loose nuts. No bundle is calibrated with them.
    """

    coverage: Coverage = Coverage.CASCADE
    coarse_side_px: int = 1280
    overview_side_px: int = 512
    largest_px: float = 384.0
    smallest_px: float = 96.0
    window_px: int = 384
    tile_px: int = 512
    overlap_px: int = 96
    max_windows: int = 20
    carriers: tuple[str, ...] = ("split_pin", "clevis", "messenger_seat", "steady_arm", "clamp")
    small: tuple[str, ...] = ("split_pin", "bolt")
    carrier_score: float = 0.15
    min_score: float | None = None
    looks: int = 2
    max_refined: int = 64
    max_iou: float = 0.5
    max_cover: float = 0.8
    wires: bool = False
    stretch_px: float = 320.0
    tubes: bool = False
    bolts: bool = False
    foreign: bool = False
    unproven: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that cannot work together."""
        if not 0 <= self.overlap_px < self.tile_px:
            raise ValueError(
                f"overlap_px must be in [0, tile_px), got {self.overlap_px} of {self.tile_px}"
            )
        if self.window_px < 64:
            raise ValueError(f"window_px must be at least 64, got {self.window_px}")
        if self.coarse_side_px < 256 or min(self.max_windows, self.max_refined) < 0:
            raise ValueError(
                "coarse_side_px must be at least 256, max_windows and max_refined at least 0"
            )
        if not self.stretch_px >= 32:
            raise ValueError(f"stretch_px must be at least 32, got {self.stretch_px}")
        if self.looks < 1:
            raise ValueError(f"looks must be at least 1, got {self.looks}")

    @property
    def side_px(self) -> int:
        """Side of the windows that are searched in full resolution."""
        return self.tile_px if self.coverage is Coverage.DENSE else self.window_px


def locate(
    pixels: NDArray[np.uint8],
    detector: Detector,
    settings: CascadeSettings,
    floors: Mapping[str, float] = MappingProxyType({}),
    refiner: Refiner | None = None,
) -> tuple[Component, ...]:
    """Find the components of one frame.

    Args:
        pixels: (height, width) uint8.
        detector: Any detector; its classes are component ids.
        settings: How to search.
        floors: Component id to the score from which a component is kept where the settings name
            none; 0.3 where absent.
        refiner: Looks at the boxes of the kinds that it knows a second time.

    Returns:
        Components in full-frame pixels, best score first.
    """
    return locate_all([pixels], detector, settings, floors, refiner)[0]


def locate_all(
    pictures: Sequence[Picture],
    detector: Detector,
    settings: CascadeSettings,
    floors: Mapping[str, float] = MappingProxyType({}),
    refiner: Refiner | None = None,
) -> list[tuple[Component, ...]]:
    """Find the components of several frames, which share the batches of the networks.

    Args:
        pictures: Frames (height, width), all on the device of the networks or none.
        detector: See `locate`.
        settings: See `locate`.
        floors: See `locate`.
        refiner: See `locate`.

    Returns:
        What `locate` returns, of each.
    """
    classes = detector.classes
    coarse = _coarse(pictures, detector, settings)
    windows = [
        _windows(picture.shape, seen, classes, settings)
        if max(picture.shape) > settings.coarse_side_px
        else []
        for picture, seen in zip(pictures, coarse, strict=True)
    ]
    close = _close_up(pictures, windows, detector, settings)
    rows = []
    for seen, own, found in zip(coarse, windows, close, strict=True):
        distant = seen.where(~_seen_closely(seen, own, classes, settings))
        joined = Detections.joined([distant, *found])
        rows.append(merged(joined, settings.max_iou, settings.max_cover))
    if refiner is not None:
        rows = _refined(pictures, rows, classes, refiner, settings)
    least = np.array(
        [
            floors.get(name, _USUAL_FLOOR) if settings.min_score is None else settings.min_score
            for name in classes
        ]
    )
    return [
        _components(own.where(own.scores >= least[own.labels]), classes, picture.shape)
        for own, picture in zip(rows, pictures, strict=True)
    ]


def _coarse(
    pictures: Sequence[Picture], detector: Detector, settings: CascadeSettings
) -> list[Detections]:
    """Return what two reduced pictures show, each asked for parts of the sizes it shows well.

    Source: Singh and Davis, "An Analysis of Scale Invariance in Object Detection - SNIP",
    CVPR 2018: a detector is believed only at the sizes that it was trained on.
    """
    first = [_reduced(one, settings.coarse_side_px) for one in pictures]
    second = [_reduced(one, settings.overview_side_px) for one, _ in first]
    seen = detector([one for one, _ in first])
    overview = iter(detector([one for one, factor in second if factor < 1]))
    found = []
    for rows, (_, factor), (_, further) in zip(seen, first, second, strict=True):
        if further == 1:
            found.append(_scaled(rows, 1 / factor))
            continue
        large = next(overview)
        rows = rows.where(_longer_side(rows) <= settings.largest_px)
        large = large.where(_longer_side(large) >= settings.smallest_px)
        scaled = [_scaled(rows, 1 / factor), _scaled(large, 1 / (factor * further))]
        both = Detections.joined(scaled)
        found.append(both.where(np.argsort(-both.scores, kind="stable")))
    return found


def _reduced(picture: Picture, max_side_px: int) -> tuple[Picture, float]:
    """Return a picture made smaller where it is, and its factor; see `resize.reduced`."""
    if isinstance(picture, OnDevice):
        return on_device.reduced(picture, max_side_px)
    small = resize.reduced(picture, max_side_px)
    return small.pixels, small.factor


def _longer_side(rows: Detections) -> NDArray[np.float32]:
    sides: NDArray[np.float32] = (rows.boxes[:, 2:] - rows.boxes[:, :2]).max(axis=1, initial=0)
    return sides


def _scaled(detections: Detections, factor: float) -> Detections:
    boxes = (detections.boxes * factor).astype(np.float32)
    return Detections(boxes, detections.scores, detections.labels)


def _windows(
    shape: tuple[int, ...], coarse: Detections, classes: tuple[str, ...], settings: CascadeSettings
) -> list[tuple[int, int]]:
    """Return the top-left corners (x, y) of the windows to search in full resolution."""
    height, width = shape
    side = settings.side_px
    if settings.coverage is Coverage.DENSE:
        ys = tiles.starts(height, side, settings.overlap_px)
        return [(x, y) for y in ys for x in tiles.starts(width, side, settings.overlap_px)]
    corners: list[tuple[int, int]] = []
    for box, score, label in zip(coarse.boxes, coarse.scores, coarse.labels, strict=True):
        if classes[label] not in settings.carriers or score < settings.carrier_score:
            continue
        x, y = (box[:2] + box[2:]) / 2
        if len(corners) == settings.max_windows:
            break
        if not any(_well_inside(x - left, y - top, side) for left, top in corners):
            corner = (_placed(x, side, width), _placed(y, side, height))
            corners.append(corner)
    return corners


def _seen_closely(
    coarse: Detections,
    windows: list[tuple[int, int]],
    classes: tuple[str, ...],
    settings: CascadeSettings,
) -> NDArray[np.bool_]:
    """Tell which coarse rows are small parts that a window shows better: the window decides."""
    centres = (coarse.boxes[:, :2] + coarse.boxes[:, 2:]) / 2
    return np.array(
        [
            classes[label] in settings.small
            and any(_well_inside(x - left, y - top, settings.side_px) for left, top in windows)
            for (x, y), label in zip(centres, coarse.labels, strict=True)
        ],
        dtype=np.bool_,
    )


def _well_inside(x: float, y: float, side: int) -> bool:
    edge = side / 6  # a part nearer to the window's edge is better seen from its own window
    return edge <= x < side - edge and edge <= y < side - edge


def _placed(centre: float, side: int, length: int) -> int:
    return int(min(max(centre - side / 2, 0), max(length - side, 0)))


def _close_up(
    pictures: Sequence[Picture],
    windows: Sequence[list[tuple[int, int]]],
    detector: Detector,
    settings: CascadeSettings,
) -> list[list[Detections]]:
    """Search each picture's windows in full resolution; only small parts are kept."""
    places = [
        (picture, corner) for picture, own in zip(pictures, windows, strict=True) for corner in own
    ]
    if not places:
        return [[] for _ in pictures]
    side = settings.side_px
    small = np.array([name in settings.small for name in detector.classes])
    results = iter(detector([_window(picture, *corner, side) for picture, corner in places]))
    found: list[list[Detections]] = []
    for own in windows:
        found.append([])
        for x, y in own:
            rows = next(results)
            kept = rows.where(small[rows.labels])
            offset = np.array([x, y, x, y], np.float32)
            found[-1].append(Detections(kept.boxes + offset, kept.scores, kept.labels))
    return found


def _window(picture: Picture, x: int, y: int, side: int) -> Picture:
    if isinstance(picture, OnDevice):
        return picture.window(x, y, side)
    return picture[y : y + side, x : x + side]


def _refined(
    pictures: Sequence[Picture],
    found: Sequence[Detections],
    classes: tuple[str, ...],
    refiner: Refiner,
    settings: CascadeSettings,
) -> list[Detections]:
    """Return rows with the boxes of a closer look, scored by detector and refiner together.

    The score is the geometric mean of the detector's and the refiner's, so that neither decides
    alone; a box that nobody looks at again counts as one of which the refiner is unsure.
    """
    seconds = [
        _Second.of(picture, rows, classes, refiner, settings)
        for picture, rows in zip(pictures, found, strict=True)
    ]
    some = [one for one in seconds if len(one.chosen)]
    for _ in range(settings.looks):
        for one, told in zip(some, refiner.together([own.asked() for own in some]), strict=True):
            one.boxes[one.chosen], one.quality = told
    looked = [one.told(rows) for one, rows in zip(seconds, found, strict=True)]
    return [merged(rows, settings.max_iou, settings.max_cover) for rows in looked]


@dataclass(slots=True, eq=False)
class _Second:
    """The second looks at the rows of one picture.

    Attributes:
        picture: The frame.
        boxes: (N, 4) of all rows, as known by now.
        scores: (N,) of rows that nobody looks at again.
        chosen: Rows that are looked at.
        kinds: Of those.
        quality: Of those, from the last look.
    """

    picture: Picture
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    chosen: NDArray[np.int64]
    kinds: list[str]
    quality: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        picture: Picture,
        rows: Detections,
        classes: tuple[str, ...],
        refiner: Refiner,
        settings: CascadeSettings,
    ) -> "_Second":
        kinds = [classes[label] for label in rows.labels]
        known = np.flatnonzero([kind in refiner.classes for kind in kinds])
        chosen = known[np.argsort(-rows.scores[known], kind="stable")][: settings.max_refined]
        scores = rows.scores.copy()
        scores[known] *= _UNSURE
        own = [kinds[index] for index in chosen]
        return cls(picture, rows.boxes.copy(), scores, chosen, own, np.zeros(0, np.float32))

    def asked(self) -> Proposed:
        return Proposed(self.picture, self.boxes[self.chosen], self.kinds)

    def told(self, rows: Detections) -> Detections:
        """Return the rows with what the looks said."""
        if len(self.chosen):
            self.scores[self.chosen] = np.sqrt(rows.scores[self.chosen] * self.quality)
        return Detections(self.boxes, self.scores, rows.labels)


def _components(
    rows: Detections, classes: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[Component, ...]:
    height, width = shape
    components = []
    for corners, score, label in zip(rows.boxes, rows.scores, rows.labels, strict=True):
        x0, y0, x1, y1 = map(float, corners)
        if x0 < x1 and y0 < y1 and (box := Box(x0, y0, x1, y1).clipped(width, height)):
            components.append(Component(classes[label], box, float(score)))
    return tuple(components)
