import itertools
import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from catenary.domain.errors import StoreError
from catenary.domain.image import FrameResult, Outcome
from catenary.store import ledger, schema, summary
from catenary.store.database import Database
from tests.store import records

DARK = FrameResult(Outcome.UNUSABLE, "too_dark", "mean 3 grey levels", 6576, 4384, 0.1)
TRUNCATED = FrameResult(Outcome.FAILED, "truncated", "ends after 12 of 900 kB")


def pending_ids(db: Database, run_id: int, limit: int | None = None) -> list[str]:
    return [ref.image_id for ref in ledger.pending(db, run_id, limit)]


def test_the_same_source_is_the_same_run(db: Database):
    with db.write() as tx:
        first = ledger.register(tx, records.record())
        again = ledger.register(tx, records.record())
    assert first == again


def test_another_source_of_that_name_gets_a_number_and_keeps_it(db: Database):
    with db.write() as tx:
        first = ledger.register(tx, records.record("run", "/disk1/run"))
        second = ledger.register(tx, records.record("run", "/disk2/run"))
        third = ledger.register(tx, records.record("run", "/disk3/run"))
        again = ledger.register(tx, records.record("run", "/disk2/run"))
        names = [ledger.record_of(tx, run_id).name for run_id in (first, second, third)]
    assert names == ["run", "run-2", "run-3"]
    assert again == second


def test_a_source_under_a_second_name_is_a_second_run(db: Database):
    with db.write() as tx:
        first = ledger.register(tx, records.record("night", "/data/run"))
        second = ledger.register(tx, records.record("night-again", "/data/run"))
    assert first != second


def test_a_new_scan_of_a_run_brings_its_own_versions(db: Database, run_id: int):
    newer = replace(
        records.record(),
        versions=replace(records.VERSIONS, model="demo-2"),
        thresholds={"dropper": 0.6},
        config='{"batch":8}',
    )
    with db.write() as tx:
        assert ledger.register(tx, newer) == run_id
        kept = ledger.record_of(tx, run_id)
    assert (kept.versions.model, kept.thresholds, kept.config) == (
        "demo-2",
        {"dropper": 0.6},
        '{"batch":8}',
    )


@pytest.mark.parametrize(
    ("wanted", "given_name"),
    [
        ("../etc", "_etc"),
        ("沪蓉:下行/1", "沪蓉_下行_1"),
        ("...", "run"),
        ("", "run"),
        ("行" * 100, "行" * 60),
        ("a\nb", "a_b"),
    ],
)
def test_a_run_name_can_always_be_a_folder(db: Database, wanted: str, given_name: str):
    with db.write() as tx:
        run_id = ledger.register(tx, records.record(wanted))
        assert ledger.record_of(tx, run_id).name == given_name


def test_an_unknown_run_is_answered_with_those_there_are(db: Database, run_id: int):
    with db.read() as connection:
        with pytest.raises(StoreError, match="no run 'x' in this workspace; it has: 沪蓉_下行"):
            ledger.run_id_of(connection, "x")
        with pytest.raises(LookupError, match="no run 99"):
            ledger.record_of(connection, 99)


def test_every_photograph_is_pending_in_the_order_of_the_source(db: Database, run_id: int):
    planned = records.refs(2500)
    with db.write() as tx:
        assert ledger.plan(tx, run_id, iter(planned)) == 2500
    assert list(ledger.pending(db, run_id)) == planned


@given(st.lists(st.lists(st.integers(0, 30), max_size=20), max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_planning_in_any_pieces_enters_each_photograph_once(db: Database, pieces: list[list[int]]):
    with db.write() as tx:
        source = f"/data/{next(_numbers)}"
        run_id = ledger.register(tx, records.record("run", source))
        added = sum(ledger.plan(tx, run_id, map(records.ref, piece)) for piece in pieces)
    expected = [f"{n:06d}" for n in dict.fromkeys(itertools.chain.from_iterable(pieces))]
    assert pending_ids(db, run_id) == expected
    assert added == len(expected)


_numbers = itertools.count()


def test_two_photographs_with_one_id_are_warned_of(
    db: Database, run_id: int, caplog: pytest.LogCaptureFixture
):
    twice = [records.ref(1), replace(records.ref(1), file_name="copy.jpg"), records.ref(2)]
    with caplog.at_level(logging.WARNING), db.write() as tx:
        assert ledger.plan(tx, run_id, twice) == 2
    assert "repeated_ids=1 kept=first" in caplog.text
    assert [ref.file_name for ref in ledger.pending(db, run_id)] == ["1.jpg", "2.jpg"]


def test_a_grown_source_adds_only_what_is_new(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(3))
        ledger.finish(tx, run_id, "000001", records.DONE)
        assert ledger.plan(tx, run_id, records.refs(5)) == 2
    assert pending_ids(db, run_id) == ["000000", "000002", "000003", "000004"]


@pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (1000, 1000), (1001, 1001)])
def test_pending_stops_at_its_limit(db: Database, run_id: int, limit: int, expected: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(1500))
    assert pending_ids(db, run_id, limit) == [f"{n:06d}" for n in range(expected)]


