"""Defects: registered with the decision, withdrawn with its undo, stepped, joined and listed."""

from datetime import datetime

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from catenary.domain.defect_loop import Conclusion, LoopState, Step, StepWish
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, Outcome
from catenary.domain.review import Decision, Reader, RefusedError, Role, Wish
from catenary.store import audit, defect_counts, defect_steps, defects, later_runs, reviews
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.defect_steps import By
from catenary.store.defects import Defect, DefectOrder, DefectPage, DefectsWanted
from catenary.store.review_items import Item
from catenary.store.reviews import Drawn
from catenary.store.schema import defect as defect_table
from tests.store import reviewing
from tests.store.reviewing import LEAD, NOW, READ_TWICE, RULES, WANG, ZHAO, Shown, decide, undo

USUAL = DefectsWanted()


def all_of(db: Database) -> list[Defect]:
    wanted = DefectsWanted(state=tuple(LoopState))
    return list(listed(db, wanted).defects)


def listed(
    db: Database,
    wanted: DefectsWanted = USUAL,
    now: datetime = NOW,
    order: DefectOrder = DefectOrder.DUE,
) -> DefectPage:
    with db.read() as connection:
        return defects.page(connection, wanted, order, None, 50, now)


def of_item(db: Database, item: Item) -> Defect:
    return next(one for one in all_of(db) if one.item.id == item.id)


def step(
    db: Database,
    one: Defect,
    wish: StepWish | Step,
    reader: Reader = LEAD,
    now: datetime = NOW,
) -> Defect:
    asked = wish if isinstance(wish, StepWish) else StepWish(wish)
    with db.write() as tx:
        (current,) = defects.by_ids(tx, [one.id])
        by = By(reader, now, RULES.deadlines)
        return defect_steps.make(tx, one.id, current.version, asked, by)


def steps(db: Database, one: Defect) -> list[str]:
    with db.read() as connection:
        return [str(each.step) for each in defects.steps_of(connection, one.id)]


def repaired(db: Database, one: Defect) -> Defect:
    step(db, one, Step.DISPATCH)
    return step(db, one, StepWish(Step.REPAIR, "", Conclusion.REPAIRED), WANG)


def broken_places(db: Database) -> list[str]:
    with db.read() as connection:
        return [one.what for one in audit.verify(connection)]


@pytest.fixture
def item(db: Database) -> Item:
    return reviewing.items(db, reviewing.add_run(db, "first", "2026-03-06"))[0]


# --- decisions ------------------------------------------------------------------------------


def test_a_confirmed_item_is_a_defect_with_a_deadline_by_its_grade(db: Database, item: Item):
    decide(db, item)
    (one,) = all_of(db)
    assert (one.item.id, one.version, one.sightings, one.changed_by) == (item.id, 1, 1, "wang")
    assert one.standing.state is LoopState.REGISTERED
    assert one.standing.repair_by == reviewing.later(3)
    decide(db, reviewing.items(db, item.run_id)[1], Wish(Decision.CONFIRM, grade=2))
    assert sorted(each.standing.repair_by for each in all_of(db)) == [
        reviewing.later(3),
        reviewing.later(30),
    ]


@pytest.mark.parametrize("decision", [one for one in Decision if one is not Decision.CONFIRM])
def test_other_decisions_make_no_defect(db: Database, item: Item, decision: Decision):
    decide(db, item, decision)
    assert all_of(db) == []


def test_second_readings_register_when_the_second_reader_agrees(db: Database, item: Item):
    decide(db, item, rules=READ_TWICE)
    assert all_of(db) == []
    decide(db, item, reader=ZHAO, rules=READ_TWICE)
    assert of_item(db, item).changed_by == "zhao"


def test_a_dispute_registers_when_a_lead_confirms(db: Database, item: Item):
    decide(db, item, rules=READ_TWICE)
    decide(db, item, Decision.REJECT, ZHAO, rules=READ_TWICE)
    assert all_of(db) == []
    decide(db, item, reader=LEAD, rules=READ_TWICE)
    assert of_item(db, item).standing.state is LoopState.REGISTERED


