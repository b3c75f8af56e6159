"""Write what a scan finished, batch by batch: each whole or not at all."""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from catenary.domain.errors import SourceError
from catenary.domain.finding import Finding
from catenary.jobs import evidence
from catenary.jobs.scanning import metrics
from catenary.jobs.scanning.engines.kept import Kept, Raised
from catenary.jobs.scanning.planning import Planning
from catenary.jobs.scanning.room import Room
from catenary.jobs.scanning.watch import Watch
from catenary.pipeline.workers import WRITING, Tempo
from catenary.store import again as store_again
from catenary.store import findings, leases, ledger, packs, shards
from catenary.store.database import Database
from catenary.store.findings import CropFile
from catenary.store.packs import PackFile
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

COMMIT_SECONDS = 10.0  # a batch is written after this time even when it is not full


class Progress(Protocol):
    """Is told how far a scan is."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Take photographs finished, photographs in all, and which stage limits the scan."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Photographs whose results are written together.

    Attributes:
        kept: What is written of each.
        lease_id: Under which they were lent to a worker; None where nobody lends.
    """

    kept: Sequence[Kept]
    lease_id: int | None = None


class Writer:
    """Writes finished photographs in batches: evidence and shard first, then one transaction."""

    def __init__(
        self, db: Database, workspace: Workspace, watch: Watch, plan: Planning, tempo: Tempo
    ) -> None:
        """Write what ``plan`` lists; counts go on from what is done."""
        self.db, self.workspace, self.run_id = db, workspace, plan.run_id
        self.watch, self.plan, self.tempo = watch, plan, tempo
        with db.read() as connection:
            self.record = ledger.record_of(connection, self.run_id)
            counts = ledger.counts(connection, self.run_id)
        self.name = self.record.name
        self.done, self.known = counts.total() - counts[None], counts.total()
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

    def write_each(self, results: Iterable[Kept], batch_size: int, progress: Progress) -> None:
        """Drain a scan; an interruption or a lost source still writes what is finished."""
        batch: list[Kept] = []
        last = time.monotonic()
        try:
            for result in results:
                batch.append(result)
                self._count(result, progress)
                self.meter.waiting(len(batch))
                if len(batch) >= batch_size or time.monotonic() - last > COMMIT_SECONDS:
                    finished, batch = batch, []
                    self.commit(Batch(finished))
                    last = time.monotonic()
        except (KeyboardInterrupt, SourceError):
            self.commit(Batch(batch), is_patient=False)
            raise
        self.commit(Batch(batch))

    def write_batches(self, batches: Iterable[Batch], progress: Progress) -> None:
        """Drain a scan whose photographs are lent and come back batch by batch.

        Raises:
            LeaseLostError: If another scan took the run over; nothing of that batch is kept.
        """
        for batch in batches:
            for result in batch.kept:
                self._count(result, progress)
            self.commit(batch)

    def _count(self, result: Kept, progress: Progress) -> None:
        self.done += 1
        self.tempo.add(result.stage_seconds)
        progress(self.done, self.total(), self.tempo.limit())

    def commit(self, batch: Batch, *, is_patient: bool = True) -> None:
        """Write one batch, whole or not at all; wait for a database server that goes away."""
        if not batch.kept:
            return
        self.room.require()
        started = time.monotonic()
        if is_patient:
            self.db.persist(partial(self._write, batch))
        else:
            self._write(batch)
        spent = time.monotonic() - started
        self.tempo.add({WRITING: spent})
        self.watch.finished(len(batch.kept), _stage_seconds(batch.kept))
        self.meter.written(batch.kept, spent)
        self.meter.waiting(0)
        log.info(
            "wrote images=%d run=%s done=%d", len(batch.kept), self.name, self.done,
            extra={"event": "written", "run": self.name, "images": len(batch.kept),
                   "done": self.done, "left": self.left(), "rate": self.watch.rate()},
        )  # fmt: skip

    def _write(self, batch: Batch, *, is_again: bool = False) -> None:
        with _uninterrupted():
            self._write_whole(batch, is_again=is_again)

    def _write_whole(self, batch: Batch, *, is_again: bool) -> None:
        kept = batch.kept
        with self.db.read(is_patient=False) as connection:
            ids = [one.ref.image_id for one in kept]
            former = ledger.standing(connection, self.run_id, ids)
        revisions = {image_id: one.next_revision for image_id, one in former.items()}
        drawn = [pair for one in kept for pair in _drawn(one, revisions.get(one.ref.image_id, 0))]
        pictures = {name: raised.picture.jpeg for name, raised in drawn}
        digest = evidence.digest(ids[0])
        pack = packs.write(self.workspace.evidence(self.name), digest, pictures)
        rows = [
            replace(row, revision=revisions.get(row.image_id, 0))
            for one in kept
            for row in one.rows
        ]
        shard = shards.write(self.workspace.detections(self.name), digest, rows)
        with self.db.write() as tx:
            if is_again and not ledger.is_left(tx, self.run_id, ids[0]):
                return  # the server kept the batch, only its answer was lost
            if batch.lease_id is not None:
                leases.require(tx, batch.lease_id)
            put_aside = store_again.put_aside(tx, former.values())
            scan_id = self.watch.scan_id
            told = [
                (one.ref.image_id, one.result, replace(one.origin, scan_id=scan_id)) for one in kept
            ]
            ledger.finish_all(tx, self.run_id, told)
            findings.insert_all(tx, self.run_id, _placed(drawn, pack), put_aside)
            shards.record(tx, self.run_id, shard)
            packs.record(tx, self.run_id, pack)
            self.watch.advance(tx, len(kept), _stage_seconds(kept))
            if batch.lease_id is not None:
                leases.close(tx, batch.lease_id)
        files = (shard.path, *([pack.path] if pack else []))
        self.room.wrote(files, len(kept), self.left())


def _drawn(one: Kept, revision: int) -> Iterator[tuple[str, Raised]]:
    """Yield findings that are not normal with the names of their pictures.

    Those of a former judgement keep theirs: a picture's name tells which judgement it is of.
    """
    anew = f"-r{revision}" if revision else ""
    for number, raised in enumerate(one.raised):
        yield f"{evidence.digest(one.ref.image_id)}{anew}-{number}.jpg", raised


def _placed(
    drawn: Iterable[tuple[str, Raised]], pack: PackFile | None
) -> Iterator[tuple[Finding, CropFile | None]]:
    """Yield findings with where their pictures are, now that their pack is written."""
    for name, raised in drawn:
        one = raised.picture
        yield raised.finding, CropFile(pack.name_of(name), one.x0, one.y0) if pack else None


def _stage_seconds(kept: Sequence[Kept]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in kept:
        total.update(one.stage_seconds)
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
