"""Columns of a table kept in memory and brought up to date, so that counting reads no row.

Each row has the place of its number in every array: numbers are dense.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, DateTime, Select, Table, and_, select, true

from catenary.store import stamps
from catenary.store.database import Database

Mask = NDArray[np.bool_]
_CHUNK = 20_000  # rows read at once
_GROWTH = 1.25  # so that one new row does not copy all others
_CODES = (np.uint8, np.uint16, np.uint32)
_FEW = 4  # values that are compared one by one: quicker than a table of all of them
_BLOCK = 1 << 17  # rows looked at together: what is made of them stays in the processor's cache


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a table.

    Attributes:
        table: With a column ``id``.
        stamps: See `stamps.statements`; all columns named here are stamped.
        coded: Columns of few values.
        numbers: Columns of numbers or times, None among them.
        joint: Columns of few values that are coded together too: each with a name.
        shown: Rows that count, as SQL.
    """

    table: Table
    stamps: Table
    coded: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    shown: ColumnElement[bool] = true()  # noqa: RUF009 - no value but SQL
    joint: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def query(self) -> "Select[Any]":
        """Select rows that count: their number, then the columns."""
        columns = (self.table.c[name] for name in ("id", *self.coded, *self.numbers))
        return select(*columns).where(self.shown)


class _Codes(dict[Any, int]):
    """Numbers of values, in the order in which they were first seen."""

    def __missing__(self, value: object) -> int:
        number = self[value] = len(self)
        return number