def test_a_drawn_defect_is_registered(db: Database, item: Item):
    wish = Wish(Decision.CONFIRM, "missing")
    drawn = Drawn(item.frame_id, "split_pin", Box(500, 500, 520, 540), wish)
    with db.write() as tx:
        made = reviews.draw(tx, drawn, WANG, RULES, NOW)
    assert of_item(db, made).standing.condition == "missing"


def test_undoing_withdraws_and_confirming_again_registers_anew(db: Database, item: Item):
    decide(db, item)
    undo(db, item)
    one = of_item(db, item)
    assert one.standing.state is LoopState.WITHDRAWN
    decide(db, item, now=reviewing.later(5))
    again = of_item(db, item)
    assert (again.id, again.standing.state) == (one.id, LoopState.REGISTERED)
    assert again.standing.repair_by == reviewing.later(8)
    assert steps(db, again) == ["register", "withdraw", "register"]


def test_a_revision_withdraws_what_it_no_longer_confirms(db: Database, item: Item):
    decide(db, item)
    decide(db, item, Decision.OBSERVE)
    assert of_item(db, item).standing.state is LoopState.WITHDRAWN
    undo(db, item)
    assert of_item(db, item).standing.state is LoopState.REGISTERED


def test_a_revised_condition_amends_the_defect_where_it_stands(db: Database, item: Item):
    decide(db, item)
    step(db, of_item(db, item), Step.DISPATCH)
    decide(db, item, Wish(Decision.CONFIRM, "slack"))
    one = of_item(db, item)
    assert (one.standing.state, one.standing.condition, one.standing.grade) == (
        LoopState.DISPATCHED,
        "slack",
        2,
    )
    assert one.standing.repair_by == reviewing.later(30)
    assert steps(db, one) == ["register", "dispatch", "amend"]
    decide(db, item, Wish(Decision.CONFIRM, note="the same"))
    assert steps(db, one)[-1] == "amend"


def test_a_decision_that_is_not_kept_registers_nothing(db: Database, item: Item):
    def cut_off() -> None:
        with db.write() as tx:
            ask = reviews.Ask(item.id, 0, Wish(Decision.CONFIRM))
            reviews.decide(tx, [ask], WANG, RULES, NOW)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cut_off()
    assert all_of(db) == []


# --- steps ----------------------------------------------------------------------------------


def test_the_whole_way_with_who_and_when_and_before_and_after(db: Database, item: Item):
    decide(db, item)
    one = of_item(db, item)
    step(db, one, StepWish(Step.DISPATCH, "crew 3"), now=reviewing.later(1))
    step(db, one, StepWish(Step.REPAIR, "", Conclusion.NOTHING_FOUND), WANG, reviewing.later(2))
    step(db, one, Step.REINSPECT, ZHAO)
    closed = step(db, one, Step.CLOSE)
    assert (closed.standing.state, closed.version) == (LoopState.CLOSED, 5)
    with db.read() as connection:
        made = defects.steps_of(connection, one.id)
    assert [each.version for each in made] == [1, 2, 3, 4, 5]
    assert (made[1].made_by, made[1].role, made[1].note) == ("li", Role.LEAD, "crew 3")
    assert made[1].made_at == reviewing.later(1)
    assert made[0].before is None
    assert [each.before for each in made[1:]] == [each.after for each in made[:-1]]
    assert made[-1].after == closed.standing
    assert made[2].after.conclusion is Conclusion.NOTHING_FOUND


def test_a_step_on_an_old_version_is_refused_and_keeps_nothing(db: Database, item: Item):
    decide(db, item)
    one = of_item(db, item)
    step(db, one, Step.DISPATCH)
    asked = StepWish(Step.EXTEND, "rain", due=reviewing.later(9))
    with pytest.raises(RefusedError, match="at version 2, not 1") as caught, db.write() as tx:
        defect_steps.make(tx, one.id, 1, asked, By(LEAD, NOW, RULES.deadlines))
    assert caught.value.code == "stale"
    assert steps(db, one) == ["register", "dispatch"]


