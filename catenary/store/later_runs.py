"""What later runs show at the place of a defect: photographed again or not, and what was found."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from catenary.domain import defect_loop as loop
from catenary.domain.defect_loop import Found
from catenary.domain.image import Outcome
from catenary.domain.place import Mast
from catenary.store import review_items
from catenary.store.defects import precedes
from catenary.store.review_items import Item
from catenary.store.schema import frame, run


@dataclass(frozen=True, slots=True)
class LaterRun:
    """One later run at the place of a defect.

    Attributes:
        run: Name.
        run_id: Row.
        date: Day as ISO text, or empty.
        frame_id: Row of its first photograph of the mast, or None.
        photographs: Of the mast, by the camera or camera class that saw the defect.
        found: What it says.
        items: Of the same component kind at the mast.
    """

    run: str
    run_id: int
    date: str
    frame_id: int | None
    photographs: int
    found: Found
    items: tuple[Item, ...]


def of_item(connection: Connection, item: Item) -> list[LaterRun]:
    """Return what each later run of the line shows where an item was seen, newest first.

    Empty for a part at no mast: nobody knows where to look.
    """
    if item.mast is None:
        return []
    date = connection.execute(select(run.c.date).where(run.c.id == item.run_id)).scalar_one()
    shots = _shots(connection, item, item.mast)
    query = select(run.c.id, run.c.name, run.c.date, run.c.line, run.c.direction)
    found = []
    for row in connection.execute(query.order_by(run.c.date.desc(), run.c.id.desc())):
        is_of_line = (row.line, row.direction) == (item.mast.line, str(item.mast.direction))
        is_later = precedes(date, item.run_id, row.date, row.id)
        if is_later and (is_of_line or row.id in shots):
            shot = shots.get(row.id, _Shots(None, 0, 0))
            items = tuple(review_items.of_mast(connection, row.id, item.mast, item.component))
            states = frozenset(one.standing.state for one in items)
            told = loop.found(states, shot.photographs, shot.judged)
            found.append(
                LaterRun(row.name, row.id, row.date, shot.frame_id, shot.photographs, told, items)
            )
    return found


@dataclass(frozen=True, slots=True)
class _Shots:
    """Photographs of a mast in one run: the first of all, and those that tell of the defect."""

    frame_id: int | None
    photographs: int
    judged: int


def _shots(connection: Connection, item: Item, mast: Mast) -> dict[int, _Shots]:
    alike: ColumnElement[bool] = frame.c.camera == item.camera
    if item.view:
        alike = or_(alike, frame.c.view == item.view)
    is_done = frame.c.outcome == str(Outcome.DONE)

    def number(which: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.sum(case((which, 1), else_=0))

    query = (
        select(frame.c.run_id, func.min(frame.c.id), number(alike), number(alike & is_done))
        .where(
            frame.c.mast_number == mast.number,
            frame.c.mast_section == mast.section,
            frame.c.mast_line == mast.line,
            frame.c.mast_direction == str(mast.direction),
        )
        .group_by(frame.c.run_id)
    )
    return {
        run_id: _Shots(first, int(photographs), int(judged))
        for run_id, first, photographs, judged in connection.execute(query)
    }
