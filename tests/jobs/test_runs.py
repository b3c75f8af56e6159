"""What `catenary runs` tells of a scan at work, and of what failed."""

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catenary.domain.finding import Verdict, Versions
from catenary.domain.image import Outcome
from catenary.jobs.scanning import assemble, runs
from catenary.store.ledger import RunRecord
from catenary.store.scans import ScanRecord
from catenary.store.schema import ScanState
from catenary.store.summary import RunSummary
from tests.jobs import quick
from tests.jobs.commands import catenary

VERSIONS = Versions("quick-1", "1", "1")
_NOBODY = dict.fromkeys(Outcome, 0)
_PARTS = dict.fromkeys(Verdict, 0)


def at_work() -> runs.RunNow:
    """Return a run of 300 photographs that this very process scans, two a second."""
    now = datetime.now(UTC)
    told = (now, now, None, VERSIONS, 10, 5.0, 2.0, {}, "")
    scan = ScanRecord(1, socket.gethostname(), os.getpid(), ScanState.RUNNING, *told)
    record = RunRecord("run", "/run", "plain", VERSIONS, {})
    return runs.RunNow(RunSummary(1, record, 300, _NOBODY, {}, {}, {}, {}, _PARTS), scan, None)


def test_a_scan_at_work_tells_its_rate_and_the_time_left():
    now = at_work()
    assert now.eta_s == 150
    assert ", 2.0 images/s, 2 min left, seen 0 s ago" in runs.state_line(now)


def test_a_scan_that_waits_foretells_nothing():
    now = at_work()
    assert now.scan is not None
    waiting = replace(now, scan=replace(now.scan, note="s3://runs/a cannot be reached"))
    assert waiting.eta_s is None
    told = runs.state_line(waiting)
    assert told.endswith(", seen 0 s ago; it waits: s3://runs/a cannot be reached")
    assert "images/s" not in told
    assert "left" not in told


def test_failures_beyond_the_first_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assemble, "judge", quick.judge)
    for number in range(53):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / f"{number:02d}.jpg").write_bytes(b"\xff\xd8")
    place = ("--workspace", str(tmp_path / "ws"))
    catenary("scan", str(tmp_path / "run"), *place)

    def listed(*more: str) -> list[str]:
        return catenary("runs", "show", "run", *place, *more).stdout.splitlines()

    bad = [line for line in listed() if line.startswith("  failed ")]
    assert len(bad) == 50
    assert "  and 3 more; --failures 0 lists all" in listed()
    everything = listed("--failures", "0")
    assert sum(line.startswith("  failed ") for line in everything) == 53
    assert not any("more;" in line for line in everything)
    assert sum(line.startswith("  failed ") for line in listed("--failures", "2")) == 2


@pytest.mark.parametrize("option", [("--workspace", "ws"), ("--database", "x"), ("--json",)])
def test_an_option_before_the_subcommand_is_not_lost_silently(option: tuple[str, ...]):
    done = catenary("runs", *option, "show", "run")
    assert done.returncode == 2
    assert "goes after `runs show`, not before it" in " ".join(done.stderr.replace("│", "").split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "a.xlsx", "--format", "html"), "a.xlsx is the name of xlsx, --format says html"),
        (("-o", "a.doc"), "a.doc does not end in one of .html"),
        (("-o", "a.PDF", "--components"), "--components goes with --format coco"),
        (("-o", "a", "--template", "x"), "--template goes with --format docx or pdf"),
    ],
)
def test_a_report_is_of_the_format_that_its_name_tells(arguments, said):
    done = catenary("report", "run", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_a_report_named_json_is_coco(tmp_path):
    place = ("--workspace", str(tmp_path), "--components")  # which COCO alone can have
    done = catenary("report", "run", *place, "-o", str(tmp_path / "a.json"))
    assert (done.returncode, "is no workspace" in done.stderr) == (1, True)
