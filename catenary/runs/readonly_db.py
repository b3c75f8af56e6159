"""SQLite files of a run, opened so that nothing is ever written beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catenary.domain.errors import CatenaryError

BUSY_SECONDS = 2.0  # wait for another program's write; our starting value
_SIGNATURE = b"SQLite format 3\0"
_WAL_VERSIONS = b"\x02\x02"  # header bytes 18-19; https://www.sqlite.org/fileformat.html
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# What media without file locks answer to mode=ro, e.g. a network share mounted read-only.
_NO_LOCKS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL}


class UnreadableDatabaseError(CatenaryError):
    """A SQLite file of a run cannot be read.

    Attributes:
        code: ``"missing"``, ``"locked"`` or ``"damaged"``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the reason code beside the sentence for people."""
        super().__init__(message)
        self.code = code


def is_sqlite(path: Path) -> bool:
    """Tell by its signature whether a file is a SQLite database.

    Raises:
        UnreadableDatabaseError: If the file is missing or cannot be read.
    """
    return _header(path).startswith(_SIGNATURE)


def connect(path: Path) -> sqlite3.Connection:
    """Open a database read-only; the connection may be used from any one thread at a time.

    A database in WAL mode is opened as immutable, since SQLite would otherwise create
    ``-wal`` and ``-shm`` files beside it. Where such a log still holds changes they would be
    missed, so that is refused.

    Raises:
        UnreadableDatabaseError: If the file is missing, locked or damaged.
    """
    header = _header(path)
    log = path.with_name(path.name + "-wal")
    is_wal = header[18:20] == _WAL_VERSIONS
    if is_wal and log.exists() and log.stat().st_size:
        raise UnreadableDatabaseError(
            "locked",
            f"{path} has changes waiting in {log.name}; close the program that writes it, or "
            f"open and close it there once, then scan again",
        )
    with translated(path):
        if is_wal:
            return _opened(path, "immutable=1")
        try:
            return _opened(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if _primary(error) not in _NO_LOCKS or path.with_name(path.name + "-journal").exists():
                raise
            return _opened(path, "immutable=1")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors on this file into one sentence.

    Raises:
        UnreadableDatabaseError: In place of any ``sqlite3.Error``, and of names of columns or
            words of SQLite itself that are no text.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        code, words = _explained(error)
        raise UnreadableDatabaseError(code, f"{path} {words} ({error})") from error


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100)
    except FileNotFoundError as error:
        raise UnreadableDatabaseError("missing", f"{path} is missing; copy it again") from error
    except PermissionError as error:
        message = f"{path} is locked or not permitted ({error.strerror})"
        raise UnreadableDatabaseError("locked", message) from error
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); check the disk"
        raise UnreadableDatabaseError("damaged", message) from error


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    """Connect and read the schema, which SQLite itself puts off until the first query."""
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
    )
    connection.text_factory = text
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        raise
    return connection


def text(raw: bytes) -> str:
    """Decode text; older writers put GBK bytes where SQLite expects UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _primary(error: Exception) -> int:
    """Return SQLite's primary result code; 1 for errors of Python's own."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _explained(error: Exception) -> tuple[str, str]:
    primary = _primary(error)
    if primary in _LOCKED:
        return "locked", "is locked by another program; close it and scan again"
    if primary in _DAMAGED:
        return "damaged", "is damaged or only half copied; copy it again"
    if primary == sqlite3.SQLITE_READONLY:
        return "locked", "holds an unfinished write; open it once in the program that wrote it"
    return "damaged", "cannot be read; check the disk and copy it again"
