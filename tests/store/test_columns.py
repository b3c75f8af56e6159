"""Rows that are kept in memory: what comes first, and codes that outgrow their type."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.store import columns
from catenary.store.columns import Kept, Rows
from catenary.store.schema import review_item, review_item_stamp

keys = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=12)


@given(keys, st.integers(1, 5), st.none() | st.tuples(st.integers(0, 3), st.integers(0, 12)))
def test_what_comes_first_is_that_of_a_sort(
    found: list[tuple[bool, int]], limit: int, after: tuple[int, int] | None
):
    those = np.array([there for there, _ in found], bool)
    key = np.array([value for _, value in found], float)
    rows = sorted((value, row) for row, (there, value) in enumerate(found) if there)
    expected = [row for value, row in rows if after is None or (value, row) > after][:limit]
    assert columns.first(those, key, limit, after) == expected


@pytest.mark.parametrize("count", [2, 256, 257, 70_000])
def test_any_number_of_values_is_counted(count: int):
    rows = Rows(Kept(review_item, review_item_stamp, ("camera",)))
    for start in range(0, count, 20_000):
        rows.put([(number, f"c{number}") for number in range(start, min(count, start + 20_000))])
    rows.put([(count, "c1")])
    counts = rows.counts("camera", rows.is_there)
    assert len(counts) == count
    assert counts.pop("c1") == 2
    assert set(counts.values()) == {1}
    assert np.flatnonzero(rows.among("camera", ["c1", "nobody"])).tolist() == [1, count]


@given(st.lists(st.sampled_from(["", None, "3", "20", "b", "a"]), max_size=12), st.integers(1, 7))
def test_what_most_have_is_that_of_all_counts(values: list[str | None], limit: int):
    rows = Rows(Kept(review_item, review_item_stamp, ("camera",)))
    for row in range(len(values) + 1):  # one by one: new values come while others were ranked
        rows.put([(row, values[row - 1])] if row else [])
        expected = columns.most(rows.counts("camera", rows.is_there), limit)
        assert rows.most("camera", rows.is_there, limit) == expected
