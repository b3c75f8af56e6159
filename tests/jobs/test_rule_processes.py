"""A scan whose rules run in processes, as a user starts it."""

import os
import signal
from dataclasses import replace
from pathlib import Path

from catenary.jobs.scanning import assemble
from tests import forked
from tests.jobs import crash, quick
from tests.jobs.commands import catenary
from tests.jobs.quick import photographs
from tests.pipeline import process_rules
from tests.pipeline.process_rules import gone

INTERRUPTED = 130


def test_findings_and_stages_are_those_of_threads(tmp_path, monkeypatch):
    def judge(recipe):
        return replace(quick.judge(recipe), rules={"split_pin": (process_rules.brightness,)})

    monkeypatch.setattr(assemble, "judge", judge)
    run = photographs(tmp_path / "run", 8)
    (run / "003.jpg").write_bytes(b"")
    left = []
    for count in ("0", "2"):
        workspace = tmp_path / f"ws-{count}"
        place = ("--workspace", str(workspace))
        told = catenary("scan", str(run), "--rule-processes", count, *place)
        assert told.returncode == 3, told.stderr
        assert "rules" in catenary("runs", "show", "run", *place).stdout
        left.append(crash.everything(workspace))
    threads, processes = left
    assert len(threads.findings) == 7
    for name in crash.Everything.__slots__:
        assert getattr(processes, name) == getattr(threads, name), name


def test_a_stop_ends_the_processes_too(tmp_path):
    run = photographs(tmp_path / "run", 200)
    command = ("--verbose", "scan", str(run), "--workspace", str(tmp_path / "ws"))
    chosen = ("--set", "batch=1", "--set", "rule_processes=1")
    slowly = {"QUICK_SECONDS": "0.03"}
    with forked.begun(
        *command, *chosen, main=quick.main, environment=slowly, own_session=True
    ) as scan:
        scan.until("wrote")
        children = Path(f"/proc/{scan.pid}/task/{scan.pid}/children").read_text().split()
        assert len(children) == 1
        os.killpg(scan.pid, signal.SIGTERM)  # as systemd does
        told = scan.rest()
        assert scan.wait() == INTERRUPTED
    assert "the same command goes on" in told
    assert "was lost" not in told
    assert gone(int(children[0]))


def test_fewer_than_none_are_refused(tmp_path):
    run = photographs(tmp_path / "run", 1)
    told = catenary("scan", str(run), "--set", "rule_processes=-1")
    assert told.returncode == 1
    assert "rule_processes must not be negative" in told.stderr
