import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catenary.training.coreset import coreset, k_centre

SQUARE = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [5, 5], [0.1, 0]], np.float32)


def test_each_next_centre_is_the_farthest_from_those_before():
    # From (0, 0): (10, 10) at 14.1; then (10, 0) and (0, 10) at 10, the first of them; then the
    # other; then the middle at 7.1.
    assert k_centre(SQUARE, 5, first=0).tolist() == [0, 3, 1, 2, 4]


def test_copies_are_never_chosen():
    points = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    assert sorted(k_centre(points, 12, first=0) // 4) == [0, 1, 2]


@given(
    points=arrays(np.float32, (9, 2), elements=st.integers(-20, 20)),
    count=st.integers(1, 9),
)
def test_no_point_is_farther_than_twice_the_best_cover(points, count):
    chosen = k_centre(points, count, first=0)
    away = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(axis=1)
    if len(chosen) == count:
        # The farthest point and the centres are all at least so far apart, so two of these
        # count + 1 share a centre of any other choice, which is half as far from one of them.
        joined = np.vstack([points[chosen], points[away.argmax()]])
        apart = np.linalg.norm(joined[:, None] - joined[None], axis=2)
        assert apart[~np.eye(len(joined), dtype=bool)].min() >= away.max() - 1e-4
    else:
        assert away.max() == 0


def test_many_dimensions_are_projected_and_clusters_still_found():
    random = np.random.default_rng(0)
    centres = 50 * random.standard_normal((8, 200))
    points = np.repeat(centres, 30, axis=0) + random.standard_normal((240, 200))
    chosen = coreset(points.astype(np.float32), 8, random)
    assert sorted(chosen // 30) == list(range(8))
