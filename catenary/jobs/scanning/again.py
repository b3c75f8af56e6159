"""Remember what the bytes of a photograph were, and find those that changed since."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from catenary.domain.errors import SourceGoneError, UnreadableImageError
from catenary.domain.image import ImageRef, Outcome
from catenary.pipeline.patience import Patience
from catenary.runs.source import Source
from catenary.store import again
from catenary.store.again import Finished
from catenary.store.database import Database
from catenary.store.ledger import Origin

log = logging.getLogger(__name__)

_TOGETHER = 64  # photographs that are looked at before what was found is written


class Stamped:
    """Reads photographs, and keeps what their bytes were until their outcome is written."""

    def __init__(self, source: Source, hindered: Callable[[str], None]) -> None:
        """Read from a source; ``hindered`` is told why it is away, and nothing when it is back."""
        self._source, self._hindered = source, hindered
        self._told: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def read(self, ref: ImageRef) -> bytes:
        """See `Source.read`; safe to call from several threads."""
        # Before the bytes: a file that is replaced in between is looked at again, never missed.
        stamp = self._source.stamp(ref)
        self._tell(ref, stamp, "")
        try:
            content = self._source.read(ref)
        except SourceGoneError as error:
            self._hindered(str(error))
            raise
        self._hindered("")
        self._tell(ref, stamp, hashlib.sha256(content).hexdigest())
        return content

    def origin(self, ref: ImageRef) -> Origin:
        """Return of which bytes the outcome of a photograph is, and forget it; no scan is named."""
        with self._lock:
            stamp, sha256 = self._told.pop(ref.image_id, ("", ""))
        return Origin(None, stamp, sha256)

    def _tell(self, ref: ImageRef, stamp: str, sha256: str) -> None:
        with self._lock:
            self._told[ref.image_id] = (stamp, sha256)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a finished photograph gave."""

    image_id: str
    stamp: str
    is_changed: bool


def ask_changed(db: Database, source: Source, run_id: int, readers: int, patience: Patience) -> int:
    """Have the photographs scanned again whose bytes changed since they were judged.

    Only those are read whose stamp is another one or unknown; the bytes then decide.

    Args:
        db: Of the workspace.
        source: The run.
        run_id: Its row.
        readers: Threads that look.
        patience: With a source that goes away.

    Returns:
        How many.

    Raises:
        SourceGoneError: If the source is away for too long.
    """
    looked = changed = 0
    every = again.finished(db, run_id)
    with ThreadPoolExecutor(readers, thread_name_prefix="look") as pool:
        while some := list(islice(every, _TOGETHER)):
            looks = list(pool.map(lambda one: _look(source, one, patience), some))
            anew = [one.image_id for one in looks if one.is_changed]
            same = list(_moved(some, looks))
            if anew or same:
                with db.write() as tx:
                    changed += again.ask_images(tx, run_id, anew)
                    again.restamp(tx, run_id, same)
            looked += len(some)
    log.info("looked for changed photographs run=%d looked=%d changed=%d", run_id, looked, changed)
    return changed


def _moved(before: list[Finished], now: list[_Look]) -> Iterator[tuple[str, str]]:
    """Yield the new stamps of files that were only copied or touched."""
    for old, new in zip(before, now, strict=True):
        if not new.is_changed and new.stamp != old.stamp:
            yield new.image_id, new.stamp


def _look(source: Source, one: Finished, patience: Patience) -> _Look:
    stamp = source.stamp(one.ref)
    if stamp and stamp == one.stamp:
        return _Look(one.ref.image_id, stamp, is_changed=False)
    try:
        content = patience.read(source.read, one.ref)
    except UnreadableImageError:
        return _Look(one.ref.image_id, stamp, is_changed=one.outcome is not Outcome.FAILED)
    is_same = hashlib.sha256(content).hexdigest() == one.sha256
    return _Look(one.ref.image_id, stamp, is_changed=not is_same)
