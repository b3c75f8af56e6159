"""Insulator 绝缘子: are all sheds 伞裙 there, and does none look unlike the others?

The sheds of one insulator are copies of each other. The string is turned level, one shed is
learnt from the string itself as the median of its sheds, and looked for at every place. Where a
shed is missing, what shows is what shows between the sheds: nothing like a shed, nothing new.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats, Row, Strip

SPACING = "insulator_shed_spacing/1"
SURFACE = "insulator_surface/1"

_PERIOD_PX = 24.0  # period of the level strip; finer sheds are not enlarged
_ROWS = 28  # height of the strip in which sheds are compared
_SEEDS = 9  # places tried for the first shed
_SIDE = 8  # sheds on each side that one shed's grey level is compared with
_LEAST_SCATTER = 0.06  # of the sheds' grey level, share taken for granted
_NEAR = 9  # sheds that a local template is learnt from
_STRETCH = 3.0  # periods that share one local template
_STARK = 2.0  # times the contrast of a shed: what stands out more is a fitting or stands before
_ALONE = 0.7  # share of the usual likeness that a shed apart from the others must have
_REACH = 1.2  # periods: each window this wide holds a shed, unless one is missing


@dataclass(frozen=True, slots=True)
class ShedLimits:
    """Limits of the insulator rules; starting values, set on half of 24 real photographs.

    Attributes:
        drop: Share of the likeness to a shed, against the neighbours on both sides, that must
            be lost at one place.
        foreign: Share of that place that may lie outside the string's own grey levels; twice
            as much and something stands before the string.
        spread: Change of drop or darkening over which the score moves from 0.5 to 0.73.
        darkening: Share by which a shed's grey level is below that of the sheds beside it.
        robust_z: The same over the usual difference of neighbouring sheds.
        least_side_px: Boxes with a shorter side are not judged.
        least_sheds: Fewer sheds are not judged.
        least_period_px: Finer sheds are not judged.
        least_rhythm: Fit of the row, 0 to 2, below which there is none.
        least_likeness: Usual likeness of the sheds to one another, 0 to 1, below which a lost
            one would not be noticed.
        least_contrast: Grey levels (standard deviation) of the sheds against what is between.
    """

    drop: float = 0.43
    foreign: float = 0.1
    spread: float = 0.1
    darkening: float = 0.25
    robust_z: float = 3.0
    least_side_px: float = 12.0
    least_sheds: int = 5
    least_period_px: float = 3.0
    least_rhythm: float = 0.08
    least_likeness: float = 0.4
    least_contrast: float = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class _String:
    """The string, level, with its sheds found.

    Attributes:
        strip: Level picture of the sheds' rows, with its map to the crop's box.
        grey: (rows, length) float32, the strip reduced to few rows.
        likeness: (length,) of each place to a shed, in [0, 1].
        sheds: (N,) places of sheds along the strip, increasing, N >= 2.
        period: Distance of neighbours in strip pixels.
        rhythm: Fit of the row, 0 to 2.
    """

    strip: Strip
    grey: Floats
    likeness: Floats
    sheds: NDArray[np.int64]
    period: float
    rhythm: float


@dataclass(frozen=True, slots=True)
class _Notch:
    """The place where a shed is most likely missing.

    Attributes:
        place: Along the strip.
        drop: Likeness lost against both sides, in [0, 1], less what is usual on this string.
        foreign: Share of the place outside the string's own grey levels.
        gap: Distance of the sheds before and after it, in periods.
    """

    place: float
    drop: float
    foreign: float
    gap: float


def shed_spacing(crop: Crop, limits: ShedLimits) -> Evidence:
    """Find the place along the string where a shed is most likely missing.

    Source: the idea of cutting the string into single sheds along its axis is that of Tan et
    al. 2022 (shed projection); the rest is ours.

    Args:
        crop: Cut-out of one insulator. A string cut by the frame is judged where it is seen.
        limits: Thresholds.

    Returns:
        Evidence for ``shed_missing``; score 0.5 at the limit.
    """
    string = _string(crop, limits)
    if isinstance(string, str):
        return Evidence(SPACING, "shed_missing", Verdict.CANNOT_JUDGE, None, reason=string)
    notch = _notch(string)
    hidden = np.clip(notch.foreign / limits.foreign - 1, 0, 1)
    drop = notch.drop * (1 - float(hidden))
    score = _logistic((drop - limits.drop) / limits.spread)
    measurements = (
        Measurement("period", string.period / string.strip.scale, "px"),
        Measurement("sheds", float(len(string.sheds)), "1"),
        Measurement("likeness_drop", drop, "1", limits.drop),
        Measurement("longest_gap", notch.gap, "1"),
        Measurement("foreign_share", notch.foreign, "1", limits.foreign),
        Measurement("rhythm", string.rhythm, "1"),
    )
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    half = 0.5 * string.period
    gap = _along(string, "gap", notch.place - half, notch.place + half)
    traces = (*_traces(string), gap)
    return Evidence(SPACING, "shed_missing", verdict, score, measurements, traces)


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
    string = _string(crop, limits)
    if isinstance(string, str):
        return Evidence(SURFACE, "flashover", Verdict.CANNOT_JUDGE, None, reason=string)
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
    traces = (_mark(string, "shed", float(places[worst])),)
    return Evidence(SURFACE, "flashover", verdict, _logistic(over), measurements, traces)


def _levels(string: _String) -> tuple[Floats, Floats]:
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
        beside[at] = min(np.percentile(left, 75), np.percentile(right, 75))
    return beside


def _string(crop: Crop, limits: ShedLimits) -> _String | str:
    """Return the string with its sheds, or why it cannot be judged."""
    inner = crop.inner
    if min(inner.width, inner.height) < limits.least_side_px:
        size = f"{inner.width:.0f} x {inner.height:.0f} px"
        return f"box {size}, need {limits.least_side_px:.0f} px a side"
    row = _row(crop)
    if row is None or row.rhythm < limits.least_rhythm:
        return "no even spacing of sheds is seen"
    if row.period_px < limits.least_period_px:
        return f"sheds {row.period_px:.1f} px apart, need {limits.least_period_px:.0f} px"
    scale = min(1.0, _PERIOD_PX / row.period_px)
    upright = row.angle_deg - 180 if row.angle_deg > 90 else row.angle_deg
    strip = profiles.level(crop.pixels, inner, upright, scale)
    period = row.period_px * scale
    waves = _waves(strip.pixels, period)
    rows = profiles.rows_with_period(profiles.evened(strip.pixels), period, 0.25)
    if (contrast := float(waves[rows].std())) < limits.least_contrast:
        return f"sheds stand out by {contrast:.1f} grey levels, need {limits.least_contrast:.1f}"
    return _with_sheds(_part(strip, rows), period, row.rhythm, limits)


def _row(crop: Crop) -> Row | None:
    """Return the row of sheds; it lies along the box's longer side or its diagonals."""
    inner = crop.inner
    x0, y0, x1, y1 = int(inner.x0), int(inner.y0), math.ceil(inner.x1), math.ceil(inner.y1)
    short, long = sorted((inner.width, inner.height))
    lean = min(90.0, math.degrees(math.atan2(short, long)) + 8.0)
    around = 0.0 if inner.width >= inner.height else 90.0
    return profiles.find_row(np.ascontiguousarray(crop.pixels[y0:y1, x0:x1]), around, lean)


