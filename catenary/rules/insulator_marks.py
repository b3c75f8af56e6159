"""Where the sheds 伞裙 of an insulator are: what is learnt of one may begin anywhere in it."""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import lru_cache

import cv2
import numpy as np

from catenary.domain.geometry import Polyline
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules.insulator_string import InsulatorString

_ALTERNATES = 0.25  # share of what varies in a row that repeats with the sheds it is drawn on
_FAINT = 0.08  # of the strongest row's waves; fainter rows are beside the sheds
_FLAT = 1.0  # grey levels; the same
_CORE = 1.5  # periods of a core without waves between two edges of the sheds
_BEGINS = 0.75  # periods by which what is learnt of a shed may begin beside its middle
_GROUND_PX = 256  # shorter side of a crop of which every pixel is counted beside the box
_OVER = 2.0  # strip px by which the outline of a shed is drawn around it


@dataclass(frozen=True, slots=True)
class Body:
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
class _Waves:
    """How the sheds of a level picture and what is between them alternate.

    Attributes:
        first: Row of the whole at which they do.
        last: Last such row.
        level: (length,) of the whole, sheds bright.
        shifts: Strip pixels from the places of the sheds to their middles, one of them.
    """

    first: int
    last: int
    level: Floats
    shifts: tuple[float, ...]


def body(string: InsulatorString, crop: Crop, lacking: float | None) -> Body:
    """Return where the sheds are seen, to draw: what is learnt of them may begin anywhere in one.

    Args:
        string: Its sheds are drawn.
        crop: That it is seen in.
        lacking: Place where one seems to be missing; None where none does.
    """
    seen, top = _waves(string, crop), string.corner[1]
    shift = max(seen.shifts, key=lambda one: _on_sheds(string, seen.level, one, lacking))
    y = np.arange(seen.first - top, seen.last - top + 1)
    x = np.full(len(y), float(string.sheds.mean()))
    columns, lines = string.strip.to_picture @ np.stack([x, y, np.ones(len(y))])
    box = crop.inner
    is_own = (columns >= box.x0) & (columns < box.x1) & (lines >= box.y0) & (lines < box.y1)
    y = y[is_own] if is_own.any() else y
    return Body(shift, float(y[0]) - 0.5, float(y[-1]) + 0.5)


@lru_cache(maxsize=2)  # several rules draw the same strings, one after the other
def _waves(string: InsulatorString, crop: Crop) -> _Waves:
    """Return where sheds and what is between them alternate, and where in a period sheds are.

    Grey levels are laid over one another, shed on shed. Their first harmonic is most of what
    varies in the rows in which sheds and what is between them alternate, and tells where in a
    period sheds are: they differ from the background, while it shows between them.
    """
    pixels, period = string.whole.pixels, string.period
    top, height = string.corner[1], len(pixels)
    own = slice(top, min(top + string.strip.pixels.shape[0], height))
    hole = max(3, round(_CORE * period))
    reach = 2 * hole
    near = slice(max(0, own.start - reach), min(own.stop + reach, height))
    seen = _alternating(string, near, own, hole)
    if seen.first - hole < near.start > 0 or seen.last + hole >= near.stop < height:
        seen = _alternating(string, slice(0, height), own, hole)
    sign = 1.0 if seen.usual.min() + seen.usual.max() >= 2 * _ground(crop) else -1.0
    level = sign * pixels[seen.first : seen.last + 1].mean(axis=0)
    shift = float(np.angle(sign * seen.wave)) * period / (2 * math.pi)
    # Halfway between two sheds a mark may belong to either.
    either = (shift, shift - math.copysign(period, shift))
    shifts = tuple(one for one in either if abs(one) <= _BEGINS * period)
    return _Waves(seen.first, seen.last, np.asarray(level, np.float32), shifts)


@dataclass(frozen=True, slots=True, eq=False)
class _Alternating:
    """Rows of a level picture in which sheds and what is between them alternate.

    Attributes:
        first: The first one.
        last: The last one.
        usual: (period,) mean grey levels around the places of the sheds.
        wave: First harmonic of these, summed up.
    """

    first: int
    last: int
    usual: Floats
    wave: complex


