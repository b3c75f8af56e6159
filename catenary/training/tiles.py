"""Which part of a frame the detector is shown in training, and what is true of that part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label, Rejected, Rejection
from catenary.domain.geometry import Box
from catenary.models.inputs import MEAN

View = Literal["window", "close_up"]
_WINDOW_SIZES = 0.3, 1.4  # of the reduced picture: from all of a frame in one tile to small parts
_CLOSE_UP_SIZES = 0.7, 1.6  # of the frame itself
_LEAST_SHARE = 0.5  # of a labelled box inside the window; less is neither hit nor false alarm
_LEAST_SIDE_PX = 7.0  # longer side in the tile; smaller parts cannot be told from noise


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a frame, shown at another size.

    Attributes:
        x0: Frame column of the left edge; may be negative.
        y0: Frame row of the top edge; may be negative.
        factor: Tile pixels to a frame pixel, greater than 0.
        height: Of the tile in tile pixels.
        width: Of the tile in tile pixels.
    """

    x0: float
    y0: float
    factor: float
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Truth:
    """One part in a tile.

    Attributes:
        box: Tile pixels, clipped to the tile.
        label: Index into the classes.
        is_ignored: True where neither a hit nor a miss is counted.
        is_absent: True where there surely is no such part: background, also on an ignored one.
    """

    box: Box
    label: int
    is_ignored: bool
    is_absent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """What the detector is shown: pixels (height, width) uint8 and what is true of them."""

    pixels: NDArray[np.uint8]
    parts: tuple[Truth, ...]


def whole(height: int, width: int, long_side_px: float) -> Window:
    """Return the window that shows all of a frame reduced to ``long_side_px``."""
    factor = long_side_px / max(height, width)
    return Window(0.0, 0.0, factor, max(1, round(height * factor)), max(1, round(width * factor)))


def around(point: tuple[float, float], factor: float, side: int, size: tuple[int, int]) -> Window:
    """Return a square window with ``point`` near its middle, kept inside the frame.

    Args:
        point: (x, y) in frame pixels.
        factor: Tile pixels to a frame pixel.
        side: Of the tile in tile pixels.
        size: (height, width) of the frame; a smaller frame lies at the window's top left.
    """
    seen = side / factor  # frame pixels
    height, width = size
    x0 = min(max(point[0] - seen / 2, 0.0), max(width - seen, 0.0))
    y0 = min(max(point[1] - seen / 2, 0.0), max(height - seen, 0.0))
    return Window(x0, y0, factor, side, side)


def drawn(
    view: View,
    target: Label | Rejection | None,
    size: tuple[int, int],
    limits: tuple[int, int],
    generator: np.random.Generator,
) -> Window:
    """Draw a window at random.

    Args:
        view: ``"window"``: a tile of the reduced frame, which is never enlarged as a whole;
            ``"close_up"``: a tile at about full resolution.
        target: What the window shows; None draws a place anywhere.
        size: (height, width) of the frame.
        limits: Longer side of the reduced picture and side of a tile, px.
        generator: Source of chance.
    """
    height, width = size
    long_side, side = limits
    least, most = _CLOSE_UP_SIZES if view == "close_up" else _WINDOW_SIZES
    factor = float(np.exp(generator.uniform(np.log(least), np.log(most))))
    if view == "window":
        factor *= min(1.0, long_side / max(size))  # a scan does not enlarge small frames either
    if target is None:
        point = (generator.uniform(0, width), generator.uniform(0, height))
    else:
        shift = side / factor * 0.35  # the part stays in the tile, but anywhere in it
        x, y = target.box.centre
        point = (x + generator.uniform(-shift, shift), y + generator.uniform(-shift, shift))
    return around(point, factor, side, size)


