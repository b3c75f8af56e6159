"""The bench of huge runs, on small ones."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect

from catenary.domain.errors import StoreError
from catenary.jobs.benches import archive, archive_rows
from catenary.jobs.benches.archive import Sizes
from catenary.store import database, findings, ledger, queue, schema
from catenary.store.database import Database
from catenary.store.ledger import RunRecord
from catenary.store.queue import Order
from catenary.store.queue_counts import QueueCounts
from catenary.store.review_items import Wanted
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary


@pytest.fixture
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_apart", lambda work, *arguments: work(*arguments))


@pytest.fixture
def _few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_rows, "_QUERIES", 5)
    monkeypatch.setattr(archive_rows, "_SOME", 2)


@pytest.mark.usefixtures("_in_this_process", "_few_questions")
def test_every_figure_is_there_and_nothing_is_left(tmp_path: Path):
    done = catenary(
        *("bench", "archive", "-o", str(tmp_path / "bench"), "--frames", "90", "--frames", "3000"),
        *("--scanned", "100", "--rows", "1000", "--held", "0", "--held", "3000", "--json"),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["frames"] for one in told["starts"]] == [90, 3000]
    assert all(0 < one["first_s"] <= one["planned_s"] for one in told["starts"])
    assert [one["frames"] for one in told["resumed"]] == [90, 3000]
    assert told["resumed"][1]["shards"] > 80
    (scanned,) = told["scanned"]
    assert (scanned["frames"], len(scanned["rates"]), len(scanned["memory_mb"])) == (100, 10, 10)
    tables = ["ledger", "outcomes", "findings"]
    assert [(one["what"], one["held"]) for one in told["inserted"]] == [
        (what, held) for held in (0, 3000) for what in tables
    ]
    assert all(one["rows"] == 1000 and one["file_mb"] > 0 for one in told["inserted"])
    assert {one["held"] for one in told["asked"]} == {0, 3000}
    assert all(0 < one["median_ms"] <= one["p95_ms"] for one in told["asked"])
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["pictures"]


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, int]]:
    """Give a database that made 300 photographs, findings and items by itself, and their run."""
    is_file = request.param == "sqlite"
    url = tmp_path / "rows.db" if is_file else request.getfixturevalue("database_url")
    db = database.open_workspace_db(url)
    with db.write() as tx:
        record = RunRecord(archive_rows.RUN, "/bench", "bench", archive_rows.VERSIONS, {})
        run_id = ledger.register(tx, record)
    archive_rows.grow(db, run_id, 0, 200)
    archive_rows.grow(db, run_id, 200, 300)
    yield db, run_id
    db.close()


def test_rows_that_the_database_makes_are_those_of_a_scan(filled: tuple[Database, int]):
    db, run_id = filled
    with db.write() as tx:
        assert ledger.plan(tx, run_id, map(archive_rows.ref, range(301))) == 1  # 300 were there
    with db.read() as connection:
        own = {one.ref.image_id: one for one in findings.of_run(connection, run_id)}
        queued = queue.page(connection, Wanted(), Order.RISK, None, 400)
        names = {one["name"] for one in inspect(connection).get_indexes("review_item")}
    assert (
        len(own)
        == len(queued.items)
        == QueueCounts(db).page(Wanted(), Order.RISK, None, 1).total
        == 300
    )
    made, ours = own[archive_rows.ref(7).image_id], archive_rows.finding_of(7)
    assert made.ref == archive_rows.ref(7)
    assert made.finding.probability == pytest.approx(ours.probability)
    assert replace(made.finding, probability=0.5) == replace(ours, probability=0.5)
    assert {item.name for item in queued.items[:1]} == {
        max(own.values(), key=lambda one: one.finding.probability or 0).ref.image_id[:-4]
    }
    assert {one.name for one in schema.review_item.indexes} <= names  # all made again


def test_a_database_with_runs_is_refused(tmp_path: Path):
    workspace = Workspace(tmp_path)
    next(archive_rows.measure(workspace, [0], 100))
    with pytest.raises(StoreError, match="holds runs; name an empty database"):
        next(archive_rows.measure(workspace, [0], 100))


def test_rows_that_fall_are_refused():
    done = catenary("bench", "archive", "-o", "x", "--held", "5", "--held", "3")
    assert done.returncode == 2
    assert "must rise" in done.stderr


def test_a_folder_in_use_is_refused(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StoreError, match="is in use; name a new folder"):
        archive.bench(tmp_path, Sizes(), print)


def test_sizes_that_measure_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 64"):
        Sizes(frames=(100, 3))
