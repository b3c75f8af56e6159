"""Chipped sheds 伞裙破损: does one reach less far out than the others on the same side?

Of each shed the outermost place is found on both sides, to a fraction of a pixel, where what is
seen changes by half of its way from the background to the sheds. A shed is held against those on
both its sides, every second one where sheds of two sizes alternate, and against its own other side.
What is chipped off within the outline is not seen so. All numbers are our starting values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules import insulator_patches
from catenary.rules.insulator_patches import SideBySide
from catenary.rules.insulator_string import ShedLimits
from catenary.rules.verdicts import judged

OUTLINE = "insulator_outline/2"

_APART = 0.04  # of the height, between the sheds and what is beside them
_TIP = 0.12  # of the height, in which the grey level of sheds is taken
_DEEP = 0.45  # of the height, up to which a side is followed
_SURE = 3.0  # times the roughness of the background by which sheds must stand out
_LEAST_GREY = 4.0
_LEAST_SCATTER = 0.25  # px: fine differences of sheds that cannot be told
_AROUND = 4  # sheds on each side that tell where a tip should be
_LEAST_PAIRS = 2  # of opposite neighbours: of a single one, either may be no shed
_FROM_BOTH = 0.5  # of the notch, that a shed must reach less far out than those on each hand alone
_SEEN = 0.6  # of the sheds of a side that must be seen to be judged
_ALTERNATES = 0.6  # of the scatter that every second shed must leave to be the better model


@dataclass(frozen=True, slots=True)
class OutlineLimits:
    """Limits of the rule of chipped sheds, chosen on simulated insulators.

    Attributes:
        notch: Share of the sheds' height by which a shed reaches less far out.
        deepest: Share from which the shed is missing, hidden or in a shadow.
        notch_scatter: The same over the usual scatter of the sheds of that side.
        notch_others: Of the notch, that the next deepest one of the side may have: where several
            sheds seem chipped, something stands before the string.
        other_side: Of the notch, that the shed's other side may differ from its neighbours.
        restless: Of the sheds' contrast, that the background beside the string may vary.
        least_sheds: Fewer are not judged.
    """

    notch: float = 0.02
    deepest: float = 0.3
    notch_scatter: float = 4.5
    notch_others: float = 0.45
    other_side: float = 0.4
    restless: float = 0.15
    least_sheds: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One side of a string.

    Attributes:
        is_below: Whether it is the lower one.
        tips: (N,) rows at which the sheds end, from the upper or lower border of the picture.
        lost: (N,) px by which each reaches less far than its neighbours say.
        step: 2 where each is held against every second one, as their sizes alternate, else 1.
        scatter: Usual size of that, px.
        restless: (N,) how much the background varies, of the sheds' contrast; infinite where the
            crop ends at the shed.
    """

    is_below: bool
    tips: NDArray[np.float64]
    lost: NDArray[np.float64]
    step: int
    scatter: float
    restless: NDArray[np.float64]


def chipped(crop: Crop, sheds: ShedLimits, limits: OutlineLimits) -> Evidence:
    """Find the shed that reaches least far out, against the others on its side.

    Args:
        crop: Cut-out of one insulator.
        sheds: How its sheds are found.
        limits: Thresholds.

    Returns:
        Evidence for ``shed_broken``; score 0.5 at the limit. Of the first and the last sheds seen
        nothing is told. Cannot judge where neither side stands out from an even background.
    """
    row = insulator_patches.side_by_side(crop, sheds)
    if isinstance(row, Refusal):
        return row.evidence(OUTLINE, "shed_broken")
    if len(row.places) < limits.least_sheds:
        needed = limits.least_sheds
        few = refused(Unjudged.FEW_SHEDS, "sheds", len(row.places), "1", needed)
        return few.evidence(OUTLINE, "shed_broken")
    sides = [_side(row, is_below) for is_below in (False, True)]
    seen = [one for one in sides if one is not None and np.median(one.restless) < limits.restless]
    if not seen:
        return Refusal(Unjudged.NO_OUTLINE).evidence(OUTLINE, "shed_broken")
    return max((_judged(row, one, seen, limits) for one in seen), key=lambda one: one.score or 0.0)


def _side(row: SideBySide, is_below: bool) -> _Side | None:
    """Return what is seen of a side; None where its sheds do not stand out."""
    picture = row.picture[::-1] if is_below else row.picture
    edge = len(picture) - row.bottom if is_below else row.top
    is_seen = row.is_seen[int(is_below)]
    if is_seen.mean() < _SEEN:
        return None
    outside = _each(picture[: edge - max(2, round(_APART * row.height))], row)
    ground = profiles.medians_along(outside, 1)
    rough = 1.48 * profiles.medians_along(np.abs(outside - ground[:, None]), 1)
    tip = _each(picture[edge : edge + max(3, round(_TIP * row.height))], row)
    dark, usual, bright = profiles.percentiles_along(tip, (20, 50, 80), 1)
    sign = float(np.sign(np.median(usual - ground)))
    contrast = _smooth(sign * ((bright if sign > 0 else dark) - ground))
    if np.median(contrast) < max(_LEAST_GREY, _SURE * float(np.median(rough))):
        return None
    seen = picture[: edge + round(_DEEP * row.height)][:, row.columns]
    share = sign * (seen - ground[:, None]) / np.maximum(contrast, 1.0)[:, None]
    tips = _tips(np.asarray(share, np.float32))
    lost, step = _lost(tips)
    scatter = max(1.48 * float(np.median(np.abs(lost[1:-1]))), _LEAST_SCATTER)
    restless = np.where(is_seen, rough / np.maximum(contrast, 1.0), np.inf)
    return _Side(is_below, tips, lost, step, scatter, restless)


