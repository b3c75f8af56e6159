"""Is a bolt 螺栓 gone, and its hole empty?

An empty hole is a dark round or oval spot in an evenly lit face. Beside a bolt there are shadows as
dark, but they are neither oval nor amid one grey.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging.crops import Crop
from catenary.rules.verdicts import judged

HOLE = "bolt_hole/1"

Floats = NDArray[np.float32]

_DIRECTIONS = 16
_LEFT_OUT = 1  # darkest directions of the ring: a gap between plates may run into the hole
_DARK_FACE = 12.0  # grey levels; darker faces tell nothing of their holes
_SMOOTH = 1.5  # px of the normalised box


@dataclass(frozen=True, slots=True)
class HoleLimits:
    """Limits of the rule of empty holes; our starting values, tuned on simulated bolts.

    Attributes:
        min_side_px: Boxes with a longer side shorter than this are not judged.
        work_side_px: Longer side to which a box is enlarged or reduced before measuring.
        min_contrast: Not judged below this difference between the dark and the bright part of the
            box, in grey levels.
        rings: Distances from a spot at which the face around it is looked at, as shares of the
            longer side of the box.
        darkness: Share by which the spot is darker than the face around it.
        roundness: Share of the spot and its ellipse, together, that they have in common.
        evenness: Brightest over darkest tenth of the face around the spot, at most.
        slender: Longer over shorter axis of the ellipse, at most: a hole that is seen aslant by 60
            degrees is twice as long as wide; the dark side of a thread is longer, a gap between
            plates is a line.
        diameters: Smallest and largest hole, as shares of the longer side of the box.
    """

    min_side_px: float = 24.0
    work_side_px: int = 64
    min_contrast: float = 20.0
    rings: tuple[float, ...] = (0.14, 0.19, 0.25, 0.31)
    darkness: float = 0.5
    roundness: float = 0.85
    evenness: float = 2.5
    slender: float = 2.0
    diameters: tuple[float, float] = (0.2, 0.55)


@dataclass(frozen=True, slots=True, eq=False)
class _Spot:
    """A dark spot in the normalised box.

    Attributes:
        darkness: Share by which it is darker than the ring around it, in [0, 1].
        roundness: Overlap of spot and ellipse, in [0, 1].
        evenness: Brightest over darkest tenth of the ring, at least 1.
        diameter: Longer axis of the ellipse, px of the normalised box.
        slender: Longer over shorter axis.
        is_inside: True where it does not reach the border of the box.
        outline: (P, 2) float64 (x, y).
    """

    darkness: float
    roundness: float
    evenness: float
    diameter: float
    slender: float
    is_inside: bool
    outline: NDArray[np.float64]


def empty(crop: Crop, limits: HoleLimits) -> Evidence:
    """Tell whether the bolt is missing, its hole empty.

    Args:
        crop: Cut-out of a bolt, or of where one belongs.
        limits: Thresholds.

    Returns:
        Evidence for ``bolt_missing``; its score rises with the darkness of the best spot that is
        round and lies in an even face. Cannot judge where there is no such spot: a bolt is there,
        or its hole cannot be seen from here.
    """
    view = _view(crop, limits)
    if isinstance(view, Refusal):
        return view.evidence(HOLE, "bolt_missing")
    picture, scale, (x0, y0) = view
    spots = [_spot(picture, share * limits.work_side_px) for share in limits.rings]
    seen = [spot for spot in spots if spot is not None and _is_hole(spot, limits)]
    best = max(seen, key=lambda spot: spot.darkness, default=None)
    if best is None or best.darkness <= limits.darkness:
        return Refusal(Unjudged.NO_HOLE).evidence(HOLE, "bolt_missing")
    numbers = (
        Measurement("hole_darkness", best.darkness, "1", limits.darkness),
        Measurement("hole_diameter", best.diameter / scale, "px"),
        Measurement("hole_roundness", best.roundness, "1", limits.roundness),
    )
    places = (best.outline + 0.5) / scale - 0.5 + (x0, y0)
    points = [(float(x), float(y)) for x, y in places]
    outline = Polyline("hole", (*points, points[0]))
    return judged(HOLE, "bolt_missing", best.darkness / limits.darkness, numbers, (outline,))


def _is_hole(spot: _Spot, limits: HoleLimits) -> bool:
    return (
        spot.roundness >= limits.roundness
        and spot.evenness <= limits.evenness
        and spot.slender <= limits.slender
        and spot.is_inside
        and limits.diameters[0] <= spot.diameter / limits.work_side_px <= limits.diameters[1]
    )


def _view(crop: Crop, limits: HoleLimits) -> tuple[Floats, float, tuple[int, int]] | Refusal:
    """Return the smoothed box at one size, its scale and its corner in the crop; or why not."""
    inner = crop.inner
    side = max(inner.width, inner.height)
    if side < limits.min_side_px:
        return refused(Unjudged.TOO_SHORT, "length", side, "px", limits.min_side_px)
    if cut := cut_off(crop.cut_sides):
        return cut
    x0, y0 = max(0, math.floor(inner.x0)), max(0, math.floor(inner.y0))
    box = crop.pixels[y0 : math.ceil(inner.y1), x0 : math.ceil(inner.x1)]
    dark, bright = np.percentile(box, (2, 98))
    if (contrast := float(bright - dark)) < limits.min_contrast:
        return refused(
            Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", limits.min_contrast
        )
    scale = limits.work_side_px / side
    size = [max(8, round(length * scale)) for length in box.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(box, size, interpolation=method).astype(np.float32)
    smooth = cv2.GaussianBlur(picture, (0, 0), _SMOOTH)
    return np.asarray(smooth, np.float32), scale, (x0, y0)


@cache
def _offsets(radius: float) -> NDArray[np.int64]:
    """Return (directions, 2) whole steps (x, y) around a circle."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    steps = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.asarray(np.round(steps), np.int64)


