"""Second readings and known defects: the answers tell nobody's name and nothing that was said."""

import csv
import io
import json
import zipfile
from collections.abc import Callable

import pytest

from catenary.review import report_process
from catenary.review.site import Site
from tests.review.places import Browser, code
from tests.review.test_reports import ended
from tests.review.test_roles import ROUTES

LogIn = Callable[[str], Browser]
BOX = [12.0, 22.0, 44.0, 210.0]


@pytest.fixture
def read_once(log_in: LogIn) -> int:
    """Return an item that a reviewer confirmed otherwise than the scan, with a note."""
    said = {"condition": "slack", "grade": 3, "note": "hangs low", "box": BOX}
    assert log_in("reviewer").decide(1, **said).json()["item"]["state"] == "second"
    return 1


def leased(browser: Browser, number: int) -> dict:
    items = browser.post("/api/queue/lease", {"n": 10}).json()["items"]
    return next(one for one in items if one["id"] == number)


@pytest.mark.parametrize("name", ["second", "lead", "admin"])
def test_a_second_reading_looks_like_a_first_one(log_in: LogIn, read_once: int, name: str):
    browser = log_in(name)
    item = leased(browser, read_once)
    fresh = browser.get("/api/items/2").json()
    for field in ("state", "reviewer", "decided_at", "note", "decisions", "can_undo", "allowed",
                  "held_by", "defect", "inherited", "condition", "grade"):  # fmt: skip
        assert item[field] == fresh[field], field
    assert item["box"] == [10.0, 20.0, 40.0, 220.5]
    assert browser.get(f"/api/items/{read_once}").json()["state"] == "open"


def reviewers(browser: Browser, **filters: str) -> dict[str | None, int]:
    facets = browser.get("/api/queue/filters", **filters).json()["facets"]
    return {one["value"]: one["count"] for one in facets["reviewer"]}


@pytest.mark.parametrize("name", ["second", "lead"])
def test_no_filter_tells_a_second_reader_who_read_first(log_in: LogIn, read_once: int, name: str):
    log_in("reviewer").decide(2, decision="reject")
    browser, first = log_in(name), log_in("reviewer")
    assert reviewers(browser, state="second") == {"": 1}
    nobodys = browser.get("/api/queue", reviewer="", state="second").json()["items"]
    assert [one["id"] for one in nobodys] == [read_once]
    assert reviewers(browser)["reviewer"] == 1  # of what is decided: no secret
    assert reviewers(first, state="second") == {"reviewer": 1}
    for who, others, states in ((browser, 1, ["rejected"]), (first, 2, ["rejected", "second"])):
        listed = who.get("/api/queue", reviewer="reviewer").json()
        assert listed["total"] == others
        assert sorted(one["state"] for one in listed["items"]) == states
    asked = {"n": 10, "filters": {"reviewer": ["reviewer"], "state": ["second"]}}
    assert browser.post("/api/queue/lease", asked).json()["items"] == []


def counts(browser: Browser, name: str, **filters: str | int) -> dict[object, int]:
    facets = browser.get("/api/queue/filters", **filters).json()["facets"]
    return {one["value"]: one["count"] for one in facets[name]}


@pytest.mark.parametrize("name", ["second", "lead"])
def test_no_filter_tells_a_second_reader_what_the_first_one_said(
    log_in: LogIn, read_once: int, name: str
):
    """Read as slack and of grade 3; the scan said broken and of grade 1."""
    browser, first = log_in(name), log_in("reviewer")
    assert counts(browser, "condition", state="second") == {"broken": 1}
    assert counts(browser, "grade", state="second") == {1: 1}
    assert counts(first, "condition", state="second") == {"slack": 1}
    assert counts(first, "grade", state="second") == {3: 1}
    told, known = counts(browser, "condition"), counts(first, "condition")
    assert (known.pop("slack"), told["broken"]) == (1, known["broken"] + 1)
    assert told.keys() == known.keys()
    for asked in ({"condition": "slack"}, {"grade": 3}):
        assert browser.get("/api/queue", **asked).json()["items"] == []
        assert browser.get("/api/queue/filters", **asked).json()["total"] == 0
        assert [one["id"] for one in first.get("/api/queue", **asked).json()["items"]] == [
            read_once
        ]
        lists = {key: [value] for key, value in asked.items()}
        leased_ = browser.post("/api/queue/lease", {"n": 10, "filters": lists}).json()
        assert (leased_["items"], leased_["waiting"]) == ([], 0)
    for asked in ({"condition": "broken"}, {"grade": 1}):
        ids = [one["id"] for one in browser.get("/api/queue", **asked).json()["items"]]
        assert read_once in ids
        lists = {key: [value] for key, value in asked.items()}
        held = browser.post("/api/queue/lease", {"n": 10, "filters": lists, "release": ids}).json()
        assert read_once in [one["id"] for one in held["items"]]


