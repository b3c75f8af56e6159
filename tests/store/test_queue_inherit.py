"""Runs that are joined or scanned anew: decisions go on with their parts, and leave a trace."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from catenary.domain.defect_loop import LoopState
from catenary.domain.errors import StoreError
from catenary.domain.finding import Component, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.inherit import Inherited
from catenary.domain.part import part_name
from catenary.domain.review import Decision, Origin, RefusedError, State, Wish
from catenary.store import (
    again,
    audit,
    defects,
    findings,
    ledger,
    parts,
    queue,
    queue_fill,
    queue_inherit,
    reassignments,
    review_items,
    reviews,
    settled,
)
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.defects import DefectsWanted
from catenary.store.parts import JoinedPart, View
from catenary.store.queue import Order
from catenary.store.queue_fill import Filled
from catenary.store.review_items import Item, Wanted
from catenary.store.schema import finding, former_view, review_item
from tests.store import queues, records, reviewing
from tests.store.queues import AGEING_DAYS, ALONE, LI, NOON, TOGETHER, WANG, ZHAO

BOX = queues.dropper(1, 0.9).component.box
FIRST, SECOND = "000001", "000002"  # two photographs of mast D000
STRONG, WEAK = 0.9, 0.4


def fill(db: Database, run_id: int) -> Filled:
    return queue_fill.fill(db, run_id, [], NOON, AGEING_DAYS)


def items(db: Database) -> list[Item]:
    with db.read() as connection:
        found = queue.page(connection, Wanted(), Order.RISK, None, 100).items
    return sorted(found, key=lambda one: one.id)


def any_item(db: Database, item_id: int) -> Item:
    with db.read() as connection:
        return review_items.one(connection, item_id)


def view(image_id: str, probability: float, finding_id: int, box: Box = BOX) -> View:
    return View(image_id, box, Verdict.DEFECT, "broken", probability, finding_id)


def join(db: Database, run_id: int, *views: View, lead: float = STRONG) -> None:
    """Make these views one part of mast D000, named after the first; without views, none."""
    with db.read() as connection:
        (state,) = [one for one in parts.masts(connection, run_id) if one.mast.number == "D000"]
    told = []
    if views:
        name = part_name(views[0].image_id, "dropper", views[0].box)
        told = [JoinedPart(name, "dropper", Verdict.DEFECT, "broken", lead, 1, 0.98, views)]
    with db.write() as tx:
        parts.replace(tx, run_id, state, told)


def scan_again(db: Database, run_id: int, image_id: str, found: Sequence[Finding]) -> None:
    """Replace what a photograph shows."""
    with db.write() as tx:
        again.ask_images(tx, run_id, [image_id])
        standing = ledger.standing(tx, run_id, [image_id])
        former = again.put_aside(tx, standing.values())
        ledger.finish_all(tx, run_id, [(image_id, records.DONE, ledger.Origin())])
        findings.insert_all(tx, run_id, [(one, None) for one in found], former)


def moved(image_id: str, right: float, probability: float = STRONG) -> Finding:
    box = BOX.shifted(right, 0)
    return replace(
        records.broken_dropper(image_id, probability), component=Component("dropper", box, 0.97)
    )


def kinds(db: Database, item_id: int) -> list[Inherited]:
    with db.read() as connection:
        assert list(audit.verify(connection)) == []
        return [one.kind for one in queue_inherit.of_item(connection, item_id)]


def loop(db: Database, item_id: int) -> tuple[LoopState, int] | None:
    """Return state and item of the defect that an item counts for."""
    with db.read() as connection:
        found = defects.of_items(connection, [item_id]).get(item_id)
        return None if found is None else (found.standing.state, found.item.id)


@pytest.fixture
def two(db: Database, run_id: int) -> Database:
    """Two photographs of a mast, each with a broken dropper: item 1 and item 2."""
    queues.fill(db, run_id, [queues.dropper(1, STRONG), queues.dropper(2, WEAK)])
    return db


def test_two_that_were_decided_alike_become_one_with_one_defect(two: Database, run_id: int):
    for item in (1, 2):
        queues.decide(two, WANG, item, 0)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    assert fill(two, run_id) == Filled(0, 0, 0, 1)
    (item,) = items(two)
    assert (item.id, item.views, item.standing.state) == (1, 2, State.CONFIRMED)
    assert kinds(two, 1) == kinds(two, 2) == [Inherited.MERGED]
    assert loop(two, 1) == loop(two, 2) == (LoopState.REGISTERED, 1)
    with two.read() as connection:
        assert [one.item.id for one in settled.of_run(connection, run_id, [State.CONFIRMED])] == [1]


def test_a_part_whose_weaker_view_was_decided_is_not_asked_for_again(two: Database, run_id: int):
    queues.decide(two, WANG, 2, 0, Decision.REJECT)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    (item,) = items(two)
    assert (item.id, item.views, item.standing.state) == (2, 2, State.REJECTED)
    assert item.name == part_name(FIRST, "dropper", BOX)
    assert item.frame_id == any_item(two, 2).frame_id  # the picture that was looked at
    assert kinds(two, 2) == [Inherited.FOLLOWED]


def test_readers_who_disagree_on_one_part_need_a_lead(two: Database, run_id: int):
    queues.decide(two, WANG, 1, 0)
    queues.decide(two, LI, 2, 0, Decision.REJECT)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    (item,) = items(two)
    standing = item.standing
    assert (standing.state, standing.first_by, standing.second_by) == (State.DISPUTED, "wang", "li")
    assert loop(two, 1) == (LoopState.WITHDRAWN, 1)
    with pytest.raises(RefusedError, match="role reviewer may not"):
        queues.decide(two, WANG, 1, item.version)
    assert queues.decide(two, ZHAO, 1, item.version).standing.state is State.CONFIRMED
    assert loop(two, 1) == (LoopState.REGISTERED, 1)


def test_a_merged_item_cannot_be_decided_on_and_names_the_one_that_goes_on(
    two: Database, run_id: int
):
    for item in (1, 2):
        queues.decide(two, WANG, item, 0)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    gone = any_item(two, 2)
    assert gone.merged_into == 1
    for version in (1, gone.version):
        with pytest.raises(RefusedError, match="one part with item 1"):
            queues.decide(two, WANG, 2, version)


def test_a_part_that_is_taken_apart_keeps_its_decision_for_every_view(two: Database, run_id: int):
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    queues.decide(two, WANG, 1, 0)
    join(two, run_id)
    assert fill(two, run_id) == Filled(0, 0, 0, 1)
    first, second = items(two)
    assert {first.standing.state, second.standing.state} == {State.CONFIRMED}
    assert (first.views, second.views, second.file_name) == (1, 1, "2.jpg")
    assert second.standing.reviewer == "wang"
    assert kinds(two, second.id) == [Inherited.COPIED]
    assert loop(two, second.id) == (LoopState.REGISTERED, second.id)
    with two.read() as connection:
        assert connection.execute(select(former_view)).all() == []


def test_apart_and_together_again_is_as_before(two: Database, run_id: int):
    for item in (1, 2):
        queues.decide(two, WANG, item, 0)
    for _ in range(2):
        join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
        fill(two, run_id)
        assert [one.id for one in items(two)] == [1]
        assert loop(two, 2) == (LoopState.REGISTERED, 1)
        join(two, run_id)
        assert fill(two, run_id) == Filled(0, 0, 0, 1)
        assert [one.id for one in items(two)] == [1, 2]
        assert loop(two, 2) == (LoopState.REGISTERED, 2)
    assert kinds(two, 2) == [Inherited.MERGED, Inherited.PARTED] * 2
    assert fill(two, run_id) == Filled(0, 0, 0)


def test_an_item_goes_with_the_picture_that_was_looked_at(two: Database, run_id: int):
    """The second view led; its photograph goes to another mast, and the decision with it."""
    join(two, run_id, view(FIRST, WEAK, 1), view(SECOND, STRONG, 2))
    fill(two, run_id)
    (before,) = items(two)
    queues.decide(two, WANG, before.id, 0, Decision.OBSERVE)
    other = records.ref(4).mast
    with two.write() as tx:
        ledger.plan(tx, run_id, records.refs(5))
        reassignments.reassign(tx, run_id, [SECOND], other, "li", "wrong mast")
    join(two, run_id)
    fill(two, run_id)
    by_file = {one.file_name: one for one in items(two)}
    assert by_file["2.jpg"].id == before.id
    assert by_file["2.jpg"].mast == other
    assert {one.standing.state for one in by_file.values()} == {State.OBSERVED}


def test_a_decided_item_stays_at_its_photograph_when_another_view_leads(two: Database, run_id: int):
    """A box is of one photograph: it must not be drawn into another."""
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    queues.decide(two, WANG, 1, 0)
    join(two, run_id, view(FIRST, WEAK, 1), view(SECOND, 0.95, 2), lead=0.95)
    fill(two, run_id)
    (item,) = items(two)
    assert (item.file_name, item.finding_id) == ("1.jpg", 1)


@pytest.mark.parametrize("decision", [Decision.CONFIRM, Decision.REJECT])
def test_a_box_that_moved_a_little_is_the_same_part(two: Database, run_id: int, decision: Decision):
    queues.decide(two, WANG, 1, 0, decision)
    before = any_item(two, 1)
    scan_again(two, run_id, FIRST, [moved(FIRST, 3.0, 0.7)])
    fill(two, run_id)
    item = any_item(two, 1)
    assert (item.standing, item.version) == (before.standing, before.version)
    assert item.name == part_name(FIRST, "dropper", BOX.shifted(3, 0)) != before.name
    with two.read() as connection:
        newest = max(connection.execute(select(finding.c.id)).scalars())
    assert item.finding_id == newest
    assert [one.id for one in items(two)] == [1, 2]


def test_an_undecided_item_that_moved_a_little_has_waited_as_long(two: Database, run_id: int):
    entered = any_item(two, 1).entered_at
    scan_again(two, run_id, FIRST, [moved(FIRST, 3.0, 0.7)])
    late = NOON.replace(day=20)
    assert queue_fill.fill(two, run_id, [], late, AGEING_DAYS) == Filled(0, 1, 0)
    assert (any_item(two, 1).entered_at, any_item(two, 1).probability) == (entered, 0.7)


def test_another_part_of_the_kind_is_asked_for(two: Database, run_id: int):
    queues.decide(two, WANG, 1, 0)
    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 200.0)])
    assert fill(two, run_id) == Filled(1, 0, 0)
    assert [one.standing.state for one in items(two)] == [State.CONFIRMED, State.OPEN, State.OPEN]


def test_two_of_one_photograph_stay_two_however_boxes_move(two: Database, run_id: int):
    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 20.0, 0.8)])
    fill(two, run_id)
    first, second = (one for one in items(two) if one.file_name == "1.jpg")
    queues.decide(two, WANG, first.id, 0)
    queues.decide(two, WANG, second.id, 0, Decision.REJECT)
    # The first new one overlaps both; each goes on with what is left for it.
    scan_again(two, run_id, FIRST, [moved(FIRST, 6.0), moved(FIRST, 30.0, 0.8)])
    fill(two, run_id)
    now = {one.id: (one.standing.state, one.name) for one in items(two)}
    assert len(now) == 3
    for item, state, right in ((first, State.CONFIRMED, 6), (second, State.REJECTED, 30)):
        assert now[item.id] == (state, part_name(FIRST, "dropper", BOX.shifted(right, 0)))


def test_two_of_one_photograph_never_become_one(two: Database, run_id: int):
    """Where a later scan finds one of them only, the other keeps what was decided on it."""
    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 20.0, 0.8)])
    fill(two, run_id)
    first, second = (one for one in items(two) if one.file_name == "1.jpg")
    queues.decide(two, WANG, first.id, 0)
    queues.decide(two, WANG, second.id, 0, Decision.REJECT)
    scan_again(two, run_id, FIRST, [moved(FIRST, 9.0)])
    assert fill(two, run_id) == Filled(0, 0, 0)
    assert any_item(two, first.id).name == part_name(FIRST, "dropper", BOX.shifted(9, 0))
    assert any_item(two, first.id).standing.state is State.CONFIRMED
    assert any_item(two, second.id).standing.state is State.REJECTED


def test_a_name_that_a_lost_part_still_has_is_freed(two: Database, run_id: int):
    """A reader moved the box of one away; what the scan finds at its old place is the other."""
    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 10.0, 0.8)])
    fill(two, run_id)
    first, second = (one for one in items(two) if one.file_name == "1.jpg")
    queues.decide(two, WANG, first.id, 0)
    far = replace(Wish(Decision.CONFIRM), box=BOX.shifted(500, 0))
    queues.decide(two, WANG, second.id, 0, far)
    scan_again(two, run_id, FIRST, [moved(FIRST, 10.0)])
    fill(two, run_id)
    assert any_item(two, first.id).name == second.name
    assert any_item(two, second.id).standing.box == BOX.shifted(500, 0)
    assert fill(two, run_id) == Filled(0, 0, 0)


def test_two_parts_may_change_names_for_one_another(two: Database, run_id: int):
    for item in (1, 2):
        queues.decide(two, WANG, item, 0)
    names = [one.name for one in items(two)]
    told = [(names[1], view(FIRST, STRONG, 1)), (names[0], view(SECOND, STRONG, 2))]
    with two.read() as connection:
        state = parts.masts(connection, run_id)[0]
    with two.write() as tx:
        parts.replace(
            tx,
            run_id,
            state,
            [
                JoinedPart(name, "dropper", Verdict.DEFECT, "broken", STRONG, 1, 0.98, (one,))
                for name, one in told
            ],
        )
    fill(two, run_id)
    assert [any_item(two, n).name for n in (1, 2)] == names[::-1]
    assert kinds(two, 1) == kinds(two, 2) == [Inherited.FOLLOWED]


def test_while_a_mast_is_to_be_joined_nothing_is_asked_twice(two: Database, run_id: int):
    """A photograph is judged anew: its part is apart until the end of the scan."""
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    queues.decide(two, WANG, 1, 0)
    scan_again(two, run_id, FIRST, [moved(FIRST, 1.0)])
    assert fill(two, run_id) == Filled(0, 0, 0)
    assert [one.id for one in items(two)] == [1]
    join(two, run_id, view(FIRST, STRONG, 3, BOX.shifted(1, 0)), view(SECOND, WEAK, 2))
    assert fill(two, run_id) == Filled(0, 0, 0)
    (item,) = items(two)
    assert (item.id, item.views, item.standing.state) == (1, 2, State.CONFIRMED)


def test_a_decision_outlives_the_view_it_was_made_on(two: Database, run_id: int):
    """The photograph shows nothing any more; the part is still seen by the other camera."""
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    queues.decide(two, WANG, 1, 0, Decision.REJECT)
    scan_again(two, run_id, FIRST, [])
    fill(two, run_id)
    (item,) = items(two)
    assert (item.id, item.name) == (1, part_name(SECOND, "dropper", BOX))


def test_what_was_drawn_is_not_asked_for_once_a_scan_finds_it(two: Database, run_id: int):
    with two.write() as tx:
        ids = ledger.frame_ids(tx, run_id, {FIRST})
        box = BOX.shifted(300, 0)
        drawn = reviews.Drawn(ids[FIRST], "dropper", box, Wish(Decision.CONFIRM, "broken"))
        item = reviews.draw(tx, drawn, WANG, ALONE, NOON)
    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 302.0, 0.6)])
    fill(two, run_id)
    found = any_item(two, item.id)
    assert (found.origin, found.standing.state) == (Origin.MANUAL, State.CONFIRMED)
    assert found.name == part_name(FIRST, "dropper", BOX.shifted(302, 0))
    assert len(items(two)) == 3


def test_a_second_reading_goes_on_where_a_part_is_taken_apart(two: Database, run_id: int):
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    queues.decide(two, WANG, 1, 0, rules=TOGETHER)
    join(two, run_id)
    fill(two, run_id)
    for item in items(two):
        assert item.standing.state is State.SECOND
        with pytest.raises(RefusedError, match="role reviewer may not"):
            queues.decide(two, WANG, item.id, item.version, rules=TOGETHER)
        after = queues.decide(two, LI, item.id, item.version, rules=TOGETHER)
        assert after.standing.state is State.CONFIRMED


def test_what_is_decided_meanwhile_is_looked_at_again(
    two: Database, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    for item in (1, 2):
        queues.decide(two, WANG, item, 0)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    real = queue_inherit.planned

    def slowly(*arguments: object):
        plan = real(*arguments)
        queues.decide(two, WANG, 2, 1, Decision.REJECT)
        return plan

    monkeypatch.setattr(queue_inherit, "planned", slowly)
    fill(two, run_id)
    monkeypatch.undo()
    assert [one.standing.state for one in items(two)] == [State.CONFIRMED, State.REJECTED]
    with two.read() as connection:
        assert queue_fill.is_due(connection, run_id)
    fill(two, run_id)
    (item,) = items(two)
    assert item.standing.state is State.DISPUTED


def test_the_mast_of_a_decided_item_is_that_of_its_photograph(two: Database, run_id: int):
    queues.decide(two, WANG, 1, 0)
    with two.write() as tx:
        ledger.plan(tx, run_id, records.refs(5))
        reassignments.reassign(tx, run_id, [FIRST], records.ref(4).mast, "li", "wrong mast")
    fill(two, run_id)
    mast = records.ref(4).mast
    assert mast is not None
    assert any_item(two, 1).mast == mast
    wanted = DefectsWanted(mast=(mast.number,))
    assert DefectCounts(two).totals(wanted, NOON) == (1, 0)


def test_an_undone_decision_lets_the_part_be_asked_for(two: Database, run_id: int):
    queues.decide(two, WANG, 1, 0)
    with two.write() as tx:
        reviews.undo(tx, [(1, 1)], WANG, ALONE, NOON)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    fill(two, run_id)
    (item,) = items(two)
    assert (item.id, item.standing.state) == (1, State.OPEN)
    with two.read() as connection:
        rows = connection.execute(select(review_item.c.id)).scalars().all()
    assert rows == [1]


@pytest.mark.parametrize("step", ["_go_on", "_merge", "_copy"])
def test_filling_that_was_killed_goes_on_to_the_same_items(
    two: Database, run_id: int, monkeypatch: pytest.MonkeyPatch, step: str
):
    """Names that were freed for others are found again by the pictures of their items."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    def fill_killed() -> None:
        monkeypatch.setattr(queue_inherit, step, killed)
        try:
            fill(two, run_id)
        except Killed:
            with two.read() as connection:
                assert queue_fill.is_due(connection, run_id)
        monkeypatch.undo()

    scan_again(two, run_id, FIRST, [moved(FIRST, 0.0), moved(FIRST, 100.0, 0.8)])
    fill(two, run_id)
    for item in items(two):
        queues.decide(two, WANG, item.id, 0, Decision.REJECT)
    with two.read() as connection:
        rows = select(finding.c.id).where(finding.c.superseded_at.is_(None))
        weak, *strong = sorted(connection.execute(rows).scalars())
    join(two, run_id, view(FIRST, STRONG, strong[0]), view(SECOND, WEAK, weak))
    fill_killed()
    fill(two, run_id)
    assert [one.views for one in items(two)] == [2, 1]
    join(two, run_id)
    scan_again(two, run_id, FIRST, [moved(FIRST, 1.0), moved(FIRST, 103.0, 0.8)])
    join(two, run_id)
    fill_killed()
    fill(two, run_id)
    assert [one.standing.state for one in items(two)] == [State.REJECTED] * 3
    assert not any(one.name.startswith("~") for one in items(two))
    assert fill(two, run_id) == Filled(0, 0, 0)


