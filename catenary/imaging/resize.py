"""Make pictures smaller, remembering by how much."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """A picture made smaller.

    Attributes:
        pixels: (height, width) uint8; the picture itself, not a copy, when ``factor`` is 1.
        factor: Smaller side lengths / original ones, in (0, 1]: multiply full-frame
            coordinates by it, divide coordinates found here by it. Sides are rounded to whole
            pixels, so the two axes agree with it to half a pixel of the smaller picture.
    """

    pixels: NDArray[np.uint8]
    factor: float


def reduced(pixels: NDArray[np.uint8], max_side_px: int) -> Reduced:
    """Return the picture with its longer side at most ``max_side_px``; never enlarge it.

    Each new pixel is the mean of the area it covers, so thin wires grow fainter but are never
    skipped.

    Args:
        pixels: (height, width) uint8.
        max_side_px: At least 1.

    Raises:
        ValueError: If ``max_side_px`` is below 1.
    """
    if max_side_px < 1:
        raise ValueError(f"max_side_px must be at least 1, got {max_side_px}")
    height, width = pixels.shape
    factor = max_side_px / max(height, width)
    if factor >= 1:
        return Reduced(pixels, 1.0)
    # Halving is vectorised in OpenCV and other ratios are not: 29 MP to 1280 px takes 15 ms a
    # core instead of 48. Odd sides have no exact half, and gain nothing by a step between.
    smaller = pixels
    while min(smaller.shape) > 1 and max(smaller.shape) >= 2 * max_side_px and _is_even(smaller):
        rows, columns = smaller.shape
        smaller = _area(smaller, columns // 2, rows // 2)
    return Reduced(
        _area(smaller, max(1, round(width * factor)), max(1, round(height * factor))), factor
    )


def _is_even(pixels: NDArray[np.uint8]) -> bool:
    return all(length % 2 == 0 for length in pixels.shape)


def _area(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
