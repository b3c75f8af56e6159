"""Items of the review queue as values, and the filters that pick them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, or_, select

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.place import Direction, Mast
from catenary.domain.review import Decision, Origin, RefusedError, Standing, State
from catenary.store.schema import frame, part, part_view, review_item, run


@dataclass(frozen=True, slots=True)
class Item:
    """A physical part in the queue.

    Attributes:
        id: Row.
        version: Counts the decisions.
        run: Name of the run.
        run_id: Row of the run.
        name: Of the part, as in reports.
        origin: Why it is in the queue.
        component: Component id.
        verdict: What the scan said.
        probability: Of a defect in [0, 1], or None.
        views: Photographs that show it.
        frame_id: Row of the photograph that leads.
        finding_id: Row of its finding; None for samples and drawn ones, and where a later scan
            replaced it.
        file_name: Of that photograph.
        width: Of that photograph, px; 0 when not decoded.
        height: The same.
        camera: Of that photograph.
        view: Of that photograph.
        mast: Support, or None.
        kilometre_m: Kilometre post in metres, or None.
        entered_at: When it came into the queue, UTC.
        priority: Its place in the queue; greater comes first.
        standing: What stands.
        held_by: Who has a lease, or None.
        held_until: Until when, UTC; the lease means nothing after.
        merged_into: Row of the item that goes on, where two turned out to be one part; or None.
        is_masked: Whether it is shown otherwise than it stands: what others said of it is hidden.
    """

    id: int
    version: int
    run: str
    run_id: int
    name: str
    origin: Origin
    component: str
    verdict: Verdict
    probability: float | None
    views: int
    frame_id: int
    finding_id: int | None
    file_name: str
    width: int
    height: int
    camera: str
    view: str
    mast: Mast | None
    kilometre_m: float | None
    entered_at: datetime
    priority: float
    standing: Standing
    held_by: str | None
    held_until: datetime | None
    merged_into: int | None = None
    is_masked: bool = False

    def holder(self, now: datetime) -> str | None:
        """Return who has a lease that still counts."""
        return self.held_by if self.held_until is not None and self.held_until > now else None


@dataclass(frozen=True, slots=True)
class Blind:
    """Who is not told what was said of items that they may read a second time.

    Attributes:
        reader: Name.
        scanned: Rows of such items whose condition or grade the first reader changed, each with
            what the scan said.
    """

    reader: str
    scanned: tuple[tuple[int, str, int | None], ...] = ()

    @property
    def rows(self) -> list[int]:
        """Rows of the items that are told otherwise than they stand."""
        return [item_id for item_id, _, _ in self.scanned]

    def told(self, name: str) -> dict[int, str | int | None]:
        """Return row to condition or grade (``name``) as the scan said."""
        return {
            item_id: condition if name == "condition" else grade
            for item_id, condition, grade in self.scanned
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items are wanted; an empty list means any.

    Attributes:
        run: Names of runs.
        line: 线路.
        section: 站区; empty for parts at no mast.
        mast: Mast numbers.
        camera: Camera ids.
        view: Camera roles.
        component: Component ids.
        condition: Conditions as they stand.
        grade: Grades as they stand.
        state: Where they stand.
        verdict: What the scan said.
        reviewer: Who made the decision that stands.
        km_from: Least kilometre post, metres.
        km_to: Greatest.
        blind: Whoever is not told who read first what they may read a second time, or what they
            said, or None: for them that is nobody's, and as the scan said.
    """

    run: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    mast: tuple[str, ...] = ()
    camera: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    grade: tuple[int, ...] = ()
    state: tuple[State, ...] = ()
    verdict: tuple[Verdict, ...] = ()
    reviewer: tuple[str, ...] = ()
    km_from: float | None = None
    km_to: float | None = None
    blind: Blind | None = None

    def lists(self) -> dict[str, tuple[Any, ...]]:
        """Return every list by its name, the empty ones too."""
        return {name: getattr(self, name) for name in FACETS}

    @property
    def is_any(self) -> bool:
        """Whether all items of a state pass."""
        chosen = any(values for name, values in self.lists().items() if name != "state")
        return not chosen and self.km_from is None and self.km_to is None


