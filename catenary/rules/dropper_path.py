"""Follow a dropper through its box and tell for each row whether there is wire, nothing or a thing.

Source of the outline: ridges over scales (Lindeberg, Int. J. Comput. Vis. 30 (1998) 117-154), then
the cheapest path. All numbers are our starting values, to be set on confirmed breaks.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from catenary.domain.geometry import Polyline
from catenary.imaging.crops import Crop
from catenary.imaging.shrink import shrunk
from catenary.rules.wire import cheapest

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

BEYOND = 0.10  # share of the box's height that is looked at past its top and bottom
_WORK_ROWS = 512  # taller boxes are reduced to this
_WORK_AREA = 110_000  # px; larger ones too: close-ups, whose wires are wide
_BESIDE_PX, _BESIDE = 4.0, 0.05  # beside the box, px and a share of its height, the path may go
_WIDEST_PX = 9.0  # wires that are wider in the upright picture are followed in a smaller one
_WIRE_PX = 5.0  # their width in that one
_SIGMAS = (1.0, 1.7, 2.9, 4.9)  # px in the upright picture: wires of 2 to 14 px
_NOISE = 4.0  # a ridge counts when it is this many times the noise
_LEAST_RIDGE = 1.5  # grey levels; below it a ridge is sensor texture
_HALF_STRIP = 28  # px to both sides of the path that are looked at
_LEVEL = 0.35  # share of the wire's contrast nearby from which it is wire
_EMPTY = 0.4  # share of it below which there is nothing
_SKY = 0.7  # share of a change of the background that counts as something in front
_SURE = 3.0  # times the noise that a contrast must have
_LOCAL = 0.2  # share of the length over which the usual contrast is taken
_BRIDGED = 2  # rows: shorter holes and specks are noise
_FAINT = 0.15  # share of the usual contrast that a wire may keep, on the mean of a whole gap
_TIP = 0.6  # share of that which must show the wire and nothing else
BARE = 1.6  # times the wire's own mass: rows with more show more than the wire
_STRANDS = 5.0  # widths that loose strands may reach past a tip
_CLEAR = 0.25  # share of it from which something counts as lying across the path
_HELD = 0.05  # share of the length around a tip in which what holds it would be
_TANGENT = 0.12  # share of the length over which the direction at a tip is taken


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without wire that begins at a tip of wire.

    Attributes:
        start: (column, row) of the tip.
        stop: Where something begins again, or what is seen ends.
        length: Between both, px.
        is_open: Nothing follows: it goes on to the end of what is seen.
        row: Of the tip.
        hold: Most of what lies across the path near the tip, in that of the wire alone: a clamp,
            a crimp or another wire is a multiple of it, loose strands are not.
    """

    start: tuple[float, float]
    stop: tuple[float, float]
    length: float
    is_open: bool
    row: int
    hold: float


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A dropper as followed through L rows of the upright picture, which is the crop reduced.

    Attributes:
        x: (L,) column of the path in each row.
        picture: (L, W) grey levels, the wire bright.
        strip: (L, 2 h + 1) the same beside the path, its middle column.
        contrast: (L,) by how much the path is brighter than both of its sides.
        usual: (L,) what wire there would have.
        noise: What the contrast is off by where there is no wire.
        mass: (L,) how much lies across the path, in that of the wire alone.
        is_wire: (L,) bool.
        is_empty: (L,) bool, rows on which neither wire nor anything else is near the path; what is
            neither is hidden by something.
        width: Of the wire, px.
        box: First row of the component's box, and the row after its last.
        scale: Pixels of the upright picture per crop pixel.
        origin: (x, y) of the upright picture's corner, crop pixels.
    """

    x: Numbers
    picture: Floats
    strip: Floats
    contrast: Numbers
    usual: Numbers
    noise: float
    mass: Numbers
    is_wire: Flags
    is_empty: Flags
    width: float
    box: tuple[int, int]
    scale: float
    origin: tuple[int, int]

    @property
    def length(self) -> int:
        """Rows of the box."""
        return self.box[1] - self.box[0]

    def line(self, role: str, rows: Iterable[int]) -> Polyline:
        """Return the path at some rows, in crop pixels."""
        return self.placed(role, ((float(self.x[row]), float(row)) for row in rows))

    def placed(self, role: str, points: Iterable[tuple[float, float]]) -> Polyline:
        """Return points (column, row) of the upright picture as a line in crop pixels."""
        left, top = self.origin
        return Polyline(
            role,
            tuple((left + (x + 0.5) / self.scale, top + (y + 0.5) / self.scale) for x, y in points),
        )

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What follows each tip of wire where there is nothing, the longest first."""
        return _gaps(self)

    def tips(self) -> list[tuple[int, int]]:
        """Return the last row of wire before each empty stretch, and the way onward (1 is down)."""
        tips = []
        least = max(6, round(3 * self.width), round(0.06 * self.length))
        first, after = self.box
        strands, near = round(_STRANDS * self.width), round(2 + 1.5 * self.width)
        for step in (1, -1):
            wire = self.is_wire[::step]
            empty = self.is_empty[::step]
            for start, stop in runs(wire):
                onward = empty[stop : stop + 6 + strands]
                row = stop - 1 if step == 1 else len(wire) - stop
                is_own = first - near <= row < after + near
                if is_own and stop - start >= least and onward.sum() >= 3:
                    tips.append((row, step))
        return tips

    def after(self, row: int, step: int) -> Gap | None:
        """Follow the direction of the wire past one of `tips` until something begins."""
        reach = max(8, round(_TANGENT * self.length))
        # The last rows bend towards whatever the path goes on with.
        ahead = 3 + round(self.width / 2)
        before = np.arange(row - step * ahead, row - step * (reach + ahead), -step)
        before = before[(before >= 0) & (before < len(self.x))]
        before = before[self.is_wire[before]]
        if len(before) < max(6, _TIP * reach) or (self.mass[before] < BARE).mean() < _TIP:
            return None  # a bolt, an edge of a clamp or of an eye
        slope, at = np.polyfit(before - row, self.x[before], 1)
        rows = np.arange(row + step, len(self.x) if step == 1 else -1, step)
        columns = at + slope * (rows - row)
        inside = (columns >= 0) & (columns <= self.picture.shape[1] - 1)
        rows, columns = rows[inside], columns[inside]
        if len(rows) < 4:
            return None
        level = float(np.median(self.contrast[before]))
        off = self._stands_out(rows, columns, float(np.median(self.strip[before])))
        free = off < max(_EMPTY * level, _SURE * self.noise)
        clear = runs(free[: 7 + round(_STRANDS * self.width)])
        begin = next((start for start, stop in clear if stop - start >= 3), 0)
        free[:begin] = True  # the tip's own blur and loose strands
        stop = int(free.argmin()) if not free.all() else len(rows)
        if stop < begin + 4 or self._goes_on_faintly(rows[begin:stop], columns[begin:stop], level):
            return None
        # From half of the wire's height to half of it, so that blur moves neither end.
        weak = self.contrast[row::-step][:6] >= level / 2
        tip = row - step * (int(weak.argmax()) if weak.any() else 0)
        again = off[stop : stop + 4] >= level / 2
        last = min(stop + (int(again.argmax()) if again.any() else 0), len(rows)) - 1
        x = float(at + slope * (tip - row))
        length = math.hypot(rows[last] - tip, columns[last] - x)
        ends = (x, float(tip)), (float(columns[last]), float(rows[last]))
        return Gap(*ends, length, stop >= len(rows), tip, self._hold(row))

    def _hold(self, row: int) -> float:
        """Return the most that lies across the path near a row."""
        reach = max(4, round(_HELD * self.length), round(2 * self.width))
        return float(self.mass[max(row - reach, 0) : row + reach + 1].max())

    def _stands_out(self, rows: NDArray[np.int64], columns: Numbers, usual: float) -> Numbers:
        """Return by how much anything near a line differs from what is beside it.

        Where that itself is far from the ``usual`` background, something wide is in front.
        """
        half = max(2, round(0.8 * self.width + 1))
        offsets = np.arange(-_HALF_STRIP, _HALF_STRIP + 1)
        x = np.clip(np.round(columns[:, None] + offsets), 0, self.picture.shape[1] - 1)
        strip = self.picture[rows[:, None], x.astype(np.int64)]
        strip = np.asarray(cv2.GaussianBlur(strip, (0, 0), sigmaX=0.6, sigmaY=1.5), np.float32)
        near = np.abs(offsets) <= half
        sky = np.median(strip[:, ~near], axis=1)
        own = np.abs(strip[:, near] - sky[:, None]).max(axis=1)
        change = _SKY * np.abs(sky - usual)
        return np.asarray(np.maximum(own, change), np.float64)

    def _goes_on_faintly(self, rows: NDArray[np.int64], columns: Numbers, level: float) -> bool:
        """Tell whether the mean of all rows shows wire where single rows do not."""
        offsets = np.arange(-_HALF_STRIP, _HALF_STRIP + 1)
        x = np.clip(np.round(columns[:, None] + offsets), 0, self.picture.shape[1] - 1)
        mean = self.picture[rows[:, None], x.astype(np.int64)].mean(axis=0)
        half = max(1, round(self.width / 2))
        core = np.convolve(mean, np.ones(2 * half + 1) / (2 * half + 1), mode="same")
        near = np.abs(offsets) <= max(2, round(self.width))
        peak = int(np.where(near, core, -np.inf).argmax())
        gap = half + 2
        sides = core[max(peak - 2 * gap, 0)], core[min(peak + 2 * gap, len(core) - 1)]
        least = max(_FAINT * level, _SURE * self.noise / math.sqrt(max(len(rows) / 3, 1)))
        return bool(core[peak] - max(sides) > least)


