"""Insulator 绝缘子: are all sheds 伞裙 there, and does none look unlike the others?

The sheds of one insulator are copies of each other. The string is turned level, one shed is
learnt from the string itself as the median of its sheds, and looked for at every place. Where a
shed is missing, what shows is what shows between the sheds: nothing like a shed, nothing new.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles, resize
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats, Row, Strip

SPACING = "insulator_shed_spacing/3"
SURFACE = "insulator_surface/2"

_PERIOD_PX = 24.0  # period of the level strip; finer sheds are not enlarged
_LARGE_PX = 2048.0  # longer side of a crop that is left at least, where it is halved
_FINE_PX = 30.0  # the same where the row is looked for
_STRONG = 0.5  # share of the strongest row's contrast that belongs to the insulator
_INSIDE = 0.9  # of the first row's way through the box, that a second row must have
_SURER = 1.3  # times the rhythm of the whole box that a second row must have
_ASIDE = 0.3  # of the level box's height, distance of the string's middle from the box's
_ROWS = 28  # height of the strip in which sheds are compared
_SIDE = 8  # sheds on each side that one shed's grey level is compared with
_LEAST_SCATTER = 0.06  # of the sheds' grey level, share taken for granted
_WIDEST = 3.5  # periods; where more seems lost, something stands before the string
_EVEN = 0.2  # periods by which a gap may differ from whole sheds
_NOTCHES = 4  # places that are looked at closer
_LEAST_LEARNT = 3  # sheds from which a shed is learnt
_STRETCH = 3.0  # periods that share one local template
_GAP_OF_RUN = {1: 1.4, 2: 2.4, 3: 2.4}  # sheds that may be lost before so short a run
_WIDEST_GAP = 12.0
_ALTERNATES = 0.25  # share of what varies in a row that repeats with the sheds it is drawn on
_FAINT = 0.08  # of the strongest row's waves; fainter rows are beside the sheds
_FLAT = 1.0  # grey levels; the same
_CORE = 1.5  # periods of a core without waves between two edges of the sheds
_BEGINS = 0.75  # periods by which what is learnt of a shed may begin beside its middle
_OVER = 2.0  # strip px by which the outline of a shed is drawn around it
_ALIKE = 0.6  # share of the likeness of the longest run that other runs of sheds must have


@dataclass(frozen=True, slots=True)
class ShedLimits:
    """Limits of the insulator rules; our starting values.

    Those of `shed_spacing` were set on the even-numbered half of 24 real photographs of strings,
    `foreign` before on the odd-numbered half, `darkening` and `robust_z` on simulated insulators.

    Attributes:
        drop: Likeness to a shed, against the neighbours on both sides, that must be lost at one
            place.
        drop_empty: The same where just one or two sheds fit between those beside the place.
        stark: Contrast of that place, as a share of a shed's; what stands out more hides a shed.
        least_stark: The same where nothing is seen at all: it is the dark beyond the string.
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

    drop: float = 0.33
    drop_empty: float = 0.24
    stark: float = 1.15
    least_stark: float = 0.2
    foreign: float = 0.1
    spread: float = 0.1
    darkening: float = 0.5
    robust_z: float = 1.5
    least_side_px: float = 12.0
    least_sheds: int = 5
    least_period_px: float = 3.0
    least_rhythm: float = 0.08
    least_likeness: float = 0.4
    least_contrast: float = 1.5


@dataclass(frozen=True, slots=True)
class _Look:
    """One of the ways in which a string is looked at.

    Attributes:
        beyond: Share of the box's longer side by which the string is followed beyond both ends.
        repeating: Rows count that repeat at least this share as much as the best one.
    """

    beyond: float
    repeating: float


# A box ends where a shed is missing, or takes in what is beside the string; one rim of a shed
# repeats better than both, and both tell more. What the looks agree on is surer than any of them.
# Chosen among seven sets of such looks on simulated sets and on the photographs of even number.
_LOOKS = (_Look(0.0, 0.25), _Look(0.1, 0.25), _Look(0.0, 0.08))