def test_roles_and_states_are_refused(db: Database, item: Item):
    decide(db, item)
    one = of_item(db, item)
    with pytest.raises(RefusedError, match="reviewer may not dispatch") as caught:
        step(db, one, Step.DISPATCH, WANG)
    assert caught.value.code == "role"
    with pytest.raises(RefusedError, match="registered cannot close"):
        step(db, one, Step.CLOSE)
    with pytest.raises(RefusedError, match="no defect 99") as caught:
        _missing(db)
    assert caught.value.code == "not_found"


def _missing(db: Database) -> None:
    with db.write() as tx:
        defect_steps.make(tx, 99, 1, StepWish(Step.CLOSE), By(LEAD, NOW, RULES.deadlines))


def test_a_delay_moves_the_deadline_that_counts(db: Database, item: Item):
    decide(db, item)
    one = of_item(db, item)
    counts = DefectCounts(db)
    assert counts.totals(USUAL, reviewing.later(4)) == (1, 1)
    asked = StepWish(Step.EXTEND, "no window", due=reviewing.later(9))
    step(db, one, asked, now=reviewing.later(4))
    assert counts.totals(USUAL, reviewing.later(4)) == (1, 0)
    assert of_item(db, item).standing.due == reviewing.later(9)


# --- the trail ------------------------------------------------------------------------------


def test_every_step_is_in_the_trail_and_the_trail_holds(db: Database, item: Item):
    decide(db, item)
    step(db, of_item(db, item), Step.DISPATCH)
    undo(db, item)
    with db.read() as connection:
        assert audit.head(connection).seq == 5  # 2 decisions, 3 steps
    assert broken_places(db) == []


def test_steps_cannot_be_changed_or_deleted(db: Database, item: Item):
    decide(db, item)
    for sql in ("UPDATE defect_step SET note = 'x'", "DELETE FROM defect_step"):
        with pytest.raises(DatabaseError, match="append-only"), db.write() as tx:
            tx.execute(text(sql))


def test_a_step_changed_behind_the_triggers_is_told(db: Database, item: Item):
    decide(db, item)
    with db.write() as tx:
        reviewing.lift_guards(tx, "defect_step")
        tx.execute(text("UPDATE defect_step SET made_by = 'nobody'"))
    assert broken_places(db) == ["defect step 1 is not as the trail has it"]


def test_a_step_without_its_row_in_the_trail_is_told(db: Database, item: Item):
    decide(db, item)
    with db.write() as tx:
        tx.execute(
            text(
                "INSERT INTO defect_step (defect_id, version, step, made_at, made_by, role, note,"
                " before, after) SELECT defect_id, 2, step, made_at, made_by, role, note, after,"
                " after FROM defect_step"
            )
        )
    assert broken_places(db) == ["defect step 2 has no row in the trail"]


# --- later runs -----------------------------------------------------------------------------


@pytest.fixture
def twice(db: Database, item: Item) -> tuple[Defect, Item]:
    """Return a defect of a first run, and the item of a second run at the same mast."""
    decide(db, item)
    second = reviewing.add_run(db, "second", "2026-06-06")
    return of_item(db, item), reviewing.items(db, second)[0]


