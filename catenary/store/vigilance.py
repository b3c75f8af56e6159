"""Known defects shown again, blindly: who confirms them is still awake. No item is changed."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, or_, select, update

from catenary.domain.review import Decision, Reader, State
from catenary.store import audit, review_items
from catenary.store.review_items import Item, Wanted, conditions, stored
from catenary.store.schema import review_item, vigilance

_DRAWN_FROM = 50  # known defects that one is drawn from by lot


def draw(
    tx: Connection, reader: Reader, wanted: Wanted, now: datetime, lot: random.Random
) -> Item | None:
    """Return a known defect that a reader never saw, and keep that it is shown; None without one.

    Known is what two readers or a lead confirmed.

    Args:
        tx: Transaction.
        reader: Who.
        wanted: Filter; its states do not count.
        now: UTC.
        lot: Chooses.
    """
    seen = select(vigilance.c.item_id).where(vigilance.c.reader == reader.name)
    query = (
        select(review_item.c.id)
        .where(
            review_item.c.state == str(State.CONFIRMED),
            review_item.c.second_by.is_not(None),
            review_item.c.finding_id.is_not(None),
            review_item.c.reviewer != reader.name,
            review_item.c.second_by != reader.name,
            or_(review_item.c.first_by.is_(None), review_item.c.first_by != reader.name),
            review_item.c.id.not_in(seen),
            *conditions(tx, wanted, without="state"),
        )
        .order_by(review_item.c.priority.desc())
        .limit(_DRAWN_FROM)
    )
    known = list(tx.execute(query).scalars())
    if not known:
        return None
    item_id = lot.choice(known)
    row = {"item_id": item_id, "reader": reader.name, "shown_at": stored(now)}
    tx.execute(insert(vigilance).values(row))
    return review_items.one(tx, item_id)


def shown(
    connection: Connection, reader: Reader, ids: Iterable[int], since: datetime | None = None
) -> set[int]:
    """Return those items that a reader was shown as if they were new, and has not answered.

    Args:
        connection: Database.
        reader: Who.
        ids: Rows of items.
        since: Only what was shown after that, UTC; None for all.
    """
    own = [vigilance.c.reader == reader.name, vigilance.c.answered_at.is_(None)]
    if since is not None:
        own.append(vigilance.c.shown_at > stored(since))
    query = select(vigilance.c.item_id).where(*own, vigilance.c.item_id.in_(list(ids)))
    return set(connection.execute(query).scalars())


def answered(
    connection: Connection, reader: Reader, ids: Iterable[int], since: datetime | None = None
) -> dict[int, tuple[Decision, datetime]]:
    """Return what a reader said of items that were shown as if they were new, and when (UTC).

    Args:
        connection: Database.
        reader: Who.
        ids: Rows of items.
        since: As for `shown`.
    """
    own = [vigilance.c.reader == reader.name, vigilance.c.answered_at.is_not(None)]
    if since is not None:
        own.append(vigilance.c.shown_at > stored(since))
    columns = (vigilance.c.item_id, vigilance.c.answer, vigilance.c.answered_at)
    query = select(*columns).where(*own, vigilance.c.item_id.in_(list(ids)))
    return {
        item_id: (Decision(said), at.replace(tzinfo=UTC))
        for item_id, said, at in connection.execute(query)
    }


def answer(
    tx: Connection, reader: Reader, item_id: int, said: Decision | None, now: datetime
) -> None:
    """Keep what a reader says of a known defect; None takes it back."""
    at = None if said is None else stored(now)
    own = (vigilance.c.item_id == item_id, vigilance.c.reader == reader.name)
    values = {"answer": None if said is None else str(said), "answered_at": at}
    tx.execute(update(vigilance).where(*own).values(values))
    told = {"item": item_id, "answer": values["answer"]}
    audit.append(tx, now, reader.name, "vigilance", told)