class Rows:
    """The columns; whoever reads them has them alone (see `Columns.read`)."""

    def __init__(self, kept: Kept) -> None:
        """Begin without a row."""
        self._kept = kept
        names = (*kept.coded, *(name for name, _ in kept.joint))
        self._codes = {name: _Codes() for name in names}
        self._coded: dict[str, NDArray[Any]] = {name: np.zeros(0, np.uint8) for name in names}
        self._totals = {name: np.zeros(0, np.int64) for name in names}  # of each code, as it is now
        self._numbers = {name: np.zeros(0) for name in kept.numbers}
        self._ranks: dict[str, NDArray[np.int64]] = {}
        self.is_there: Mask = np.zeros(0, np.bool_)  # (N,) whether a row counts

    def number(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, (N,): NaN for none, times as `seconds`."""
        return self._numbers[name]

    def codes(self, name: str) -> NDArray[Any]:
        """Return the values of a column of few values, (N,) unsigned: the same for the same."""
        return self._coded[name]

    def values(self, name: str) -> list[Any]:
        """Return the values of a column of few values, in the order of their codes."""
        return list(self._codes[name])

    def among(self, name: str, values: Collection[Any]) -> Mask:
        """Return which rows have one of some values, (N,)."""
        codes = self._codes[name]
        own = [codes[value] for value in values if value in codes]
        if len(own) <= _FEW:
            some: Mask = np.zeros_like(self.is_there)
            for code in own:
                some |= self._coded[name] == code
            return some
        wanted = np.zeros(max(len(codes), 1), np.bool_)
        wanted[own] = True
        passes: Mask = wanted[self._coded[name]]
        return passes

    def counts(self, name: str, those: "Mask | NDArray[np.int64]") -> dict[Any, int]:
        """Return how many of those rows have each value; values that none has are left out.

        Args:
            name: Of a column of few values.
            those: Which rows, (N,), or their numbers.
        """
        found, values = self._counted(name, those), self.values(name)
        return {values[code]: int(found[code]) for code in np.flatnonzero(found).tolist()}

    def _counted(self, name: str, those: "Mask | NDArray[np.int64]") -> NDArray[np.int64]:
        """Return how many of those rows have each code; of most rows by counting the others."""
        coded, size = self._coded[name], len(self._codes[name])
        if those.dtype != np.bool_:
            return np.bincount(coded[those], minlength=size)
        if 2 * np.count_nonzero(those) <= total(self.is_there):
            return np.bincount(coded[np.flatnonzero(those)], minlength=size)
        others = np.flatnonzero(self.is_there & ~those)
        return self._totals[name] - np.bincount(coded[others], minlength=size)

    def most(self, name: str, those: Mask, limit: int) -> list[tuple[Any, int]]:
        """Return the values that most of those rows have, as `most` of their `counts` would.

        Of many values this is much quicker: no value is looked at but those returned.
        """
        codes, ranks = self._codes[name], self._ranked(name)
        found = self._counted(name, those)
        order = ranks - len(codes) * found  # most first, then by their text
        likely = np.flatnonzero(found)
        if len(likely) > limit:
            likely = likely[np.argpartition(order[likely], limit)[:limit]]
        chosen = likely[np.argsort(order[likely])].tolist()
        values = self.values(name)
        return [(values[code], int(found[code])) for code in chosen]

    def _ranked(self, name: str) -> NDArray[np.int64]:
        """Return the place of each value of a column in the order of their texts."""
        codes = self._codes[name]
        if name not in self._ranks or len(self._ranks[name]) < len(codes):
            ranks = np.zeros(len(codes), np.int64)
            ranks[[codes[value] for value in sorted(codes, key=str)]] = np.arange(len(codes))
            self._ranks[name] = ranks
        return self._ranks[name]

    def drop(self, ids: Sequence[int]) -> None:
        """Leave rows out, until they are put again."""
        self._make_room(max(ids, default=-1) + 1)
        those = np.array(ids, np.int64)
        self._count(those[self.is_there[those]], -1)
        self.is_there[those] = False

    def _count(self, ids: NDArray[np.int64], sign: int) -> None:
        """Add rows to the totals, or take them away."""
        for name, codes in self._codes.items():
            more = len(codes) - len(self._totals[name])
            self._totals[name] = np.pad(self._totals[name], (0, more))
            np.add.at(self._totals[name], self._coded[name][ids], sign)

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take rows as `Kept.query` gives them, new ones or known ones."""
        columns = list(zip(*rows, strict=True))
        if not columns:
            return
        self._make_room(max(columns[0]) + 1)
        ids = np.array(columns[0], np.int64)
        self._count(ids[self.is_there[ids]], -1)
        coded = columns[1 : 1 + len(self._kept.coded)]
        told: dict[str, NDArray[Any]] = {}
        for name, values in zip(self._kept.coded, coded, strict=True):
            codes = self._codes[name]
            told[name] = np.fromiter(map(codes.__getitem__, values), np.uint32, len(ids))
        for name, own in self._kept.joint:
            told[name] = self._joined(name, own, told)
        for name, numbered in told.items():
            self._coded[name] = _fitting(self._coded[name], len(self._codes[name]))
            self._coded[name][ids] = numbered
        numbers = columns[1 + len(self._kept.coded) :]
        for name, values in zip(self._kept.numbers, numbers, strict=True):
            is_time = isinstance(self._kept.table.c[name].type, DateTime)
            told_at = map(_Seconds().__getitem__, values)
            # None is NaN in an array of numbers.
            self._numbers[name][ids] = np.array(list(told_at) if is_time else values, np.float64)
        self._count(ids, 1)
        self.is_there[ids] = True

    def _joined(
        self, name: str, own: Sequence[str], told: Mapping[str, NDArray[Any]]
    ) -> NDArray[np.uint32]:
        """Return the codes of what some columns hold together."""
        held = [list(self._codes[one]) for one in own]
        found, place = np.unique(np.array([told[one] for one in own]), axis=1, return_inverse=True)
        codes = self._codes[name]
        kinds = [
            codes[tuple(values[code] for values, code in zip(held, kind, strict=True))]
            for kind in found.T.tolist()
        ]
        return np.array(kinds, np.uint32)[place.ravel()]

    def _make_room(self, size: int) -> None:
        have = len(self.is_there)
        if size <= have:
            return
        more = max(size, int(have * _GROWTH)) - have
        self.is_there = np.pad(self.is_there, (0, more))
        self._coded = {name: np.pad(column, (0, more)) for name, column in self._coded.items()}
        self._numbers = {name: np.pad(column, (0, more)) for name, column in self._numbers.items()}


def _fitting(column: NDArray[Any], values: int) -> NDArray[Any]:
    """Return a column in the smallest type that holds so many codes; it only grows."""
    kind = next(one for one in _CODES if values - 1 <= np.iinfo(one).max)
    return column if column.itemsize >= np.dtype(kind).itemsize else column.astype(kind)


class _Seconds(dict[Any, float]):
    """Times as `seconds`, each told once: many rows have the same."""

    def __missing__(self, value: datetime | None) -> float:
        number = self[value] = np.nan if value is None else seconds(value)
        return number


def seconds(at: datetime) -> float:
    """Return a time as it is kept: seconds since 1970, UTC where it names no zone."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Columns:
    """Columns of a table as they are now; safe to share between threads, right beside others."""

    def __init__(self, db: Database, kept: Kept) -> None:
        """Keep what to keep; nothing is read until somebody asks."""
        self._db, self._kept = db, kept
        self._lock = threading.Lock()
        self._rows = Rows(kept)
        self._open_from: int | None = None

    @contextmanager
    def read(self) -> Iterator[tuple[Rows, Connection]]:
        """Lend the columns, and a view of the data that they are of, to one thread at a time.

        Raises:
            StoreError: As `Database.read`.
        """
        # The view is opened under the lock: each is newer than the one before.
        with self._lock, self._db.read() as connection:
            self._bring_up_to_date(connection)
            yield self._rows, connection

    def _bring_up_to_date(self, connection: Connection) -> None:
        kept, window = self._kept, stamps.window(connection, self._kept.stamps)
        if self._open_from is None:
            self._rows = Rows(kept)
            self._take(connection, kept.query())
        elif self._open_from < window.until:
            stamp = kept.stamps.c.stamp
            own = and_(stamp >= self._open_from, stamp < window.until)
            changed = select(kept.stamps.c.row_id).where(own)
            # Whoever is not shown any more is not read again, and stays out.
            self._rows.drop(list(connection.execute(changed).scalars()))
            self._take(connection, kept.query().where(kept.table.c.id.in_(changed)))
        self._open_from = window.open_from

    def _take(self, connection: Connection, query: "Select[Any]") -> None:
        found = connection.execution_options(yield_per=_CHUNK).execute(query)
        for rows in found.partitions(_CHUNK):
            self._rows.put(rows)


class Selection:
    """Rows that pass all filters, and those that one filter alone keeps out."""

    def __init__(self, rows: Rows) -> None:
        """Begin with every row that counts."""
        self._there = rows.is_there
        self._misses = np.zeros(len(rows.is_there), np.uint8)
        self._outside: dict[str, Mask] = {}

    def keep_out(self, name: str, outside: Mask) -> None:
        """Add a filter by what it keeps out; once each."""
        self._outside[name] = outside
        self._misses += outside

    def under_all(self, but: str = "") -> Mask:
        """Return which rows pass all filters, that one aside."""
        # One miss at most: then its own is the only one.
        own: Mask | np.uint8 = self._outside.get(but, np.uint8(0))
        passes: Mask = self._there & (self._misses == own)
        return passes


@dataclass(frozen=True, slots=True)
class Key:
    """A column of numbers that rows are put in order by, those of the same number by their row.

    Attributes:
        numbers: (N,).
        is_falling: Whether the greatest comes first, of the same number the last row.
        none: Stands for NaN; None where there is none.
    """

    numbers: NDArray[np.float64]
    is_falling: bool = False
    none: float | None = None

    def block(self, start: int) -> NDArray[np.float64]:
        """Return the numbers of some rows so that the least comes first, in the order of places."""
        own = self._part(self.numbers, start)
        if self.none is not None:
            own = np.where(np.isnan(own), self.none, own)
        return -own if self.is_falling else own

    def passes(self, those: Mask, start: int) -> Mask:
        """Return which of these rows are wanted."""
        return self._part(those, start)

    def row(self, place: int) -> int:
        """Return the row at a place, or the place of a row."""
        return len(self.numbers) - 1 - place if self.is_falling else place

    def _part(self, column: NDArray[Any], start: int) -> NDArray[Any]:
        turned = column[::-1] if self.is_falling else column
        return turned[start : start + _BLOCK]


def first(those: Mask, key: Key, limit: int, after: tuple[float, int] | None = None) -> list[int]:
    """Return the rows that come first by a key.

    Rows are looked at block by block, and kept if they come before the last of the best so far:
    of millions few do, so that it costs little more than to compare them once.

    Args:
        those: Which rows, (N,).
        key: Order.
        limit: At most so many.
        after: Number and row behind which to begin; None for the beginning.

    >>> first(np.array([True, True, False, True]), Key(np.array([2.0, 1.0, 0.0, 1.0])), 2)
    [1, 3]
    """
    places, keys = np.zeros(0, np.int64), np.zeros(0)
    for start in range(0, len(those) if limit > 0 else 0, _BLOCK):
        passes = key.passes(those, start)
        if not passes.any():
            continue
        block = key.block(start)
        if after is not None:
            passes = passes & _is_after(block, start, key, after)
        if len(keys) == limit:
            passes = passes & (block < keys.max())
        found = np.flatnonzero(passes)
        places = np.concatenate([places, start + found])
        keys = np.concatenate([keys, block[found]])
        if len(keys) > limit:
            last = np.partition(keys, limit - 1)[limit - 1]
            under = np.flatnonzero(keys < last)
            best = np.concatenate([under, np.flatnonzero(keys == last)[: limit - len(under)]])
            places, keys = places[best], keys[best]
    return [key.row(int(one)) for one in places[np.lexsort((places, keys))]]


def _is_after(block: NDArray[np.float64], start: int, key: Key, after: tuple[float, int]) -> Mask:
    """Return which rows of a block come behind one."""
    at, place = -after[0] if key.is_falling else after[0], key.row(after[1])
    same = block == at
    same[: max(0, place + 1 - start)] = False
    passes: Mask = (block > at) | same
    return passes


def total(those: Mask) -> int:
    """Return how many rows there are."""
    return int(np.count_nonzero(those))


def most(counts: Mapping[Any, int], limit: int | None = None) -> list[tuple[Any, int]]:
    """Return values with their counts, most first, at most so many.

    >>> most({"a": 1, "b": 3, "c": 1}, 2)
    [('b', 3), ('a', 1)]
    """
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:limit]
