"""Tubes that begin and end in a picture: where they lie, how straight they are, where they stop.

A tube shows as two edges side by side. Straight pieces of edges are found by LSD (Grompone von Gioi
et al., Image Processing On Line 2 (2012) 35-55) and paired; the best pairs are followed to both
ends by the cheapest path, then edges are measured where the profile across crosses half of the
tube's height over the background of that side, between pixels. All numbers are our starting values.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import resize
from catenary.imaging.crops import Crop
from catenary.imaging.lines import Axis
from catenary.imaging.profiles import Strip, percentiles
from catenary.imaging.shrink import shrunk
from catenary.rules.stretch import crossing, fitted, running
from catenary.rules.wire import cheapest, ridges

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_PX = 8  # shorter side of a picture

_SEARCH_PX = 320  # longer side of the reduced picture in which edges are looked for
_LEAST_EDGE_PX = 12.0  # of that picture
_MOST_EDGES = 60  # the longest ones
_PARALLEL = math.cos(math.radians(8.0))
_SLIM = 0.3  # most of its length that a tube may be wide
_NO_GAP = 0.3  # of its contrast by which a tube differs from the usual grey, in the same direction
_NEAR = 0.5  # of the longer of two edges: those farther apart are no pair
_LEAST_WIDTH_PX = 2.5  # of the reduced picture
_FOLLOWED_PX = 5.0  # width of a tube while it is followed
_FOLLOWED_LENGTH = 320.0  # px of the strip in which it is followed
_MEASURED_PX = 12.0  # width of a tube, at most, while its edges are measured
_MEASURED_LENGTH = 640.0
_MEASURED_SIDE_PX = 900  # longer side of the picture in which edges are measured
_CLEAR = 60.0  # grey levels; more contrast is no better
_FINE = 0.5  # strip px between samples across
_REACH = 1.1  # widths to both sides that are looked at
_ASIDE = 0.16  # of the length by which a tube may leave the line that it was found on
_LOYAL = 0.1  # of the length by which a ridge lies beside that line when it counts by half
_LEAST_LEVEL = 0.35  # of the usual height over the background: less is not the tube
_WIDTHS = (0.7, 1.35)  # usual widths that are still the tube
_TIP = 0.03  # of the seen columns at each end that tell nothing of its shape
_CHORD_END = 0.05  # of the others, over which the ends of the chord are taken
_SMOOTH = 0.7  # widths over which edges are smoothed
_STEP = 0.5  # aside for one along: a steeper course has gone over to something else
_STEP_OVER = 0.5  # widths over which that is taken
_UNSURE = 0.22  # widths
_OUTER = 0.2  # share of the length at each end in which fittings may go on from the tube
_OFF = 0.25  # widths beside an even curve from which something there is no more the tube
_OUTSIDE = 0.1  # of a box's longer side by which a part of it may reach over it
_PIECES = 4  # looked at for each tube that is wanted
_BRIDGED = 2.5  # widths that something before the tube may hide


@dataclass(frozen=True, slots=True)
class TubeLimits:
    """What a tube must have to be measured.

    Attributes:
        width_px: Thinner tubes are not measured, px.
        length: Shorter tubes are not measured, in widths: stubs, and loops of cable.
        contrast: Grey levels by which it must stand out.
        cover: Share of its length on which both edges must be seen.
    """

    width_px: float = 4.0
    length: float = 8.5
    contrast: float = 10.0
    cover: float = 0.8


@dataclass(frozen=True, slots=True)
class Seed:
    """Two edges side by side: a piece of what may be a tube.

    Attributes:
        start: (x, y) of the middle at one end, px.
        stop: (x, y) at the other end.
        width: Distance of the edges, px.
        sign: 1 where it is brighter than what is beside it, -1 where it is darker.
        contrast: By how many grey levels, at least 0.
    """

    start: tuple[float, float]
    stop: tuple[float, float]
    width: float
    sign: float
    contrast: float

    @property
    def length(self) -> float:
        """Distance of its ends, px."""
        return math.dist(self.start, self.stop)

    @property
    def middle(self) -> tuple[float, float]:
        """(x, y) halfway between its ends."""
        (x0, y0), (x1, y1) = self.start, self.stop
        return (x0 + x1) / 2, (y0 + y1) / 2

    def scaled(self, factor: float) -> Self:
        """Return this piece in a picture resized by ``factor``; pixel centres are whole."""
        start, stop = (
            ((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5) for x, y in (self.start, self.stop)
        )
        return type(self)(start, stop, self.width * factor, self.sign, self.contrast)


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A tube over L columns of a strip that is turned along it; rows and columns are strip pixels.

    Attributes:
        strip: What lies beside it.
        upper: (L,) row of one edge.
        lower: (L,) row of the other.
        seen: (L,) bool, columns on which both edges are seen and nothing else is on the tube.
        first: First column of the tube.
        last: Last one.
        width: Usual width, px of the picture.
        contrast: Grey levels by which it stands out from the nearer background.
        rise: Length over which its edges rise at their steepest, as a share of the width.
        sign: 1 where it is brighter than the background, -1 where it is darker.
    """

    strip: Strip
    upper: Numbers
    lower: Numbers
    seen: Flags
    first: int
    last: int
    width: float
    contrast: float
    rise: float
    sign: float

    @property
    def middle(self) -> Numbers:
        """(L,) row of its middle."""
        return (self.upper + self.lower) / 2

    @property
    def columns(self) -> NDArray[np.int64]:
        """Columns of the tube on which it is seen."""
        found = np.flatnonzero(self.seen)
        return found[(found >= self.first) & (found <= self.last)]

    @property
    def cover(self) -> float:
        """Share of its length on which it is seen, in [0, 1]."""
        return len(self.columns) / (self.last - self.first + 1)

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(x, y) of both ends of its middle, px."""
        return _ends(self)

    @property
    def length(self) -> float:
        """Distance of its ends, px."""
        return math.dist(*self.ends)

    @property
    def angle_deg(self) -> float:
        """Of its chord to the level, clockwise on the screen, in (-90, 90]."""
        (x0, y0), (x1, y1) = self.ends
        angle = math.degrees(math.atan2(y1 - y0, x1 - x0))
        return (angle + 90 - 1e-9) % 180 - 90 + 1e-9

    def bow(self) -> float:
        """Return its largest distance from the chord, as a share of its length."""
        off, columns = self._off_chord(), self._inner()
        return float(off.max()) / max(float(columns[-1] - columns[0]), 1.0)

    def unsure(self) -> float:
        """Return how large a bow what sits at its ends can feign, as a share of its length."""
        return _UNSURE * self.width / self.length

    def off_curve(self) -> float:
        """Return its largest distance from an even curve, as a share of its length.

        The curve is the parabola with the least absolute deviations.
        """
        columns = self._inner()
        off = [
            self._smooth(edge[columns] - fitted(edge[columns], np.ones(len(columns)), 2))
            for edge in (self.upper, self.lower)
        ]
        return float(_both(*off).max()) / max(float(columns[-1] - columns[0]), 1.0)

    def _inner(self) -> NDArray[np.int64]:
        """Return the columns on which it is seen, without both tips."""
        columns = self.columns
        tip = round(_TIP * len(columns))
        return columns[tip : len(columns) - tip]

    def _off_chord(self) -> Numbers:
        """Return by how much it leaves its chord on each inner column, as both edges show it."""
        columns = self._inner()
        few = max(1, round(_CHORD_END * len(columns)))
        off = []
        for edge in (self.upper, self.lower):
            rows = self._smooth(edge[columns])
            x = float(columns[:few].mean()), float(columns[-few:].mean())
            y = float(np.median(rows[:few])), float(np.median(rows[-few:]))
            off.append(rows - y[0] - (y[1] - y[0]) * (columns - x[0]) / max(x[1] - x[0], 1.0))
        return _both(*off)

    def _smooth(self, rows: Numbers) -> Numbers:
        return running(rows, _SMOOTH * self.width * self.strip.scale)

    def at(self, column: float, row: float) -> tuple[float, float]:
        """Return a place of the strip as (x, y) in the picture, half-open pixels."""
        x, y = self.strip.in_picture(column, row)
        return x + 0.5, y + 0.5

    def line(self, role: str, rows: Numbers, columns: NDArray[np.int64]) -> Polyline:
        """Return the points of some columns; ``rows`` is (L,)."""
        return self.strip.line(role, columns.astype(np.float64), rows[columns])

    def course(self, role: str) -> Polyline:
        """Return the course of its middle, smooth, to draw."""
        columns = self._inner()
        rows = np.zeros_like(self.upper)
        rows[columns] = self._smooth(self.middle[columns])
        return self.line(role, rows, columns[np.linspace(0, len(columns) - 1, 25).astype(np.int64)])

    def edges(self) -> tuple[Polyline, Polyline]:
        """Return both edges as they were measured, to draw."""
        some = self.columns[:: max(1, len(self.columns) // 40)]
        return self.line("edge", self.upper, some), self.line("edge", self.lower, some)


@lru_cache(maxsize=16)
def _ends(tube: Tube) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (x, y) of both ends of a tube; kept, since every rule asks for them several times."""
    columns = tube.columns
    course = fitted(tube.middle[columns], np.ones(len(columns)), 2)
    first, last = columns[[0, -1]]
    return tube.at(float(first), float(course[0])), tube.at(float(last), float(course[-1]))


