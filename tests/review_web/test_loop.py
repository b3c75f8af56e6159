"""The closed loop in a real browser: from confirmed to closed, and seen again in the next run."""

from playwright.sync_api import Page, expect

from tests.review_web import railway
from tests.review_web.acts import item, log_in, shown
from tests.review_web.railway import Railway
from tests.review_web.test_history import EARLIER_FRAME, KEPT, draw_defect

# Key, value to choose, state that follows.
WAY = (
    ("d", "", "已下发"),
    ("r", "repaired", "已整改"),
    ("i", "", "已复核"),
    ("c", "", "已销号"),
)


def make_step(page: Page, key: str, conclusion: str = "") -> None:
    page.keyboard.press(key)
    expect(page.get_by_role("form")).to_be_visible()
    if conclusion:
        page.locator("#step-conclusion").select_option(conclusion)
    page.locator("#step-note, #step-of").last.press("Control+Enter")


def confirm(page: Page, line: Railway, number: int) -> int:
    """Confirm an item; return its defect."""
    page.goto(f"{line.address}#/triage?item={number}")
    assert shown(page) == str(number)
    with page.expect_response("**/decisions"):
        page.keyboard.press("1")
    return int(item(page, line, number)["defect"]["id"])


def open_defect(page: Page, line: Railway, number: int) -> None:
    page.goto(f"{line.address}#/defect?id={number}")
    page.wait_for_function("() => document.querySelector('.sightings img')?.naturalWidth > 0")


def test_a_defect_goes_its_whole_way_by_keyboard(line: Railway, new_page, complaints):
    page = new_page("zh-CN")
    log_in(page, line, "zhao", "#/triage?item=5")
    open_defect(page, line, confirm(page, line, 5))
    state = page.locator(".panel .badges .state")
    for number, (key, conclusion, told) in enumerate(WAY, 2):
        make_step(page, key, conclusion)
        expect(state).to_have_text(told)
        expect(page.locator(".steps-made > li")).to_have_count(number)
    made = page.request.get(line.address + "api/defects/1").json()
    assert [one["step"] for one in made["steps"]] == [
        "register",
        "dispatch",
        "repair",
        "reinspect",
        "close",
    ]
    assert (made["state"], made["due"]) == ("closed", None)
    expect(page.locator(".steps button")).to_have_count(1)  # it may be opened again
    assert complaints == []


def test_what_the_next_run_finds_is_joined_with_the_defect_it_is(
    line: Railway, page: Page, complaints
):
    log_in(page, line, "zhao")
    earlier = draw_defect(page, line, EARLIER_FRAME)
    later = confirm(page, line, KEPT)
    open_defect(page, line, later)
    expect(page.locator(".facts")).to_contain_text(f"Defect {earlier}")  # may be the same
    make_step(page, "s")
    expect(page.locator(".panel .badges .state")).to_have_text("Joined into an earlier one")
    page.locator(".facts").get_by_role("link", name=f"Defect {earlier}").click()
    expect(page.locator(".sightings > li")).to_have_count(2)
    for run in (railway.EARLIER_RUN, railway.RUN):
        expect(page.locator(".sightings")).to_contain_text(run)
    assert complaints == []
