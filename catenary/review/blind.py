"""What a reader must not know: who said what of an item that they are to judge by themselves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from catenary.domain import review
from catenary.domain.review import Reader, Saying, SecondReading, Standing, State
from catenary.store import reviews, vigilance
from catenary.store.review_items import Item

# Versions that a known defect has on the screen; it has been decided twice at least, so that a
# decision on the item as it stands is never taken for an answer.
SHOWN, ANSWERED = 0, 1
_WHILE = timedelta(hours=12)  # it looks new to whoever was shown it; our starting value


def as_seen(
    connection: Connection,
    items: Sequence[Item],
    reader: Reader,
    now: datetime,
    second: SecondReading,
) -> list[Item]:
    """Return items as a reader may see them.

    Known defects that they were shown as new look new, and once answered as they answered. What
    they may read a second time has condition, grade and box of the scan, and nobody's name.

    Args:
        connection: Database.
        items: As they stand; those that are masked already stay so.
        reader: Who looks.
        now: UTC.
        second: What is read again, as it would be of something new.
    """
    closed = [one.id for one in items if one.standing.state is State.CONFIRMED]
    since = now - _WHILE
    known = vigilance.shown(connection, reader, closed, since) if closed else set()
    answers = vigilance.answered(connection, reader, closed, since) if closed else {}
    hidden = [
        one
        for one in items
        if not one.is_masked and (one.id in known or one.id in answers or _is_to_read(one, reader))
    ]
    scanned = reviews.as_scanned(connection, hidden) if hidden else {}

    def masked(one: Item) -> Item:
        if one.id not in scanned:
            return one
        new = as_new(one, scanned[one.id])
        if one.id in known:
            return new
        if one.id in answers:
            said, at = answers[one.id]
            saying = Saying(said, new.standing.condition, new.standing.grade, new.standing.box)
            return as_decided(new, saying, reader, second, at)
        return replace(one, standing=replace(new.standing, state=State.SECOND), is_masked=True)

    return [masked(one) for one in items]


def as_decided(
    new: Item, saying: Saying, reader: Reader, second: SecondReading, at: datetime
) -> Item:
    """Return what a new item would be after a decision."""
    again = second.wants(saying.decision, new.name)
    after = review.decided(new.standing, saying, reader, again, at)
    return replace(new, version=ANSWERED, standing=after)


def as_new(item: Item, scanned: Standing) -> Item:
    """Return an item as it was before anybody decided."""
    return replace(
        item, version=SHOWN, standing=scanned, held_by=None, held_until=None, is_masked=True
    )


def is_second_reading(item: Item) -> bool:
    """Tell whether an item, as a reader may see it, waits for them to read it a second time."""
    standing = item.standing
    return item.is_masked and standing.state is State.SECOND and standing.reviewer is None


def in_triage(item: Item) -> Item:
    """Return an item so that a second reading looks like a first one."""
    if not is_second_reading(item):
        return item
    return replace(item, standing=replace(item.standing, state=State.OPEN))


def _is_to_read(one: Item, reader: Reader) -> bool:
    standing = one.standing
    return standing.state is State.SECOND and review.refusal(reader, standing) is None
