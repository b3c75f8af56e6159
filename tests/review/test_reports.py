"""Reports asked for in the browser: made one at a time, and only for who asked."""

import csv
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import pytest
from sqlalchemy import select

from catenary.domain.review import RefusedError
from catenary.jobs.reviewing.report import Choices
from catenary.review import exports, report_process, report_shelf
from catenary.review.exports import Exports
from catenary.review.report_process import Order, ReportError, Watch
from catenary.review.site import Site
from catenary.store import audit
from catenary.store.schema import audit as trail
from catenary.store.workspace import Workspace
from tests.review.places import RUN, Browser, code

LogIn = Callable[[str], Browser]


@dataclass
class Press:
    """Makes reports when it is told to, and remembers what it was asked for."""

    orders: list[Order] = field(default_factory=list)
    goes_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    problem: Exception | None = None

    def make(self, _place: Workspace, order: Order, path: Path, watch: Watch) -> None:
        self.orders.append(order)
        watch.done, watch.total = 3, 8
        path.parent.mkdir(exist_ok=True)
        while not self.goes_on.acquire(timeout=0.01):
            if watch.stop.is_set():
                raise ReportError("gave_up", "stopped")
        if self.problem is not None:
            raise self.problem
        path.write_bytes(b"printed")


@pytest.fixture
def press(site: Site) -> Iterator[Press]:
    made = Press()
    site.exports.make = made.make
    yield made
    site.exports.close()


@pytest.fixture
def in_this_process(site: Site) -> None:
    """Spares the start of a process where it is not what is tested."""
    site.exports.make = lambda place, order, path, _watch: report_process.write(place, order, path)


