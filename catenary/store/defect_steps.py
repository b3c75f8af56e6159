"""Steps of defects: made once, never changed, each with its row in the trail."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update

from catenary.domain import defect_loop as loop
from catenary.domain.defect_loop import Deadlines, LoopStanding, LoopState, Step, StepWish
from catenary.domain.review import Reader, RefusedError, Standing, State
from catenary.store import audit, defects, review_items
from catenary.store.defects import Defect, standing_of, standing_row, written
from catenary.store.review_items import Item, stored
from catenary.store.schema import defect, defect_step, review_item, run


@dataclass(frozen=True, slots=True)
class By:
    """By whom, when and under which deadlines steps are made.

    Attributes:
        reader: Who.
        now: When, UTC.
        deadlines: By grade.
        decision_id: Row of the decision that makes them by itself; None for what was asked for.
    """

    reader: Reader
    now: datetime
    deadlines: Deadlines
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A defect that this transaction may change."""

    id: int
    item_id: int
    version: int
    standing: LoopStanding


def make(tx: Connection, defect_id: int, version: int, wish: StepWish, by: By) -> Defect:
    """Make a step that was asked for.

    Args:
        tx: Transaction; must not be kept when this raises.
        defect_id: Row of the defect.
        version: That was seen when the step was asked for.
        wish: What to do.
        by: Who and when.

    Returns:
        The defect as it stands now.

    Raises:
        RefusedError: ``"not_found"``, ``"stale"``, ``"role"`` or ``"invalid"``.
    """
    audit.hold(tx)
    held = _need(tx, defect_id)
    if held.version != version:
        told = f"the defect is at version {held.version}, not {version}; fetch it again"
        raise RefusedError("stale", told)
    if (no := loop.refusal(by.reader, held.standing, wish, by.now)) is not None:
        raise RefusedError(*no)
    if wish.step is Step.SAME_AS:
        _join(tx, held, wish, by)
    else:
        after = loop.stepped(held.standing, wish, by.now, by.deadlines)
        _put(tx, held, _Done(wish.step, after, wish.note, held.standing.joined_to), by)
        if wish.step is Step.SPLIT:
            _lose(tx, held.standing.joined_to, held.id, by)
    return defects.one(tx, defect_id)


def follow(tx: Connection, item: Item, after: Standing, by: By) -> None:
    """Register, amend or withdraw the defect of an item after a decision on it.

    Args:
        tx: Also made the decision.
        item: As it was before.
        after: What stands on it now.
        by: Who decided, when, and the row of the decision.
    """
    held = _held_of(tx, item.id)
    is_gone = held is None or held.standing.state is LoopState.WITHDRAWN
    if after.state is not State.CONFIRMED:
        if held is not None and not is_gone:
            _withdraw(tx, held, by)
        return
    now = replace(item, standing=after)
    if held is None:
        _register(tx, now, by)
    elif is_gone:
        _put(tx, held, _Done(Step.REGISTER, _anew(tx, now, by)), by)
    else:
        _amend(tx, held, after, by)


def unite(tx: Connection, item: Item, keeper: Item, by: By) -> None:
    """Make the defect of an item a sighting of that of another: both are one part.

    Args:
        tx: Also merged the items.
        item: That is shown no more.
        keeper: That goes on, as it stands now.
        by: Who found out, and when.
    """
    held, root = _held_of(tx, item.id), _held_of(tx, keeper.id)
    if root is not None and root.standing.joined_to is not None:
        root = _held(tx, root.standing.joined_to)
    if held is None or held.standing.state is LoopState.WITHDRAWN:
        return
    if root is None or root.standing.state is LoopState.WITHDRAWN:
        _withdraw(tx, held, by)
    elif root.id not in (held.id, held.standing.joined_to):
        _join_into(tx, held, root, StepWish(Step.SAME_AS, of=root.id), by)


