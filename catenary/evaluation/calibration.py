"""Fit the fusion of rules and classifier on labelled calibration scenes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from catenary.domain.finding import NORMAL
from catenary.models.fusion import (
    DEFAULTS,
    ORDERING,
    Fusion,
    FusionWeights,
    PartOdds,
    Voices,
    logit,
)

FOLDS = 20  # masts are left out one by one where there are no more than this, else in so many goes
# Pull of intercept, classifier, rule, anomaly and box towards what they are pulled to, in units of
# one part's loss: a move of one in the log-odds that a usual opinion (3) gives costs 3. Chosen on
# calibration masts left out one by one; a third of it and three times as much found the same within
# two defects.
_PULL = np.array([3.0, 27.0, 27.0, 27.0, 3.0])
# So many defects know as much of how to order parts that nobody suspects as we did before them.
# Chosen on training masts of the scarce bench: 10 did better than 30 and than never or at once.
_ORDERING_DEFECTS = 10.0
_HEARD = {"both": (1, 1), "classifier": (1, 0), "rule": (0, 1)}


def lowest_floor(scores: Sequence[float], is_part: Sequence[bool], budget: float) -> float:
    """Return the lowest detector score from which boxes can be kept within a budget.

    As low as possible, since a part that is not found is never judged, while a box on no part
    still has to pass rules and classifier before it is raised.

    Args:
        scores: Of all boxes of one component, in [0, 1].
        is_part: Whether each is on a part that no better box is on.
        budget: Boxes on no part that are allowed in all, at least 0.

    Returns:
        A score in [0, 1]; 0 when all boxes are within the budget.

    >>> lowest_floor([0.9, 0.6, 0.5, 0.4, 0.2], [True, False, True, False, False], budget=1)
    0.5
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    false = np.cumsum(~np.asarray(is_part, np.bool_)[order])
    within = int(np.searchsorted(false, budget, side="right"))
    if within == len(order):
        return 0.0
    return float(np.asarray(scores)[order][within - 1]) if within else 1.0


def part_odds(scores: Sequence[float], is_part: Sequence[bool]) -> PartOdds | None:
    """Fit how sure a detector's score of a box makes of a part.

    Maximum-likelihood logistic regression, its slope drawn towards 1.

    Args:
        scores: Of all boxes of one component, in [0, 1].
        is_part: Whether each is on a part.

    Returns:
        None where all boxes are on parts, or none is.
    """
    truth = np.array(is_part, np.float64)
    if not 0 < truth.sum() < len(truth):
        return None
    features = np.array([(1.0, logit(one)) for one in scores])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = features @ values
        beside = np.array([0.0, values[1] - 1])
        slope = features.T @ (1 / (1 + np.exp(-total)) - truth) + beside
        nll = np.logaddexp(0, total) - truth * total
        return float(nll.sum() + beside @ beside / 2), slope

    limits = [(-10.0, 10.0), (0.0, 10.0)]
    best = minimize(loss, [0.0, 1.0], jac=True, bounds=limits, method="L-BFGS-B")
    return PartOdds(*(float(value) for value in best.x))


@dataclass(frozen=True, slots=True)
class Sample:
    """One located part of a calibration scene.

    Attributes:
        component: Component id.
        group: Its mast, or what stands for it.
        said: What is said of each condition that a source could judge.
        condition: What is true; normal also where there is no such part.
        is_drawn: Whether its defect was drawn into the photograph of a normal part.
    """

    component: str
    group: str
    said: Mapping[str, Voices]
    condition: str
    is_drawn: bool = False


