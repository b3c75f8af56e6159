"""A scan over a thousand damaged files: each is a row with an outcome, and nothing else happens."""

import json
import os
import random
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import openpyxl
import pytest

from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.jobs.scanning import assemble, writing
from catenary.pipeline.judge import Judgement
from catenary.reports import lexicon
from catenary.runs.sub_databases import KEPT_OPEN
from catenary.runs.workstation_writer import write_workstation
from tests.imaging import damaged
from tests.imaging.damaged import DONE, Damaged
from tests.jobs import crash
from tests.jobs.commands import catenary

FILES = 1000
MOST_GROWTH_MB = 40  # from 100 photographs to 1,000; measured: below 10
NOBODY = 65534


class NoJudge(crash.CheapJudge):
    """Finds nothing: here only the way to the judge matters."""

    def __call__(self, frame: object) -> Judgement:
        return Judgement((), (), {})


def watch(figures: Path, *, is_nobody: bool = False) -> None:
    """Have this process judge nothing, and write down its memory and files after each batch."""
    assemble.judge = lambda _: NoJudge(figures)  # type: ignore[assignment, return-value]
    commit = writing.Writer.commit

    def watched(writer: writing.Writer, batch: writing.Batch) -> None:
        commit(writer, batch)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - without opening more
        megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        with figures.open("a") as file:
            file.write(json.dumps([writer.done, megabytes, open_files]) + "\n")

    writing.Writer.commit = watched  # type: ignore[method-assign]
    if is_nobody and os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def rows(workspace: Path) -> dict[str, tuple[str, str, str, int, int]]:
    """Return outcome, reason, note, width and height by file name."""
    columns = "file_name, outcome, reason, note, width, height"
    with closing(sqlite3.connect(workspace / "catenary.db")) as connection:
        found = connection.execute(f"SELECT {columns} FROM frame").fetchall()
    return {name: tuple(rest) for name, *rest in found}


def require_flat(figures: Path, more_files: int = 0) -> None:
    """Refuse memory or open files that grow from 100 photographs on."""
    told = [json.loads(line) for line in figures.read_text().splitlines()]
    early = next(one for one in told if one[0] >= 100)
    assert told[-1][0] >= FILES
    assert told[-1][1] - early[1] < MOST_GROWTH_MB, (early, told[-1])
    assert told[-1][2] <= early[2] + more_files, (early, told[-1])


def require_allowed(one: Damaged, told: tuple[str, str, str, int, int]) -> None:
    outcome, reason, note, width, height = told
    assert outcome in ("done", "failed", "unusable"), one.kind
    if outcome == "failed":
        assert reason in one.allowed, (one.kind, told)
        assert len(note) > 20
    elif outcome == "done":
        assert DONE in one.allowed, (one.kind, told)
        assert reason == ""
        assert width > 0
        assert height > 0


@pytest.fixture(scope="module")
def thousand() -> list[Damaged]:
    found = damaged.files(FILES)
    random.Random(3).shuffle(found)  # noqa: S311 - no secret
    assert len(found) == FILES
    assert len({one.kind for one in found}) > 100
    return found


