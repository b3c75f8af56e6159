"""Make large pictures much smaller, quickly."""

import cv2
import numpy as np
from numpy.typing import NDArray


def shrunk(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture reduced by averages over areas.

    A reduction by a whole number takes OpenCV a fraction of the time that any other takes, so
    the larger part of a strong reduction is done by one; the last rows and columns that do not fill
    a whole area are left out. Places are right within half a pixel of the result, as in one step.

    Args:
        pixels: (height, width) uint8.
        scale: Pixels of the result per pixel, in (0, 1]; no side gets below 8 px.
    """
    whole = int(0.5 / scale)
    height, width = pixels.shape
    if whole > 1 and min(height, width) >= 8 * whole:
        size = width // whole, height // whole
        pixels = pixels[: size[1] * whole, : size[0] * whole]
        height, width = pixels.shape
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    target = max(8, round(width * scale)), max(8, round(height * scale))
    if target == pixels.shape[::-1]:
        return pixels
    return np.asarray(cv2.resize(pixels, target, interpolation=cv2.INTER_AREA), np.uint8)
