from dataclasses import replace
from datetime import datetime

import pytest

from catenary.datasets.audit import audited
from catenary.datasets.labels import Label, LabelledImage, Rejected, Rejection
from catenary.datasets.near_duplicates import Copy
from catenary.datasets.problems import Examined, Level, Member, Problem
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

GOOD = tuple(Label("dropper", Box(20 * n, 0, 20 * n + 10, 50), "broken") for n in range(10))


def member(
    name: str,
    part: str = "train",
    section: str = "甲站",
    day: int = 1,
    labels: tuple[Label, ...] = GOOD,
    **examined: object,
) -> Member:
    """Return an image without a fault, of a mast, section and day of its own."""
    mast = Mast("京广线", Direction.UP, section, name)
    taken = datetime(2026, 3, day)  # noqa: DTZ001 - local time, as cameras write it
    ref = ImageRef("run", name, name, name, mast=mast, taken_at=taken)
    whole = Examined("", 640, 480, f"file {name}", f"pixels {name}", "usable")
    return Member(part, LabelledImage(ref, 640, 480, labels), replace(whole, **examined))


def other_part(name: str, **changes: object) -> Member:
    return member(name, **({"part": "test", "section": "乙站", "day": 2} | changes))


def codes(*members: Member, copies: tuple[Copy, ...] = ()) -> set[tuple[str, str]]:
    found = audited(members, copies)
    return {(problem.code, str(problem.level)) for problem in found.problems}


def test_a_good_split_has_no_problem():
    found = audited([member("1"), member("2"), other_part("3")], [])
    assert found.problems == []
    assert found.is_fit
    assert found.counts["train"]["dropper broken"] == 20
    assert found.sizes == {"dropper": {"under 16 px": 30}}
    assert found.quality == {"usable": 3}


def labelled(*labels: Label) -> tuple[Label, ...]:
    return (*GOOD, *labels)


AGAIN = replace(GOOD[0], box=Box(0, 0, 10.2, 50))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"error": "truncated"}, ("unreadable", "error")),
        ({"width": 480, "height": 640}, ("other_size", "error")),
        ({"labels": labelled(replace(AGAIN, condition="normal"))}, ("contradiction", "error")),
        ({"labels": labelled(AGAIN)}, ("labelled_twice", "warning")),
        (
            {"labels": labelled(Label("dropper", Box(300, 0, 303, 50), "broken"))},
            ("tiny", "warning"),
        ),
        ({"labels": labelled(Label("bolt", Box(300, 0, 320, 50), "loose"))}, ("few", "warning")),
        ({"quality": "too_dark"}, ("poor", "warning")),
        ({"pixel_hash": "pixels 2"}, ("same_pixels", "warning")),
    ],
)
def test_each_fault_of_an_image_is_found(changes, problem):
    assert problem in codes(member("1", **changes), member("2"))


def rejecting(*rejections: Rejection, **changes: object) -> Member:
    own = member("1", **changes)
    return replace(own, image=replace(own.image, rejections=rejections))


HERE, AWAY = GOOD[0].box, Box(300, 300, 340, 340)
SOUND = tuple(replace(label, condition="normal") for label in GOOD)


@pytest.mark.parametrize(
    ("rejection", "labels", "is_wrong"),
    [
        (Rejection("dropper", HERE, Rejected.NO_PART), SOUND, True),
        (Rejection("dropper", HERE, Rejected.NORMAL), GOOD, True),
        (Rejection("dropper", HERE, Rejected.NORMAL), SOUND, False),
        (Rejection("bolt", HERE, Rejected.NO_PART), SOUND, False),
        (Rejection("dropper", AWAY, Rejected.NO_PART), GOOD, False),
    ],
)
def test_a_rejection_that_a_label_denies_is_an_error(rejection, labels, is_wrong):
    told = codes(rejecting(rejection, labels=labels))
    assert (("rejected_truth", "error") in told) is is_wrong


def test_rejections_and_photographs_labelled_in_part_are_counted():
    own = rejecting(Rejection("dropper", AWAY, Rejected.NO_PART), labels=())
    partly = replace(own, image=replace(own.image, is_complete=False))
    found = audited([partly], [])
    assert found.counts["train"]["dropper rejected as no_part"] == 1
    assert found.counts["train"]["images labelled in part"] == 1
    assert {one.code for one in found.problems} == {"labelled_in_part"}
    assert found.is_fit


def test_a_part_that_counts_for_nothing_may_be_labelled_twice():
    again = replace(AGAIN, is_ignored=True)
    assert codes(member("1", labels=labelled(again))) == set()


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (other_part("1", pixel_hash="other"), None),
        (other_part("3", section="甲站"), ("section_leak", "warning")),
        (other_part("3", day=1), ("day_leak", "warning")),
        (other_part("3", pixel_hash="pixels 1"), ("copies_across", "error")),
        (other_part("3", labels=GOOD[:9]), None),
        (
            other_part("3", labels=(replace(GOOD[0], condition="slack"),)),
            ("lacking", "warning"),
        ),
    ],
)
def test_what_stands_on_two_sides_is_found(second, problem):
    found = codes(member("1"), second)
    assert found == set() if problem is None else problem in found


def test_one_mast_in_two_parts_is_not_fit_to_train_on():
    shots = [member("1"), member("1", pixel_hash="again"), other_part("1", section="甲站")]
    found = audited(shots, [])
    assert not found.is_fit
    (leak,) = [problem for problem in found.problems if problem.code == "mast_leak"]
    assert "京广线/up/甲站/1" in leak.message
    assert leak.images == (0, 2)  # a picture of each part


def test_copies_of_one_photograph_in_two_parts_are_not_fit_to_train_on():
    copy = other_part("3")
    copy = replace(copy, image=replace(copy.image, source="1"))
    assert ("source_image_leak", "error") in codes(member("1"), copy)


def test_likeness_across_parts_is_an_error_and_within_a_warning():
    like = (Copy(0, 1, "mirrored", 0.97),)
    assert ("copies_across", "error") in codes(member("1"), other_part("2"), copies=like)
    found = codes(member("1"), member("2"), copies=like)
    assert found == {("copies", "warning")}


def test_a_zoomed_copy_of_another_mast_is_to_be_looked_at():
    like = (Copy(0, 1, "part", 0.97),)
    assert codes(member("1"), other_part("2"), copies=like) == {("look_alike", "warning")}
    assert codes(member("1"), member("2"), copies=like) == set()
    nowhere = other_part("2")
    ref = replace(nowhere.image.ref, mast=None)
    nowhere = replace(nowhere, image=replace(nowhere.image, ref=ref))
    assert ("copies_across", "error") in codes(member("1"), nowhere, copies=like)


def test_a_copy_of_a_copy_is_one_group():
    pairs = [Copy(0, 1, "whole", 1.0), Copy(1, 3, "mirrored", 0.95)]
    found = audited([member("1"), member("2"), member("3"), other_part("4")], pairs)
    assert found.copies == [[0, 1, 3]]


def test_sets_without_masts_or_labels_are_told():
    one = member("1", labels=())
    nowhere = replace(one, image=replace(one.image, ref=replace(one.image.ref, mast=None)))
    assert codes(nowhere) == {("no_labels", "error"), ("no_masts", "warning")}


def test_errors_told_by_the_reader_come_first_and_decide():
    told = [Problem("unmapped", Level.ERROR, "鸟: no component (2 labels)")]
    found = audited([member("1", quality="blurred")], [], told)
    assert [problem.code for problem in found.problems] == ["unmapped", "poor"]
    assert not found.is_fit
