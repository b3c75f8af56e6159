"""A reviewer's work in a real browser, against the real server."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.review_web import railway
from tests.review_web.acts import (
    FAINT_TEXT,
    PAGES,
    item,
    log_in,
    press_and_see_next,
    press_once_drawn,
    shown,
    states,
)
from tests.review_web.railway import ATTACK, PASSWORD, Railway


def test_fifty_items_are_decided_by_keyboard_alone(line: Railway, page: Page, complaints):
    page.goto(line.address)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("wang")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_have_text("56 items")
    page.keyboard.press("t")
    seen = [shown(page)]
    for number in range(50):
        page.keyboard.press("1234"[number % 4])
        seen.append(shown(page, but=seen[-1]))
    expect(page.get_by_text("50 decided")).to_be_visible()
    expect(page.get_by_text("6 left")).to_be_visible()
    expect(page.get_by_text("saving")).to_have_count(0)
    assert len(set(seen)) == 51
    assert states(page, line) == {
        "open": 6,
        "confirmed": 13,
        "rejected": 13,
        "observed": 12,
        "cannot_judge": 12,
    }
    assert complaints == []


CUT_SHORT = """() => [...document.querySelectorAll('figcaption, figcaption *')]
  .filter(one => getComputedStyle(one).display !== 'inline')
  .filter(one => one.scrollWidth > one.clientWidth + 1)
  .map(one => one.textContent)"""


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_no_caption_is_cut_short_beside_an_earlier_run(line: Railway, new_page, locale):
    page = new_page(locale)
    log_in(page, line, "wang", "#/triage")
    shown(page)
    for _ in range(3):  # fitting, actual size, surroundings
        expect(page.locator("figure.pane")).to_have_count(2)
        assert page.evaluate(CUT_SHORT) == []
        page.keyboard.press("z")


def test_grade_condition_and_note_are_changed_by_keyboard_and_taken_back(
    line: Railway, page: Page, complaints
):
    log_in(page, line, "wang", "#/triage")
    first = shown(page)
    page.keyboard.press("d")
    page.keyboard.press("s")  # the first condition that begins so: slack
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("1 strand left, 2 gone")
    page.keyboard.press("Escape")
    press_and_see_next(page, "1")
    page.keyboard.press("u")
    expect(page.locator(".stage")).to_have_attribute("data-item", first)
    expect(page.get_by_text("0 decided")).to_be_visible()
    expect(page.locator(".trail")).to_contain_text("1 strand left, 2 gone")
    expect(page.locator(".trail li").first).to_contain_text("undone")
    made = item(page, line, int(first))["decisions"]
    assert [
        (one["decision"], one["after"]["condition"], one["after"]["grade"]) for one in made
    ] == [
        ("confirm", "slack", 3),
        ("undo", "broken", 1),
    ]
    assert complaints == []


def test_the_note_that_is_shown_is_kept_and_an_emptied_one_is_not(line: Railway, page: Page):
    log_in(page, line, "wang", "#/triage?item=3")
    assert shown(page) == "3"
    page.keyboard.press("n")
    page.keyboard.type("rust on the clamp")
    page.keyboard.press("Escape")
    press_and_see_next(page, "1")
    for key, note in (("3", "rust on the clamp"), ("1", "")):
        expect(page.get_by_text("saving")).to_have_count(0)
        page.keyboard.press("k")
        expect(page.locator(".stage")).to_have_attribute("data-item", "3")
        if not note:
            page.get_by_label("Note").fill("")
            page.keyboard.press("Escape")
        press_and_see_next(page, key)
        expect(page.get_by_text("saving")).to_have_count(0)
        assert item(page, line, 3)["note"] == note


def test_contact_sheet_decides_all_but_the_exceptions(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/sheet?component=dropper&n=24")
    expect(page.locator(".cell")).to_have_count(24)
    for key in ("Space", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    expect(page.locator(".cell.marked")).to_have_count(2)
    exceptions = {one.get_attribute("data-item") for one in page.locator(".cell.marked").all()}
    page.keyboard.press("2")
    expect(page.get_by_role("status").first).to_contain_text("34 left")
    assert states(page, line) == {"open": 34, "rejected": 22}
    assert {item(page, line, int(one))["state"] for one in exceptions} == {"open"}
    page.keyboard.press("u")
    expect(page.get_by_role("status").first).to_contain_text("56 left")
    assert states(page, line) == {"open": 56}
    assert complaints == []


def test_an_exception_is_marked_as_soon_as_the_sheet_is_drawn(line: Railway, page: Page):
    log_in(page, line, "wang", "#/sheet?component=dropper&n=12")
    expect(page.locator(".cell")).to_have_count(12)
    for key in ("ArrowRight", "Space"):
        page.keyboard.press(key)
    press_once_drawn(page, ".cell", " ")
    page.keyboard.press("2")
    expect(page.locator(".cell").first).to_have_attribute("data-item", "13")
    expect(page.locator(".cell").first).to_have_class("cell marked at")
    expect(page.locator(".cell.marked")).to_have_count(1)


def test_a_sheet_asks_only_for_the_pictures_that_did_not_come_with_it(
    line: Railway, page: Page, complaints
):
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    log_in(page, line, "wang", "#/sheet?component=dropper&n=12")
    expect(page.locator(".cell img")).to_have_count(12)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.cell img')].every((one) => one.naturalWidth > 0)"
    )
    crops = {int(one.split("/items/")[1].split("/")[0]) for one in asked if "/crop?" in one}
    # Of items 1, 3, … the workspace holds a picture; the next sheet may be fetched already.
    assert {2, 4, 6, 8, 10, 12} <= crops <= set(range(2, 25, 2))
    page.keyboard.press("q")  # evened out: the pages may read the pixels of either kind
    expect(page.locator(".cell .evened:not([hidden])")).to_have_count(12)
    assert complaints == []


def test_a_photograph_stays_until_the_next_one_is_there(line: Railway, page: Page):
    log_in(page, line, "wang", "#/picture?frame=57")
    canvas = page.locator(".osd")
    expect(canvas).to_have_attribute("data-frame", "57")
    page.evaluate(
        """() => {
          window.gaps = 0;
          new MutationObserver(() => { window.gaps += !document.querySelector(".osd"); })
            .observe(document.body, {subtree: true, childList: true});
        }"""
    )
    take(page, "l", "measure")
    page.get_by_role("button", name="Next mast").click()
    expect(canvas).not_to_have_attribute("data-frame", "57")
    expect(page.locator(".canvas")).to_have_class("canvas tool-move")  # a tool is of one photograph
    assert page.evaluate("gaps") == 0


def take(page: Page, key: str, tool: str) -> None:
    """Take a tool of the photograph by its key; a drag before it is in hand would move the view."""
    page.keyboard.press(key)
    expect(page.locator(".canvas")).to_have_class(f"canvas tool-{tool}")


def drag_over(page: Page, x0: float, y0: float, x1: float, y1: float) -> None:
    """Drag over shares of the viewer, once tiles are there."""
    room = page.locator(".canvas").bounding_box()
    assert room is not None
    page.mouse.move(room["x"] + x0 * room["width"], room["y"] + y0 * room["height"])
    page.mouse.down()
    page.mouse.move(room["x"] + x1 * room["width"], room["y"] + y1 * room["height"], steps=4)
    page.mouse.up()


def open_photograph(page: Page, line: Railway, place: str) -> None:
    with page.expect_response(re.compile(r"/tiles/\d+/\d+_\d+\.jpg")):
        log_in(page, line, "wang", place)
    expect(page.locator(".overlay g[transform]")).to_be_attached()


def test_a_missed_defect_is_drawn(line: Railway, page: Page, complaints):
    open_photograph(page, line, "#/picture?frame=60")
    take(page, "d", "draw")
    drag_over(page, 0.3, 0.3, 0.5, 0.6)
    page.get_by_label("Component").select_option("insulator")
    page.get_by_label("Condition").select_option("flashover")
    page.get_by_label("Note").fill(ATTACK)
    page.get_by_role("button", name="Record the defect").click()
    expect(page.locator(".item-list")).to_contain_text("Insulator flashover")
    drawn = page.request.get(line.address + "api/frames/60").json()["items"][-1]
    assert (drawn["origin"], drawn["state"]) == ("manual", "confirmed")
    assert (drawn["component"], drawn["grade"], drawn["note"]) == ("insulator", 1, ATTACK)
    x0, y0, x1, y1 = drawn["box"]
    assert 0 <= x0 < x1 <= railway.WIDTH
    assert 0 <= y0 < y1 <= railway.HEIGHT
    assert complaints == []


def test_a_box_is_corrected_and_a_length_measured(line: Railway, page: Page, complaints):
    open_photograph(page, line, "#/picture?frame=57&item=1")
    expect(page.locator(".item-list .chosen")).to_contain_text("Dropper broken")
    take(page, "l", "measure")
    drag_over(page, 0.4, 0.5, 0.6, 0.5)
    expect(page.locator(".hint")).to_contain_text(
        re.compile(r"[\d.]+ px \([\d.]+ across, 0\.0 down")
    )
    page.keyboard.press("Escape")
    expect(page.locator(".canvas")).to_have_class("canvas tool-move")
    take(page, "b", "correct")
    drag_over(page, 0.4, 0.3, 0.6, 0.7)
    page.get_by_role("button", name="Confirm with this box").click()
    expect(page.locator(".item-list .chosen")).to_contain_text("Confirmed")
    assert item(page, line, 1)["box"] != [280.0, 100.0, 340.0, 420.0]
    assert complaints == []


def test_what_somebody_else_decided_is_told_and_not_overwritten(line: Railway, new_page):
    wang, zhao = new_page(), new_page()
    log_in(wang, line, "wang", "#/triage?item=5")
    assert shown(wang) == "5"
    log_in(zhao, line, "zhao", "#/triage?item=5")
    assert shown(zhao) == "5"
    press_and_see_next(wang, "1")
    expect(wang.get_by_text("saving")).to_have_count(0)
    press_and_see_next(zhao, "2")
    expect(zhao.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile")
    zhao.get_by_role("button", name="Show it").click()
    expect(zhao.locator(".panel .state")).to_have_text("Confirmed")
    kept = item(zhao, line, 5)
    assert (kept["state"], kept["reviewer"]) == ("confirmed", "wang")


def test_a_viewer_looks_and_cannot_decide(line: Railway, page: Page, complaints):
    log_in(page, line, "guest", "#/triage")
    shown(page)
    expect(page.get_by_text("Read only")).to_be_visible()
    deciding = page.locator(".decisions .decide, .decisions button[aria-keyshortcuts^='U']")
    expect(deciding).to_have_count(5)
    for button in deciding.all():
        expect(button).to_be_disabled()
    page.keyboard.press("1")
    press_and_see_next(page, "j")
    assert states(page, line) == {"open": 56}
    assert complaints == []


def test_filters_are_in_the_address_and_counts_follow(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage")
    press_and_see_next(page, "1")
    expect(page.get_by_text("saving")).to_have_count(0)
    page.goto(line.address + "#/queue")
    page.get_by_role("checkbox", name=re.compile("^Confirmed")).check()
    expect(page.get_by_role("status").first).to_have_text("1 item")
    assert "state=confirmed" in page.url
    page.reload()
    expect(page.get_by_role("status").first).to_have_text("1 item")
    expect(page.get_by_role("checkbox", name=re.compile("^Confirmed"))).to_be_checked()
    assert complaints == []


def test_a_mast_named_like_an_attack_is_only_text(line: Railway, page: Page, complaints):
    places = ["#/queue", "#/triage?item=1", "#/picture?frame=57&item=1", "#/masts", "#/mast?id=57"]
    log_in(page, line, "zhao", "#/triage?item=1")
    shown(page)
    page.keyboard.press("n")
    page.keyboard.type(ATTACK)
    page.keyboard.press("Escape")
    press_and_see_next(page, "3")
    expect(page.get_by_text("saving")).to_have_count(0)
    for place in places:
        page.goto(line.address + place)
        expect(page.locator("#content")).to_contain_text(ATTACK)
        assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("window.wasHit") is None
    assert complaints == []


def begin_dispatching(page: Page) -> None:
    """Ask for the step once the defect and its picture are there."""
    page.wait_for_function("() => document.querySelector('.sightings img')?.naturalWidth > 0")
    page.keyboard.press("d")
    expect(page.get_by_label("Note")).to_be_focused()


def test_a_confirmed_item_is_dispatched_in_the_closed_loop(line: Railway, page: Page, complaints):
    log_in(page, line, "zhao", "#/triage")
    first = shown(page)
    press_and_see_next(page, "1")
    expect(page.get_by_text("saving")).to_have_count(0)
    page.keyboard.press("k")
    expect(page.locator(".stage")).to_have_attribute("data-item", first)
    page.get_by_role("link", name="Defect 1").click()
    expect(page.get_by_role("heading", name="Dropper broken")).to_be_visible()
    begin_dispatching(page)
    page.keyboard.press("Escape")  # leaves the field
    page.keyboard.press("Escape")
    expect(page.get_by_role("form")).to_have_count(0)
    begin_dispatching(page)
    page.keyboard.type(ATTACK)
    page.keyboard.press("Control+Enter")
    made = page.locator(".steps-made > li")
    expect(made).to_have_count(2)
    for told in ("Dispatch", "zhao", "Registered → Dispatched", ATTACK):
        expect(made.last).to_contain_text(told)
    assert page.evaluate(FAINT_TEXT) == []
    steps = page.request.get(line.address + "api/defects/1").json()["steps"]
    assert [(one["step"], one["note"]) for one in steps] == [("register", ""), ("dispatch", ATTACK)]
    page.keyboard.press("q")
    page.get_by_role("checkbox", name=re.compile("^Dispatched")).check()
    expect(page.get_by_role("status").first).to_have_text("1 defect")
    assert "state=dispatched" in page.url
    assert complaints == []


def test_a_step_on_what_somebody_else_changed_is_told_and_not_made(line: Railway, new_page):
    first, second = new_page(), new_page()
    log_in(first, line, "zhao", "#/triage?item=5")
    assert shown(first) == "5"
    press_and_see_next(first, "1")
    expect(first.get_by_text("saving")).to_have_count(0)
    log_in(second, line, "zhao", "#/defect?id=1")
    first.goto(line.address + "#/defect?id=1")
    for each in (first, second):
        begin_dispatching(each)
    for each in (first, second):
        each.keyboard.press("Control+Enter")
        expect(each.get_by_role("form")).to_have_count(0)
    expect(first.get_by_role("status")).to_have_text("Done: Dispatch")
    expect(second.get_by_role("alert")).to_contain_text("your step was not made")
    expect(second.locator(".steps-made > li")).to_have_count(2)
    assert item(first, line, 5)["defect"]["state"] == "dispatched"


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "dark"), ("zh-CN", "light")])
def test_every_page_opens_fits_the_screen_and_can_be_read(
    line: Railway, new_page, complaints, locale, scheme
):
    page = new_page(locale, scheme)
    log_in(page, line, "sun")
    for place in PAGES:
        page.goto(line.address + "#/" + place)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, place
        assert page.evaluate(FAINT_TEXT) == [], place
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert complaints == []
