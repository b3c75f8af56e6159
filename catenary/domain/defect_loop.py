"""The closed loop 闭环 of a confirmed defect: its states, steps, deadlines and who may do what.

No database and no page here; see docs/review.md for the same in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from catenary.domain.errors import ImpossibleSettingsError, Mistake
from catenary.domain.review import Reader, Right, State


class LoopState(StrEnum):
    """Where a defect stands."""

    REGISTERED = "registered"  # 已登记
    DISPATCHED = "dispatched"  # 已下发
    REPAIRED = "repaired"  # 已整改
    REINSPECTED = "reinspected"  # 已复核
    CLOSED = "closed"  # 已销号
    JOINED = "joined"  # into an earlier defect, as another sighting of it
    WITHDRAWN = "withdrawn"  # the decision that made it was taken back


OPEN = (LoopState.REGISTERED, LoopState.DISPATCHED, LoopState.REPAIRED, LoopState.REINSPECTED)
LISTED = (*OPEN, LoopState.CLOSED)  # what lists show unless asked otherwise


class Step(StrEnum):
    """What is done with a defect, in the order in which buttons are shown."""

    DISPATCH = "dispatch"  # 下发
    REPAIR = "repair"  # 整改
    REINSPECT = "reinspect"  # 复核
    CLOSE = "close"  # 销号
    SEND_BACK = "send_back"  # 退回
    EXTEND = "extend"  # 延期
    REOPEN = "reopen"
    SAME_AS = "same_as"
    NOT_SAME = "not_same"
    SPLIT = "split"
    # Made by themselves, never asked for:
    REGISTER = "register"
    AMEND = "amend"
    WITHDRAW = "withdraw"
    SEEN_AGAIN = "seen_again"
    LOST_SIGHTING = "lost_sighting"


class Conclusion(StrEnum):
    """What a repair came to."""

    REPAIRED = "repaired"
    NOTHING_FOUND = "nothing_found"  # 查无异常


class Field(StrEnum):
    """What a step may be asked with."""

    NOTE = "note"
    CONCLUSION = "conclusion"
    DUE = "due"
    OF = "of"


class Found(StrEnum):
    """What a later run says at the place of a defect."""

    CONFIRMED = "confirmed"
    WAITING = "waiting"
    OBSERVED = "observed"
    CANNOT_JUDGE = "cannot_judge"
    REJECTED = "rejected"
    NOTHING = "nothing"  # judged, and no such part was raised
    NOT_JUDGED = "not_judged"  # photographed, but unusable or not scanned yet
    NOT_PHOTOGRAPHED = "not_photographed"


@dataclass(frozen=True, slots=True)
class Days:
    """How long a defect of one grade may take.

    Attributes:
        repair_days: From registration to the repair 整改, days.
        reinspect_days: From the repair to the reinspection 复核, days.
    """

    repair_days: float
    reinspect_days: float


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What `configs/closed_loop.yaml` holds.

    All numbers are our starting values, not regulation: a railway sets its own.

    Attributes:
        grade_1: Of 一级缺陷.
        grade_2: Of 二级缺陷.
        grade_3: Of what is only observed.
    """

    grade_1: Days = Days(3.0, 7.0)
    grade_2: Days = Days(30.0, 30.0)
    grade_3: Days = Days(90.0, 90.0)

    def __post_init__(self) -> None:
        """Refuse no time at all, and a worse grade that may take longer."""
        mistakes: list[Mistake] = []
        for name in Days.__slots__:
            days = [getattr(self.of(grade), name) for grade in (1, 2, 3)]
            mistakes += [
                (f"grade_{grade}.{name}", f"must be from 0.01 to 3650 days, got {one:g}")
                for grade, one in enumerate(days, 1)
                if not 0.01 <= one <= 3650
            ]
            if not days[0] <= days[1] <= days[2]:
                told = f"a worse grade may not take longer than a milder one, got {days}"
                mistakes.append((f"grade_1.{name}", told))
        if mistakes:
            raise ImpossibleSettingsError(mistakes)

    def of(self, grade: int) -> Days:
        """Return the days of a grade, 1 to 3."""
        return (self.grade_1, self.grade_2, self.grade_3)[grade - 1]


