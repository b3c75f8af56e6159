"""Defects of the closed loop as values, the filters that pick them, and their trail."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    or_,
    select,
)

from catenary.domain.defect_loop import (
    LISTED,
    OPEN,
    Conclusion,
    LoopStanding,
    LoopState,
    Step,
)
from catenary.domain.review import RefusedError, Role
from catenary.store import audit, cursors, review_items
from catenary.store.review_items import Item, stored
from catenary.store.schema import defect, defect_step, review_item, run

FAR = datetime(9999, 12, 31)  # noqa: DTZ001 - UTC without a zone, as the columns hold it
_sighting = defect.alias("sighting")


class DefectOrder(StrEnum):
    """In which order a list is shown."""

    DUE = "due"  # soonest first, those without a deadline last
    NEWEST = "newest"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class _Ordered:
    """How one order is made: columns, their types, and whether the greatest comes first."""

    columns: tuple[ColumnElement[Any], ...]
    kinds: tuple[type, ...]
    is_falling: bool = False


_ORDERS = {
    DefectOrder.DUE: _Ordered((func.coalesce(defect.c.due, FAR), defect.c.id), (datetime, int)),
    DefectOrder.NEWEST: _Ordered(
        (defect.c.registered_at, defect.c.id), (datetime, int), is_falling=True
    ),
    DefectOrder.PLACE: _Ordered(
        (
            defect.c.line,
            defect.c.section,
            func.coalesce(defect.c.kilometre_m, -1.0),
            defect.c.id,
        ),
        (str, str, float, int),
    ),
}


@dataclass(frozen=True, slots=True)
class Defect:
    """A confirmed part in the closed loop.

    Attributes:
        id: Row.
        version: Counts the steps.
        item: That was confirmed; the first sighting.
        standing: What stands.
        sightings: Items that show it, its own included.
        changed_at: When the newest step was made, UTC.
        changed_by: By whom.
    """

    id: int
    version: int
    item: Item
    standing: LoopStanding
    sightings: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class DefectsWanted:
    """Which defects are wanted; an empty list means any.

    Attributes:
        run: Names of runs in which one was seen.
        line: 线路.
        section: 站区; empty for parts at no mast.
        mast: Mast numbers.
        component: Component ids.
        condition: As they stand.
        grade: As they stand.
        state: Where they stand; without any, all but joined and withdrawn ones.
        overdue: Only those whose deadline has passed, or only the others.
        suspected: Only those that may be an earlier one, or only the others.
        due_before: The deadline that counts is earlier, UTC.
    """

    run: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    mast: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    grade: tuple[int, ...] = ()
    state: tuple[LoopState, ...] = ()
    overdue: bool | None = None
    suspected: bool | None = None
    due_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DefectPage:
    """Some defects of a list.

    Attributes:
        defects: In order.
        next: Where the next page begins; None after the last.
    """

    defects: tuple[Defect, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class StepMade:
    """A step that was made.

    Attributes:
        id: Row.
        step: What.
        made_at: UTC.
        made_by: Name.
        role: Of whoever made it, then.
        note: May be empty.
        version: Of the defect from then on.
        before: What stood; None for the first.
        after: What stood from then on.
        other: Row of the other defect that it is about, or None.
        decision_id: Row of the decision that made it by itself, or None.
    """

    id: int
    step: Step
    made_at: datetime
    made_by: str
    role: Role
    note: str
    version: int
    before: LoopStanding | None
    after: LoopStanding
    other: int | None
    decision_id: int | None


COLUMNS: dict[str, ColumnElement[Any]] = {
    "state": defect.c.state,
    "grade": defect.c.grade,
    "run": defect.c.run_id,
    "line": defect.c.line,
    "section": defect.c.section,
    "mast": defect.c.mast_number,
    "component": defect.c.component,
    "condition": defect.c.condition,
}
FACETS = tuple(COLUMNS)
PLACE = ("run_id", "component", "line", "section", "mast_number", "kilometre_m")  # of the item


def page(  # noqa: PLR0913 - a list has all of these
    connection: Connection,
    wanted: DefectsWanted,
    order: DefectOrder,
    cursor: str | None,
    limit: int,
    now: datetime,
    few: Collection[int] | None = None,
) -> DefectPage:
    """Return some defects of a list.

    Args:
        connection: Database.
        wanted: Filter.
        order: Order.
        cursor: `DefectPage.next` of the page before, of the same filter and order; None for
            the first.
        limit: At most so many.
        now: UTC; deadlines are compared with it.
        few: Rows among which all of the page is, where they are known and few: then nothing is
            searched.

    Raises:
        RefusedError: ``"invalid"``, for a cursor that is not one of this order.
    """
    own = _conditions(connection, wanted, now)
    if few is not None:
        own.append(defect.c.id.in_(few))
    ordered = _ORDERS[order]
    columns = ordered.columns
    if cursor is not None:
        own.append(_after(columns, place_of(cursor, order), ordered.is_falling))
    # First the rows alone, so that a long list is sorted without all that is shown of each.
    query = (
        select(*columns)
        .where(*own)
        .order_by(*(one.desc() if ordered.is_falling else one for one in columns))
    )
    places = [tuple(row) for row in connection.execute(query.limit(limit + 1))]
    more = cursors.cursor(order, places[limit - 1]) if len(places) > limit else None
    shown = by_ids(connection, [place[-1] for place in places[:limit]])
    return DefectPage(tuple(shown), more)


def place_of(cursor: str, order: DefectOrder) -> list[Any]:
    """Return the values of the columns of an order at which a page begins.

    Raises:
        RefusedError: ``"invalid"``, for a cursor that is not one of this order.
    """
    return cursors.place_of(cursor, order, _ORDERS[order].kinds)


def _after(
    columns: Sequence[ColumnElement[Any]], place: Sequence[Any], is_falling: bool
) -> ColumnElement[bool]:
    """Return as SQL what comes after a place."""
    found: list[ColumnElement[bool]] = []
    for n, (column, value) in enumerate(zip(columns, place, strict=True)):
        same = [one == told for one, told in zip(columns[:n], place[:n], strict=True)]
        found.append(and_(*same, column < value if is_falling else column > value))
    return or_(*found)


def by_ids(connection: Connection, ids: Iterable[int]) -> list[Defect]:
    """Return defects in the order asked for; those that are not there are left out."""
    ids = list(ids)
    rows = connection.execute(_selected().where(defect.c.id.in_(ids))).mappings()
    found = {row["defect_id"]: _defect(row) for row in rows}
    return [found[one] for one in ids if one in found]


def one(connection: Connection, defect_id: int) -> Defect:
    """Return a defect.

    Raises:
        RefusedError: ``"not_found"``.
    """
    found = by_ids(connection, [defect_id])
    if not found:
        raise RefusedError("not_found", f"there is no defect {defect_id}")
    return found[0]


def of_items(connection: Connection, item_ids: Sequence[int]) -> dict[int, Defect]:
    """Return the defects of items, by the row of the item; for joined ones what they joined."""
    query = select(defect.c.item_id, func.coalesce(defect.c.joined_to, defect.c.id))
    told: dict[int, int] = {}
    for start in range(0, len(item_ids), _MOST_IN):
        own = defect.c.item_id.in_(item_ids[start : start + _MOST_IN])
        for item_id, root in connection.execute(query.where(own)):
            told[item_id] = root
    roots: dict[int, Defect] = {}
    wanted = sorted(set(told.values()))
    for start in range(0, len(wanted), _MOST_IN):
        roots |= {each.id: each for each in by_ids(connection, wanted[start : start + _MOST_IN])}
    return {item_id: roots[root] for item_id, root in told.items()}


_MOST_IN = 500  # values of one IN list


def steps_of(connection: Connection, defect_id: int) -> list[StepMade]:
    """Return the steps of a defect, oldest first."""
    query = select(defect_step).where(defect_step.c.defect_id == defect_id)
    rows = connection.execute(query.order_by(defect_step.c.version)).mappings()
    return [
        StepMade(
            row["id"],
            Step(row["step"]),
            _utc(row["made_at"]),
            row["made_by"],
            Role(row["role"]),
            row["note"],
            row["version"],
            None if row["before"] is None else _read(row["before"]),
            _read(row["after"]),
            row["other"],
            row["decision_id"],
        )
        for row in rows
    ]


def sightings_of(connection: Connection, defect_id: int) -> list[tuple[int, Item]]:
    """Return the items that show a defect, newest run first, each with its own defect's row."""
    query = (
        _joined(defect.c.id, defect.c.item_id)
        .join(run, run.c.id == review_item.c.run_id)
        .where(or_(defect.c.id == defect_id, defect.c.joined_to == defect_id))
        .order_by(run.c.date.desc(), run.c.id.desc(), defect.c.id.desc())
    )
    told = [tuple(row) for row in connection.execute(query)]
    items = {each.id: each for each in review_items.by_ids(connection, [row[1] for row in told])}
    return [(own, items[item_id]) for own, item_id in told]


