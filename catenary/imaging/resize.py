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
        smaller = halved(smaller, 1)
    return Reduced(
        _area(smaller, max(1, round(width * factor)), max(1, round(height * factor))), factor
    )


def averaged(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture as (height, width) pixels, each the mean of the area that it covers.

    A picture that is made much smaller is halved before; of an odd side the last pixel is then left
    out, so bring it to a multiple of `block` where that matters.

    Args:
        pixels: (H, W) uint8.
        height: At most H.
        width: At most W.
    """
    ratio = min(pixels.shape[0] // height, pixels.shape[1] // width)
    return _area(halved(pixels, _halvings(ratio)), width, height)


def block(height: int, width: int, side_px: int) -> int:
    """Return the side, px, of the squares of which `averaged` makes one pixel at first.

    Args:
        height: Of the picture.
        width: Of the picture.
        side_px: Both sides of the smaller one.

    >>> block(3000, 2100, 128), block(3000, 1000, 128)
    (4, 1)
    """
    return int(2 ** _halvings(min(height, width) // side_px))


def halved(pixels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Return a picture with its sides halved some times, each pixel a mean.

    Of an odd side the last pixel is left out.
    """
    smaller = pixels
    for _ in range(times):
        rows, columns = (length // 2 for length in smaller.shape)
        smaller = _area(smaller[: 2 * rows, : 2 * columns], columns, rows)
    return smaller


def _halvings(ratio: int) -> int:
    """Return how often sides are halved that become ``ratio`` times smaller in all.

    At least four pixels a side are left for the last step: rounding and edges then make no odds.
    """
    return max((ratio // 4).bit_length() - 1, 0)


def _is_even(pixels: NDArray[np.uint8]) -> bool:
    return all(length % 2 == 0 for length in pixels.shape)


def _area(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
