"""Photographs by their row: their mast, its neighbours, and the same mast in other runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, case, func, select

from catenary.domain.image import ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.review import RefusedError
from catenary.store import ledger
from catenary.store.findings import CropFile
from catenary.store.schema import finding, frame, reassignment, run

_MAST = (frame.c.mast_line, frame.c.mast_direction, frame.c.mast_section, frame.c.mast_number)


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph with what became of it.

    Attributes:
        id: Row.
        run_id: Row of the run.
        seq: Its place in the run, from 0.
        ref: Which.
        source: Path or URL of the run.
        date: Of the run as ISO text, or empty.
        outcome: None while it is pending.
        reason: Short code; empty when done.
        width: Pixels; 0 when not decoded.
        height: The same.
    """

    id: int
    run_id: int
    seq: int
    ref: ImageRef
    source: str
    date: str
    outcome: Outcome | None
    reason: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MastAt:
    """A mast of a run.

    Attributes:
        id: Row of its first photograph, which names it.
        run_id: Row of the run.
        mast: Which.
        kilometre_m: Of its first photograph, metres, or None.
        frames: Photographs.
    """

    id: int
    run_id: int
    mast: Mast
    kilometre_m: float | None
    frames: int


def photograph(connection: Connection, frame_id: int) -> Photograph:
    """Return a photograph.

    Raises:
        RefusedError: ``"not_found"``.
    """
    row = connection.execute(_selected().where(frame.c.id == frame_id)).mappings().one_or_none()
    if row is None:
        raise RefusedError("not_found", f"there is no photograph {frame_id}")
    return _photograph(row)


def evidence_at(connection: Connection, frame_id: int, x0: int, y0: int) -> CropFile | None:
    """Return the evidence picture of a finding that begins nearest before a place; None without.

    Args:
        connection: Database.
        frame_id: Row of the photograph.
        x0: Frame column.
        y0: Frame row.
    """
    own = (
        finding.c.frame_id == frame_id,
        finding.c.superseded_at.is_(None),
        finding.c.crop_x0 <= x0,
        finding.c.crop_y0 <= y0,
    )
    near = (finding.c.crop_x0 + finding.c.crop_y0).desc()
    columns = (finding.c.crop, finding.c.crop_x0, finding.c.crop_y0)
    row = connection.execute(select(*columns).where(*own).order_by(near).limit(1)).first()
    return None if row is None else CropFile(*row)


def of_mast(connection: Connection, run_id: int, mast: Mast) -> list[Photograph]:
    """Return the photographs of a mast in a run, in the order of the run."""
    # An expression, as in `earlier`: in the order of the run, SQLite would read all of it.
    query = _selected().where(frame.c.run_id == run_id, *_is(mast)).order_by(frame.c.seq + 0)
    return [_photograph(row) for row in connection.execute(query).mappings()]


