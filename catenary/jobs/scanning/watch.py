"""What a running scan tells of itself through the database, and the pause it is asked for."""

import logging
import os
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from catenary.domain.errors import CatenaryError, StoreError
from catenary.domain.finding import Versions
from catenary.store import scans
from catenary.store.database import Database
from catenary.store.scans import Progress
from catenary.store.schema import ScanState

log = logging.getLogger(__name__)

T = TypeVar("T")

_ASK_S = 1.0  # how often the wish to pause is looked for
_SIGN_S = 5.0  # how often a sign of life is written
_WINDOW_S = 60.0  # the rate is that of so long, without pauses. Our starting values


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far the scan was at some second of its work."""

    second: float
    images: int


class Watch:
    """One scan at work, seen from other shells; made by `watched`."""

    def __init__(self, db: Database, run_id: int, name: str, scan_id: int) -> None:
        """Count from nothing."""
        self.scan_id = scan_id
        self._db, self._run_id, self._name = db, run_id, name
        self._images = 0
        self._stages: Counter[str] = Counter()
        self._began, self._rested = time.monotonic(), 0.0
        self._marks: deque[_Mark] = deque([_Mark(0.0, 0)])
        self._is_asked, self._is_over = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._state = ScanState.RUNNING
        self._hindrance = ""

    @property
    def is_paused(self) -> bool:
        """Whether a pause is asked for."""
        return self._is_asked.is_set()

    def until_paused(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items until the run is paused; what was begun can be finished then."""
        for item in items:
            if self._is_asked.is_set():
                return
            yield item

    def waited(self) -> bool:
        """Wait while the run is paused; tell whether it was, so that the scan must look again."""
        self.ask()
        if not self._is_asked.is_set():
            return False
        started = time.monotonic()
        log.warning(
            "run %s is paused; `catenary runs resume` lets it go on", self._name,
            extra={"event": "paused", "run": self._name},
        )  # fmt: skip
        self._tell(ScanState.PAUSED)
        with self._changed:
            while self._is_asked.is_set():
                self._changed.wait(_ASK_S)  # Ctrl-C must get a turn
        self._rested += time.monotonic() - started
        self._tell(ScanState.RUNNING)
        log.warning(
            "run %s goes on after %.0f s", self._name, time.monotonic() - started,
            extra={"event": "resumed", "run": self._name},
        )  # fmt: skip
        return True

    def hindered(self, by: str) -> None:
        """Let others know what the scan waits for; empty when it goes on. Any thread may."""
        if by != self._hindrance:
            self._hindrance = by
            self._tell(self._state)

    def advance(self, tx: Connection, images: int, stages: Mapping[str, float]) -> None:
        """Note that photographs are finished, in the transaction that finishes them."""
        total = Counter(self._stages)
        total.update(stages)
        scans.advance(tx, self.scan_id, self._progress(self._images + images, total))

    def finished(self, images: int, stages: Mapping[str, float]) -> None:
        """Count photographs whose transaction was kept."""
        self._images += images
        self._stages.update(stages)
        now = self._seconds()
        self._marks.append(_Mark(now, self._images))
        while len(self._marks) > 2 and now - self._marks[1].second > _WINDOW_S:
            self._marks.popleft()

    def shares(self) -> str:
        """Return the stages with their shares of the time, for people."""
        total = sum(self._stages.values()) or 1.0
        return " ".join(f"{name}={value / total:.0%}" for name, value in self._stages.items())

    def rate(self) -> float | None:
        """Return the images a second of the last minute, None before any is finished."""
        return self._rate(self._images)

    def listen(self) -> None:
        """Look for the wish to pause, and give signs of life, until the scan is over."""
        last = time.monotonic()
        while not self._is_over.wait(_ASK_S):
            self.ask()
            if time.monotonic() - last >= _SIGN_S:
                last = time.monotonic()
                self._tell(self._state)

    def close(self) -> None:
        """End `listen`."""
        self._is_over.set()

    def ask(self) -> None:
        """Look for the wish to pause."""
        try:
            with self._db.read(is_patient=False) as connection:
                is_asked = scans.paused_at(connection, self._run_id) is not None
        except StoreError as error:  # told by the scan itself, which needs the database more
            log.debug("cannot look for a wish to pause: %s", error)
            return
        with self._changed:
            if is_asked:
                self._is_asked.set()
            else:
                self._is_asked.clear()
            self._changed.notify_all()

    def _tell(self, state: ScanState) -> None:
        self._state = state
        try:
            with self._db.write() as tx:
                scans.seen(tx, self.scan_id, state, self._hindrance)
        except StoreError as error:
            log.debug("cannot give a sign of life: %s", error)

    def _progress(self, images: int, stages: Mapping[str, float]) -> Progress:
        return Progress(images, self._seconds(), self._rate(images), stages)

    def _rate(self, images: int) -> float | None:
        since = self._marks[0]
        passed = self._seconds() - since.second
        return (images - since.images) / passed if images > since.images and passed > 0 else None

    def _seconds(self) -> float:
        return time.monotonic() - self._began - self._rested


@contextmanager
def watched(db: Database, run_id: int, name: str, versions: Versions) -> Iterator[Watch]:
    """Enter a scan in the database for as long as the block lasts, and note how it ended.

    Only the process that holds the run (`Workspace.scanning`) may do so.

    Raises:
        StoreError: If another machine scans the run.
    """
    host, pid = socket.gethostname(), os.getpid()
    with db.write() as tx:
        _refuse_other_host(tx, run_id, name, host)
        scan_id = scans.begin(tx, run_id, host, pid, versions)
    watch = Watch(db, run_id, name, scan_id)
    watch.ask()  # before the first photograph is taken
    thread = threading.Thread(target=watch.listen, name="watch", daemon=True)
    thread.start()
    state, note = ScanState.FAILED, ""
    try:
        yield watch
        state = ScanState.DONE
    except KeyboardInterrupt:
        state = ScanState.STOPPED
        raise
    except CatenaryError as error:
        note = str(error)
        raise
    except BaseException as error:
        note = type(error).__name__
        raise
    finally:
        watch.close()
        thread.join()
        _note_end(db, scan_id, state, note)
        log.info(
            "scan ended run=%s state=%s", name, state,
            extra={"event": "ended", "run": name, "state": str(state), "note": note},
        )  # fmt: skip


def _refuse_other_host(tx: Connection, run_id: int, name: str, host: str) -> None:
    """Refuse a run that another machine scans; on this one the lock of the run does."""
    last = scans.latest(tx, run_id)
    if last is not None and last.is_live and last.host != host:
        raise StoreError(
            f"run {name} is being scanned by process {last.pid} on {last.host}; wait for it or "
            f"stop it (one that was killed there is forgotten after {scans.SILENCE.seconds} s)"
        )


def _note_end(db: Database, scan_id: int, state: ScanState, note: str) -> None:
    try:
        with db.write() as tx:
            scans.end(tx, scan_id, state, note)
    except StoreError as error:  # the scan ends all the same; others see that it is silent
        log.debug("cannot note the end of the scan: %s", error)
