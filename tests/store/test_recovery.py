from pathlib import Path

import pytest
from sqlalchemy import delete, select

from catenary.domain.errors import StoreError
from catenary.domain.image import FrameResult, Outcome
from catenary.store import again, findings, ledger, recovery, schema, shards
from catenary.store.database import Database
from catenary.store.workspace import Workspace
from tests.store import records

RUN = "沪蓉_下行"
FAILED = FrameResult(Outcome.FAILED, "missing", "not there")


def commit(
    db: Database, workspace: Workspace, run_id: int, done: list[str], failed: tuple[str, ...] = ()
) -> Path:
    """Write a batch as a scan does, every photograph with one component and one finding."""
    written = shards.write(
        workspace.detections(RUN), done[0], [records.component(one) for one in done]
    )
    with db.write() as tx:
        for one in done:
            ledger.finish(tx, run_id, one, records.DONE)
        for one in failed:
            ledger.finish(tx, run_id, one, FAILED)
        findings.insert_all(tx, run_id, [(records.broken_dropper(one), None) for one in done])
        shards.record(tx, run_id, written)
    return written.path


def ids(*numbers: int) -> list[str]:
    return [f"{number:06d}" for number in numbers]


def pending(db: Database, run_id: int) -> list[str]:
    return [ref.image_id for ref in ledger.pending(db, run_id)]


def found(db: Database, run_id: int) -> list[str]:
    with db.read() as connection:
        return sorted(one.ref.image_id for one in findings.of_run(connection, run_id))


@pytest.fixture
def planned(db: Database, run_id: int) -> int:
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(9))
    return run_id


def test_nothing_is_undone_while_every_file_is_whole(
    db: Database, workspace: Workspace, planned: int
):
    commit(db, workspace, planned, ids(0, 1, 2))
    assert recovery.mend_shards(db, workspace, planned) == 0
    assert pending(db, planned) == ids(3, 4, 5, 6, 7, 8)


def test_a_lost_batch_is_pending_again_and_its_neighbours_are_not(
    db: Database, workspace: Workspace, planned: int
):
    commit(db, workspace, planned, ids(0, 1, 2))
    commit(db, workspace, planned, ids(3, 4, 5)).unlink()
    commit(db, workspace, planned, ids(6, 7, 8))
    assert recovery.mend_shards(db, workspace, planned) == 3
    assert pending(db, planned) == ids(3, 4, 5)
    assert found(db, planned) == ids(*range(9))  # until they are judged again
    with db.read() as connection:
        rows = list(shards.components_of_run(connection, workspace, planned))
    assert [row.image_id for row in rows] == ids(0, 1, 2, 6, 7, 8)


@pytest.mark.parametrize("lost", [0, 1])
def test_batches_that_overlap_since_failed_ones_were_tried_again_are_told_apart(
    db: Database, workspace: Workspace, planned: int, lost: int
):
    first = commit(db, workspace, planned, ids(0, 2, 4), tuple(ids(1, 3)))
    with db.write() as tx:
        assert ledger.reset_failed(tx, planned) == 2
    second = commit(db, workspace, planned, ids(1, 3))
    (first, second)[lost].write_bytes(b"PAR1")
    assert recovery.mend_shards(db, workspace, planned) == (3, 2)[lost]
    assert pending(db, planned)[: (3, 2)[lost]] == (ids(0, 2, 4), ids(1, 3))[lost]


def test_photographs_that_failed_stay_failed(db: Database, workspace: Workspace, planned: int):
    commit(db, workspace, planned, ids(0, 2), tuple(ids(1))).unlink()
    recovery.mend_shards(db, workspace, planned)
    assert pending(db, planned)[:3] == ids(0, 2, 3)


def judged_again(db: Database, workspace: Workspace, run_id: int, done: list[str]) -> Path:
    """Write a batch of photographs that are scanned again."""
    with db.read() as connection:
        former = ledger.standing(connection, run_id, done)
    revision = {one: former[one].next_revision for one in done}
    rows = [records.component(one, revision=revision[one]) for one in done]
    written = shards.write(workspace.detections(RUN), done[0], rows)
    with db.write() as tx:
        put_aside = again.put_aside(tx, former.values())
        for one in done:
            ledger.finish(tx, run_id, one, records.DONE)
        new = [(records.broken_dropper(one), None) for one in done]
        findings.insert_all(tx, run_id, new, put_aside)
        shards.record(tx, run_id, written)
    return written.path


