"""Photographs given to another mast through the server."""

from collections.abc import Callable

import pytest

from catenary.domain.errors import RunBusyError
from catenary.review.site import Site
from tests.review.places import RUN, Browser, code

FIRST, LAST = 3, 6  # photographs of the first mast and of the second: 1 to 3 and 4 to 6


def move(browser: Browser, *frames: int, to_mast: str | None = "D001", why: str = "shot too late"):
    return browser.post(
        "/api/frames/move", {"frames": list(frames), "to_mast": to_mast, "why": why}
    )


def mast_of(browser: Browser, frame: int) -> str:
    return browser.get(f"/api/frames/{frame}").json()["mast"]["number"]


def test_a_photograph_goes_to_its_mast_with_its_items_and_a_trace(log_in: Callable[[str], Browser]):
    lead = log_in("lead")
    answer = move(lead, FIRST)
    assert answer.status_code == 200
    (told,) = answer.json()["moved"]
    assert (told["before"]["number"], told["after"]["number"]) == ("D000", "D001")
    assert (told["made_by"], told["why"]) == ("lead", "shot too late")
    for mast, frames in ((1, [1, 2]), (LAST, [3, 4, 5, 6])):
        shown = lead.get(f"/api/masts/{mast}").json()
        assert [one["frame_id"] for one in shown["photographs"]] == frames
        assert shown["moved"] == [told]
    assert lead.get("/api/items/3").json()["mast"]["number"] == "D001"
    left = lead.get("/api/queue", mast="D000", component="dropper").json()["items"]
    assert [one["id"] for one in left] == [1, 2]


def test_a_mast_keeps_its_place_and_kilometre(anybody: Browser):
    move(anybody, 1, 2)
    masts = anybody.get("/api/masts", run=RUN).json()["masts"]
    assert [(one["number"], one["kilometre_m"]) for one in masts] == [
        ("D000", 1002),
        ("D001", 1003),
    ]
    move(anybody, FIRST)  # and where nothing else is left, those that were given tell them
    (mast,) = anybody.get("/api/masts", run=RUN).json()["masts"]
    assert (mast["number"], mast["kilometre_m"], mast["frames"]) == ("D001", 1003, 6)


def test_a_decision_goes_with_its_photograph(anybody: Browser):
    anybody.decide(FIRST)
    assert move(anybody, FIRST).status_code == 200
    kept = list(anybody.get("/api/queue", state="confirmed").json()["items"])
    assert [(one["mast"]["number"], one["frame_id"]) for one in kept] == [("D001", FIRST)]


def test_a_photograph_of_no_mast_is_taken_away_only_where_that_is_said(anybody: Browser):
    (told,) = move(anybody, FIRST, to_mast=None).json()["moved"]
    assert (told["before"]["number"], told["after"]) == ("D000", None)
    assert anybody.get(f"/api/frames/{FIRST}").json()["mast"] is None


@pytest.mark.parametrize(
    ("frames", "to_mast", "why", "status", "reason"),
    [
        ([99], "D001", "x", 404, "not_found"),
        ([FIRST], "D999", "x", 404, "no_mast"),
        ([FIRST], "none", "x", 404, "no_mast"),
        ([FIRST], "D001", " ", 422, "invalid"),
        ([FIRST], "", "x", 422, "invalid"),
        ([], "D001", "x", 422, "invalid"),
    ],
)
def test_what_cannot_be_moved_is_refused_and_stays(
    anybody: Browser, frames: list[int], to_mast: str, why: str, status: int, reason: str
):
    answer = move(anybody, *frames, to_mast=to_mast, why=why)
    assert (answer.status_code, code(answer)) == (status, reason)
    assert mast_of(anybody, FIRST) == "D000"
    assert anybody.get("/api/masts/1").json()["moved"] == []


def test_nothing_moves_while_the_run_is_scanned(site: Site, anybody: Browser):
    with site.workspace.scanning(RUN):
        answer = move(anybody, FIRST)
        with pytest.raises(RunBusyError), site.workspace.scanning(RUN):
            pass
    assert (answer.status_code, code(answer)) == (409, "run_busy")
    assert mast_of(anybody, FIRST) == "D000"
    assert move(anybody, FIRST).status_code == 200
