"""Which few defects are taken, how masts are dealt, and recall at a budget."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.datasets.labels import Label, LabelledImage
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.evaluation import scarcity
from catenary.evaluation.compared import group_of
from catenary.evaluation.intervals import Share
from catenary.evaluation.matching import Raised

BOX = Box(0, 0, 10, 90)


def image(name: str, *conditions: str, component: str = "dropper") -> LabelledImage:
    labels = tuple(
        Label(component, BOX, one, part_id=f"{name}/{n}") for n, one in enumerate(conditions)
    )
    mast = Mast("线", Direction.UP, "甲站", name)
    return LabelledImage(ImageRef("run", name, name, f"{name}.png", mast=mast), 99, 99, labels)


def test_photographs_are_sorted_by_what_they_show():
    images = [
        image("normal", NORMAL, NORMAL),
        image("one", NORMAL, "broken"),
        image("two", "broken", "broken"),
        image("other", "slack"),
        image("mixed", "broken", "slack"),
        image("elsewhere", "broken", component="insulator"),
        image("nothing"),
    ]
    found = scarcity.pool(images, "dropper", ("broken",), lambda label: True)
    assert [one.ref.image_id for one in found.normal] == ["normal"]
    assert [one.ref.image_id for one in found.defective] == ["one"]


def test_what_is_hardly_seen_serves_for_nothing():
    images = [image("normal", NORMAL), image("one", "broken")]
    found = scarcity.pool(images, "dropper", ("broken",), lambda label: False)
    assert found == scarcity.Pool((), ())
    hidden = scarcity.pool(images[1:], "dropper", ("broken",), lambda x: x.condition == NORMAL)
    assert hidden == scarcity.Pool((), ())  # no normal photograph either


@given(counts=st.lists(st.integers(0, 12), min_size=2, max_size=5), seed=st.integers(0, 50))
def test_more_defects_hold_all_of_fewer(counts, seed):
    images = [image(str(number), "broken") for number in range(12)]
    taken = [scarcity.first(images, count, seed) for count in sorted(counts)]
    assert [len(one) for one in taken] == sorted(counts)
    for fewer, more in pairwise(taken):
        assert more[: len(fewer)] == fewer


def test_too_few_to_take_is_refused():
    with pytest.raises(ValueError, match="3 are asked for, there are 1"):
        scarcity.first([image("one", "broken")], 3, seed=1)


def test_seeds_take_different_ones():
    images = [image(str(number), "broken") for number in range(12)]
    assert scarcity.first(images, 5, 1) != scarcity.first(images, 5, 2)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(2, 4), st.integers(0, 9))
def test_masts_are_whole_and_evenly_dealt(masts, folds, seed):
    images = [image(f"D{number}", NORMAL) for number in masts]
    fold_of = scarcity.dealt(images, folds, seed)
    assert set(fold_of) == {group_of(one) for one in images}
    assert set(fold_of.values()) <= set(range(folds))
    sizes = [list(fold_of.values()).count(fold) for fold in range(folds)]
    assert max(sizes) - min(sizes) <= 1


def scenes(scores: list[tuple[float, str]]) -> list[tuple[list[Raised], list[Label]]]:
    return [
        ([Raised("dropper", "", BOX, score)], [Label("dropper", BOX, condition, part_id=str(n))])
        for n, (score, condition) in enumerate(scores)
    ]


def test_recall_at_a_budget_counts_only_what_stands_above_the_allowed_false_alarms():
    # Ten photographs: budget 0.1 allows one false alarm, so the threshold is above the second.
    told = scenes(
        [(0.9, "broken"), (0.8, NORMAL), (0.7, "broken"), (0.6, NORMAL), (0.5, "broken")]
        + [(0.1, NORMAL)] * 5
    )
    found = scarcity.at_own(told, 0.1)
    assert (found.detection, found.false) == (Share(2, 3), 1)
    assert found.threshold == pytest.approx(0.6, abs=1e-4)
    none = scarcity.at_own(told, 0.0)
    assert (none.detection, none.false) == (Share(1, 3), 0)
    every = scarcity.at_own(told, 1.0)
    assert (every.detection, every.false) == (Share(3, 3), 7)


def test_a_carried_threshold_may_cost_more_than_was_meant():
    told = scenes([(0.9, "broken"), (0.8, NORMAL), (0.7, NORMAL), (0.2, "broken")])
    found = scarcity.at(told, 0.1, 0.5)
    assert (found.budget, found.detection, found.false) == (0.1, Share(1, 2), 2)