def _both(first: Numbers, second: Numbers) -> Numbers:
    """Return (L,) what two edges agree on: the smaller of both, 0 where their signs differ."""
    agreed: Numbers = np.where(first * second > 0, np.minimum(np.abs(first), np.abs(second)), 0.0)
    return agreed


def tubes(
    pixels: NDArray[np.uint8], most: int, box: Box, search_px: int = _SEARCH_PX
) -> tuple[Tube, ...]:
    """Find tubes and follow each to both of its ends, the clearest first.

    Args:
        pixels: (height, width) uint8, at least 8 px a side.
        most: Of them to return.
        box: Pieces whose middle lies outside it are not followed.
        search_px: Longer side of the reduced picture in which edges are looked for.
    """
    # Both reductions of a large picture begin with halvings: those take OpenCV the least time.
    halvings = max(0, math.floor(math.log2(max(pixels.shape) / _MEASURED_SIDE_PX)))
    half = _Reduced(resize.halved(pixels, halvings), 0.5**halvings)
    coarse, fine = _reduced(half, search_px), _reduced(half, _MEASURED_SIDE_PX)
    allowed = box.scaled(coarse.scale)
    found: list[Tube] = []
    pieces = sorted(_pairs(_edges(coarse.pixels), coarse.pixels), key=_rank)
    for seed in pieces[: _PIECES * most]:
        if len(found) == most:
            break
        if not allowed.contains(*seed.middle) or any(
            _lies_in(seed.scaled(1 / coarse.scale), tube) for tube in found
        ):
            continue
        tube = _followed(coarse, fine, seed)
        if tube is not None:
            found.append(tube)
    return tuple(found)


