from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary import config
from catenary.domain import defect_loop as loop
from catenary.domain.defect_loop import (
    Conclusion,
    Days,
    Deadlines,
    Field,
    Found,
    LoopStanding,
    LoopState,
    Step,
    StepWish,
)
from catenary.domain.errors import ConfigError, ImpossibleSettingsError
from catenary.domain.review import Reader, Role, State

START = datetime(2026, 3, 6, 8, tzinfo=UTC)
DEADLINES = Deadlines(Days(3, 7), Days(30, 30), Days(90, 90))
LEAD = Reader("li", Role.LEAD)
REVIEWER = Reader("wang", Role.REVIEWER)


def new(grade: int = 1, suspected_of: int | None = None) -> LoopStanding:
    return loop.registered("broken", grade, START, DEADLINES, suspected_of)


def wish(step: Step, now: LoopStanding, at: datetime) -> StepWish:
    """Return a wish with all that the step needs and nothing else."""
    late = max(now.due or at, at) + timedelta(days=1)
    given = {
        Step.REPAIR: StepWish(step, "", Conclusion.REPAIRED),
        Step.SEND_BACK: StepWish(step, "wrong mast"),
        Step.EXTEND: StepWish(step, "no window", due=late),
        Step.REOPEN: StepWish(step, "again"),
        Step.SPLIT: StepWish(step, "another one"),
        Step.SAME_AS: StepWish(step, of=7),
    }
    return given.get(step, StepWish(step))


def walked(*steps: Step, grade: int = 1) -> LoopStanding:
    now, at = new(grade), START
    for step in steps:
        at += timedelta(hours=1)
        asked = wish(step, now, at)
        assert loop.refusal(LEAD, now, asked, at) is None
        now = loop.stepped(now, asked, at, DEADLINES)
    return now


def test_a_defect_goes_from_registered_to_closed_in_four_steps():
    states = [
        walked(*(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE)[:n]).state
        for n in range(5)
    ]
    assert states == ["registered", "dispatched", "repaired", "reinspected", "closed"]


def test_deadlines_run_from_registration_and_from_the_repair():
    assert new(1).due == START + timedelta(days=3)
    assert new(2).due == START + timedelta(days=30)
    repaired = walked(Step.DISPATCH, Step.REPAIR, grade=2)
    assert repaired.due == START + timedelta(hours=2, days=30)
    assert walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT).due is None


def test_a_defect_is_overdue_once_its_deadline_has_passed_and_not_at_it():
    now = new(1)
    at = START + timedelta(days=3)
    assert not now.is_overdue(at)
    assert now.is_overdue(at + timedelta(seconds=1))
    closed = walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE)
    assert not closed.is_overdue(START + timedelta(days=999))


def test_a_repair_that_is_sent_back_is_none():
    now = walked(Step.DISPATCH, Step.REPAIR, Step.SEND_BACK)
    assert now == walked(Step.DISPATCH)


def test_sending_back_a_reinspection_keeps_the_repair():
    repaired = walked(Step.DISPATCH, Step.REPAIR)
    assert walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.SEND_BACK) == repaired


def test_a_closed_defect_that_is_reopened_counts_anew():
    now = walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE, Step.REOPEN)
    assert now.state is LoopState.REGISTERED
    assert now.repair_by == START + timedelta(hours=5, days=3)
    assert now.conclusion is None


def test_a_repair_may_find_nothing():
    now = walked(Step.DISPATCH)
    asked = StepWish(Step.REPAIR, conclusion=Conclusion.NOTHING_FOUND)
    assert loop.stepped(now, asked, START, DEADLINES).conclusion == "nothing_found"


@pytest.mark.parametrize("step", [Step.SEND_BACK, Step.EXTEND, Step.REOPEN, Step.SPLIT])
def test_what_undoes_or_delays_needs_a_reason(step):
    source = {
        Step.SEND_BACK: walked(Step.DISPATCH),
        Step.EXTEND: new(),
        Step.REOPEN: walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE),
        Step.SPLIT: walked(Step.SAME_AS),
    }[step]
    good = wish(step, source, START)
    assert loop.refusal(LEAD, source, good, START) is None
    code, told = loop.refusal(LEAD, source, replace(good, note=" "), START)
    assert code == "invalid"
    assert told.startswith("note:")


