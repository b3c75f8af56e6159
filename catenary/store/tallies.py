"""Counts of a run that the database itself keeps, whoever writes to it.

To count ten million rows takes seconds, and a run is looked at all day. Another table holds how
many rows of each kind there are; triggers change it with every row that comes, goes or becomes of
another kind. Whoever makes a table anew, as SQLite wants it for some changes, loses its triggers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catenary.store.postgresql import DIALECT


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted of a table; its names are ours, never from input.

    Attributes:
        table: Name; the counts are in ``TABLE_count``, column ``rows``.
        kinds: Columns of the counts, each with the SQL of its value; ``{}`` stands for the row.
        watched: Columns of the table that these read.
        counted: Which rows are counted, as SQL.
        comes_later: Whether rows are entered that do not count yet, each by its own statement.
    """

    table: str
    kinds: tuple[tuple[str, str], ...]
    watched: tuple[str, ...]
    counted: str
    comes_later: bool = False

    @property
    def columns(self) -> str:
        """Columns of the counts, but for the number, as SQL."""
        return ", ".join(name for name, _ in self.kinds)

    def of(self, row: str, number: str, source: str = "") -> str:
        """Return a SELECT of the kind of a row, or of all rows of a table, and a number."""
        values = ", ".join(value.format(row) for _, value in self.kinds)
        return f"SELECT {values}, {number} {source} WHERE {self.counted.format(row)}"

    @property
    def groups(self) -> str:
        """Return a GROUP BY of the first columns of a SELECT."""
        return "GROUP BY " + ", ".join(str(place + 1) for place in range(len(self.kinds)))


def _plain(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"{{}}.{name}") for name in names)


FRAMES = Tally(
    "frame",
    _plain("run_id", "outcome", "reason", "again"),
    ("run_id", "outcome", "reason", "again"),
    "{}.outcome IS NOT NULL",
    comes_later=True,
)
FINDINGS = Tally(
    "finding",
    (
        *_plain("run_id", "verdict", "component", "condition"),
        ("is_superseded", "({}.superseded_at IS NOT NULL)"),
    ),
    ("run_id", "verdict", "component", "condition", "superseded_at"),
    "{}.run_id IS NOT NULL",
)


def statements(tally: Tally, dialect: str) -> Iterator[str]:
    """Yield the SQL that counts what there is, and keeps the counts right from then on.

    Raises:
        ValueError: If nobody has written the triggers for that database yet.
    """
    table = tally.table
    into = f"INSERT INTO {table}_count ({tally.columns}, rows)"
    yield f"{into} {tally.of('one', 'count(*)', f'FROM {table} one')} {tally.groups}"
    added = (
        f"ON CONFLICT ({tally.columns}) DO UPDATE SET rows = {table}_count.rows + excluded.rows;"
    )
    if dialect == "sqlite":
        yield from _row_by_row(tally, into, added)
    elif dialect == DIALECT:
        yield from _together(tally, into, added)
    else:
        raise ValueError(f"no counting triggers for a {dialect} database")


def _row_by_row(tally: Tally, into: str, added: str) -> Iterator[str]:
    """Yield the triggers of SQLite."""
    comes = f"{into} {tally.of('NEW', '1')} {added}"
    goes = f"{into} {tally.of('OLD', '-1')} {added}"
    differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in tally.watched)
    for action, when, deeds in (
        ("INSERT", f"WHEN {tally.counted.format('NEW')}", comes),
        (f"UPDATE OF {', '.join(tally.watched)}", f"WHEN {differs}", f"{goes} {comes}"),
        ("DELETE", "", goes),
    ):
        yield (
            f"CREATE TRIGGER {_name(tally, action)} AFTER {action} ON {tally.table} {when} "
            f"BEGIN {deeds} END"
        )


def _together(tally: Tally, into: str, added: str) -> Iterator[str]:
    """Yield the triggers of PostgreSQL.

    They count the rows of a statement together: a row that is changed a million times within a
    transaction has a million versions.
    """
    comes, goes = tally.of("one", "1", "FROM come one"), tally.of("one", "-1", "FROM gone one")
    columns = tally.columns
    new, old = "NEW TABLE AS come", "OLD TABLE AS gone"
    for action, tables, those in (
        ("INSERT", new, comes),
        ("UPDATE", f"{old} {new}", f"{comes} UNION ALL {goes}"),
        ("DELETE", old, goes),
    ):
        name = _name(tally, action)
        rows = f"REFERENCING {tables} FOR EACH STATEMENT"
        if action == "INSERT" and tally.comes_later:  # asks no more of them than that
            rows = f"FOR EACH ROW WHEN ({tally.counted.format('NEW')})"
            those = tally.of("NEW", "1")
        told = f"SELECT {columns}, sum(rows) FROM ({those}) AS told ({columns}, rows)"  # noqa: S608 - ours
        changed = f"{told} GROUP BY {columns} HAVING sum(rows) <> 0"
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {into} {changed} {added} RETURN NULL; END $$"
        )
        after = f"AFTER {action} ON {tally.table}"
        yield f"CREATE TRIGGER {name} {after} {rows} EXECUTE FUNCTION {name}()"


def _name(tally: Tally, action: str) -> str:
    return f"{tally.table}_counts_{action.split()[0].lower()}"
