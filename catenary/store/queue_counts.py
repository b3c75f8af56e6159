"""Counts of the queue: for filters, for lists, and of what still waits for somebody."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from catenary.domain.review import Reader, State
from catenary.store import columns, queue, queue_order
from catenary.store.columns import Columns, Kept, Mask, Rows, Selection
from catenary.store.database import Database
from catenary.store.queue import Asked, Order, Page
from catenary.store.review_items import (
    FACET_COLUMNS,
    FACETS,
    ON_ITS_OWN,
    Blind,
    Wanted,
    run_ids,
    stored,
)
from catenary.store.schema import review_item, review_item_stamp, run

MOST_MASTS = 500  # values of the mast facet that are listed
_COLUMN = {name: FACET_COLUMNS[name].name for name in FACETS}
_KEPT = Kept(
    review_item,
    review_item_stamp,
    (*_COLUMN.values(), "first_by", "second_by"),
    ("kilometre_m", "priority", "probability", "entered_at", "decided_at"),
    ON_ITS_OWN,
    ((queue_order.PLACE, ("line", "section")),),
)
FEW = 1000  # items that are quicker looked up than searched
_KM = "kilometre"  # a filter without a list of values
_MAST = "mast"  # the one with thousands of values


@dataclass(frozen=True, slots=True)
class Facets:
    """Values with counts, each under all filters but its own.

    Attributes:
        total: Items under all filters.
        counts: Name of a filter to (value, count), most first.
        kilometre_m: Least and greatest under all filters but those of the kilometre; or None.
    """

    total: int
    counts: dict[str, list[tuple[str | int | None, int]]]
    kilometre_m: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list.

    Attributes:
        page: Its items.
        total: Items of the whole list.
    """

    page: Page
    total: int


class QueueCounts:
    """Counts of a queue as it is now; safe to share between threads."""

    def __init__(self, db: Database) -> None:
        """Keep the database; it is read when somebody asks."""
        self._columns = Columns(db, _KEPT)

    def refresh(self) -> None:
        """Read what changed, so that the next one who asks need not wait for it."""
        with self._columns.read():
            pass

    def facets(self, wanted: Wanted) -> Facets:
        """Return the values that each filter could take, with right counts."""
        with self._columns.read() as (rows, connection):
            names = {one.id: one.name for one in connection.execute(select(run.c.id, run.c.name))}
            chosen = _selection(rows, connection, wanted)
            told = {
                name: _values(rows, name, chosen, wanted.blind) for name in FACETS if name != _MAST
            }
            told["run"] = {names[key]: count for key, count in told["run"].items()}
            counts = {name: columns.most(found) for name, found in told.items()}
            counts[_MAST] = rows.most(_COLUMN[_MAST], chosen.under_all(but=_MAST), MOST_MASTS)
            around = rows.number("kilometre_m")[chosen.under_all(but=_KM)]
            return Facets(columns.total(chosen.under_all()), counts, _ends(around))

    def page(self, wanted: Wanted, order: Order, cursor: str | None, limit: int) -> Listed:
        """Return some items of a list, and how many it has; arguments as of `queue.page`.

        Raises:
            RefusedError: ``"invalid"``, for a cursor that is not one of this order.
        """
        after = None if cursor is None else queue.place_of(cursor, order)
        with self._columns.read() as (rows, connection):
            under = _selection(rows, connection, wanted).under_all()
            few = queue_order.first(rows, under, order, limit + 1, after)
            page = queue.page(connection, wanted, order, cursor, limit, few)
            return Listed(page, columns.total(under))

    def next(self, reader: Reader, asked: Asked, now: datetime) -> Asked:
        """Return what a reader asks for with the rows to be had now, best first, for `lease`.

        Not for the queue as it comes, by risk and without a filter: an index has that order.
        """
        if asked.order is Order.RISK and asked.wanted.is_any:
            return asked
        with self._columns.read() as (rows, connection):
            free = _free(rows, connection, reader, asked.wanted, now, asked.release)
            free[[one for one in asked.keep if one < len(free)]] = False
            limit = asked.count + queue.SPARE
            few = queue_order.first(rows, free, asked.order, limit) if asked.count > 0 else []
            return replace(asked, few=tuple(few))

    def to_read_again(self, reader: Reader) -> tuple[int, ...] | None:
        """Return the rows of what waits for a second reading by somebody; None if they are many."""
        with self._columns.read() as (rows, _):
            found = np.flatnonzero(_open_to(rows, reader, State.SECOND) & rows.is_there)
            return tuple(found.tolist()) if len(found) <= FEW else None

    def waiting(self, reader: Reader, wanted: Wanted, now: datetime) -> int:
        """Return how many items a reader could still get under a filter: those nobody holds."""
        with self._columns.read() as (rows, connection):
            return columns.total(_free(rows, connection, reader, wanted, now))


