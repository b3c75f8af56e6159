"""Clocks of cameras that flash together are set right; nothing is made up where they do not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.pipeline import clocks

START = datetime.fromisoformat("2022-03-06T23:26:50.844500")
UPPER, LOWER, OTHER = "31", "33", "34"
Mast = dict[str, list[datetime]]


def mast(number: int, late: dict[str, float], droppers: int = 5, scatter: float = 0.004) -> Mast:
    """Return the stamps at droppers 4 to 12 m apart, passed at 80 km/h."""
    random = np.random.default_rng(number)
    passed = np.cumsum(random.uniform(0.18, 0.54, droppers))
    return {
        camera: [
            START + timedelta(seconds=3 * number + one + later + random.normal(0, scatter))
            for one in passed
        ]
        for camera, later in late.items()
    }


def told(late: dict[str, float], masts: int = 10) -> dict[str, float]:
    found = clocks.late(mast(number, late) for number in range(masts))
    return {camera: one.total_seconds() for camera, one in found.items()}


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_what_clocks_differ_by_is_found_to_2_milliseconds(one: float, other: float):
    found = told({UPPER: 0, LOWER: one, OTHER: other})
    assert found == pytest.approx({LOWER: one, OTHER: other}, abs=2e-3)


def test_the_photographs_of_one_dropper_are_set_to_one_time():
    late = clocks.late(mast(number, {UPPER: 0.0, LOWER: 0.3}, scatter=0) for number in range(10))
    new = mast(99, {UPPER: 0.0, LOWER: 0.3}, scatter=0)
    for here, there in zip(new[UPPER], new[LOWER], strict=True):
        apart = clocks.set_right(there, LOWER, late) - clocks.set_right(here, UPPER, late)
        assert abs(apart) < timedelta(milliseconds=2)
    assert clocks.set_right(None, LOWER, late) is None


def test_a_tenth_of_the_photographs_may_be_lost():
    def some(number: int) -> Mast:
        random = np.random.default_rng([number, 1])
        whole = mast(number, {UPPER: 0, LOWER: 0.3})
        return {
            one: [time for time in seen if random.random() > 0.1] for one, seen in whole.items()
        }

    found = clocks.late(some(number) for number in range(30))
    assert found[LOWER].total_seconds() == pytest.approx(0.3, abs=2e-3)


def evenly(number: int) -> Mast:
    return {
        camera: [START + timedelta(seconds=3 * number + 0.3 * n + later) for n in range(2)]
        for camera, later in ((UPPER, 0.0), (LOWER, 0.1))
    }


def drifting(number: int) -> Mast:
    return mast(number, {UPPER: 0, LOWER: 0.02 * number})


def apart(number: int) -> Mast:
    """Two cameras that different droppers trigger."""
    return {
        camera: mast(number + 1000 * n, {camera: 0})[camera]
        for n, camera in enumerate((UPPER, LOWER))
    }


def once(number: int) -> Mast:
    return mast(number, {UPPER: 0, LOWER: 0.3}, droppers=1)


def in_seconds(number: int) -> Mast:
    whole = mast(number, {UPPER: 0, LOWER: 1})
    return {one: [time.replace(microsecond=0) for time in seen] for one, seen in whole.items()}


@pytest.mark.parametrize("wrong", [evenly, drifting, apart, once, in_seconds])
def test_nothing_is_told_where_the_difference_is_not_clear(wrong):
    assert clocks.late(wrong(number) for number in range(40)) == {}


def test_seven_masts_are_too_few():
    assert told({UPPER: 0, LOWER: 0.3}, masts=7) == {}
    assert told({UPPER: 0, LOWER: 0.3}, masts=8) != {}


def test_pairs_that_contradict_each_other_tell_nothing():
    def shifted(number: int) -> Sequence[Mast]:
        some = ({UPPER: 0, LOWER: 0.3}, {LOWER: 0, OTHER: 0.3}, {UPPER: 0, OTHER: 0.3})
        return [mast(3 * number + n, late) for n, late in enumerate(some)]

    assert clocks.late(one for number in range(30) for one in shifted(number)) == {}
