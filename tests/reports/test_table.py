import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.change import Change
from catenary.reports import table
from catenary.reports.data import ReportData, Since
from catenary.reports.wording import direction_zh, printable, unformula
from tests.reports import reported


def rows(data: ReportData, folder: Path) -> list[dict[str, str]]:
    path = folder / "r.csv"
    table.write_csv(data, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # Excel needs it for Chinese
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_finding_is_one_row_with_its_place_and_versions(tmp_path: Path):
    (one,) = rows(reported.report([reported.dropper(46, 0.93456)]), tmp_path)
    assert one == {
        "run": "沪蓉_浦口站-全椒站_下行",
        "verdict": "defect",
        "grade": "1",
        "probability": "0.9346",
        "component": "dropper",
        "部件": "吊弦",
        "condition": "broken",
        "内容": "断裂",
        "线路": "沪蓉",
        "行别": "下行",
        "站区": "浦口-全椒",
        "公里标": "K1350+345",
        "杆号": "D046",
        "camera": "13",
        "view": "dropper",
        "file_name": "232650844_K1347_D046_2_13.jpg",
        "image_id": "22030623265080046",
        "taken_at": "2022-03-06 23:26:51",
        "x0": "2440.0",
        "y0": "1130.0",
        "x1": "2500.0",
        "y1": "1960.0",
        "reason": "Dropper broken: 21 % of its length shows no wire (limit 8 %); "
        "the network agrees (score 0.86). Probability of a defect: 93 %.",
        "原因": "吊弦断裂：全长 21 % 看不到吊弦线（限值 8 %）；"
        "神经网络判断一致（得分 0.86）。缺陷概率 93 %。",
        "model": "demo-sim-1+4f2a91c0",
        "rules": "1@9b1e22",
        "taxonomy": "1",
        "part": "c75991fee025",
        "视图": "",
        "views": "",
        "since": "",
        "变化": "",
        "decision": "",
        "reviewer": "",
        "decided_at": "",
        "note": "",
        "due": "",
    }


def test_what_became_of_a_finding_is_told_in_both_languages(tmp_path: Path):
    since = Since(Change.GROWN, "2025-12_下行")
    (one,) = rows(reported.report([replace(reported.dropper(46), since=since)]), tmp_path)
    assert (one["since"], one["变化"]) == ("grown since 2025-12_下行", "与2025-12_下行相比：变大")


def test_defects_come_first_and_unjudged_parts_have_no_number(tmp_path: Path):
    found = rows(reported.report([reported.hidden_shed(9), reported.pin(5)]), tmp_path)
    assert [one["verdict"] for one in found] == ["defect", "cannot_judge"]
    assert (found[1]["grade"], found[1]["probability"]) == ("", "")


def test_unknown_places_are_empty_or_those_of_the_run(tmp_path: Path):
    one = reported.dropper(1)
    bare = replace(one, ref=replace(one.ref, mast=None, kilometre_m=None, taken_at=None))
    (row,) = rows(reported.report([bare]), tmp_path)
    assert [row[name] for name in ("线路", "行别", "站区", "公里标", "杆号", "taken_at")] == [
        "沪蓉",
        "下行",
        "",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_that_looks_like_a_formula_gets_an_apostrophe(tmp_path: Path, text: str):
    one = reported.dropper(1)
    nasty = replace(one, ref=replace(one.ref, file_name=text))
    (row,) = rows(reported.report([nasty]), tmp_path)
    assert row["file_name"] == f"'{text}"


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str):
    assert not unformula(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.binary())
def test_any_file_name_can_be_printed(name: bytes):
    shown = printable(name.decode("utf-8", "surrogateescape"))
    assert bool(shown.encode("utf-8")) == bool(name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_ordinary_names_are_printed_as_they_are(name: str):
    assert printable(name) == name


def test_directions_are_worded_in_chinese():
    words = [direction_zh(name) for name in ("up", "down", "other", "", "x")]
    assert words == ["上行", "下行", "其他", "", "x"]


def test_views_of_one_part_are_rows_of_one_name(tmp_path: Path):
    first, second = rows(reported.joined(), tmp_path)
    assert first["part"] == second["part"] == "0123456789ab"
    assert (first["camera"], second["camera"]) == ("05", "06")
    assert "denied by camera 21" in first["views"]
