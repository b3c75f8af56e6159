"""Triggers that let a table be added to and nothing else, on every kind of database."""

from collections.abc import Iterator


def statements(table: str, dialect: str) -> Iterator[str]:
    """Yield the SQL that makes a table append-only.

    Args:
        table: Name of one of our tables, never from input.
        dialect: Name of the database as SQLAlchemy calls it.

    Raises:
        ValueError: If nobody has written the triggers for that database yet.
    """
    told = f"{table} is append-only"
    if dialect == "sqlite":
        for action in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
            )
    elif dialect == "postgresql":
        yield (
            f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{told}'; END $$"
        )
        yield (
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
        )
    else:
        raise ValueError(f"no append-only triggers for a {dialect} database")
