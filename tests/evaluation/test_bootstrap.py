from dataclasses import replace

import numpy as np
import pytest

from catenary.evaluation import bootstrap, figures
from catenary.evaluation.bootstrap import Side, compare
from catenary.evaluation.compared import Compared
from tests.evaluation.sets import (
    THRESHOLDS,
    drawn_at_random,
    label,
    part,
    photograph,
    predictions,
)


def side(photographs, name: str = "model") -> Side:
    return Side(name, THRESHOLDS, photographs)


def by_name(comparison) -> dict[str, bootstrap.Difference]:
    return {one.name: one for one in comparison.differences}


def test_a_model_against_itself_differs_by_exactly_nothing():
    photographs = drawn_at_random(1)
    for one in compare(side(photographs), side(photographs), (0.1, 1.0), 200).differences:
        assert (one.first - one.second, one.low, one.high) == (0, 0, 0)


def test_the_figures_compared_are_those_of_the_evaluation():
    photographs = drawn_at_random(2)
    own = figures.evaluation(photographs, predictions(photographs))
    compared = by_name(compare(side(photographs), side(photographs), figures.BUDGETS, 10))
    rates = own.measured.rates
    assert compared["component mAP50"].first == pytest.approx(own.map50)
    found = compared["defects found, own thresholds"].first
    assert found == pytest.approx(rates.detection.hits / rates.detection.total)
    false = compared["false per photograph, own thresholds"].first
    assert false == pytest.approx(rates.false_per_image)
    for budget, at in own.measured.at_budget.items():
        found = compared[f"defects found, {budget:g} false per photograph"].first
        assert found == pytest.approx(at.detection.hits / at.detection.total)


def broken_on(mast: int, view: int, is_found: bool):
    return photograph(
        10 * mast + view, [label(0, "broken")], [part(0, 0.9)] if is_found else [], f"D{mast}"
    )


def test_masts_are_drawn_and_not_photographs():
    """Ten equal views of a mast say no more than one: the interval must not shrink."""
    found = [[broken_on(m, view, True) for m in range(20) for view in range(k)] for k in (1, 10)]
    half = [
        [broken_on(m, view, m % 2 == 0) for m in range(20) for view in range(k)] for k in (1, 10)
    ]
    widths = [
        by_name(compare(side(a), side(b), (), 500))["defects found, own thresholds"]
        for a, b in zip(found, half, strict=True)
    ]
    assert widths[0].high - widths[0].low == pytest.approx(widths[1].high - widths[1].low)
    assert widths[0].low > 0.2


def test_the_interval_is_as_wide_as_mathematics_says():
    """Two models that differ on a share p of masts: standard error sqrt(p (1 - p) / masts)."""
    better = [broken_on(mast, 0, True) for mast in range(100)]
    worse = [broken_on(mast, 0, mast % 5 != 0) for mast in range(100)]
    one = by_name(compare(side(better), side(worse), (), 2000))["defects found, own thresholds"]
    assert one.high - one.low == pytest.approx(2 * 1.96 * np.sqrt(0.2 * 0.8 / 100), rel=0.12)
    assert one.low < 0.2 < one.high


def test_without_any_defect_there_is_nothing_to_compare():
    photographs = [photograph(n, [label(0)], [part(0, 0.1)]) for n in range(3)]
    one = by_name(compare(side(photographs), side(photographs), (), 50))
    assert one["defects found, own thresholds"].low is None
    assert one["component mAP50"].low == 0


def test_another_seed_draws_other_masts():
    first = drawn_at_random(4)
    second = [replace(one, predicted=replace(one.predicted, parts=())) for one in first]
    runs = [compare(side(first), side(second), (), 50, seed=seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def found_at(budget: float, *photographs: Compared) -> float:
    own = side(list(photographs))
    return by_name(compare(own, own, (budget,), 10))[
        f"defects found, {budget:g} false per photograph"
    ].first


def test_false_findings_that_just_fit_the_budget_are_let_pass():
    one = photograph(0, [label(0, "broken")], [part(0, 0.5), part(300, 0.9), part(600, 0.8)])
    assert found_at(2, one) == 1
    assert found_at(1, one) == 0


def test_a_break_no_more_likely_than_the_false_finding_kept_out_is_not_found():
    one = photograph(0, [label(0, "broken")], [part(0, 0.7), part(300, 0.7)])
    assert found_at(0, one) == 0
