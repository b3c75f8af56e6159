"""Servers of one workspace on PostgreSQL: several at once, and a database that goes away."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review import serve
from catenary.review.site import Site
from catenary.store import audit, database
from catenary.store.schema import decision
from catenary.store.workspace import Workspace
from tests.postgresql import Server
from tests.review import conftest, places
from tests.review.places import Browser, code

ITEMS = 6


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Workspace:
    workspace = Workspace(tmp_path / "ws", database_url)
    workspace.create()
    db = database.open_workspace_db(database_url)
    places.fill(db, workspace, tmp_path / "run")
    db.close()
    return workspace


def opened(place: Workspace) -> Site:
    db = database.open_workspace_db(place.database, is_durable=True)
    return serve.site_of(db, place, ReviewSettings(), conftest.CHEAP)


@pytest.fixture
def site(place: Workspace) -> Iterator[Site]:
    found = opened(place)
    yield found
    found.db.close()


@pytest.fixture
def other(place: Workspace) -> Iterator[Site]:
    found = opened(place)
    yield found
    found.db.close()


def test_a_database_that_went_away_is_said_so_and_nothing_is_lost_once_it_is_back(
    site: Site, postgresql_server: Server
):
    browser = Browser(conftest.client(site))
    assert browser.decide(1, decision="reject").status_code == 201
    postgresql_server.stop()
    try:
        looked, decided = browser.get("/api/queue"), browser.decide(2, decision="reject")
    finally:
        postgresql_server.start()
    assert (looked.status_code, code(looked)) == (503, "store_gone")
    assert (decided.status_code, code(decided)) == (503, "store_gone")
    # As the page does: what was not taken is sent again until it was.
    assert browser.decide(2, decision="reject").status_code == 201
    assert browser.get("/api/queue", state="rejected").json()["total"] == 2
    with site.db.read() as connection:
        assert list(audit.verify(connection)) == []


def browsers(*sites: Site) -> list[Browser]:
    """Return a browser of each, its routes made: two threads cannot make some at once.

    FastAPI makes them at the first request that passes them by, and pydantic silences a warning for
    that in a way that is for one thread. A server has one application, and one thread routes.
    """
    found = [Browser(conftest.client(one)) for one in sites]
    for one in found:
        assert one.get("/api/nowhere").status_code == 404
    return found


def test_two_servers_at_once_make_no_decision_twice(site: Site, other: Site):
    answers: list[tuple[int, int]] = []

    def decide_all(browser: Browser) -> None:
        for item in range(1, ITEMS + 1):
            answers.append((item, browser.decide(item, decision="reject").status_code))

    threads = [threading.Thread(target=decide_all, args=(one,)) for one in browsers(site, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(
        [(item, 201) for item in range(1, ITEMS + 1)]
        + [(item, 409) for item in range(1, ITEMS + 1)]
    )
    with site.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(decision)).scalar() == ITEMS
        assert list(audit.verify(connection)) == []


def test_two_servers_at_once_give_nobody_the_same_item(site: Site, other: Site):
    """Without accounts both are one person, who must not get an item in two windows either."""
    got: list[int] = []

    def lease(browser: Browser) -> None:
        for _ in range(2):
            items = browser.post("/api/queue/lease", {"n": 1}).json()["items"]
            got.extend(one["id"] for one in items)

    threads = [threading.Thread(target=lease, args=(one,)) for one in browsers(site, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 4