def fit(samples: Sequence[Sample], kinds: Iterable[str]) -> dict[str, Fusion]:
    """Fit fusion weights for each component and each condition of which there are defects.

    Maximum-likelihood logistic regression with weights held at 0 or above (more evidence never
    lowers the probability). Each condition is weighed against normal; a part with another defect
    teaches nothing about it. Defects are scarce, so weights are pulled: those of all components
    together to the defaults, those of a component to these, those of a condition to its
    component's. What has no defect, or no normal part, stays where it is pulled to; but where
    other conditions of its component have defects, normal parts that are called by this one tell
    how rare it is: its intercept is fitted. Parts that both sources judged also serve the two
    single-source fits. How strange a part is that neither source
    suspects counts the less beyond its fitted weight the more defects there are.

    Args:
        samples: Of any components.
        kinds: Components to return weights for.
    """
    pooled = _weights(samples, set(), DEFAULTS)
    fusion = {}
    for kind in kinds:
        own = [one for one in samples if one.component == kind]
        names = {name for one in own for name in one.said}
        usual = _weights(own, names, pooled)
        told = any(one.condition != NORMAL for one in own)
        fusion[kind] = Fusion(
            usual=usual,
            conditions={name: _of_one(own, name, usual) for name in sorted(names) if told},
        )
    return fusion


def left_out(samples: Sequence[Sample], kinds: Sequence[str]) -> list[Mapping[str, Fusion]]:
    """Return for each sample the fusion that was fitted without its mast.

    With the samples of a single mast there is nothing to leave out: it is fitted on all of them.
    """
    numbers = {name: index for index, name in enumerate(sorted({one.group for one in samples}))}
    folds = [numbers[one.group] % FOLDS for one in samples]
    if len(numbers) < 2:
        return [fit(samples, kinds)] * len(samples)
    fitted = {
        fold: fit([one for one, its in zip(samples, folds, strict=True) if its != fold], kinds)
        for fold in set(folds)
    }
    return [fitted[fold] for fold in folds]


def _weights(
    samples: Sequence[Sample], conditions: set[str], prior: Mapping[str, FusionWeights]
) -> dict[str, FusionWeights]:
    """Fit each set of sources on what is said of some conditions; of all of them when empty."""
    rows = [
        (heard, one.condition == name)
        for one in samples
        for name, heard in one.said.items()
        if (not conditions or name in conditions) and one.condition in (NORMAL, name)
    ]
    if not any(is_defect for _, is_defect in rows):
        return dict(prior)
    return {key: _fit(rows, key, prior[key]) for key in _HEARD}


def _of_one(
    own: Sequence[Sample], name: str, prior: Mapping[str, FusionWeights]
) -> dict[str, FusionWeights]:
    """Fit one condition of a component that has defects; of one without, the intercepts alone."""
    if any(one.condition == name for one in own):
        return _weights(own, {name}, prior)
    rows = [(one.said[name], False) for one in own if one.condition == NORMAL and name in one.said]
    return {key: _fit(rows, key, prior[key]) for key in _HEARD}


def _fit(rows: Sequence[tuple[Voices, bool]], key: str, prior: FusionWeights) -> FusionWeights:
    used = _HEARD[key]
    heard = [one for one in rows if one[0].key in (key, "both")]
    truth = np.array([is_defect for _, is_defect in heard], np.float64)
    is_unheard = any(is_defect for _, is_defect in rows) and not truth.any()
    if truth.all() or is_unheard:
        return prior
    features = np.array([(1.0, *voices.terms) for voices, _ in heard]) * (1, *used, 1, 1)
    start = np.array([prior.intercept, prior.classifier, prior.rule, prior.anomaly, prior.box])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = features @ values
        error = 1 / (1 + np.exp(-total)) - truth
        pull = values - start
        slope = features.T @ error + 2 * _PULL * pull
        nll = np.logaddexp(0, total) - truth * total
        return float(nll.sum() + _PULL @ pull**2), slope

    bounds = [(-10.0, 10.0), *((0.0, 5.0 * one) for one in (*used, 1, 1))]
    if not truth.any():
        bounds[1:] = [(float(one), float(one)) for one in start[1:]]
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    known = ORDERING * _ORDERING_DEFECTS / (_ORDERING_DEFECTS + float(truth.sum()))
    weights = FusionWeights(*(float(value) for value in best.x))
    return replace(weights, ordering=min(prior.ordering, known))
