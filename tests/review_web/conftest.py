"""Debian's Chromium, driven by playwright; tests are skipped where there is none."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from catenary.domain.review import Role
from catenary.review import static
from tests.review_web import railway
from tests.review_web.railway import MASTS, Railway

_PEOPLE = {
    "wang": Role.REVIEWER,
    "li": Role.REVIEWER,
    "qian": Role.SECOND,
    "zhao": Role.LEAD,
    "guest": Role.VIEWER,
    "sun": Role.ADMIN,
}

_PATIENCE_MS = 30_000  # for what is waited for: machines of CI are slow and busy at times
expect.set_options(timeout=_PATIENCE_MS)

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CATENARY_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium; install it or name one in CATENARY_CHROMIUM")
    if not (static.DIST / "index.html").is_file():
        pytest.skip("the review pages are not built; run scripts/build-web")
    # One module long: while it runs, no other test may start an event loop in this thread.
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of the pages and of their security policy."""
    return []


@pytest.fixture
def new_page(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Returns a function that opens a page of a new person, in a language, light or dark."""
    contexts = []

    def opened(locale: str = "en-GB", scheme: str = "light") -> Page:
        size = {"width": 1366, "height": 768}
        contexts.append(browser.new_context(viewport=size, locale=locale, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page("en-GB")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    railway.photograph(folder, MASTS)
    return folder


@pytest.fixture
def line(tmp_path: Path, pictures: Path) -> Iterator[Railway]:
    with railway.served(tmp_path, pictures, MASTS, _PEOPLE) as opened:
        yield opened


@pytest.fixture
def line_read_twice(tmp_path: Path, pictures: Path) -> Iterator[Railway]:
    """The same, where a second reader looks at everything that is confirmed."""
    settings = replace(railway.FIRST_READING, second_confirmed=1.0)
    with railway.served(tmp_path, pictures, MASTS, _PEOPLE, settings) as opened:
        yield opened
