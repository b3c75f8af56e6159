"""What a server brings that a file does not: names, passwords, absence, many processes."""

import logging
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from catenary.domain.errors import StoreError, StoreGoneError
from catenary.store import database, ledger, schema
from catenary.store.database import Database
from tests.postgresql import Server, binaries, running
from tests.store import records


def refused(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        database.open_workspace_db(url)
    return str(caught.value)


def test_a_server_that_is_not_there_is_one_clear_error():
    told = refused("postgresql+psycopg://me:secret@127.0.0.1:20009/4c")
    assert told.startswith("postgresql+psycopg://me@127.0.0.1:20009/4c cannot be reached; check")
    assert "Connection refused" in told
    assert "\n" not in told
    assert "secret" not in told


def test_a_wrong_password_is_said_so_and_not_told(postgresql_server: Server):
    postgresql_server.execute("DROP ROLE IF EXISTS guarded")
    postgresql_server.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    url = postgresql_server.url("postgres", "guarded:wrong")
    told = refused(url)
    assert "refuses this user or password" in told
    assert "wrong" not in told
    assert "refuses this user or password" in refused(postgresql_server.url("postgres", "guarded"))


def test_an_unknown_user_or_database_is_named(postgresql_server: Server):
    assert "is not there; create it" in refused(postgresql_server.url("nowhere"))
    assert "refuses this user" in refused(postgresql_server.url("postgres", "nobody_we_know"))


@pytest.mark.parametrize("url", ["me:secret@host/4c", "postgresql:/me:secret@host", ""])
def test_what_is_no_url_is_refused_without_repeating_it(url: str):
    told = refused(url)
    assert "is not a database URL; write postgresql+psycopg://USER@HOST/NAME" in told
    assert "secret" not in told


def test_the_short_scheme_is_understood(postgresql_server: Server, database_url: str):
    opened = database.open_workspace_db(database_url.replace("postgresql+psycopg", "postgresql"))
    with opened.read() as connection:
        assert connection.execute(text("SHOW server_version_num")).scalar() >= "150000"
    opened.close()


def test_a_user_without_rights_is_told_so(postgresql_server: Server, database_url: str):
    postgresql_server.execute("DROP ROLE IF EXISTS guest")
    postgresql_server.execute("CREATE ROLE guest LOGIN")
    told = refused(database_url.replace("tester@", "guest@"))
    assert "does not let this user do that" in told


def at_once(count: int, work: Callable[[int], None]) -> None:
    failed: list[BaseException] = []
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failed.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_processes_that_open_a_new_database_at_once_make_its_tables_once(database_url: str):
    at_once(4, lambda _: database.open_workspace_db(database_url).close())


def test_processes_that_register_runs_of_one_name_at_once_get_different_names(database_url: str):
    databases = [database.open_workspace_db(database_url) for _ in range(4)]

    def register(number: int) -> None:
        with databases[number].write() as tx:
            ledger.register(tx, records.record("run", f"/data/{number}"))

    at_once(4, register)
    with databases[0].read() as connection:
        names = connection.execute(select(schema.run.c.name)).scalars().all()
    for one in databases:
        one.close()
    assert sorted(names) == ["run", "run-2", "run-3", "run-4"]


@pytest.fixture
def served(database_url: str):
    opened = database.open_workspace_db(database_url)
    yield opened
    opened.close()


def test_the_first_rows_of_a_reader_do_not_wait_for_a_compiler(served: Database):
    with served.read() as connection:
        assert connection.execute(text("SHOW jit")).scalar_one() == "off"


def test_a_reader_cannot_write(served: Database):
    with pytest.raises(StoreError, match="is read-only"), served.read() as connection:
        ledger.register(connection, records.record())


def test_a_lock_that_is_held_too_long_is_said_so(served: Database, database_url: str, monkeypatch):
    monkeypatch.setattr(database.postgresql, "LOCK_SECONDS", 1)
    other = database.open_workspace_db(database_url)
    with served.write() as tx:
        tx.execute(text("LOCK TABLE run"))
        with pytest.raises(StoreError, match="is locked by another program"), other.write() as too:
            ledger.register(too, records.record())
    other.close()


@pytest.fixture
def own_server():
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server found (initdb); on Debian: apt-get install postgresql")
    with running(programs) as server:
        yield server


def test_a_server_that_goes_away_is_waited_for(own_server: Server, caplog, monkeypatch):
    db = database.open_workspace_db(own_server.new_database())
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())

    def lost() -> None:
        with db.write() as tx:
            ledger.plan(tx, run_id, records.refs(3))
            own_server.stop()

    with pytest.raises(StoreGoneError, match="cannot be reached"):
        lost()
    with pytest.raises(StoreGoneError, match="cannot be reached"), db.read():
        pass
    assert "the scan waits" not in caplog.text
    db.patience_s = 60.0
    # The server comes back while the reader waits, not by the clock.
    monkeypatch.setattr(database.time, "sleep", lambda _: own_server.start())
    with caplog.at_level(logging.WARNING), db.read() as connection:
        assert ledger.run_id_of(connection, "沪蓉_下行") == run_id
        assert list(connection.execute(select(schema.frame.c.id))) == []
    assert "the scan waits, at most 1 minutes" in caplog.text
    assert "is back" in caplog.text
    db.close()