@pytest.fixture(scope="module")
def as_files(thousand: list[Damaged], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace of a scan over the files in a folder."""
    folder = tmp_path_factory.mktemp("files")
    run = folder / "run"
    run.mkdir()
    for number, one in enumerate(thousand):
        (run / f"{number:04d}.jpg").write_bytes(one.data)
    assert crash.scan(run, folder / "ws", partial(watch, folder / "figures")) == 3
    return folder / "ws"


def test_every_reason_is_documented():
    told = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert {code for code in lexicon.FRAMES if f"`{code}`" not in told} == set()
    assert set(lexicon.FRAMES) >= damaged.REASONS


def test_each_of_a_thousand_damaged_files_has_an_outcome_and_a_reason(
    as_files: Path, thousand: list[Damaged]
):
    found = rows(as_files)
    assert len(found) == FILES
    for number, one in enumerate(thousand):
        require_allowed(one, found[f"{number:04d}.jpg"])


def test_a_file_that_is_cut_short_is_never_judged(as_files: Path, thousand: list[Damaged]):
    found = rows(as_files)
    cut = [number for number, one in enumerate(thousand) if "cut at" in one.kind]
    assert len(cut) > 300
    assert {found[f"{number:04d}.jpg"][0] for number in cut} == {"failed"}


def test_the_size_that_is_kept_of_a_turned_photograph_is_that_of_the_upright_one(
    as_files: Path, thousand: list[Damaged]
):
    found = rows(as_files)
    for number, one in enumerate(thousand):
        if one.kind.startswith("turned "):
            is_on_its_side = one.kind[-1] in "5678"
            size = (damaged.HEIGHT, damaged.WIDTH) if is_on_its_side else (200, 150)
            assert found[f"{number:04d}.jpg"][3:] == size


def test_a_thousand_damaged_files_leave_memory_and_open_files_as_they_were(as_files: Path):
    require_flat(as_files.with_name("figures"))


def test_a_run_of_damaged_files_can_be_told_and_reported(as_files: Path):
    shown = catenary("runs", "show", "run", "--workspace", str(as_files))
    assert shown.returncode == 0
    for form in ("html", "xlsx", "csv", "coco"):
        path = as_files.with_name(f"report.{form}")
        done = catenary(
            "report", "run", "--workspace", str(as_files), "--format", form, "-o", str(path)
        )
        assert done.returncode == 0, done.stderr


def test_photographs_of_a_workstation_package_end_the_same(
    thousand: list[Damaged], as_files: Path, tmp_path: Path
):
    run = tmp_path / "2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行"
    start = datetime.fromisoformat("2022-03-06 22:15:17.000")
    mast = Mast("沪蓉", Direction.DOWN, "浦口站-全椒站", "D046")
    write_workstation(
        run,
        (
            (
                ImageRef(run.name, f"{number:04d}", "", "", str(number % 3), "", mast, None,
                         start + timedelta(seconds=number)),
                one.data,
            )
            for number, one in enumerate(thousand)
        ),
        15,  # a sub-database: there are more than are kept open
    )  # fmt: skip
    figures = tmp_path / "figures"
    assert crash.scan(run, tmp_path / "ws", partial(watch, figures)) == 3
    found = list(rows(tmp_path / "ws").values())  # in the order of the index
    assert len(found) == FILES
    require_flat(figures, KEPT_OPEN)
    plain = rows(as_files)
    for number, one in enumerate(thousand):
        outcome, reason, *_ = found[number]
        if one.data.startswith(b"\xff\xd8"):
            assert (outcome, reason) == plain[f"{number:04d}.jpg"][:2], one.kind
        else:  # a package holds JPEGs only, behind a header of some bytes
            assert (outcome in ("failed", "unusable")) or "photograph" in one.kind, one.kind


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Lend a folder that everybody may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="catenary-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


NAMES = (
    "two\nlines.jpg", "tab\there.jpg", "杆号 🚆.jpg", "n" * 240 + ".jpg", "-rf.jpg", '"quoted".jpg',
    "[red]markup[bold].jpg", "\x1b[31mred.jpg", "=1+1.jpg", "'; DROP TABLE frame; --.jpg",
    "\\xd6\\xd0.jpg", "\\x5cxd6.jpg", "UPPER.JPG", " blank .jpg", "%s%n.jpg", "{0}.jpg",
)  # fmt: skip
RAW_NAMES = (b"\xd6\xd0.jpg", b"\xff\xfe.jpg", b"half\xe6.jpg")


def write_odd(run: Path) -> dict[str, str]:
    """Write files that are odd by name or kind; return reasons by name, empty for sound ones."""
    sound, expected = damaged.saved(), {}
    for name in [*NAMES, *map(os.fsdecode, RAW_NAMES)]:
        (run / name).write_bytes(sound)
        expected[name] = ""
    (run / "folder.jpg").mkdir()
    (run / "folder.jpg" / "inside.jpg").write_bytes(sound)
    (run / "elsewhere.jpg").symlink_to(run / "UPPER.JPG")
    (run / "circle").symlink_to(run)
    expected |= {"folder.jpg/inside.jpg": "", "elsewhere.jpg": ""}
    (run / "dangling.jpg").symlink_to("nowhere.jpg")
    (run / "loop.jpg").symlink_to("loop.jpg")
    (run / "endless.jpg").symlink_to("/dev/zero")
    (run / "locked.jpg").write_bytes(sound)
    (run / "locked.jpg").chmod(0)
    os.mkfifo(run / "pipe.jpg")
    (run / "to a pipe.jpg").symlink_to("pipe.jpg")
    with closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(str(run / "socket.jpg"))
    (run / "huge.jpg").write_bytes(b"\xff\xd8\xff")
    os.truncate(run / "huge.jpg", 5_000_000_000)
    return expected | {
        "dangling.jpg": "missing", "loop.jpg": "damaged", "endless.jpg": "not_an_image",
        "locked.jpg": "locked", "pipe.jpg": "not_an_image", "to a pipe.jpg": "not_an_image",
        "socket.jpg": "damaged", "huge.jpg": "too_large",
    }  # fmt: skip


def test_odd_names_and_things_that_are_no_files_have_an_outcome_each(open_folder: Path):
    run, workspace = open_folder / "run", open_folder / "ws"
    run.mkdir()
    expected = write_odd(run)
    code = crash.scan(run, workspace, partial(watch, open_folder / "figures", is_nobody=True))
    assert code == 3, crash.told(workspace)
    found = rows(workspace)
    assert len(found) == len(expected)
    told = {name: reason for name, (_, reason, *_) in found.items()}
    for name, reason in expected.items():
        if name.isascii() and "\\x" not in name:
            assert told[name] == reason, name
    assert sum(not reason for reason in told.values()) == sum(not one for one in expected.values())
    shown = catenary("runs", "show", "run", "--workspace", str(workspace))
    assert shown.returncode == 0
    assert "loop.jpg" in shown.stdout
    for form in ("html", "xlsx"):
        path = open_folder / f"report.{form}"
        done = catenary(
            "report", "run", "--workspace", str(workspace), "--format", form, "-o", str(path)
        )
        assert done.returncode == 0, done.stderr
    page = (open_folder / "report.html").read_text(encoding="utf-8")
    assert "[red]markup" not in page  # done, not told
    assert "to a pipe.jpg" in page
    openpyxl.load_workbook(open_folder / "report.xlsx")
    with suppress(FileNotFoundError):
        (run / "locked.jpg").chmod(0o600)
