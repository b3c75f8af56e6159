"""Accounts in the browser: an admin looks after them, everybody after their own password."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select

from catenary.review.site import Site
from catenary.store import audit
from catenary.store.schema import audit as trail
from tests.review import conftest
from tests.review.places import PASSWORD, Browser, code

ANOTHER = "seven iron droppers"
LogIn = Callable[[str], Browser]


def told(browser: Browser) -> dict[str, dict]:
    return {one["name"]: one for one in browser.get("/api/accounts").json()["accounts"]}


def change(browser: Browser, name: str, what: str, body: object = None):
    return browser.post(f"/api/accounts/{told(browser)[name]['id']}/{what}", body)


def told_in_trail(site: Site, action: str) -> list[tuple[str, dict]]:
    with site.db.read() as connection:
        assert list(audit.verify(connection)) == []
        rows = connection.execute(select(trail.c.content).order_by(trail.c.seq)).scalars()
        content = [json.loads(one) for one in rows]
    return [(one["who"], one["told"]) for one in content if one["action"] == action]


def test_an_account_is_added_and_chooses_a_password_of_its_own(staffed: Site, log_in: LogIn):
    admin = log_in("admin")
    body = {"name": "王伟", "role": "reviewer", "password": ANOTHER}
    added = admin.post("/api/accounts", body)
    assert added.status_code == 201
    assert added.json()["account"]["must_change"] is True
    assert ANOTHER not in added.text
    browser = Browser(conftest.client(staffed))
    assert browser.log_in("王伟", ANOTHER).json()["must_change"] is True
    answer = browser.get("/api/queue")
    assert (answer.status_code, code(answer)) == (403, "password_needed")
    assert code(browser.decide(1)) == "password_needed"
    changed = browser.post("/api/session/password", {"old": ANOTHER, "new": PASSWORD})
    assert changed.json()["must_change"] is False
    assert browser.decide(1).status_code == 201
    assert told(admin)["王伟"]["must_change"] is False
    assert told_in_trail(staffed, "user_add")[-1] == ("admin", {"name": "王伟", "role": "reviewer"})
    assert told_in_trail(staffed, "user_password") == [("王伟", {"name": "王伟"})]


@pytest.mark.parametrize("name", ["admin", "Admin"])
def test_a_name_that_is_taken_is_said_so(log_in: LogIn, name: str):
    body = {"name": name, "role": "viewer", "password": ANOTHER}
    answer = log_in("admin").post("/api/accounts", body)
    assert (answer.status_code, code(answer)) == (409, "taken")


@pytest.mark.parametrize(
    ("field", "value"), [("password", "short"), ("password", "x" * 201), ("role", "boss")]
)
def test_what_an_account_cannot_have_is_named(log_in: LogIn, field: str, value: str):
    body = {"name": "sun", "role": "viewer", "password": ANOTHER, field: value}
    answer = log_in("admin").post("/api/accounts", body)
    assert (answer.status_code, code(answer)) == (422, "invalid")
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]
    assert value not in str(answer.json()["error"]["details"])


def test_a_name_that_could_deceive_is_refused(log_in: LogIn):
    body = {"name": "\u202eadmin", "role": "viewer", "password": ANOTHER}
    answer = log_in("admin").post("/api/accounts", body)
    assert (answer.status_code, code(answer)) == (422, "account_name")


def test_another_role_counts_at_once(staffed: Site, log_in: LogIn):
    admin, reviewer = log_in("admin"), log_in("reviewer")
    assert change(admin, "reviewer", "role", {"role": "viewer", "was": "reviewer"}).is_success
    assert code(reviewer.decide(1)) == "role"
    assert reviewer.get("/api/session").json()["can"] == ["view"]
    told = {"name": "reviewer", "before": "reviewer", "after": "viewer"}
    assert told_in_trail(staffed, "user_role") == [("admin", told)]


def test_a_role_that_somebody_changed_meanwhile_is_not_overwritten(log_in: LogIn):
    admin = log_in("admin")
    assert change(admin, "viewer", "role", {"role": "lead", "was": "viewer"}).is_success
    answer = change(admin, "viewer", "role", {"role": "admin", "was": "viewer"})
    assert (answer.status_code, code(answer)) == (409, "stale")
    assert told(admin)["viewer"]["role"] == "lead"


def test_the_last_admin_stays(log_in: LogIn):
    admin = log_in("admin")
    for what, body in (("disable", None), ("role", {"role": "lead", "was": "admin"})):
        answer = change(admin, "admin", what, body)
        assert (answer.status_code, code(answer)) == (409, "last_admin")
    assert change(admin, "lead", "role", {"role": "admin", "was": "lead"}).is_success
    assert change(admin, "admin", "disable").is_success
    assert code(admin.get("/api/accounts")) == "login_needed"


def test_a_disabled_account_is_out_until_it_is_enabled(staffed: Site, log_in: LogIn):
    admin, lead = log_in("admin"), log_in("lead")
    assert change(admin, "lead", "disable").json()["account"]["disabled_at"] is not None
    assert code(lead.get("/api/queue")) == "login_needed"
    assert code(change(admin, "lead", "disable")) == "not_found"
    assert change(admin, "lead", "enable").json()["account"]["disabled_at"] is None
    assert code(change(admin, "lead", "enable")) == "not_found"
    assert code(lead.get("/api/queue")) == "login_needed"  # its old login stays over
    assert log_in("lead").get("/api/queue").status_code == 200
    assert told_in_trail(staffed, "user_disable") == [("admin", {"name": "lead"})]
    assert told_in_trail(staffed, "user_enable") == [("admin", {"name": "lead"})]


def test_a_password_that_was_reset_ends_the_logins_and_has_to_be_replaced(
    staffed: Site, log_in: LogIn
):
    admin, lead = log_in("admin"), log_in("lead")
    assert change(admin, "lead", "password", {"password": ANOTHER}).is_success
    assert code(lead.get("/api/queue")) == "login_needed"
    fresh = Browser(conftest.client(staffed))
    assert code(fresh.log_in("lead")) == "login_failed"
    assert fresh.log_in("lead", ANOTHER).json()["must_change"] is True
    assert told_in_trail(staffed, "user_password") == [("admin", {"name": "lead"})]


def test_the_own_password_is_not_reset_without_the_old_one(log_in: LogIn):
    answer = change(log_in("admin"), "admin", "password", {"password": ANOTHER})
    assert (answer.status_code, code(answer)) == (422, "own_account")


def test_a_new_password_ends_the_other_logins_of_its_account_alone(staffed: Site, log_in: LogIn):
    here, there, lead = log_in("reviewer"), log_in("reviewer"), log_in("lead")
    changed = here.post("/api/session/password", {"old": PASSWORD, "new": ANOTHER})
    assert changed.json()["user"] == {"name": "reviewer", "role": "reviewer"}
    assert here.decide(1).status_code == 201
    assert lead.get("/api/queue").status_code == 200
    assert code(there.get("/api/queue")) == "login_needed"
    fresh = Browser(conftest.client(staffed))
    assert code(fresh.log_in("reviewer")) == "login_failed"
    assert fresh.log_in("reviewer", ANOTHER).status_code == 200


def test_the_old_password_is_asked_for_and_cannot_be_tried_out(staffed: Site, log_in: LogIn):
    browser = log_in("viewer")
    for _ in range(staffed.settings.login_failures):
        answer = browser.post("/api/session/password", {"old": "guessed it", "new": ANOTHER})
        assert (answer.status_code, code(answer)) == (403, "wrong_password")
    answer = browser.post("/api/session/password", {"old": PASSWORD, "new": ANOTHER})
    assert (answer.status_code, code(answer)) == (429, "slow_down")
    assert browser.get("/api/queue").status_code == 200


def test_the_old_password_is_no_new_one(log_in: LogIn):
    answer = log_in("viewer").post("/api/session/password", {"old": PASSWORD, "new": PASSWORD})
    assert (answer.status_code, code(answer)) == (422, "same_password")


def test_without_accounts_none_is_added_by_whoever_reaches_the_server(anybody: Browser):
    assert anybody.get("/api/accounts").json()["accounts"] == []
    body = {"name": "sun", "role": "admin", "password": ANOTHER}
    answer = anybody.post("/api/accounts", body)
    assert (answer.status_code, code(answer)) == (409, "no_accounts")
    answer = anybody.post("/api/session/password", {"old": PASSWORD, "new": ANOTHER})
    assert code(answer) == "not_found"
