from dataclasses import replace

import pytest

from catenary.datasets.labels import Label
from catenary.domain.geometry import Box
from catenary.evaluation.intervals import Share
from catenary.evaluation.matching import Raised, pair
from catenary.evaluation.rates import rates, threshold_at

BREAK = Label("dropper", Box(100, 100, 120, 500), "broken", part_id="line/D1#dropper-1")


def raised(x: float = 100, score: float = 0.9, component: str = "dropper") -> Raised:
    return Raised(component, "broken", Box(x, 100, x + 20, 500), score)


def test_a_finding_on_the_broken_dropper_is_a_hit():
    assert pair([raised()], [BREAK]).hits == ((raised(), BREAK),)


def test_a_finding_of_another_component_is_false_and_the_break_missed():
    pairing = pair([raised(component="insulator")], [BREAK])
    assert len(pairing.false) == 1
    assert pairing.missed == (BREAK,)


def test_the_second_finding_on_one_break_is_false():
    pairing = pair([raised(), raised(102, 0.8)], [BREAK])
    assert [one.score for one in pairing.false] == [0.8]


@pytest.mark.parametrize("doubt", [{"is_ignored": True}, {"is_evident": False}])
def test_a_finding_where_nothing_can_be_told_is_neither_hit_nor_false(doubt):
    pairing = pair([raised()], [replace(BREAK, **doubt)])
    assert (pairing.hits, pairing.false, pairing.missed) == ((), (), ())
    assert len(pairing.excused) == 1


def test_a_finding_on_a_healthy_dropper_is_false():
    healthy = Label("dropper", Box(100, 100, 120, 500))
    assert len(pair([raised()], [healthy]).false) == 1


def test_one_dropper_seen_in_two_views_is_one_defect():
    result = rates([([raised()], [BREAK]), ([], [BREAK])], threshold=0.5)
    assert result.detection == Share(1, 1)
    assert result.by_condition == {"dropper.broken": Share(1, 1)}
    assert result.raised_images == Share(1, 2)


def test_false_alarms_are_counted_three_ways():
    result = rates([([raised(), raised(700)], [BREAK]), ([], [])], threshold=0.5)
    assert result.false_alarms == Share(1, 2)
    assert result.false_per_image == 0.5
    assert result.raised_images == Share(1, 2)


def test_the_threshold_keeps_the_alarm_budget():
    scenes = [([raised(score=score)], []) for score in (0.1, 0.2, 0.3, 0.4)]
    threshold = threshold_at(scenes, "dropper", 0.25)
    assert rates(scenes, threshold).false_per_image == 0.25
    assert threshold_at(scenes, "dropper", 1.0) == 0.0


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="3 of 2"):
        Share(3, 2)


def test_nothing_tried_says_nothing():
    assert Share(0, 0).interval == (0.0, 1.0)
