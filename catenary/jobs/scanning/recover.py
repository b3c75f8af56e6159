"""What a scan mends before it goes on, so that a kill or a power cut leaves no trace."""

import logging
from collections.abc import Callable
from pathlib import Path

from catenary.domain.errors import SourceGoneError, UnreadableImageError
from catenary.domain.image import Frame, ImageRef
from catenary.imaging import decode, packed
from catenary.jobs import evidence
from catenary.store import findings, leases, ledger, recovery
from catenary.store.database import Database
from catenary.store.findings import StoredFinding
from catenary.store.workspace import Workspace

Read = Callable[[ImageRef], bytes]

log = logging.getLogger(__name__)

_PICTURES = 500  # newest evidence pictures that are looked at; our starting value


def recover(db: Database, workspace: Workspace, run_id: int, read: Read) -> None:
    """Bring a run to where its last whole batch left it; what was mended is told in one line each.

    Only the process that holds the run (`Workspace.scanning`) may do so.

    Args:
        db: Of the workspace.
        workspace: Shards and evidence pictures.
        run_id: Run.
        read: Returns the encoded bytes of a photograph, for pictures that are drawn again.

    Raises:
        StoreError: See `recovery.mend_shards`, `recovery.sweep`.
    """
    with db.write() as tx:
        lent = leases.give_back_all(tx, run_id)
    if lent:
        log.info("%d photographs were lent by a scan that was killed", lent)
    recovery.adopt(db, workspace, run_id)
    recovery.mend_shards(db, workspace, run_id)
    recovery.sweep(db, workspace, run_id)
    _redraw(db, workspace, run_id, read)


def _redraw(db: Database, workspace: Workspace, run_id: int, read: Read) -> None:
    """Draw again what a disk lost of the pictures written last."""
    with db.read() as connection:
        name = ledger.record_of(connection, run_id).name
        newest = findings.newest(connection, run_id, _PICTURES)
    paths = ((one, workspace.picture(name, one.crop.name)) for one in newest if one.crop)
    lost = [(one, path) for one, path in paths if not evidence.is_whole(path)]
    if lost:
        drawn = sum(_is_drawn(one, packed.loose(path), read) for one, path in lost)
        told = "%d evidence pictures were missing or cut short, %d drawn again in %s"
        log.warning(told, len(lost), drawn, workspace.evidence(name))


def _is_drawn(one: StoredFinding, path: Path, read: Read) -> bool:
    try:
        frame = Frame(one.ref, decode.decode_gray(read(one.ref)))
    except (UnreadableImageError, SourceGoneError):
        return False
    evidence.picture(frame, one.finding.component.box, path.parent, path.name)
    return True
