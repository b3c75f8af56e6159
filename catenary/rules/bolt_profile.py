"""The free end of a bolt 螺栓 in a crop: its axis, its thread, and how wide it is along the axis.

A bolt lies square to the faces that it holds, so the directions of all edges in its box, taken
modulo a right angle, give its axis but for a quarter turn. Its thread is then a pair of parallel
edges that ends in the box. All numbers are our starting values, in washer widths of the strip or in
thread diameters, chosen on simulated bolts of the training and validation masts.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop

Floats = NDArray[np.float32]

_WASHER_PX = 28  # a strip is as large as makes the width of the box this many pixels
_HALF_PX = 30  # of the strip across the axis
_SLENDER = (1.3, 4.5)  # lengths over widths of bolts, seen from the side or aslant
_USUAL_SLENDER = 2.4  # where the box does not tell
_TURNS_DEG = (-6.0, 6.0)  # a bolt seen aslant is not quite square to its face
_LEAN = 1.5  # a box this slender tells which way the bolt lies
_ASIDE_PX = 4  # of the axis from the middle of the box, in the strip
_RADII_PX = (5, 8.5)  # of a thread in the strip; nuts and heads are wider
_SHORTEST, _LONGEST = 0.35, 3.0  # diameters of free thread
_END_PX = (-10, 8)  # where the end lies, against where the box says
_LEAST_PAIR = 0.4  # strength of two edges below which they speak against a thread
_END_WEIGHT = 0.4  # diameters of thread that a sharp end is worth
_RIM_WEIGHT = 0.4  # the same of a step to something wider at its other end
_RIM = 1.6  # radii to which that step reaches
_NOISES, _CONTRASTS = 3.0, 0.045  # an edge of this height, of the crop, has half its strength
_ONE_SIDED = 0.6  # a pair that is brighter on one side and darker on the other is worth this
_SLACK = 0.2  # diameters by which place and diameter are put right afterwards
_WORTH = 0.25  # strength of an end that is looked at
_DIAMETER_PX = 24  # of the thread in the strip that is measured
_REACH_PX = 40  # half of that strip
_FAR, _NEAR = 3.5, 0.5  # diameters from the end, inward and outward
_NUT = (1.28, 2.6)  # thread diameters: a shaded thread looks thinner than it is
_UNEVEN = 0.6  # thread radii by which its sides may differ: one is in the shade
_NUT_LONG = 0.6  # diameters of a nut that must be seen
_HINT_LONG = 0.45  # the same where anything of a nut counts
_CLEAR = 0.5  # strength of edges and steps that are seen
_RIM_ROWS = 7  # px along the axis that a step seen aslant bends
_NEAR_ROWS = 5  # around the place where the thread is lost
_RIMS = ((1.15, 1.5), (1.8, 2.4))  # thread radii: as far as a nut reaches, and beyond


@dataclass(frozen=True, slots=True)
class Thread:
    """The free end of a bolt, crop pixels.

    Attributes:
        x: Middle of its end face.
        y: Middle of its end face.
        angle: Direction outward along the axis, radians clockwise from the x axis.
        diameter: Of the thread.
        strength: Of its outline, about in [0, 1]; clear bolts have 0.5 and more.
    """

    x: float
    y: float
    angle: float
    diameter: float
    strength: float

    def at(self, inward: float, aside: float = 0.0) -> tuple[float, float]:
        """Return the point (x, y) so far from the end and aside of the axis, crop pixels."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x - inward * cos - aside * sin, self.y - inward * sin + aside * cos


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Edges of a strip: rows along the axis, outward; columns across it.

    Attributes:
        sides: Strength of edges along the axis in [0, 1), none beside stronger ones.
        signs: 1 where it gets brighter to the right.
        steps: Strength of edges across the axis in [0, 1).
    """

    sides: Floats
    signs: Floats
    steps: Floats

    def pairs(self, middles: NDArray[np.int64], radii: NDArray[np.int64]) -> Floats:
        """Return (rows, middles, radii): strength of the weaker edge at so far from a middle."""
        left = middles[:, None] - radii
        right = middles[:, None] + radii
        sides = np.minimum(self.sides[:, left], self.sides[:, right])
        opposed = self.signs[:, left] * self.signs[:, right] < 0
        return np.asarray(sides * np.where(opposed, 1.0, _ONE_SIDED), np.float32)

    def across(
        self, middles: NDArray[np.int64], inner: NDArray[np.int64], outer: NDArray[np.int64]
    ) -> Floats:
        """Return (rows + 1, middles, radii): steps between two distances, of the weaker side."""
        summed = np.pad(np.cumsum(self.steps, axis=1), ((0, 0), (1, 0)))
        middle = middles[:, None]
        left = (summed[:, middle - inner + 1] - summed[:, middle - outer]) / (outer - inner + 1)
        right = (summed[:, middle + outer + 1] - summed[:, middle + inner]) / (outer - inner + 1)
        weaker = np.pad(np.minimum(left, right), ((1, 1), (0, 0), (0, 0)))
        return np.asarray(np.maximum(weaker[1:], weaker[:-1]), np.float32)


def ends(crop: Crop) -> tuple[Thread, ...]:
    """Return what may be the free end of the bolt, at most one a direction, clearest first."""
    pixels = _seen(crop)
    floor = _floor(pixels)
    found = []
    for angle in _directions(crop, pixels):
        straight = _end(crop, angle, floor)
        if straight.strength > _WORTH:
            turned = [_end(crop, angle + math.radians(turn), floor) for turn in _TURNS_DEG]
            straight = max(straight, *turned, key=_strength)
        found.append(straight)
    clear = sorted((one for one in found if one.strength > _WORTH), key=_strength, reverse=True)
    return tuple(_refined(crop, one) for one in clear)


def _strength(one: Thread) -> float:
    return one.strength


def contrast(crop: Crop) -> float:
    """Return the difference between the dark and the bright part of the box, grey levels."""
    dark, bright = np.percentile(_seen(crop), (3, 99))
    return float(bright - dark)


def _seen(crop: Crop) -> NDArray[np.uint8]:
    box = crop.inner
    return crop.pixels[
        max(0, math.floor(box.y0)) : math.ceil(box.y1),
        max(0, math.floor(box.x0)) : math.ceil(box.x1),
    ]


def _floor(pixels: NDArray[np.uint8]) -> float:
    """Return the height of an edge that has half the strength, in grey levels a pixel."""
    dark, bright = np.percentile(pixels, (3, 99))
    rough = cv2.Laplacian(pixels, cv2.CV_32F)
    noise = float(np.median(np.abs(rough))) / 0.6745 / math.sqrt(20)
    return max(_NOISES * max(noise, 0.5), _CONTRASTS * float(bright - dark))


def _directions(crop: Crop, pixels: NDArray[np.uint8]) -> list[float]:
    """Return directions of the axis that agree with the edges and the box, radians."""
    smooth = cv2.GaussianBlur(crop.pixels, (0, 0), max(1.0, max(pixels.shape) / 80))
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    weights = np.sqrt(np.hypot(across, down))
    fourfold = (np.exp(4j * np.arctan2(down, across)) * weights).sum()
    square = math.degrees(np.angle(fourfold)) / 4
    width, height = crop.inner.width, crop.inner.height
    found = []
    for turn in range(4):
        angle = math.radians(square + 90 * turn)
        along_x = abs(math.cos(angle))
        if height > _LEAN * width and along_x > math.sqrt(0.5):
            continue
        if width > _LEAN * height and along_x < math.sqrt(0.5):
            continue
        found.append(angle)
    return found


def _size(box: Box, angle: float) -> tuple[float, float]:
    """Return length and width of a thing in this direction that fills the box, px."""
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    if abs(turned := cos * cos - sin * sin) > 0.25:
        length = (box.width * cos - box.height * sin) / turned
        width = (box.height * cos - box.width * sin) / turned
        if width > 0 and _SLENDER[0] <= length / width <= _SLENDER[1]:
            return length, width
    width = (box.width + box.height) / ((cos + sin) * (1 + _USUAL_SLENDER))
    return _USUAL_SLENDER * width, width


def _strip(
    pixels: NDArray[np.uint8], end: Thread, scale: float, rows: tuple[float, float], half_px: int
) -> Floats:
    """Return what lies along an axis, outward down; rows from and to, in strip px from the end."""
    cos, sin = math.cos(end.angle), math.sin(end.angle)
    linear = np.array([[-sin, cos], [cos, sin]]) / scale
    offset = np.array([end.x, end.y]) + linear @ (-half_px, rows[0])
    size = 2 * half_px + 1, math.ceil(rows[1] - rows[0])
    source = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale) if scale < 0.7 else pixels
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    to_picture = np.hstack([linear, offset[:, None]])
    strip = cv2.warpAffine(source, to_picture, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, np.float32)


def _edges(strip: Floats, floor: float, blur: tuple[float, float]) -> _Edges:
    smooth = cv2.GaussianBlur(strip, (0, 0), sigmaX=blur[0], sigmaY=blur[1])
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1) / 2
    along = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1)) / 2
    steep = np.abs(across)
    three = np.ones((1, 3), np.uint8)
    is_top = steep >= cv2.dilate(steep, three)
    sides = cv2.dilate(np.where(is_top, steep / (steep + floor), 0).astype(np.float32), three)
    return _Edges(
        np.asarray(sides, np.float32),
        np.asarray(np.sign(across), np.float32),
        np.asarray(along / (along + floor), np.float32),
    )


def _end(crop: Crop, angle: float, floor: float) -> Thread:
    """Return the best free end of a thread in this direction, and how well it stands out."""
    length, width = _size(crop.inner, angle)
    scale = _WASHER_PX / width
    x, y = crop.inner.centre
    middle = Thread(x - 0.5, y - 0.5, angle, 0.0, 0.0)
    first, last = -0.1 * length * scale, 0.5 * length * scale + _END_PX[1] + 4
    edges = _edges(_strip(crop.pixels, middle, scale, (first, last), _HALF_PX), floor, (0.8, 1.2))
    middles = _HALF_PX + np.arange(-_ASIDE_PX, _ASIDE_PX + 1)
    radii = np.arange(math.floor(_RADII_PX[0]), math.floor(_RADII_PX[1]) + 1)
    pairs = edges.pairs(middles, radii) - np.float32(_LEAST_PAIR)
    summed = np.pad(np.cumsum(pairs, axis=0), ((1, 0), (0, 0), (0, 0)))
    caps = edges.across(middles, np.zeros_like(radii), np.round(0.7 * radii).astype(np.int64))
    rims = edges.across(middles, radii + 1, np.round(_RIM * radii).astype(np.int64))
    expected = round(0.5 * length * scale - first)
    best = (-math.inf, 0, 0, int(radii[0]))
    low, high = max(1, expected + _END_PX[0]), min(len(summed) - 1, expected + _END_PX[1])
    for k, radius in enumerate(radii):
        shortest, longest = round(_SHORTEST * 2 * radius), round(_LONGEST * 2 * radius)
        beyond = np.minimum(np.arange(low, high + 1) + round(0.6 * radius), len(summed) - 1)
        sums = summed[:, :, k]
        foot = sums - _RIM_WEIGHT * 2 * radius * (rims[:, :, k] - _LEAST_PAIR)
        lowest = _lowest_before(foot.astype(np.float32), shortest, longest)
        gain = sums[low : high + 1] - lowest[low : high + 1]
        gain -= np.maximum(sums[beyond] - sums[low : high + 1], 0)
        gain += _END_WEIGHT * 2 * radius * (caps[low : high + 1, :, k] - _LEAST_PAIR)
        place, column = (int(one) for one in np.unravel_index(int(gain.argmax()), gain.shape))
        best = max(best, (float(gain[place, column]), low + place, column, int(radius)))
    value, row, column, size = best
    at = middle.at(-(first + row - 0.5) / scale, float(middles[column] - _HALF_PX) / scale)
    return Thread(*at, angle, 2 * size / scale, value / (2 * size))


def _refined(crop: Crop, end: Thread) -> Thread:
    """Return an end whose place and diameter are measured between pixels."""
    scale, half = _DIAMETER_PX / end.diameter, _DIAMETER_PX
    rows = -round(0.6 * _DIAMETER_PX), round(_NEAR * _DIAMETER_PX)
    strip = cv2.GaussianBlur(_strip(crop.pixels, end, scale, rows, half), (0, 0), 1.2)
    across = np.abs(np.gradient(strip, axis=1))[: -rows[0] - 4].mean(axis=0)
    radius, slack = _DIAMETER_PX // 2, round(_SLACK * _DIAMETER_PX)
    left = _peak(across, half - radius - slack, half - radius + slack)
    right = _peak(across, half + radius - slack, half + radius + slack)
    core = slice(half - radius // 2, half + radius // 2 + 1)
    along = np.abs(np.gradient(strip, axis=0))[:, core].mean(axis=1)
    face = _peak(along, -rows[0] - slack, -rows[0] + slack)
    at = end.at(-(face + rows[0]) / scale, ((left + right) / 2 - half) / scale)
    return Thread(*at, end.angle, (right - left) / scale, end.strength)


def _peak(values: NDArray[np.floating], first: int, last: int) -> float:
    """Return where values are highest from ``first`` to ``last``, to a part of a pixel."""
    top = first + int(values[first : last + 1].argmax())
    if not 0 < top < len(values) - 1:
        return float(top)
    before, here, after = (float(values[top + step]) for step in (-1, 0, 1))
    curvature = before - 2 * here + after
    return top + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)


def _lowest_before(sums: Floats, shortest: int, longest: int) -> Floats:
    """Return for each row the least value between ``longest`` and ``shortest`` rows before it."""
    window = longest - shortest + 1
    padded = cv2.copyMakeBorder(sums, longest, 0, 0, 0, cv2.BORDER_CONSTANT, value=math.inf)
    lowest = cv2.erode(padded, np.ones((window, 1), np.uint8), anchor=(0, window - 1))
    return np.asarray(lowest[longest - shortest : len(padded) - shortest], np.float32)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is measured behind the free end of a bolt; lengths in thread diameters.

    Attributes:
        free: Length of free thread, from its end to the first thing that is wider.
        clear: Strength of its two edges in [0, 1).
        nut: Strength of two edges as far apart as those of a nut, behind it, in [0, 1).
        nut_width: How far apart they are; 0 without any.
        nut_stop: Where they are lost, from the end of the bolt.
        hint: Strength of the clearer one of such edges, in [0, 1).
        near_rim: Strength of the step from the thread to what is wider, as far as a nut reaches.
        far_rim: The same beyond a nut: a washer, or what the bolt holds.
        gap: Length behind the nut on which only the thread is seen.
    """

    free: float
    clear: float
    nut: float
    nut_width: float
    nut_stop: float
    hint: float
    near_rim: float
    far_rim: float
    gap: float


