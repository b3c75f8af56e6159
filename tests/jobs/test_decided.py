"""Reports of a run on which people decided, as `catenary report` writes them."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docx as word
import openpyxl
import pytest

from catenary.datasets import coco
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.review import Decision, Reader, Role, SecondReading, Wish
from catenary.store import database, parts, queue_fill, review_items, reviews
from catenary.store.database import Database
from catenary.store.parts import JoinedPart, View
from catenary.store.reviews import Ask, Drawn
from tests.jobs.commands import catenary
from tests.review import places
from tests.review.places import RUN
from tests.store.queues import NOON
from tests.store.reviewing import RULES

WANG, LI = Reader("wang", Role.REVIEWER), Reader("li", Role.LEAD)
MOVED, DRAWN = Box(33.0, 25.0, 58.0, 215.0), Box(600.0, 300.0, 640.0, 420.0)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with five broken droppers and a pin that could not be judged."""
    folder = tmp_path_factory.mktemp("untouched")
    return filled(folder)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one where the first is confirmed, the second corrected, the third rejected.

    A pin was drawn; the other droppers wait.
    """
    folder = tmp_path_factory.mktemp("reviewed")
    place = filled(folder)
    for db in opened(place):
        decide(db, 1, WANG, Wish(Decision.CONFIRM, note="=see <b>photo</b>"))
        decide(db, 2, LI, Wish(Decision.CONFIRM, "slack", box=MOVED))
        decide(db, 3, WANG, Wish(Decision.REJECT))
        drawn = Drawn(6, "split_pin", DRAWN, Wish(Decision.CONFIRM, "missing"))
        with db.write() as tx:
            reviews.draw(tx, drawn, WANG, RULES, NOON)
    return place


def filled(folder: Path) -> Path:
    place = places.workspace(folder)
    db = database.open_workspace_db(place.database)
    places.fill(db, place, folder / "run")
    db.close()
    return folder / "ws"


def opened(folder: Path) -> Iterator[Database]:
    db = database.open_workspace_db(folder / "catenary.db")
    yield db
    db.close()


def decide(db: Database, item: int, reader: Reader, wish: Wish) -> None:
    with db.write() as tx:
        version = review_items.one(tx, item).version
        reviews.decide(tx, [Ask(item, version, wish)], reader, RULES, NOON)


def report(place: Path, folder: Path, form: str, *more: str) -> Path:
    path = folder / f"report.{form}"
    done = catenary(
        *("report", RUN, "--workspace", str(place), "--format", form, "-o", str(path)), *more
    )
    assert done.returncode == 0, done.stderr
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def sheet(path: Path, name: str) -> list[dict[str, object]]:
    head, *lines = openpyxl.load_workbook(path)[name].iter_rows(values_only=True)
    return [dict(zip(head, line, strict=True)) for line in lines]


def told(path: Path) -> str:
    return "\n".join(one.text for one in word.Document(str(path)).paragraphs)


def test_all_findings_have_their_decisions_beside_them(reviewed: Path, tmp_path: Path):
    found = [one for one in rows(report(reviewed, tmp_path, "csv")) if one["verdict"] == "defect"]
    said = {
        one["image_id"]: (one["condition"], one["decision"], one["reviewer"], one["due"])
        for one in found
    }
    assert said == {
        "000000": ("broken", "confirmed", "wang", "2026-03-10T12:00:00+00:00"),
        "000001": ("broken", "confirmed", "li", "2026-04-06T12:00:00+00:00"),
        "000002": ("broken", "rejected", "wang", ""),
        "000003": ("broken", "open", "", ""),
        "000004": ("broken", "open", "", ""),
    }
    (first,) = (one for one in found if one["image_id"] == "000000")
    assert first["decided_at"] == "2026-03-07T12:00:00+00:00"
    assert first["note"] == "'=see <b>photo</b>"  # no formula


def test_confirmed_defects_alone_are_as_people_decided(reviewed: Path, tmp_path: Path):
    found = rows(report(reviewed, tmp_path, "csv", "--decided"))
    defects = {one["image_id"]: one for one in found if one["verdict"] == "defect"}
    assert set(defects) == {"000000", "000001", "000005"}
    corrected, drawn = defects["000001"], defects["000005"]
    assert [float(corrected[name]) for name in ("x0", "y0", "x1", "y1")] == [33, 25, 58, 215]
    assert (corrected["condition"], corrected["grade"]) == ("slack", "2")
    assert corrected["reason"].startswith("Dropper broken: ")
    assert corrected["reason"].endswith("A reviewer decided: slack.")
    assert "审核人员改判为松弛不受力。" in corrected["原因"]
    assert (drawn["probability"], drawn["component"], drawn["model"]) == ("", "split_pin", "manual")
    assert drawn["reason"] == "Drawn into the photograph by a reviewer."


def test_what_could_not_be_judged_stays_until_somebody_decides(reviewed: Path, tmp_path: Path):
    found = rows(report(reviewed, tmp_path, "csv", "--decided"))
    assert [one["component"] for one in found if one["verdict"] == "cannot_judge"] == ["split_pin"]


def test_a_notice_of_a_reviewed_run_lists_what_was_confirmed(reviewed: Path, tmp_path: Path):
    path = report(reviewed, tmp_path, "docx")
    table = word.Document(str(path)).tables[0]
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert [row[4].split()[0] for row in cells[1:]] == ["开口销", "吊弦", "吊弦"]
    assert [row[-1][:4] for row in cells[1:]] == ["2026"] * 3
    text = told(path)
    assert "已复核 4/6，复核人 li、wang；其余不在本表 4 of 6 reviewed by li, wang" in text
    assert "已确认 confirmed，wang 2026-03-07" in text
    assert "=see <b>photo</b>" in text
    assert len(word.Document(str(path)).inline_shapes) == 3  # the drawn one has a picture too


def test_a_notice_can_list_all_findings_all_the_same(reviewed: Path, tmp_path: Path):
    path = report(reviewed, tmp_path, "docx", "--all")
    assert len(word.Document(str(path)).tables[0].rows) == 1 + 5
    assert "4 of 6 reviewed by li, wang" in told(path)
    assert "其余不在本表" not in told(path)


def test_a_run_that_nobody_looked_at_says_so(untouched: Path, tmp_path: Path):
    path = report(untouched, tmp_path, "docx")
    assert len(word.Document(str(path)).tables[0].rows) == 1 + 5
    assert "未经人工复核" in told(path)
    done = catenary(
        *("report", RUN, "--workspace", str(untouched), "--format", "csv", "--decided"),
        *("-o", str(tmp_path / "x.csv")),
    )
    assert (done.returncode, "nobody has decided" in done.stderr) == (1, True)
    assert not (tmp_path / "x.csv").exists()


def test_the_workbook_names_reviewers_in_lists_and_summary(reviewed: Path, tmp_path: Path):
    path = report(reviewed, tmp_path, "xlsx")
    for name in ("4C图像缺陷", "4C缺陷汇总表"):
        listed = sheet(path, name)
        assert [one["复核人 reviewer"] for one in listed] == ["wang", "li", "wang", None, None]
        assert [one["结论 decision"] for one in listed][2:4] == ["已排除 rejected", "待审核 open"]
    info = dict(openpyxl.load_workbook(path)["说明 Info"].iter_rows(values_only=True))
    assert info["复核 Review"] == "已复核 4/6，复核人 li、wang 4 of 6 reviewed by li, wang"
    assert info["复核人 Reviewers"] == "li, wang"
    first = sheet(path, "统计 Statistics")[0]
    assert (first["缺陷 defects"], first["已确认 confirmed"], first["未定 open"]) == (5, 2, 2)


def test_the_columns_of_the_centres_come_first_and_alone_before_anybody_decided(
    untouched: Path, reviewed: Path, tmp_path: Path
):
    plain = list(sheet(report(untouched, tmp_path, "xlsx"), "4C缺陷汇总表")[0])
    assert plain[-1] == "检测日期(记录)"
    told_more = list(sheet(report(reviewed, tmp_path, "xlsx"), "4C缺陷汇总表")[0])
    assert told_more[: len(plain)] == plain


def test_programs_get_the_decisions_too(untouched: Path, reviewed: Path, tmp_path: Path):
    found = json.loads(report(reviewed, tmp_path, "coco").read_text(encoding="utf-8"))
    assert sorted(one["decision"] for one in found if one["verdict"] == "defect") == [
        *("confirmed", "confirmed", "open", "open", "rejected"),
    ]
    limited = json.loads(report(reviewed, tmp_path, "coco", "--decided").read_text("utf-8"))
    boxes = [one["bbox"] for one in limited if one["condition"] == "slack"]
    assert boxes == [[33.0, 25.0, 25.0, 190.0]]
    before = json.loads(report(untouched, tmp_path, "coco").read_text(encoding="utf-8"))
    assert all("decision" not in one for one in before)


def test_the_page_says_how_far_people_are(reviewed: Path, tmp_path: Path):
    text = report(reviewed, tmp_path, "html").read_text(encoding="utf-8")
    assert text.count("4 of 6 reviewed by li, wang") == 2  # at the top, and among the versions
    assert text.count("Confirmed by wang.") == 1
    assert "已排除（wang）。" in text


def test_a_decision_changes_the_fingerprint(tmp_path: Path):
    place = filled(tmp_path)

    def mark() -> object:
        path = report(place, tmp_path, "xlsx")
        info = openpyxl.load_workbook(path)["说明 Info"].iter_rows(values_only=True)
        return dict(info)["指纹 Fingerprint (SHA-256)"]

    marks = [mark()]
    for wish in (Wish(Decision.REJECT), Wish(Decision.REJECT, note="wire"), Wish(Decision.OBSERVE)):
        for db in opened(place):
            decide(db, 1, WANG, wish)
        marks.append(mark())
    assert len(set(marks)) == 4


def test_a_drawn_defect_is_listed_without_picture_where_the_run_is_gone(
    reviewed: Path, tmp_path: Path
):
    run = reviewed.parent / "run"
    run.rename(reviewed.parent / "moved")
    try:
        path = report(reviewed, tmp_path, "docx")
    finally:
        (reviewed.parent / "moved").rename(run)
    assert "无图片 No picture" in told(path)
    assert "开口销 split pin" in told(path)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace where a dropper is seen by three cameras, one of which denies, confirmed.

    The second raised it too, at another place of its picture; reviewers made it slack.
    """
    place = filled(tmp_path_factory.mktemp("joined"))
    for db in opened(place):
        boxes = [Box(10.0 + 20 * n, 20.0, 40.0 + 20 * n, 220.5) for n in range(2)]
        views = (
            View("000000", boxes[0], Verdict.DEFECT, "broken", 0.9, 1),
            View("000001", boxes[1], Verdict.DEFECT, "broken", 0.8, 2),
            View("000002", DRAWN, Verdict.NORMAL, "normal", 0.1, None),
        )
        part = JoinedPart("abcdefabcdef", "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.9, views)
        with db.read() as connection:
            (state, *_) = parts.due(connection, 1)
        with db.write() as tx:
            parts.replace(tx, 1, state, [part])
        queue_fill.fill(db, 1, [], NOON, 14.0)
        with db.read() as connection:
            (item,) = (one for one in review_items.of_run(connection, 1) if one.views == 3)
        decide(db, item.id, WANG, Wish(Decision.CONFIRM, "slack"))
    return place


def test_every_view_that_raised_a_confirmed_part_says_what_people_said(
    joined: Path, tmp_path: Path
):
    found = rows(report(joined, tmp_path, "csv", "--decided"))
    told = {one["image_id"]: (one["condition"], one["decision"], one["part"]) for one in found}
    assert told == {
        "000000": ("slack", "confirmed", "abcdefabcdef"),
        "000001": ("slack", "confirmed", "abcdefabcdef"),
        "000005": ("missing", "", told["000005"][2]),  # not judged, nobody decided
    }
    (card,) = sheet(report(joined, tmp_path, "xlsx", "--decided"), "4C图像缺陷")
    assert card["内容"] == "松弛不受力 slack"
    assert str(card["views"]).startswith("Seen in 2 of 3 views")
    views = sheet(report(joined, tmp_path, "xlsx", "--decided"), "各视图 Views")
    assert [one["结论 verdict"] for one in views] == ["defect", "defect", "normal"]


def test_labels_of_a_joined_part_tell_which_photographs_show_it(joined: Path, tmp_path: Path):
    output = tmp_path / "labels.json"
    done = catenary("data", "from-reviews", "--workspace", str(joined), "-o", str(output))
    assert done.returncode == 0, done.stderr
    images = coco.read(output).images
    labels = [(one.ref.image_id, label) for one in images for label in one.labels]
    assert [(name, one.condition, one.is_evident) for name, one in labels] == [
        ("000000", "slack", True),
        ("000001", "slack", True),
        ("000002", "slack", False),
    ]
    assert len({one.part_id for _, one in labels}) == 1


def test_every_reader_of_a_decision_is_named(tmp_path: Path):
    place = filled(tmp_path)
    read_twice = replace(RULES, second=SecondReading(True, 1.0, 0.0))
    for db in opened(place):
        for version, reader in enumerate((WANG, Reader("zhao", Role.SECOND))):
            with db.write() as tx:
                reviews.decide(
                    tx, [Ask(1, version, Wish(Decision.CONFIRM))], reader, read_twice, NOON
                )
    found = [one for one in rows(report(place, tmp_path, "csv")) if one["reviewer"]]
    assert [(one["reviewer"], one["decision"]) for one in found] == [("wang, zhao", "confirmed")]
    told = json.loads((tmp_path / "report.csv.about.json").read_text(encoding="utf-8"))
    assert told["review"]["reviewers"] == ["wang", "zhao"]
    assert told["sha256"] == hashlib.sha256((tmp_path / "report.csv").read_bytes()).hexdigest()
