"""Check the trail of decisions."""

from dataclasses import dataclass
from pathlib import Path

from catenary.jobs import workspaces
from catenary.store import audit
from catenary.store.audit import Broken, Head
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


def verify(place: Path | Workspace, noted: str) -> Verified:
    """Check every row of the trail and every decision.

    Args:
        place: Workspace, or its folder.
        noted: Seal that was noted down before, or empty.

    Raises:
        StoreError: If there is no workspace.
    """
    with workspaces.existing(place) as (db, _), db.read() as connection:
        return Verified(audit.head(connection), tuple(audit.verify(connection, noted)))
