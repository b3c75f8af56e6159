"""Messenger wire 承力索: are strands cut, is it burnt?

A crop shows a stretch of a wire that runs through the picture; the box is compared with the wire
beside it. All limits are our starting values, to be set on confirmed damage.
"""

from dataclasses import dataclass, field

import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging.crops import Crop
from catenary.rules import branches, burn
from catenary.rules.burn import BurnLimits
from catenary.rules.stretch import StretchLimits, measured, unclear
from catenary.rules.verdicts import judged

_THINNING, _STRANDS = "messenger_thinning/1", "messenger_strands/1"
_BURN = "messenger_burn/1"
_WINDOW = 3.0  # widths over which a wire must be thin
_LEAST_SCATTER = 0.005  # of the width; evener wires count as this uneven
_BUSY = 0.06  # share of ridges in the background from which a strand is not told from it


@dataclass(frozen=True, slots=True)
class MessengerLimits:
    """Limits of the messenger wire's rules.

    Attributes:
        thinning: Largest share of its width that a sound wire may lack.
        robust_z: Times what its width usually is off by that it may lack.
        strand: Longest thing that may stand off it and end, in widths.
        burn: From where it is burnt.
        stretch: What a stretch must have to be judged.
    """

    thinning: float = 0.15
    robust_z: float = 3.0
    strand: float = 1.5
    burn: BurnLimits = field(default_factory=BurnLimits)
    stretch: StretchLimits = field(default_factory=StretchLimits)


def thinning(crop: Crop, limits: MessengerLimits) -> Evidence:
    """Measure by how much a wire is thinner than it is beside: cut strands have unwound.

    Args:
        crop: Around a stretch of the wire, with a margin to compare it with.
        limits: Thresholds.

    Returns:
        Evidence for ``strand_broken``; score 0.5 at the limit.
    """
    stretch = measured(crop, limits.stretch)
    if isinstance(stretch, Refusal):
        return stretch.evidence(_THINNING, "strand_broken")
    if reason := unclear(stretch, limits.stretch):
        return reason.evidence(_THINNING, "strand_broken")
    window = _WINDOW * stretch.width
    off = np.where(stretch.inside, stretch.off_usual(stretch.widths, window), 0.0)
    column = int(off.argmin())
    usual = float(stretch.usual(stretch.widths)[column])
    lost = max(0.0, -float(off[column])) / usual
    z = lost * usual / max(stretch.scatter, _LEAST_SCATTER * usual)
    numbers = (
        Measurement("thinning", lost, "1", limits.thinning),
        Measurement("robust_z", z, "1", limits.robust_z),
        Measurement("width_lost", lost * usual / stretch.strip.scale, "px"),
        Measurement("usual_width", usual / stretch.strip.scale, "px"),
    )
    drawn = (*stretch.edges(), *stretch.around("thin", column, window))
    ratio = min(lost / limits.thinning, z / limits.robust_z)
    return judged(_THINNING, "strand_broken", ratio, numbers, drawn)


def strands(crop: Crop, limits: MessengerLimits) -> Evidence:
    """Look for thin things that stand off the wire and end: the ends of cut strands.

    Args:
        crop: As for `thinning`.
        limits: Thresholds.

    Returns:
        Evidence for ``strand_broken``; score 0.5 at the limit.
    """
    stretch = measured(crop, limits.stretch)
    if isinstance(stretch, Refusal):
        return stretch.evidence(_STRANDS, "strand_broken")
    if not stretch.usable.any():
        return refused(Unjudged.FEW_EDGES, "edges_seen", 0.0, "1", limits.stretch.cover).evidence(
            _STRANDS, "strand_broken"
        )
    found = branches.beside(stretch, crop.pixels)
    if found.busy > _BUSY:
        return Refusal(Unjudged.CROWDED).evidence(_STRANDS, "strand_broken")
    longest = found.branches[0].length if found.branches else 0.0
    long = [one for one in found.branches if one.length > limits.strand]
    numbers = [
        Measurement("longest_strand", longest, "wire widths", limits.strand),
        Measurement("strands", float(len(long)), "1"),
    ]
    if found.branches:
        numbers.append(Measurement("strand_angle", found.branches[0].angle_deg, "deg"))
    drawn = (*stretch.edges(), *(one.line for one in found.branches))
    return judged(_STRANDS, "strand_broken", longest / limits.strand, tuple(numbers), drawn)


def burned(crop: Crop, limits: MessengerLimits) -> Evidence:
    """Look for a stretch that is both darker, or brighter, and rougher than the wire beside it.

    Args:
        crop: As for `thinning`.
        limits: Thresholds.

    Returns:
        Evidence for ``burned``; score 0.5 at the limit.
    """
    return burn.evidence(crop, limits.burn, limits.stretch, _BURN)