@dataclass(frozen=True, slots=True, eq=False)
class _Behind:
    """A strip behind a free end, rows from outside inward.

    Attributes:
        edges: Of the strip, turned so.
        middle: Column of the axis.
        start: Row of the end of the bolt.
    """

    edges: _Edges
    middle: int
    start: int

    def pair(self, radii: NDArray[np.int64], rows: int = 5) -> Floats:
        """Return (rows,) strength of the clearest pair of edges at any of these distances.

        It is the mean over so many rows.
        """
        found = self.edges.pairs(np.array([self.middle]), radii)[:, 0].max(axis=1)
        return np.asarray(cv2.blur(found[:, None], (1, rows))[:, 0], np.float32)

    def side(self, sign: int, radii: NDArray[np.int64]) -> Floats:
        """Return (rows, radii): strength of the edge on one side."""
        return self.edges.sides[:, self.middle + sign * radii]

    def rim(self, row: int, inner: int, outer: int) -> float:
        """Return the strength of a step near a row, of its weaker side."""
        bent = cv2.dilate(self.edges.steps, np.ones((_RIM_ROWS, 1), np.uint8))
        return float(self._near(np.asarray(bent, np.float32), row, inner, outer).max(initial=0))

    def step(self, row: int, inner: int, outer: int) -> int:
        """Return the row of the clearest step near a row, that row where none is clear."""
        near = self._near(self.edges.steps, row, inner, outer)
        if near.max(initial=0) < _CLEAR:
            return row
        return max(0, row - _NEAR_ROWS) + int(near.argmax())

    def _near(self, steps: Floats, row: int, inner: int, outer: int) -> Floats:
        left = steps[:, self.middle - outer : self.middle - inner + 1].mean(axis=1)
        right = steps[:, self.middle + inner : self.middle + outer + 1].mean(axis=1)
        weaker = np.minimum(left, right)
        return np.asarray(weaker[max(0, row - _NEAR_ROWS) : row + _NEAR_ROWS + 1], np.float32)


