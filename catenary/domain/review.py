"""Who may decide what on a finding, and what becomes of it; no database and no page here."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from catenary.domain.errors import CatenaryError
from catenary.domain.geometry import Box
from catenary.domain.taxonomy import Taxonomy

# What a missed defect of each grade weighs beside one of grade 1. Our starting values.
_WEIGHTS = {1: 1.0, 2: 0.6, 3: 0.3}
_NO_GRADE = 0.5  # of a part that could not be judged
_BEHIND = 1e-9  # of risk: a sample comes behind what is as risky


class Role(StrEnum):
    """What an account is for; each has the rights of those before it."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    SECOND = "second"
    LEAD = "lead"
    ADMIN = "admin"


class Right(StrEnum):
    """What a route or a decision asks for."""

    VIEW = "view"
    DECIDE = "decide"  # first readings
    SECOND = "second"  # second readings
    SETTLE = "settle"  # disputes, and decisions of others
    EXPORT = "export"  # reports to download
    STATISTICS = "statistics"  # of everybody
    ASSIGN = "assign"  # photographs to other masts
    PEOPLE = "people"  # accounts of others


_RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.REVIEWER: frozenset({Right.VIEW, Right.DECIDE, Right.EXPORT}),
    Role.SECOND: frozenset({Right.VIEW, Right.DECIDE, Right.SECOND, Right.EXPORT}),
    Role.LEAD: frozenset(Right) - {Right.PEOPLE},
    Role.ADMIN: frozenset(Right),
}


class Origin(StrEnum):
    """Why a part is in the queue."""

    SCAN = "scan"  # raised, or could not be judged
    SAMPLE = "sample"  # called normal, and shown to find out what is missed
    MANUAL = "manual"  # drawn by a reviewer


class State(StrEnum):
    """Where an item stands."""

    OPEN = "open"
    UNJUDGED = "unjudged"
    SECOND = "second"
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    OBSERVED = "observed"
    CANNOT_JUDGE = "cannot_judge"


WAITING = (State.OPEN, State.UNJUDGED, State.SECOND, State.DISPUTED)


class Decision(StrEnum):
    """What a reader says."""

    CONFIRM = "confirm"
    REJECT = "reject"
    OBSERVE = "observe"  # 待观察
    CANNOT_JUDGE = "cannot_judge"


class Act(StrEnum):
    """What a row of the trail records: a decision, or what is done beside one."""

    CONFIRM = "confirm"
    REJECT = "reject"
    OBSERVE = "observe"
    CANNOT_JUDGE = "cannot_judge"
    UNDO = "undo"
    DRAW = "draw"


class Stage(StrEnum):
    """Which reading a decision is."""

    FIRST = "first"
    SECOND = "second"
    SETTLE = "settle"
    REVISE = "revise"


_CLOSED = {
    Decision.CONFIRM: State.CONFIRMED,
    Decision.REJECT: State.REJECTED,
    Decision.OBSERVE: State.OBSERVED,
    Decision.CANNOT_JUDGE: State.CANNOT_JUDGE,
}
_STAGES = {
    State.OPEN: Stage.FIRST,
    State.UNJUDGED: Stage.FIRST,
    State.SECOND: Stage.SECOND,
    State.DISPUTED: Stage.SETTLE,
}
_RIGHT_FOR = {
    Stage.FIRST: Right.DECIDE,
    Stage.SECOND: Right.SECOND,
    Stage.SETTLE: Right.SETTLE,
    Stage.REVISE: Right.DECIDE,
}


NO_PART = "no_part"  # condition of a rejected item where there is no such part at all


class RefusedError(CatenaryError):
    """A decision, or a change of an account, that is not taken.

    Attributes:
        code: Short stable reason, such as ``"stale"``; docs/review.md lists them.
        items: Rows of the items it is about.
    """

    def __init__(self, code: str, message: str, *items: int) -> None:
        """Keep the code beside the sentence for people."""
        super().__init__(message)
        self.code = code
        self.items = items


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: name and role of an account, or of whoever sits at a machine without accounts."""

    name: str
    role: Role

    def may(self, right: Right) -> bool:
        """Tell whether the role has the right."""
        return right in _RIGHTS[self.role]


LOCAL = Reader("local", Role.ADMIN)  # while a workspace has no accounts
# Who makes what follows from a decision without anybody asking; nobody can log in as it.
PROGRAM = Reader("catenary", Role.REVIEWER)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on an item: all that a decision changes, and an undo brings back.

    Attributes:
        state: Where it stands.
        condition: Taxonomy condition, ``"normal"`` or ``"unusual"``.
        grade: 1, 2, 3 or None.
        box: Full-frame pixels of the leading photograph.
        reviewer: Who made the decision that stands, or None.
        decided_at: When, UTC, or None.
        note: What was noted with it; may be empty.
        first_by: First reader of a second reading or dispute, or None.
        first_said: What the first reader said, or None.
        second_by: Second reader of a dispute, or None.
    """

    state: State
    condition: str
    grade: int | None
    box: Box
    reviewer: str | None = None
    decided_at: datetime | None = None
    note: str = ""
    first_by: str | None = None
    first_said: Decision | None = None
    second_by: str | None = None


