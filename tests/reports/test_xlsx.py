import io
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from catenary.domain.finding import Verdict
from catenary.reports import xlsx
from catenary.reports.data import ReportData
from tests.reports import reported

BROKEN_ZH = (
    "吊弦断裂：全长 21 % 看不到吊弦线（限值 8 %）；神经网络判断一致（得分 0.86）。缺陷概率 93 %。"
)
DRAWN_ZH = "图中红色为缺失处；黄色为线夹；蓝色为跟踪的路径。"


def sheets(data: ReportData, folder: Path) -> dict[str, Worksheet]:
    path = folder / "r.xlsx"
    xlsx.write_xlsx(data, path)
    book = openpyxl.load_workbook(path)
    return {sheet.title: sheet for sheet in book.worksheets}


def row(sheet: Worksheet, number: int) -> dict[str, object]:
    names = [cell.value for cell in sheet[1]]
    return dict(zip(names, [cell.value for cell in sheet[number]], strict=True))


def test_the_image_list_has_the_columns_of_the_centre_and_one_row_a_defect(tmp_path: Path):
    crop = reported.draw_dropper(tmp_path / "c.jpg")
    data = reported.report([reported.pin(5), reported.dropper(46, 0.934, crop)])
    sheet = sheets(data, tmp_path)["4C图像缺陷"]
    assert row(sheet, 2) == {
        "序号": 1,
        "铁路局": None,
        "线路": "沪蓉",
        "行别": "下行",
        "日期": "2022-03-06",
        "站区": "浦口-全椒",
        "公里标": "K1350+345",
        "杆号": "D046",
        "缺陷部件": "吊弦",
        "内容": "断裂 broken",
        "图片": None,
        "等级": "一级",
        "概率": 0.934,
        "相机": "13",
        "图像文件": "232650844_K1347_D046_2_13.jpg",
        "原因": BROKEN_ZH + DRAWN_ZH,
        "reason": "Dropper broken: 21 % of its length shows no wire (limit 8 %); "
        "the network agrees (score 0.86). Probability of a defect: 93 %. "
        "Drawn in red: where it is missing; yellow: clamp; blue: path that was followed.",
        "视图": None,
        "views": None,
        "变化": None,
    }
    assert row(sheet, 3)["等级"] == "二级"
    assert sheet.max_row == 3


def test_the_summary_list_has_the_columns_of_the_centre(tmp_path: Path):
    sheet = sheets(reported.report([reported.dropper(46)]), tmp_path)["4C缺陷汇总表"]
    assert row(sheet, 2) == {
        "检测日期": "2022-03-06",
        "线路": "沪蓉",
        "行别": "下行",
        "段别": None,
        "车间": None,
        "工区": None,
        "公里标": "K1350+345",
        "杆号": "D046",
        "缺陷类型": "吊弦断裂",
        "等级": "一级",
        "内容": BROKEN_ZH,
        "检测日期(记录)": "2022-03-06",
    }


def test_the_picture_lies_in_the_row_of_its_defect_with_the_evidence_drawn(tmp_path: Path):
    crop = reported.draw_dropper(tmp_path / "c.jpg")
    found = [reported.dropper(1, 0.9), reported.dropper(2, 0.8, crop)]
    sheet = sheets(reported.report(found), tmp_path)["4C图像缺陷"]
    (image,) = sheet._images
    assert (image.anchor._from.row, image.anchor._from.col) == (2, 10)
    picture = Image.open(io.BytesIO(image._data()))
    assert picture.size == (37 + 2 + 37, 240)  # as it is, and with the evidence
    red, _, blue = picture.convert("RGB").getpixel(
        (37 + 2 + 19, 113)
    )  # in the gap, 330..520 of 900
    assert red > blue + 60
    plain = picture.convert("RGB").getpixel((19, 113))
    assert max(plain) - min(plain) < 10  # grey: nothing is drawn over it


def test_what_could_not_be_judged_has_its_own_sheet_and_is_no_defect(tmp_path: Path):
    book = sheets(reported.report([reported.hidden_shed(9)]), tmp_path)
    assert book["4C图像缺陷"].max_row == 1
    assert book["4C缺陷汇总表"].max_row == 1
    kept = row(book["未能判定 Not judged"], 2)
    assert (kept["杆号"], kept["缺陷部件"], kept["等级"], kept["概率"]) == (
        "D009",
        "绝缘子",
        None,
        None,
    )


def test_photographs_that_were_not_judged_are_listed_with_reasons(tmp_path: Path):
    sheet = sheets(reported.report([]), tmp_path)["未检图像 Frames"]
    assert row(sheet, 4) == {
        "结果 outcome": "failed",
        "原因 reason": "文件不完整 truncated",
        "说明 note": "ends after 12 of 900 kB",
        "杆号": "D073",
        "公里标": "K1351+749",
        "相机": "13",
        "图像文件": "232650844_K1347_D073_2_13.jpg",
    }


