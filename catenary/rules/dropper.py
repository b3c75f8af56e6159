"""Dropper 吊弦: is the wire there from clamp to clamp, and does it hang straight?

Source of the outline: ridge filter (Lindeberg, Int. J. Comput. Vis. 30 (1998) 117-154), then the
cheapest path between the ends. All limits are our starting values, to be set on confirmed breaks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.imaging.crops import Crop

Floats = NDArray[np.float32]

_CONTINUITY, _SLACK = "dropper_continuity/1", "dropper_slack/1"
_SIGMAS = (1.0, 1.6, 2.6)  # px in the upright picture: wires of 2 to 8 px
_WORK_PX = 640  # longer droppers are reduced to this; keeps the cost flat
_END = 0.06  # share of the length at each end that clamps and thimbles take
_FAINT = 1.8  # ridges weaker than this, where wire is seen, do not show a gap reliably
_NOISE = 4.0  # a ridge counts when it is this many times the noise
_LEAST_RIDGE = 1.5  # grey levels; below it a ridge is sensor texture
_BRIDGED_PX = 2  # holes up to this length are noise, not gaps


@dataclass(frozen=True, slots=True)
class DropperLimits:
    """Limits of the dropper rules; lengths are shares of the dropper's length.

    Attributes:
        gap: Longest stretch without wire that is still whole.
        bow: Largest distance from the chord that is still straight.
        least_length_px: Shorter droppers are not judged.
        least_cover: Share of the length on which wire must be seen to judge at all.
    """

    gap: float = 0.08
    bow: float = 0.03
    least_length_px: int = 48
    least_cover: float = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class _Trace:
    """The wire as followed from one end of the box to the other, in the upright picture.

    Attributes:
        x: (L,) column of the path in each row.
        strength: (L,) ridge strength near the path over the least that counts.
        scale: Pixels of the upright picture per crop pixel.
    """

    x: NDArray[np.int64]
    strength: Floats
    scale: float


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
        return _refusal(_CONTINUITY, "broken", reason)
    trace = _trace(crop)
    length = len(trace.x)
    seen = _bridged(trace.strength >= 1)
    cover = float(seen.mean())
    if cover < limits.least_cover:
        return _refusal(_CONTINUITY, "broken", f"wire is seen on {cover:.0%} of the length only")
    if float(np.median(trace.strength[seen])) < _FAINT:
        return _refusal(_CONTINUITY, "broken", "the wire is too faint to tell a gap")
    start, stop = _longest_gap(seen)
    gap = (stop - start) / length
    if gap <= limits.gap and (sides := crop.cut_sides & {"top", "bottom"}):
        return _refusal(
            _CONTINUITY, "broken", f"leaves the picture at the {', '.join(sorted(sides))}"
        )
    lines = [_line("wire", crop, trace, range(0, length, max(1, length // 60)))]
    if stop > start:
        lines.append(_line("gap", crop, trace, (start, stop - 1)))
    numbers = (
        Measurement("longest_gap", gap, "1", limits.gap),
        Measurement("coverage", cover, "1"),
    )
    return _judged(_CONTINUITY, "broken", gap / limits.gap, numbers, tuple(lines))


def slackness(crop: Crop, limits: DropperLimits) -> Evidence:
    """Measure how far a dropper's wire leaves the straight line between its ends.

    Args:
        crop: As for `continuity`.
        limits: Thresholds.

    Returns:
        Evidence for ``slack``; score 0.5 at the limit. Not judged when the wire is not followed
        over most of its length: a bow cannot be told from a break.
    """
    if reason := _unfit(crop, limits):
        return _refusal(_SLACK, "slack", reason)
    trace = _trace(crop)
    seen = _bridged(trace.strength >= 1)
    if seen.mean() < 1 - 2 * limits.gap:
        return _refusal(_SLACK, "slack", "the wire is not seen over most of its length")
    length = len(trace.x)
    inner = slice(round(0.15 * length), length - round(0.15 * length))  # thimbles and loops bulge
    rows, columns = (
        np.arange(length)[inner],
        cv2.blur(trace.x.astype(np.float32)[:, None], (1, 9))[inner, 0],
    )
    ends = max(3, len(rows) // 12)
    low, high = float(np.median(columns[:ends])), float(np.median(columns[-ends:]))
    chord = np.interp(rows, [rows[ends // 2], rows[-1 - ends // 2]], [low, high])
    offset = np.abs(columns - chord)[ends:-ends]
    bow = float(offset.max() / len(rows)) if offset.size else 0.0
    line = _line("wire", crop, trace, range(0, length, max(1, length // 60)))
    ends_of_chord = _line("chord", crop, trace, (int(rows[0]), int(rows[-1])))
    number = Measurement("bow", bow, "1", limits.bow)
    return _judged(_SLACK, "slack", bow / limits.bow, (number,), (line, ends_of_chord))


def _unfit(crop: Crop, limits: DropperLimits) -> str:
    length = crop.inner.height
    if length < limits.least_length_px:
        return f"{length:.0f} px long, need {limits.least_length_px} px"
    if min(crop.pixels.shape) < 8:
        return f"only {min(crop.pixels.shape)} px wide"
    return ""


def _columns(crop: Crop) -> slice:
    """Return the columns in which the wire is looked for: the box and a little beside it."""
    beside = 4 + 0.05 * crop.inner.height
    return slice(max(int(crop.inner.x0 - beside), 0), int(crop.inner.x1 + beside) + 1)


def _trace(crop: Crop) -> _Trace:
    """Follow the wire from end to end, in whichever polarity it stands out more."""
    top = int(crop.inner.y0)
    bottom = max(int(np.ceil(crop.inner.y1)), top + 1)
    cut: NDArray[np.uint8] = np.ascontiguousarray(crop.pixels[top:bottom, _columns(crop)])
    scale = min(1.0, _WORK_PX / cut.shape[0])
    picture: Floats = cut.astype(np.float32)
    if scale < 1:
        size = (max(round(cut.shape[1] * scale), 8), round(cut.shape[0] * scale))
        picture = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    traces = [_followed(_ridges(picture, sign), scale) for sign in (1.0, -1.0)]
    return max(traces, key=lambda one: float(np.minimum(one.strength, 2).mean()))


def _ridges(picture: Floats, sign: float) -> Floats:
    """Return the strength (H, W) of upright bright (+1) or dark (-1) ridges, 1 = just counts."""
    best = np.zeros_like(picture)
    for sigma in _SIGMAS:
        smooth = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma, sigmaY=2.0)
        curve = cv2.filter2D(
            smooth, -1, np.array([[1.0, -2.0, 1.0]]), borderType=cv2.BORDER_REPLICATE
        )
        np.maximum(best, -sign * sigma**1.5 * curve, out=best)
    noise = 1.4826 * float(np.median(np.abs(best - np.median(best))))
    strength: Floats = best / max(_NOISE * noise, _LEAST_RIDGE)
    return strength


def _followed(strength: Floats, scale: float) -> _Trace:
    """Return the path from first to last row with the greatest sum of bounded strength."""
    height, width = strength.shape
    gain = np.minimum(strength, 2.0)
    total, came = gain[0].copy(), np.zeros((height, width), np.int8)
    edge = np.float32(-1e9)
    for row in range(1, height):
        left = np.concatenate([[edge], total[:-1]]) - np.float32(0.15)
        right = np.concatenate([total[1:], [edge]]) - np.float32(0.15)
        options = np.stack([total, left, right])
        step = options.argmax(axis=0)
        came[row] = np.array([0, -1, 1], np.int8)[step]
        total = options[step, np.arange(width)] + gain[row]
    x = np.empty(height, np.int64)
    x[-1] = int(total.argmax())
    for row in range(height - 1, 0, -1):
        x[row - 1] = x[row] + came[row, x[row]]
    around = np.stack(
        [strength[np.arange(height), np.clip(x + k, 0, width - 1)] for k in (-1, 0, 1)]
    )
    return _Trace(x, around.max(axis=0), scale)


def _bridged(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close holes of a few rows, which noise makes; single specks of wire in a gap go too."""
    column = seen.astype(np.uint8)[:, None]
    kernel = np.ones((2 * _BRIDGED_PX + 1, 1), np.uint8)
    closed = cv2.morphologyEx(column, cv2.MORPH_CLOSE, kernel)
    result: NDArray[np.bool_] = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)[:, 0] > 0
    return result


def _longest_gap(seen: NDArray[np.bool_]) -> tuple[int, int]:
    """Return first row and end of the longest run without wire, clamps at the ends left out."""
    length = len(seen)
    inside = seen.copy()
    margin = round(_END * length)
    inside[:margin] = True
    inside[length - margin :] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], inside, [True]]).astype(np.int8)))
    if not edges.size:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])


def _line(role: str, crop: Crop, trace: _Trace, rows: Iterable[int]) -> Polyline:
    """Return points of the path in crop pixels."""
    first = _columns(crop).start
    return Polyline(
        role,
        tuple(
            (
                float(first + (trace.x[row] + 0.5) / trace.scale),
                float(int(crop.inner.y0) + (row + 0.5) / trace.scale),
            )
            for row in rows
        ),
    )


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


def _refusal(source: str, condition: str, reason: str) -> Evidence:
    return Evidence(source, condition, Verdict.CANNOT_JUDGE, None, reason=reason)
