"""The bench of huge runs, on small ones."""

import json
from pathlib import Path

import pytest

from catenary.domain.errors import StoreError
from catenary.jobs.benches import archive
from catenary.jobs.benches.archive import Sizes
from tests.jobs.commands import catenary


@pytest.fixture
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_apart", lambda work, *arguments: work(*arguments))


@pytest.mark.usefixtures("_in_this_process")
def test_every_figure_is_there_and_nothing_is_left(tmp_path: Path):
    done = catenary(
        *("bench", "archive", "-o", str(tmp_path / "bench"), "--frames", "90", "--frames", "3000"),
        *("--scanned", "100", "--rows", "1000", "--json"),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["frames"] for one in told["starts"]] == [90, 3000]
    assert all(0 < one["first_s"] <= one["planned_s"] for one in told["starts"])
    assert [one["frames"] for one in told["resumed"]] == [90, 3000]
    assert told["resumed"][1]["shards"] > 80
    (scanned,) = told["scanned"]
    assert (scanned["frames"], len(scanned["rates"]), len(scanned["memory_mb"])) == (100, 10, 10)
    assert [one["what"] for one in told["inserted"]] == ["ledger", "outcomes", "findings"]
    assert all(one["rows"] == 1000 and one["file_mb"] > 0 for one in told["inserted"])
    assert all(0 < one["median_ms"] <= one["p95_ms"] for one in told["asked"])
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["pictures"]


def test_a_folder_in_use_is_refused(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StoreError, match="is in use; name a new folder"):
        archive.bench(tmp_path, Sizes(), print)


def test_sizes_that_measure_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 64"):
        Sizes(frames=(100, 3))