def test_no_answer_to_a_second_reader_holds_what_the_first_one_said(log_in: LogIn, read_once: int):
    browser = log_in("second")
    frame = browser.get(f"/api/items/{read_once}").json()["frame_id"]
    mast = browser.get(f"/api/items/{read_once}").json()["mast"]["id"]
    answers = [
        browser.post("/api/queue/lease", {"n": 10}),
        browser.get(f"/api/items/{read_once}"),
        browser.get("/api/queue"),
        browser.get("/api/queue", state="second"),
        browser.get(f"/api/frames/{frame}"),
        browser.get(f"/api/masts/{mast}"),
        browser.decide(read_once, 0),  # stale: tells what stands
    ]
    assert code(answers[-1]) == "stale"
    for answer in answers:
        text = json.dumps(answer.json())
        assert "hangs low" not in text
        assert '"slack"' not in text
        assert "reviewer" not in [one["reviewer"] for one in items_in(answer.json())]
        assert BOX not in [one["box"] for one in items_in(answer.json())]


@pytest.mark.parametrize("name", ["second", "lead", "admin"])
def test_no_route_tells_a_second_reader_what_the_first_one_said(
    log_in: LogIn, read_once: int, name: str
):
    assert read_once
    browser = log_in(name)
    wrong = []
    for method, route, path, *_ in ROUTES:
        if method != "GET" or route in ("/api/taxonomy", "/api/accounts", "/api/session"):
            continue  # names of conditions and of people, whatever was said
        if route == "/api/statistics" and name != "second":
            continue  # how many decisions each person made: what a lead is there for
        told = browser.get(path).text
        secrets = ("hangs low", "slack", ': "reviewer"', ':"reviewer"')
        wrong += [(route, said) for said in secrets if said in told]
    assert wrong == []


def test_a_report_tells_nobody_what_one_reader_alone_said(
    site: Site, log_in: LogIn, read_once: int
):
    assert read_once
    site.exports.make = lambda place, order, path, _: report_process.write(place, order, path)
    log_in("lead").decide(2, decision="reject")
    log_in("lead").decide(2, 1, decision="reject")
    browser = log_in("second")
    for asked in ({}, {"filters": {"condition": ["broken"]}}):
        table = report(browser, **asked)
        rows = {row["part"]: row for row in csv.DictReader(io.StringIO(table))}
        waiting = [row for row in rows.values() if row["decision"] == "second"]
        assert [(row["reviewer"], row["note"], row["decided_at"]) for row in waiting] == [
            ("", "", "")
        ]
        assert "slack" not in table
    assert browser.post("/api/reports", {"run_id": 1, "format": "csv", "filters": {
        "condition": ["slack"]}}).status_code == 202  # fmt: skip
    assert ended(browser)["problem"]["code"] == "nothing"


def report(browser: Browser, **more: object) -> str:
    asked = {"run_id": 1, "format": "csv", "decided": False, **more}
    assert browser.post("/api/reports", asked).status_code == 202
    done = ended(browser)
    with zipfile.ZipFile(
        io.BytesIO(browser.get(f"/api/reports/{done['id']}/file").content)
    ) as found:
        return found.read("findings.csv").decode("utf-8-sig")


def items_in(told: object) -> list[dict]:
    """Return every item of an answer, however deep."""
    if isinstance(told, dict):
        own = [told] if {"box", "reviewer"} <= set(told) else []
        return own + [one for each in told.values() for one in items_in(each)]
    return [one for each in told for one in items_in(each)] if isinstance(told, list) else []


def test_the_picture_is_that_of_the_box_of_the_scan(log_in: LogIn, read_once: int):
    browser = log_in("second")
    crop = browser.get(f"/api/items/{read_once}").json()["crop"]
    shown = browser.get(f"/api/items/{read_once}/crop").content
    corrected = log_in("reviewer").get(f"/api/items/{read_once}/crop").content
    assert crop["x0"] == 0
    assert shown != corrected


def test_lists_still_find_what_waits_for_a_second_reading(log_in: LogIn, read_once: int):
    found = log_in("second").get("/api/queue", state="second").json()
    assert [(one["id"], one["state"], one["condition"]) for one in found["items"]] == [
        (read_once, "second", "broken")
    ]


def test_others_see_what_was_said(log_in: LogIn, read_once: int):
    for name in ("reviewer", "viewer"):
        item = log_in(name).get(f"/api/items/{read_once}").json()
        assert (item["state"], item["condition"], item["reviewer"]) == (
            "second",
            "slack",
            "reviewer",
        )


def test_agreeing_is_saying_the_same_and_not_pressing_the_same_key(log_in: LogIn, read_once: int):
    """Who confirms what the scan said has not confirmed what the first reader made of it."""
    version = leased(log_in("second"), read_once)["version"]
    item = log_in("second").decide(read_once, version).json()["item"]
    assert (item["state"], item["condition"]) == ("disputed", "broken")
    assert len(item["decisions"]) == 2
    settled = log_in("lead").decide(read_once, item["version"], condition="slack").json()["item"]
    assert settled["state"] == "confirmed"