def located(db: Database, workspace: Workspace, run_id: int) -> list[tuple[str, int]]:
    with db.read() as connection:
        rows = shards.components_of_run(connection, workspace, run_id)
        return sorted((row.image_id, row.revision) for row in rows)


@pytest.mark.parametrize("lost", ["older", "newer"])
def test_of_photographs_scanned_again_only_a_lost_newest_judgement_counts(
    db: Database, workspace: Workspace, planned: int, lost: str
):
    older = commit(db, workspace, planned, ids(0, 1, 2))
    with db.write() as tx:
        again.ask_images(tx, planned, ids(0, 2))
    newer = judged_again(db, workspace, planned, ids(0, 2))
    {"older": older, "newer": newer}[lost].unlink()
    wanted = {"older": ids(1), "newer": ids(0, 2)}[lost]
    assert recovery.mend_shards(db, workspace, planned) == len(wanted)
    assert pending(db, planned)[: len(wanted)] == wanted
    assert found(db, planned) == ids(0, 1, 2)  # what is known stands meanwhile
    judged_again(db, workspace, planned, wanted)
    newest = {"older": [1, 1, 1], "newer": [2, 0, 2]}[lost]
    assert located(db, workspace, planned) == list(zip(ids(0, 1, 2), newest, strict=True))
    assert found(db, planned) == ids(0, 1, 2)
    assert recovery.mend_shards(db, workspace, planned) == 0


def test_a_file_that_cannot_be_read_is_not_taken_for_lost(
    db: Database, workspace: Workspace, planned: int
):
    path = commit(db, workspace, planned, ids(0, 1))
    path.unlink()
    path.mkdir()  # reading it fails for whoever reads, root too
    with pytest.raises(StoreError, match=r"cannot read .*parquet: Is a directory"):
        recovery.mend_shards(db, workspace, planned)
    assert found(db, planned) == ids(0, 1)


def test_a_sweep_removes_pictures_that_are_not_whole(
    db: Database, workspace: Workspace, planned: int
):
    folder = workspace.evidence(RUN)
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"kept")
    half = folder / "b.jpg.partial"
    half.write_bytes(b"\xff\xd8")
    assert recovery.sweep(db, workspace, planned) == [half]
    assert [path.name for path in folder.iterdir()] == ["a.jpg"]


def forget(db: Database, path: Path) -> None:
    with db.write() as tx:
        tx.execute(delete(schema.shard).where(schema.shard.c.file_name == path.name))


def test_a_shard_whose_record_is_lost_is_recorded_again(
    db: Database, workspace: Workspace, planned: int
):
    first, second = (commit(db, workspace, planned, some) for some in (ids(0, 1), ids(2, 3)))
    before = located(db, workspace, planned)
    with db.read() as connection:
        row = connection.execute(select(schema.shard).where(schema.shard.c.id == 2)).one()
    forget(db, second)
    assert recovery.adopt(db, workspace, planned) == [second]
    assert recovery.adopt(db, workspace, planned) == []
    with db.read() as connection:
        kept = select(schema.shard).where(schema.shard.c.file_name == second.name)
        assert connection.execute(kept).one()[1:] == row[1:]
    assert recovery.sweep(db, workspace, planned) == []
    assert sorted(located(db, workspace, planned)) == sorted(before)
    assert first.exists()


def test_a_shard_of_photographs_that_are_left_or_told_elsewhere_is_not_recorded(
    db: Database, workspace: Workspace, planned: int
):
    known = commit(db, workspace, planned, ids(0, 1))
    rows = [records.component(one) for one in ids(0, 1)]
    again_told = shards.write(known.parent, "other", [*rows, *rows]).path
    of_a_kill = shards.write(known.parent, "kill", [records.component("000005")]).path
    half = known.with_name("half-0123456789ab.parquet")
    half.write_bytes(known.read_bytes()[:-20])
    assert recovery.adopt(db, workspace, planned) == []
    assert set(recovery.sweep(db, workspace, planned)) == {again_told, of_a_kill, half}


def test_a_shard_that_was_judged_anew_since_is_not_recorded(
    db: Database, workspace: Workspace, planned: int
):
    older = commit(db, workspace, planned, ids(0, 1))
    with db.write() as tx:
        again.ask_images(tx, planned, ids(0, 1))
    judged_again(db, workspace, planned, ids(0, 1))
    forget(db, older)
    assert recovery.adopt(db, workspace, planned) == []
