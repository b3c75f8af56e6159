"""Open a workspace with its database, and close it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catenary.store.database import Database, open_workspace_db
from catenary.store.workspace import Workspace


@contextmanager
def existing(
    place: Path | Workspace, *, is_durable: bool = False
) -> Iterator[tuple[Database, Workspace]]:
    """Open a workspace that is there, or refuse.

    Args:
        place: A workspace; its folder alone where the database is in it.
        is_durable: Whether what is written must outlive a power cut.

    Raises:
        StoreError: If the folder is no workspace, or its database cannot be opened.
    """
    workspace = place if isinstance(place, Workspace) else Workspace(place)
    workspace.require()
    with opened(workspace, is_durable=is_durable) as db:
        yield db, workspace


@contextmanager
def opened(workspace: Workspace, *, is_durable: bool = False) -> Iterator[Database]:
    """Open the database of a workspace; it is made when it is missing."""
    db = open_workspace_db(workspace.database, is_durable=is_durable)
    try:
        yield db
    finally:
        db.close()