@dataclass(frozen=True, slots=True, eq=False)
class _String:
    """The string, level, with its sheds found.

    Attributes:
        whole: Level picture of the box.
        strip: Level picture of the sheds' rows, with its map to the crop's box.
        grey: (rows, length) float32, the strip reduced to few rows.
        likeness: (length,) of each place to a shed, in [0, 1].
        sheds: (N,) places of sheds along the strip, increasing, N >= 2.
        period: Distance of neighbours in strip pixels.
        rhythm: Fit of the row, 0 to 2.
    """

    whole: Strip
    strip: Strip
    grey: Floats
    likeness: Floats
    sheds: NDArray[np.int64]
    period: float
    rhythm: float

    @property
    def corner(self) -> tuple[int, int]:
        """Column and row of the whole at which the strip begins."""
        moved = self.strip.to_picture[:, 2] - self.whole.to_picture[:, 2]
        column, row = np.linalg.solve(self.whole.to_picture[:, :2], moved)
        return round(float(column)), round(float(row))


@dataclass(frozen=True, slots=True)
class _Body:
    """Where the sheds of a string are to be drawn.

    Attributes:
        shift: Strip pixels from the place of a shed to its middle.
        top: Row of the strip at which sheds begin; above its first one where it holds not all.
        bottom: Row at which they end.
    """

    shift: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        """Row of the axis."""
        return (self.top + self.bottom) / 2


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
        beside the last one is often not found; where three or more in a row are gone, something
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
    body = _body(string, crop, notch.place)
    traces = (*_traces(string, body), _around_shed(string, body, "gap", notch.place))
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
    return tuple(_line(string, "shed", ((float(x), y) for y in rows)) for x in string.sheds)


def _seen(crop: Crop, limits: ShedLimits) -> list[tuple[_Notch, _String]] | Refusal:
    """Return what each look found, where most is missing first; or why none found anything."""
    looks = [_string(crop, limits, look) for look in _LOOKS]
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
    string = _string(crop, limits, _LOOKS[0])
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
    traces = (_around_shed(string, _body(string, crop, None), "darkened", float(places[worst])),)
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
        beside[at] = min(_bright(left), _bright(right))
    return beside


def _bright(levels: Floats) -> float:
    """Return what `numpy.percentile` of 75 does, in a tenth of the time for so few."""
    ordered = np.sort(levels)
    place = 0.75 * (len(ordered) - 1)
    low, high = ordered[int(place)], ordered[math.ceil(place)]
    return float(low + (high - low) * (place - int(place)))


@lru_cache(maxsize=len(_LOOKS))  # both rules ask for the same crop, one after the other
def _string(crop: Crop, limits: ShedLimits, look: _Look) -> _String | Refusal:
    """Return the string with its sheds, or why it cannot be judged."""
    reduced = _halved(crop)
    row = _measured_row(reduced.crop, limits)
    if isinstance(row, Refusal):
        return row
    scale = min(1.0, _PERIOD_PX / row.period_px)
    strip, waves, even = _level(reduced.crop, row, look.beyond, scale)
    period = row.period_px * scale
    rows = profiles.rows_with_period(even, period, look.repeating)
    if (contrast := float(waves[rows].std())) < limits.least_contrast:
        needed = limits.least_contrast
        return refused(Unjudged.FAINT_SHEDS, "contrast", contrast, "grey levels", needed)
    # Rows of something beside the insulator, or of the edge of its sheds' rims alone.
    middle = (rows.start + rows.stop) / 2 / strip.pixels.shape[0] - 0.5
    if abs(middle) > _ASIDE:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    whole = strip.in_full(reduced.scale)
    return _with_sheds(whole, rows, replace(row, period_px=period), limits)


@dataclass(frozen=True, slots=True, eq=False)
class _Halved:
    """A crop whose pixels were reduced, and its pixels per pixel of the whole one, at most 1."""

    crop: Crop
    scale: float


@lru_cache(maxsize=1)  # all looks are at the same pixels
def _halved(crop: Crop) -> _Halved:
    """Return a crop, halved as often as it is so large that the sheds of a string are too.

    Of 60 sheds along the shortest side that is left each has 34 px, more than it is looked at with.
    """
    times = max(0, math.floor(math.log2(max(crop.pixels.shape) / _LARGE_PX)))
    if not times:
        return _Halved(crop, 1.0)
    pixels, scale = resize.halved(crop.pixels, times), 0.5**times
    inner = crop.inner.scaled(scale).clipped(*pixels.shape[::-1]) or crop.inner.scaled(scale)
    return _Halved(Crop(pixels, crop.x0, crop.y0, inner, crop.cut_sides), scale)


