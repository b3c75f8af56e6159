"""What the queue of a run was made of, and where the run only grew since."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select, tuple_

from catenary.store.schema import finding, frame, joined_mast, part, part_view, reassignment

_MOST_MASTS = 1000  # with more, the whole run is read as quickly
_CHUNK = 200
_FRAME_MAST = (frame.c.mast_line, frame.c.mast_direction, frame.c.mast_section, frame.c.mast_number)
_JOINED_MAST = (
    joined_mast.c.mast_line,
    joined_mast.c.mast_direction,
    joined_mast.c.mast_section,
    joined_mast.c.mast_number,
)
_JOINED_SUMS = func.sum(joined_mast.c.frame_ids), func.sum(joined_mast.c.revisions)


def text_of(connection: Connection, run_id: int, settings: str) -> str:
    """Return counts and newest rows of all that items are made of, and the settings."""
    joined = *_JOINED_SUMS, func.max(joined_mast.c.id)
    queries = (
        select(func.count(), func.max(finding.c.id)).where(*_standing(run_id)),
        select(func.count(), *joined).where(joined_mast.c.run_id == run_id),
        select(func.count(), func.max(part.c.id)).where(part.c.run_id == run_id),
        select(func.max(reassignment.c.id)).where(reassignment.c.run_id == run_id),
    )
    told = [[_plain(one) for one in connection.execute(query).one()] for query in queries]
    return json.dumps([*told, settings])


def frames(connection: Connection, run_id: int, before: str | None, now: str) -> list[int] | None:
    """Return the photographs whose items may be others than they were, or None for all.

    Those of each mast at which something was found or joined since. Only where nothing else
    happened: what was replaced, moved or taken apart leaves no row to find it by, and then the
    counts do not add up.

    Args:
        connection: Database.
        run_id: Run.
        before: `text_of` when the items were made; None before that.
        now: `text_of`, in this transaction.
    """
    if before is None:
        return None
    found, joined, parts, *rest = json.loads(before)
    *grown, moved, settings = json.loads(now)
    if rest != [moved, settings] or len(joined) != len(grown[1]):
        return None
    newest = [one[-1] or 0 for one in (found, joined, parts)]
    added = _added(connection, run_id, newest)
    # Rows of what was removed may be given anew: only the sums tell of that.
    was = [one or 0 for told in (found, joined, parts) for one in told[:-1]]
    now_is = [one or 0 for told in grown for one in told[:-1]]
    if now_is != [one + more for one, more in zip(was, added, strict=True)]:
        return None
    return _touched(connection, run_id, newest)


def _added(connection: Connection, run_id: int, newest: Sequence[int]) -> list[int]:
    """Return what rows that are newer add to the counts and sums of `text_of`."""
    queries = (
        select(func.count()).where(*_standing(run_id), finding.c.id > newest[0]),
        select(func.count(), *_JOINED_SUMS).where(
            joined_mast.c.run_id == run_id, joined_mast.c.id > newest[1]
        ),
        select(func.count()).where(part.c.run_id == run_id, part.c.id > newest[2]),
    )
    return [int(one or 0) for query in queries for one in connection.execute(query).one()]


def _standing(run_id: int) -> tuple[Any, ...]:
    return finding.c.run_id == run_id, finding.c.superseded_at.is_(None)


def _touched(connection: Connection, run_id: int, newest: Sequence[int]) -> list[int] | None:
    """Return the photographs of newer findings and parts, and those of their masts."""
    new = (
        select(frame.c.id, *_FRAME_MAST)
        .join(finding, finding.c.frame_id == frame.c.id)
        .where(*_standing(run_id), finding.c.id > newest[0])
        .distinct()
    )
    joined = (
        select(*_JOINED_MAST)
        .outerjoin(part, part.c.joined_mast_id == joined_mast.c.id)
        .where(
            joined_mast.c.run_id == run_id,
            or_(joined_mast.c.id > newest[1], part.c.id > newest[2]),
        )
        .distinct()
    )
    rows = connection.execute(new).all()
    masts = {tuple(row) for row in connection.execute(joined)}
    masts |= {tuple(row[1:]) for row in rows if row[-1] is not None}
    if len(masts) > _MOST_MASTS:
        return None
    # A view may be of a photograph that was given to another mast meanwhile.
    views = (
        select(part_view.c.frame_id)
        .join(part, part_view.c.part_id == part.c.id)
        .where(part.c.run_id == run_id, part.c.id > newest[2])
    )
    own = {row[0] for row in rows} | set(connection.execute(views).scalars())
    return sorted(own.union(*_of_masts(connection, run_id, sorted(masts))))


def _of_masts(
    connection: Connection, run_id: int, masts: Sequence[tuple[Any, ...]]
) -> Iterator[Iterable[int]]:
    for start in range(0, len(masts), _CHUNK):
        some = tuple_(*_FRAME_MAST).in_(masts[start : start + _CHUNK])
        query = select(frame.c.id).where(frame.c.run_id == run_id, some)
        yield connection.execute(query).scalars()


def _plain(number: Any) -> int | None:  # noqa: ANN401 - PostgreSQL sums to Decimal
    return None if number is None else int(number)
