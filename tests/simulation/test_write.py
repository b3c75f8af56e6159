"""A simulated set survives kills, full disks and damaged files, to the same bytes."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catenary.datasets import coco
from catenary.domain.errors import StoreError
from catenary.simulation.settings import Light, Role, SimulationSettings
from catenary.simulation.write import simulate

COUNT = 8
TINY = SimulationSettings(
    seed=5, count=COUNT, width=160, height=128, samples=1, light={Light.NIGHT: 1.0}, crossing=0.0,
    roles=(Role.STRING,),
)  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a set by its path, hidden and partial ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what an undisturbed run writes."""
    folder = tmp_path_factory.mktemp("whole")
    simulate(TINY, folder, workers=1)
    return content(folder)


@pytest.fixture
def finished(tmp_path, whole):
    """Return a folder with a finished set, made of the bytes of `whole`."""
    for name, data in whole.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_finished_set_is_not_rendered_again(finished, whole):
    done = simulate(TINY, finished, workers=1)
    assert done.rendered == 0
    assert done.frames == COUNT
    assert content(finished) == whole


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images/000001.jpg", None),
        ("images/000001.jpg", 0),
        ("images/000001.jpg", 700),
        ("parts/000002.json", None),
        ("parts/000002.json", 0),
        ("parts/000002.json", 300),
    ],
)
def test_what_is_missing_or_cut_short_is_made_again(finished, whole, name, damage):
    path = finished / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:damage])
    assert simulate(TINY, finished, workers=1).rendered == 1
    assert content(finished) == whole


@pytest.mark.parametrize("damage", [None, 300])
def test_labels_that_are_missing_or_cut_short_are_joined_again(finished, whole, damage):
    path = finished / "labels.json"
    path.write_bytes(path.read_bytes()[:damage]) if damage else path.unlink()
    assert simulate(TINY, finished, workers=1).rendered == 0
    assert content(finished) == whole


def test_a_full_disk_is_told_in_one_line_and_leaves_a_set_to_go_on_with(tmp_path, whole):
    (tmp_path / "images").mkdir()
    full = tmp_path / "images" / ".000002.jpg.partial"
    full.symlink_to("/dev/full")  # whatever is written there does not fit
    with pytest.raises(StoreError) as caught:
        simulate(TINY, tmp_path, workers=1)
    message = str(caught.value)
    assert "000002.jpg: No space left on device; free some space" in message
    assert "run the same command again" in message
    assert "\n" not in message
    kept = coco.read(tmp_path / "labels.json").images
    names = [image.ref.file_name for image in kept]
    assert names[:2] == ["images/000000.jpg", "images/000001.jpg"]
    assert "images/000002.jpg" not in names
    assert all((tmp_path / name).is_file() for name in names)
    assert simulate(TINY, tmp_path, workers=1).rendered == COUNT - len(names)  # there is room now
    assert content(tmp_path) == whole


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match=r"cannot write .*file/set: Not a directory"):
        simulate(TINY, tmp_path / "file" / "set", workers=1)


def start(folder: Path, workers: int = 1) -> subprocess.Popen[bytes]:
    """Start the command as a user does; return when it has begun."""
    settings = folder.with_suffix(".yaml")
    settings.write_text(
        f"{{seed: 5, count: {COUNT}, width: 160, height: 128, samples: 1, light: {{night: 1.0}},"
        f" crossing: 0.0, roles: [string]}}"
    )
    program = [sys.executable, "-c", "from catenary.cli import main; main()", "simulate"]
    process = subprocess.Popen(
        [*program, str(settings), "-o", str(folder), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
    )
    while not (folder / "parts").exists() and process.poll() is None:
        time.sleep(0.01)
    return process


def killed_runs(folder: Path, kills: int, longest_s: float) -> int:
    """Start and kill runs at random moments; return how many were killed in time."""
    chance, killed = random.Random(4), 0  # noqa: S311 - no secret
    for _ in range(kills):
        with start(folder) as process:
            time.sleep(chance.uniform(0.0, longest_s))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        labels = folder / "labels.json"
        for image in coco.read(labels).images if labels.exists() else ():
            assert (folder / image.ref.file_name).is_file()
    return killed


@pytest.mark.parametrize(
    ("kills", "longest_s"), [(2, 1.2), pytest.param(12, 2.0, marks=pytest.mark.slow)]
)
def test_killed_runs_end_in_the_bytes_of_an_undisturbed_one(tmp_path, whole, kills, longest_s):
    folder = tmp_path / "killed"
    assert killed_runs(folder, kills, longest_s) >= kills // 3
    assert start(folder).wait() == 0
    assert content(folder) == whole


def test_workers_end_with_the_run_that_is_killed(tmp_path):
    with start(tmp_path / "set", workers=2) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (tmp_path / "set" / "images" / "000000.jpg").exists():
            time.sleep(0.01)
        workers = [int(one) for one in children.read_text().split()]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(workers) >= 2
    until = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(is_running, workers))


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()  # a zombie is dead
    except FileNotFoundError:
        return False
