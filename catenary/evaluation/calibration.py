"""Fit the fusion of rules and classifier on labelled calibration scenes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from catenary.models.bundle import FusionWeights

MIN_EACH = 5  # defects and healthy parts needed before weights are fitted
_RIDGE = 0.02  # pull of each weight towards its prior, in units of one sample's loss


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


@dataclass(frozen=True, slots=True)
class Sample:
    """One located component of a calibration scene.

    Attributes:
        classifier_logit: Log-odds of a defect by the classifier, or None.
        rule_logit: Log-odds of the strongest rule score, or None when none could judge.
        is_defect: What is true.
        location_logit: Log-odds of the score of the box itself.
    """

    classifier_logit: float | None
    rule_logit: float | None
    is_defect: bool
    location_logit: float = 0.0


def fit(samples: Sequence[Sample]) -> dict[str, FusionWeights]:
    """Fit fusion weights for each set of sources that has enough samples.

    Maximum-likelihood logistic regression with weights held at 0 or above (more evidence
    never lowers the probability) and a slight pull towards equal voices. Samples that both
    sources judged also serve the two single-source fits.

    Returns:
        Weights by ``"both"``, ``"classifier"`` and ``"rule"``; sets with fewer than
        `MIN_EACH` defects or healthy parts are left out.
    """
    columns = {"both": (True, True), "classifier": (True, False), "rule": (False, True)}
    fitted = {}
    for key, (by_classifier, by_rule) in columns.items():
        rows = [
            (
                one.classifier_logit or 0.0,
                one.rule_logit or 0.0,
                one.location_logit,
                one.is_defect,
            )
            for one in samples
            if (one.classifier_logit is not None or not by_classifier)
            and (one.rule_logit is not None or not by_rule)
        ]
        defects = sum(is_defect for *_, is_defect in rows)
        if min(defects, len(rows) - defects) < MIN_EACH:
            continue
        table = np.array(rows, dtype=np.float64)
        used = np.array([by_classifier, by_rule, True])
        fitted[key] = _fit(table[:, :3] * used, table[:, 3], used)
    return fitted


def _fit(
    features: NDArray[np.float64], truth: NDArray[np.float64], used: NDArray[np.bool_]
) -> FusionWeights:
    """Fit one set; ``features`` (N, 3) logits, ``truth`` (N,) 0 or 1, ``used`` (3,) columns."""
    prior = used * [1.0, 1.0, 0.0] / max(used[:2].sum(), 1)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = values[0] + features @ values[1:]
        nll = np.logaddexp(0, total) - truth * total
        error = 1 / (1 + np.exp(-total)) - truth
        pull = values[1:] - prior
        slope = np.concatenate([[error.sum()], features.T @ error + 2 * _RIDGE * pull])
        return float(nll.sum() + _RIDGE * (pull**2).sum()), slope

    bounds = [(-10.0, 10.0), *((0.0, 5.0) if one else (0.0, 0.0) for one in used)]
    start = np.concatenate([[0.0], prior])
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    return FusionWeights(*(float(value) for value in best.x))
