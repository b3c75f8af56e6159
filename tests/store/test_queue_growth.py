"""A queue that is filled while a run grows: only what came is looked at, and none is missed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from catenary.domain.finding import Verdict
from catenary.domain.image import Outcome
from catenary.domain.part import part_name
from catenary.domain.place import Direction, Mast
from catenary.domain.review import Decision
from catenary.store import database, findings, ledger, parts, queue_fill, reassignments
from catenary.store.database import Database
from catenary.store.parts import JoinedPart, View
from catenary.store.queue_fill import Filled
from catenary.store.schema import finding, frame, review_fill, review_item
from tests.store import queues, records
from tests.store.queues import AGEING_DAYS, NOON, WANG
from tests.store.test_queue_inherit import scan_again

PHOTOGRAPHS = 16
BOX = queues.dropper(1, 0.9).component.box
SAMPLES = [records.component(f"{number:06d}") for number in (0, 13)]


def fill(db: Database, run_id: int) -> Filled:
    return queue_fill.fill(db, run_id, SAMPLES, NOON, AGEING_DAYS)


def scan(db: Database, run_id: int, number: int) -> None:
    """Judge a photograph and find a dropper, unless that was done."""
    image_id = f"{number:06d}"
    with db.write() as tx:
        row = select(frame.c.outcome).where(frame.c.run_id == run_id, frame.c.image_id == image_id)
        if tx.execute(row).scalar() == Outcome.DONE:
            return
        ledger.finish(tx, run_id, image_id, records.DONE)
        if number % 5:  # on some nothing is found
            findings.insert_all(tx, run_id, [(queues.dropper(number, 0.3 + number / 80), None)])


def join(db: Database, run_id: int, number: int) -> None:
    """Join what is found at the masts that are due, as the end of a scan does."""
    with db.write() as tx:
        for state in parts.due(tx, run_id)[: 1 + number % 3]:
            rows = parts.findings_of(tx, run_id, [state.mast]) if state.frames else []
            views = [
                View(
                    one.image_id,
                    one.box,
                    Verdict.DEFECT,
                    "broken",
                    _probability(tx, one.id),
                    one.id,
                )
                for one in rows
            ]
            parts.replace(tx, run_id, state, [_part(views)] if len(views) > 1 else [])


def _part(views: list[View]) -> JoinedPart:
    name = part_name(views[0].image_id, "dropper", views[0].box)
    lead = max(one.probability or 0.0 for one in views)
    return JoinedPart(name, "dropper", Verdict.DEFECT, "broken", lead, 1, 0.98, tuple(views))


def _probability(tx, finding_id: int) -> float:
    return float(
        tx.execute(select(finding.c.probability).where(finding.c.id == finding_id)).scalar_one()
    )


def decide(db: Database, _run_id: int, number: int) -> None:
    """Reject an item that nobody decided."""
    open_ = (review_item.c.version == 0, review_item.c.merged_into.is_(None))
    with db.read() as connection:
        ids = list(connection.execute(select(review_item.c.id).where(*open_)).scalars())
    if ids:
        queues.decide(db, WANG, ids[number % len(ids)], 0, Decision.REJECT)


def judge_anew(db: Database, run_id: int, number: int) -> None:
    """Find a dropper elsewhere on a photograph that was judged, or none."""
    scan(db, run_id, number)
    again = [queues.dropper(number, 0.55)] if number % 2 else []
    scan_again(db, run_id, f"{number:06d}", again)


def move(db: Database, run_id: int, number: int) -> None:
    """Give a photograph to another mast."""
    mast = Mast("沪蓉", Direction.DOWN, "浦口-全椒", f"D{number % 3:03d}")
    with db.write() as tx:
        reassignments.reassign(tx, run_id, [f"{number:06d}"], mast, "wang", "seen on the plate")


def look(db: Database, run_id: int, _number: int) -> None:
    """Fill the queue, as a server does about once a minute."""
    fill(db, run_id)


STEPS = {one.__name__: one for one in (scan, join, decide, judge_anew, move, look)}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a run, to be copied: migrations take longest."""
    path = tmp_path_factory.mktemp("empty") / "catenary.db"
    database.open_workspace_db(path).close()
    return path


@contextmanager
def run_of(empty: Path, photographs: int) -> Iterator[tuple[Database, int]]:
    with tempfile.TemporaryDirectory() as folder:
        db = database.open_workspace_db(Path(shutil.copy(empty, folder)))
        with db.write() as tx:
            run_id = ledger.register(tx, records.record())
            ledger.plan(tx, run_id, records.refs(photographs))
        yield db, run_id
        db.close()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, PHOTOGRAPHS - 1)), max_size=24
    )
)
@example(
    [
        ("scan", 1),
        ("scan", 2),
        ("join", 0),
        ("look", 0),
        ("judge_anew", 2),
        ("look", 0),
        ("join", 0),
    ]
)
@example(
    [("scan", 4), ("scan", 5), ("look", 0), ("move", 4), ("look", 0), ("scan", 7), ("join", 2)]
)
def test_what_is_filled_as_a_run_grows_is_what_is_filled_at_once(
    empty: Path, steps: list[tuple[str, int]]
):
    with run_of(empty, PHOTOGRAPHS) as (db, run_id):
        for name, number in steps:
            STEPS[name](db, run_id, number)
        fill(db, run_id)
        before = names(db)
        with db.write() as tx:
            tx.execute(delete(review_fill))  # so that the whole run is compared
        whole = fill(db, run_id)
        assert (whole.added, whole.removed, whole.inherited) == (0, 0, 0)
        assert whole.changed <= len(SAMPLES)  # they alone find another place among the others
        assert names(db) == before


def names(db: Database) -> list[tuple[object, ...]]:
    told = ("name", "origin", "frame_id", "finding_id", "verdict", "probability", "views", "state")
    with db.read() as connection:
        query = select(*(review_item.c[name] for name in told)).order_by(review_item.c.id)
        return [tuple(row) for row in connection.execute(query)]


def test_a_run_that_grows_is_compared_where_it_grew_alone(empty: Path):
    with run_of(empty, 40) as (db, run_id):
        for number in range(32):
            scan(db, run_id, number)
        whole = fill(db, run_id)
        assert whole.looked == whole.added > 20
        for number in range(32, 35):  # one mast, and a photograph at none
            scan(db, run_id, number)
        grown = fill(db, run_id)
        assert (grown.added, grown.changed, grown.removed) == (3, 0, 0)
        assert grown.looked == 3 + len(SAMPLES)
        decide(db, run_id, 0)
        assert fill(db, run_id).looked == len(SAMPLES)
        join(db, run_id, 0)  # the first mast
        assert fill(db, run_id).looked < 4 + len(SAMPLES)


def test_what_was_taken_away_has_the_whole_run_compared(empty: Path):
    with run_of(empty, 40) as (db, run_id):
        for number in range(32):
            scan(db, run_id, number)
        whole = fill(db, run_id).looked
        judge_anew(db, run_id, 2)
        gone = fill(db, run_id)
        assert (gone.removed, gone.looked) == (1, whole - 1)
