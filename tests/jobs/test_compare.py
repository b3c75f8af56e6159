"""Two runs compared through the command that a user types; their parts are drawn, not detected."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.domain.finding import Component, Finding
from catenary.domain.geometry import Similarity
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.jobs import workspaces
from catenary.pipeline.history import CompareSettings
from catenary.store import findings, ledger, shards
from catenary.store.ledger import Origin
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary
from tests.pipeline import pairs
from tests.store import records

SHIFT = Similarity(1, complex(24, -10))
MOVED, LOST = 5, 4  # rows of pairs.MAST: the clamp and the messenger seat


def mast(number: int) -> Mast:
    return Mast("京广线", Direction.UP, "甲-乙", f"{number:03d}")


def parts_of(number: int, is_later: bool) -> list[Component]:
    """Return the parts of a mast; in the later run mast 1 lacks a part and one has moved."""
    random = np.random.default_rng(number)
    drawn = [
        pairs.part(kind, x + random.uniform(-80, 80), y + random.uniform(-80, 80))
        for kind, x, y in pairs.MAST
    ]
    if is_later:
        drawn = pairs.moved(drawn, SHIFT)
    found = [one.component for one in drawn]
    if is_later and number == 1:
        found[MOVED] = replace(found[MOVED], box=found[MOVED].box.shifted(60, 0))
        del found[LOST]
    return found


def photograph(parts: list[Component]) -> bytes:
    """Draw each part as a plate with a pattern of its own."""
    canvas = np.full((pairs.HEIGHT, pairs.WIDTH), 12.0)
    for n, one in enumerate(sorted(parts, key=lambda one: one.kind)):
        x0, y0, x1, y1 = (round(v) for v in (one.box.x0, one.box.y0, one.box.x1, one.box.y1))
        width = one.box.width + 7 * n
        columns = np.arange(x1 - x0)[None] + 3 * np.arange(y1 - y0)[:, None]
        inside = canvas[max(y0, 0) : y1, max(x0, 0) : x1]
        inside += (100 + 60 * np.sin(columns / width * 20))[: inside.shape[0], : inside.shape[1]]
    canvas += np.random.default_rng(len(parts)).normal(0, 2, canvas.shape)
    return cv2.imencode(".jpg", canvas.clip(0, 255).astype(np.uint8))[1].tobytes()


def scanned(
    root: Path, name: str, numbers: tuple[int, ...], is_later: bool, located: int = 99
) -> None:
    """Write a run's photographs, and into the workspace what a scan would have."""
    folder = root / name
    folder.mkdir()
    workspace = Workspace(root / "ws")
    workspace.create()
    refs, rows, raised = [], [], []
    for place, number in enumerate(numbers):
        parts = parts_of(number, is_later)
        file = f"{place}.jpg"
        (folder / file).write_bytes(photograph(parts))
        taken = datetime(2026, 3, 6, 1, 0, place)  # noqa: DTZ001 - local wall clock
        refs.append(ImageRef(name, file, file, file, "03", "global", mast(place + 1), None, taken))
        is_broken = is_later and number == 2
        for one in parts[:located]:
            told = ("normal", "normal", 0.02) if one.kind == "dropper" else ("", "", None)
            if one.kind == "dropper" and is_broken:
                told = ("defect", "broken", 0.98)
                finding = records.broken_dropper(file, 0.98)
                raised.append((replace(finding, component=one), None))
            box = one.box
            rows.append(
                ComponentRow(file, file, one.kind, box.x0, box.y0, box.x1, box.y1, 0.9, *told)
            )
    write(workspace, folder, refs, rows, raised)


def write(
    workspace: Workspace, folder: Path, refs: list, rows: list, raised: list[tuple[Finding, None]]
) -> None:
    size = FrameResult(Outcome.DONE, width=pairs.WIDTH, height=pairs.HEIGHT)
    written = shards.write(workspace.detections(folder.name), "all", rows)
    with workspaces.opened(workspace) as db, db.write() as tx:
        run_id = ledger.register(tx, records.record(folder.name, str(folder)))
        ledger.plan(tx, run_id, refs)
        for ref in refs:
            content = (folder / ref.file_name).read_bytes()
            origin = Origin(sha256=hashlib.sha256(content).hexdigest())
            ledger.finish(tx, run_id, ref.image_id, size, origin)
        findings.insert_all(tx, run_id, raised)
        shards.record(tx, run_id, written)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("巡检")
    scanned(folder, "2025-12", (1, 2, 3, 4), is_later=False)
    scanned(folder, "2026-03", (1, 2, 3, 4), is_later=True)
    return folder


