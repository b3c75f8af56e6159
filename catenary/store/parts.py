"""Physical parts that several photographs show: which masts are due, what was joined."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
)

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.store import ledger
from catenary.store.findings import CropFile
from catenary.store.schema import (
    finding,
    former_view,
    frame,
    joined_mast,
    part,
    part_view,
    review_item,
    run,
)

_CHUNK = 500  # rows held at a time when reading
_FRAME_MAST = (frame.c.mast_line, frame.c.mast_direction, frame.c.mast_section, frame.c.mast_number)
_JOINED_MAST = (
    joined_mast.c.mast_line,
    joined_mast.c.mast_direction,
    joined_mast.c.mast_section,
    joined_mast.c.mast_number,
)


@dataclass(frozen=True, slots=True)
class MastState:
    """The judged photographs of a mast.

    Attributes:
        mast: Which.
        frames: How many.
        frame_ids: Sum of their rows: tells whether one came while another went.
        first_seq: Where the first stands in the run.
        revisions: Sum of how often each was judged anew.
    """

    mast: Mast
    frames: int
    frame_ids: int
    first_seq: int
    revisions: int = 0


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """A judged photograph with its row and size in px."""

    id: int
    ref: ImageRef
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What joining needs of a finding.

    Attributes:
        id: Row of the finding.
        image_id: Photograph.
        component: Component id.
        box: Full-frame pixels.
        grade: 1, 2, 3 or None.
    """

    id: int
    image_id: str
    component: str
    box: Box
    grade: int | None


