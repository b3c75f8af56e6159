"""Threads of this process judge the photographs."""

from collections.abc import Sequence
from contextlib import closing

from catenary.jobs.scanning.again import Stamped
from catenary.jobs.scanning.engines.engine import Work
from catenary.jobs.scanning.engines.kept import keep
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience
from catenary.pipeline.scan import Opening, scan
from catenary.pipeline.workers import Workers
from catenary.runs.source import Source
from catenary.store import ledger


class LocalEngine:
    """See `catenary.jobs.scanning.engines.engine.Engine`."""

    def __init__(
        self,
        source: Source,
        judges: Sequence[Judge],
        hands: Workers,
        opening: Opening,
        batch: int,
        wait_s: float,
    ) -> None:
        """Judge with ``hands`` threads; write ``batch`` photographs at once."""
        self.judging, self.hands = judges[0], hands
        self._source, self._judges = source, judges
        self._opening, self._batch, self._wait_s = opening, batch, wait_s

    def scan(self, work: Work) -> None:
        """See `catenary.jobs.scanning.engines.engine.Engine.scan`."""
        pending = ledger.pending(work.db, work.writer.run_id, more=work.plan.has_more)
        stamped = Stamped(self._source, work.watch.hindered)
        results = scan(
            work.watch.until_paused(pending),
            stamped.read,
            self._judges,
            self.hands,
            self._opening,
            Patience(self._wait_s),
        )
        with closing(results):  # however it ends: left to the collector, a judge would join itself
            kept = (keep(one, stamped.origin(one.ref)) for one in results)
            work.writer.write_each(kept, self._batch, work.progress)