def _each(rows: Floats, row: SideBySide) -> Floats:
    """Return (N, pixels) what is in some rows of the picture at each shed."""
    return rows[:, row.columns].transpose(1, 0, 2).reshape(len(row.columns), -1)


def _smooth(values: Floats) -> Floats:
    """Return the median of each value and those around it."""
    padded = np.pad(values, _AROUND, mode="reflect" if len(values) > _AROUND else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    return profiles.medians_along(windows, 1)


def _tips(share: Floats) -> NDArray[np.float64]:
    """Return the row at which each shed begins, to a fraction of a pixel.

    Args:
        share: (rows, N, width) of the way from the background, 0, to the sheds, 1.
    """
    is_shed = share > 0.5
    is_shed[:-1] &= is_shed[1:]  # a single row is noise
    first = np.where(is_shed.any(axis=0), is_shed.argmax(axis=0), len(share) - 1)
    at = np.take_along_axis(share, first[None], axis=0)[0]
    before = np.take_along_axis(share, np.maximum(first - 1, 0)[None], axis=0)[0]
    rows = first - np.clip((at - 0.5) / np.maximum(at - before, 1e-3), 0, 1)
    # The outermost column may be one of noise: the next one it is.
    tips: NDArray[np.float64] = np.partition(rows, 1, axis=1)[:, 1].astype(np.float64)
    return tips


def _lost(tips: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return by how much each tip lies further in than those to both its sides, and their step."""
    every, second = _against(tips, 1), _against(tips, 2)
    is_alternating = np.median(np.abs(second)) < _ALTERNATES * np.median(np.abs(every))
    return (second, 2) if is_alternating else (every, 1)


def _lies_in(side: _Side, at: int) -> float:
    """Return by how much a tip lies further in than those on that hand where it does least.

    Where something else is seen beside one end of a string, the last shed before it is level with
    those on its other hand.
    """
    steps = np.arange(1, _AROUND + 1) * side.step
    hands = at - steps[steps <= at], at + steps[at + steps < len(side.tips)]
    return min(
        (float(side.tips[at] - np.median(side.tips[one])) for one in hands if one.size), default=0.0
    )


def _against(tips: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return each tip less the mean of opposite neighbours, of the pair to which it differs least.

    One of a pair may be no tip but something beside it. 0 where there are too few pairs.
    """
    count, lost = len(tips), np.zeros(len(tips))
    for at in range(count):
        steps = np.arange(step, min(_AROUND * step, at, count - 1 - at) + 1, step)
        if steps.size >= _LEAST_PAIRS:
            each = tips[at] - (tips[at - steps] + tips[at + steps]) / 2
            lost[at] = each[np.abs(each).argmin()]
    return lost


def _judged(row: SideBySide, side: _Side, sides: list[_Side], limits: OutlineLimits) -> Evidence:
    """Return what one side says."""
    inner = side.lost[1:-1]
    at = 1 + int(inner.argmax())
    notch = max(float(side.lost[at]), 0.0)
    others = float(np.max(np.abs(np.delete(inner, at - 1)), initial=0.0))
    across = max((abs(float(one.lost[at])) for one in sides if one is not side), default=0.0)
    ratio = min(notch / row.height / limits.notch, notch / side.scatter / limits.notch_scatter)
    # Several sheds, or both sides of one: a shadow, or something before the string.
    is_single = others <= limits.notch_others * notch and across <= limits.other_side * notch
    is_in = _lies_in(side, at) >= _FROM_BOTH * notch
    is_chip = is_single and is_in and notch <= limits.deepest * row.height
    if not is_chip or side.restless[at] > limits.restless:
        ratio = min(ratio, 0.5)
    numbers = (
        Measurement("notch", notch / row.height, "1", limits.notch),
        Measurement("notch_scatter", notch / side.scatter, "1", limits.notch_scatter),
        Measurement("notch_depth", notch / row.scale, "px"),
        Measurement("sheds", float(len(row.places)), "1"),
    )
    return judged(OUTLINE, "shed_broken", ratio, numbers, _traces(row, side, at))


def _traces(row: SideBySide, side: _Side, at: int) -> tuple[Polyline, ...]:
    """Return the tips of all sheds of a side, and the outline of the end of the one judged."""
    tips = len(row.picture) - 1 - side.tips if side.is_below else side.tips
    half, high = row.period / 2, 0.25 * row.height
    inward = -1 if side.is_below else 1
    place, tip = float(row.places[at]), float(tips[at])
    rows = (tip - inward * (side.lost[at] + 3), tip + inward * high)
    return (
        row.line("rim", np.stack([row.places, tips], axis=1)),
        row.outline("chipped", (place - half, place + half), rows),
    )
