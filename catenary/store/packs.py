"""Evidence pictures of a batch in one file; a pack counts once it is recorded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from catenary.imaging import packed
from catenary.store import durable, ledger, shards
from catenary.store.schema import evidence_pack
from catenary.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PackFile:
    """A written pack.

    Attributes:
        path: Where.
        pictures: How many are in it, at least one.
        sha256: Of its bytes, hexadecimal.
    """

    path: Path
    pictures: int
    sha256: str

    def name_of(self, picture: str) -> str:
        """Return what a finding calls a picture of this pack; see `Workspace.picture`."""
        return f"{self.path.name}/{picture}"


def write(folder: Path, name: str, pictures: Mapping[str, bytes]) -> PackFile | None:
    """Write a pack, whole or not at all; None where there are no pictures.

    The file name ends in a part of its hash: a batch that is done again after a kill lands on
    its own orphan, and a recorded pack is never overwritten by other pictures.

    Args:
        folder: Of the run, see `Workspace.evidence`; made when missing.
        name: How the file name begins.
        pictures: Encoded, by their names.

    Raises:
        StoreError: If it cannot be written.
    """
    if not pictures:
        return None
    content = packed.packed(pictures)
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{name}-{sha256[:12]}{packed.ENDING}"
    durable.write(path, content)
    return PackFile(path, len(pictures), sha256)


def record(tx: Connection, run_id: int, written: PackFile | None) -> None:
    """Make a pack part of its run, in the transaction of what refers to its pictures."""
    if written is None:
        return
    own = (evidence_pack.c.run_id == run_id, evidence_pack.c.file_name == written.path.name)
    if tx.execute(select(evidence_pack.c.id).where(*own)).first() is not None:
        return  # the very same pictures, by their hash
    row = {
        "run_id": run_id,
        "file_name": written.path.name,
        "pictures": written.pictures,
        "sha256": written.sha256,
    }
    tx.execute(insert(evidence_pack).values(row))


def sweep(connection: Connection, workspace: Workspace, run_id: int) -> list[Path]:
    """Remove packs that no transaction recorded, since a kill came between; return them.

    Only the process that holds the run (`Workspace.scanning`) may do so.

    Raises:
        StoreError: If a file cannot be removed.
    """
    folder = workspace.evidence(ledger.record_of(connection, run_id).name)
    query = select(evidence_pack.c.file_name).where(evidence_pack.c.run_id == run_id)
    recorded = set(connection.execute(query).scalars())
    files = (
        one for ending in (packed.ENDING, durable.PARTIAL) for one in folder.glob(f"*{ending}")
    )
    return shards.removed(sorted(one for one in files if one.name not in recorded))
