"""The closed loop as a browser goes through it."""

from collections.abc import Callable
from typing import Any

import pytest

from catenary.domain.defect_loop import ASKED
from catenary.domain.review import Role
from tests.review.places import RUN, Browser, code

LATE = "2199-01-01T00:00:00Z"


def confirmed(browser: Browser, item: int = 1) -> int:
    """Confirm an item; return its defect."""
    assert browser.decide(item).status_code == 201
    found = browser.get("/api/defects").json()["defects"]
    return next(one["id"] for one in found if one["item_id"] == item)


@pytest.fixture(scope="module")
def standing(looker: Browser) -> int:
    """Return a defect that stays as it is registered."""
    return confirmed(looker)


def agreed(log_in: Callable[[str], Browser]) -> int:
    """Confirm an item as two readers must who have accounts; return its defect."""
    log_in("reviewer").decide(1)
    second = log_in("second")
    assert second.decide(1, 1).status_code == 201
    return int(second.get("/api/defects").json()["defects"][0]["id"])


def step(browser: Browser, defect: int, name: str, version: int, **more: object):
    body = {"step": name, "version": version, **more}
    return browser.post(f"/api/defects/{defect}/steps", body)


def names(allowed: list[dict[str, Any]]) -> list[str]:
    return [one["step"] for one in allowed]


def test_a_confirmed_item_goes_the_whole_way(log_in: Callable[[str], Browser]):
    lead, reviewer = log_in("lead"), log_in("reviewer")
    number = agreed(log_in)
    for version, (who, name, more) in enumerate(
        [
            (lead, "dispatch", {"note": "工区三"}),
            (reviewer, "repair", {"conclusion": "nothing_found"}),
            (reviewer, "reinspect", {}),
            (lead, "close", {}),
        ],
        1,
    ):
        answer = step(who, number, name, version, **more)
        assert answer.status_code == 201, answer.text
    told = answer.json()["defect"]
    assert (told["state"], told["state_label"]["zh"]) == ("closed", "已销号")
    assert (told["due"], told["overdue"], told["conclusion"]) == (None, False, "nothing_found")
    made = told["steps"]
    assert [one["made_by"] for one in made] == ["second", "lead", "reviewer", "reviewer", "lead"]
    assert made[1]["note"] == "工区三"
    assert made[1]["before"]["state"] == "registered"
    assert made[0]["decision_id"] == 2
    assert names(told["allowed"]) == ["reopen"]


def test_the_list_shows_where_what_and_until_when(anybody: Browser):
    number = confirmed(anybody)
    page = anybody.get("/api/defects").json()
    (one,) = page["defects"]
    assert (page["total"], page["overdue"], page["next"]) == (1, 0, None)
    assert (one["id"], one["item_id"], one["run"], one["mast"]["number"]) == (
        number,
        1,
        RUN,
        "D000",
    )
    assert (one["component"], one["condition"], one["grade"]) == ("dropper", "broken", 1)
    assert one["due"] == one["repair_by"]
    assert one["box"] == anybody.get("/api/items/1").json()["box"]
    assert anybody.get(f"/api/items/{one['item_id']}/crop").status_code == 200


def test_a_detail_tells_sightings_suspects_and_later_runs(anybody: Browser):
    told = anybody.get(f"/api/defects/{confirmed(anybody)}").json()
    ((own, item),) = ((one["defect_id"], one["item"]["id"]) for one in told["sightings_of"])
    assert (own, item) == (told["id"], 1)
    assert told["suspects"] == []
    assert told["later"] == []
    assert {one["id"] for one in told["conclusions"]} == {"repaired", "nothing_found"}


def test_filters_count_and_narrow(anybody: Browser):
    for item in (1, 2, 4):
        confirmed(anybody, item)
    anybody.decide(5, grade=2)
    facets = anybody.get("/api/defects/filters", grade=1).json()
    assert facets["total"] == 3
    assert [(one["value"], one["count"]) for one in facets["facets"]["grade"]] == [(1, 3), (2, 1)]
    (state,) = facets["facets"]["state"]
    assert state == {
        "value": "registered",
        "label": {"zh": "已登记", "en": "registered"},
        "count": 3,
    }
    assert anybody.get("/api/defects", mast="D001").json()["total"] == 2
    assert anybody.get("/api/defects", overdue="true").json()["total"] == 0
    assert anybody.get("/api/defects", due_before=LATE).json()["total"] == 4
    first = anybody.get("/api/defects", limit=3).json()
    rest = anybody.get("/api/defects", limit=3, cursor=first["next"]).json()
    assert len(first["defects"]) + len(rest["defects"]) == 4


