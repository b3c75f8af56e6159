"""What people do in the pages, and what is asked of the server about it."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.review_web.railway import PASSWORD, Railway

MADE_MS = 60_000  # a report: a process of its own has to start first
PAGES = (
    "queue",
    "triage",
    "sheet",
    "picture?frame=57",
    "masts",
    "mast?id=57",
    "defects",
    "reports",
    "statistics",
    "accounts",
    "password",
    "help",
)

# WCAG 2.2, 1.4.3: text that is not disabled has at least 4.5 times the contrast.
FAINT_TEXT = """() => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = colour => {
    const [r, g, b] = colour.map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const hasText = element => [...element.childNodes]
    .some(one => one.nodeType === Node.TEXT_NODE && one.textContent.trim());
  return [...document.querySelectorAll('body *')]
    .filter(one => hasText(one) && one.getClientRects().length)
    .filter(one => !one.closest(':disabled, .disabled, svg, option'))
    .filter(one => {
      const [a, b] = [numbers(getComputedStyle(one).color).slice(0, 3), behind(one)].map(light);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    })
    .map(one => `${one.tagName}.${one.className} ${one.textContent.slice(0, 30)}`);
}"""


def states(page: Page, line: Railway) -> dict[str, int]:
    """Return how many items are in each state, as the server tells."""
    facets = page.request.get(line.address + "api/queue/filters").json()["facets"]
    return {one["value"]: one["count"] for one in facets["state"] if one["count"]}


def item(page: Page, line: Railway, number: int) -> dict:
    return page.request.get(f"{line.address}api/items/{number}").json()


def log_in(
    page: Page, line: Railway, name: str, place: str = "#/queue", password: str = PASSWORD
) -> None:
    page.goto(line.address + place)
    page.get_by_label(re.compile("^(Name|用户名)$")).fill(name)
    page.get_by_label(re.compile("^(Password|密码)$")).fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()


def shown(page: Page, but: str = "") -> str:
    """Return the item that is looked at, once it is another than ``but`` and its picture there."""
    looked_at = page.wait_for_function(
        """but => {
          const stage = document.querySelector('.stage');
          const image = stage?.querySelector('img');
          const isThere = image && image.complete && image.naturalWidth > 0;
          return isThere && stage.dataset.item !== but ? stage.dataset.item : false;
        }""",
        arg=but,
    )
    return str(looked_at.json_value())


def press_and_see_next(page: Page, key: str) -> str:
    before = shown(page)
    page.keyboard.press(key)
    return shown(page, but=before)


def press_once_drawn(page: Page, selector: str, key: str) -> None:
    """Press ``key`` at the moment at which something new of ``selector`` is drawn, no later."""
    page.evaluate(
        """([selector, key]) => {
          const before = new Set(document.querySelectorAll(selector));
          const seen = new MutationObserver(() => {
            if ([...document.querySelectorAll(selector)].every(one => before.has(one))) return;
            seen.disconnect();
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
          });
          seen.observe(document.body, {subtree: true, childList: true, attributes: true});
        }""",
        [selector, key],
    )


def downloaded(page: Page) -> tuple[str, bytes]:
    link = page.get_by_role("link", name=re.compile("^Download"))
    expect(link.first).to_be_visible(timeout=MADE_MS)
    with page.expect_download() as download:
        link.first.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()