_RADIUS_PX = _DIAMETER_PX // 2
_THREAD_RADII = np.arange(_RADIUS_PX - 2, _RADIUS_PX + 3)
_NUT_RADII = np.arange(math.ceil(_NUT[0] * _RADIUS_PX), math.floor(_NUT[1] * _RADIUS_PX) + 1)


def shape(crop: Crop, end: Thread) -> Shape:
    """Measure what is behind a free end."""
    behind = _behind(crop, end)
    thread = behind.pair(_THREAD_RADII)
    lost = _first_without(thread, behind.start + 3)
    nut, hint, width, stop = _nut(behind, lost)
    reaches = [[round(share * _RADIUS_PX) for share in shares] for shares in _RIMS]
    inner, outer = (behind.rim(lost, *reach) for reach in reaches)
    is_only_thread = (thread >= _CLEAR) & (behind.pair(_NUT_RADII, 1) < _CLEAR)
    gap = int(is_only_thread[stop : stop + _DIAMETER_PX].sum()) if nut else 0
    free = behind.step(lost, *reaches[0]) - behind.start
    return Shape(
        free / _DIAMETER_PX,
        float(thread[behind.start : lost].mean()) if free > 0 else 0.0,
        nut,
        width / _RADIUS_PX,
        (stop - behind.start) / _DIAMETER_PX if nut else 0.0,
        hint,
        inner,
        outer,
        gap / _DIAMETER_PX,
    )


