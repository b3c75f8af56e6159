"""Photographs lent to workers: to one at a time, for as long as they are heard of."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from catenary.store import again, leases, ledger, scans, schema
from catenary.store.database import Database, open_workspace_db
from catenary.store.leases import Lease, LeaseLostError
from catenary.store.workspace import Workspace
from tests.store import records

COUNT = 10


@pytest.fixture
def scan_id(db: Database, run_id: int) -> int:
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(COUNT))
        return scans.begin(tx, run_id, "pc", 7, records.VERSIONS)


def taken(db: Database, scan_id: int, run_id: int, limit: int, worker: str = "w") -> Lease | None:
    with db.write() as tx:
        return leases.take(tx, scan_id, run_id, worker, limit)


def ids(lease: Lease | None) -> list[int]:
    return [] if lease is None else [int(one.image_id) for one in lease.refs]


def finish(db: Database, run_id: int, lease: Lease) -> None:
    with db.write() as tx:
        leases.require(tx, lease.id)
        told = [(ref.image_id, records.DONE, ledger.Origin()) for ref in lease.refs]
        ledger.finish_all(tx, run_id, told)
        leases.close(tx, lease.id)


def let_pass(db: Database, seconds: float) -> None:
    """Have all leases end so many seconds sooner."""
    with db.write() as tx:
        for lease_id, expires in tx.execute(
            select(schema.lease.c.id, schema.lease.c.expires_at)
        ).all():
            sooner = expires - timedelta(seconds=seconds)
            own = schema.lease.c.id == lease_id
            tx.execute(update(schema.lease).where(own).values(expires_at=sooner))


def test_what_is_lent_is_lent_once_and_in_order(db: Database, run_id: int, scan_id: int):
    first, second = taken(db, scan_id, run_id, 4), taken(db, scan_id, run_id, 4)
    rest = taken(db, scan_id, run_id, 4)
    assert (ids(first), ids(second), ids(rest)) == ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])
    assert taken(db, scan_id, run_id, 4) is None
    assert first is not None
    assert first.refs == tuple(records.refs(4))


def test_what_is_finished_is_left_no_more_and_its_lease_is_gone(
    db: Database, run_id: int, scan_id: int
):
    first = taken(db, scan_id, run_id, 8, "process 5 on gpu1")
    assert first is not None
    with db.read() as connection:
        (lent,) = leases.of_run(connection, run_id)
    assert (lent.worker, lent.images, lent.expires_at - lent.taken_at) == (
        "process 5 on gpu1", 8, pytest.approx(leases.TERM, abs=timedelta(seconds=1)),
    )  # fmt: skip
    finish(db, run_id, first)
    with db.read() as connection:
        assert leases.of_run(connection, run_id) == []
        assert connection.execute(select(schema.frame.c.lease_id).distinct()).all() == [(None,)]
        assert ledger.counts(connection, run_id)[None] == 2
    assert ids(taken(db, scan_id, run_id, 8)) == [8, 9]


def test_a_worker_that_is_not_heard_of_loses_its_photographs(
    db: Database, run_id: int, scan_id: int
):
    lost, kept = taken(db, scan_id, run_id, 4), taken(db, scan_id, run_id, 4)
    assert lost is not None
    assert kept is not None
    let_pass(db, leases.TERM.total_seconds())
    with db.write() as tx:
        leases.renew(tx, [kept.id])
        assert leases.expire(tx, run_id) == [lost.id]
        assert leases.expire(tx, run_id) == []
    heir = taken(db, scan_id, run_id, 4)
    assert ids(heir) == [0, 1, 2, 3]
    finish(db, run_id, kept)


def test_what_comes_after_the_lease_is_refused_whole(db: Database, run_id: int, scan_id: int):
    lost = taken(db, scan_id, run_id, 4)
    assert lost is not None
    with db.write() as tx:
        assert leases.give_back(tx, [lost.id]) == 4
    heir = taken(db, scan_id, run_id, 4)
    assert heir is not None
    assert ids(heir) == ids(lost)
    assert heir.id != lost.id  # or the late worker would pass for its heir
    with pytest.raises(LeaseLostError, match=f"lease {lost.id} is over"):
        finish(db, run_id, lost)
    with db.read() as connection:
        assert ledger.counts(connection, run_id)[None] == COUNT
    finish(db, run_id, heir)
    with pytest.raises(LeaseLostError, match="is over"):
        finish(db, run_id, lost)


def test_photographs_to_be_scanned_again_are_lent_too(db: Database, run_id: int, scan_id: int):
    first = taken(db, scan_id, run_id, 4)
    assert first is not None
    finish(db, run_id, first)
    with db.write() as tx:
        again.ask_images(tx, run_id, ["000001", "000003"])
    anew = taken(db, scan_id, run_id, 3)
    assert ids(anew) == [1, 3, 4]
    assert anew is not None
    finish(db, run_id, anew)
    assert ids(taken(db, scan_id, run_id, 20)) == [5, 6, 7, 8, 9]


def test_a_new_scan_takes_back_what_a_killed_one_had_lent(db: Database, run_id: int, scan_id: int):
    lost = taken(db, scan_id, run_id, 4)
    assert lost is not None
    with db.write() as tx:
        other = ledger.register(tx, records.record("other", "/data/other"))
        ledger.plan(tx, other, records.refs(2))
        theirs = leases.take(tx, scans.begin(tx, other, "pc", 8, records.VERSIONS), other, "w", 2)
        assert leases.give_back_all(tx, run_id) == 4
        assert [one.images for one in leases.of_run(tx, other)] == [2]
    assert theirs is not None
    assert ids(taken(db, scan_id, run_id, 20)) == list(range(COUNT))
    with pytest.raises(LeaseLostError):
        finish(db, run_id, lost)


def test_workers_that_take_at_once_never_get_one_photograph_twice(
    workspace: Workspace, db: Database, run_id: int, scan_id: int
):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(300))
    takers, together = 4, threading.Barrier(4)

    def take_all() -> list[int]:
        own = open_workspace_db(workspace.database)  # as another process: no lock of ours between
        together.wait()
        found: list[int] = []
        while lease := taken(own, scan_id, run_id, 7):
            found += ids(lease)
            finish(own, run_id, lease)
        own.close()
        return found

    with ThreadPoolExecutor(takers) as pool:
        shares = [one.result() for one in [pool.submit(take_all) for _ in range(takers)]]
    assert sorted(number for share in shares for number in share) == list(range(300))


@pytest.mark.parametrize("url", [""])
@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "finish", "lose", "late"]), st.integers(1, 5)),
        max_size=25,
    )
)
def test_every_photograph_is_finished_exactly_once(db: Database, steps: list[tuple[str, int]]):
    with db.write() as tx:
        run_id = ledger.register(tx, records.record(f"r{datetime.now(UTC).timestamp()}"))
        ledger.plan(tx, run_id, records.refs(COUNT))
        scan_id = scans.begin(tx, run_id, "pc", 7, records.VERSIONS)
    held: list[Lease] = []
    lost: list[Lease] = []
    finished: list[int] = []
    for step, number in [*steps, *[("finish", 0), ("take", COUNT)] * COUNT, ("finish", 0)]:
        if step == "take" and (lease := taken(db, scan_id, run_id, number)):
            held.append(lease)
        elif step == "late" and lost:
            with pytest.raises(LeaseLostError):
                finish(db, run_id, lost[number % len(lost)])
        elif step != "late" and held:
            lease = held.pop(number % len(held))
            if step == "finish":
                finish(db, run_id, lease)
                finished += ids(lease)
            elif step == "lose":
                with db.write() as tx:
                    leases.give_back(tx, [lease.id])
                lost.append(lease)
            else:
                held.append(lease)
    assert sorted(finished) == list(range(COUNT))


@pytest.mark.parametrize("url", [""])
def test_looking_for_photographs_costs_the_same_wherever_a_scan_is(
    db: Database, run_id: int, scan_id: int
):
    asked: list[tuple[str, tuple[object, ...]]] = []

    def heard(_: object, __: object, query: str, values: tuple[object, ...], *___: object) -> None:
        asked.append((query, values))

    with db.write() as tx:
        event.listen(tx, "before_cursor_execute", heard)
        leases.take(tx, scan_id, run_id, "w", 3)
        ledger.counts(tx, run_id)
        event.remove(tx, "before_cursor_execute", heard)
        queries = [one for one in asked if one[0].startswith("SELECT") and "ORDER" in one[0]]
        plans = [tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
                 for query, values in queries]  # fmt: skip
    used = " ".join(str(plan) for plan in plans)
    assert "ix_frame_run_id_outcome_seq (run_id=? AND outcome=?)" in used
    assert "ix_frame_again" in used
    assert "TEMP B-TREE" not in used
