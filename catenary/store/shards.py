"""Located components as Parquet files, one a batch; a file counts once it is recorded."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, func, insert, select

from catenary.domain.errors import StoreError
from catenary.domain.image import Outcome
from catenary.store import durable, ledger
from catenary.store.path_text import restored, storable
from catenary.store.schema import frame, shard
from catenary.store.workspace import Workspace

_TEXT, _NUMBER = pa.string(), pa.float32()
_SCHEMA = pa.schema(
    [
        ("image_id", _TEXT),
        ("file_name", _TEXT),
        ("component", _TEXT),
        ("x0", _NUMBER),
        ("y0", _NUMBER),
        ("x1", _NUMBER),
        ("y1", _NUMBER),
        ("score", _NUMBER),
        ("verdict", _TEXT),
        ("condition", _TEXT),
        ("probability", _NUMBER),
        ("revision", pa.int32()),
    ]
)


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One located component; numbers are kept as float32.

    Attributes:
        image_id: Photograph.
        file_name: Photograph, for people.
        component: Component id.
        x0: Left, full-frame pixels.
        y0: Top.
        x1: Right.
        y1: Bottom.
        score: Detector score in [0, 1].
        verdict: A `Verdict` value, or empty when nobody judges this kind.
        condition: As in a finding, or empty.
        probability: Of a defect in [0, 1], or None.
        revision: How often its photograph had been judged before; rows of which it was judged
            again since do not count, and are not given out.
    """

    image_id: str
    file_name: str
    component: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    verdict: str
    condition: str
    probability: float | None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A written shard.

    Attributes:
        path: Where; no file is there when it has no rows.
        rows: Components in it.
        sha256: Of its bytes, hexadecimal.
        image_ids: First and last photograph in it; None when it has no rows.
        revision: Greatest of its rows.
    """

    path: Path
    rows: int
    sha256: str
    image_ids: tuple[str, str] | None
    revision: int = 0


def write(folder: Path, name: str, rows: Sequence[ComponentRow]) -> ShardFile:
    """Write a shard, whole or not at all.

    The file name ends in a part of its hash: a batch that is done again after a kill lands on
    its own orphan, and a recorded shard is never overwritten by other rows.

    Args:
        folder: Of the run, see `Workspace.detections`; made when missing.
        name: How the file name begins.
        rows: In frame order; nothing is written when there are none.

    Raises:
        StoreError: If it cannot be written.
    """
    content = _encoded(rows)
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{name}-{sha256[:12]}.parquet"
    if not rows:
        return ShardFile(path, 0, sha256, None)
    durable.write(path, content)
    revision = max(row.revision for row in rows)
    return ShardFile(path, len(rows), sha256, (rows[0].image_id, rows[-1].image_id), revision)


def _encoded(rows: Sequence[ComponentRow]) -> bytes:
    columns = {
        field.name: [getattr(row, field.name) for row in rows] for field in fields(ComponentRow)
    }
    for name in ("image_id", "file_name"):
        columns[name] = [storable(text) for text in columns[name]]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=_SCHEMA), buffer, compression="zstd")
    return bytes(buffer.getvalue().to_pybytes())


def record(tx: Connection, run_id: int, written: ShardFile) -> None:
    """Make a shard part of its run, in the transaction of its batch; one without rows is not.

    Raises:
        LookupError: If its photographs are not in the ledger of this run.
    """
    if written.image_ids is None:
        return
    query = select(func.min(frame.c.seq), func.max(frame.c.seq)).where(
        frame.c.run_id == run_id, frame.c.image_id.in_(written.image_ids)
    )
    first, last = tx.execute(query).one()
    if first is None:
        raise LookupError(f"images of {written.path} are not in the ledger of run {run_id}")
    row = {
        "run_id": run_id,
        "file_name": written.path.name,
        "rows": written.rows,
        "sha256": written.sha256,
        "first_seq": first,
        "last_seq": last,
        "revision": written.revision,
    }
    tx.execute(insert(shard).values(row))


def components_of_run(
    connection: Connection, workspace: Workspace, run_id: int
) -> Iterator[ComponentRow]:
    """Yield every component that was located, in the order of the scan; what was replaced is not.

    Raises:
        StoreError: If a recorded shard is missing or damaged.
    """
    folder = workspace.detections(ledger.record_of(connection, run_id).name)
    query = select(shard.c.file_name, shard.c.sha256).where(shard.c.run_id == run_id)
    anew = (frame.c.run_id == run_id, frame.c.revision > 0)
    is_rescanned = connection.execute(select(frame.c.id).where(*anew).limit(1)).first() is not None
    for file_name, sha256 in connection.execute(query.order_by(shard.c.id)).all():
        rows = _rows(_verified(folder / file_name, sha256))
        if is_rescanned:
            rows = _standing(connection, run_id, list(rows))
        yield from rows


def components_of_some(
    connection: Connection, workspace: Workspace, run_id: int, count: int
) -> Iterator[ComponentRow]:
    """Yield the components of at most ``count`` shards, drawn as by lot and always the same.

    Raises:
        StoreError: If a recorded shard is missing or damaged.
    """
    folder = workspace.detections(ledger.record_of(connection, run_id).name)
    query = select(shard.c.file_name, shard.c.sha256).where(shard.c.run_id == run_id)
    # A hash is as good as a lot, and keeps most of the draw when shards are added.
    for file_name, sha256 in connection.execute(query.order_by(shard.c.sha256).limit(count)).all():
        for row in _verified(folder / file_name, sha256).to_pylist():
            names = {name: restored(row[name]) for name in ("image_id", "file_name")}
            yield ComponentRow(**{**row, **names})


def components_of_images(
    connection: Connection, workspace: Workspace, run_id: int, image_ids: set[str]
) -> Iterator[ComponentRow]:
    """Yield the components of some photographs; only the shards around them are opened.

    Raises:
        StoreError: If a recorded shard is missing or damaged.
    """
    folder = workspace.detections(ledger.record_of(connection, run_id).name)
    wanted = select(frame.c.seq).where(frame.c.run_id == run_id, frame.c.image_id.in_(image_ids))
    seqs = sorted(connection.execute(wanted).scalars())
    if not seqs:
        return
    around = (shard.c.first_seq <= seqs[-1], shard.c.last_seq >= seqs[0])
    query = select(shard.c.file_name, shard.c.sha256, shard.c.first_seq, shard.c.last_seq)
    ordered = query.where(shard.c.run_id == run_id, *around).order_by(shard.c.id)
    stored = pa.array([storable(one) for one in sorted(image_ids)], pa.string())
    for file_name, sha256, first, last in connection.execute(ordered).all():
        if bisect_left(seqs, first) == bisect_right(seqs, last):
            continue
        table = _verified(folder / file_name, sha256)
        own = list(_rows(table.filter(pc.is_in(table["image_id"], stored))))
        yield from _standing(connection, run_id, own)


def photographs(path: Path) -> set[tuple[str, int]]:
    """Return the photographs that a whole shard tells of, with their revisions."""
    table = pq.read_table(pa.BufferReader(path.read_bytes()))
    return {(row.image_id, row.revision) for row in _rows(table)}


def _rows(table: pa.Table) -> Iterator[ComponentRow]:
    for row in table.to_pylist():
        names = {name: restored(row[name]) for name in ("image_id", "file_name")}
        yield ComponentRow(**{**row, **names})


def _standing(
    connection: Connection, run_id: int, rows: Sequence[ComponentRow]
) -> Iterator[ComponentRow]:
    """Yield the rows whose photographs were not judged again since."""
    ids = {row.image_id for row in rows}
    query = select(frame.c.image_id, frame.c.revision).where(
        frame.c.run_id == run_id, frame.c.image_id.in_(ids)
    )
    newest = {row.image_id: row.revision for row in connection.execute(query)}
    return (row for row in rows if newest.get(row.image_id) == row.revision)


def prune(tx: Connection, run_id: int) -> int:
    """Forget shards of which no row counts any more; return how many. `sweep` removes their files.

    A shard whose place in the run also holds photographs that it does not, may stay.
    """
    may_count = (
        select(frame.c.id)
        .where(
            frame.c.run_id == run_id,
            frame.c.seq.between(shard.c.first_seq, shard.c.last_seq),
            frame.c.outcome == Outcome.DONE,
            frame.c.revision <= shard.c.revision,
        )
        .exists()
    )
    anew = (frame.c.run_id == run_id, frame.c.revision > 0)
    if tx.execute(select(frame.c.id).where(*anew).limit(1)).first() is None:
        return 0
    return tx.execute(delete(shard).where(shard.c.run_id == run_id, ~may_count)).rowcount


def _verified(path: Path, sha256: str) -> pa.Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read shard {path}: {error.strerror}; restore it") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"shard {path} is damaged (its SHA-256 differs); restore it from a copy")
    return pq.read_table(pa.BufferReader(content))


def opened(path: Path) -> ShardFile | None:
    """Return what a file holds that `write` wrote; None where it is not whole."""
    try:
        content = path.read_bytes()
        rows = list(_rows(pq.read_table(pa.BufferReader(content))))
    except (OSError, pa.ArrowInvalid, KeyError, TypeError):
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    if not rows or not path.stem.endswith(sha256[:12]):
        return None
    ids = (rows[0].image_id, rows[-1].image_id)
    return ShardFile(path, len(rows), sha256, ids, max(row.revision for row in rows))


def unrecorded(connection: Connection, workspace: Workspace, run_id: int) -> list[Path]:
    """Return the files of a run that no batch recorded."""
    folder = workspace.detections(ledger.record_of(connection, run_id).name)
    query = select(shard.c.file_name).where(shard.c.run_id == run_id)
    recorded = set(connection.execute(query).scalars())
    files = (file for ending in ("parquet", "partial") for file in folder.glob(f"*.{ending}"))
    return sorted(file for file in files if file.name not in recorded)


def sweep(connection: Connection, workspace: Workspace, run_id: int) -> list[Path]:
    """Remove files that no batch recorded, since a kill came between; return them.

    Only the process that holds the run (`Workspace.scanning`) may do so.

    Raises:
        StoreError: If a file cannot be removed.
    """
    return removed(unrecorded(connection, workspace, run_id))


def removed(files: list[Path]) -> list[Path]:
    """Remove files and return them.

    Raises:
        StoreError: If one cannot be removed.
    """
    for file in files:
        try:
            file.unlink()
        except OSError as error:
            raise StoreError(f"cannot remove {file}: {error.strerror}") from error
    return files
