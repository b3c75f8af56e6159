"""Decisions go on with their parts when a run was scanned or joined anew, each with a trace."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from catenary.domain import inherit, review
from catenary.domain.defect_loop import Deadlines
from catenary.domain.geometry import Box
from catenary.domain.inherit import Inherited, Looked, Parts, Place
from catenary.domain.review import PROGRAM, Origin, Standing, State
from catenary.store import audit, defect_steps, review_items
from catenary.store.database import Database
from catenary.store.defect_steps import By
from catenary.store.review_items import standing_of, standing_row, stored
from catenary.store.reviews import text_of
from catenary.store.schema import defect, former_view, frame, inheritance, review_item

T = TypeVar("T")

_CHUNK = 200  # items written in one transaction
_CORNERS = ("x0", "y0", "x1", "y1")
_UNDECIDED = (State.OPEN, State.UNJUDGED)


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part that the queue shall have.

    Attributes:
        row: Columns of its item while nobody has decided.
        views: Every photograph that shows it.
    """

    row: Mapping[str, Any]
    views: tuple[Place, ...]

    @property
    def name(self) -> str:
        """Of the part."""
        return str(self.row["name"])

    def in_frame(self, frame_id: int) -> Place | None:
        """Return its place in a photograph, or None."""
        return next((one for one in self.views if one.frame_id == frame_id), None)


