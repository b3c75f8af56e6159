"""Bring an open database to the newest schema, in the transaction it is given."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from catenary.domain.errors import StoreError
from catenary.store import postgresql, schema


def newest() -> str:
    """Return the revision this program writes."""
    head = _script().get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations; install catenary again")
    return head


def current(connection: Connection) -> str | None:
    """Return the revision of the database, or None when it has none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, name: str) -> None:
    """Take every missing step.

    Args:
        connection: Inside a transaction, so that all steps are taken or none.
        name: What to call the database in an error.

    Raises:
        StoreError: If a newer catenary or another program made the database.
    """
    postgresql.hold_for_migration(connection)
    script = _script()
    found = current(connection)
    known = [step.revision for step in script.walk_revisions()]
    if found is not None and found not in known:
        raise StoreError(
            f"{name} was written by a newer catenary (schema {found}, this program knows "
            f"{known[0]}); upgrade catenary or choose another --workspace"
        )
    if found is None and (strangers := inspect(connection).get_table_names()):
        raise StoreError(
            f"{name} holds tables of another program ({', '.join(strangers[:3])}); "
            f"choose another --workspace"
        )

    def steps(heads: Iterable[str], _context: MigrationContext) -> list[MigrationStep]:
        missing = script.iterate_revisions("head", tuple(heads) or "base")
        return [
            MigrationStep.upgrade_from_script(script.revision_map, step)
            for step in reversed(list(missing))
        ]

    opts = {"fn": steps, "target_metadata": schema.metadata}
    context = MigrationContext.configure(connection, opts=opts)
    with Operations.context(context):
        context.run_migrations()


def _script() -> ScriptDirectory:
    return _script_of(Path(__file__).parent)


@cache  # it reads every step, and the package does not change while it runs
def _script_of(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder))
