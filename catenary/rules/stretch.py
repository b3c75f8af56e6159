"""A stretch of a wire that runs through the picture: where it goes and where its edges are.

Sources: the cheapest path along the line that `imaging.lines` finds; edges are where the profile
across crosses half of the wire's height over its own side, between samples (full width at half
maximum). All numbers are our starting values.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import lines
from catenary.imaging.crops import Crop
from catenary.imaging.lines import Axis
from catenary.imaging.profiles import Strip
from catenary.rules.wire import cheapest, ridges

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_PX = 8  # side of a crop
_FOLLOWED_PX = 5.0  # width of a wire while it is followed
_MEASURED_PX = 16.0  # width of a wire, at most, while it is measured
_LONGEST_PX = 1400.0  # of the strip
_ASIDE = 0.04  # share of its length by which a wire may leave the straight line
_FINE = 0.5  # strip px between samples across
_CORE = 0.4  # widths over which the wire's own brightness is taken
_BESIDE = 1.2  # widths from the middle that are looked at
_WIDE = 1.25  # usual widths from which something else is on the wire
_CLAMP = 1.7  # usual widths from which it is no strand beside the wire
_NARROW = 0.3  # usual widths below which it is not the wire
_INSIDE = 0.25  # weight of the box itself when what is usual is fitted
_LEAST_RISE = 0.3  # of the usual rise over the background: less is not the wire
_ROUNDS = 8  # of reweighting
_MARKED = 9  # points of a line beside the wire
_APART = 0.4  # widths from its edge that such a line runs
_EVEN = 3.0  # widths over which its course is evened
_DRAWN = 60  # points of an edge
_LEAP = 0.75  # px aside for one along, from which an edge has gone over to something else


@dataclass(frozen=True, slots=True)
class StretchLimits:
    """What a stretch must have to be measured.

    Attributes:
        width_px: Thinner wires are not measured, px.
        length: Shorter stretches are not measured, in widths.
        contrast: Grey levels by which the wire must stand out.
        cover: Share of the stretch on which both edges must be found.
        blur: Most that an edge may take to rise, as a share of the width.
        uneven: Most that the width may usually be off, as a share.
    """

    width_px: float = 4.0
    length: float = 6.0
    contrast: float = 8.0
    cover: float = 0.6
    blur: float = 0.62
    uneven: float = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A wire over L columns of a strip that is turned along it; all numbers in strip pixels.

    Attributes:
        axis: The straight line it was found along, in the crop.
        strip: What lies beside the axis.
        path: (L,) row of the path that was followed.
        upper: (L,) row of the edge above the middle of the wire.
        lower: (L,) row of the edge below it.
        level: (L,) how much brighter, or darker, than its background the wire is.
        usable: (L,) bool, columns on which there is wire, and nothing else on it.
        hidden: (L,) bool, columns on which something much wider is on the wire, or before it.
        inside: (L,) bool, columns within the box.
        width: Usual width.
        blur: Length over which an edge rises at its steepest, as a share of the width.
    """

    axis: Axis
    strip: Strip
    path: Numbers
    upper: Numbers
    lower: Numbers
    level: Numbers
    usable: Flags
    hidden: Flags
    inside: Flags
    width: float
    blur: float

    @property
    def widths(self) -> Numbers:
        """(L,) distance of the edges, square to the wire."""
        slope = np.gradient(running(self.middle, self.width))
        across: Numbers = (self.lower - self.upper) / np.sqrt(1 + slope**2)
        return across

    @property
    def scatter(self) -> float:
        """By how much the width usually is off: strands, noise, what is before or behind it."""
        off = np.abs(self.widths - self.usual(self.widths))[self.usable]
        return float(np.median(off)) if off.size else 0.0

    @property
    def middle(self) -> Numbers:
        """(L,) row of the wire's middle."""
        return (self.upper + self.lower) / 2

    @property
    def course(self) -> Numbers:
        """(L,) row of the wire's middle, smooth, also past what hides it."""
        return running(np.where(self.usable, self.middle, self.path), self.width)

    def usual(self, values: Numbers, degree: int = 1) -> Numbers:
        """Return (L,) what some values (L,) would be without damage.

        A polynomial with the least absolute deviations over the usable columns (Schlossmacher,
        J. Am. Stat. Assoc. 68 (1973) 857-859); the box itself weighs less than what is beside it.
        """
        share = 1.0 if self.inside.all() else _INSIDE
        weights = np.where(self.usable, np.where(self.inside, share, 1.0), 0.0)
        return fitted(values, weights, degree)

    def off_usual(self, values: Numbers, window: float, degree: int = 1) -> Numbers:
        """Return (L,) the running median of values less what is usual, 0 where unusable."""
        off = np.where(self.usable, values - self.usual(values, degree), 0.0)
        return running(off, window)

    def line(self, role: str, rows: Numbers, columns: NDArray[np.int64]) -> Polyline:
        """Return the points of some columns, in crop pixels; ``rows`` is (L,)."""
        return self.strip.line(role, columns.astype(np.float64), rows[columns])

    def around(self, role: str, column: int, window: float) -> tuple[Polyline, Polyline]:
        """Return lines along the stretch of ``window`` columns around one, to draw."""
        half = window / 2
        return self.along(role, column - half, column + half)

    def along(self, role: str, first: float, last: float) -> tuple[Polyline, Polyline]:
        """Return lines on both sides of the wire between two columns, to draw.

        They run beside it, so that what they tell of is not under them.
        """
        ends = np.round(np.linspace(first, last, _MARKED)).astype(np.int64)
        some = np.unique(np.clip(ends, 0, len(self.upper) - 1))
        course, aside = running(self.course, _EVEN * self.width), (0.5 + _APART) * self.width + 1
        return self.line(role, course - aside, some), self.line(role, course + aside, some)

    def edges(self) -> tuple[Polyline, ...]:
        """Return both edges where they were measured, to draw: not across what hides them.

        Nor where they leap to something else: what lies between was not seen.
        """
        drawn = []
        for rows in (self.upper, self.lower):
            some = np.flatnonzero(self.usable)
            few = max(1, len(some) // _DRAWN)
            leaps = np.abs(np.diff(rows[some])) > _LEAP * np.diff(some)
            breaks = np.flatnonzero(leaps | (np.diff(some) > max(few, self.width)))
            for piece in np.split(some, breaks + 1):
                if len(piece) > self.width:
                    drawn.append(self.line("edge", rows, np.append(piece[:-1:few], piece[-1])))
        return tuple(drawn)


@lru_cache(maxsize=1)
def measured(crop: Crop, limits: StretchLimits) -> Stretch | Refusal:
    """Measure the wire that runs through a crop's box, as far as the crop goes.

    The last one is kept, since all rules of a wire ask for it in turn.

    Args:
        crop: Around a stretch of the wire; the margin is what the box is compared with.
        limits: What it must have.

    Returns:
        The stretch, or why it cannot be measured.
    """
    if min(crop.pixels.shape) < _LEAST_PX:
        return refused(Unjudged.TOO_NARROW, "width", min(crop.pixels.shape), "px", _LEAST_PX)
    course = course_through(crop)
    if course is None:
        return Refusal(Unjudged.NO_WIRE)
    profile = _straightened(crop.pixels, *course)
    stretch = profile.stretch(crop)
    return _unfit(stretch, profile, limits) or stretch


@lru_cache(maxsize=1)
def course_through(crop: Crop) -> tuple[Axis, Numbers] | None:
    """Find the line of the wire that runs through a crop's box, and its path beside it.

    The last one is kept: the rule of the running face asks for it after those of the edges.
    """
    axis = lines.through(crop.pixels, crop.inner)
    return None if axis is None else (axis, followed(crop.pixels, axis))


def _straightened(pixels: NDArray[np.uint8], axis: Axis, path: Numbers) -> "Profile":
    """Return the profile of the wire along its path; its first width is rough."""
    first = Profile(pixels, axis, path, axis.width)
    if 0.7 < first.usual_width / axis.width < 1.4:
        return first
    return Profile(pixels, axis, path, first.usual_width)


def _unfit(stretch: Stretch, profile: "Profile", limits: StretchLimits) -> Refusal | None:
    """Return why nothing about a stretch can be measured, or nothing."""
    if not stretch.inside.any():
        return Refusal(Unjudged.NO_WIRE)
    width = profile.usual_width
    if width < limits.width_px:
        return refused(Unjudged.THIN_WIRE, "width", width, "px", limits.width_px)
    if (seen := stretch.axis.length / width) < limits.length:
        return refused(Unjudged.SHORT_WIRE, "length", seen, "wire widths", limits.length)
    if (contrast := float(np.median(stretch.level))) < limits.contrast:
        needed = limits.contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", needed)
    if stretch.blur > limits.blur:
        return refused(Unjudged.SOFT_EDGES, "edge_rise", stretch.blur, "1", limits.blur)
    return None


def unclear(stretch: Stretch, limits: StretchLimits) -> Refusal | None:
    """Return why the edges of a stretch do not tell its width, or nothing."""
    if (cover := float(stretch.usable.mean())) < limits.cover:
        return refused(Unjudged.FEW_EDGES, "edges_seen", cover, "1", limits.cover)
    return None


def uneven(stretch: Stretch, limits: StretchLimits) -> Refusal | None:
    """Return why a stretch is no single wire, or nothing."""
    usually = stretch.scatter / stretch.width
    if usually > limits.uneven:
        return refused(Unjudged.UNEVEN_WIRE, "unevenness", usually, "1", limits.uneven)
    return None


def fitted(values: Numbers, weights: Numbers, degree: int) -> Numbers:
    """Return the polynomial of least absolute deviations through (L,) values, at each of them."""
    x = np.linspace(-1, 1, len(values))
    terms = np.polynomial.polynomial.polyvander(x, degree)
    near = 1e-3 * max(float(np.abs(values).max()), 1e-6)
    own, curve = weights, values
    for _ in range(_ROUNDS):
        left = terms * own[:, None]
        normal = left.T @ terms + 1e-9 * np.eye(degree + 1)
        curve = terms @ np.linalg.solve(normal, left.T @ values)
        own = weights / np.maximum(np.abs(values - curve), near)
    return curve


def running(values: Numbers, window: float) -> Numbers:
    """Return the running median over ``window`` columns, an odd number of them."""
    size = max(1, round(window)) | 1
    return np.asarray(median_filter(values, size, mode="nearest"), np.float64)


def followed(pixels: NDArray[np.uint8], axis: Axis) -> Numbers:
    """Return the path of the wire: px beside the axis, from its start to its end."""
    scale = min(1.0, _FOLLOWED_PX / axis.width, _LONGEST_PX / axis.length)
    half = axis.width + 4 / scale + _ASIDE * axis.length
    strip, is_in = axis.strip(pixels, scale, half)
    upright = np.ascontiguousarray(strip.pixels.T)
    x, _ = cheapest(ridges(upright, axis.sign) * is_in.T)
    beside = running((x - strip.pixels.shape[0] // 2) / scale, 3.0)
    soft = cv2.GaussianBlur(beside[None], (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft[0], np.float64)


class Profile:
    """The wire straightened, its profile across at each of L columns of a strip.

    Attributes:
        axis: The straight line that it lies along.
        strip: What lies beside the axis.
        path: (L,) row of the path that was followed.
        offsets: (M,) distances from the path, strip px.
        straight: (M, L) float32 grey levels, negative where the wire is darker than its background.
        is_known: (L,) bool, columns on which enough of the profile lies in the picture.
        width: Usual width, strip px.
    """

    def __init__(self, pixels: NDArray[np.uint8], axis: Axis, path: Numbers, width: float) -> None:
        """Straighten the wire of rough ``width`` px along its path, (N,) px beside the axis."""
        scale = min(1.0, _MEASURED_PX / width, _LONGEST_PX / axis.length)
        self.axis = axis
        half = float(np.abs(path).max()) + _BESIDE * width + 6 / scale
        self.strip, is_in = axis.strip(pixels, scale, half)
        rows, length = self.strip.pixels.shape
        at = np.linspace(0, len(path) - 1, length)
        self.path: Numbers = rows // 2 + scale * np.interp(at, np.arange(len(path)), path)
        reach = _BESIDE * width * scale + 4
        self.offsets: Numbers = np.arange(-reach, reach + _FINE / 2, _FINE)
        x, y = self._places(self.path)
        known = cv2.remap(is_in.astype(np.uint8), x, y, cv2.INTER_NEAREST) > 0
        # Three quarters of the profile must be in the picture: the edges, and some background.
        near = np.abs(self.offsets) <= 0.75 * reach
        self.is_known = np.asarray(known[near].all(axis=0), np.bool_)
        self.straight = self.along(self.path)
        self.width = self._usual_width(width * scale)

    @property
    def usual_width(self) -> float:
        """Width in pixels of the picture."""
        return self.width / self.strip.scale

    def along(self, path: Numbers) -> Floats:
        """Return (M, L) float32 the profile across at `offsets` (M,) from a path (L,), row."""
        x, y = self._places(path)
        signed = self.axis.sign * self.strip.pixels
        return np.asarray(cv2.remap(signed, x, y, cv2.INTER_LINEAR), np.float32)

    def inside(self, box: Box) -> Flags:
        """Return (L,) which columns of the path lie in a box of the picture."""
        places = np.stack([np.arange(len(self.path)), self.path, np.ones_like(self.path)])
        x, y = np.tensordot(self.strip.to_picture, places, 1)
        flags: Flags = (x >= box.x0) & (x < box.x1) & (y >= box.y0) & (y < box.y1)
        return flags

    def _places(self, path: Numbers) -> tuple[Floats, Floats]:
        y = (path + self.offsets[:, None]).astype(np.float32)
        return np.broadcast_to(np.arange(len(path), dtype=np.float32), y.shape), y

    def _usual_width(self, rough: float) -> float:
        """Return the full width at half maximum of the usual profile."""
        columns = self.is_known if self.is_known.any() else np.ones_like(self.is_known)
        usual = np.median(self.straight[:, columns], axis=1)
        ground = float(np.percentile(usual, 15))
        near = np.abs(self.offsets) <= 0.5 * rough
        top = float(usual[near].max())
        is_high = usual - ground >= (top - ground) / 2
        low = high = int(np.flatnonzero(near)[usual[near].argmax()])
        while low > 0 and is_high[low - 1]:
            low -= 1
        while high < len(usual) - 1 and is_high[high + 1]:
            high += 1
        return max((high - low + 1) * _FINE, _FINE)

    def stretch(self, crop: Crop) -> Stretch:
        """Measure both edges at each column."""
        width, offsets = self.width, self.offsets
        along, across = max(0.8, 0.25 * width), max(0.4, 0.06 * width) / _FINE
        border = cv2.BORDER_REPLICATE
        soft = np.asarray(
            cv2.GaussianBlur(self.straight, (0, 0), along, sigmaY=across, borderType=border),
            np.float32,
        )
        level, bright = self._level(soft), self._level(self.straight)
        edges, rises, grounds = [], [], []
        for side in (-1, 1):
            beside = soft[side * offsets > min(0.5 * width + 2, offsets[-1] - 2)]
            ground = running(np.median(beside, axis=0).astype(np.float64), 2 * width)
            rises.append(level - ground)
            grounds.append(ground)
            edges.append(side * crossing(self.offsets, soft, (level + ground) / 2, side))
        rise: Numbers = np.minimum(*rises)
        blur = float(np.median(np.mean(rises, axis=0) / self._steepest(soft))) / width
        upper, lower = self.path + edges[0], self.path + edges[1]
        found = np.isfinite(upper) & np.isfinite(lower) & self.is_known
        found &= rise > _LEAST_RISE * np.median(rise)
        upper, lower = (np.where(found, one, self.path) for one in (upper, lower))
        widths = lower - upper
        usual = fitted(widths, found.astype(np.float64), 1)
        odd = (widths > _WIDE * usual) | (widths < _NARROW * usual)
        spread = np.ones(round(2 * width) | 1, np.uint8)
        is_odd = cv2.dilate((odd & found).astype(np.uint8)[None], spread[None])[0] > 0
        return Stretch(
            self.axis,
            self.strip,
            self.path,
            upper,
            lower,
            (bright - np.maximum(*grounds)).astype(np.float64),
            found & ~is_odd,
            self.is_known & (~found | (widths > _CLAMP * usual)),
            self.inside(crop.inner),
            width,
            blur,
        )

    def _steepest(self, soft: Floats) -> Floats:
        """Return (L,) the mean of the steepest slopes of both edges, grey levels a px."""
        slope = np.abs(np.diff(soft, axis=0)) / _FINE
        middle = (self.offsets[1:] + self.offsets[:-1]) / 2 / self.width
        sides = [slope[(side * middle > 0.3) & (side * middle < 0.9)] for side in (-1, 1)]
        steepest: Floats = np.mean([one.max(axis=0, initial=1e-3) for one in sides], axis=0)
        return steepest

    def _level(self, profile: Floats) -> Floats:
        """Return (L,) the mean of that part of the wire, less wide than it, which is brightest."""
        core = (1, max(1, round(_CORE * self.width / _FINE)) | 1)
        means = cv2.blur(profile, core, borderType=cv2.BORDER_REPLICATE)
        level: Floats = means[np.abs(self.offsets) <= max(0.4 * self.width, _FINE)].max(axis=0)
        return level


def crossing(offsets: Numbers, soft: Floats | Numbers, half: Numbers, side: int) -> Numbers:
    """Return where profiles across a path fall to half of what is on it, between samples.

    Args:
        offsets: (M,) distances from the path of the samples, px, rising.
        soft: (M, L) profiles, one a column.
        half: (L,) level to cross.
        side: 1 towards positive offsets, -1 towards negative.

    Returns:
        (L,) distance from the path, positive on the side asked for; NaN where none.
    """
    order = np.argsort(side * offsets)
    order = order[side * offsets[order] >= -1e-6]
    above = soft[order] - half
    below = above < 0
    first = below.argmax(axis=0)
    columns = np.arange(soft.shape[1])
    is_found = below.any(axis=0) & (first > 0)
    before = np.maximum(first - 1, 0)
    high, low = above[before, columns], above[first, columns]
    share = high / np.maximum(high - low, 1e-6)
    distance = side * offsets[order[before]] + share * _FINE
    return np.where(is_found, distance, np.nan)
