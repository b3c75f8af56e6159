"""Retouch a photograph: take something out of it, or lay a wire's own pixels along another path.

Nothing here knows what a defect is. What is added has the photograph's own grain and blur, since
it is made of the photograph's own pixels. Numbers are our starting values.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Path = NDArray[np.float64]  # (N, 2) x, y in pixels, N >= 2

_STEP = 0.5  # px between samples of a path
_GRAIN_SIGMA = 2.0  # px; what is finer than this counts as grain
GRID = 8  # px; grain is moved by whole blocks of the JPEG grid, on which it was compressed
_BLOCKS = 8  # farthest move, blocks
_SHIFTS = 32  # places that are tried as donors of grain
_SCALES = (32.0, 16.0, 8.0, 4.0, 2.0)  # px; backgrounds are continued from coarse to fine
_SOFT = 0.8  # px; blur of the border of what is retouched
_FOREIGN = 0.35  # of a wire's contrast
_RIM = 1.5  # px over which a laid wire's band fades into what it is laid upon


def without(
    pixels: Grey,
    mask: Mask,
    random: np.random.Generator,
    usable: Mask | None = None,
    soft: float = _SOFT,
) -> Grey:
    """Return the photograph with what the mask covers gone, the background continued.

    The background is continued by normalised averages from coarse to fine, after Knutsson and
    Westin, "Normalized and differential convolution", CVPR 1993; its grain is that of a place
    beside the mask. Pixels farther than about three times ``soft`` from the mask stay as they are.

    Args:
        pixels: (H, W).
        mask: (H, W), True where something is to go.
        random: Decides where the grain is taken from.
        usable: (H, W), True where there is background to continue; all but the mask when None.
        soft: Blur of the mask's border, px: how sharp a cut edge shows. What is to go must
            lie that far inside the mask, but where it is cut.
    """
    if not mask.any():
        return pixels.copy()
    layer = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), soft)
    share = np.where(layer > 0.02, layer, 0)
    touched = share > 0
    known = ~touched if usable is None else usable & ~touched
    smooth = _continued(pixels, known if known.any() else ~touched)
    new = smooth + _grain(pixels, touched, known, random)
    result = pixels + share * (new - pixels)
    return np.asarray(np.clip(result + 0.5, 0, 255), np.uint8)


def grained(
    pixels: Grey, changed: Floats, weight: Floats, share: float, random: np.random.Generator
) -> Floats:
    """Return a changed picture (H, W) with the grain that interpolation took from it put back.

    Args:
        pixels: (H, W) the photograph.
        changed: (H, W) made of it by interpolation.
        weight: (H, W) in [0, 1], where it is to be shown.
        share: Of the photograph's grain that is missing, in [0, 1].
        random: Decides where the grain is taken from.
    """
    touched = weight > 0
    grain = _grain(pixels, touched, ~touched, random)
    return np.asarray(changed + np.float32(share) * grain, np.float32)


def _continued(pixels: Grey, known: Mask) -> Floats:
    """Return (H, W) the smooth background, known pixels continued over the others."""
    weight = known.astype(np.float32)
    values = pixels * weight
    result: Floats = np.full(pixels.shape, float(np.median(pixels[known])), np.float32)
    for sigma in _SCALES:
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        mean = cv2.GaussianBlur(values, (0, 0), sigma) / np.maximum(near, 1e-6)
        trust = np.clip(4 * near, 0, 1)
        result = np.asarray(result + trust * (mean - result), np.float32)
    return result


def _grain(pixels: Grey, touched: Mask, known: Mask, random: np.random.Generator) -> Floats:
    """Return the grain of a place like what is around, moved onto what is touched."""
    floats = pixels.astype(np.float32)
    residue = floats - cv2.GaussianBlur(floats, (0, 0), _GRAIN_SIGMA)
    ys, xs = np.nonzero(touched)
    height, width = touched.shape
    if not ys.size:
        return np.zeros_like(residue)
    ring = cv2.dilate(touched.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    around = np.abs(residue[ring & known]) if (ring & known).any() else np.zeros(1, np.float32)
    usual = (1.4826 * float(np.median(around))) ** 2 + 0.05
    best, least = np.zeros_like(residue), np.inf
    for _ in range(_SHIFTS):
        dy, dx = (int(one) for one in GRID * random.integers(-_BLOCKS, _BLOCKS + 1, 2))
        inside = (ys + dy >= 0) & (ys + dy < height) & (xs + dx >= 0) & (xs + dx < width)
        donor_y, donor_x = np.where(inside, ys + dy, ys), np.where(inside, xs + dx, xs)
        serves = known[donor_y, donor_x] & inside
        if (share := float(serves.mean())) < 0.5:
            continue
        values = np.where(serves, residue[donor_y, donor_x], 0)
        energy = float(np.mean(values**2)) / share + 0.05
        unlike = abs(np.log(energy / usual)) + 2 * (1 - share)  # edges are no grain
        if unlike < least:
            least = unlike
            best = np.zeros_like(residue)
            best[ys, xs] = values
    return best


@dataclass(frozen=True, slots=True, eq=False)
class _Ribbon:
    """The pixels beside a path.

    Attributes:
        rows: (N,) of the picture.
        columns: (N,).
        along: (N,) px from the path's start.
        across: (N,) px to the side of it.
        length: px.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    along: Floats
    across: Floats
    length: float


