"""Whoever has a mouse and no keyboard gets everywhere."""

from playwright.sync_api import Page, expect

from tests.review_web.acts import item, log_in, shown, states
from tests.review_web.railway import Railway


def test_triage_goes_back_and_forth_decides_and_takes_back_by_mouse(
    line: Railway, page: Page, complaints
):
    log_in(page, line, "wang")
    page.get_by_role("link", name="Start triage").click()
    first = shown(page)
    page.locator(".walk").get_by_role("button", name="Skip").click()
    second = shown(page, but=first)
    page.locator(".walk").get_by_role("button", name="Back").click()
    assert shown(page, but=second) == first
    page.get_by_label("Condition").select_option("slack")
    page.get_by_label("Grade").select_option("3")
    page.get_by_role("button", name="Confirm").click()
    third = shown(page, but=first)
    expect(page.get_by_text("saving")).to_have_count(0)
    decided = item(page, line, int(first))
    assert (decided["state"], decided["condition"], decided["grade"]) == ("confirmed", "slack", 3)
    page.get_by_role("button", name="Undo").click()
    assert shown(page, but=third) == first
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert item(page, line, int(first))["state"] == "open"
    assert complaints == []


def test_a_sheet_is_marked_decided_and_opened_by_mouse(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/sheet")
    page.get_by_label("A page").select_option("12")
    cells = page.locator(".cell")
    expect(cells).to_have_count(12)
    cells.first.click()
    expect(page.get_by_text("1 exception")).to_be_visible()
    page.get_by_role("button", name="Reject the other 11").click()
    page.wait_for_function("() => !document.querySelector('.cell[aria-pressed=true]')")
    assert states(page, line)["rejected"] == 11
    opened = cells.nth(3).get_attribute("data-item")
    cells.nth(3).dblclick()
    assert shown(page) == opened
    assert complaints == []
