"""Reports in a real browser: asked for, waited for, downloaded."""

import hashlib
import io
import re

import openpyxl
from playwright.sync_api import Page, expect

from tests.review_web.acts import (
    FAINT_TEXT,
    MADE_MS,
    downloaded,
    log_in,
    press_and_see_next,
    shown,
)
from tests.review_web.railway import RUN, Railway


def test_confirmed_defects_of_a_filter_are_exported(line: Railway, page: Page, complaints):
    log_in(page, line, "wang", "#/triage?grade=1")
    shown(page)
    for _ in range(3):
        press_and_see_next(page, "1")
    expect(page.get_by_text("saving")).to_have_count(0)
    page.goto(line.address + "#/queue")
    page.get_by_role("checkbox", name=re.compile("^Confirmed")).check()
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_text("Only: State: Confirmed")).to_be_visible()
    expect(page.get_by_text("3 items of this run")).to_be_visible()
    page.get_by_role("button", name="Make it").click()
    name, content = downloaded(page)
    assert name.startswith(f"4C缺陷汇总表_{RUN}_")
    expect(page.get_by_text(hashlib.sha256(content).hexdigest())).to_be_visible()
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert len(list(book["4C图像缺陷"].iter_rows(min_row=2))) == 3
    assert page.evaluate(FAINT_TEXT) == []
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert complaints == []


def test_a_notice_without_decisions_is_not_made_and_says_why(line: Railway, page: Page):
    log_in(page, line, "wang", "#/reports")
    page.get_by_label("Notice of defects 通知书, Word").check()
    expect(page.get_by_label("Only defects that people confirmed")).to_be_checked()
    page.get_by_role("button", name="Make it").click()
    expect(page.locator("td .warn")).to_contain_text("It would be empty", timeout=MADE_MS)


def test_reports_are_not_for_viewers(line: Railway, page: Page):
    log_in(page, line, "guest")
    expect(page.get_by_role("status").first).to_have_text("56 items")
    expect(page.get_by_role("link", name="Reports")).to_have_count(0)
    expect(page.get_by_role("link", name="Export")).to_have_count(0)
