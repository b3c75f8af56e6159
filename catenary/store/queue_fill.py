"""Make the queue of a run from its findings and joined parts, as often as one likes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from catenary.domain import review
from catenary.domain.finding import NORMAL, Verdict
from catenary.domain.geometry import Box
from catenary.domain.part import part_name
from catenary.domain.review import Origin, State, Worth
from catenary.store import ledger
from catenary.store.database import Database
from catenary.store.review_items import stored
from catenary.store.reviews import place_row
from catenary.store.schema import (
    finding,
    frame,
    joined_mast,
    part,
    part_view,
    reassignment,
    review_fill,
    review_item,
)
from catenary.store.shards import ComponentRow

T = TypeVar("T")

_CHUNK = 500  # rows read or written at a time
# What a later scan may change of an item that was decided: where its evidence is.
_LINKS = ("finding_id", "frame_id", "views")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filling changed.

    Attributes:
        added: Items that are new.
        changed: Undecided ones that the scan tells otherwise now.
        removed: Undecided ones that the scan no longer has.
    """

    added: int
    changed: int
    removed: int


def is_due(connection: Connection, run_id: int) -> bool:
    """Tell whether a run's items were made of something else than it holds now."""
    query = select(review_fill.c.made_of).where(review_fill.c.run_id == run_id)
    return connection.execute(query).scalar() != _made_of(connection, run_id)


def fill(
    db: Database,
    run_id: int,
    samples: Sequence[ComponentRow],
    now: datetime,
    ageing_days: float,
) -> Filled:
    """Make the items of a run what its findings are; what was decided is never touched.

    Written in short transactions, so that reviewers go on meanwhile; one that was stopped is due
    again.

    Args:
        db: Database.
        run_id: Run.
        samples: Parts that were called normal and are to be shown all the same.
        now: When new items enter, UTC.
        ageing_days: See `review.priority`.
    """
    with db.read() as connection:
        made_of = _made_of(connection, run_id)
        wanted = {row["name"]: row for row in _wanted(connection, run_id, samples)}
        known = _known(connection, run_id)
    added = [
        row | _entered(row, now, ageing_days) for name, row in wanted.items() if name not in known
    ]
    pairs = [(row, known[name]) for name, row in wanted.items() if name in known]
    changed = [
        row | {"b_id": old["id"], "priority": _priority(row, _utc(old), ageing_days)}
        for row, old in pairs
        if not old["version"] and _differs(row, old, tuple(row))
    ]
    linked = [
        {name: row[name] for name in _LINKS} | {"b_id": old["id"]}
        for row, old in pairs
        if old["version"] and _differs(row, old, _LINKS)
    ]
    gone = [row["id"] for name, row in known.items() if name not in wanted and not row["version"]]
    for some in _chunks(added):
        _add(db, run_id, some)
    for some in _chunks(changed):
        _change(db, some, review_item.c.version == 0)
    for some in _chunks(linked):
        _change(db, some)
    for ids in _chunks(gone):
        with db.write() as tx:
            untouched = (review_item.c.id.in_(ids), review_item.c.version == 0)
            tx.execute(delete(review_item).where(*untouched))
    with db.write() as tx:
        tx.execute(delete(review_fill).where(review_fill.c.run_id == run_id))
        tx.execute(insert(review_fill).values(run_id=run_id, made_of=made_of))
        if added:
            tx.execute(text("ANALYZE review_item"))  # without it, the wrong index may be taken
    return Filled(len(added), len(changed), len(gone))


def _known(connection: Connection, run_id: int) -> dict[str, RowMapping]:
    own = (review_item.c.run_id == run_id, review_item.c.origin != str(Origin.MANUAL))
    rows = connection.execute(select(review_item).where(*own)).mappings()
    return {row["name"]: row for row in rows}


