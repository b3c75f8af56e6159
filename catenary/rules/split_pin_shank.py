"""Does a split pin 开口销 stand out of its bolt: is bare shank seen between its head and the bolt?

In a pin that sits, the eye touches the bolt. In one that has come out, a straight shank lies
between: along its axis, from the edge of the pin's box inwards, first something wider than the
shank is seen (the eye), then the shank alone, then whatever the bolt is. A leg is as narrow at its
tip as anywhere. All numbers are our starting values, chosen on simulated pins.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged
from catenary.imaging import bars
from catenary.imaging.bars import Bar
from catenary.imaging.crops import Crop
from catenary.rules.split_pin import Searched, SplitPinLimits, View, searched, seen
from catenary.rules.verdicts import judged

SHANK = "split_pin_shank/2"

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SIDE_PX = 80  # longer side of the box while it is measured
_MARGIN = 0.25  # seen beyond it, as a share of that
_DARK = 2.0  # percentile of the grey levels: before a bright sky the pin is the dark
_BAR_PX = 12  # over which a shank is measured first
_SIDES_PX = (3.2, 5.2)  # distances of its two sides in the picture that bars are found in
_BARS = 6  # of each polarity that are tried
_REACH_PX = 80  # along a bar, both ways
_ASIDE_PX = 26  # to both sides of it
_WIDTHS_PX = (2.0, 14.0)  # of a shank
_LEAST_RISE = 0.06  # of a shank over its sides, share of the contrast of the box
_EDGE = 0.05  # steepness of an edge, as a share of that rise a pixel
_OWN = 1.2  # rough widths from the axis within which the shank's own edges lie
_SEAM = 0.3  # half widths beside the axis where the seam of its two wires is
_SHANK = 1.3  # half widths from the axis within which both of a shank's edges lie
_NEAR = 3.5  # half widths from the axis beyond which nothing counts
_EYE = (0.8, 3.0)  # length of an eye, in widths of the shank
_WIDE = 0.2  # share of the eye's length over which it is wider than the shank on both sides
_AT_BORDER = 0.08  # distance of the eye's far end from the edge of the box, share of its side
_TELLING = 0.5  # of the limit; so short are the sides of an eye and pieces of legs, too
_HOLES_PX = 2  # in a shank, that are bridged


@dataclass(frozen=True, slots=True)
class _Shank:
    """A piece of wire with an eye at one end.

    Attributes:
        bar: Where it was found.
        width: px.
        first: Where the wire begins at the eye, px along the bar from its middle.
        last: Where it ends, at the bolt.
        eye: Far end of the eye.
    """

    bar: Bar
    width: float
    first: int
    last: int
    eye: int

    @property
    def length(self) -> float:
        """Length without the eye, px."""
        return float(abs(self.last - self.first))

    def point(self, along: float) -> tuple[float, float]:
        """Return a place on the bar, (x, y) in the picture."""
        turn = math.radians(self.bar.angle_deg)
        return self.bar.x + along * math.cos(turn), self.bar.y + along * math.sin(turn)


def loose(crop: Crop, limits: SplitPinLimits) -> Evidence:
    """Measure how much bare shank lies between the head of a pin and its bolt.

    Args:
        crop: Cut-out of a bolt end, with the pin's box; the head ends at the edge of the box.
        limits: Thresholds.

    Returns:
        Evidence for ``loose``; score 0.5 at the limit. Not judged where no eye with a piece of
        shank is seen: the bolt or glare may hide it, or the pin sits. So it seldom tells that a
        pin sits; of simulated loose ones it sees few (docs/benchmarks.md).
    """
    found = searched(crop, limits)
    if isinstance(found, Refusal):
        found = searched(crop, limits, _DARK)
    if isinstance(found, Refusal):
        return found.evidence(SHANK, "loose")
    view = seen(crop, limits, _SIDE_PX, _MARGIN, _DARK)
    if isinstance(view, Refusal):
        return view.evidence(SHANK, "loose")
    ratios = [(_ratio(one, limits), one) for one in _shanks(view, found, limits.shank * _SIDE_PX)]
    ratio, shank = max(ratios, key=lambda one: one[0], default=(0.0, None))
    if shank is None or ratio < _TELLING:
        return Refusal(Unjudged.NO_HEAD).evidence(SHANK, "loose")
    widths, share = shank.length / shank.width, shank.length / _SIDE_PX
    numbers = (
        Measurement("free_shank", widths, "shank widths", limits.shank_widths),
        Measurement("shank_share", share, "1", limits.shank),
    )
    # Short of the limit, as often as not a leg is taken for it: nothing to show.
    lines = _drawn(view, shank) if ratio > 1 else ()
    return judged(SHANK, "loose", ratio, numbers, lines)


def _drawn(view: View, shank: _Shank) -> tuple[Polyline, ...]:
    first, last, eye = (
        view.in_crop(*shank.point(at)) for at in (shank.first, shank.last, shank.eye)
    )
    return Polyline("shank", (first, last)), Polyline("head", (eye, first))


def _ratio(shank: _Shank, limits: SplitPinLimits) -> float:
    """Return the free length over the limit that it is nearer to."""
    widths = shank.length / (limits.shank_widths * shank.width)
    return min(widths, shank.length / (limits.shank * _SIDE_PX))


def _shanks(view: View, found: Searched, least: float) -> Iterator[_Shank]:
    """Yield the bars, bright or dark, at one end of which there is an eye; see `_with_eye`."""
    inner = view.box
    responses = bars.bright_and_dark(found.means, found.length_px, _SIDES_PX)
    for picture, strengths in zip((view.picture, 1 - view.picture), responses, strict=True):
        for one in bars.strongest(strengths, found.length_px, max(_SIDES_PX), _BARS):
            x, y = view.from_crop(*found.view.in_crop(one.x, one.y))
            if not inner.contains(x, y):
                continue
            strip = _Strip(picture, replace(one, x=x, y=y))
            if strip.rise < _LEAST_RISE:
                continue
            inside = np.minimum(
                np.minimum(strip.x - inner.x0, inner.x1 - strip.x),
                np.minimum(strip.y - inner.y0, inner.y1 - strip.y),
            )
            yield from _with_eye(strip, np.abs(inside) <= _AT_BORDER * _SIDE_PX, least)


class _Strip:
    """The surroundings of a bar, turned along it: one row a pixel, its middle in the middle."""

    def __init__(self, picture: Floats, bar: Bar) -> None:
        """Turn the picture along the bar and measure the bar's width and height."""
        self.bar = bar
        turn = math.radians(bar.angle_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        along = np.arange(-_REACH_PX, _REACH_PX + 1.0)
        aside = np.arange(-_ASIDE_PX, _ASIDE_PX + 1.0)
        self.x: Numbers = bar.x + along * cos
        self.y: Numbers = bar.y + along * sin
        map_x = (self.x[:, None] - aside * sin).astype(np.float32)
        map_y = (self.y[:, None] + aside * cos).astype(np.float32)
        border = cv2.BORDER_REPLICATE
        turned = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=border)
        self.pixels = np.asarray(turned, np.float32)
        half = _BAR_PX // 2
        core = self.pixels[_REACH_PX - half : _REACH_PX + half + 1]
        profile = np.partition(core, half, axis=0)[half]  # the median, of an odd number of rows
        rough = _width(profile)
        self.rise = _rise(profile, rough) if rough else 0.0
        self.width = 0.0
        if rough and self.rise >= _LEAST_RISE:
            soft = cv2.GaussianBlur(self.pixels, (0, 0), 0.8)
            self._is_steep: Flags = np.abs(np.gradient(soft, axis=1)) > _EDGE * self.rise
            self.width = self._own_width(rough)

    def _own_width(self, rough: float) -> float:
        """Return the usual distance of the last edges near the middle: glints are narrower."""
        half = _BAR_PX // 2
        core = slice(_REACH_PX - half, _REACH_PX + half + 1)
        left, right = self._last_edges(0.15 * rough, _OWN * rough, core)
        return max(2.0, float(median(left.tolist()) + median(right.tolist())))

    def edges(self) -> tuple[Numbers, Numbers]:
        """Return how far from the axis the last edge near it lies, in half widths, on both sides.

        0 where there is none.
        """
        half = self.width / 2
        left, right = self._last_edges(_SEAM * half, _NEAR * half, slice(None))
        return left / half, right / half

    def _last_edges(self, first: float, last: float, rows: slice) -> tuple[Numbers, Numbers]:
        """Return the farthest edge between two distances from the axis, px; 0 for none."""
        aside = np.arange(-_ASIDE_PX, _ASIDE_PX + 1.0)
        sides = []
        for side in (-1, 1):
            near = (side * aside > first) & (side * aside <= last)
            is_edge = self._is_steep[rows, near]
            sides.append(np.where(is_edge, np.abs(aside[near]), 0.0).max(axis=1, initial=0.0))
        return sides[0], sides[1]


