"""The items of a run by section, component and grade, and filters that nothing has any more."""

from playwright.sync_api import Page, expect

from tests.review_web.acts import log_in, press_and_see_next
from tests.review_web.railway import MASTS, RUN, Railway
from tests.review_web.test_access import require_access


def test_what_became_of_the_items_of_a_run_is_counted_and_leads_to_them(
    line: Railway, page: Page, complaints
):
    log_in(page, line, "wang", "#/triage")
    press_and_see_next(page, "1")
    expect(page.get_by_text("saving")).to_have_count(0)
    page.goto(line.address + "#/statistics")
    table = page.locator(".breakdown")
    page.get_by_label("Run", exact=True).select_option(RUN)
    for name in ("东站", "Dropper", "Grade 1"):
        cells = table.get_by_role("row", name=name).get_by_role("cell")
        expect(cells).to_have_text([str(MASTS - 1), "1", "0", "0", "0", str(MASTS)])
    require_access(page)
    table.get_by_role("row", name="Dropper").get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_text("1 item", exact=True)).to_be_visible()
    assert "state=confirmed" in page.url
    assert complaints == []


def test_a_filter_that_nothing_has_can_be_taken_away(line: Railway, page: Page):
    log_in(page, line, "wang", "#/queue?section=gone")
    expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()
    gone = page.get_by_role("checkbox", name="gone")
    expect(gone).to_be_checked()
    gone.click()
    expect(page.get_by_text(f"{MASTS} items")).to_be_visible()
