"""Reports that people ask for in the browser: made one at a time, kept for some days."""

import hashlib
import logging
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from catenary.domain.errors import CatenaryError, StoreError
from catenary.domain.review import RefusedError
from catenary.jobs.reviewing.report import Choices
from catenary.review import report_process
from catenary.review.failures import HttpError
from catenary.review.report_process import Order, ReportError, Watch
from catenary.review.report_shelf import Report, ReportWish, Shelf, Stage
from catenary.store import audit
from catenary.store.database import Database
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

# Our starting values: a report of a large run takes a minute and 50 MB.
MOST_UNDER_WAY = 10  # of all people
MOST_OF_ONE = 3
MOST_KEPT = 40  # files; the oldest go first
KEPT = timedelta(days=3)

Make = Callable[[Workspace, Order, Path, Watch], None]
Notice = Callable[[str], tuple[Path | None, Path | None]]


@dataclass(slots=True)
class Exports:
    """The reports of a running server; a thread makes them in the order they were asked for.

    Attributes:
        db: Gets a row of the trail for each report that is done.
        workspace: What they are about.
        clock: Returns UTC with its zone.
        notice: Returns template and fonts of a notice.
        make: Makes one; see `report_process.make`.
    """

    db: Database
    workspace: Workspace
    clock: Callable[[], datetime]
    notice: Notice
    make: Make = report_process.make
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    # In the order they were asked for.
    _reports: dict[str, Report] = field(init=False, default_factory=dict)
    _watches: dict[str, Watch] = field(init=False, default_factory=dict)
    _line: "queue.SimpleQueue[str | None]" = field(init=False, default_factory=queue.SimpleQueue)
    _worker: threading.Thread | None = field(init=False, default=None)
    _shelf: Shelf = field(init=False)
    _is_closing: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Find what an earlier server made."""
        self._shelf = Shelf(self.workspace.reports)
        self._reports = {one.id: one for one in self._shelf.all()}

    def ask(self, owner: str, wish: ReportWish) -> Report:
        """Have a report made.

        Raises:
            HttpError: 429 ``"busy"`` when too many are under way.
            StoreError: If it cannot be noted on the disk.
        """
        report = Report(secrets.token_urlsafe(16), owner, wish, self.clock())
        with self._lock:
            self._sweep()
            under_way = [one for one in self._reports.values() if one.is_under_way]
            own = sum(one.owner == owner for one in under_way)
            if own >= MOST_OF_ONE or len(under_way) >= MOST_UNDER_WAY:
                told = "too many reports are being made; wait for one of them"
                raise HttpError(HTTPStatus.TOO_MANY_REQUESTS, "busy", told, {"Retry-After": "10"})
            self._shelf.put(report)
            self._reports[report.id] = report
            self._watches[report.id] = Watch()
            self._start()
        self._line.put(report.id)
        return report

    def of(self, owner: str) -> list[Report]:
        """Return the reports of somebody, the newest first."""
        with self._lock:
            self._sweep()
            return [one for one in reversed(self._reports.values()) if one.owner == owner]

    def before(self, report: Report) -> int:
        """Return how many reports are made before one that waits."""
        with self._lock:
            earlier = list(self._reports.values())
        return sum(one.is_under_way and one.asked_at < report.asked_at for one in earlier)

    def progress(self, report: Report) -> tuple[int, int]:
        """Return how many parts of a report are written, of how many; 0 of 0 until it is known."""
        watch = self._watches.get(report.id)
        return (0, 0) if watch is None else (watch.done, watch.total)

    def file(self, owner: str, report_id: str) -> tuple[Report, Path]:
        """Return a report that is done, and its file.

        Raises:
            RefusedError: ``"not_found"`` where it is not theirs, not done or gone.
        """
        with self._lock:
            report = self._own(owner, report_id)
            path = self._shelf.path(report.id)
        if report.stage is not Stage.DONE or not path.is_file():
            raise RefusedError("not_found", "there is no such report")
        return report, path

    def drop(self, owner: str, report_id: str) -> None:
        """Stop and forget a report.

        Raises:
            RefusedError: ``"not_found"`` where it is not theirs or gone.
        """
        with self._lock:
            self._forget(self._own(owner, report_id))

    def close(self) -> None:
        """Stop what is being made; what is done stays for the next server."""
        with self._lock:
            self._is_closing = True
            for watch in self._watches.values():
                watch.stop.set()
        self._line.put(None)
        if self._worker is not None:
            self._worker.join()

    def _own(self, owner: str, report_id: str) -> Report:
        report = self._reports.get(report_id)
        if report is None or report.owner != owner:
            raise RefusedError("not_found", "there is no such report")
        return report

    def _start(self) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="reports", daemon=True)
            self._worker.start()

    def _forget(self, report: Report) -> None:
        watch = self._watches.pop(report.id, None)
        if watch is not None:
            watch.stop.set()
        del self._reports[report.id]
        self._shelf.take_off(report.id)

    def _sweep(self) -> None:
        ended = [one for one in self._reports.values() if not one.is_under_way]
        now, surplus = self.clock(), len(ended) - MOST_KEPT
        for place, one in enumerate(ended):
            if place < surplus or now - (one.ended_at or now) > KEPT:
                self._forget(one)

    def _work(self) -> None:
        while (report_id := self._line.get()) is not None:
            with self._lock:
                report, watch = self._reports.get(report_id), self._watches.get(report_id)
                if report is None or watch is None:
                    continue  # dropped while it waited
                report = self._reports[report_id] = replace(report, stage=Stage.MAKING)
                path = self._shelf.path(report_id)
            ended = self._made(report, path, watch)
            with self._lock:
                if self._is_closing and ended.stage is Stage.FAILED:
                    continue  # its note says that it was under way; the next server tells so
                if report_id in self._reports:
                    self._reports[report_id] = self._put(ended)
                else:
                    self._shelf.take_off(report_id)  # dropped while it was made

    def _put(self, ended: Report) -> Report:
        try:
            self._shelf.put(ended)
        except StoreError as error:
            log.warning("a report will not outlive the server: %s", error)
        return ended

    def _made(self, report: Report, path: Path, watch: Watch) -> Report:
        """Return a report as it ended; whatever goes wrong is told to its owner."""
        wish = report.wish
        template, fonts = self.notice(wish.form)
        choices = Choices(False, template, fonts, wish.is_decided, wish.selection)
        try:
            self.make(self.workspace, Order(wish.run, wish.form, choices), path, watch)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            done = replace(
                report,
                stage=Stage.DONE,
                ended_at=self.clock(),
                size=path.stat().st_size,
                sha256=digest,
            )
            self._keep_trace(done)
        except ReportError as error:
            return self._failed(report, error.code, str(error))
        except CatenaryError as error:
            return self._failed(report, "invalid", str(error))
        except OSError as error:
            return self._failed(report, "invalid", f"the report cannot be kept: {error.strerror}")
        except Exception:  # a bug, which must not end the thread: others wait for their reports
            number = secrets.token_hex(4)
            log.exception("a report met a bug number=%s", number)
            return self._failed(report, "internal", number)
        return done

    def _failed(self, report: Report, code: str, message: str) -> Report:
        log.warning("a report failed code=%s: %s", code, message)
        problem = (code, message)
        return replace(report, stage=Stage.FAILED, ended_at=self.clock(), problem=problem)

    def _keep_trace(self, report: Report) -> None:
        """Tell the trail who took what out of the workspace."""
        wish = report.wish
        told = {
            "run": wish.run,
            "format": wish.form,
            "decided": wish.is_decided,
            "selection": None if wish.selection is None else wish.selection.told.en,
            "sha256": report.sha256,
        }
        with self.db.write() as tx:
            audit.append(tx, self.clock(), report.owner, "report", told)
