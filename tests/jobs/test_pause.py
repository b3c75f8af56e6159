"""A scan paused, resumed and looked at from another shell."""

import json
import signal
from pathlib import Path

import pytest

from catenary.domain.finding import Versions
from catenary.jobs import workspaces
from catenary.jobs.scanning import assemble
from catenary.store import ledger, scans
from catenary.store.workspace import Workspace
from tests import forked
from tests.forked import Command
from tests.jobs import quick
from tests.jobs.commands import catenary
from tests.jobs.quick import photographs

COUNT = 120


@pytest.fixture
def run(tmp_path) -> Path:
    return photographs(tmp_path / "run", COUNT)


@pytest.fixture
def quick_judge(monkeypatch) -> None:
    """Have scans of this process judge as quickly as those of others."""
    monkeypatch.setattr(assemble, "judge", quick.judge)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request, tmp_path) -> tuple[str, ...]:
    folder = ("--workspace", str(tmp_path / "ws"))
    if request.param == "sqlite":
        return folder
    return (*folder, "--database", str(request.getfixturevalue("database_url")))


def scanning(run: Path, place: tuple[str, ...]) -> Command:
    """Start a scan."""
    command = ("--verbose", "scan", str(run), *place, "--set", "batch=1")
    return forked.begun(*command, main=quick.main, environment={"QUICK_SECONDS": "0.03"})


def now(place: tuple[str, ...]) -> dict:
    (record,) = json.loads(catenary("runs", "--json", *place).stdout)
    return record


def test_a_scan_is_paused_and_resumed_from_another_shell(run, place):
    with scanning(run, place) as process:
        process.until("wrote")
        seen = now(place)["scan"]
        assert (seen["state"], seen["pid"]) == ("running", process.pid)
        told = catenary("runs", "pause", "run", *place)
        assert told.stdout.startswith("run pauses as soon as"), told.stderr
        process.until("run run is paused; `catenary runs resume` lets it go on")
        record = now(place)
        assert 0 < record["done"] < COUNT
        assert record["findings"] == record["done"]
        assert "paused: process" in catenary("runs", *place).stdout
        assert catenary("runs", "pause", "run", *place).stdout == "run was paused before\n"
        assert now(place)["done"] == record["done"]
        assert catenary("runs", "resume", "run", *place).stdout == "run goes on\n"
        process.until("run run goes on after")
        assert process.wait() == 0
    record = now(place)
    assert (record["done"], record["findings"], record["scan"]["state"]) == (COUNT, COUNT, "done")
    assert record["scan"]["images"] == COUNT
    assert set(record["scan"]["stage_seconds"]) >= {"read", "decode", "detect"}
    assert catenary("runs", "resume", "run", *place).stdout == "run was not paused\n"


def test_a_paused_scan_that_is_killed_stays_paused_and_can_be_resumed(run, tmp_path, quick_judge):
    place = ("--workspace", str(tmp_path / "ws"))
    with scanning(run, place) as process:
        process.until("wrote")
        catenary("runs", "pause", "run", *place)
        process.until("is paused")
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = now(place)["done"]
    assert now(place)["scan"]["state"] == "killed"
    assert "killed: process" in catenary("runs", *place).stdout
    with scanning(run, place) as process:  # nobody said that it may go on
        process.until("is paused")
        assert now(place)["done"] == done
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 130
    assert now(place)["scan"]["state"] == "stopped"
    told = catenary("runs", "resume", "run", *place).stdout
    assert told == "run is not paused any more; start its scan again, it goes on where it was\n"
    assert catenary("scan", str(run), *place).returncode == 0
    assert (now(place)["done"], now(place)["findings"]) == (COUNT, COUNT)


def test_a_scan_of_another_machine_is_not_doubled(tmp_path, quick_judge):
    run = photographs(tmp_path / "run", 2)
    workspace = Workspace(tmp_path / "ws")
    place = ("--workspace", str(workspace.path))
    assert catenary("scan", str(run), *place).returncode == 0
    with workspaces.existing(workspace) as (db, _), db.write() as tx:
        scans.begin(tx, ledger.run_id_of(tx, "run"), "another", 42, Versions("m", "r", "t"))
    done = catenary("scan", str(run), *place)
    assert done.returncode == 1
    assert "run run is being scanned by process 42 on another; wait for it" in done.stderr
    shown = catenary("runs", *place).stdout
    assert "running: process 42 on another" in shown


def test_what_is_shown_of_a_run_tells_failures_and_where_the_time_went(tmp_path, quick_judge):
    run = photographs(tmp_path / "run", 3)
    (run / "zero.jpg").write_bytes(b"")
    place = ("--workspace", str(tmp_path / "ws"))
    assert catenary("scan", str(run), *place).returncode == 3
    record = now(place)
    assert record["failed_reasons"] == {"zero_bytes": 1}
    assert record["scan"]["images"] == 4
    shown = catenary("runs", "show", "run", *place).stdout
    assert "zero_bytes" in shown
    assert "scanned by process" in shown
    assert "mean time a photograph of that scan (4):" in shown
    assert "model quick-1" in shown
    assert catenary("runs", "pause", "nothing", *place).returncode == 1


def test_a_scan_that_waits_for_its_source_says_so_to_others(run, tmp_path):
    place = ("--workspace", str(tmp_path / "ws"))
    with scanning(run, place) as process:
        process.until("wrote")
        run.rename(tmp_path / "elsewhere")
        waits = process.until("the scan waits, at most 60 minutes")
        assert str(run) in waits
        record = now(place)["scan"]
        assert record["state"] == "running"
        assert f"{run} cannot be reached" in record["note"]
        assert "it waits: " in catenary("runs", *place).stdout
        (tmp_path / "elsewhere").rename(run)
        assert "the source is back" in process.rest()
        assert process.wait() == 0
    record = now(place)
    assert (record["done"], record["failed"], record["pending"]) == (COUNT, 0, 0)
    assert record["scan"]["note"] == ""
