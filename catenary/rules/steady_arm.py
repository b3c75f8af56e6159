"""Steady arm 定位器: is it bent, does it hang off its bracket or its clamp?

Of the tubes in a crop it is the lowest long one that ends within the box: the registration pipe and
wires go on outside. All limits are our starting values, to be set on confirmed damage.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging.crops import Crop
from catenary.rules import tube
from catenary.rules.tube import Tube, TubeLimits
from catenary.rules.verdicts import judged

_SHAPE, _SLOPE, _ENDS = "steady_arm_shape/1", "steady_arm_slope/1", "steady_arm_ends/1"
_LEAST_PX = 24  # longer side of a crop
_TUBES = 3  # that are followed
_LONG = 0.5  # of the box's longer side; shorter tubes are brackets
_ALIKE = 0.6  # of the longest tube: the arm is the lowest of these
_RING = (1.0, 2.5)  # widths from an end between which something must hold it
_LEAST_RING = 0.07  # of the arm's length that the ring is wide at least: thin highlights are no arm
_AROUND_DEG = 125.0  # to both sides of the arm's direction
_KNOWN = 0.85  # share of what lies beyond an end that must be in the picture
_STANDS_OUT = 0.06  # of the arm's own contrast: what is beyond its end is seen
_LEAST_GREY = 5.0  # the same in grey levels
_LEAST_HELD = 0.01  # less is as little
_OVER_NOISE = 5.0  # times the spread of its darker part by which something stands out of it
_LEVEL = 0.7  # of the arm's length that the level line is drawn
_ARC = 0.6  # of that line, radius of the angle
_ARC_POINTS = 15
_QUIET = 0.25  # of the arm's contrast by which the background beyond its end may vary


@dataclass(frozen=True, slots=True)
class SteadyArmLimits:
    """Limits of the steady arm's rules.

    Attributes:
        bow: Largest distance of an arm from the straight line between its ends, as a share of its
            length. What straight arms show, lens included; where arms are curved by design, set
            the bow of their drawing and a tenth more.
        off_curve: Largest distance from the nearest even curve, as a share of the length: it
            judges curved arms as well.
        slope_deg: Steepest that an arm lies in the picture.
        held: Least share of what lies around an end that must be seen to hold it.
        tube: What the arm must have to be measured.
    """

    bow: float = 0.015
    off_curve: float = 0.012
    slope_deg: float = 30.0
    held: float = 0.04
    tube: TubeLimits = field(default_factory=TubeLimits)


def shape(crop: Crop, limits: SteadyArmLimits) -> Evidence:
    """Measure how far the arm leaves a straight line, and any even curve.

    Args:
        crop: Around the arm with its bracket.
        limits: Thresholds.

    Returns:
        Evidence for ``bent``; score 0.5 where either measurement reaches its limit. Both edges must
        show it. What it is bent towards the camera is not seen.
    """
    arm = _arm(crop, limits)
    if isinstance(arm, Refusal):
        return arm.evidence(_SHAPE, "bent")
    bow, off = arm.bow(), arm.off_curve()
    allowed, even = (max(limit, arm.unsure()) for limit in (limits.bow, limits.off_curve))
    numbers = (
        Measurement("bow", bow, "1", allowed),
        Measurement("off_curve", off, "1", even),
        Measurement("arm_angle", arm.angle_deg, "deg"),
        Measurement("arm_length", arm.length, "px"),
    )
    drawn = (*arm.edges(), arm.course("bow"), Polyline("chord", arm.ends))
    ratio = max(bow / allowed, off / even)
    return judged(_SHAPE, "bent", ratio, numbers, drawn)


def slope(crop: Crop, limits: SteadyArmLimits) -> Evidence:
    """Measure how steeply the arm lies in the picture: one that came off hangs.

    Args:
        crop: As for `shape`.
        limits: Thresholds.

    Returns:
        Evidence for ``off``; score 0.5 at the limit.
    """
    arm = _arm(crop, limits)
    if isinstance(arm, Refusal):
        return arm.evidence(_SLOPE, "off")
    steepness = abs(arm.angle_deg)
    numbers = (
        Measurement("slope", steepness, "deg", limits.slope_deg),
        Measurement("arm_angle", arm.angle_deg, "deg"),
        Measurement("arm_length", arm.length, "px"),
    )
    drawn = (*arm.edges(), *_angle(arm))
    return judged(_SLOPE, "off", steepness / limits.slope_deg, numbers, drawn)


def ends(crop: Crop, limits: SteadyArmLimits) -> Evidence:
    """Measure how much is seen to hold each end of the arm.

    Args:
        crop: As for `shape`.
        limits: Thresholds.

    Returns:
        Evidence for ``off``, of the barer end; score 0.5 at the limit. An end outside the picture,
        or before a restless background, is not looked at.
    """
    arm = _arm(crop, limits)
    if isinstance(arm, Refusal):
        return arm.evidence(_ENDS, "off")
    first, last = arm.ends
    asked = [(_held(crop, arm, *two), two[0]) for two in ((first, last), (last, first))]
    seen = [(share, end) for share, end in asked if share is not None]
    if not seen:
        return Refusal(Unjudged.NO_END).evidence(_ENDS, "off")
    share, end = min(seen)
    numbers = (Measurement("held", share, "1", limits.held),)
    drawn = (*arm.edges(), Polyline("end", (end,)))
    return judged(_ENDS, "off", limits.held / max(share, _LEAST_HELD), numbers, drawn)


def _angle(arm: Tube) -> tuple[Polyline, Polyline, Polyline]:
    """Return the level line by the upper end, the arm's line, and the angle between, to draw."""
    upper, lower = sorted(arm.ends, key=lambda end: end[1])
    to_right = lower[0] >= upper[0]
    reach = math.copysign(_LEVEL * arm.length, 1 if to_right else -1)
    level = Polyline("level", (upper, (upper[0] + reach, upper[1])))
    full = math.atan2(lower[1] - upper[1], abs(lower[0] - upper[0]))
    turns = np.linspace(0.0, full, _ARC_POINTS)
    arc = [
        (upper[0] + _ARC * reach * math.cos(turn), upper[1] + _ARC * abs(reach) * math.sin(turn))
        for turn in turns.tolist()
    ]
    return level, Polyline("arm", (upper, lower)), Polyline("angle", tuple(arc))