@dataclass(frozen=True, slots=True)
class Saying:
    """What a reader says of an item, complete.

    Attributes:
        decision: What.
        condition: Of the item from then on.
        grade: The same.
        box: The same.
        note: May be empty.
    """

    decision: Decision
    condition: str
    grade: int | None
    box: Box
    note: str = ""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """Which decisions a second reader looks at.

    Attributes:
        is_on: False where one person works alone.
        confirmed_share: Of confirmed items, in [0, 1].
        rejected_share: Of all others, in [0, 1].
    """

    is_on: bool = False
    confirmed_share: float = 1.0
    rejected_share: float = 0.1

    def wants(self, decision: Decision, name: str) -> bool:
        """Tell whether a decision on the part of that name is read again; always the same."""
        share = self.confirmed_share if decision is Decision.CONFIRM else self.rejected_share
        return self.is_on and chance(f"second {name}") < share


def chance(text: str) -> float:
    """Return a number in [0, 1) that is the same for the same text, and even over many.

    >>> 0 <= chance("part") < 1 and chance("part") == chance("part")
    True
    """
    return int(hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12], 16) / 16**12


def stage_of(state: State) -> Stage:
    """Return which reading a decision on an item in this state is."""
    return _STAGES.get(state, Stage.REVISE)


def refusal(reader: Reader, now: Standing) -> tuple[str, str] | None:
    """Return why a reader may not decide on an item: code and sentence; None when they may."""
    stage = stage_of(now.state)
    if not reader.may(_RIGHT_FOR[stage]):
        return "role", f"the role {reader.role} may not decide what is {now.state}"
    if stage is Stage.SECOND and reader.name == now.first_by:
        return "own_reading", "a second reading is made by somebody else than the first"
    if stage is Stage.SETTLE:
        is_party = reader.name in (now.first_by, now.second_by)
        if is_party and reader.role is not Role.ADMIN:
            return "own_reading", "a dispute is settled by neither of its two readers"
    if stage is Stage.REVISE and reader.name != now.reviewer and not reader.may(Right.SETTLE):
        return "not_yours", f"decided by {now.reviewer}; only they or a lead may decide anew"
    return None


def is_blind(saying: Saying, earlier: Sequence[Saying]) -> bool:
    """Tell whether a second reading was made without knowing the first one.

    Who took a second reading back has been told the first. Saying the same again adds nothing that
    the blind reading did not say; anything else may be said because of what was seen.

    Args:
        saying: What is said now.
        earlier: What the same reader said in second readings of the same item before, oldest first.
    """
    return not earlier or _same(saying, earlier[0])


def decided(
    now: Standing,
    saying: Saying,
    reader: Reader,
    wants_second: bool,
    at: datetime,
    was_blind: bool = True,
) -> Standing:
    """Return what stands after a decision that `refusal` has nothing against.

    Args:
        now: What stood.
        saying: What is said.
        reader: By whom.
        wants_second: Whether a first reading that says so is read again.
        at: When, UTC.
        was_blind: Whether a second reading is one, see `is_blind`; others go to a lead.
    """
    stage = stage_of(now.state)
    is_final = stage is Stage.SETTLE or (stage is Stage.REVISE and reader.may(Right.SETTLE))
    state, first_by, first_said, second_by = _CLOSED[saying.decision], None, None, None
    if stage is Stage.SECOND:
        first_by, first_said, second_by = now.first_by, now.first_said, reader.name
        if not (was_blind and _agrees(now, saying)):
            state = State.DISPUTED
    elif stage is Stage.SETTLE:
        first_by, first_said, second_by = now.first_by, now.first_said, now.second_by
    elif wants_second and not is_final:
        state, first_by, first_said = State.SECOND, reader.name, saying.decision
    return Standing(
        state,
        saying.condition,
        saying.grade,
        saying.box,
        reader.name,
        at,
        saying.note,
        first_by,
        first_said,
        second_by,
    )


def _agrees(now: Standing, saying: Saying) -> bool:
    said = now.first_said
    return said is not None and _same(saying, Saying(said, now.condition, now.grade, now.box))


def _same(one: Saying, other: Saying) -> bool:
    if one.decision is not other.decision:
        return False
    same = (one.condition, one.grade) == (other.condition, other.grade)
    return same or one.decision is not Decision.CONFIRM


