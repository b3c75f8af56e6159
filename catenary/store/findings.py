"""Findings in the database: defects and parts that could not be judged."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from catenary.domain.change import Change
from catenary.domain.finding import Component, Finding, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.store import evidence_text, ledger, postgresql
from catenary.store.schema import finding, finding_change, finding_count, frame, run

_SAME_PLACE = 0.3  # overlap (IoU) from which a new finding is of the former one's part; our value
_CHUNK = 500  # rows held at a time when reading
_GIVEN = tuple(one.name for one in finding.c if one.name not in ("id", "superseded_at"))
# A server is told a batch in one statement: triggers that count its rows run once.
_INSERT_TOGETHER = insert(finding).from_select(
    _GIVEN, select(*postgresql.told_together(_GIVEN, finding).c)
)


@dataclass(frozen=True, slots=True)
class CropFile:
    """The evidence picture of a finding, at the full resolution of the photograph.

    Attributes:
        name: See `catenary.store.workspace.Workspace.picture`.
        x0: Frame column of its first column.
        y0: Frame row of its first row.
    """

    name: str
    x0: int
    y0: int


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with its photograph.

    Attributes:
        id: Row of the finding.
        finding: As judged.
        ref: The photograph.
        width: Of the photograph, px.
        height: Of the photograph, px.
        crop: Its evidence picture, or None.
    """

    id: int
    finding: Finding
    ref: ImageRef
    width: int
    height: int
    crop: CropFile | None


@dataclass(frozen=True, slots=True)
class Former:
    """A finding that a new scan of its photograph put aside.

    Attributes:
        id: Row of the finding.
        image_id: Photograph.
        component: Component id.
        box: Full-frame pixels.
    """

    id: int
    image_id: str
    component: str
    box: Box