def test_who_sees_the_same_agrees_and_the_corrected_box_stays(log_in: LogIn, read_once: int):
    item = log_in("second").decide(read_once, 1, condition="slack", grade=3).json()["item"]
    assert (item["state"], item["box"]) == ("confirmed", BOX)


def test_a_rejection_that_is_read_again_is_as_blind(site: Site, log_in: LogIn):
    settings = type(site.settings)(second_rejected=1.0)
    object.__setattr__(site, "settings", settings)
    log_in("reviewer").decide(3, decision="reject", condition="no_part", note="a branch")
    browser = log_in("second")
    item = leased(browser, 3)
    assert (item["state"], item["condition"], item["note"]) == ("open", "broken", "")
    after = browser.decide(3, 1, decision="reject").json()["item"]
    assert (after["state"], after["condition"]) == ("rejected", "no_part")


def test_an_answer_to_a_known_defect_looks_like_any_decision(site: Site, log_in: LogIn):
    log_in("reviewer").decide(1)
    log_in("second").decide(1, 1)
    settings = type(site.settings)(vigilance_share=1.0)
    object.__setattr__(site, "settings", settings)
    browser = log_in("lead")
    shown = leased(browser, 1)
    fresh = browser.decide(2).json()["item"]
    answered = browser.decide(1, shown["version"]).json()["item"]
    assert set(answered) == set(fresh)
    assert (answered["can_undo"], answered["defect"]) == (fresh["can_undo"], fresh["defect"])
    for field in ("state", "version", "reviewer", "inherited"):
        assert answered[field] == fresh[field], field
    assert answered["decisions"] == []
    again = browser.get("/api/items/1").json()  # as when one goes back to it
    for field in ("state", "version", "reviewer", "can_undo", "decisions", "defect", "note"):
        assert again[field] == answered[field], field
    assert browser.post("/api/items/1/undo", {"version": 1}).status_code == 201
    assert browser.get("/api/items/1").json()["state"] == "open"


def test_a_known_defect_looks_new_in_every_list(site: Site, log_in: LogIn):
    log_in("reviewer").decide(1)
    log_in("second").decide(1, 1)
    settings = type(site.settings)(vigilance_share=1.0)
    object.__setattr__(site, "settings", settings)
    browser = log_in("lead")
    item = leased(browser, 1)
    for answer in (browser.get("/api/queue"), browser.get(f"/api/frames/{item['frame_id']}")):
        (told,) = [one for one in items_in(answer.json()) if one["id"] == 1]
        assert (told["state"], told["version"], told["reviewer"]) == ("open", 0, None)


def undone(browser: Browser, number: int) -> dict:
    version = browser.get(f"/api/items/{number}").json()["version"]
    return browser.post(f"/api/items/{number}/undo", {"version": version}).json()["item"]


def figures(browser: Browser, name: str) -> dict:
    told = browser.get("/api/statistics").json()["reviewers"]
    return next(one for one in told if one["name"] == name)


def test_who_took_a_second_reading_back_does_not_close_it_by_agreeing(
    log_in: LogIn, read_once: int
):
    """A reader who sees what the first one said, and then says so too, has not read blind."""
    second, lead = log_in("second"), log_in("lead")
    assert leased(second, read_once)["read_before"] is False
    assert second.decide(read_once, 1).json()["item"]["state"] == "disputed"
    told = undone(second, read_once)
    assert (told["state"], told["read_before"], told["decisions"]) == ("open", True, [])
    assert lead.get(f"/api/items/{read_once}").json()["read_before"] is False
    again = second.decide(read_once, 3, condition="slack", grade=3).json()["item"]
    assert again["state"] == "disputed"
    assert [one["blind"] for one in again["decisions"]] == [True, True, True, False]
    assert figures(lead, "reviewer")["second_reading"]["total"] == 0
    assert figures(lead, "second")["not_blind"] == 1
    settled = lead.decide(read_once, 4, condition="slack", grade=3).json()["item"]
    assert settled["state"] == "confirmed"


def test_the_same_said_again_is_as_blind_as_before(log_in: LogIn, read_once: int):
    """As where a whole contact sheet is taken back for one exception."""
    second, lead = log_in("second"), log_in("lead")
    for version in (1, 3):
        again = second.decide(read_once, version, condition="slack", grade=3).json()["item"]
        assert (again["state"], again["decisions"][-1]["blind"]) == ("confirmed", True)
        if version == 1:
            undone(second, read_once)
    assert figures(lead, "second")["not_blind"] == 0
    agreement = figures(lead, "reviewer")["second_reading"]
    assert (agreement["agreed"], agreement["total"]) == (1, 1)


def test_another_second_reader_reads_it_blind(log_in: LogIn, read_once: int):
    second, lead = log_in("second"), log_in("lead")
    second.decide(read_once, 1, decision="reject")
    undone(second, read_once)
    again = lead.decide(read_once, 3, condition="slack", grade=3).json()["item"]
    assert (again["state"], again["decisions"][-1]["blind"]) == ("confirmed", True)
