"""What was scanned of each run, what is left, and what its scan does; pause it, let it go on."""

import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from catenary.domain.finding import Verdict
from catenary.jobs import workspaces
from catenary.jobs.reviewing import report
from catenary.reports import words
from catenary.store import leases, ledger, reassignments, scans, summary
from catenary.store.ledger import Failure
from catenary.store.reassignments import Reassignment
from catenary.store.scans import ScanRecord
from catenary.store.schema import ScanState
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run with what its newest scan does.

    Attributes:
        summary: Counts.
        scan: Newest scan, or None.
        paused_at: Since when scans of it shall wait, UTC, or None.
        workers: Of a scan over many machines, with the photographs that each has now.
    """

    summary: RunSummary
    scan: ScanRecord | None
    paused_at: datetime | None
    workers: Mapping[str, int] = field(default_factory=dict)

    @property
    def state(self) -> ScanState | None:
        """What the newest scan does, or how it ended; None when there was none."""
        if self.scan is None:
            return None
        if self.scan.state not in scans.LIVE:
            return self.scan.state
        is_alive = self.scan.is_live and not _is_known_dead(self.scan)
        return self.scan.state if is_alive else ScanState.KILLED

    @property
    def eta_s(self) -> float | None:
        """Seconds until every photograph is scanned; None unless it runs, and while it waits."""
        rate = self.scan.rate if self.scan and not self.scan.note else None
        return self.summary.pending / rate if self.state is ScanState.RUNNING and rate else None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with photographs that were not judged, and those given to other masts."""

    now: RunNow
    failures: tuple[Failure, ...]
    reassigned: tuple[Reassignment, ...] = ()


