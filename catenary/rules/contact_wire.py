"""Contact wire 接触线: is it burnt, worn on one side, or kinked?

A crop shows a stretch of a wire that runs through the picture; the box is compared with the wire
beside it. All limits are our starting values, to be set on confirmed damage.
"""

from dataclasses import dataclass, field

import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.refusal import Refusal, Unjudged
from catenary.imaging.crops import Crop
from catenary.rules import burn
from catenary.rules.burn import BurnLimits
from catenary.rules.stretch import Flags, Numbers, Stretch, StretchLimits, measured, unclear, uneven
from catenary.rules.verdicts import judged

_WEAR, _KINK, _BURN = "contact_wear/1", "contact_kink/1", "contact_burn/1"
_WINDOW = 4.0  # widths over which a wire must be thin on one side
_ARM = 5.0  # widths on each side of a bend over which its direction is taken
_LEAST_ARM = 12.0  # px of the strip
_LONGEST_ARM = 0.125  # of the strip's length: most places must not be near the bend
_SEEN_ARM = 0.7  # share of an arm on which the wire must be seen


@dataclass(frozen=True, slots=True)
class ContactLimits:
    """Limits of the contact wire's rules.

    Attributes:
        wear: Share of its width that a sound wire may lack on one side.
        kink_deg: Largest local change of direction of a sound wire.
        burn: From where it is burnt.
        stretch: What a stretch must have to be judged.
    """

    wear: float = 0.12
    kink_deg: float = 3.0
    burn: BurnLimits = field(default_factory=BurnLimits)
    stretch: StretchLimits = field(default_factory=StretchLimits)


def worn(crop: Crop, limits: ContactLimits) -> Evidence:
    """Measure how far one edge has moved into the wire while the other has not.

    Which side is below cannot be told from a wire that runs upwards in the picture: either counts.

    Args:
        crop: Around a stretch of the wire, with a margin to compare it with.
        limits: Thresholds.

    Returns:
        Evidence for ``worn``; score 0.5 at the limit. A wire worn evenly over the whole crop is
        not found: nothing in it tells how thick the wire was. Seen from below wear moves no edge:
        `running_face` looks at that.
    """
    stretch = measured(crop, limits.stretch)
    if isinstance(stretch, Refusal):
        return stretch.evidence(_WEAR, "worn")
    if reason := unclear(stretch, limits.stretch) or uneven(stretch, limits.stretch):
        return reason.evidence(_WEAR, "worn")
    window = _WINDOW * stretch.width
    thinner = -stretch.off_usual(stretch.widths, window)
    inward = (
        stretch.off_usual(stretch.upper, window, degree=2),
        -stretch.off_usual(stretch.lower, window, degree=2),
    )
    # A bend moves both edges the same way; what is thinner on both sides is not wear.
    lost = np.where(stretch.inside, np.minimum(np.maximum(*inward), thinner), 0.0)
    column = int(lost.argmax())
    usual = float(stretch.usual(stretch.widths)[column])
    share = max(0.0, float(lost[column])) / usual
    numbers = (
        Measurement("side_loss", share, "1", limits.wear),
        Measurement("side_lost", share * usual / stretch.strip.scale, "px"),
        Measurement("usual_width", usual / stretch.strip.scale, "px"),
    )
    drawn = (*stretch.edges(), *stretch.around("worn", column, window))
    return judged(_WEAR, "worn", share / limits.wear, numbers, drawn)


def kinked(crop: Crop, limits: ContactLimits) -> Evidence:
    """Measure the sharpest bend of the wire beyond its even sag.

    At each place straight lines are fitted to each edge before and behind it; the angle between
    them, less the median one, which is the sag's and the lens's, is the bend. Both edges must show
    it: the end of a worn or burnt stretch turns one.

    Args:
        crop: As for `worn`.
        limits: Thresholds.

    Returns:
        Evidence for ``kinked``; score 0.5 at the limit. The angle is that in the picture: a bend
        towards the camera shows less.
    """
    stretch = measured(crop, limits.stretch)
    if isinstance(stretch, Refusal):
        return stretch.evidence(_KINK, "kinked")
    if reason := unclear(stretch, limits.stretch) or uneven(stretch, limits.stretch):
        return reason.evidence(_KINK, "kinked")
    arm = round(max(_LEAST_ARM, min(_ARM * stretch.width, _LONGEST_ARM * len(stretch.upper))))
    bends = np.where(stretch.inside, _bends(stretch, arm), np.nan)
    if not np.isfinite(bends).any():
        return Refusal(Unjudged.NO_PLACE).evidence(_KINK, "kinked")
    column = int(np.nanargmax(np.abs(bends)))
    angle = abs(float(bends[column]))
    numbers = (Measurement("kink", angle, "deg", limits.kink_deg),)
    ends = np.array([column - arm, column, column + arm])
    drawn = (*stretch.edges(), stretch.line("kink", stretch.course, ends))
    return judged(_KINK, "kinked", angle / limits.kink_deg, numbers, drawn)


def burned(crop: Crop, limits: ContactLimits) -> Evidence:
    """Look for a stretch that is both darker, or brighter, and rougher than the wire beside it.

    Args:
        crop: As for `worn`.
        limits: Thresholds.

    Returns:
        Evidence for ``burned``; score 0.5 at the limit.
    """
    return burn.evidence(crop, limits.burn, limits.stretch, _BURN)


def _bends(stretch: Stretch, arm: int) -> Numbers:
    """Return (L,) the bend in degrees that both edges show; NaN where it is not seen.

    Where only one edge turns, or both turn against one another, the wire does not.
    """
    upper, lower = (_bent(edge, stretch.usable, arm) for edge in (stretch.upper, stretch.lower))
    smaller = np.copysign(np.fmin(np.abs(upper), np.abs(lower)), upper)
    bends: Numbers = np.where(upper * lower > 0, smaller, 0.0 * upper)
    return bends


def _bent(edge: Numbers, usable: Flags, arm: int) -> Numbers:
    """Return (L,) the angle in degrees by which an edge turns at each column, less its sag's."""
    slopes = _slopes(edge, usable, arm)  # of the columns from each one on
    length = len(slopes)
    bends = np.full(length, np.nan)
    places = np.arange(arm, length - arm)
    bends[places] = np.degrees(np.arctan(slopes[places]) - np.arctan(slopes[places - arm]))
    if np.isfinite(bends).any():
        bends -= np.nanmedian(bends)
    return bends


def _slopes(values: Numbers, usable: Flags, arm: int) -> Numbers:
    """Return (L,) the slope of the line of least squares through ``arm`` columns from each on."""
    length = len(values)
    x = np.arange(length) - length / 2
    weights = usable.astype(np.float64)
    sums = []
    for terms in (weights, weights * x, weights * values, weights * x * values, weights * x * x):
        total = np.concatenate([[0.0], np.cumsum(terms)])
        sums.append(total[arm:] - total[:-arm])
    count, sum_x, sum_y, sum_xy, sum_xx = sums
    spread = count * sum_xx - sum_x**2
    slopes = np.full(length, np.nan)
    seen = count >= _SEEN_ARM * arm
    top = count * sum_xy - sum_x * sum_y
    slopes[: len(count)] = np.where(seen, top / np.maximum(spread, 1e-9), np.nan)
    return slopes
