"""What a crop looks like as a whole: a few numbers in which photographs of one kind are alike."""

import cv2
import numpy as np
from numpy.typing import NDArray

NAMES = (
    "mean",
    "deviation",
    "darkest",
    "median",
    "brightest",
    "fineness",
    "slope",
    "border",
    "border_deviation",
)
_SIDE_PX = 96  # longer side that crops are reduced to: what the camera's pixels do is left out


def appearance(pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return brightness, contrast and fineness of a crop and of its border.

    Args:
        pixels: (H, W) uint8, at least 1 x 1.

    Returns:
        One number for each of `NAMES`: grey levels (darkest and brightest are the 5th and 95th
        percentile), and the logarithm of 1 + grey levels for fineness (deviation of the Laplacian)
        and slope (mean step from pixel to pixel).
    """
    small = _reduced(pixels)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    darkest, median, brightest = np.percentile(small, (5, 50, 95))
    steps = sum(float(np.abs(np.diff(small, axis=axis)).sum()) for axis in (0, 1))
    found = (
        small.mean(),
        small.std(),
        darkest,
        median,
        brightest,
        np.log1p(cv2.Laplacian(small, cv2.CV_32F).std()),
        np.log1p(steps / small.size),
        np.median(border),
        border.std(),
    )
    return tuple(float(one) for one in found)


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = pixels.shape
    share = _SIDE_PX / max(height, width)
    if share < 1:
        size = (max(1, round(width * share)), max(1, round(height * share)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels.astype(np.float32)
