"""Droppers 吊弦 that are missing from their row along the track, as positions of photographs tell.

Between two supports droppers hang equally far apart. Where the next one is twice as far as its
neighbours are from one another, one is missing: cameras that wait for droppers take no photograph
of it, so no picture shows it. All numbers are our starting values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.rules.verdicts import judged

SOURCE = "dropper_spacing/1"

_SAME_M = 1.5  # nearer positions are one dropper, photographed twice
_NEIGHBOURS = 4  # distances on each side that tell what is usual


@dataclass(frozen=True, slots=True)
class SpacingLimits:
    """Limits of `gaps`.

    Attributes:
        ratio: Distance to the next dropper, in usual distances, from which one is missing.
        least: Distances nearby that must tell what is usual.
        usual_m: Shortest and longest usual distance that is one of droppers; supports are farther
            apart.
        longest_m: Beyond it, no span was photographed.
        unevenness: Most that the distances nearby may differ, as the median difference from their
            median over it; else none is usual.
    """

    ratio: float = 1.6
    least: int = 4
    usual_m: tuple[float, float] = (3.0, 14.0)
    longest_m: float = 45.0
    unevenness: float = 0.15


@dataclass(frozen=True, slots=True)
class RowGap:
    """A place of the track where droppers are missing.

    Attributes:
        after_m: Position of the last dropper before it.
        before_m: Position of the next one.
        missing: How many, about.
        evidence: For ``missing``; nothing to draw.
    """

    after_m: float
    before_m: float
    missing: int
    evidence: Evidence


def gaps(positions_m: Sequence[float], limits: SpacingLimits) -> tuple[RowGap, ...]:
    """Return where droppers are missing from a row.

    Args:
        positions_m: Where droppers were seen along one track, in any order.
        limits: Thresholds.

    Returns:
        In the order of the track. Score 0.5 where the distance is at the limit; the distance itself
        does not count as usual.

    >>> row = [0.0, 7.0, 14.0, 21.0, 35.0, 42.0, 49.0]
    >>> [(one.after_m, one.before_m, one.missing) for one in gaps(row, SpacingLimits())]
    [(21.0, 35.0, 1)]
    """
    places = _distinct(positions_m)
    steps = np.diff(places)
    found = []
    for index, step in enumerate(steps.tolist()):
        usual = _usual(steps, index, limits)
        if usual is None or step > limits.longest_m or step <= limits.ratio * usual:
            continue
        ratio = step / usual
        numbers = (
            Measurement("spacing", ratio, "usual distances", limits.ratio),
            Measurement("distance_ahead", step, "m"),
            Measurement("usual_distance", usual, "m"),
        )
        said = judged(SOURCE, "missing", ratio / limits.ratio, numbers, ())
        missing = max(1, round(ratio) - 1)
        found.append(RowGap(float(places[index]), float(places[index + 1]), missing, said))
    return tuple(found)


def is_row(positions_m: Sequence[float], limits: SpacingLimits) -> bool:
    """Tell whether positions are those of droppers at all, and not of supports."""
    steps = np.diff(_distinct(positions_m))
    low, high = limits.usual_m
    return len(steps) > limits.least and low <= float(np.median(steps)) <= high


def _distinct(positions_m: Sequence[float]) -> NDArray[np.float64]:
    """Return positions in order, those of one dropper as their mean."""
    places = np.sort(np.asarray(positions_m, np.float64))
    if not places.size:
        return places
    groups = np.split(places, np.flatnonzero(np.diff(places) > _SAME_M) + 1)
    return np.array([group.mean() for group in groups])


def _usual(steps: NDArray[np.float64], index: int, limits: SpacingLimits) -> float | None:
    """Return the usual distance around one, None where there is none."""
    around = np.concatenate(
        [steps[max(0, index - _NEIGHBOURS) : index], steps[index + 1 : index + 1 + _NEIGHBOURS]]
    )
    around = around[around <= limits.longest_m]
    if len(around) < limits.least:
        return None
    usual = float(np.median(around))
    uneven = float(np.median(np.abs(around - usual))) / max(usual, 1e-9)
    low, high = limits.usual_m
    return usual if low <= usual <= high and uneven <= limits.unevenness else None
