"""Insulator 绝缘子: are all sheds 伞裙 there, and does none look unlike the others?

Where a shed is missing, what shows is what shows between the sheds: nothing like a shed, nothing
new. How the string and its sheds are found is in `insulator_string`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules import insulator_marks, insulator_string
from catenary.rules.insulator_string import LOOKS, InsulatorString, ShedLimits

SPACING = "insulator_shed_spacing/4"
SURFACE = "insulator_surface/2"

_SIDE = 8  # sheds on each side that one shed's grey level is compared with
_LEAST_SCATTER = 0.06  # of the sheds' grey level, share taken for granted
_WIDEST = 3.5  # periods; where more seems lost, something stands before the string
_EVEN = 0.2  # periods by which a gap may differ from whole sheds
_NOTCHES = 4  # places that are looked at closer
_ALIKE_MEAN = 0.63, 1.35  # of the other sheds' grey level and contrast: what stands alone
_ALIKE_CONTRAST = 0.7, 1.65  # at an end is a shed, not the fitting


@dataclass(frozen=True, slots=True, eq=False)
class _Usual:
    """What the sheds of a string look like, row by row.

    Attributes:
        low: (rows,) grey level that hardly anything on the string is below.
        high: (rows,) that hardly anything is above.
        waves: (rows, length) float32, the string without its slow changes.
        contrast: Standard deviation of these at a shed.
    """

    low: Floats
    high: Floats
    waves: Floats
    contrast: float


@dataclass(frozen=True, slots=True)
class _Notch:
    """The place where a shed is most likely missing.

    Attributes:
        place: Along the strip.
        drop: Likeness lost against both sides, in [0, 1], less what is usual on this string and
            what something before it hides.
        excess: That less what is needed to call a shed missing.
        needed: Limit of the drop.
        foreign: Share of the place outside the string's own grey levels.
        stark: Contrast of the place as a share of a shed's.
        gap: Distance of the sheds before and after it, in periods.
    """

    place: float
    drop: float
    excess: float
    needed: float
    foreign: float
    stark: float
    gap: float


def shed_spacing(crop: Crop, limits: ShedLimits) -> Evidence:
    """Find the place along the string where a shed is most likely missing.

    The string is looked at three times: in the rows of its box that repeat best, in these a little
    beyond the box too, and in all rows that repeat. The drop is the mean of what they say, the
    place that of the largest one.

    Source: the idea of cutting the string into single sheds along its axis is that of Tan et
    al. 2022 (shed projection); the rest is ours.

    Args:
        crop: Cut-out of one insulator. A string cut by the frame is judged where it is seen.
        limits: Thresholds.

    Returns:
        Evidence for ``shed_missing``; score 0.5 at the limit. The gap is placed to within
        three quarters of a period: the template may begin anywhere in it. A shed missing right
        beside the last one is often not found: what stands alone beyond it is taken for the
        fitting unless it is like the other sheds. Where three or more in a row are gone, something
        before the string is taken to hide them.
    """
    seen = _seen(crop, limits)
    if isinstance(seen, Refusal):
        return seen.evidence(SPACING, "shed_missing")
    notch, string = seen[0]
    drop = float(np.mean([one.drop for one, _ in seen]))
    needed = float(np.mean([one.needed for one, _ in seen]))
    score = _logistic((drop - needed) / limits.spread)
    measurements = (
        Measurement("period", string.period / string.strip.scale, "px"),
        Measurement("sheds", float(len(string.sheds)), "1"),
        Measurement("likeness_drop", drop, "1", needed),
        Measurement("longest_gap", notch.gap, "1"),
        Measurement("foreign_share", notch.foreign, "1", limits.foreign),
        Measurement("place_contrast", notch.stark, "1", limits.stark),
        Measurement("rhythm", string.rhythm, "1"),
    )
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    body = insulator_marks.body(string, crop, notch.place)
    traces = (
        *insulator_marks.traces(string, body),
        insulator_marks.around_shed(string, body, "gap", notch.place),
    )
    return Evidence(SPACING, "shed_missing", verdict, score, measurements, traces)


def rows_of_sheds(crop: Crop, limits: ShedLimits) -> tuple[Polyline, ...]:
    """Return a line for each shed across the rows that `shed_spacing` compared, in crop pixels.

    What it draws is moved onto the sheds, and as high as they are; these lines are as measured.
    """
    seen = _seen(crop, limits)
    if isinstance(seen, Refusal):
        return ()
    string = seen[0][1]
    rows = (0.0, float(string.strip.pixels.shape[0] - 1))
    return tuple(
        insulator_marks.line(string, "shed", ((float(x), y) for y in rows)) for x in string.sheds
    )


def _seen(crop: Crop, limits: ShedLimits) -> list[tuple[_Notch, InsulatorString]] | Refusal:
    """Return what each look found, where most is missing first; or why none found anything."""
    looks = [insulator_string.found(crop, limits, look) for look in LOOKS]
    seen = [(_notch(one, limits), one) for one in looks if not isinstance(one, Refusal)]
    if not seen:
        return next(one for one in looks if isinstance(one, Refusal))
    return sorted(seen, key=lambda one: -one[0].excess)


def surface(crop: Crop, limits: ShedLimits) -> Evidence:
    """Find the shed that is darkest against the string's own others, as after a flashover.

    Light falls off along a string: a shed counts as dark only against the sheds on both of its
    sides.

    Args:
        crop: Cut-out of one insulator.
        limits: Thresholds.

    Returns:
        Evidence for ``flashover``; score 0.5 at the limit.
    """
    string = insulator_string.found(crop, limits, LOOKS[0])
    if isinstance(string, Refusal):
        return string.evidence(SURFACE, "flashover")
    places, levels = _levels(string)
    beside = _beside(levels)
    darker = beside - levels
    steps = np.abs(np.diff(levels))
    # Sheds that are all alike would make every speck of dirt an outlier.
    scatter = max(1.05 * float(np.median(steps)), _LEAST_SCATTER * float(np.median(levels)), 1.0)
    worst = int((darker / np.maximum(beside, 1)).argmax())
    z = float(darker[worst]) / scatter
    share = float(np.clip(darker[worst] / max(float(beside[worst]), 1.0), 0, 1))
    over = min((share - limits.darkening) / limits.spread, z - limits.robust_z)
    measurements = (
        Measurement("darkening", share, "1", limits.darkening),
        Measurement("robust_z", z, "1", limits.robust_z),
        Measurement("sheds", float(len(places)), "1"),
    )
    verdict = Verdict.DEFECT if over >= 0 else Verdict.NORMAL
    traces = (
        insulator_marks.around_shed(
            string, insulator_marks.body(string, crop, None), "darkened", float(places[worst])
        ),
    )
    return Evidence(SURFACE, "flashover", verdict, _logistic(over), measurements, traces)


def _levels(string: InsulatorString) -> tuple[Floats, Floats]:
    """Return where along the string sheds are or should be, and their grey levels."""
    first, last = float(string.sheds[0]), float(string.sheds[-1])
    count = max(3, round((last - first) / string.period) + 1)
    places = np.linspace(first, last, count, dtype=np.float32)
    width = round(string.period) | 1
    level = cv2.blur(string.grey.mean(axis=0)[None], (width, 1), borderType=cv2.BORDER_REFLECT)[0]
    return places, np.asarray(np.interp(places, np.arange(len(level)), level), np.float32)


def _beside(levels: Floats) -> Floats:
    """Return the grey level of the bright sheds on that side of each shed where it is lower."""
    beside = np.zeros(len(levels), np.float32)
    for at in range(1, len(levels) - 1):
        left, right = levels[max(0, at - _SIDE) : at], levels[at + 1 : at + 1 + _SIDE]
        beside[at] = min(_bright(left), _bright(right))
    return beside


def _bright(levels: Floats) -> float:
    """Return the grey level that a quarter of them reach."""
    return float(profiles.percentiles_along(levels, (75,), 0)[0])


def _notch(string: InsulatorString, limits: ShedLimits) -> _Notch:
    """Return the place whose likeness is lowest against both of its sides."""
    period = string.period
    best = profiles.best_within(string.likeness, period)
    first, last = int(string.sheds[0]), int(string.sheds[-1])
    usual = float(np.median(best[first : last + 1]))
    near, far = round(period), round(2 * period)
    within = best[first : last + 1]
    # Beyond its ends nothing is known: there the string counts as going on as its last shed.
    ends = np.pad(within, far, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(ends, far - near + 1)
    left, right = (np.median(windows[k : k + len(within)], axis=1) for k in (0, near + far))
    beside = np.maximum(np.minimum(left, right), 0.5 * usual)
    lost = np.asarray(1 - within / np.maximum(beside, 1e-6), np.float32)
    lost -= np.float32(max(float(np.percentile(lost, 80)), 0.0))
    # On a string whose sheds are hardly alike, losing the same share of that says less.
    lost *= np.float32(usual)
    alike = _usual(string)
    found = [_notch_at(string, alike, lost, at, limits) for at in _deepest(lost, near)]
    return max(found, key=lambda one: one.excess)


def _deepest(lost: Floats, apart: int) -> list[int]:
    """Return the places that lost most, deepest first, none within ``apart`` of a deeper one."""
    left = lost.copy()
    places: list[int] = []
    while len(places) < _NOTCHES and left.max() > -np.inf:
        at = int(left.argmax())
        places.append(at)
        left[max(0, at - apart) : at + apart + 1] = -np.inf
    return places


def _notch_at(
    string: InsulatorString, usual: _Usual, lost: Floats, at: int, limits: ShedLimits
) -> _Notch:
    """Return what is at one of the places between the first and the last shed."""
    end = at
    while end + 1 < len(lost) and lost[end + 1] >= lost[at] - 0.03:
        end += 1
    place = float(string.sheds[0]) + (at + end) / 2
    before, after = _around(string, place)
    gap = (after - before) / string.period
    if abs(gap - 2) < 0.5:  # just one shed fits between: it was in the middle
        place = (before + after) / 2
    foreign, stark = _foreign(string, usual, place), _stark(string, usual, place)
    # What stands before a shed hides it: something new is seen there, not what is between sheds.
    hidden = max(foreign / limits.foreign - 1, (stark - limits.stark) / (limits.stark - 1))
    if stark < limits.least_stark or gap > _WIDEST:  # no core is seen either: a shadow, a post
        hidden = 1.0
    # One or two sheds fit between those beside it, and nothing there looks like one.
    is_empty = round(gap) in (2, 3) and abs(gap - round(gap)) < _EVEN
    if _is_before_fitting(string, place, is_empty):
        hidden = 1.0
    drop = float(np.clip(lost[at], 0, 1)) * (1 - float(np.clip(hidden, 0, 1)))
    needed = limits.drop_empty if is_empty else limits.drop
    return _Notch(place, drop, drop - needed, needed, foreign, stark, gap)


def _is_before_fitting(string: InsulatorString, place: float, is_empty: bool) -> bool:
    """Tell whether all that lies beyond a place is the fitting, taken for one more shed.

    One shed alone is one if it stands where a shed would, and is as bright and as rich in contrast.
    """
    sheds = string.sheds
    before = int(np.searchsorted(sheds, place))
    if min(before, len(sheds) - before) > 1:
        return False
    half = round(string.period) // 2
    around = [string.grey[:, max(0, x - half) : x + half + 1] for x in sheds.tolist()]
    alone = 0 if before <= 1 else len(sheds) - 1
    return not (
        is_empty
        and _is_like_others([one.mean() for one in around], alone, _ALIKE_MEAN)
        and _is_like_others([one.std() for one in around], alone, _ALIKE_CONTRAST)
    )


def _is_like_others(values: list[float], which: int, shares: tuple[float, float]) -> bool:
    """Tell whether one value is between two shares of the median of the others."""
    usual = max(float(np.median(np.delete(values, which))), 1e-6)
    return shares[0] <= values[which] / usual <= shares[1]


def _around(string: InsulatorString, place: float) -> tuple[int, int]:
    """Return the sheds before and after a place."""
    sheds = string.sheds
    after = int(np.clip(np.searchsorted(sheds, place), 1, len(sheds) - 1))
    return int(sheds[after - 1]), int(sheds[after])


def _usual(string: InsulatorString) -> _Usual:
    """Return what the string's sheds look like."""
    half = round(string.period) // 2
    around = np.arange(-half, half + 1)
    columns = np.unique(np.clip(string.sheds[:, None] + around, 0, string.grey.shape[1] - 1))
    low, high = profiles.percentiles_along(string.grey[:, columns], (2, 98), 1)
    waves = profiles.waves(string.grey, string.period)
    contrast = np.median(_contrasts(waves, string.sheds, half))
    return _Usual(low, high, waves, max(float(contrast), 1e-6))


