"""The string of an insulator 绝缘子, turned level, and the places of its sheds 伞裙.

The sheds of one insulator are copies of each other. The string is turned level, one shed is
learnt from the string itself as the median of its sheds, and looked for at every place.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles, resize
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats, Row, Strip

_PERIOD_PX = 24.0  # period of the level strip; finer sheds are not enlarged
_LARGE_PX = 2048.0  # longer side of a crop that is left at least, where it is halved
_FINE_PX = 30.0  # the same where the row is looked for
_STRONG = 0.5  # share of the strongest row's contrast that belongs to the insulator
_INSIDE = 0.9  # of the first row's way through the box, that a second row must have
_SURER = 1.3  # times the rhythm of the whole box that a second row must have
_ASIDE = 0.3  # of the level box's height, distance of the string's middle from the box's
_ROWS = 28  # height of the strip in which sheds are compared
_LEAST_LEARNT = 3  # sheds from which a shed is learnt
_STRETCH = 3.0  # periods that share one local template
_GAP_OF_RUN = {1: 1.4, 2: 2.4, 3: 2.4}  # sheds that may be lost before so short a run
_WIDEST_GAP = 12.0
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
class Look:
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
LOOKS = (Look(0.0, 0.25), Look(0.1, 0.25), Look(0.0, 0.08))


@dataclass(frozen=True, slots=True, eq=False)
class InsulatorString:
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
        column, row = moved @ self.whole.to_picture[:, :2] * self.whole.scale**2
        return round(float(column)), round(float(row))


@lru_cache(maxsize=len(LOOKS))  # both rules ask for the same crop, one after the other
def found(crop: Crop, limits: ShedLimits, look: Look) -> InsulatorString | Refusal:
    """Return the string with its sheds, or why it cannot be judged."""
    reduced = _halved(crop)
    row = _measured_row(reduced.crop, limits)
    if isinstance(row, Refusal):
        return row
    scale = min(1.0, _PERIOD_PX / row.period_px)
    level = _level(_strips(reduced.crop, row, scale)[look.beyond], row.period_px * scale)
    period = row.period_px * scale
    rows = profiles.rows_with_period(level.even, period, look.repeating)
    if (contrast := float(level.waves[rows].std())) < limits.least_contrast:
        needed = limits.least_contrast
        return refused(Unjudged.FAINT_SHEDS, "contrast", contrast, "grey levels", needed)
    # Rows of something beside the insulator, or of the edge of its sheds' rims alone.
    middle = (rows.start + rows.stop) / 2 / len(level.even) - 0.5
    if abs(middle) > _ASIDE:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    whole = level.strip.in_full(reduced.scale)
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
    boxes = {look.beyond: _lengthened(crop, row, look.beyond) for look in LOOKS}
    some = list(dict.fromkeys(boxes.values()))  # in a crop that ends at its box all are the same
    strips = dict(zip(some, profiles.level(crop.pixels, some, _upright(row), scale), strict=True))
    return {share: strips[box] for share, box in boxes.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """A level strip, and what tells its rows apart.

    Attributes:
        strip: All of its pixels.
        waves: The strip without its slow changes.
        even: The same, its contrast evened out along and across.
    """

    strip: Strip
    waves: Floats
    even: Floats


@lru_cache(maxsize=2)  # looks at the same place see the same strip
def _level(strip: Strip, period: float) -> _Level:
    """Return what tells the rows of a strip apart; ``period`` is in its pixels."""
    waves = profiles.waves(strip.pixels, period)
    # In the dark beside a string grain repeats by chance: rows count by their contrast, too.
    power = _power(waves)
    even = profiles.evened(strip.pixels)
    even *= np.sqrt(power / max(float(power.max()), 1e-6))[:, None]
    return _Level(strip, waves, even)


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


def _with_sheds(
    whole: Strip, sheds: slice, row: Row, limits: ShedLimits
) -> InsulatorString | Refusal:
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
    return InsulatorString(whole, strip, grey, likeness, places, period, row.rhythm)


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
