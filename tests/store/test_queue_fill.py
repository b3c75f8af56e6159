"""Filling the queue again and again: what the scan says changes, decisions stay."""

import itertools
from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.review import Decision, Origin, State, Wish
from catenary.store import findings, ledger, parts, queue, queue_fill, review_items, reviews
from catenary.store.database import Database
from catenary.store.parts import JoinedPart, View
from catenary.store.queue import Order
from catenary.store.queue_fill import Filled
from catenary.store.review_items import Item, Wanted
from catenary.store.schema import finding, review_item
from tests.store import queues, records
from tests.store.queues import AGEING_DAYS, NOON, WANG


def fill(db: Database, run_id: int, samples=()) -> Filled:
    return queue_fill.fill(db, run_id, list(samples), NOON, AGEING_DAYS)


def items(db: Database) -> list[Item]:
    with db.read() as connection:
        return list(queue.page(connection, Wanted(), Order.RISK, None, 100).items)


def is_due(db: Database, run_id: int) -> bool:
    with db.read() as connection:
        return queue_fill.is_due(connection, run_id)


def test_filling_twice_changes_nothing(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9), queues.pin(2)])
    before = items(db)
    assert fill(db, run_id) == Filled(0, 0, 0)
    assert items(db) == before


def test_a_finding_is_an_item_at_its_place(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    (item,) = items(db)
    assert (item.mast, item.kilometre_m) == (records.ref(1).mast, 1347954.0)
    assert (item.component, item.standing.condition, item.standing.grade) == (
        "dropper",
        "broken",
        1,
    )
    assert (item.origin, item.standing.state) == (Origin.SCAN, State.OPEN)
    assert (item.file_name, item.width, item.height) == ("1.jpg", 6576, 4384)


def test_what_could_not_be_judged_has_a_state_of_its_own(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.pin(1)])
    assert [one.standing.state for one in items(db)] == [State.UNJUDGED]


def test_new_findings_are_added_and_make_the_filling_due(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    assert not is_due(db, run_id)
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(queues.dropper(0, 0.3), None)])
    assert is_due(db, run_id)
    assert fill(db, run_id) == Filled(1, 0, 0)
    assert not is_due(db, run_id)


def test_where_a_run_only_grew_the_rest_is_not_looked_at(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(number, 0.5) for number in range(1, 9)])
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(queues.dropper(0, 0.3), None)])
    filled = fill(db, run_id)
    assert (filled.added, filled.looked) == (1, 1)


def test_an_undecided_item_goes_with_its_finding_and_a_decided_one_stays(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9), queues.dropper(2, 0.5)])
    queues.decide(db, WANG, 1, 0, Decision.REJECT)
    with db.write() as tx:
        tx.execute(delete(finding))
    assert fill(db, run_id) == Filled(0, 0, 1)
    (item,) = items(db)
    assert (item.id, item.finding_id, item.standing.state) == (1, None, State.REJECTED)


def test_a_decided_item_finds_its_evidence_again_and_keeps_the_decision(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    queues.decide(db, WANG, 1, 0, Decision.REJECT)
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(queues.dropper(0, 0.3), None)])
        tx.execute(delete(finding).where(finding.c.id == 1))
        findings.insert_all(tx, run_id, [(queues.dropper(1, 0.2), None)])
    fill(db, run_id)
    item = next(one for one in items(db) if one.id == 1)
    assert (item.finding_id, item.standing.state, item.probability) == (3, State.REJECTED, 0.9)


def test_an_undecided_item_is_what_a_later_scan_says(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    (before,) = items(db)
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(queues.dropper(0, 0.3), None)])
        tx.execute(delete(finding).where(finding.c.id == 1))
        findings.insert_all(tx, run_id, [(queues.dropper(1, 0.2), None)])
    assert fill(db, run_id) == Filled(1, 1, 0)
    item = next(one for one in items(db) if one.id == 1)
    assert (item.probability, item.finding_id) == (0.2, 3)
    assert item.priority == pytest.approx(before.priority - 0.7)