@dataclass(frozen=True, slots=True)
class View:
    """One photograph's opinion on a part.

    Attributes:
        image_id: Photograph.
        box: Full-frame pixels.
        verdict: Of this view alone.
        condition: As in a finding.
        probability: Of a defect in [0, 1], or None.
        finding_id: Row of its finding; None when it calls the part normal.
        crop: Evidence picture of a view without a finding, or None.
    """

    image_id: str
    box: Box
    verdict: Verdict
    condition: str
    probability: float | None
    finding_id: int | None
    crop: CropFile | None = None


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """A physical part with two or more views.

    Attributes:
        name: The same on every scan that finds its first view.
        component: Component id.
        verdict: Of the view that decides.
        condition: Of the same.
        probability: Of the same, or None.
        grade: The most urgent of all views, or None.
        confidence: In [0, 1], that the views are of one part.
        views: In the order of the photographs.
    """

    name: str
    component: str
    verdict: Verdict
    condition: str
    probability: float | None
    grade: int | None
    confidence: float
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class StoredView:
    """A view with its photograph."""

    ref: ImageRef
    view: View


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A joined part as stored; the views of ``part`` are those of ``views``."""

    part: JoinedPart
    views: tuple[StoredView, ...]


def masts(connection: Connection, run_id: int) -> list[MastState]:
    """Return the masts that have judged photographs, in the order of the run."""
    first = func.min(frame.c.seq)
    query = (
        select(*_FRAME_MAST, func.count(), func.sum(frame.c.id), first, func.sum(frame.c.revision))
        .where(
            frame.c.run_id == run_id,
            frame.c.outcome == Outcome.DONE,
            frame.c.mast_number.is_not(None),
        )
        .group_by(*_FRAME_MAST)
        .order_by(first)
    )
    return [
        MastState(Mast(line, Direction(way), section, number), count, int(ids), seq, int(anew))
        for line, way, section, number, count, ids, seq, anew in connection.execute(query)
    ]


def due(connection: Connection, run_id: int) -> list[MastState]:
    """Return the masts whose judged photographs changed since their views were joined."""
    made_of = (joined_mast.c.frames, joined_mast.c.frame_ids, joined_mast.c.revisions)
    query = select(*_JOINED_MAST, *made_of).where(joined_mast.c.run_id == run_id)
    known = {
        Mast(line, Direction(way), section, number): tuple(told)
        for line, way, section, number, *told in connection.execute(query)
    }
    found = masts(connection, run_id)
    gone = known.keys() - {one.mast for one in found}
    changed = [
        one for one in found if known.get(one.mast) != (one.frames, one.frame_ids, one.revisions)
    ]
    return changed + [MastState(one, 0, 0, 0) for one in sorted(gone, key=str)]


def frames_of(connection: Connection, run_id: int, wanted: Sequence[Mast]) -> Iterator[JudgedFrame]:
    """Yield the judged photographs of some masts, in the order of the run."""
    query = (
        select(frame, run.c.name.label("run_name"))
        .join(run)
        .where(frame.c.run_id == run_id, frame.c.outcome == Outcome.DONE, _is_one_of(wanted))
        .order_by(frame.c.seq)
    )
    for row in connection.execute(query).mappings():
        yield JudgedFrame(row["id"], ledger.ref_of(row), row["width"], row["height"])


def findings_of(connection: Connection, run_id: int, wanted: Sequence[Mast]) -> list[FindingRow]:
    """Return the findings of some masts, oldest first."""
    columns = (finding.c.x0, finding.c.y0, finding.c.x1, finding.c.y1)
    query = (
        select(finding.c.id, frame.c.image_id, finding.c.component, finding.c.grade, *columns)
        .join(frame, finding.c.frame_id == frame.c.id)
        .where(finding.c.run_id == run_id, finding.c.superseded_at.is_(None), _is_one_of(wanted))
        .order_by(finding.c.id)
    )
    return [
        FindingRow(number, image_id, component, Box(*corners), grade)
        for number, image_id, component, grade, *corners in connection.execute(query)
    ]


def _is_one_of(wanted: Sequence[Mast]) -> ColumnElement[bool]:
    return or_(
        *(
            and_(
                frame.c.mast_number == one.number,
                frame.c.mast_section == one.section,
                frame.c.mast_line == one.line,
                frame.c.mast_direction == str(one.direction),
            )
            for one in wanted
        )
    )


def replace(tx: Connection, run_id: int, state: MastState, parts: Iterable[JoinedPart]) -> None:
    """Make these the parts of a mast; what was joined there before is forgotten.

    Raises:
        LookupError: If a photograph is not in the ledger of this run.
    """
    mast = state.mast
    values = (mast.line, str(mast.direction), mast.section, mast.number)
    same = [column == value for column, value in zip(_JOINED_MAST, values, strict=True)]
    wanted = select(joined_mast.c.id).where(joined_mast.c.run_id == run_id, *same)
    old = tx.execute(wanted).scalar()
    if old is not None:
        _keep_views(tx, part.c.joined_mast_id == old)
        own = select(part.c.id).where(part.c.joined_mast_id == old)
        tx.execute(delete(part_view).where(part_view.c.part_id.in_(own)))
        tx.execute(delete(part).where(part.c.joined_mast_id == old))
        tx.execute(delete(joined_mast).where(joined_mast.c.id == old))
    if not state.frames:
        return
    row: dict[str, object] = dict(
        zip((column.name for column in _JOINED_MAST), values, strict=True)
    )
    row |= {"run_id": run_id, "frames": state.frames, "frame_ids": state.frame_ids}
    row["revisions"] = state.revisions
    added = insert(joined_mast).values(row).returning(joined_mast.c.id)
    joined_id = int(tx.execute(added).scalar_one())
    for one in parts:
        _insert(tx, run_id, joined_id, one)


def dissolve(tx: Connection, frame_ids: Sequence[int]) -> None:
    """Take apart the parts that some photographs show: these are judged anew, their masts are due.

    Args:
        tx: The transaction that brings what they show now.
        frame_ids: Rows of the photographs.
    """
    views = select(part_view.c.part_id).where(part_view.c.frame_id.in_(frame_ids))
    whole = list(tx.execute(views.distinct()).scalars())
    for start in range(0, len(whole), _CHUNK):
        some = whole[start : start + _CHUNK]
        _keep_views(tx, part.c.id.in_(some))
        tx.execute(delete(part_view).where(part_view.c.part_id.in_(some)))
        tx.execute(delete(part).where(part.c.id.in_(some)))


def _keep_views(tx: Connection, which: ColumnElement[bool]) -> None:
    """Keep which photographs showed the parts that people decided on, before these are removed.

    Who decided saw them all, so that the decision goes on wherever they come to belong.
    """
    same = and_(review_item.c.run_id == part.c.run_id, review_item.c.name == part.c.name)
    corners = (part_view.c.x0, part_view.c.y0, part_view.c.x1, part_view.c.y1)
    views = (
        select(review_item.c.id, part_view.c.frame_id, *corners)
        .join(part, part_view.c.part_id == part.c.id)
        .join(review_item, same)
        .where(which, review_item.c.version > 0)
    )
    columns = ["item_id", "frame_id", "x0", "y0", "x1", "y1"]
    tx.execute(insert(former_view).from_select(columns, views))


def _insert(tx: Connection, run_id: int, joined_id: int, one: JoinedPart) -> None:
    row = {
        "run_id": run_id,
        "joined_mast_id": joined_id,
        "name": one.name,
        "component": one.component,
        "verdict": str(one.verdict),
        "condition": one.condition,
        "probability": one.probability,
        "grade": one.grade,
        "confidence": one.confidence,
    }
    part_id = int(tx.execute(insert(part).values(row).returning(part.c.id)).scalar_one())
    ids = ledger.frame_ids(tx, run_id, {view.image_id for view in one.views})
    tx.execute(
        insert(part_view),
        [
            {
                "part_id": part_id,
                "frame_id": ids[view.image_id],
                "finding_id": view.finding_id,
                **{name: float(getattr(view.box, name)) for name in ("x0", "y0", "x1", "y1")},
                "verdict": str(view.verdict),
                "condition": view.condition,
                "probability": view.probability,
                "crop": view.crop.name if view.crop else None,
                "crop_x0": view.crop.x0 if view.crop else None,
                "crop_y0": view.crop.y0 if view.crop else None,
            }
            for view in one.views
        ],
    )


def of_run(connection: Connection, run_id: int) -> Iterator[StoredPart]:
    """Yield the joined parts of a run, each with its views in the order of the photographs."""
    query = _with_views().where(part.c.run_id == run_id)
    rows: list[RowMapping] = []
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        if rows and rows[0]["part_id"] != row["part_id"]:
            yield _stored(rows)
            rows = []
        rows.append(row)
    if rows:
        yield _stored(rows)


def named(connection: Connection, run_id: int, name: str) -> StoredPart | None:
    """Return the joined part of a name; None for a part that a single photograph shows."""
    rows = connection.execute(
        _with_views().where(part.c.run_id == run_id, part.c.name == name)
    ).mappings()
    found = list(rows)
    return _stored(found) if found else None


_PART_COLUMNS = (
    "name",
    "component",
    "verdict",
    "condition",
    "probability",
    "grade",
    "confidence",
)


@cache  # to put it together takes longer than to read a row
def _with_views() -> "Select[Any]":
    return (
        select(
            part_view,
            *(part.c[name].label(f"part_{name}") for name in _PART_COLUMNS),
            *(column for column in frame.c if column.name not in part_view.c),
            run.c.name.label("run_name"),
        )
        .join(part, part_view.c.part_id == part.c.id)
        .join(frame, part_view.c.frame_id == frame.c.id)
        .join(run, part.c.run_id == run.c.id)
        .order_by(part.c.id, frame.c.seq)
    )


def _stored(rows: Sequence[RowMapping]) -> StoredPart:
    views = tuple(StoredView(ledger.ref_of(row), _view(row)) for row in rows)
    told = {name: rows[0][f"part_{name}"] for name in _PART_COLUMNS}
    told["verdict"] = Verdict(told["verdict"])
    return StoredPart(JoinedPart(**told, views=tuple(one.view for one in views)), views)


def _view(row: RowMapping) -> View:
    crop = None
    if row["crop"] is not None:
        crop = CropFile(row["crop"], row["crop_x0"], row["crop_y0"])
    return View(
        row["image_id"],
        Box(row["x0"], row["y0"], row["x1"], row["y1"]),
        Verdict(row["verdict"]),
        row["condition"],
        row["probability"],
        row["finding_id"],
        crop,
    )


def counts(
    connection: Connection, run_id: int, standing: Mapping[Verdict, int]
) -> dict[Verdict, int]:
    """Return how many physical parts have each verdict, views that were joined counted once.

    Args:
        connection: Database.
        run_id: Run.
        standing: Its findings that stand, by verdict: to look at each once more takes seconds.
    """
    joined = select(part.c.verdict, func.count()).where(part.c.run_id == run_id)
    named = (
        select(finding.c.verdict, func.count())
        .select_from(part)
        .join(part_view, part_view.c.part_id == part.c.id)
        .join(finding, part_view.c.finding_id == finding.c.id)
        .where(part.c.run_id == run_id, finding.c.superseded_at.is_(None))
    )
    total = {one: standing.get(one, 0) for one in (Verdict.DEFECT, Verdict.CANNOT_JUDGE)}
    for verdict, count in connection.execute(joined.group_by(part.c.verdict)):
        total[Verdict(verdict)] += count
    for verdict, count in connection.execute(named.group_by(finding.c.verdict)):
        total[Verdict(verdict)] -= count
    return total
