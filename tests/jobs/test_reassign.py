"""Masts reassigned through the command that a user types, on scanned pictures."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jobs.bundles import random_bundle
from tests.jobs.commands import catenary
from tests.jobs.test_scan import picture

MANIFEST = "file_name,line,direction,section,mast,camera\n" + "".join(
    f"{n}.jpg,京广线,上行,甲-乙,{'012' if n < 2 else '013'},03\n" for n in range(4)
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> str:
    return str(random_bundle(tmp_path_factory.mktemp("model") / "random"))


def scan(run: Path, bundle: str) -> subprocess.CompletedProcess[str]:
    options = ("--model", bundle, "--device", "cpu", "--set", "cascade.min_score=0.0")
    return catenary("scan", str(run), "--workspace", str(run.parent / "ws"), *options)


@pytest.fixture(scope="module")
def run(tmp_path_factory, bundle) -> Path:
    folder = tmp_path_factory.mktemp("巡检") / "2026-03"
    folder.mkdir()
    (folder / "manifest.csv").write_text(MANIFEST)
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    assert scan(folder, bundle).returncode == 0
    return folder


def reassign(run: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    workspace = ("--workspace", str(run.parent / "ws"))
    return catenary("runs", "reassign", run.name, *arguments, *workspace)


def masts(run: Path) -> dict[str, str]:
    listed = run.parent / "report.csv"
    options = ("--workspace", str(run.parent / "ws"), "--format", "csv", "-o", str(listed))
    assert catenary("report", run.name, *options).returncode == 0
    rows = [line.split(",") for line in listed.read_text(encoding="utf-8-sig").splitlines()]
    name, mast = rows[0].index("file_name"), rows[0].index("杆号")
    return {row[name]: row[mast] for row in rows[1:]}


def test_a_photograph_goes_to_another_mast_and_back_and_a_new_scan_keeps_it(run, bundle):
    who = ("--by", "王工", "--why", "相机触发晚了")
    done = reassign(run, "--image", "1.jpg", "--to-mast", "013", *who)
    assert done.returncode == 0, done.stderr
    assert "京广线/up/甲-乙/012 -> 京广线/up/甲-乙/013" in done.stdout
    assert "1 photographs reassigned" in done.stdout
    assert masts(run)["1.jpg"] == "013"
    assert scan(run, bundle).returncode == 0
    assert masts(run)["1.jpg"] == "013"
    back = reassign(run, "--from-mast", "013", "--image", "1*", "--to-mast", "012", *who)
    assert back.returncode == 0, back.stderr
    assert masts(run) == {"0.jpg": "012", "1.jpg": "012", "2.jpg": "013", "3.jpg": "013"}
    shown = catenary("runs", "show", run.name, "--workspace", str(run.parent / "ws")).stdout
    assert shown.count("mast reassigned: 1.jpg") == 2
    assert "UTC by 王工: 相机触发晚了" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--image", "1.jpg", "--to-mast", "099"), "no mast '099'"),
        (("--from-mast", "099", "--to-mast", "013"), "no mast '099' of run 2026-03"),
        (("--image", "x*", "--to-mast", "013"), "no photograph"),
        (("--image", "1*", "--image", "x*", "--to-mast", "013"), "called 'x*'"),
        (("--to-mast", "013"), "say which photographs"),
        (("--image", "1.jpg", "--to-mast", "013", "--why", " "), "needs --by and --why"),
    ],
)
def test_a_slip_changes_nothing(run, arguments, words):
    before = masts(run)
    done = reassign(run, "--by", "a", "--why", "b", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert masts(run) == before
    listed = catenary("runs", "--json", "--workspace", str(run.parent / "ws"))
    assert json.loads(listed.stdout)[0]["done"] == 4
