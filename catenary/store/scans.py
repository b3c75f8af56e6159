"""Scans of a run: who is at work, how far, how fast; and the wish that they pause."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, insert, select, update

from catenary.domain.finding import Versions
from catenary.store.schema import ScanState, run, scan

# A scan that was not seen for so long is taken for dead; it writes every few seconds. Clocks of
# several machines must agree within it. Our starting value.
SILENCE = timedelta(seconds=60)
LIVE = (ScanState.RUNNING, ScanState.PAUSED)


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One process that scanned a run.

    Attributes:
        id: Row of the scan.
        host: Name of its machine; empty for what releases before 0004 scanned.
        pid: Its process there.
        state: As it last said.
        started_at: UTC.
        seen_at: When it last gave a sign of life, UTC.
        ended_at: UTC; None while it is at work, or was killed and nobody noted it.
        versions: Model, rules and taxonomy it judges with.
        images: Photographs it finished.
        seconds: Wall time it was at work, without pauses.
        rate: Images a second lately, or None.
        stage_seconds: Seconds by stage of all its photographs.
        note: Why it failed, or what it waits for; else empty.
    """

    id: int
    host: str
    pid: int
    state: ScanState
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    versions: Versions
    images: int
    seconds: float
    rate: float | None
    stage_seconds: Mapping[str, float]
    note: str

    @property
    def is_live(self) -> bool:
        """Whether it said that it is at work, and not long ago."""
        return self.state in LIVE and datetime.now(UTC) - self.seen_at < SILENCE


@dataclass(frozen=True, slots=True)
class Progress:
    """What a scan did so far; see `ScanRecord`."""

    images: int
    seconds: float
    rate: float | None
    stage_seconds: Mapping[str, float]


def begin(tx: Connection, run_id: int, host: str, pid: int, versions: Versions) -> int:
    """Enter a scan that starts; others of the run that never ended were killed.

    Only the process that holds the run (`Workspace.scanning`) may do so.

    Returns:
        Row of the scan.
    """
    lost = (scan.c.run_id == run_id, scan.c.ended_at.is_(None))
    killed = {"state": str(ScanState.KILLED), "ended_at": scan.c.seen_at}
    tx.execute(update(scan).where(*lost).values(killed))
    row = {
        "run_id": run_id,
        "host": host[:255],
        "pid": pid,
        "state": str(ScanState.RUNNING),
        "started_at": _now(),
        "seen_at": _now(),
        "model": versions.model,
        "rules": versions.rules,
        "taxonomy": versions.taxonomy,
    }
    return int(tx.execute(insert(scan).values(row).returning(scan.c.id)).scalar_one())


def seen(tx: Connection, scan_id: int, state: ScanState, note: str = "") -> None:
    """Note a sign of life, whether it is at work or paused, and what it waits for."""
    values = {"seen_at": _now(), "state": str(state), "note": note}
    tx.execute(update(scan).where(scan.c.id == scan_id, scan.c.ended_at.is_(None)).values(values))


def advance(tx: Connection, scan_id: int, done: Progress) -> None:
    """Note how far a scan is, in the transaction of what it finished."""
    values = {
        "seen_at": _now(),
        "images": done.images,
        "seconds": done.seconds,
        "rate": done.rate,
        "stage_seconds": json.dumps(dict(done.stage_seconds)),
    }
    tx.execute(update(scan).where(scan.c.id == scan_id).values(values))


def end(tx: Connection, scan_id: int, state: ScanState, note: str = "") -> None:
    """Note how a scan ended."""
    values = {"seen_at": _now(), "ended_at": _now(), "state": str(state), "note": note}
    tx.execute(update(scan).where(scan.c.id == scan_id).values(values))


def of_run(connection: Connection, run_id: int, limit: int | None = None) -> list[ScanRecord]:
    """Return the scans of a run, the newest first, at most ``limit``."""
    query = select(scan).where(scan.c.run_id == run_id).order_by(scan.c.id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query).mappings()]


def latest(connection: Connection, run_id: int) -> ScanRecord | None:
    """Return the newest scan of a run, None where there is none."""
    return next(iter(of_run(connection, run_id, 1)), None)


def ask_to_pause(tx: Connection, run_id: int) -> bool:
    """Have the scans of a run wait, also those that start later; False if that was asked before."""
    wanted = (run.c.id == run_id, run.c.paused_at.is_(None))
    return tx.execute(update(run).where(*wanted).values(paused_at=_now())).rowcount == 1


def let_go_on(tx: Connection, run_id: int) -> bool:
    """Take back `ask_to_pause`; False if nobody had asked."""
    wanted = (run.c.id == run_id, run.c.paused_at.is_not(None))
    return tx.execute(update(run).where(*wanted).values(paused_at=None)).rowcount == 1


def paused_at(connection: Connection, run_id: int) -> datetime | None:
    """Return since when scans of a run shall wait, UTC; None when they shall not."""
    told = connection.execute(select(run.c.paused_at).where(run.c.id == run_id)).scalar()
    return None if told is None else told.replace(tzinfo=UTC)


def _record(row: RowMapping) -> ScanRecord:
    ended = row["ended_at"]
    return ScanRecord(
        row["id"],
        row["host"],
        row["pid"],
        ScanState(row["state"]),
        row["started_at"].replace(tzinfo=UTC),
        row["seen_at"].replace(tzinfo=UTC),
        None if ended is None else ended.replace(tzinfo=UTC),
        Versions(row["model"], row["rules"], row["taxonomy"]),
        row["images"],
        row["seconds"],
        row["rate"],
        json.loads(row["stage_seconds"]),
        row["note"],
    )


def _now() -> datetime:
    """Return UTC without a zone, as the columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)