def _contrasts(waves: Floats, places: NDArray[np.int64], half: int) -> NDArray[np.float64]:
    """Return the standard deviation of ``half`` columns to both sides of each place."""
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, waves.shape[1])
    count = (last - first) * waves.shape[0]
    means = []
    for columns in (waves.sum(axis=0), np.einsum("ij,ij->j", waves, waves)):
        upto = np.concatenate([[0.0], np.cumsum(columns, dtype=np.float64)])
        means.append((upto[last] - upto[first]) / count)
    spread: NDArray[np.float64] = np.sqrt(np.maximum(means[1] - means[0] ** 2, 0))
    return spread


def _foreign(string: InsulatorString, usual: _Usual, place: float) -> float:
    """Return the share of a place that is brighter or darker than the string ever is there."""
    half = round(string.period) // 2
    low, high = usual.low[:, None], usual.high[:, None]
    slack = 0.05 * float(high.max() - low.min())
    here = string.grey[:, max(0, round(place) - half) : round(place) + half + 1]
    # Without a shed a blurred place is somewhat darker than one between two sheds.
    outside = (here < low - 3 * slack) | (here > high + slack)
    return float(outside.mean())


def _stark(string: InsulatorString, usual: _Usual, place: float) -> float:
    """Return the contrast of a place as a share of the usual contrast of a shed."""
    half = round(string.period) // 2
    here = usual.waves[:, max(0, round(place) - half) : round(place) + half + 1]
    return float(here.std()) / usual.contrast


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
