"""Scan a run into a workspace, and tell what a workspace holds."""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from catenary import config
from catenary.domain.errors import SourceError, StoreError
from catenary.domain.finding import Component, Finding, Verdict
from catenary.jobs import (
    again,
    assemble,
    evidence,
    join,
    metrics,
    promised,
    recover,
    report,
    workspaces,
)
from catenary.jobs.planning import Planning
from catenary.jobs.room import Room
from catenary.jobs.watch import Watch, watched
from catenary.models import bundle
from catenary.pipeline import workers
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience
from catenary.pipeline.scan import ScannedFrame, scan
from catenary.pipeline.workers import WRITING, Tempo
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store import again as store_again
from catenary.store import findings, ledger, shards, summary
from catenary.store.again import Again
from catenary.store.database import Database
from catenary.store.findings import CropFile
from catenary.store.ledger import Origin, RunRecord
from catenary.store.shards import ComponentRow
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

SAMPLE_RUN = "samples/demo/2026-03-06_示例线_上行_东站-西站"  # made by scripts/build-sample
COMMIT_SECONDS = 10.0  # a batch is written after this time even when it is not full


class Progress(Protocol):
    """Is told how far a scan is."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Take photographs finished, photographs in all, and which stage limits the scan."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What a user chose for one scan beside the recipe.

    Attributes:
        workers: Photographs judged at once; None for as many as fit the processor or GPU.
        readers: Threads that read and decode; None for as many as fit.
        retry_failed: Try photographs again that failed before; as ``Again.FAILED``.
        wait_s: How long to wait for a source or a database that goes away, or for a database that
            another program holds, in seconds.
        again: Which finished photographs are scanned again.
        name: Of the run, when its results shall stand beside those under its own name; or empty.
        metrics: Host and port on which Prometheus is answered, or None.
    """

    workers: int | None = None
    readers: int | None = None
    retry_failed: bool = False
    wait_s: float = 3600.0
    again: tuple[Again, ...] = ()
    name: str = ""
    metrics: tuple[str, int] | None = None

    def policies(self) -> tuple[Again, ...]:
        """Return which photographs are scanned again."""
        failed = (Again.FAILED,) if self.retry_failed else ()
        return tuple(dict.fromkeys((*self.again, *failed)))


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo` leaves behind: counts, and the path of the HTML report."""

    summary: RunSummary
    report: Path


def demo(workspace: Workspace, progress: Progress) -> Demo:
    """Scan the bundled sample run and write its HTML report."""
    source = str(config.bundled(SAMPLE_RUN))
    found = scan_run(source, workspace, assemble.Recipe(), Options(), progress)
    page = workspace.path / f"{found.name}.html"
    report.write_report(workspace, found.name, "html", page)
    return Demo(found, page.resolve())


def scan_run(
    source_path: str,
    place: Path | Workspace,
    recipe: assemble.Recipe,
    options: Options,
    progress: Progress,
    by: Judge | None = None,
) -> RunSummary:
    """Scan what is left of a run; safe to stop, kill and start again.

    Args:
        source_path: Folder, file or URL of the run.
        place: Workspace, or its folder.
        recipe: Model and settings.
        options: Threads, retries.
        progress: Called after each photograph.
        by: Judges instead of what the recipe names: a bench of everything else needs no network.

    Raises:
        SourceError: If the run is not recognised, or cannot be listed to its end.
        SourceGoneError: If it goes away for longer than `Options.wait_s`; what was finished stays.
        StoreGoneError: If its database goes away for longer than that.
        StoreError: If the workspace cannot be written; what was finished stays.
    """
    source = discover.open_source(source_path)
    judges = [by] if by else assemble.judges(recipe)
    judge = judges[0]
    settings, opening = recipe.settings(), assemble.opening(recipe)
    promises = _promises(recipe)
    workspace = place if isinstance(place, Workspace) else Workspace(place)
    workspace.create()
    Room(workspace).require()
    with workspaces.opened(workspace) as db:
        db.patience_s = options.wait_s
        run_id = _registered(db, source, judge, options, promises)
        with db.read() as connection:
            name = ledger.record_of(connection, run_id).name
        crew = workers.fitting(
            assemble.devices(recipe.device), options.workers, options.readers, settings.together
        )
        with workspace.scanning(name), watched(db, run_id, name, judge.versions) as watch:
            recover.recover(db, workspace, run_id, source.read)
            if Again.CHANGED in options.again:
                patience = Patience(options.wait_s)
                again.ask_changed(db, source, run_id, crew.readers, patience)
            stamped = again.Stamped(source, watch.hindered)
            with Planning(db, run_id, source.frames()) as plan:
                writer = _Writer(db, workspace, watch, stamped, plan, Tempo(crew))
                writer.tell_begun(judge.versions.model)
                served = metrics.served(
                    options.metrics, writer.record, watch, writer.left, workspace.free_bytes
                )
                with served as writer.meter:
                    is_left = True
                    while is_left:
                        refs = watch.until_paused(ledger.pending(db, run_id, more=plan.has_more))
                        patience = Patience(options.wait_s)
                        results = scan(refs, stamped.read, judges, crew, opening, patience)
                        writer.write_all(results, settings.batch, progress)
                        is_left = watch.waited()
            log.info(
                "scanned run=%s limited by %s, seconds by stage: %s",
                name,
                writer.tempo.limit() or "nothing",
                watch.shares(),
            )
            join.join_run(db, workspace, run_id, source.read)
            with db.write() as tx:
                shards.prune(tx, run_id)
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
        options.name or told.name,
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
        known = ledger.known(tx, record)
        if options.name and known is None:
            _refuse_taken_name(tx, record)
        if known is not None:
            for policy in options.policies():
                count = store_again.ask(tx, known, policy, judge.versions)
                log.info("again run=%s which=%s images=%d", record.name, policy, count)
        if promises:
            if Again.NONE in options.again:
                raise StoreError("--promise goes with no --again none: what stands has no promise")
            _refuse_other_scan(tx, record)
        return ledger.register(tx, record)


def _refuse_taken_name(tx: Connection, record: RunRecord) -> None:
    """Refuse a chosen name that another source has: it would get a number nobody asked for."""
    if ledger.is_taken(tx, record.name):
        raise StoreError(f"another source has the run name {record.name!r}; choose another --as")


def _refuse_other_scan(tx: Connection, record: RunRecord) -> None:
    """Refuse to promise anything of photographs that were judged without that promise."""
    known = ledger.known(tx, record)
    if known is None:
        return
    former = summary.of_run(tx, known)
    if former.record.config != record.config and former.images > former.pending:
        raise StoreError(
            f"{former.images - former.pending} photographs of {former.name} were scanned without"
            " this promise; scan all again (--again all) or into another --workspace"
        )


class _Writer:
    """Writes finished photographs in batches: evidence and shard first, then one transaction."""

    def __init__(
        self,
        db: Database,
        workspace: Workspace,
        watch: Watch,
        stamped: again.Stamped,
        plan: Planning,
        tempo: Tempo,
    ) -> None:
        self.db, self.workspace, self.run_id = db, workspace, plan.run_id
        self.watch, self.stamped, self.plan, self.tempo = watch, stamped, plan, tempo
        with db.read() as connection:
            self.record = ledger.record_of(connection, self.run_id)
            counts = ledger.counts(connection, self.run_id)
        self.name = self.record.name
        self.done, self.known = counts.total() - counts[None], counts.total()
        self.origins: dict[str, Origin] = {}
        self.room = Room(workspace)
        self.meter: metrics.Meter = metrics.Unmetered()

    def total(self) -> int:
        """Return how many photographs of the run are known so far."""
        return self.known + self.plan.added

    def left(self) -> int:
        """Return how many photographs are left, those that are not written yet not counted."""
        return self.total() - self.done

    def tell_begun(self, model: str) -> None:
        """Log that the scan begins."""
        log.info(
            "scanning run=%s images=%d left=%d", self.name, self.total(), self.left(),
            extra={"event": "begun", "run": self.name, "images": self.total(),
                   "left": self.left(), "model": model},
        )  # fmt: skip

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
                self.meter.waiting(len(batch))
                progress(self.done, self.total(), self.tempo.limit())
                if len(batch) >= batch_size or time.monotonic() - last > COMMIT_SECONDS:
                    finished, batch = batch, []
                    self.commit(finished)
                    last = time.monotonic()
        except (KeyboardInterrupt, SourceError):
            self.commit(batch, is_patient=False)
            raise
        self.commit(batch)

    def commit(self, batch: list[ScannedFrame], *, is_patient: bool = True) -> None:
        """Write one batch, whole or not at all; wait for a database server that goes away."""
        if not batch:
            return
        self.room.require()
        started = time.monotonic()
        self.origins = {
            one.ref.image_id: self.stamped.origin(one.ref, self.watch.scan_id) for one in batch
        }
        if is_patient:
            self.db.persist(partial(self._write, batch))
        else:
            self._write(batch)
        spent = time.monotonic() - started
        self.tempo.add({WRITING: spent})
        self.watch.finished(len(batch), _stage_seconds(batch))
        self.meter.written(batch, spent)
        self.meter.waiting(0)
        log.info(
            "wrote images=%d run=%s done=%d", len(batch), self.name, self.done,
            extra={"event": "written", "run": self.name, "images": len(batch), "done": self.done,
                   "left": self.left(), "rate": self.watch.rate()},
        )  # fmt: skip

    def _write(self, batch: list[ScannedFrame], *, is_again: bool = False) -> None:
        with _uninterrupted():
            self._write_whole(batch, is_again=is_again)

    def _write_whole(self, batch: list[ScannedFrame], *, is_again: bool) -> None:
        with self.db.read(is_patient=False) as connection:
            ids = [result.ref.image_id for result in batch]
            former = ledger.standing(connection, self.run_id, ids)
        revisions = {image_id: one.next_revision for image_id, one in former.items()}
        raised = [
            pair
            for result in batch
            for pair in self._with_crops(result, revisions.get(result.ref.image_id, 0))
        ]
        rows = [
            replace(row, revision=revisions.get(row.image_id, 0))
            for result in batch
            for row in _component_rows(result)
        ]
        shard = shards.write(
            self.workspace.detections(self.name), evidence.digest(batch[0].ref.image_id), rows
        )
        with self.db.write() as tx:
            if is_again and not ledger.is_left(tx, self.run_id, batch[0].ref.image_id):
                return  # the server kept the batch, only its answer was lost
            put_aside = store_again.put_aside(tx, former.values())
            told = [(one.ref.image_id, one.result, self.origins[one.ref.image_id]) for one in batch]
            ledger.finish_all(tx, self.run_id, told)
            findings.insert_all(tx, self.run_id, raised, put_aside)
            shards.record(tx, self.run_id, shard)
            self.watch.advance(tx, len(batch), _stage_seconds(batch))
        crops = (self.workspace.evidence(self.name) / crop.name for _, crop in raised)
        self.room.wrote((shard.path, *crops), len(batch), self.left())

    def _with_crops(
        self, result: ScannedFrame, revision: int
    ) -> Iterator[tuple[Finding, CropFile]]:
        """Yield findings that are not normal with their evidence pictures, already written.

        Those of a former judgement keep theirs: a picture's name tells which judgement it is of.
        """
        anew = f"-r{revision}" if revision else ""
        told = [one for one in result.findings if one.verdict is not Verdict.NORMAL]
        folder = self.workspace.evidence(self.name)
        for number, one in enumerate(told):
            if result.frame is not None:
                name = f"{evidence.digest(result.ref.image_id)}{anew}-{number}.jpg"
                yield one, evidence.picture(result.frame, one.component.box, folder, name)


def _stage_seconds(batch: Sequence[ScannedFrame]) -> Counter[str]:
    total: Counter[str] = Counter()
    for result in batch:
        total.update(result.stage_seconds)
    return total


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
