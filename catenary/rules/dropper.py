"""Dropper 吊弦: is the wire there from clamp to clamp, is it held, and does it hang straight?

All limits are our starting values, to be set on confirmed breaks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging.crops import Crop
from catenary.rules.wire import Trace, follow

_CONTINUITY, _FREE_END = "dropper_continuity/1", "dropper_free_end/1"
_SLACK = "dropper_slack/1"
_CLAMP = 0.06  # share of the length at each end that clamps and thimbles take
_BEYOND = 0.08  # share of the length looked at past each end of the box
_LEAST_WIDTH_PX = 8  # of the crop
_FAINT = 1.8  # ridges weaker than this, where wire is seen, do not show a gap reliably


@dataclass(frozen=True, slots=True)
class DropperLimits:
    """Limits of the dropper rules; lengths are shares of the dropper's length.

    Attributes:
        gap: Longest stretch without wire that is still whole.
        end_width: Widest thing at an end, in wire widths, that is still no clamp.
        bow: Largest distance from the chord that is still straight.
        least_length_px: Shorter droppers are not judged.
        least_fit: Share of the wire that must lie on one line or bow to judge slackness.
        least_cover: Share of the length on which wire must be seen to judge at all.
    """

    gap: float = 0.08
    end_width: float = 2.5
    bow: float = 0.035
    least_length_px: int = 48
    least_fit: float = 0.6
    least_cover: float = 0.2


def continuity(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure the longest stretch of a dropper without wire.

    A wire that crosses in front is wire: it is no gap. Bright wires on a dark sky and dark wires
    on a bright one are both followed.

    Args:
        crop: The dropper with a margin; it hangs from the top of its box to the bottom.
        limits: Thresholds.

    Returns:
        Evidence for ``broken``; score 0.5 at the limit.
    """
    if reason := _unfit(crop, limits):
        return reason.evidence(_CONTINUITY, "broken")
    trace = follow(crop)
    if reason := _unclear(trace, limits):
        return reason.evidence(_CONTINUITY, "broken")
    length = len(trace.x)
    start, stop = _longest_gap(trace.seen)
    gap = (stop - start) / length
    if gap <= limits.gap and (cut := _cut_ends(crop)):
        return cut.evidence(_CONTINUITY, "broken")
    lines = [_whole_line(trace)]
    if stop > start:
        lines.append(trace.line("gap", (start, stop - 1)))
    numbers = (
        Measurement("longest_gap", gap, "1", limits.gap),
        Measurement("coverage", float(trace.seen.mean()), "1"),
    )
    return _judged(_CONTINUITY, "broken", gap / limits.gap, numbers, tuple(lines))


def free_end(crop: Crop, limits: DropperLimits) -> Evidence:
    """Look for an end of the wire that no clamp holds.

    A broken dropper of which one piece is left has no gap: its wire just ends in the air. A held
    wire ends at a clamp on another wire, several times as wide as itself.

    Args:
        crop: As for `continuity`; its margin shows what is past the ends of the box.
        limits: Thresholds.

    Returns:
        Evidence for ``broken``; score 0.5 at the limit. An end at the picture's edge says nothing.
    """
    if reason := _unfit(crop, limits):
        return reason.evidence(_FREE_END, "broken")
    trace = follow(crop, _BEYOND)
    if reason := _unclear(trace, limits):
        return reason.evidence(_FREE_END, "broken")
    widths = trace.widths()
    length = len(trace.x)
    seen = np.flatnonzero(trace.seen)
    usual = max(float(np.median(widths[trace.seen])), 1.0)
    ends = []
    for side, row in (("top", int(seen[0])), ("bottom", int(seen[-1]))):
        inside = row if side == "top" else length - 1 - row
        if side in crop.cut_sides or inside < 0.02 * length:
            continue  # it leaves the picture, or goes on past the crop
        reach = max(4, round(_CLAMP * length))
        around = slice(max(row - reach, 0), row + reach + 1)
        ends.append((float(widths[around].max()) / usual, row))
    if not ends:
        return Refusal(Unjudged.NO_WIRE_END).evidence(_FREE_END, "broken")
    narrowest, row = min(ends)
    ratio = limits.end_width / max(narrowest, 0.1)
    if ratio <= 1 and (cut := _cut_ends(crop)):
        return cut.evidence(_FREE_END, "broken")
    numbers = (Measurement("end_width", narrowest, "wire widths", limits.end_width),)
    lines = (_whole_line(trace), trace.line("end", (row,)))
    return _judged(_FREE_END, "broken", ratio, numbers, lines)


