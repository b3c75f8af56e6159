"""Photographs lent to workers, each to one at a time, until their outcomes are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from catenary.domain.errors import StoreError
from catenary.domain.image import ImageRef
from catenary.store import ledger
from catenary.store.schema import frame, lease, run

# A worker of which nothing is heard for so long is taken for lost. Our starting value; the clock
# is that of the one process which lends and writes.
TERM = timedelta(seconds=60)


class LeaseLostError(StoreError):
    """What was lent was given back since: another worker does it, and this result must go."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Photographs lent to a worker.

    Attributes:
        id: Never given twice, so that it also fences what comes too late.
        refs: Which, in the order of the run.
    """

    id: int
    refs: tuple[ImageRef, ...]


@dataclass(frozen=True, slots=True)
class Lent:
    """A lease as others see it.

    Attributes:
        worker: Process and machine.
        images: Photographs.
        taken_at: UTC.
        expires_at: When they are given to another unless the worker is heard of, UTC.
    """

    worker: str
    images: int
    taken_at: datetime
    expires_at: datetime


def take(tx: Connection, scan_id: int, run_id: int, worker: str, limit: int) -> Lease | None:
    """Lend the next photographs that are left and that nobody has; None when there are none.

    Several processes may take at once: on PostgreSQL each passes over the rows that another is
    taking, on SQLite a writer is alone.

    Args:
        tx: Transaction.
        scan_id: Scan that lends.
        run_id: Its run.
        worker: To whom, in words.
        limit: Photographs at most, 1 or more.
    """
    own = (frame.c.run_id == run_id, frame.c.lease_id.is_(None))
    query = select(frame, run.c.name.label("run_name")).join(run).where(*own)
    locked = query.order_by(frame.c.seq).limit(limit).with_for_update(skip_locked=True, of=frame)
    # Two queries, since each has an index in this order and both together have none.
    rows = [*tx.execute(locked.where(frame.c.outcome.is_(None))).mappings()]
    rows += tx.execute(locked.where(ledger.IS_ASKED_AGAIN)).mappings()
    rows = sorted(rows, key=lambda row: int(row["seq"]))[:limit]
    if not rows:
        return None
    values = {
        "run_id": run_id,
        "scan_id": scan_id,
        "worker": worker,
        "images": len(rows),
        "taken_at": _now(),
        "expires_at": _now() + TERM,
    }
    lease_id = int(tx.execute(insert(lease).values(values).returning(lease.c.id)).scalar_one())
    some = frame.c.id.in_([row["id"] for row in rows])
    tx.execute(update(frame).where(some).values(lease_id=lease_id))
    return Lease(lease_id, tuple(ledger.ref_of(row) for row in rows))


def require(tx: Connection, lease_id: int) -> None:
    """Refuse to write under a lease that is over; hold it until the transaction ends.

    Raises:
        LeaseLostError: If it expired or was given back.
    """
    held = select(lease.c.id).where(lease.c.id == lease_id).with_for_update()
    if tx.execute(held).first() is None:
        raise LeaseLostError(f"lease {lease_id} is over; its photographs were given to another")


def close(tx: Connection, lease_id: int) -> None:
    """End a lease whose photographs have their outcomes, in the transaction that writes them."""
    tx.execute(delete(lease).where(lease.c.id == lease_id))


def renew(tx: Connection, lease_ids: Sequence[int]) -> None:
    """Put off the end of the leases of workers that gave a sign of life."""
    own = lease.c.id.in_(lease_ids)
    tx.execute(update(lease).where(own).values(expires_at=_now() + TERM))


def give_back(tx: Connection, lease_ids: Sequence[int]) -> int:
    """Let others have the photographs of lost workers; return how many."""
    return _end(tx, lease.c.id.in_(lease_ids))


def give_back_all(tx: Connection, run_id: int) -> int:
    """Let others have what any scan of a run had lent; return how many photographs.

    Only the process that holds the run (`Workspace.scanning`) may do so. A scan that is still at
    work elsewhere, unheard of, cannot write under its leases any more.
    """
    return _end(tx, lease.c.run_id == run_id)


def expire(tx: Connection, run_id: int) -> list[int]:
    """Let others have what workers held that were not heard of in time; return these leases."""
    over = (lease.c.run_id == run_id, lease.c.expires_at <= _now())
    query = select(lease.c.id).where(*over).with_for_update(skip_locked=True)
    ids = [int(lease_id) for lease_id in tx.execute(query).scalars()]
    if ids:
        give_back(tx, ids)
    return ids


def of_run(connection: Connection, run_id: int) -> list[Lent]:
    """Return what is lent of a run, the oldest first."""
    columns = (lease.c.worker, lease.c.images, lease.c.taken_at, lease.c.expires_at)
    query = select(*columns).where(lease.c.run_id == run_id).order_by(lease.c.id)
    return [
        Lent(worker, images, taken.replace(tzinfo=UTC), expires.replace(tzinfo=UTC))
        for worker, images, taken, expires in connection.execute(query)
    ]


def _end(tx: Connection, which: ColumnElement[bool]) -> int:
    ids = list(tx.execute(select(lease.c.id).where(which).with_for_update()).scalars())
    if not ids:
        return 0
    own = frame.c.lease_id.in_(ids)
    count = tx.execute(update(frame).where(own).values(lease_id=None)).rowcount
    tx.execute(delete(lease).where(lease.c.id.in_(ids)))
    return count


def _now() -> datetime:
    """Return UTC without a zone, as the columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)
