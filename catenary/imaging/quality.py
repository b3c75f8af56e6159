"""Decide whether a photograph can be judged at all; an unusable one is reported as such.

A night 4C frame is mostly black sky by design, so nothing here looks at the mean grey: only
the brightest and the steepest parts of the picture speak.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Measurement
from catenary.imaging import resize

_CLIPPED_GREY = 254  # JPEG ringing moves clipped white by a level
_WINDOW = np.ones((9, 9), np.uint8)  # px of the reduced picture; holds an edge and both sides
_STRONGEST = 0.6  # an edge counts as strong from this share of the highest contrast
_TENSOR_PX = 15  # side of the square over which directions are compared
_MIN_ENERGY = 2.0  # grey levels a px, root mean square; below it directions are rounding noise


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Limits of `assess`; all are our starting values.

    Measured on the real night frame, 15 dropper close-ups, 321 insulator strips and 73 aerial
    photographs, each also blurred, darkened and made noisy.

    Attributes:
        side_px: Longer side of the reduced picture that is measured.
        bright_grey: Too dark when fewer than 0.1 % of the pixels reach this grey level. The
            night frame reaches 255, and 64 at a quarter of its exposure.
        max_saturated: Saturated from this share of clipped pixels in [0, 1]. The night frame
            has 0.01.
        min_contrast: Empty when the strongest edges are lower than this, in grey levels.
            The real pictures reach 90 and more.
        min_coherence: A spot shows a line or an edge from this share of its gradient energy
            in one direction, in [0, 1]. Pure noise stays below it everywhere.
        min_structure: Empty when fewer spots than this share show a line or an edge.
        min_sharpness: Blurred when the median strong edge climbs less than this share of its
            height in its steepest pixel. The night frame has 0.51, 0.22 after a blur of 4 px
            (standard deviation), at most 0.19 after 8 px, whatever exposure and noise.
    """

    side_px: int = 1024
    bright_grey: int = 24
    max_saturated: float = 0.25
    min_contrast: float = 16.0
    min_coherence: float = 0.75
    min_structure: float = 0.0001
    min_sharpness: float = 0.2


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether a photograph can be judged, and the numbers behind it.

    Attributes:
        is_usable: True when the frame goes on to the detector.
        reason: ``""``, ``"too_dark"``, ``"saturated"``, ``"empty"`` or ``"blurred"``.
        message: The reason in words; empty when usable.
        measurements: What was measured, up to the first limit that was broken.
    """

    is_usable: bool
    reason: str
    message: str
    measurements: tuple[Measurement, ...]


def assess(pixels: NDArray[np.uint8], limits: QualityLimits) -> Quality:
    """Measure light, structure and sharpness of a photograph.

    Sharpness is the steepest step of an edge over the edge's height, so it depends neither on
    the exposure nor on how much of the picture is sky.

    Args:
        pixels: (height, width) uint8.
        limits: Thresholds.
    """
    small = resize.reduced(pixels, limits.side_px).pixels
    bright, saturated = _light(small)
    measurements = [
        Measurement("bright_grey", bright, "grey", limits.bright_grey),
        Measurement("saturated_share", saturated, "1", limits.max_saturated),
    ]
    if bright < limits.bright_grey:
        words = f"too dark: 99.9 % of the pixels are below grey {bright:.0f}; check the flash"
        return _unusable("too_dark", words, measurements)
    if saturated > limits.max_saturated:
        words = f"over-exposed: {saturated:.0%} of the pixels are clipped white"
        return _unusable("saturated", words, measurements)
    contrast, sharpness = _edges(small)
    structure = _structure(small, limits.min_coherence)
    measurements += [
        Measurement("edge_contrast", contrast, "grey", limits.min_contrast),
        Measurement("structure_share", structure, "1", limits.min_structure),
        Measurement("sharpness", sharpness, "1", limits.min_sharpness),
    ]
    if contrast < limits.min_contrast or structure < limits.min_structure:
        words = "no line or edge in the picture: only background or noise"
        return _unusable("empty", words, measurements)
    if sharpness < limits.min_sharpness:
        words = f"blurred: edges climb {sharpness:.0%} of their height a pixel; check the focus"
        return _unusable("blurred", words, measurements)
    return Quality(True, "", "", tuple(measurements))


def _unusable(reason: str, message: str, measurements: list[Measurement]) -> Quality:
    return Quality(False, reason, message, tuple(measurements))


def _light(small: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the 99.9th percentile in grey levels and the clipped share in [0, 1]."""
    counts = _counts(small)
    return _level(counts, 0.999), float(counts[_CLIPPED_GREY:].sum() / small.size)


def _counts(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how many pixels have each of the 256 grey levels; exact up to 16 megapixels."""
    counts = cv2.calcHist([pixels], [0], None, [256], [0, 256])
    return np.asarray(counts, np.float32).ravel()  # (256, 1) in OpenCV 4, (256,) in 5


def _level(counts: NDArray[np.float32], share: float) -> float:
    """Return the grey level that ``share`` of the counted pixels reach or stay below."""
    return float(np.searchsorted(np.cumsum(counts, dtype=np.float64), share * counts.sum()))


def _edges(small: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the contrast of the strongest edges in grey levels, and their sharpness in [0, 1].

    Of all windows, the half per cent with the highest contrast sets the scale; sharpness is
    the median over the windows that come near it, without the part that noise explains.
    """
    if min(small.shape) < 2:
        return 0.0, 0.0
    across = cv2.absdiff(small[:-1, 1:], small[:-1, :-1])
    down = cv2.absdiff(small[1:, :-1], small[:-1, :-1])
    steepest = np.asarray(cv2.dilate(cv2.max(across, down), _WINDOW), np.uint8)
    highest, lowest = cv2.dilate(small, _WINDOW), cv2.erode(small, _WINDOW)
    height = np.asarray(cv2.subtract(highest, lowest), np.uint8)[:-1, :-1]
    contrast = _level(_counts(height), 0.995)
    # Noise makes steps everywhere, so the calm quarter of the picture tells how high they are.
    noise = _level(_counts(steepest), 0.25)
    strong = height >= max(contrast * _STRONGEST, noise + 1.0)
    if not strong.any():
        return contrast, 0.0
    climb = (steepest[strong] - np.float32(noise)) / (height[strong] - np.float32(noise))
    return contrast, max(0.0, float(np.median(climb)))


def _structure(small: NDArray[np.uint8], min_coherence: float) -> float:
    """Return the share of spots whose gradients point one way, in [0, 1].

    Source: Bigun and Granlund, ICCV 1987, pp. 433-438: coherence of the structure tensor,
    (l1 - l2) / (l1 + l2) of its eigenvalues. Noise has gradients in all directions.
    """
    half = resize.reduced(small, max(1, max(small.shape) // 2)).pixels
    dx = cv2.Sobel(half, cv2.CV_32F, 1, 0, scale=0.125)
    dy = cv2.Sobel(half, cv2.CV_32F, 0, 1, scale=0.125)
    square = (_TENSOR_PX, _TENSOR_PX)
    xx, yy, xy = (cv2.boxFilter(one, -1, square) for one in (dx * dx, dy * dy, dx * dy))
    energy = xx + yy
    directed = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    shows = (directed >= min_coherence * energy) & (energy >= _MIN_ENERGY**2)
    return float(shows.mean())
