"""The queue of the reviewers: what is in it, counts, and leases so that nobody gets the same."""

import base64
import heapq
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    collate,
    func,
    or_,
    select,
    tuple_,
    update,
)

from catenary.domain.review import Reader, RefusedError, Right, State
from catenary.store.postgresql import DIALECT
from catenary.store.review_items import (
    Item,
    Wanted,
    by_ids,
    conditions,
    stored,
)
from catenary.store.schema import review_item

_KM = func.coalesce(review_item.c.kilometre_m, -1.0)
_PLACE = (review_item.c.line, review_item.c.section, _KM, review_item.c.id)
_NUMBERS = (float, int)
_MOST = 2**63  # beyond, databases hold no number
SPARE = 50  # rows that are looked for beyond those wanted, since others lease meanwhile
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


# Types of the values of a place; those not here begin with a time.
_KINDS: dict[Order, tuple[type, ...]] = {
    Order.RISK: _NUMBERS,
    Order.PROBABILITY: _NUMBERS,
    Order.PLACE: (str, str, *_NUMBERS),
}


def _columns(connection: Connection, order: Order) -> tuple[tuple[ColumnElement[Any], ...], bool]:
    """Return the columns of an order; names by their characters, as SQLite and Python have it."""
    columns, is_falling = _ORDERS[order]
    if order is Order.PLACE and connection.dialect.name == DIALECT:
        columns = (*(collate(one, "C") for one in columns[:2]), *columns[2:])
    return columns, is_falling


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list.

    Attributes:
        items: In order.
        next: Where the next page begins; None after the last.
    """

    items: tuple[Item, ...]
    next: str | None


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
    connection: Connection,
    wanted: Wanted,
    order: Order,
    cursor: str | None,
    limit: int,
    few: Collection[int] | None = None,
) -> Page:
    """Return some items of a list.

    Args:
        connection: Database.
        wanted: Filter.
        order: Order.
        cursor: `Page.next` of the page before, of the same filter and order; None for the first.
        limit: At most so many.
        few: Rows that hold the page and the one behind it, where they are known: then nothing is
            searched.

    Raises:
        RefusedError: ``"invalid"``, for a cursor that is not one of this order.
    """
    own = [*conditions(connection, wanted), *_among(few)]
    columns, is_falling = _columns(connection, order)
    if cursor is not None:
        place = tuple_(*columns)
        after = tuple_(*place_of(cursor, order))
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
    return Page(tuple(items), more)


def _among(few: Collection[int] | None) -> list[ColumnElement[bool]]:
    return [] if few is None else [review_item.c.id.in_(few)]


def _cursor(order: Order, place: Sequence[Any]) -> str:
    plain = [one.isoformat() if isinstance(one, datetime) else one for one in place]
    text = json.dumps([str(order), *plain], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, order: Order) -> list[Any]:
    """Return the values of an order's columns that a cursor holds.

    Raises:
        RefusedError: ``"invalid"``, for a cursor that is not one of this order.
    """
    columns, _ = _ORDERS[order]
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told, *rest = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        place: list[Any] = list(rest)
        if told != order or len(place) != len(columns):
            raise ValueError("of another list")
        if order in (Order.NEWEST, Order.DECIDED):
            place[0] = datetime.fromisoformat(place[0])
        for one, kind in zip(place, _KINDS.get(order, (datetime, int)), strict=True):
            if not _is_of(kind, one):
                raise TypeError(one)
    except (ValueError, TypeError) as error:
        raise RefusedError("invalid", f"cursor: {cursor!r} is not one of this list") from error
    return place


def _is_of(kind: type, value: object) -> bool:
    """Tell whether a value is of a kind; whole numbers are, where others are wanted."""
    if isinstance(value, int):
        return kind in (int, float) and type(value) is int and abs(value) < _MOST
    return isinstance(value, kind)


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
    states = states_of(reader, asked.wanted)
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
        few: Rows that were free a moment ago and `SPARE` more, where they are known; all are
            searched only where others took too many of them meanwhile.
    """

    wanted: Wanted = Wanted()  # noqa: RUF009 - frozen
    count: int = 1
    keep: tuple[int, ...] = ()
    release: tuple[int, ...] = ()
    order: Order = Order.RISK
    few: tuple[int, ...] | None = None


def release(tx: Connection, reader: Reader, ids: Iterable[int]) -> None:
    """Give items back that a reader holds; others are left alone."""
    own = (review_item.c.held_by == reader.name, review_item.c.id.in_(list(ids)))
    tx.execute(update(review_item).where(*own).values(held_by=None, held_until=None))


def states_of(reader: Reader, wanted: Wanted) -> list[State]:
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
    found = _found(tx, reader, asked, states, now)
    if asked.few is not None and len(found) < asked.count < len(asked.few):
        return _found(tx, reader, replace(asked, few=None), states, now)
    return found


def _found(
    tx: Connection, reader: Reader, asked: Asked, states: Sequence[State], now: datetime
) -> list[int]:
    columns, is_falling = _columns(tx, asked.order)
    other = [*conditions(tx, asked.wanted, without="state"), *_among(asked.few)]
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
