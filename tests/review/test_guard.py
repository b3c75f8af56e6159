"""What every request must pass, and every answer carries."""

import logging
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from catenary.review import app
from catenary.review.guard import MAX_BODY
from catenary.review.site import Site
from catenary.store import queue
from tests.review import conftest
from tests.review.places import Browser, code


@pytest.mark.parametrize("path", ["/", "/api/queue", "/api/nothing", "/api/items/1/crop"])
def test_every_answer_carries_the_headers_of_safety(looker: Browser, path: str):
    headers = looker.get(path).headers
    csp = headers["content-security-policy"]
    assert "default-src 'none'" in csp
    assert "script-src 'self';" in csp
    assert "unsafe" not in csp
    assert "frame-ancestors 'none'" in csp
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "cache-control" in headers


def test_answers_with_findings_are_not_kept_by_the_browser(looker: Browser):
    assert looker.get("/api/queue").headers["cache-control"] == "no-store"
    assert "private" in looker.get("/api/items/1/crop").headers["cache-control"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8400", "localhost.evil.example", "", "[::1"]
)
def test_a_foreign_host_name_is_refused(looker: Browser, host: str):
    answer = looker.client.get("/api/queue", headers={"Host": host})
    assert (answer.status_code, code(answer)) == (400, "bad_host")


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "[::1]:8400", "10.1.2.3", "LOCALHOST"])
def test_addresses_and_the_own_name_are_answered(looker: Browser, host: str):
    assert looker.client.get("/api/queue", headers={"Host": host}).status_code == 200


def test_a_name_that_was_given_is_answered(site: Site):
    client = TestClient(app.create_app(site, names=["review.rail.example"]))
    assert client.get("/api/queue", headers={"Host": "review.rail.example"}).status_code == 200


def test_a_large_body_is_refused(looker: Browser):
    answer = looker.client.post(
        "/api/decisions", content=b" " * (MAX_BODY + 1), headers={"X-CSRF-Token": looker.token}
    )
    assert (answer.status_code, code(answer)) == (413, "too_large")


def test_a_large_body_that_does_not_tell_its_size_is_refused(looker: Browser):
    chunks = (b" " * 1000 for _ in range(MAX_BODY // 1000 + 2))
    answer = looker.client.post(
        "/api/decisions", content=chunks, headers={"X-CSRF-Token": looker.token}
    )
    assert (answer.status_code, code(answer)) == (413, "too_large")


def test_a_body_that_is_no_json_is_refused(looker: Browser):
    headers = {"X-CSRF-Token": looker.token, "Content-Type": "application/json"}
    answer = looker.client.post("/api/decisions", content=b"{", headers=headers)
    assert (answer.status_code, code(answer)) == (415, "not_json")


def test_wrong_fields_are_all_named(looker: Browser):
    answer = looker.decide(1, -1, "maybe", grade=7, extra=1)
    assert (answer.status_code, code(answer)) == (422, "invalid")
    fields = {one["field"] for one in answer.json()["error"]["details"]}
    assert fields == {"decision", "version", "grade", "extra"}


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/assets/../../app.py",
        "/assets/..%2f..%2fapp.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/frames/..%2f1/crop",
        "/api/frames/1/tiles/../../../x_0.jpg",
        "/api/items/1%00/crop",
    ],
)
def test_no_path_leads_to_the_disk(standing_site: Site, tmp_path: Path, path: str):
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("our page")
    client = TestClient(app.create_app(standing_site, dist=dist), base_url="http://localhost")
    answer = client.get(path)
    assert answer.status_code in (404, 422) or answer.text == "our page"


def test_the_front_end_is_served_and_the_address_is_left_to_it(site: Site, tmp_path: Path):
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("our page")
    (dist / "assets" / "main.js").write_text("start()")
    client = TestClient(app.create_app(site, dist=dist), base_url="http://localhost")
    assert client.get("/").text == client.get("/queue/12").text == "our page"
    script = client.get("/assets/main.js")
    assert script.text == "start()"
    assert "immutable" in script.headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-cache"
    assert code(client.get("/api/unknown")) == "not_found"


def test_a_front_end_that_is_not_built_says_how_to_build_it(looker: Browser):
    answer = looker.get("/")
    assert answer.status_code == 503
    assert "scripts/build-web" in answer.text


def test_a_bug_is_answered_with_a_number_that_the_log_has(
    anybody: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr(queue, "page", broken)
    with caplog.at_level(logging.ERROR):
        answer = anybody.get("/api/queue")
    assert (answer.status_code, code(answer)) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.json()["error"]["id"] in caplog.text
    assert "secret of the inside" in caplog.text


def test_a_database_that_is_gone_is_said_so_and_comes_back(
    site: Site, anybody: Browser, tmp_path: Path
):
    site.db.close()
    folder = site.workspace.path
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    answer = anybody.get("/api/queue")
    assert (answer.status_code, code(answer)) == (503, "store_gone")
    hidden.rename(folder)
    assert anybody.get("/api/queue").status_code == 200


def test_the_page_is_not_framed_by_a_disguised_type(looker: Browser):
    assert looker.get("/api/items/1/crop").headers["content-type"] == "image/jpeg"
    assert conftest.CHEAP.matches(None, "x") is False
