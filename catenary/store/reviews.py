"""Decisions on items: taken once, never changed, each with its row in the trail."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from catenary.domain import review
from catenary.domain.defect_loop import Deadlines
from catenary.domain.finding import Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.review import (
    Act,
    Decision,
    Origin,
    Reader,
    RefusedError,
    Role,
    Saying,
    SecondReading,
    Stage,
    Standing,
    State,
    Wish,
    Worth,
)
from catenary.domain.taxonomy import Taxonomy
from catenary.store import audit, defect_steps, findings, review_items
from catenary.store.defect_steps import By
from catenary.store.review_items import Item, standing_row, stored
from catenary.store.schema import decision, finding, frame, review_item, run

MANUAL = "manual"  # model and rules of what a person drew


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions are made under.

    Attributes:
        taxonomy: Conditions and grades.
        second: Which decisions are read again.
        ageing_days: Of the queue, for items that are drawn.
        deadlines: Of the defects that confirmed items become.
    """

    taxonomy: Taxonomy
    second: SecondReading
    ageing_days: float
    deadlines: Deadlines = Deadlines()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish on an item as it was seen.

    Attributes:
        item_id: Row of the item.
        version: That the reader saw.
        wish: What to decide.
    """

    item_id: int
    version: int
    wish: Wish


@dataclass(frozen=True, slots=True)
class Drawn:
    """A defect that the scan missed.

    Attributes:
        frame_id: Row of the photograph.
        component: Component id.
        box: Full-frame pixels.
        wish: Confirms, with a condition.
    """

    frame_id: int
    component: str
    box: Box
    wish: Wish


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was made.

    Attributes:
        id: Row.
        made_at: UTC.
        made_by: Name.
        role: Of whoever made it, then.
        stage: Which reading.
        act: What.
        note: May be empty.
        version: Of the item from then on.
        before: What stood.
        after: What stood from then on.
        is_undone: Whether a later one took it back.
        is_blind: False of a second reading by somebody who had been told the first one.
        versions: Model and rules of the finding, taxonomy of the decision.
    """

    id: int
    made_at: datetime
    made_by: str
    role: Role
    stage: Stage
    act: Act
    note: str
    version: int
    before: Standing
    after: Standing
    is_undone: bool
    is_blind: bool
    versions: Versions


def decide(
    tx: Connection, asks: Sequence[Ask], reader: Reader, rules: Rules, now: datetime
) -> list[Item]:
    """Take decisions, all of them or none.

    Returns:
        The items as they stand now, in order.

    Raises:
        RefusedError: ``"not_found"``, ``"stale"``, ``"leased"``, ``"role"``, ``"own_reading"``,
            ``"not_yours"`` or ``"invalid"``; the transaction must not be kept then.
    """
    items = _checked(tx, [(one.item_id, one.version) for one in asks], reader, now)
    for one, item in zip(asks, items, strict=True):
        if (no := review.refusal(reader, item.standing)) is not None:
            raise RefusedError(*no, item.id)
        if one.wish.box is not None:
            _require_inside(item, one.wish.box)
        stage = review.stage_of(item.standing.state)
        shown = item.standing
        if stage is Stage.SECOND and one.wish.decision is Decision.CONFIRM:
            # What the second reader leaves open is what the scan said: the first one's is hidden.
            shown = replace(as_scanned(tx, [item])[item.id], box=shown.box)
        saying = review.completed(one.wish, item.component, shown, rules.taxonomy)
        again = rules.second.wants(saying.decision, item.name)
        blind = stage is not Stage.SECOND or is_blind(tx, item.id, reader.name, saying)
        after = review.decided(item.standing, saying, reader, again, now, blind)
        row = _Row(reader, stage, Act(one.wish.decision), one.wish.note)
        _keep(tx, item, row, after, rules, now)
    return review_items.by_ids(tx, [one.item_id for one in asks])