def test_the_info_sheet_states_run_versions_thresholds_and_counts(tmp_path: Path):
    data = reported.report([reported.dropper(1), reported.hidden_shed(9)], pending=7)
    info = {
        name: value
        for name, value in sheets(data, tmp_path)["说明 Info"].values
        if name is not None
    }
    expected = {
        "任务 Run": "沪蓉_浦口站-全椒站_下行",
        "模型 Model": "demo-sim-1+4f2a91c0",
        "规则 Rules": "1@9b1e22",
        "定级字典 Taxonomy": "1",
        "图像总数 Photographs": 1190,
        "已判定 Judged": 1180,
        "不可用图像 Unusable (not judged)": 2,
        "  过暗 too dark": 2,
        "读取失败 Failed (not judged)": 1,
        "  文件不完整 truncated": 1,
        "未扫描 Not scanned yet": 7,
        "缺陷部件 Defective parts": 1,
        "判为缺陷的图像 Defects in photographs": 1,
        "未能判定的部件 Parts that could not be judged": 1,
        "判定阈值 Threshold: split_pin": 0.552,
    }
    assert {name: info[name] for name in expected} == expected


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|'/c calc'!A1", "-1", "@SUM(A1)", "\t=1", "http://x"]
)
def test_a_text_is_never_a_formula_or_a_link(tmp_path: Path, text: str):
    one = reported.dropper(1)
    mast = replace(one.ref.mast, section=text.strip()) if one.ref.mast else None
    nasty = replace(one, ref=replace(one.ref, file_name=text, camera=text, mast=mast))
    sheet = sheets(reported.report([nasty]), tmp_path)["4C图像缺陷"]
    for column in (6, 14, 15):
        cell = sheet.cell(2, column)
        assert (cell.data_type, cell.value) == ("s", text.strip() if column == 6 else text)
    with zipfile.ZipFile(tmp_path / "r.xlsx") as archive:
        parts = [archive.read(name).decode() for name in archive.namelist() if "sheet" in name]
    assert not any("<f>" in part or "<hyperlink" in part for part in parts)


def test_names_that_are_not_utf8_and_very_long_reasons_are_written(tmp_path: Path):
    one = reported.dropper(1)
    long = "x" * 40_000 + "\x00"  # as stored before reasons were codes
    gbk = "杆.jpg".encode("gbk").decode("utf-8", "surrogateescape")
    odd = replace(
        one,
        ref=replace(one.ref, file_name=gbk),
        finding=replace(
            one.finding, verdict=Verdict.CANNOT_JUDGE, grade=None, evidence=(), reason=long
        ),
    )
    cells = row(sheets(reported.report([odd]), tmp_path)["未能判定 Not judged"], 2)
    assert cells["图像文件"] == r"\xb8\xcb.jpg"
    assert len(str(cells["原因"])) == 32_767


def test_the_day_of_the_record_is_that_of_the_shot_or_else_of_the_run(tmp_path: Path):
    after_midnight = reported.dropper(1)
    assert after_midnight.ref.taken_at is not None
    later = replace(
        after_midnight,
        ref=replace(after_midnight.ref, taken_at=after_midnight.ref.taken_at.replace(day=7)),
    )
    unknown = replace(reported.pin(2), ref=replace(reported.ref(2), taken_at=None))
    sheet = sheets(reported.report([later, unknown]), tmp_path)["4C缺陷汇总表"]
    days = [row(sheet, number)["检测日期(记录)"] for number in (2, 3)]
    assert days == [date(2022, 3, 7).isoformat(), "2022-03-06"]


def test_more_findings_than_pictures_are_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlsx, "MAX_PICTURES", 1)
    monkeypatch.setattr(xlsx, "MAX_FRAMES", 1)
    crop = reported.draw_pin(tmp_path / "c.jpg")
    data = reported.report([reported.pin(1, crop), reported.pin(2, crop)])
    book = sheets(data, tmp_path)
    assert len(book["4C图像缺陷"]._images) == 1
    assert book["4C图像缺陷"].max_row == 3
    info = dict(book["说明 Info"].values)
    assert info["图片 Pictures"] == "Only the first 1 rows of a sheet have a picture."
    assert info["未检图像 Frames"] == "Only the first 1 photographs are listed."


def test_a_mast_nobody_knows_falls_back_on_the_run(tmp_path: Path):
    one = reported.dropper(1)
    bare = replace(one, ref=replace(one.ref, mast=None, kilometre_m=None))
    cells = row(sheets(reported.report([bare]), tmp_path)["4C图像缺陷"], 2)
    assert (cells["线路"], cells["行别"], cells["站区"], cells["杆号"], cells["公里标"]) == (
        "沪蓉",
        "下行",
        None,
        None,
        None,
    )


def test_a_part_of_three_views_is_one_row_and_each_view_another(tmp_path: Path):
    book = sheets(reported.joined(), tmp_path)
    defects, views = book["4C图像缺陷"], book["各视图 Views"]
    assert defects.max_row == 2
    told = row(defects, 2)
    assert (told["概率"], told["相机"]) == (0.9, "05")
    assert told["views"].startswith("Seen in 2 of 3 views (camera 05, 06)")
    assert [row(views, number)["相机"] for number in (2, 3, 4)] == ["05", "06", "21"]
    assert row(views, 4)["内容"] == "正常 normal"
