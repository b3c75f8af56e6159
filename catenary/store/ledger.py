"""The ledger: which photographs a run has, and what became of each."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    RowMapping,
    Text,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    text,
    type_coerce,
    update,
)

from catenary.domain.errors import StoreError
from catenary.domain.finding import Versions
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.store import postgresql
from catenary.store.database import Database
from catenary.store.path_text import storable
from catenary.store.schema import frame, frame_count, run

log = logging.getLogger(__name__)

_IS_LEFT = or_(frame.c.outcome.is_(None), frame.c.again)
# In words, as its index says it: SQLite does not take `again = 1` for the same.
IS_ASKED_AGAIN = text("frame.again AND frame.outcome IS NOT NULL")
_IS_JUDGED = func.coalesce(frame.c.outcome == Outcome.DONE, false())
_FINISHED = {
    "revision": case((_IS_JUDGED, frame.c.revision + 1), else_=frame.c.revision),
    "again": False,
    "lease_id": None,
}
# Made once: a statement takes longer to make than to run. What is not named here is in the values.
_FINISH = (
    update(frame)
    .where(
        frame.c.run_id == bindparam("of_run"),
        frame.c.image_id == bindparam("of_image", type_=frame.c.image_id.type),
        _IS_LEFT,
    )
    .values(_FINISHED)
)
_OUTCOME = ("outcome", "reason", "note", "width", "height", "seconds", "scan_id", "stamp", "sha256")
_TOLD = postgresql.told_together(("image_id", *_OUTCOME), frame)
# A server is told a batch in one statement: triggers that count its rows run once.
_FINISH_TOGETHER = (
    update(frame)
    .where(
        frame.c.run_id == bindparam("of_run"),
        type_coerce(frame.c.image_id, Text()) == _TOLD.c.image_id,
        _IS_LEFT,
    )
    .values(
        **_FINISHED,
        **{name: _TOLD.c[name] for name in _OUTCOME},
        finished_at=bindparam("at", type_=DateTime()),
    )
)
_LONG_CHUNK = 10_000  # ids read at once
_CHUNK = 1000  # rows a statement: memory stays flat, and below every database's bind limit


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is registered.

    Attributes:
        name: Wanted name, also of the run's folders; a number is added when another source
            has it.
        source: Absolute path or URL.
        layout: Name of the reader.
        versions: Model, rules and taxonomy it is scanned with.
        thresholds: Component id to the probability from which it is raised.
        line: 线路, or empty.
        direction: 行别 as a `Direction` value, or empty.
        date: ISO day, or empty.
        config: Settings of the scan as JSON.
        created_at: When it was first registered, UTC; set by `register`.
    """

    name: str
    source: str
    layout: str
    versions: Versions
    thresholds: Mapping[str, float]
    line: str = ""
    direction: str = ""
    date: str = ""
    config: str = "{}"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A photograph that was not judged, and why.

    Attributes:
        ref: Which.
        outcome: Unusable or failed.
        reason: Short stable code.
        note: The reason in words.
    """

    ref: ImageRef
    outcome: Outcome
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A photograph and what became of it.

    Attributes:
        ref: Which.
        outcome: None while it is pending.
        width: Pixels; 0 when not decoded.
        height: Pixels; 0 when not decoded.
        sha256: Of its bytes, hexadecimal; empty when unknown.
    """

    ref: ImageRef
    outcome: Outcome | None
    width: int
    height: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the outcome of a photograph comes from.

    Attributes:
        scan_id: Row of the scan that finished it.
        stamp: Of its file when it was read, see `catenary.runs.source.Source.stamp`; empty when
            unknown.
        sha256: Of its bytes, hexadecimal; empty when they could not be read.
    """

    scan_id: int | None = None
    stamp: str = ""
    sha256: str = ""


_UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class Standing:
    """A finished photograph of which a new scan must know more.

    Attributes:
        frame_id: Its row.
        is_judged: Whether it has findings or rows of shards that a new outcome replaces.
        revision: How often that happened already.
    """

    frame_id: int
    is_judged: bool
    revision: int

    @property
    def next_revision(self) -> int:
        """What the next outcome is numbered: rows of shards that say less are replaced by it."""
        return self.revision + 1 if self.is_judged else self.revision


def register(tx: Connection, record: RunRecord) -> int:
    """Return the id of the run of this name and source; add it when it is new.

    When it is known, its versions, thresholds and settings become those of this scan; each
    finding keeps its own versions.
    """
    postgresql.hold_for_register(tx)
    run_id = known(tx, record)
    values: dict[str, Any] = {
        "config": record.config,
        "thresholds": json.dumps(dict(record.thresholds), sort_keys=True),
        "model": record.versions.model,
        "rules": record.versions.rules,
        "taxonomy": record.versions.taxonomy,
    }
    if run_id is not None:
        tx.execute(update(run).where(run.c.id == run_id).values(values))
        return run_id
    values |= {
        "created_at": _now(),
        "name": _free_name(tx, _folder_name(record.name)),
        "source": record.source,
        "layout": record.layout,
        "line": record.line,
        "direction": record.direction,
        "date": record.date,
    }
    added = insert(run).values(values).returning(run.c.id)
    return int(tx.execute(added).scalar_one())


def known(connection: Connection, record: RunRecord) -> int | None:
    """Return the id of the run of this name and source, None when it is new."""
    name = _folder_name(record.name)
    same_source = select(run.c.name, run.c.id).where(run.c.source == record.source)
    found = {own: int(run_id) for own, run_id in connection.execute(same_source.order_by(run.c.id))}
    if name in found:
        return found[name]
    return next((found[own] for own in found if _is_numbered(own, name)), None)


def is_taken(connection: Connection, name: str) -> bool:
    """Tell whether a run has this name, or the one that is made of it for folders."""
    wanted = run.c.name == _folder_name(name)
    return connection.execute(select(run.c.id).where(wanted)).first() is not None


def _folder_name(name: str) -> str:
    """Return a name that can be a folder on every system, at most 180 bytes."""
    plain = "".join(
        "_" if char in '/\\:*?"<>|' or not char.isprintable() else char for char in name
    )
    short = plain.strip(" .").encode()[:180].decode(errors="ignore")
    return short.strip(" .") or "run"


def _is_numbered(name: str, wanted: str) -> bool:
    number = name.removeprefix(f"{wanted}-")
    return number != name and number.isdecimal()


def _free_name(tx: Connection, wanted: str) -> str:
    taken = set(tx.execute(select(run.c.name)).scalars())
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def run_id_of(connection: Connection, name: str) -> int:
    """Return the id of the run of that name.

    Raises:
        StoreError: If there is none; the message lists those there are.
    """
    run_id = connection.execute(select(run.c.id).where(run.c.name == name)).scalar()
    if run_id is None:
        names = connection.execute(select(run.c.name).order_by(run.c.id)).scalars().all()
        raise StoreError(f"no run {name!r} in this workspace; it has: {', '.join(names) or 'none'}")
    return int(run_id)


def record_of(connection: Connection, run_id: int) -> RunRecord:
    """Return a run as registered, with the name it was given.

    Raises:
        LookupError: If there is no such run.
    """
    row = connection.execute(select(run).where(run.c.id == run_id)).mappings().one_or_none()
    if row is None:
        raise LookupError(f"no run {run_id}")
    return RunRecord(
        row["name"],
        row["source"],
        row["layout"],
        Versions(row["model"], row["rules"], row["taxonomy"]),
        json.loads(row["thresholds"]),
        row["line"],
        row["direction"],
        row["date"],
        row["config"],
        row["created_at"].replace(tzinfo=UTC),
    )


def plan(tx: Connection, run_id: int, refs: Iterable[ImageRef]) -> int:
    """Enter the photographs that the ledger does not have yet, in order, as pending.

    Those it has are not touched, so a source that has grown can be planned again.

    Returns:
        How many were new.
    """
    last = tx.execute(select(func.max(frame.c.seq)).where(frame.c.run_id == run_id)).scalar()
    seq = first = 0 if last is None else int(last) + 1
    iterator = iter(refs)
    while chunk := list(islice(iterator, _CHUNK)):
        by_id: dict[str, ImageRef] = {}
        for ref in chunk:
            by_id.setdefault(ref.image_id, ref)
        if len(by_id) < len(chunk):
            log.warning("run=%d repeated_ids=%d kept=first", run_id, len(chunk) - len(by_id))
        known = select(frame.c.image_id).where(
            frame.c.run_id == run_id, frame.c.image_id.in_(by_id)
        )
        for image_id in tx.execute(known).scalars():
            del by_id[image_id]
        if by_id:
            tx.execute(
                insert(frame), [_row(run_id, seq + n, r) for n, r in enumerate(by_id.values())]
            )
            seq += len(by_id)
    return seq - first


def unplanned(db: Database, run_id: int, refs: Iterable[ImageRef]) -> Iterator[ImageRef]:
    """Yield what `plan` may have to add: all from the first that the ledger has not in its place.

    A run that is gone on with lists what the ledger holds, in the same order; comparing the two
    row by row costs a tenth of looking each photograph up.
    """
    iterator = iter(refs)
    for image_id in _image_ids(db, run_id):
        ref = next(iterator, None)
        if ref is None:
            return
        if ref.image_id != image_id:
            yield ref
            break
    yield from iterator


def _image_ids(db: Database, run_id: int) -> Iterator[str]:
    """Yield the photographs of a run in order, read in short views as in `pending`."""
    after = -1
    while True:
        wanted = (frame.c.run_id == run_id, frame.c.seq > after)
        query = select(frame.c.seq, frame.c.image_id).where(*wanted).order_by(frame.c.seq)
        with db.read() as connection:
            rows = connection.execute(query.limit(_LONG_CHUNK)).all()
        yield from (image_id for _, image_id in rows)
        if len(rows) < _LONG_CHUNK:
            return
        after = rows[-1][0]


def pending(
    db: Database,
    run_id: int,
    limit: int | None = None,
    more: Callable[[], bool] | None = None,
) -> Iterator[ImageRef]:
    """Yield photographs without an outcome or to be scanned again, in the order of the plan.

    Each chunk is read in a short view of its own: a scan takes days, and a view held as long
    would keep SQLite from ever emptying its log file.

    Args:
        db: May be written to while this goes on.
        run_id: Run.
        limit: At most so many; None for all.
        more: Waits until photographs may have been planned since it was called last, and tells
            whether; None when planning is over.
    """
    after, left = -1, limit
    while left is None or left > 0:
        size = _CHUNK if left is None else min(_CHUNK, left)
        with db.read() as connection:
            rows = _pending_rows(connection, run_id, after, size)
        yield from (ref_of(row) for row in rows)
        if len(rows) < size and not (more and more()):
            return
        after = rows[-1]["seq"] if rows else after
        left = None if left is None else left - len(rows)


def _pending_rows(connection: Connection, run_id: int, after: int, size: int) -> list[RowMapping]:
    """Return the next pending frames after a seq: cost does not grow with the place.

    Two queries, since each has an index in this order and both together have none.
    """
    query = (
        select(frame, run.c.name.label("run_name"))
        .join(run)
        .where(frame.c.run_id == run_id, frame.c.seq > after)
        .order_by(frame.c.seq)
        .limit(size)
    )
    fresh = connection.execute(query.where(frame.c.outcome.is_(None))).mappings()
    again = query.where(IS_ASKED_AGAIN)
    rows = [*fresh, *connection.execute(again).mappings()]
    return sorted(rows, key=lambda row: int(row["seq"]))[:size]


def finish(
    tx: Connection, run_id: int, image_id: str, result: FrameResult, origin: Origin = _UNKNOWN
) -> None:
    """Record the outcome of a photograph, once; see `finish_all`."""
    finish_all(tx, run_id, [(image_id, result, origin)])


def finish_all(
    tx: Connection, run_id: int, results: Sequence[tuple[str, FrameResult, Origin]]
) -> None:
    """Record the outcomes of different photographs, each once; former ones are replaced.

    What was found then must be superseded in the same transaction, see `catenary.store.again`.

    Raises:
        LookupError: If a photograph is not pending in this run; nothing may be kept then.
    """
    if not results:
        return
    rows = [_outcome(*told) for told in results]
    if tx.dialect.name == postgresql.DIALECT:
        plain = [row | {"image_id": storable(row.pop("of_image"))} for row in rows]
        told = {"of_run": run_id, "at": _now(), "told": json.dumps(plain)}
        done = tx.execute(_FINISH_TOGETHER, told)
    else:
        own = {"of_run": run_id, "finished_at": _now()}
        done = tx.execute(_FINISH, [own | row for row in rows])
    if done.rowcount != len(results):
        ids = ", ".join(repr(image_id) for image_id, _, _ in results)
        raise LookupError(f"image {ids} is not pending in run {run_id}")


def _outcome(image_id: str, result: FrameResult, origin: Origin) -> dict[str, Any]:
    return {
        "of_image": image_id,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "note": result.note,
        "width": result.width,
        "height": result.height,
        "seconds": result.seconds,
        "scan_id": origin.scan_id,
        "stamp": origin.stamp,
        "sha256": origin.sha256,
    }


def is_left(tx: Connection, run_id: int, image_id: str) -> bool:
    """Tell whether a photograph is still to be scanned."""
    wanted = (frame.c.run_id == run_id, frame.c.image_id == image_id, _IS_LEFT)
    return tx.execute(select(frame.c.id).where(*wanted)).first() is not None


def standing(connection: Connection, run_id: int, image_ids: Sequence[str]) -> dict[str, Standing]:
    """Return those of some photographs that have an outcome now or had one, by image id."""
    query = select(frame.c.image_id, frame.c.id, _IS_JUDGED, frame.c.revision).where(
        frame.c.run_id == run_id,
        frame.c.image_id.in_(image_ids),
        or_(frame.c.outcome.is_not(None), frame.c.revision > 0),
    )
    return {
        image_id: Standing(frame_id, bool(is_judged), revision)
        for image_id, frame_id, is_judged, revision in connection.execute(query)
    }


def reset_failed(tx: Connection, run_id: int) -> int:
    """Make failed photographs pending again; return how many."""
    failed = (frame.c.run_id == run_id, frame.c.outcome == Outcome.FAILED)
    again = {"outcome": None, "finished_at": None, "reason": "", "note": "", "seconds": 0.0}
    return tx.execute(update(frame).where(*failed).values(again)).rowcount


def counts(connection: Connection, run_id: int) -> Counter[str | None]:
    """Return how many photographs have each outcome; None counts those that are pending.

    Those that are to be scanned again are pending too.
    """
    # Numbered without a gap, so that the last tells how many there are.
    last = select(func.max(frame.c.seq)).where(frame.c.run_id == run_id)
    newest = connection.execute(last).scalar()
    query = select(frame_count.c.outcome, func.sum(frame_count.c.rows)).where(
        frame_count.c.run_id == run_id, ~frame_count.c.again
    )
    counted: Counter[str | None] = Counter()
    for outcome, count in connection.execute(query.group_by(frame_count.c.outcome)):
        counted[outcome] = int(count)
    counted[None] = (0 if newest is None else int(newest) + 1) - counted.total()
    return counted


def failures(connection: Connection, run_id: int) -> Iterator[Failure]:
    """Yield photographs that were unusable or failed, in order."""
    wanted = (Outcome.UNUSABLE, Outcome.FAILED)
    query = (
        select(frame, run.c.name.label("run_name"))
        .join(run)
        .where(frame.c.run_id == run_id, frame.c.outcome.in_(wanted))
        .order_by(frame.c.seq)
    )
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        yield Failure(ref_of(row), Outcome(row["outcome"]), row["reason"], row["note"])


def frame_ids(tx: Connection, run_id: int, image_ids: set[str]) -> dict[str, int]:
    """Return the rows of photographs by image id.

    Raises:
        LookupError: If one is not in the ledger of this run.
    """
    query = select(frame.c.image_id, frame.c.id).where(
        frame.c.run_id == run_id, frame.c.image_id.in_(image_ids)
    )
    known = {image_id: int(frame_id) for image_id, frame_id in tx.execute(query)}
    if missing := image_ids - known.keys():
        raise LookupError(f"images {sorted(missing)} are not in the ledger of run {run_id}")
    return known


def entries(connection: Connection, run_id: int) -> Iterator[Entry]:
    """Yield every photograph of a run with what became of it, in order."""
    query = (
        select(frame, run.c.name.label("run_name"))
        .join(run)
        .where(frame.c.run_id == run_id)
        .order_by(frame.c.seq)
    )
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        outcome = None if row["outcome"] is None else Outcome(row["outcome"])
        yield Entry(ref_of(row), outcome, row["width"], row["height"], row["sha256"])


def ref_of(row: RowMapping) -> ImageRef:
    """Return the photograph of a frame row that also holds its ``run_name``."""
    mast = None
    if row["mast_number"] is not None:
        direction = Direction(row["mast_direction"])
        mast = Mast(row["mast_line"], direction, row["mast_section"], row["mast_number"])
    return ImageRef(
        row["run_name"],
        row["image_id"],
        row["location"],
        row["file_name"],
        row["camera"],
        row["view"],
        mast,
        row["kilometre_m"],
        row["taken_at"],
    )


def _row(run_id: int, seq: int, ref: ImageRef) -> dict[str, Any]:
    mast = ref.mast
    return {
        "run_id": run_id,
        "seq": seq,
        "image_id": ref.image_id,
        "file_name": ref.file_name,
        "location": ref.location,
        "camera": ref.camera,
        "view": ref.view,
        "mast_line": mast.line if mast else None,
        "mast_direction": str(mast.direction) if mast else None,
        "mast_section": mast.section if mast else None,
        "mast_number": mast.number if mast else None,
        "kilometre_m": ref.kilometre_m,
        "taken_at": ref.taken_at,
    }


def _now() -> datetime:
    """Return UTC without a zone, as the columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)
