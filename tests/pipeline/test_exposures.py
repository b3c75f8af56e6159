"""What the cameras show that one dropper triggers is joined; what only looks like it is not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.pipeline import exposures, transfers, views
from catenary.pipeline.exposures import Together
from catenary.pipeline.transfers import Place, Transfers

UPPER, LOWER = "31", "33"
START = datetime.fromisoformat("2022-03-06T23:26:50.844500")


def dropper(mast: int, moment: int, camera: str, name: str = "", **changed: float) -> Place:
    """Return a dropper that the picture cuts; the key ends in its name: truth."""
    random = np.random.default_rng([mast, moment, int(camera)])
    where = {"x": 0.5 + random.uniform(-0.08, 0.08), "y": 0.4, "tall": 0.5, **changed}
    name = name or f"dropper-{moment}"
    key = f"{mast}-{moment}-{camera}#{name}"
    return Place(key, (camera, moment), "dropper", is_cut=True, moment=moment, **where)


def mast(number: int, moments: int = 4, cameras: Sequence[str] = (UPPER, LOWER)) -> list[Place]:
    return [dropper(number, moment, one) for moment in range(moments) for one in cameras]


@pytest.fixture(scope="module")
def learnt() -> Together:
    return exposures.learn([mast(number) for number in range(10)])


def joined(places: Sequence[Place], learnt: Together) -> set[frozenset[str]]:
    parts = views.join(places, Transfers(), learnt)
    return {frozenset(part.keys) for part in parts if len(part.keys) > 1}


def test_both_ends_of_each_dropper_of_a_new_mast_are_one_part(learnt: Together):
    assert joined(mast(99), learnt) == {
        frozenset({f"99-{moment}-31#dropper-{moment}", f"99-{moment}-33#dropper-{moment}"})
        for moment in range(4)
    }


def test_a_small_box_in_the_background_does_not_keep_the_ends_apart(learnt: Together):
    far = dropper(99, 0, LOWER, "far", x=0.55, tall=0.1)
    assert len(joined([*mast(99), far], learnt)) == 4


@pytest.mark.parametrize("x", [0.5, 0.95])
def test_a_second_dropper_that_is_as_tall_keeps_them_apart(learnt: Together, x: float):
    other = dropper(99, 0, LOWER, "other", x=x)
    assert len(joined([*mast(99), other], learnt)) == 3


@pytest.mark.parametrize("changed", [{"x": 0.95}, {"tall": 0.1}])
def test_a_dropper_that_the_camera_is_not_aimed_at_stays_alone(learnt: Together, changed):
    places = [dropper(99, 0, UPPER), dropper(99, 0, LOWER, **changed)]
    assert joined(places, learnt) == set()


def test_droppers_of_two_moments_stay_apart(learnt: Together):
    assert joined([dropper(99, 0, UPPER), dropper(99, 1, LOWER)], learnt) == set()


def test_cameras_that_masts_trigger_are_not_believed():
    assert exposures.learn([mast(number, moments=1) for number in range(60)]).trust == {}


def test_seven_masts_are_too_few():
    assert exposures.learn([mast(number, 8) for number in range(7)]).trust == {}
    assert exposures.learn([mast(number, 8) for number in range(8)]).trust != {}


def test_a_camera_that_shows_droppers_here_and_there_is_not_aimed_at_them():
    def elsewhere(number: int) -> list[Place]:
        random = np.random.default_rng(number)
        return [
            dropper(number, moment, camera, x=random.uniform(0, 1))
            if camera == LOWER
            else dropper(number, moment, camera)
            for moment in range(4)
            for camera in (UPPER, LOWER)
        ]

    assert exposures.learn([elsewhere(number) for number in range(20)]).trust == {}


def test_a_camera_that_shows_two_of_a_row_is_not_believed():
    rows = [
        [*mast(number), *(dropper(number, moment, LOWER, "next", x=0.6) for moment in range(4))]
        for number in range(20)
    ]
    assert exposures.learn(rows).trust == {}


def test_photographs_without_a_time_are_never_together():
    def untimed(number: int) -> list[Place]:
        return [
            Place(one.key, one.slot, one.kind, one.x, one.y, one.is_cut, None, one.tall)
            for one in mast(number)
        ]

    assert exposures.learn([untimed(number) for number in range(20)]) == Together()


def test_the_next_dropper_in_the_same_place_of_the_next_photograph_is_another():
    """Stagger makes both hang alike at every mast: what a mapping would call one part."""

    def staggered(number: int) -> list[Place]:
        x = 0.2 + 0.6 * (number % 7) / 6
        kinds = {"dropper": (x, x), "clamp": (x + 0.1, 1 - x)}
        return [
            Place(f"{number}-{shot}#{kind}", ("31", shot), kind, *at, moment=shot)
            for shot in range(2)
            for kind, at in kinds.items()
        ]

    mappings = transfers.learn([staggered(number) for number in range(21)])
    (mode,) = mappings.modes[("31", 0), ("31", 1)]
    assert mode.kinds.keys() == {"dropper", "clamp"}
    parts = views.join(staggered(99), mappings)
    assert {part.keys for part in parts if len(part.keys) > 1} == {("99-0#clamp", "99-1#clamp")}


def test_a_moment_with_two_photographs_of_one_camera_is_none(learnt: Together):
    second = Place("second", (LOWER, 9), "clamp", 0.5, 0.5, moment=0)
    assert len(joined([*mast(99), second], learnt)) == 3


def test_stamps_of_whole_seconds_tell_no_moment():
    whole = START.replace(microsecond=0)
    assert exposures.moments({"a": whole, "b": whole}) == {}
    assert exposures.moments({"a": whole, "b": whole, "c": START}) == {"a": 0, "b": 0, "c": 1}


@given(st.dictionaries(st.text("abc", min_size=1), st.none() | st.integers(0, 2000)))
def test_a_moment_lasts_50_ms(taken: dict[str, int | None]):
    times = {
        name: None if ms is None else START + timedelta(milliseconds=ms)
        for name, ms in taken.items()
    }
    found = exposures.moments(times)
    assert found.keys() == {name for name, ms in taken.items() if ms is not None}
    for one in found:
        for other in found:
            gap = abs(taken[one] - taken[other])
            assert found[one] == found[other] or gap > 0
            assert found[one] != found[other] or gap <= 50
    assert sorted(set(found.values())) == list(range(len(set(found.values()))))


@given(order=st.randoms(use_true_random=False))
def test_the_order_of_places_does_not_matter(learnt: Together, order):
    places = [*mast(99), dropper(99, 2, LOWER, "other", x=0.52)]
    shuffled = list(places)
    order.shuffle(shuffled)
    assert joined(places, learnt) == joined(shuffled, learnt)
