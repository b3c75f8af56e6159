"""Physical parts: which masts are due, and what stays of a part whose mast changes."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.store import findings, ledger, parts, summary
from catenary.store.database import Database
from catenary.store.parts import JoinedPart, View
from catenary.store.schema import frame
from tests.store import records

BOX = Box(10.0, 20.0, 40.0, 220.5)
FRAMES = (1, 2, 4, 5)  # two of mast D000, two of D001


@pytest.fixture
def scanned(db: Database, run_id: int) -> int:
    """Return a run of two masts; the first photograph of the first has a broken dropper."""
    with db.write() as tx:
        ledger.plan(tx, run_id, [records.ref(number) for number in FRAMES])
        for number in FRAMES:
            ledger.finish(tx, run_id, records.ref(number).image_id, records.DONE)
        findings.insert_all(tx, run_id, [(records.broken_dropper("000001"), None)])
    return run_id


def joined(finding_id: int | None = 1) -> JoinedPart:
    views = (
        View("000001", BOX, Verdict.DEFECT, "broken", 0.9, finding_id),
        View("000002", BOX, Verdict.NORMAL, "normal", 0.04, None),
    )
    return JoinedPart("0123456789ab", "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.98, views)


def join_all(db: Database, run_id: int) -> None:
    with db.read() as connection:
        left = parts.due(connection, run_id)
    with db.write() as tx:
        for state in left:
            parts.replace(tx, run_id, state, [joined()] if state.mast.number == "D000" else [])


def test_a_mast_is_due_until_it_is_joined(db: Database, scanned: int):
    with db.read() as connection:
        assert [one.mast.number for one in parts.due(connection, scanned)] == ["D000", "D001"]
    join_all(db, scanned)
    with db.read() as connection:
        assert parts.due(connection, scanned) == []


def test_a_part_comes_back_with_its_views(db: Database, scanned: int):
    join_all(db, scanned)
    with db.read() as connection:
        (stored,) = parts.of_run(connection, scanned)
    assert stored.part == joined()
    assert [one.ref.image_id for one in stored.views] == ["000001", "000002"]


def test_views_of_one_part_are_counted_once(db: Database, scanned: int):
    more = records.broken_dropper("000004")
    with db.write() as tx:
        findings.insert_all(tx, scanned, [(more, None)])
    join_all(db, scanned)
    with db.read() as connection:
        counted = summary.of_run(connection, scanned)
    assert counted.parts == {Verdict.DEFECT: 2, Verdict.CANNOT_JUDGE: 0}
    assert counted.findings == 2


def test_joining_a_mast_again_forgets_what_was_joined(db: Database, scanned: int):
    join_all(db, scanned)
    with db.read() as connection:
        (first, _) = parts.masts(connection, scanned)
    with db.write() as tx:
        parts.replace(tx, scanned, first, [replace(joined(), name="ba9876543210")])
    with db.read() as connection:
        (stored,) = parts.of_run(connection, scanned)
        assert stored.part.name == "ba9876543210"


def test_both_masts_are_due_when_a_photograph_goes_from_one_to_the_other(
    db: Database, scanned: int
):
    join_all(db, scanned)
    with db.write() as tx:
        moved = update(frame).where(frame.c.image_id == "000005")
        tx.execute(moved.values(mast_number="D000"))
    with db.read() as connection:
        assert [one.mast.number for one in parts.due(connection, scanned)] == ["D000", "D001"]


def test_parts_of_a_mast_without_photographs_go(db: Database, scanned: int):
    join_all(db, scanned)
    with db.write() as tx:
        tx.execute(update(frame).values(mast_number="D009"))
    with db.read() as connection:
        left = parts.due(connection, scanned)
    assert sorted((one.mast.number, one.frames) for one in left) == [
        ("D000", 0),
        ("D001", 0),
        ("D009", 4),
    ]
    with db.write() as tx:
        for state in left:
            parts.replace(tx, scanned, state, [])
    with db.read() as connection:
        assert parts.due(connection, scanned) == []
        assert list(parts.of_run(connection, scanned)) == []


def test_a_finding_is_of_one_part_only(db: Database, scanned: int):
    join_all(db, scanned)
    with db.read() as connection:
        (_, second) = parts.masts(connection, scanned)
    other = replace(joined(), name="ba9876543210")
    with pytest.raises(IntegrityError), db.write() as tx:
        parts.replace(tx, scanned, second, [other])
