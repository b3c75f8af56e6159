"""Does a bolt 螺栓 hold its nut, how far does its thread stand out, and does the nut sit?

Measured on the free end that `bolt_profile` finds. A bolt seen end on, or with its nut hidden
behind what it holds, is not judged: one view of it tells nothing.
"""

from dataclasses import dataclass

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging.crops import Crop
from catenary.rules import bolt_profile
from catenary.rules.bolt_profile import Shape, Thread
from catenary.rules.verdicts import judged

NUT = "bolt_nut/1"
SEAT = "bolt_seat/1"


@dataclass(frozen=True, slots=True)
class BoltLimits:
    """Limits of the bolt rules; our starting values, tuned on simulated bolts.

    Attributes:
        min_side_px: Boxes with a longer side shorter than this are not judged: threads of 5 px.
        min_contrast: Not judged below this difference between the dark and the bright part of the
            box, in grey levels.
        outline: Least strength of a free end's outline.
        edges: Least strength of the two edges of its thread.
        nut_edges: Strength from which two edges, wider apart than the thread, are a nut.
        free_thread: Thread that stands free without a nut behind it, in thread diameters.
        no_nut: Strength of any edge where the nut's would be, up to which there is none.
        rim: Least strength of the step from thread to what the bolt holds, near the axis and out
            where no nut reaches.
        longest: Free thread beyond this is something else, in thread diameters.
        gap: Thread that shows between nut and seat, in thread diameters.
    """

    min_side_px: float = 36.0
    min_contrast: float = 20.0
    outline: float = 0.45
    edges: float = 0.6
    nut_edges: float = 0.5
    free_thread: float = 1.0
    no_nut: float = 0.65
    rim: float = 0.6
    longest: float = 3.2
    gap: float = 0.2


def nut(crop: Crop, limits: BoltLimits) -> Evidence:
    """Tell whether the nut is missing.

    Args:
        crop: Cut-out of a bolt.
        limits: Thresholds.

    Returns:
        Evidence for ``nut_missing``. With the nut seen it measures how far the thread stands out;
        without, how long it is free. Cannot judge where neither is clear.
    """
    seen = _seen(crop, limits)
    if isinstance(seen, Refusal):
        return seen.evidence(NUT, "nut_missing")
    for end, shape in seen:
        if _has_nut(shape, limits):
            numbers = (
                Measurement("nut_edges", shape.nut, "1", limits.nut_edges),
                Measurement("protrusion", shape.free, "thread diameters"),
                *_sizes(end, shape),
            )
            ratio = limits.nut_edges / max(shape.nut, 1e-6)
            return judged(NUT, "nut_missing", ratio, numbers, _lines(end, shape))
    for end, shape in seen:
        if _is_bare(shape, limits):
            free = Measurement("free_thread", shape.free, "thread diameters", limits.free_thread)
            numbers = (free, *_sizes(end, shape))
            ratio = shape.free / limits.free_thread
            return judged(NUT, "nut_missing", ratio, numbers, _lines(end, shape))
    return Refusal(Unjudged.NUT_UNSEEN).evidence(NUT, "nut_missing")


def seat(crop: Crop, limits: BoltLimits) -> Evidence:
    """Tell whether the nut has left its seat.

    Args:
        crop: Cut-out of a bolt.
        limits: Thresholds.

    Returns:
        Evidence for ``loose`` from the thread that shows between nut and seat; cannot judge where
        no nut is seen from beside.
    """
    seen = _seen(crop, limits)
    if isinstance(seen, Refusal):
        return seen.evidence(SEAT, "loose")
    for end, shape in seen:
        if _has_nut(shape, limits):
            numbers = (
                Measurement("nut_gap", shape.gap, "thread diameters", limits.gap),
                *_sizes(end, shape),
            )
            return judged(SEAT, "loose", shape.gap / limits.gap, numbers, _lines(end, shape))
    return Refusal(Unjudged.NUT_UNSEEN).evidence(SEAT, "loose")


def _seen(crop: Crop, limits: BoltLimits) -> list[tuple[Thread, Shape]] | Refusal:
    """Return the clear free ends with what is behind them, clearest first; or why there is none."""
    side = max(crop.inner.width, crop.inner.height)
    if side < limits.min_side_px:
        return refused(Unjudged.TOO_SHORT, "length", side, "px", limits.min_side_px)
    if cut := cut_off(crop.cut_sides):
        return cut
    contrast = bolt_profile.contrast(crop)
    if contrast < limits.min_contrast:
        needed = limits.min_contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", needed)
    ends = [one for one in bolt_profile.ends(crop) if one.strength >= limits.outline]
    seen = [(end, bolt_profile.shape(crop, end)) for end in ends]
    clear = [(end, shape) for end, shape in seen if shape.clear >= limits.edges]
    return clear or Refusal(Unjudged.NO_THREAD)


def _has_nut(shape: Shape, limits: BoltLimits) -> bool:
    return shape.nut >= limits.nut_edges


def _is_bare(shape: Shape, limits: BoltLimits) -> bool:
    return (
        limits.free_thread < shape.free < limits.longest
        and shape.hint < limits.no_nut
        and min(shape.near_rim, shape.far_rim) >= limits.rim
    )


def _sizes(end: Thread, shape: Shape) -> tuple[Measurement, ...]:
    return (
        Measurement("thread_length", shape.free * end.diameter, "px"),
        Measurement("thread_diameter", end.diameter, "px"),
    )


def _lines(end: Thread, shape: Shape) -> tuple[Polyline, ...]:
    """Return the outlines of thread and nut, in crop pixels."""
    diameter = end.diameter
    lines = [_outline("thread", end, (0.0, shape.free * diameter), diameter)]
    if shape.nut_stop > shape.free:
        span = shape.free * diameter, shape.nut_stop * diameter
        lines.append(_outline("nut", end, span, shape.nut_width * diameter))
    return tuple(lines)


def _outline(role: str, end: Thread, span: tuple[float, float], width: float) -> Polyline:
    half = width / 2
    sides = ((span[0], -half), (span[0], half), (span[1], half), (span[1], -half), (span[0], -half))
    return Polyline(role, tuple(end.at(inward, aside) for inward, aside in sides))
