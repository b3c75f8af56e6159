"""Dropper 吊弦: is the wire there from clamp to clamp, is it held, and does it hang straight?

All limits are our starting values, to be set on confirmed breaks.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging.crops import Crop
from catenary.rules.dropper_path import BARE, BEYOND, Followed, Gap, followed, runs
from catenary.rules.verdicts import judged

_CONTINUITY, _FREE_END = "dropper_continuity/2", "dropper_free_end/2"
_SLACK, _ABSENCE = "dropper_slack/2", "dropper_absence/1"
_END = 0.15  # share of the length at each end in which a clamp is looked for
_LEAST_CLAMP = 40.0  # grey levels by which a clamp must stand out
_LEAST_CLAMP_PX = 14.0  # width of the box; the wire is an eighth of a clamp, and must be seen
_WIRE_SHARE = 0.12  # of the clamps' contrast: fainter things between them are no wire
_LEAST_WIDTH_PX = 8  # of the crop
_BLUR_PX = 2.0  # by which wires look wider than they are
_FITTING = 11.0  # wire widths; eyes of thimbles and clamps are no longer, so nothing shorter is
_FACED = 3.0  # the same where another tip looks back, or nothing follows at all
_OPEN = 0.75  # share of the limit that is enough there
_LONG = 0.25  # share of the length: so much of nothing outweighs something near its tip
_LOOSE = 1.25  # times the limit that may then lie across the tip
_LEAST_GAP_PX = 6.0  # shorter ones are not drawn: the mark at the end of the wire covers them
_FITTED = 10  # rows of bare wire that a bow is fitted to
_BETTER = (
    0.15  # share of the rows that a bow must fit in addition to be one: a hook at an end is not
)


@dataclass(frozen=True, slots=True)
class DropperLimits:
    """Limits of the dropper rules; lengths are shares of the dropper's length.

    Attributes:
        gap: Longest stretch without wire that is still whole.
        end_width: Most that may lie across a tip, in widths of the wire, for it to be free: what
            holds a wire is a multiple of it.
        empty: Most of the way between two clamps that may show nothing.
        bow: Largest distance from the chord that is still straight.
        least_length_px: Shorter droppers are not judged.
        least_width_px: Thinner wires are not called broken: they come and go from pixel to pixel.
        gap_length_px: Neither are shorter droppers.
        least_contrast: Grey levels by which the wire must stand out.
        least_fit: Share of the wire that must lie on one line or bow to judge slackness.
        least_cover: Share of the length on which wire must be seen to call a dropper whole.
        strand: Longest thing that may stand off the wire, in widths of the wire.
        strand_fit: Share of the bare wire that must lie on one line or bow to look for strands.
    """

    gap: float = 0.08
    end_width: float = 1.9
    empty: float = 0.85
    bow: float = 0.035
    least_length_px: int = 48
    least_width_px: float = 2.5
    gap_length_px: int = 110
    least_contrast: float = 3.5
    least_fit: float = 0.6
    least_cover: float = 0.5
    strand: float = 8.0
    strand_fit: float = 0.7


def continuity(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure the longest stretch of a dropper without wire.

    The stretch begins at a tip of wire that nothing holds and is followed in the wire's direction:
    it is empty as far as neither wire nor anything else is there. What crosses in front hides the
    wire, so it is no gap. Bright wires on a dark sky and dark wires on a bright one are both
    followed.

    Args:
        crop: The dropper with a margin; it hangs from the top of its box to the bottom.
        limits: Thresholds.

    Returns:
        Evidence for ``broken``; score 0.5 at the limit.
    """
    path = traced(crop, limits)
    if isinstance(path, Refusal):
        return path.evidence(_CONTINUITY, "broken")
    ratio, gap = _widest(path, limits, is_open=False)
    if reason := _unsure(crop, path, limits, ratio > 1):
        return reason.evidence(_CONTINUITY, "broken")
    share = gap.length / path.length if gap else 0.0
    numbers = (
        Measurement("longest_gap", share, "1", limits.gap),
        Measurement("coverage", _cover(path), "1"),
    )
    lines = (*wire_lines(path), *_drawn(path, gap))
    return judged(_CONTINUITY, "broken", ratio, numbers, lines)


