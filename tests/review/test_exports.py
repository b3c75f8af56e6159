"""Reports over the network: what a page hands over is what the command writes."""

import csv
import hashlib
import io
import json
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pytest

from catenary.jobs import report
from catenary.review.site import Site
from tests.review.places import RUN, Browser, code

URL = "/api/runs/1/reports"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_table_comes_with_what_it_is_of(anybody: Browser, own_folder: Path):
    anybody.decide(1, note="=1+1")
    answer = anybody.get(f"{URL}/csv")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    table = archive.read("findings.csv")
    told = json.loads(archive.read("findings.csv.about.json"))
    assert told["sha256"] == hashlib.sha256(table).hexdigest()
    assert (told["run"], told["model"]) == (RUN, "demo-1")
    assert (told["review"]["reviewers"], told["review"]["decided"]) == (["local"], 1)
    assert set(told) >= {"thresholds", "rules", "taxonomy", "made_at", "fingerprint"}
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == 6
    assert "'=1+1" in [row["note"] for row in rows]
    assert list(own_folder.iterdir()) == []  # nothing is left on the server


def test_confirmed_defects_alone(anybody: Browser):
    anybody.decide(1)
    anybody.decide(2, decision="reject")
    answer = anybody.get(f"{URL}/xlsx", decided=True)
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book["4C图像缺陷"].max_row == 2
    assert "4C缺陷汇总表" in book.sheetnames


def test_the_name_of_the_file_is_that_of_the_run(anybody: Browser):
    told = anybody.get(f"{URL}/html").headers["content-disposition"]
    assert "%E7%A4%BA%E4%BE%8B%E7%BA%BF" in told  # 示例线
    assert told.endswith(".html")


def test_decided_alone_before_anybody_decided_is_refused(anybody: Browser, own_folder: Path):
    answer = anybody.get(f"{URL}/csv", decided=True)
    assert answer.status_code >= 400
    assert "nobody has decided" in answer.json()["error"]["message"]
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/runs/99/reports/csv", 404), (f"{URL}/exe", 422), (f"{URL}/..%2f..%2fetc", 404)],
)
def test_there_is_nothing_else(anybody: Browser, path: str, status: int):
    assert anybody.get(path).status_code == status


def test_a_second_report_meanwhile_is_asked_to_wait(
    site: Site, anybody: Browser, monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = threading.Event(), threading.Event()
    real = report.write_report

    def slowly(*arguments: object) -> None:
        begun.set()
        assert go_on.wait(60)
        real(*arguments)

    monkeypatch.setattr(report, "write_report", slowly)
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(anybody.get(f"{URL}/csv").status_code))
    first.start()
    assert begun.wait(60)
    busy = anybody.get(f"{URL}/csv")
    go_on.set()
    first.join()
    assert (busy.status_code, code(busy)) == (503, "busy")
    assert busy.headers["retry-after"]
    assert answers == [200]
    assert anybody.get(f"{URL}/csv").status_code == 200


def test_a_notice_is_made_of_the_template_of_the_workspace(site: Site, anybody: Browser):
    anybody.decide(1)
    own = docx.Document()
    own.add_paragraph("供电段 {{ defects }} {{ run }}")
    folder = site.workspace.path / "templates"
    folder.mkdir()
    own.save(str(folder / "notice.docx"))
    answer = anybody.get(f"{URL}/docx")
    made = docx.Document(io.BytesIO(answer.content))
    assert [one.text for one in made.paragraphs] == [f"供电段 1 {RUN}"]


def test_reports_name_both_readers(log_in: Callable[[str], Browser]):
    log_in("reviewer").decide(1)
    browser = log_in("second")
    browser.decide(1, 1)
    archive = zipfile.ZipFile(io.BytesIO(browser.get(f"{URL}/csv").content))
    rows = csv.DictReader(io.StringIO(archive.read("findings.csv").decode("utf-8-sig")))
    assert [one["reviewer"] for one in rows if one["reviewer"]] == ["reviewer, second"]
    told = json.loads(archive.read("findings.csv.about.json"))
    assert told["review"]["reviewers"] == ["reviewer", "second"]
