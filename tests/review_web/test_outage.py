"""A server that goes away while somebody decides, and comes back."""

from playwright.sync_api import Page, Route, expect

from tests.review_web.acts import item, log_in, press_and_see_next, shown, states
from tests.review_web.railway import Railway


def test_what_is_decided_while_the_server_is_away_is_sent_once_it_is_back(
    line: Railway, page: Page
):
    page.clock.install()
    log_in(page, line, "wang", "#/triage")
    first = shown(page)
    second = press_and_see_next(page, "1")
    expect(page.get_by_text("saving")).to_have_count(0)
    page.wait_for_load_state("networkidle")  # the next pictures are there
    page.context.set_offline(True)
    third = press_and_see_next(page, "2")
    press_and_see_next(page, "3")
    expect(page.get_by_text("2 decisions not saved yet; trying again")).to_be_visible()
    page.context.set_offline(False)
    page.clock.fast_forward(3100)  # it is tried again each three seconds
    expect(page.get_by_text("not saved yet")).to_have_count(0)
    expect(page.get_by_text("3 decided")).to_be_visible()
    expect(page.locator(".notices .problem")).to_have_count(0)
    told = [item(page, line, int(number))["state"] for number in (first, second, third)]
    assert told == ["confirmed", "rejected", "observed"]
    assert states(page, line) == {"open": 53, "confirmed": 1, "rejected": 1, "observed": 1}


def test_a_sheet_whose_answer_was_lost_is_decided_by_the_same_key_again(line: Railway, page: Page):
    log_in(page, line, "wang", "#/sheet?component=dropper&n=12")
    expect(page.locator(".cell")).to_have_count(12)
    page.wait_for_load_state("networkidle")  # the next sheet is there
    first = page.locator(".cell").first.get_attribute("data-item")
    lost: list[str] = []

    def lose_the_answer(route: Route) -> None:
        route.fetch()  # the server decides
        lost.append(route.request.url)
        route.abort()

    page.route("**/decisions", lose_the_answer, times=1)
    page.keyboard.press("2")
    expect(page.locator(".problem")).to_be_visible()
    assert len(lost) == 1
    page.keyboard.press("2")
    expect(page.locator(f'.cell[data-item="{first}"]')).to_have_count(0)
    expect(page.locator(".problem")).to_have_count(0)
    assert states(page, line)["rejected"] == 12


def test_a_photograph_page_without_a_photograph_says_so(line: Railway, page: Page):
    log_in(page, line, "wang", "#/picture")
    expect(page.get_by_text("No photograph is named")).to_be_visible()


def test_small_pictures_that_did_not_come_are_asked_for_again(line: Railway, page: Page):
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    page.clock.install()
    page.route("**/crop?**", lose, times=1)
    log_in(page, line, "wang", "#/mast?id=1")
    expect(page.locator(".shot img").first).to_be_visible()
    page.wait_for_function("() => document.querySelector('.shot img').complete")
    assert len(lost) == 1
    page.clock.fast_forward(3100)
    page.wait_for_function(
        "src => [...document.querySelectorAll('.shot img')]"
        ".some(one => one.src === src && one.naturalWidth > 0)",
        arg=lost[0],
    )