def _part(strip: Strip, rows: slice) -> Strip:
    """Return some rows of a strip, without the dark columns at its ends.

    The padding of a cut-out that was turned before is as dark as the sky behind a string ends;
    its edge would look like a shed.
    """
    pixels = strip.pixels[rows]
    lit = (pixels > 0.1 * np.percentile(pixels, 98)).mean(axis=0) >= 0.5
    columns = np.flatnonzero(lit)
    first, last = (int(columns[0]), int(columns[-1])) if columns.size else (0, len(lit) - 1)
    moved = strip.to_picture.copy()
    moved[:, 2] += strip.to_picture[:, :2] @ (first, rows.start)
    return Strip(pixels[:, first : last + 1], moved, strip.scale)


def _waves(grey: Floats, period: float) -> Floats:
    """Return the strip without what changes slower than the sheds: the core, the light."""
    width = max(3, round(period)) | 1
    slow = cv2.blur(grey, (width, 1), borderType=cv2.BORDER_REFLECT)
    return np.asarray(grey - slow, np.float32)


def _with_sheds(strip: Strip, period: float, rhythm: float, limits: ShedLimits) -> _String | str:
    """Learn a shed from the strip and find all of them, or say why not."""
    length = strip.pixels.shape[1]
    rows = int(np.clip(strip.pixels.shape[0], 6, _ROWS))
    grey = cv2.resize(strip.pixels, (length, rows), interpolation=cv2.INTER_AREA)
    if length / period < limits.least_sheds - 0.5:
        return f"{length / period:.1f} sheds, need {limits.least_sheds}"
    waves = _waves(grey, period)
    half = round(period) // 2
    likeness = _first_likeness(waves, period)
    for stretch in (float(length), _STRETCH * period):
        places = _sheds(likeness, period, half)
        if len(places) < 3:
            return "the sheds do not look alike: blurred, hidden or too dark"
        likeness = _likeness(waves, places, half, stretch)
    places = _sheds(likeness, period, half)
    usual = float(np.median(_best_within(likeness, period)))
    if usual < limits.least_likeness:
        return f"the sheds look alike by {usual:.2f}, need {limits.least_likeness:.2f}"
    places = _in_row(places, likeness[places] > _ALONE * usual, period)
    if len(places) < limits.least_sheds:
        return f"{len(places)} sheds, need {limits.least_sheds}"
    steps = np.diff(places)
    near = steps[np.abs(steps / period - 1) < 0.3]
    period = float(near.mean()) if near.size else period
    return _String(strip, grey, likeness, places, period, rhythm)


