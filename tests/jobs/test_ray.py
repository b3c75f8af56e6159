"""Scans by workers of a real Ray cluster leave what a scan of one process does."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from catenary.jobs.scanning import engines
from catenary.jobs.scanning.scan import SAMPLE_RUN
from catenary.store.workspace import Workspace
from tests.jobs import crash, quick, ray_nodes
from tests.jobs.commands import catenary
from tests.jobs.crash import Everything
from tests.jobs.quick import QUICK
from tests.jobs.test_scan import CATENARY

pytest.importorskip("ray")

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of clusters that live for a test
UNREADABLE = 3  # exit code of a run with photographs that are cut short


def scanned(
    command: list[str], run: Path, workspace: Workspace, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    place = ["--workspace", str(workspace.path)]
    if workspace.url:
        place += ["--database", workspace.url]
    return subprocess.run(
        [*command, "--verbose", "scan", str(run), *place, "--set", "batch=4", *options],
        cwd=quick.ROOT,
        env=ray_nodes.environment(TOKEN, **environment),
        capture_output=True,
        text=True,
        check=False,
    )


def require_same(workspace: Workspace, expected: Workspace) -> None:
    left, wanted = (crash.everything(one.path, one.url) for one in (workspace, expected))
    assert wanted.findings
    for name in Everything.__slots__:
        assert getattr(left, name) == getattr(wanted, name), name


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = quick.photographs(tmp_path / "run", 48)
    (folder / "007.jpg").write_bytes((folder / "007.jpg").read_bytes()[:900])
    return folder


@pytest.mark.slow
def test_a_cluster_in_this_machine_does_what_one_process_does(run: Path, tmp_path: Path):
    one, many = Workspace(tmp_path / "one" / "ws"), Workspace(tmp_path / "many" / "ws")
    assert scanned(QUICK, run, one).returncode == UNREADABLE
    (tmp_path / "meeting").mkdir()
    meet = {"QUICK_MEET": str(tmp_path / "meeting")}
    done = scanned(QUICK, run, many, "--engine", "ray", "--workers", "2", **meet)
    assert done.returncode == UNREADABLE, done.stderr
    assert done.stderr.count("worker ready: process") == 2
    require_same(many, one)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # the real networks, twice, on whatever the machine has left
def test_workers_with_the_real_networks_do_what_one_process_does(tmp_path: Path):
    run = quick.ROOT / SAMPLE_RUN
    one, many = Workspace(tmp_path / "one" / "ws"), Workspace(tmp_path / "many" / "ws")
    assert scanned(CATENARY, run, one, "--workers", "1").returncode == 0
    done = scanned(CATENARY, run, many, "--engine", "ray", "--workers", "2")
    assert done.returncode == 0, done.stderr
    require_same(many, one)


@pytest.mark.slow
def test_a_machine_that_dies_in_the_middle_changes_nothing(
    run: Path, tmp_path: Path, database_url: str
):
    one = Workspace(tmp_path / "one" / "ws")
    many = Workspace(tmp_path / "many" / "ws", database_url)
    assert scanned(QUICK, run, one).returncode == UNREADABLE
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    environment = ray_nodes.environment(TOKEN, QUICK_SECONDS="0.2", QUICK_MEET=str(meeting))
    with ray_nodes.cluster(environment, 2) as cluster:
        place = ["--workspace", str(many.path), "--database", many.url]
        engine = ["--engine", "ray", "--ray-address", cluster.address]
        command = [*QUICK, "--verbose", "scan", str(run), *place, "--set", "batch=4", *engine]
        with subprocess.Popen(
            [*command, "--json"],
            cwd=quick.ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            told = until(process, "wrote images")  # both are at work then
            cluster.kill(1)
            assert process.stderr is not None
            told += process.stderr.read()
            assert process.stdout is not None
            results = process.stdout.read()
        assert process.returncode == UNREADABLE, told
        (record,) = json.loads(results)  # and nothing that Ray has to say
    assert "worker lost: process" in told
    assert (record["images"], record["failed"], record["pending"]) == (48, 1, 0)
    require_same(many, one)


def until(process: subprocess.Popen[str], words: str) -> str:
    """Return what a scan told until it said something."""
    told = ""
    assert process.stderr is not None
    for line in process.stderr:
        told += line
        if words in line:
            return told
    raise AssertionError(told)


def test_ray_is_asked_for_where_it_is_not_installed(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "catenary.jobs.scanning.engines.ray_crew", raising=False)
    monkeypatch.delattr(engines, "ray_crew", raising=False)  # where another test imported it
    run = quick.photographs(tmp_path / "run", 1)
    done = catenary("scan", str(run), "--workspace", str(tmp_path / "ws"), "--engine", "ray")
    assert done.returncode == 1
    assert "--engine ray needs the package ray: pip install 'catenary[ray]'" in done.stderr
    assert not (tmp_path / "ws" / "catenary.db").exists()


def test_an_address_without_ray_and_one_of_a_client_are_refused(tmp_path: Path):
    run = quick.photographs(tmp_path / "run", 1)
    place = ("--workspace", str(tmp_path / "ws"))
    done = catenary("scan", str(run), *place, "--ray-address", "auto")
    assert (done.returncode, "goes with --engine ray" in done.stderr) == (2, True)
    client = ("--engine", "ray", "--ray-address", "ray://head:10001")
    done = catenary("scan", str(run), *place, *client)
    assert (done.returncode, "needs HOST:PORT or auto" in done.stderr) == (1, True)


def test_an_address_where_nothing_answers_is_told_at_once(tmp_path: Path):
    run = quick.photographs(tmp_path / "run", 1)
    place = ("--workspace", str(tmp_path / "ws"))
    with socket.socket() as bound:  # and nobody listens
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        done = catenary("scan", str(run), *place, "--engine", "ray", "--ray-address", address)
    assert done.returncode == 1
    assert f"nothing answers at {address}" in done.stderr
    assert "ray start --head" in done.stderr
