"""One report, made in a process of its own: its work and its memory are not the server's."""

import logging
import multiprocessing
import os
import secrets
import signal
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from catenary.domain.errors import CatenaryError, NothingToReportError
from catenary.jobs.reviewing import report
from catenary.jobs.reviewing.report import Choices
from catenary.reports import about, atomic
from catenary.reports.data import Progress, nobody_waits
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

# Formats that say nothing of what they are of: they come in an archive with a file that does.
TABLES = {"csv": "findings.csv", "coco": "findings.json"}
LONGEST_S = 3600.0  # then it is given up; our starting value
_LOOK_S = 0.2  # how soon it is seen how far a report is, and that nobody wants it any more


class ReportError(CatenaryError):
    """A report could not be made.

    Attributes:
        code: ``"nothing"``, ``"invalid"``, ``"gave_up"`` or ``"internal"``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence for people."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """A report to make.

    Attributes:
        run: Name of the run.
        form: One of `report.FORMATS`.
        choices: What the format lets one choose.
    """

    run: str
    form: str
    choices: Choices


@dataclass(slots=True)
class Watch:
    """How far a report is, and whether anybody still wants it; seen by several threads.

    Attributes:
        stop: Set when nobody wants it any more.
        done: Parts that are written.
        total: Of how many; 0 while that is not known.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    total: int = 0


def make(place: Workspace, order: Order, path: Path, watch: Watch) -> None:
    """Make a report and wait for it.

    Args:
        place: Workspace.
        order: What to make.
        path: File to write; replaced whole or not at all.
        watch: Is told how far it is; tells when nobody wants it any more.

    Raises:
        ReportError: If it could not be made, took too long or was stopped.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(place, order, path, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        code, message = _answer(ours, watch)
    finally:
        process.kill()
        process.join()
        ours.close()
    if code:
        raise ReportError(code, message)


def _answer(pipe: Connection, watch: Watch) -> tuple[str, str]:
    """Return code and sentence of what went wrong; two empty texts when nothing did."""
    ends_at = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_at:
        if watch.stop.is_set():
            return "gave_up", "nobody wants the report any more"
        if not wait([pipe], timeout=_LOOK_S):
            continue
        try:
            told = pipe.recv()
        except EOFError:
            return "internal", "the process that made the report was killed; see the memory"
        if isinstance(told, _Progress):
            watch.done, watch.total = told.done, told.total
        else:
            code, message = told
            return str(code), str(message)
    return "gave_up", f"the report was not ready after {LONGEST_S / 60:.0f} minutes"


@dataclass(frozen=True, slots=True)
class _Progress:
    done: int
    total: int


def _teller(pipe: Connection) -> Progress:
    """Return who tells the server how far a report is, a few times a second at most."""
    last = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= _LOOK_S:
            last = now
            pipe.send(_Progress(done, total))

    return tell


def _make(place: Workspace, order: Order, path: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends us
    os.nice(10)  # reviewers go first
    try:
        write(place, order, path, _teller(pipe))
    except ReportError as error:
        pipe.send((error.code, str(error)))
    except Exception:  # a bug: who waits for the report is told its number
        number = secrets.token_hex(4)
        log.exception("report failed number=%s", number)
        pipe.send(("internal", number))
    else:
        pipe.send(("", ""))


def write(place: Workspace, order: Order, path: Path, progress: Progress = nobody_waits) -> None:
    """Make a report in this process; ``progress`` is told how far it is.

    Raises:
        ReportError: If it would be empty or cannot be made.
    """
    try:
        _write(place, order, path, progress)
    except NothingToReportError as error:
        raise ReportError("nothing", str(error)) from error
    except CatenaryError as error:
        raise ReportError("invalid", str(error)) from error


def _write(place: Workspace, order: Order, path: Path, progress: Progress) -> None:
    if order.form not in TABLES:
        report.write_report(place, order.run, order.form, path, order.choices, progress)
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        table = Path(folder) / TABLES[order.form]
        report.write_report(place, order.run, order.form, table, order.choices, progress)
        with atomic.replaced(path) as partial, zipfile.ZipFile(partial, "w") as archive:
            for one in (table, about.path_of(table)):
                archive.write(one, one.name, zipfile.ZIP_DEFLATED)
