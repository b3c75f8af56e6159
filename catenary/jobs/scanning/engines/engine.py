"""What every engine of a scan can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from catenary.domain.finding import Versions
from catenary.jobs.scanning.planning import Planning
from catenary.jobs.scanning.watch import Watch
from catenary.jobs.scanning.writing import Progress, Writer
from catenary.pipeline.workers import Workers
from catenary.store.database import Database


@dataclass(frozen=True, slots=True)
class Work:
    """A run to be scanned, and where its results go.

    Attributes:
        db: Database of the workspace.
        watch: Of this scan.
        plan: Enters the photographs of the run into the ledger.
        writer: Writes what is finished.
        progress: Is told of each photograph.
    """

    db: Database
    watch: Watch
    plan: Planning
    writer: Writer
    progress: Progress


class Judging(Protocol):
    """What a scan must know of its judges to register it."""

    @property
    def versions(self) -> Versions:
        """Model, rules and taxonomy."""
        ...

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Component id to the probability from which it is raised."""
        ...


class Engine(Protocol):
    """Judges photographs."""

    @property
    def judging(self) -> Judging:
        """What judges them."""
        ...

    @property
    def hands(self) -> Workers:
        """How many threads, or threads of workers, are at work."""
        ...

    def scan(self, work: Work) -> None:
        """Scan and write what is left of a run, until all is done or a pause is asked for."""
        ...