FACETS = tuple(
    field.name for field in fields(Wanted) if field.name not in ("km_from", "km_to", "blind")
)
FACET_COLUMNS = {name: review_item.c[name] for name in FACETS if name not in ("run", "mast")} | {
    "run": review_item.c.run_id,
    "mast": review_item.c.mast_number,
}

ON_ITS_OWN: ColumnElement[bool] = review_item.c.merged_into.is_(None)  # of what is shown at all


def run_ids(connection: Connection, names: Iterable[str]) -> list[int]:
    """Return the rows of runs; names that nobody knows are left out."""
    return list(connection.execute(select(run.c.id).where(run.c.name.in_(names))).scalars())


def conditions(
    connection: Connection, wanted: Wanted, *, without: str = ""
) -> list[ColumnElement[bool]]:
    """Return a filter as SQL.

    Args:
        connection: Looks up the rows of runs.
        wanted: Filter.
        without: Name of a list that is left out of it.
    """
    found: list[ColumnElement[bool]] = [ON_ITS_OWN]
    for name, values in wanted.lists().items():
        if not values or name == without:
            continue
        chosen = run_ids(connection, values) if name == "run" else list(values)
        own = FACET_COLUMNS[name].in_(chosen)
        found.append(own if wanted.blind is None else _unsaid(name, chosen, own, wanted.blind))
    if wanted.km_from is not None:
        found.append(review_item.c.kilometre_m >= wanted.km_from)
    if wanted.km_to is not None:
        found.append(review_item.c.kilometre_m <= wanted.km_to)
    return found


def _unsaid(
    name: str, chosen: Sequence[Any], own: ColumnElement[bool], blind: Blind
) -> ColumnElement[bool]:
    """Return one list of a filter as SQL that tells nothing of a first reading."""
    if name == "reviewer":
        second = FACET_COLUMNS["state"] == str(State.SECOND)
        is_own = FACET_COLUMNS["reviewer"] == blind.reader
        told = and_(own, or_(~second, is_own))
        return or_(told, and_(second, ~is_own)) if "" in chosen else told
    if name not in ("condition", "grade") or not blind.scanned:
        return own
    as_told = [item_id for item_id, value in blind.told(name).items() if value in chosen]
    rows = review_item.c.id
    return or_(and_(own, rows.not_in(blind.rows)), rows.in_(as_told))


@cache  # to put it together takes longer than to read an item
def selected() -> "Select[Any]":
    """Select items with what is told of their photograph and run."""
    return (
        select(
            review_item,
            frame.c.file_name,
            frame.c.width,
            frame.c.height,
            run.c.name.label("run_name"),
        )
        .join(frame, review_item.c.frame_id == frame.c.id)
        .join(run, review_item.c.run_id == run.c.id)
    )


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Item]:
    """Return items in the order asked for; those that are not there are left out."""
    query = selected().where(review_item.c.id.in_(ids))
    found = {row["id"]: item_of(row) for row in connection.execute(query).mappings()}
    return [found[one] for one in ids if one in found]


def of_run(connection: Connection, run_id: int) -> list[Item]:
    """Return every item of a run but merged ones, in the order of their rows."""
    own = (review_item.c.run_id == run_id, ON_ITS_OWN)
    query = selected().where(*own).order_by(review_item.c.id)
    return [item_of(row) for row in connection.execute(query).mappings()]


def names_of_run(connection: Connection, run_id: int, wanted: Wanted) -> frozenset[str]:
    """Return the names of the parts of a run whose items are wanted."""
    own = (review_item.c.run_id == run_id, *conditions(connection, wanted))
    return frozenset(connection.execute(select(review_item.c.name).where(*own)).scalars())


def one(connection: Connection, item_id: int) -> Item:
    """Return an item.

    Raises:
        RefusedError: ``"not_found"``.
    """
    found = by_ids(connection, [item_id])
    if not found:
        raise RefusedError("not_found", f"there is no item {item_id}")
    return found[0]