def compare(root: Path, *arguments: str) -> dict:
    options = ("--workspace", str(root / "ws"), "--json")
    done = catenary("compare", "2026-03", "2025-12", *options, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def found(root) -> dict:
    page, table = root / "page.html", root / "table.csv"
    arguments = ("--html", str(page), "--csv", str(table), "--mm-per-px", "03=2.5")
    return compare(root, *arguments)


def test_what_was_taken_away_and_what_was_moved_is_found_and_nothing_else(found):
    changes = {
        (one["file_name"], each["component"]): each
        for one in found["photographs"]
        for each in one["changes"]
    }
    assert {key: each["change"] for key, each in changes.items()} == {
        ("0.jpg", "messenger_seat"): "gone",
        ("0.jpg", "clamp"): "moved",
    }
    moved = changes["0.jpg", "clamp"]
    assert moved["value"] == pytest.approx(60, abs=1)
    assert moved["mm"] == pytest.approx(150, abs=3)
    assert moved["limit"] < 40
    assert found["parts"] == {"unchanged": 38, "moved": 1, "gone": 1}
    assert found["found_again"]["messenger_seat"] == {"hits": 3, "total": 4}


def test_every_photograph_says_how_it_lies_on_the_earlier_one(found):
    for one in found["photographs"]:
        registration = one["registration"]
        assert registration["shift_px"] == pytest.approx([24, -10], abs=0.5)
        assert registration["scale"] == pytest.approx(1, abs=1e-3)
        assert registration["error_mm"] == pytest.approx(2.5 * registration["error_px"], abs=0.1)


def test_a_new_defect_is_told_and_every_report_repeats_it(root, found):
    (told,) = [each for one in found["photographs"] for each in one["defects"]]
    assert (told["change"], told["component"], told["condition"]) == ("new", "dropper", "broken")
    assert (told["earlier_probability"], told["probability"]) == (0.02, 0.98)
    for form in ("csv", "html"):
        path = root / f"report.{form}"
        options = ("--workspace", str(root / "ws"), "--format", form, "-o", str(path))
        assert catenary("report", "2026-03", *options).returncode == 0
        assert "与2025-12相比：新增" in path.read_text(encoding="utf-8-sig")


def test_table_and_page_hold_the_changes(root, found):
    rows = list(csv.DictReader(io.StringIO((root / "table.csv").read_text("utf-8-sig"))))
    assert [(row["what"], row["component"], row["变化"]) for row in rows] == [
        ("part", "clamp", "移位"),
        ("part", "messenger_seat", "消失"),
        ("defect", "dropper", "新增"),
    ]
    page = (root / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 10  # two overviews, three pairs close by
    for words in ("承力索座 messenger-wire seat: 消失 gone", "registration error", "150 mm"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")


def test_what_the_pictures_still_show_is_not_gone(root, tmp_path):
    scanned(tmp_path, "2025-12", (1,), is_later=False)
    scanned(tmp_path, "2026-03", (1,), is_later=True)
    later = tmp_path / "2026-03" / "0.jpg"
    whole = [
        one.component for one in pairs.moved([pairs.Part(c) for c in parts_of(1, False)], SHIFT)
    ]
    later.write_bytes(photograph(whole))
    (one,) = compare(tmp_path)["photographs"]
    assert one["pictures"]
    seat = next(each for each in one["changes"] if each["component"] == "messenger_seat")
    assert (seat["change"], seat["reason"]) == ("not_comparable", "still_seen")
    (blind,) = compare(tmp_path, "--no-pictures")["photographs"]
    assert not blind["pictures"]
    assert "gone" in {each["change"] for each in blind["changes"]}


def reported(root: Path) -> list[dict[str, str]]:
    options = ("--workspace", str(root / "ws"), "--format", "csv", "-o", str(root / "report.csv"))
    assert catenary("report", "2026-03", *options).returncode == 0
    return list(csv.DictReader(io.StringIO((root / "report.csv").read_text("utf-8-sig"))))


def test_what_changed_is_raised_once_and_put_aside_when_it_is_not_told_any_more(tmp_path):
    scanned(tmp_path, "2025-12", (1,), is_later=False)
    scanned(tmp_path, "2026-03", (1,), is_later=True)
    assert compare(tmp_path)["raised"] is None
    counts = {"added": 2, "stayed": 0, "put_aside": 0, "known": 0}
    assert compare(tmp_path, "--raise")["raised"] == counts
    rows = reported(tmp_path)
    assert {(row["component"], row["condition"]) for row in rows} == {
        ("clamp", "off"),
        ("messenger_seat", "off"),
    }
    text = (tmp_path / "report.csv").read_text("utf-8-sig")
    for told in ("自上次以来移位 60 像素", "moved by 60 px", "2025-12/0.jpg", "新增"):
        assert told in text
    assert compare(tmp_path, "--raise")["raised"] == counts | {"added": 0, "stayed": 2}
    only = ("--raise", "--set", "history.watched=[clamp]")
    assert compare(tmp_path, *only)["raised"] == counts | {
        "added": 0,
        "stayed": 1,
        "put_aside": 1,
    }
    assert [row["component"] for row in reported(tmp_path)] == ["clamp"]


def test_one_photograph_is_compared_with_itself_on_a_single_part(tmp_path):
    scanned(tmp_path, "2025-12", (1,), is_later=False)
    scanned(tmp_path, "2026-03", (1,), is_later=False, located=1)
    (one,) = compare(tmp_path)["photographs"]
    assert one["registration"]["parts"] == 1
    assert (one["registration"]["shift_px"], one["registration"]["error_px"]) == ([0, 0], 0)
    assert one["unchanged"] == 1
    assert {each["reason"] for each in one["changes"]} == {"still_seen"}


def test_nothing_is_raised_on_boxes_alone(root):
    options = ("--workspace", str(root / "ws"), "--raise", "--no-pictures")
    done = catenary("compare", "2026-03", "2025-12", *options)
    assert done.returncode == 2
    assert "only what the pictures show is raised" in " ".join(done.stderr.split())


def test_photographs_that_are_gone_are_done_without(root, tmp_path):
    scanned(tmp_path, "2025-12", (1,), is_later=False)
    scanned(tmp_path, "2026-03", (1,), is_later=True)
    (tmp_path / "2025-12").rename(tmp_path / "elsewhere")
    workspace = ("--workspace", str(tmp_path / "ws"), "--html", str(tmp_path / "page.html"))
    told = catenary("compare", "2026-03", "2025-12", *workspace).stdout
    assert "1 gone" in told
    assert "1 photographs were not looked into" in told
    assert "cannot be read any more" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_mast_that_was_assigned_wrongly_is_suggested_and_reassigning_mends_it(tmp_path):
    scanned(tmp_path, "2025-12", (1, 2, 3, 4), is_later=False)
    scanned(tmp_path, "2026-03", (3, 2, 1, 4), is_later=True)  # masts 1 and 3 exchanged
    found = compare(tmp_path)
    pairs_told = {(one["mast"]["number"], one["better"]["number"]) for one in found["suggestions"]}
    assert pairs_told == {("001", "003"), ("003", "001")}
    assert [one["photographs"] for one in found["suggestions"]] == [["0.jpg"], ["2.jpg"]]
    assert sum(one["reason"] == "not_alike" for one in found["photographs"]) == 2
    for image, to in (("0.jpg", "003"), ("2.jpg", "001")):
        who = ("--by", "王工", "--why", "exchanged", "--workspace", str(tmp_path / "ws"))
        done = catenary("runs", "reassign", "2026-03", "--image", image, "--to-mast", to, *who)
        assert done.returncode == 0, done.stderr
    mended = compare(tmp_path)
    assert not mended["suggestions"]
    assert all(one["registration"] for one in mended["photographs"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("2026-03", "2024-01"), 1, "no run '2024-01' in this workspace"),
        (("2026-03", "2026-03"), 1, "cannot be compared with itself"),
        (("2026-03", "2025-12", "--mm-per-px", "03=-1"), 2, "mm per px above 0"),
        (("2026-03", "2025-12", "--set", "history.sura=1"), 1, "history.sura"),
    ],
)
def test_an_error_says_what_and_where(root, arguments, code, words):
    done = catenary("compare", *arguments, "--workspace", str(root / "ws"))
    assert done.returncode == code
    assert words in " ".join(done.stderr.split())


def test_the_shipped_settings_are_the_defaults():
    path = config.bundled("configs/compare.yaml")
    assert config.load(path, CompareSettings) == CompareSettings()
