"""From flagged defects to a signed list: two readers, a lead, a report, the trail."""

import io
import re

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from catenary.jobs.reviewing import trail
from tests.review_web.acts import downloaded, item, log_in, press_and_see_next, shown, states
from tests.review_web.railway import Railway

SAID = "hangs low at its clamp"
OPEN = {"en-GB": "Open", "zh-CN": "待审核"}
CONFIRMED = {"en-GB": "Confirmed", "zh-CN": "已确认"}


def decide(page: Page, keys: str) -> None:
    for key in keys:
        press_and_see_next(page, key)
    expect(page.get_by_text("saving")).to_have_count(0)


def test_two_readers_a_lead_and_the_list(line_read_twice: Railway, new_page, complaints):
    line = line_read_twice
    wang, qian, zhao = new_page(), new_page(), new_page()
    log_in(wang, line, "wang", "#/triage")
    first = shown(wang)
    decide(wang, "1112")
    assert states(wang, line) == {"open": 52, "second": 3, "rejected": 1}

    log_in(qian, line, "qian", "#/triage?state=second")
    assert shown(qian) == first
    press_and_see_next(qian, "1")
    press_and_see_next(qian, "1")
    qian.keyboard.press("2")
    expect(qian.get_by_text("Nothing is left to decide here")).to_be_visible()
    expect(qian.get_by_text("saving")).to_have_count(0)
    assert states(qian, line) == {"open": 52, "confirmed": 2, "disputed": 1, "rejected": 1}

    log_in(zhao, line, "zhao", "#/triage?state=disputed")
    settled = shown(zhao)
    expect(zhao.locator(".trail")).to_contain_text("first reading · wang")
    expect(zhao.locator(".trail")).to_contain_text("second reading · qian")
    zhao.keyboard.press("1")
    expect(zhao.get_by_text("Nothing is left to decide here")).to_be_visible()
    expect(zhao.get_by_text("saving")).to_have_count(0)
    assert item(zhao, line, int(settled))["reviewer"] == "zhao"

    zhao.goto(line.address + "#/reports")
    zhao.get_by_label(re.compile("^Excel")).check()
    zhao.get_by_label("Only defects that people confirmed").check()
    zhao.get_by_role("button", name="Make it").click()
    _, content = downloaded(zhao)
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = list(book["4C缺陷汇总表"].iter_rows(min_row=2, values_only=True))
    assert sorted(row[13] for row in rows) == ["wang, qian", "wang, qian", "wang, qian, zhao"]
    assert trail.verify(line.site.workspace, "").broken == ()
    assert complaints == []


def test_nobody_reads_their_own_decision_a_second_time(line_read_twice: Railway, new_page):
    line = line_read_twice
    qian = new_page()
    log_in(qian, line, "qian", "#/triage")
    first = shown(qian)
    decide(qian, "1")
    qian.goto(f"{line.address}#/triage?state=second&item={first}")
    assert shown(qian) == first
    expect(qian.locator(".panel .state")).to_have_text("Second reading")
    expect(qian.get_by_role("button", name="Confirm")).to_be_disabled()


def assert_nothing_of_it(page: Page) -> None:
    for told in ("wang", SAID):
        expect(page.locator("body")).not_to_contain_text(told)


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_second_reader_sees_nothing_of_the_first_reading(
    line_read_twice: Railway, new_page, complaints, locale: str
):
    line = line_read_twice
    wang, qian, zhao = new_page(), new_page(locale), new_page(locale)
    log_in(wang, line, "wang", "#/triage")
    first = shown(wang)
    wang.get_by_label("Condition").select_option("slack")
    wang.get_by_label("Grade").select_option("3")
    wang.get_by_label("Note").fill(SAID)
    wang.keyboard.press("Escape")
    decide(wang, "1")

    log_in(qian, line, "qian", "#/triage?state=second")
    assert shown(qian) == first
    panel = qian.locator(".panel")
    expect(panel.locator(".state")).to_have_text(OPEN[locale])
    expect(panel.locator("select").nth(0)).to_have_value("broken")
    expect(panel.locator("select").nth(1)).to_have_value("1")
    expect(panel.locator("textarea")).to_have_value("")
    expect(panel.locator(".trail")).to_have_count(0)
    expect(panel.locator(".decide-confirm")).to_be_enabled()
    assert_nothing_of_it(qian)
    frame = item(qian, line, int(first))["frame_id"]
    places = {
        "sheet?state=second": ".cell",
        "queue?state=second": "tbody tr",
        f"picture?frame={frame}&item={first}": ".item-list .chosen",
    }
    for place, what in places.items():
        qian.goto(f"{line.address}#/{place}")
        expect(qian.locator(what)).to_have_count(1)
        assert_nothing_of_it(qian)

    qian.goto(f"{line.address}#/triage?state=second&item={first}")
    assert shown(qian) == first
    with qian.expect_response("**/decisions"):
        qian.keyboard.press("2")
    log_in(zhao, line, "zhao", "#/triage?state=disputed")
    assert shown(zhao) == first
    for told in ("wang", "qian", SAID):
        expect(zhao.locator(".trail")).to_contain_text(told)
    zhao.keyboard.press("1")
    expect(zhao.locator(".stage")).to_have_count(0)
    zhao.keyboard.press("k")
    expect(zhao.locator(".panel .state").first).to_have_text(CONFIRMED[locale])
    settled = item(zhao, line, int(first))
    told = (settled["state"], settled["condition"], settled["reviewer"])
    assert told == ("confirmed", "slack", "zhao")
    assert complaints == []


def test_a_second_reader_who_took_it_back_closes_nothing_by_agreeing(
    line_read_twice: Railway, new_page, complaints
):
    line = line_read_twice
    wang, qian, zhao = new_page(), new_page(), new_page()
    log_in(wang, line, "wang", "#/triage")
    first = shown(wang)
    decide(wang, "1")
    log_in(qian, line, "qian", "#/triage?state=second")
    assert shown(qian) == first
    qian.keyboard.press("2")
    expect(qian.locator(".stage")).to_have_count(0)
    qian.keyboard.press("u")
    expect(qian.locator(".panel")).to_contain_text("you know the first reading")
    qian.keyboard.press("1")
    expect(qian.locator(".stage")).to_have_count(0)
    expect(qian.get_by_text("saving")).to_have_count(0)
    log_in(zhao, line, "zhao", "#/triage?state=disputed")
    assert shown(zhao) == first
    marked = "second reading · knowing the first reading · qian"
    expect(zhao.locator(".trail li").last).to_contain_text(marked)
    zhao.goto(line.address + "#/statistics")
    expect(zhao.get_by_role("row", name="qian").locator("td.number").last).to_have_text("1")
    assert complaints == []
