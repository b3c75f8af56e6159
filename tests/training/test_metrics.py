import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.geometry import Box
from catenary.models.detections import Detections
from catenary.training import metrics
from catenary.training.sampling import chances
from catenary.training.tiles import Truth


def found(*rows: tuple[tuple[float, float, float, float], float, int]) -> Detections:
    boxes, scores, labels = zip(*rows, strict=True)
    return Detections(
        np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels, np.int64)
    )


PIN = Truth(Box(0, 0, 10, 10), 0, False)
HIDDEN = Truth(Box(50, 50, 70, 70), 0, True)


def test_a_part_is_hit_once_and_only_by_its_class():
    own, double, other = ((0, 0, 10, 10), 0.9, 0), ((0, 0, 10, 9), 0.8, 0), ((0, 0, 10, 10), 0.7, 1)
    assert metrics.hits(found(own, double, other), [PIN]).tolist() == [1, 0, 0]


def test_a_detection_on_an_ignored_part_does_not_count():
    on_it, beside = ((50, 50, 60, 70), 0.9, 0), ((80, 80, 90, 90), 0.8, 0)
    assert metrics.hits(found(on_it, beside), [PIN, HIDDEN]).tolist() == [-1, 0]


def test_recall_stops_at_the_false_alarm_over_budget():
    scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    outcomes = np.array([1, 0, 1, 0])
    assert metrics.recall_at_budget(scores, outcomes, truths=4, budget=0)[0] == 0.25
    recall, limit = metrics.recall_at_budget(scores, outcomes, truths=4, budget=1)
    assert (recall, limit) == (0.5, pytest.approx(0.7))


def test_each_component_is_counted():
    figures = metrics.detector_figures(
        [found(((0, 0, 10, 10), 0.9, 0))], [[PIN, Truth(Box(20, 20, 30, 30), 1, False)]], "ab"
    )
    assert (figures["recall"], figures["recall_a"], figures["recall_b"]) == (0.5, 1.0, 0.0)


def test_recall_at_a_share_of_false_alarms():
    scores = np.linspace(0, 1, 11)
    is_defect = np.zeros(11, bool)
    is_defect[[10, 4]] = True
    assert metrics.recall_at_false_share(scores, is_defect, 0.0) == 0.5


def test_rare_kinds_are_drawn_more_often_than_they_occur():
    shares = chances(["a", "a", "a", "b"], balance=0.5)
    assert shares.sum() == pytest.approx(1)
    assert 0.25 < shares[3] < 0.5


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2).filter(
        lambda rows: len({is_defect for _, is_defect in rows}) == 2
    )
)
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows):
    scores = np.array([score for score, _ in rows], np.float64)
    is_defect = np.array([truth for _, truth in rows])
    pairs = [
        1.0 if bad > good else 0.5 if bad == good else 0.0
        for bad in scores[is_defect]
        for good in scores[~is_defect]
    ]
    assert metrics.auroc(scores, is_defect) == pytest.approx(np.mean(pairs))
