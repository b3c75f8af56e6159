import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from catenary.domain.errors import StoreError
from catenary.store import database, ledger, schema
from catenary.store.database import Database
from catenary.store.migrations import upgrade
from tests import quick_tables
from tests.store import records


def test_migrations_lead_to_the_tables_of_the_code(db: Database):
    with db.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []


def test_the_quick_way_of_tests_makes_what_the_migrations_make():
    def made(make: Callable[[Connection, str], None]) -> tuple[list, dict[str, list]]:
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            make(connection, "memory")
            names = inspect(connection).get_table_names()
            rows = {one: connection.exec_driver_sql(f"SELECT * FROM {one}").all() for one in names}
            order = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
            found = connection.exec_driver_sql(order).all()
        engine.dispose()
        return found, rows

    assert made(quick_tables.make) == made(quick_tables.migrated)


def test_migrations_hold_the_same_constraints_and_indexes_as_the_code(
    db: Database, url: str, request: pytest.FixtureRequest
):
    empty = request.getfixturevalue("database_url") if url else "sqlite://"
    engine = create_engine(empty)
    schema.metadata.create_all(engine)
    direct = inspect(engine)
    with db.read() as connection:
        migrated = inspect(connection)
        for table in schema.metadata.tables:
            for facts in ("columns", "check_constraints", "unique_constraints", "indexes"):
                expected = getattr(direct, f"get_{facts}")(table)
                found = getattr(migrated, f"get_{facts}")(table)
                assert told(found) == told(expected), (table, facts)
            # SQLite has no way to name, nor to drop, a key that comes with an added column.
            unnamed = () if url else ("name",)
            keys = migrated.get_foreign_keys(table), direct.get_foreign_keys(table)
            assert told(keys[0], unnamed) == told(keys[1], unnamed), table
    engine.dispose()


def told(facts: Iterable[Mapping[str, object]], left_out: Sequence[str] = ()) -> list[str]:
    """Return what the database says of a table, the same for the same."""
    words = ({key: one[key] for key in one if key not in left_out} for one in facts)
    plain = (
        one | {"dialect_options": [str(each) for each in dict(one["dialect_options"]).values()]}
        if "dialect_options" in one
        else one
        for one in words
    )
    return sorted(map(str, plain))


def test_what_the_third_release_scanned_is_told_of_one_scan(tmp_path: Path, url: str, request):
    """A workspace from before scans were counted keeps everything, and says who judged what."""
    place = request.getfixturevalue("database_url") if url else f"sqlite:///{tmp_path}/old.db"
    engine = create_engine(place)
    script = ScriptDirectory(str(Path(upgrade.__file__).parent))
    with engine.begin() as connection:
        steps = list(script.iterate_revisions("0003_views_joined", "base"))

        def old(*_: object) -> list[MigrationStep]:
            return [
                MigrationStep.upgrade_from_script(script.revision_map, one) for one in steps[::-1]
            ]

        context = MigrationContext.configure(connection, opts={"fn": old})
        with Operations.context(context):
            context.run_migrations()
        for number, name in ((1, "scanned"), (2, "untouched")):
            connection.execute(
                text(
                    "INSERT INTO run VALUES (:id, :name, '/d', 'plain', '', '', '',"
                    " '2026-01-01 00:00:00', '{}', '{}', 'demo-1', '1@abc', '1')"
                ),
                {"id": number, "name": name},
            )
        for number, outcome in ((1, "done"), (2, None), (3, "failed")):
            connection.execute(
                text(
                    "INSERT INTO frame (id, run_id, seq, image_id, file_name, location, camera,"
                    " view, outcome, reason, note, width, height, seconds, finished_at)"
                    " VALUES (:id, 1, :id, :name, 'f', 'l', '', '', :outcome, '', '', 0, 0, 0, :at)"
                ),
                {
                    "id": number,
                    "name": str(number),
                    "outcome": outcome,
                    "at": outcome and datetime(2026, 1, 2),  # noqa: DTZ001 - as the column holds it
                },
            )
    engine.dispose()
    db = database.open_workspace_db(place)
    with db.read() as connection:
        (known,) = connection.execute(select(schema.scan)).mappings()
        frames = connection.execute(select(schema.frame).order_by(schema.frame.c.id)).mappings()
        rows = [(one["scan_id"], one["again"], one["revision"]) for one in frames]
    db.close()
    assert (known["model"], known["images"], known["state"]) == ("demo-1", 2, "done")
    assert rows == [(known["id"], False, 0), (None, False, 0), (known["id"], False, 0)]


def test_a_second_opening_finds_what_the_first_wrote(tmp_path: Path):
    path = tmp_path / "catenary.db"
    first = database.open_workspace_db(path)
    with first.write() as tx:
        ledger.register(tx, records.record())
    first.close()
    second = database.open_workspace_db(f"sqlite:///{path}")
    with second.read() as connection:
        assert ledger.run_id_of(connection, "沪蓉_下行") == 1
    second.close()


@pytest.mark.parametrize("url", [""])  # SQLite
def test_the_database_is_in_wal_mode_with_foreign_keys(db: Database):
    with db.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1  # NORMAL
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_write_that_fails_leaves_nothing(db: Database):
    def fail() -> None:
        with db.write() as tx:
            ledger.register(tx, records.record())
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    with db.read() as connection:
        assert connection.execute(select(schema.run.c.id)).all() == []