def band(shape: tuple[int, int], path: Path, half_width: float) -> Mask:
    """Return (H, W), True within ``half_width`` px beside a path; its ends are cut square."""
    ribbon = _ribbon(shape, path, half_width)
    result = np.zeros(shape, np.bool_)
    result[ribbon.rows, ribbon.columns] = True
    return result


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
    from_points, _, from_normals = _walked(source)
    ribbon = _ribbon((pixels.shape[0], pixels.shape[1]), target, half_width * thickness)
    count = len(from_points)
    at = np.round(ribbon.along / _STEP).astype(np.int64)
    own = np.minimum(np.abs((at + count) % (2 * count) - count), count - 1)
    across = ribbon.across / thickness
    places = from_points[own] + across[:, None] * from_normals[own]
    wire = _sampled(donor, places, thickness)
    sides = _sampled(
        donor,
        np.concatenate([from_points + k * half_width * from_normals for k in (-1, 1)]),
        thickness,
    ).reshape(2, -1)
    left, right = np.median(sides, axis=1)
    behind = left + (right - left) * (0.5 + across / (2 * half_width))
    core = np.median(_sampled(donor, from_points, thickness)) - (left + right) / 2
    cover = np.clip((wire - behind) / (core if abs(core) > 1 else 1.0), 0, 1)
    below = _beside(pixels, ribbon, target, half_width, abs(core))
    shown = wire + (1 - cover) * (below - behind)
    weight = _faded(ribbon, half_width * thickness)
    old = pixels[ribbon.rows, ribbon.columns].astype(np.float32)
    result = pixels.copy()
    if thickness < 1:  # a strand hides nothing of the wire that it leaves
        shown = np.maximum(old, shown) if core > 0 else np.minimum(old, shown)
    new = old + weight * (shown - old)
    result[ribbon.rows, ribbon.columns] = np.clip(new + 0.5, 0, 255).astype(np.uint8)
    return result