def ask(browser: Browser, form: str = "csv", **more: object) -> dict:
    answer = browser.post("/api/reports", {"run_id": 1, "format": form, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()["reports"][0]


def own(browser: Browser) -> list[dict]:
    return browser.get("/api/reports").json()["reports"]


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again; the time limit of the tests ends what never comes."""
    while not is_so():
        threading.Event().wait(0.02)


def ended(browser: Browser) -> dict:
    """Return the newest report once none is under way."""
    until(lambda: not {"waiting", "making"} & {one["stage"] for one in own(browser)})
    return own(browser)[0]


def packed(archive: bytes) -> tuple[bytes, bytes]:
    """Return table, and the file beside it that says what it is of."""
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        assert found.namelist() == ["findings.csv", "findings.csv.about.json"]
        return found.read("findings.csv"), found.read("findings.csv.about.json")


def test_a_report_is_made_and_downloaded_with_a_row_of_the_trail(site: Site, anybody: Browser):
    asked = ask(anybody)
    assert (asked["run"], asked["format"], asked["decided"]) == (RUN, "csv", None)
    done = ended(anybody)
    assert (done["stage"], done["problem"]) == ("done", None)
    answer = anybody.get(f"/api/reports/{done['id']}/file")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert RUN in unquote(answer.headers["content-disposition"])
    assert len(answer.content) == done["size"]
    table, about = packed(answer.content)
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == 1 + 6  # five droppers and a pin that could not be judged
    beside = json.loads(about)
    assert (beside["run"], beside["sha256"]) == (RUN, hashlib.sha256(table).hexdigest())
    with site.db.read() as connection:
        assert list(audit.verify(connection)) == []
        last = connection.execute(select(trail.c.content).order_by(trail.c.seq.desc())).scalar()
    told = json.loads(str(last))
    assert (told["who"], told["action"]) == ("local", "report")
    assert (told["told"]["run"], told["told"]["sha256"]) == (RUN, done["sha256"])


@pytest.mark.usefixtures("in_this_process")
def test_a_report_of_a_filter_lists_that_alone_and_says_so(anybody: Browser):
    anybody.decide(1)
    filters = {"mast": ["D000"], "component": ["dropper"], "run": ["another"]}
    asked = ask(anybody, "xlsx", filters=filters, decided=False)
    assert asked["selection"] == {
        "zh": "杆号：D000；部件：吊弦",
        "en": "mast: D000; component: dropper",
    }
    done = ended(anybody)
    content = anybody.get(f"/api/reports/{done['id']}/file").content
    book = openpyxl.load_workbook(io.BytesIO(content))
    listed = list(book["4C缺陷汇总表"].iter_rows(min_row=2, values_only=True))
    assert [row[7] for row in listed] == ["D000"] * 3
    info = {row[0]: row[1] for row in book["说明 Info"].iter_rows(values_only=True)}
    assert "Only a selection is listed (mast: D000; component: dropper); 1 of 3" in str(
        info["复核 Review"]
    )


@pytest.mark.usefixtures("in_this_process")
def test_only_confirmed_defects_of_a_filter_are_listed(anybody: Browser):
    for item in (1, 2, 4):
        anybody.decide(item)
    ask(anybody, filters={"mast": ["D000"]}, decided=True)
    done = ended(anybody)
    table, about = packed(anybody.get(f"/api/reports/{done['id']}/file").content)
    assert len(table.decode("utf-8-sig").strip().splitlines()) == 1 + 2
    assert json.loads(about)["review"]["confirmed_only"]


@pytest.mark.parametrize("more", [{"filters": {"mast": ["nowhere"]}}, {"decided": True}])
@pytest.mark.usefixtures("in_this_process")
def test_an_empty_report_is_not_made_and_told_why(anybody: Browser, more: dict):
    ask(anybody, **more)
    done = ended(anybody)
    assert (done["stage"], done["problem"]["code"]) == ("failed", "nothing")
    assert code(anybody.get(f"/api/reports/{done['id']}/file")) == "not_found"


def test_a_report_that_cannot_be_made_says_why(site: Site, press: Press, anybody: Browser):
    press.problem = ReportError("internal", "12ab")
    press.goes_on.release()
    ask(anybody)
    assert ended(anybody)["problem"] == {"code": "internal", "message": "12ab"}
    press.problem = None  # the next one is made
    press.goes_on.release()
    ask(anybody)
    assert ended(anybody)["stage"] == "done"


def test_a_bug_is_told_by_number_and_the_next_report_is_made(
    press: Press, anybody: Browser, caplog: pytest.LogCaptureFixture
):
    press.problem = ZeroDivisionError("secret of the inside")
    press.goes_on.release()
    ask(anybody)
    problem = ended(anybody)["problem"]
    assert (problem["code"], problem["message"] in caplog.text) == ("internal", True)
    assert "secret of the inside" in caplog.text
    press.problem = None
    press.goes_on.release()
    ask(anybody)
    assert ended(anybody)["stage"] == "done"


def test_reports_wait_for_each_other_and_the_server_answers_meanwhile(
    press: Press, anybody: Browser
):
    for form in ("csv", "html"):
        ask(anybody, form)
    assert own(anybody)[0]["stage"] == "waiting"
    assert own(anybody)[0]["before"] == 1
    assert anybody.get("/api/queue").status_code == 200
    assert anybody.decide(1).status_code == 201
    assert [one.form for one in press.orders][:1] == ["csv"]


def test_nobody_asks_for_too_many(press: Press, anybody: Browser):
    for _ in range(exports.MOST_OF_ONE):
        ask(anybody)
    answer = anybody.post("/api/reports", {"run_id": 1, "format": "csv"})
    assert (answer.status_code, code(answer)) == (429, "busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_all_together_do_not_ask_for_too_many(site: Site, press: Press):
    wish = report_shelf.ReportWish(1, RUN, "csv")
    for number in range(exports.MOST_UNDER_WAY):
        site.exports.ask(f"reviewer {number}", wish)
    with pytest.raises(exports.HttpError, match="too many"):
        site.exports.ask("one more", wish)


def test_a_report_is_stopped_and_the_next_one_made(site: Site, press: Press, anybody: Browser):
    first, second = ask(anybody), ask(anybody, "html")
    left = anybody.delete(f"/api/reports/{first['id']}").json()["reports"]
    assert [one["id"] for one in left] == [second["id"]]
    until(lambda: len(press.orders) == 2)
    press.goes_on.release()
    assert ended(anybody)["id"] == second["id"]
    assert code(anybody.get(f"/api/reports/{first['id']}/file")) == "not_found"


def test_a_report_is_nobody_elses(staffed: Site, press: Press, log_in: LogIn):
    press.goes_on.release()
    reviewer, admin = log_in("reviewer"), log_in("admin")
    ask(reviewer)
    done = ended(reviewer)
    assert own(admin) == []
    for answer in (
        admin.get(f"/api/reports/{done['id']}/file"),
        admin.delete(f"/api/reports/{done['id']}"),
    ):
        assert (answer.status_code, code(answer)) == (404, "not_found")
    assert reviewer.get(f"/api/reports/{done['id']}/file").content == b"printed"


def test_reports_are_kept_for_some_hours(site: Site, press: Press, anybody: Browser):
    press.goes_on.release()
    ask(anybody)
    done = ended(anybody)
    later = site.clock() + exports.KEPT + timedelta(seconds=1)
    site.exports.clock = lambda: later
    assert own(anybody) == []
    assert code(anybody.get(f"/api/reports/{done['id']}/file")) == "not_found"


@pytest.mark.parametrize("wrong", ["..%2f..%2fcatenary.db", "x" * 51, "%00"])
def test_no_name_of_a_report_leads_to_the_disk(site: Site, press: Press, anybody: Browser, wrong):
    press.goes_on.release()
    ask(anybody)
    ended(anybody)
    assert anybody.get(f"/api/reports/{wrong}/file").status_code in (404, 422)


def again(site: Site) -> Exports:
    """Return what a server that is started anew has."""
    return Exports(site.db, site.workspace, site.clock, site.settings.notice)


def test_what_is_done_outlives_the_server_and_what_was_under_way_says_so(
    site: Site, press: Press, anybody: Browser
):
    press.goes_on.release()
    filters = {"mast": ["D000"]}
    ask(anybody, filters=filters)
    done = ended(anybody)
    ask(anybody, "xlsx")
    until(lambda: len(press.orders) == 2)
    ask(anybody, "pdf")
    site.exports.close()
    pdf, xlsx, csv_ = again(site).of("local")
    assert [one.wish.form for one in (pdf, xlsx, csv_)] == ["pdf", "xlsx", "csv"]
    for one in (pdf, xlsx):
        assert one.stage == "failed"
        assert one.problem is not None
        assert one.problem[0] == "stopped"
    assert (csv_.stage, csv_.sha256, csv_.problem) == ("done", done["sha256"], None)
    assert csv_.wish.selection is not None
    assert csv_.wish.selection.told.en == "mast: D000"
    assert again(site).file("local", csv_.id)[1].read_bytes() == b"printed"
    with pytest.raises(RefusedError, match="no such report"):
        again(site).file("somebody else", csv_.id)


def test_a_report_that_was_removed_does_not_come_back(site: Site, press: Press, anybody: Browser):
    press.goes_on.release()
    ask(anybody)
    anybody.delete(f"/api/reports/{ended(anybody)['id']}")
    assert again(site).of("local") == []
    assert list(site.workspace.reports.iterdir()) == []


def test_a_note_that_is_damaged_costs_its_own_report_alone(
    site: Site, press: Press, anybody: Browser
):
    press.goes_on.release()
    ask(anybody)
    done = ended(anybody)
    (site.workspace.reports / "x.json").write_text('{"id": 3}', encoding="utf-8")
    assert [one.id for one in again(site).of("local")] == [done["id"]]


def test_how_far_a_report_is_can_be_seen(press: Press, anybody: Browser):
    ask(anybody)
    until(lambda: own(anybody)[0]["stage"] == "making" and bool(press.orders))
    until(lambda: own(anybody)[0]["total"] > 0)
    assert (own(anybody)[0]["made"], own(anybody)[0]["total"]) == (3, 8)


@pytest.mark.parametrize("form", ["xlsx", "html", "csv", "coco", "docx"])
def test_every_format_tells_how_far_it_is(site: Site, tmp_path: Path, form: str):
    told: list[tuple[int, int]] = []
    order = Order(RUN, form, Choices(is_decided=False))
    report_process.write(site.workspace, order, tmp_path / "report", lambda *far: told.append(far))
    assert told[0][0] == 0
    assert (5, 5) in told or (6, 6) in told  # five droppers, and a pin that could not be judged


def test_closing_leaves_nothing_half_made(site: Site, press: Press, anybody: Browser):
    report = ask(anybody)
    until(lambda: bool(press.orders))
    site.exports.close()
    assert [one.name for one in site.workspace.reports.iterdir()] == [f"{report['id']}.json"]
