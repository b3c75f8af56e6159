"""What a comparison of two runs leaves in the workspace."""

from collections.abc import Sequence

from catenary.domain.change import Change, Raised
from catenary.domain.finding import Finding, Verdict
from catenary.jobs import evidence
from catenary.jobs.evidence import Picture
from catenary.jobs.reviewing import pairing
from catenary.pipeline import raising
from catenary.reports.comparison import Comparison
from catenary.store import findings, ledger, packs, raised
from catenary.store.database import Database
from catenary.store.workspace import Workspace


def keep(
    db: Database,
    workspace: Workspace,
    found: Comparison,
    raised_now: Sequence[tuple[Finding, Picture]] | None,
) -> Raised | None:
    """Keep what became of the later run's findings, and those that are raised, for its reports.

    Args:
        db: Of the workspace.
        workspace: Gets their evidence pictures.
        found: The comparison.
        raised_now: Findings with their pictures; None leaves those that were raised before.

    Returns:
        What became of those that are raised, None without any.

    Raises:
        StoreError: If the pictures cannot be written.
    """
    told = {
        (pair.later.image_id, one.kind, pairing.corner(one.later.component.box)): one
        for pair in found.pairs
        if pair.later is not None
        for one in pair.defects
        if one.later is not None
    }
    pack, placed = evidence.packed_with(workspace.evidence(found.run), "since", raised_now or ())
    with db.write() as tx:
        run_id = ledger.run_id_of(tx, found.run)
        earlier_id = ledger.run_id_of(tx, found.earlier_run)
        kept = None
        if raised_now is not None:
            kept = raised.replace(tx, run_id, placed, raising.SOURCES)
            packs.record(tx, run_id, pack)
        wanted = findings.Filter(Verdict.DEFECT)
        changes = [(number, Change.NEW, "") for number in raised.ids(tx, run_id, raising.SOURCES)]
        for stored in findings.of_run(tx, run_id, wanted):
            part = stored.finding.component
            one = told.get((stored.ref.image_id, part.kind, pairing.corner(part.box)))
            if one is not None and one.later is not None and one.change is not Change.GONE:
                changes.append((stored.id, one.change, str(one.reason or "")))
        findings.record_changes(tx, run_id, earlier_id, changes)
    return kept