def _beside(
    pixels: Grey, ribbon: _Ribbon, path: Path, half_width: float, contrast: float
) -> Floats:
    """Return (N,) the background of a ribbon's pixels, from what is on both sides of them.

    Not what lies under them: where a piece is joined to a wire that is there already, that is no
    background. Nor is what differs by much of the wire's contrast from the rest of its side.
    """
    points, _, normals = _walked(path)
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), _GRAIN_SIGMA), np.uint8)
    reach = half_width + _GRAIN_SIGMA
    sides = [_sampled(smooth, points + k * reach * normals, 1.0) for k in (-1, 1)]
    for side in sides:
        usual = np.float32(np.median(side))
        side[np.abs(side - usual) > _FOREIGN * contrast] = usual
    at = np.clip(np.round(ribbon.along / _STEP).astype(np.int64), 0, len(points) - 1)
    share = np.clip(0.5 + ribbon.across / (2 * reach), 0, 1)
    return np.asarray(sides[0][at] + share * (sides[1][at] - sides[0][at]), np.float32)


def _faded(ribbon: _Ribbon, half_width: float) -> Floats:
    """Return (N,) in [0, 1], 1 in the middle of a band, falling to 0 at its sides and ends."""
    to_side = half_width - np.abs(ribbon.across)
    to_end = np.minimum(ribbon.along, ribbon.length - ribbon.along)
    ramp = np.minimum(np.clip(to_side / _RIM, 0, 1), np.clip(to_end / (2 * _RIM), 0, 1))
    return np.asarray(ramp**2 * (3 - 2 * ramp), np.float32)


def _sampled(donor: Grey, places: Path, thickness: float) -> Floats:
    """Return (N,) grey levels at fractional places; thinner copies are smoothed beforehand."""
    floats = donor.astype(np.float32)
    if thickness < 1:
        floats = np.asarray(cv2.GaussianBlur(floats, (0, 0), 0.4 / thickness), np.float32)
    rows = np.array_split(places.astype(np.float32), max(1, len(places) // 30000))
    parts = [  # remap takes pictures of at most 32767 rows
        cv2.remap(
            floats,
            np.ascontiguousarray(part[:, :1]),
            np.ascontiguousarray(part[:, 1:]),
            cv2.INTER_LANCZOS4,  # keeps the grain, which bilinear averages away
            borderMode=cv2.BORDER_REFLECT_101,
        )[:, 0]
        for part in rows
    ]
    return np.concatenate(parts)


def _ribbon(shape: tuple[int, int], path: Path, half_width: float) -> _Ribbon:
    """Return the pixels of a picture within ``half_width`` px beside a path."""
    points, tangents, normals = _walked(path)
    corner = np.floor(points.min(axis=0) - half_width - 2).astype(np.int64)
    size = np.ceil(points.max(axis=0) + half_width + 3).astype(np.int64) - corner
    columns, rows = (np.round(points).astype(np.int64) - corner).T
    off_path = np.ones((size[1], size[0]), np.uint8)
    off_path[rows, columns] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        off_path, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(int(labels.max()) + 1, np.int64)
    nearest[labels[rows, columns]] = np.arange(len(points))
    ys, xs = np.nonzero(distance <= half_width + 2)
    index = nearest[labels[ys, xs]]
    places = np.stack([xs, ys], axis=1) + corner
    for _ in range(2):  # the second time from the foot that the first one found
        offset = places - points[index]
        along = index * _STEP + (offset * tangents[index]).sum(axis=1)
        index = np.clip(np.round(along / _STEP).astype(np.int64), 0, len(points) - 1)
    across = ((places - points[index]) * normals[index]).sum(axis=1)
    length = (len(points) - 1) * _STEP
    inside = (np.abs(across) <= half_width) & (along >= 0) & (along <= length)
    inside &= (places >= 0).all(axis=1) & (places < shape[::-1]).all(axis=1)
    places = places[inside]
    return _Ribbon(
        places[:, 1],
        places[:, 0],
        along[inside].astype(np.float32),
        across[inside].astype(np.float32),
        length,
    )


def _walked(path: Path) -> tuple[Path, Path, Path]:
    """Return points along a path every half pixel, unit tangents and normals, (M, 2) each."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(max(2, int(along[-1] / _STEP) + 1)) * _STEP
    points = np.stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)], axis=1)
    tangents = np.gradient(points, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    return points, tangents, np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