def free_end(crop: Crop, limits: DropperLimits) -> Evidence:
    """Look for an end of the wire that no clamp holds, with nothing beyond it.

    A broken dropper of which one piece is left has no gap: its wire just ends in the air. A held
    wire ends at a clamp on another wire: much more lies across it than the wire itself. Loose
    strands at a tip are still only the wire.

    Args:
        crop: As for `continuity`; its margin shows what is past the ends of the box.
        limits: Thresholds.

    Returns:
        Evidence for ``broken``; score 0.5 at the limit. An end at the picture's edge says nothing.
    """
    path = traced(crop, limits)
    if isinstance(path, Refusal):
        return path.evidence(_FREE_END, "broken")
    ratio, gap = _widest(path, limits, is_open=True)
    if reason := _unsure(crop, path, limits, ratio > 1):
        return reason.evidence(_FREE_END, "broken")
    if gap is None and path.is_wire[:3].all() and path.is_wire[-3:].all():
        return Refusal(Unjudged.NO_WIRE_END).evidence(_FREE_END, "broken")
    beyond = gap.length / path.length if gap else 0.0
    numbers = [Measurement("beyond_end", beyond, "1", _OPEN * limits.gap)]
    if gap:
        numbers.append(Measurement("end_width", gap.hold, "wire widths", limits.end_width))
    lines = [*wire_lines(path)]
    if gap:
        lines += [*_within(path, gap, crop.inner), path.placed("end", (gap.start,))]
    return judged(_FREE_END, "broken", ratio, tuple(numbers), tuple(lines))


