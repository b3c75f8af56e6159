"""Figures for Prometheus, log lines for programs, and the space that is left."""

import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from catenary.domain.errors import StoreError
from catenary.jobs import workspaces
from catenary.jobs.scanning import assemble, metrics, room, scan
from catenary.jobs.scanning.room import Room
from catenary.store import summary
from catenary.store.workspace import Workspace
from tests import forked
from tests.forked import Command
from tests.jobs import quick
from tests.jobs.commands import catenary
from tests.jobs.quick import photographs

COUNT = 120


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def figures(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def until(process: Command, event: str) -> list[dict]:
    """Return the log up to an event; every line must be JSON."""
    told = []
    for line in process.stderr:
        told.append(json.loads(line))
        if told[-1].get("event") == event:
            return told
    raise AssertionError(f"the scan ended without {event}: {told[-3:]}")


def test_a_scan_answers_prometheus_and_logs_for_programs(tmp_path, port):
    run = photographs(tmp_path / "run", COUNT)
    (run / "000.jpg").write_bytes(b"")
    place = ("--workspace", str(tmp_path / "ws"))
    command = ("--log-format", "json", "scan", str(run), *place, "--set", "batch=1")
    slowly = {"QUICK_SECONDS": "0.03"}
    with forked.begun(
        *command, "--metrics", str(port), main=quick.main, environment=slowly
    ) as process:
        begun = until(process, "begun")[-1]
        assert begun["model"] == "quick-1"
        until(process, "written")
        assert catenary("runs", "pause", "run", *place).returncode == 0
        told = until(process, "paused")
        last = [one for one in told if one.get("event") == "written"][-1]
        done = last["done"]
        assert last["left"] == COUNT - done  # the whole run is listed by now
        assert told[-1]["level"] == "WARNING"
        seen = figures(port)
        judged = seen['catenary_images_total{outcome="done"}']
        failed = seen['catenary_images_total{outcome="failed"}']
        assert (judged + failed, failed) == (done, 1)
        reason = '{outcome="failed",reason="zero_bytes"}'
        assert seen[f"catenary_images_not_judged_total{reason}"] == 1
        pins = '{component="split_pin",condition="missing",verdict="defect"}'
        assert seen[f"catenary_findings_total{pins}"] == judged
        assert seen['catenary_stage_seconds_count{stage="detect"}'] == judged
        assert seen["catenary_write_seconds_count"] == done
        assert seen["catenary_images_left"] == COUNT - done
        assert (seen["catenary_paused"], seen["catenary_images_unwritten"]) == (1, 0)
        assert seen["catenary_disk_free_bytes"] > 0
        catenary("runs", "resume", "run", *place)
        ended = until(process, "ended")[-1]
        assert ended["state"] == "done"
        assert process.wait() == 3
    with pytest.raises(urllib.error.URLError, match="refused"):
        figures(port)


def test_an_error_is_a_line_of_json_too(tmp_path):
    command = ("--log-format", "json", "runs", "--workspace", str(tmp_path / "none"))
    with forked.begun(*command) as process:
        (told,) = map(json.loads, process.rest().splitlines())
        assert process.wait() == 1
    assert (told["level"], told["event"]) == ("ERROR", "error")
    assert "is no workspace" in told["message"]


def test_a_port_that_is_taken_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "judge", quick.judge)
    run = photographs(tmp_path / "run", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        place = ("--workspace", str(tmp_path / "ws"), "--metrics", str(number))
        done = catenary("scan", str(run), *place)
    assert done.returncode == 1
    assert f"cannot serve metrics on 127.0.0.1:{number}" in done.stderr


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1:", "-1", "70000", "a:b"])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(ValueError, match="needs PORT or HOST:PORT"):
        metrics.address(text)
    if text:
        assert catenary("scan", "/nowhere", "--metrics", text).returncode == 2


def test_an_unknown_log_format_is_wrong_use():
    assert catenary("--log-format", "xml", "runs").returncode == 2


@dataclass
class Disk:
    """A workspace on a disk of which so much is free."""

    free: int
    path: Path = Path("/ws")

    def free_bytes(self) -> int:
        return self.free


def test_a_scan_stops_before_the_disk_is_full():
    Room(Disk(room.LEAST_FREE_BYTES)).require()
    with pytest.raises(StoreError, match="only 100 MB free in /ws; free some space"):
        Room(Disk(room.LEAST_FREE_BYTES - 1)).require()


def test_a_scan_begins_on_no_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "judge", quick.judge)
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 10**18)
    run = photographs(tmp_path / "run", 1)
    done = catenary("scan", str(run), "--workspace", str(tmp_path / "ws"))
    assert done.returncode == 1
    assert "start the same scan again" in done.stderr
    assert not (tmp_path / "ws" / "catenary.db").exists()


def test_no_judge_is_left_at_work_where_the_disk_becomes_full(tmp_path, monkeypatch):
    free = iter([True, True])  # at the begin, and for the first batch

    def require(_: Room) -> None:
        if not next(free, False):
            raise StoreError("the disk is full")

    monkeypatch.setattr(Room, "require", require)
    run, place = photographs(tmp_path / "run", 40), Workspace(tmp_path / "ws")
    recipe = assemble.Recipe(overrides=("batch=4",))
    asked = (recipe, scan.Options(), lambda *_: None, quick.judge(recipe))
    with pytest.raises(StoreError, match="the disk is full") as caught:
        scan.scan_run(str(run), place, *asked)
    # Who has the error holds all that it passed through: no thread may be waited for by that.
    assert caught.value is not None
    names = {thread.name.partition("_")[0] for thread in threading.enumerate()}
    assert not names & {"judge", "reader"}
    with workspaces.opened(place) as db, db.read() as connection:
        (kept,) = summary.runs(connection)
    assert (kept.done, kept.pending) == (4, 36)


def test_a_run_that_will_not_fit_is_told_once_and_early(tmp_path, caplog):
    file = tmp_path / "shard"
    file.write_bytes(bytes(1000))
    # 200 photographs took 1000 bytes, so 300 that are left take 1500.
    for free, is_told in ((1500, False), (1499, True)):
        caplog.clear()
        watched = Room(Disk(room.LEAST_FREE_BYTES + free))
        with caplog.at_level(logging.WARNING):
            watched.wrote([], 199, 301)
            assert caplog.text == ""
            watched.wrote([file, tmp_path / "none"], 1, 300)
            watched.wrote([], 0, 300)
        assert caplog.text.count("the 300 photographs that are left will take") == is_told
