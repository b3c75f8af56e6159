"""Is a split pin 开口销 in its bolt, and are its legs opened?

A pin shows as thin bright wire: a head loop and two legs that spread behind the bolt. An
empty bolt end shows no such legs, and sometimes its dark hole.
"""

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging import bars
from catenary.imaging.bars import Bar
from catenary.imaging.crops import Crop

PRESENCE = "split_pin_presence/3"
OPENING = "split_pin_opening/1"

# Distances of a leg's two sides in the normalised picture. Wider ones fit thicker wire, but see
# more of the bolt as legs: for the angle, where a pin is known to be there, both are tried.
_LEG_SIDES_PX = (3.0,)
_ANGLE_SIDES_PX = (3.0, 5.0)
_LINE_WEIGHT = 0.85  # a single line is as likely a wire or the edge of a highlight
_BARS = 5  # candidates for the two legs
_WINDOW = np.ones((25, 25), np.uint8)
# Of a box's width and height: there the bolt's end is seen, beyond it also what is around.
_MIDDLE = 0.6
_LEVELS = (50.0, 95.0)  # percentiles: noise gives bars everywhere, wire in some places
_DARK = 20.0  # percentile of the grey levels, from which contrast is counted
# Only what stands out clearly is drawn as the pin's wire: so much more of it than is needed, and
# two bars so strong. Of 73 boxes of lost pins that were taken for sound none has such.
_CLEARLY = 0.04
_DRAWN = 0.4


