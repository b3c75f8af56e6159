"""Scan photographs again: which, and how what is found then takes the place of what was found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from catenary.domain.finding import Versions
from catenary.domain.image import ImageRef, Outcome
from catenary.store import findings, ledger, parts
from catenary.store.database import Database
from catenary.store.findings import Former
from catenary.store.ledger import Standing
from catenary.store.schema import frame, run, scan

_CHUNK = 500


class Again(StrEnum):
    """Which finished photographs are to be scanned again."""

    CHANGED = "changed"  # whose bytes are others than those that were judged
    OUTDATED = "outdated"  # judged by another model, other rules or another taxonomy
    FAILED = "failed"  # that could not be read
    ALL = "all"
    NONE = "none"  # takes back what was asked for and is not scanned yet


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished photograph with what is known of its bytes.

    Attributes:
        ref: Which.
        outcome: How it ended.
        stamp: See `ledger.Origin`.
        sha256: See `ledger.Origin`.
    """

    ref: ImageRef
    outcome: Outcome
    stamp: str
    sha256: str


def ask(tx: Connection, run_id: int, policy: Again, versions: Versions) -> int:
    """Have photographs scanned again; what was found in them stands until then.

    Args:
        tx: Transaction.
        run_id: Run.
        policy: Which; of `Again.CHANGED` nothing is known here, see `ask_images`.
        versions: That the scan will judge with.

    Returns:
        How many, or of how many that was taken back.
    """
    own = and_(frame.c.run_id == run_id, frame.c.outcome.is_not(None))
    match policy:
        case Again.FAILED:
            return ledger.reset_failed(tx, run_id)
        case Again.ALL:
            return _ask(tx, own)
        case Again.OUTDATED:
            return _ask(tx, and_(own, frame.c.outcome == Outcome.DONE, _is_of_others(versions)))
        case Again.NONE:
            asked = update(frame).where(own, frame.c.again).values(again=False)
            return tx.execute(asked).rowcount
        case Again.CHANGED:
            return 0


def ask_images(tx: Connection, run_id: int, image_ids: Sequence[str]) -> int:
    """Have some finished photographs scanned again; return how many."""
    count = 0
    for start in range(0, len(image_ids), _CHUNK):
        some = frame.c.image_id.in_(image_ids[start : start + _CHUNK])
        count += _ask(tx, and_(frame.c.run_id == run_id, frame.c.outcome.is_not(None), some))
    return count


def _ask(tx: Connection, which: ColumnElement[bool]) -> int:
    return tx.execute(update(frame).where(which).values(again=True)).rowcount


def _is_of_others(versions: Versions) -> ColumnElement[bool]:
    same = select(scan.c.id).where(
        scan.c.model == versions.model,
        scan.c.rules == versions.rules,
        scan.c.taxonomy == versions.taxonomy,
    )
    return or_(frame.c.scan_id.is_(None), frame.c.scan_id.not_in(same))


def finished(db: Database, run_id: int) -> Iterator[Finished]:
    """Yield the finished photographs that nobody asked to scan again, in the order of the run.

    Each chunk is read in a short view of its own, as in `ledger.pending`.
    """
    after = -1
    while True:
        query = (
            select(frame, run.c.name.label("run_name"))
            .join(run)
            .where(
                frame.c.run_id == run_id,
                frame.c.seq > after,
                frame.c.outcome.is_not(None),
                ~frame.c.again,
            )
            .order_by(frame.c.seq)
            .limit(_CHUNK)
        )
        with db.read() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            outcome = Outcome(row["outcome"])
            yield Finished(ledger.ref_of(row), outcome, row["stamp"], row["sha256"])
        if len(rows) < _CHUNK:
            return
        after = rows[-1]["seq"]


def restamp(tx: Connection, run_id: int, stamps: Iterable[tuple[str, str]]) -> None:
    """Note other stamps of photographs whose bytes are the same, by image id."""
    for image_id, stamp in stamps:
        own = (frame.c.run_id == run_id, frame.c.image_id == image_id)
        tx.execute(update(frame).where(*own).values(stamp=stamp))


def put_aside(tx: Connection, photographs: Iterable[Standing]) -> list[Former]:
    """Supersede what was found in photographs, in the transaction that brings what is found now.

    Rows of shards need nothing: those of another revision than the photograph's do not count.

    Returns:
        The findings, for `findings.insert_all`.
    """
    ids = [one.frame_id for one in photographs if one.is_judged]
    if not ids:
        return []
    parts.dissolve(tx, ids)
    return findings.supersede(tx, ids)