def test_a_repair_needs_its_conclusion_and_a_dispatch_takes_none():
    code, told = loop.refusal(LEAD, walked(Step.DISPATCH), StepWish(Step.REPAIR), START)
    assert (code, told[:11]) == ("invalid", "conclusion:")
    asked = StepWish(Step.DISPATCH, conclusion=Conclusion.REPAIRED)
    assert loop.refusal(LEAD, new(), asked, START)[0] == "invalid"


def test_a_deadline_can_only_be_moved_later_and_into_the_future():
    now, day = new(1), timedelta(days=1)
    for due, at in ((now.repair_by, START), (now.repair_by + day, now.repair_by + 2 * day)):
        code, told = loop.refusal(LEAD, now, StepWish(Step.EXTEND, "why", due=due), at)
        assert (code, told[:4]) == ("too_early", "due:")


@pytest.mark.parametrize(
    ("step", "lowest"),
    [
        (Step.DISPATCH, Role.LEAD),
        (Step.REPAIR, Role.REVIEWER),
        (Step.REINSPECT, Role.REVIEWER),
        (Step.CLOSE, Role.LEAD),
        (Step.SEND_BACK, Role.LEAD),
        (Step.EXTEND, Role.LEAD),
        (Step.REOPEN, Role.LEAD),
        (Step.SAME_AS, Role.REVIEWER),
        (Step.NOT_SAME, Role.REVIEWER),
        (Step.SPLIT, Role.LEAD),
    ],
)
def test_rights_by_role(step, lowest):
    ways = [
        replace(new(), suspected_of=3),
        walked(Step.DISPATCH),
        walked(Step.DISPATCH, Step.REPAIR),
        walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT),
        walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE),
        walked(Step.SAME_AS),
    ]
    roles = list(Role)
    may = {
        role
        for role in roles
        for now in ways
        if step in [one.step for one in loop.allowed(Reader("x", role), now)]
    }
    assert may == set(roles[roles.index(lowest) :])


def test_same_as_asks_which_only_where_none_is_suspected():
    def needs(now: LoopStanding) -> tuple[Field, ...]:
        return next(one.needs for one in loop.allowed(REVIEWER, now) if one.step is Step.SAME_AS)

    assert needs(new()) == (Field.OF,)
    assert needs(new(suspected_of=3)) == ()


def test_a_worse_grade_brings_the_deadline_forward_and_a_milder_one_takes_nothing_away():
    worse = loop.amended(new(2), "slack", 1, DEADLINES)
    assert (worse.repair_by, worse.condition) == (START + timedelta(days=3), "slack")
    granted = replace(new(1), repair_by=START + timedelta(days=200))
    assert loop.amended(granted, "slack", 2, DEADLINES).repair_by == granted.repair_by
    assert loop.amended(granted, "slack", 1, DEADLINES).repair_by == granted.repair_by


def test_a_reinspection_follows_the_grade_from_the_day_of_the_repair():
    repaired = walked(Step.DISPATCH, Step.REPAIR, grade=2)
    now = loop.amended(repaired, "broken", 1, DEADLINES)
    assert now.reinspect_by == START + timedelta(hours=2, days=7)


def test_a_repair_that_did_not_hold_registers_the_defect_again():
    later = START + timedelta(days=90)
    closed = walked(Step.DISPATCH, Step.REPAIR, Step.REINSPECT, Step.CLOSE)
    for now in (walked(Step.DISPATCH, Step.REPAIR), closed):
        again = loop.seen_again(now, "broken", 1, later, DEADLINES)
        assert (again.state, again.repair_by) == ("registered", later + timedelta(days=3))
    waiting = loop.seen_again(walked(Step.DISPATCH), "broken", 1, later, DEADLINES)
    assert waiting == walked(Step.DISPATCH)


def test_a_later_run_says_the_weightiest_of_what_stands_there():
    both = frozenset({State.REJECTED, State.CONFIRMED, State.OPEN})
    assert loop.found(both, 2, 2) is Found.CONFIRMED
    assert loop.found(frozenset({State.REJECTED}), 2, 2) is Found.REJECTED
    assert loop.found(frozenset(), 2, 1) is Found.NOTHING


# --- random walks ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    step: str
    role: Role
    hours: float
    grade: int
    days: float


