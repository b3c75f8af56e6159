"""What a scan mends before it goes on: files without a record, and records without their file."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from sqlalchemy import Connection, delete, select

from catenary.domain.errors import StoreError
from catenary.domain.image import Outcome
from catenary.store import again, ledger, packs, shards
from catenary.store.database import Database
from catenary.store.schema import frame, shard
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

_CHUNK = 1000  # shards looked at in one view of the database
# A power cut or a bad block loses a few files. More are missing when their folder is not the one
# that the scan wrote, and then findings must not be thrown away. Our starting values.
_FEW, _FEW_SHARE = 20, 0.01


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A row of the table `shard`."""

    id: int
    file_name: str
    sha256: str
    first_seq: int
    last_seq: int
    revision: int


def mend_shards(db: Database, workspace: Workspace, run_id: int) -> int:
    """Have photographs scanned again whose located components are lost; return how many.

    The record of a shard that is missing, or is not what was written, goes, and its photographs
    are asked for as by `again.ask`, in one transaction a shard. Only the process that holds the
    run (`Workspace.scanning`) may do so. Every recorded file is read once.

    Raises:
        StoreError: If a file is there but cannot be read, or so many are lost that the folder
            seems to be another one.
    """
    with db.read() as connection:
        folder = workspace.detections(ledger.record_of(connection, run_id).name)
    total, lost = 0, []
    for one in _recorded(db, run_id):
        total += 1
        if not _is_whole(folder / one.file_name, one.sha256):
            lost.append(one)
    if not lost:
        return 0
    if len(lost) > max(_FEW, _FEW_SHARE * total):
        raise StoreError(
            f"{len(lost)} of {total} files of located components are missing or damaged in "
            f"{folder}; put that folder back as it was, or scan into another --workspace"
        )
    count = 0
    for one in lost:
        with db.write() as tx:
            count += _undone(tx, run_id, folder, one)
    log.warning(
        "%d of %d files of located components were missing or damaged (first %s): "
        "%d photographs are scanned again",
        *(len(lost), total, lost[0].file_name, count),
    )
    return count


def adopt(db: Database, workspace: Workspace, run_id: int) -> list[Path]:
    """Record again shards whose record is lost though their photographs are finished; return them.

    No kill does that, since both go into one transaction; a hand in the database, or one mended
    from a damaged file, may. Swept, such a shard would take with it what the ledger calls done.
    """
    with db.read() as connection:
        strays = shards.unrecorded(connection, workspace, run_id)
    adopted = []
    for path in strays:
        with db.write() as tx:
            if (file := shards.opened(path)) is not None and _is_missed(tx, run_id, file):
                shards.record(tx, run_id, file)
                adopted.append(path)
    if adopted:
        told = (
            "%d files of located components were not recorded any more (first %s): they are again"
        )
        log.warning(told, len(adopted), adopted[0].name)
    return adopted


def _is_missed(tx: Connection, run_id: int, file: shards.ShardFile) -> bool:
    """Tell whether all photographs of a shard are finished as it says, and no other tells so."""
    told = shards.photographs(file.path)
    query = select(frame.c.image_id, frame.c.revision, frame.c.seq).where(
        frame.c.run_id == run_id,
        frame.c.outcome == Outcome.DONE,
        frame.c.image_id.in_({image_id for image_id, _ in told}),
    )
    found = tx.execute(query).all()
    if {(image_id, revision) for image_id, revision, _ in found} != told:
        return False
    seqs = [seq for _, _, seq in found]
    place = _Recorded(0, file.path.name, file.sha256, min(seqs), max(seqs), file.revision)
    return not told & _told_elsewhere(tx, file.path.parent, run_id, place)


def sweep(db: Database, workspace: Workspace, run_id: int) -> list[Path]:
    """Remove what a kill left: shards and packs that no batch recorded, files that are not whole.

    Raises:
        StoreError: If a file cannot be removed.
    """
    with db.read() as connection:
        return [
            *shards.sweep(connection, workspace, run_id),
            *packs.sweep(connection, workspace, run_id),
        ]


def _recorded(db: Database, run_id: int) -> Iterator[_Recorded]:
    """Yield the recorded shards of a run in short views, so that memory and log stay small."""
    after = 0
    columns = [getattr(shard.c, field.name) for field in fields(_Recorded)]
    while True:
        query = select(*columns).where(shard.c.run_id == run_id, shard.c.id > after)
        with db.read() as connection:
            rows = connection.execute(query.order_by(shard.c.id).limit(_CHUNK)).all()
        if not rows:
            return
        yield from (_Recorded(*row) for row in rows)
        after = rows[-1][0]


def _is_whole(path: Path, sha256: str) -> bool:
    """Tell whether a file is what was written.

    Raises:
        StoreError: If it is there but cannot be read: it may be whole.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; check the disk") from error


def _undone(tx: Connection, run_id: int, folder: Path, lost: _Recorded) -> int:
    """Have the photographs of a lost shard scanned again; return how many.

    What was found in them stands until then. Those that were scanned again since are not in need.
    """
    judged = select(frame.c.image_id, frame.c.revision).where(
        frame.c.run_id == run_id,
        frame.c.outcome == Outcome.DONE,
        frame.c.revision <= lost.revision,
        frame.c.seq.between(lost.first_seq, lost.last_seq),
    )
    kept = _told_elsewhere(tx, folder, run_id, lost)
    wanted = [one for one, revision in tx.execute(judged) if (one, revision) not in kept]
    tx.execute(delete(shard).where(shard.c.id == lost.id))
    return again.ask_images(tx, run_id, wanted)


def _told_elsewhere(
    tx: Connection, folder: Path, run_id: int, lost: _Recorded
) -> set[tuple[str, int]]:
    """Return the photographs among those of a shard that other shards hold, with their revision.

    Batches lie side by side in a run until failed photographs are tried again: then the places
    of one overlap those of others, and what these hold must not be scanned twice.
    """
    others = select(shard.c.file_name, shard.c.sha256).where(
        shard.c.run_id == run_id,
        shard.c.id != lost.id,
        shard.c.first_seq <= lost.last_seq,
        shard.c.last_seq >= lost.first_seq,
    )
    held: set[tuple[str, int]] = set()
    for file_name, sha256 in tx.execute(others):
        if _is_whole(folder / file_name, sha256):
            held.update(shards.photographs(folder / file_name))
    return held
