"""Enter the photographs of a run into the ledger while the first of them are scanned already."""

import threading
from collections.abc import Iterable
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from catenary.domain.image import ImageRef
from catenary.store import ledger
from catenary.store.database import Database

_FIRST = 64  # photographs in the first transaction, so that the scan can begin; then twice as many
_STOP_S = 10.0  # longest wait for the thread at the end
_TOGETHER = 2000  # photographs a transaction: other writers wait a tenth of a second at most


class Planning:
    """Plans a run in a thread of its own, from `__enter__` until `__exit__` at the latest.

    A run of millions takes minutes to list; what a kill leaves unplanned is planned next time.
    """

    def __init__(self, db: Database, run_id: int, frames: Iterable[ImageRef]) -> None:
        """Prepare; ``frames`` lists the whole run."""
        self.run_id = run_id
        self._db, self._frames = db, frames
        self._changed = threading.Condition()
        self._added = self._entered = self._told = 0
        self._is_over = self._is_stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="planning", daemon=True)

    @property
    def added(self) -> int:
        """Photographs that were new to the ledger so far."""
        return self._added

    def is_over(self) -> bool:
        """Tell whether all photographs are listed and entered.

        Raises:
            SourceError: If the run cannot be listed to its end.
            StoreError: If the database cannot be written.
        """
        with self._changed:
            is_over = self._is_over
        if is_over and self._error is not None:
            raise self._error
        return is_over

    def has_more(self) -> bool:
        """Wait until photographs were added since the last call, or all are; tell which (True).

        Raises:
            SourceError: If the run cannot be listed to its end.
            StoreError: If the database cannot be written.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._entered > self._told)
            is_new, self._told = self._entered > self._told, self._entered
        if not is_new and self._error is not None:
            raise self._error
        return is_new

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop after the transaction at hand; one that waits for its database is left alone."""
        self._is_stopped = True
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            self._plan()
        except Exception as error:  # noqa: BLE001 - raised again by `has_more`
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _plan(self) -> None:
        refs = ledger.unplanned(self._db, self.run_id, self._frames)
        size = min(_FIRST, _TOGETHER)
        while not self._is_stopped and (some := list(islice(refs, size))):
            self._db.persist(partial(self._add, some))
            size = min(2 * size, _TOGETHER)

    def _add(self, some: list[ImageRef], *, is_again: bool) -> None:  # noqa: ARG002 - known ones stay
        with self._db.write() as tx:
            added = ledger.plan(tx, self.run_id, some)
        with self._changed:
            self._added += added
            # Not what was new: a server lost at the very end may have kept what is written again.
            self._entered += len(some)
            self._changed.notify_all()
