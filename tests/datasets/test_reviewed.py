"""What reviewers decided, as labels: only what somebody said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.datasets import reviewed
from catenary.datasets.labels import Label, Rejected, Rejection
from catenary.datasets.reviewed import Said, SaidOf
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)
BOX, ELSEWHERE = Box(10, 20, 40, 220), Box(500, 20, 540, 220)


def said(what: Said = Said.DEFECT, image: str = "1", **changes: object) -> SaidOf:
    ref = ImageRef("run", image, f"{image}.jpg", f"{image}.jpg")
    one = SaidOf(ref, 1000, 800, "dropper", BOX, what, "broken", "D1#a", NOW, score=0.9)
    return replace(one, **changes)


def test_a_confirmed_part_is_a_label_and_its_photograph_is_not_complete():
    (image,) = reviewed.labelled([said()], 0.5).images
    assert image.labels == (Label("dropper", BOX, "broken", part_id="D1#a"),)
    assert not image.is_complete


def test_a_photograph_that_does_not_show_the_defect_says_so():
    found = reviewed.labelled([said(), said(image="2", shows_it=False)], 0.5)
    assert [one.labels[0].is_evident for one in found.images] == [True, False]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Rejected.NORMAL),
        ({"score": 0.5}, Rejected.NORMAL),
        ({"score": None}, Rejected.NORMAL),  # a sample that a person looked at
        ({"said": Said.NO_PART, "score": 0.1}, Rejected.NO_PART),
    ],
)
def test_a_refused_part_is_a_rejection(changes: dict[str, object], reason: Rejected):
    (image,) = reviewed.labelled([said(Said.SOUND, **changes)], 0.5).images
    assert image.rejections == (Rejection("dropper", BOX, reason),)
    assert image.labels == ()


def test_a_refused_place_where_no_part_was_surely_seen_is_left_out():
    found = reviewed.labelled([said(Said.SOUND, score=0.49)], 0.5)
    assert (found.images, found.unsure) == ((), 1)


def test_views_that_did_not_raise_it_refuse_nothing():
    assert reviewed.labelled([said(Said.SOUND, shows_it=False)], 0.5).images == ()


def test_of_two_decisions_on_one_place_the_later_counts():
    later = said(Said.SOUND, decided_at=NOW + timedelta(minutes=1))
    found = reviewed.labelled([said(), later, said(box=ELSEWHERE)], 0.5)
    (image,) = found.images
    assert [one.box for one in image.labels] == [ELSEWHERE]
    assert [one.box for one in image.rejections] == [BOX]
    assert found.overruled == 1


def test_other_kinds_and_other_photographs_are_no_contradiction():
    other = said(Said.SOUND, component="insulator")
    found = reviewed.labelled([said(), other, said(Said.SOUND, image="2")], 0.5)
    assert found.overruled == 0
    assert reviewed.counts(found.images) == {
        ("dropper", "broken"): 1,
        ("insulator", "rejected, normal"): 1,
        ("dropper", "rejected, normal"): 1,
    }


@given(
    st.lists(
        st.builds(
            said,
            st.sampled_from(list(Said)),
            st.sampled_from("12"),
            box=st.integers(0, 60).map(lambda x: Box(x, 20, x + 30, 220)),
            score=st.none() | st.floats(0, 1),
            decided_at=st.integers(0, 9).map(lambda n: NOW + timedelta(minutes=n)),
        ),
        max_size=8,
    )
)
def test_nothing_is_both_right_and_refused_and_all_is_counted(told: list[SaidOf]):
    found = reviewed.labelled(told, 0.5)
    kept = found.unsure + found.overruled
    for image in found.images:
        kept += len(image.labels) + len(image.rejections)
        boxes = [one.box for one in (*image.labels, *image.rejections)]
        for n, box in enumerate(boxes):
            assert all(box.iou(other) < 0.5 for other in boxes[n + 1 :])
    assert kept == len(told)
