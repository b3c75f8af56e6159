"""Rows of droppers 吊弦 with exact positions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Verdict
from catenary.rules.dropper_spacing import SpacingLimits, gaps, is_row

LIMITS = SpacingLimits()


def spans(count: int, spacing: float = 7.0, at_mast: float = 9.0) -> list[float]:
    """Return droppers of spans of seven, with the longer distance across each support."""
    places, here = [], 1000.0
    for _ in range(count):
        places += [here + spacing * k for k in range(7)]
        here = places[-1] + at_mast
    return places


@settings(max_examples=60, deadline=None)
@given(
    spacing=st.floats(4.0, 12.0),
    gone=st.integers(4, 23),
    noise=st.floats(0, 0.04),
    seed=st.integers(0, 999),
)
def test_a_dropper_that_is_gone_is_told_by_its_gap(
    spacing: float, gone: int, noise: float, seed: int
):
    places = spans(4, spacing, 1.2 * spacing)
    places = [one + spacing * noise * np.random.default_rng(seed).uniform(-1, 1) for one in places]
    left = [one for index, one in enumerate(places) if index != gone]
    np.random.default_rng(seed).shuffle(left)
    (gap,) = gaps(left, LIMITS)
    assert (gap.after_m, gap.before_m) == (places[gone - 1], places[gone + 1])
    assert gap.missing == 1
    assert (gap.evidence.verdict, gap.evidence.condition) == (Verdict.DEFECT, "missing")
    distance = places[gone + 1] - places[gone - 1]
    assert gap.evidence.measurements[1].value == pytest.approx(distance)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_gap_of_n_droppers_is_measured_as_n(count: int):
    places = spans(3)
    left = places[:9] + places[9 + count :]
    (gap,) = gaps(left, LIMITS)
    assert gap.missing == count
    assert gap.evidence.measurements[0].value == pytest.approx(count + 1, abs=0.01)


def test_a_whole_row_has_no_gap_across_supports_either():
    assert gaps(spans(6), LIMITS) == ()


def test_the_limit_is_where_it_is_said_to_be():
    row = [7.0 * k for k in range(6)]
    at = row[-1] + LIMITS.ratio * 7.0
    assert gaps([*row, at - 0.01, at + 7, at + 14], LIMITS) == ()
    assert len(gaps([*row, at + 0.01, at + 7, at + 14], LIMITS)) == 1


def test_a_dropper_that_is_photographed_twice_is_one():
    places = spans(3)
    assert gaps(sorted([*places, *(one + 0.8 for one in places)]), LIMITS) == ()


def test_supports_are_no_row_of_droppers():
    masts = [50.0 * k for k in range(20)]
    assert not is_row(masts, LIMITS)
    assert gaps([*masts[:9], *masts[10:]], LIMITS) == ()
    assert is_row(spans(3), LIMITS)


def test_what_was_not_photographed_is_no_gap():
    places = spans(3)
    assert gaps([*places, *(one + 600 for one in places)], LIMITS) == ()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_few_droppers_tell_no_usual_distance(count: int):
    assert gaps([7.0 * k for k in range(count)], LIMITS) == ()
    assert not is_row([7.0 * k for k in range(count)], LIMITS)


def test_uneven_distances_tell_no_usual_one():
    steps = [4.0, 11.0, 5.0, 13.0, 4.0, 24.0, 12.0, 5.0, 10.0, 4.0]
    assert gaps(np.cumsum(steps).tolist(), LIMITS) == ()


@settings(max_examples=40, deadline=None)
@given(shift=st.floats(-5e5, 5e5), turned=st.booleans())
def test_neither_origin_nor_direction_of_the_posts_matters(shift: float, turned: bool):
    places = [one for index, one in enumerate(spans(3)) if index != 10]
    moved = [(-one if turned else one) + shift for one in places]
    (gap,) = gaps(moved, LIMITS)
    assert gap.evidence.measurements[0].value == pytest.approx(2.0, abs=1e-6)