def _alternating(string: InsulatorString, near: slice, own: slice, hole: int) -> _Alternating:
    """Return the rows, of those near, in which sheds alternate with what is between them.

    Args:
        string: The sheds are its own.
        near: Rows of the whole.
        own: Rows of the strip in the whole, some of those near.
        hole: Rows without waves that may lie between.
    """
    period, pixels = string.period, string.whole.pixels[near]
    steps = np.arange(-math.floor(period / 2), math.ceil(period / 2))
    columns = np.clip(string.sheds[:, None] + steps + string.corner[0], 0, pixels.shape[1] - 1)
    sheds = pixels[:, columns]
    turns = np.exp(2j * np.pi * steps / period) * (math.sqrt(2) / len(steps))
    # By real numbers: as complex ones the pixels would take four times the room.
    harmonic = np.stack([turns.real, turns.imag], axis=1).astype(np.float32)
    flat = sheds.reshape(-1, len(steps))
    parts = cv2.gemm(flat, harmonic, 1.0, np.empty(0, np.float32), 0.0)
    each = (parts[:, 0] + 1j * parts[:, 1]).reshape(sheds.shape[:2])
    waves = each.mean(axis=1)
    # Most sheds must do so: what one of them, or something beside it, does is no wave.
    in_phase = (each * np.conj(waves / np.maximum(np.abs(waves), 1e-6))[:, None]).real
    strength = profiles.medians_along(in_phase, 1)
    squares = np.einsum("ijk,ijk->ij", sheds, sheds) / len(steps) - sheds.mean(axis=2) ** 2
    varies = profiles.medians_along(np.sqrt(np.maximum(squares, 0)), 1)
    inside = slice(own.start - near.start, own.stop - near.start)
    first = last = inside.start + int(strength[inside].argmax())
    least = max(_FAINT * float(strength[inside].max()), _FLAT)
    rows = np.flatnonzero((strength > least) & (strength > _ALTERNATES * varies))
    for row in rows[rows > last].tolist():
        last = row if row - last <= hole else last
    for row in rows[rows < first][::-1].tolist():
        first = row if first - row <= hole else first
    usual = np.asarray(sheds[first : last + 1].mean(axis=(0, 1)), np.float32)
    wave = complex(waves[first : last + 1].sum())
    return _Alternating(near.start + first, near.start + last, usual, wave)


def _on_sheds(string: InsulatorString, level: Floats, shift: float, lacking: float | None) -> float:
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


@lru_cache(maxsize=1)  # of all strings that are found in a crop
def _ground(crop: Crop) -> float:
    """Return the usual grey level outside the box; 0 where the crop has no margin."""
    # Of a large crop some pixels tell, evenly spread.
    step = max(1, min(crop.pixels.shape) // _GROUND_PX)
    x0, y0, x1, y1 = (max(round(each), 0) for each in astuple(crop.inner))
    inside = crop.pixels[-(-y0 // step) * step : y1 : step, -(-x0 // step) * step : x1 : step]
    outside = profiles.histogram(crop.pixels[::step, ::step]) - profiles.histogram(inside)
    return float(profiles.percentiles_of(outside, (50,))[0]) if outside.any() else 0.0


def traces(string: InsulatorString, body: Body) -> tuple[Polyline, ...]:
    """Return the axis and each shed."""
    first, last = (float(string.sheds[at]) + body.shift for at in (0, -1))
    axis = line(string, "axis", ((first, body.middle), (last, body.middle)))
    return (axis, *(_mark(string, body, float(x)) for x in string.sheds))


def _mark(string: InsulatorString, body: Body, place: float) -> Polyline:
    """Return a line across a shed."""
    x = place + body.shift
    return line(string, "shed", ((x, body.top), (x, body.bottom)))


def around_shed(string: InsulatorString, body: Body, role: str, place: float) -> Polyline:
    """Return the outline of where a shed is, or should be: nothing lies over what is seen there."""
    left, right = (place + body.shift + half * string.period for half in (-0.5, 0.5))
    top, bottom = body.top - _OVER, body.bottom + _OVER
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return line(string, role, corners)


def line(string: InsulatorString, role: str, points: Iterable[tuple[float, float]]) -> Polyline:
    """Return places of the strip (x, y) as a line in the picture."""
    return Polyline(role, tuple(string.strip.in_picture(x, y) for x, y in points))
