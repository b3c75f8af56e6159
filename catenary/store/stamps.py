"""Which rows of a table changed when, kept by the database itself, whoever writes to it.

A stamp is a number that grows from write to write, so that a process that keeps something of a
table reads anew what changed since it looked, and nothing else. Another table holds them, one for
each row. Whoever makes a table anew, as SQLite wants it for some changes, loses its triggers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text

from catenary.store.postgresql import DIALECT


@dataclass(frozen=True, slots=True)
class Window:
    """What one view of the data holds.

    Attributes:
        until: All stamps in it are below.
        open_from: From here on others may still write; read again from here the next time.
    """

    until: int
    open_from: int


def statements(table: str, columns: Sequence[str], dialect: str) -> Iterator[str]:
    """Yield the SQL that stamps rows that are added, removed, or changed in some columns.

    Args:
        table: Name of one of our tables, never from input; its stamps are in ``TABLE_stamp``.
        columns: Names of the columns that count.
        dialect: Name of the database as SQLAlchemy calls it.

    Raises:
        ValueError: If nobody has written the triggers for that database yet.
    """
    into = f"INSERT INTO {table}_stamp (row_id, stamp)"
    again = "ON CONFLICT (row_id) DO UPDATE SET stamp = excluded.stamp"
    own = ", ".join(columns)
    if dialect == "sqlite":
        # One writer at a time: what is one more than the greatest was written last.
        newest = f"(SELECT coalesce(max(stamp), 0) + 1 FROM {table}_stamp)"  # noqa: S608 - ours
        differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
        for action, row, when in (
            ("INSERT", "NEW", ""),
            (f"UPDATE OF {own}", "NEW", f"WHEN {differs}"),
            ("DELETE", "OLD", ""),
        ):
            name = f"{table}_stamps_{action.split()[0].lower()}"
            yield (
                f"CREATE TRIGGER {name} AFTER {action} ON {table} {when} BEGIN "
                f"{into} VALUES ({row}.id, {newest}) {again}; END"
            )
    elif dialect == DIALECT:
        # Transactions end in another order than they begin, so that a stamp names its transaction.
        writer = "pg_current_xact_id()::text::bigint"
        kept, gone = (f"{into} VALUES ({row}.id, {writer}) {again};" for row in ("NEW", "OLD"))
        yield (
            f"CREATE FUNCTION {table}_stamps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN {gone} ELSE {kept} END IF; RETURN NULL; END $$"
        )
        differs = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
        for action, when in (("INSERT OR DELETE", ""), (f"UPDATE OF {own}", f"WHEN ({differs})")):
            yield (
                f"CREATE TRIGGER {table}_stamps_{action.split()[0].lower()} AFTER {action} "
                f"ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {table}_stamps()"
            )
    else:
        raise ValueError(f"no stamping triggers for a {dialect} database")


def removal(table: str, dialect: str) -> Iterator[str]:
    """Yield the SQL that takes the triggers away again, so that other columns can be stamped."""
    names = (f"{table}_stamps_{action}" for action in ("insert", "update", "delete"))
    if dialect == "sqlite":
        yield from (f"DROP TRIGGER {name}" for name in names)
    else:
        yield f"DROP FUNCTION {table}_stamps() CASCADE"


def window(connection: Connection, stamps: Table) -> Window:
    """Return how far the stamps go in the view of a connection."""
    if connection.dialect.name == DIALECT:
        # Source: PostgreSQL documentation, "Transaction ID and Snapshot Information Functions":
        # all below xmin ended, none from xmax on is seen. Stamps of a database that was dumped and
        # restored may lie beyond: nothing was read before them here.
        now = "pg_current_snapshot()"
        ends = (
            f"SELECT pg_snapshot_xmax({now})::text::bigint, pg_snapshot_xmin({now})::text::bigint"
        )
        return Window(*connection.execute(text(ends)).one())
    newest = connection.execute(select(func.coalesce(func.max(stamps.c.stamp), 0))).scalar_one()
    return Window(newest + 1, newest + 1)
