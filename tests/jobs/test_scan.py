import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import forked
from tests.forked import Command
from tests.jobs.bundles import random_bundle
from tests.jobs.commands import catenary as in_this_process

ROOT = Path(__file__).parents[2]
CATENARY = [sys.executable, "-c", "from catenary.cli import main; main()"]


def catenary(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user starts it: for what only a new process can show."""
    return subprocess.run(
        [*CATENARY, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def picture(number: int) -> bytes:
    random = np.random.default_rng(number)
    pixels = random.integers(0, 10, (160, 200), np.uint8)
    cv2.rectangle(pixels, (40, 40), (120, 52), 220, -1)
    cv2.line(pixels, (24, 8), (32, 152), 150, 3)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> str:
    return str(random_bundle(tmp_path_factory.mktemp("model") / "random"))


@pytest.fixture
def run(tmp_path) -> Path:
    folder = tmp_path / "巡检 run"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    return folder


def typed(run: Path, bundle: str) -> tuple[str, ...]:
    """Return the command that scans a run; random weights are believed whatever they find."""
    options = ("--workspace", str(run.parent / "ws"), "--model", bundle)
    return ("scan", str(run), *options, "--set", "cascade.min_score=0.0")


def scan(run: Path, bundle: str) -> subprocess.CompletedProcess[str]:
    return in_this_process(*typed(run, bundle))


def counts(run: Path) -> dict[str, object]:
    shown = in_this_process("runs", "--json", "--workspace", str(run.parent / "ws"))
    (record,) = json.loads(shown.stdout)
    assert record.pop("scan")["state"]  # what the scan does differs from call to call
    return record


def test_a_run_goes_the_whole_way_to_every_report(run, bundle):
    assert catenary(*typed(run, bundle)).returncode == 0
    workspace = str(run.parent / "ws")
    for form in ("html", "xlsx", "csv", "coco", "docx"):
        path = run.parent / f"report.{form}"
        options = ("--workspace", workspace, "--format", form, "-o", str(path))
        done = in_this_process("report", run.name, *options)
        assert done.returncode == 0, done.stderr
        assert path.stat().st_size > 0
    refused = in_this_process(
        "report", run.name, "--workspace", workspace, "--template", "x", "-o", "y"
    )
    assert refused.returncode == 2
    assert "--template goes with --format docx or pdf" in refused.stderr
    table = (run.parent / "report.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert rows
    for row in rows:
        assert (row["原因"][-1], row["reason"][-1]) == ("。", ".")
        assert row["部件"] in row["原因"] or row["内容"] in row["原因"]
    listed = run.parent / "all.json"
    options = ("--workspace", workspace, "--format", "coco", "--components", "-o", str(listed))
    in_this_process("report", run.name, *options)
    entries = json.loads(listed.read_text())
    assert len(entries) > 6
    assert list(entries[0]) == [
        "image_id",
        "file_name",
        "category",
        "condition",
        "bbox",
        "score",
        "verdict",
        "part",
    ]
    assert entries[0]["part"]
    assert entries[-1]["part"] is None  # a normal one


def test_bad_files_are_told_and_the_rest_is_done(run, bundle):
    (run / "zero.jpg").write_bytes(b"")
    (run / "text.jpg").write_text("not a picture")
    (run / "cut.jpg").write_bytes(picture(1)[:1000])
    done = scan(run, bundle)
    assert done.returncode == 3
    record = counts(run)
    assert (record["images"], record["done"], record["failed"]) == (6, 3, 3)
    shown = in_this_process("runs", "show", run.name, "--workspace", str(run.parent / "ws")).stdout
    for word in ("zero_bytes", "not_an_image", "truncated"):
        assert word in shown


def test_scanning_again_does_only_what_is_new(run, bundle):
    scan(run, bundle)
    before = counts(run)
    (run / "new.jpg").write_bytes(picture(99))
    assert scan(run, bundle).returncode == 0
    after = counts(run)
    assert (before["done"], after["done"]) == (3, 4)


def begun(run: Path, bundle: str, *more: str) -> Command:
    """Start a scan and return it when something has been found."""
    process = forked.begun(*typed(run, bundle), "--set", "batch=1", *more)
    pictures = run.parent / "ws" / "evidence"
    while process.is_alive() and not any(pictures.glob("*/*.zip")):
        time.sleep(0.01)
    return process


LONG = 16  # photographs: more than are at work when a stop is heard


@pytest.fixture
def long_run(run: Path) -> Path:
    for number in range(3, LONG):
        (run / f"{number}.jpg").write_bytes(picture(number))
    return run


@pytest.mark.slow
def test_a_share_that_stays_away_ends_the_scan_and_blames_no_photograph(long_run, bundle):
    elsewhere = long_run.with_name("elsewhere")
    with begun(long_run, bundle, "--wait", "0") as process:
        long_run.rename(elsewhere)
        assert "cannot be reached; check the network and that it is mounted" in process.rest()
        assert process.wait() == 1
    record = counts(long_run)
    assert record["failed"] == 0
    assert 0 < record["pending"] < LONG
    elsewhere.rename(long_run)
    assert scan(long_run, bundle).returncode == 0
    assert counts(long_run)["done"] == LONG


def test_a_scan_that_is_told_to_stop_keeps_what_is_finished(long_run, bundle):
    with begun(long_run, bundle) as process:
        process.send_signal(signal.SIGTERM)
        said = process.rest().splitlines()
        assert process.wait() == 130
    assert said[-1].startswith("catenary: stopped; what is finished is kept")
    record = counts(long_run)
    assert 0 < record["done"] < LONG
    assert record["failed"] == 0
    assert scan(long_run, bundle).returncode == 0
    assert counts(long_run)["done"] == LONG


@pytest.mark.slow  # tests/jobs/test_crash.py kills scans by default
def test_a_killed_scan_goes_on_and_repeats_nothing(run, bundle):
    with begun(run, bundle) as process:
        process.send_signal(signal.SIGKILL)
    assert scan(run, bundle).returncode == 0
    whole = run.parent / "fresh"
    whole.mkdir()
    options = ("--workspace", str(whole), "--model", bundle, "--set", "cascade.min_score=0.0")
    fresh = in_this_process("scan", str(run), *options, "--json")
    (expected,) = json.loads(fresh.stdout)
    assert counts(run) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan", "/no/such/folder"), "no such folder"),
        (("runs", "--workspace", "/no/such/workspace"), "is no workspace"),
        (("bundle", "verify", "/no/such/bundle"), "is /no/such/bundle a model bundle?"),
    ],
)
def test_an_error_is_one_line_that_says_what_and_where(arguments, words):
    done = in_this_process(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_tampered_bundle_is_refused_before_anything_is_written(run, bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    weights = copy / "detector.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = scan(run, str(copy))
    assert done.returncode == 1
    assert "detector.safetensors was changed" in done.stderr
    assert not (run.parent / "ws").exists()


def test_many_workers_write_what_one_writes(run, bundle):
    for number in range(3, 8):
        (run / f"{number}.jpg").write_bytes(picture(number))
    (run / "5.jpg").write_bytes(b"not a picture")
    rows = []
    for workers in ("1", "3"):
        workspace = str(run.parent / f"ws{workers}")
        options = ("--workspace", workspace, "--model", bundle, "--workers", workers)
        listed = run.parent / f"all{workers}.json"
        done = in_this_process("scan", str(run), *options, "--set", "cascade.min_score=0.0")
        assert done.returncode == 3  # one could not be read
        report = ("--format", "coco", "--components", "-o", str(listed))
        in_this_process("report", run.name, "--workspace", workspace, *report)
        rows.append(json.loads(listed.read_text(encoding="utf-8")))
    one, many = rows
    assert len(one) > 8
    assert one == many


def test_wrong_use_has_its_own_exit_code(run):
    assert catenary("scan").returncode == 2


def test_help_needs_no_network_room():
    code = "import sys; import catenary.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