def slackness(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure how far a dropper's wire leaves the straight line between its ends.

    Args:
        crop: As for `continuity`.
        limits: Thresholds.

    Returns:
        Evidence for ``slack``; score 0.5 at the limit. Not judged when an end is outside the
        picture, or the wire is not followed over most of its length: a bow cannot be told from
        a break.
    """
    if reason := _unfit(crop, limits) or _cut_ends(crop):
        return reason.evidence(_SLACK, "slack")
    trace = follow(crop)
    cover, needed = float(trace.seen.mean()), 1 - 2 * limits.gap
    if cover < needed:
        short = refused(Unjudged.WIRE_NOT_FOLLOWED, "coverage", cover, "1", needed)
        return short.evidence(_SLACK, "slack")
    length = len(trace.x)
    curve, fit = _parabola(trace)
    if fit < limits.least_fit:
        unsteady = refused(Unjudged.NO_SINGLE_LINE, "fit", fit, "1", limits.least_fit)
        return unsteady.evidence(_SLACK, "slack")
    bow = float(abs(curve(length / 2) - (curve(0) + curve(length)) / 2) / length)
    rows = np.linspace(0, length - 1, 13)
    fitted = trace.placed("bow", zip(curve(rows).tolist(), rows.tolist(), strict=True))
    number = Measurement("bow", bow, "1", limits.bow)
    return _judged(_SLACK, "slack", bow / limits.bow, (number,), (_whole_line(trace), fitted))


def _unfit(crop: Crop, limits: DropperLimits) -> Refusal | None:
    length, width = crop.inner.height, min(crop.pixels.shape)
    if length < limits.least_length_px:
        return refused(Unjudged.TOO_SHORT, "length", length, "px", limits.least_length_px)
    if width < _LEAST_WIDTH_PX:
        return refused(Unjudged.TOO_NARROW, "width", width, "px", _LEAST_WIDTH_PX)
    return None


def _unclear(trace: Trace, limits: DropperLimits) -> Refusal | None:
    cover = float(trace.seen.mean())
    if cover < limits.least_cover:
        return refused(Unjudged.LITTLE_WIRE, "coverage", cover, "1", limits.least_cover)
    strength = float(np.median(trace.strength[trace.seen]))
    if strength < _FAINT:
        return refused(Unjudged.FAINT_WIRE, "wire_strength", strength, "1", _FAINT)
    return None


def _cut_ends(crop: Crop) -> Refusal | None:
    return cut_off(crop.cut_sides & {"top", "bottom"})


def _longest_gap(seen: NDArray[np.bool_]) -> tuple[int, int]:
    """Return first row and end of the longest run without wire, clamps at the ends left out."""
    length = len(seen)
    inside = seen.copy()
    margin = round(_CLAMP * length)
    inside[:margin] = True
    inside[length - margin :] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], inside, [True]]).astype(np.int8)))
    if not edges.size:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])


def _parabola(trace: Trace) -> tuple[np.polynomial.Polynomial, float]:
    """Fit a hanging wire so that thimbles, loops and clamps at its ends do not count.

    Source: least absolute deviations by reweighting (Schlossmacher, J. Am. Stat. Assoc. 68
    (1973) 857-859), which up to a good third of other points cannot move.

    Returns:
        Column as a parabola of the row, and the share of seen rows within 1 % of the length
        (at least 1.5 px) of it.
    """
    rows = np.arange(len(trace.x), dtype=np.float64)
    columns = trace.x.astype(np.float64)
    weights = trace.seen.astype(np.float64)
    for _ in range(12):
        curve = np.polynomial.Polynomial.fit(rows, columns, 2, w=np.sqrt(weights))
        distance = np.abs(columns - curve(rows))
        weights = trace.seen / np.maximum(distance, 0.5)
    near = max(1.5, 0.01 * len(rows))
    return curve, float((distance[trace.seen] <= near).mean())


def _whole_line(trace: Trace) -> Polyline:
    length = len(trace.x)
    return trace.line("wire", range(0, length, max(1, length // 60)))


def _judged(
    source: str,
    condition: str,
    ratio: float,
    numbers: tuple[Measurement, ...],
    lines: tuple[Polyline, ...],
) -> Evidence:
    """Return evidence whose score is 0.5 where the measurement reaches its limit."""
    score = float(1 / (1 + np.exp(-3.0 * np.log(max(ratio, 0.02)))))
    verdict = Verdict.DEFECT if ratio > 1 else Verdict.NORMAL
    return Evidence(source, condition, verdict, score, numbers, lines)
