"""A scan that is killed, or whose disk forgets, ends as one that nothing disturbed."""

import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine, event

from catenary.jobs.scanning import room
from catenary.pipeline import workers
from catenary.store import database
from tests.jobs import crash
from tests.jobs.crash import BATCH, Everything

UNWRITTEN = BATCH + workers.fitting([torch.device("cpu")]).ahead  # a batch, and what is at work

MASTS = 24
KILLED = -signal.SIGKILL
UNREADABLE = 3  # exit code of a run with photographs that are cut short
_WRITES = {"os.rename", "os.remove", "os.mkdir"}


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A run and what a scan of it leaves when nothing happens."""

    run: Path
    left: Everything


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    run = crash.write_run(folder, MASTS)
    assert crash.scan(run, folder / "ws") == UNREADABLE
    left = crash.everything(folder / "ws")
    assert len(left.frames) == 2 * MASTS
    assert len(left.findings) > MASTS
    assert left.views
    assert len(left.components) > 100
    assert left.files == {"scan.lock"}
    return Undisturbed(run, left)


def require_same(workspace: Path, expected: Undisturbed) -> None:
    left = crash.everything(workspace)
    for name in Everything.__slots__:
        assert getattr(left, name) == getattr(expected.left, name), name


def die_at(number: int, workspace: Path) -> None:
    """Have this process killed just before its write of that number into the workspace."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(name: str, arguments: tuple[object, ...]) -> None:
        is_write = name == "open" and arguments[1] not in ("r", "rb", None)
        if (is_write or name in _WRITES) and str(workspace) in str(arguments[0]):
            step()

    sys.addaudithook(heard)
    event.listen(Engine, "commit", lambda _: step())


def repeated(attempts: list[int], judged: list[str]) -> list[int]:
    """Return how many photographs of each attempt were judged again later.

    Args:
        attempts: How many were judged when each attempt had ended.
        judged: In order, with repetitions.
    """
    starts = [0, *attempts]
    return [len(set(judged[start:end]) & set(judged[end:])) for start, end in pairwise(starts)]


def killed_until_done(
    run: Path, workspace: Path, moments: Iterator[Callable[[object], None]]
) -> list[int]:
    """Scan, killed again and again; return what each killed attempt had to do twice."""
    attempts: list[int] = []
    for kill in moments:
        process = crash.scanning(run, workspace)
        kill(process)
        process.join()
        attempts.append(len(crash.seen(workspace)))
        if process.exitcode != KILLED:
            assert process.exitcode == UNREADABLE, crash.told(workspace)
            break
    return repeated(attempts, crash.seen(workspace))[:-1]


def kill_after(seconds: float, process) -> None:
    process.join(seconds)
    process.kill()


def kill_at_random(undisturbed: Undisturbed, folder: Path, kills: int) -> None:
    """Kill scans at random moments, run after run until there were enough kills."""
    chance, done = random.Random(11), 0  # noqa: S311 - no secret
    workspace = folder / "timed" / "ws"
    workspace.parent.mkdir()
    started = os.times().elapsed
    crash.scan(undisturbed.run, workspace)
    whole = os.times().elapsed - started
    rounds = 0
    while done < kills:
        workspace = folder / str(rounds) / "ws"
        workspace.parent.mkdir()
        moments = iter(lambda: partial(kill_after, chance.uniform(0.0, 0.7 * whole)), None)
        twice = killed_until_done(undisturbed.run, workspace, moments)
        assert all(count <= UNWRITTEN for count in twice), twice
        require_same(workspace, undisturbed)
        done, rounds = done + len(twice), rounds + 1
        shutil.rmtree(workspace.parent)
    assert done >= kills


def test_ten_kills_at_random_moments_leave_no_trace(undisturbed: Undisturbed, tmp_path: Path):
    kill_at_random(undisturbed, tmp_path, 10)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_kills_at_random_moments_leave_no_trace(undisturbed: Undisturbed, tmp_path: Path):
    kill_at_random(undisturbed, tmp_path, 100)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_before_any_write_leaves_no_trace(
    undisturbed: Undisturbed, tmp_path: Path, step: int
):
    workspace = tmp_path / "ws"
    attempts: list[int] = []
    for number in range(2, 1000, step):
        code = crash.scan(undisturbed.run, workspace, partial(die_at, number, workspace))
        attempts.append(len(crash.seen(workspace)))
        if code != KILLED:
            break
    assert code == UNREADABLE, crash.told(workspace)
    assert len(attempts) > 5
    assert max(repeated(attempts, crash.seen(workspace))[:-1]) <= UNWRITTEN
    require_same(workspace, undisturbed)


