"""Finished reports on the disk, each with a note of what it is: they outlive the server."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from catenary.jobs.reviewing.report import Selection
from catenary.reports import atomic
from catenary.reports.lexicon import Words
from catenary.store.review_items import Wanted

log = logging.getLogger(__name__)

_NOTE = ".json"  # after the name of a report's file


class Stage(StrEnum):
    """How far a report is."""

    WAITING = "waiting"
    MAKING = "making"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReportWish:
    """What somebody asks for.

    Attributes:
        run_id: Row of the run.
        run: Its name.
        form: One of `catenary.jobs.reviewing.report.FORMATS`.
        is_decided: Only confirmed defects, all findings, or None for what the format does.
        selection: Only these parts; None for the whole run.
    """

    run_id: int
    run: str
    form: str
    is_decided: bool | None = None
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One report; it is nobody's but its owner's.

    Attributes:
        id: Cannot be guessed.
        owner: Who asked.
        wish: For what.
        asked_at: When, UTC.
        stage: How far it is.
        ended_at: When it was done or failed, UTC.
        size: Bytes of the file; 0 until it is done.
        sha256: Of the file; empty until it is done.
        problem: Code and sentence of what went wrong, or None.
    """

    id: str
    owner: str
    wish: ReportWish
    asked_at: datetime
    stage: Stage = Stage.WAITING
    ended_at: datetime | None = None
    size: int = 0
    sha256: str = ""
    problem: tuple[str, str] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it is still waited for."""
        return self.stage in (Stage.WAITING, Stage.MAKING)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of reports.

    Attributes:
        folder: Made when the first report is put there.
    """

    folder: Path

    def path(self, report_id: str) -> Path:
        """Return the file of a report; its id was made here and is a plain name."""
        return self.folder / report_id

    def put(self, report: Report) -> None:
        """Note what a report is and how far.

        Raises:
            StoreError: If it cannot be written.
        """
        told = asdict(replace(report, wish=replace(report.wish, selection=None)))
        told["asked_at"] = report.asked_at.isoformat()
        told["ended_at"] = None if report.ended_at is None else report.ended_at.isoformat()
        selection = report.wish.selection
        told["selection"] = None if selection is None else [selection.told.zh, selection.told.en]
        with atomic.replaced(self._note(report.id)) as partial:
            partial.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")

    def take_off(self, report_id: str) -> None:
        """Remove a report and its note."""
        for path in (self._note(report_id), self.path(report_id)):
            path.unlink(missing_ok=True)

    def all(self) -> list[Report]:
        """Return what is there, in the order in which it was asked for.

        What was under way when its server ended will never be done, and says so.
        """
        return sorted(self._read(), key=lambda one: one.asked_at)

    def _read(self) -> Iterator[Report]:
        for path in self.folder.glob(f"*{_NOTE}"):
            try:
                one = _report(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("left out of the list of reports: %s: %s", path, error)
                continue
            if one.is_under_way:
                problem = ("stopped", "the server was stopped while it was made")
                one = replace(one, stage=Stage.FAILED, ended_at=one.asked_at, problem=problem)
            if one.stage is Stage.FAILED or self.path(one.id).is_file():
                yield one

    def _note(self, report_id: str) -> Path:
        return self.folder / f"{report_id}{_NOTE}"


def _report(told: dict[str, object]) -> Report:
    """Return the report of a note.

    Raises:
        ValueError: If it is none; KeyError or TypeError likewise.
    """
    selection, wish, problem = told.pop("selection"), told.pop("wish"), told.pop("problem")
    if not isinstance(wish, dict):
        raise TypeError(f"no wish but {wish!r}")
    if isinstance(selection, list):
        wish["selection"] = Selection(Wanted(), Words(*selection))
    times = {name: _time(told.pop(name)) for name in ("asked_at", "ended_at")}
    stage = Stage(str(told.pop("stage")))
    kept = tuple(problem) if isinstance(problem, list) else None
    return Report(wish=ReportWish(**wish), stage=stage, problem=kept, **times, **told)  # type: ignore[arg-type] # a note that holds other kinds was not written here


def _time(told: object) -> datetime | None:
    return None if told is None else datetime.fromisoformat(str(told))