def earlier_alike(
    connection: Connection, item: Item, states: Iterable[LoopState] = OPEN
) -> list[int]:
    """Return the rows of defects that an item may be another sighting of, the likeliest first.

    Those of the same component kind at the same mast in earlier runs: first those of the same
    camera, then the nearest in the picture.
    """
    if item.mast is None:
        return []
    date = connection.execute(select(run.c.date).where(run.c.id == item.run_id)).scalar_one()
    columns = ("camera", "x0", "y0", "x1", "y1")
    query = (
        _joined(defect.c.id, run.c.date, run.c.id, *(review_item.c[name] for name in columns))
        .join(run, run.c.id == review_item.c.run_id)
        .where(
            review_item.c.mast_number == item.mast.number,
            review_item.c.section == item.mast.section,
            review_item.c.line == item.mast.line,
            review_item.c.direction == str(item.mast.direction),
            review_item.c.component == item.component,
            defect.c.state.in_([str(one) for one in states]),
        )
    )
    x, y = item.standing.box.centre
    found = []
    for own, day, run_id, camera, x0, y0, x1, y1 in connection.execute(query):
        if precedes(day, run_id, date, item.run_id):
            away = (x - (x0 + x1) / 2) ** 2 + (y - (y0 + y1) / 2) ** 2
            found.append((camera != item.camera, away, -own))
    return [-own for _, _, own in sorted(found)]


