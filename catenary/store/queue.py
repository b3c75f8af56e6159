"""The queue of the reviewers: what is in it, counts, and leases so that nobody gets the same."""

import base64
import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from catenary.domain.review import Reader, RefusedError, Right, State
from catenary.store import tally as tally_of
from catenary.store.review_items import (
    FACET_COLUMNS,
    FACETS,
    Item,
    Wanted,
    by_ids,
    conditions,
    run_ids,
    stored,
)
from catenary.store.schema import review_item, run
from catenary.store.tally import Tally

MOST_MASTS = 500  # values of the mast facet that are listed
_KM = func.coalesce(review_item.c.kilometre_m, -1.0)
_PLACE = (review_item.c.line, review_item.c.section, _KM, review_item.c.id)
_NEVER = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC without a zone, as the columns hold it


class Order(StrEnum):
    """In which order a list is shown."""

    RISK = "risk"
    PROBABILITY = "probability"
    PLACE = "place"
    NEWEST = "newest"
    DECIDED = "decided"


# Columns of each order, and whether the greatest comes first; the row makes it total.
_ORDERS: dict[Order, tuple[tuple[ColumnElement[Any], ...], bool]] = {
    Order.RISK: ((review_item.c.priority, review_item.c.id), True),
    Order.PROBABILITY: (
        (func.coalesce(review_item.c.probability, -1.0), review_item.c.id),
        True,
    ),
    Order.PLACE: (_PLACE, False),
    Order.NEWEST: ((review_item.c.entered_at, review_item.c.id), True),
    Order.DECIDED: (
        (func.coalesce(review_item.c.decided_at, _NEVER), review_item.c.id),
        True,
    ),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list.

    Attributes:
        items: In order.
        next: Where the next page begins; None after the last.
        total: Items of the whole list.
    """

    items: tuple[Item, ...]
    next: str | None
    total: int


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
class Lease:
    """What somebody gets to decide.

    Attributes:
        items: New ones, in order.
        kept: Rows of those asked to keep that are still theirs.
        until: When the lease of all of them ends, UTC.
    """

    items: tuple[Item, ...]
    kept: tuple[int, ...]
    until: datetime


def page(
    connection: Connection, wanted: Wanted, order: Order, cursor: str | None, limit: int
) -> Page:
    """Return some items of a list.

    Args:
        connection: Database.
        wanted: Filter.
        order: Order.
        cursor: `Page.next` of the page before, of the same filter and order; None for the first.
        limit: At most so many.

    Raises:
        RefusedError: ``"invalid"``, for a cursor that is not one of this order.
    """
    own = conditions(connection, wanted)
    total = connection.execute(select(func.count()).select_from(review_item).where(*own)).scalar()
    columns, is_falling = _ORDERS[order]
    if cursor is not None:
        place = tuple_(*columns)
        after = tuple_(*_place_of(cursor, order))
        own.append(place < after if is_falling else place > after)
    # The places first, which an index holds; then the items of one page.
    ordered = (
        select(*columns)
        .where(*own)
        .order_by(*(column.desc() if is_falling else column for column in columns))
    )
    rows = connection.execute(ordered.limit(limit + 1)).all()
    more = _cursor(order, list(rows[limit - 1])) if len(rows) > limit else None
    items = by_ids(connection, [row[-1] for row in rows[:limit]])
    return Page(tuple(items), more, int(total or 0))


def _cursor(order: Order, place: Sequence[Any]) -> str:
    plain = [one.isoformat() if isinstance(one, datetime) else one for one in place]
    text = json.dumps([str(order), *plain], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_of(cursor: str, order: Order) -> list[Any]:
    columns, _ = _ORDERS[order]
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told, *rest = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        place: list[Any] = list(rest)
        if told != order or len(place) != len(columns):
            raise ValueError("of another list")
        if order in (Order.NEWEST, Order.DECIDED):
            place[0] = datetime.fromisoformat(place[0])
        kinds = [str] * 2 + [float, int] if order is Order.PLACE else None
        for one, kind in zip(place, kinds or [object, int], strict=True):
            if isinstance(one, bool) or not isinstance(one, (kind, int) if kind is float else kind):
                raise TypeError(one)
    except (ValueError, TypeError) as error:
        raise RefusedError("invalid", f"cursor: {cursor!r} is not one of this list") from error
    return place


def facets(connection: Connection, wanted: Wanted) -> Facets:
    """Return the values that each filter could take, with right counts."""
    rows, tally = _tallied(connection, wanted)
    counts = {name: tally_of.ranked(tally.counts[name]) for name in _GROUPED}
    names = {row.id: row.name for row in connection.execute(select(run.c.id, run.c.name))}
    counts["run"] = [(names[key], count) for key, count in counts["run"]]
    counts["mast"] = _masts(connection, wanted)
    anywhere = replace(wanted, km_from=None, km_to=None)
    if anywhere != wanted:
        rows, around = _tallied(connection, anywhere)
    else:
        around = tally
    ends = [end for place in around.passed for end in rows[place][-2:] if end is not None]
    return Facets(tally.total, counts, (min(ends), max(ends)) if ends else None)


_GROUPED = tuple(name for name in FACETS if name != "mast")  # a run has thousands of masts


def _tallied(connection: Connection, wanted: Wanted) -> tuple[Sequence[tuple[Any, ...]], Tally]:
    """Count items by the values of all filters but mast and kilometre, in one reading.

    Returns:
        Rows of values, count, least and greatest kilometre post; and what is counted of them.
    """
    only = Wanted(mast=wanted.mast, km_from=wanted.km_from, km_to=wanted.km_to)
    columns = [FACET_COLUMNS[name] for name in _GROUPED]
    # The kilometre posts here as well: asked for alone, they are read by another index, row by row.
    place = review_item.c.kilometre_m
    query = select(*columns, func.count(), func.min(place), func.max(place))
    found = connection.execute(query.where(*conditions(connection, only)).group_by(*columns))
    rows = [_as_told(tuple(row), wanted.blind) for row in found]
    chosen = wanted.lists() | {"run": tuple(run_ids(connection, wanted.run))}
    passes = {
        name: frozenset(map(_plain, chosen[name])) for name in _GROUPED if wanted.lists()[name]
    }
    return rows, tally_of.of(_GROUPED, rows, passes)


_STATE, _REVIEWER = _GROUPED.index("state"), _GROUPED.index("reviewer")


def _as_told(row: tuple[Any, ...], blind: str | None) -> tuple[Any, ...]:
    if blind is None or row[_STATE] != State.SECOND or row[_REVIEWER] == blind:
        return row
    return (*row[:_REVIEWER], None, *row[_REVIEWER + 1 :])


def _plain(value: Any) -> Any:  # noqa: ANN401 - number or text of a filter
    return str(value) if isinstance(value, str) else value


def _masts(connection: Connection, wanted: Wanted) -> list[tuple[str | int | None, int]]:
    # An expression: grouped by the column itself, SQLite reads every row by the index of masts
    # (195 ms for 100,000 items) instead of the index that holds all that is counted (40 ms).
    column, count = FACET_COLUMNS["mast"].concat(literal_column("''")), func.count()
    query = (
        select(column, count)
        .where(*conditions(connection, wanted, without="mast"))
        .group_by(column)
        .order_by(count.desc(), column)
        .limit(MOST_MASTS)
    )
    return [(value, number) for value, number in connection.execute(query)]


def lease(tx: Connection, reader: Reader, asked: "Asked", now: datetime, until: datetime) -> Lease:
    """Give the next items to a reader, and to nobody else until then.

    Args:
        tx: Transaction.
        reader: Who.
        asked: What for.
        now: UTC.
        until: When the lease ends, UTC.
    """
    mine = review_item.c.held_by == reader.name
    release(tx, reader, asked.release)
    kept: list[int] = []
    if asked.keep:
        own = (mine, review_item.c.held_until > stored(now), review_item.c.id.in_(asked.keep))
        renewed = update(review_item).where(*own).values(held_until=stored(until))
        kept = list(tx.execute(renewed.returning(review_item.c.id)).scalars())
    states = _states(reader, asked.wanted)
    chosen = _next(tx, reader, asked, states, now)
    if chosen:
        held = {"held_by": reader.name, "held_until": stored(until)}
        tx.execute(update(review_item).where(review_item.c.id.in_(chosen)).values(held))
    return Lease(tuple(by_ids(tx, chosen)), tuple(sorted(kept)), until)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks for.

    Attributes:
        wanted: Filter; without states, those the reader may decide.
        count: How many new ones.
        keep: Rows whose lease goes on.
        release: Rows to give back.
        order: Risk or place.
    """

    wanted: Wanted = Wanted()  # noqa: RUF009 - frozen
    count: int = 1
    keep: tuple[int, ...] = ()
    release: tuple[int, ...] = ()
    order: Order = Order.RISK


def release(tx: Connection, reader: Reader, ids: Iterable[int]) -> None:
    """Give items back that a reader holds; others are left alone."""
    own = (review_item.c.held_by == reader.name, review_item.c.id.in_(list(ids)))
    tx.execute(update(review_item).where(*own).values(held_by=None, held_until=None))


def _states(reader: Reader, wanted: Wanted) -> list[State]:
    """Return the states to take from: asked for or usual, and only what the reader may decide."""
    rights = {
        State.OPEN: Right.DECIDE,
        State.UNJUDGED: Right.DECIDE,
        State.SECOND: Right.SECOND,
        State.DISPUTED: Right.SETTLE,
    }
    usual = [State.OPEN, State.SECOND, State.DISPUTED]
    return [one for one in wanted.state or usual if one in rights and reader.may(rights[one])]


def _free(reader: Reader, state: State, now: datetime) -> list[ColumnElement[bool]]:
    """Return as SQL what is in a state, not held, and not barred to this reader."""
    free = or_(review_item.c.held_by.is_(None), review_item.c.held_until <= stored(now))
    return [*_not_barred(reader, state), free]


def _not_barred(reader: Reader, state: State) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [review_item.c.state == state]
    if state is State.SECOND:
        found.append(review_item.c.first_by != reader.name)
    if state is State.DISPUTED:
        found.append(
            and_(*(_not_by(review_item.c[f"{n}_by"], reader) for n in ("first", "second")))
        )
    return found


def _not_by(column: ColumnElement[Any], reader: Reader) -> ColumnElement[bool]:
    return or_(column.is_(None), column != reader.name)


def _next(
    tx: Connection, reader: Reader, asked: Asked, states: Sequence[State], now: datetime
) -> list[int]:
    """Return the rows of the next free items, one indexed search for each state."""
    if asked.count <= 0:
        return []
    columns, is_falling = _ORDERS[asked.order]
    other = conditions(tx, asked.wanted, without="state")
    lists = []
    for state in dict.fromkeys(states):
        own = [*_free(reader, state, now), *other]
        if asked.keep:
            own.append(review_item.c.id.not_in(asked.keep))
        query = select(*columns).where(*own)
        ordered = query.order_by(*(one.desc() if is_falling else one for one in columns))
        # Several servers on one PostgreSQL take turns without waiting; SQLite has one writer.
        locked = ordered.limit(asked.count).with_for_update(skip_locked=True, of=review_item)
        lists.append([tuple(row) for row in tx.execute(locked)])
    merged = heapq.merge(*lists, reverse=is_falling)
    return [row[-1] for row, _ in zip(merged, range(asked.count), strict=False)]


def waiting(connection: Connection, reader: Reader, wanted: Wanted, now: datetime) -> int:
    """Return how many items a reader could still get under a filter: those that nobody holds."""
    total = 0
    other = conditions(connection, wanted, without="state")
    count = select(func.count()).select_from(review_item)
    live = (review_item.c.held_by.is_not(None), review_item.c.held_until > stored(now))
    held = list(connection.execute(select(review_item.c.id).where(*live)).scalars())
    for state in dict.fromkeys(_states(reader, wanted)):
        own = [*_not_barred(reader, state), *other]
        total += connection.execute(count.where(*own)).scalar() or 0
        if held:
            taken = count.where(*own, review_item.c.id.in_(held))
            total -= connection.execute(taken).scalar() or 0
    return total
