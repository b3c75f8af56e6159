"""Findings that a comparison of runs, or of the masts of one, raises beside those of the scan."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from catenary.domain.change import Raised
from catenary.domain.finding import Finding, Verdict
from catenary.domain.geometry import Box
from catenary.store import findings
from catenary.store.findings import CropFile
from catenary.store.schema import finding, frame

_SAME_PLACE = 0.3  # overlap (IoU) from which two findings are of one part; our value
_CHUNK = 500  # rows changed at a time


@dataclass(frozen=True, slots=True)
class _Standing:
    """A finding that stands."""

    id: int
    box: Box
    rules: str
    verdict: str
    condition: str

    def is_at(self, one: Finding) -> bool:
        return self.box.iou(one.component.box) >= _SAME_PLACE


def replace(
    tx: Connection,
    run_id: int,
    found: Iterable[tuple[Finding, CropFile | None]],
    sources: Collection[str],
) -> Raised:
    """Make the findings that comparisons raised on a run these; return what became of them.

    Args:
        tx: All of it, or nothing.
        run_id: Run.
        found: Findings, each with its evidence picture.
        sources: ``rules`` of the versions of findings of comparisons: by these they are told from
            the scan's.

    Raises:
        LookupError: If a photograph is not in the ledger of this run.
    """
    standing = _standing(tx, run_id)
    fresh: list[tuple[Finding, CropFile | None]] = []
    stayed: set[int] = set()
    known = 0
    for one, crop in found:
        here = standing.get((one.image_id, one.component.kind), ())
        former = [row.id for row in here if _is_told_again(row, one) and row.id not in stayed]
        if former:
            stayed.add(former[0])
        elif any(_is_known(row, one) for row in here if row.rules not in sources):
            known += 1
        else:
            fresh.append((one, crop))
    rows = [row.id for here in standing.values() for row in here if row.rules in sources]
    gone = [number for number in rows if number not in stayed]
    _put_aside(tx, gone)
    findings.insert_all(tx, run_id, fresh)
    return Raised(len(fresh), len(stayed), len(gone), known)


def ids(connection: Connection, run_id: int, sources: Collection[str]) -> list[int]:
    """Return the rows of findings of comparisons that stand."""
    own = (finding.c.run_id == run_id, finding.c.superseded_at.is_(None))
    query = select(finding.c.id).where(*own, finding.c.rules.in_(list(sources)))
    return list(connection.execute(query.order_by(finding.c.id)).scalars())


def _is_told_again(row: _Standing, one: Finding) -> bool:
    return (row.rules, row.condition) == (one.versions.rules, one.condition) and row.is_at(one)


def _is_known(row: _Standing, one: Finding) -> bool:
    return row.verdict == Verdict.DEFECT and row.is_at(one)


def _put_aside(tx: Connection, gone: Sequence[int]) -> None:
    at = datetime.now(UTC).replace(tzinfo=None)
    for start in range(0, len(gone), _CHUNK):
        some = finding.c.id.in_(gone[start : start + _CHUNK])
        tx.execute(update(finding).where(some).values(superseded_at=at))


def _standing(tx: Connection, run_id: int) -> Mapping[tuple[str, str], list[_Standing]]:
    """Return the findings that stand by photograph and component."""
    corners = (finding.c.x0, finding.c.y0, finding.c.x1, finding.c.y1)
    told = (finding.c.rules, finding.c.verdict, finding.c.condition)
    query = (
        select(frame.c.image_id, finding.c.component, finding.c.id, *corners, *told)
        .join(frame, finding.c.frame_id == frame.c.id)
        .where(finding.c.run_id == run_id, finding.c.superseded_at.is_(None))
        .order_by(finding.c.id)
    )
    found: dict[tuple[str, str], list[_Standing]] = defaultdict(list)
    for image_id, kind, number, *rest in tx.execute(query):
        found[image_id, kind].append(_Standing(number, Box(*rest[:4]), *rest[4:]))
    return found
