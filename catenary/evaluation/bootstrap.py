"""Two models on the same photographs: by how much they differ, and how sure that is.

Masts are drawn, not photographs: those of one mast share fittings, light and defects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.evaluation import defects, precision
from catenary.evaluation.compared import Compared, groups
from catenary.evaluation.defects import Sweep
from catenary.evaluation.matching import pair
from catenary.evaluation.predictions import DEFAULT_THRESHOLD
from catenary.evaluation.rates import JUST_ABOVE

RESAMPLES = 1000
FEW_GROUPS = 20  # our starting value: with fewer masts a bootstrap interval is too narrow

Weights = NDArray[np.float64]  # (G,) how many times each mast was drawn
Statistic = Callable[[Weights], float]
Found = Callable[[Weights, NDArray[np.float64]], float]  # also of a threshold a component


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models.

    Attributes:
        name: What it is.
        first: Of the model that is evaluated.
        second: Of the model it is compared with.
        low: Lower end of the 95 % interval of ``first - second``; None when there is too little
            to say.
        high: Upper end.
    """

    name: str
    first: float
    second: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired differences of two models.

    Attributes:
        first: Model that is evaluated.
        second: Model it is compared with.
        groups: Masts that were drawn from.
        resamples: How many times.
        differences: One a figure.
    """

    first: str
    second: str
    groups: int
    resamples: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models.

    Attributes:
        model: Name.
        thresholds: By component, the probability from which it raises.
        compared: What it said of the photographs.
    """

    model: str
    thresholds: Mapping[str, float]
    compared: Sequence[Compared]


def compare(
    first: Side,
    second: Side,
    budgets: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Draw masts with replacement, the same for both models, and take the difference each time.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, percentile interval;
    drawn by cluster.

    Args:
        first: Model that is evaluated.
        second: Another, on the same photographs.
        budgets: False findings a photograph that each component may raise.
        resamples: Draws of masts.
        seed: Of the draws.
    """
    count = len(groups(first.compared))
    random = np.random.default_rng(seed)
    draws = random.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    pairs = zip(_statistics(first, budgets), _statistics(second, budgets), strict=True)
    rows = [_difference(name, one, two, draws) for (name, one), (_, two) in pairs]
    return Comparison(first.model, second.model, count, resamples, tuple(rows))


def _difference(name: str, one: Statistic, two: Statistic, draws: Weights) -> Difference:
    whole = np.ones(draws.shape[1])
    values = np.array([one(drawn) - two(drawn) for drawn in draws])
    values = values[np.isfinite(values)]  # a draw without any defect says nothing
    low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (None, None)
    return Difference(
        name,
        one(whole),
        two(whole),
        None if low is None else float(low),
        None if high is None else float(high),
    )


def _statistics(side: Side, budgets: Sequence[float]) -> list[tuple[str, Statistic]]:
    """Return every figure as a function of how often each mast counts."""
    kinds = sorted({label.component for one in side.compared for label in one.labels})
    sweeps = [defects.sweep(side.compared, kind) for kind in kinds]
    rankings = [precision.located(side.compared, kind, 0.5) for kind in kinds]
    own = np.array([side.thresholds.get(kind, DEFAULT_THRESHOLD) for kind in kinds])
    found = _found(sweeps)
    at_budget = [
        (f"defects found, {budget:g} false per photograph", _at(sweeps, found, budget))
        for budget in budgets
    ]
    return [
        ("component mAP50", lambda drawn: _mean_precision(rankings, drawn)),
        ("defects found, own thresholds", lambda drawn: found(drawn, own)),
        ("false per photograph, own thresholds", _false_per_image(side)),
        *at_budget,
    ]


def _mean_precision(rankings: Sequence[precision.Ranking], drawn: Weights) -> float:
    values = [one.average_precision(drawn) for one in rankings if one.truths.any()]
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _found(sweeps: Sequence[Sweep]) -> Found:
    """Return the share of physical defects found as a function of the thresholds."""
    rows = [(kind, defect) for kind, one in enumerate(sweeps) for defect in one.defects]
    kinds = np.array([kind for kind, _ in rows], np.int64)
    scores = np.array([defect.score for _, defect in rows], np.float64)
    group = np.array([defect.group for _, defect in rows], np.int64)

    def found(drawn: Weights, cuts: NDArray[np.float64]) -> float:
        own = drawn[group]
        total = float(own.sum())
        return float(own @ (scores >= cuts[kinds])) / total if total else float("nan")

    return found


def _false_per_image(side: Side) -> Statistic:
    numbers = groups(side.compared)
    false, images = np.zeros(len(numbers)), np.zeros(len(numbers))
    for one in side.compared:
        number = numbers[one.group]
        false[number] += len(pair(one.raised(side.thresholds), one.labels).false)
        images[number] += 1
    return lambda drawn: float(drawn @ false / (drawn @ images))


def _at(sweeps: Sequence[Sweep], found: Found, budget: float) -> Statistic:
    """Return the share found when each draw has thresholds of its own that keep the budget."""
    return lambda drawn: found(drawn, np.array([_cut(one, budget, drawn) for one in sweeps]))


def _cut(one: Sweep, budget: float, drawn: Weights) -> float:
    over = np.cumsum(drawn[one.false_group]) > budget * float(drawn @ one.images)
    return float(one.false[np.argmax(over)]) + JUST_ABOVE if over.any() else 0.0
