"""Dirt 脏污: are the faces of the sheds blotched, so that each looks unlike those beside it?

Clean sheds are copies of each other, also where light falls off along the string. Dirt lies in
blotches of the size of a shed: what is seen of the middle of each shed differs from the median of
its neighbours by a share that is told over the whole string, where a flashover darkens one stretch
of it. A string that is evenly dirty has no clean shed to tell it by. All numbers are our starting
values.
"""

from dataclasses import dataclass

import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules import insulator_patches
from catenary.rules.insulator_patches import SideBySide
from catenary.rules.insulator_string import ShedLimits
from catenary.rules.verdicts import judged

DIRT = "insulator_dirt/2"

_FACE = 0.25  # of the height that is left out at both sides, where the background shows
_WIDE = 0.12  # of the period that is looked at to both sides of a shed's middle
_GREY = 4.0  # grey levels added to all: in the dark a share of nothing is noise
_STRETCHES = 3  # of the string, most of which must be blotched
_DRAWN = 6  # sheds at most
_ENDS = 2  # at each end that are not drawn: what holds the string is often among them


@dataclass(frozen=True, slots=True)
class DirtLimits:
    """Limits of the rule of dirt, chosen on simulated insulators.

    Attributes:
        blotched: Usual difference of a place on a shed from the same place of its neighbours, as a
            logarithm: about the share by which it is brighter or darker.
        unlike: The same, from which what is compared is something else than sheds: not judged.
        least_sheds: Fewer are not judged.
        least_grey: Darker ones (median grey level) are not judged.
    """

    blotched: float = 0.28
    unlike: float = 0.42
    least_sheds: int = 7
    least_grey: float = 8.0


def blotched(crop: Crop, sheds: ShedLimits, limits: DirtLimits) -> Evidence:
    """Measure how much the faces of sheds differ from those of their neighbours.

    Args:
        crop: Cut-out of one insulator.
        sheds: How its sheds are found.
        limits: Thresholds.

    Returns:
        Evidence for ``contaminated``; score 0.5 at the limit.
    """
    row = insulator_patches.side_by_side(crop, sheds)
    if isinstance(row, Refusal):
        return row.evidence(DIRT, "contaminated")
    if len(row.places) < limits.least_sheds:
        needed = limits.least_sheds
        few = refused(Unjudged.FEW_SHEDS, "sheds", len(row.places), "1", needed)
        return few.evidence(DIRT, "contaminated")
    faces = _faces(row)
    grey = float(np.median(faces))
    if grey < limits.least_grey:
        dark = refused(Unjudged.LOW_CONTRAST, "contrast", grey, "grey levels", limits.least_grey)
        return dark.evidence(DIRT, "contaminated")
    light = _evenly_lit(np.log(faces + _GREY))
    beside = light[insulator_patches.neighbours(len(light))]
    unlike = light - profiles.medians_along(beside, 1)
    stretches = np.array_split(np.abs(unlike), _STRETCHES)
    share = float(np.median([1.48 * np.median(one) for one in stretches]))
    if share > limits.unlike:
        return Refusal(Unjudged.NO_SHED_LEARNT).evidence(DIRT, "contaminated")
    numbers = (
        Measurement("blotched", share, "1", limits.blotched),
        Measurement("sheds", float(len(row.places)), "1"),
    )
    each = 1.48 * profiles.medians_along(np.abs(unlike).reshape(len(unlike), -1), 1)
    traces = _traces(row, each, limits.blotched)
    return judged(DIRT, "contaminated", share / limits.blotched, numbers, traces)


def _faces(row: SideBySide) -> Floats:
    """Return (N, rows, columns) the middle of each shed."""
    aside = round(_FACE * row.height)
    patches = row.patches(slice(row.top + aside, row.bottom - aside))
    middle, half = patches.shape[2] // 2, max(1, round(_WIDE * patches.shape[2]))
    return patches[:, :, middle - half : middle + half + 1]


def _evenly_lit(light: Floats) -> Floats:
    """Return logarithms of grey levels (N, rows, columns) without their trend along the string.

    The trend is the median of the slopes between any two sheds (Theil 1950, Sen 1968).
    """
    level = np.median(light, axis=(1, 2))
    first, second = np.triu_indices(len(level), 1)
    slope = np.median((level[second] - level[first]) / (second - first))
    return np.asarray(light - slope * np.arange(len(level))[:, None, None], np.float32)


def _traces(row: SideBySide, unlike: Floats, least: float) -> tuple[Polyline, ...]:
    """Return the outlines of the sheds that are most unlike their neighbours."""
    inner = np.argsort(-unlike[_ENDS:-_ENDS])[:_DRAWN] + _ENDS
    worst = [at for at in inner.tolist() if unlike[at] >= least]
    half, rows = row.period / 2, (row.top - 2.0, row.bottom + 1.0)
    return tuple(
        row.outline("soiled", (row.places[at] - half, row.places[at] + half), rows)
        for at in sorted(worst)
    )