def inside(
    window: Window,
    target: Label | Rejection | None,
    shape: tuple[int, int],
    generator: np.random.Generator,
) -> Window:
    """Draw a smaller window inside of one, at the same scale.

    Args:
        window: The larger one.
        target: What it still shows, whole where it fits; None draws a place anywhere.
        shape: (height, width) in tile pixels, at most those of ``window``.
        generator: Source of chance.
    """
    height, width = shape
    if target is None:
        left = generator.uniform(0, window.width - width)
        top = generator.uniform(0, window.height - height)
    else:
        box = target.box.shifted(-window.x0, -window.y0).scaled(window.factor)
        (x, y), room = box.centre, (max(width - box.width, 0), max(height - box.height, 0))
        left = x - width / 2 + room[0] * generator.uniform(-0.5, 0.5)
        top = y - height / 2 + room[1] * generator.uniform(-0.5, 0.5)
    left = min(max(left, 0.0), window.width - width)
    top = min(max(top, 0.0), window.height - height)
    x0, y0 = window.x0 + left / window.factor, window.y0 + top / window.factor
    return Window(x0, y0, window.factor, height, width)


def cut(pixels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """Return the (height, width) uint8 tile of a window; outside the frame it is padding."""
    frame_height, frame_width = pixels.shape
    x0, y0 = round(window.x0), round(window.y0)
    x1 = min(frame_width, x0 + round(window.width / window.factor))
    y1 = min(frame_height, y0 + round(window.height / window.factor))
    seen = pixels[y0:y1, x0:x1]
    if not seen.size:
        return np.full((window.height, window.width), MEAN, np.uint8)
    height = min(window.height, max(1, round(seen.shape[0] * window.factor)))
    width = min(window.width, max(1, round(seen.shape[1] * window.factor)))
    method = cv2.INTER_AREA if window.factor < 1 else cv2.INTER_LINEAR
    tile = np.full((window.height, window.width), MEAN, np.uint8)
    tile[:height, :width] = cv2.resize(seen, (width, height), interpolation=method)
    return tile


def truths(labels: Sequence[Label], window: Window, classes: Mapping[str, int]) -> list[Truth]:
    """Return the parts that a tile shows.

    Args:
        labels: Of the frame; those of other components are left out.
        window: The tile.
        classes: Component id to label index.
    """
    found = []
    for label in labels:
        if label.component not in classes:
            continue
        moved = label.box.shifted(-window.x0, -window.y0).scaled(window.factor)
        seen = moved.clipped(window.width, window.height)
        if seen is None:
            continue
        is_poor = seen.area < _LEAST_SHARE * moved.area
        is_tiny = max(seen.width, seen.height) < _LEAST_SIDE_PX
        ignored = label.is_ignored or is_poor or is_tiny
        found.append(Truth(seen, classes[label.component], ignored))
    return found


def absences(
    rejections: Sequence[Rejection], window: Window, classes: Mapping[str, int]
) -> list[Truth]:
    """Return where a tile surely shows no part of a class; see `truths`."""
    found = []
    for one in rejections:
        if one.reason is Rejected.NO_PART and one.component in classes:
            moved = one.box.shifted(-window.x0, -window.y0).scaled(window.factor)
            if seen := moved.clipped(window.width, window.height):
                found.append(Truth(seen, classes[one.component], False, is_absent=True))
    return found


def unknown(window: Window, classes: Mapping[str, int]) -> list[Truth]:
    """Return truths that leave all of a tile open: of frames that are labelled in part only."""
    tile = Box(0, 0, window.width, window.height)
    return [Truth(tile, label, is_ignored=True) for label in classes.values()]


def mirrored(
    tile: NDArray[np.uint8], parts: Sequence[Truth]
) -> tuple[NDArray[np.uint8], list[Truth]]:
    """Return a tile and its parts flipped left to right: gravity stays where it is."""
    width = tile.shape[1]
    flipped = [
        replace(part, box=Box(width - part.box.x1, part.box.y0, width - part.box.x0, part.box.y1))
        for part in parts
    ]
    return np.ascontiguousarray(tile[:, ::-1]), flipped