def precedes(date: str, run_id: int, other_date: str, other_id: int) -> bool:
    """Tell whether a run is earlier than another: by its day, else by its registration.

    >>> precedes("2026-03-06", 9, "2026-06-01", 2), precedes("", 9, "2026-06-01", 2)
    (True, False)
    """
    is_dated = bool(date and other_date)
    return (date if is_dated else "", run_id) < (other_date if is_dated else "", other_id)


def standing_row(standing: LoopStanding) -> dict[str, Any]:
    """Return the columns of a defect that tell what stands."""
    return {
        "state": str(standing.state),
        "condition": standing.condition,
        "grade": standing.grade,
        "registered_at": stored(standing.registered_at),
        "repair_by": stored(standing.repair_by),
        "repaired_at": _stored(standing.repaired_at),
        "reinspect_by": _stored(standing.reinspect_by),
        "due": _stored(standing.due),
        "conclusion": None if standing.conclusion is None else str(standing.conclusion),
        "suspected_of": standing.suspected_of,
        "joined_to": standing.joined_to,
    }


def standing_of(row: Mapping[str, Any] | RowMapping) -> LoopStanding:
    """Return what stands, from columns that `standing_row` made."""
    return LoopStanding(
        LoopState(row["state"]),
        row["condition"],
        row["grade"],
        _utc(row["registered_at"]),
        _utc(row["repair_by"]),
        None if row["repaired_at"] is None else _utc(row["repaired_at"]),
        None if row["reinspect_by"] is None else _utc(row["reinspect_by"]),
        row["conclusion"] and Conclusion(row["conclusion"]),
        row["suspected_of"],
        row["joined_to"],
    )


