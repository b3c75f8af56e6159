"""By how much a steady arm hangs otherwise than in an earlier photograph.

The box of a slanting arm does not tell which way it slants, and one that came off at one end lies
mostly outside the old box, often without a box of its own. So the arm itself is measured in the
earlier picture, and looked for in the later one about either of its ends.
"""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box, Similarity
from catenary.imaging.crops import cut
from catenary.rules import steady_arm, tube
from catenary.rules.steady_arm import SteadyArmLimits

Pixels = NDArray[np.uint8]

KIND = "steady_arm"
# All are our starting values, chosen on simulated pairs; see docs/method.md.
_MARGIN = 0.15  # of the earlier box, around it: what the arm's rules look at
_REACH = 1.0  # arm lengths around the old place in which the later picture is searched
_TUBES = 8  # that are followed there
_LENGTHS = (0.7, 1.2)  # of the earlier length: it may swing towards the camera or away
_WIDTHS = (0.65, 1.5)
_HELD = 0.15  # arm lengths from its old place within which an end is held
_LEAST_STEADY = 4  # arms measured twice, from which their noise is known
_SPREAD = 1.4826  # median distance to standard deviation
_LIMITS = SteadyArmLimits()


@dataclass(frozen=True, slots=True)
class ArmTurn:
    """An arm that both photographs show.

    Attributes:
        deg: By which it lies otherwise, clockwise, in (-90, 90].
        is_held: Whether both ends are where they were.
        box: Around it in the later photograph, px.
    """

    deg: float
    is_held: bool
    box: Box


@dataclass(frozen=True, slots=True)
class _Bar:
    ends: tuple[complex, complex]
    width: float

    @property
    def along(self) -> complex:
        return self.ends[1] - self.ends[0]


def arm_turn(before: Pixels, earlier: Box, after: Pixels, there: Similarity) -> ArmTurn | None:
    """Return how an arm hangs now, None where it is not measured or not found again.

    Args:
        before: (height, width) uint8.
        earlier: Box of the arm in it, px.
        after: (height, width) uint8, later.
        there: From the earlier to the later photograph.
    """
    if earlier.clipped(before.shape[1], before.shape[0]) is None:
        return None
    crop = cut(before, earlier, _MARGIN)
    known = _bar(steady_arm.slope(crop, _LIMITS))
    if known is None:
        return None
    corner = complex(crop.x0, crop.y0)
    first, last = (there.alpha * (end + corner) + there.beta for end in known.ends)
    usual = _Bar((first, last), known.width * there.scale)
    found = [one for one in _tubes_near(after, usual) if _is_like(one, usual)]
    turns = [turn for one in found if (turn := _turned(one, usual)) is not None]
    held = [one for one in turns if one.is_held]
    if held:
        return min(held, key=lambda one: abs(one.deg))
    return turns[0] if len(turns) == 1 else None


def limit_of(steady_deg: Sequence[float], chance: float) -> float | None:
    """Return the turn in degrees that arms which hang as they did stay below but for a chance.

    Args:
        steady_deg: Turns of arms of the run whose ends are where they were.
        chance: In (0, 1).

    Returns:
        None where fewer than four tell nothing.

    >>> limit_of([0.1, -0.2, 0.1], 0.001) is None
    True
    >>> round(limit_of([1.0, -1.0] * 20, 0.001), 1)
    5.3
    """
    if len(steady_deg) < _LEAST_STEADY:
        return None
    noise = _SPREAD * float(np.median(np.abs(steady_deg)))
    return noise * float(stats.t.ppf(1 - chance / 2, len(steady_deg) - 1))


def _bar(measured: Evidence) -> _Bar | None:
    """Return the arm from both of its edges."""
    edges = [np.array(one.points) for one in measured.traces if one.role == "edge"]
    if measured.verdict is Verdict.CANNOT_JUDGE or len(edges) != 2:
        return None
    upper, lower = (edge[:, 0] + 1j * edge[:, 1] for edge in edges)
    middle = (upper + lower) / 2
    width = float(np.median(np.abs(upper - lower)))
    return _Bar((complex(middle[0]), complex(middle[-1])), width)


def _tubes_near(after: Pixels, usual: _Bar) -> list[_Bar]:
    around = _around(usual).grown(_REACH * abs(usual.along))
    inside = around.clipped(after.shape[1], after.shape[0])
    if inside is None or min(inside.width, inside.height) < tube.LEAST_PX:
        return []
    crop = cut(after, inside, 0.0)
    corner = complex(crop.x0, crop.y0)
    return [
        _Bar((complex(*one.ends[0]) + corner, complex(*one.ends[1]) + corner), one.width)
        for one in tube.tubes(crop.pixels, _TUBES, crop.inner)
        if tube.unfit(one, _LIMITS.tube) is None
    ]


def _is_like(one: _Bar, usual: _Bar) -> bool:
    longer, wider = abs(one.along) / abs(usual.along), one.width / usual.width
    return _LENGTHS[0] < longer < _LENGTHS[1] and _WIDTHS[0] < wider < _WIDTHS[1]


def _turned(one: _Bar, usual: _Bar) -> ArmTurn | None:
    """Return the turn of a tube that an end still holds where one held the arm."""
    near = _HELD * abs(usual.along)
    ways = (one.ends, one.ends[::-1])
    apart = [[abs(end - old) for end, old in zip(way, usual.ends, strict=True)] for way in ways]
    first, last = min(apart, key=min)
    if min(first, last) > near:
        return None
    deg = math.degrees(cmath.phase(one.along / usual.along))
    deg = (deg + 90 - 1e-9) % 180 - 90 + 1e-9
    return ArmTurn(deg, max(first, last) <= near, _around(one))


def _around(one: _Bar) -> Box:
    xs, ys = sorted(end.real for end in one.ends), sorted(end.imag for end in one.ends)
    beside = max(one.width, 1.0)  # a level arm's middle has no height
    return Box(xs[0] - beside, ys[0] - beside, xs[1] + beside, ys[1] + beside)
