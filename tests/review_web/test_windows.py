"""One person with several windows, two screens, a picture too dark, and no pause for too long."""

from playwright.sync_api import Page, expect

from tests.review_web.acts import item, log_in, press_and_see_next, shown, states
from tests.review_web.railway import Railway

ANOTHER_WINDOW = "You are deciding in another window too"


def test_two_windows_of_one_person_get_different_items(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage")
    first = shown(page)
    expect(page.get_by_text(ANOTHER_WINDOW)).to_have_count(0)
    other = page.context.new_page()
    other.goto(line.address + "#/triage")
    assert shown(other) != first
    for each in (page, other):
        expect(each.get_by_text(ANOTHER_WINDOW)).to_be_visible()
    press_and_see_next(page, "1")
    press_and_see_next(other, "2")
    for each in (page, other):
        expect(each.get_by_text("saving")).to_have_count(0)
        expect(each.get_by_role("alert")).to_have_text("")
    assert states(page, line) == {"open": 54, "confirmed": 1, "rejected": 1}
    other.close(run_before_unload=True)
    expect(page.get_by_text(ANOTHER_WINDOW)).to_have_count(0)
    assert complaints == []


def test_what_another_window_decided_is_shown_so_at_once(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage")
    first = shown(page)
    other = page.context.new_page()
    other.goto(f"{line.address}#/triage?item={first}")
    assert shown(other) == first
    other.keyboard.press("1")
    expect(page.locator(".panel .state")).to_have_text("Confirmed")
    expect(page.get_by_role("alert")).to_have_text("")
    assert complaints == []


def test_a_sheet_loses_what_another_window_decided_and_keeps_its_marks(
    line: Railway, page: Page, complaints
):
    log_in(page, line, "wang", "#/sheet?component=dropper&n=12")
    cells = page.locator(".cell")
    expect(cells).to_have_count(12)
    for key in ("ArrowRight", "Space"):
        page.keyboard.press(key)
    marked = page.locator(".cell.marked")
    exception = marked.get_attribute("data-item")
    first = cells.first.get_attribute("data-item")
    other = page.context.new_page()
    other.goto(f"{line.address}#/triage?item={first}")
    assert shown(other) == first
    other.keyboard.press("1")
    expect(cells).to_have_count(11)
    expect(marked).to_have_attribute("data-item", str(exception))
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    assert item(page, line, int(str(exception)))["state"] == "open"
    assert states(page, line) == {"open": 45, "confirmed": 1, "rejected": 10}
    assert complaints == []


def test_ones_own_decision_in_another_browser_is_told_as_ones_own(line: Railway, new_page):
    here, there = new_page(), new_page()
    log_in(here, line, "wang", "#/triage?item=5")
    log_in(there, line, "wang", "#/triage?item=5")
    assert shown(here) == shown(there) == "5"
    press_and_see_next(here, "1")
    expect(here.get_by_text("saving")).to_have_count(0)
    press_and_see_next(there, "2")
    expect(there.get_by_role("alert")).to_contain_text("You decided it in another window")
    assert item(here, line, 5)["state"] == "confirmed"


def test_a_second_screen_follows_triage(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage")
    first = shown(page)
    second = page.context.new_page()
    second.goto(line.address + "#/picture?follow=1")
    frame = item(page, line, int(first))["frame_id"]
    expect(second.locator(".osd")).to_have_attribute("data-frame", str(frame))
    following = press_and_see_next(page, "1")
    frame = item(page, line, int(following))["frame_id"]
    expect(second.locator(".osd")).to_have_attribute("data-frame", str(frame))
    expect(second.locator(".item-list .chosen")).to_contain_text("Dropper broken")
    assert complaints == []


def test_after_long_without_a_pause_a_break_is_proposed(line: Railway, page: Page):
    page.clock.install()
    log_in(page, line, "wang", "#/triage")
    shown(page)
    proposed = page.get_by_text("minutes without a pause")
    for _ in range(5):
        press_and_see_next(page, "4")
        expect(proposed).to_have_count(0)
        page.clock.fast_forward("04:00")
    press_and_see_next(page, "4")
    expect(proposed).to_contain_text("20 minutes without a pause: a break of 5 minutes")
    page.goto(line.address + "#/sheet?component=dropper&n=12")
    expect(proposed).to_be_visible()
    page.goto(line.address + "#/triage")
    shown(page)
    page.clock.fast_forward("06:00")
    press_and_see_next(page, "4")
    expect(proposed).to_have_count(0)


def test_a_dark_picture_is_made_lighter_by_keys_and_by_hand(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage")
    shown(page)
    picture = page.locator(".stage img").first
    evened = page.locator(".stage canvas.evened").first
    assert picture.evaluate("one => getComputedStyle(one).filter") == "none"
    page.keyboard.press("i")
    for key in ("]", "}", "."):
        page.keyboard.press(key)
    expect(page.locator(".tone output")).to_have_text(["0.05", "0.10", "1.20"])
    assert "tone" in picture.evaluate("one => getComputedStyle(one).filter")
    page.get_by_label("Brightness").fill("0.5")
    expect(page.locator(".tone output").first).to_have_text("0.50")
    page.keyboard.press("\\")
    expect(page.locator(".tone output")).to_have_text(["0.00", "0.00", "1.00"])
    page.keyboard.press("q")
    expect(evened).to_be_visible()
    spread = """canvas => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const levels = [...data].filter((_, i) => i % 4 === 0).sort((a, b) => a - b);
      return levels[Math.round(0.9 * levels.length)] - levels[Math.round(0.1 * levels.length)];
    }"""
    assert evened.evaluate(spread) > 40  # 16 as photographed
    shown_next = press_and_see_next(page, "4")
    expect(evened).to_be_visible()
    page.keyboard.press("i")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(".stage canvas.evened")).to_have_count(0)
    expect(page.locator(".stage")).to_have_attribute("data-item", shown_next)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Even out (CLAHE)")
    assert complaints == []
