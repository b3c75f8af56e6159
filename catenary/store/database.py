"""Open a workspace's database; one writer, many readers, and errors in words."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from catenary.domain.errors import StoreError
from catenary.store.migrations import upgrade as migrations

BUSY_SECONDS = 30.0  # wait for another process's short write; our starting value
_WRITES = "catenary_writes"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FORBIDDEN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}


class Database:
    """Connections to one workspace database; safe to share between threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Keep the engine; ``name`` is what errors call the database."""
        self.name = name
        self._engine = engine
        self._writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection with one consistent view of the data.

        Keep it short: on SQLite, the log file grows for as long as a view is held.

        Raises:
            StoreError: If the database cannot be read.
        """
        with _explained(self.name), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend the one writing connection: all of the block is kept, or none of it.

        Raises:
            StoreError: If the database cannot be written.
        """
        if not self._writer.acquire(timeout=BUSY_SECONDS):
            raise StoreError(f"{self.name} is locked by another write of this process")
        try:
            with _explained(self.name), self._engine.connect() as connection:
                connection.execution_options(**{_WRITES: True})
                with connection.begin():
                    yield connection
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()


def open_workspace_db(location: Path | str, *, is_durable: bool = False) -> Database:
    """Open a database, creating or upgrading it.

    Args:
        location: Path of a SQLite file in an existing folder, or a database URL such as
            ``postgresql+psycopg://user@host/catenary``.
        is_durable: Whether what was written outlives a power cut: a scan can be done again, a
            decision cannot.

    Raises:
        StoreError: If it cannot be opened, is no database, or is newer than this program.
    """
    url = _url(location)
    name = str(url.database) if url.drivername == "sqlite" else url.render_as_string()
    try:
        engine = create_engine(url, **_arguments(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"{name} cannot be opened: {error}") from error
    database = Database(engine, name)
    try:
        if url.drivername == "sqlite":
            _prepare_sqlite(engine, name, is_durable)
        _bring_up_to_date(database)
    except StoreError:
        database.close()
        raise
    return database


def _url(location: Path | str) -> URL:
    if isinstance(location, str) and "://" in location:
        try:
            return make_url(location)
        except ArgumentError as error:
            raise StoreError(f"{location!r} is not a database URL: {error}") from error
    return URL.create("sqlite", database=str(Path(location).absolute()))


def _arguments(url: URL) -> dict[str, Any]:
    """Return what this kind of database needs beside its URL."""
    if url.drivername != "sqlite":
        return {"pool_pre_ping": True}
    # isolation_level None: sqlite3 never begins a transaction on its own; `_begin` chooses which.
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl
    return {"connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None}}


def _prepare_sqlite(engine: Engine, name: str, is_durable: bool) -> None:
    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # NORMAL: a power cut may lose the last batches, never damage the file.
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a writer waits for its turn here, and never fails half-way through.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    with _explained(name):
        raw = engine.raw_connection()
        try:
            if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()


def _bring_up_to_date(database: Database) -> None:
    with database.read() as connection:
        if migrations.current(connection) == migrations.newest():
            return
    with database.write() as connection:
        migrations.upgrade(connection, database.name)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what a user can mend into one sentence; broken constraints are our own bugs."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        words = _words(error.orig)
        if words is None:
            raise
        raise StoreError(f"{name} {words} ({error.orig})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{name} {_words(error) or 'cannot be opened'} ({error})") from error


def _words(error: BaseException | None) -> str | None:
    """Return what happened and what to do, or None where it is a bug."""
    if not isinstance(error, sqlite3.Error):
        return "cannot be reached" if error and "Operational" in type(error).__name__ else None
    primary = int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
    if primary in _LOCKED:
        return "is locked by another program; close it and try again"
    if primary in _FORBIDDEN:
        return "is read-only; make the file and its folder writable"
    if primary in _DAMAGED:
        return "is not a database or is damaged; restore a copy or choose another --workspace"
    if primary == sqlite3.SQLITE_FULL:
        return "cannot grow, the disk is full; free some space and start again"
    if primary == sqlite3.SQLITE_IOERR:
        return "cannot be read or written; check the disk and the free space"
    if primary == sqlite3.SQLITE_CANTOPEN:
        return "cannot be opened; check that the folder exists and is writable"
    return None
