"""Known defects shown again: they look new, and an answer changes nothing but the figures."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from catenary.review import vigil
from catenary.review.site import Site
from catenary.store import audit, review_items
from tests.review.places import Browser, code


@pytest.fixture
def known(log_in: Callable[[str], Browser]) -> int:
    """Return an item that two readers confirmed."""
    log_in("reviewer").decide(1, condition="slack")
    assert log_in("second").decide(1, 1, condition="slack").json()["item"]["state"] == "confirmed"
    return 1


@pytest.fixture
def awake(staffed: Site, known: int, log_in: Callable[[str], Browser]) -> Browser:
    """Return the browser of a lead, who is shown every known defect once."""
    settings = type(staffed.settings)(vigilance_share=1.0)
    object.__setattr__(staffed, "settings", settings)
    return log_in("lead")


def lease(browser: Browser) -> list[dict]:
    return browser.post("/api/queue/lease", {"n": 3}).json()["items"]


def test_a_known_defect_looks_new(awake: Browser, known: int):
    items = {one["id"]: one for one in lease(awake)}
    assert len(items) == 4
    shown = items[known]
    fresh = next(one for number, one in items.items() if number != known)
    for field in ("state", "version", "reviewer", "decisions", "can_undo", "allowed", "held_by"):
        assert shown[field] == fresh[field], field
    assert shown["condition"] == "broken"  # as the scan said
    assert awake.get(f"/api/items/{known}").json()["state"] == "open"


def test_nobody_can_tell_it_by_its_place(staffed: Site, known: int):
    with staffed.db.read() as connection:
        there = {one.id: one for one in review_items.by_ids(connection, [1, 2, 3])}
    old, new = there.pop(known), list(there.values())
    assert all(old.priority > one.priority for one in new)  # it would stand first
    shown = [[one.id for one in vigil.among(new, [old])] for _ in range(100)]
    assert {ids.index(known) for ids in shown} == {0, 1, 2}
    in_order = [one.id for one in sorted(new, key=lambda one: -one.priority)]
    assert all([number for number in ids if number != known] == in_order for ids in shown)


def test_an_answer_changes_no_item_and_counts(
    staffed: Site, awake: Browser, known: int, log_in: Callable[[str], Browser]
):
    lease(awake)
    item = awake.decide(known, 0, "reject").json()["item"]
    assert (item["version"], item["reviewer"]) == (1, "lead")
    stands = log_in("viewer").get(f"/api/items/{known}").json()
    assert (stands["state"], stands["version"], stands["condition"]) == ("confirmed", 2, "slack")
    told = {one["name"]: one for one in awake.get("/api/statistics").json()["reviewers"]}
    assert (told["lead"]["vigilance"]["agreed"], told["lead"]["vigilance"]["total"]) == (0, 1)
    with staffed.db.read() as connection:
        assert list(audit.verify(connection)) == []


def test_an_answer_can_be_taken_back(awake: Browser, known: int):
    lease(awake)
    awake.decide(known, 0, "reject")
    item = awake.post(f"/api/items/{known}/undo", {"version": 1}).json()["item"]
    assert (item["state"], item["version"]) == ("open", 0)
    assert awake.decide(known, 0, "confirm").status_code == 201
    told = {one["name"]: one for one in awake.get("/api/statistics").json()["reviewers"]}
    assert (told["lead"]["vigilance"]["agreed"], told["lead"]["vigilance"]["total"]) == (1, 1)


def test_it_is_shown_once_and_not_to_those_who_read_it(
    awake: Browser, known: int, log_in: Callable[[str], Browser]
):
    assert known in [one["id"] for one in lease(awake)]
    assert known not in [one["id"] for one in lease(awake)]
    for name in ("reviewer", "second"):
        assert known not in [one["id"] for one in lease(log_in(name))]


def test_a_contact_sheet_may_hold_one(awake: Browser, known: int):
    lease(awake)
    sheet = [{"item": one, "version": 0, "decision": "reject"} for one in (2, known)]
    told = awake.post("/api/decisions", {"decisions": sheet}).json()["items"]
    assert [(one["id"], one["version"]) for one in told] == [(2, 1), (known, 1)]


def test_whoever_is_not_shown_it_is_told_that_it_is_stale(
    known: int, log_in: Callable[[str], Browser]
):
    answer = log_in("lead").decide(known, 0, "reject")
    assert (answer.status_code, code(answer)) == (409, "stale")


def test_it_stays_on_the_screen_with_the_others(awake: Browser, known: int):
    ids = [one["id"] for one in lease(awake)]
    told = awake.post("/api/queue/lease", {"n": 0, "keep": ids}).json()
    assert told["kept"] == sorted(ids)


def test_a_decision_on_the_item_as_it_stands_is_no_answer(awake: Browser, known: int):
    lease(awake)
    item = awake.decide(known, 2, "reject").json()["item"]  # a lead revises what two confirmed
    assert (item["state"], item["version"]) == ("rejected", 3)
    told = {one["name"]: one for one in awake.get("/api/statistics").json()["reviewers"]}
    assert told["lead"]["vigilance"]["total"] == 0


def test_after_the_day_it_looks_as_it_stands(staffed: Site, awake: Browser, known: int):
    lease(awake)
    later = staffed.clock() + timedelta(hours=13)
    settings = type(staffed.settings)(idle_minutes=6000.0)
    object.__setattr__(staffed, "settings", settings)
    object.__setattr__(staffed, "clock", lambda: later)
    staffed.teller._clock = staffed.clock
    assert awake.get(f"/api/items/{known}").json()["state"] == "confirmed"
