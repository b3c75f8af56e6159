"""Workers elsewhere, as the one process sees them that lends and writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from catenary.domain.errors import CatenaryError
from catenary.domain.image import ImageRef
from catenary.jobs.scanning.engines.kept import Kept

Name = int  # of a worker; never given twice


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker can be lent photographs; ``place`` says in words where it is."""

    worker: Name
    place: str


@dataclass(frozen=True, slots=True)
class Alive:
    """A worker gave a sign of life; ``hindrance`` is what it waits for, or empty."""

    worker: Name
    hindrance: str


@dataclass(frozen=True, slots=True)
class Done:
    """A worker judged what it was lent."""

    worker: Name
    lease_id: int
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A worker could not be made ready, and stays so."""

    worker: Name
    error: CatenaryError


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker ended with an error that would meet every other: the scan cannot go on."""

    worker: Name
    error: CatenaryError


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker, or its machine, is gone with all that it was lent."""

    worker: Name
    why: str


Event = Ready | Alive | Done | Unfit | Failed | Lost


class Crew(Protocol):
    """Workers of a cluster."""

    @property
    def deep(self) -> int:
        """Leases that a worker may hold at once, so that it never waits for the next."""
        ...

    def fill(self) -> int:
        """Have as many workers as there is room for now; return how many, fit or not yet ready."""
        ...

    def send(self, worker: Name, lease_id: int, refs: Sequence[ImageRef]) -> None:
        """Have a worker judge photographs; what becomes of it is told by `events`."""
        ...

    def events(self, timeout_s: float) -> Sequence[Event]:
        """Wait until something happened, or so many seconds; return what did."""
        ...

    def dismiss(self, worker: Name) -> None:
        """End a worker, whatever it does."""
        ...