def absence(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure how much of the way between two clamps shows nothing at all.

    Args:
        crop: Two clamps one above the other, with a margin.
        limits: Thresholds.

    Returns:
        Evidence for ``missing``; score 0.5 at the limit. Not judged where the clamps are not both
        seen, or so small that a wire between them would not be.
    """
    path = traced(crop, limits)
    if isinstance(path, Refusal):
        return path.evidence(_ABSENCE, "missing")
    if reason := cut_ends(crop, path):
        return reason.evidence(_ABSENCE, "missing")
    off = _stands_out(crop, path)
    end = max(3, round(_END * path.length))
    clamp = float(min(off[:end].max(), off[-end:].max()))
    between = off[end:-end]
    least = max(_WIRE_SHARE * clamp, 3 * path.noise)
    empty = float((between < least).mean()) if between.size else 0.0
    if reason := _unproven(crop, path, limits, empty, clamp):
        return reason.evidence(_ABSENCE, "missing")
    number = Measurement("empty_between", empty, "1", limits.empty)
    middle = (crop.inner.x0 + crop.inner.x1) / 2
    ends = ((middle, crop.inner.y0 + share * crop.inner.height) for share in (_END, 1 - _END))
    lines = (Polyline("gap", tuple(ends)),)
    return judged(_ABSENCE, "missing", (empty / limits.empty) ** 4, (number,), lines)


def slackness(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure how far a dropper's wire leaves the straight line between its ends.

    Only rows that show the bare wire count, so that thimbles, clamps and the current-carrying
    loop at the ends do not.

    Args:
        crop: As for `continuity`.
        limits: Thresholds.

    Returns:
        Evidence for ``slack``; score 0.5 at the limit. Not judged when an end is outside the
        picture, or the wire is not followed over most of its length: a bow cannot be told from
        a break.
    """
    path = traced(crop, limits)
    if isinstance(path, Refusal):
        return path.evidence(_SLACK, "slack")
    if reason := cut_ends(crop, path):
        return reason.evidence(_SLACK, "slack")
    rows = _bare(path)
    cover, needed = len(rows) / path.length, limits.least_cover
    broken = max(_widest(path, limits, is_open)[0] for is_open in (True, False)) > 1
    if cover < needed or broken:
        short = refused(Unjudged.WIRE_NOT_FOLLOWED, "coverage", cover, "1", needed)
        return short.evidence(_SLACK, "slack")
    line, straight = _fitted(path, rows, 1)
    curve, fit = _fitted(path, rows, 2)
    if fit - straight < _BETTER:
        curve, fit = line, straight
    if fit < limits.least_fit:
        unsteady = refused(Unjudged.NO_SINGLE_LINE, "fit", fit, "1", limits.least_fit)
        return unsteady.evidence(_SLACK, "slack")
    first, last = float(rows[0]), float(rows[-1])
    chord = float(np.hypot(last - first, curve(last) - curve(first)))
    bow = float(abs(curve((first + last) / 2) - (curve(first) + curve(last)) / 2)) / chord
    if bow > limits.bow and (reason := _too_fine(path, limits)):
        return reason.evidence(_SLACK, "slack")
    some = np.linspace(first, last, 13)
    fitted = path.placed("bow", zip(curve(some).tolist(), some.tolist(), strict=True))
    ends = path.placed("chord", ((float(curve(row)), row) for row in (first, last)))
    number = Measurement("bow", bow, "1", limits.bow)
    lines = (*wire_lines(path), fitted, ends)
    return judged(_SLACK, "slack", bow / limits.bow, (number,), lines)


def traced(crop: Crop, limits: DropperLimits) -> Followed | Refusal:
    """Return a dropper's path, or why nothing about it can be judged."""
    length, width = crop.inner.height, min(crop.pixels.shape)
    if length < limits.least_length_px:
        return refused(Unjudged.TOO_SHORT, "length", length, "px", limits.least_length_px)
    if width < _LEAST_WIDTH_PX:
        return refused(Unjudged.TOO_NARROW, "width", width, "px", _LEAST_WIDTH_PX)
    path = followed(crop)
    if not path.is_wire.any():
        return refused(Unjudged.LITTLE_WIRE, "coverage", 0.0, "1", limits.least_cover)
    contrast = float(np.median(path.contrast[path.is_wire]))
    if contrast < limits.least_contrast:
        needed = limits.least_contrast
        return refused(Unjudged.FAINT_WIRE, "contrast", contrast, "grey levels", needed)
    return path


def _unsure(crop: Crop, path: Followed, limits: DropperLimits, is_raised: bool) -> Refusal | None:
    """Return why neither a gap proves a break, nor the lack of one that there is none."""
    if is_raised:
        return _too_fine(path, limits)
    if reason := cut_ends(crop, path):
        return reason
    if (cover := _cover(path)) < limits.least_cover:
        return refused(Unjudged.LITTLE_WIRE, "coverage", cover, "1", limits.least_cover)
    return None


def _too_fine(path: Followed, limits: DropperLimits) -> Refusal | None:
    """Return why a gap would prove nothing: so thin wires come and go from pixel to pixel."""
    width, length = path.width / path.scale, path.length / path.scale
    if width < limits.least_width_px:
        return refused(Unjudged.THIN_WIRE, "width", width, "px", limits.least_width_px)
    if length < limits.gap_length_px:
        return refused(Unjudged.TOO_SHORT, "length", length, "px", limits.gap_length_px)
    return None


def cut_ends(crop: Crop, path: Followed) -> Refusal | None:
    """Return that the dropper leaves the picture, also where its box ends a little before it."""
    near = BEYOND * crop.inner.height - 1
    at_edge = {
        "top": crop.inner.y0 < near and path.is_wire[:3].all(),
        "bottom": crop.pixels.shape[0] - crop.inner.y1 < near and path.is_wire[-3:].all(),
    }
    sides = {side for side, is_cut in at_edge.items() if is_cut}
    return cut_off(crop.cut_sides & {"top", "bottom"} | sides)


def _widest(path: Followed, limits: DropperLimits, is_open: bool) -> tuple[float, Gap | None]:
    """Return the gap that is farthest beyond the limits, and by how much; 1 at the limit."""
    best: tuple[float, Gap | None] = (0.0, None)
    share = limits.gap * (_OPEN if is_open else 1.0)
    for gap in path.gaps:
        if gap.is_open is not is_open:
            continue
        widths = _FACED if is_open or _is_faced(gap, path) else _FITTING
        least = max(share * path.length, widths * (path.width - _BLUR_PX))
        is_long = not is_open and gap.length > _LONG * path.length
        most = limits.end_width * (_LOOSE if is_long else 1.0)
        ratio = min(gap.length / least, most / max(gap.hold, 0.1))
        if ratio > best[0]:
            best = ratio, gap
    return best


def _is_faced(gap: Gap, path: Followed) -> bool:
    """Tell whether another tip of wire looks back from where a gap stops."""
    near = max(6.0, 2 * path.width)
    return any(
        other is not gap
        and (other.row - gap.row) * (gap.stop[1] - gap.start[1]) > 0
        and np.hypot(other.start[0] - gap.stop[0], other.start[1] - gap.stop[1]) <= near
        for other in path.gaps
    )


def _stands_out(crop: Crop, path: Followed) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return by how much anything in each row of the box differs from the sky beside it."""
    columns = [round(x * path.scale) for x in (crop.inner.x0 - 2, crop.inner.x1 + 2)]
    inside = path.picture[path.box[0] : path.box[1]]
    soft = cv2.GaussianBlur(inside, (0, 0), sigmaX=0.5, sigmaY=1.0)
    near = np.asarray(soft, np.float32)[:, max(columns[0], 0) : columns[1] + 1]
    sky = np.median(near, axis=1, keepdims=True)
    off: np.ndarray[tuple[int], np.dtype[np.float32]] = np.abs(near - sky).max(axis=1)
    return off


def _unproven(
    crop: Crop, path: Followed, limits: DropperLimits, empty: float, clamp: float
) -> Refusal | None:
    """Return why nothing between two clamps proves nothing, or something no wire."""
    width, cover = crop.inner.width, _cover(path)
    if empty > limits.empty:
        if clamp < _LEAST_CLAMP:
            return refused(Unjudged.LOW_CONTRAST, "contrast", clamp, "grey levels", _LEAST_CLAMP)
        if width < _LEAST_CLAMP_PX:
            return refused(Unjudged.TOO_NARROW, "width", width, "px", _LEAST_CLAMP_PX)
    elif cover < limits.least_cover:
        return refused(Unjudged.LITTLE_WIRE, "coverage", cover, "1", limits.least_cover)
    return None


def straightness(path: Followed) -> tuple[float, float]:
    """Return the share of the box's rows with wire, and of its bare wire on one line or bow."""
    rows = _bare(path)
    return _cover(path), _fitted(path, rows, 2)[1] if len(rows) > _FITTED else 0.0


def _cover(path: Followed) -> float:
    return float(path.is_wire[path.box[0] : path.box[1]].mean())


def _bare(path: Followed) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of the box that show the wire and nothing else."""
    rows = np.arange(*path.box)
    is_bare = path.is_wire[rows] & (path.mass[rows] < BARE)
    return rows[is_bare]


def _fitted(
    path: Followed, rows: np.ndarray[tuple[int], np.dtype[np.int64]], degree: int
) -> tuple[np.polynomial.Polynomial, float]:
    """Fit a hanging wire, 1 straight or 2 bowed, without what is not wire.

    Source: least absolute deviations by reweighting (Schlossmacher, J. Am. Stat. Assoc. 68
    (1973) 857-859), which up to a good third of other points cannot move.

    Returns:
        Column as a function of the row, and the share of the rows within 1 % of the length
        (at least 1.5 px) of it.
    """
    columns = path.x[rows]
    weights = np.ones(len(rows))
    for _ in range(12):
        curve = np.polynomial.Polynomial.fit(rows, columns, degree, w=np.sqrt(weights))
        distance = np.abs(columns - curve(rows))
        weights = 1 / np.maximum(distance, 0.5)
    near = max(1.5, 0.01 * path.length)
    return curve, float((distance <= near).mean())


def wire_lines(path: Followed) -> list[Polyline]:
    """Return the path through the box, to draw: but where there is neither wire nor anything."""
    first, after = path.box
    step = max(1, (after - first) // 60)
    seen = ~path.is_empty[first:after]
    pieces = [(first + start, first + stop) for start, stop in runs(seen) if stop - start >= step]
    return [path.line("wire", [*range(start, stop, step), stop - 1]) for start, stop in pieces]


def _drawn(path: Followed, gap: Gap | None) -> tuple[Polyline, ...]:
    return (path.placed("gap", (gap.start, gap.stop)),) if gap else ()


def _within(path: Followed, gap: Gap, box: Box) -> tuple[Polyline, ...]:
    """Return a gap as far as it lies in the box, to draw: beyond it is the air beside the dropper.

    Nothing where the wire ends at the box.
    """
    whole = path.placed("gap", (gap.start, gap.stop))
    start, stop = whole.points
    shares = [1.0]
    for low, high, at, to in (
        (box.x0, box.x1, start[0], stop[0]),
        (box.y0, box.y1, start[1], stop[1]),
    ):
        if not low <= at <= high:
            return ()
        if to != at:
            shares.append(((high if to > at else low) - at) / (to - at))
    share = min(shares)
    if share * math.dist(start, stop) < _LEAST_GAP_PX:
        return ()
    end = tuple(at + share * (to - at) for at, to in zip(start, stop, strict=True))
    return (Polyline("gap", (start, (end[0], end[1]))),)