def test_a_later_confirmation_names_the_open_defect_it_may_be(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    decide(db, again)
    assert of_item(db, again).standing.suspected_of == first.id
    assert first.standing.suspected_of is None


def test_other_masts_other_kinds_and_earlier_runs_are_not_suspected(db: Database, item: Item):
    before = reviewing.add_run(db, "before", "2025-12-06")
    decide(db, item)
    decide(db, reviewing.items(db, item.run_id)[1])
    for one in all_of(db):
        assert one.standing.suspected_of is None
    earlier = reviewing.items(db, before)[0]
    decide(db, earlier)
    assert of_item(db, earlier).standing.suspected_of is None
    pin = Drawn(item.frame_id, "split_pin", Box(5, 5, 9, 9), Wish(Decision.CONFIRM, "missing"))
    with db.write() as tx:
        made = reviews.draw(tx, pin, WANG, RULES, NOW)
    assert of_item(db, made).standing.suspected_of is None


def test_a_closed_defect_is_not_suspected_but_listed_for_a_person(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    repaired(db, first)
    step(db, first, Step.REINSPECT)
    step(db, first, Step.CLOSE)
    decide(db, again)
    assert of_item(db, again).standing.suspected_of is None
    with db.read() as connection:
        assert defects.earlier_alike(connection, again, tuple(LoopState)) == [first.id]


def test_of_two_open_defects_the_nearest_is_suspected(db: Database, item: Item):
    far = reviewing.add_run(db, "far", "2026-01-06", Shown(box=Box(3000, 20, 3040, 220)))
    for one in (item, reviewing.items(db, far)[0]):
        decide(db, one)
    near = of_item(db, item)
    third = reviewing.add_run(db, "third", "2026-06-06", Shown(box=Box(14.0, 20.0, 44.0, 220.5)))
    decide(db, reviewing.items(db, third)[0])
    again = of_item(db, reviewing.items(db, third)[0])
    assert again.standing.suspected_of == near.id


def test_one_click_joins_both_into_one_defect_with_two_sightings(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    decide(db, again)
    joined = step(db, of_item(db, again), Step.SAME_AS, WANG)
    assert (joined.standing.state, joined.standing.joined_to) == (LoopState.JOINED, first.id)
    (shown,) = listed(db).defects
    assert (shown.id, shown.sightings) == (first.id, 2)
    assert steps(db, shown) == ["register", "seen_again"]
    with db.read() as connection:
        seen = defects.sightings_of(connection, first.id)
        assert defects.of_items(connection, [again.id])[again.id].id == first.id
    assert [one.run for _, one in seen] == ["second", "first"]
    assert broken_places(db) == []


def test_a_repaired_defect_that_is_seen_again_is_registered_again(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    repaired(db, first)
    decide(db, again, now=reviewing.later(90))
    step(db, of_item(db, again), Step.SAME_AS, WANG, reviewing.later(91))
    (shown,) = listed(db).defects
    assert shown.standing.state is LoopState.REGISTERED
    assert shown.standing.repair_by == reviewing.later(94)


def test_a_joined_defect_has_the_worst_grade_and_the_newest_condition(
    db: Database, twice: tuple[Defect, Item]
):
    _, again = twice
    decide(db, again, Wish(Decision.CONFIRM, "slack"))
    step(db, of_item(db, again), Step.SAME_AS)
    (shown,) = listed(db).defects
    assert (shown.standing.condition, shown.standing.grade) == ("slack", 1)
    decide(db, again, Wish(Decision.CONFIRM, "missing"))
    (shown,) = listed(db).defects
    assert shown.standing.condition == "missing"
    step(db, of_item(db, again), StepWish(Step.SPLIT, "two droppers"))
    assert sorted(one.standing.condition for one in listed(db).defects) == ["broken", "missing"]


def test_not_the_same_clears_the_suspicion(db: Database, twice: tuple[Defect, Item]):
    _, again = twice
    decide(db, again)
    assert len(listed(db, DefectsWanted(suspected=True)).defects) == 1
    step(db, of_item(db, again), Step.NOT_SAME, WANG)
    assert listed(db, DefectsWanted(suspected=True)).defects == ()
    assert of_item(db, again).standing.state is LoopState.REGISTERED


def test_undoing_a_joined_sighting_takes_it_from_the_defect(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    decide(db, again)
    step(db, of_item(db, again), Step.SAME_AS)
    undo(db, again)
    assert of_item(db, again).standing.state is LoopState.WITHDRAWN
    (shown,) = listed(db).defects
    assert (shown.id, shown.sightings) == (first.id, 1)
    assert steps(db, shown)[-1] == "lost_sighting"


def test_withdrawing_the_first_sighting_lets_the_other_stand_by_itself(
    db: Database, twice: tuple[Defect, Item], item: Item
):
    _, again = twice
    decide(db, again)
    step(db, of_item(db, again), Step.SAME_AS)
    undo(db, item)
    alone = of_item(db, again)
    assert (alone.standing.state, alone.standing.suspected_of) == (LoopState.REGISTERED, None)
    assert steps(db, alone) == ["register", "same_as", "split"]


def test_withdrawing_a_suspected_defect_clears_the_suspicion(
    db: Database, twice: tuple[Defect, Item], item: Item
):
    _, again = twice
    decide(db, again)
    undo(db, item)
    assert of_item(db, again).standing.suspected_of is None


def test_three_runs_become_one_defect_in_whatever_order_they_are_joined(
    db: Database, twice: tuple[Defect, Item]
):
    first, again = twice
    third = reviewing.items(db, reviewing.add_run(db, "third", "2026-09-06"))[0]
    decide(db, again)
    decide(db, third)
    middle, last = of_item(db, again), of_item(db, third)
    step(db, last, StepWish(Step.SAME_AS, of=middle.id))
    step(db, middle, StepWish(Step.SAME_AS, of=first.id))
    (shown,) = listed(db).defects
    assert (shown.id, shown.sightings) == (first.id, 3)
    assert {one.standing.joined_to for one in all_of(db)} == {None, first.id}
    assert broken_places(db) == []


@pytest.mark.parametrize("which", ["itself", "other mast", "nothing", "withdrawn"])
def test_a_defect_joins_only_one_at_its_own_place(
    db: Database, twice: tuple[Defect, Item], item: Item, which: str
):
    first, again = twice
    decide(db, again)
    other = reviewing.items(db, item.run_id)[1]
    decide(db, other)
    if which == "withdrawn":
        undo(db, item)
    one = of_item(db, again)
    of = {"itself": one.id, "other mast": of_item(db, other).id, "nothing": 99}
    with pytest.raises(RefusedError, match=r"^of: ") as caught:
        step(db, one, StepWish(Step.SAME_AS, of=of.get(which, first.id)))
    assert caught.value.code == ("other_part" if which == "other mast" else "no_defect")


def test_a_defect_tells_what_later_runs_found_at_its_mast(db: Database, item: Item):
    unusable = FrameResult(Outcome.UNUSABLE, "dark")
    for name, date, told in (
        ("again", "2026-04-01", Shown()),
        ("healthy", "2026-05-01", Shown(broken=())),
        ("dark", "2026-06-01", Shown(broken=(), outcome=unusable)),
        ("elsewhere", "2026-07-01", Shown((4,), ())),
        ("pending", "2026-08-01", Shown(broken=(), outcome=None)),
        ("before", "2026-01-01", Shown()),
    ):
        reviewing.add_run(db, name, date, told)
    with db.read() as connection:
        found = later_runs.of_item(connection, item)
    assert {one.run: str(one.found) for one in found} == {
        "pending": "not_judged",
        "elsewhere": "not_photographed",
        "dark": "not_judged",
        "healthy": "nothing",
        "again": "waiting",
    }
    assert found[0].run == "pending"
    (again,) = found[-1].items
    for decision, said in ((Decision.REJECT, "rejected"), (Decision.CONFIRM, "confirmed")):
        decide(db, again, decision)
        with db.read() as connection:
            assert later_runs.of_item(connection, item)[-1].found == said


# --- lists ----------------------------------------------------------------------------------


@pytest.fixture
def many(db: Database) -> list[Defect]:
    run_id = reviewing.add_run(db, "many", "2026-03-06", Shown((1, 2, 4, 5, 7)))
    for number, one in enumerate(reviewing.items(db, run_id)):
        grade = 1 + number % 2
        decide(db, one, Wish(Decision.CONFIRM, grade=grade), now=reviewing.later(number))
    return all_of(db)


def test_lists_are_filtered(db: Database, many: list[Defect]):
    def total(now: datetime = NOW, **wanted: object) -> int:
        found = len(listed(db, DefectsWanted(**wanted), now).defects)
        assert counts.totals(DefectsWanted(**wanted), now)[0] == found
        return found

    counts = DefectCounts(db)
    assert total() == 5
    assert total(grade=(1,)) == 3
    assert total(mast=("D000",)) == 2
    assert total(component=("insulator",)) == 0
    assert total(run=("many",)) == 5
    assert total(run=("few",)) == 0
    assert total(due_before=reviewing.later(4)) == 1
    assert total(reviewing.later(6), overdue=True) == 2
    assert total(reviewing.later(6), overdue=False) == 3
    step(db, many[0], Step.DISPATCH)
    assert total(state=(LoopState.DISPATCHED,)) == 1


def test_pages_show_every_defect_once_in_every_order(db: Database, many: list[Defect]):
    for order in DefectOrder:
        seen, cursor = [], None
        while True:
            with db.read() as connection:
                one = defects.page(connection, DefectsWanted(), order, cursor, 2, NOW)
            seen += [each.id for each in one.defects]
            cursor = one.next
            if cursor is None:
                break
        assert sorted(seen) == sorted(each.id for each in many)
        with db.read() as connection:
            whole = defects.page(connection, DefectsWanted(), order, None, 50, NOW)
        assert seen == [each.id for each in whole.defects]


@pytest.mark.parametrize("few", [1000, 0])
def test_pages_among_known_rows_are_those_of_a_search(
    db: Database, many: list[Defect], few: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(defect_counts, "FEW", few)
    monkeypatch.setattr(defect_counts, "_SPARE", 1)
    for one in (many[3], many[1]):  # two without a deadline
        step(db, one, Step.DISPATCH)
        step(db, one, StepWish(Step.REPAIR, "", Conclusion.REPAIRED))
        step(db, one, Step.REINSPECT)
    counts, wanted = DefectCounts(db), DefectsWanted()
    for order in DefectOrder:
        cursor = None
        for _ in range(3):
            place = (wanted, order, cursor, 2, NOW)
            known = counts.listed(*place)
            with db.read() as connection:
                page = defects.page(connection, *place, known.few)
                assert page == defects.page(connection, *place)
            assert (known.total, known.overdue) == counts.totals(wanted, NOW)
            assert (known.few is None) == (few == 0 and order is not DefectOrder.DUE)
            cursor = page.next
        assert cursor is None


def test_the_soonest_deadline_comes_first_and_none_last(db: Database, many: list[Defect]):
    step(db, many[0], Step.DISPATCH)
    step(db, many[0], StepWish(Step.REPAIR, "", Conclusion.REPAIRED))
    step(db, many[0], Step.REINSPECT)
    shown = listed(db).defects
    assert shown[-1].id == many[0].id
    times = [one.standing.due for one in shown[:-1]]
    assert times == sorted(times)


def test_facets_count_under_the_other_filters(db: Database, many: list[Defect]):
    found = DefectCounts(db).facets(DefectsWanted(grade=(1,)), NOW).counts
    assert found["grade"] == [(1, 3), (2, 2)]
    assert dict(found["mast"]) == {"D000": 1, "D001": 2}
    assert found["run"] == [("many", 3)]
    assert found["state"] == [("registered", 3)]


def test_a_cursor_of_another_order_is_refused(db: Database, many: list[Defect]):
    with db.read() as connection:
        first = defects.page(connection, DefectsWanted(), DefectOrder.DUE, None, 2, NOW)
        for wrong in (first.next, "nonsense", ""):
            with pytest.raises(RefusedError, match="cursor"):
                defects.page(connection, DefectsWanted(), DefectOrder.PLACE, wrong, 2, NOW)


def test_a_defect_can_not_be_in_two_states(db: Database, item: Item):
    decide(db, item)
    with pytest.raises(IntegrityError, match="joined_to_one"), db.write() as tx:
        tx.execute(update(defect_table).values(state="joined"))
    with pytest.raises(IntegrityError, match="repair_whole"), db.write() as tx:
        tx.execute(update(defect_table).values(conclusion="repaired"))
