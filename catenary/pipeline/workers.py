"""How many threads read and judge, and what they are busy with. Which stage limits a scan?"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import torch

Item = TypeVar("Item")
Opened = TypeVar("Opened")
Done = TypeVar("Done")

OPENING = ("read", "decode", "quality")  # stages of the threads that read
WRITING = "write"
RULES = "rules"  # of judges, or of processes of their own
_READERS_MOST = 8
_JUDGES_MOST = 8
_JUDGES_A_GPU = 3  # one computes on it, one its rules, one sends; no other number was measured
_TOGETHER = 8  # photographs at once on a GPU; the same


@dataclass(frozen=True, slots=True)
class Workers:
    """Threads of a scan.

    Attributes:
        readers: Read, decode and gate photographs.
        judges: Find and judge parts, each a photograph of its own.
        threads: Processor threads that each judge computes with.
        together: Photographs that a judge takes at once at most; it never waits for more than one.
        rules: Processes that judge by the rules; 0 for the judges themselves.
    """

    readers: int = 2
    judges: int = 1
    threads: int = 1
    together: int = 1
    rules: int = 0

    def __post_init__(self) -> None:
        """Refuse a scan that nobody works on."""
        if min(self.readers, self.judges, self.threads, self.together) < 1:
            raise ValueError(f"a scan needs a thread at least of each kind, got {self}")
        if self.rules < 0:
            raise ValueError(f"a scan has no {self.rules} processes for rules")

    @property
    def ahead(self) -> int:
        """Photographs that are worked on or wait to be handed over: bounds the memory."""
        return self.readers + 2 * self.judges * self.together + 1


def fitting(
    devices: Sequence[torch.device],
    judges: int | None = None,
    readers: int | None = None,
    together: int | None = None,
    rules: int | None = None,
) -> Workers:
    """Return the threads for this machine.

    On a CPU a photograph for each core: many layers are too small to share among cores, and the
    rules run on one. Of more than eight cores each judge gets several: rules hold the interpreter
    for about a twentieth of a photograph's time, and only one judge can. On a GPU a judge takes
    several photographs at once, and while one computes rules another keeps the device busy.

    Args:
        devices: Where the networks run; several GPUs, or one device.
        judges: As many as wanted; None to choose.
        readers: The same.
        together: The same, of photographs that a judge takes at once.
        rules: The same, of processes that judge by the rules. On a GPU half of the cores: threads
            of rules would wait for the interpreter. On a processor none.
    """
    cores = torch.get_num_threads()  # of this process; OMP_NUM_THREADS lowers it
    is_gpu = devices[0].type == "cuda"
    usual = _JUDGES_A_GPU * len(devices) if is_gpu else min(cores, _JUDGES_MOST)
    chosen = max(judges or usual, len(devices))
    reading = readers or max(2, min(_READERS_MOST * len(devices), (os.cpu_count() or 1) // 2))
    at_once = together or (_TOGETHER if is_gpu else 1)
    ruling = (max(1, (os.cpu_count() or 1) // 2) if is_gpu else 0) if rules is None else rules
    return Workers(reading, chosen, max(1, cores // chosen), at_once, ruling)


def in_order(
    items: Iterable[Item],
    opened: Callable[[Item], Opened],
    judged: Sequence[Callable[[list[Opened]], list[Done]]],
    workers: Workers,
    give_up: Callable[[], None],
) -> Iterator[Done]:
    """Open and judge items in threads; an item that is open is judged as soon as a judge is free.

    Args:
        items: In any number; only a few more are taken than have been yielded.
        opened: Called by the readers.
        judged: Called by the judges with some items, for as many results; of several, each is
            called by its own threads.
        workers: How many there are of both.
        give_up: Makes ``opened`` return soon, for the end: readers are waited for.

    Yields:
        One result an item, in the order of ``items``.

    Raises:
        Exception: What ``opened`` or ``judged`` raised, in place of the result of that item.
    """
    iterator = iter(items)
    line: SimpleQueue[Future[Done]] = SimpleQueue()
    crew = _Crew(opened, judged, workers)
    try:
        for item in islice(iterator, workers.ahead):
            line.put(crew.take(item))
        while not line.empty():
            done = line.get().result()
            for item in islice(iterator, 1):
                line.put(crew.take(item))
            yield done
    finally:
        give_up()
        crew.leave()


class _Crew(Generic[Item, Opened, Done]):
    """The threads of `in_order`."""

    def __init__(
        self,
        opened: Callable[[Item], Opened],
        judged: Sequence[Callable[[list[Opened]], list[Done]]],
        workers: Workers,
    ) -> None:
        self._opened, self._judged, self._workers = opened, judged, workers
        self._open_ones: SimpleQueue[tuple[Opened, Future[Done]]] = SimpleQueue()
        self._own = threading.local()  # which of the judges a thread is
        self._number = count()
        self._readers = ThreadPoolExecutor(workers.readers, "reader")
        self._judges = ThreadPoolExecutor(workers.judges, "judge", self._begin)
        self._is_over = threading.Event()

    def take(self, item: Item) -> Future[Done]:
        """Open an item, and have it judged after that."""
        done: Future[Done] = Future()
        self._readers.submit(self._open, item, done)
        return done

    def leave(self) -> None:
        """Finish what is begun, begin nothing more."""
        self._is_over.set()
        self._readers.shutdown(cancel_futures=True)
        self._judges.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        torch.set_num_threads(self._workers.threads)
        self._own.judged = self._judged[next(self._number) % len(self._judged)]

    def _open(self, item: Item, done: Future[Done]) -> None:
        with _told([done]):
            opened = self._opened(item)
            if not self._is_over.is_set():
                self._open_ones.put((opened, done))
                self._judges.submit(self._judge)

    def _judge(self) -> None:
        """Judge what is open; nothing if other judges took it already."""
        some: list[tuple[Opened, Future[Done]]] = []
        with suppress(Empty):
            while len(some) < self._workers.together:
                some.append(self._open_ones.get_nowait())
        if not some:
            return
        futures = [done for _, done in some]
        with _told(futures):
            results = self._own.judged([opened for opened, _ in some])
            for done, result in zip(futures, results, strict=True):
                done.set_result(result)


@contextmanager
def _told(waiting: Sequence[Future[Done]]) -> Iterator[None]:
    """Hand an error to whoever waits for the results: it is raised there, and ends the scan."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - of any kind, as an executor does
        for done in waiting:
            if not done.done():
                done.set_exception(error)


class Tempo:
    """What the threads of a scan were busy with, and which of them was the busiest."""

    def __init__(self, workers: Workers) -> None:
        """Begin with no photograph."""
        self._hands = {"open": workers.readers, "judge": workers.judges, WRITING: 1}
        if workers.rules:
            self._hands[RULES] = workers.rules
        self._stages = {name: defaultdict[str, float](float) for name in self._hands}

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of a photograph, or ``write`` of a batch."""
        for stage, spent in seconds.items():
            own = stage if stage in self._hands else "open" if stage in OPENING else "judge"
            self._stages[own][stage] += spent

    def limit(self) -> str:
        """Return the longest stage of the threads that have the most to do; empty at first."""
        busy = {name: sum(own.values()) / self._hands[name] for name, own in self._stages.items()}
        stages = self._stages[max(busy, key=lambda name: busy[name])]
        return max(stages, key=lambda stage: stages[stage], default="")
