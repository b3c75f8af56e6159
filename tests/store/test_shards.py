import itertools
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catenary.domain.errors import StoreError
from catenary.store import ledger, schema, shards
from catenary.store.database import Database
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace
from tests.store import records

RUN = "沪蓉_下行"
small = st.floats(0, 9000, width=32)
rows_strategy = st.lists(
    st.builds(
        ComponentRow,
        *[st.text(st.characters(exclude_categories=["Cs"]))] * 3,
        *[small] * 5,
        *[st.text(max_size=5, alphabet="abc_")] * 2,
        st.none() | st.floats(0, 1, width=32),
    ),
    max_size=5,
)
_names = itertools.count()


@pytest.fixture
def planned(db: Database, run_id: int) -> int:
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(20))
    return run_id


def read_back(db: Database, workspace: Workspace, run_id: int) -> list[ComponentRow]:
    with db.read() as connection:
        return list(shards.components_of_run(connection, workspace, run_id))


def test_components_come_back_in_the_order_of_the_scan(
    db: Database, workspace: Workspace, planned: int
):
    batches = [
        [records.component("000007"), records.component("000003", probability=None)],
        [records.component("000009", component="bolt", verdict="", condition="")],
        [],
    ]
    for number, rows in enumerate(batches):
        written = shards.write(workspace.detections(RUN), f"{9 - number:06d}", rows)
        with db.write() as tx:
            shards.record(tx, planned, written)
    assert read_back(db, workspace, planned) == [*batches[0], *batches[1]]
    with db.read() as connection:
        columns = select(schema.shard.c.rows, schema.shard.c.first_seq, schema.shard.c.last_seq)
        places = [tuple(row) for row in connection.execute(columns)]
    assert places == [(2, 3, 7), (1, 9, 9)]
    assert len(list(workspace.detections(RUN).iterdir())) == 2


@given(rows_strategy)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_survives_the_file(workspace: Workspace, rows: list[ComponentRow]):
    written = shards.write(workspace.detections(RUN), f"{next(_names)}", rows)
    assert written.path.exists() == bool(rows)
    if not rows:
        return
    back = shards._verified(written.path, written.sha256).to_pylist()
    assert [ComponentRow(**row) for row in back] == rows


def test_numbers_are_kept_as_float32(db: Database, workspace: Workspace, planned: int):
    row = records.component("000001", x0=1234.56789, probability=0.1)
    with db.write() as tx:
        shards.record(tx, planned, shards.write(workspace.detections(RUN), "a", [row]))
    (back,) = read_back(db, workspace, planned)
    assert (back.x0, back.probability) == (np.float32(1234.56789), np.float32(0.1))


def test_a_name_that_is_not_utf8_survives_the_file(
    db: Database, workspace: Workspace, planned: int
):
    gbk = "杆号.jpg".encode("gbk").decode("utf-8", "surrogateescape")
    row = records.component("000001", file_name=gbk)
    with db.write() as tx:
        shards.record(tx, planned, shards.write(workspace.detections(RUN), "a", [row]))
    assert read_back(db, workspace, planned) == [row]


def test_a_shard_that_was_not_recorded_does_not_count(
    db: Database, workspace: Workspace, planned: int
):
    shards.write(workspace.detections(RUN), "orphan", [records.component("000001")])
    assert read_back(db, workspace, planned) == []


def test_a_batch_done_again_replaces_its_orphan(db: Database, workspace: Workspace, planned: int):
    folder = workspace.detections(RUN)
    rows = [records.component("000001")]
    orphan = shards.write(folder, "000000", rows)
    with db.write() as tx:
        shards.record(tx, planned, shards.write(folder, "000000", rows))
    assert read_back(db, workspace, planned) == rows
    assert list(folder.iterdir()) == [orphan.path]


def test_a_later_batch_of_the_same_name_does_not_touch_a_recorded_shard(
    db: Database, workspace: Workspace, planned: int
):
    folder = workspace.detections(RUN)
    batches = [[records.component("000001")], [records.component("000000")]]  # 0 failed at first
    for rows in batches:
        with db.write() as tx:
            shards.record(tx, planned, shards.write(folder, "000000", rows))
    assert read_back(db, workspace, planned) == [*batches[0], *batches[1]]


def test_a_sweep_removes_only_what_no_batch_recorded(
    db: Database, workspace: Workspace, planned: int
):
    folder = workspace.detections(RUN)
    kept = shards.write(folder, "kept", [records.component("000001")])
    orphan = shards.write(folder, "orphan", [records.component("000002")]).path
    half = folder / "half.partial"
    half.write_bytes(b"PAR1")
    with db.write() as tx:
        shards.record(tx, planned, kept)
    with workspace.scanning(RUN), db.read() as connection:
        assert shards.sweep(connection, workspace, planned) == [half, orphan]
    assert sorted(folder.iterdir()) == [kept.path, folder / "scan.lock"]


@pytest.mark.parametrize("damage", [b"", b"PAR1", None])
def test_a_damaged_or_missing_shard_is_named(
    db: Database, workspace: Workspace, planned: int, damage: bytes | None
):
    written = shards.write(workspace.detections(RUN), "a", [records.component("000001")])
    with db.write() as tx:
        shards.record(tx, planned, written)
    if damage is None:
        written.path.unlink()
    else:
        written.path.write_bytes(damage)
    with pytest.raises(StoreError, match=r"a-[0-9a-f]{12}\.parquet.*restore it"):
        read_back(db, workspace, planned)


def test_one_changed_byte_is_noticed(db: Database, workspace: Workspace, planned: int):
    written = shards.write(workspace.detections(RUN), "a", [records.component("000001")])
    with db.write() as tx:
        shards.record(tx, planned, written)
    content = bytearray(written.path.read_bytes())
    content[len(content) // 2] ^= 1
    written.path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        read_back(db, workspace, planned)


def test_a_shard_of_unplanned_photographs_is_refused(
    db: Database, workspace: Workspace, planned: int
):
    written = shards.write(workspace.detections(RUN), "a", [records.component("ghost")])
    with pytest.raises(LookupError, match="not in the ledger"), db.write() as tx:
        shards.record(tx, planned, written)


def test_a_full_disk_leaves_no_half_shard(tmp_path: Path):
    rows = [replace(records.component(f"{n:06d}"), x0=n * 0.7) for n in range(5000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot write .*full-\w+\.parquet: File too large"):
            shards.write(tmp_path, "full", rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_only_the_wanted_photographs_are_read_back(db: Database, workspace: Workspace, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(6))
        for first in (0, 3):
            rows = [records.component(f"{number:06d}") for number in range(first, first + 3)]
            written = shards.write(workspace.detections("沪蓉_下行"), f"b{first}", rows)
            shards.record(tx, run_id, written)
    with db.read() as connection:
        found = shards.components_of_images(connection, workspace, run_id, {"000001", "000004"})
        assert [one.image_id for one in found] == ["000001", "000004"]
        assert not list(shards.components_of_images(connection, workspace, run_id, {"none"}))