@dataclass(frozen=True, slots=True)
class LoopStanding:
    """What stands on a defect: all that a step changes. Times are UTC.

    Attributes:
        state: Where it stands.
        condition: Taxonomy condition; of the newest sighting.
        grade: 1, 2 or 3; the worst of its sightings.
        registered_at: When the deadline for its repair began to run.
        repair_by: Deadline of the repair.
        repaired_at: When a repair was reported; None before, and after it was sent back.
        reinspect_by: Deadline of the reinspection; None exactly when ``repaired_at`` is.
        conclusion: What the repair came to; None exactly when ``repaired_at`` is.
        suspected_of: Row of an earlier defect it may be the same as, or None.
        joined_to: Row of the defect it is a sighting of; None unless it is joined.
    """

    state: LoopState
    condition: str
    grade: int
    registered_at: datetime
    repair_by: datetime
    repaired_at: datetime | None = None
    reinspect_by: datetime | None = None
    conclusion: Conclusion | None = None
    suspected_of: int | None = None
    joined_to: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no walk of steps can lead to."""
        repair = (self.repaired_at, self.reinspect_by, self.conclusion)
        if len({one is None for one in repair}) != 1:
            raise ValueError(f"a repair needs time, deadline and conclusion, or none: {self}")
        if (self.state is LoopState.JOINED) != (self.joined_to is not None):
            raise ValueError(f"JOINED needs joined_to, others must not have it: {self}")
        is_later = self.state in (LoopState.REPAIRED, LoopState.REINSPECTED, LoopState.CLOSED)
        if self.repaired_at is None and is_later:
            raise ValueError(f"{self.state} needs a repair: {self}")
        if not 1 <= self.grade <= 3 or not self.registered_at < self.repair_by:
            raise ValueError(f"grade must be 1 to 3 and the deadline after registration: {self}")

    @property
    def due(self) -> datetime | None:
        """The deadline that counts now; None where nothing is waited for."""
        if self.state in (LoopState.REGISTERED, LoopState.DISPATCHED):
            return self.repair_by
        return self.reinspect_by if self.state is LoopState.REPAIRED else None

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether the deadline that counts has passed."""
        return self.due is not None and self.due < now