@dataclass(frozen=True, slots=True)
class SplitPinLimits:
    """Limits of the split-pin rules; our starting values, tuned on simulated pins.

    Attributes:
        min_side_px: Boxes with a shorter side than this are not judged.
        work_side_px: Longer side to which a box is enlarged or reduced before measuring.
        min_contrast: Not judged below this difference between the brightest and the dark
            part of the box, in grey levels.
        max_blur_px: Not judged when the strongest edges of the normalised box are blurred
            more than this (standard deviation): legs of 3 to 5 px would be lost.
        leg_length: Length over which a leg must stand out, as a share of the longer side.
        angle_length: The same where the angle is measured; longer, against the head loop.
        wire: Strength of wire at which presence is undecided in a square box where no hole is
            seen; 1 is the contrast of the box. Chosen on simulated pins (docs/benchmarks.md).
        angle_leg: Leg strength below which no angle is measured.
        hole_weight: Strength that a hole as deep as the box's contrast outweighs.
        length_weight: Strength that a box e times as long as wide stands for: the end of a bolt
            is round, a pin is long.
        strength_spread: Change of strength over which the presence score moves from 0.5 to 0.73.
        opened_deg: Legs closer than this are not opened.
        angle_spread_deg: Change of angle over which the opening score moves from 0.5 to 0.73.
        shank: Free shank from which a pin is loose, as a share of the box's longer side.
        shank_widths: The same in widths of the shank; both must be reached.
    """

    min_side_px: float = 12.0
    work_side_px: int = 64
    min_contrast: float = 20.0
    max_blur_px: float = 3.4
    leg_length: float = 0.14
    angle_length: float = 0.2
    wire: float = 0.04
    angle_leg: float = 0.45
    hole_weight: float = 0.15
    length_weight: float = 0.05
    strength_spread: float = 0.015
    opened_deg: float = 15.0
    angle_spread_deg: float = 5.0
    shank: float = 0.25
    shank_widths: float = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The box and a margin, brought to one size.

    Attributes:
        picture: (height, width) float32, grey levels over the contrast, about [0, 1].
        scale: Its pixels per pixel of the crop.
        x0: Crop column of its first column.
        y0: Crop row of its first row.
        box: The part's, in its pixels.
    """

    picture: NDArray[np.float32]
    scale: float
    x0: int
    y0: int
    box: Box

    def in_crop(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the picture (x, y) in crop pixels."""
        return (x + 0.5) / self.scale + self.x0 - 0.5, (y + 0.5) / self.scale + self.y0 - 0.5

    def from_crop(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the crop (x, y) in pixels of the picture."""
        return (x - self.x0 + 0.5) * self.scale - 0.5, (y - self.y0 + 0.5) * self.scale - 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What rules look for bars in.

    Attributes:
        view: The box and little more.
        length_px: Of the bars.
        means: Of `bars.means`.
    """

    view: View
    length_px: int
    means: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Legs:
    """Two bars that can be the legs of one pin.

    Attributes:
        first: The stronger one.
        second: The other.
        strength: Geometric mean of their strengths, as a share of the contrast.
        angle_deg: Angle between them in [0, 90].
        is_line: True when both lie on one line, as closed legs do.
    """

    first: Bar
    second: Bar
    strength: float
    angle_deg: float
    is_line: bool


def presence(crop: Crop, limits: SplitPinLimits) -> Evidence:
    """Tell whether the pin is missing.

    Source: the structure of the criteria is that of Zhong et al., IEEE TIM 2019 (pin wire and
    the hole); bars with two dark sides stand in for line segments, whose pairing breaks
    on legs of two pixels.

    Args:
        crop: Cut-out of a bolt end, with the pin's box.
        limits: Thresholds.

    Returns:
        Evidence for ``missing``. Its score rises with the faintness of thin bright bars, in the
        middle of the box and around it, with the darkness of a hole, and the squarer the box is.
    """
    found = searched(crop, limits)
    if isinstance(found, Refusal):
        return found.evidence(PRESENCE, "missing")
    view, length = found.view, found.length_px
    responses = bars.bright(found.means, length, _LEG_SIDES_PX)
    strength = _strength_of_wire(responses.max(axis=0), view.box)
    hole = _hole(view, limits)
    longer, shorter = sorted((view.box.width, view.box.height), reverse=True)
    needed = limits.hole_weight * hole - limits.length_weight * math.log(longer / shorter)
    needed += limits.wire
    score = _logistic((needed - strength) / limits.strength_spread)
    measurements = (
        Measurement("wire_contrast", strength, "1", max(needed, 0.0)),
        Measurement("hole_darkness", hole, "1"),
    )
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    # What may be an edge of the bolt must not be drawn: it would be taken for the pin.
    legs = None
    if strength - needed >= _CLEARLY:
        legs = _best_pair(bars.strongest(responses, length, _LEG_SIDES_PX[0], _BARS))
    if legs is not None and legs.strength < _DRAWN:
        legs = None
    traces = _traces(view, legs, limits.leg_length * limits.work_side_px, "pin")
    return Evidence(PRESENCE, "missing", verdict, score, measurements, traces)


def legs_opened(crop: Crop, limits: SplitPinLimits) -> Evidence:
    """Tell whether the legs of a pin are still closed.

    Args:
        crop: Cut-out of a bolt end, with the pin's box.
        limits: Thresholds.

    Returns:
        Evidence for ``not_opened``; cannot judge where no pair of legs is seen. It needs legs
        that stand apart from the head loop and from one another: on simulated 4C frames, with
        legs of 2 px, it is no better than chance.
    """
    view = seen(crop, limits, limits.work_side_px, limits.leg_length / 4)
    if isinstance(view, Refusal):
        return view.evidence(OPENING, "not_opened")
    length = _length_px(limits.angle_length, limits)
    legs = _best_pair(bars.find(view.picture, length, _ANGLE_SIDES_PX, _BARS))
    if legs is None or legs.strength < limits.angle_leg:
        return Refusal(Unjudged.NO_LEGS).evidence(OPENING, "not_opened")
    score = _logistic((limits.opened_deg - legs.angle_deg) / limits.angle_spread_deg)
    angle = Measurement("leg_angle", legs.angle_deg, "deg", limits.opened_deg)
    verdict = Verdict.DEFECT if legs.angle_deg < limits.opened_deg else Verdict.NORMAL
    traces = _traces(view, legs, limits.angle_length * limits.work_side_px, "leg")
    return Evidence(OPENING, "not_opened", verdict, score, (angle,), traces)


@lru_cache(maxsize=2)  # several rules look for bars in the same box, one after the other
def searched(
    crop: Crop, limits: SplitPinLimits, dark_percentile: float = _DARK
) -> Searched | Refusal:
    """Return the normalised box with what bars are found by, or why it cannot be judged.

    Args:
        crop: Cut-out of a bolt end, with the pin's box.
        limits: Size, contrast and sharpness that it must have, and the length of the bars.
        dark_percentile: Of the grey levels there, from which contrast is counted.
    """
    view = seen(crop, limits, limits.work_side_px, limits.leg_length / 4, dark_percentile)
    if isinstance(view, Refusal):
        return view
    length = _length_px(limits.leg_length, limits)
    return Searched(view, length, bars.means(view.picture, length))


def seen(
    crop: Crop, limits: SplitPinLimits, side_px: int, margin: float, dark_percentile: float = _DARK
) -> View | Refusal:
    """Return the normalised box, or why it cannot be judged.

    Args:
        crop: Cut-out of a bolt end, with the pin's box.
        limits: Size, contrast and sharpness that it must have.
        side_px: Longer side to which the box is enlarged or reduced.
        margin: What is shown beyond the box, as a share of its longer side.
        dark_percentile: Of the grey levels there, from which contrast is counted.
    """
    inner = crop.inner
    shorter = min(inner.width, inner.height)
    if shorter < limits.min_side_px:
        return refused(Unjudged.TOO_SMALL, "shorter_side", shorter, "px", limits.min_side_px)
    if cut := cut_off(crop.cut_sides):
        return cut
    side = max(inner.width, inner.height)
    outer = inner.grown(side * margin).clipped(*crop.pixels.shape[::-1]) or inner
    x0, y0 = int(outer.x0), int(outer.y0)
    box = crop.pixels[y0 : math.ceil(outer.y1), x0 : math.ceil(outer.x1)]
    dark, bright = np.percentile(box, (dark_percentile, 99.5))
    contrast = float(bright - dark)
    if contrast < limits.min_contrast:
        needed = limits.min_contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", needed)
    scale = side_px / side
    width, height = (max(8, round(length * scale)) for length in box.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(box, (width, height), interpolation=method)
    picture = (np.asarray(resized, np.float32) - np.float32(dark)) / np.float32(contrast)
    most = limits.max_blur_px * side_px / limits.work_side_px
    if (blur := _blur(picture)) > most:
        return refused(Unjudged.BLURRED, "blur", blur / scale, "px", most / scale)
    return View(picture, scale, x0, y0, inner.shifted(-x0, -y0).scaled(scale))


def _blur(picture: NDArray[np.float32]) -> float:
    """Return the standard deviation of the blur of the strongest edges, in pixels.

    An ideal edge blurred by a Gaussian of that width climbs 1 / (sqrt(2 pi) sigma) of its
    height in its steepest pixel. The picture is smoothed by 1 px first, against noise.
    """
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.float32)
    across = np.abs(np.diff(picture, axis=1))[:-1]
    down = np.abs(np.diff(picture, axis=0))[:, :-1]
    steepest = cv2.dilate(np.maximum(across, down), _WINDOW)
    height = (cv2.dilate(picture, _WINDOW) - cv2.erode(picture, _WINDOW))[:-1, :-1]
    strong = height >= 0.7 * height.max()
    climb = float(np.median(steepest[strong] / height[strong]))
    sigma = 1 / (math.sqrt(2 * math.pi) * max(climb, 1e-3))
    return math.sqrt(max(sigma**2 - 1, 0.0))


def _length_px(share: float, limits: SplitPinLimits) -> int:
    """Return a share of the box's longer side in the normalised picture."""
    return max(3, round(share * limits.work_side_px))


def _strength_of_wire(strengths: NDArray[np.float32], box: Box) -> float:
    """Return how much of thin bright bars there is: mean of the middle of the box and the rest.

    Each by itself, so that the edge of a bright tube in a corner is no wire on a bolt's bare end.
    """
    height, width = strengths.shape
    across = np.abs(np.arange(width) + 0.5 - (box.x0 + box.x1) / 2) <= _MIDDLE * box.width / 2
    down = np.abs(np.arange(height) + 0.5 - (box.y0 + box.y1) / 2) <= _MIDDLE * box.height / 2
    is_middle = down[:, None] & across
    parts = [np.percentile(strengths[where], _LEVELS) for where in (is_middle, ~is_middle)]
    return float(np.mean([high - usual for usual, high in parts]))


def _best_pair(found: list[Bar]) -> _Legs | None:
    """Return the two bars that most look like legs, or None when there are not two.

    Closed legs lie on one another and look like one long bar: two bars in line are that,
    where they outshine by far any two that spread.
    """
    pairs = [_pair(*two) for two in itertools.combinations(found, 2)]
    spread = max((one for one in pairs if not one.is_line), key=_strength, default=None)
    line = max((one for one in pairs if one.is_line), key=_strength, default=None)
    if spread is None or (line is not None and line.strength > spread.strength):
        return line
    return spread


def _pair(first: Bar, second: Bar) -> _Legs:
    strength = math.sqrt(first.strength * second.strength)
    if _are_in_line(first, second):
        return _Legs(first, second, _LINE_WEIGHT * strength, 0.0, True)
    return _Legs(first, second, strength, _between(first, second), False)


def _strength(legs: _Legs) -> float:
    return legs.strength


def _between(first: Bar, second: Bar) -> float:
    """Return the angle between two bars in degrees, in [0, 90]."""
    turn = abs(first.angle_deg - second.angle_deg) % 180
    return min(turn, 180 - turn)


def _are_in_line(first: Bar, second: Bar) -> bool:
    """Tell whether one straight edge or wire explains both bars."""
    angle = math.radians(first.angle_deg)
    dx, dy = second.x - first.x, second.y - first.y
    offset = abs(dy * math.cos(angle) - dx * math.sin(angle))
    return _between(first, second) < 10 and offset < _LEG_SIDES_PX[0]


def _hole(view: View, limits: SplitPinLimits) -> float:
    """Return how much darker the darkest spot is than all its surroundings, in [0, 1]."""
    smooth = cv2.GaussianBlur(view.picture, (0, 0), 1.5)
    return bars.darkest_spot(np.asarray(smooth, np.float32), limits.work_side_px * 0.12)


def _traces(view: View, legs: _Legs | None, length: float, role: str) -> tuple[Polyline, ...]:
    if legs is None:
        return ()
    half = length / 2
    lines = []
    for bar in (legs.first, legs.second):
        dx = half * math.cos(math.radians(bar.angle_deg))
        dy = half * math.sin(math.radians(bar.angle_deg))
        ends = (view.in_crop(bar.x - dx, bar.y - dy), view.in_crop(bar.x + dx, bar.y + dy))
        lines.append(Polyline(role, ends))
    return tuple(lines)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