def test_photographs_may_be_finished_while_the_pending_ones_are_read(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(1200))
    seen = 0
    for ref in ledger.pending(db, run_id):
        seen += 1
        if seen % 100 == 0:
            with db.write() as tx:
                ledger.finish(tx, run_id, ref.image_id, records.DONE)
    assert seen == 1200
    assert len(pending_ids(db, run_id)) == 1188


@pytest.mark.parametrize("url", [""])  # SQLite
def test_reading_the_pending_ones_holds_no_view_open(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(10))
    iterator = ledger.pending(db, run_id)
    next(iterator)
    with db.write() as tx:
        ledger.finish(tx, run_id, "000005", records.DONE)
    with db.read() as connection:
        log_pages, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint").one()[1:]
    assert log_pages == moved


def test_an_outcome_is_recorded_once(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(1))
        ledger.finish(tx, run_id, "000000", records.DONE)
    with pytest.raises(LookupError, match=r"'000000' is not pending in run 1"), db.write() as tx:
        ledger.finish(tx, run_id, "000000", TRUNCATED)
    with db.read() as connection:
        assert summary.of_run(connection, run_id).done == 1


def test_a_photograph_nobody_planned_cannot_be_finished(db: Database, run_id: int):
    with pytest.raises(LookupError, match="'ghost' is not pending"), db.write() as tx:
        ledger.finish(tx, run_id, "ghost", records.DONE)


def test_an_outcome_outside_the_three_is_refused_by_the_table(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(1))
    with pytest.raises(IntegrityError, match="outcome_known"), db.write() as tx:
        tx.execute(
            schema.frame.update().values(outcome="normal", finished_at=schema.frame.c.taken_at)
        )


def test_the_summary_counts_every_photograph_once(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(7))
        ledger.finish(tx, run_id, "000000", records.DONE)
        ledger.finish(tx, run_id, "000001", DARK)
        ledger.finish(tx, run_id, "000002", replace(DARK, reason="blurred"))
        ledger.finish(tx, run_id, "000003", DARK)
        ledger.finish(tx, run_id, "000004", TRUNCATED)
    with db.read() as connection:
        counts = summary.of_run(connection, run_id)
    assert (counts.images, counts.pending) == (7, 2)
    assert (counts.done, counts.unusable, counts.failed) == (1, 3, 1)
    assert list(counts.unusable_reasons.items()) == [("too_dark", 2), ("blurred", 1)]
    assert counts.failed_reasons == {"truncated": 1}


def test_a_run_without_photographs_counts_nothing(db: Database, run_id: int):
    with db.read() as connection:
        (counts,) = summary.runs(connection)
    assert (counts.name, counts.images, counts.findings, counts.cannot_judge) == (
        "沪蓉_下行",
        0,
        0,
        0,
    )


def test_failures_come_with_reasons_in_order(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(4))
        ledger.finish(tx, run_id, "000003", TRUNCATED)
        ledger.finish(tx, run_id, "000002", DARK)
        ledger.finish(tx, run_id, "000000", TRUNCATED)
    with db.read() as connection:
        failures = list(ledger.failures(connection, run_id))
    assert [(one.ref, one.outcome, one.reason, one.note) for one in failures] == [
        (records.ref(0), Outcome.FAILED, "truncated", "ends after 12 of 900 kB"),
        (records.ref(2), Outcome.UNUSABLE, "too_dark", "mean 3 grey levels"),
        (records.ref(3), Outcome.FAILED, "truncated", "ends after 12 of 900 kB"),
    ]


def test_only_failed_photographs_are_tried_again(db: Database, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(3))
        ledger.finish(tx, run_id, "000000", records.DONE)
        ledger.finish(tx, run_id, "000001", DARK)
        ledger.finish(tx, run_id, "000002", TRUNCATED)
        assert ledger.reset_failed(tx, run_id) == 1
    assert pending_ids(db, run_id) == ["000002"]
    with db.write() as tx:
        ledger.finish(tx, run_id, "000002", records.DONE)


def test_file_names_that_are_not_utf8_are_opened_as_they_were_found(db: Database, run_id: int):
    gbk = "站区_杆号.jpg".encode("gbk").decode("utf-8", "surrogateescape")
    odd = replace(records.ref(0), image_id=gbk, location=gbk, file_name=gbk)
    with db.write() as tx:
        ledger.plan(tx, run_id, [odd])
        ledger.plan(tx, run_id, [odd])
    assert list(ledger.pending(db, run_id)) == [odd]
    with db.write() as tx:
        ledger.finish(tx, run_id, gbk, records.DONE)
        assert tx.execute(select(schema.frame.c.outcome)).scalars().all() == ["done"]