def stand_alone(tx: Connection, item: Item, by: By) -> None:
    """Make the defect of an item that was merged one by itself again."""
    held = _held_of(tx, item.id)
    if held is None or held.standing.state is not LoopState.JOINED:
        follow(tx, item, item.standing, by)
        return
    root = held.standing.joined_to
    _put(tx, held, _Done(Step.SPLIT, _anew(tx, item, by), other=root), by)
    _lose(tx, root, held.id, by)


def _register(tx: Connection, item: Item, by: By) -> None:
    standing = _anew(tx, item, by)
    values = {
        "item_id": item.id,
        **defects.place_row(item),
        "version": 1,
        "changed_at": stored(by.now),
        "changed_by": by.reader.name,
    }
    row = insert(defect).values(values | standing_row(standing))
    number = int(tx.execute(row.returning(defect.c.id)).scalar_one())
    _trail(tx, _Held(number, item.id, 0, standing), _Done(Step.REGISTER, standing), by)


def _anew(tx: Connection, item: Item, by: By) -> LoopStanding:
    """Return what stands on a defect that begins, with the earlier one it may be."""
    suspects = defects.earlier_alike(tx, item)
    return loop.registered(
        item.standing.condition,
        _graded(item.standing),
        by.now,
        by.deadlines,
        suspects[0] if suspects else None,
    )


def _amend(tx: Connection, held: _Held, after: Standing, by: By) -> None:
    """Give a defect the condition and grade that its item got."""
    if held.standing.joined_to is not None:
        amended = loop.amended(held.standing, after.condition, _graded(after), by.deadlines)
        if amended != held.standing:
            _put(tx, held, _Done(Step.AMEND, amended), by)
        held = _need(tx, held.standing.joined_to)
    amended = loop.amended(held.standing, *_summed(tx, held.id), by.deadlines)
    if amended != held.standing:
        _put(tx, held, _Done(Step.AMEND, amended), by)


def _withdraw(tx: Connection, held: _Held, by: By) -> None:
    """Withdraw a defect; what was joined into it stands by itself again."""
    root = held.standing.joined_to
    _put(tx, held, _Done(Step.WITHDRAW, loop.withdrawn(held.standing), other=root), by)
    if root is not None:
        _lose(tx, root, held.id, by)
    about = or_(defect.c.joined_to == held.id, defect.c.suspected_of == held.id)
    rows = tx.execute(select(defect.c.id).where(about).order_by(defect.c.id)).scalars().all()
    for other in [_need(tx, one) for one in rows]:
        if other.standing.joined_to == held.id:
            (item,) = review_items.by_ids(tx, [other.item_id])
            alone = _anew(tx, item, by)
            _put(tx, other, _Done(Step.SPLIT, alone, other=held.id), by)
        else:
            alone = replace(other.standing, suspected_of=None)
            _put(tx, other, _Done(Step.NOT_SAME, alone, other=held.id), by)


def _join(tx: Connection, held: _Held, wish: StepWish, by: By) -> None:
    """Make a defect, with what was joined into it, a sighting of the one that is meant."""
    _join_into(tx, held, _target(tx, held, wish), wish, by)


def _join_into(tx: Connection, held: _Held, root: _Held, wish: StepWish, by: By) -> None:
    below = select(defect.c.id).where(defect.c.joined_to == held.id).order_by(defect.c.id)
    joining = [held, *(_need(tx, one) for one in tx.execute(below).scalars().all())]
    for one in joining:
        after = replace(one.standing, state=LoopState.JOINED, joined_to=root.id)
        _put(tx, one, _Done(Step.SAME_AS, after, wish.note, root.id), by)
    condition, grade = _summed(tx, root.id)
    after = loop.seen_again(root.standing, condition, grade, by.now, by.deadlines)
    _put(tx, root, _Done(Step.SEEN_AGAIN, after, wish.note, held.id), by)


