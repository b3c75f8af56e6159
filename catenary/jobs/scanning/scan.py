"""Scan a run into a workspace, and tell what a workspace holds."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection

from catenary import config
from catenary.domain.errors import StoreError
from catenary.jobs import workspaces
from catenary.jobs.reviewing import join, report, review_queue
from catenary.jobs.scanning import again, assemble, metrics, promised, recover
from catenary.jobs.scanning.engines import cluster
from catenary.jobs.scanning.engines.engine import Engine, Judging, Work
from catenary.jobs.scanning.engines.local import LocalEngine
from catenary.jobs.scanning.planning import Planning
from catenary.jobs.scanning.room import Room
from catenary.jobs.scanning.watch import watched
from catenary.jobs.scanning.writing import Progress, Writer
from catenary.models import bundle
from catenary.pipeline import workers
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience
from catenary.pipeline.workers import Tempo
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store import again as store_again
from catenary.store import ledger, shards, summary
from catenary.store.again import Again
from catenary.store.database import Database
from catenary.store.ledger import RunRecord
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

SAMPLE_RUN = "samples/demo/2026-03-06_示例线_上行_东站-西站"  # made by scripts/build-sample


class EngineName(StrEnum):
    """Who judges the photographs."""

    LOCAL = "local"  # threads of this process
    RAY = "ray"  # workers of a Ray cluster


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
        engine: Who judges.
        ray_address: Of the Ray cluster that is joined; empty to start one in this machine.
    """

    workers: int | None = None
    readers: int | None = None
    retry_failed: bool = False
    wait_s: float = 3600.0
    again: tuple[Again, ...] = ()
    name: str = ""
    metrics: tuple[str, int] | None = None
    engine: EngineName = EngineName.LOCAL
    ray_address: str = ""

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
    promises = _promises(recipe)
    workspace = place if isinstance(place, Workspace) else Workspace(place)
    with _engine(source, recipe, options, by) as engine, _opened(workspace) as db:
        db.patience_s = options.wait_s
        versions = engine.judging.versions
        run_id = _registered(db, source, engine.judging, options, promises)
        with db.read() as connection:
            name = ledger.record_of(connection, run_id).name
        with workspace.scanning(name), watched(db, run_id, name, versions) as watch:
            recover.recover(db, workspace, run_id, source.read)
            if Again.CHANGED in options.again:
                patience = Patience(options.wait_s)
                again.ask_changed(db, source, run_id, engine.hands.readers, patience)
            plan = Planning(db, run_id, source.frames())
            writer = Writer(db, workspace, watch, plan, Tempo(engine.hands))  # counts what is known
            with plan:
                writer.tell_begun(versions.model)
                served = metrics.served(
                    options.metrics, writer.record, watch, writer.left, workspace.free_bytes
                )
                with served as writer.meter:
                    work = Work(db, watch, plan, writer, progress)
                    is_left = True
                    while is_left:
                        engine.scan(work)
                        is_left = watch.waited()
            log.info(
                "scanned run=%s limited by %s, seconds by stage: %s",
                name,
                writer.tempo.limit() or "nothing",
                watch.shares(),
            )
            join.join_run(db, workspace, run_id, source.read)
            review_queue.fill_after_scan(db, workspace, run_id)
            with db.write() as tx:
                shards.prune(tx, run_id)
        with db.read() as connection:
            return summary.of_run(connection, run_id)


@contextmanager
def _opened(workspace: Workspace) -> Iterator[Database]:
    """Make a workspace where there is none, and open its database."""
    workspace.create()
    Room(workspace).require()
    with workspaces.opened(workspace) as db:
        yield db


@contextmanager
def _engine(
    source: Source, recipe: assemble.Recipe, options: Options, by: Judge | None
) -> Iterator[Engine]:
    settings = recipe.settings()
    crew = (options.workers, options.readers)
    if options.engine is EngineName.RAY:
        place = options.ray_address
        with cluster.started(source, recipe, place, *crew, options.wait_s) as engine:
            yield engine
        return
    judges = [by] if by else assemble.judges(recipe)
    several = (settings.together, 0 if by else settings.rule_processes)
    hands = workers.fitting(assemble.devices(recipe.device), *crew, *several)
    opening = assemble.opening(recipe)
    with assemble.with_rules(judges, hands.rules) as ruled:
        yield LocalEngine(source, ruled, hands, opening, settings.batch, options.wait_s)


def _promises(recipe: assemble.Recipe) -> tuple[str, ...]:
    """Return what a scan promises, in words; nothing unless it was asked to."""
    if not recipe.at_promise:
        return ()
    folder = recipe.bundle_folder()
    return tuple(promised.lines(bundle.verify(folder), folder))


def _registered(
    db: Database, source: Source, judge: Judging, options: Options, promises: Sequence[str]
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
                if policy is not Again.CHANGED:  # these are looked for later, and told then
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