def undo(
    tx: Connection,
    wanted: Sequence[tuple[int, int]],
    reader: Reader,
    rules: Rules,
    now: datetime,
) -> list[Item]:
    """Take back the newest decision of a reader on some items, on all of them or none.

    Args:
        tx: Transaction.
        wanted: Row and version of each item, as the reader saw it.
        reader: Who.
        rules: As for `decide`.
        now: UTC.

    Raises:
        RefusedError: As `decide`, and ``"nothing_to_undo"``.
    """
    for item in _checked(tx, wanted, reader, now):
        newest = standing_decision(decisions_of(tx, item.id))
        if newest is None:
            raise RefusedError("nothing_to_undo", "nothing was decided on this item", item.id)
        if newest.made_by != reader.name:
            told = f"{newest.made_by} decided after you; ask them or a lead"
            raise RefusedError("not_yours", told, item.id)
        row = _Row(reader, newest.stage, Act.UNDO, "", newest.id)
        _keep(tx, item, row, newest.before, rules, now)
    return review_items.by_ids(tx, [item_id for item_id, _ in wanted])


def draw(tx: Connection, drawn: Drawn, reader: Reader, rules: Rules, now: datetime) -> Item:
    """Add a defect that the scan missed, decided by whoever drew it.

    Raises:
        RefusedError: ``"not_found"``, ``"invalid"``, or ``"stale"`` where the same box is there.
    """
    audit.hold(tx)
    query = select(frame, run.c.taxonomy.label("run_taxonomy")).join(run)
    row = tx.execute(query.where(frame.c.id == drawn.frame_id)).mappings().one_or_none()
    if row is None:
        raise RefusedError("not_found", f"there is no photograph {drawn.frame_id}")
    if drawn.box.clipped(row["width"], row["height"]) != drawn.box:
        raise RefusedError("invalid", "box: it must lie within the photograph")
    before = Standing(State.REJECTED, drawn.wish.condition or "", None, drawn.box)
    saying = review.completed(drawn.wish, drawn.component, before, rules.taxonomy)
    before = Standing(State.REJECTED, saying.condition, saying.grade, drawn.box)
    name = _drawn_name(row["image_id"], drawn)
    same = (review_item.c.run_id == row["run_id"], review_item.c.name == name)
    if (there := tx.execute(select(review_item.c.id).where(*same)).scalar()) is not None:
        raise RefusedError("stale", "this box was drawn already", there)
    worth = Worth(Origin.MANUAL, 1.0, saying.grade, name)
    added = insert(review_item).values(
        {
            "run_id": row["run_id"],
            "name": name,
            "origin": str(Origin.MANUAL),
            "frame_id": drawn.frame_id,
            "component": drawn.component,
            "verdict": str(Verdict.DEFECT),
            "views": 1,
            **place_row(row),
            "entered_at": stored(now),
            "priority": review.priority(worth, now, rules.ageing_days),
            "version": 0,
            **standing_row(before),
        }
    )
    item_id = int(tx.execute(added.returning(review_item.c.id)).scalar_one())
    item = review_items.one(tx, item_id)
    again = rules.second.wants(Decision.CONFIRM, name)
    opened = Standing(State.OPEN, saying.condition, saying.grade, drawn.box)
    after = review.decided(opened, saying, reader, again, now)
    _keep(tx, item, _Row(reader, Stage.FIRST, Act.DRAW, drawn.wish.note), after, rules, now)
    return review_items.one(tx, item_id)


def decisions_of(connection: Connection, item_id: int) -> list[Made]:
    """Return the decisions on an item, oldest first."""
    query = select(decision).where(decision.c.item_id == item_id).order_by(decision.c.version)
    rows = connection.execute(query).mappings().all()
    undone = {row["undoes"] for row in rows}
    unblind = not_blind(rows)
    return [_made(row, row["id"] in undone, row["id"] not in unblind) for row in rows]


def is_blind(connection: Connection, item_id: int, name: str, saying: Saying) -> bool:
    """Tell whether a second reading of an item by somebody is made without knowing the first."""
    return review.is_blind(
        saying, [_saying(row) for row in _read_second(connection, item_id, name)]
    )


def was_read_second(connection: Connection, item_id: int, reader: Reader) -> bool:
    """Tell whether a reader read an item a second time before, and so knows the first reading."""
    return bool(_read_second(connection, item_id, reader.name))


def not_blind(rows: Sequence[RowMapping]) -> set[int]:
    """Return which second readings were made by somebody who had been told the first one.

    Args:
        rows: Of `decision`, all second readings of some items among them, oldest first for each.
    """
    said: dict[tuple[int, str], list[Saying]] = {}
    found = set()
    for row in rows:
        if row["stage"] != str(Stage.SECOND) or row["act"] == str(Act.UNDO):
            continue
        earlier = said.setdefault((row["item_id"], row["made_by"]), [])
        if not review.is_blind(_saying(row), earlier):
            found.add(row["id"])
        earlier.append(_saying(row))
    return found


