"""Whose order holds: that of all sources, or that of the rules until a network has earned more?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from catenary.domain.finding import NORMAL
from catenary.evaluation.calibration import Sample
from catenary.models.fusion import Fusion

# False findings a photograph at which the rules alone are cut, as places where they may end: an
# order that holds for less than the smallest alarm budget is worth nothing to anybody.
_PLACES = (0.1, 0.15, 0.2, 0.3, 0.4)
_MOST = 0.5  # false findings a photograph up to which what is found counts
_LEAST_SCORE = 0.05  # of a rule; below it nothing is measured
# Share of the defects. What finds so little more is not told from chance, and the safer order is
# taken: what a rule has measured holds in photographs that nobody calibrated on too.
_LEAST_GAIN = 0.01
# Chance, at most, that a network which tells nothing ranks the known defects as well. Chosen on
# training masts of catenary bench scarce: docs/scarce.md.
_CHANCE = 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """How far the rules of one component have their way against the network.

    Attributes:
        rules_first: See `Fusion`.
        is_bound: See `Fusion`.
    """

    rules_first: float | None = None
    is_bound: bool = True

    def given_to(self, fusion: Fusion) -> Fusion:
        """Return a fusion of the component that keeps this order."""
        return replace(fusion, rules_first=self.rules_first, is_bound=self.is_bound)


def chosen(
    samples: Sequence[Sample],
    without: Sequence[Fusion],
    photographs: int,
    in_use: float | None = None,
) -> Order:
    """Choose whose order holds by the defects that are found on masts left out.

    A network that learnt from a handful of defects speaks up where it knows nothing, and takes the
    first places of the rules. So it has to earn them: what counts is the mean share of the defects
    found, see `found`, each mast judged by weights that were fitted without it. Where all sources
    joined find a hundredth of the defects more than with rules first, they are joined; the network
    may then speak against what a rule suspects if that finds more than if it may not. Else the
    rules go first, from the highest of several scores that finds within a hundredth what the best
    of them does. Of five known defects one more or less is chance, and sources that see different
    things find more together: to a network that ranks the known ones before normal parts better
    than by chance, one defect more is given, which only the joined sources find. Without any defect
    nobody has earned anything: the rules keep what they raise at the smallest alarm budget. Defects
    that were drawn are easier for rules than real ones, and do not count.

    Args:
        samples: Of one component.
        without: For each, the joint fusion of the component that was fitted without its mast.
        photographs: That the samples are of.
        in_use: See `found`.

    Returns:
        Rules first with a rule score in (0, 1); not where the rules hardly measure anything, or
        where there is no normal part to tell by.
    """
    real = [number for number, one in enumerate(samples) if not one.is_drawn]
    samples, without = [samples[number] for number in real], [without[number] for number in real]
    is_defect = _is_defect(samples)
    ruled = np.array([_ruled(one) for one in samples], np.float64)
    if is_defect.all():
        return Order()
    false = -np.sort(-ruled[~is_defect])
    places = [false[min(int(share * photographs), len(false) - 1)] for share in _PLACES]
    if not is_defect.any():
        return Order(float(places[0]) if places[0] >= _LEAST_SCORE else None)

    def area(order: Order) -> float:
        return found(samples, without, order, photographs, in_use)

    joined = max((Order(), Order(is_bound=False)), key=area)
    scores = sorted({float(score) for score in places if score >= _LEAST_SCORE}, reverse=True)
    first = [(area(order), order) for order in map(Order, scores)]
    best = max((value for value, _ in first), default=-1.0)
    given = 1 / is_defect.sum() if _tells(samples, is_defect) else 0.0
    if area(joined) + given > best + _LEAST_GAIN:
        return joined
    return next(order for value, order in first if value >= best - _LEAST_GAIN)


def found(
    samples: Sequence[Sample],
    without: Sequence[Fusion],
    order: Order,
    photographs: int,
    in_use: float | None = None,
) -> float:
    """Return the mean share of the defects found over 0 to 0.5 false findings a photograph.

    Args:
        samples: Of one component, a defect and a normal part among them.
        without: See `chosen`.
        order: That is kept.
        photographs: That the samples are of.
        in_use: Budget that alarms are raised with, false findings a photograph: the mean up to
            there, which a user is told of, counts as much. None where none is in use.
    """
    is_defect = _is_defect(samples)
    scores, normal = _fused(samples, without, order), int((~is_defect).sum())
    budgets = (_MOST,) if in_use is None else (_MOST, in_use)
    most = [min(int(budget * photographs), normal - 1) for budget in budgets]
    return float(np.mean([_area(scores, is_defect, one) for one in most]))


def _is_defect(samples: Sequence[Sample]) -> NDArray[np.bool_]:
    return np.array([one.condition != NORMAL for one in samples], np.bool_)


def _tells(samples: Sequence[Sample], is_defect: NDArray[np.bool_]) -> bool:
    """Tell whether the network ranks defects before normal parts better than by chance.

    Method: Fisher, Statistical Methods for Research Workers (1932), section 21.1, joins the shares
    of normal parts that are as suspect as each defect.
    """
    said = np.array([_networked(one) for one in samples], np.float64)
    normal, defects = said[~is_defect], said[is_defect]
    shares = ((normal >= defects[:, None]).sum(axis=1) + 1) / (len(normal) + 1)
    return bool(chi2.sf(-2 * np.log(shares).sum(), 2 * len(shares)) <= _CHANCE)


def _networked(one: Sample) -> float:
    """Return the network's strongest score of a part, 0 where it was not heard."""
    said = (heard.classifier for heard in one.said.values())
    return max((score for score in said if score is not None), default=0.0)


def _ruled(one: Sample) -> float:
    """Return the strongest rule score of a part, 0 where no rule could judge."""
    return max((heard.rule for heard in one.said.values() if heard.rule is not None), default=0.0)


def _fused(
    samples: Sequence[Sample], without: Sequence[Fusion], order: Order
) -> NDArray[np.float64]:
    found = [
        order.given_to(fusion).strongest(one.said)
        for one, fusion in zip(samples, without, strict=True)
    ]
    return np.array([0.0 if one is None else one[1] for one in found], np.float64)


def _area(scores: NDArray[np.float64], is_defect: NDArray[np.bool_], most: int) -> float:
    """Return the mean share of the defects found with 0 to ``most`` false findings."""
    cuts = -np.sort(-scores[~is_defect])[: most + 1]
    return float((scores[is_defect][:, None] > cuts).mean())
