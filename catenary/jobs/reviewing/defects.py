"""List the defects of the closed loop for scripts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from catenary.domain.defect_loop import LoopState
from catenary.domain.place import format_kilometre
from catenary.jobs import workspaces
from catenary.store import defects, ledger
from catenary.store.defects import Defect, DefectOrder, DefectsWanted
from catenary.store.workspace import Workspace

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """Which defects are listed.

    Attributes:
        runs: Names of runs in which one was seen; empty means any.
        states: Where they stand; empty means all but joined and withdrawn ones.
        is_overdue: Only those whose deadline has passed.
    """

    runs: tuple[str, ...] = ()
    states: tuple[LoopState, ...] = ()
    is_overdue: bool = False


def listed(place: Path | Workspace, choice: Choice) -> list[Defect]:
    """Return defects, the soonest deadline first.

    Raises:
        StoreError: If there is no workspace, or no such run in it.
    """
    wanted = DefectsWanted(
        run=choice.runs, state=choice.states, overdue=True if choice.is_overdue else None
    )
    found: list[Defect] = []
    with workspaces.existing(place) as (db, _), db.read() as connection:
        for name in choice.runs:
            ledger.run_id_of(connection, name)
        now, cursor = datetime.now(UTC), None
        while True:
            page = defects.page(connection, wanted, DefectOrder.DUE, cursor, _PAGE, now)
            found += page.defects
            cursor = page.next
            if cursor is None:
                return found


def record(one: Defect, now: datetime) -> dict[str, object]:
    """Return a defect as plain JSON values."""
    mast, standing = one.item.mast, one.standing
    return {
        "id": one.id,
        "run": one.item.run,
        "state": str(standing.state),
        "grade": standing.grade,
        "component": one.item.component,
        "condition": standing.condition,
        "line": "" if mast is None else mast.line,
        "section": "" if mast is None else mast.section,
        "mast": "" if mast is None else mast.number,
        "kilometre_m": one.item.kilometre_m,
        "file_name": one.item.file_name,
        "registered_at": standing.registered_at.isoformat(),
        "due": None if standing.due is None else standing.due.isoformat(),
        "overdue": standing.is_overdue(now),
        "conclusion": standing.conclusion and str(standing.conclusion),
        "sightings": one.sightings,
        "suspected_of": standing.suspected_of,
        "changed_at": one.changed_at.isoformat(),
        "changed_by": one.changed_by,
    }


def line(one: Defect, now: datetime) -> str:
    """Return a defect in one line for people."""
    mast, standing = one.item.mast, one.standing
    place = "no mast" if mast is None else f"{mast.section} {mast.number}"
    if one.item.kilometre_m is not None:
        place += f" {format_kilometre(one.item.kilometre_m)}"
    due = ""
    if standing.due is not None:
        word = "OVERDUE since" if standing.is_overdue(now) else "due"
        due = f", {word} {standing.due:%Y-%m-%d %H:%M} UTC"
    what = f"{one.item.component} {standing.condition}, grade {standing.grade}"
    return f"{one.id}: {standing.state}, {what}, {place}, {one.item.run}{due}"
