"""Failed logins, so that passwords cannot be tried out."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST = 10_000  # names and addresses that are remembered; the oldest are forgotten first
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime
    until: datetime  # nobody may try before


class Attempts:
    """Counts failures of a name or an address; each beyond the limit doubles the wait.

    Failures are forgotten an hour after the last one: nobody is shut out by the mistakes of weeks.
    """

    def __init__(self, limit: int, wait: timedelta) -> None:
        """Keep the failure from which there is a wait, and how long the first wait is."""
        self._limit, self._wait = limit, wait
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, key: str, now: datetime) -> timedelta:
        """Return how long to wait before the next try; zero when there is no need to."""
        with self._lock:
            known = self._failures.get(key)
        return timedelta(0) if known is None else max(known.until - now, timedelta(0))

    def failed(self, key: str, now: datetime) -> None:
        """Count a failure."""
        with self._lock:
            known = self._failures.pop(key, None)
            is_old = known is None or now - known.last > _LONGEST
            count = 1 if known is None or is_old else known.count + 1
            beyond = count - self._limit
            delay = min(self._wait * 2 ** min(beyond, 12), _LONGEST) if beyond >= 0 else None
            self._failures[key] = _Failures(count, now, now if delay is None else now + delay)
            while len(self._failures) > _MOST:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a name."""
        with self._lock:
            self._failures.pop(key, None)
