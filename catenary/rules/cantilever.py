"""Cantilever tubes 腕臂: are they bent?

Of the tubes in a crop it is the longest one that ends within the box and spans it. All limits are
our starting values, to be set on confirmed damage.
"""

import math
from dataclasses import dataclass, field

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging.crops import Crop
from catenary.rules import tube
from catenary.rules.tube import Tube, TubeLimits
from catenary.rules.verdicts import judged

_SHAPE = "cantilever_shape/1"
_LEAST_PX = 24  # longer side of a crop
_TUBES = 3  # that are followed
_LONG = 0.5  # of the box's diagonal


@dataclass(frozen=True, slots=True)
class CantileverLimits:
    """Limits of the cantilever's rule.

    Attributes:
        bow: Largest distance of a tube from the straight line between its ends, as a share of its
            length: what straight tubes show, lens included.
        tube: What a tube must have to be measured.
    """

    bow: float = 0.012
    tube: TubeLimits = field(default_factory=TubeLimits)


def shape(crop: Crop, limits: CantileverLimits) -> Evidence:
    """Measure how far a tube leaves the straight line between its ends.

    Args:
        crop: Around the tube.
        limits: Thresholds.

    Returns:
        Evidence for ``bent``; score 0.5 at the limit. Both edges must show it. What it is bent
        towards the camera is not seen.
    """
    found = _tube(crop, limits)
    if isinstance(found, Refusal):
        return found.evidence(_SHAPE, "bent")
    bow = found.bow()
    allowed = max(limits.bow, found.unsure())
    numbers = (
        Measurement("bow", bow, "1", allowed),
        Measurement("tube_angle", found.angle_deg, "deg"),
        Measurement("tube_length", found.length, "px"),
    )
    drawn = (*found.edges(), found.course("bow"), Polyline("chord", found.ends))
    return judged(_SHAPE, "bent", bow / allowed, numbers, drawn)


def _tube(crop: Crop, limits: CantileverLimits) -> Tube | Refusal:
    """Return the tube, or why it cannot be measured."""
    side = min(crop.pixels.shape)
    if max(crop.pixels.shape) < _LEAST_PX or side < tube.LEAST_PX:
        return refused(Unjudged.TOO_SMALL, "shorter_side", side, "px", _LEAST_PX)
    diagonal = math.hypot(crop.inner.width, crop.inner.height)
    found = [
        one
        for one in tube.tubes(crop.pixels, _TUBES, crop.inner)
        if one.length >= _LONG * diagonal and tube.ends_within(one, crop)
    ]
    if not found:
        return Refusal(Unjudged.NO_TUBE)
    longest = max(found, key=lambda one: one.length)
    return tube.unfit(longest, limits.tube) or longest