def of_mast(
    connection: Connection, run_id: int, mast: Mast | None, component: str | None = None
) -> list[Item]:
    """Return the items of a mast in a run, those of one component kind or all."""
    if mast is None:
        return []
    own = [
        review_item.c.run_id == run_id,
        review_item.c.mast_number == mast.number,
        review_item.c.section == mast.section,
        review_item.c.line == mast.line,
        review_item.c.direction == str(mast.direction),
        ON_ITS_OWN,
    ]
    if component is not None:
        own.append(review_item.c.component == component)
    query = selected().where(*own).order_by(review_item.c.id)
    return [item_of(row) for row in connection.execute(query).mappings()]


def in_frame(connection: Connection, frame_id: int) -> list[tuple[Item, Box]]:
    """Return the items that a photograph shows, each with its box there."""
    led = selected().where(review_item.c.frame_id == frame_id, ON_ITS_OWN)
    led = led.order_by(review_item.c.id)
    found = [item_of(row) for row in connection.execute(led).mappings()]
    corners = [part_view.c[name].label(f"view_{name}") for name in ("x0", "y0", "x1", "y1")]
    same = and_(part.c.run_id == review_item.c.run_id, part.c.name == review_item.c.name)
    query = (
        selected()
        .add_columns(*corners)
        .join(part, same)
        .join(part_view, part_view.c.part_id == part.c.id)
        .where(part_view.c.frame_id == frame_id, review_item.c.frame_id != frame_id)
        .order_by(review_item.c.id)
    )
    others = [
        (item_of(row), Box(*(row[f"view_{name}"] for name in ("x0", "y0", "x1", "y1"))))
        for row in connection.execute(query).mappings()
    ]
    return [(one, one.standing.box) for one in found] + others


def item_of(row: RowMapping) -> Item:
    """Return the item of a row that `selected` gave."""
    return Item(
        row["id"],
        row["version"],
        row["run_name"],
        row["run_id"],
        row["name"],
        Origin(row["origin"]),
        row["component"],
        Verdict(row["verdict"]),
        row["probability"],
        row["views"],
        row["frame_id"],
        row["finding_id"],
        row["file_name"],
        row["width"],
        row["height"],
        row["camera"],
        row["view"],
        mast_of(row),
        row["kilometre_m"],
        _utc(row["entered_at"]),
        row["priority"],
        standing_of(row),
        row["held_by"],
        None if row["held_until"] is None else _utc(row["held_until"]),
        row["merged_into"],
    )


def mast_of(row: Mapping[str, Any] | RowMapping) -> Mast | None:
    """Return the support that an item is at, or None."""
    if not row["mast_number"]:
        return None
    return Mast(row["line"], Direction(row["direction"]), row["section"], row["mast_number"])


def standing_of(row: RowMapping) -> Standing:
    """Return what stands on the item of a row."""
    return Standing(
        State(row["state"]),
        row["condition"],
        row["grade"],
        Box(row["x0"], row["y0"], row["x1"], row["y1"]),
        row["reviewer"] or None,
        None if row["decided_at"] is None else _utc(row["decided_at"]),
        row["note"],
        row["first_by"],
        row["first_said"] and Decision(row["first_said"]),
        row["second_by"],
    )


def standing_row(standing: Standing) -> dict[str, Any]:
    """Return the columns that `standing_of` reads."""
    return {
        "state": str(standing.state),
        "condition": standing.condition,
        "grade": standing.grade,
        **{name: float(getattr(standing.box, name)) for name in ("x0", "y0", "x1", "y1")},
        "reviewer": standing.reviewer or "",
        "decided_at": None if standing.decided_at is None else stored(standing.decided_at),
        "note": standing.note,
        "first_by": standing.first_by,
        "first_said": standing.first_said and str(standing.first_said),
        "second_by": standing.second_by,
    }


def stored(at: datetime) -> datetime:
    """Return UTC without a zone, as the columns hold it."""
    return at.astimezone(UTC).replace(tzinfo=None)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
