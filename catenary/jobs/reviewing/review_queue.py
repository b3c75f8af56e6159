"""Fill the reviewers' queue from what scans found, at their end and while a server runs."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from catenary import config
from catenary.domain.defect_loop import Deadlines
from catenary.domain.errors import StoreError
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.part import part_name
from catenary.domain.review import chance
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.store import queue_fill, shards
from catenary.store.database import Database
from catenary.store.queue_fill import Under
from catenary.store.schema import finding, run
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

SETTINGS = "configs/review.yaml"
DEADLINES = "configs/closed_loop.yaml"

_SHARDS = 20  # that samples are drawn from, so that a large run costs no more
_STREWN = "by rank"  # how samples are; other words have old queues put in order anew
_LEAST = 5  # samples of a run, however little it raised


def fill(
    db: Database,
    workspace: Workspace,
    sample_share: float,
    ageing_days: float,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
) -> int:
    """Fill in every run whose findings changed; return how many runs.

    Safe to kill and to repeat, beside a server as well: what was decided stays.

    Args:
        db: Of the workspace.
        workspace: Holds the shards.
        sample_share: Parts called normal that are shown, as a share of those raised.
        ageing_days: See `catenary.domain.review.priority`.
        deadlines: Of the defects of confirmed items that are taken apart.
    """
    with db.read() as connection:
        runs = list(connection.execute(select(run.c.id).order_by(run.c.id)).scalars())
    by = _By(sample_share, ageing_days, deadlines)
    return sum(_fill(db, workspace, run_id, by) for run_id in runs)


def fill_after_scan(db: Database, workspace: Workspace, run_id: int) -> None:
    """Fill in one run by the shipped settings, so that its first page waits for nothing.

    What was scanned is not lost where this fails: the next `catenary review` fills again.
    """
    settings = config.load(config.bundled(SETTINGS), ReviewSettings)
    deadlines = config.load(config.bundled(DEADLINES), Deadlines)
    try:
        _fill(db, workspace, run_id, _By(settings.sample_share, settings.ageing_days, deadlines))
    except StoreError as error:
        log.warning("the queue is not filled for now, `catenary review` will do it: %s", error)


@dataclass(frozen=True, slots=True)
class _By:
    """What a queue is filled by."""

    sample_share: float
    ageing_days: float
    deadlines: Deadlines

    def told(self) -> str:
        """Return what makes another queue of the same findings."""
        return f"{_STREWN} {self.sample_share} {self.ageing_days}"


def _fill(db: Database, workspace: Workspace, run_id: int, by: _By) -> bool:
    """Fill in a run if it is due; tell whether it was."""
    with db.read() as connection:
        if not queue_fill.is_due(connection, run_id, by.told()):
            return False
        samples = _samples(connection, workspace, run_id, by.sample_share)
    now, under = datetime.now(UTC), Under(by.deadlines, by.told())
    done = queue_fill.fill(db, run_id, samples, now, by.ageing_days, under)
    log.info(
        "queue run=%d added=%d changed=%d removed=%d inherited=%d",
        run_id,
        done.added,
        done.changed,
        done.removed,
        done.inherited,
    )
    return True


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