def _target(tx: Connection, held: _Held, wish: StepWish) -> _Held:
    wanted = held.standing.suspected_of if wish.of is None else wish.of
    root = None if wanted is None else _held(tx, wanted)
    if root is not None and root.standing.joined_to is not None:
        root = _held(tx, root.standing.joined_to)
    if root is None:
        raise RefusedError("no_defect", f"of: there is no defect {wanted}")
    if root.id == held.id or root.standing.state is LoopState.WITHDRAWN:
        raise RefusedError("no_defect", f"of: defect {root.id} is this one, or withdrawn")
    mine, its = review_items.by_ids(tx, [held.item_id, root.item_id])
    if (mine.mast, mine.component) != (its.mast, its.component) or mine.mast is None:
        raise RefusedError("other_part", f"of: defect {root.id} is at another mast or part kind")
    return root


def _lose(tx: Connection, root_id: int | None, sighting: int, by: By) -> None:
    """Give a defect back what stands without one of its sightings."""
    if root_id is None:
        return
    root = _need(tx, root_id)
    after = loop.amended(root.standing, *_summed(tx, root.id), by.deadlines)
    _put(tx, root, _Done(Step.LOST_SIGHTING, after, other=sighting), by)


def _summed(tx: Connection, root_id: int) -> tuple[str, int]:
    """Return the condition of the newest sighting and the worst grade of all."""
    query = (
        select(review_item.c.condition, review_item.c.grade)
        .join(defect, defect.c.item_id == review_item.c.id)
        .join(run, run.c.id == review_item.c.run_id)
        .where(or_(defect.c.id == root_id, defect.c.joined_to == root_id))
        .order_by(run.c.date, run.c.id, defect.c.id.desc())
    )
    told = [tuple(row) for row in tx.execute(query)]
    return told[-1][0], min(3 if grade is None else grade for _, grade in told)


def _graded(standing: Standing) -> int:
    return 3 if standing.grade is None else standing.grade  # confirmed ones have a grade


@dataclass(frozen=True, slots=True)
class _Done:
    """A step with what stands after it."""

    step: Step
    after: LoopStanding
    note: str = ""
    other: int | None = None


def _put(tx: Connection, held: _Held, done: _Done, by: By) -> None:
    """Write what stands from now on, the step, and the row of the trail."""
    values = standing_row(done.after) | {
        "version": held.version + 1,
        "changed_at": stored(by.now),
        "changed_by": by.reader.name,
    }
    own = (defect.c.id == held.id, defect.c.version == held.version)
    if tx.execute(update(defect).where(*own).values(values)).rowcount != 1:
        raise RefusedError("stale", f"defect {held.id} was changed at the same moment")
    _trail(tx, held, done, by)


def _trail(tx: Connection, held: _Held, done: _Done, by: By) -> None:
    row = {
        "defect_id": held.id,
        "version": held.version + 1,
        "step": str(done.step),
        "made_at": stored(by.now),
        "made_by": by.reader.name,
        "role": str(by.reader.role),
        "note": done.note,
        "before": written(held.standing) if held.version else None,
        "after": written(done.after),
        "other": done.other,
        "decision_id": by.decision_id,
    }
    number = tx.execute(insert(defect_step).values(row).returning(defect_step.c.id)).scalar_one()
    audit.append_step(tx, int(number), by.now, by.reader.name)


def _held(tx: Connection, defect_id: int) -> _Held | None:
    """Return a defect; several servers on one PostgreSQL wait for each other here."""
    query = select(defect).where(defect.c.id == defect_id).with_for_update()
    row = tx.execute(query).mappings().one_or_none()
    return (
        None if row is None else _Held(row["id"], row["item_id"], row["version"], standing_of(row))
    )


def _held_of(tx: Connection, item_id: int) -> _Held | None:
    own = tx.execute(select(defect.c.id).where(defect.c.item_id == item_id)).scalar()
    return None if own is None else _held(tx, own)


def _need(tx: Connection, defect_id: int) -> _Held:
    held = _held(tx, defect_id)
    if held is None:
        raise RefusedError("not_found", f"there is no defect {defect_id}")
    return held
