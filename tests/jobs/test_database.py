"""A scan whose results go to a PostgreSQL server."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from catenary.domain.errors import StoreGoneError
from catenary.jobs.scanning import assemble
from catenary.store import database, shards
from catenary.store.database import Database
from tests import forked, postgresql
from tests.jobs import quick
from tests.jobs.commands import catenary
from tests.jobs.quick import photographs


@pytest.fixture(autouse=True)
def _quick_judge(monkeypatch):
    monkeypatch.setattr(assemble, "judge", quick.judge)


def scan(run: Path, *more: str) -> tuple[str, ...]:
    return ("scan", str(run), "--workspace", str(run.parent / "ws"), *more)


def listed(*place: str) -> dict[str, object]:
    (record,) = json.loads(catenary("runs", "--json", *place).stdout)
    assert record.pop("scan")["state"]  # what the scan does differs from call to call
    return record


def test_a_run_in_postgresql_reads_as_one_in_a_file(tmp_path, database_url, monkeypatch):
    run = photographs(tmp_path / "run", 5)
    place = ("--workspace", str(tmp_path / "ws"))
    assert catenary(*scan(run)).returncode == 0
    in_file = listed(*place)
    assert in_file["findings"] == 5
    done = catenary(*scan(run, "--database", database_url))
    assert done.returncode == 0, done.stderr
    assert listed(*place, "--database", database_url) == in_file
    tables = []
    for more in ((), ("--database", database_url)):
        path = tmp_path / "report.csv"
        done = catenary("report", "run", *place, *more, "--format", "csv", "-o", str(path))
        assert done.returncode == 0, done.stderr
        tables.append(path.read_text(encoding="utf-8-sig"))
    assert tables[0] == tables[1]
    monkeypatch.setenv("CATENARY_DATABASE", database_url)
    assert "run: 5 images" in catenary("runs", "show", "run", *place).stdout


def test_a_server_that_cannot_be_reached_is_one_line(tmp_path):
    url = "postgresql+psycopg://me:secret@127.0.0.1:20009/4c"
    done = catenary(*scan(photographs(tmp_path / "run", 1), "--database", url))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "me@127.0.0.1:20009/4c cannot be reached" in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_a_scan_goes_on_when_its_database_is_back(tmp_path):
    programs = postgresql.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server found (initdb); on Debian: apt-get install postgresql")
    run = photographs(tmp_path / "run", 60)
    with postgresql.running(programs) as server:
        place = ("--database", server.new_database())
        command = ("--verbose", *scan(run, *place, "--set", "batch=1"))
        slowly = {"QUICK_SECONDS": "0.03"}
        with forked.begun(*command, main=quick.main, environment=slowly) as process:
            process.until("wrote")
            server.stop()
            process.until("the scan waits, at most 60 minutes")
            server.start()
            assert "is back" in process.rest()
            assert process.wait() == 0
        record = listed("--workspace", str(tmp_path / "ws"), *place)
    assert (record["done"], record["failed"], record["pending"]) == (60, 0, 0)
    assert record["findings"] == 60


def test_a_batch_whose_answer_was_lost_is_not_written_twice(tmp_path, monkeypatch):
    """The server kept the batch, and went away before it could say so."""
    write, record = Database.write, shards.record
    batches, lost = [], []

    def recorded(tx, run_id, written):
        record(tx, run_id, written)
        batches.append(written)

    @contextmanager
    def unanswered(self):
        before = len(batches)
        with write(self) as tx:
            yield tx
        if len(batches) > before and not lost:
            lost.append(batches[-1])
            raise StoreGoneError("the server is gone")

    monkeypatch.setattr(shards, "record", recorded)
    monkeypatch.setattr(Database, "write", unanswered)
    monkeypatch.setattr(database.time, "sleep", lambda _: None)
    done = catenary(*scan(photographs(tmp_path / "run", 5), "--set", "batch=2"))
    assert done.returncode == 0, done.stderr
    assert len(lost) == 1
    told = listed("--workspace", str(tmp_path / "ws"))
    assert (told["done"], told["pending"], told["findings"]) == (5, 0, 5)
