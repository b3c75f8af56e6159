"""Whether a photograph shows at a place what another one shows of a part."""

import cmath
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box, Similarity

_MARGIN = 0.1  # around the part, as a share of its longer side: its outline belongs to it
_LEAST_PX = 2  # around small parts; with more, their surroundings outweigh them
_FLAT = 3.0  # grey levels, standard deviation, below which there is nothing to compare
_TURN_PX = 96  # longer side to which larger parts are reduced where a turn is looked for
_LEAST_TURN_PX = 20  # shorter side of a part below which no turn is looked for
_MOST_DEG, _STEP_DEG, _FINE_DEG = 30.0, 3.0, 1.0  # turns that are tried, first and around the best


def resemblance(
    pixels: NDArray[np.uint8],
    box: Box,
    other: NDArray[np.uint8],
    transform: Similarity,
    reach_px: float,
) -> float | None:
    """Return how well the picture of a part is found again near its place.

    Normalised cross-correlation: a change of exposure or contrast changes nothing.

    Args:
        pixels: (height, width) uint8 photograph that shows the part.
        box: The part in it.
        other: The photograph that is searched.
        transform: From the first photograph to the second.
        reach_px: How far from its place the part is looked for, px of the second.

    Returns:
        The highest correlation in [-1, 1]; None where the place is not wholly inside, or nothing
        is to be seen in the first photograph.
    """
    place = transform.placed(box.grown(max(_MARGIN * max(box.width, box.height), _LEAST_PX)))
    x0, y0 = math.floor(place.x0), math.floor(place.y0)
    width, height = math.ceil(place.width), math.ceil(place.height)
    reach = math.ceil(reach_px)
    wide = Box(x0 - reach, y0 - reach, x0 + width + reach, y0 + height + reach)
    inside = wide.clipped(other.shape[1], other.shape[0])
    if inside is None or inside.width < width or inside.height < height:
        return None
    template = laid_over(pixels, transform, Box(x0, y0, x0 + width, y0 + height))
    if template.std() < _FLAT:
        return None
    area = other[int(inside.y0) : int(inside.y1), int(inside.x0) : int(inside.x1)]
    found = cv2.matchTemplate(area, template, cv2.TM_CCOEFF_NORMED)
    # Where the other photograph is quite flat, the quotient is 0/0.
    return float(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0).max())


@dataclass(frozen=True, slots=True)
class Turn:
    """How a part lies now, as the pictures show it.

    Attributes:
        deg: Turn that fits best, clockwise as seen; in [-31, 31].
        likeness: Correlation in [-1, 1] of the part turned so.
        unturned: Correlation of the part as it was.
    """

    deg: float
    likeness: float
    unturned: float


def turn_of(
    pixels: NDArray[np.uint8],
    box: Box,
    other: NDArray[np.uint8],
    transform: Similarity,
    reach_px: float,
) -> Turn | None:
    """Return by how much a part has turned about its middle.

    The part is looked for as in `resemblance`, turned by steps of three degrees and then of one.

    Args:
        pixels: (height, width) uint8 photograph that shows the part.
        box: The part in it.
        other: The later photograph.
        transform: From the first photograph to the second.
        reach_px: How far from its place the part is looked for, px of the second.

    Returns:
        None where the place is not wholly inside, or the part is too small or shows nothing.
    """
    if min(box.width, box.height) < _LEAST_TURN_PX:
        return None
    scale = min(1.0, _TURN_PX / max(box.width, box.height))
    place = transform.placed(box.grown(_MARGIN * max(box.width, box.height)))
    inside = place.grown(reach_px).clipped(other.shape[1], other.shape[0])
    if inside is None or inside != place.grown(reach_px):
        return None
    there = _pixels(other, Similarity(1, 0), inside, scale)
    found: dict[float, float] = {}

    def tried(deg: float) -> float:
        if deg not in found:
            template = _pixels(pixels, _turned(transform, place, deg), place, scale)
            matched = cv2.matchTemplate(there, template, cv2.TM_CCOEFF_NORMED)
            found[deg] = float(np.nan_to_num(matched, nan=0.0, posinf=0.0, neginf=0.0).max())
        return found[deg]

    if _pixels(pixels, transform, place, scale).std() < _FLAT:
        return None
    best = max(np.arange(-_MOST_DEG, _MOST_DEG + 1, _STEP_DEG).tolist(), key=tried)
    best = max((best - _FINE_DEG, best, best + _FINE_DEG), key=tried)
    return Turn(best, found[best], tried(0.0))


def _turned(transform: Similarity, place: Box, deg: float) -> Similarity:
    """Return a transform followed by a turn about the middle of a place."""
    middle, turn = complex(*place.centre), cmath.rect(1, math.radians(deg))
    return Similarity(turn * transform.alpha, turn * (transform.beta - middle) + middle)


def _pixels(
    pixels: NDArray[np.uint8], transform: Similarity, region: Box, scale: float
) -> NDArray[np.uint8]:
    """Return a region of the later photograph as another one shows it, reduced."""
    smaller = Similarity(scale * transform.alpha, scale * transform.beta)
    x0, y0 = scale * region.x0, scale * region.y0
    size = Box(x0, y0, x0 + scale * region.width, y0 + scale * region.height)
    return laid_over(pixels, smaller, size)


def laid_over(pixels: NDArray[np.uint8], transform: Similarity, region: Box) -> NDArray[np.uint8]:
    """Return a region of the later photograph as the earlier one shows it.

    Args:
        pixels: (height, width) uint8 of the earlier photograph.
        transform: From the earlier to the later.
        region: Whole px of the later photograph; black where the earlier shows nothing.
    """
    alpha, beta = transform.alpha, transform.beta - complex(region.x0, region.y0)
    # A pixel's middle is at a half in our boxes and at a whole number in OpenCV's.
    beta += alpha * complex(0.5, 0.5) - complex(0.5, 0.5)
    matrix = np.array([[alpha.real, -alpha.imag, beta.real], [alpha.imag, alpha.real, beta.imag]])
    size = max(round(region.width), 1), max(round(region.height), 1)
    return np.asarray(cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
