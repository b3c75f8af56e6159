"""Logging in and out."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from catenary.review.people import COOKIE
from catenary.review.site import Site
from catenary.store import accounts
from tests.review import conftest
from tests.review.places import Browser, code


def test_without_accounts_whoever_is_there_may_decide(anybody: Browser):
    session = anybody.get("/api/session").json()
    assert session["user"] == {"name": "local", "role": "admin"}
    assert session["accounts"] is False
    assert anybody.decide(1).status_code == 201


def test_with_accounts_nobody_may_before_they_log_in(staffed: Site):
    browser = Browser(conftest.client(staffed))
    session = browser.get("/api/session").json()
    assert (session["user"], session["accounts"], session["can"]) == (None, True, [])
    assert code(browser.decide(1)) == "login_needed"


def test_an_account_that_is_added_closes_the_open_door(site: Site, anybody: Browser):
    assert anybody.get("/api/queue").status_code == 200
    with site.db.write() as tx:
        accounts.add(tx, "admin", conftest.ROLES[-1], "hashed", site.clock())
    assert anybody.get("/api/queue").status_code == 401


def test_a_login_gives_a_cookie_that_no_script_reads(staffed: Site):
    browser = Browser(conftest.client(staffed))
    before = browser.token
    answer = browser.log_in("reviewer")
    assert answer.json()["user"] == {"name": "reviewer", "role": "reviewer"}
    assert answer.json()["can"] == ["view", "decide", "export"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert browser.token != before


@pytest.mark.parametrize(
    ("name", "password"), [("reviewer", "wrong"), ("nobody", "wrong"), ("", "")]
)
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    staffed: Site, name: str, password: str
):
    answer = Browser(conftest.client(staffed)).log_in(name, password)
    assert (answer.status_code, code(answer)) == (401, "login_failed")
    assert "disabled" in answer.json()["error"]["message"]


def test_a_disabled_account_is_out_and_cannot_come_back(
    staffed: Site, log_in: Callable[[str], Browser]
):
    browser = log_in("lead")
    with staffed.db.write() as tx:
        accounts.disable(tx, "lead", staffed.clock())
    assert code(browser.get("/api/queue")) == "login_needed"
    fresh = Browser(conftest.client(staffed))
    assert code(fresh.log_in("lead")) == "login_failed"


def test_a_planted_session_is_not_used(staffed: Site):
    browser = Browser(conftest.client(staffed))
    browser.client.cookies.set(COOKIE, "planted")
    answer = browser.log_in("reviewer")
    assert f"{COOKIE}=planted" not in answer.headers["set-cookie"]
    other = Browser(conftest.client(staffed))
    other.client.cookies.set(COOKIE, "planted")
    assert code(other.get("/api/queue")) == "login_needed"


def test_a_new_login_ends_the_one_before(staffed: Site, log_in: Callable[[str], Browser]):
    browser = log_in("reviewer")
    former = browser.client.cookies[COOKIE]
    browser.client.cookies.clear()
    browser.client.cookies.set(COOKIE, former)
    browser.token = browser.get("/api/session").json()["csrf_token"]
    assert browser.log_in("lead").status_code == 200
    other = conftest.client(staffed)
    other.cookies.set(COOKIE, former)
    assert other.get("/api/session").json()["user"] is None


def test_after_logging_out_the_cookie_is_worth_nothing(
    staffed: Site, log_in: Callable[[str], Browser]
):
    browser = log_in("reviewer")
    kept = browser.client.cookies[COOKIE]
    assert browser.delete("/api/session").json()["user"] is None
    other = conftest.client(staffed)
    other.cookies.set(COOKIE, kept)
    assert other.get("/api/queue").status_code == 401


def test_an_expired_session_is_nobody(
    staffed: Site, log_in: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
):
    browser = log_in("reviewer")
    now = staffed.clock()
    later = now + staffed.settings.idle + timedelta(minutes=1)
    object.__setattr__(staffed, "clock", lambda: later)
    assert code(browser.get("/api/queue")) == "login_needed"


@pytest.mark.parametrize("forged", ["x", "'; DROP TABLE session; --", "a" * 5000])
def test_a_forged_session_is_nobody(staffed: Site, forged: str):
    client = conftest.client(staffed)
    answer = client.get("/api/queue", headers={"Cookie": f"{COOKIE}={forged}"})
    assert code(answer) == "login_needed"


def test_too_many_failures_have_to_wait_even_with_the_right_password(staffed: Site):
    browser = Browser(conftest.client(staffed))
    for _ in range(staffed.settings.login_failures):
        assert code(browser.log_in("reviewer", "wrong")) == "login_failed"
    answer = browser.log_in("reviewer")
    assert (answer.status_code, code(answer)) == (429, "slow_down")
    assert int(answer.headers["Retry-After"]) > 0
    now = staffed.clock()
    object.__setattr__(staffed, "clock", lambda: now + timedelta(minutes=10))
    assert browser.log_in("reviewer").status_code == 200


def test_a_login_from_another_page_is_refused(staffed: Site):
    client = conftest.client(staffed)
    body = {"name": "reviewer", "password": conftest.places.PASSWORD}
    assert code(client.post("/api/session", json=body)) == "csrf"


def test_an_address_that_tries_many_names_has_to_wait(staffed: Site):
    browser = Browser(conftest.client(staffed))
    for number in range(10 * staffed.settings.login_failures):
        assert code(browser.log_in(f"name {number}", "wrong")) == "login_failed"
    assert code(browser.log_in("reviewer")) == "slow_down"