def _width(profile: Floats) -> float | None:
    """Return the full width at half maximum of the bar in the middle of a profile."""
    top = float(profile[_ASIDE_PX - 1 : _ASIDE_PX + 2].max())
    total = 0.0
    for side in (profile[_ASIDE_PX::-1][:10], profile[_ASIDE_PX:][:10]):
        half = (top + float(side[:9].min())) / 2
        below = np.flatnonzero(side < half)
        if not below.size:
            return None
        at = int(below[0])
        total += at - 1 + float((side[at - 1] - half) / (side[at - 1] - side[at])) if at else 0.3
    return total if _WIDTHS_PX[0] <= total <= _WIDTHS_PX[1] else None


def _rise(profile: Floats, width: float) -> float:
    """Return how much the middle of a profile rises over the brighter one of its sides."""
    near, far = int(width / 2) + 2, int(width) + 4
    left = profile[_ASIDE_PX - far + 1 : _ASIDE_PX - near + 1]
    right = profile[_ASIDE_PX + near : _ASIDE_PX + far]
    top = profile[_ASIDE_PX - 1 : _ASIDE_PX + 2].max()
    return float(top - max(median(left.tolist()), median(right.tolist())))


def _with_eye(strip: _Strip, is_border: Flags, least: float) -> Iterator[_Shank]:
    """Yield the bar as a shank for each of its ends at which there is an eye, at the border.

    Args:
        strip: Along the bar.
        is_border: (rows,) whether its axis is near the edge of the box there.
        least: Limit of the length, px; shanks too short to tell anything are left out.
    """
    left, right = strip.edges()
    width = strip.width
    is_shank = (left > 0) & (right > 0) & (left <= _SHANK) & (right <= _SHANK)
    is_wide = (left > _SHANK) & (right > _SHANK)
    ends = [_run(is_shank.tolist(), step) for step in (-1, 1)]
    if abs(ends[1] - ends[0]) < _TELLING * least:
        return
    is_bare = ((left == 0) & (right == 0)).tolist()
    for end, other, step in ((*ends, -1), (*ends[::-1], 1)):
        past = _eye(is_bare, end, step, round((_EYE[1] + 0.2) * width))
        rows = np.arange(end + step, past, step)
        if not rows.size or not _EYE[0] <= len(rows) / width <= _EYE[1]:
            continue
        if is_wide[rows].mean() >= _WIDE and is_border[rows[-1]]:
            along = (int(one) - _REACH_PX for one in (end, other, rows[-1]))
            yield _Shank(strip.bar, width, *along)


def _run(is_shank: list[bool], step: int) -> int:
    """Return the last row, one way from the middle, to which the shank goes on."""
    row = _REACH_PX
    while True:
        ahead = is_shank[row + step : row + step * (_HOLES_PX + 1) : step]
        if not any(ahead) or not 3 < row < len(is_shank) - 4:
            return row
        row += step


def _eye(is_bare: list[bool], end: int, step: int, most: int) -> int:
    """Return the first row past what follows the shank's end: two rows there show nothing."""
    row = end + step
    while 0 < row < len(is_bare) - 1 and abs(row - end) <= most:
        if is_bare[row] and is_bare[row + step]:
            break
        row += step
    return row
