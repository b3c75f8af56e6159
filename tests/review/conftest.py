"""A site over a small workspace with real photographs, and browsers that talk to it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import update
from starlette.testclient import TestClient

from catenary.jobs.reviewing.accounts import Passwords
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review import app, serve
from catenary.review.site import Site
from catenary.store import accounts, database
from catenary.store.schema import run
from catenary.store.workspace import Workspace
from tests.review import places
from tests.review.places import ROLES

ADDRESS = "http://localhost:8400"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run and its workspace, to be copied."""
    folder = tmp_path_factory.mktemp("scanned")
    workspace = places.workspace(folder)
    db = database.open_workspace_db(workspace.database)
    places.fill(db, workspace, folder / "run")
    db.close()
    return folder


@pytest.fixture
def site(tmp_path: Path, scanned: Path) -> Iterator[Site]:
    """Return a site without accounts: six findings at two masts, and nothing decided."""
    with opened(tmp_path, scanned) as made:
        yield made


@pytest.fixture(scope="module")
def standing_site(tmp_path_factory: pytest.TempPathFactory, scanned: Path) -> Iterator[Site]:
    """Return such a site that all tests of a module share, since they change nothing."""
    with opened(tmp_path_factory.mktemp("standing"), scanned) as made:
        yield made


@contextmanager
def opened(folder: Path, scanned: Path) -> Iterator[Site]:
    shutil.copytree(scanned, folder, dirs_exist_ok=True)
    workspace = Workspace(folder / "ws")
    db = database.open_workspace_db(workspace.database)
    with db.write() as tx:
        tx.execute(update(run).values(source=str(folder / "run")))
    made = serve.site_of(db, workspace, ReviewSettings(second_rejected=0.0), CHEAP)
    yield made
    made.photos.close()
    made.exports.close()
    db.close()


@pytest.fixture
def anybody(site: Site) -> "places.Browser":
    """Return a browser on the same machine, without accounts."""
    return places.Browser(client(site))


@pytest.fixture(scope="module")
def looker(standing_site: Site) -> "places.Browser":
    """Return such a browser, for tests that only look and for what is refused."""
    return places.Browser(client(standing_site))


@pytest.fixture
def staffed(site: Site) -> Site:
    """Return the site with an account for each role, named after it."""
    with site.db.write() as tx:
        for role in ROLES:
            accounts.add(tx, str(role), role, CHEAP.hashed(places.PASSWORD), site.clock())
    return site


@pytest.fixture
def log_in(staffed: Site) -> Callable[[str], "places.Browser"]:
    """Return how to get a browser in which somebody has logged in, all of one server."""
    served = application(staffed)

    def logged_in(name: str) -> places.Browser:
        browser = places.Browser(TestClient(served, base_url=ADDRESS))
        assert browser.log_in(name).status_code == 200
        return browser

    return logged_in


def application(site: Site) -> FastAPI:
    return app.create_app(site, dist=Path("/nowhere"))


def client(site: Site) -> TestClient:
    return TestClient(application(site), base_url=ADDRESS)