def darkness(picture: Floats, radius: float) -> tuple[Floats, Floats]:
    """Return by which share each point is darker than what is around it on all sides.

    Args:
        picture: (height, width) float32 grey levels, smoothed.
        radius: Of the ring that is looked at, px.

    Returns:
        (height, width), at most 1 and below 0 where something around is darker; and the
        (directions, height, width) grey levels of the ring, darkest first.
    """
    height, width = picture.shape
    reach = math.ceil(radius)
    wide = cv2.copyMakeBorder(picture, *(reach,) * 4, cv2.BORDER_REPLICATE)
    rings = np.stack(
        [
            wide[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
            for dx, dy in _offsets(radius)
        ]
    ).astype(np.float32)
    rings.sort(axis=0)
    middle = np.maximum(rings[_DIRECTIONS // 2], _DARK_FACE)
    dark: Floats = (rings[_LEFT_OUT] - picture) / middle
    return dark, rings


def _spot(picture: Floats, radius: float) -> _Spot | None:
    """Return the spot that is darkest against a ring around it; None where there is none."""
    height, width = picture.shape
    dark, rings = darkness(picture, radius)
    border = math.ceil(radius) // 2
    dark[:border], dark[height - border :] = 0, 0
    dark[:, :border], dark[:, width - border :] = 0, 0
    row, column = np.unravel_index(int(dark.argmax()), dark.shape)
    if dark[row, column] <= 0:
        return None
    ring = rings[:, row, column]
    half = np.float32((picture[row, column] + ring[_DIRECTIONS // 2]) / 2)
    y, x = np.mgrid[:height, :width]
    near = np.hypot(x - column, y - row) <= 1.3 * radius
    _, regions = cv2.connectedComponents(((picture < half) & near).astype(np.uint8), connectivity=4)
    spot = (regions == regions[row, column]).astype(np.uint8)
    contours, _ = cv2.findContours(spot, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0]
    moments = cv2.moments(spot, binaryImage=True)
    if moments["m00"] < 12:
        return None
    centre, axes, angle = _ellipse(moments)
    ellipse = np.zeros_like(spot)
    cv2.ellipse(ellipse, (centre, axes, angle), 1, -1)
    common, either = int((spot & ellipse).sum()), int((spot | ellipse).sum())
    bright = float(ring[round(0.9 * (_DIRECTIONS - 1))])
    even = bright / max(float(ring[_LEFT_OUT]), 1.0)
    return _Spot(
        min(float(dark[row, column]), 1.0),
        common / either,
        even,
        axes[0],
        axes[0] / max(axes[1], 1.0),
        bool(outline.min() > 0 and (outline.max(axis=0) < (width - 1, height - 1)).all()),
        outline.astype(np.float64),
    )


def _ellipse(moments: dict[str, float]) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Return centre, axes (longer first) and angle in degrees of the ellipse with these moments."""
    area = moments["m00"]
    # A pixel is a square, not a point: its own second moment is 1/12.
    spread = (
        np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / area
    )
    values, vectors = np.linalg.eigh(spread + np.eye(2) / 12)
    axes = 4 * np.sqrt(np.maximum(values[::-1], 1e-6))
    along = vectors[:, 1]
    angle = math.degrees(math.atan2(along[1], along[0]))
    centre = moments["m10"] / area, moments["m01"] / area
    return centre, (float(axes[0]), float(axes[1])), angle
