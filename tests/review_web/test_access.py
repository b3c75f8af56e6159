"""Every page against the rules of WCAG 2.2 AA that a machine can check, by axe-core."""

import pytest
from playwright.sync_api import Page, expect

from catenary.review import static
from tests.review_web.acts import PAGES, log_in
from tests.review_web.railway import Railway

_AXE = static.DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async rules => (await axe.run(document, {runOnly: rules})).violations.flatMap(
  one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 100)}`))"""


def violations(page: Page) -> list[str]:
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(_RUN, _RULES))


def require_access(page: Page) -> None:
    """Hold a page of another test against the rules, where axe-core is installed."""
    if _AXE.is_file():
        assert violations(page) == []


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_no_page_breaks_a_rule_of_access(line: Railway, new_page, locale: str, scheme: str):
    if not _AXE.is_file():
        pytest.skip("axe-core is not installed; run scripts/check-web")
    page = new_page(locale, scheme)
    page.goto(line.address)
    expect(page.locator("form")).to_be_visible()
    found = {"login": violations(page)}
    log_in(page, line, "sun")
    for place in PAGES:
        page.goto(line.address + "#/" + place)
        expect(page.locator("#content h1").first).to_be_attached()
        page.wait_for_load_state("networkidle")
        found[place] = violations(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    found["keys"] = violations(page)
    assert {place: broken for place, broken in found.items() if broken} == {}