def _behind(crop: Crop, end: Thread) -> _Behind:
    """Return the strip behind an end, at one size, its axis where the thread is clearest."""
    scale = _DIAMETER_PX / end.diameter
    rows = -_FAR * _DIAMETER_PX, _NEAR * _DIAMETER_PX
    strip = _strip(crop.pixels, end, scale, rows, _REACH_PX)[::-1]
    edges = _edges(np.ascontiguousarray(strip), _floor(_seen(crop)) / scale, (1.2, 0.8))
    start = round(rows[1]) - 1
    middles = _REACH_PX + np.arange(-2, 3)
    first = edges.pairs(middles, _THREAD_RADII)[start : start + _DIAMETER_PX]
    return _Behind(edges, int(middles[first.max(axis=2).sum(axis=0).argmax()]), start)


def _nut(behind: _Behind, lost: int) -> tuple[float, float, float, int]:
    """Return strength of a nut and of its clearer edge, its half width and where it stops, px."""
    long, short = (round(share * _DIAMETER_PX) for share in (_NUT_LONG, _HINT_LONG))
    first = max(behind.start, lost - round(0.3 * _DIAMETER_PX))
    left, right = (behind.side(sign, _NUT_RADII) for sign in (-1, 1))
    last = min(len(left) - long, lost + round(0.5 * _DIAMETER_PX))
    is_even = np.abs(_NUT_RADII[:, None] - _NUT_RADII) <= _UNEVEN * _RADIUS_PX
    nut, hint, width, stop = 0.0, 0.0, 0.0, lost
    for row in range(first, last):
        sides = [side[row:] for side in (left, right)]
        hint = max(hint, *(float(_throughout(side[:short]).max()) for side in sides))
        one, other = (_throughout(side[:long]) for side in sides)
        both = np.minimum(one[:, None], other) * is_even
        if both.max() > nut:
            nut, stop = float(both.max()), row + long
            columns = np.array(np.unravel_index(int(both.argmax()), both.shape))
            width = float(_NUT_RADII[columns].mean())
    return nut, hint, width, stop


def _throughout(strength: Floats) -> Floats:
    """Return the mean of the rows' weaker half: a washer fills one, a nut both."""
    middle = len(strength) // 2
    halves = strength[:middle].mean(axis=0), strength[middle:].mean(axis=0)
    return np.asarray(np.minimum(*halves), np.float32)


def _first_without(strength: Floats, start: int) -> int:
    """Return the first row from ``start`` on behind which the edges are lost."""
    means = np.convolve(strength, np.full(4, 0.25), "valid")
    rows = np.flatnonzero(means[start:] < _LEAST_PAIR)
    return start + int(rows[0]) if rows.size else len(strength)
