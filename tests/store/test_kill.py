"""A scan killed at any moment loses no finished photograph and records none twice."""

import random
import signal
import time
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import func, select

from catenary.domain.image import Outcome
from catenary.store import database, findings, ledger, schema, shards, summary
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace
from tests.forked import PROCESSES
from tests.store import records

FRAMES, BATCH = 1000, 5


def scan(path: Path, told: Connection | None = None) -> None:
    """Do in a loop what a scan does: one batch, one shard, one transaction."""
    workspace = Workspace(path)
    workspace.create()
    db = database.open_workspace_db(workspace.database)
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
        ledger.plan(tx, run_id, records.refs(FRAMES))
        run = ledger.record_of(tx, run_id).name
    with workspace.scanning(run):
        with db.read() as connection:
            shards.sweep(connection, workspace, run_id)
        if told:
            told.send("scanning")
        pending = ledger.pending(db, run_id)
        while batch := [ref.image_id for ref in islice(pending, BATCH)]:
            rows = [records.component(image_id) for image_id in batch]
            written = shards.write(workspace.detections(run), batch[0], rows)
            found = [(records.broken_dropper(image_id), None) for image_id in batch[::2]]
            with db.write() as tx:
                for image_id in batch:
                    ledger.finish(tx, run_id, image_id, records.DONE)
                findings.insert_all(tx, run_id, found)
                shards.record(tx, run_id, written)
    db.close()


def killed_scans(path: Path, kills: int) -> int:
    """Start scans and kill them after a random while; return how many were killed."""
    chance, killed = random.Random(4), 0  # noqa: S311 - no secret
    for _ in range(kills):
        reader, writer = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=scan, args=(path, writer))
        process.start()
        writer.close()
        with reader:
            assert reader.recv() == "scanning"
            time.sleep(chance.uniform(0.0, 0.15))
            process.kill()
            process.join()
        killed += process.exitcode == -signal.SIGKILL
    return killed


def test_killed_scans_end_in_the_rows_of_an_undisturbed_one(tmp_path: Path):
    path = tmp_path / "killed"
    assert killed_scans(path, 6) >= 4
    scan(path)
    workspace = Workspace(path)
    db = database.open_workspace_db(workspace.database)
    with db.read() as connection:
        run_id = ledger.run_id_of(connection, "沪蓉_下行")
        counts = summary.of_run(connection, run_id)
        components = list(shards.components_of_run(connection, workspace, run_id))
        found = [one.finding for one in findings.of_run(connection, run_id)]
        recorded = connection.execute(select(func.sum(schema.shard.c.rows))).scalar()
        orphans = shards.sweep(connection, workspace, run_id)
    db.close()
    image_ids = [ref.image_id for ref in records.refs(FRAMES)]
    assert counts.outcomes == {Outcome.DONE: FRAMES, Outcome.UNUSABLE: 0, Outcome.FAILED: 0}
    assert [row.image_id for row in components] == image_ids
    assert all(isinstance(row, ComponentRow) for row in components)
    assert recorded == FRAMES
    assert len({one.image_id for one in found}) == len(found)
    batches = [image_ids[at : at + BATCH] for at in range(0, FRAMES, BATCH)]
    assert {one.image_id for one in found} == {i for batch in batches for i in batch[::2]}
    assert orphans == []
