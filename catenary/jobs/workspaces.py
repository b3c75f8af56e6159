"""Open a workspace with its database, and close it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catenary.store.database import Database, open_workspace_db
from catenary.store.workspace import Workspace


@contextmanager
def existing(folder: Path) -> Iterator[tuple[Database, Workspace]]:
    """Open a workspace that is there, or refuse.

    Raises:
        StoreError: If the folder is no workspace.
    """
    workspace = Workspace(folder)
    workspace.require()
    with opened(workspace) as db:
        yield db, workspace


@contextmanager
def opened(workspace: Workspace) -> Iterator[Database]:
    """Open the database of a workspace; it is made when it is missing."""
    db = open_workspace_db(workspace.database)
    try:
        yield db
    finally:
        db.close()