def _is_known_dead(one: ScanRecord) -> bool:
    """Tell whether the process was on this machine and is gone."""
    if one.host != socket.gethostname():
        return False
    try:
        os.kill(one.pid, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def list_runs(place: Path | Workspace) -> list[RunNow]:
    """Return the counts of every run of a workspace, and what its scan does.

    Raises:
        StoreError: If the folder is no workspace.
    """
    with workspaces.existing(place) as (db, _), db.read() as connection:
        return [_now(connection, one) for one in summary.runs(connection)]


def show_run(place: Path | Workspace, name: str, most: int | None = None) -> RunDetail:
    """Return one run of a workspace with what failed.

    Args:
        place: Workspace, or its folder.
        name: Of the run.
        most: At most so many of the photographs that were not judged; None for all.

    Raises:
        StoreError: If the folder is no workspace or has no such run.
    """
    with workspaces.existing(place) as (db, _), db.read() as connection:
        run_id = ledger.run_id_of(connection, name)
        failed = tuple(islice(ledger.failures(connection, run_id), most))
        reassigned = tuple(reassignments.of_run(connection, run_id))
        now = _now(connection, summary.of_run(connection, run_id))
        return RunDetail(now, failed, reassigned)


def pause(place: Path | Workspace, name: str) -> str:
    """Have the scans of a run wait; return what happens now, in words.

    Raises:
        StoreError: If the folder is no workspace or has no such run.
    """
    with workspaces.existing(place) as (db, _):
        with db.write() as tx:
            run_id = ledger.run_id_of(tx, name)
            is_new = scans.ask_to_pause(tx, run_id)
        with db.read() as connection:
            now = _now(connection, summary.of_run(connection, run_id))
    if not is_new:
        return f"{name} was paused before"
    if now.state in scans.LIVE:
        return f"{name} pauses as soon as the photographs it has begun are written"
    return f"{name} is not being scanned; a scan that is started will wait"


def resume(place: Path | Workspace, name: str) -> str:
    """Let the scans of a run go on; return what happens now, in words.

    Raises:
        StoreError: If the folder is no workspace or has no such run.
    """
    with workspaces.existing(place) as (db, _):
        with db.write() as tx:
            run_id = ledger.run_id_of(tx, name)
            was_paused = scans.let_go_on(tx, run_id)
        with db.read() as connection:
            now = _now(connection, summary.of_run(connection, run_id))
    if not was_paused:
        return f"{name} was not paused"
    if now.state in scans.LIVE:
        return f"{name} goes on"
    if not now.summary.pending:
        return f"{name} is not paused any more; nothing of it is left to scan"
    return f"{name} is not paused any more; start its scan again, it goes on where it was"


def _now(connection: Connection, one: RunSummary) -> RunNow:
    latest = scans.latest(connection, one.id)
    workers: Counter[str] = Counter()
    for lent in leases.of_run(connection, one.id):
        workers[lent.worker] += lent.images
    return RunNow(one, latest, scans.paused_at(connection, one.id), workers)


def run_record(one: RunSummary) -> dict[str, object]:
    """Return a run for ``--json``: names and counts that scripts rely on."""
    return {
        "run": one.name,
        "source": one.record.source,
        "images": one.images,
        "done": one.done,
        "unusable": one.unusable,
        "failed": one.failed,
        "pending": one.pending,
        "findings": one.findings,
        "cannot_judge": one.cannot_judge,
        "defective_parts": one.parts[Verdict.DEFECT],
        "unjudged_parts": one.parts[Verdict.CANNOT_JUDGE],
        "superseded": one.superseded,
        "failed_reasons": dict(one.failed_reasons),
        "unusable_reasons": dict(one.unusable_reasons),
    }


def now_record(now: RunNow) -> dict[str, object]:
    """Return a run for ``--json`` with what its scan does, which changes from call to call."""
    return {**run_record(now.summary), "scan": _scan_record(now)}


def _scan_record(now: RunNow) -> dict[str, object] | None:
    one = now.scan
    if one is None:
        return None
    return {
        "state": now.state,
        "is_paused": now.paused_at is not None,
        "host": one.host,
        "pid": one.pid,
        "started_at": one.started_at.isoformat(timespec="seconds"),
        "seen_at": one.seen_at.isoformat(timespec="seconds"),
        "ended_at": one.ended_at and one.ended_at.isoformat(timespec="seconds"),
        "images": one.images,
        "seconds": one.seconds,
        "rate": one.rate,
        "eta_s": now.eta_s,
        "stage_seconds": dict(one.stage_seconds),
        "model": one.versions.model,
        "rules": one.versions.rules,
        "taxonomy": one.versions.taxonomy,
        "note": one.note,
        "workers": [{"worker": own, "images": count} for own, count in now.workers.items()],
    }


def state_line(now: RunNow) -> str:
    """Return what the scan of a run does, as a reader of a terminal wants it."""
    told = _state(now)
    if now.paused_at is not None and now.state is not ScanState.PAUSED:
        told += "; a pause is asked for, `catenary runs resume` takes it back"
    return told


def _state(now: RunNow) -> str:
    one = now.scan
    if one is None:
        return "never scanned"
    where = f"process {one.pid} on {one.host}" if one.host else "an earlier release"
    match now.state:
        case ScanState.RUNNING:
            waits = f"; it waits: {one.note}" if one.note else ""
            return f"running: {where}{_pace(now)}{_lent(now)}{waits}"
        case ScanState.PAUSED:
            return f"paused: {where}, waits for `catenary runs resume`"
        case ScanState.KILLED:
            return f"killed: {where}, last seen {_time(one.seen_at)}; start the scan again"
        case ScanState.FAILED:
            return f"failed {_time(one.seen_at)}: {one.note}"
        case ScanState.STOPPED:
            return f"stopped {_time(one.seen_at)}; start the scan again"
        case _:
            return f"scanned by {where}, ended {_time(one.seen_at)}{_pace(now)}"


def _lent(now: RunNow) -> str:
    if not now.workers:
        return ""
    return f", {len(now.workers)} workers have {sum(now.workers.values())} photographs"


def _pace(now: RunNow) -> str:
    one = now.scan
    if one is None or not one.seconds:
        return ""
    if now.state is not ScanState.RUNNING:
        return f", {one.images / one.seconds:.1f} images/s"
    seen = (datetime.now(UTC) - one.seen_at).total_seconds()
    rate = f", {one.rate:.1f} images/s" if one.rate and not one.note else ""
    left = f", {_duration(now.eta_s)} left" if now.eta_s is not None else ""
    return f"{rate}{left}, seen {seen:.0f} s ago"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _duration(seconds: float) -> str:
    """Return a time in the two units that matter.

    >>> _duration(7), _duration(125), _duration(90000)
    ('7 s', '2 min', '25 h 0 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def detail_lines(now: RunNow) -> Iterator[str]:
    """Yield what the newest scan of a run does, and where its time went."""
    yield f"  {state_line(now)}"
    one = now.scan
    if one is not None and one.stage_seconds and one.images:
        told = ", ".join(
            f"{stage} {1000 * seconds / one.images:.0f} ms"
            for stage, seconds in sorted(one.stage_seconds.items(), key=lambda pair: -pair[1])
        )
        yield f"  mean time a photograph of that scan ({one.images}): {told}"
        yield f"  model {one.versions.model}, rules {one.versions.rules}"
    if now.state in scans.LIVE:
        for worker, images in now.workers.items():
            yield f"  {worker} has {images} photographs"
    if now.summary.superseded:
        yield f"  {now.summary.superseded} findings of former scans are kept, and count no more"


def summary_lines(one: RunSummary) -> Iterator[str]:
    """Yield a run's counts as a reader of a terminal wants them."""
    left = f", {one.pending} left" if one.pending else ""
    yield (
        f"{one.name}: {one.images} images: {one.done} done, {one.unusable} unusable, "
        f"{one.failed} failed{left}"
    )
    for reason, count in [*one.unusable_reasons.items(), *one.failed_reasons.items()]:
        why = words.frame_reason(reason)
        yield f"  not judged, {why.en} {why.zh}: {count} images"
    yield f"{one.findings} defects raised, on {_parts(one.parts[Verdict.DEFECT])}"
    yield from (f"  {line}" for line in report.promises_of(one.record))
    for (component, condition), count in one.defects.items():
        yield f"  {component} {condition}: {count}"
    unjudged = _parts(one.parts[Verdict.CANNOT_JUDGE])
    yield f"{one.cannot_judge} views could not be judged; {unjudged} that no other view raises"
    for (component, condition), count in one.unjudged.items():
        yield f"  {component}, {condition} not excluded: {count}"


def _parts(count: int) -> str:
    """Return how many parts, whose views count once."""
    return f"{count} part" if count == 1 else f"{count} parts"