def ends_within(one: Tube, crop: Crop) -> bool:
    """Tell whether a tube ends within the box, or where the frame cuts the box."""
    longer = max(crop.inner.width, crop.inner.height)
    allowed = crop.inner.grown(_OUTSIDE * longer)
    return all(
        (x >= allowed.x0 or "left" in crop.cut_sides)
        and (x <= allowed.x1 or "right" in crop.cut_sides)
        and (y >= allowed.y0 or "top" in crop.cut_sides)
        and (y <= allowed.y1 or "bottom" in crop.cut_sides)
        for x, y in one.ends
    )


def unfit(one: Tube, limits: TubeLimits) -> Refusal | None:
    """Return why nothing about a tube can be measured, or nothing."""
    if one.width < limits.width_px:
        return refused(Unjudged.THIN_TUBE, "width", one.width, "px", limits.width_px)
    if (shape := one.length / one.width) < limits.length:
        return refused(Unjudged.SHORT_TUBE, "length", shape, "tube widths", limits.length)
    if one.contrast < limits.contrast:
        needed = limits.contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", one.contrast, "grey levels", needed)
    if one.cover < limits.cover:
        return refused(Unjudged.FEW_EDGES, "edges_seen", one.cover, "1", limits.cover)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """A picture, reduced: (H, W) uint8 and its pixels per pixel of the picture, at most 1."""

    pixels: NDArray[np.uint8]
    scale: float


def _reduced(half: _Reduced, longest: int) -> _Reduced:
    """Return a picture no longer than that, and no side below 8 px."""
    scale = min(1.0, longest / max(half.pixels.shape))
    return _Reduced(shrunk(half.pixels, scale), half.scale * scale)


def _rank(seed: Seed) -> float:
    """Return what sorts the pieces with the longest and clearest edges first."""
    return -seed.length * min(seed.contrast, _CLEAR)