MOVES = st.builds(
    Move,
    st.sampled_from([*loop.ASKED, Step.AMEND, Step.WITHDRAW, Step.SEEN_AGAIN, Step.REGISTER]),
    st.sampled_from(list(Role)),
    st.floats(0, 2000),
    st.integers(1, 3),
    st.floats(-100, 400),
)
FOLLOWED_BY = {  # every change of state there is
    ("registered", "dispatched"),
    ("dispatched", "repaired"),
    ("repaired", "reinspected"),
    ("reinspected", "closed"),
    ("dispatched", "registered"),
    ("repaired", "dispatched"),
    ("reinspected", "repaired"),
    ("closed", "registered"),
    ("registered", "joined"),
    ("dispatched", "joined"),
    ("joined", "registered"),
    ("repaired", "registered"),  # seen again
    ("reinspected", "registered"),
}


def moved(now: LoopStanding, move: Move, at: datetime) -> LoopStanding:
    """Make a move of a walk, or leave what stands where it may not be made."""
    is_alive = now.state not in (LoopState.WITHDRAWN, LoopState.JOINED)
    match move.step:
        case Step.AMEND:
            return loop.amended(now, "slack", move.grade, DEADLINES)
        case Step.WITHDRAW:
            return loop.withdrawn(now)
        case Step.SEEN_AGAIN:
            grade = min(now.grade, move.grade)
            return loop.seen_again(now, "slack", grade, at, DEADLINES) if is_alive else now
        case Step.REGISTER:
            gone = now.state is LoopState.WITHDRAWN
            return loop.registered("slack", move.grade, at, DEADLINES, 5) if gone else now
    asked = wish(Step(move.step), now, at)
    if asked.due is not None:
        asked = replace(asked, due=at + timedelta(days=move.days))
    reader = Reader("x", move.role)
    if loop.refusal(reader, now, asked, at) is not None:
        return now
    assert asked.step in [one.step for one in loop.allowed(reader, now)]
    return loop.stepped(now, asked, at, DEADLINES)


@given(st.lists(MOVES, max_size=40), st.integers(1, 3))
def test_walks_change_states_as_told_and_deadlines_never_move_earlier(moves, grade):
    now, at = loop.registered("broken", grade, START, DEADLINES, 5), START
    for move in moves:
        at += timedelta(hours=move.hours)
        before, now = now, moved(now, move, at)
        if before.state != now.state and LoopState.WITHDRAWN not in (before.state, now.state):
            assert (before.state, now.state) in FOLLOWED_BY
        if now.grade >= before.grade and now.registered_at == before.registered_at:
            assert now.repair_by >= before.repair_by
            if before.reinspect_by is not None and now.repaired_at == before.repaired_at:
                assert now.reinspect_by >= before.reinspect_by
        assert now.repair_by >= now.registered_at + timedelta(
            days=DEADLINES.of(now.grade).repair_days
        )


@given(st.lists(MOVES, max_size=40))
def test_a_lead_finds_a_way_out_of_every_state_but_a_withdrawn_one(moves):
    now, at = new(2, suspected_of=5), START
    for move in moves:
        at += timedelta(hours=move.hours)
        now = moved(now, move, at)
        leads_on = {
            loop.stepped(now, wish(one.step, now, at), at, DEADLINES).state
            for one in loop.allowed(LEAD, now)
        } - {now.state}
        assert bool(leads_on) == (now.state is not LoopState.WITHDRAWN)


@given(st.lists(MOVES, max_size=30))
def test_a_viewer_can_do_nothing(moves):
    now, at = new(), START
    for move in moves:
        now = moved(now, move, at)
        assert loop.allowed(Reader("x", Role.VIEWER), now) == []


# --- settings -------------------------------------------------------------------------------


def test_the_shipped_deadlines_are_the_starting_values():
    path = config.bundled("configs/closed_loop.yaml")
    assert config.load(path, Deadlines) == Deadlines()


def test_a_worse_grade_may_not_take_longer():
    with pytest.raises(ImpossibleSettingsError, match=r"grade_1\.repair_days: a worse grade"):
        Deadlines(Days(31, 7), Days(30, 30), Days(90, 90))


def test_mistakes_in_the_file_name_their_place(tmp_path):
    path = tmp_path / "closed_loop.yaml"
    path.write_text("grade_1: {repair_days: 0, reinspect_days: 7}\ngrade_4: {}\n")
    with pytest.raises(ConfigError, match=r"(?s)grade_4: unknown key.*grade_1\.repair_days"):
        config.load(path, Deadlines)
