"""Tiles put together: four in one, and parts of one photograph laid into another.

Sources: mosaic after Bochkovskiy et al., "YOLOv4", 2020, arXiv:2004.10934; pasted parts after
Ghiasi et al., "Simple Copy-Paste", CVPR 2021, arXiv:2012.07177.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box
from catenary.models.inputs import MEAN
from catenary.training.tiles import Tile, Truth, Window

_CROSSING = 0.3, 0.7  # of the side: where the four tiles of a mosaic meet; our starting value
_GONE, _POOR = 0.9, 0.4  # hidden share from which a part is left out, and from which it is ignored
_SIZES = 12.0, 0.7  # longer side of a pasted part: least in px, greatest as a share of the tile
_LARGEST_FACTOR = 1.6  # of a pasted part: enlarged more it would be blurred; as close-ups
_STRETCH = 1.25  # factor by which a pasted part may be smaller or larger than it would stand there
_FEATHER, _LEAST_FEATHER_PX = 0.1, 2.0  # edge over which a box fades: share of its shorter side
_SOFT_PX = 0.7  # standard deviation that an outline is softened by: a lens cuts no pixels


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of whole tile pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A part cut out of a photograph, at the size it is pasted with.

    Attributes:
        pixels: (h, w) uint8, with some of what surrounds it.
        alpha: (h, w) float32 in [0, 1], how far each pixel belongs to the part.
        box: Of the part in these pixels.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    box: Box


def quarters(side: int, generator: np.random.Generator) -> tuple[Place, ...]:
    """Draw where four tiles meet; return their places, which fill a tile of ``side`` px."""
    x, y = (round(side * share) for share in generator.uniform(*_CROSSING, 2))
    return (
        Place(0, 0, x, y),
        Place(x, 0, side - x, y),
        Place(0, y, x, side - y),
        Place(x, y, side - x, side - y),
    )


def mosaic(side: int, places: Sequence[Place], pieces: Sequence[Tile]) -> Tile:
    """Return the tile of ``side`` px that pieces of the size of their places make."""
    pixels = np.full((side, side), MEAN, np.uint8)
    parts: list[Truth] = []
    for place, piece in zip(places, pieces, strict=True):
        pixels[place.y : place.y + place.height, place.x : place.x + place.width] = piece.pixels
        parts += [replace(one, box=one.box.shifted(place.x, place.y)) for one in piece.parts]
    return Tile(pixels, tuple(parts))


def is_donor(label: Label) -> bool:
    """Tell whether a part can be cut out: it is there, clear, and for the most part in sight.

    Only of a normal part, or of one with a mask, is it known that there is something to cut out:
    the label of a missing one stands where it was.
    """
    is_there = label.mask is not None or label.condition == NORMAL
    is_clear = label.is_evident and label.visibility >= 0.7 and label.occlusion <= 0.5
    return is_there and is_clear and not label.is_ignored


def factor_of(
    donor: tuple[int, int], window: Window, frame: tuple[int, int], generator: np.random.Generator
) -> float:
    """Draw the scale at which a part of one frame could stand in a window of another.

    Args:
        donor: (height, width) of the frame that the part is from.
        window: Of the other frame.
        frame: (height, width) of the other frame; cameras see the same width of the line, so a
            part is larger, in pixels, in a larger frame.
        generator: Source of chance.
    """
    stretch = np.log(_STRETCH)
    alike = window.factor * max(frame) / max(donor)
    return float(alike * np.exp(generator.uniform(-stretch, stretch)))


def fits(label: Label, factor: float, side: int) -> bool:
    """Tell whether a part is neither too small nor too large nor too blurred in a tile."""
    longer = max(label.box.width, label.box.height) * factor
    return _SIZES[0] <= longer <= _SIZES[1] * side and factor <= _LARGEST_FACTOR


def cutout(frame: NDArray[np.uint8], label: Label, factor: float) -> Cutout:
    """Cut a part out of a frame (height, width) and resize it.

    Args:
        frame: Pixels.
        label: The part; cut along its mask where it has one, else around its box, which fades out.
        factor: Tile pixels to a frame pixel.
    """
    box = label.box
    feather = max(_LEAST_FEATHER_PX, _FEATHER * min(box.width, box.height))
    outer = box.grown(feather)
    x0, y0 = max(0, int(outer.x0)), max(0, int(outer.y0))
    seen = frame[y0 : int(np.ceil(outer.y1)), x0 : int(np.ceil(outer.x1))]
    height, width = seen.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(seen, size, interpolation=method)
    belongs = _belongs(label, (x0, y0), (height, width), feather)
    alpha = cv2.resize(belongs, size, interpolation=method)
    if label.mask is not None:
        alpha = cv2.GaussianBlur(alpha, (0, 0), _SOFT_PX)
    wide, high = size[0] / width, size[1] / height
    own = Box(
        (box.x0 - x0) * wide, (box.y0 - y0) * high, (box.x1 - x0) * wide, (box.y1 - y0) * high
    )
    return Cutout(pixels.astype(np.uint8), alpha.astype(np.float32), own)


def _belongs(
    label: Label, origin: tuple[int, int], shape: tuple[int, int], feather: float
) -> NDArray[np.float32]:
    """Return how far each pixel of a crop (height, width) at ``origin`` (x, y) is of the part."""
    (x0, y0), (height, width), box = origin, shape, label.box
    if label.mask is not None:
        return label.mask.pixels()[y0 : y0 + height, x0 : x0 + width].astype(np.float32)
    rows = _ramp(np.arange(height) + y0 + 0.5, box.y0, box.y1, feather)
    columns = _ramp(np.arange(width) + x0 + 0.5, box.x0, box.x1, feather)
    return np.outer(rows, columns).astype(np.float32)


def mirrored(part: Cutout) -> Cutout:
    """Return a part flipped left to right."""
    width = part.pixels.shape[1]
    box = Box(width - part.box.x1, part.box.y0, width - part.box.x0, part.box.y1)
    return Cutout(part.pixels[:, ::-1], part.alpha[:, ::-1], box)


def visible(window: Window, frame: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of what a tile shows of a frame of that size; the rest is bare."""
    height = min(window.height, int((frame[0] - window.y0) * window.factor))
    return height, min(window.width, int((frame[1] - window.x0) * window.factor))