def test_an_item_names_its_defect_once_it_was_confirmed(anybody: Browser):
    assert anybody.get("/api/items/1").json()["defect"] is None
    number = confirmed(anybody)
    told = anybody.get("/api/items/1").json()["defect"]
    assert (told["id"], told["state"], told["state_label"]["zh"]) == (
        number,
        "registered",
        "已登记",
    )


def test_an_undo_in_the_queue_withdraws_the_defect(anybody: Browser):
    number = confirmed(anybody)
    assert anybody.post("/api/items/1/undo", {"version": 1}).status_code == 201
    assert anybody.get("/api/defects").json()["total"] == 0
    assert anybody.get(f"/api/defects/{number}").json()["state"] == "withdrawn"
    assert anybody.get("/api/defects", state="withdrawn").json()["total"] == 1


def test_two_browsers_on_one_defect_make_one_step(log_in: Callable[[str], Browser]):
    lead, admin = log_in("lead"), log_in("admin")
    number = agreed(log_in)
    assert step(lead, number, "dispatch", 1).status_code == 201
    answer = step(admin, number, "dispatch", 1)
    assert (answer.status_code, code(answer)) == (409, "stale")
    assert answer.json()["error"]["current"] is None
    assert len(admin.get(f"/api/defects/{number}").json()["steps"]) == 2


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SECOND])
@pytest.mark.parametrize("name", ["dispatch", "extend"])
def test_leads_alone_dispatch_and_delay(log_in: Callable[[str], Browser], role: Role, name: str):
    browser = log_in(str(role))
    number = agreed(log_in)
    more = {"due": LATE, "note": "why"} if name == "extend" else {}
    answer = step(browser, number, name, 1, **more)
    assert (answer.status_code, code(answer)) == (403, "role")
    shown = browser.get(f"/api/defects/{number}").json()
    assert name not in names(shown["allowed"])


@pytest.mark.parametrize(
    "body",
    [
        {"step": "close"},
        {"step": "repair", "conclusion": "repaired"},
        {"step": "send_back", "note": "x"},
        {"step": "extend", "due": LATE},
        {"step": "extend", "due": LATE, "note": "  "},
        {"step": "extend", "due": "2001-01-01T00:00:00Z", "note": "x"},
        {"step": "extend", "due": "2199-01-01T00:00:00", "note": "x"},
        {"step": "extend", "due": "9999-12-31T23:59:59-12:00", "note": "x"},
        {"step": "same_as"},
        {"step": "same_as", "of": 99},
        {"step": "same_as", "of": 1},
        {"step": "register"},
        {"step": "withdraw"},
        {"step": "burn"},
        {"step": "dispatch", "conclusion": "repaired"},
        {"step": "dispatch", "note": "x" * 2001},
        {"step": "dispatch", "more": 1},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    looker: Browser, standing: int, body: dict[str, Any]
):
    answer = looker.post(f"/api/defects/{standing}/steps", {"version": 1, **body})
    assert answer.status_code == 422
    assert code(answer) in {"invalid", "no_defect", "too_early"}
    assert looker.get(f"/api/defects/{standing}").json()["version"] == 1


@pytest.mark.parametrize(
    "params",
    [
        {"grade": 4},
        {"state": "lost"},
        {"cursor": "x"},
        {"limit": 0},
        {"due_before": "soon"},
        {"order": "risk"},
        {"colour": "red"},
    ],
)
def test_filters_that_cannot_be_are_refused(looker: Browser, params: dict[str, Any]):
    assert code(looker.get("/api/defects", **params)) == "invalid"


def test_what_is_allowed_can_be_done_as_it_says(anybody: Browser):
    """Walk by the buttons that the server offers, filling in only what they need."""
    number = confirmed(anybody)
    values = {"note": "why", "conclusion": "repaired", "due": LATE}
    taken: set[str] = set()
    for _ in range(12):
        shown = anybody.get(f"/api/defects/{number}").json()
        offered = [one for one in shown["allowed"] if "of" not in one["needs"]]
        one = next((each for each in offered if each["step"] not in taken), offered[0])
        more = {name: values[name] for name in one["needs"]}
        answer = step(anybody, number, one["step"], shown["version"], **more)
        assert answer.status_code == 201, (one, answer.text)
        taken.add(one["step"])
    assert taken == {str(one) for one in ASKED} - {"same_as", "not_same", "split"}


def test_names_with_markup_come_back_as_they_are(anybody: Browser):
    number = confirmed(anybody)
    note = "<script>alert(1)</script>"
    told = step(anybody, number, "dispatch", 1, note=note).json()["defect"]
    assert told["steps"][-1]["note"] == note
