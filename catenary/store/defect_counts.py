"""Counts of the closed loop, for its filters and lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from catenary.domain.defect_loop import LISTED, LoopState
from catenary.store import columns, defects
from catenary.store.columns import Columns, Kept, Mask, Rows, Selection
from catenary.store.database import Database
from catenary.store.defects import COLUMNS, FACETS, DefectOrder, DefectsWanted
from catenary.store.review_items import run_ids
from catenary.store.schema import defect, defect_stamp, run

FEW = 1000  # defects that are quicker looked up than searched
_SPARE = 50  # rows behind a page, since some of it may change before it is read
MOST_MASTS = 500  # values of the mast facet that are listed
_MAST = "mast"  # the filter with thousands of values
_COLUMN = {name: COLUMNS[name].name for name in FACETS}
_KEPT = Kept(defect, defect_stamp, tuple(_COLUMN.values()), ("due", "suspected_of", "joined_to"))


@dataclass(frozen=True, slots=True)
class DefectFacets:
    """Values with counts, each under all filters but its own.

    Attributes:
        total: Defects under all filters.
        overdue: Those of them whose deadline has passed.
        counts: Name of a filter to (value, count), most first.
    """

    total: int
    overdue: int
    counts: dict[str, list[tuple[str | int, int]]]


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a list before it is read.

    Attributes:
        total: Defects of the whole list.
        overdue: Those of them whose deadline has passed.
        few: Rows among which the page is, where they are few; None where it must be searched.
    """

    total: int
    overdue: int
    few: tuple[int, ...] | None


class DefectCounts:
    """Counts of the closed loop as it is now; safe to share between threads."""

    def __init__(self, db: Database) -> None:
        """Keep the database; it is read when somebody asks."""
        self._columns = Columns(db, _KEPT)

    def refresh(self) -> None:
        """Read what changed, so that the next one who asks need not wait for it."""
        with self._columns.read():
            pass

    def totals(self, wanted: DefectsWanted, now: datetime) -> tuple[int, int]:
        """Return how many defects there are under a filter, and how many of them are overdue."""
        with self._columns.read() as (rows, connection):
            return _totals(rows, _selection(rows, connection, wanted, now), now)

    def listed(
        self,
        wanted: DefectsWanted,
        order: DefectOrder,
        cursor: str | None,
        limit: int,
        now: datetime,
    ) -> Listed:
        """Return what is known of a page; arguments as of `defects.page`.

        Raises:
            RefusedError: ``"invalid"``, for a cursor that is not one of this order.
        """
        with self._columns.read() as (rows, connection):
            chosen = _selection(rows, connection, wanted, now)
            totals = _totals(rows, chosen, now)
            if totals[0] <= FEW:
                return Listed(*totals, tuple(np.flatnonzero(chosen.under_all()).tolist()))
            if order is not DefectOrder.DUE:
                return Listed(*totals, None)
            after = None if cursor is None else defects.place_of(cursor, order)
            start = None if after is None else (columns.seconds(after[0]), after[1])
            due = columns.Key(rows.number("due"), none=columns.seconds(defects.FAR))
            found = columns.first(chosen.under_all(), due, limit + _SPARE, start)
            return Listed(*totals, tuple(found))

    def facets(self, wanted: DefectsWanted, now: datetime) -> DefectFacets:
        """Return the values that each filter could take, with right counts.

        A defect counts for each run in which it was seen.
        """
        with self._columns.read() as (rows, connection):
            names = {one.id: one.name for one in connection.execute(select(run.c.id, run.c.name))}
            chosen = _selection(rows, connection, wanted, now)
            told: dict[str, Mapping[Any, int]] = {
                name: rows.counts(_COLUMN[name], chosen.under_all(but=name))
                for name in FACETS
                if name != _MAST
            }
            again = _seen_again(rows, chosen.under_all(but="run"))
            told["run"] = {
                names[key]: told["run"].get(key, 0) + again.get(key, 0)
                for key in {*told["run"], *again}
            }
            counts = {name: columns.most(found) for name, found in told.items()}
            counts[_MAST] = rows.most(_COLUMN[_MAST], chosen.under_all(but=_MAST), MOST_MASTS)
            return DefectFacets(*_totals(rows, chosen, now), counts)


def _totals(rows: Rows, chosen: Selection, now: datetime) -> tuple[int, int]:
    under = chosen.under_all()
    return columns.total(under), columns.total(under & _late(rows, now))


def _late(rows: Rows, at: datetime) -> Mask:
    return rows.number("due") < columns.seconds(at)  # none is NaN, and never late


def _selection(
    rows: Rows, connection: Connection, wanted: DefectsWanted, now: datetime
) -> Selection:
    """Return what a filter picks."""
    chosen = Selection(rows)
    lists = {name: getattr(wanted, name) for name in FACETS if name != "run"}
    lists["state"] = [str(one) for one in lists["state"] or LISTED]
    for name, values in lists.items():
        if values:
            chosen.keep_out(name, ~rows.among(_COLUMN[name], values))
    if wanted.run:
        chosen.keep_out("run", ~_seen_in(rows, run_ids(connection, wanted.run)))
    if wanted.overdue is not None:
        chosen.keep_out("overdue", _late(rows, now) != wanted.overdue)
    if wanted.suspected is not None:
        joined = rows.among("state", [str(LoopState.JOINED)])
        suspected = ~np.isnan(rows.number("suspected_of")) & ~joined
        chosen.keep_out("suspected", suspected != wanted.suspected)
    if wanted.due_before is not None:
        chosen.keep_out("due_before", ~_late(rows, wanted.due_before))
    return chosen


def _sightings(rows: Rows) -> tuple[Any, Any]:
    """Return the rows that were joined to another, (M,), and those others, (M,)."""
    joined_to = rows.number("joined_to")
    own = np.flatnonzero(rows.is_there & ~np.isnan(joined_to))
    return own, joined_to[own].astype(np.int64)


def _seen_in(rows: Rows, runs: list[int]) -> Mask:
    """Return which defects, or ones that were joined to them, are of one of some runs."""
    found = rows.among("run_id", runs)
    own, others = _sightings(rows)
    again = others[found[own]]
    found[again] = True
    return found


def _seen_again(rows: Rows, those: Mask) -> dict[int, int]:
    """Return how many of those defects were seen again in each other run, once each."""
    own, others = _sightings(rows)
    run_of = rows.codes("run_id")
    counts = those[others] & (run_of[own] != run_of[others])
    own, others = own[counts], others[counts]
    pairs = others * (int(run_of.max(initial=0)) + 1) + run_of[own]
    _, once = np.unique(pairs, return_index=True)
    return rows.counts("run_id", own[once])
