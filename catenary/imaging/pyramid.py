"""A photograph at half, quarter, … size, and tiles of it for a viewer."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

TILE_PX = 512  # side of a tile: fewer requests than at 256, still quick to encode
_QUALITY = 90  # JPEG; below, thin wires get ringing. Our starting value


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """A photograph in every size that a viewer asks for.

    Levels are counted as in Deep Zoom: the greatest is full size, each below has half the pixels
    a side, rounded up, and level 0 would be one pixel.
    Source: Microsoft, "Deep Zoom File Format Overview".

    Attributes:
        levels: (height, width) uint8, full size first.
    """

    levels: tuple[NDArray[np.uint8], ...]

    @property
    def max_level(self) -> int:
        """Level of full size."""
        return max_level(*self.levels[0].shape)

    @property
    def min_level(self) -> int:
        """Least level there is: it fits one tile."""
        return self.max_level - len(self.levels) + 1

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(level.nbytes for level in self.levels)

    def tile(self, level: int, column: int, row: int) -> NDArray[np.uint8] | None:
        """Return a tile, or None where there is none; the last ones are smaller."""
        number = self.max_level - level
        if not (0 <= number < len(self.levels) and column >= 0 and row >= 0):
            return None
        x, y = column * TILE_PX, row * TILE_PX
        found = self.levels[number][y : y + TILE_PX, x : x + TILE_PX]
        return found if found.size else None


def max_level(height: int, width: int) -> int:
    """Return the Deep Zoom level of full size.

    >>> max_level(1, 1), max_level(512, 512), max_level(4384, 6576)
    (0, 9, 13)
    """
    return math.ceil(math.log2(max(height, width)))


def min_level(height: int, width: int) -> int:
    """Return the level that fits one tile.

    >>> min_level(4384, 6576), min_level(100, 90)
    (9, 7)
    """
    return min(max_level(height, width), round(math.log2(TILE_PX)))


def build(pixels: NDArray[np.uint8]) -> Pyramid:
    """Return a photograph in all sizes down to one tile.

    Args:
        pixels: (height, width) uint8; kept, not copied.
    """
    levels = [pixels]
    while max(levels[-1].shape) > TILE_PX:
        height, width = levels[-1].shape
        half = (math.ceil(width / 2), math.ceil(height / 2))
        levels.append(
            np.asarray(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA), np.uint8)
        )
    return Pyramid(tuple(levels))


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Return a (height, width) grey or (height, width, 3) RGB uint8 picture as JPEG."""
    solid = np.ascontiguousarray(pixels)
    if solid.ndim == 2:
        grey: bytes = simplejpeg.encode_jpeg(
            solid[:, :, None], quality=_QUALITY, colorspace="GRAY", colorsubsampling="Gray"
        )
        return grey
    colour: bytes = simplejpeg.encode_jpeg(
        solid, quality=_QUALITY, colorspace="RGB", colorsubsampling="444"
    )
    return colour
