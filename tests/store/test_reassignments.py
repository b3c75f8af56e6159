from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from catenary.domain.change import Change
from catenary.domain.place import Direction, Mast
from catenary.store import findings, ledger, reassignments, schema
from catenary.store.database import Database
from catenary.store.findings import FindingChange
from tests.store import records

OWN = Mast("沪蓉", Direction.DOWN, "浦口-全椒", "D000")
OTHER = Mast("沪蓉", Direction.DOWN, "浦口-全椒", "D001")


@pytest.fixture
def planned(db: Database, run_id: int) -> int:
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(8))
    return run_id


def mast_of(db: Database, run_id: int, image_id: str) -> Mast | None:
    with db.read() as connection:
        found = {one.ref.image_id: one.ref.mast for one in ledger.entries(connection, run_id)}
    return found[image_id]


def test_photographs_get_their_mast_and_a_trace(db: Database, planned: int):
    before = datetime.now(UTC)
    with db.write() as tx:
        told = reassignments.reassign(tx, planned, ["000001"], OTHER, " 王工 ", "shot too late")
    assert mast_of(db, planned, "000001") == OTHER
    with db.read() as connection:
        assert list(reassignments.of_run(connection, planned)) == told
    (one,) = told
    assert (one.before, one.after, one.made_by, one.why) == (OWN, OTHER, "王工", "shot too late")
    assert before <= one.made_at <= datetime.now(UTC)


def test_a_second_one_takes_it_back_and_both_are_in_the_trace(db: Database, planned: int):
    for mast in (OTHER, OWN):
        with db.write() as tx:
            reassignments.reassign(tx, planned, ["000001"], mast, "a", "b")
    assert mast_of(db, planned, "000001") == OWN
    with db.read() as connection:
        trace = list(reassignments.of_run(connection, planned))
    assert [(one.before, one.after) for one in trace] == [(OWN, OTHER), (OTHER, OWN)]


def test_a_photograph_without_a_mast_gets_one_and_loses_it_again(db: Database, planned: int):
    assert mast_of(db, planned, "000000") is None
    for mast in (OTHER, None):
        with db.write() as tx:
            reassignments.reassign(tx, planned, ["000000"], mast, "a", "b")
        assert mast_of(db, planned, "000000") == mast


def test_what_is_there_already_leaves_no_trace(db: Database, planned: int):
    with db.write() as tx:
        assert reassignments.reassign(tx, planned, ["000001"], OWN, "a", "b") == []
        assert tx.execute(select(schema.reassignment)).all() == []


def test_an_unknown_photograph_undoes_the_whole(db: Database, planned: int):
    def slip() -> None:
        with db.write() as tx:
            reassignments.reassign(tx, planned, ["000001", "nowhere"], OTHER, "a", "b")

    with pytest.raises(LookupError, match="nowhere"):
        slip()
    assert mast_of(db, planned, "000001") == OWN
    with db.read() as connection:
        assert list(reassignments.of_run(connection, planned)) == []


@pytest.mark.parametrize(("by", "why"), [(" ", "b"), ("a", "")])
def test_who_and_why_must_be_said(db: Database, planned: int, by: str, why: str):
    with db.write() as tx, pytest.raises(ValueError, match="who and why"):
        reassignments.reassign(tx, planned, ["000001"], OTHER, by, why)


def test_planning_a_source_again_keeps_the_mast(db: Database, planned: int):
    with db.write() as tx:
        reassignments.reassign(tx, planned, ["000001"], OTHER, "a", "b")
        assert ledger.plan(tx, planned, records.refs(9)) == 1
    assert mast_of(db, planned, "000001") == OTHER
    pending = {ref.image_id: ref.mast for ref in ledger.pending(db, planned)}
    assert pending["000001"] == OTHER


def test_findings_follow_their_photograph(db: Database, planned: int):
    with db.write() as tx:
        findings.insert_all(tx, planned, [(records.broken_dropper("000001"), None)])
        reassignments.reassign(tx, planned, ["000001"], OTHER, "a", "b")
    with db.read() as connection:
        (found,) = findings.of_run(connection, planned)
    assert found.ref.mast == OTHER


def test_masts_are_listed_once_and_by_run(db: Database, planned: int):
    with db.read() as connection:
        assert reassignments.masts(connection, planned) == [OWN, OTHER]
        assert reassignments.masts(connection) == [OWN, OTHER]
        assert reassignments.masts(connection, planned + 1) == []


def test_changes_since_an_earlier_run_are_kept_until_the_next_comparison(
    db: Database, planned: int
):
    with db.write() as tx:
        earlier = ledger.register(tx, records.record("earlier", "/data/earlier"))
        findings.insert_all(
            tx, planned, [(records.broken_dropper(f"00000{n}"), None) for n in (1, 2)]
        )
        one, two = tx.execute(select(schema.finding.c.id)).scalars()
        findings.record_changes(
            tx, planned, earlier, [(one, Change.NEW, ""), (two, Change.GROWN, "")]
        )
        kept = [(two, Change.NOT_COMPARABLE, "weak")]
        assert findings.record_changes(tx, planned, earlier, kept) == 1
        assert findings.changes_of_run(tx, planned) == {
            two: FindingChange(Change.NOT_COMPARABLE, "earlier", "weak")
        }
        assert findings.changes_of_run(tx, earlier) == {}