@lru_cache(maxsize=1)  # all looks are at the same row
def _strips(crop: Crop, row: Row, scale: float) -> Mapping[float, Strip]:
    """Return the box, longer at both ends as each look asks, turned so that the row is level."""
    shares = {look.beyond for look in _LOOKS}
    boxes = [_lengthened(crop, row, share) for share in shares]
    strips = profiles.level(crop.pixels, boxes, _upright(row), scale)
    return dict(zip(shares, strips, strict=True))


@lru_cache(maxsize=2)  # looks at the same place see the same strip
def _level(crop: Crop, row: Row, beyond: float, scale: float) -> tuple[Strip, Floats, Floats]:
    """Return the level strip of a look, its waves, and these evened out along and across."""
    strip = _strips(crop, row, scale)[beyond]
    waves = profiles.waves(strip.pixels, row.period_px * scale)
    # In the dark beside a string grain repeats by chance: rows count by their contrast, too.
    power = _power(waves)
    even = profiles.evened(strip.pixels)
    even *= np.sqrt(power / max(float(power.max()), 1e-6))[:, None]
    return strip, waves, even


@lru_cache(maxsize=1)  # all looks follow the same row
def _measured_row(crop: Crop, limits: ShedLimits) -> Row | Refusal:
    """Return the row of sheds in the box, or why it cannot be judged."""
    side = min(crop.inner.width, crop.inner.height)
    if side < limits.least_side_px:
        return refused(Unjudged.TOO_SMALL, "shorter_side", side, "px", limits.least_side_px)
    row = _row(crop)
    if row is None:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    row = _closer(crop, row)
    if row.rhythm < limits.least_rhythm:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    if row.period_px < limits.least_period_px:
        needed = limits.least_period_px
        return refused(Unjudged.FINE_SHEDS, "period", row.period_px, "px", needed)
    return row


def _lengthened(crop: Crop, row: Row, share: float) -> Box:
    """Return the box, longer along the row at both ends by a share of its longer side."""
    turn = math.radians(row.angle_deg)
    more = share * max(crop.inner.width, crop.inner.height)
    along_x, along_y = more * abs(math.cos(turn)), more * abs(math.sin(turn))
    box = crop.inner
    longer = Box(box.x0 - along_x, box.y0 - along_y, box.x1 + along_x, box.y1 + along_y)
    return longer.clipped(*crop.pixels.shape[::-1]) or box