@dataclass(slots=True)
class Plan:
    """What becomes of the items of a run.

    Attributes:
        added: Parts that get a new item.
        pairs: Undecided items, and the part that each is.
        gone: Rows of undecided items without a part.
        kept: Decided items, and the part that each goes on with.
        merged: Decided items that are one part with another, and the row of that one.
        settled: Rows of items to what stands on them, where merging changes it.
        parted: Decided items that were merged and are parts by themselves again.
        copied: Parts that get the decision of an item, and its row.
        lost: Decided items whose part the scan no longer has; they stay as they are.
    """

    added: list[PartRow] = field(default_factory=list)
    pairs: list[tuple[PartRow, RowMapping]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    kept: list[tuple[PartRow, RowMapping]] = field(default_factory=list)
    merged: list[tuple[RowMapping, int]] = field(default_factory=list)
    settled: dict[int, Standing] = field(default_factory=dict)
    parted: list[tuple[PartRow, RowMapping]] = field(default_factory=list)
    copied: list[tuple[PartRow, RowMapping]] = field(default_factory=list)
    lost: list[RowMapping] = field(default_factory=list)


def former_views(connection: Connection, run_id: int) -> tuple[dict[int, list[Place]], list[int]]:
    """Return the views of decided parts that were taken apart, by item, and their own rows."""
    query = (select(former_view).join(review_item).where(review_item.c.run_id == run_id)).order_by(
        former_view.c.id
    )
    found: dict[int, list[Place]] = defaultdict(list)
    ids = []
    for row in connection.execute(query).mappings():
        found[row["item_id"]].append(Place(row["frame_id"], _box(row)))
        ids.append(row["id"])
    return dict(found), ids


def forget(tx: Connection, ids: Sequence[int]) -> None:
    """Forget former views that the items were made of."""
    for start in range(0, len(ids), 500):
        some = former_view.c.id.in_(ids[start : start + 500])
        tx.execute(delete(former_view).where(some))


def planned(
    wanted: Mapping[str, PartRow],
    known: Sequence[RowMapping],
    former: Mapping[int, Sequence[Place]],
) -> Plan:
    """Return what becomes of the items of a run.

    Args:
        wanted: Parts by their names.
        known: Items, in the order of their rows.
        former: See `former_views`.
    """
    parts = Parts(
        inherit.Part(one.name, one.row["component"], one.views) for one in wanted.values()
    )
    by_id = {row["id"]: row for row in known}
    scanned = [_looked(row) for row in known if row["origin"] != Origin.MANUAL]
    found = inherit.targets(parts, scanned, former)
    # What was drawn takes a part that a later scan found there, none that has an item already.
    taken = set(found.values())
    drawn = [_looked(row) for row in known if row["origin"] == Origin.MANUAL and row["version"]]
    later = inherit.targets(parts, drawn, former)
    found |= {item_id: name for item_id, name in later.items() if name not in taken}
    plan = Plan()
    groups: dict[str, list[RowMapping]] = defaultdict(list)
    for row in known:
        name = found.get(row["id"])
        if name is not None:
            groups[name].append(row)
        elif row["version"]:
            plan.lost.append(row)
        else:
            plan.gone.append(row["id"])
    for name, rows in groups.items():
        _group(plan, wanted[name], rows)
    free = wanted.keys() - groups.keys()
    decided = [one for one in scanned if by_id[one.item_id]["state"] not in _UNDECIDED]
    heirs = inherit.heirs(parts, free, sorted(decided, key=lambda one: one.item_id), former)
    for name, part in wanted.items():
        if name in heirs:
            plan.copied.append((part, by_id[heirs[name]]))
        elif name in free:
            plan.added.append(part)
    return plan


def _group(plan: Plan, part: PartRow, rows: list[RowMapping]) -> None:
    """Plan for the items that are one part."""
    decided = [row for row in rows if row["version"]]
    others = [row for row in rows if not row["version"]]
    if not decided:
        first = next((row for row in others if row["name"] == part.name), others[0])
        plan.pairs.append((part, first))
        plan.gone.extend(row["id"] for row in others if row is not first)
        return
    plan.gone.extend(row["id"] for row in others)
    ids = {row["id"] for row in decided}
    live = [row for row in decided if row["merged_into"] not in ids]
    number, standing = review.merged([standing_of(row) for row in live])
    keeper = live[number]
    (plan.kept if keeper["merged_into"] is None else plan.parted).append((part, keeper))
    for row in live:
        if row is not keeper:
            plan.merged.append((row, keeper["id"]))
    if standing != standing_of(keeper):
        plan.settled[keeper["id"]] = standing


def _looked(row: RowMapping) -> Looked:
    place = Place(row["frame_id"], _box(row), row["finding_id"])
    return Looked(row["id"], row["name"], row["component"], place)


def _box(row: RowMapping | Mapping[str, Any]) -> Box:
    return Box(*(row[name] for name in _CORNERS))


@dataclass(frozen=True, slots=True)
class When:
    """When something follows, and under which deadlines."""

    now: datetime
    deadlines: Deadlines

    def by(self) -> By:
        """Return the program as whoever makes steps of defects."""
        return By(PROGRAM, self.now, self.deadlines)


def write(db: Database, run_id: int, plan: Plan, when: When) -> int:
    """Let the decisions of a plan go on, in short transactions.

    Names are freed first, since two items may change theirs for one another. What somebody decides
    meanwhile is left alone.

    Returns:
        How many items were left alone so: they are to be looked at again.
    """
    moved = [
        (part, row)
        for part, row in (*plan.kept, *plan.parted)
        if row["merged_into"] is not None or _is_moved(part, row)
    ]
    taken = {part.name for part, row in moved} | {part.name for part, _ in plan.copied}
    taken |= {part.name for part in plan.added} | {part.name for part, _ in plan.pairs}
    losing = (*(row for row, _ in plan.merged), *plan.lost)
    renamed = [row for row in losing if row["name"] in taken]
    changing = [(part, row) for part, row in (*moved, *plan.pairs) if row["name"] != part.name]
    renamed += [row for _, row in changing if row["name"] in taken]
    for rows in _chunks(renamed):
        with alone(db) as tx:
            for row in rows:
                _set(tx, row, {"name": _freed(row)})
    missed = 0
    for pairs in _chunks(moved):
        with alone(db) as tx:
            missed += sum(not _go_on(tx, part, row, when) for part, row in pairs)
    _place(db, run_id)  # first: defects that become one are at one mast
    for some in _chunks(plan.merged):
        with alone(db) as tx:
            missed += sum(not _merge(tx, row, keeper, plan, when) for row, keeper in some)
    for pairs in _chunks(plan.copied):
        with alone(db) as tx:
            missed += sum(not _copy(tx, part, row, when) for part, row in pairs)
    return missed


def _is_moved(part: PartRow, row: RowMapping) -> bool:
    """Tell whether a decided item has to be changed to go on with a part."""
    told = _links(part, row)
    return any(row[name] != value for name, value in told.items())


def _links(part: PartRow, row: RowMapping) -> dict[str, Any]:
    """Return what of a part an item gets that was decided: the picture stays what was looked at."""
    here = part.in_frame(row["frame_id"])
    found = row["finding_id"] if here is None or here.finding_id is None else here.finding_id
    return {"name": part.name, "views": len(part.views), "finding_id": found}


def _go_on(tx: Connection, part: PartRow, row: RowMapping, when: When) -> bool:
    values = _links(part, row)
    was_merged = row["merged_into"] is not None
    if was_merged:
        values |= {"merged_into": None, "version": row["version"] + 1}
    if not _set(tx, row, values):
        return False
    standing = standing_of(row)
    if was_merged:
        told = _Trace(Inherited.PARTED, row["id"], row["merged_into"], row["name"], part.name)
        _trace(tx, told, standing, standing, when)
        defect_steps.stand_alone(tx, review_items.one(tx, row["id"]), when.by())
    elif row["name"] != part.name:
        told = _Trace(Inherited.FOLLOWED, row["id"], None, row["name"], part.name)
        _trace(tx, told, standing, standing, when)
    return True


def _merge(tx: Connection, row: RowMapping, keeper_id: int, plan: Plan, when: When) -> bool:
    keeper = review_items.one(tx, keeper_id)
    after = plan.settled.get(keeper_id, keeper.standing)
    values = {"merged_into": keeper_id, "name": _freed(row), "version": row["version"] + 1}
    if not _set(tx, row, values | {"held_by": None, "held_until": None}):
        return False
    # What was merged into this one goes along.
    below = review_item.c.merged_into == row["id"]
    tx.execute(update(review_item).where(below).values(merged_into=keeper_id))
    told = _Trace(Inherited.MERGED, row["id"], keeper_id, row["name"], keeper.name)
    _trace(tx, told, keeper.standing, after, when)
    if after != keeper.standing:
        changed = standing_row(after) | {"version": keeper.version + 1}
        tx.execute(update(review_item).where(review_item.c.id == keeper_id).values(changed))
        defect_steps.follow(tx, keeper, after, when.by())
    merged = review_items.one(tx, row["id"])
    defect_steps.unite(tx, merged, review_items.one(tx, keeper_id), when.by())
    return True


def _copy(tx: Connection, part: PartRow, row: RowMapping, when: When) -> bool:
    """Give a part that was taken off a decided one its decision: whoever decided saw it too."""
    source = review_items.one(tx, row["id"])
    same = (review_item.c.run_id == row["run_id"], review_item.c.name == part.name)
    if (
        source.version != row["version"]
        or tx.execute(select(review_item.c.id).where(*same)).first()
    ):
        return False
    standing = source.standing
    entered = {name: row[name] for name in ("entered_at", "priority")}
    values = {**part.row, **standing_row(standing), **entered, "version": 1}
    values |= {name: part.row[name] for name in _CORNERS}
    added = insert(review_item).values(values).returning(review_item.c.id)
    item = review_items.one(tx, int(tx.execute(added).scalar_one()))
    told = _Trace(Inherited.COPIED, item.id, source.id, source.name, part.name)
    _trace(tx, told, None, item.standing, when)
    if standing.state is State.CONFIRMED:
        defect_steps.follow(tx, item, item.standing, when.by())
    return True


def _set(tx: Connection, row: RowMapping, values: Mapping[str, Any]) -> bool:
    """Change an item unless it was decided on, or filled in by another process, meanwhile."""
    own = (
        review_item.c.id == row["id"],
        review_item.c.version == row["version"],
        review_item.c.name.in_((row["name"], _freed(row))),
    )
    return tx.execute(update(review_item).where(*own).values(dict(values))).rowcount == 1


def _freed(row: RowMapping) -> str:
    """Return a name that no part has."""
    return f"~{row['id']}"


@contextmanager
def alone(db: Database) -> Iterator[Connection]:
    """Lend a transaction beside which no other process decides or fills."""
    with db.write() as tx:
        audit.hold(tx)
        yield tx


@dataclass(frozen=True, slots=True)
class _Trace:
    kind: Inherited
    item_id: int
    other: int | None
    from_name: str
    to_name: str


def _trace(
    tx: Connection, told: _Trace, before: Standing | None, after: Standing, when: When
) -> None:
    values = {
        "item_id": told.item_id,
        "made_at": stored(when.now),
        "kind": str(told.kind),
        "other": told.other,
        "from_name": told.from_name,
        "to_name": told.to_name,
        "before": None if before is None else text_of(before),
        "after": text_of(after),
    }
    row = insert(inheritance).values(values).returning(inheritance.c.id)
    audit.append_inheritance(tx, int(tx.execute(row).scalar_one()), when.now, PROGRAM.name)


_PLACES = {
    "line": func.coalesce(frame.c.mast_line, ""),
    "direction": func.coalesce(frame.c.mast_direction, ""),
    "section": func.coalesce(frame.c.mast_section, ""),
    "mast_number": func.coalesce(frame.c.mast_number, ""),
}


def _place(db: Database, run_id: int) -> None:
    """Move decided items to the mast that their photograph was given to."""
    differs = or_(*(review_item.c[name] != place for name, place in _PLACES.items()))
    query = (
        select(review_item.c.id, *(place.label(name) for name, place in _PLACES.items()))
        .join(frame, review_item.c.frame_id == frame.c.id)
        .where(review_item.c.run_id == run_id, review_item.c.version > 0, differs)
    )
    with db.read() as connection:
        rows = connection.execute(query).mappings().all()
    for some in _chunks(rows):
        with db.write() as tx:
            for row in some:
                values = {name: row[name] for name in _PLACES}
                tx.execute(update(review_item).where(review_item.c.id == row["id"]).values(values))
                del values["direction"]  # a defect has copies of the others, to be counted by
                tx.execute(update(defect).where(defect.c.item_id == row["id"]).values(values))


@dataclass(frozen=True, slots=True)
class Trace:
    """How a decision went on.

    Attributes:
        made_at: When, UTC.
        kind: How.
        item_id: Row of the item that was changed or made.
        other: Row of the item that it was merged into, copied or parted from; or None.
        from_name: Of the part until then.
        to_name: Of the part from then on.
    """

    made_at: datetime
    kind: Inherited
    item_id: int
    other: int | None
    from_name: str
    to_name: str


def of_item(connection: Connection, item_id: int) -> list[Trace]:
    """Return how decisions came to an item, or left it, oldest first."""
    own = or_(inheritance.c.item_id == item_id, inheritance.c.other == item_id)
    query = select(inheritance).where(own).order_by(inheritance.c.id)
    return [
        Trace(
            row["made_at"].replace(tzinfo=UTC),
            Inherited(row["kind"]),
            row["item_id"],
            row["other"],
            row["from_name"],
            row["to_name"],
        )
        for row in connection.execute(query).mappings()
    ]


def _chunks(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]