@lru_cache(maxsize=1)  # all rules of a dropper ask for them, some for each gap
def _gaps(path: Followed) -> tuple[Gap, ...]:
    found = (path.after(row, step) for row, step in path.tips())
    gaps = (one for one in found if one is not None)
    return tuple(sorted(gaps, key=lambda one: -one.length))


@lru_cache(maxsize=1)
def followed(crop: Crop) -> Followed:
    """Follow a dropper from past the top of its box to past its bottom.

    The last one is kept, since all rules of a dropper ask for it in turn.

    Args:
        crop: The dropper with a margin.
    """
    more = BEYOND * crop.inner.height
    top = max(int(crop.inner.y0 - more), 0)
    bottom = max(int(np.ceil(crop.inner.y1 + more)), top + 1)
    cut = np.ascontiguousarray(crop.pixels[top:bottom])
    scale = min(1.0, _WORK_ROWS / cut.shape[0], math.sqrt(_WORK_AREA / cut.size))
    if scale < 1:
        cut = shrunk(cut, scale)
    return _traced(cut, crop, scale, (0, top))


def _traced(cut: NDArray[np.uint8], crop: Crop, scale: float, origin: tuple[int, int]) -> Followed:
    """Find the wire in the upright picture; once more in a smaller one where it is wide."""
    picture: Floats = cut.astype(np.float32)
    beside = _BESIDE_PX + _BESIDE * crop.inner.height
    left = max(int((crop.inner.x0 - beside) * scale), 0)
    columns = slice(left, int((crop.inner.x1 + beside) * scale) + 2)
    near = [np.ascontiguousarray(one[:, columns]) for one in ridges(picture)]
    paths = [(sign, *cheapest(one)) for sign, one in zip((1, -1), near, strict=True)]
    # Beside a dark wire the picture curves the other way, weakly: the wire itself is stronger.
    sign, x, strength = max(paths, key=lambda one: float(np.log1p(np.minimum(one[2], 40)).mean()))
    rows = [round((y - origin[1]) * scale) for y in (crop.inner.y0, crop.inner.y1)]
    box = max(rows[0], 0), min(max(rows[1], rows[0] + 1), len(x))
    found = _profiled(sign * picture, x + left, strength, box, scale, origin)
    smaller = _WIRE_PX / found.width
    if found.width <= _WIDEST_PX or smaller * min(cut.shape) < 16:
        return found
    size = (round(cut.shape[1] * smaller), round(cut.shape[0] * smaller))
    reduced = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _traced(reduced, crop, scale * size[1] / cut.shape[0], origin)


