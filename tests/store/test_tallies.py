"""Counts that the database keeps of a run are those of a fresh count, whatever is done to it."""

from collections import Counter
from datetime import datetime

import pytest
from sqlalchemy import delete, func, insert, select, update

from catenary.domain.finding import Verdict, Versions
from catenary.domain.image import FrameResult, Outcome
from catenary.store import again, findings, ledger, summary, tallies
from catenary.store.again import Again
from catenary.store.database import Database
from catenary.store.ledger import Origin
from catenary.store.schema import finding, finding_count, frame, frame_count
from tests.store import records

DONE = FrameResult(Outcome.DONE, width=10, height=10, seconds=0.1)
FAILED = FrameResult(Outcome.FAILED, "damaged", "cut short")
UNUSABLE = FrameResult(Outcome.UNUSABLE, "too_dark", "too dark")
LATE = datetime(2030, 1, 1)  # noqa: DTZ001 - UTC without a zone, as the columns hold it


def require_right(db: Database, run_id: int) -> None:
    """Compare what is kept with what is there."""
    with db.read() as connection:
        outcomes = Counter(
            None if outcome is None or asked else outcome
            for outcome, asked in connection.execute(
                select(frame.c.outcome, frame.c.again).where(frame.c.run_id == run_id)
            )
        )
        assert +ledger.counts(connection, run_id) == outcomes
        stands = (finding.c.superseded_at.is_(None), finding.c.run_id == run_id)
        kinds = (finding.c.verdict, finding.c.component, finding.c.condition)
        fresh = connection.execute(select(*kinds, func.count()).where(*stands).group_by(*kinds))
        expected = {tuple(row[:3]): row[3] for row in fresh}
        kept = (finding_count.c[name] for name in ("verdict", "component", "condition", "rows"))
        here = (finding_count.c.run_id == run_id, ~finding_count.c.is_superseded)
        found = {tuple(row[:3]): row[3] for row in connection.execute(select(*kept).where(*here))}
        assert {kind: count for kind, count in found.items() if count} == expected
        assert findings.count(connection, run_id) == sum(expected.values())
        assert (
            summary.of_run(connection, run_id).superseded
            == connection.execute(
                select(func.count()).where(finding.c.superseded_at.is_not(None))
            ).scalar_one()
        )


def test_counts_follow_a_run_from_its_plan_to_its_second_scan(db: Database, run_id: int):
    refs = records.refs(6)
    with db.write() as tx:
        ledger.plan(tx, run_id, refs)
    require_right(db, run_id)
    with db.write() as tx:
        for ref, result in zip(refs, (DONE, DONE, FAILED, UNUSABLE, FAILED), strict=False):
            ledger.finish(tx, run_id, ref.image_id, result)
        told = [records.broken_dropper(refs[0].image_id), records.broken_dropper(refs[1].image_id)]
        findings.insert_all(tx, run_id, [(one, None) for one in told])
    require_right(db, run_id)
    with db.read() as connection:
        counted = summary.of_run(connection, run_id)
    assert (counted.images, counted.failed_reasons) == (6, {"damaged": 2})
    with db.write() as tx:
        assert again.ask(tx, run_id, Again.FAILED, Versions("m", "r", "t")) == 2
        assert again.ask(tx, run_id, Again.ALL, Versions("m", "r", "t")) == 3
    require_right(db, run_id)
    with db.write() as tx:
        here = ledger.standing(tx, run_id, [refs[0].image_id])
        again.put_aside(tx, here.values())
        ledger.finish(tx, run_id, refs[0].image_id, UNUSABLE)
    require_right(db, run_id)
    with db.read() as connection:
        counted = summary.of_run(connection, run_id)
    assert counted.superseded == 1
    assert counted.unusable_reasons == {"too_dark": 1}


def test_whatever_another_program_writes_is_counted(db: Database, run_id: int):
    refs = records.refs(4)
    with db.write() as tx:
        ledger.plan(tx, run_id, refs)
        told = [records.broken_dropper(ref.image_id) for ref in refs]
        findings.insert_all(tx, run_id, [(one, None) for one in told])
        tx.execute(update(frame).values(outcome="done", finished_at=LATE))
        tx.execute(update(finding).where(finding.c.id < 3).values(condition="other"))
    require_right(db, run_id)
    with db.write() as tx:
        tx.execute(delete(finding).where(finding.c.id.in_([1, 4])))
        tx.execute(update(frame).values(outcome=None, finished_at=None))
    require_right(db, run_id)


def test_what_a_block_gives_up_is_not_counted(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(2))
    wrong = [(name, DONE, Origin()) for name in (records.ref(0).image_id, "nobody.jpg")]
    with pytest.raises(LookupError, match="is not pending"), db.write() as tx:
        ledger.finish_all(tx, run_id, wrong)
    require_right(db, run_id)


def test_what_was_there_before_the_counts_is_counted(db: Database, run_id: int):
    refs = records.refs(3)
    with db.write() as tx:
        ledger.plan(tx, run_id, refs)
        ledger.finish(tx, run_id, refs[0].image_id, DONE)
        findings.insert_all(tx, run_id, [(records.broken_dropper(refs[0].image_id), None)])
        for table, tally in ((frame_count, tallies.FRAMES), (finding_count, tallies.FINDINGS)):
            tx.execute(delete(table))
            tx.exec_driver_sql(next(iter(tallies.statements(tally, tx.dialect.name))))
    require_right(db, run_id)
    with db.write() as tx:
        rows = tx.execute(select(finding)).mappings().all()
        tx.execute(insert(finding), [{**rows[0], "id": 9, "verdict": str(Verdict.DEFECT)}])
    require_right(db, run_id)


def test_a_database_without_triggers_of_ours_is_refused():
    with pytest.raises(ValueError, match="no counting triggers for a mysql database"):
        list(tallies.statements(tallies.FRAMES, "mysql"))
