"""Scanning photographs again, and beside each other, as an operator types it."""

import csv
import io
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest

from catenary.jobs.scanning import assemble
from tests import forked
from tests.jobs import quick
from tests.jobs.commands import catenary
from tests.jobs.quick import photographs


@pytest.fixture(autouse=True)
def _quick_judge(monkeypatch):
    monkeypatch.setattr(assemble, "judge", quick.judge)


@pytest.fixture
def run(tmp_path) -> Path:
    return photographs(tmp_path / "run", 4)


def place(run: Path) -> tuple[str, ...]:
    return ("--workspace", str(run.parent / "ws"))


def scanned(run: Path, *more: str) -> dict:
    """Scan, and return what is told of the run and of this scan."""
    done = catenary("scan", str(run), *place(run), *more)
    assert done.returncode == 0, done.stderr
    return listed(run)["run"]


def listed(run: Path) -> dict[str, dict]:
    return {one["run"]: one for one in json.loads(catenary("runs", "--json", *place(run)).stdout)}


def rows(run: Path, name: str = "run") -> list[dict[str, str]]:
    path = run.parent / "report.csv"
    done = catenary("report", name, *place(run), "--format", "csv", "-o", str(path))
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_only_what_changed_and_what_is_new_is_scanned_again(run):
    assert scanned(run)["scan"]["images"] == 4
    (run / "000.jpg").write_bytes(quick.picture(0, pins=2))  # other bytes
    copied = run / "001.jpg"
    os.utime(copied, (1, 1))  # the same bytes under another time
    (run / "004.jpg").write_bytes(quick.picture(4))  # new
    record = scanned(run, "--again", "changed")
    assert (record["scan"]["images"], record["done"], record["pending"]) == (2, 5, 0)
    assert (record["findings"], record["superseded"]) == (6, 1)
    assert scanned(run, "--again", "changed")["scan"]["images"] == 0
    shown = [row["file_name"] for row in rows(run)]
    assert sorted(shown) == ["000.jpg", "000.jpg", *(f"00{n}.jpg" for n in (1, 2, 3, 4))]


def test_a_file_that_is_gone_is_not_silently_fine(run):
    scanned(run)
    (run / "002.jpg").unlink()
    done = catenary("scan", str(run), *place(run), "--again", "changed")
    assert done.returncode == 3
    assert f"catenary runs show run --workspace {place(run)[1]}" in done.stdout
    record = listed(run)["run"]
    assert (record["done"], record["failed_reasons"]) == (3, {"missing": 1})
    (run / "002.jpg").write_bytes(quick.picture(2))
    assert scanned(run, "--again", "failed")["done"] == 4
    assert len(rows(run)) == 4


def test_what_another_model_judged_is_scanned_again_once(run, monkeypatch):
    scanned(run)
    monkeypatch.setenv("QUICK_MODEL", "quick-2")
    assert scanned(run)["scan"]["images"] == 0
    record = scanned(run, "--again", "outdated")
    assert (record["scan"]["images"], record["findings"], record["superseded"]) == (4, 4, 4)
    assert {row["model"] for row in rows(run)} == {"quick-2"}
    assert scanned(run, "--again", "outdated")["scan"]["images"] == 0
    assert scanned(run, "--again", "all")["scan"]["images"] == 4
    packs = (run.parent / "ws" / "evidence" / "run").glob("*.zip")
    crops = {name for one in packs for name in zipfile.ZipFile(one).namelist()}
    assert len(crops) == 12  # those of superseded findings too
    assert "8 findings of former scans" in catenary("runs", "show", "run", *place(run)).stdout


def test_a_policy_that_is_none_is_refused_with_those_there_are(run):
    done = catenary("scan", str(run), *place(run), "--again", "newest")
    assert done.returncode == 2
    assert "'newest' is not one of changed, outdated" in done.stderr.replace("\n", " ")


def test_a_second_set_of_results_stands_beside_the_first(run, monkeypatch):
    scanned(run)
    monkeypatch.setenv("QUICK_MODEL", "quick-2")
    monkeypatch.setenv("QUICK_MISSING", "0.1")
    scanned(run, "--as", "run with quick-2")
    both = listed(run)
    assert (both["run"]["findings"], both["run with quick-2"]["findings"]) == (4, 0)
    assert scanned(run)["scan"]["images"] == 0  # the run of its own name is complete
    assert len(rows(run)) == 4
    other = photographs(run.parent / "other", 1)
    done = catenary("scan", str(other), *place(run), "--as", "run with quick-2")
    assert done.returncode == 1
    assert "another source has the run name 'run with quick-2'" in done.stderr
    done = catenary("compare", "run with quick-2", "run", *place(run), "--json")
    assert done.returncode == 0, done.stderr
    pairs = json.loads(done.stdout)["photographs"]
    assert [(one["file_name"], one["earlier_file_name"]) for one in pairs] == [
        (f"00{number}.jpg", f"00{number}.jpg") for number in range(4)
    ]


def test_a_scan_killed_between_loses_nothing_and_doubles_nothing(tmp_path, monkeypatch):
    count = 80
    run = photographs(tmp_path / "run", count)
    scanned(run)
    monkeypatch.setenv("QUICK_MODEL", "quick-2")
    command = ("--verbose", "scan", str(run), *place(run), "--again", "all", "--set", "batch=1")
    with forked.begun(*command, main=quick.main) as process:
        process.until("wrote")
        process.send_signal(signal.SIGKILL)
    record = listed(run)["run"]
    assert record["scan"]["state"] == "killed"
    assert 0 < record["done"] < count
    assert record["done"] + record["pending"] == count
    assert record["superseded"] == record["done"]
    told = rows(run)
    assert len({row["file_name"] for row in told}) == len(told) == count
    assert {row["model"] for row in told} == {"quick-1", "quick-2"}
    record = scanned(run)  # goes on with what was asked for
    assert (record["done"], record["superseded"]) == (count, count)
    told = rows(run)
    assert len({row["file_name"] for row in told}) == len(told) == count
    assert {row["model"] for row in told} == {"quick-2"}
    fresh = photographs(tmp_path / "fresh" / "run", count)
    scanned(fresh)
    ignored = ("source",)
    assert [without(row, ignored) for row in told] == [without(row, ignored) for row in rows(fresh)]


def without(row: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: row[name] for name in row if name not in names}
