"""The cheapest path against a second, obvious way to find it."""

from functools import cache
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from catenary.rules.wire import cheapest, cheapest_of, gain_of

SIDE_COSTS = 0.15  # gain of a step to the side


def worth(strength: NDArray[np.float32], course: list[int]) -> float:
    steps = sum(abs(after - before) for before, after in pairwise(course))
    gains = gain_of(strength)[np.arange(len(course)), course]
    return float(gains.sum()) - SIDE_COSTS * steps


@cache
def courses(rows: int, columns: int) -> list[list[int]]:
    """Every path that goes at most one column aside from row to row."""
    paths = [[column] for column in range(columns)]
    for _ in range(rows - 1):
        paths = [
            [*path, path[-1] + step]
            for path in paths
            for step in (-1, 0, 1)
            if 0 <= path[-1] + step < columns
        ]
    return paths


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (5, 4), elements=st.floats(0, 60, width=32)))
def test_no_path_is_worth_more_than_the_cheapest(strength: NDArray[np.float32]):
    found, _ = cheapest(strength)
    best = max(worth(strength, course) for course in courses(5, 4))
    assert np.abs(np.diff(found)).max() <= 1
    assert worth(strength, found.tolist()) >= best - 1e-4


def test_where_nothing_is_seen_the_path_goes_straight_on():
    strength = np.zeros((40, 9), np.float32)
    strength[:5, 6] = 20.0
    found, seen = cheapest(strength)
    assert found.tolist() == [6] * 40
    assert seen.tolist() == [20.0] * 5 + [0.0] * 35


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 9)), min_size=1, max_size=4))
def test_several_pictures_at_once_show_what_each_shows_alone(shapes: list[tuple[int, int]]):
    random = np.random.default_rng(len(shapes))
    several = [random.gamma(0.5, 4, shape).astype(np.float32) for shape in shapes]
    for one, (found, seen) in zip(several, cheapest_of(several), strict=True):
        alone, strength = cheapest(one)
        assert found.tolist() == alone.tolist()
        assert seen.tolist() == strength.tolist()
        assert len(found) == len(one)
        assert worth(one, found.tolist()) >= worth(one, [int(one.sum(axis=0).argmax())] * len(one))