def _followed(coarse: _Reduced, fine: _Reduced, seed: Seed) -> Tube | None:
    """Follow a tube from a piece of it to both ends; None where its edges are not found."""
    axis = _axis(coarse.pixels.shape, seed)
    if axis is None:
        return None
    enlarged = fine.scale / coarse.scale
    path = _path(coarse.pixels, axis, seed) * enlarged
    larger = seed.scaled(enlarged)
    whole = _axis(fine.pixels.shape, larger)
    if whole is None:
        return None
    along = np.linspace(whole.start, whole.stop, len(path)) / enlarged
    path = np.interp(along, np.linspace(axis.start, axis.stop, len(path)), path)
    return _measured(fine, whole, path, larger)


def _edges(small: NDArray[np.uint8]) -> Numbers:
    """Return (N, 4) straight pieces of edges x0, y0, x1, y1, the brighter side on their right.

    Faint edges beside bright ones count as well: grey levels are compressed first.
    """
    low, high = (float(level) for level in percentiles(small, (5, 99)))
    grey = np.clip((np.arange(256) - low) / max(high - low, 12.0), 0, 1) ** 0.6
    detector = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE, 1.0)
    found = detector.detect(cv2.LUT(small, np.asarray(grey * 255, np.uint8)))[0]
    # None where there is no edge, whatever the stubs of OpenCV say.
    lines = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    length = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    order = np.argsort(-length, kind="stable")[:_MOST_EDGES]
    return lines[order[length[order] >= _LEAST_EDGE_PX]]


def _pairs(lines: Numbers, small: NDArray[np.uint8]) -> list[Seed]:
    """Return every two edges that run side by side with the same brightness between them."""
    starts, stops, across = _side_by_side(lines)
    signs, contrasts, levels = _contrasts(small, starts, stops, across)
    # What is between two tubes is as bright as the background.
    usual = float(percentiles(small, (50,))[0])
    is_seen = (contrasts > 0) & (signs * (levels - usual) > _NO_GAP * contrasts)
    widths = np.hypot(*across.T)
    return [
        Seed((x0, y0), (x1, y1), width, sign, contrast)
        for (x0, y0), (x1, y1), width, sign, contrast in zip(
            *(one[is_seen].tolist() for one in (starts, stops, widths, signs, contrasts)),
            strict=True,
        )
    ]


