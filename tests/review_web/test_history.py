"""What triage tells of defects of earlier runs, and of items that turned out to be one part."""

import re

import pytest
from httpx2 import Client
from playwright.sync_api import Page, Response, expect
from sqlalchemy import update

from catenary.domain.finding import Verdict
from catenary.domain.part import part_name
from catenary.jobs.reviewing import review_queue
from catenary.store import parts
from catenary.store.parts import JoinedPart, View
from catenary.store.schema import frame
from tests.review import places
from tests.review_web import railway
from tests.review_web.acts import (
    FAINT_TEXT,
    item,
    log_in,
    press_and_see_next,
    press_once_drawn,
    shown,
)
from tests.review_web.railway import DROPPER, PASSWORD, Railway
from tests.review_web.test_access import require_access

RUN_ID = 2  # of the later run
KEPT, GONE = 2, 3  # items of two photographs of one mast, as it turns out
EARLIER_FRAME = 2  # the mast of the item that is kept, a run before
KNOWN = {"en-GB": "May be a known defect", "zh-CN": "可能是已登记的缺陷"}


def draw_defect(page: Page, line: Railway, frame_id: int) -> int:
    """Register a defect of a photograph's dropper; return its number."""
    token = page.request.get(line.address + "api/session").json()["csrf_token"]
    drawn = {
        "component": "dropper",
        "condition": "slack",
        "grade": 2,
        "box": [DROPPER.x0, DROPPER.y0, DROPPER.x1, DROPPER.y1],
    }
    asked = {"data": drawn, "headers": {"X-CSRF-Token": token}}
    answer = page.request.post(f"{line.address}api/frames/{frame_id}/findings", **asked)
    assert answer.status == 201, answer.text()
    return int(answer.json()["item"]["defect"]["id"])


