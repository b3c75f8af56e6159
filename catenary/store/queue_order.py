"""Which items of the queue come first in an order, told from the columns in memory.

However a filter picks, and in whatever order, the best fifty of millions are found by comparing
each once; a search in the database is that quick only where an index happens to fit both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from catenary.store import columns
from catenary.store.columns import Key, Mask, Rows, seconds
from catenary.store.queue import Order

PLACE = "place"  # line and section, coded together
_NO_KM, _NO_PROBABILITY = -1.0, -1.0  # what `queue.Order` takes for none
_SPARSE = 8  # of one row in so many or fewer, the numbers are taken out first

_FALLING = {
    Order.RISK: ("priority", None),
    Order.PROBABILITY: ("probability", _NO_PROBABILITY),
    Order.NEWEST: ("entered_at", None),
    Order.DECIDED: ("decided_at", 0.0),
}


def first(
    rows: Rows, those: Mask, order: Order, limit: int, after: Sequence[Any] | None = None
) -> list[int]:
    """Return the items that come first, in order.

    Args:
        rows: Columns of the queue.
        those: Which items, (N,).
        order: Order.
        limit: At most so many.
        after: Values of the order's columns behind which to begin; None for the beginning.
    """
    if order is Order.PLACE:
        return _by_place(rows, those, limit, after)
    name, none = _FALLING[order]
    begin = None
    if after is not None:
        at, row = after
        begin = (seconds(at) if isinstance(at, datetime) else float(at), int(row))
    return columns.first(those, Key(rows.number(name), True, none), limit, begin)


def _by_place(rows: Rows, those: Mask, limit: int, after: Sequence[Any] | None) -> list[int]:
    """Go through the stations in order until there are enough; within one by kilometre."""
    stations = rows.counts(PLACE, those)
    codes, posts = rows.codes(PLACE), rows.number("kilometre_m")
    ids = None
    if columns.total(those) * _SPARSE <= len(those):
        ids = np.flatnonzero(those)
        codes, posts, those = codes[ids], posts[ids], np.ones(len(ids), np.bool_)
    known = {value: code for code, value in enumerate(rows.values(PLACE))}
    begin = None if after is None else (str(after[0]), str(after[1]))
    found: list[int] = []
    for station in sorted(stations):
        if len(found) >= limit or (begin is not None and station < begin):
            continue
        behind = None
        if after is not None and station == begin:
            row = int(after[3])
            # Where items were taken out a row is at the place of the last that is not behind it.
            place = row if ids is None else int(np.searchsorted(ids, row, "right")) - 1
            behind = (float(after[2]), place)
        own = those & (codes == known[station])
        found += columns.first(own, Key(posts, none=_NO_KM), limit - len(found), behind)
    return found if ids is None else [int(one) for one in ids[found]]
