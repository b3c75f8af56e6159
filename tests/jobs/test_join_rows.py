"""A loose bolt that front and back cameras show is one item, through the commands and the page."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from catenary import cli, config
from catenary.domain.finding import Versions
from catenary.jobs.scanning import assemble
from catenary.models.detections import ConditionScores, Detections
from catenary.pipeline.judge import Judge
from catenary.store import database, parts
from catenary.store.workspace import Workspace
from tests.pipeline.rows_scene import BACKS, CAMERAS, FRONTS, mast

LEVELS = {  # grey levels; what is drawn of each kind, and what a loose bolt is drawn as
    "split_pin": 80,
    "clamp": 105,
    "messenger_seat": 130,
    "insulator": 155,
    "clevis": 180,
    "bolt": 205,
}
LOOSE = 245
SIDE, WIDTH, HEIGHT = 12, 1100, 900  # px
BAD_MAST, BAD_BOLT = 3, "bolt-1"
TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


class LevelDetector:
    """Tells kinds by how bright they are."""

    classes = tuple(LEVELS)

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        return [self._boxes(image) for image in images]

    def _boxes(self, image: NDArray[np.uint8]) -> Detections:
        count, names, stats, _ = cv2.connectedComponentsWithStats((image > 40).astype(np.uint8))
        if count == 1:
            return Detections.none()
        x, y, w, h = stats[1:, :4].T
        boxes = np.stack([x, y, x + w, y + h], axis=1).astype(np.float32)
        bright = np.array([np.percentile(image[names == n], 70) for n in range(1, count)])
        far = np.abs(bright[:, None] - np.array(list(LEVELS.values())))
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), far.argmin(axis=1))


class BrightIsLoose:
    """Calls a bolt the looser the brighter it is."""

    conditions = {"bolt": ("normal", "loose")}  # noqa: RUF012

    def __call__(self, crops: list[NDArray[np.uint8]], kinds: list[str]) -> list[ConditionScores]:
        assert set(kinds) <= {"bolt"}
        levels = [float(np.percentile(crop[crop > 40], 70)) / 255 for crop in crops]
        return [
            ConditionScores(self.conditions[k], (1 - v, v))
            for k, v in zip(kinds, levels, strict=True)
        ]


def judge(_recipe: object) -> Judge:
    limits = {"bolt": 0.9}
    return Judge(
        LevelDetector(), BrightIsLoose(), {}, {}, limits, TAXONOMY, Versions("fake@0", "1", "1")
    )


def deliver(run: Path, number: int) -> None:
    """Draw one mast; one bolt is bright for one front and one back camera, the rest deny it."""
    folder = run / "东站" / f"K{number}+000_{number:03d}"
    folder.mkdir(parents=True)
    shown = mast(number)
    for camera in CAMERAS:
        pixels = np.random.default_rng(number).integers(0, 8, (HEIGHT, WIDTH), np.uint8)
        pixels[::60, :] = pixels[1::60, :] = 32  # wires, so that the picture is not empty
        for one in shown:
            if one.slot[0] == camera:
                is_bad = (number, one.key.partition("#")[2]) == (BAD_MAST, BAD_BOLT)
                left, top = round(one.x * WIDTH - SIDE / 2), round(one.y * WIDTH - SIDE / 2)
                level = LOOSE if is_bad and camera in ("01", "16") else LEVELS[one.kind]
                pixels[top : top + SIDE, left : left + SIDE] = level
        name = f"0105{number:02d}0{camera}_{folder.name}_0_{camera}.jpg"
        assert cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])


def catenary(run: Path, *words: str) -> str:
    arguments = [*words, "--workspace", str(run.parent / "ws")]
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
def test_a_loose_bolt_is_one_item_with_views_from_front_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(assemble, "judge", judge)
    run = tmp_path / "2026-03-06_示例线_上行_东站-西站"
    for number in range(14):
        deliver(run, number)
    assert "2 defects raised, on 1 part" in catenary(run, "scan", str(run))
    (record,) = json.loads(catenary(run, "runs", "show", run.name, "--json"))
    assert (record["findings"], record["defective_parts"]) == (2, 1)
    report = tmp_path / "report.csv"
    catenary(run, "report", run.name, "--format", "csv", "-o", str(report))
    first, second = csv.DictReader(io.StringIO(report.read_text(encoding="utf-8-sig")))
    assert first["part"] == second["part"]
    assert {first["camera"], second["camera"]} == {"01", "16"}
    for one in (first, second):
        assert "Seen in 2 of 6 views (camera 01, 16)" in one["views"]
    db = database.open_workspace_db(Workspace(tmp_path / "ws").database)
    with db.read() as connection:
        (part,) = parts.of_run(connection, 1)
    db.close()
    cameras = {Path(one.image_id).stem[-2:] for one in part.part.views}
    assert cameras == {*FRONTS, *BACKS}
