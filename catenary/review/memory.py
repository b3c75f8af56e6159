"""Values that are made once for many who ask at the same time, and kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """The values used last, up to a number of bytes; safe to share between threads."""

    def __init__(self, max_bytes: int, size_of: Callable[[V], int]) -> None:
        """Keep the room there is, and how the size of a value is told."""
        self._max_bytes, self._size_of = max_bytes, size_of
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._makers: dict[K, threading.Lock] = {}
        self._bytes = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return a value; ``make`` is called by one thread while others of that key wait."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            maker = self._makers.setdefault(key, threading.Lock())
        with maker:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            try:
                value = make()
            finally:
                with self._lock:
                    self._makers.pop(key, None)
            self._keep(key, value)
            return value

    def _keep(self, key: K, value: V) -> None:
        with self._lock:
            self._values[key] = value
            self._bytes += self._size_of(value)
            while self._bytes > self._max_bytes and len(self._values) > 1:
                _, oldest = self._values.popitem(last=False)
                self._bytes -= self._size_of(oldest)