def _closer(crop: Crop, row: Row) -> Row:
    """Return the row as it is found once more, in the most contrasting part of the level box.

    In a box that takes in more than the insulator, its sheds may be the least of what repeats.
    """
    scale = min(1.0, _FINE_PX / row.period_px)
    (strip,) = profiles.level(crop.pixels, [crop.inner], _upright(row), scale)
    power = _power(profiles.waves(strip.pixels, 2 * row.period_px * strip.scale))
    smooth = cv2.blur(power[:, None], (1, max(3, len(power) // 12) | 1))
    power = np.asarray(smooth, np.float32).ravel()
    first = last = int(power.argmax())
    least = _STRONG * float(power.max())
    while first > 0 and power[first - 1] > least:
        first -= 1
    while last + 1 < len(power) and power[last + 1] > least:
        last += 1
    band = strip.pixels[first : last + 1].astype(np.uint8)
    if last - first < 7:
        return row
    again = profiles.find_row(band, 0.0, 4.0)
    if again is None or again.rhythm < _SURER * row.rhythm:
        return row
    turn = again.angle_deg - 180 if again.angle_deg > 90 else again.angle_deg
    angle = (_upright(row) + turn) % 180
    found = Row(angle, again.period_px / strip.scale, again.rhythm)
    return found if stays_inside(crop.inner, row, found) else row


def stays_inside(box: Box, first: Row, second: Row) -> bool:
    """Tell whether a row goes as far through the box as the one that was found first.

    A string lies along its box; a row that leaves it early lies across several strings.
    """
    chords = []
    for row in (first, second):
        turn = math.radians(row.angle_deg)
        cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
        chords.append(min(box.width / max(cos, 1e-9), box.height / max(sin, 1e-9)))
    return chords[1] >= _INSIDE * chords[0]


def _power(waves: Floats) -> Floats:
    """Return the contrast of each row: a standard deviation, in one pass over the pixels."""
    mean = waves.mean(axis=1)
    power = np.einsum("ij,ij->i", waves, waves) / waves.shape[1] - mean * mean
    return np.asarray(np.sqrt(np.maximum(power, 0)), np.float32)


def _upright(row: Row) -> float:
    """Return the row's angle between -90 and 90 degrees."""
    return row.angle_deg - 180 if row.angle_deg > 90 else row.angle_deg


def _row(crop: Crop) -> Row | None:
    """Return the row of sheds; it lies along the box's longer side or its diagonals."""
    inner = crop.inner
    x0, y0, x1, y1 = int(inner.x0), int(inner.y0), math.ceil(inner.x1), math.ceil(inner.y1)
    boxed = crop.pixels[y0:y1, x0:x1]
    boxed = boxed[profiles.lit(boxed)]
    short, long = sorted(boxed.shape)
    lean = min(90.0, math.degrees(math.atan2(short, long)) + 8.0)
    around = 0.0 if boxed.shape[1] >= boxed.shape[0] else 90.0
    return profiles.find_row(boxed, around, lean)


def _with_sheds(whole: Strip, sheds: slice, row: Row, limits: ShedLimits) -> _String | Refusal:
    """Learn a shed from the rows of a level picture and find all of them, or say why not.

    ``row`` is in its pixels.
    """
    period = row.period_px
    strip = profiles.trimmed(whole, sheds, 0.75 * period)
    length = strip.pixels.shape[1]
    rows = int(np.clip(strip.pixels.shape[0], 6, _ROWS))
    resized = cv2.resize(strip.pixels, (length, rows), interpolation=cv2.INTER_AREA)
    grey = np.asarray(resized, np.float32)
    if length / period < limits.least_sheds - 0.5:
        return refused(Unjudged.FEW_SHEDS, "sheds", length / period, "1", limits.least_sheds)
    likeness = _learnt(profiles.waves(grey, period), period)
    if likeness is None:
        return Refusal(Unjudged.NO_SHED_LEARNT)
    places = _sheds(likeness, period)
    usual = float(np.median(profiles.best_within(likeness, period)))
    if usual < limits.least_likeness:
        return refused(Unjudged.UNLIKE_SHEDS, "likeness", usual, "1", limits.least_likeness)
    places = _in_row(places, likeness[places], period)
    if len(places) < limits.least_sheds:
        return refused(Unjudged.FEW_SHEDS, "sheds", len(places), "1", limits.least_sheds)
    steps = np.diff(places)
    period = float(steps[np.abs(steps / period - 1) <= 0.4].mean())
    return _String(whole, strip, grey, likeness, places, period, row.rhythm)


def _learnt(waves: Floats, period: float) -> Floats | None:
    """Return the likeness of each place to a shed, learnt from one, then all, then near sheds."""
    likeness = profiles.likeness_to_one(waves, period)
    for stretch in (float(waves.shape[1]), _STRETCH * period):
        places = _sheds(likeness, period)
        if len(places) < _LEAST_LEARNT:
            return None
        likeness = profiles.likeness_near(waves, places, round(period) // 2, stretch)
    return likeness


def _sheds(likeness: Floats, period: float) -> NDArray[np.int64]:
    """Return the places that are more like a shed than their neighbours and half of the usual."""
    border = round(period) // 2
    window = np.ones((1, round(0.7 * period) | 1), np.uint8)
    is_peak = (likeness >= cv2.dilate(likeness[None], window)[0]) & (likeness > 0)
    is_peak[:border] = is_peak[len(is_peak) - border :] = False
    places = np.flatnonzero(is_peak)
    if not places.size:
        return places
    usual = np.median(profiles.best_within(likeness, period)[places[0] : places[-1] + 1])
    return places[likeness[places] > 0.5 * usual]


def _in_row(
    places: NDArray[np.int64], likeness: NDArray[np.float32], period: float
) -> NDArray[np.int64]:
    """Return the sheds without what only looks like some at the ends: screws, highlights.

    Runs of even steps belong to the string when they are as alike as its longest run; a single
    one, too, when just one shed fits between.

    Args:
        places: Places that are like a shed, increasing.
        likeness: Of each place to a shed.
        period: Distance of sheds.
    """
    steps = np.diff(places) / period
    runs = np.split(np.arange(len(places)), np.flatnonzero(np.abs(steps - 1) > 0.4) + 1)
    longest = max(runs, key=len)
    if len(longest) < 2:
        return places[:0]
    least = _ALIKE * float(np.median(likeness[longest]))
    sure = [run for run in runs if np.median(likeness[run]) >= least]
    at = next(k for k, run in enumerate(sure) if run is longest)
    first, last = at, at
    while first > 0 and _goes_on(sure[first - 1], places[sure[first][0]], places, period):
        first -= 1
    while last + 1 < len(sure) and _goes_on(sure[last + 1], places[sure[last][-1]], places, period):
        last += 1
    return places[sure[first][0] : sure[last][-1] + 1]


def _goes_on(run: NDArray[np.int64], end: int, places: NDArray[np.int64], period: float) -> bool:
    """Tell whether a run of sheds belongs to the string that ends at ``end``.

    A single shed does where just one shed fits between, two or three where two fit; over a wider
    gap, which something hides rather than loses, only a longer run does.
    """
    gap = min(abs(places[run[0]] - end), abs(places[run[-1]] - end)) / period
    return bool(gap <= 1 + _GAP_OF_RUN.get(len(run), _WIDEST_GAP))


def _notch(string: _String, limits: ShedLimits) -> _Notch:
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


def _notch_at(string: _String, usual: _Usual, lost: Floats, at: int, limits: ShedLimits) -> _Notch:
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
    drop = float(np.clip(lost[at], 0, 1)) * (1 - float(np.clip(hidden, 0, 1)))
    # One or two sheds fit between those beside it, and nothing there looks like one.
    is_empty = round(gap) in (2, 3) and abs(gap - round(gap)) < _EVEN
    needed = limits.drop_empty if is_empty else limits.drop
    return _Notch(place, drop, drop - needed, needed, foreign, stark, gap)


def _around(string: _String, place: float) -> tuple[int, int]:
    """Return the sheds before and after a place."""
    sheds = string.sheds
    after = int(np.clip(np.searchsorted(sheds, place), 1, len(sheds) - 1))
    return int(sheds[after - 1]), int(sheds[after])


def _usual(string: _String) -> _Usual:
    """Return what the string's sheds look like."""
    half = round(string.period) // 2
    around = np.arange(-half, half + 1)
    columns = np.unique(np.clip(string.sheds[:, None] + around, 0, string.grey.shape[1] - 1))
    low, high = np.percentile(string.grey[:, columns], (2, 98), axis=1)
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


def _foreign(string: _String, usual: _Usual, place: float) -> float:
    """Return the share of a place that is brighter or darker than the string ever is there."""
    half = round(string.period) // 2
    low, high = usual.low[:, None], usual.high[:, None]
    slack = 0.05 * float(high.max() - low.min())
    here = string.grey[:, max(0, round(place) - half) : round(place) + half + 1]
    # Without a shed a blurred place is somewhat darker than one between two sheds.
    outside = (here < low - 3 * slack) | (here > high + slack)
    return float(outside.mean())


def _stark(string: _String, usual: _Usual, place: float) -> float:
    """Return the contrast of a place as a share of the usual contrast of a shed."""
    half = round(string.period) // 2
    here = usual.waves[:, max(0, round(place) - half) : round(place) + half + 1]
    return float(here.std()) / usual.contrast


def _body(string: _String, crop: Crop, lacking: float | None) -> _Body:
    """Return where the sheds are seen, to draw: what is learnt of them may begin anywhere in one.

    Grey levels are laid over one another, shed on shed. Their first harmonic is most of what
    varies in the rows in which sheds and what is between them alternate, and tells where in a
    period sheds are: they differ from the background, while it shows between them.

    Args:
        string: Its sheds are drawn.
        crop: That it is seen in.
        lacking: Place where one seems to be missing; None where none does.
    """
    pixels, period = string.whole.pixels, string.period
    height, length = pixels.shape
    left, top = string.corner
    steps = np.arange(-math.floor(period / 2), math.ceil(period / 2))
    columns = np.clip(string.sheds[:, None] + steps + left, 0, length - 1)
    sheds = pixels[:, columns]
    each = sheds @ np.exp(2j * np.pi * steps / period) * (math.sqrt(2) / len(steps))
    waves = each.mean(axis=1)
    # Most sheds must do so: what one of them, or something beside it, does is no wave.
    in_phase = (each * np.conj(waves / np.maximum(np.abs(waves), 1e-6))[:, None]).real
    strength, varies = np.median(in_phase, axis=1), np.median(sheds.std(axis=2), axis=1)
    own = slice(top, min(top + string.strip.pixels.shape[0], height))
    first = last = own.start + int(strength[own].argmax())
    least = max(_FAINT * float(strength[own].max()), _FLAT)
    rows = np.flatnonzero((strength > least) & (strength > _ALTERNATES * varies))
    hole = max(3, round(_CORE * period))
    for row in rows[rows > last].tolist():
        last = row if row - last <= hole else last
    for row in rows[rows < first][::-1].tolist():
        first = row if first - row <= hole else first
    usual = sheds[first : last + 1].mean(axis=(0, 1))
    sign = 1.0 if usual.min() + usual.max() >= 2 * _ground(crop) else -1.0
    level = sign * pixels[first : last + 1].mean(axis=0)
    shift = float(np.angle(sign * waves[first : last + 1].sum())) * period / (2 * math.pi)
    # Halfway between two sheds a mark may belong to either.
    either = [
        one for one in (shift, shift - math.copysign(period, shift)) if abs(one) <= _BEGINS * period
    ]
    shift = max(either, key=lambda one: _on_sheds(string, level, one, lacking))
    y = np.arange(first - top, last - top + 1)
    x = np.full(len(y), float(string.sheds.mean()))
    columns, lines = string.strip.to_picture @ np.stack([x, y, np.ones(len(y))])
    box = crop.inner
    is_own = (columns >= box.x0) & (columns < box.x1) & (lines >= box.y0) & (lines < box.y1)
    y = y[is_own] if is_own.any() else y
    return _Body(shift, float(y[0]) - 0.5, float(y[-1]) + 0.5)


def _on_sheds(string: _String, level: Floats, shift: float, lacking: float | None) -> float:
    """Return how well marks lie when they are moved: all on sheds, and a place without one on none.

    Args:
        string: The marks are its sheds.
        level: (length,) of the whole, sheds bright.
        shift: Strip pixels.
        lacking: The place; where there is one, it alone tells.
    """
    steps = np.arange(-math.floor(string.period / 2), math.ceil(string.period / 2))
    marks = string.sheds if lacking is None else np.array([lacking])
    places = np.round(marks + shift).astype(np.int64)[:, None] + steps + string.corner[0]
    near = level[np.clip(places, 0, len(level) - 1)]
    if lacking is not None:
        return -float(near.mean())
    return float((near @ np.cos(2 * np.pi * steps / string.period)).sum())


def _ground(crop: Crop) -> float:
    """Return the usual grey level outside the box; 0 where the crop has no margin."""
    x0, y0, x1, y1 = (round(each) for each in astuple(crop.inner))
    outside = np.ones(crop.pixels.shape, np.bool_)
    outside[max(y0, 0) : y1, max(x0, 0) : x1] = False
    return float(np.median(crop.pixels[outside])) if outside.any() else 0.0


def _traces(string: _String, body: _Body) -> tuple[Polyline, ...]:
    """Return the axis and each shed."""
    first, last = (float(string.sheds[at]) + body.shift for at in (0, -1))
    axis = _line(string, "axis", ((first, body.middle), (last, body.middle)))
    return (axis, *(_mark(string, body, float(x)) for x in string.sheds))


def _mark(string: _String, body: _Body, place: float) -> Polyline:
    """Return a line across a shed."""
    x = place + body.shift
    return _line(string, "shed", ((x, body.top), (x, body.bottom)))


def _around_shed(string: _String, body: _Body, role: str, place: float) -> Polyline:
    """Return the outline of where a shed is, or should be: nothing lies over what is seen there."""
    left, right = (place + body.shift + half * string.period for half in (-0.5, 0.5))
    top, bottom = body.top - _OVER, body.bottom + _OVER
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return _line(string, role, corners)


def _line(string: _String, role: str, points: Iterable[tuple[float, float]]) -> Polyline:
    """Return places of the strip (x, y) as a line in the picture."""
    return Polyline(role, tuple(string.strip.in_picture(x, y) for x, y in points))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
