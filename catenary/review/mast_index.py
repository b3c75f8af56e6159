"""The masts of runs in the order in which they were passed, kept while the server runs."""

import threading

from catenary.store import photographs
from catenary.store.database import Database
from catenary.store.photographs import MastAt

_AHEAD = 4  # newest runs that are read before anybody asks; our starting value


class MastIndex:
    """The masts of runs in order; read once and again when a run changed."""

    def __init__(self, db: Database) -> None:
        """Begin empty."""
        self._db = db
        self._lock = threading.Lock()
        self._runs: dict[int, tuple[tuple[int, int], list[MastAt]]] = {}

    def of_run(self, run_id: int) -> list[MastAt]:
        """Return the masts of a run.

        Raises:
            StoreError: As `Database.read`.
        """
        with self._lock, self._db.read() as connection:
            made_of = photographs.made_of(connection, run_id)
            known = self._runs.get(run_id)
            if known is None or known[0] != made_of:
                known = (made_of, photographs.masts(connection, run_id))
                self._runs[run_id] = known
            return known[1]

    def refresh(self) -> None:
        """Read the newest runs, so that the next one who asks need not wait for it."""
        with self._db.read() as connection:
            newest = photographs.newest_runs(connection, _AHEAD)
        for run_id in newest:
            self.of_run(run_id)
