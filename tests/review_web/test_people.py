"""Accounts in a real browser: an admin's page, and everybody's own password."""

import re

from playwright.sync_api import Page, expect

from tests.review_web.acts import FAINT_TEXT, log_in
from tests.review_web.railway import ATTACK, PASSWORD, Railway

OWN = "rain on the messenger wire"


def change_password(page: Page, old: str, new: str) -> None:
    page.get_by_label("Old password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.keyboard.press("Enter")


def test_an_account_is_added_and_its_owner_chooses_a_password(line: Railway, new_page, complaints):
    sun, chen = new_page(), new_page()
    log_in(sun, line, "sun", "#/accounts")
    form = sun.get_by_role("form", name="Add an account")
    form.get_by_label("Name").fill("chen")
    form.get_by_label("Role").select_option("second")
    first = form.get_by_label("First password").input_value()
    assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", first)
    sun.keyboard.press("Enter")
    expect(sun.get_by_role("status")).to_have_text("chen was added")
    row = sun.get_by_role("row", name="chen")
    expect(row).to_contain_text("Has to choose a password")
    expect(row.get_by_label("Role of chen")).to_have_value("second")
    assert form.get_by_label("First password").input_value() != first

    chen.goto(line.address)
    chen.get_by_label("Name").fill("chen")
    chen.get_by_label("Password").fill(first)
    chen.keyboard.press("Enter")
    expect(chen.get_by_text("choose your own first")).to_be_visible()
    expect(chen.get_by_role("navigation")).to_have_count(0)
    change_password(chen, first, OWN)
    expect(chen.get_by_role("status").first).to_have_text("56 items")
    assert complaints == []


def test_a_role_is_changed_and_an_account_disabled_and_enabled(line: Railway, new_page, complaints):
    sun, li = new_page(), new_page()
    log_in(li, line, "li")
    log_in(sun, line, "sun", "#/accounts")
    sun.get_by_label("Role of li").select_option("lead")
    expect(sun.get_by_role("status")).to_have_text("li is now Lead")
    li.reload()
    expect(li.locator(".user")).to_have_text("li · Lead")
    li.wait_for_load_state("networkidle")  # what it still asks for would be refused: a complaint
    sun.get_by_role("button", name="Disable li").click()
    sun.keyboard.press("Escape")
    expect(sun.get_by_role("form", name="Disable li")).to_have_count(0)
    sun.get_by_role("button", name="Disable li").click()
    sun.keyboard.press("Enter")
    expect(sun.get_by_role("status")).to_have_text("li is disabled")
    expect(sun.get_by_role("row", name="li", exact=False)).to_contain_text(["Disabled"])
    li.reload()
    expect(li.get_by_label("Password")).to_be_visible()
    sun.get_by_role("button", name="Enable li").click()
    expect(sun.get_by_role("status")).to_have_text("li can log in again")
    log_in(li, line, "li")
    assert complaints == []


def test_the_last_admin_is_kept_and_told_so(line: Railway, page: Page):
    log_in(page, line, "sun", "#/accounts")
    page.get_by_label("Role of sun").select_option("viewer")
    expect(page.get_by_role("alert")).to_contain_text("last admin")
    expect(page.get_by_label("Role of sun")).to_have_value("admin")


def test_a_password_is_reset_by_an_admin(line: Railway, new_page):
    sun, li = new_page(), new_page()
    log_in(sun, line, "sun", "#/accounts")
    sun.get_by_role("button", name="Reset the password of li").click()
    form = sun.get_by_role("form", name="Reset the password of li")
    expect(form.get_by_label("First password")).to_be_focused()
    form.get_by_label("First password").fill(OWN)
    sun.keyboard.press("Enter")
    expect(sun.get_by_role("status")).to_have_text("The password of li was reset")
    li.goto(line.address)
    li.get_by_label("Name").fill("li")
    li.get_by_label("Password").fill(OWN)
    li.keyboard.press("Enter")
    expect(li.get_by_text("choose your own first")).to_be_visible()


def test_ones_own_password_is_changed_and_ends_the_other_login(line: Railway, new_page, complaints):
    here, there = new_page(), new_page()
    log_in(here, line, "wang")
    log_in(there, line, "wang", "#/help")
    expect(there.get_by_role("heading", name="Help")).to_be_visible()
    here.get_by_role("link", name="wang").click()
    change_password(here, PASSWORD, OWN)
    expect(here.get_by_role("status")).to_contain_text("The password was changed")
    assert here.evaluate(FAINT_TEXT) == []
    here.goto(line.address + "#/queue")
    expect(here.get_by_role("status").first).to_have_text("56 items")
    there.reload()
    expect(there.get_by_label("Name")).to_be_visible()
    assert complaints == []


def test_a_wrong_old_password_and_two_new_ones_are_told(line: Railway, page: Page):
    log_in(page, line, "wang", "#/password")
    change_password(page, "not mine at all", OWN)
    expect(page.get_by_role("alert")).to_have_text("The old password is wrong.")
    page.get_by_label("New password again").fill(OWN + "s")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The two new passwords differ.")


def test_accounts_are_for_admins_alone(line: Railway, page: Page):
    log_in(page, line, "zhao", "#/accounts")
    expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")
    expect(page.get_by_role("link", name="Accounts")).to_have_count(0)


def test_an_account_named_like_an_attack_is_only_text(line: Railway, page: Page, complaints):
    log_in(page, line, "sun", "#/accounts")
    form = page.get_by_role("form", name="Add an account")
    form.get_by_label("Name").fill(ATTACK)
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader", name=ATTACK)).to_be_visible()
    assert page.evaluate("window.wasHit") is None
    assert complaints == []