def _first_likeness(waves: Floats, period: float) -> Floats:
    """Return the likeness to that place of the strip which most others are like."""
    half = round(period) // 2
    length = waves.shape[1]
    best, most = np.zeros(length, np.float32), -1.0
    for place in np.linspace(half, length - half - 1, _SEEDS).astype(int):
        likeness = _correlation(waves, waves[:, place - half : place + half + 1])
        usual = float(np.median(_best_within(likeness, period)))
        if usual > most:
            best, most = likeness, usual
    return best


def _correlation(waves: Floats, template: Floats) -> Floats:
    """Return the correlation coefficient at each place, the best over small shifts in height."""
    half = template.shape[1] // 2
    wide = cv2.copyMakeBorder(waves, 0, 0, half, half, cv2.BORDER_REPLICATE)
    fits = cv2.matchTemplate(wide, template, cv2.TM_CCOEFF_NORMED)
    return np.asarray(np.clip(fits.max(axis=0)[: waves.shape[1]], 0, 1), np.float32)


def _likeness(waves: Floats, places: NDArray[np.int64], half: int, stretch: float) -> Floats:
    """Return the likeness of each place to the sheds near it, in [0, 1].

    It is the correlation coefficient times the contrast as a share of the shed's: the bare pin
    between two discs correlates by half, but is faint.
    """
    length = waves.shape[1]
    slack = max(1, waves.shape[0] // 10)
    likeness = np.zeros(length, np.float32)
    contrast = _contrast(waves, 2 * half + 1)
    for middle in np.arange(stretch / 2, length + stretch / 2, stretch):
        near = places[np.argsort(np.abs(places - middle))[: _NEAR if stretch < length else None]]
        template = np.median([waves[:, at - half : at + half + 1] for at in near], axis=0)
        first = max(0, int(middle - stretch / 2))
        last = min(length, int(middle + stretch / 2) + 1)
        left, right = max(0, first - half), min(length, last + half)
        fits = _correlation(waves[:, left:right], np.asarray(template[slack:-slack], np.float32))[
            first - left : last - left
        ]
        share = contrast[first:last] / max(float(template.std()), 1e-6)
        likeness[first:last] = (
            fits * np.minimum(share, 1) * np.minimum(_STARK / np.maximum(share, 1e-6), 1)
        )
    return likeness


def _contrast(waves: Floats, width: int) -> Floats:
    """Return the standard deviation of each place's neighbourhood of ``width`` columns."""
    window = (width, 1)
    mean = cv2.blur(waves.mean(axis=0)[None], window)
    power = cv2.blur((waves * waves).mean(axis=0)[None], window)
    return np.asarray(np.sqrt(np.maximum(power - mean * mean, 0))[0], np.float32)


def _best_within(likeness: Floats, period: float) -> Floats:
    """Return the best likeness within ``_REACH`` periods around each place."""
    window = np.ones((1, round(_REACH * period) | 1), np.uint8)
    return np.asarray(cv2.dilate(likeness[None], window)[0], np.float32)


def _sheds(likeness: Floats, period: float, border: int) -> NDArray[np.int64]:
    """Return the places that are more like a shed than their neighbours and half of the usual."""
    window = np.ones((1, round(0.7 * period) | 1), np.uint8)
    is_peak = (likeness >= cv2.dilate(likeness[None], window)[0]) & (likeness > 0)
    is_peak[:border] = is_peak[len(is_peak) - border :] = False
    places = np.flatnonzero(is_peak)
    if not places.size:
        return places
    usual = np.median(_best_within(likeness, period)[places[0] : places[-1] + 1])
    return places[likeness[places] > 0.5 * usual]


def _in_row(
    places: NDArray[np.int64], is_sure: NDArray[np.bool_], period: float
) -> NDArray[np.int64]:
    """Return the sheds without stray ones at the ends: each has a neighbour one or two away."""
    steps = np.diff(places) / period
    is_one = np.abs(steps - 1) < 0.3
    if not is_one.any():
        return places[:0]
    first, last = int(np.flatnonzero(is_one)[0]), int(np.flatnonzero(is_one)[-1]) + 1
    is_two = np.abs(steps - 2) < 0.4  # the last but one may be the missing shed
    if first > 0 and is_two[first - 1] and is_sure[first - 1]:
        first -= 1
    if last < len(places) - 1 and is_two[last] and is_sure[last + 1]:
        last += 1
    return places[first : last + 1]


def _notch(string: _String) -> _Notch:
    """Return the place whose likeness is lowest against both of its sides."""
    period = string.period
    best = _best_within(string.likeness, period)
    first, last = int(string.sheds[0]), int(string.sheds[-1])
    usual = float(np.median(best[first : last + 1]))
    near, far = round(period), round(2 * period)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(best, far), far - near + 1)
    left, right = (np.median(windows[k : k + len(best)], axis=1) for k in (0, near + far))
    beside = np.maximum(np.minimum(left, right), 0.5 * usual)
    lost = 1 - (best / np.maximum(beside, 1e-6))[first : last + 1]
    at = int(lost.argmax())
    end = at
    while end + 1 < len(lost) and lost[end + 1] >= lost[at] - 0.03:
        end += 1
    place = first + (at + end) / 2
    drop = float(np.clip(lost[at] - max(float(np.percentile(lost, 80)), 0), 0, 1))
    return _Notch(place, drop, _foreign(string, place), _gap(string, place))