def _read_second(connection: Connection, item_id: int, name: str) -> Sequence[RowMapping]:
    own = (decision.c.item_id == item_id, decision.c.made_by == name)
    second = (decision.c.stage == str(Stage.SECOND), decision.c.act != str(Act.UNDO))
    query = select(decision).where(*own, *second).order_by(decision.c.version)
    return connection.execute(query).mappings().all()


def _saying(row: RowMapping) -> Saying:
    after = standing_from(row["after"])
    return Saying(Decision(row["act"]), after.condition, after.grade, after.box, row["note"])


def as_scanned(connection: Connection, items: Sequence[Item]) -> dict[int, Standing]:
    """Return what stood on items before anybody decided, as if they were new; by their rows."""
    ids = [one.id for one in items]
    query = select(decision.c.item_id, decision.c.before).where(decision.c.item_id.in_(ids))
    rows = connection.execute(query.order_by(decision.c.version.desc()))
    first = {item_id: standing_from(before) for item_id, before in rows}
    found = findings.by_ids(
        connection, [one.finding_id for one in items if one.finding_id and one.id not in first]
    )
    told: dict[int, Standing] = {}
    for one in items:
        own = None if one.finding_id is None else found.get(one.finding_id)
        if one.id in first:
            told[one.id] = replace(first[one.id], state=State.OPEN)
        elif own is not None:
            part = own.finding
            told[one.id] = Standing(State.OPEN, part.condition, part.grade, part.component.box)
        else:
            now = one.standing
            told[one.id] = Standing(State.OPEN, now.condition, now.grade, now.box)
    return told


def standing_decision(made: Sequence[Made]) -> Made | None:
    """Return the newest decision that was not taken back, or None."""
    standing = [one for one in made if one.act is not Act.UNDO and not one.is_undone]
    return standing[-1] if standing else None


def undoable(connection: Connection, ids: Sequence[int], reader: Reader) -> set[int]:
    """Return those items whose newest standing decision is the reader's own."""
    taken_back = select(decision.c.undoes).where(decision.c.undoes.is_not(None))
    query = (
        select(decision.c.item_id, decision.c.made_by)
        .where(
            decision.c.item_id.in_(ids),
            decision.c.act != str(Act.UNDO),
            decision.c.id.not_in(taken_back.where(decision.c.item_id.in_(ids))),
        )
        .order_by(decision.c.item_id, decision.c.version)
    )
    newest = {row.item_id: row.made_by for row in connection.execute(query)}
    return {item_id for item_id, name in newest.items() if name == reader.name}


def versions_of(connection: Connection, item: Item) -> Versions:
    """Return what an item was found with; people are model and rules of what they drew."""
    if item.origin is Origin.MANUAL:
        taxonomy = select(run.c.taxonomy).where(run.c.id == item.run_id)
        return Versions(MANUAL, MANUAL, str(connection.execute(taxonomy).scalar_one()))
    columns = ("model", "rules", "taxonomy")
    if item.finding_id is not None:
        query = select(*(finding.c[name] for name in columns))
        return Versions(*connection.execute(query.where(finding.c.id == item.finding_id)).one())
    query = select(*(run.c[name] for name in columns)).where(run.c.id == item.run_id)
    return Versions(*connection.execute(query).one())