def corner(
    part: Cutout, space: tuple[int, int], generator: np.random.Generator
) -> tuple[int, int] | None:
    """Draw where to paste a part.

    Args:
        part: What is pasted.
        space: Rows and columns from the tile's top left that its box has to lie in.
        generator: Source of chance.

    Returns:
        (x, y) of the part's top left pixel; None where it does not fit.
    """
    low = int(np.ceil(-part.box.x0)), int(np.ceil(-part.box.y0))
    high = int(np.floor(space[1] - part.box.x1)), int(np.floor(space[0] - part.box.y1))
    if low[0] > high[0] or low[1] > high[1]:
        return None
    x, y = generator.integers(low, high, endpoint=True)
    return int(x), int(y)


def pasted(tile: Tile, part: Cutout, corner: tuple[int, int], label: int) -> Tile:
    """Return a tile with a part laid over it.

    What the part hides for the most part is no truth any more; what it hides a good deal of is
    ignored.

    Args:
        tile: Left as it is.
        part: What is pasted.
        corner: (x, y) of its top left pixel; all of its box lies inside of the tile.
        label: Its class.
    """
    cover = np.zeros(tile.pixels.shape, np.float32)
    laid = np.zeros(tile.pixels.shape, np.float32)
    x, y = corner
    top, left = max(0, -y), max(0, -x)
    place = np.s_[max(0, y) : y + part.pixels.shape[0], max(0, x) : x + part.pixels.shape[1]]
    own = np.s_[top : top + cover[place].shape[0], left : left + cover[place].shape[1]]
    cover[place], laid[place] = part.alpha[own], part.pixels[own]
    mixed = tile.pixels * (1 - cover) + laid * cover
    parts = [seen for one in tile.parts if (seen := _behind(one, cover)) is not None]
    parts.append(Truth(part.box.shifted(x, y), label, is_ignored=False))
    return Tile(np.rint(mixed).astype(np.uint8), tuple(parts))


def _behind(part: Truth, cover: NDArray[np.float32]) -> Truth | None:
    """Return what is true of a part behind ``cover``; None when nothing of it is to be seen."""
    if part.is_absent:
        return part
    box = part.box
    seen = cover[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))]
    hidden = float(seen.mean())
    if hidden >= _GONE:
        return None
    return replace(part, is_ignored=part.is_ignored or hidden >= _POOR)


def _ramp(
    middles: NDArray[np.floating[Any]], low: float, high: float, feather: float
) -> NDArray[np.floating[Any]]:
    """Return 1 from ``low`` to ``high``, falling to 0 at ``feather`` beyond."""
    inner = np.minimum(middles - (low - feather), (high + feather) - middles)
    return np.asarray(np.clip(inner / feather, 0.0, 1.0))
