"""A worker of a cluster: reads, judges and keeps photographs that are lent to it."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catenary.domain.errors import ConfigError
from catenary.domain.finding import Versions
from catenary.domain.image import ImageRef
from catenary.jobs.scanning.again import Stamped
from catenary.jobs.scanning.engines.kept import Kept, keep
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience
from catenary.pipeline.scan import Opening, scan
from catenary.pipeline.workers import Workers
from catenary.runs import discover
from catenary.runs.source import Source


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker does; it is sent to another machine, so it names things and holds none.

    Attributes:
        source: Absolute path or URL of the run, the same on every machine.
        build: Loads the judge.
        opening: Returns how photographs are opened.
        versions: That every worker must judge with.
        hands: Threads of one call of `Worker.scan`.
        wait_s: How long to wait for a source that went away, in seconds.
    """

    source: str
    build: Callable[[], Judge]
    opening: Callable[[], Opening]
    versions: Versions
    hands: Workers
    wait_s: float


def place() -> str:
    """Return this process and machine, for people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Worker:
    """Holds a judge and an open run for as long as its process lives."""

    def __init__(self, order: Order) -> None:
        """Do nothing yet: what cannot be had is told by `ready`."""
        self._order = order
        self._source: Source | None = None
        self._judge: Judge | None = None
        self._opening = Opening()
        self._hindrance = ""

    def ready(self) -> str:
        """Open the run and load the judge; return where this worker is, in words.

        Raises:
            SourceError: If the run is not reached from this machine.
            ConfigError: If another model or other rules are installed here.
            BundleError: If the bundle is not there or is damaged.
        """
        self._source = discover.open_source(self._order.source)
        self._judge, self._opening = self._order.build(), self._order.opening()
        if self._judge.versions != self._order.versions:
            raise ConfigError(
                f"{place()} judges with {_told(self._judge.versions)}, this scan with "
                f"{_told(self._order.versions)}; install the same catenary and bundle there"
            )
        return place()

    def sign(self) -> str:
        """Return what the worker waits for, nothing while it is at work: a sign of life."""
        return self._hindrance

    def scan(self, refs: Sequence[ImageRef]) -> tuple[Kept, ...]:
        """Judge photographs; several calls may be at work at once.

        Raises:
            SourceGoneError: If the run went away for longer than the order says.
        """
        if self._source is None or self._judge is None:
            raise RuntimeError("a worker must be `ready` before it scans")
        stamped = Stamped(self._source, self._hindered)
        order = self._order
        results = scan(
            refs, stamped.read, self._judge, order.hands, self._opening, Patience(order.wait_s)
        )
        return tuple(keep(one, stamped.origin(one.ref)) for one in results)

    def _hindered(self, by: str) -> None:
        self._hindrance = by


def _told(versions: Versions) -> str:
    return f"model {versions.model}, rules {versions.rules}, taxonomy {versions.taxonomy}"