def place_row(photograph: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Return where an item is, from the row of its photograph."""
    return {
        "line": photograph["mast_line"] or "",
        "direction": photograph["mast_direction"] or "",
        "section": photograph["mast_section"] or "",
        "mast_number": photograph["mast_number"] or "",
        "kilometre_m": photograph["kilometre_m"],
        "camera": photograph["camera"],
        "view": photograph["view"],
    }


def _drawn_name(image_id: str, drawn: Drawn) -> str:
    """Return a name that no part of a scan has."""
    box = drawn.box
    corners = f"{box.x0:.1f} {box.y0:.1f} {box.x1:.1f} {box.y1:.1f}"
    text = f"{image_id}\n{drawn.component}\n{drawn.wish.condition}\n{corners}"
    return f"m-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:12]}"


def _require_inside(item: Item, box: Box) -> None:
    if item.width and box.clipped(item.width, item.height) != box:
        raise RefusedError("invalid", "box: it must lie within the photograph", item.id)


def _checked(
    tx: Connection, wanted: Sequence[tuple[int, int]], reader: Reader, now: datetime
) -> list[Item]:
    """Return items that are as the reader saw them, and held by nobody else."""
    ids = [item_id for item_id, _ in wanted]
    if len(set(ids)) < len(ids):
        raise RefusedError("invalid", "decisions: an item is named twice")
    # Several servers on one PostgreSQL: nobody decides between the look and the write.
    audit.hold(tx)
    tx.execute(select(review_item.c.id).where(review_item.c.id.in_(ids)).with_for_update()).all()
    items = review_items.by_ids(tx, ids)
    if len(items) < len(ids):
        missing = sorted(set(ids) - {one.id for one in items})
        raise RefusedError("not_found", f"there is no item {missing[0]}")
    if merged := [one for one in items if one.merged_into is not None]:
        told = f"this is one part with item {merged[0].merged_into}; decide on that"
        raise RefusedError("stale", told, *(one.id for one in merged))
    stale = [one for one, (_, seen) in zip(items, wanted, strict=True) if one.version != seen]
    if stale:
        told = f"{len(stale)} of {len(items)} items were decided since they were shown"
        raise RefusedError("stale", told, *(one.id for one in stale))
    held = [one for one in items if one.holder(now) not in (None, reader.name)]
    if held:
        raise RefusedError(
            "leased", f"{held[0].held_by} is deciding on this", *(one.id for one in held)
        )
    return items


@dataclass(frozen=True, slots=True)
class _Row:
    """Who does what."""

    reader: Reader
    stage: Stage
    act: Act
    note: str
    undoes: int | None = None


def _keep(
    tx: Connection, item: Item, row: _Row, after: Standing, rules: Rules, now: datetime
) -> None:
    """Write a decision, what stands from then on, and the row of the trail."""
    versions = versions_of(tx, item)
    values = {
        "item_id": item.id,
        "made_at": stored(now),
        "made_by": row.reader.name,
        "role": str(row.reader.role),
        "stage": str(row.stage),
        "act": str(row.act),
        "undoes": row.undoes,
        "note": row.note,
        "version": item.version + 1,
        "before": text_of(item.standing),
        "after": text_of(after),
        "model": versions.model,
        "rules": versions.rules,
        "taxonomy": rules.taxonomy.version,
    }
    added = tx.execute(insert(decision).values(values).returning(decision.c.id))
    number = int(added.scalar_one())
    changed = standing_row(after)
    changed |= {"version": item.version + 1, "held_by": None, "held_until": None}
    own = (review_item.c.id == item.id, review_item.c.version == item.version)
    if tx.execute(update(review_item).where(*own).values(changed)).rowcount != 1:
        raise RefusedError("stale", "the item was decided at the same moment", item.id)
    audit.append_decision(tx, number, now, row.reader.name)
    defect_steps.follow(tx, item, after, By(row.reader, now, rules.deadlines, number))


def text_of(standing: Standing) -> str:
    """Return what stood, as `decision.before` and `decision.after` hold it."""
    told = standing_row(standing)
    if standing.decided_at is not None:
        told["decided_at"] = standing.decided_at.isoformat()
    return audit.canonical(told)


def standing_from(text: str) -> Standing:
    """Return what `decision.before` and `decision.after` hold."""
    told = json.loads(text)
    return Standing(
        State(told["state"]),
        told["condition"],
        told["grade"],
        Box(told["x0"], told["y0"], told["x1"], told["y1"]),
        told["reviewer"] or None,
        told["decided_at"] and datetime.fromisoformat(told["decided_at"]),
        told["note"],
        told["first_by"],
        told["first_said"] and Decision(told["first_said"]),
        told["second_by"],
    )


def _made(row: RowMapping, is_undone: bool, is_blind: bool) -> Made:
    return Made(
        row["id"],
        row["made_at"].replace(tzinfo=UTC),
        row["made_by"],
        Role(row["role"]),
        Stage(row["stage"]),
        Act(row["act"]),
        row["note"],
        row["version"],
        standing_from(row["before"]),
        standing_from(row["after"]),
        is_undone,
        is_blind,
        Versions(row["model"], row["rules"], row["taxonomy"]),
    )
