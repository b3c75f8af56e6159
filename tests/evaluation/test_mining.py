from dataclasses import replace

import pytest

from catenary.datasets.labels import Label, Rejected, Rejection
from catenary.evaluation import mining
from catenary.evaluation.compared import Compared
from catenary.evaluation.mining import Mistake
from tests.evaluation.sets import box, label, part, photograph


def hardest(*photographs: Compared, limit: int = 10, min_score: float = 0.0) -> list[Mistake]:
    return mining.hardest(photographs, limit, min_score)


def mistake(x: float, reason: Rejected, score: float, image: int = 0) -> Mistake:
    return Mistake(image, Rejection("dropper", box(x), reason), score)


def test_a_box_on_no_label_and_an_alarm_on_a_sound_part_are_mistakes():
    labels = [label(0), label(500, "broken")]
    parts = [part(0, 0.7), part(500, 0.9), part(1000, score=0.4), part(1500, 0.8, score=0.3)]
    assert hardest(photograph(1, labels, parts)) == [
        mistake(1500, Rejected.NO_PART, 0.8),
        mistake(0, Rejected.NORMAL, 0.7),
        mistake(1000, Rejected.NO_PART, 0.4),
    ]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([label(0)], part(0, 0.4)),  # under the threshold
        ([label(0)], part(0)),
        ([label(0, "broken")], part(0, 0.9, condition="slack")),
        ([label(0, is_ignored=True)], part(0, 0.9)),
        ([label(0, is_ignored=True)], part(60, 0.9)),  # 40 % of the box are on it
        ([label(0, is_evident=False)], part(0, 0.9)),
        ([label(0), label(30, "broken")], part(0, 0.9)),  # whose is the alarm?
        ([Label("dropper", box(0, 900))], part(0)),  # a piece of a part
        ([label(0, component="insulator")], part(0, 0.9)),  # no dropper is labelled anywhere
    ],
)
def test_what_may_be_right_is_no_mistake(labels, said):
    assert hardest(photograph(1, labels, [said])) == []


def test_a_box_on_another_component_is_on_no_part():
    labels = [label(0, component="insulator"), label(900)]
    (found,) = hardest(photograph(1, labels, [part(0)]))
    assert found == mistake(0, Rejected.NO_PART, 0.9)


def test_the_surest_are_kept_up_to_the_limit():
    one = photograph(1, [label(0)], [part(500, score=0.3), part(900, score=0.5)])
    two = photograph(2, [], [part(500, score=0.4), part(900, score=0.1)])
    assert [(m.image, m.score) for m in hardest(one, two)] == [
        (0, 0.5),
        (1, 0.4),
        (0, 0.3),
        (1, 0.1),
    ]
    assert [m.score for m in hardest(one, two, limit=2)] == [0.5, 0.4]
    assert [m.score for m in hardest(one, two, min_score=0.35)] == [0.5, 0.4]


def test_one_mistake_is_kept_once_and_not_when_it_is_known():
    image = photograph(1, [label(0)], [part(500, score=0.3), part(520, score=0.6), part(900)])
    known = Rejection("dropper", box(910), Rejected.NO_PART)
    told = replace(image, image=replace(image.image, rejections=(known,)))
    (found,) = hardest(told)
    assert found == mistake(520, Rejected.NO_PART, 0.6)
    (written,) = mining.with_rejections([told.image], [found])
    assert written.rejections == (known, found.rejection)
    assert written.labels == told.labels


def test_where_only_some_parts_are_labelled_a_box_on_none_says_nothing():
    image = photograph(1, [label(0)], [part(0, 0.9), part(500)])
    partly = replace(image, image=replace(image.image, is_complete=False))
    assert hardest(partly) == [mistake(0, Rejected.NORMAL, 0.9)]


def test_a_box_over_the_edge_is_cut_there():
    (found,) = hardest(photograph(1, [label(0)], [part(3950)]))
    assert (found.rejection.box.x0, found.rejection.box.x1) == (3950, 4000)
