"""`catenary runs droppers`: from photographs with positions to the places where droppers miss."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from catenary import cli, config
from catenary.domain.finding import Versions
from catenary.jobs.reviewing.rows import Row, listed
from catenary.jobs.scanning import assemble
from catenary.pipeline.judge import Judge
from catenary.rules.dropper_spacing import SpacingLimits
from tests.pipeline.fakes import BlobDetector

ROW = [1000 + 7 * n for n in range(16)]
GONE, HIDDEN = ROW[6], ROW[11]  # missing; not photographed by camera 31 alone


class DropperDetector(BlobDetector):
    """Takes every bright region of 40 px and more for a dropper."""

    classes = ("split_pin", "dropper")


def judge(_recipe: object) -> Judge:
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    return Judge(DropperDetector(), None, {}, {}, {}, taxonomy, Versions("fake@0", "1", "1"))


def deliver(run: Path, position: int, camera: str, has_dropper: bool) -> None:
    """Photograph a place: a bright bar, or only specks."""
    pixels = np.random.default_rng(position).integers(0, 12, (300, 300), np.uint8)
    pixels[50:60, 30:45] = 200
    if has_dropper:
        pixels[80:220, 140:150] = 220
    post = f"K{position // 1000}+{position % 1000:03d}"
    folder = run / "东站" / f"{post}_{position}"
    folder.mkdir(parents=True, exist_ok=True)
    clock = f"{position // 60:04d}{position % 60:02d}0{camera}"
    content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    (folder / f"{clock}_{folder.name}_0_{camera}.jpg").write_bytes(content)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assemble, "judge", judge)
    folder = tmp_path / "2026-03-06_示例线_上行_东站-西站"
    for position in ROW:
        if position != HIDDEN:
            deliver(folder, position, "31", position != GONE)
        if position != GONE:
            deliver(folder, position, "33", has_dropper=True)
    return folder


def catenary(run: Path, *words: str) -> str:
    arguments = [*words, "--workspace", str(run.parent / "ws")]
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_lists_places_with_cameras_and_what_speaks_against_them(run: Path):
    catenary(run, "scan", str(run))
    table = run.parent / "gaps.csv"
    output = catenary(run, "runs", "droppers", run.name, "--csv", str(table))
    assert "2 places; positions of droppers known to cameras: 31, 33" in output
    assert "the next dropper is 14 m away, 2 × the usual distance of 7 m" in output
    with table.open(encoding="utf-8-sig", newline="") as file:
        _, gone, hidden = csv.reader(file)
    assert gone[:5] == ["示例线", "up", "K1+035", "K1+049", "1"]
    assert gone[6:9] == ["31 33", "1", ""]
    assert hidden[2:5] == ["K1+070", "K1+084", "1"]
    assert hidden[6:9] == ["31", "0", "33"]
    assert gone[9].endswith("_K1+035_1035_0_31.jpg")
    assert gone[10].endswith("_K1+049_1049_0_31.jpg")
    assert "约缺 1 根" in gone[11]


def shots(positions: list[float]) -> list[tuple[float, str]]:
    return [(float(one), f"{one}.jpg") for one in positions]


def test_a_camera_that_is_told_the_supports_only_tells_nothing():
    masts = {"05": Row(shots([50.0 * n for n in range(12)]))}
    told = listed({("示例线", "up"): masts}, SpacingLimits())
    assert (told.gaps, told.cameras, told.untold) == ((), (), ("05",))


def test_a_camera_that_seldom_shows_droppers_is_not_asked():
    left = [one for one in ROW if one != GONE]
    seldom = Row(shots(left), shots([1000 + 2 * n for n in range(40)]))
    told = listed({("", ""): {"11": seldom}}, SpacingLimits())
    assert (told.gaps, told.cameras, told.untold) == ((), (), ())


def test_tracks_are_not_mixed():
    up = Row(shots([one for one in ROW if one != GONE]))
    told = listed(
        {("示例线", "up"): {"31": up}, ("示例线", "down"): {"31": Row(shots(ROW))}}, SpacingLimits()
    )
    (gap,) = told.gaps
    assert (gap.direction, gap.between, gap.deny) == ("up", 0, ())
