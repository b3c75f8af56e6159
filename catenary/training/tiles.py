"""Which part of a frame the detector is shown in training, and what is true of that part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
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
    """

    box: Box
    label: int
    is_ignored: bool


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
    target: Label | None,
    size: tuple[int, int],
    limits: tuple[int, int],
    generator: np.random.Generator,
) -> Window:
    """Draw a window at random.

    Args:
        view: ``"window"``: a tile of the reduced frame; ``"close_up"``: a tile at about full
            resolution.
        target: The part that the window shows; None draws a place anywhere.
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


def cut(pixels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """Return the (height, width) uint8 tile of a window; outside the frame it is padding."""
    frame_height, frame_width = pixels.shape
    x0, y0 = round(window.x0), round(window.y0)
    x1 = min(frame_width, x0 + round(window.width / window.factor))
    y1 = min(frame_height, y0 + round(window.height / window.factor))
    seen = pixels[y0:y1, x0:x1]
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


def mirrored(
    tile: NDArray[np.uint8], parts: Sequence[Truth]
) -> tuple[NDArray[np.uint8], list[Truth]]:
    """Return a tile and its parts flipped left to right: gravity stays where it is."""
    width = tile.shape[1]
    flipped = [
        Truth(
            Box(width - part.box.x1, part.box.y0, width - part.box.x0, part.box.y1),
            part.label,
            part.is_ignored,
        )
        for part in parts
    ]
    return np.ascontiguousarray(tile[:, ::-1]), flipped
