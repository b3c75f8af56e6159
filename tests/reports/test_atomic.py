import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catenary.domain.errors import StoreError
from catenary.reports import atomic, coco, html, table, xlsx
from catenary.reports.data import ReportData
from tests.reports import reported

Writer = Callable[[ReportData, Path], None]
WRITERS = [
    html.write_html,
    xlsx.write_xlsx,
    table.write_csv,
    lambda data, path: coco.write_results(data, path, True),
]


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_keeps_the_old_report_and_leaves_no_half(tmp_path: Path, write: Writer):
    path = tmp_path / "report"
    path.write_text("old")
    data = reported.report([reported.dropper(number) for number in range(40)])
    with disk_full_after(2000), pytest.raises(StoreError, match="cannot write report") as caught:
        write(data, path)
    assert "\n" not in str(caught.value)
    assert "free some space" in str(caught.value)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("write", WRITERS)
def test_a_report_replaces_the_old_one_and_makes_its_folder(tmp_path: Path, write: Writer):
    path = tmp_path / "新" / "report"
    write(reported.report([reported.dropper(1)]), path)
    first = path.stat().st_size
    write(reported.report([]), path)
    assert 0 < path.stat().st_size < first
    assert [file.name for file in path.parent.iterdir()] == ["report"]


def test_a_report_can_be_read_by_others(tmp_path: Path):
    old = os.umask(0o022)
    try:
        table.write_csv(reported.report([]), tmp_path / "r.csv")
    finally:
        os.umask(old)
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o644


def test_a_bug_leaves_nothing_behind(tmp_path: Path):
    def fail() -> None:
        with atomic.replaced(tmp_path / "r") as partial:
            partial.write_text("half")
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_said_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/r\.csv: (File exists|Not a directory)"):
        table.write_csv(reported.report([]), tmp_path / "file" / "r.csv")
