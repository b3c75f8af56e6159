"""Thin straight bright bars and round dark holes in small pictures, at a known scale."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

_DIRECTIONS = 24  # 7.5 degrees apart; the peak between them is interpolated


@dataclass(frozen=True, slots=True)
class Bar:
    """A straight bright bar, or a part of one.

    Attributes:
        x: Middle, in pixels of the picture searched.
        y: Middle, in pixels of the picture searched.
        angle_deg: From the x axis, clockwise on the screen, in [0, 180).
        strength: How much brighter its faintest part's both sides leave it, in grey levels
            of the picture searched; greater than 0.
    """

    x: float
    y: float
    angle_deg: float
    strength: float


def find(
    picture: NDArray[np.float32], length_px: int, sides_px: tuple[float, ...], count: int
) -> list[Bar]:
    """Return the strongest thin bright bars, strongest first.

    Args:
        picture: (height, width) float32.
        length_px: Length over which a bar must stand out, at least 3.
        sides_px: Distances of the sides that are tried; each fits bars up to that width.
        count: Most bars to return.
    """
    return strongest(responses(picture, length_px, sides_px), length_px, max(sides_px), count)


def responses(
    picture: NDArray[np.float32], length_px: int, sides_px: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return how much a bar stands out with its middle at each pixel, in each of 24 directions.

    Args:
        picture: (height, width) float32.
        length_px: See `find`.
        sides_px: See `find`.

    Returns:
        See `bright`.
    """
    return bright(means(picture, length_px), length_px, sides_px)


def means(picture: NDArray[np.float32], length_px: int) -> NDArray[np.float32]:
    """Return the mean over a bar with its middle at each pixel, in each of 24 directions.

    Args:
        picture: (height, width) float32.
        length_px: See `find`.

    Returns:
        (24, height, width) float32, grey levels of the picture.
    """
    border = cv2.BORDER_REPLICATE
    kernels = (_kernel(index, length_px) for index in range(_DIRECTIONS))
    each = [cv2.filter2D(picture, -1, kernel, borderType=border) for kernel in kernels]
    return np.asarray(each, np.float32)


def bright(
    means: NDArray[np.float32], length_px: int, sides_px: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return how much a bright bar stands out at each pixel, in each of 24 directions.

    A bar is brighter than *both* of its sides: the edge of a bright plate is none. The
    response is the mean over ``length_px`` along the bar less the brighter one of two such
    means at ``sides_px`` to its left and right. Bars with their middle within a quarter of
    ``length_px`` of the border are not looked for: what is beside them is unknown.

    Args:
        means: Of `means`.
        length_px: See `find`.
        sides_px: See `find`.

    Returns:
        (24, height, width) float32, grey levels of the picture; 0 near its border.
    """
    found = np.empty_like(means)
    for index, mean in enumerate(means):
        brighter = [np.maximum(*_beside(mean, index, side)) for side in sides_px]
        found[index] = mean - np.min(brighter, axis=0)
    return _within(found, length_px)


def bright_and_dark(
    means: NDArray[np.float32], length_px: int, sides_px: tuple[float, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return `bright`, and the same for bars that are darker than both of their sides.

    Args:
        means: Of `means`.
        length_px: See `find`.
        sides_px: See `find`.
    """
    is_bright, is_dark = np.empty_like(means), np.empty_like(means)
    for index, mean in enumerate(means):
        both = [_beside(mean, index, side) for side in sides_px]
        is_bright[index] = mean - np.minimum.reduce([np.maximum(*two) for two in both])
        is_dark[index] = np.maximum.reduce([np.minimum(*two) for two in both]) - mean
    return _within(is_bright, length_px), _within(is_dark, length_px)


def strongest(
    responses: NDArray[np.float32], length_px: int, side_px: float, count: int
) -> list[Bar]:
    """Return the strongest bars, strongest first, each away from the ones before it.

    Args:
        responses: Of `responses`.
        length_px: Length of the bars.
        side_px: Widest distance of their sides.
        count: Most bars to return.
    """
    best = responses.max(axis=0)
    found: list[Bar] = []
    while len(found) < count:
        row, column = np.unravel_index(int(best.argmax()), best.shape)
        strength = float(best[row, column])
        if strength <= 0:
            break
        angle = _peak(responses[:, row, column]) * 180 / _DIRECTIONS
        found.append(Bar(float(column), float(row), angle % 180, strength))
        _cover(best, found[-1], length_px, side_px)
    return found


@cache
def _kernel(index: int, length_px: int) -> NDArray[np.float32]:
    """Return a line of ``length_px`` as a kernel with sum 1, Gaussian of 0.7 px across."""
    half = length_px // 2 + 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    angle = math.pi * index / _DIRECTIONS
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    inside = np.clip(length_px / 2 + 0.5 - np.abs(along), 0, 1)
    weights = inside * np.exp(-(across**2) / (2 * 0.7**2))
    return np.asarray(weights / weights.sum(), np.float32)


def _beside(
    mean: NDArray[np.float32], index: int, side_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for each pixel the means at a distance to the left and right of a direction."""
    angle = math.pi * index / _DIRECTIONS
    normal = (-math.sin(angle), math.cos(angle))
    return _moved(mean, side_px, normal), _moved(mean, -side_px, normal)


def _within(found: NDArray[np.float32], length_px: int) -> NDArray[np.float32]:
    """Set what is near the border to 0, in place."""
    if border := length_px // 4:
        found[:, :border] = found[:, -border:] = 0
        found[:, :, :border] = found[:, :, -border:] = 0
    return found


def _moved(
    picture: NDArray[np.float32], distance: float, direction: tuple[float, float]
) -> NDArray[np.float32]:
    """Return for each pixel the value ``distance`` px away in ``direction`` (x, y)."""
    shift = np.array(
        [[1, 0, -distance * direction[0]], [0, 1, -distance * direction[1]]], np.float32
    )
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _peak(profile: NDArray[np.float32]) -> float:
    """Return the place of the maximum of a circular profile, to a part of a step."""
    index = int(profile.argmax())
    before, top, after = (float(profile[(index + k) % len(profile)]) for k in (-1, 0, 1))
    curvature = before - 2 * top + after
    return index + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)


def _cover(best: NDArray[np.float32], bar: Bar, length_px: int, side_px: float) -> None:
    """Remove a found bar from the responses, so that the next one lies elsewhere."""
    y, x = np.ogrid[: best.shape[0], : best.shape[1]]
    angle = math.radians(bar.angle_deg)
    along = (x - bar.x) * math.cos(angle) + (y - bar.y) * math.sin(angle)
    across = (y - bar.y) * math.cos(angle) - (x - bar.x) * math.sin(angle)
    best[(np.abs(along) < length_px * 0.75) & (np.abs(across) < side_px)] = 0


def darkest_spot(picture: NDArray[np.float32], radius_px: float) -> float:
    """Return how much darker a spot is than every side of a ring around it.

    Args:
        picture: (height, width) float32, smooth.
        radius_px: Of the ring; holes of up to this diameter are seen.

    Returns:
        Grey levels of the picture, at least 0; the highest value of all spots.
    """
    angles = [2 * math.pi * k / 8 for k in range(8)]
    ring = [_moved(picture, radius_px, (math.cos(angle), math.sin(angle))) for angle in angles]
    depth = np.min(ring, axis=0) - picture
    return max(0.0, float(depth.max()))
