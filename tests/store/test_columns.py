"""Rows that are kept in memory: what comes first, and codes that outgrow their type."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import true

from catenary.store import columns
from catenary.store.columns import Kept, Key, Rows
from catenary.store.schema import review_item, review_item_stamp

JOINT = (("place", ("line", "section")),)
values = st.none() | st.integers(0, 3)
keys = st.lists(st.tuples(st.booleans(), values), max_size=12)
places = st.none() | st.tuples(st.integers(0, 3), st.integers(0, 12))


@given(keys, st.integers(1, 5), places, st.booleans(), st.integers(1, 13))
def test_what_comes_first_is_that_of_a_sort(
    found: list[tuple[bool, int | None]],
    limit: int,
    after: tuple[int, int] | None,
    is_falling: bool,
    block: int,
):
    those = np.array([there for there, _ in found], bool)
    numbers = np.array([value for _, value in found], float)
    after = after if found and after and after[1] < len(found) else None
    rows = [(1 if value is None else value, n) for n, (there, value) in enumerate(found) if there]
    rows.sort(reverse=is_falling)
    behind = [row for row in rows if after is None or (row < after if is_falling else row > after)]
    with mock.patch.object(columns, "_BLOCK", block):
        key = Key(numbers, is_falling, none=1)
        assert columns.first(those, key, limit, after) == [row for _, row in behind][:limit]


def test_totals_follow_rows_that_come_change_and_go():
    kept = Kept(review_item, review_item_stamp, ("line", "section"), (), true(), JOINT)
    rows = Rows(kept)
    rows.put([(0, "a", "x"), (2, "a", "y"), (5, "b", "x")])
    rows.put([(2, "b", "x"), (1, "b", "x")])
    rows.drop([0, 3])
    expected = {("b", "x"): 3}
    assert rows.counts("place", rows.is_there) == expected
    assert rows.counts("place", np.flatnonzero(rows.is_there)) == expected
    assert rows.counts("line", rows.is_there) == {"b": 3}
    most = rows.is_there.copy()
    most[1] = False
    assert rows.counts("place", most) == {("b", "x"): 2}


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
