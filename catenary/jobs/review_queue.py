"""Fill the reviewers' queue from what scans found; the end of a scan may call it."""

import logging
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.part import part_name
from catenary.domain.review import chance
from catenary.store import queue_fill, shards
from catenary.store.database import Database
from catenary.store.schema import finding, run
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

_SHARDS = 20  # that samples are drawn from, so that a large run costs no more
_LEAST = 5  # samples of a run, however little it raised


def fill(db: Database, workspace: Workspace, sample_share: float, ageing_days: float) -> int:
    """Fill in every run whose findings changed; return how many runs.

    Safe to kill and to repeat, beside a server as well: what was decided stays.

    Args:
        db: Of the workspace.
        workspace: Holds the shards.
        sample_share: Parts called normal that are shown, as a share of those raised.
        ageing_days: See `catenary.domain.review.priority`.
    """
    with db.read() as connection:
        runs = list(connection.execute(select(run.c.id).order_by(run.c.id)).scalars())
        due = [one for one in runs if queue_fill.is_due(connection, one)]
    for run_id in due:
        with db.read() as connection:
            samples = _samples(connection, workspace, run_id, sample_share)
        done = queue_fill.fill(db, run_id, samples, datetime.now(UTC), ageing_days)
        log.info(
            "queue run=%d added=%d changed=%d removed=%d",
            run_id,
            done.added,
            done.changed,
            done.removed,
        )
    return len(due)


def _samples(
    connection: Connection, workspace: Workspace, run_id: int, share: float
) -> list[ComponentRow]:
    """Return parts called normal, the same ones for the same run."""
    raised = connection.execute(
        select(func.count()).where(
            finding.c.run_id == run_id, finding.c.verdict == str(Verdict.DEFECT)
        )
    ).scalar()
    wanted = max(round(share * (raised or 0)), _LEAST if share else 0)
    if not wanted:
        return []
    located = shards.components_of_some(connection, workspace, run_id, _SHARDS)
    rows = [one for one in located if one.verdict == Verdict.NORMAL]
    return sorted(rows, key=lambda one: chance(f"drawn {_name(one)}"))[:wanted]


def _name(row: ComponentRow) -> str:
    return part_name(row.image_id, row.component, Box(row.x0, row.y0, row.x1, row.y1))