def test_an_upgrade_that_fails_leaves_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "migrations"
    shutil.copytree(Path(upgrade.__file__).parent, folder)
    (folder / "versions" / "v9999_broken.py").write_text(
        f"from alembic import op\n\nrevision = 'next'\ndown_revision = '{upgrade.newest()}'\n\n\n"
        "def upgrade():\n    op.execute('ALTER TABLE nowhere ADD COLUMN x INTEGER')\n"
    )
    monkeypatch.setattr(upgrade, "__file__", str(folder / "upgrade.py"))
    path = tmp_path / "catenary.db"
    with pytest.raises(Exception, match="nowhere"):
        database.open_workspace_db(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    raw.close()


def test_a_database_of_an_older_release_is_upgraded_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "catenary.db"
    first = database.open_workspace_db(path)
    with first.write() as tx:
        ledger.register(tx, records.record())
    first.close()
    folder = tmp_path / "migrations"
    shutil.copytree(Path(upgrade.__file__).parent, folder)
    (folder / "versions" / "v9999_next.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n\n"
        f"revision = 'next'\ndown_revision = '{upgrade.newest()}'\n\n\n"
        "def upgrade():\n    op.add_column('run', sa.Column('operator', sa.Text()))\n"
    )
    monkeypatch.setattr(upgrade, "__file__", str(folder / "upgrade.py"))
    second = database.open_workspace_db(path)
    with second.read() as connection:
        row = connection.execute(text("SELECT name, operator FROM run")).one()
        assert tuple(row) == ("沪蓉_下行", None)
    second.close()


def test_a_newer_database_is_refused(tmp_path: Path):
    path = tmp_path / "catenary.db"
    database.open_workspace_db(path).close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    told = rf"newer catenary \(schema 9999.*knows {upgrade.newest()}.*upgrade"
    with pytest.raises(StoreError, match=told):
        database.open_workspace_db(path)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path):
    path = tmp_path / "photos.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE indexTB (Id INTEGER)")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match=r"another program \(indexTB\)"):
        database.open_workspace_db(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "catenary.db"
    path.write_bytes(b"\xff\xd8\xff\xe0 a photograph, not a database" * 100)
    with pytest.raises(StoreError, match="is not a database or is damaged"):
        database.open_workspace_db(path)


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(StoreError, match=r"nowhere/catenary\.db cannot be opened; check"):
        database.open_workspace_db(tmp_path / "nowhere" / "catenary.db")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle+nothing://host/db", "cannot be opened"),
        ("://", "is not a database URL"),
    ],
)
def test_an_unknown_kind_of_database_is_refused(url: str, words: str):
    with pytest.raises(StoreError, match=words):
        database.open_workspace_db(url)


@pytest.mark.parametrize("url", [""])  # SQLite
def test_a_full_disk_is_said_so_and_the_batch_is_rolled_back(db: Database, run_id: int):
    def fill() -> None:
        with db.write() as tx:
            # What SQLite answers is the same as for a full disk: SQLITE_FULL.
            pages = tx.execute(text("PRAGMA page_count")).scalar()
            tx.execute(text(f"PRAGMA max_page_count = {pages}"))
            ledger.plan(tx, run_id, records.refs(5000))

    with pytest.raises(StoreError, match="the disk is full; free some space"):
        fill()
    with db.read() as connection:
        assert connection.execute(select(schema.frame.c.id)).all() == []


def test_a_database_locked_by_another_program_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "catenary.db"
    database.open_workspace_db(path).close()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    db = database.open_workspace_db(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is locked by another program"), db.write():
        pass
    other.close()
    db.close()


def test_two_writes_at_once_in_one_process_are_refused(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with db.write(), pytest.raises(StoreError, match="another write of this process"), db.write():
        pass


def test_writers_of_many_threads_take_turns(db: Database):
    def register(number: int) -> None:
        for each in range(5):
            with db.write() as tx:
                ledger.register(tx, records.record("run", f"/data/{number}/{each}"))

    threads = [threading.Thread(target=register, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as connection:
        names = connection.execute(select(schema.run.c.name)).scalars().all()
    assert sorted(names) == sorted(["run", *(f"run-{number}" for number in range(2, 21))])


def test_a_reader_is_not_disturbed_by_a_writer(db: Database):
    with db.read() as reader:
        before = reader.execute(select(schema.run.c.id)).all()
        with db.write() as tx:
            ledger.register(tx, records.record())
        assert reader.execute(select(schema.run.c.id)).all() == before == []


def test_a_read_only_file_is_said_so(tmp_path: Path):
    path = tmp_path / "catenary.db"
    database.open_workspace_db(path).close()
    db = database.open_workspace_db(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(StoreError, match="is read-only; make the file"), db.write() as tx:
        ledger.register(tx, records.record())
    db.close()


def test_a_broken_constraint_is_our_own_bug_and_not_hidden(db: Database, run_id: int):
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), db.write() as tx:
        tx.execute(
            insert(schema.shard).values(
                run_id=run_id + 1, file_name="a", rows=1, sha256="", first_seq=0, last_seq=0
            )
        )
