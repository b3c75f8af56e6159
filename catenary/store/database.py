"""Open a workspace's database; one writer, many readers, and errors in words."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from catenary.domain.errors import StoreBusyError, StoreError, StoreGoneError
from catenary.store import postgresql
from catenary.store.migrations import upgrade as migrations

log = logging.getLogger(__name__)

BUSY_SECONDS = 30.0  # wait for another process's short write; our starting value
_WRITES = "catenary_writes"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0  # between tries of a server that is away
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FORBIDDEN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}


class Write(Protocol):
    """Writes all or nothing, by `Database.write`."""

    def __call__(self, *, is_again: bool) -> None:
        """Write; ``is_again`` where it failed before, since a lost server may have kept it."""


class Database:
    """Connections to one workspace database; safe to share between threads.

    Attributes:
        patience_s: How long to wait for a server that went away, before reading and in `wait`, and
            in `persist` for a program that holds the file too.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        """Keep the engine; ``name`` is what errors call the database."""
        self.name = name
        self.patience_s = 0.0
        self._engine = engine
        self._writer = threading.Lock()

    @contextmanager
    def read(self, *, is_patient: bool = True) -> Iterator[Connection]:
        """Lend a connection with one consistent view of the data.

        Keep it short: on SQLite, the log file grows for as long as a view is held.

        Args:
            is_patient: Wait for a server that is away.

        Raises:
            StoreGoneError: If its server cannot be reached; only after `patience_s` if it could
                not be reached at the beginning.
            StoreError: If the database cannot be read.
        """
        connection = self._connection(is_patient=is_patient)
        with _explained(self.name), connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend the one writing connection: all of the block is kept, or none of it.

        Raises:
            StoreGoneError: If its server cannot be reached. One that was lost at the very end may
                have kept the block.
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

    def wait(self, error: StoreGoneError) -> None:
        """Return as soon as the server answers again; Ctrl-C ends the waiting.

        Raises:
            StoreGoneError: ``error``, when the server is away for longer than `patience_s`.
        """
        started, pause = time.monotonic(), _FIRST_PAUSE_S
        if self.patience_s:
            log.warning("the scan waits, at most %.0f minutes: %s", self.patience_s / 60, error)
        while True:
            left = self.patience_s - (time.monotonic() - started)
            if left <= 0:
                raise error
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                with _explained(self.name), self._engine.connect():
                    log.warning("%s is back", self.name)
                    return
            except StoreGoneError:
                continue

    def persist(self, write: Write) -> None:
        """Write, and again for as long as the server is away or another program holds the file.

        A backup or a browser of databases may hold it for minutes; a scan of days must not end by
        that. Ctrl-C ends the waiting.

        Args:
            write: Writes all or nothing.

        Raises:
            StoreGoneError: If the server is away for longer than `patience_s`.
            StoreBusyError: If the file is held for longer.
            StoreError: If it cannot be written.
        """
        started, is_again = time.monotonic(), False
        while True:
            try:
                return write(is_again=is_again)
            except StoreGoneError as error:
                self.wait(error)
            except StoreBusyError as error:
                if time.monotonic() - started >= self.patience_s:
                    raise
                if not is_again:
                    told = "the scan waits, at most %.0f minutes: %s"
                    log.warning(told, self.patience_s / 60, error)
            is_again = True

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def _connection(self, *, is_patient: bool) -> Connection:
        """Return a connection, when need be after waiting for the server."""
        while True:
            try:
                with _explained(self.name):
                    return self._engine.connect()
            except StoreGoneError as error:
                if not is_patient:
                    raise
                self.wait(error)


def open_workspace_db(location: Path | str, *, is_durable: bool = False) -> Database:
    """Open a database, creating or upgrading its tables.

    Args:
        location: Path of a SQLite file in an existing folder, or a database URL such as
            ``postgresql+psycopg://user@host/catenary``. Passwords in it are never told.
        is_durable: Whether what was written outlives a power cut: a scan can be done again, a
            decision cannot. A PostgreSQL server always keeps it.

    Raises:
        StoreGoneError: If its server cannot be reached.
        StoreError: If it cannot be opened, is no database, or is newer than this program.
    """
    url = _url(location)
    name = str(url.database) if url.drivername == "sqlite" else postgresql.name(url)
    try:
        engine = create_engine(url, **_arguments(url))
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{name} needs the package {error.name}: pip install 'catenary[postgres]'"
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(f"{name} cannot be opened: {error}") from error
    database = Database(engine, name)
    try:
        if url.drivername == "sqlite":
            _prepare_sqlite(engine, name, is_durable)
        else:
            _prepare_server(engine)
        _bring_up_to_date(database)
    except StoreError:
        database.close()
        raise
    return database


def _url(location: Path | str) -> URL:
    if isinstance(location, Path):
        return URL.create("sqlite", database=str(location.absolute()))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        # What was given is not repeated: a password may be in it.
        raise StoreError(
            "what was given is not a database URL; write postgresql+psycopg://USER@HOST/NAME"
        ) from error
    return postgresql.completed(url) if postgresql.is_meant(url) else url


def _arguments(url: URL) -> dict[str, Any]:
    """Return what this kind of database needs beside its URL."""
    if url.drivername != "sqlite":
        return postgresql.arguments()
    # Requests of a web server run in 40 threads. To open a connection anew costs more than most.
    pooled = {"pool_size": 20, "max_overflow": 20} if url.database else {}
    # isolation_level None: sqlite3 never begins a transaction on its own; `_begin` chooses which.
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl
    return {"connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None}, **pooled}


def _prepare_server(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        postgresql.begin(connection, is_write=bool(writes))


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
        raise _told(name, error) from error
    except PoolTimeoutError as error:
        raise StoreError(f"{name} has no connection to spare; try again ({error})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{name} {_words(error) or 'cannot be opened'} ({error})") from error


def _told(name: str, error: DBAPIError) -> StoreError | DBAPIError:
    """Return an error in words, or the error itself where it is a bug."""
    reason = " ".join(str(error.orig).split())
    if isinstance(error.orig, sqlite3.Error):
        words = _words(error.orig)
        kind = StoreBusyError if _primary(error.orig) in _LOCKED else StoreError
        return kind(f"{name} {words} ({reason})") if words else error
    if postgresql.is_gone(error):
        return StoreGoneError(
            f"{name} cannot be reached; check that its server runs and the network ({reason})"
        )
    words = postgresql.words(error.orig)
    return StoreError(f"{name} {words} ({reason})") if words else error


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _words(error: sqlite3.Error) -> str | None:
    """Return what happened and what to do, or None where it is a bug."""
    primary = _primary(error)
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
