"""From photographs of several cameras to one item a physical part, through the commands."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select
from typer.testing import CliRunner

from catenary import cli, config
from catenary.domain.finding import Verdict, Versions
from catenary.imaging import decode, packed
from catenary.jobs.reviewing import join
from catenary.jobs.scanning import assemble
from catenary.models.detections import ConditionScores
from catenary.pipeline.judge import Judge
from catenary.store import database, parts, schema
from catenary.store.workspace import Workspace
from tests.pipeline.fakes import BlobDetector

MASTS = 10
BAD_MAST = 5
SPOTS = ((200, 150), (480, 300), (700, 520))  # of a mast's clevises in camera 01, px
CAMERAS = {"01": (0, 0, 1.0), "02": (60, 40, 0.85), "03": (30, 90, 0.8)}  # shift px, scale
TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
BAD = next(iter(TAXONOMY.components["clevis"].conditions))


class BrightIsBad:
    """Calls a clevis the worse the brighter it is."""

    def __init__(self) -> None:
        self.conditions = {"clevis": ("normal", BAD)}

    def __call__(self, crops: list[NDArray[np.uint8]], kinds: list[str]) -> list[ConditionScores]:
        levels = [float(np.median(crop[crop > 40])) / 255 for crop in crops]
        return [
            ConditionScores(self.conditions[kind], (1 - level, level))
            for kind, level in zip(kinds, levels, strict=True)
        ]


def judge(_recipe: object) -> Judge:
    return Judge(
        BlobDetector(),
        BrightIsBad(),
        {},
        {},
        {"clevis": 0.7},
        TAXONOMY,
        Versions("fake@0", "1", "1"),
    )


def picture(mast: int, camera: str) -> bytes:
    """Draw three clevises; the second of one mast is bright, but not for camera 02."""
    random = np.random.default_rng(mast)
    sway = random.uniform(-70, 70, 2)
    pixels = random.integers(0, 12, (900, 1100), np.uint8)
    across, down, scale = CAMERAS[camera]
    for index, spot in enumerate(SPOTS):
        x, y = np.array(spot) + sway + random.uniform(-15, 15, 2)
        left, top = round(x * scale + across), round(y * scale + down)
        is_bad = (mast, index) == (BAD_MAST, 1) and camera != "02"
        pixels[top : top + 60, left : left + 60] = 240 if is_bad else 60
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def deliver(run: Path, mast: int, camera: str) -> None:
    folder = run / "东站" / f"K{mast}+000_{mast:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"0105{mast:02d}0{camera}_{folder.name}_0_{camera}.jpg"
    (folder / name).write_bytes(picture(mast, camera))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assemble, "judge", judge)
    folder = tmp_path / "2026-03-06_示例线_上行_东站-西站"
    for mast in range(MASTS):
        for camera in ("01", "02"):
            deliver(folder, mast, camera)
    return folder


def catenary(run: Path, *words: str) -> str:
    arguments = [*words, "--workspace", str(run.parent / "ws")]
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def report(run: Path, form: str) -> str:
    path = run.parent / f"report.{form}"
    catenary(run, "report", run.name, "--format", form, "-o", str(path))
    return path.read_text(encoding="utf-8-sig")


def rows_of(run: Path, table) -> list[tuple]:
    db = database.open_workspace_db(Workspace(run.parent / "ws").database)
    with db.read() as connection:
        found = [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
    db.close()
    return found


def test_a_defect_that_one_camera_denies_is_one_item_with_both_opinions(run: Path):
    told = catenary(run, "scan", str(run))
    assert "1 defects raised, on 1 part" in told
    (row,) = csv.DictReader(io.StringIO(report(run, "csv")))
    assert "Seen in 1 of 2 views (camera 01); denied by camera 02" in row["views"]
    assert "2 个视图中有 1 个判为缺陷（相机 01）；相机 02 判为正常" in row["视图"]
    (entry,) = json.loads(report(run, "coco"))
    assert entry["part"] == row["part"]
    page = report(run, "html")
    assert page.count('<article class="card"') == 1
    assert page.count('<figure class="view') == 2
    assert "正常 normal" in page
    (normal,) = [one for one in rows_of(run, schema.part_view) if "normal" in one]
    crop = normal[schema.part_view.c.keys().index("crop")]
    shown = Workspace(run.parent / "ws").picture(run.name, crop)
    assert decode.decode_gray(packed.read(shown)).size > 0


def test_two_cameras_that_raise_one_part_are_one_item_with_two_rows(run: Path):
    deliver_third = [deliver(run, mast, "03") for mast in range(MASTS)]
    assert len(deliver_third) == MASTS
    assert "2 defects raised, on 1 part" in catenary(run, "scan", str(run))
    record = json.loads(catenary(run, "runs", "show", run.name, "--json"))
    record = record[0] if isinstance(record, list) else record
    assert (record["findings"], record["defective_parts"]) == (2, 1)
    first, second = csv.DictReader(io.StringIO(report(run, "csv")))
    assert first["part"] == second["part"]
    assert {first["camera"], second["camera"]} == {"01", "03"}


def test_only_masts_with_new_photographs_are_joined_again(run: Path):
    catenary(run, "scan", str(run))
    before = {one[0]: one for one in rows_of(run, schema.joined_mast)}
    catenary(run, "scan", str(run))
    assert {one[0]: one for one in rows_of(run, schema.joined_mast)} == before
    deliver(run, 3, "03")
    catenary(run, "scan", str(run))
    after = {one[0]: one for one in rows_of(run, schema.joined_mast)}
    assert len(after) == len(before)
    assert len(after.keys() & before.keys()) == len(before) - 1


def test_joining_that_was_killed_goes_on_to_the_same_parts(
    run: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(join, "_TOGETHER", 2)
    whole = parts.replace
    calls: list[int] = []

    def killed(*arguments: object) -> None:
        calls.append(len(calls))
        if len(calls) == 4:
            raise KeyboardInterrupt
        whole(*arguments)

    monkeypatch.setattr(parts, "replace", killed)
    arguments = ["scan", str(run), "--workspace", str(run.parent / "ws")]
    CliRunner().invoke(cli.app, arguments)
    assert len(rows_of(run, schema.joined_mast)) == 2  # the first two masts, whole
    monkeypatch.setattr(parts, "replace", whole)
    catenary(run, "scan", str(run))
    assert len(rows_of(run, schema.joined_mast)) == MASTS
    (part,) = rows_of(run, schema.part)
    assert Verdict.DEFECT in part


class DropperDetector(BlobDetector):
    """Takes what `BlobDetector` finds for droppers."""

    classes = ("split_pin", "dropper")


def dropper_judge(_recipe: object) -> Judge:
    classifier = BrightIsBad()
    slack = "slack"
    assert slack in TAXONOMY.components["dropper"].conditions
    classifier.conditions = {"dropper": ("normal", slack)}
    versions = Versions("fake@0", "1", "1")
    return Judge(DropperDetector(), classifier, {}, {}, {"dropper": 0.7}, TAXONOMY, versions)


def deliver_ends(run: Path, mast: int, shot: int, late_ms: int) -> None:
    """Write both ends of a dropper, cut by their pictures; one is bright in the upper one only."""
    flash_ms = 31 + shot * (400 + int(np.random.default_rng(mast).integers(300)))
    folder = run / "东站" / f"K{mast}+000_{mast:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    for camera, rows in (("31", slice(500, 900)), ("33", slice(0, 350))):
        random = np.random.default_rng([mast, shot, int(camera)])
        pixels = random.integers(0, 12, (900, 1100), np.uint8)
        left = 500 + int(random.integers(-60, 60))
        is_bad = (mast, shot, camera) == (BAD_MAST, 1, "31")
        pixels[rows, left : left + 50] = 240 if is_bad else 60
        ms = flash_ms + (late_ms if camera == "33" else 0)
        name = f"0105{mast:02d}{ms:03d}_{folder.name}_0_{camera}.jpg"
        (folder / name).write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


@pytest.mark.parametrize("late_ms", [2, 240])  # by which one camera's clock is late
def test_both_ends_of_a_dropper_from_cameras_that_flash_together_are_one_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_ms: int
):
    monkeypatch.setattr(assemble, "judge", dropper_judge)
    run = tmp_path / "2026-03-06_示例线_上行_东站-西站"
    for mast in range(12):
        for shot in range(2):
            deliver_ends(run, mast, shot, late_ms)
    assert "1 defects raised, on 1 part" in catenary(run, "scan", str(run))
    (row,) = csv.DictReader(io.StringIO(report(run, "csv")))
    assert "Seen in 1 of 2 views (camera 31); denied by camera 33" in row["views"]
