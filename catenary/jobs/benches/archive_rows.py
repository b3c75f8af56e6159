"""What a database with millions of rows takes and gives: the second half of `bench archive`.

The rows that are there already are entered by the database itself, in a tenth of the time; what is
measured on top of them goes through the same functions as in a scan, and the questions are those
of reports and reviewers.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Integer,
    String,
    Table,
    case,
    cast,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from catenary.domain import review
from catenary.domain.errors import StoreError
from catenary.domain.finding import Component, Evidence, Finding, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.review import Reader, Role, State
from catenary.store import database, evidence_text, findings, ledger, queue, summary
from catenary.store.database import Database
from catenary.store.findings import Filter
from catenary.store.ledger import Origin, RunRecord
from catenary.store.queue import Asked as AskedFor
from catenary.store.queue import Order
from catenary.store.queue_counts import QueueCounts
from catenary.store.review_items import Wanted
from catenary.store.schema import finding, frame, review_item, run
from catenary.store.workspace import Workspace

RUN = "2026-03-06_bench_上行_A-B"
VERSIONS = Versions("bench@0", "1", "1")
_A_MAST = 40  # photographs
_RARE = 1000  # one in so many findings is of another component
_A_PLAN, _A_BATCH = 2000, 64  # photographs a transaction, as planning and scanning have them
# Rows that the database enters in one statement; a trigger counts each, and PostgreSQL goes through
# all versions of the count that a transaction has made.
_A_FILL = 5_000
_QUERIES = 200
_SOME = 20  # times that a question is asked about everything
_TENS = 1_000_000_000  # added to numbers, so that all are as long
_READER = Reader("bench", Role.LEAD)


@dataclass(frozen=True, slots=True)
class Inserted:
    """Rows put into the database by the functions of a scan.

    Attributes:
        what: ``"ledger"``, ``"outcomes"`` or ``"findings"``.
        held: Rows that each table held before.
        rows: How many were put in.
        rates: Rows a second, by tenths.
        processor_rate: Rows a second of this process' own processor time.
        file_mb: Size of the database after it.
    """

    what: str
    held: int
    rows: int
    rates: tuple[float, ...]
    processor_rate: float
    file_mb: float


@dataclass(frozen=True, slots=True)
class Asked:
    """How long a question to the full database takes.

    Attributes:
        what: Question.
        held: Rows of each table.
        median_ms: By the clock.
        p95_ms: By the clock.
        processor_ms: Median of this process' own processor time.
    """

    what: str
    held: int
    median_ms: float
    p95_ms: float
    processor_ms: float


def measure(workspace: Workspace, helds: Sequence[int], rows: int) -> Iterator[Inserted | Asked]:
    """Yield figures of a database that holds more and more rows.

    Args:
        workspace: New one; its database is an empty file or server.
        helds: How many rows each table holds before each measurement, rising.
        rows: How many are then put in.

    Raises:
        StoreError: If the database holds runs already, or cannot be written.
    """
    workspace.create()
    db = database.open_workspace_db(workspace.database)
    try:
        with db.write() as tx:
            if tx.execute(select(run.c.id).limit(1)).first() is not None:
                raise StoreError(f"{db.name} holds runs; name an empty database for the bench")
            register = RunRecord(RUN, "/bench", "bench", VERSIONS, {"dropper": 0.5})
            run_id = ledger.register(tx, register)
        held = 0
        for wanted in helds:
            grow(db, run_id, held, wanted)
            held = max(held, wanted)
            for what, work in _WORKS.items():
                yield _inserted(db, what, range(held, held + rows), partial(work, run_id))
            yield from asked(db, run_id, held)
            held += rows
            with db.write() as tx:
                _queue(tx, run_id, range(held - rows, held))
    finally:
        db.close()


def grow(db: Database, run_id: int, start: int, stop: int) -> None:
    """Have the database enter photographs, a finding of each and its item of the queue."""
    if stop <= start:
        return
    for table, fill in ((frame, _frames), (finding, _findings), (review_item, _queue)):
        with _unindexed(db, table):
            for at in range(start, stop, _A_FILL):
                with db.write() as tx:
                    fill(tx, run_id, range(at, min(at + _A_FILL, stop)))
    with db.write() as tx:
        # As the code does at the end of a scan; a server does it for all tables by itself.
        tx.execute(text("ANALYZE" if tx.dialect.name == "postgresql" else "ANALYZE review_item"))


@contextmanager
def _unindexed(db: Database, table: Table) -> Iterator[None]:
    """Make the indexes of a table after its rows: sorting is quicker than finding places."""
    indexes = sorted(table.indexes, key=lambda one: str(one.name))
    for one in indexes:
        with db.write() as tx:
            tx.execute(DropIndex(one))
    yield
    for one in indexes:
        with db.write() as tx:
            tx.execute(CreateIndex(one))


def _numbers(span: range) -> Any:  # noqa: ANN401 - a table of SQL
    """Return a table ``i`` of the numbers of a span."""
    counted = select(literal(span.start, Integer).label("i")).cte("counted", recursive=True)
    return counted.union_all(select(counted.c.i + 1).where(counted.c.i + 1 < span.stop))


def _word(number: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(number + _TENS, String)


def _share(number: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a number in [0, 1) that looks drawn by lot."""
    return cast((cast(number, BigInteger) * 7919) % 1_000_003, Double) / 1_000_003.0


