"""Check the trail of decisions."""

from dataclasses import dataclass
from pathlib import Path

from catenary.store import audit
from catenary.store.audit import Broken, Head
from catenary.store.database import open_workspace_db
from catenary.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the trail tells.

    Attributes:
        head: Newest row.
        broken: Where it does not hold; empty when it does.
    """

    head: Head
    broken: tuple[Broken, ...]


def verify(folder: Path, database: str | None, noted: str) -> Verified:
    """Check every row of the trail and every decision.

    Args:
        folder: Workspace.
        database: URL of the database, or None for the one of the workspace.
        noted: Seal that was noted down before, or empty.

    Raises:
        StoreError: If there is no workspace.
    """
    workspace = Workspace(folder)
    if database is None:
        workspace.require()
    db = open_workspace_db(database or workspace.database)
    try:
        with db.read() as connection:
            return Verified(audit.head(connection), tuple(audit.verify(connection, noted)))
    finally:
        db.close()