def _gap(string: _String, place: float) -> float:
    """Return the distance of the sheds before and after a place, in periods."""
    sheds = string.sheds
    after = int(np.clip(np.searchsorted(sheds, place), 1, len(sheds) - 1))
    return float(sheds[after] - sheds[after - 1]) / string.period


def _foreign(string: _String, place: float) -> float:
    """Return the share of a place that is brighter or darker than the string ever is there."""
    half = round(string.period) // 2
    around = np.arange(-half, half + 1)
    columns = np.unique(np.clip(string.sheds[:, None] + around, 0, string.grey.shape[1] - 1))
    low, high = np.percentile(string.grey[:, columns], (2, 98), axis=1)
    slack = 0.05 * float(high.max() - low.min())
    here = string.grey[:, max(0, round(place) - half) : round(place) + half + 1]
    outside = (here < low[:, None] - slack) | (here > high[:, None] + slack)
    return float(outside.mean())


def _traces(string: _String) -> tuple[Polyline, ...]:
    """Return the axis and each shed."""
    axis = _along(string, "axis", float(string.sheds[0]), float(string.sheds[-1]))
    return (axis, *(_mark(string, "shed", float(x)) for x in string.sheds))


def _mark(string: _String, role: str, place: float) -> Polyline:
    """Return a line across the strip."""
    ends = (0.0, float(string.strip.pixels.shape[0] - 1))
    return Polyline(role, tuple(string.strip.in_picture(place, y) for y in ends))


def _along(string: _String, role: str, first: float, last: float) -> Polyline:
    """Return a line along the middle of the strip between two places."""
    middle = (string.strip.pixels.shape[0] - 1) / 2
    return Polyline(role, tuple(string.strip.in_picture(x, middle) for x in (first, last)))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