def _free(
    rows: Rows,
    connection: Connection,
    reader: Reader,
    wanted: Wanted,
    now: datetime,
    given_back: Collection[int] = (),
) -> Mask:
    """Return what a reader could get under a filter, beside what they are to give back."""
    # Not `IS NOT NULL`: for that SQLite reads every row, and here an index.
    live = (review_item.c.held_by > "", review_item.c.held_until > stored(now))
    held = connection.execute(select(review_item.c.id).where(*live)).scalars()
    asked = _selection(rows, connection, wanted).under_all(but="state")
    free = np.zeros_like(asked)
    known = rows.values("state")
    for state in queue.states_of(reader, wanted):
        if str(state) in known:
            free |= _open_to(rows, reader, state)
    own = set(given_back)
    # Merged ones are not kept.
    free[[one for one in held if one < len(free) and one not in own]] = False
    return asked & free


def _selection(rows: Rows, connection: Connection, wanted: Wanted) -> Selection:
    """Return what a filter picks."""
    chosen = Selection(rows)
    for name, values in wanted.lists().items():
        if values:
            own = run_ids(connection, values) if name == "run" else [_plain(one) for one in values]
            passes = rows.among(_COLUMN[name], own)
            if name == "reviewer":
                untold = _untold(rows, wanted.blind)
                passes = (passes & ~untold) | (untold if "" in own else False)
            for row, told in _told_otherwise(rows, name, wanted.blind).items():
                passes[row] = told in own
            chosen.keep_out(name, ~passes)
    if wanted.km_from is not None or wanted.km_to is not None:
        low = -np.inf if wanted.km_from is None else wanted.km_from
        high = np.inf if wanted.km_to is None else wanted.km_to
        place = rows.number("kilometre_m")
        chosen.keep_out(_KM, ~((place >= low) & (place <= high)))
    return chosen


def _plain(value: str | int) -> str | int:
    return str(value) if isinstance(value, str) else value  # a name of ours is text there


def _untold(rows: Rows, blind: Blind | None) -> Mask:
    """Return the items of which somebody is not told who read first."""
    if blind is None:
        return np.zeros_like(rows.is_there)
    return rows.among("state", [str(State.SECOND)]) & ~rows.among("reviewer", [blind.reader])


def _told_otherwise(rows: Rows, name: str, blind: Blind | None) -> dict[int, str | int | None]:
    """Return the items whose condition or grade somebody is told as the scan said it."""
    if blind is None or name not in ("condition", "grade"):
        return {}
    there = len(rows.is_there)  # merged ones are not kept
    return {row: told for row, told in blind.told(name).items() if row < there}


def _values(rows: Rows, name: str, chosen: Selection, blind: Blind | None) -> Mapping[Any, int]:
    """Return the values of a filter with their counts, under all the others."""
    under = chosen.under_all(but=name)
    found = Counter[Any]()
    if name == "reviewer":
        untold = under & _untold(rows, blind)
        found[""] += columns.total(untold)
        under = under & ~untold
    for row, told in _told_otherwise(rows, name, blind).items():
        found[told] += int(under[row])
        under[row] = False
    found.update(rows.counts(_COLUMN[name], under))
    return +found


def _ends(places: NDArray[np.float64]) -> tuple[float, float] | None:
    known = places[~np.isnan(places)]
    return (float(known.min()), float(known.max())) if known.size else None


def _open_to(rows: Rows, reader: Reader, state: State) -> Mask:
    """Return what is in a state and may be decided by a reader; as `queue.lease` does."""
    own = rows.among("state", [str(state)])
    if state in (State.SECOND, State.DISPUTED):
        own &= ~rows.among("first_by", [reader.name])
    if state is State.DISPUTED:
        own &= ~rows.among("second_by", [reader.name])
    return own