def written(standing: LoopStanding) -> str:
    """Return what stands as the text of a step."""
    told = standing_row(standing)
    times = {name: one.isoformat() for name, one in told.items() if isinstance(one, datetime)}
    return audit.canonical(told | times)


def _read(text: str) -> LoopStanding:
    told = json.loads(text)
    names = ("registered_at", "repair_by", "repaired_at", "reinspect_by")
    times = {name: told[name] and datetime.fromisoformat(told[name]) for name in names}
    return standing_of(told | times)


def place_row(item: Item) -> dict[str, Any]:
    """Return the columns of a defect that are copied from its item."""
    mast = item.mast
    return {
        "run_id": item.run_id,
        "component": item.component,
        "line": mast.line if mast else "",
        "section": mast.section if mast else "",
        "mast_number": mast.number if mast else "",
        "kilometre_m": item.kilometre_m,
    }


def _conditions(
    connection: Connection, wanted: DefectsWanted, now: datetime
) -> list[ColumnElement[bool]]:
    """Return a filter as SQL."""
    found: list[ColumnElement[bool]] = []
    lists = {name: getattr(wanted, name) for name in FACETS if name != "run"}
    lists["state"] = lists["state"] or LISTED
    found += [COLUMNS[name].in_(list(values)) for name, values in lists.items() if values]
    if wanted.run:
        found.append(_in_runs(review_items.run_ids(connection, wanted.run)))
    if wanted.overdue is not None:
        # An expression: by the index of deadlines, SQLite would read every row.
        late = func.coalesce(defect.c.due, FAR) < stored(now)
        found.append(late if wanted.overdue else ~late)
    if wanted.suspected is not None:
        told = and_(defect.c.suspected_of.is_not(None), defect.c.state != str(LoopState.JOINED))
        found.append(told if wanted.suspected else ~told)
    if wanted.due_before is not None:
        found.append(defect.c.due < stored(wanted.due_before))
    return found


def _in_runs(run_ids: Sequence[int]) -> ColumnElement[bool]:
    """Return as SQL whether a defect, or one that was joined into it, is of one of some runs."""
    again = select(_sighting.c.joined_to).where(
        _sighting.c.joined_to.is_not(None), _sighting.c.run_id.in_(run_ids)
    )
    return or_(defect.c.run_id.in_(run_ids), defect.c.id.in_(again))


def _joined(*columns: ColumnElement[Any]) -> "Select[Any]":
    """Select from defects with their items."""
    joined = defect.join(review_item, review_item.c.id == defect.c.item_id)
    return select(*columns).select_from(joined)


_OWN = ("state", "condition", "grade", "version")  # names that items have as well


_NOT_SHOWN = {*_OWN, *PLACE, "id", "item_id", "due"}  # those of the item are, or none


@cache  # to put it together takes longer than to read a defect
def _selected() -> "Select[Any]":
    own = [defect.c[name].label(f"defect_{name}") for name in _OWN]
    others = [column for column in defect.c if column.name not in _NOT_SHOWN]
    joined = defect.alias("joined")
    number = (
        select(func.count())
        .select_from(joined)
        .where(joined.c.joined_to == defect.c.id)
        .correlate(defect)
        .scalar_subquery()
    )
    return (
        review_items.selected()
        .add_columns(defect.c.id.label("defect_id"), *own, *others, number.label("joined"))
        .join(defect, defect.c.item_id == review_item.c.id)
    )


def _defect(row: RowMapping) -> Defect:
    own = {name: row[f"defect_{name}"] for name in _OWN}
    standing = standing_of({**row, **own})
    return Defect(
        row["defect_id"],
        own["version"],
        review_items.item_of(row),
        standing,
        1 + row["joined"],
        _utc(row["changed_at"]),
        row["changed_by"],
    )


def _stored(at: datetime | None) -> datetime | None:
    return None if at is None else stored(at)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
