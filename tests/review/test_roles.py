"""Every route against every role: nobody passes who should not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.routing import Route

from catenary.review import app
from catenary.review.site import Site
from tests.review.conftest import client
from tests.review.places import PASSWORD, ROLES, RUN, Browser, code

NOBODY, VIEWER, REVIEWER, LEAD, ADMIN = (
    0,
    1,
    2,
    4,
    5,
)  # the least that a route needs, a place in the ranks
RANKS = {"nobody": NOBODY} | {str(role): rank for rank, role in enumerate(ROLES, 1)}
BOX = [100, 100, 200, 300]
# Method, route, path, body, the least rank, and the status for whoever may.
ROUTES: list[tuple[str, str, str, object, int, int]] = [
    ("GET", "/api/session", "/api/session", None, NOBODY, 200),
    ("GET", "/api/queue", "/api/queue", None, VIEWER, 200),
    ("GET", "/api/queue/filters", "/api/queue/filters", None, VIEWER, 200),
    ("POST", "/api/queue/lease", "/api/queue/lease", {"n": 0}, REVIEWER, 200),
    ("GET", "/api/items/{item_id}", "/api/items/1", None, VIEWER, 200),
    ("GET", "/api/items/{item_id}/crop", "/api/items/1/crop", None, VIEWER, 200),
    (
        "POST",
        "/api/items/{item_id}/decisions",
        "/api/items/1/decisions",
        {"decision": "reject", "version": 0},
        REVIEWER,
        201,
    ),
    (
        "POST",
        "/api/decisions",
        "/api/decisions",
        {"decisions": [{"item": 2, "decision": "reject", "version": 0}]},
        REVIEWER,
        201,
    ),
    ("POST", "/api/items/{item_id}/undo", "/api/items/3/undo", {"version": 0}, REVIEWER, 409),
    ("POST", "/api/undo", "/api/undo", {"items": [{"item": 3, "version": 0}]}, REVIEWER, 409),
    ("GET", "/api/frames/{frame_id}", "/api/frames/1", None, VIEWER, 200),
    (
        "GET",
        "/api/frames/{frame_id}/tiles/{level}/{column}_{row}.jpg",
        "/api/frames/1/tiles/11/0_0.jpg",
        None,
        VIEWER,
        200,
    ),
    (
        "GET",
        "/api/frames/{frame_id}/crop",
        "/api/frames/1/crop?x=0&y=0&width=9&height=9",
        None,
        VIEWER,
        200,
    ),
    (
        "POST",
        "/api/frames/{frame_id}/findings",
        "/api/frames/1/findings",
        {"component": "dropper", "condition": "slack", "box": BOX},
        REVIEWER,
        201,
    ),
    (
        "POST",
        "/api/frames/move",
        "/api/frames/move",
        {"frames": [2], "to_mast": "D999", "why": "shot too late"},
        LEAD,
        404,
    ),
    ("GET", "/api/defects", "/api/defects", None, VIEWER, 200),
    ("GET", "/api/defects/filters", "/api/defects/filters", None, VIEWER, 200),
    ("GET", "/api/defects/{defect_id}", "/api/defects/1", None, VIEWER, 404),
    (
        "POST",
        "/api/defects/{defect_id}/steps",
        "/api/defects/1/steps",
        {"step": "repair", "version": 1, "conclusion": "repaired"},
        REVIEWER,
        404,
    ),
    ("GET", "/api/masts", f"/api/masts?run={RUN}", None, VIEWER, 200),
    ("GET", "/api/masts/{mast_id}", "/api/masts/1", None, VIEWER, 200),
    ("GET", "/api/taxonomy", "/api/taxonomy", None, VIEWER, 200),
    ("GET", "/api/runs", "/api/runs", None, VIEWER, 200),
    ("GET", "/api/statistics", "/api/statistics", None, VIEWER, 200),
    ("GET", "/api/reports", "/api/reports", None, REVIEWER, 200),
    (
        "POST",
        "/api/reports",
        "/api/reports",
        {"run_id": 99, "format": "csv"},
        REVIEWER,
        404,
    ),
    ("DELETE", "/api/reports/{report_id}", "/api/reports/x", None, REVIEWER, 404),
    ("GET", "/api/reports/{report_id}/file", "/api/reports/x/file", None, REVIEWER, 404),
    ("GET", "/api/accounts", "/api/accounts", None, ADMIN, 200),
    (
        "POST",
        "/api/accounts",
        "/api/accounts",
        {"name": "sun", "role": "viewer", "password": PASSWORD},
        ADMIN,
        201,
    ),
    (
        "POST",
        "/api/accounts/{account_id}/role",
        "/api/accounts/1/role",
        {"role": "reviewer", "was": "viewer"},
        ADMIN,
        200,
    ),
    (
        "POST",
        "/api/accounts/{account_id}/password",
        "/api/accounts/2/password",
        {"password": PASSWORD},
        ADMIN,
        200,
    ),
    (
        "POST",
        "/api/accounts/{account_id}/disable",
        "/api/accounts/3/disable",
        None,
        ADMIN,
        200,
    ),
    ("POST", "/api/accounts/{account_id}/enable", "/api/accounts/3/enable", None, ADMIN, 200),
    (
        "POST",
        "/api/session/password",
        "/api/session/password",
        {"old": PASSWORD, "new": "another " + PASSWORD},
        VIEWER,
        200,
    ),
    ("DELETE", "/api/session", "/api/session", None, VIEWER, 200),  # last: it ends the session
]
OPEN = {("POST", "/api/session")}  # tested in test_session.py


def expected(rank: int, least: int, passed: int) -> int:
    if rank >= least:
        return passed
    return 401 if rank == NOBODY else 403


@pytest.mark.parametrize("who", RANKS)
def test_each_route_lets_pass_whom_it_should_and_nobody_else(
    staffed: Site, log_in: Callable[[str], Browser], who: str
):
    wrong = []
    browser = Browser(client(staffed)) if who == "nobody" else log_in(who)
    for method, route, path, body, least, passed in ROUTES:
        answer = browser.client.request(
            method,
            path,
            json=body,
            headers={"X-CSRF-Token": browser.token} if method != "GET" else {},
        )
        if answer.status_code != expected(RANKS[who], least, passed):
            wrong.append((method, route, answer.status_code, answer.text[:100]))
    assert wrong == []


def test_the_table_above_has_every_route_of_the_site(site: Site):
    description = app.create_app(site).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in description.items() for method in methods}
    assert routes == {(method, route) for method, route, *_ in ROUTES} | OPEN
    plain = {route.path for route in app.create_app(site).routes if isinstance(route, Route)}
    assert plain <= {"/api/openapi.json", "/{page:path}"} | {route for _, route in routes}


def test_no_change_without_the_token(staffed: Site, log_in: Callable[[str], Browser]):
    browser, passed = log_in("admin"), []
    for method, _, path, body, *_ in ROUTES:
        if method == "GET":
            continue
        for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": staffed.secret}):
            answer = browser.client.request(method, path, json=body, headers=headers)
            if (answer.status_code, code(answer)) != (403, "csrf"):
                passed.append((method, path, headers))
    assert passed == []


def test_no_change_from_another_page_even_with_the_token(log_in: Callable[[str], Browser]):
    browser = log_in("admin")
    headers = {"X-CSRF-Token": browser.token, "Origin": "https://evil.example"}
    answer = browser.client.post(
        "/api/items/1/decisions", json={"decision": "reject", "version": 0}, headers=headers
    )
    assert (answer.status_code, code(answer)) == (403, "csrf")
    headers["Origin"] = "http://localhost:8400"
    answer = browser.client.post(
        "/api/items/1/decisions", json={"decision": "reject", "version": 0}, headers=headers
    )
    assert answer.status_code == 201


def test_reviewers_see_their_own_figures_and_leads_all(log_in: Callable[[str], Browser]):
    log_in("reviewer").decide(1, decision="reject")
    log_in("second").decide(2, decision="reject")
    for name, seen in (("reviewer", ["reviewer"]), ("lead", ["reviewer", "second"])):
        told = log_in(name).get("/api/statistics").json()["reviewers"]
        assert [one["name"] for one in told] == seen


def test_the_contract_in_words_has_every_route():
    text = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    for method, route, *_ in ROUTES:
        told = route.replace("{item_id}", "{id}").replace("{frame_id}", "{id}")
        told = told.replace("{defect_id}", "{id}").replace("{account_id}", "{id}")
        told = told.replace("{report_id}", "{id}")
        told = told.replace("{mast_id}", "{id}").replace("{column}_{row}", "{x}_{y}")
        assert f"`{method} {told}" in text, (method, route)
