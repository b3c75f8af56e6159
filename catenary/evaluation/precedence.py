"""From which score do the rules come first, because the joint form ranks no better there?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import NORMAL
from catenary.evaluation.calibration import Sample
from catenary.models.fusion import Fusion

# False findings a photograph at which the rules alone are cut, as places where they may end: an
# order that holds for less than the smallest alarm budget is worth nothing to anybody.
_PLACES = (0.1, 0.15, 0.2, 0.3, 0.4)
_MOST = 0.5  # false findings a photograph up to which what is found counts
_LEAST_SCORE = 0.05  # of a rule; below it nothing is measured
_FEW = 10  # defects, below which they do not tell whether a network knows anything
# Share of the defects that anybody else must find more to take the first places of the rules. So
# small a difference is chance, and an order that can be measured is the simpler one.
_LEAST_GAIN = 0.01


def rules_first(
    samples: Sequence[Sample], without: Sequence[Fusion], photographs: int
) -> float | None:
    """Choose from which rule score parts keep the order of the rules, before all others.

    A network that learnt from a handful of defects speaks up where it knows nothing, and takes the
    first places of the rules. So it has to earn them. Of several scores that one is looked at with
    which most defects are found, on average over 0 to 0.5 false findings a photograph, each mast
    judged by weights that were fitted without it; of equals the lowest. It is taken unless the
    joint form by itself finds a hundredth more; under ten defects, anything more. Without any
    defect nobody has earned anything: the rules keep what they raise at the smallest alarm budget.
    Defects that were drawn are easier for rules than real ones, and do not count.

    Args:
        samples: Of one component.
        without: For each, the joint fusion of the component that was fitted without its mast.
        photographs: That the samples are of.

    Returns:
        A rule score in (0, 1); None where the joint form is better by itself, where the rules
        hardly measure anything, or where there is no normal part to tell by.
    """
    real = [number for number, one in enumerate(samples) if not one.is_drawn]
    samples, without = [samples[number] for number in real], [without[number] for number in real]
    is_defect = np.array([one.condition != NORMAL for one in samples], np.bool_)
    ruled = np.array([_ruled(one) for one in samples], np.float64)
    if is_defect.all():
        return None
    false = -np.sort(-ruled[~is_defect])
    places = [min(int(share * photographs), len(false) - 1) for share in _PLACES]
    if not is_defect.any():
        first = float(false[places[0]])
        return first if first >= _LEAST_SCORE else None
    scores = sorted({float(false[place]) for place in places}, reverse=True)
    tried = [None, *(score for score in scores if score >= _LEAST_SCORE)]
    most = min(int(_MOST * photographs), len(false) - 1)
    joint, *areas = (_area(_fused(samples, without, one), is_defect, most) for one in tried)
    best = max(range(len(areas)), key=lambda at: (areas[at], at), default=None)
    if best is None:
        return None
    gain = joint - areas[best]
    needed = 0.0 if is_defect.sum() < _FEW else _LEAST_GAIN
    return None if gain > needed else tried[1 + best]


def _ruled(one: Sample) -> float:
    """Return the strongest rule score of a part, 0 where no rule could judge."""
    return max((heard.rule for heard in one.said.values() if heard.rule is not None), default=0.0)


def _fused(
    samples: Sequence[Sample], without: Sequence[Fusion], score: float | None
) -> NDArray[np.float64]:
    found = [
        replace(fusion, rules_first=score).strongest(one.said)
        for one, fusion in zip(samples, without, strict=True)
    ]
    return np.array([0.0 if one is None else one[1] for one in found], np.float64)


def _area(scores: NDArray[np.float64], is_defect: NDArray[np.bool_], most: int) -> float:
    """Return the mean share of the defects found with 0 to ``most`` false findings."""
    cuts = -np.sort(-scores[~is_defect])[: most + 1]
    return float((scores[is_defect][:, None] > cuts).mean())
