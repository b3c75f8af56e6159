"""Decisions: taken once, kept for ever, read a second time, taken back."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from catenary.domain.geometry import Box
from catenary.domain.review import Decision, Origin, Reader, RefusedError, Role, State, Wish
from catenary.store import audit, queue, review_figures, review_items, reviews, schema
from catenary.store.database import Database
from catenary.store.reviews import Ask, Drawn
from tests.store import queues, records
from tests.store.queues import ALONE, CHEN, LI, NOON, SOON, TOGETHER, VIEWER, WANG, ZHAO


@pytest.fixture
def filled(db: Database, run_id: int) -> Database:
    """Return a queue of two broken droppers and a pin that could not be judged."""
    queues.fill(db, run_id, [queues.dropper(1, 0.9), queues.dropper(2, 0.4), queues.pin(4)])
    return db


def state(db: Database, item: int = 1) -> State:
    with db.read() as connection:
        return review_items.one(connection, item).standing.state


def undo(db: Database, reader: Reader, item: int, version: int) -> review_items.Item:
    with db.write() as tx:
        return reviews.undo(tx, [(item, version)], reader, ALONE, NOON)[0]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision.CONFIRM, State.CONFIRMED),
        (Decision.REJECT, State.REJECTED),
        (Decision.OBSERVE, State.OBSERVED),
        (Decision.CANNOT_JUDGE, State.CANNOT_JUDGE),
    ],
)
def test_a_decision_closes_an_item(filled: Database, decision: Decision, expected: State):
    item = queues.decide(filled, WANG, 1, 0, Wish(decision, note="远景不清"))
    assert (item.standing.state, item.version) == (expected, 1)
    assert (item.standing.reviewer, item.standing.note) == ("wang", "远景不清")
    assert item.standing.decided_at == NOON


def test_a_changed_condition_takes_the_grade_of_the_taxonomy(filled: Database):
    item = queues.decide(filled, WANG, 1, 0, queues.corrected("slack"))
    assert (item.standing.condition, item.standing.grade) == ("slack", 2)


def test_a_part_the_scan_could_not_judge_is_graded_when_it_is_confirmed(filled: Database):
    assert state(filled, 3) is State.UNJUDGED
    item = queues.decide(filled, WANG, 3, 0)
    assert (item.standing.condition, item.standing.grade) == ("missing", 1)


def test_a_condition_that_the_component_cannot_have_is_refused(filled: Database):
    with pytest.raises(RefusedError, match=r"no dropper\.nut_missing; it has: broken") as caught:
        queues.decide(filled, WANG, 1, 0, queues.corrected("nut_missing"))
    assert caught.value.code == "invalid"
    assert state(filled) is State.OPEN


def test_a_box_outside_the_photograph_is_refused(filled: Database):
    wish = Wish(Decision.CONFIRM, box=Box(6000, 10, 7000, 90))
    with pytest.raises(RefusedError, match="within the photograph"):
        queues.decide(filled, WANG, 1, 0, wish)


def test_the_second_of_two_who_saw_the_same_is_told_that_it_is_stale(filled: Database):
    queues.decide(filled, WANG, 1, 0)
    with pytest.raises(RefusedError, match="decided since") as caught:
        queues.decide(filled, LI, 1, 0, Decision.REJECT)
    assert (caught.value.code, caught.value.items) == ("stale", (1,))
    assert state(filled) is State.CONFIRMED


def test_many_decisions_are_taken_all_or_none(filled: Database):
    queues.decide(filled, WANG, 2, 0, Decision.OBSERVE)
    asks = [Ask(1, 0, Wish(Decision.REJECT)), Ask(2, 0, Wish(Decision.REJECT))]
    with pytest.raises(RefusedError, match="1 of 2 items"), filled.write() as tx:
        reviews.decide(tx, asks, WANG, ALONE, NOON)
    assert state(filled) is State.OPEN
    with filled.read() as connection:
        assert audit.head(connection).seq == 1


def test_an_item_named_twice_is_refused(filled: Database):
    asks = [Ask(1, 0, Wish(Decision.REJECT))] * 2
    with pytest.raises(RefusedError, match="named twice"), filled.write() as tx:
        reviews.decide(tx, asks, WANG, ALONE, NOON)


def test_what_somebody_else_holds_cannot_be_decided_until_the_lease_ends(filled: Database):
    with filled.write() as tx:
        (held,) = queue.lease(tx, LI, queue.Asked(), NOON, SOON).items
    with pytest.raises(RefusedError, match="li is deciding") as caught:
        queues.decide(filled, WANG, held.id, 0)
    assert caught.value.code == "leased"
    with filled.write() as tx:
        late = SOON + timedelta(seconds=1)
        reviews.decide(tx, [Ask(held.id, 0, Wish(Decision.REJECT))], WANG, ALONE, late)
    assert state(filled, held.id) is State.REJECTED


def test_a_viewer_decides_nothing(filled: Database):
    with pytest.raises(RefusedError, match="viewer may not") as caught:
        queues.decide(filled, VIEWER, 1, 0)
    assert caught.value.code == "role"


def test_the_decision_of_another_is_changed_by_a_lead_only(filled: Database):
    queues.decide(filled, WANG, 1, 0)
    with pytest.raises(RefusedError, match="decided by wang") as caught:
        queues.decide(filled, LI, 1, 1, Decision.REJECT)
    assert caught.value.code == "not_yours"
    assert queues.decide(filled, ZHAO, 1, 1, Decision.REJECT).standing.state is State.REJECTED
    assert queues.decide(filled, ZHAO, 1, 2, Decision.OBSERVE).version == 3


def test_two_readers_who_agree_close_an_item(filled: Database):
    queues.decide(filled, WANG, 1, 0, rules=TOGETHER)
    assert state(filled) is State.SECOND
    item = queues.decide(filled, LI, 1, 1, rules=TOGETHER)
    assert (item.standing.state, item.standing.reviewer) == (State.CONFIRMED, "li")
    assert item.standing.first_by == "wang"


@pytest.mark.parametrize("wish", [Wish(Decision.REJECT), Wish(Decision.CONFIRM, grade=3)])
def test_two_readers_who_disagree_need_a_lead(filled: Database, wish: Wish):
    queues.decide(filled, WANG, 1, 0, rules=TOGETHER)
    assert queues.decide(filled, LI, 1, 1, wish, TOGETHER).standing.state is State.DISPUTED
    with pytest.raises(RefusedError, match="may not decide what is disputed"):
        queues.decide(filled, CHEN, 1, 2, rules=TOGETHER)
    item = queues.decide(filled, ZHAO, 1, 2, rules=TOGETHER)
    assert item.standing.state is State.CONFIRMED


def test_nobody_reads_second_what_they_read_first(filled: Database):
    queues.decide(filled, LI, 1, 0, rules=TOGETHER)
    with pytest.raises(RefusedError, match="somebody else") as caught:
        queues.decide(filled, LI, 1, 1, rules=TOGETHER)
    assert caught.value.code == "own_reading"


def test_a_lead_settles_no_dispute_of_their_own(filled: Database):
    queues.decide(filled, ZHAO, 1, 0, rules=TOGETHER)
    queues.decide(filled, LI, 1, 1, Decision.REJECT, TOGETHER)
    with pytest.raises(RefusedError, match="neither of its two readers"):
        queues.decide(filled, ZHAO, 1, 2, rules=TOGETHER)
    admin = Reader("admin", Role.ADMIN)
    assert queues.decide(filled, admin, 1, 2, rules=TOGETHER).standing.state is State.CONFIRMED


def test_a_second_reading_that_was_taken_back_counts_for_nobody_once_it_says_otherwise(
    filled: Database,
):
    """On both databases: item 1 is read otherwise after the undo, item 2 the same again."""
    for item in (1, 2):
        queues.decide(filled, WANG, item, 0, rules=TOGETHER)
    for item, again in ((1, Decision.CONFIRM), (2, Decision.REJECT)):
        queues.decide(filled, LI, item, 1, Decision.REJECT, TOGETHER)
        undo(filled, LI, item, 2)
        queues.decide(filled, LI, item, 3, again, TOGETHER)
    assert [state(filled, item) for item in (1, 2)] == [State.DISPUTED, State.DISPUTED]
    with filled.read() as connection:
        told = review_figures.of_reviewers(connection, NOON - timedelta(days=1))
        made = reviews.decisions_of(connection, 1)
        later = review_figures.of_reviewers(connection, NOON + timedelta(days=1))
    assert (told["wang"].seconded, told["wang"].agreed, told["li"].unblind) == (1, 0, 1)
    assert [one.is_blind for one in made] == [True, True, True, False]
    assert later == {}


def test_a_rejection_is_read_again_by_sample(filled: Database):
    queues.decide(filled, WANG, 1, 0, Decision.REJECT, TOGETHER)
    assert state(filled) is State.REJECTED  # TOGETHER samples none


def test_an_undo_brings_back_what_stood(filled: Database):
    with filled.read() as connection:
        before = review_items.one(connection, 1).standing
    wish = Wish(Decision.CONFIRM, "slack", 3, Box(11, 22, 44, 111), "看错")
    queues.decide(filled, WANG, 1, 0, wish)
    item = undo(filled, WANG, 1, 1)
    assert (item.standing, item.version) == (before, 2)
    assert queues.decide(filled, WANG, 1, 2, Decision.REJECT).version == 3


def test_undone_twice_goes_back_two_decisions(filled: Database):
    queues.decide(filled, WANG, 1, 0)
    queues.decide(filled, WANG, 1, 1, Decision.REJECT)
    assert undo(filled, WANG, 1, 2).standing.state is State.CONFIRMED
    assert undo(filled, WANG, 1, 3).standing.state is State.OPEN
    with pytest.raises(RefusedError, match="nothing was decided") as caught:
        undo(filled, WANG, 1, 4)
    assert caught.value.code == "nothing_to_undo"


def test_what_another_decided_after_me_cannot_be_undone(filled: Database):
    queues.decide(filled, WANG, 1, 0, rules=TOGETHER)
    queues.decide(filled, LI, 1, 1, rules=TOGETHER)
    with pytest.raises(RefusedError, match="li decided after you") as caught:
        undo(filled, WANG, 1, 2)
    assert caught.value.code == "not_yours"


def test_those_who_can_undo_are_told(filled: Database):
    queues.decide(filled, WANG, 1, 0)
    queues.decide(filled, LI, 2, 0)
    undo(filled, LI, 2, 1)
    with filled.read() as connection:
        assert reviews.undoable(connection, [1, 2, 3], WANG) == {1}
        assert reviews.undoable(connection, [1, 2, 3], LI) == set()


def test_decisions_tell_who_when_before_and_after(filled: Database):
    queues.decide(filled, WANG, 1, 0, queues.corrected("slack"))
    undo(filled, WANG, 1, 1)
    with filled.read() as connection:
        made, undone = reviews.decisions_of(connection, 1)
    assert (made.made_by, made.role, made.made_at) == ("wang", Role.REVIEWER, NOON)
    assert (made.before.condition, made.after.condition) == ("broken", "slack")
    assert (made.before.state, made.after.state) == (State.OPEN, State.CONFIRMED)
    assert (made.versions.model, made.versions.rules) == ("demo-1", "1@abc")
    assert (made.is_undone, undone.is_undone) == (True, False)
    assert undone.after == made.before


def test_a_missed_defect_is_drawn_and_can_be_taken_back(filled: Database):
    wish = Wish(Decision.CONFIRM, "broken", note="漏检")
    with filled.write() as tx:
        drawn = Drawn(2, "dropper", Box(100, 100, 200, 400), wish)
        item = reviews.draw(tx, drawn, WANG, ALONE, NOON)
    assert (item.origin, item.standing.state, item.standing.grade) == (
        Origin.MANUAL,
        State.CONFIRMED,
        1,
    )
    assert item.mast == records.ref(1).mast
    assert undo(filled, WANG, item.id, 1).standing.state is State.REJECTED
    with pytest.raises(RefusedError, match="drawn already"), filled.write() as tx:
        reviews.draw(tx, drawn, WANG, ALONE, NOON)


def test_a_drawn_defect_is_read_again(filled: Database):
    with filled.write() as tx:
        drawn = Drawn(2, "dropper", Box(1, 1, 20, 40), Wish(Decision.CONFIRM, "slack"))
        item = reviews.draw(tx, drawn, WANG, TOGETHER, NOON)
    assert item.standing.state is State.SECOND
    assert queues.decide(filled, LI, item.id, 1, rules=TOGETHER).standing.state is State.CONFIRMED


def test_nothing_is_drawn_outside_a_photograph(filled: Database):
    drawn = Drawn(2, "dropper", Box(6570, 1, 6577, 40), Wish(Decision.CONFIRM, "slack"))
    with pytest.raises(RefusedError, match="within the photograph"), filled.write() as tx:
        reviews.draw(tx, drawn, WANG, ALONE, NOON)


@pytest.mark.parametrize("table", ["decision", "audit"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {}"])
def test_the_trail_cannot_be_changed(filled: Database, table: str, change: str):
    queues.decide(filled, WANG, 1, 0)
    column = "note = 'x'" if table == "decision" else "content = 'x'"
    with (
        pytest.raises((DatabaseError, IntegrityError), match=f"{table} is append-only"),
        filled.write() as tx,
    ):
        tx.execute(text(change.format(table, column)))


def test_twenty_reviewers_at_once_lose_no_decision_and_make_none_twice(db: Database, run_id: int):
    count = 200
    queues.fill(db, run_id, [queues.dropper(number, 0.5) for number in range(count)])
    won: Counter[int] = Counter()
    lock = threading.Lock()

    def review(number: int) -> None:
        reader = Reader(f"r{number}", Role.REVIEWER)
        while True:
            with db.write() as tx:
                items = queue.lease(tx, reader, queue.Asked(count=3), NOON, SOON).items
            if not items:
                return
            for item in items:
                with db.write() as tx:
                    ask = Ask(item.id, item.version, Wish(Decision.REJECT))
                    reviews.decide(tx, [ask], reader, ALONE, NOON)
                with lock:
                    won[item.id] += 1

    threads = [threading.Thread(target=review, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(1, count + 1))
    assert set(won.values()) == {1}
    with db.read() as connection:
        made = connection.execute(select(func.count()).select_from(schema.decision)).scalar()
        assert made == count
        assert list(audit.verify(connection)) == []


def test_of_twenty_who_decide_the_same_item_at_once_one_is_heard(filled: Database):
    answers: list[str] = []
    ready = threading.Barrier(20)

    def decide(number: int) -> None:
        ready.wait()
        try:
            queues.decide(filled, Reader(f"r{number}", Role.REVIEWER), 1, 0, Decision.REJECT)
        except RefusedError as error:
            answers.append(error.code)
        else:
            answers.append("heard")

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {"heard": 1, "stale": 19}
