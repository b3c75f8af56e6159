"""Lend photographs to workers, take back what lost ones held, and hand on what is finished.

One process lends and writes, so that what a scan promises has one place: a batch is a lease, and
its results are written in the transaction that ends the lease, or not at all.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from catenary.domain.errors import CatenaryError, ConfigError, StoreError
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.jobs.scanning.engines import crew as told
from catenary.jobs.scanning.engines.crew import Crew, Name
from catenary.jobs.scanning.engines.kept import Kept
from catenary.jobs.scanning.planning import Planning
from catenary.jobs.scanning.writing import Batch
from catenary.store import leases
from catenary.store.database import Database
from catenary.store.leases import Lease

log = logging.getLogger(__name__)

_TICK_S = 0.5  # longest wait for an event
_TEND_S = 5.0  # how often leases are put off
_IDLE_S = 60.0  # how often is told that no worker is ready
_TRIES = 3  # workers that a photograph may cost before it counts as failed
_MOST_CRASHES = 5  # such photographs in a row: then something else is wrong. Our starting values
CRASHED = "worker_lost"


@dataclass(slots=True)
class _Hand:
    """A worker that is ready, and what it was lent, the oldest first."""

    place: str
    held: dict[int, Lease] = field(default_factory=dict)
    hindrance: str = ""


class Dispatcher:
    """Keeps workers busy for as long as one of a run's photographs is left."""

    def __init__(
        self,
        db: Database,
        plan: Planning,
        crew: Crew,
        batch: int,
        hindered: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Lend ``batch`` photographs at once; ``hindered`` is told what workers wait for."""
        self._db, self._plan, self._crew = db, plan, crew
        self._batch, self._hindered = batch, hindered
        self._hands: dict[Name, _Hand] = {}
        self._heard: set[Name] = set()
        self._unfit: list[CatenaryError] = []
        self._losses: Counter[str] = Counter()  # workers that photographs cost, by image id
        self._crashes = 0
        self._tended = self._idle_since = time.monotonic()

    def batches(
        self, scan_id: int, left: Callable[[], int], is_paused: Callable[[], bool]
    ) -> Generator[Batch, None, None]:
        """Yield what workers finished, to be written at once, until nothing is left or lent.

        Args:
            scan_id: Row of the scan.
            left: Returns how many photographs are not written yet.
            is_paused: Whether nothing more may be lent.

        Raises:
            ConfigError: If no worker can be made ready, or photographs cost one after another.
            SourceError: If the run cannot be listed, or went away for too long.
            StoreError: If the database cannot be written.
        """
        try:
            is_more = True
            while is_more:
                workers = self._workers()
                is_all_lent = is_paused() or self._lend(scan_id, left(), workers)
                is_more = self._lent() > 0 or not is_all_lent
                for event in self._crew.events(_TICK_S) if is_more else ():
                    yield from self._meet(event)
                self._tend()
        finally:
            self._leave()

    def _workers(self) -> int:
        """Have all the workers that there is room for; return how many are or will be fit.

        Raises:
            CatenaryError: If none of them can be made ready.
        """
        fit = self._crew.fill() - len(self._unfit)
        if fit <= 0 and self._unfit:
            raise self._unfit[-1]
        self._tell_idle(fit)
        return max(1, fit)

    def _tell_idle(self, fit: int) -> None:
        """Warn now and then while no worker is ready: the machines may be busy with other work."""
        now = time.monotonic()
        if self._hands:
            self._idle_since = now
        elif now - self._idle_since >= _IDLE_S:
            self._idle_since = now
            log.warning(
                "no worker is ready yet; the cluster has room for %d, see `ray status`", fit
            )

    def _lent(self) -> int:
        """Return how many photographs workers have."""
        held = (lease for hand in self._hands.values() for lease in hand.held.values())
        return sum(len(lease.refs) for lease in held)

    def _lend(self, scan_id: int, left: int, workers: int) -> bool:
        """Give every worker enough to do; tell whether nothing is left to be lent."""
        is_listed = self._plan.is_over()  # asked before: what comes in between is seen next time
        if is_listed and not left:
            return True
        for turn in range(self._crew.deep):
            for name, hand in self._hands.items():
                if len(hand.held) > turn:
                    continue
                share = (left - self._lent()) // (self._crew.deep * workers)
                lease = self._taken(scan_id, hand.place, self._size(share))
                if lease is None:
                    return is_listed
                hand.held[lease.id] = lease
                self._crew.send(name, lease.id, lease.refs)
        return False

    def _size(self, share: int) -> int:
        """Return how much is lent at once: less at the end, so that all end together.

        After a loss one by one, so that a photograph which no worker survives is found.
        """
        return 1 if self._losses else max(1, min(self._batch, share))

    def _taken(self, scan_id: int, place: str, limit: int) -> Lease | None:
        found: list[Lease] = []

        def take(*, is_again: bool) -> None:  # noqa: ARG001 - a lease nobody heard of expires
            with self._db.write() as tx:
                lease = leases.take(tx, scan_id, self._plan.run_id, place, limit)
            found.extend([lease] if lease else [])

        self._db.persist(take)
        return found[-1] if found else None

    def _meet(self, event: told.Event) -> Iterator[Batch]:
        """Do what an event asks for; yield what is finished by it."""
        self._heard.add(event.worker)
        match event:
            case told.Ready(name, place):
                self._hands[name] = _Hand(place)
                log.info("worker ready: %s", place)
            case told.Alive(name, hindrance):
                self._note(name, hindrance)
            case told.Done(name, lease_id, kept):
                yield from self._finish(name, lease_id, kept)
            case told.Lost(name, why):
                yield from self._lose(name, why)
            case told.Unfit(_, error):
                self._unfit.append(error)
                log.warning("a worker is left out: %s", error)
            case told.Failed(_, error):
                raise error

    def _note(self, name: Name, hindrance: str) -> None:
        if (hand := self._hands.get(name)) is not None:
            hand.hindrance = hindrance
            waiting = (one.hindrance for one in self._hands.values() if one.hindrance)
            self._hindered(next(waiting, ""))

    def _finish(self, name: Name, lease_id: int, kept: tuple[Kept, ...]) -> Iterator[Batch]:
        hand = self._hands.get(name)
        if hand is None or hand.held.pop(lease_id, None) is None:
            return  # it was given to another
        self._crashes = 0
        for one in kept:
            self._losses.pop(one.ref.image_id, None)
        yield Batch(kept, lease_id)

    def _lose(self, name: Name, why: str) -> Iterator[Batch]:
        """Let others have what a worker held; give up on a photograph that cost several."""
        hand = self._hands.pop(name, None)
        if hand is None:
            log.warning("a worker was lost before it was ready: %s", why)
            return
        count = sum(len(lease.refs) for lease in hand.held.values())
        log.warning("worker lost: %s; others do its %d photographs (%s)", hand.place, count, why)
        held = list(hand.held.values())
        at_work = held[0].refs if held else ()  # the others waited for their turn
        self._losses.update(ref.image_id for ref in at_work)
        if len(at_work) == 1 and self._losses[at_work[0].image_id] >= _TRIES:
            yield Batch((self._crashed(at_work[0], why),), held.pop(0).id)
        self._give_back([lease.id for lease in held])

    def _crashed(self, ref: ImageRef, why: str) -> Kept:
        del self._losses[ref.image_id]
        self._crashes += 1
        if self._crashes >= _MOST_CRASHES:
            raise ConfigError(
                f"{self._crashes} photographs in a row cost {_TRIES} workers each, "
                f"the last {ref.file_name}: {why}; look at memory and logs of the machines"
            )
        note = f"{_TRIES} workers were lost while they judged it ({why})"
        return Kept(ref, FrameResult(Outcome.FAILED, CRASHED, note))

    def _tend(self) -> None:
        """Put off the leases of workers that were heard of; take back those of the others."""
        passed = time.monotonic() - self._tended
        if passed < _TEND_S:
            return
        # After a long wait for the database nobody could be heard of.
        is_late = passed > leases.TERM.total_seconds() / 2
        names = self._hands.keys() if is_late else self._heard & self._hands.keys()
        alive = [lease_id for name in names for lease_id in self._hands[name].held]
        over: list[int] = []

        def put_off(*, is_again: bool) -> None:  # noqa: ARG001 - twice is as good
            with self._db.write() as tx:
                leases.renew(tx, alive)
                over[:] = leases.expire(tx, self._plan.run_id)

        self._db.persist(put_off)
        self._heard.clear()
        self._tended = time.monotonic()
        for name, hand in list(self._hands.items()):
            if hand.held.keys() & set(over):
                self._drop(name, hand, set(over))

    def _drop(self, name: Name, hand: _Hand, over: set[int]) -> None:
        """End a worker that holds leases which are over."""
        log.warning("nothing was heard of %s any more; others do its photographs", hand.place)
        del self._hands[name]
        self._give_back([lease_id for lease_id in hand.held if lease_id not in over])
        self._crew.dismiss(name)

    def _leave(self) -> None:
        """Give back what is lent still; where the database is away the next scan does so."""
        ids = [lease_id for hand in self._hands.values() for lease_id in hand.held]
        for hand in self._hands.values():
            hand.held.clear()
        try:
            if ids:
                with self._db.write() as tx:
                    leases.give_back(tx, ids)
        except StoreError as error:
            log.debug("cannot give back what was lent: %s", error)

    def _give_back(self, ids: list[int]) -> None:
        def give_back(*, is_again: bool) -> None:  # noqa: ARG001 - twice is as good
            with self._db.write() as tx:
                leases.give_back(tx, ids)

        if ids:
            self._db.persist(give_back)