def join(line: Railway) -> None:
    """Make two items one part, as a join of the views after both were decided does it."""
    kept, gone = (railway.image_id(number - 1) for number in (KEPT, GONE))
    move(line, GONE, "D001")
    with line.site.db.write() as tx:
        (state,) = [one for one in parts.masts(tx, RUN_ID) if one.mast.number == "D001"]
        views = tuple(
            View(image, DROPPER, Verdict.DEFECT, "broken", 0.9, finding)
            for image, finding in ((kept, KEPT), (gone, GONE))
        )
        name = part_name(kept, "dropper", DROPPER)
        one = JoinedPart(name, "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.98, views)
        parts.replace(tx, RUN_ID, state, [one])
    assert review_queue.fill(line.site.db, line.site.workspace, 0.0, 14.0) == 1


def move(line: Railway, number: int, mast: str) -> None:
    """Give the photograph of an item to another mast."""
    image = railway.image_id(number - 1)
    with line.site.db.write() as tx:
        moved = update(frame).where(frame.c.run_id == RUN_ID, frame.c.image_id == image)
        tx.execute(moved.values(mast_number=mast))


def is_given_back(answer: Response) -> bool:
    asked = answer.request.post_data_json if answer.url.endswith("/api/queue/lease") else {}
    return bool(asked.get("release"))


def confirm(line: Railway, who: str, number: int) -> None:
    """Confirm as a page would, where what pages do is not what is tested."""
    with Client(base_url=line.address) as client:
        browser = places.Browser(client)
        assert browser.log_in(who, PASSWORD).status_code == 200
        assert browser.decide(number).status_code == 201


def decide(page: Page, line: Railway, who: str, number: int, key: str) -> None:
    log_in(page, line, who, f"#/triage?item={number}")
    assert shown(page) == str(number)
    press_and_see_next(page, key)
    expect(page.get_by_text("saving")).to_have_count(0)
    with page.expect_response(is_given_back):  # so that the next reader may have what was ahead
        page.goto(line.address + "#/help")


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_a_defect_of_an_earlier_run_stands_beside_the_reasons(
    line: Railway, new_page, complaints, locale: str, scheme: str
):
    page = new_page(locale, scheme)
    log_in(page, line, "zhao")
    number = draw_defect(page, line, EARLIER_FRAME)
    page.goto(f"{line.address}#/triage?item={KEPT}")
    assert shown(page) == str(KEPT)
    known = page.get_by_role("region", name=KNOWN[locale])
    told = {
        "en-GB": (f"Defect {number}", "slack", "Registered", "Deadline", "d left"),
        "zh-CN": (f"第 {number} 号缺陷", "松弛", "已登记", "期限", "剩 "),
    }
    for one in (*told[locale], railway.EARLIER_RUN):
        expect(known).to_contain_text(one)
    page.wait_for_function("() => document.querySelector('.known img')?.naturalWidth > 0")
    assert known.get_by_role("link").evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    assert page.evaluate(FAINT_TEXT) == []
    require_access(page)
    press_and_see_next(page, "1")
    expect(page.get_by_role("region", name=KNOWN[locale])).to_have_count(0)  # another mast
    page.keyboard.press("k")
    assert shown(page, but="4") == str(KEPT)
    expect(page.get_by_role("region", name=KNOWN[locale])).to_have_count(0)  # decided
    page.goto(f"{line.address}#/triage?item={GONE}")
    shown(page, but=str(KEPT))
    expect(page.get_by_role("region", name=KNOWN[locale])).to_have_count(0)
    assert complaints == []


def test_who_goes_to_another_item_is_not_called_back(line: Railway, new_page):
    page = new_page()
    page.add_init_script(
        """addEventListener("hashchange", event => {
          if (!event.isTrusted) return;
          event.stopImmediatePropagation();
          setTimeout(() => dispatchEvent(new HashChangeEvent("hashchange")), 1000);
        })"""
    )
    log_in(page, line, "wang", f"#/triage?item={KEPT}")
    assert shown(page) == str(KEPT)
    page.evaluate(f"location.hash = '#/triage?item={GONE}'")
    page.keyboard.press("e")  # draws this item once more before the browser tells of the other
    assert shown(page, but=str(KEPT)) == str(GONE)
    assert f"item={GONE}" in page.url


def test_the_page_of_a_known_defect_is_one_click_away(line: Railway, page: Page):
    log_in(page, line, "zhao")
    number = draw_defect(page, line, EARLIER_FRAME)
    page.goto(f"{line.address}#/triage?item={KEPT}")
    page.get_by_role("link", name=f"Defect {number}").click()
    expect(page.get_by_role("heading", name="Dropper slack")).to_be_visible()
    assert page.url.endswith(f"#/defect?id={number}")


def test_a_merged_item_leads_to_the_one_that_goes_on(line: Railway, new_page, complaints):
    decide(new_page(), line, "wang", KEPT, "1")
    decide(new_page(), line, "li", GONE, "2")
    join(line)
    lead = new_page()
    log_in(lead, line, "zhao", f"#/triage?item={GONE}")
    assert shown(lead) == str(GONE)
    assert item(lead, line, GONE)["merged_into"] == KEPT
    expect(lead.get_by_role("button", name="Confirm")).to_be_disabled()
    expect(lead.locator(".trail li")).to_have_count(2)
    expect(lead.locator(".trail .inherited")).to_contain_text(
        f"Joined with another item: one part · Item {KEPT}"
    )
    assert lead.evaluate(FAINT_TEXT) == []
    require_access(lead)
    lead.get_by_role("button", name=f"Go to item {KEPT}").click()
    assert shown(lead, but=str(GONE)) == str(KEPT)
    expect(lead.locator(".merged")).to_have_count(0)
    expect(lead.locator(".panel .state").first).to_have_text("Disputed")
    expect(lead.locator(".trail .inherited")).to_contain_text(
        f"Item {GONE} · Joined with another item: one part"
    )
    lead.locator(".trail").get_by_role("link", name=f"Item {GONE}").click()
    assert shown(lead, but=str(KEPT)) == str(GONE)
    lead.get_by_role("button", name=f"Go to item {KEPT}").click()
    shown(lead, but=str(GONE))
    press_and_see_next(lead, "1")
    expect(lead.get_by_text("saving")).to_have_count(0)
    settled = item(lead, line, KEPT)
    assert (settled["state"], settled["reviewer"]) == ("confirmed", "zhao")
    assert complaints == []


def test_a_merged_item_is_told_in_chinese_too(line: Railway, new_page):
    for who, number in (("wang", KEPT), ("li", GONE)):
        confirm(line, who, number)
    join(line)
    page = new_page("zh-CN")
    log_in(page, line, "guest", f"#/triage?item={GONE}")
    expect(page.locator(".merged")).to_contain_text(f"此项与第 {KEPT} 项为同一部件")
    expect(page.locator(".trail .inherited")).to_contain_text(f"两项合并为同一部件 · 第 {KEPT} 项")
    page.get_by_role("button", name=f"转到第 {KEPT} 项").click()
    assert shown(page, but=str(GONE)) == str(KEPT)


def test_other_views_and_cameras_stand_beside_the_part_as_far_as_there_is_room(
    line: Railway, new_page, complaints
):
    move(line, 4, "D001")  # another camera of the mast, so to say
    join(line)
    page = new_page()
    log_in(page, line, "wang", f"#/triage?item={KEPT}")
    assert shown(page) == str(KEPT)
    captions = page.locator(".stage .caption-text")
    expect(captions).to_have_text(["This run Camera 03", re.compile("^Earlier run")])
    page.keyboard.press("h")
    expect(captions).to_have_text(["This run Camera 03", "View 2 Camera 03"])
    page.keyboard.press("6")
    expect(captions.last).to_have_text("View 1 Camera 03")
    expect(page.locator(".strip .thumb").last).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("w")
    expect(captions).to_have_count(1)
    page.keyboard.press("f")
    expect(captions.last).to_have_text("Whole photograph Camera 03")
    page.wait_for_function("() => [...document.images].every(one => one.naturalWidth > 0)")
    require_access(page)
    page.keyboard.press("f")
    expect(captions).to_have_count(1)
    page.keyboard.press("w")
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.keyboard.press("h")
    expect(captions).to_have_count(3)
    assert complaints == []


def test_the_photograph_shows_every_view_of_a_part(line: Railway, new_page, complaints):
    join(line)
    page = new_page()
    log_in(page, line, "wang", f"#/picture?frame={railway.MASTS + KEPT}&item={KEPT}")
    views = page.get_by_role("region", name="Views")
    expect(views.get_by_role("heading")).to_contain_text("Dropper broken: 2 views")
    first, second = views.locator(".thumb").all()
    expect(first).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".item-list .chosen")).to_contain_text("Dropper broken")
    assert page.url.endswith(f"frame={railway.MASTS + GONE}&item={KEPT}")
    require_access(page)
    page.keyboard.press("v")
    expect(first).to_have_attribute("aria-pressed", "true")
    assert complaints == []


