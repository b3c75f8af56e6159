import numpy as np
import pytest
from scipy.stats import beta

from catenary.evaluation.defects import NEVER
from catenary.evaluation.guarantee import Target, most_missed, needed, promise

TARGET = Target(miss=0.05, confidence=0.95)


def test_59_broken_droppers_all_found_are_the_fewest_that_promise_5_per_cent():
    assert needed(TARGET) == 59
    assert promise([0.5] * 58, TARGET).threshold is None
    assert promise([0.5] * 59, TARGET).threshold == 0.5


def test_too_few_defects_are_said_so_with_what_they_could_promise():
    made = promise([0.9] * 12, TARGET)
    assert made.threshold is None
    assert made.reason == (
        "not attainable with n = 12: 5 % with 95 % confidence needs at least 59; "
        "12 can promise 22.1 % at best"
    )


def test_no_defect_promises_nothing():
    assert promise([], TARGET).reason.startswith("not attainable with n = 0")


def test_defects_that_were_never_located_spoil_the_promise():
    made = promise([0.9] * 98 + [NEVER, NEVER], TARGET)
    assert made.threshold is None
    assert "2 of n = 100 are raised at no threshold" in made.reason
    assert "allows 1" in made.reason


def test_the_threshold_is_the_highest_that_keeps_the_misses_allowed():
    scores = [number / 200 for number in range(200)]
    made = promise(scores, TARGET)
    allowed = most_missed(200, TARGET)
    assert (made.threshold, made.missed) == (allowed / 200, allowed)


@pytest.mark.parametrize("count", [59, 60, 93, 124, 500, 3000])
def test_the_misses_allowed_are_the_exact_binomial_bound(count: int):
    """Clopper-Pearson: the upper bound on the true share stays below 5 % for k, not for k + 1."""
    allowed = most_missed(count, TARGET)
    assert beta.ppf(0.95, allowed + 1, count - allowed) <= 0.05
    assert beta.ppf(0.95, allowed + 2, count - allowed - 1) > 0.05


@pytest.mark.parametrize("count", [60, 150])
def test_the_promise_is_kept_as_often_as_it_says(count: int):
    """Of many calibration sets at most 5 % give a threshold that truly misses more than 5 %."""
    random = np.random.default_rng(0)
    broken = 0
    for _ in range(1500):
        made = promise(random.random(count).tolist(), TARGET)
        broken += made.threshold > TARGET.miss  # uniform scores: it misses just this share
    share = broken / 1500
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)
    exact = beta.sf(0.05, most_missed(count, TARGET) + 1, count - most_missed(count, TARGET))
    assert share == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("wrong", [{"miss": 0.0}, {"miss": 1.0}, {"confidence": 1.0}])
def test_void_promises_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be in \(0, 1\)"):
        Target(**wrong)
