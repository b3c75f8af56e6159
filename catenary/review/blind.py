"""What a reader must not know: who said what of an item that they are to judge by themselves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from catenary.domain import review
from catenary.domain.review import Reader, Standing, State
from catenary.store import reviews, vigilance
from catenary.store.review_items import Item

# Version that a known defect has on the screen; it has been decided twice at least, so that a
# decision on the item as it stands is never taken for an answer.
SHOWN = 0
_WHILE = timedelta(hours=12)  # it looks new to whoever was shown it; our starting value


def as_seen(
    connection: Connection, items: Sequence[Item], reader: Reader, now: datetime
) -> list[Item]:
    """Return items as a reader may see them.

    Known defects that they were shown as new look new. What they may read a second time has
    condition, grade and box of the scan, and nobody's name.

    Args:
        connection: Database.
        items: As they stand; those that are masked already stay so.
        reader: Who looks.
        now: UTC.
    """
    closed = [one.id for one in items if one.standing.state is State.CONFIRMED]
    known = vigilance.shown(connection, reader, closed, now - _WHILE) if closed else set()
    second = {one.id for one in items if _is_to_read(one, reader)}
    hidden = [one for one in items if one.id in known or one.id in second]
    scanned = reviews.as_scanned(connection, hidden) if hidden else {}
    return [
        one
        if one.id not in scanned or one.is_masked
        else as_new(one, scanned[one.id])
        if one.id in known
        else replace(one, standing=replace(scanned[one.id], state=State.SECOND), is_masked=True)
        for one in items
    ]


def as_new(item: Item, scanned: Standing) -> Item:
    """Return an item as it was before anybody decided."""
    return replace(
        item, version=SHOWN, standing=scanned, held_by=None, held_until=None, is_masked=True
    )


def in_triage(item: Item) -> Item:
    """Return an item so that a second reading looks like a first one."""
    is_second = item.standing.state is State.SECOND and item.standing.reviewer is None
    if not item.is_masked or not is_second:
        return item
    return replace(item, standing=replace(item.standing, state=State.OPEN))


def _is_to_read(one: Item, reader: Reader) -> bool:
    standing = one.standing
    return standing.state is State.SECOND and review.refusal(reader, standing) is None
