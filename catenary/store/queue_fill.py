"""Make the queue of a run from its findings and joined parts, as often as one likes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)

from catenary.domain import review
from catenary.domain.defect_loop import Deadlines
from catenary.domain.finding import NORMAL, Verdict
from catenary.domain.geometry import Box
from catenary.domain.inherit import Place
from catenary.domain.part import part_name
from catenary.domain.review import Origin, State, Worth
from catenary.store import ledger, parts, queue_growth, queue_inherit
from catenary.store.database import Database
from catenary.store.queue_inherit import PartRow, Plan, When
from catenary.store.review_items import mast_of, stored
from catenary.store.reviews import place_row
from catenary.store.schema import (
    finding,
    frame,
    part,
    part_view,
    review_fill,
    review_item,
)
from catenary.store.shards import ComponentRow

T = TypeVar("T")

_CHUNK = 500  # rows read or written at a time
_FEW = 20  # the order of indexes is looked at again when so many times fewer items were there


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filling changed.

    Attributes:
        added: Items that are new.
        changed: Undecided ones that the scan tells otherwise now.
        removed: Undecided ones that the scan no longer has.
        inherited: Decisions that went on to parts that were joined or taken apart.
        looked: Parts that were compared with their items: all of the run, or those at masts where
            something was added since the last time.
    """

    added: int
    changed: int
    removed: int
    inherited: int = 0
    looked: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Under:
    """What a queue is filled under, beside its samples and its ageing.

    Attributes:
        deadlines: Of the defects of confirmed items that are taken apart.
        settings: All that makes another queue of the same findings, in words.
    """

    deadlines: Deadlines = Deadlines()  # noqa: RUF009 - frozen
    settings: str = ""


_USUAL = Under()


def is_due(connection: Connection, run_id: int, settings: str = "") -> bool:
    """Tell whether a run's items were made of something else than it holds now.

    Args:
        connection: Database.
        run_id: Run.
        settings: See `Under.settings`.
    """
    return _last_made_of(connection, run_id) != queue_growth.text_of(connection, run_id, settings)


def _last_made_of(connection: Connection, run_id: int) -> str | None:
    query = select(review_fill.c.made_of).where(review_fill.c.run_id == run_id)
    return connection.execute(query).scalar()


def fill(
    db: Database,
    run_id: int,
    samples: Sequence[ComponentRow],
    now: datetime,
    ageing_days: float,
    under: Under = _USUAL,
) -> Filled:
    """Make the items of a run what its findings are; what was decided stays so.

    A decided item goes on with its part, see `queue_inherit`. Written in short transactions, so
    that reviewers go on meanwhile; one that was stopped is due again. Where a run only grew since
    the last time, as while it is scanned, nothing but what came is looked at, see `queue_growth`.

    Args:
        db: Database.
        run_id: Run.
        samples: Parts that were called normal and are to be shown all the same.
        now: When new items enter, UTC.
        ageing_days: See `review.priority`.
        under: What else it depends on.
    """
    with db.read() as connection:
        made_of = queue_growth.text_of(connection, run_id, under.settings)
        grown = queue_growth.frames(connection, run_id, _last_made_of(connection, run_id), made_of)
        wanted = {one.name: one for one in _wanted(connection, run_id, samples, grown)}
        known = _known(connection, run_id, grown)
        former, spent = queue_inherit.former_views(connection, run_id)
        plan = queue_inherit.planned(wanted, known, former)
        waits = plan.copied and _wait_for_joining(connection, run_id, plan)
        order = _Order(ageing_days, _risks(connection, run_id) if samples else ())
    told = ((order.placed(part.row, old, is_moved=grown is None), old) for part, old in plan.pairs)
    changed = [{**row, "b_id": old["id"]} for row, old in told if _differs(row, old)]
    for ids in _chunks(plan.gone):
        with db.write() as tx:
            untouched = (review_item.c.id.in_(ids), review_item.c.version == 0)
            tx.execute(delete(review_item).where(*untouched))
    missed = queue_inherit.write(db, run_id, plan, When(now, under.deadlines))
    for some in _chunks(changed):
        _change(db, some)
    for some in _chunks([{**one.row, **_entered(one.row, now, order)} for one in plan.added]):
        _add(db, run_id, some)
    with db.write() as tx:
        if not waits:
            queue_inherit.forget(tx, spent)
        tx.execute(delete(review_fill).where(review_fill.c.run_id == run_id))
        if not missed:
            tx.execute(insert(review_fill).values(run_id=run_id, made_of=made_of))
        if plan.added and (grown is None or len(plan.added) * _FEW >= len(known)):
            tx.execute(text("ANALYZE review_item"))  # without it, the wrong index may be taken
    inherited = len(plan.merged) + len(plan.copied) + len(plan.parted)
    return Filled(len(plan.added), len(changed), len(plan.gone), inherited, len(wanted))


def _wait_for_joining(connection: Connection, run_id: int, plan: Plan) -> bool:
    """Leave parts out that the end of the scan may join again to the one they were taken off."""
    due = {one.mast for one in parts.due(connection, run_id)}
    ready = [(part, row) for part, row in plan.copied if mast_of(part.row) not in due]
    waits = len(ready) < len(plan.copied)
    plan.copied[:] = ready
    return waits


def _known(connection: Connection, run_id: int, frames: Sequence[int] | None) -> list[RowMapping]:
    """Return the items of a run, or samples and those of some photographs, in order."""
    query = select(review_item).where(review_item.c.run_id == run_id).order_by(review_item.c.id)
    if frames is None:
        return list(connection.execute(query).mappings())
    samples = query.where(review_item.c.origin == str(Origin.SAMPLE))
    found = {row["id"]: row for row in connection.execute(samples).mappings()}
    for some in _chunks(frames):
        here = query.where(review_item.c.frame_id.in_(some))
        found |= {row["id"]: row for row in connection.execute(here).mappings()}
    return [found[one] for one in sorted(found)]