def test_two_processes_that_fill_at_once_leave_one_trace(two: Database, run_id: int):
    """A scan ends while a server fills: both have seen the same, each writes what it planned."""
    scan_again(two, run_id, "000000", [moved("000000", 0.0)])
    fill(two, run_id)
    for item in (1, 2, 3):
        queues.decide(two, WANG, item, 0)
    join(two, run_id, view(FIRST, STRONG, 1), view(SECOND, WEAK, 2))
    scan_again(two, run_id, "000000", [moved("000000", 3.0)])
    ready = threading.Barrier(2)
    real = queue_inherit.write

    def together(*arguments: object) -> int:
        ready.wait(60)
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_inherit, "write", together)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: fill(two, run_id), range(2)))
    assert kinds(two, 1) == [Inherited.MERGED]
    assert len(items(two)) == 2
    assert fill(two, run_id) == fill(two, run_id) == Filled(0, 0, 0)
    assert (kinds(two, 1), kinds(two, 3)) == ([Inherited.MERGED], [Inherited.FOLLOWED])


@pytest.mark.parametrize("change", ["UPDATE inheritance SET other = 1", "DELETE FROM inheritance"])
def test_how_a_decision_went_on_cannot_be_changed(two: Database, run_id: int, change: str):
    queues.decide(two, WANG, 1, 0)
    scan_again(two, run_id, FIRST, [moved(FIRST, 3.0)])
    fill(two, run_id)
    assert kinds(two, 1) == [Inherited.FOLLOWED]
    with pytest.raises((DBAPIError, StoreError), match="append-only"), two.write() as tx:
        tx.execute(text(change))


def test_a_changed_trace_is_found(two: Database, run_id: int):
    queues.decide(two, WANG, 1, 0)
    scan_again(two, run_id, FIRST, [moved(FIRST, 3.0)])
    fill(two, run_id)
    with two.write() as tx:
        reviewing.lift_guards(tx, "inheritance")
        tx.execute(text("UPDATE inheritance SET from_name = 'another'"))
    with two.read() as connection:
        assert [one.what for one in audit.verify(connection)] == [
            "inheritance 1 is not as the trail has it"
        ]