def masts(connection: Connection, run_id: int) -> list[MastAt]:
    """Return the masts of a run in the order in which they were passed.

    That is by the time of the first photograph where each mast has one, else along the kilometre
    posts of each track, else as the run lists them: folders of sections are listed by their names.
    Photographs that were given to a mast tell its order and kilometre only where it has no others.
    This reads every row of the run: keep the answer as long as `made_of` is the same.
    """
    given = select(reassignment.c.frame_id).where(reassignment.c.run_id == run_id)
    is_own = frame.c.id.not_in(given)

    def least(column: Column[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.min(case((is_own, column))), func.min(column))

    told = (func.min(frame.c.id), least(frame.c.kilometre_m), func.count())
    query = (
        select(*_MAST, *told, least(frame.c.taken_at))
        .where(frame.c.run_id == run_id, frame.c.mast_number.is_not(None))
        .group_by(*_MAST)
        .order_by(least(frame.c.seq))
    )
    found = [
        (MastAt(one, run_id, Mast(line, Direction(way), section, number), kilometre, count), time)
        for line, way, section, number, one, kilometre, count, time in connection.execute(query)
    ]
    if all(time is not None for _, time in found):
        return [one for one, _ in sorted(found, key=lambda each: each[1])]
    listed = [one for one, _ in found]
    if any(one.kilometre_m is None for one in listed):
        return listed
    tracks = list(dict.fromkeys((one.mast.line, one.mast.direction) for one in listed))

    def place(one: MastAt) -> tuple[int, float]:
        return tracks.index((one.mast.line, one.mast.direction)), one.kilometre_m or 0.0

    return sorted(listed, key=place)


def newest_runs(connection: Connection, limit: int) -> list[int]:
    """Return the rows of the runs registered last, newest first."""
    return list(
        connection.execute(select(run.c.id).order_by(run.c.id.desc()).limit(limit)).scalars()
    )


def other_runs(connection: Connection, photo: Photograph) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, date, row and a photograph of other runs with the same mast, newest first."""
    if photo.ref.mast is None:
        return
    order = (run.c.date.desc(), run.c.id.desc())
    query = select(run.c.name, run.c.date, run.c.id).where(run.c.id != photo.run_id)
    # Run by run, so that each is one step in the index and the newest are enough for most.
    for name, date, run_id in connection.execute(query.order_by(*order)).all():
        own = (frame.c.run_id == run_id, *_is(photo.ref.mast))
        first = connection.execute(select(func.min(frame.c.id)).where(*own)).scalar()
        if first is not None:
            yield name, date, run_id, int(first)


def earlier(connection: Connection, photo: Photograph, limit: int) -> list[Photograph]:
    """Return the same mast by the same camera in earlier runs, one a run, newest first.

    Earlier is by the day of the run, or by its registration where no day is known.
    """
    if photo.ref.mast is None:
        return []
    found = []
    for _, date, run_id, _ in other_runs(connection, photo):
        is_dated = bool(date and photo.date)
        if not (
            (date if is_dated else "", run_id) < (photo.date if is_dated else "", photo.run_id)
        ):
            continue
        # Expressions: in the order of the run, SQLite would look through half of it for the mast
        # (40 ms in 500,000 photographs) instead of by the index of masts (under 1 ms).
        done = func.coalesce(frame.c.outcome, "") == str(Outcome.DONE)
        query = (
            _selected()
            .where(
                frame.c.run_id == run_id,
                frame.c.camera == photo.ref.camera,
                done,
                *_is(photo.ref.mast),
            )
            .order_by(frame.c.seq + 0)
            .limit(1)
        )
        if (row := connection.execute(query).mappings().one_or_none()) is not None:
            found.append(_photograph(row))
        if len(found) >= limit:
            break
    return found


def neighbours(connection: Connection, photo: Photograph) -> tuple[int | None, int | None]:
    """Return the photographs of the same camera just before and after, at other masts."""
    return _beside(connection, photo, -1), _beside(connection, photo, 1)


def _beside(connection: Connection, photo: Photograph, way: int) -> int | None:
    own = [frame.c.run_id == photo.run_id, frame.c.camera == photo.ref.camera]
    if photo.ref.mast is not None:
        number, section = photo.ref.mast.number, photo.ref.mast.section
        own.append(
            (frame.c.mast_number.is_(None))
            | (frame.c.mast_number != number)
            | (frame.c.mast_section != section)
        )
    own.append(frame.c.seq < photo.seq if way < 0 else frame.c.seq > photo.seq)
    order = frame.c.seq.desc() if way < 0 else frame.c.seq
    found = connection.execute(select(frame.c.id).where(*own).order_by(order).limit(1)).scalar()
    return None if found is None else int(found)


def made_of(connection: Connection, run_id: int) -> tuple[int, int]:
    """Return what changes when a run gets photographs or a mast is reassigned."""
    from_ledger = select(func.max(frame.c.seq)).where(frame.c.run_id == run_id)
    return int(connection.execute(from_ledger).scalar() or 0), _reassigned(connection, run_id)


def _reassigned(connection: Connection, run_id: int) -> int:
    query = select(func.max(reassignment.c.id)).where(reassignment.c.run_id == run_id)
    return int(connection.execute(query).scalar() or 0)


def by_image_ids(
    connection: Connection, run_id: int, image_ids: Sequence[str]
) -> dict[str, Photograph]:
    """Return photographs of a run by their image id."""
    own = (frame.c.run_id == run_id, frame.c.image_id.in_(image_ids))
    rows = connection.execute(_selected().where(*own)).mappings()
    return {row["image_id"]: _photograph(row) for row in rows}


def by_rows(connection: Connection, ids: Iterable[int]) -> dict[int, Photograph]:
    """Return photographs by their row; those that are not there are left out."""
    rows = connection.execute(_selected().where(frame.c.id.in_(list(ids)))).mappings()
    return {row["id"]: _photograph(row) for row in rows}


@cache  # to put it together takes longer than to read a photograph
def _selected() -> "Select[Any]":
    return select(
        frame, run.c.name.label("run_name"), run.c.source.label("run_source"), run.c.date
    ).join(run)


def _is(mast: Mast) -> list[ColumnElement[bool]]:
    values = (mast.line, str(mast.direction), mast.section, mast.number)
    return [column == value for column, value in zip(_MAST, values, strict=True)]


def _photograph(row: RowMapping) -> Photograph:
    return Photograph(
        row["id"],
        row["run_id"],
        row["seq"],
        ledger.ref_of(row),
        row["run_source"],
        row["date"],
        None if row["outcome"] is None else Outcome(row["outcome"]),
        row["reason"],
        row["width"],
        row["height"],
    )
