from pathlib import Path

import pytest
from sqlalchemy import select

from catenary.store import packs, recovery, schema
from catenary.store.database import Database
from catenary.store.workspace import Workspace

RUN = "沪蓉_下行"
PICTURES = {"a-0.jpg": b"a", "b-0.jpg": b"bb"}


def written(workspace: Workspace, pictures: dict[str, bytes]) -> packs.PackFile:
    one = packs.write(workspace.evidence(RUN), "a", pictures)
    assert one is not None
    return one


def test_a_pack_is_recorded_once_with_its_hash(db: Database, workspace: Workspace, run_id: int):
    one = written(workspace, PICTURES)
    assert one == written(workspace, PICTURES)  # a batch that is done again
    for _ in range(2):
        with db.write() as tx:
            packs.record(tx, run_id, one)
    with db.read() as connection:
        (row,) = connection.execute(select(schema.evidence_pack)).mappings()
    assert (row["file_name"], row["pictures"], row["sha256"]) == (one.path.name, 2, one.sha256)


def test_other_pictures_are_another_pack(workspace: Workspace):
    assert written(workspace, PICTURES).path != written(workspace, {"a-0.jpg": b"x"}).path


def test_no_pictures_are_no_file(db: Database, workspace: Workspace, run_id: int):
    assert packs.write(workspace.evidence(RUN), "a", {}) is None
    with db.write() as tx:
        packs.record(tx, run_id, None)
    assert list((workspace.path / "evidence").iterdir()) == []


def test_a_sweep_removes_what_was_not_recorded(db: Database, workspace: Workspace, run_id: int):
    kept, orphan = written(workspace, PICTURES), written(workspace, {"c.jpg": b"c"})
    with db.write() as tx:
        packs.record(tx, run_id, kept)
    folder = workspace.evidence(RUN)
    (folder / "old.jpg").write_bytes(b"of an earlier release")
    assert recovery.sweep(db, workspace, run_id) == [orphan.path]
    assert {one.name for one in folder.iterdir()} == {kept.path.name, "old.jpg"}


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("9b1c-0.jpg", "9b1c-0.jpg"),
        ("3f2a.zip/9b1c-0.jpg", "3f2a.zip/9b1c-0.jpg"),
        ("../../etc/3f2a.zip/9b1c-0.jpg", "3f2a.zip/9b1c-0.jpg"),
        ("../../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
    ],
)
def test_a_picture_lies_in_the_folder_of_its_run(tmp_path: Path, name: str, below: str):
    workspace = Workspace(tmp_path)
    assert workspace.picture(RUN, name) == workspace.evidence(RUN) / below