def _add(db: Database, run_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Add items; those that another process added meanwhile are left as they are."""
    names = [row["name"] for row in rows]
    with db.write() as tx:
        own = (review_item.c.run_id == run_id, review_item.c.name.in_(names))
        there = set(tx.execute(select(review_item.c.name).where(*own)).scalars())
        fresh = [row for row in rows if row["name"] not in there]
        if fresh:
            tx.execute(insert(review_item), fresh)


def _change(db: Database, rows: Sequence[dict[str, Any]], *untouched: ColumnElement[bool]) -> None:
    own = (review_item.c.id == bindparam("b_id"), *untouched)
    with db.write() as tx:
        tx.execute(update(review_item).where(*own), list(rows))


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _made_of(connection: Connection, run_id: int) -> str:
    """Return counts and newest rows of all that items are made of."""
    joined = func.sum(joined_mast.c.frame_ids), func.max(joined_mast.c.id)
    queries = (
        select(func.count(), func.max(finding.c.id)).where(
            finding.c.run_id == run_id, finding.c.superseded_at.is_(None)
        ),
        select(func.count(), *joined).where(joined_mast.c.run_id == run_id),
        select(func.count(), func.max(part.c.id)).where(part.c.run_id == run_id),
        select(func.max(reassignment.c.id)).where(reassignment.c.run_id == run_id),
    )
    told = [[_plain(one) for one in connection.execute(query).one()] for query in queries]
    return json.dumps(told)


def _plain(number: Any) -> int | None:  # noqa: ANN401 - PostgreSQL sums to Decimal
    return None if number is None else int(number)


def _wanted(
    connection: Connection, run_id: int, samples: Sequence[ComponentRow]
) -> Iterator[dict[str, Any]]:
    yield from _joined(connection, run_id)
    yield from _alone(connection, run_id)
    yield from _sampled(connection, run_id, samples)


_PLACE = (
    frame.c.mast_line,
    frame.c.mast_direction,
    frame.c.mast_section,
    frame.c.mast_number,
    frame.c.kilometre_m,
    frame.c.camera,
    frame.c.view,
    frame.c.image_id,
)
_CORNERS = ("x0", "y0", "x1", "y1")


def _joined(connection: Connection, run_id: int) -> Iterator[dict[str, Any]]:
    """Yield the joined parts, each led by the view that decided."""
    query = (
        select(
            part.c.name,
            part.c.component,
            part.c.verdict,
            part.c.condition,
            part.c.probability,
            part.c.grade,
            part_view.c.frame_id,
            part_view.c.finding_id,
            part_view.c.verdict.label("view_verdict"),
            part_view.c.probability.label("view_probability"),
            *(part_view.c[name] for name in _CORNERS),
            *_PLACE,
        )
        .join(part_view, part_view.c.part_id == part.c.id)
        .join(frame, part_view.c.frame_id == frame.c.id)
        .where(part.c.run_id == run_id)
        .order_by(part.c.id, frame.c.seq)
    )
    views: list[RowMapping] = []
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        if views and views[0]["name"] != row["name"]:
            yield _joined_row(run_id, views)
            views = []
        views.append(row)
    if views:
        yield _joined_row(run_id, views)


def _joined_row(run_id: int, views: list[RowMapping]) -> dict[str, Any]:
    told = [one for one in views if one["finding_id"] is not None]
    leading = next(
        one
        for one in told
        if (one["view_verdict"], one["view_probability"]) == (one["verdict"], one["probability"])
    )
    return _row(run_id, leading, leading["name"], Origin.SCAN, len(views))


def _alone(connection: Connection, run_id: int) -> Iterator[dict[str, Any]]:
    """Yield the findings that are parts by themselves."""
    named = select(part_view.c.id).where(part_view.c.finding_id == finding.c.id).exists()
    columns = ("component", "verdict", "condition", "probability", "grade", "frame_id", *_CORNERS)
    query = (
        select(finding.c.id.label("finding_id"), *(finding.c[name] for name in columns), *_PLACE)
        .join(frame, finding.c.frame_id == frame.c.id)
        .where(finding.c.run_id == run_id, finding.c.superseded_at.is_(None), ~named)
        .order_by(finding.c.id)
    )
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        box = Box(*(row[name] for name in _CORNERS))
        name = part_name(row["image_id"], row["component"], box)
        yield _row(run_id, row, name, Origin.SCAN, 1)


def _sampled(
    connection: Connection, run_id: int, samples: Sequence[ComponentRow]
) -> Iterator[dict[str, Any]]:
    ids = ledger.frame_ids(connection, run_id, {one.image_id for one in samples})
    columns = (frame.c.id.label("frame_id"), *_PLACE)
    query = select(*columns).where(frame.c.id.in_(ids.values()))
    frames = {row["image_id"]: row for row in connection.execute(query).mappings()}
    for one in samples:
        told = {
            **frames[one.image_id],
            "finding_id": None,
            "component": one.component,
            "verdict": str(Verdict.NORMAL),
            "condition": NORMAL,
            "probability": one.probability,
            "grade": None,
            **{name: float(getattr(one, name)) for name in _CORNERS},
        }
        box = Box(one.x0, one.y0, one.x1, one.y1)
        name = part_name(one.image_id, one.component, box)
        yield _row(run_id, told, name, Origin.SAMPLE, 1)


def _row(
    run_id: int,
    told: Mapping[str, Any] | RowMapping,
    name: str,
    origin: Origin,
    views: int,
) -> dict[str, Any]:
    is_unjudged = told["verdict"] == Verdict.CANNOT_JUDGE
    return {
        "run_id": run_id,
        "name": name,
        "origin": str(origin),
        "frame_id": told["frame_id"],
        "finding_id": told["finding_id"],
        "component": told["component"],
        "verdict": told["verdict"],
        "probability": told["probability"],
        "views": views,
        **place_row(told),
        "state": str(State.UNJUDGED if is_unjudged else State.OPEN),
        "condition": told["condition"],
        "grade": told["grade"],
        **{corner: told[corner] for corner in _CORNERS},
    }


def _entered(row: dict[str, Any], now: datetime, ageing_days: float) -> dict[str, Any]:
    return {
        "entered_at": stored(now),
        "priority": _priority(row, now, ageing_days),
        "reviewer": "",
        "note": "",
        "version": 0,
    }


def _priority(row: dict[str, Any], entered_at: datetime, ageing_days: float) -> float:
    worth = Worth(Origin(row["origin"]), row["probability"], row["grade"], row["name"])
    return review.priority(worth, entered_at, ageing_days)


def _utc(known: RowMapping) -> datetime:
    at: datetime = known["entered_at"]
    return at.replace(tzinfo=UTC)


def _differs(row: dict[str, Any], known: RowMapping, names: Sequence[str]) -> bool:
    return any(known[name] != row[name] for name in names)
