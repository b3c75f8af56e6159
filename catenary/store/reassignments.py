"""Give photographs to other masts, with a trace that is only ever added to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, insert, or_, select, update

from catenary.domain.place import Direction, Mast
from catenary.store import ledger
from catenary.store.schema import frame, reassignment, run

_NAMES = ("line", "direction", "section", "number")
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Reassignment:
    """One photograph that was given to another mast.

    Attributes:
        frame_id: Row of the photograph.
        image_id: Photograph.
        file_name: Photograph, for people.
        made_at: When, UTC.
        made_by: Who.
        why: Why.
        before: Its mast until then, or None.
        after: Its mast from then on, or None.
    """

    frame_id: int
    image_id: str
    file_name: str
    made_at: datetime
    made_by: str
    why: str
    before: Mast | None
    after: Mast | None


def reassign(
    tx: Connection, run_id: int, image_ids: Sequence[str], mast: Mast | None, by: str, why: str
) -> list[Reassignment]:
    """Give photographs to a mast; those that are its own already are left out.

    Args:
        tx: All are changed with their trace, or none.
        run_id: Run.
        image_ids: Photographs.
        mast: New mast; None takes the mast away.
        by: Who decides.
        why: Reason, for those who read the trace.

    Returns:
        What was changed, in the order given.

    Raises:
        LookupError: If a photograph is not in the ledger of this run.
        ValueError: If ``by`` or ``why`` is blank.
    """
    if not by.strip() or not why.strip():
        raise ValueError("a reassignment needs who and why")
    made_at = datetime.now(UTC)
    changed = []
    for image_id in image_ids:
        row = _frame(tx, run_id, image_id)
        before = ledger.ref_of(row).mast
        if before == mast:
            continue
        tx.execute(update(frame).where(frame.c.id == row["id"]).values(_columns("mast", mast)))
        values = {
            "run_id": run_id,
            "frame_id": row["id"],
            "made_at": made_at.replace(tzinfo=None),
            "made_by": by.strip(),
            "why": why.strip(),
        }
        values |= _columns("before", before) | _columns("after", mast)
        tx.execute(insert(reassignment).values(values))
        told = (made_at, by.strip(), why.strip(), before, mast)
        changed.append(Reassignment(row["id"], image_id, row["file_name"], *told))
    return changed


def of_run(connection: Connection, run_id: int) -> Iterator[Reassignment]:
    """Yield the trace of a run, oldest first."""
    return _trace(connection, reassignment.c.run_id == run_id)


def of_mast(connection: Connection, run_id: int, mast: Mast) -> list[Reassignment]:
    """Return the trace of what a mast got and gave away in a run, oldest first."""
    sides = [
        and_(*(reassignment.c[name] == value for name, value in _columns(side, mast).items()))
        for side in ("before", "after")
    ]
    return list(_trace(connection, reassignment.c.run_id == run_id, or_(*sides)))


def _trace(connection: Connection, *wanted: ColumnElement[bool]) -> Iterator[Reassignment]:
    query = (
        select(reassignment, frame.c.image_id, frame.c.file_name)
        .join(frame, reassignment.c.frame_id == frame.c.id)
        .where(*wanted)
        .order_by(reassignment.c.id)
    )
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        yield Reassignment(
            row["frame_id"],
            row["image_id"],
            row["file_name"],
            row["made_at"].replace(tzinfo=UTC),
            row["made_by"],
            row["why"],
            _mast(row, "before"),
            _mast(row, "after"),
        )


def masts(connection: Connection, run_id: int | None = None) -> list[Mast]:
    """Return the masts of a run, or of all runs of the workspace, each once, in order."""
    query = select(*(frame.c[f"mast_{name}"] for name in _NAMES)).where(
        frame.c.mast_number.is_not(None)
    )
    if run_id is not None:
        query = query.where(frame.c.run_id == run_id)
    rows = connection.execute(query.order_by(frame.c.run_id, frame.c.seq)).mappings()
    return list(dict.fromkeys(mast for row in rows if (mast := _mast(row, "mast"))))


def _frame(tx: Connection, run_id: int, image_id: str) -> RowMapping:
    query = select(frame, run.c.name.label("run_name")).join(run)
    wanted = (frame.c.run_id == run_id, frame.c.image_id == image_id)
    row = tx.execute(query.where(*wanted)).mappings().one_or_none()
    if row is None:
        raise LookupError(f"image {image_id!r} is not in the ledger of run {run_id}")
    return row


def _columns(side: str, mast: Mast | None) -> dict[str, str | None]:
    values = [None] * 4 if mast is None else [str(getattr(mast, name)) for name in _NAMES]
    return {f"{side}_{name}": value for name, value in zip(_NAMES, values, strict=True)}


def _mast(row: RowMapping, side: str) -> Mast | None:
    if row[f"{side}_number"] is None:
        return None
    line, direction, section, number = (row[f"{side}_{name}"] for name in _NAMES)
    return Mast(line, Direction(direction), section, number)