def test_a_key_is_heard_as_soon_as_the_photograph_is_drawn(line: Railway, new_page):
    join(line)
    page = new_page()
    log_in(page, line, "wang", f"#/picture?frame={railway.MASTS + KEPT}&item={KEPT}")
    views = page.get_by_role("region", name="Views").locator(".thumb")
    expect(views.first).to_have_attribute("aria-pressed", "true")
    press_once_drawn(page, ".strip .thumb:nth-child(2)[aria-pressed=true]", "v")
    with page.expect_response(re.compile(f"/api/frames/{railway.MASTS + GONE}$")):
        views.last.click()
    expect(views.first).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith(f"frame={railway.MASTS + KEPT}&item={KEPT}")


def test_the_photograph_of_a_merged_item_leads_to_the_one_that_goes_on(line: Railway, new_page):
    for who, number in (("wang", KEPT), ("li", GONE)):
        confirm(line, who, number)
    join(line)
    page = new_page()
    log_in(page, line, "guest", f"#/picture?frame={railway.MASTS + GONE}&item={GONE}")
    page.get_by_role("button", name=f"Go to item {KEPT}").click()
    expect(page.get_by_role("region", name="Views").locator(".thumb")).to_have_count(2)
    expect(page.locator(".item-list .chosen")).to_have_count(1)


def test_photographs_are_moved_to_the_mast_that_they_show(line: Railway, new_page, complaints):
    page = new_page()
    log_in(page, line, "zhao", f"#/mast?id={railway.MASTS + KEPT}")
    heading = page.get_by_role("heading", level=1)
    before = heading.inner_text()
    page.get_by_role("button", name="Move to another mast").click()
    page.locator(".shot").first.click()
    page.get_by_label("To mast number").fill("nowhere")
    page.get_by_label("Reason").fill("shot too late")
    page.get_by_role("button", name="Move 1 photograph").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("no such mast"))
    page.get_by_label("To mast number").fill("D0")
    right = page.locator("datalist option").last
    page.get_by_label("To mast number").fill(str(right.get_attribute("value")))
    require_access(page)
    page.get_by_role("button", name="Move 1 photograph").click()
    expect(heading).not_to_have_text(before)
    assert page.url.endswith(f"#/mast?id={railway.MASTS + KEPT}")
    trace = page.locator("tr", has_text="shot too late")
    expect(trace).to_have_count(1)
    expect(trace).to_contain_text(f"{before} → {heading.inner_text()}")
    expect(trace).to_contain_text("zhao")
    complaints[:] = [one for one in complaints if "404" not in one]  # of the mast nowhere
    assert complaints == []


def test_photographs_of_no_mast_are_taken_away_by_a_tick_and_not_by_a_word(line: Railway, new_page):
    page = new_page()
    log_in(page, line, "zhao", f"#/mast?id={railway.MASTS + KEPT}")
    page.get_by_role("button", name="Move to another mast").click()
    page.locator(".shot").first.click()
    page.get_by_label("To mast number").fill("none")
    page.get_by_label("Reason").fill("a bridge")
    page.get_by_role("button", name="Move 1 photograph").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("no such mast"))
    page.get_by_label("They show no mast").check()
    expect(page.get_by_label("To mast number")).to_be_disabled()
    page.get_by_role("button", name="Move 1 photograph").click()
    expect(page).to_have_url(re.compile(rf"#/picture\?frame={railway.MASTS + KEPT}"))


def test_who_may_not_move_photographs_is_not_asked(line: Railway, new_page):
    page = new_page()
    log_in(page, line, "wang", f"#/mast?id={railway.MASTS + KEPT}")
    expect(page.get_by_role("link", name="Show in the queue")).to_be_visible()
    expect(page.get_by_role("button", name="Move to another mast")).to_have_count(0)
