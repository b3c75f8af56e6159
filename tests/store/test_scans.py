"""Scans as others see them: at work, paused, ended, killed."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from catenary.store import scans, schema
from catenary.store.database import Database
from catenary.store.scans import Progress
from catenary.store.schema import ScanState
from tests.store import records


def begun(db: Database, run_id: int, pid: int = 7) -> int:
    with db.write() as tx:
        return scans.begin(tx, run_id, "pc", pid, records.VERSIONS)


def latest(db: Database, run_id: int) -> scans.ScanRecord:
    with db.read() as connection:
        found = scans.latest(connection, run_id)
    assert found is not None
    return found


def test_a_scan_at_work_is_seen_with_what_it_did(db: Database, run_id: int):
    with db.read() as connection:
        assert scans.latest(connection, run_id) is None
    scan_id = begun(db, run_id)
    with db.write() as tx:
        scans.advance(tx, scan_id, Progress(20, 8.0, 2.5, {"detect": 6.0, "read": 1.5}))
    found = latest(db, run_id)
    assert (found.host, found.pid, found.state) == ("pc", 7, ScanState.RUNNING)
    assert (found.images, found.seconds, found.rate) == (20, 8.0, 2.5)
    assert found.stage_seconds == {"detect": 6.0, "read": 1.5}
    assert found.versions == records.VERSIONS
    assert found.is_live
    assert found.ended_at is None
    with db.write() as tx:
        scans.seen(tx, scan_id, ScanState.PAUSED)
    assert latest(db, run_id).is_live


def test_a_scan_that_ended_says_how_and_gives_no_sign_of_life_any_more(db: Database, run_id: int):
    scan_id = begun(db, run_id)
    with db.write() as tx:
        scans.end(tx, scan_id, ScanState.FAILED, "the disk is full")
        scans.seen(tx, scan_id, ScanState.RUNNING)  # the thread that watches was late
    found = latest(db, run_id)
    assert (found.state, found.note, found.is_live) == (ScanState.FAILED, "the disk is full", False)
    assert found.ended_at is not None


def test_a_scan_that_is_silent_is_not_alive(db: Database, run_id: int):
    scan_id = begun(db, run_id)
    before = datetime.now(UTC).replace(tzinfo=None) - scans.SILENCE - timedelta(seconds=1)
    with db.write() as tx:
        tx.execute(update(schema.scan).values(seen_at=before))
    assert not latest(db, run_id).is_live
    with db.write() as tx:
        scans.seen(tx, scan_id, ScanState.RUNNING)
    assert latest(db, run_id).is_live


def test_one_that_never_ended_was_killed_when_the_next_begins(db: Database, run_id: int):
    begun(db, run_id, pid=7)
    begun(db, run_id, pid=8)
    with db.read() as connection:
        newer, older = scans.of_run(connection, run_id)
    assert (newer.pid, newer.state) == (8, ScanState.RUNNING)
    assert (older.pid, older.state) == (7, ScanState.KILLED)
    assert older.ended_at == older.seen_at


def test_a_pause_is_asked_for_once_and_taken_back_once(db: Database, run_id: int):
    def told() -> datetime | None:
        with db.read() as connection:
            return scans.paused_at(connection, run_id)

    assert told() is None
    with db.write() as tx:
        assert scans.ask_to_pause(tx, run_id)
        assert not scans.ask_to_pause(tx, run_id)
    since = told()
    assert since is not None
    assert datetime.now(UTC) - since < timedelta(minutes=1)
    with db.write() as tx:
        assert scans.let_go_on(tx, run_id)
        assert not scans.let_go_on(tx, run_id)
    assert told() is None
