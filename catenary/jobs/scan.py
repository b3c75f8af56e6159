"""Scan a run into a workspace, and tell what a workspace holds."""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from catenary import config
from catenary.domain.errors import SourceGoneError, StoreError
from catenary.domain.finding import Component, Finding, Verdict
from catenary.jobs import assemble, evidence, join, promised, report, workspaces
from catenary.models import bundle
from catenary.pipeline import workers
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience
from catenary.pipeline.scan import ScannedFrame, scan
from catenary.pipeline.workers import WRITING, Tempo
from catenary.reports import words
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store import findings, ledger, reassignments, shards, summary
from catenary.store.database import Database
from catenary.store.findings import CropFile
from catenary.store.ledger import Failure, RunRecord
from catenary.store.reassignments import Reassignment
from catenary.store.shards import ComponentRow
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

SAMPLE_RUN = "samples/demo/2026-03-06_示例线_上行_东站-西站"  # made by scripts/build-sample
LEAST_FREE_BYTES = 100_000_000  # a scan stops before the disk is quite full
COMMIT_SECONDS = 10.0  # a batch is written after this time even when it is not full


class Progress(Protocol):
    """Is told how far a scan is."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Take photographs finished, photographs in all, and which stage limits the scan."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What a user chose for one scan beside the recipe.

    Attributes:
        workers: Photographs judged at once; None for as many as fit the processor or GPU.
        readers: Threads that read and decode; None for as many as fit.
        retry_failed: Try photographs again that failed before.
        wait_s: How long to wait for a source that goes away, in seconds.
    """

    workers: int | None = None
    readers: int | None = None
    retry_failed: bool = False
    wait_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo` leaves behind: counts, and the path of the HTML report."""

    summary: RunSummary
    report: Path


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with the photographs that were not judged, and those given to other masts."""

    summary: RunSummary
    failures: tuple[Failure, ...]
    reassigned: tuple[Reassignment, ...] = ()


def demo(folder: Path, progress: Progress) -> Demo:
    """Scan the bundled sample run and write its HTML report."""
    source = str(config.bundled(SAMPLE_RUN))
    found = scan_run(source, folder, assemble.Recipe(), Options(), progress)
    page = folder / f"{found.name}.html"
    report.write_report(folder, found.name, "html", page, with_components=False)
    return Demo(found, page.resolve())


def scan_run(
    source_path: str, folder: Path, recipe: assemble.Recipe, options: Options, progress: Progress
) -> RunSummary:
    """Scan what is left of a run; safe to stop, kill and start again.

    Args:
        source_path: Folder, file or URL of the run.
        folder: Workspace.
        recipe: Model and settings.
        options: Threads, retries.
        progress: Called after each photograph.

    Raises:
        SourceError: If the run is not recognised.
        SourceGoneError: If it goes away for longer than `Options.wait_s`; what was finished stays.
        StoreError: If the workspace cannot be written; what was finished stays.
    """
    source = discover.open_source(source_path)
    judge = assemble.judge(recipe)
    settings = recipe.settings()
    promises = _promises(recipe)
    workspace = Workspace(folder)
    workspace.create()
    with workspaces.opened(workspace) as db:
        run_id = _registered(db, source, judge, options, promises)
        with db.read() as connection:
            name = ledger.record_of(connection, run_id).name
            start = summary.of_run(connection, run_id)
        with workspace.scanning(name):
            with db.read() as connection:
                shards.sweep(connection, workspace, run_id)
            crew = workers.fitting(assemble.device(recipe.device), options.workers, options.readers)
            writer = _Writer(db, workspace, run_id, name, start, Tempo(crew))
            refs = ledger.pending(db, run_id)
            patience = Patience(options.wait_s)
            results = scan(refs, source.read, judge, crew, settings.quality, patience)
            writer.write_all(results, settings.batch, progress)
            join.join_run(db, workspace, run_id, source.read)
        with db.read() as connection:
            return summary.of_run(connection, run_id)


def _promises(recipe: assemble.Recipe) -> tuple[str, ...]:
    """Return what a scan promises, in words; nothing unless it was asked to."""
    if not recipe.at_promise:
        return ()
    folder = recipe.bundle_folder()
    return tuple(promised.lines(bundle.verify(folder), folder))


def _registered(
    db: Database, source: Source, judge: Judge, options: Options, promises: Sequence[str]
) -> int:
    told = source.description
    record = RunRecord(
        told.name,
        told.source,
        told.layout,
        judge.versions,
        judge.thresholds,
        told.line,
        told.direction,
        told.date,
        report.kept_promises(promises),
    )
    with db.write() as tx:
        if promises:
            _refuse_other_scan(tx, record)
        run_id = ledger.register(tx, record)
        ledger.plan(tx, run_id, source.frames())
        if options.retry_failed:
            ledger.reset_failed(tx, run_id)
    return run_id


def _refuse_other_scan(tx: Connection, record: RunRecord) -> None:
    """Refuse to promise anything of photographs that were judged without that promise."""
    known = ledger.known(tx, record)
    if known is None:
        return
    former = summary.of_run(tx, known)
    if former.record.config != record.config and former.images > former.pending:
        raise StoreError(
            f"{former.images - former.pending} photographs of {former.name} were scanned without"
            " this promise; scan it into another --workspace"
        )


class _Writer:
    """Writes finished photographs in batches: evidence and shard first, then one transaction."""

    def __init__(
        self,
        db: Database,
        workspace: Workspace,
        run_id: int,
        name: str,
        start: RunSummary,
        tempo: Tempo,
    ) -> None:
        self.db, self.workspace, self.run_id, self.name = db, workspace, run_id, name
        self.tempo = tempo
        self.done, self.total = start.images - start.pending, start.images
        self.seconds: Counter[str] = Counter()

    def write_all(
        self, results: Iterator[ScannedFrame], batch_size: int, progress: Progress
    ) -> None:
        """Drain the scan; an interruption or a lost source still writes what is finished."""
        batch: list[ScannedFrame] = []
        last = time.monotonic()
        try:
            for result in results:
                batch.append(result)
                self.done += 1
                self.tempo.add(result.stage_seconds)
                progress(self.done, self.total, self.tempo.limit())
                if len(batch) >= batch_size or time.monotonic() - last > COMMIT_SECONDS:
                    finished, batch = batch, []
                    self.commit(finished)
                    last = time.monotonic()
        except (KeyboardInterrupt, SourceGoneError):
            self.commit(batch)
            raise
        self.commit(batch)
        total = sum(self.seconds.values()) or 1.0
        shares = " ".join(f"{name}={value / total:.0%}" for name, value in self.seconds.items())
        log.info(
            "scanned run=%s images=%d limited by %s, seconds by stage: %s",
            self.name,
            self.done,
            self.tempo.limit() or "nothing",
            shares,
        )

    def commit(self, batch: list[ScannedFrame]) -> None:
        """Write one batch, whole or not at all."""
        if not batch:
            return
        if (free := self.workspace.free_bytes()) < LEAST_FREE_BYTES:
            raise StoreError(
                f"only {free / 1e6:.0f} MB free in {self.workspace.path}; "
                "free some space and start the same scan again, it goes on where it was"
            )
        started = time.perf_counter()
        with _uninterrupted():
            self._write(batch)
        self.tempo.add({WRITING: time.perf_counter() - started})
        for result in batch:
            self.seconds.update(result.stage_seconds)

    def _write(self, batch: list[ScannedFrame]) -> None:
        raised = [pair for result in batch for pair in self._with_crops(result)]
        rows = [row for result in batch for row in _component_rows(result)]
        shard = shards.write(
            self.workspace.detections(self.name), evidence.digest(batch[0].ref.image_id), rows
        )
        with self.db.write() as tx:
            for result in batch:
                ledger.finish(tx, self.run_id, result.ref.image_id, result.result)
            findings.insert_all(tx, self.run_id, raised)
            shards.record(tx, self.run_id, shard)

    def _with_crops(self, result: ScannedFrame) -> Iterator[tuple[Finding, CropFile]]:
        """Yield findings that are not normal with their evidence pictures, already written."""
        told = [one for one in result.findings if one.verdict is not Verdict.NORMAL]
        folder = self.workspace.evidence(self.name)
        for number, one in enumerate(told):
            if result.frame is not None:
                name = f"{evidence.digest(result.ref.image_id)}-{number}.jpg"
                yield one, evidence.picture(result.frame, one.component.box, folder, name)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until a batch, which takes moments, is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    former = {
        number: signal.signal(number, lambda told, _: held.append(told))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if held:
        raise KeyboardInterrupt


def _component_rows(result: ScannedFrame) -> Iterator[ComponentRow]:
    for one in result.findings:
        told = (str(one.verdict), one.condition, one.probability)
        yield _component_row(result, one.component, told)
    for component in result.located:
        yield _component_row(result, component, ("", "", None))


def _component_row(
    result: ScannedFrame, component: Component, told: tuple[str, str, float | None]
) -> ComponentRow:
    box, ref = component.box, result.ref
    corners = (box.x0, box.y0, box.x1, box.y1)
    return ComponentRow(
        ref.image_id, ref.file_name, component.kind, *corners, component.score, *told
    )


def list_runs(folder: Path) -> list[RunSummary]:
    """Return the counts of every run of a workspace.

    Raises:
        StoreError: If the folder is no workspace.
    """
    with workspaces.existing(folder) as (db, _), db.read() as connection:
        return summary.runs(connection)


def show_run(folder: Path, name: str) -> RunDetail:
    """Return one run of a workspace with what failed.

    Raises:
        StoreError: If the folder is no workspace or has no such run.
    """
    with workspaces.existing(folder) as (db, _), db.read() as connection:
        run_id = ledger.run_id_of(connection, name)
        failed = tuple(ledger.failures(connection, run_id))
        reassigned = tuple(reassignments.of_run(connection, run_id))
        return RunDetail(summary.of_run(connection, run_id), failed, reassigned)


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
    }


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