# Of several decisions on one part the first of these goes on: what is more serious.
_SERIOUS = (
    State.DISPUTED,
    State.CONFIRMED,
    State.SECOND,
    State.OBSERVED,
    State.REJECTED,
    State.CANNOT_JUDGE,
    State.OPEN,
    State.UNJUDGED,
)


def merged(standings: Sequence[Standing]) -> tuple[int, Standing]:
    """Return which of several items on one part goes on, and what stands on it then.

    The most serious stands. A part that one reader confirmed and another rejected is disputed: a
    lead settles it, as where both had read one item.

    Args:
        standings: Of the items that turned out to be one part, at least one; of equal ones the
            first goes on.
    """
    keeper = min(range(len(standings)), key=lambda n: _SERIOUS.index(standings[n].state))
    now = standings[keeper]
    others = (one for one in standings if _said(one) is Decision.REJECT)
    against = next(others, None) if _said(now) is Decision.CONFIRM else None
    if against is None:
        return keeper, now
    return keeper, replace(
        now,
        state=State.DISPUTED,
        first_by=now.first_by or now.reviewer,
        first_said=Decision.CONFIRM,
        second_by=against.reviewer,
    )


def _said(one: Standing) -> Decision | None:
    """Return the decision that stands, be it read a second time or not."""
    if one.state is State.SECOND:
        return one.first_said
    return next((said for said, state in _CLOSED.items() if state is one.state), None)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks to decide; None keeps what stands.

    Attributes:
        decision: What.
        condition: Taxonomy condition.
        grade: 1, 2 or 3.
        box: Full-frame pixels.
        note: May be empty.
    """

    decision: Decision
    condition: str | None = None
    grade: int | None = None
    box: Box | None = None
    note: str = ""


def completed(wish: Wish, component: str, now: Standing, taxonomy: Taxonomy) -> Saying:
    """Return a wish with what it leaves open taken from what stands and from the taxonomy.

    Raises:
        RefusedError: ``"invalid"``, where the taxonomy has no such condition of that component.
    """
    condition = now.condition if wish.condition is None else wish.condition
    grade = now.grade if wish.grade is None else wish.grade
    if wish.decision is Decision.REJECT and condition == NO_PART:
        return Saying(wish.decision, condition, None, wish.box or now.box, wish.note)
    if wish.decision is Decision.CONFIRM or wish.condition is not None:
        try:
            known = taxonomy.condition(component, condition)
        except LookupError as error:
            raise RefusedError("invalid", f"condition: {error.args[0]}") from error
        if wish.grade is None and (grade is None or condition != now.condition):
            grade = known.grade
    return Saying(wish.decision, condition, grade, wish.box or now.box, wish.note)


@dataclass(frozen=True, slots=True)
class Worth:
    """What the place of an item in the queue depends on.

    Attributes:
        origin: Why it is there.
        probability: Calibrated, of a defect, in [0, 1]; None where none could be given.
        grade: 1, 2, 3 or None.
        name: Of the part; samples are strewn among the others by it.
        among: Of a sample: risks of what the scan raised, the greatest first. A sample comes behind
            one of them, never before all.
    """

    origin: Origin
    probability: float | None
    grade: int | None
    name: str
    among: Sequence[float] = ()


def priority(worth: Worth, entered_at: datetime, ageing_days: float) -> float:
    """Return where an item stands in the queue; greater comes first.

    Risk is probability times the weight of the grade, in [0, 1]. Each day of waiting adds
    1 / ``ageing_days``, so that nothing waits longer than that beyond what comes later. All items
    age alike, so their order never changes and the number is stored once.

    >>> from datetime import UTC
    >>> early, late = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)
    >>> weak, strong = (Worth(Origin.SCAN, each, 1, "") for each in (0.1, 0.9))
    >>> priority(strong, early, 14) > priority(weak, early, 14) > priority(strong, late, 14)
    True
    """
    return risk(worth) - entered_at.timestamp() / 86400 / ageing_days


def risk(worth: Worth) -> float:
    """Return what missing an item would cost, in [0, 1]; for samples see `Worth.among`."""
    if worth.origin is Origin.SAMPLE:
        return _strewn(worth.name, worth.among)
    weight = _NO_GRADE if worth.grade is None else _WEIGHTS.get(worth.grade, _NO_GRADE)
    return weight * (0.0 if worth.probability is None else worth.probability)


def _strewn(name: str, among: Sequence[float]) -> float:
    """Return a risk that puts a sample behind one of the raised ones, each as likely as the other.

    By rank and not by risk: most risks of a run are low, and samples at even distances of risk
    would be the first that anybody sees.
    """
    lot = chance(f"sample {name}")
    if not among:
        return lot
    place = int(lot * len(among))
    before, after = among[place], among[place + 1] if place + 1 < len(among) else 0.0
    return before - (before - after) * (lot * len(among) - place) - _BEHIND
