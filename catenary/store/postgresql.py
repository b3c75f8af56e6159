"""What is special to PostgreSQL: how to connect, and its errors in words."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from catenary.store.path_text import PathText

DIALECT = "postgresql"
LOCK_SECONDS = 30  # wait for another process's short write; as long as on SQLite
_MIGRATION_LOCK, _REGISTER_LOCK = (
    4_037_001,
    4_037_002,
)  # any numbers no other program is likely to use
# A server that vanished without a word is noticed within a minute instead of two hours.
_CONNECT = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "catenary",
}
_UNTOLD = {"password", "sslpassword", *_CONNECT}
# SQLSTATE, or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_WORDS = {
    "08": "cannot be reached",
    "57P": "cannot be reached",
    "28": "refuses this user or password; check both, e.g. in ~/.pgpass or PGPASSWORD",
    "3D": "is not there; create it, e.g. with `createdb`",
    "42501": "does not let this user do that; grant it the right to use and create tables",
    "25006": "is read-only; name the server that takes writes",
    "53100": "cannot grow, the disk of its server is full; free some space and start again",
    "53300": "takes no more connections; raise max_connections or stop other programs",
    "55P03": "is locked by another program; end its transaction and try again",
    "40": "was written to by another program at the same moment; start again",
    "22001": "refuses a text that is longer than its column",
}
_REFUSED = (  # a failed connection has no SQLSTATE, only the server's English or libpq's words
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ('role "', "28"),
    ('database "', "3D"),
    ("too many clients", "53300"),
)


def is_meant(url: URL) -> bool:
    """Tell whether a URL names a PostgreSQL database."""
    return url.get_backend_name() in (DIALECT, "postgres")


def completed(url: URL) -> URL:
    """Return a URL with the driver, and time-outs where it says none."""
    filled = {**_CONNECT, **url.query}
    return url.set(drivername="postgresql+psycopg", query=filled)


def name(url: URL) -> str:
    """Return the database for messages: no password, none of our own settings.

    >>> from sqlalchemy import make_url
    >>> name(make_url("postgresql+psycopg://me:secret@host/4c?password=x&sslmode=require"))
    'postgresql+psycopg://me@host/4c?sslmode=require'
    """
    told = {key: value for key, value in url.query.items() if key not in _UNTOLD}
    shown = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, told)
    return shown.render_as_string()


def arguments() -> dict[str, Any]:
    """Return how connections are pooled; each is tried before it is lent."""
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 20, "pool_timeout": LOCK_SECONDS}


def begin(connection: Connection, *, is_write: bool) -> None:
    """Give a reader one consistent view; have a writer wait for locks no longer than is usual.

    A reader's statements are not compiled (jit): that takes half a second where the first rows of
    a million are wanted, and these come in milliseconds.
    """
    if is_write:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    else:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        connection.execute(text("SET LOCAL jit = off"))


def hold_for_migration(connection: Connection) -> None:
    """Have processes that open a database at once take turns, until the transaction ends."""
    _hold(connection, _MIGRATION_LOCK)


def hold_for_register(connection: Connection) -> None:
    """Have processes that look for a free name take turns, until the transaction ends."""
    _hold(connection, _REGISTER_LOCK)


def _hold(connection: Connection, number: int) -> None:
    if connection.dialect.name == DIALECT:  # on SQLite a writer is alone
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def is_gone(error: DBAPIError) -> bool:
    """Tell whether the server cannot be reached for now, rather than refusing something."""
    if error.connection_invalidated:
        return True
    code = _code(error.orig)
    return code.startswith(("08", "57P"))


def words(error: BaseException | None) -> str | None:
    """Return what happened and what to do, or None where it is a bug."""
    code = _code(error)
    for length in (5, 3, 2):
        if found := _WORDS.get(code[:length]):
            return found
    return None


def _code(error: BaseException | None) -> str:
    """Return the SQLSTATE; of a connection that failed what comes nearest."""
    code = getattr(error, "sqlstate", None)
    if code is not None:
        return str(code)
    if error is None or "Operational" not in type(error).__name__:
        return ""
    told = str(error)
    if "FATAL" not in told and "fe_sendauth" not in told:
        return "08"
    return next((code for words, code in _REFUSED if words in told), "08")


def told_together(names: Sequence[str], table: Table) -> TableValuedAlias:
    """Return rows that a statement is given as JSON, in the bind ``told``: one for a whole batch.

    Text is as the database keeps it, see `path_text.storable`.

    Args:
        names: Columns.
        table: Whose columns they are.
    """
    given = cast(bindparam("told", type_=Text()), JSONB)
    columns = (column(name, _plain(table.c[name].type)) for name in names)
    rows = func.jsonb_to_recordset(given).table_valued(*columns)
    return rows.render_derived(name="told", with_types=True)


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(kind, PathText) else kind
