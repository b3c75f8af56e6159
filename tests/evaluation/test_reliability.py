import numpy as np
import pytest

from catenary.evaluation.intervals import Share
from catenary.evaluation.reliability import judged_parts, reliability
from tests.evaluation.sets import label, part, photograph


def test_probabilities_that_come_true_as_often_as_they_say_have_no_error():
    random = np.random.default_rng(0)
    odds = random.random(50_000)
    rows = list(zip(odds.tolist(), (random.random(50_000) < odds).tolist(), strict=True))
    assert reliability(rows).ece < 0.01


def test_the_error_is_the_mean_gap_of_the_bins_by_hand():
    # Bin 0.2-0.3: said 0.2, true 1/2, two parts. Bin 0.9-1: said 0.9, true 0, one part.
    result = reliability([(0.2, True), (0.2, False), (0.9, False)])
    assert result.ece == pytest.approx((2 * 0.3 + 1 * 0.9) / 3)
    assert result.brier == pytest.approx((0.64 + 0.04 + 0.81) / 3)
    assert (result.bins[2].defective, result.bins[9].defective) == (Share(1, 2), Share(0, 1))


def test_certainty_lies_in_the_last_bin():
    assert reliability([(1.0, True)]).bins[9].defective == Share(1, 1)


def test_without_parts_there_is_no_error_to_state():
    result = reliability([])
    assert (result.ece, result.brier, result.bins[0].mean) == (None, None, None)


def test_what_a_view_does_not_show_says_nothing_about_the_probabilities():
    labels = [label(0, "broken"), label(200, "broken", is_evident=False)]
    labels += [label(400, is_ignored=True), label(600)]
    parts = [part(0, 0.9), part(200, 0.8), part(400, 0.7), part(600, 0.1), part(900, 0.3)]
    said = judged_parts([photograph(0, labels, parts)], "dropper")
    assert said == [(0.9, True), (0.1, False), (0.3, False)]