@lru_cache(maxsize=1)
def _arm(crop: Crop, limits: SteadyArmLimits) -> Tube | Refusal:
    """Return the arm, or why it cannot be measured; the last one is kept for the other rules."""
    side = min(crop.pixels.shape)
    if max(crop.pixels.shape) < _LEAST_PX or side < tube.LEAST_PX:
        return refused(Unjudged.TOO_SMALL, "shorter_side", side, "px", _LEAST_PX)
    longer = max(crop.inner.width, crop.inner.height)
    found = [
        one
        for one in tube.tubes(crop.pixels, _TUBES, crop.inner)
        if one.length >= _LONG * longer and tube.ends_within(one, crop)
    ]
    if not found:
        return Refusal(Unjudged.NO_TUBE)
    longest = max(one.length for one in found)
    arm = max(
        (one for one in found if one.length >= _ALIKE * longest),
        key=lambda one: sum(y for _, y in one.ends),
    )
    return tube.unfit(arm, limits.tube) or arm


def _held(
    crop: Crop, arm: Tube, end: tuple[float, float], other: tuple[float, float]
) -> float | None:
    """Return the share of a ring beyond an end in which something is seen.

    None where it reaches over the picture, or where the background varies too much to tell.
    """
    turn = math.atan2(end[1] - other[1], end[0] - other[0])
    outer = max(_RING[1] * arm.width, _LEAST_RING * arm.length)
    radius, angle = np.meshgrid(
        np.linspace(_RING[0] * arm.width, outer, 14),
        turn + np.radians(np.linspace(-_AROUND_DEG, _AROUND_DEG, 27)),
    )
    x = (end[0] - 0.5 + radius * np.cos(angle)).astype(np.float32)
    y = (end[1] - 0.5 + radius * np.sin(angle)).astype(np.float32)
    height, width = crop.pixels.shape
    is_in = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    if is_in.mean() < _KNOWN:
        return None
    grey = cv2.remap(crop.pixels, x, y, cv2.INTER_LINEAR).astype(np.float32)
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    seen = arm.sign * np.asarray(soft, np.float64)
    low, ground, high = np.percentile(seen[is_in], (20, 40, 60))
    noise = _OVER_NOISE * float(ground - low)
    if max(high - low, noise) > _QUIET * arm.contrast:
        return None
    least = max(_STANDS_OUT * arm.contrast, _LEAST_GREY, noise)
    is_on = (np.abs(seen - ground) > least) & is_in
    return float((is_on * radius).sum() / (is_in * radius).sum())
