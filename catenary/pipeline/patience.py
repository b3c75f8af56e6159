"""Wait for a source that has gone away, instead of writing down that its photographs failed."""

import logging
import threading
import time
from collections.abc import Callable

from catenary.domain.errors import SourceGoneError
from catenary.domain.image import ImageRef

log = logging.getLogger(__name__)

Read = Callable[[ImageRef], bytes]
_LONGEST_PAUSE_S = 30.0


class Patience:
    """How long a scan waits for its source; one for all threads that read.

    Each thread asks again after a second, then after twice as long, up to half a minute.
    """

    def __init__(self, limit_s: float = 0.0, first_pause_s: float = 1.0) -> None:
        """Wait at most ``limit_s`` seconds for one photograph; not at all when 0."""
        self._limit_s = limit_s
        self._first_pause_s = first_pause_s
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._gone_since: float | None = None

    def read(self, read: Read, ref: ImageRef) -> bytes:
        """Return the bytes of a photograph, as soon as the source is there.

        Raises:
            SourceGoneError: If it is not back in time, or `give_up` was called.
            UnreadableImageError: As ``read`` raises it.
        """
        started, pause = time.monotonic(), self._first_pause_s
        while True:
            try:
                content = read(ref)
            except SourceGoneError as error:
                left = self._limit_s - (time.monotonic() - started)
                if left <= 0 or self._is_over.is_set():
                    raise
                self._tell_gone(error)
                if self._is_over.wait(min(pause, left)):
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._tell_back()
                return content

    def give_up(self) -> None:
        """End all waiting at once."""
        self._is_over.set()

    def _tell_gone(self, error: SourceGoneError) -> None:
        with self._lock:
            if self._gone_since is not None:
                return
            self._gone_since = time.monotonic()
        log.warning("the scan waits, at most %.0f minutes: %s", self._limit_s / 60, error)

    def _tell_back(self) -> None:
        with self._lock:
            since, self._gone_since = self._gone_since, None
        if since is not None:
            log.warning("the source is back after %.0f s", time.monotonic() - since)