def test_views_that_were_joined_are_one_item(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9), queues.dropper(2, 0.4)])
    box = queues.dropper(1, 0.9).component.box
    with db.read() as connection:
        (state,) = parts.masts(connection, run_id)
    views = (
        View("000001", box, Verdict.DEFECT, "broken", 0.9, 1),
        View("000002", box, Verdict.DEFECT, "broken", 0.4, 2),
    )
    joined = JoinedPart("0123456789ab", "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.98, views)
    with db.write() as tx:
        parts.replace(tx, run_id, state, [joined])
    assert is_due(db, run_id)
    entered = items(db)[0].entered_at
    assert fill(db, run_id) == Filled(0, 1, 1)
    (item,) = items(db)
    assert (item.name, item.views, item.finding_id) == ("0123456789ab", 2, 1)
    assert (item.id, item.entered_at) == (1, entered)  # it has waited as long as before


def test_samples_are_strewn_among_the_others_and_show_what_is_normal(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    normal = records.component("000000")
    assert fill(db, run_id, [normal, replace(normal, x0=0.0)]) == Filled(2, 0, 0)
    found = [one for one in items(db) if one.origin is Origin.SAMPLE]
    assert [(one.verdict, one.standing.condition) for one in found] == [
        (Verdict.NORMAL, "normal")
    ] * 2
    assert found[0].priority != found[1].priority


def test_a_sample_stands_behind_what_was_raised_and_never_first(db: Database, run_id: int):
    """Most of what a run raises is hardly suspect: at an even risk a sample comes before it."""
    queues.fill(db, run_id, [queues.dropper(n, 0.5 - n / 20) for n in range(1, 6)])
    drawn = [replace(records.component("000000"), x0=float(x)) for x in range(25)]
    fill(db, run_id, drawn)
    ranks = [one.origin for one in sorted(items(db), key=lambda one: -one.priority)]
    assert ranks[0] is Origin.SCAN
    places = [n for n, one in enumerate(ranks) if one is Origin.SCAN]
    between = [b - a - 1 for a, b in itertools.pairwise([*places, len(ranks)])]
    assert sum(between) == 25
    assert max(between) <= 12  # strewn among all of them, not in a heap
    fill(db, run_id, drawn)
    assert [one.origin for one in sorted(items(db), key=lambda one: -one.priority)] == ranks


def test_a_sample_that_is_not_drawn_again_goes(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    fill(db, run_id, [records.component("000000")])
    assert fill(db, run_id) == Filled(0, 0, 1)


def test_drawn_items_are_left_alone(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    wish = Wish(Decision.CONFIRM, "slack")
    with db.write() as tx:
        drawn = reviews.Drawn(2, "dropper", Box(1, 1, 20, 40), wish)
        reviews.draw(tx, drawn, WANG, queues.ALONE, NOON)
    assert fill(db, run_id) == Filled(0, 0, 0)
    assert [one.origin for one in items(db)].count(Origin.MANUAL) == 1


def test_what_a_photograph_shows_is_found_by_every_view(db: Database, run_id: int):
    test_views_that_were_joined_are_one_item(db, run_id)
    with db.read() as connection:
        ids = ledger.frame_ids(connection, run_id, {"000001", "000002"})
        for frame_id in ids.values():
            ((item, box),) = review_items.in_frame(connection, frame_id)
            assert item.name == "0123456789ab"
            assert box == queues.dropper(1, 0.9).component.box


def test_what_is_decided_while_the_queue_is_filled_stays_decided(
    db: Database, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    queues.fill(db, run_id, [queues.dropper(1, 0.9), queues.dropper(2, 0.5)])
    with db.write() as tx:
        tx.execute(delete(finding).where(finding.c.id == 1))
        findings.insert_all(tx, run_id, [(queues.dropper(1, 0.2), None)])
        tx.execute(delete(finding).where(finding.c.id == 2))
    real = queue_fill._wanted

    def decided_meanwhile(*arguments: object):
        wanted = list(real(*arguments))
        for item in (1, 2):
            queues.decide(db, WANG, item, 0, Decision.REJECT)
        return wanted

    monkeypatch.setattr(queue_fill, "_wanted", decided_meanwhile)
    monkeypatch.setattr(queue_fill, "_known", lambda *_: known)
    with db.read() as connection:
        known = list(connection.execute(select(review_item)).mappings())
    fill(db, run_id)
    assert {one.id: one.standing.state for one in items(db)} == dict.fromkeys(
        (1, 2), State.REJECTED
    )


def test_two_processes_that_fill_at_once_add_nothing_twice(
    db: Database, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    monkeypatch.setattr(queue_fill, "_known", lambda *_: [])
    fill(db, run_id)
    assert len(items(db)) == 1
