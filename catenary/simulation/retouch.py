"""Retouch a photograph: take something out of it, or lay a wire's own pixels along another path.

Nothing here knows what a defect is. What is added has the photograph's own grain and blur, since
it is made of the photograph's own pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Path = NDArray[np.float64]  # (N, 2) x, y in pixels, N >= 2

_STEP = 0.5  # px between samples; half a pixel leaves no holes
_GRAIN_SIGMA = 1.5  # px; what is finer than this counts as grain
_SHIFTS = 24  # places that are tried as donors of grain


def without(pixels: Grey, mask: Mask, random: np.random.Generator) -> Grey:
    """Return the photograph with what the mask covers gone, the background continued.

    Source of the continuation: Telea, "An Image Inpainting Technique Based on the Fast Marching
    Method", J. Graphics Tools 9 (2004) 23-34; the grain is that of a place beside the mask.

    Args:
        pixels: (H, W).
        mask: (H, W), True where something is to go.
        random: Decides where the grain is taken from.
    """
    if not mask.any():
        return pixels.copy()
    smooth = cv2.inpaint(pixels, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA).astype(np.float32)
    grain = _grain(pixels, mask, random)
    result = pixels.copy()
    result[mask] = np.clip(smooth[mask] + grain[mask] + 0.5, 0, 255).astype(np.uint8)
    return result


def _grain(pixels: Grey, mask: Mask, random: np.random.Generator) -> Floats:
    """Return the grain of a quiet place beside the mask, moved onto it."""
    floats = pixels.astype(np.float32)
    residue = floats - cv2.GaussianBlur(floats, (0, 0), _GRAIN_SIGMA)
    ys, xs = np.nonzero(mask)
    height, width = mask.shape
    best, least = np.zeros_like(residue), np.inf
    for _ in range(_SHIFTS):
        dy, dx = (int(one) for one in random.integers(-60, 61, 2))
        inside = (ys + dy >= 0) & (ys + dy < height) & (xs + dx >= 0) & (xs + dx < width)
        donor_y, donor_x = np.where(inside, ys + dy, ys), np.where(inside, xs + dx, xs)
        overlap = float((mask[donor_y, donor_x] | ~inside).mean())
        values = residue[donor_y, donor_x]
        restless = float(np.mean(values**2)) * (1 + 20 * overlap)  # edges are no grain
        if overlap < 0.5 and restless < least:
            least = restless
            best = np.zeros_like(residue)
            best[ys, xs] = np.where(mask[donor_y, donor_x] | ~inside, 0, values)
    return best


def band(shape: tuple[int, int], path: Path, half_width: float) -> Mask:
    """Return (H, W), True within ``half_width`` px of a path."""
    layer = np.zeros(shape, np.uint8)
    points = np.round(path * 16).astype(np.int32)
    cv2.polylines(layer, [points], False, 1, max(1, round(2 * half_width)), cv2.LINE_8, 4)
    return layer > 0


def laid(
    pixels: Grey, donor: Grey, source: Path, target: Path, half_width: float, thickness: float = 1.0
) -> Grey:
    """Return the photograph with a wire of another one laid along a path.

    Args:
        pixels: (H, W), laid upon.
        donor: (H, W), shows the wire along ``source``.
        source: The wire's middle in the donor.
        target: Where its middle is to run; a longer path takes the wire back and forth.
        half_width: Half of the band around the wire that is moved, px.
        thickness: Of the laid wire as a share of its own.
    """
    from_points, from_normals = _walked(source)
    to_points, to_normals = _walked(target)
    count = len(from_points)
    back_and_forth = np.abs((np.arange(len(to_points)) + count) % (2 * count) - count)
    own = np.minimum(back_and_forth, count - 1)
    across = np.arange(-half_width, half_width + _STEP, _STEP)
    places = from_points[own, None] + across[None, :, None] * from_normals[own, None]
    sampled = cv2.remap(
        donor.astype(np.float32),
        places[..., 0].astype(np.float32),
        places[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    goals = to_points[:, None] + thickness * across[None, :, None] * to_normals[:, None]
    layer, is_laid = _splat(pixels.shape, goals, np.asarray(sampled, np.float32))
    edge = np.median(np.concatenate([sampled[:, 0], sampled[:, -1]]))
    middle = np.median(sampled[:, len(across) // 2])
    over = np.maximum if middle >= edge else np.minimum  # a bright wire, or a dark one
    result = pixels.astype(np.float32)
    result[is_laid] = over(result[is_laid], layer[is_laid])
    return np.asarray(np.clip(result + 0.5, 0, 255), np.uint8)


def _splat(shape: tuple[int, ...], goals: Path, values: Floats) -> tuple[Floats, Mask]:
    """Return the mean of the values that fall on each pixel, and where any do."""
    columns, rows = np.round(goals).astype(np.int64).reshape(-1, 2).T
    inside = (columns >= 0) & (columns < shape[1]) & (rows >= 0) & (rows < shape[0])
    index = rows[inside] * shape[1] + columns[inside]
    size = shape[0] * shape[1]
    total = np.bincount(index, values.reshape(-1)[inside], size).reshape(shape)
    count = np.bincount(index, minlength=size).reshape(shape)
    return (total / np.maximum(count, 1)).astype(np.float32), count > 0


def _walked(path: Path) -> tuple[Path, Path]:
    """Return points along a path every half pixel, and unit normals there, (M, 2) each."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, int(along[-1] / _STEP) + 1)
    at = np.linspace(0, along[-1], count)
    points = np.stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)], axis=1)
    tangents = np.gradient(points, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    return points, np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
