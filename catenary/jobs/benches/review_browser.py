"""How long a reviewer waits, measured in a real headless Chromium on the real pages."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from catenary.domain.errors import ConfigError
from catenary.jobs.benches.review_server import COOKIE, Browserless

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = "CATENARY_CHROMIUM"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",  # in a container tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SCREEN = {"width": 1366, "height": 768}
_LONGEST_MS = 30_000  # for anything
_A_SHEET = 24
_FILTER_MS = 300.0
_REJECT = "2"  # key, in triage and on the sheet

# What a list page asks for: its items and the counts of its filters.
_QUEUE, _DEFECTS = ("api/queue?", "api/queue/filters"), ("api/defects?", "api/defects/filters")

# Each gives milliseconds until the picture after which the wanted thing was on the screen.
_SHOWN_FIRST = """(() => {
  performance.setResourceTimingBufferSize(4000);
  const look = () => {
    const isThere = document.querySelector("table.items tbody tr")
      && document.querySelectorAll(".facet label").length > 1;
    requestAnimationFrame(isThere ? () => { window.shownFirst = performance.now(); } : look);
  };
  requestAnimationFrame(look);
})()"""
_NEXT_ITEM = """([key, longest]) => new Promise((done) => {
  const stage = () => document.querySelector("[data-item]");
  const before = stage()?.dataset.item, began = performance.now();
  const isDrawn = (image) => image?.complete && image.naturalWidth > 0;
  let first = 0;
  dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const look = () => {
    const images = [...(stage()?.querySelectorAll("img") ?? [])], now = performance.now();
    const isNext = stage() && stage().dataset.item !== before;
    if (isNext && isDrawn(images[0]) && !first) first = now;
    const isAll = isNext && images.length > 0 && images.every(isDrawn);
    if (isAll || now - began > longest) {
      requestAnimationFrame(() => {
        done([first ? first - began : longest, performance.now() - began]);
      });
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
_LISTED = """([place, list, filters, longest]) => new Promise((done) => {
  performance.clearResourceTimings();
  const began = performance.now();
  location.hash = place;
  const has = (part) => !part || performance.getEntriesByType("resource")
    .some((one) => one.name.includes(part) && one.startTime >= began);
  const look = () => {
    const isIdle = document.querySelector(".results")?.getAttribute("aria-busy") === "false";
    if ((isIdle && has(list) && has(filters)) || performance.now() - began > longest) {
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
_SHEET = """([key, place, count, longest]) => new Promise((done) => {
  const cells = () => [...document.querySelectorAll(".cell")];
  const before = cells()[0]?.dataset.item, began = performance.now();
  if (place) location.hash = place;
  else dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const isDrawn = (cell) => {
    const image = cell.querySelector("img");
    return image?.complete && image.naturalWidth > 0;
  };
  const look = () => {
    const isNext = cells().length >= count && cells()[0].dataset.item !== before;
    if ((isNext && cells().every(isDrawn)) || performance.now() - began > longest) {
      requestAnimationFrame(() => done(performance.now() - began));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
# The last tile is the one after which none comes for a while; those of the photographs before and
# behind, which are fetched ahead when this one is there, are not of it.
_PICTURE = """([frame, longest]) => new Promise((done) => {
  performance.clearResourceTimings();
  const began = performance.now();
  location.hash = `#/picture?frame=${frame}`;
  const look = () => {
    const ends = performance.getEntriesByType("resource")
      .filter((one) => one.name.includes(`/frames/${frame}/tiles/`) && one.startTime >= began)
      .map((one) => one.responseEnd);
    const last = Math.max(0, ...ends), now = performance.now();
    if ((ends.length && now - last > 500) || now - began > longest) {
      done(ends.length ? last - began : longest);
    } else setTimeout(look, 20);
  };
  look();
})"""
_ZOOM = """() => new Promise((done) => {
  const screen = document.querySelector(".openseadragon-canvas");
  const { left, top, width, height } = screen.getBoundingClientRect();
  const spans = [];
  let before = performance.now();
  const step = () => {
    const now = performance.now();
    spans.push(now - before);
    before = now;
    const count = spans.length;
    if (count % 6 === 0) {
      screen.dispatchEvent(new WheelEvent("wheel", {
        deltaY: count < 90 ? -100 : 100, clientX: left + width / 3, clientY: top + height / 2,
        bubbles: true, cancelable: true,
      }));
    }
    if (count < 180) requestAnimationFrame(step);
    else done(spans.slice(1));
  };
  requestAnimationFrame(step);
})"""


@dataclass(frozen=True, slots=True)
class Times:
    """How long the same thing took, again and again.

    Attributes:
        what: In words.
        ms: Each time, milliseconds.
        wanted_ms: That 95 % shall not exceed; None where nothing was promised.
    """

    what: str
    ms: tuple[float, ...]
    wanted_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Often:
    """How often each thing is done, and how long a person looks in between.

    Attributes:
        items: Decisions in triage.
        first: First pages, each in a new browser window that knows nothing yet.
        values: Of each filter.
        sheets: Contact sheets.
        pictures: Photographs at full size.
        pause_ms: Between two decisions; three times as long after what takes longer to look at.
    """

    items: int = 200
    first: int = 10
    values: int = 4
    sheets: int = 20
    pictures: int = 10
    pause_ms: int = 500


def program() -> str:
    """Return the path of a Chromium.

    Raises:
        ConfigError: If there is none.
    """
    named = os.environ.get(CHROMIUM)
    found = named or next((path for one in _PROGRAMS if (path := shutil.which(one))), None)
    if found is None or shutil.which(found) is None:
        told = f"{named!r} of {CHROMIUM} is no program" if named else "no Chromium was found"
        raise ConfigError(
            f"{told}; install one (Debian: apt-get install chromium) or name it in {CHROMIUM}"
        )
    return found


@contextmanager
def opened() -> Iterator["Browser"]:
    """Start a Chromium without a window.

    Raises:
        ConfigError: If it, or the package that drives it, is not installed, or it does not start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the bench drives a browser with the package playwright, which is not installed; "
            "install it with: pip install playwright"
        ) from error
    path = program()
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=path, args=_ARGUMENTS)
        except Error as error:
            raise ConfigError(f"{path} does not start: {error.message.splitlines()[0]}") from error
        try:
            yield browser
        finally:
            browser.close()


def measure(
    browser: "Browser", address: str, login: tuple[str, str], often: Often,
    tell: Callable[[Times], None],
) -> None:  # fmt: skip
    """Do what a reviewer does, and tell how long each took.

    Args:
        browser: See `opened`.
        address: Of the server.
        login: Name and password of somebody who may decide.
        often: How often each.
        tell: Called with each figure.

    Raises:
        ConfigError: If the pages are not built.
    """
    client = Browserless(address)
    client.log_in(*login)
    tell(Times("first page", _first_pages(browser, address, client.cookie, often.first), 1000.0))
    context = _context(browser, address, client.cookie)
    page = _page(context, address)
    for one in _filters(page, client, often):
        tell(one)
    for one in _triage(page, often):
        tell(one)
    for one in _sheets(page, client, often):
        tell(one)
    for one in _pictures(page, client, often):
        tell(one)
    client.close()
    context.close()


def _context(browser: "Browser", address: str, cookie: str) -> "BrowserContext":
    context = browser.new_context(viewport=_SCREEN, locale="en-GB")  # type: ignore[arg-type]
    context.set_default_timeout(_LONGEST_MS)
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": address}])
    return context


def _page(context: "BrowserContext", address: str) -> "Page":
    """Open the queue, and return when it is there."""
    page = context.new_page()
    page.add_init_script(_SHOWN_FIRST)
    answer = page.goto(address)
    if answer is not None and answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise ConfigError("the review pages are not built; build them with scripts/build-web")
    page.wait_for_function("() => window.shownFirst > 0")
    return page


def _first_pages(browser: "Browser", address: str, cookie: str, times: int) -> tuple[float, ...]:
    found = []
    for _ in range(times):
        context = _context(browser, address, cookie)
        page = _page(context, address)
        found.append(float(page.evaluate("window.shownFirst")))
        context.close()
    return tuple(found)


def _filters(page: "Page", client: Browserless, often: Often) -> Iterator[Times]:
    """Set each filter alone, and some together, of the queue and of the closed loop."""
    for title, page_name, asked in (
        ("queue", "queue", _QUEUE),
        ("closed loop", "defects", _DEFECTS),
    ):
        _, told = client.ask("GET", f"/api/{page_name}/filters")
        for name, places in _places(told, often.values).items():
            ms = [_listed(page, f"#/{page_name}?{one}", asked, often) for one in places]
            if ms:
                yield Times(f"filter of the {title}: {name}", tuple(ms), _FILTER_MS)
        # Another order asks for the list alone.
        orders = [f"#/{page_name}?order={one}" for one in _orders(told)]
        ms = [_listed(page, one, (asked[0], ""), often) for one in orders]
        yield Times(f"order of the {title}", tuple(ms), _FILTER_MS)


def _listed(page: "Page", place: str, asked: tuple[str, str], often: Often) -> float:
    took = float(page.evaluate(_LISTED, [place, *asked, _LONGEST_MS]))
    page.wait_for_timeout(often.pause_ms)
    return took


def _places(told: Mapping[str, Any], values: int) -> dict[str, list[str]]:
    """Return addresses of each filter, each value once."""
    known = {
        name: [one["value"] for one in facet if one["value"] not in (None, "")]
        for name, facet in told["facets"].items()
    }
    places = {
        name: [urlencode({name: value}) for value in those[:values]]
        for name, those in known.items()
    }
    if told.get("kilometre_m"):
        low, high = told["kilometre_m"]
        ends = [low + (high - low) * (n + 1) / (values + 1) for n in range(values)]
        places["kilometre"] = [urlencode({"km_from": low, "km_to": round(end)}) for end in ends]
    if "overdue" in told:
        places["overdue"] = [urlencode({"overdue": "true"})]
    both = ("component", "section", "grade")
    rows = zip(*(islice(cycle(known[name] or [""]), values) for name in both), strict=True)
    places["three at once"] = [urlencode(dict(zip(both, row, strict=True))) for row in rows]
    return places


def _orders(told: Mapping[str, Any]) -> Sequence[str]:
    return ("newest", "place", "due") if "overdue" in told else ("place", "newest", "decided")


def _triage(page: "Page", often: Often) -> Iterator[Times]:
    page.evaluate("location.hash = '#/triage?state=open'")
    page.wait_for_selector("[data-item] img")
    page.wait_for_timeout(3 * often.pause_ms)
    first, whole = [], []
    for _ in range(often.items):
        shown, all_shown = page.evaluate(_NEXT_ITEM, [_REJECT, _LONGEST_MS])
        first.append(float(shown))
        whole.append(float(all_shown))
        page.wait_for_timeout(often.pause_ms)
    yield Times("next item painted after the key", tuple(first), 100.0)
    yield Times("next item, with the earlier run beside it", tuple(whole))


def _sheets(page: "Page", client: Browserless, often: Often) -> Iterator[Times]:
    """Open a contact sheet of one kind, and decide sheet after sheet."""
    _, told = client.ask("GET", "/api/queue/filters?state=open")
    kind, left = max(
        ((one["value"], one["count"]) for one in told["facets"]["component"]),
        key=lambda one: one[1],
    )
    place = f"#/sheet?component={kind}&state=open&n={_A_SHEET}"
    asked = ["", place, min(_A_SHEET, left), _LONGEST_MS]
    yield Times(f"contact sheet of {_A_SHEET}, opened", (float(page.evaluate(_SHEET, asked)),))
    found = []
    for _ in range(min(often.sheets, left // _A_SHEET - 1)):
        page.wait_for_timeout(6 * often.pause_ms)
        found.append(float(page.evaluate(_SHEET, [_REJECT, "", _A_SHEET, _LONGEST_MS])))
    if found:
        yield Times(f"contact sheet of {_A_SHEET}, the next one", tuple(found), 300.0)


def _pictures(page: "Page", client: Browserless, often: Often) -> Iterator[Times]:
    """Go from photograph to photograph, none of them seen before, and zoom."""
    _, told = client.ask("GET", "/api/queue?order=place&limit=200")
    frames = list(dict.fromkeys(one["frame_id"] for one in told["items"]))[: often.pictures + 1]
    found, spans = [], []
    for number, frame in enumerate(frames):
        took = float(page.evaluate(_PICTURE, [frame, _LONGEST_MS]))
        if number:  # the first fetches the viewer as well
            found.append(took)
        else:
            yield Times("photograph at full size, the first one", (took,), 500.0)
        page.wait_for_timeout(often.pause_ms)
        spans += page.evaluate(_ZOOM)
        page.wait_for_timeout(often.pause_ms)
    yield Times("photograph at full size", tuple(found), 500.0)
    yield Times("from picture to picture while zooming", tuple(map(float, spans)), 50.0)