@pytest.fixture(scope="module")
def half_done(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose scan was killed half-way."""
    workspace = tmp_path_factory.mktemp("half") / "ws"
    dies = partial(die_at, 75, workspace)
    assert crash.scan(undisturbed.run, workspace, dies) == KILLED
    assert MASTS / 2 < len(crash.seen(workspace)) < 2 * MASTS
    assert (workspace / "catenary.db-wal").stat().st_size > 10_000
    assert len(shards(workspace)) > 3
    return workspace


@pytest.fixture
def copy(half_done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(half_done, tmp_path / "ws"))


def recorded(workspace: Path, query: str) -> list[str]:
    """Ask the database of a workspace without touching the log of SQLite."""
    other = workspace.with_name("looked at")
    shutil.copytree(workspace, other)
    with closing(sqlite3.connect(other / "catenary.db")) as connection:
        names = [row[0] for row in connection.execute(query)]
    shutil.rmtree(other)
    return names


def shards(workspace: Path) -> list[Path]:
    """Return the shards that are recorded, the first first."""
    (folder,) = (workspace / "detections").iterdir()
    return [folder / one for one in recorded(workspace, "SELECT file_name FROM shard ORDER BY id")]


def packs(workspace: Path) -> list[Path]:
    """Return the packs of evidence pictures that are recorded, the first first."""
    (folder,) = (workspace / "evidence").iterdir()
    names = recorded(workspace, "SELECT file_name FROM evidence_pack ORDER BY id")
    return [folder / one for one in names]


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "the last shard cut short": lambda ws: cut_short(shards(ws)[-1]),
    "the last shard of no length": lambda ws: os.truncate(shards(ws)[-1], 0),
    "a shard in the middle missing": lambda ws: shards(ws)[1].unlink(),
    "a bit of the first shard flipped": lambda ws: flip_a_bit(shards(ws)[0]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_recorded_shard_that_is_lost_is_made_again(
    undisturbed: Undisturbed, copy: Path, damage: str
):
    DAMAGES[damage](copy)
    assert crash.scan(undisturbed.run, copy) == UNREADABLE
    assert "located components were missing or damaged" in crash.told(copy)
    assert re.search(r"[34] photographs are scanned again", crash.told(copy))
    require_same(copy, undisturbed)


def test_a_shard_lost_after_the_scan_is_made_again_and_its_masts_joined_again(
    undisturbed: Undisturbed, copy: Path
):
    crash.scan(undisturbed.run, copy)
    for path in (shards(copy)[2], shards(copy)[5]):
        path.unlink()
    assert crash.scan(undisturbed.run, copy) == UNREADABLE
    assert "2 of" in crash.told(copy)
    require_same(copy, undisturbed)


def test_the_files_of_another_folder_throw_no_findings_away(undisturbed: Undisturbed, copy: Path):
    crash.scan(undisturbed.run, copy)
    (folder,) = (copy / "detections").iterdir()
    with closing(sqlite3.connect(copy / "catenary.db")) as connection, connection:
        lost = [(1, f"lost-{number}.parquet", 1, "0" * 64, 0, 3) for number in range(25)]
        columns = "run_id, file_name, rows, sha256, first_seq, last_seq"
        connection.executemany(f"INSERT INTO shard ({columns}) VALUES (?, ?, ?, ?, ?, ?)", lost)
    assert crash.scan(undisturbed.run, copy) == 1
    assert f"are missing or damaged in {folder}; put that folder back" in crash.told(copy)
    with closing(sqlite3.connect(copy / "catenary.db")) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM finding").fetchone()
    assert kept == len(undisturbed.left.findings)


def leave_strangers(workspace: Path) -> None:
    """Leave what a kill leaves: a whole shard and parts of files that nothing names."""
    known = shards(workspace)[0]
    shutil.copy(known, known.with_name("stranger-0123456789ab.parquet"))
    known.with_name("stranger-0123456789ac.parquet.partial").write_bytes(b"PAR1")
    pack = packs(workspace)[0]
    shutil.copy(pack, pack.with_name("stranger-0123456789ab.zip"))
    pack.with_name("stranger-0123456789ac.zip.partial").write_bytes(b"PK")


def cut_pictures(workspace: Path) -> None:
    found = packs(workspace)
    cut_short(found[-1])
    os.truncate(found[-2], 0)
    found[-3].unlink()


LOSSES: dict[str, Callable[[Path], object]] = {
    "files that nothing names": leave_strangers,
    "packs of evidence pictures cut short, empty and missing": cut_pictures,
    "the log of the database cut short": lambda ws: cut_short(ws / "catenary.db-wal"),
    "a bit of the log flipped": lambda ws: flip_a_bit(ws / "catenary.db-wal"),
    "the log and all it held lost": lambda ws: (ws / "catenary.db-wal").unlink(),
    "the index of the log lost": lambda ws: (ws / "catenary.db-shm").unlink(),
    "the index of the log is noise": lambda ws: (ws / "catenary.db-shm").write_bytes(
        random.Random(1).randbytes(32768)  # noqa: S311 - no secret
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_the_disk_forgot_is_made_again(undisturbed: Undisturbed, copy: Path, loss: str):
    LOSSES[loss](copy)
    assert crash.scan(undisturbed.run, copy) == UNREADABLE, crash.told(copy)
    require_same(copy, undisturbed)


def test_pictures_that_are_drawn_again_are_told(undisturbed: Undisturbed, copy: Path):
    cut_pictures(copy)
    crash.scan(undisturbed.run, copy)
    told = r"([1-9]\d*) evidence pictures were missing or cut short, \1 drawn again"
    assert re.search(told, crash.told(copy))


def test_an_older_copy_of_the_database_beside_newer_files_is_gone_on_with(
    undisturbed: Undisturbed, copy: Path, tmp_path: Path
):
    older = shutil.copytree(copy, tmp_path / "older")
    crash.scan(undisturbed.run, copy)
    for name in ("catenary.db", "catenary.db-wal", "catenary.db-shm"):
        (copy / name).unlink(missing_ok=True)
        shutil.copy(older / name, copy / name)
    assert crash.scan(undisturbed.run, copy) == UNREADABLE
    require_same(copy, undisturbed)


def wait_briefly() -> None:
    """Have this process wait for a locked database a moment at a time."""
    database.BUSY_SECONDS = 0.05


def never_stop_early() -> None:
    room.LEAST_FREE_BYTES = 0


def limit_files(size: int) -> None:
    """Have this process fail to write behind a place in any file, as on a full disk."""
    never_stop_early()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_database_that_another_program_holds_is_waited_for(undisturbed: Undisturbed, copy: Path):
    with closing(sqlite3.connect(copy / "catenary.db", isolation_level=None)) as other:
        process = crash.scanning(undisturbed.run, copy, wait_briefly, wait_minutes=60)
        while not crash.seen(copy):
            assert process.is_alive(), crash.told(copy)
            process.join(0.01)
        other.execute("BEGIN IMMEDIATE")
        while "the scan waits, at most 60 minutes" not in crash.told(copy):
            assert process.is_alive(), crash.told(copy)
            process.join(0.01)
        other.execute("ROLLBACK")
        process.join()
    assert process.exitcode == UNREADABLE, crash.told(copy)
    assert "is locked by another program" in crash.told(copy)
    require_same(copy, undisturbed)


@pytest.mark.parametrize("size", [800, 6_000, 120_000, 200_000])
def test_a_write_that_fails_ends_the_scan_in_one_line_and_leaves_nothing_half(
    undisturbed: Undisturbed, tmp_path: Path, size: int
):
    workspace = tmp_path / "ws"
    assert crash.scan(undisturbed.run, workspace, partial(limit_files, size)) == 1
    assert re.search(r"\Acatenary: .*(cannot|space).*\n\Z", crash.told(workspace))
    assert crash.scan(undisturbed.run, workspace) == UNREADABLE
    require_same(workspace, undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a disk of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_ends_the_scan_and_it_goes_on_when_there_is_space(
    undisturbed: Undisturbed, small_disk: Path
):
    workspace, ballast = small_disk, small_disk / "ballast"
    ballast.write_bytes(bytes(7_350_000))
    assert crash.scan(undisturbed.run, workspace, never_stop_early) == 1
    assert crash.told(workspace).count("\n") == 1
    assert 0 < len(crash.seen(workspace)) < 2 * MASTS
    ballast.unlink()
    assert crash.scan(undisturbed.run, workspace, never_stop_early) == UNREADABLE
    require_same(workspace, undisturbed)
