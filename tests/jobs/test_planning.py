"""A run is planned while its first photographs are scanned."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from catenary.domain.errors import SourceError
from catenary.domain.image import ImageRef
from catenary.jobs.scanning import assemble, planning, scan
from catenary.jobs.scanning.assemble import Recipe
from catenary.jobs.scanning.planning import Planning
from catenary.jobs.scanning.scan import Options
from catenary.store import database, ledger
from catenary.store.database import Database
from tests.jobs import quick
from tests.store import records


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = database.open_workspace_db(tmp_path / "catenary.db")
    yield opened
    opened.close()


@pytest.fixture
def run_id(db: Database) -> int:
    with db.write() as tx:
        return ledger.register(tx, records.record())


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_TOGETHER", 4)


def test_the_first_photographs_come_before_the_last_are_listed(db: Database, run_id: int):
    go_on = threading.Event()

    def listed() -> Iterator[ImageRef]:
        yield from records.refs(4)
        assert go_on.wait(60)
        yield from records.refs(3, first=4)

    with Planning(db, run_id, listed()) as plan:
        pending = ledger.pending(db, run_id, more=plan.has_more)
        first = [next(pending).image_id for _ in range(4)]
        go_on.set()
        rest = [ref.image_id for ref in pending]
    assert first + rest == [f"{number:06d}" for number in range(7)]
    assert plan.added == 7


def test_a_run_that_is_known_is_not_planned_again_and_one_that_grew_gets_the_new(
    db: Database, run_id: int
):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(5))
    grown = [*records.refs(2), records.ref(90), *records.refs(3, first=2), records.ref(91)]
    assert list(ledger.unplanned(db, run_id, iter(records.refs(5)))) == []
    assert list(ledger.unplanned(db, run_id, iter(records.refs(3)))) == []
    with Planning(db, run_id, iter(grown)) as plan:
        ids = [ref.image_id for ref in ledger.pending(db, run_id, more=plan.has_more)]
    assert ids == [f"{number:06d}" for number in (0, 1, 2, 3, 4, 90, 91)]
    assert plan.added == 2


def test_what_was_listed_is_scanned_before_an_error_of_the_listing_is_raised(
    db: Database, run_id: int
):
    def listed() -> Iterator[ImageRef]:
        yield from records.refs(9)
        raise SourceError("cannot list folder x")

    found = []
    with (
        pytest.raises(SourceError, match="cannot list"),
        Planning(db, run_id, listed()) as plan,
    ):
        found.extend(ledger.pending(db, run_id, more=plan.has_more))
    assert [ref.image_id for ref in found] == [f"{number:06d}" for number in range(8)]


def test_leaving_early_stops_the_listing(db: Database, run_id: int):
    def listed() -> Iterator[ImageRef]:
        number = 0
        while True:
            yield records.ref(number)
            number += 1

    with Planning(db, run_id, listed()) as plan:
        assert plan.has_more()
    with db.read() as connection:
        assert ledger.counts(connection, run_id).total() == plan.added


def test_a_transaction_kept_without_an_answer_is_scanned_all_the_same(
    db: Database, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    plan, is_lost = ledger.plan, iter([True])

    def kept_but_lost(tx, run, refs):
        added = plan(tx, run, refs)
        return 0 if next(is_lost, False) else added

    monkeypatch.setattr(ledger, "plan", kept_but_lost)
    is_asked = threading.Event()

    def listed() -> Iterator[ImageRef]:
        assert is_asked.wait(60)
        yield from records.refs(3)

    with Planning(db, run_id, listed()) as under_way:

        def more() -> bool:
            is_asked.set()
            return under_way.has_more()

        assert len(list(ledger.pending(db, run_id, more=more))) == 3


def test_photographs_that_are_listed_at_once_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(assemble, "judge", quick.judge)
    enter = Planning.__enter__

    def entered(plan: Planning) -> Planning:
        enter(plan)
        plan._thread.join()  # the whole run is listed before anything else is done
        return plan

    monkeypatch.setattr(Planning, "__enter__", entered)
    run, told = quick.photographs(tmp_path / "run", 5), []
    scan.scan_run(
        str(run),
        tmp_path / "ws",
        Recipe(device="cpu"),
        Options(),
        lambda done, total, _="": told.append((done, total)),
    )
    assert told == [(number, 5) for number in range(1, 6)]
