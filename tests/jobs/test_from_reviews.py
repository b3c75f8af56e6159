"""From a scan over decisions to a set that audits, splits and trainings take."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from catenary.datasets import coco
from catenary.datasets.labels import Rejected
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.review import LOCAL, NO_PART, Decision, Origin, Wish
from catenary.jobs.reviewing import review_queue
from catenary.runs import discover
from catenary.runs.workstation_writer import write_workstation
from catenary.store import database, findings, ledger, queue_fill, review_items, reviews
from catenary.store.database import Database
from catenary.store.ledger import RunRecord
from catenary.store.review_items import Item
from catenary.store.reviews import Ask, Drawn
from catenary.store.workspace import Workspace
from catenary.training.run import read_record
from tests.jobs.bundles import random_bundle
from tests.jobs.commands import catenary
from tests.store import records
from tests.store.reviewing import RULES
from tests.training.sets import drawn_set

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)
SIZE = (160, 200)


def picture(number: int) -> bytes:
    random = np.random.default_rng(number)
    pixels = random.integers(0, 40, SIZE, np.uint8)
    cv2.rectangle(pixels, (40, 40), (120, 52), 220, -1)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def ran(*arguments: str) -> str:
    done = catenary(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Made:
    """A scanned workspace, its decided items, and the labels made of them."""

    folder: Path
    decided: dict[str, Item]
    said: str

    @property
    def labels(self) -> Path:
        return self.folder / "set" / "labels.json"


def decide(db: Database, item: Item, wish: Wish) -> Item:
    with db.write() as tx:
        (done,) = reviews.decide(tx, [Ask(item.id, item.version, wish)], LOCAL, RULES, NOW)
    return done


def far_apart(items: list[Item], count: int) -> list[Item]:
    """Return items whose boxes do not touch, the first ones."""
    kept: list[Item] = []
    for one in items:
        others = [each for each in kept if each.frame_id == one.frame_id]
        if all(one.standing.box.iou(each.standing.box) == 0 for each in others):
            kept.append(one)
    assert len(kept) >= count
    return kept[:count]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("reviews")
    run = folder / "run"
    run.mkdir()
    rows = ["file_name,line,direction,section,mast"]
    for number in range(4):
        (run / f"{number}.jpg").write_bytes(picture(number))
        rows.append(f"{number}.jpg,示例线,up,东站,D{number:03d}")
    (run / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    bundle = random_bundle(folder / "bundle")
    ran(
        *("scan", str(run), "--workspace", str(folder / "ws"), "--model", str(bundle)),
        *("--set", "cascade.min_score=0.0", "--device", "cpu"),
    )
    workspace = Workspace(folder / "ws")
    db = database.open_workspace_db(workspace.database)
    review_queue.fill(db, workspace, 0.05, 14.0)
    with db.read() as connection:
        found = review_items.by_ids(connection, range(1, 1000))
    raised = [one for one in found if one.origin is Origin.SCAN and one.component == "split_pin"]
    first, second, third, fourth = far_apart(raised, 4)
    box = replace(first.standing.box, x1=first.standing.box.x1 - 0.5)
    decided = {
        "confirmed": decide(db, first, Wish(Decision.CONFIRM, "missing", box=box)),
        "rejected": decide(db, second, Wish(Decision.REJECT)),
        "no part": decide(db, third, Wish(Decision.REJECT, NO_PART)),
        "observed": decide(db, fourth, Wish(Decision.OBSERVE)),
    }
    with db.write() as tx:
        drawn = Drawn(4, "dropper", Box(100, 60, 110, 150), Wish(Decision.CONFIRM, "broken"))
        decided["drawn"] = reviews.draw(tx, drawn, LOCAL, RULES, NOW)
    db.close()
    (folder / "set").mkdir()
    said = ran(
        *("data", "from-reviews", "--workspace", str(folder / "ws"), "--sure", "0"),
        *("-o", str(folder / "set" / "labels.json")),
    )
    return Made(folder, decided, said)


def test_labels_are_what_was_decided_and_nothing_else(made: Made):
    images = coco.read(made.labels).images
    labels = {(one.component, one.condition, one.box) for image in images for one in image.labels}
    confirmed, drawn = made.decided["confirmed"].standing, made.decided["drawn"].standing
    assert labels == {
        ("split_pin", "missing", confirmed.box),
        ("dropper", "broken", drawn.box),
    }
    refused = {(one.box, one.reason) for image in images for one in image.rejections}
    assert refused == {
        (made.decided["rejected"].standing.box, Rejected.NORMAL),
        (made.decided["no part"].standing.box, Rejected.NO_PART),
    }


def test_no_photograph_is_claimed_to_be_complete_and_masts_are_kept(made: Made):
    found = coco.read(made.labels)
    assert all(not image.is_complete for image in found.images)
    for image in found.images:
        name = Path(image.ref.location).stem
        assert image.ref.mast == Mast("示例线", Direction.UP, "东站", f"D00{name}")
        assert (found.root / image.ref.file_name).samefile(made.folder / "run" / f"{name}.jpg")
    parts = {one.part_id for image in found.images for one in image.labels}
    assert f"示例线/up/东站/D003#{made.decided['drawn'].name}" in parts


def test_what_is_left_out_is_told(made: Made):
    assert "split_pin rejected, no_part: 1" in made.said
    assert "items that nobody confirmed or rejected: " in made.said
    assert "to learn from, not to measure on" in made.said


def test_an_audit_finds_the_set_fit(made: Made):
    told = json.loads(ran("data", "audit", str(made.labels), "--json"))
    assert told["counts"]["all"]["split_pin rejected as normal"] == 1
    assert told["counts"]["all"]["split_pin missing"] == 1


def test_a_split_by_mast_takes_it(made: Made, tmp_path: Path):
    output = tmp_path / "split.json"
    ran("data", "split", str(made.labels), "-o", str(output), "--by", "mast", "--no-copies")
    units = json.loads(output.read_text(encoding="utf-8"))["units"]
    assert "mast 示例线/up/东站/D003" in units


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_a_training_takes_it(made: Made, tmp_path: Path, kind: str):
    settings = {
        "kind": kind,
        "train": [str(made.labels)],
        "validation": [str(drawn_set(tmp_path / "others", 3))],
        "output": str(tmp_path / "run"),
        "epochs": 1,
        "steps_per_epoch": 1,
        "batch": 2,
        "picture_px": 64,
        "long_side_px": 128,
        "weights": "random",
        "negative_share": 0.5,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    ran("train", str(tmp_path / "train.yaml"))
    assert read_record(tmp_path / "run").images == len(coco.read(made.labels).images)


def test_a_set_is_not_measured_on(made: Made, tmp_path: Path):
    settings = {
        "kind": "classifier",
        "train": [str(drawn_set(tmp_path / "others", 3))],
        "validation": [str(made.labels)],
        "output": str(tmp_path / "run"),
        "weights": "random",
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    done = catenary("train", str(tmp_path / "train.yaml"))
    assert done.returncode == 1
    assert "labelled in part only" in done.stderr


def test_a_file_that_is_there_is_not_overwritten(made: Made):
    before = made.labels.read_bytes()
    done = catenary(
        *("data", "from-reviews", "--workspace", str(made.folder / "ws")),
        *("-o", str(made.labels)),
    )
    assert (done.returncode, "is there already" in done.stderr) == (1, True)
    assert made.labels.read_bytes() == before


def test_an_unknown_run_and_an_undecided_one_are_told(made: Made, tmp_path: Path):
    done = catenary(
        *("data", "from-reviews", "lost", "--workspace", str(made.folder / "ws")),
        *("-o", str(tmp_path / "x.json")),
    )
    assert (done.returncode, "no run 'lost'" in done.stderr) == (1, True)
    Workspace(tmp_path / "ws").create()
    database.open_workspace_db(Workspace(tmp_path / "ws").database).close()
    done = catenary(
        *("data", "from-reviews", "--workspace", str(tmp_path / "ws")),
        *("-o", str(tmp_path / "x.json")),
    )
    assert (done.returncode, "nobody has confirmed" in done.stderr) == (1, True)
    assert not (tmp_path / "x.json").exists()


def test_photographs_inside_a_package_are_copied_beside_the_labels(tmp_path: Path):
    task = "2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行"
    package = tmp_path / task
    at = datetime(2022, 3, 6, 23, 26, 50)  # noqa: DTZ001 - local wall clock
    mast = Mast("沪蓉", Direction.DOWN, "浦口站-全椒站", "D001")
    shot = ImageRef("x", "1", "1", "1.jpg", "03", "", mast, 1000.0, at)
    write_workstation(package, [(shot, picture(1))])
    source = discover.open_source(package)
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    db = database.open_workspace_db(workspace.database)
    (ref,) = source.frames()
    with db.write() as tx:
        record = RunRecord(task, str(package), "workstation", records.VERSIONS, {})
        run_id = ledger.register(tx, record)
        ledger.plan(tx, run_id, [ref])
        done = FrameResult(Outcome.DONE, width=SIZE[1], height=SIZE[0])
        ledger.finish(tx, run_id, ref.image_id, done)
        found = records.broken_dropper(ref.image_id)
        part = replace(found.component, box=Box(10, 20, 40, 150))
        findings.insert_all(tx, run_id, [(replace(found, component=part), None)])
    queue_fill.fill(db, run_id, [], NOW, 14.0)
    with db.read() as connection:
        item = review_items.one(connection, 1)
    decide(db, item, Wish(Decision.CONFIRM))
    db.close()
    output = tmp_path / "set" / "labels.json"
    output.parent.mkdir()
    said = ran("data", "from-reviews", "--workspace", str(tmp_path / "ws"), "-o", str(output))
    assert "1 copied" in said
    (image,) = coco.read(output).images
    assert (output.parent / image.ref.file_name).read_bytes() == source.read(ref)
    assert image.ref.file_name.startswith("images/")
    assert image.ref.mast == mast
    ran("data", "audit", str(output))