@dataclass(frozen=True, slots=True)
class StepWish:
    """What somebody asks to do with a defect.

    Attributes:
        step: What.
        note: The reason; may be empty where none is asked for.
        conclusion: Of a repair, else None.
        due: Of an extension, UTC, else None.
        of: Row of the defect that this is the same as; None: the suspected one.
    """

    step: Step
    note: str = ""
    conclusion: Conclusion | None = None
    due: datetime | None = None
    of: int | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a step may be made, by whom, and what it is asked with."""

    sources: tuple[LoopState, ...]
    right: Right
    needs: tuple[Field, ...] = ()
    may_have: tuple[Field, ...] = ()


_WAITING = (LoopState.REGISTERED, LoopState.DISPATCHED)
_WAYS: Mapping[Step, _Way] = {
    Step.DISPATCH: _Way((LoopState.REGISTERED,), Right.SETTLE, (), (Field.NOTE,)),
    Step.REPAIR: _Way((LoopState.DISPATCHED,), Right.DECIDE, (Field.CONCLUSION,), (Field.NOTE,)),
    Step.REINSPECT: _Way((LoopState.REPAIRED,), Right.DECIDE, (), (Field.NOTE,)),
    Step.CLOSE: _Way((LoopState.REINSPECTED,), Right.SETTLE, (), (Field.NOTE,)),
    Step.SEND_BACK: _Way(OPEN[1:], Right.SETTLE, (Field.NOTE,)),
    Step.EXTEND: _Way(OPEN[:3], Right.SETTLE, (Field.DUE, Field.NOTE)),
    Step.REOPEN: _Way((LoopState.CLOSED,), Right.SETTLE, (Field.NOTE,)),
    Step.SAME_AS: _Way(_WAITING, Right.DECIDE, (), (Field.OF, Field.NOTE)),
    Step.NOT_SAME: _Way(OPEN, Right.DECIDE, (), (Field.NOTE,)),
    Step.SPLIT: _Way((LoopState.JOINED,), Right.SETTLE, (Field.NOTE,)),
}
ASKED = tuple(_WAYS)  # the steps that a person can ask for
_ON = dict(zip(OPEN, (*OPEN[1:], LoopState.CLOSED), strict=True))
_BACK = dict(zip(OPEN[1:], OPEN, strict=False))


@dataclass(frozen=True, slots=True)
class AllowedStep:
    """A step that somebody may make now.

    Attributes:
        step: What.
        needs: Fields that must be given.
        may_have: Fields that may be given.
    """

    step: Step
    needs: tuple[Field, ...]
    may_have: tuple[Field, ...]


def allowed(reader: Reader, now: LoopStanding) -> list[AllowedStep]:
    """Return the steps that a reader may make, in the order to show them."""
    return [
        _asked_with(step, now) for step, way in _WAYS.items() if _barred(reader, now, step) is None
    ]


def refusal(
    reader: Reader, now: LoopStanding, wish: StepWish, at: datetime
) -> tuple[str, str] | None:
    """Return why a step is not made: code and sentence; None when it may be.

    Args:
        reader: Who asks.
        now: What stands.
        wish: What is asked.
        at: When, UTC.
    """
    if (no := _barred(reader, now, wish.step)) is not None:
        return no
    given = {
        Field.NOTE: bool(wish.note.strip()),
        Field.CONCLUSION: wish.conclusion is not None,
        Field.DUE: wish.due is not None,
        Field.OF: wish.of is not None,
    }
    asked = _asked_with(wish.step, now)
    if missing := [one for one in asked.needs if not given[one]]:
        return "invalid", f"{missing[0]}: {wish.step} needs it"
    others = [one for one in Field if given[one] and one not in asked.needs + asked.may_have]
    if others:
        return "invalid", f"{others[0]}: {wish.step} takes none"
    if wish.due is not None and now.due is not None and not max(now.due, at) < wish.due:
        return "too_early", f"due: must be later than now and than {now.due.isoformat()}"
    return None


def _barred(reader: Reader, now: LoopStanding, step: Step) -> tuple[str, str] | None:
    way = _WAYS.get(step)
    if way is None:
        return "invalid", f"step: {step} is made by itself"
    if not reader.may(way.right):
        return "role", f"the role {reader.role} may not {step}"
    if now.state not in way.sources:
        return "invalid", f"step: a defect that is {now.state} cannot {step}"
    if step is Step.NOT_SAME and now.suspected_of is None:
        return "invalid", "step: no other defect is suspected to be the same"
    return None


def _asked_with(step: Step, now: LoopStanding) -> AllowedStep:
    way = _WAYS[step]
    if step is Step.SAME_AS and now.suspected_of is None:
        return AllowedStep(step, (Field.OF,), (Field.NOTE,))
    return AllowedStep(step, way.needs, way.may_have)


def stepped(now: LoopStanding, wish: StepWish, at: datetime, deadlines: Deadlines) -> LoopStanding:
    """Return what stands after a step that `refusal` has nothing against.

    Args:
        now: What stood.
        wish: What is done; for `Step.SAME_AS` with ``of``.
        at: When, UTC.
        deadlines: By grade.

    Raises:
        ValueError: If the step cannot be asked for.
    """
    match wish.step:
        case Step.DISPATCH | Step.REINSPECT | Step.CLOSE:
            return replace(now, state=_ON[now.state])
        case Step.REPAIR:
            return _repaired(now, wish.conclusion, at, deadlines)
        case Step.SEND_BACK:
            return _sent_back(now)
        case Step.EXTEND if wish.due is not None:
            return _extended(now, wish.due)
        case Step.REOPEN | Step.SPLIT:
            return registered(now.condition, now.grade, at, deadlines)
        case Step.SAME_AS if wish.of is not None:
            return replace(now, state=LoopState.JOINED, joined_to=wish.of)
        case Step.NOT_SAME:
            return replace(now, suspected_of=None)
        case _:
            raise ValueError(f"{wish} is not a step that can be asked for")


def _repaired(
    now: LoopStanding, conclusion: Conclusion | None, at: datetime, deadlines: Deadlines
) -> LoopStanding:
    reinspect_by = at + timedelta(days=deadlines.of(now.grade).reinspect_days)
    return replace(
        now,
        state=LoopState.REPAIRED,
        repaired_at=at,
        reinspect_by=reinspect_by,
        conclusion=conclusion,
    )


def _extended(now: LoopStanding, due: datetime) -> LoopStanding:
    if now.state is LoopState.REPAIRED:
        return replace(now, reinspect_by=due)
    return replace(now, repair_by=due)


def _sent_back(now: LoopStanding) -> LoopStanding:
    """Return the state before; a repair that is sent back no longer counts as one."""
    before = _BACK[now.state]
    if before is LoopState.DISPATCHED:
        return replace(now, state=before, repaired_at=None, reinspect_by=None, conclusion=None)
    return replace(now, state=before)


def registered(
    condition: str,
    grade: int,
    at: datetime,
    deadlines: Deadlines,
    suspected_of: int | None = None,
) -> LoopStanding:
    """Return what stands on a defect that begins, or begins anew.

    Args:
        condition: Taxonomy condition.
        grade: 1, 2 or 3.
        at: When, UTC.
        deadlines: By grade.
        suspected_of: Row of an earlier defect it may be the same as, or None.
    """
    repair_by = at + timedelta(days=deadlines.of(grade).repair_days)
    return LoopStanding(
        LoopState.REGISTERED, condition, grade, at, repair_by, suspected_of=suspected_of
    )


def amended(now: LoopStanding, condition: str, grade: int, deadlines: Deadlines) -> LoopStanding:
    """Return what stands once condition or grade are something else.

    The deadlines become those of the grade, counted from the same moments; a milder grade takes
    no time away that was granted.
    """
    days = deadlines.of(grade)
    is_milder = grade >= now.grade

    def moved(before: datetime, began: datetime, length: float) -> datetime:
        if grade == now.grade:
            return before
        new = began + timedelta(days=length)
        return max(before, new) if is_milder else new

    repair_by = moved(now.repair_by, now.registered_at, days.repair_days)
    reinspect_by = now.reinspect_by
    if reinspect_by is not None and now.repaired_at is not None:
        reinspect_by = moved(reinspect_by, now.repaired_at, days.reinspect_days)
    return replace(
        now, condition=condition, grade=grade, repair_by=repair_by, reinspect_by=reinspect_by
    )


def seen_again(
    now: LoopStanding, condition: str, grade: int, at: datetime, deadlines: Deadlines
) -> LoopStanding:
    """Return what stands once a later run saw the defect again; a repair did not hold then.

    Args:
        now: What stood; not joined and not withdrawn.
        condition: Of the new sighting.
        grade: The worst of all sightings.
        at: When, UTC.
        deadlines: By grade.
    """
    if now.state in _WAITING:
        return amended(now, condition, grade, deadlines)
    return registered(condition, grade, at, deadlines, now.suspected_of)


def withdrawn(now: LoopStanding) -> LoopStanding:
    """Return what stands once the decision behind a defect is taken back."""
    return replace(now, state=LoopState.WITHDRAWN, suspected_of=None, joined_to=None)


# What weighs more stands first: one part of several may be meant, and nobody knows which.
_SAYS = (
    (Found.CONFIRMED, (State.CONFIRMED,)),
    (Found.WAITING, (State.OPEN, State.UNJUDGED, State.SECOND, State.DISPUTED)),
    (Found.OBSERVED, (State.OBSERVED,)),
    (Found.CANNOT_JUDGE, (State.CANNOT_JUDGE,)),
    (Found.REJECTED, (State.REJECTED,)),
)


def found(states: frozenset[State], photographs: int, judged: int) -> Found:
    """Return what a later run says at the place of a defect.

    Args:
        states: Of the items of the same kind at the mast in that run.
        photographs: Of the mast from where the defect was seen.
        judged: Those of them that were scanned and usable.

    >>> str(found(frozenset({State.REJECTED, State.OPEN}), 4, 4))
    'waiting'
    >>> str(found(frozenset(), 4, 0)), str(found(frozenset(), 0, 0))
    ('not_judged', 'not_photographed')
    """
    for told, those in _SAYS:
        if states.intersection(those):
            return told
    if judged:
        return Found.NOTHING
    return Found.NOT_JUDGED if photographs else Found.NOT_PHOTOGRAPHED