@dataclass(frozen=True, slots=True)
class FindingChange:
    """What a comparison says of a finding.

    Attributes:
        change: New, grown, unchanged or not comparable.
        earlier_run: Name of the run that it was compared with.
        reason: Why it cannot be compared; else empty.
    """

    change: Change
    earlier_run: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings of a run are wanted; None means any.

    Attributes:
        verdict: Defect or cannot_judge.
        component: Component id.
        grade: 1, 2 or 3.
    """

    verdict: Verdict | None = None
    component: str | None = None
    grade: int | None = None


def insert_all(
    tx: Connection,
    run_id: int,
    found: Iterable[tuple[Finding, CropFile | None]],
    former: Sequence[Former] = (),
) -> int:
    """Add findings, each with its evidence picture; return how many.

    Args:
        tx: The transaction that also finishes their photographs.
        run_id: Run.
        found: Defects and parts that could not be judged; normal parts belong in a shard.
        former: What `supersede` returned of the same photographs: each new finding refers to the
            one at its place.

    Raises:
        LookupError: If a photograph is not in the ledger of this run.
        ValueError: If a finding is normal.
    """
    pairs = list(found)
    frames = ledger.frame_ids(tx, run_id, {one.image_id for one, _ in pairs})
    taken = _followed([one for one, _ in pairs], former)
    rows = [
        _row(run_id, frames[one.image_id], one, crop) | {"former_id": former_id}
        for (one, crop), former_id in zip(pairs, taken, strict=True)
    ]
    if rows and tx.dialect.name == postgresql.DIALECT:
        tx.execute(_INSERT_TOGETHER, {"told": json.dumps(rows)})
    elif rows:
        tx.execute(insert(finding), rows)
    return len(rows)


def supersede(tx: Connection, frame_ids: Sequence[int]) -> list[Former]:
    """Put aside the findings of photographs that are judged anew; return them.

    Their rows stay, with pictures and all, for whatever refers to them.

    Args:
        tx: The transaction that brings the new findings.
        frame_ids: Rows of the photographs.
    """
    stands = (finding.c.frame_id.in_(frame_ids), finding.c.superseded_at.is_(None))
    columns = (finding.c.id, frame.c.image_id, finding.c.component)
    corners = (finding.c.x0, finding.c.y0, finding.c.x1, finding.c.y1)
    query = select(*columns, *corners).join(frame, finding.c.frame_id == frame.c.id)
    former = [
        Former(number, image_id, component, Box(*corners))
        for number, image_id, component, *corners in tx.execute(
            query.where(*stands).order_by(finding.c.id)
        )
    ]
    at = datetime.now(UTC).replace(tzinfo=None)
    tx.execute(update(finding).where(*stands).values(superseded_at=at))
    return former


def _followed(found: Sequence[Finding], former: Sequence[Former]) -> list[int | None]:
    """Return which former finding each new one takes the place of; each is taken once."""
    pairs = sorted(
        (
            (one.component.box.iou(old.box), -new, old.id)
            for new, one in enumerate(found)
            for old in former
            if (old.image_id, old.component) == (one.image_id, one.component.kind)
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for overlap, new, old_id in pairs:
        if overlap >= _SAME_PLACE and -new not in taken and old_id not in taken.values():
            taken[-new] = old_id
    return [taken.get(new) for new in range(len(found))]


def superseded_of(connection: Connection, run_id: int) -> Iterator[StoredFinding]:
    """Yield what later scans of a run replaced, oldest first."""
    query = _joined().where(finding.c.run_id == run_id, finding.c.superseded_at.is_not(None))
    rows = connection.execute(query.order_by(finding.c.id), execution_options={"yield_per": _CHUNK})
    for row in rows.mappings():
        yield _stored(row)


def of_run(
    connection: Connection, run_id: int, wanted: Filter | None = None
) -> Iterator[StoredFinding]:
    """Yield the findings of a run that stand: defects by falling probability, then the others.

    As many as one likes: each part of the order is read along an index, so that nothing is sorted
    and memory stays flat.
    """
    asked = wanted or Filter()
    own = (finding.c.run_id == run_id, finding.c.superseded_at.is_(None), *_conditions(asked))
    known = finding.c.probability.is_not(None)
    for verdict in (Verdict.DEFECT, Verdict.CANNOT_JUDGE):
        if asked.verdict not in (None, verdict):
            continue
        query = _joined().where(*own, finding.c.verdict == str(verdict))
        yield from _read(
            connection, query.where(known).order_by(finding.c.probability.desc(), finding.c.id)
        )
        yield from _read(connection, query.where(~known).order_by(finding.c.id))


def _read(connection: Connection, query: "Select[Any]") -> Iterator[StoredFinding]:
    """Yield rows, the first few at once: whoever wants no more pays for no more."""
    options = {"yield_per": _CHUNK, "max_row_buffer": _CHUNK}
    for row in connection.execute(query, execution_options=options).mappings():
        yield _stored(row)


def count(connection: Connection, run_id: int) -> int:
    """Return how many findings of a run stand."""
    own = (finding_count.c.run_id == run_id, ~finding_count.c.is_superseded)
    counted = select(func.coalesce(func.sum(finding_count.c.rows), 0)).where(*own)
    return int(connection.execute(counted).scalar_one())


def newest(connection: Connection, run_id: int, limit: int) -> list[StoredFinding]:
    """Return the findings of a run that were stored last, the last first."""
    query = _joined().where(finding.c.run_id == run_id).order_by(finding.c.id.desc())
    return [_stored(row) for row in connection.execute(query.limit(limit)).mappings()]


def by_ids(connection: Connection, ids: Iterable[int]) -> dict[int, StoredFinding]:
    """Return findings by their row; those that are not there are left out."""
    query = _joined().where(finding.c.id.in_(list(ids)))
    return {row["id"]: _stored(row) for row in connection.execute(query).mappings()}


def change_of(connection: Connection, finding_id: int) -> FindingChange | None:
    """Return what the latest comparison says of a finding; None where there was none."""
    query = (
        select(finding_change, run.c.name)
        .join(run, finding_change.c.earlier_run_id == run.c.id)
        .where(finding_change.c.finding_id == finding_id)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return FindingChange(Change(row["change"]), row["name"], row["reason"])


def record_changes(
    tx: Connection,
    run_id: int,
    earlier_run_id: int,
    changes: Iterable[tuple[int, Change, str]],
) -> int:
    """Keep what a comparison says of the findings of a run; the last one's words replace others.

    Args:
        tx: The old words go and the new come, or neither.
        run_id: Run.
        earlier_run_id: That it was compared with.
        changes: Row of the finding, what became of it, and why it cannot be compared or empty.

    Returns:
        How many were kept.
    """
    own = select(finding.c.id).where(finding.c.run_id == run_id)
    tx.execute(delete(finding_change).where(finding_change.c.finding_id.in_(own)))
    rows = [
        {
            "finding_id": finding_id,
            "earlier_run_id": earlier_run_id,
            "change": str(change),
            "reason": reason,
        }
        for finding_id, change, reason in changes
    ]
    if rows:
        tx.execute(insert(finding_change), rows)
    return len(rows)


def changes_of_run(connection: Connection, run_id: int) -> dict[int, FindingChange]:
    """Return what the latest comparison says, by row of the finding; empty without one."""
    query = (
        select(finding_change, run.c.name)
        .join(finding, finding_change.c.finding_id == finding.c.id)
        .join(run, finding_change.c.earlier_run_id == run.c.id)
        .where(finding.c.run_id == run_id)
    )
    return {
        row["finding_id"]: FindingChange(Change(row["change"]), row["name"], row["reason"])
        for row in connection.execute(query).mappings()
    }


@cache  # to put it together takes longer than to read a row
def _joined() -> "Select[Any]":
    """Select findings with their photograph; the names both tables use go to the finding."""
    photograph = [
        column for column in frame.c if column.name not in finding.c and column.name != "id"
    ]
    return (
        select(finding, *photograph, run.c.name.label("run_name"))
        .join(frame, finding.c.frame_id == frame.c.id)
        .join(run, finding.c.run_id == run.c.id)
    )


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    pairs = (
        (finding.c.verdict, wanted.verdict),
        (finding.c.component, wanted.component),
        (finding.c.grade, wanted.grade),
    )
    return [column == value for column, value in pairs if value is not None]


def _stored(row: RowMapping) -> StoredFinding:
    crop = None
    if row["crop"] is not None:
        crop = CropFile(row["crop"], row["crop_x0"], row["crop_y0"])
    ref = ledger.ref_of(row)
    return StoredFinding(row["id"], _finding(row), ref, row["width"], row["height"], crop)


def _finding(row: RowMapping) -> Finding:
    box = Box(row["x0"], row["y0"], row["x1"], row["y1"])
    return Finding(
        row["image_id"],
        Component(row["component"], box, row["score"], row["orientation_deg"]),
        Verdict(row["verdict"]),
        row["condition"],
        row["probability"],
        row["grade"],
        evidence_text.loads(row["evidence"]),
        Versions(row["model"], row["rules"], row["taxonomy"]),
        row["reason"],
    )


def _row(run_id: int, frame_id: int, one: Finding, crop: CropFile | None) -> dict[str, Any]:
    if one.verdict is Verdict.NORMAL:
        raise ValueError(f"normal parts are kept in shards, got {one}")
    box = one.component.box
    return {
        "run_id": run_id,
        "frame_id": frame_id,
        "component": one.component.kind,
        # float(): numpy scalars would be stored as raw bytes
        **{name: float(getattr(box, name)) for name in ("x0", "y0", "x1", "y1")},
        "orientation_deg": _plain(one.component.orientation_deg),
        "score": float(one.component.score),
        "verdict": str(one.verdict),
        "condition": one.condition,
        "probability": _plain(one.probability),
        "grade": one.grade,
        "reason": one.reason,
        "model": one.versions.model,
        "rules": one.versions.rules,
        "taxonomy": one.versions.taxonomy,
        "evidence": evidence_text.dumps(one.evidence),
        "crop": crop.name if crop else None,
        "crop_x0": crop.x0 if crop else None,
        "crop_y0": crop.y0 if crop else None,
    }


def _plain(value: float | None) -> float | None:
    return None if value is None else float(value)