def _add(db: Database, run_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Add items; those that another process added meanwhile are left as they are."""
    names = [row["name"] for row in rows]
    with queue_inherit.alone(db) as tx:
        own = (review_item.c.run_id == run_id, review_item.c.name.in_(names))
        there = set(tx.execute(select(review_item.c.name).where(*own)).scalars())
        fresh = [row for row in rows if row["name"] not in there]
        if fresh:
            tx.execute(insert(review_item), fresh)


def _change(db: Database, rows: Sequence[dict[str, Any]]) -> None:
    """Change undecided items; those that somebody decided on meanwhile are left as they are."""
    own = (review_item.c.id == bindparam("b_id"), review_item.c.version == 0)
    with db.write() as tx:
        tx.execute(update(review_item).where(*own), list(rows))


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _wanted(
    connection: Connection,
    run_id: int,
    samples: Sequence[ComponentRow],
    frames: Sequence[int] | None,
) -> Iterator[PartRow]:
    """Yield the parts of a run, or those that some photographs show, and the samples."""
    for some in [None] if frames is None else _chunks(frames):
        yield from _joined(connection, run_id, some)
        yield from _alone(connection, run_id, some)
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


def _joined(connection: Connection, run_id: int, frames: Sequence[int] | None) -> Iterator[PartRow]:
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
    if frames is not None:
        here = select(part_view.c.part_id).where(part_view.c.frame_id.in_(frames))
        query = query.where(part.c.id.in_(here))
    views: list[RowMapping] = []
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        if views and views[0]["name"] != row["name"]:
            yield _joined_row(run_id, views)
            views = []
        views.append(row)
    if views:
        yield _joined_row(run_id, views)


def _joined_row(run_id: int, views: list[RowMapping]) -> PartRow:
    told = [one for one in views if one["finding_id"] is not None]
    leading = next(
        one
        for one in told
        if (one["view_verdict"], one["view_probability"]) == (one["verdict"], one["probability"])
    )
    places = tuple(_place(one) for one in views)
    return PartRow(_row(run_id, leading, leading["name"], Origin.SCAN, len(views)), places)


def _place(row: Mapping[str, Any] | RowMapping) -> Place:
    return Place(row["frame_id"], Box(*(row[name] for name in _CORNERS)), row["finding_id"])


def _alone(connection: Connection, run_id: int, frames: Sequence[int] | None) -> Iterator[PartRow]:
    """Yield the findings that are parts by themselves."""
    named = select(part_view.c.id).where(part_view.c.finding_id == finding.c.id).exists()
    columns = ("component", "verdict", "condition", "probability", "grade", "frame_id", *_CORNERS)
    query = (
        select(finding.c.id.label("finding_id"), *(finding.c[name] for name in columns), *_PLACE)
        .join(frame, finding.c.frame_id == frame.c.id)
        .where(finding.c.run_id == run_id, finding.c.superseded_at.is_(None), ~named)
        .order_by(finding.c.id)
    )
    if frames is not None:
        query = query.where(finding.c.frame_id.in_(frames))
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        box = Box(*(row[name] for name in _CORNERS))
        name = part_name(row["image_id"], row["component"], box)
        yield PartRow(_row(run_id, row, name, Origin.SCAN, 1), (_place(row),))


def _sampled(
    connection: Connection, run_id: int, samples: Sequence[ComponentRow]
) -> Iterator[PartRow]:
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
        yield PartRow(_row(run_id, told, name, Origin.SAMPLE, 1), (_place(told),))


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


@dataclass(frozen=True, slots=True)
class _Order:
    """What places in the queue depend on, beside the items themselves.

    Attributes:
        ageing_days: See `review.priority`.
        risks: See `Worth.among`.
    """

    ageing_days: float
    risks: Sequence[float]

    def priority(self, row: Mapping[str, Any], entered_at: datetime) -> float:
        """Return the place of an item that came in at that time, UTC."""
        worth = Worth(
            Origin(row["origin"]), row["probability"], row["grade"], row["name"], self.risks
        )
        return review.priority(worth, entered_at, self.ageing_days)

    def placed(self, row: Mapping[str, Any], old: RowMapping, *, is_moved: bool) -> dict[str, Any]:
        """Return the row of an item with its place: it has waited since it came into the queue.

        A sample stays where it was strewn unless ``is_moved``.
        """
        if not is_moved and row["origin"] == old["origin"] == Origin.SAMPLE:
            return {**row, "priority": old["priority"]}
        return {**row, "priority": self.priority(row, old["entered_at"].replace(tzinfo=UTC))}


def _risks(connection: Connection, run_id: int) -> list[float]:
    """Return the risks of all that a run raised, the greatest first."""
    query = select(finding.c.probability, finding.c.grade).where(
        finding.c.run_id == run_id,
        finding.c.superseded_at.is_(None),
        finding.c.verdict == str(Verdict.DEFECT),
    )
    raised = connection.execute(query)
    return sorted((review.risk(Worth(Origin.SCAN, *row, "")) for row in raised), reverse=True)


def _entered(row: Mapping[str, Any], now: datetime, order: _Order) -> dict[str, Any]:
    return {
        "entered_at": stored(now),
        "priority": order.priority(row, now),
        "reviewer": "",
        "note": "",
        "version": 0,
    }


def _differs(row: Mapping[str, Any], known: RowMapping) -> bool:
    return any(known[name] != value for name, value in row.items())
