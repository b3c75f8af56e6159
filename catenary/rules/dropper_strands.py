"""Broken strands 散股 of a dropper: thin things that stand off its wire and end in the air.

All numbers are our starting values, to be set on confirmed damage.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging.crops import Crop
from catenary.rules.dropper import DropperLimits, cut_ends, straightness, traced, wire_lines
from catenary.rules.dropper_path import Flags, Floats, Followed
from catenary.rules.verdicts import judged

SOURCE = "dropper_strands/1"

_REACH = 0.3  # of the length, to both sides of the wire; a longer thing is another wire
_LEAST_REACH_PX, _MOST_REACH_PX = 60.0, 170.0
_FAINT = 0.25  # share of the wire's contrast that a strand must have
_NOISE = 4.0  # times the noise beside the wire
_EDGE = 0.6  # widths from the middle up to which it is the wire
_ROOT = 1.2  # widths from the middle within which a strand begins
_ENDS = 0.14  # share of the length at each end: there are loops and clamps
_THICK, _LEAST_THICK_PX = 1.1, 4.0  # most that a strand may be thick, widths and px
_FLAT_DEG = 8.0  # nearer to the wire's direction it is a wire beside it
_HELD = 0.7  # share of the rows around a root that must show the wire
_GOES_ON = 0.5  # share of the way past a tip on which something is seen
_LEAST_PX = 3  # smaller specks are not looked at
_MOST = 60  # specks looked at, the longest first


@dataclass(frozen=True, slots=True)
class _Strand:
    """Something thin that leaves the wire and ends.

    Attributes:
        root: (column, row) in the upright picture, where it leaves the wire.
        tip: (column, row) of its end.
        length: Between them, px of the upright picture.
        angle_deg: Between it and the wire, 0 to 90.
    """

    root: tuple[float, float]
    tip: tuple[float, float]
    length: float
    angle_deg: float


def strands(crop: Crop, limits: DropperLimits) -> Evidence:
    """Find the longest thin thing that stands off a dropper's wire and ends in the air.

    The wire is laid straight along its path; ridges beside it that begin at it are strands where
    they end before anything else. Loops and clamps at both ends are not looked at, what goes on
    or crosses is another wire.

    Args:
        crop: As for `catenary.rules.dropper.continuity`.
        limits: Thresholds; `strand` and those for whether a dropper can be judged.

    Returns:
        Evidence for ``strand_broken``; score 0.5 at the limit. Of a dropper that the picture cuts
        a strand that is seen counts, the lack of one does not.
    """
    path = traced(crop, limits)
    reason = path if isinstance(path, Refusal) else _unclear(path, limits)
    if isinstance(path, Refusal) or reason is not None:
        return (reason or Refusal(Unjudged.NO_WIRE)).evidence(SOURCE, "strand_broken")
    longest = max(_strands(path), key=lambda one: one.length, default=None)
    length = longest.length / path.width if longest else 0.0
    if length <= limits.strand and (cut := cut_ends(crop, path)):
        return cut.evidence(SOURCE, "strand_broken")
    numbers = [Measurement("longest_strand", length, "wire widths", limits.strand)]
    lines = wire_lines(path)
    if longest:
        numbers.append(Measurement("strand_angle", longest.angle_deg, "deg"))
        lines.append(path.placed("strand", (longest.root, longest.tip)))
    ratio = length / limits.strand
    return judged(SOURCE, "strand_broken", ratio, tuple(numbers), tuple(lines))


def _unclear(path: Followed, limits: DropperLimits) -> Refusal | None:
    """Return why thin things beside this wire prove nothing: it is too fine, or not followed."""
    width, length = path.width / path.scale, path.length / path.scale
    if width < limits.least_width_px:
        return refused(Unjudged.THIN_WIRE, "width", width, "px", limits.least_width_px)
    if length < limits.gap_length_px:
        return refused(Unjudged.TOO_SHORT, "length", length, "px", limits.gap_length_px)
    cover, fit = straightness(path)
    if cover < limits.least_cover:
        return refused(Unjudged.LITTLE_WIRE, "coverage", cover, "1", limits.least_cover)
    if fit < limits.strand_fit:
        return refused(Unjudged.NO_SINGLE_LINE, "fit", fit, "1", limits.strand_fit)
    return None


def _strands(path: Followed) -> list[_Strand]:
    """Return what stands off the wire and ends."""
    reach = round(float(np.clip(_REACH * path.length, _LEAST_REACH_PX, _MOST_REACH_PX)))
    mask = _beside(path, reach)
    near: Flags = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    found = []
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    large = [index for index in range(1, count) if sides[index] >= _LEAST_PX]
    for index in sorted(large, key=lambda one: -int(sides[one]))[:_MOST]:
        x, y, wide, high, area = (int(value) for value in stats[index])
        rows, columns = np.nonzero(labels[y : y + high, x : x + wide] == index)
        strand = _strand(path, near, np.stack([columns + x - reach, rows + y], axis=1), area)
        if strand is not None:
            found.append(strand)
    return found


def _beside(path: Followed, reach: int) -> Flags:
    """Return (L, 2 reach + 1) where thin things are beside the wire, which is the middle."""
    rows = np.repeat(np.arange(len(path.x))[:, None], 2 * reach + 1, 1)
    columns = path.x[:, None] + np.arange(-reach, reach + 1)
    at = (columns.astype(np.float32), rows.astype(np.float32))
    border = cv2.BORDER_REPLICATE
    strip = cv2.remap(path.picture, *at, cv2.INTER_LINEAR, borderMode=border)
    soft = cv2.GaussianBlur(strip, (0, 0), 0.7)
    size = max(5, 2 * round(0.8 * path.width) + 3) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    hat: Floats = np.asarray(cv2.morphologyEx(soft, cv2.MORPH_TOPHAT, kernel), np.float32)
    middle = float(np.median(hat))
    noise = max(1.4826 * float(np.median(np.abs(hat - middle))), 0.3)
    least = np.maximum(_FAINT * path.usual, _NOISE * noise + middle)[:, None]
    is_seen = (columns >= 0) & (columns <= path.picture.shape[1] - 1)
    off_wire = np.abs(np.arange(-reach, reach + 1)) > _EDGE * path.width + 1
    mask: Flags = (hat >= least) & is_seen & off_wire
    # What reaches the end of what is seen may go on there.
    mask[0] = mask[-1] = False
    return mask


def _strand(path: Followed, near: Flags, points: NDArray[np.int64], area: int) -> _Strand | None:
    """Return a speck of pixels (N, 2), offset from the wire and row, as a strand if it is one."""
    reach = near.shape[1] // 2
    away = np.abs(points[:, 0])
    root = points[away.argmin()]
    distance = np.hypot(*(points - root).T)
    tip = points[distance.argmax()]
    length = float(distance.max()) + 1
    thickest = max(_THICK * path.width, _LEAST_THICK_PX)
    is_off = away.min() > _ROOT * path.width + 2 or area > thickest * length
    if is_off or length > _REACH * path.length or not _is_inside(path, tip, reach):
        return None
    angle = math.degrees(math.atan2(abs(tip[0]) - abs(root[0]), abs(int(tip[1] - root[1]))))
    if angle < _FLAT_DEG or not _grows_from_wire(path, int(root[1])):
        return None
    unit = (tip - root) / max(length - 1, 1.0)
    behind = (2 * _EDGE * path.width + 3) / max(abs(float(unit[0])), 0.15)
    is_wire = _seen(near, root, -unit, behind, max(3 * path.width, 8.0)) or _seen(
        near, tip, unit, 2.0, max(2 * path.width, 6.0)
    )
    if is_wire:
        return None
    ends = [(float(path.x[row] + offset), float(row)) for offset, row in (root, tip)]
    return _Strand(ends[0], ends[1], length, angle)


def _is_inside(path: Followed, tip: NDArray[np.int64], reach: int) -> bool:
    """Tell whether a tip lies well within what is seen."""
    column, row = float(path.x[tip[1]] + tip[0]), int(tip[1])
    in_strip = abs(int(tip[0])) < reach - 2 and 1 < row < len(path.x) - 2
    return in_strip and 1 <= column <= path.picture.shape[1] - 2


def _grows_from_wire(path: Followed, row: int) -> bool:
    """Tell whether a root lies on bare wire, away from the loops and clamps at both ends."""
    first, after = path.box
    if not first + _ENDS * path.length <= row <= after - _ENDS * path.length:
        return False
    near = round(2 * path.width) + 3
    return float(path.is_wire[max(row - near, 0) : row + near + 1].mean()) >= _HELD


def _seen(
    near: Flags, start: NDArray[np.int64], unit: NDArray[np.float64], skipped: float, reach: float
) -> bool:
    """Tell whether something is seen on a way in a direction, after some px."""
    steps = skipped + np.arange(0, reach)
    x, y = np.round(start[:, None] + unit[:, None] * steps).astype(np.int64)
    x = x + near.shape[1] // 2
    inside = (x >= 0) & (x < near.shape[1]) & (y >= 0) & (y < near.shape[0])
    return bool(inside.any()) and float(near[y[inside], x[inside]].mean()) >= _GOES_ON
