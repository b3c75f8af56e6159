import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catenary.models.detections import Detections
from catenary.pipeline.merge import merged


def detections(rows: list[tuple[float, float, float, float, float, int]]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_the_better_of_two_boxes_on_one_pin_stays():
    rows = merged(detections([(0, 0, 10, 10, 0.5, 0), (1, 0, 11, 10, 0.9, 0)]), 0.5, 0.8)
    assert rows.scores.tolist() == [np.float32(0.9)]


def test_boxes_of_two_kinds_on_one_place_both_stay():
    assert len(merged(detections([(0, 0, 10, 10, 0.5, 0), (0, 0, 10, 10, 0.9, 1)]), 0.5, 0.8)) == 2


def test_a_piece_cut_by_a_window_falls_to_the_whole_part():
    rows = merged(detections([(0, 0, 10, 100, 0.9, 0), (0, 0, 10, 20, 0.8, 0)]), 0.5, 0.8)
    assert rows.boxes.tolist() == [[0, 0, 10, 100]]


def test_nothing_found_stays_nothing():
    assert len(merged(Detections.none(), 0.5, 0.8)) == 0


corner = st.integers(0, 50)
row = st.tuples(corner, corner, st.integers(1, 30), st.integers(1, 30), st.integers(1, 99)).map(
    lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3], r[4] / 100, r[4] % 2)
)


@given(rows=st.lists(row, max_size=12), seed=st.randoms())
def test_merging_does_not_depend_on_order_and_is_idempotent(rows, seed):
    once = merged(detections(rows), 0.5, 0.8)
    shuffled = list(rows)
    seed.shuffle(shuffled)
    again = merged(detections(shuffled), 0.5, 0.8)
    assert np.array_equal(once.boxes, again.boxes)
    assert np.array_equal(merged(once, 0.5, 0.8).boxes, once.boxes)
