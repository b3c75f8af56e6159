"""Decisions by the hundred thousand for a bench: copies of some that were really taken.

Rows of items, decisions, defects, steps and the trail are those that a server writes; only what
names a row is another. So the trail holds, and `catenary audit verify` says so.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, func, insert, select, update

from catenary.domain.review import State
from catenary.store import audit, defects
from catenary.store.schema import audit as trail
from catenary.store.schema import decision, defect, defect_step, review_item

# What a decision changes of an item.
_CHANGED = ("state", "reviewer", "decided_at", "note", "first_by", "first_said", "second_by")
_KIND = ("component", "condition", "grade")
_PATTERNS = 40  # items of a kind that are copied


@dataclass(frozen=True, slots=True)
class _Decided:
    """All rows of an item that was decided."""

    item: RowMapping
    decisions: Sequence[RowMapping]
    defect: RowMapping
    steps: Sequence[RowMapping]


@dataclass(slots=True)
class _Rows:
    """Rows to be added, numbered from what is there."""

    next_decision: int
    next_defect: int
    next_step: int
    head: audit.Head
    items: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    defects: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    trail: list[dict[str, Any]] = field(default_factory=list)


def confirm(tx: Connection, run_id: int, most: int) -> int:
    """Confirm open items of a run, each like a confirmed one of its kind; return how many.

    Args:
        tx: SQLite; rows are numbered by us.
        run_id: Run with at least one confirmed item of each kind that is open.
        most: At most so many.

    Raises:
        LookupError: If there is no open item, or none of its kind was confirmed.
    """
    patterns = _patterns(tx, run_id)
    waiting = (review_item.c.run_id == run_id, review_item.c.state == str(State.OPEN))
    query = select(review_item).where(*waiting).order_by(review_item.c.id).limit(most)
    items = tx.execute(query).mappings().all()
    if not items:
        raise LookupError(f"run {run_id} has no open item left")
    rows = _Rows(_next(tx, decision), _next(tx, defect), _next(tx, defect_step), audit.head(tx))
    for item in items:
        _copy(rows, item, next(patterns[_kind(item)]))
    changed: dict[str, Any] = {name: bindparam(f"b_{name}") for name in (*_CHANGED, "version")}
    tx.execute(
        update(review_item).where(review_item.c.id == bindparam("b_id")).values(changed), rows.items
    )
    for table, those in (
        (decision, rows.decisions),
        (defect, rows.defects),
        (defect_step, rows.steps),
        (trail, rows.trail),
    ):
        tx.execute(insert(table), those)
    return len(items)


def _kind(item: RowMapping) -> tuple[Any, ...]:
    return tuple(item[name] for name in _KIND)


def _next(tx: Connection, table: Table) -> int:
    return int(tx.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1


def _patterns(tx: Connection, run_id: int) -> Mapping[tuple[Any, ...], Iterator[_Decided]]:
    """Return some confirmed items of each kind, over and over."""
    own = [review_item.c.run_id == run_id, review_item.c.state == str(State.CONFIRMED)]
    columns = [review_item.c[name] for name in _KIND]
    found = {}
    for kind in tx.execute(select(*columns).where(*own).distinct()).all():
        same = [column == value for column, value in zip(columns, kind, strict=True)]
        query = select(review_item).where(*own, *same).order_by(review_item.c.id).limit(_PATTERNS)
        items = tx.execute(query).mappings().all()
        found[tuple(kind)] = itertools.cycle([_decided(tx, item) for item in items])
    return found


def _decided(tx: Connection, item: RowMapping) -> _Decided:
    made = select(decision).where(decision.c.item_id == item["id"]).order_by(decision.c.id)
    own = tx.execute(select(defect).where(defect.c.item_id == item["id"])).mappings().one()
    steps = select(defect_step).where(defect_step.c.defect_id == own["id"])
    return _Decided(
        item,
        tx.execute(made).mappings().all(),
        own,
        tx.execute(steps.order_by(defect_step.c.id)).mappings().all(),
    )


def _copy(rows: _Rows, item: RowMapping, like: _Decided) -> None:
    told = {f"b_{name}": like.item[name] for name in (*_CHANGED, "version")}
    rows.items.append(told | {"b_id": item["id"]})
    numbers: dict[int | None, int | None] = {None: None}
    for made in like.decisions:
        numbers[made["id"]] = rows.next_decision
        row = dict(made) | {"id": rows.next_decision, "item_id": item["id"]}
        rows.decisions.append(row)
        _seal(rows, audit.DECIDED, row)
        rows.next_decision += 1
    own = {name: item[name] for name in defects.PLACE}
    rows.defects.append(dict(like.defect) | own | {"id": rows.next_defect, "item_id": item["id"]})
    for step in like.steps:
        named = {"id": rows.next_step, "defect_id": rows.next_defect}
        row = dict(step) | named | {"decision_id": numbers[step["decision_id"]]}
        rows.steps.append(row)
        _seal(rows, audit.STEPPED, row)
        rows.next_step += 1
    rows.next_defect += 1


def _seal(rows: _Rows, action: str, row: Mapping[str, Any]) -> None:
    """Add the row of the trail, as `audit.append` makes it."""
    at, who = row["made_at"].replace(tzinfo=UTC), row["made_by"]
    entry = audit.row_after(rows.head, at, who, action, audit.record(row))
    rows.trail.append(entry)
    rows.head = audit.Head(entry["seq"], entry["digest"])
