"""`catenary runs bolts`: from a scanned run to the bolts that are missing, told and raised."""

import csv
import hashlib
from pathlib import Path

import cv2
import pytest

from catenary.domain.finding import Verdict
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.jobs import workspaces
from catenary.pipeline import empty_places
from catenary.store import findings, ledger, shards
from catenary.store.ledger import Origin
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary
from tests.pipeline.fitting_scene import SIZE, Drawn, mast
from tests.store import records

GONE, MISSED = "4.jpg", "6.jpg"  # photographs: a bolt taken out, and one that is not located
MASTS = [Drawn(n, gone=(1,) if n == 4 else (), missed=(0,) if n == 6 else ()) for n in range(9)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a run's photographs, and into the workspace what a scan would have."""
    folder = tmp_path / "run"
    folder.mkdir()
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    rows, refs = [], []
    for one in MASTS:
        file = f"{one.number}.jpg"
        content = cv2.imencode(".jpg", one.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        (folder / file).write_bytes(content)
        refs.append(ImageRef("run", file, file, file, "12", "seat", mast(one.number), None, None))
        for part in (one.fitting, *one.bolts):
            box = part.box
            place = (box.x0, box.y0, box.x1, box.y1)
            rows.append(ComponentRow(file, file, part.kind, *place, part.score, "", "", None))
    written = shards.write(workspace.detections("run"), "all", rows)
    with workspaces.opened(workspace) as db, db.write() as tx:
        run_id = ledger.register(tx, records.record("run", str(folder)))
        ledger.plan(tx, run_id, refs)
        size = FrameResult(Outcome.DONE, width=SIZE[0], height=SIZE[1])
        for ref in refs:
            sha256 = hashlib.sha256((folder / ref.file_name).read_bytes()).hexdigest()
            ledger.finish(tx, run_id, ref.image_id, size, Origin(sha256=sha256))
        shards.record(tx, run_id, written)
    return tmp_path


def bolts(root: Path, *options: str) -> str:
    done = catenary("runs", "bolts", "run", "--workspace", str(root / "ws"), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def raised(root: Path) -> list[findings.StoredFinding]:
    with workspaces.existing(root / "ws") as (db, _), db.read() as connection:
        run_id = ledger.run_id_of(connection, "run")
        return list(findings.of_run(connection, run_id, findings.Filter(Verdict.DEFECT)))


def test_the_missing_bolt_is_told_and_what_cannot_be_told_is_in_the_table(root):
    table = root / "places.csv"
    told = bolts(root, "--csv", str(table))
    assert "camera 12 seat, 双耳 double-ear clevis: 9 alike on other masts, 0 not" in told
    assert "18 places of bolts: 16 located, 1 missing, 1 not judged" in told
    assert "1 bolts missing" in told
    assert raised(root) == []
    rows = list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))
    by_photograph = {row[0]: row for row in rows[1:]}
    assert set(by_photograph) == {GONE, MISSED}
    assert (by_photograph[GONE][5], by_photograph[MISSED][5]) == (
        "缺陷 defect",
        "未能判断 cannot judge",
    )
    middle = [float(value) for value in by_photograph[GONE][7:11]]
    box = MASTS[4].bolt_boxes[1]
    assert middle == pytest.approx([box.x0, box.y0, box.x1, box.y1], abs=3)


def test_what_is_raised_is_a_finding_once_and_is_put_aside_when_told_no_more(root):
    assert "raised as findings: 1 new" in bolts(root, "--raise")
    (one,) = raised(root)
    assert (one.ref.file_name, one.finding.condition) == (GONE, "bolt_missing")
    assert one.finding.versions.rules in empty_places.SOURCES
    assert one.finding.evidence[0].beside.startswith("run/")
    assert "raised as findings: 0 new, 1 as before" in bolts(root, "--raise")
    assert len(raised(root)) == 1
    told = bolts(root, "--raise", "--set", "look.darkness=0.95")
    assert "0 bolts missing" in told
    assert "1 put aside" in told
    assert raised(root) == []


def test_without_the_photographs_nothing_is_told(root):
    for one in (root / "run").glob("*.jpg"):
        one.unlink()
    assert "0 alike on other masts, 9 not" in bolts(root)