def _frames(tx: Connection, run_id: int, span: range) -> None:
    i = _numbers(span).c.i
    name = _word(i) + ".jpg"
    values = {
        "run_id": literal(run_id),
        "seq": i,
        "image_id": name,
        "file_name": name,
        "location": name,
        "camera": case((i % _RARE == 1, "99"), else_=cast(i % _A_MAST, String)),
        "view": literal(""),
        "mast_line": literal("bench"),
        "mast_direction": literal(str(Direction.UP)),
        "mast_section": literal("A"),
        "mast_number": _word(i // _A_MAST),
        "kilometre_m": cast(i, Double) * 1.25,
        "outcome": literal(str(Outcome.DONE)),
        "reason": literal(""),
        "note": literal(""),
        "width": literal(6576),
        "height": literal(4384),
        "seconds": literal(0.5),
        "finished_at": literal(_NOW, DateTime),
    }
    _enter(tx, frame, values)


def _findings(tx: Connection, run_id: int, span: range) -> None:
    i = frame.c.seq
    values = {
        "run_id": frame.c.run_id,
        "frame_id": frame.c.id,
        "component": _rarely(i, "insulator", "dropper"),
        **{name: literal(value, Double) for name, value in _BOX.items()},
        "score": literal(0.9, Double),
        "verdict": literal(str(Verdict.DEFECT)),
        "condition": _rarely(i, "flashover", "broken"),
        "probability": 0.5 + 0.4 * _share(i),
        "grade": literal(1),
        "reason": literal(""),
        "model": literal(VERSIONS.model),
        "rules": literal(VERSIONS.rules),
        "taxonomy": literal(VERSIONS.taxonomy),
        "evidence": literal(evidence_text.dumps(_EVIDENCE)),
        "crop": _word(i) + "-0.jpg",
        "crop_x0": literal(0),
        "crop_y0": literal(0),
    }
    _enter(tx, finding, values, _of(run_id, span))


def _queue(tx: Connection, run_id: int, span: range) -> None:
    same = (
        "component", "verdict", "probability", "condition", "grade", "x0", "y0", "x1", "y1",
    )  # fmt: skip
    values = {
        "run_id": frame.c.run_id,
        "name": _word(frame.c.seq),
        "origin": literal(str(review.Origin.SCAN)),
        "frame_id": frame.c.id,
        "finding_id": finding.c.id,
        **{name: finding.c[name] for name in same},
        "views": literal(1),
        "line": frame.c.mast_line,
        "direction": frame.c.mast_direction,
        "section": frame.c.mast_section,
        "mast_number": frame.c.mast_number,
        "kilometre_m": frame.c.kilometre_m,
        "camera": frame.c.camera,
        "view": frame.c.view,
        "entered_at": literal(_NOW, DateTime),
        "priority": 1000.0 + finding.c.probability,
        "state": literal(str(State.OPEN)),
        "reviewer": literal(""),
        "note": literal(""),
        "version": literal(0),
    }
    _enter(tx, review_item, values, _of(run_id, span), finding.c.frame_id == frame.c.id)


def _enter(
    tx: Connection, table: Table, values: dict[str, Any], *wanted: ColumnElement[bool]
) -> None:
    tx.execute(insert(table).from_select(list(values), select(*values.values()).where(*wanted)))


def _of(run_id: int, span: range) -> ColumnElement[bool]:
    seq = frame.c.seq
    return (frame.c.run_id == run_id) & (seq >= span.start) & (seq < span.stop)


def _rarely(number: ColumnElement[Any], rare: str, usual: str) -> ColumnElement[str]:
    return case((number % _RARE == 0, rare), else_=usual)


_NOW = datetime(2026, 3, 6)  # noqa: DTZ001 - UTC without a zone, as the columns hold it
_BOX = {"x0": 20.0, "y0": 30.0, "x1": 60.0, "y1": 200.0}
_EVIDENCE = (Evidence("bench/1", "broken", Verdict.DEFECT, 0.9),)


def ref(number: int) -> ImageRef:
    """Return the photograph of a number, as the database makes it too."""
    name = f"{_TENS + number}.jpg"
    mast = Mast("bench", Direction.UP, "A", str(_TENS + number // _A_MAST))
    camera = str(number % _A_MAST)
    return ImageRef(RUN, name, name, name, camera, "", mast, number * 1.25)


def _planned(run_id: int, tx: Connection, numbers: range) -> None:
    ledger.plan(tx, run_id, map(ref, numbers))


def _finished(run_id: int, tx: Connection, numbers: range) -> None:
    done = FrameResult(Outcome.DONE, width=6576, height=4384, seconds=0.5)
    told = [(ref(number).image_id, done, Origin()) for number in numbers]
    ledger.finish_all(tx, run_id, told)


def _found(run_id: int, tx: Connection, numbers: range) -> None:
    told = (finding_of(number) for number in numbers)
    findings.insert_all(tx, run_id, ((one, None) for one in told))


def finding_of(number: int) -> Finding:
    """Return the finding of a photograph; the database makes it too, but for the rare ones."""
    part = Component("dropper", Box(**_BOX), 0.9)
    score = 0.5 + 0.4 * (number * 7919 % 1_000_003) / 1_000_003
    name = ref(number).image_id
    return Finding(name, part, Verdict.DEFECT, "broken", score, 1, _EVIDENCE, VERSIONS)


_WORKS: dict[str, Callable[[int, Connection, range], None]] = {
    "ledger": _planned,
    "outcomes": _finished,
    "findings": _found,
}


def _inserted(
    db: Database, what: str, rows: range, work: Callable[[Connection, range], None]
) -> Inserted:
    size = _A_PLAN if what == "ledger" else _A_BATCH
    rates, began = [], time.process_time()
    for tenth in range(10):
        span = rows[len(rows) * tenth // 10 : len(rows) * (tenth + 1) // 10]
        started = time.perf_counter()
        for at in range(span.start, span.stop, size):
            with db.write() as tx:
                work(tx, range(at, min(at + size, span.stop)))
        rates.append(len(span) / (time.perf_counter() - started))
    per_second = len(rows) / (time.process_time() - began)
    return Inserted(what, rows.start, len(rows), tuple(rates), per_second, _size_mb(db))


def _size_mb(db: Database) -> float:
    with db.read() as connection:
        if connection.dialect.name == "postgresql":
            asked_for = "SELECT pg_database_size(current_database())"
        else:
            asked_for = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        return float(connection.execute(text(asked_for)).scalar_one()) / 1e6


def asked(db: Database, run_id: int, held: int) -> Iterator[Asked]:
    """Ask what reports and reviewers ask, and yield how long it took."""

    def first() -> object:
        with db.read() as connection:
            rows = findings.of_run(connection, run_id, Filter(Verdict.DEFECT))
            return [next(rows) for _ in range(50)]

    def counted() -> object:
        with db.read() as connection:
            return summary.of_run(connection, run_id)

    def page(order: Order, wanted: Wanted) -> object:
        return counts.page(wanted, order, None, 50)

    def lease(wanted: Wanted) -> object:
        told = counts.next(_READER, AskedFor(wanted, 50), now)
        with db.write() as tx:
            return queue.lease(tx, _READER, told, now, now)

    counts = QueueCounts(db)
    counts.refresh()
    now = datetime.now(UTC) - timedelta(days=1)  # what is lent is given back at once
    rare, usual = Wanted(component=("insulator",)), Wanted()
    middle = Wanted(mast=(str(_TENS + held // 2 // _A_MAST),))
    camera = Wanted(camera=("99",))
    opened = Wanted(state=(State.OPEN,))
    questions: dict[str, tuple[int, Callable[[], object]]] = {
        "the 50 most probable defects of a run": (_QUERIES, first),
        "lease of 50 by risk": (_QUERIES, partial(lease, usual)),
        "lease of 50 of a rare component": (_QUERIES, partial(lease, rare)),
        "lease of 50 of a rare camera": (_QUERIES, partial(lease, camera)),
        "lease of 50 at a mast": (_QUERIES, partial(lease, middle)),
        "lease of 50 of a run": (_QUERIES, partial(lease, Wanted(run=(RUN,)))),
        **{
            f"list of 50 with its total, {order}": (_QUERIES, partial(page, order, usual))
            for order in Order
        },
        "list of 50 of a rare component, risk": (_QUERIES, partial(page, Order.RISK, rare)),
        "list of 50 of a rare camera, newest": (_QUERIES, partial(page, Order.NEWEST, camera)),
        "list of 50 at a mast, risk": (_QUERIES, partial(page, Order.RISK, middle)),
        "filters of the queue with their counts": (_SOME, partial(counts.facets, usual)),
        "the same of what is open": (_SOME, partial(counts.facets, opened)),
        "counts of the run": (_SOME, counted),
    }
    for what, (times, ask) in questions.items():
        yield _timed(what, held, times, ask)


def _timed(what: str, held: int, times: int, ask: Callable[[], object]) -> Asked:
    took, own = [], []
    for _ in range(times):
        began, started = _processor_s(), time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - started))
        own.append(1000 * (_processor_s() - began))
    return Asked(
        what,
        held,
        float(np.median(took)),
        float(np.percentile(took, 95)),
        float(np.median(own)),
    )


def _processor_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime
