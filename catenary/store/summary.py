"""Counts of a run: what was scanned, what is left, what was found."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from catenary.domain.finding import Verdict
from catenary.domain.image import Outcome
from catenary.store import ledger, parts
from catenary.store.ledger import RunRecord
from catenary.store.schema import finding_count, frame_count, run


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Counts of one run.

    Photographs that are to be scanned again are pending, and their former findings stand.

    Attributes:
        id: Row of the run.
        record: As registered.
        images: Photographs in the ledger.
        outcomes: Photographs by outcome, all three named; the rest is pending.
        failed_reasons: Failed photographs by reason code, most first.
        unusable_reasons: Unusable photographs by reason code, most first.
        defects: Findings by (component, condition).
        unjudged: Parts that could not be judged, by (component, condition).
        parts: Physical parts by verdict: what several photographs show of one counts once.
        superseded: Findings that later scans replaced.
    """

    id: int
    record: RunRecord
    images: int
    outcomes: Mapping[Outcome, int]
    failed_reasons: Mapping[str, int]
    unusable_reasons: Mapping[str, int]
    defects: Mapping[tuple[str, str], int]
    unjudged: Mapping[tuple[str, str], int]
    parts: Mapping[Verdict, int]
    superseded: int = 0

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.record.name

    @property
    def done(self) -> int:
        """Photographs that were judged."""
        return self.outcomes[Outcome.DONE]

    @property
    def unusable(self) -> int:
        """Photographs too poor to judge."""
        return self.outcomes[Outcome.UNUSABLE]

    @property
    def failed(self) -> int:
        """Photographs that could not be read."""
        return self.outcomes[Outcome.FAILED]

    @property
    def pending(self) -> int:
        """Photographs without an outcome."""
        return self.images - sum(self.outcomes.values())

    @property
    def findings(self) -> int:
        """Defects raised."""
        return sum(self.defects.values())

    @property
    def cannot_judge(self) -> int:
        """Parts that could not be judged."""
        return sum(self.unjudged.values())


def of_run(connection: Connection, run_id: int) -> RunSummary:
    """Return the counts of one run.

    Raises:
        LookupError: If there is no such run.
    """
    record = ledger.record_of(connection, run_id)
    counted = ledger.counts(connection, run_id)
    reasons: dict[str, dict[str, int]] = {}
    for outcome, reason, count in connection.execute(
        select(frame_count.c.outcome, frame_count.c.reason, frame_count.c.rows)
        .where(
            frame_count.c.run_id == run_id,
            frame_count.c.outcome.in_((Outcome.FAILED, Outcome.UNUSABLE)),
            ~frame_count.c.again,
            frame_count.c.rows > 0,
        )
        .order_by(frame_count.c.rows.desc(), frame_count.c.reason)
    ):
        reasons.setdefault(outcome, {})[reason] = count
    found = {one: _found(connection, run_id, one) for one in (Verdict.DEFECT, Verdict.CANNOT_JUDGE)}
    standing = {verdict: sum(by_kind.values()) for verdict, by_kind in found.items()}
    return RunSummary(
        run_id,
        record,
        counted.total(),
        {outcome: counted[outcome] for outcome in Outcome},
        reasons.get(Outcome.FAILED, {}),
        reasons.get(Outcome.UNUSABLE, {}),
        found[Verdict.DEFECT],
        found[Verdict.CANNOT_JUDGE],
        parts.counts(connection, run_id, standing),
        _superseded(connection, run_id),
    )


def _superseded(connection: Connection, run_id: int) -> int:
    wanted = (finding_count.c.run_id == run_id, finding_count.c.is_superseded)
    counted = select(func.coalesce(func.sum(finding_count.c.rows), 0)).where(*wanted)
    return int(connection.execute(counted).scalar_one())


def runs(connection: Connection) -> list[RunSummary]:
    """Return the counts of all runs, oldest first."""
    ids = connection.execute(select(run.c.id).order_by(run.c.id)).scalars().all()
    return [of_run(connection, run_id) for run_id in ids]


def _found(connection: Connection, run_id: int, verdict: Verdict) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        select(finding_count.c.component, finding_count.c.condition, finding_count.c.rows)
        .where(
            finding_count.c.run_id == run_id,
            ~finding_count.c.is_superseded,
            finding_count.c.verdict == verdict,
            finding_count.c.rows > 0,
        )
        .order_by(finding_count.c.component, finding_count.c.condition)
    )
    return {(component, condition): count for component, condition, count in rows}