def ridges(picture: Floats) -> tuple[Floats, Floats]:
    """Return the strength (H, W) of upright bright and of dark ridges; 1 just counts."""
    bright, dark = np.zeros_like(picture), np.zeros_like(picture)
    for sigma in _SIGMAS:
        down = max(1.5, sigma / 2)
        smooth = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma, sigmaY=down)
        kernel = sigma**1.5 * np.array([[-1.0, 2.0, -1.0]])
        curve = cv2.filter2D(smooth, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        np.maximum(bright, curve, out=bright)
        np.maximum(dark, -curve, out=dark)
    both = []
    for best in (bright, dark):
        noise = 1.4826 * float(np.median(np.abs(best - np.median(best))))
        both.append(np.asarray(best / max(_NOISE * noise, _LEAST_RIDGE), np.float32))
    return both[0], both[1]


def _profiled(
    picture: Floats,
    path: NDArray[np.int64],
    strength: Floats,
    box: tuple[int, int],
    scale: float,
    origin: tuple[int, int],
) -> Followed:
    """Measure what lies on and beside a path."""
    length, columns = picture.shape
    x = median_filter(path.astype(np.float64), 5, mode="nearest")
    offsets = np.arange(-_HALF_STRIP, _HALF_STRIP + 1)
    at = np.clip(np.round(x[:, None] + offsets), 0, columns - 1).astype(np.int64)
    strip: Floats = picture[np.arange(length)[:, None], at]
    border = cv2.BORDER_REPLICATE
    blurred = cv2.GaussianBlur(strip, (0, 0), sigmaX=0.5, sigmaY=1.5, borderType=border)
    soft = np.asarray(blurred, np.float32)
    is_ridge = strength >= 1
    width = _usual_width(soft[is_ridge] if is_ridge.any() else soft)
    level = _contrasts(soft, width)
    middle = _HALF_STRIP
    near = max(1, round(0.3 * width))
    contrast = level[:, middle - near : middle + near + 1].max(axis=1).astype(np.float64)
    away = level[:, np.abs(offsets) > min(2 * width + 4, _HALF_STRIP - 6)]
    noise = max(1.4826 * float(np.median(np.abs(away - np.median(away)))), 0.3)
    wire = is_ridge & (contrast >= _SURE * noise)
    usual = _usual(contrast, wire, max(3, round(_LOCAL * length)) | 1)
    is_wire = _bridged((contrast >= np.maximum(_LEVEL * usual, _SURE * noise)) & wire.any())
    around = 2 * max(3, round(length / 16)) + 1
    sky = median_filter(np.median(soft, axis=1), around, mode="nearest")
    close = np.abs(offsets) <= max(2, round(0.8 * width + 1))
    off = np.abs(soft[:, close] - sky[:, None]).max(axis=1)
    is_empty = _bridged((off < np.maximum(_EMPTY * usual, _SURE * noise)) & ~is_wire)
    mass = _masses(soft - sky[:, None], usual, noise, width, is_wire)
    return Followed(
        x,
        picture,
        strip,
        contrast,
        usual,
        noise,
        mass,
        is_wire,
        is_empty,
        width,
        box,
        scale,
        origin,
    )


def _masses(rise: Floats, usual: Numbers, noise: float, width: float, is_wire: Flags) -> Numbers:
    """Return (L,) what stands out near the path, bright or dark, in that of the wire alone."""
    reach = min(round(2 * width + 4), _HALF_STRIP)
    near = np.abs(rise[:, _HALF_STRIP - reach : _HALF_STRIP + reach + 1])
    least = np.maximum(_CLEAR * usual, _SURE * noise)[:, None]
    across = np.where(near >= least, near, 0).sum(axis=1)
    across = median_filter(across.astype(np.float64), 3, mode="nearest")
    own = float(np.median(across[is_wire])) if is_wire.any() else 0.0
    return np.asarray(across / max(own, 1e-6), np.float64)


def _usual_width(strip: Floats) -> float:
    """Return the full width at half maximum of the median profile."""
    usual = np.median(strip, axis=0)
    middle = _HALF_STRIP
    ground = float(np.percentile(usual, 25))
    top = float(usual[middle - 2 : middle + 3].max())
    is_high = usual - ground >= (top - ground) / 2
    low = high = middle - 2 + int(usual[middle - 2 : middle + 3].argmax())
    while low > 0 and is_high[low - 1]:
        low -= 1
    while high < len(usual) - 1 and is_high[high + 1]:
        high += 1
    return float(min(max(high - low + 1, 1), _HALF_STRIP))


def _contrasts(strip: Floats, width: float) -> Floats:
    """Return (L, 2 h + 1) by how much each place is brighter than both of its sides."""
    half = max(0, round(0.25 * width))
    core = cv2.blur(strip, (2 * half + 1, 1), borderType=cv2.BORDER_REPLICATE)
    side = max(1, round(0.5 * width)) | 1
    flank = cv2.blur(strip, (side, 1), borderType=cv2.BORDER_REPLICATE)
    away = round(0.5 * width + 1.5 + side / 2)
    padded = np.pad(flank, ((0, 0), (away, away)), mode="edge")
    left, right = padded[:, : strip.shape[1]], padded[:, 2 * away :]
    return np.asarray(core - np.maximum(left, right), np.float32)


def _usual(contrast: Numbers, wire: Flags, window: int) -> Numbers:
    """Return (L,) the contrast of the wire nearby, also where there is none."""
    rows = np.flatnonzero(wire)
    if not rows.size:
        return np.zeros_like(contrast)
    filled = np.interp(np.arange(len(contrast)), rows, contrast[rows])
    return np.asarray(median_filter(filled, window, mode="nearest"), np.float64)


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Return first index and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _bridged(flags: Flags) -> Flags:
    """Close holes of a few rows; single specks go too."""
    column = flags.astype(np.uint8)[:, None]
    kernel = np.ones((2 * _BRIDGED + 1, 1), np.uint8)
    closed = cv2.morphologyEx(column, cv2.MORPH_CLOSE, kernel)
    result: Flags = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)[:, 0] > 0
    return result