def _side_by_side(lines: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return where edges run side by side, for each two that do.

    Args:
        lines: (N, 4) edges x0, y0, x1, y1.

    Returns:
        (M, 2) both ends of the line halfway between them, and (M, 2) the way across, as long as
        they are apart.
    """
    ends = lines[:, :2], lines[:, 2:]
    length = np.hypot(*(ends[1] - ends[0]).T)
    units = (ends[1] - ends[0]) / np.maximum(length, 1e-9)[:, None]
    middles = (ends[0] + ends[1]) / 2
    against = units @ units.T < -_PARALLEL
    normals = np.stack([-units[:, 1], units[:, 0]], axis=1)
    apart = np.abs(((middles[None] - middles[:, None]) * normals[:, None]).sum(axis=2))
    near = apart <= _NEAR * np.maximum(length[:, None], length)
    first, second = np.nonzero(np.triu(against & near))
    along = units[first] - units[second]
    along /= np.hypot(*along.T)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    origin = middles[first]
    spans = [
        np.sort([_dot(end[which] - origin, along) for end in ends], axis=0)
        for which in (first, second)
    ]
    low, high = np.maximum(spans[0][0], spans[1][0]), np.minimum(spans[0][1], spans[1][1])
    beside = [
        _dot(middles[which] - origin, across)
        + ((low + high) / 2 - _dot(middles[which] - origin, along))
        * _dot(units[which], across)
        / _dot(units[which], along)
        for which in (first, second)
    ]
    width = np.abs(beside[1] - beside[0])
    is_pair = (high - low >= _LEAST_EDGE_PX) & (width >= _LEAST_WIDTH_PX)
    is_pair &= width <= _SLIM * (high - low)
    middle = origin + across * ((beside[0] + beside[1]) / 2)[:, None]
    low, high, width = low[:, None], high[:, None], width[:, None]
    found = middle + along * low, middle + along * high, across * width
    return found[0][is_pair], found[1][is_pair], found[2][is_pair]


def _dot(one: Numbers, other: Numbers) -> Numbers:
    """Return (N,) the products of (N, 2) vectors, each with its own."""
    product: Numbers = one[:, 0] * other[:, 0] + one[:, 1] * other[:, 1]
    return product


def _contrasts(
    small: NDArray[np.uint8], starts: Numbers, stops: Numbers, across: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """Return 1 where a pair is brighter than both sides, else -1, by how much, and its grey.

    All of them (M,), of pairs as `_side_by_side` returns them.
    """
    t = np.linspace(0.1, 0.9, 9)[:, None]
    middle = starts[:, None] + t * (stops - starts)[:, None]  # (M, 9, 2)
    shares = np.array((-0.8, -0.15, 0.15, 0.8))[:, None]
    aside = (shares * across[:, None])[:, :, None]  # (M, 4, 1, 2)
    points = np.round(middle[:, None] + aside).astype(np.int64)
    x = np.clip(points[..., 0], 0, small.shape[1] - 1)
    y = np.clip(points[..., 1], 0, small.shape[0] - 1)
    levels = np.median(small[y, x], axis=2)  # (M, 4)
    inner = (levels[:, 1] + levels[:, 2]) / 2
    over = inner - levels[:, 0], inner - levels[:, 3]
    is_like = over[0] * over[1] > 0
    signs = np.where(is_like, np.copysign(1.0, over[0]), 1.0)
    return signs, np.where(is_like, np.minimum(*np.abs(over)), 0.0), inner


def _lies_in(seed: Seed, tube: Tube) -> bool:
    """Tell whether a seed is a piece of a tube that was followed already."""
    back = np.linalg.inv(np.vstack([tube.strip.to_picture, [0, 0, 1]]))
    x, y = seed.middle
    column, row, _ = back @ (x, y, 1.0)
    if not tube.first <= column <= tube.last:
        return False
    at = int(np.clip(round(float(column)), 0, len(tube.upper) - 1))
    return bool(abs(tube.middle[at] - row) < 0.8 * tube.width * tube.strip.scale)


def _axis(shape: tuple[int, ...], seed: Seed) -> Axis | None:
    """Return the line of a seed from border to border of the picture, by the seed's middle."""
    x, y = seed.middle
    turn = math.atan2(seed.stop[1] - seed.start[1], seed.stop[0] - seed.start[0])
    if turn <= -math.pi / 2 or turn > math.pi / 2:
        turn -= math.copysign(math.pi, turn)
    spans = [
        sorted(((-at) / part, (side - 1 - at) / part))
        for at, part, side in (
            (x, math.cos(turn), shape[1]),
            (y, math.sin(turn), shape[0]),
        )
        if abs(part) > 1e-6
    ]
    start, stop = max(low for low, _ in spans), min(high for _, high in spans)
    if stop - start < 8:
        return None
    return Axis(float(x), float(y), turn, float(start), float(stop), seed.width, seed.sign)


def _path(pixels: NDArray[np.uint8], axis: Axis, seed: Seed) -> Numbers:
    """Return the course of a tube, px beside its axis, at even steps along it.

    The path is held to the seed, and ridges far beside its line count less, so that no other tube
    is followed instead.
    """
    scale = min(1.0, _FOLLOWED_PX / axis.width, _FOLLOWED_LENGTH / axis.length)
    half = 1.5 * axis.width + _ASIDE * axis.length
    strip, is_in = axis.strip(pixels, scale, half)
    strength = ridges(np.ascontiguousarray(strip.pixels.T), axis.sign) * is_in.T
    held = 0.45 * seed.length * scale
    along = np.arange(len(strength)) + axis.start * scale
    beside = np.arange(strength.shape[1]) - strip.pixels.shape[0] // 2
    strength /= 1 + (beside / (_LOYAL * axis.length * scale)) ** 2
    strength[np.ix_(np.abs(along) < held, np.abs(beside) > max(1.5, 0.6 * axis.width * scale))] = 0
    x, _ = cheapest(strength)
    path = running((x - strip.pixels.shape[0] // 2) / scale, 5.0)
    soft = cv2.GaussianBlur(path[None], (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft[0], np.float64)


def _measured(fine: _Reduced, axis: Axis, path: Numbers, seed: Seed) -> Tube | None:
    """Measure both edges along a path, and find the ends."""
    scale = min(1.0, _MEASURED_PX / axis.width, _MEASURED_LENGTH / axis.length)
    width = axis.width * scale
    strip, is_in = axis.strip(fine.pixels, scale, float(np.abs(path).max()) + 1.6 * axis.width)
    length = strip.pixels.shape[1]
    course = strip.pixels.shape[0] // 2 + scale * np.interp(
        np.linspace(0, len(path) - 1, length), np.arange(len(path)), path
    )
    reach = _REACH * width + 2
    offsets = np.arange(-reach, reach + _FINE / 2, _FINE)
    y = (course + offsets[:, None]).astype(np.float32)
    x = np.broadcast_to(np.arange(length, dtype=np.float32), y.shape)
    straight = cv2.remap(axis.sign * strip.pixels, x, y, cv2.INTER_LINEAR)
    known = cv2.remap(is_in.astype(np.uint8), x, y, cv2.INTER_NEAREST) > 0
    along = max(0.8, 0.15 * width)
    border = cv2.BORDER_REPLICATE
    smooth = cv2.GaussianBlur(straight, (0, 0), along, sigmaY=0.8, borderType=border)
    soft = np.asarray(smooth, np.float64)
    level = np.median(soft[np.abs(offsets) <= 0.25 * width], axis=0)
    grounds = [
        np.median(soft[(side * offsets >= 0.75 * width) & (side * offsets <= reach)], axis=0)
        for side in (-1, 1)
    ]
    rises = np.minimum(level - grounds[0], level - grounds[1])
    middle = -axis.start * scale
    is_seed = np.abs(np.arange(length) - middle) <= 0.45 * seed.length * scale
    height = float(np.median(rises[is_seed])) if is_seed.any() else 0.0
    if height <= 0:
        return None
    edges = [
        side * crossing(offsets, soft, (level + ground) / 2, side)
        for side, ground in zip((-1, 1), grounds, strict=True)
    ]
    widths = edges[1] - edges[0]
    is_found = np.isfinite(widths) & known[np.abs(offsets) <= 0.8 * width].all(axis=0)
    if not (is_found & is_seed).any():
        return None
    usual = float(np.median(widths[is_found & is_seed]))
    low, high = (share * usual for share in _WIDTHS)
    is_tube = is_found & (rises >= _LEAST_LEVEL * height)
    is_tube &= (np.nan_to_num(widths) >= low) & (np.nan_to_num(widths) <= high)
    upper, lower = (course + np.where(is_tube, edge, 0.0) for edge in edges)
    middle_row = (upper + lower) / 2
    first, last = _extent(middle_row, is_tube, is_seed, usual)
    first, last = _trimmed(middle_row, is_tube, first, last, usual)
    if last - first < 8:
        return None
    slope = np.abs(np.diff(soft, axis=0)).max(axis=0) / _FINE
    rise = float(np.median(((level - np.minimum(*grounds)) / np.maximum(slope, 1e-3))[is_tube]))
    return Tube(
        strip.in_full(fine.scale),
        upper,
        lower,
        is_tube,
        first,
        last,
        usual / scale / fine.scale,
        height,
        rise / usual,
        axis.sign,
    )


def _extent(middle: Numbers, is_tube: Flags, is_seed: Flags, width: float) -> tuple[int, int]:
    """Return first and last column of the tube that a seed is a piece of.

    It ends where nothing is seen for long, and where the course steps aside.
    """
    own = np.flatnonzero(is_tube & is_seed)
    if not own.size:
        return 0, 0
    found = np.flatnonzero(is_tube)
    ahead = np.minimum(np.arange(len(found)) + max(1, round(_STEP_OVER * width)), len(found) - 1)
    rows = running(middle[found], 3.0)
    on = np.maximum(found[ahead] - found, _STEP_OVER * width)
    is_step = np.abs(rows[ahead] - rows) > _STEP * on
    breaks = np.flatnonzero((np.diff(found) > _BRIDGED * width) | is_step[:-1])
    starts = found[np.concatenate([[0], breaks + 1])]
    stops = found[np.concatenate([breaks, [len(found) - 1]])]
    index = int(np.searchsorted(stops, own[len(own) // 2]))
    return int(starts[index]), int(stops[index])


def _trimmed(
    middle: Numbers, is_tube: Flags, first: int, last: int, width: float
) -> tuple[int, int]:
    """Return an extent without what goes on at its ends in another direction: hooks and clamps."""
    columns = first + np.flatnonzero(is_tube[first : last + 1])
    if len(columns) < 8:
        return first, last
    outer = round(_OUTER * (last - first))
    inner = (columns >= first + outer) & (columns <= last - outer)
    course = fitted(middle[columns], np.where(inner, 1.0, 1e-3), 2)
    off = np.abs(running(middle[columns] - course, 0.5 * width)) > _OFF * width
    before = columns[off & (columns < first + outer)]
    after = columns[off & (columns > last - outer)]
    return (
        int(before[-1]) + 1 if before.size else first,
        int(after[0]) - 1 if after.size else last,
    )
