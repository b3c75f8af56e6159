"""The defect list as an Excel workbook in the form that 4C centres use.

Texts are written as text cells, never as formulas or links, whatever they begin with; an
apostrophe in front of them is therefore not needed.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from catenary.domain.finding import Verdict
from catenary.reports import atomic, fingerprint, lexicon, pictures, statistics, words
from catenary.reports.data import ReportData, ReportFinding, ReportPart
from catenary.reports.wording import GRADES_ZH, direction_zh, kilometre, local_time, printable

Cell = str | float | int | None

MAX_PICTURES = 5000  # some 50 MB; a larger file opens slowly. Our starting value
MAX_FRAMES = 100_000  # rows of the sheet of photographs that were not judged
PICTURE_PX = (300, 240)  # width and height of a picture at most
_CELL_CHARACTERS = 32_767  # of Excel; XlsxWriter drops a longer text
_ROW_POINTS = 188  # 250 px: a picture and its margin
IMAGES_HEADER = (
    "序号",
    "铁路局",
    "线路",
    "行别",
    "日期",
    "站区",
    "公里标",
    "杆号",
    "缺陷部件",
    "内容",
    "图片",
    "等级",
    "概率",
    "相机",
    "图像文件",
    "原因",
    "reason",
    "视图",
    "views",
    "变化",
)
_IMAGES_WIDTHS = (6, 9, 14, 7, 12, 18, 13, 11, 12, 20, 43, 7, 8, 8, 34, 52, 52, 40, 40, 24)
_PICTURE_COLUMN = IMAGES_HEADER.index("图片")
SUMMARY_HEADER = (
    "检测日期",
    "线路",
    "行别",
    "段别",
    "车间",
    "工区",
    "公里标",
    "杆号",
    "缺陷类型",
    "等级",
    "内容",
    "检测日期(记录)",
)
_SUMMARY_WIDTHS = (12, 14, 7, 10, 10, 10, 13, 11, 22, 7, 52, 14)
# Columns of both lists once people decided on the run; before, they are as the centres know them.
DECIDED_HEADER = ("结论 decision", "复核人 reviewer", "复核时间 decided", "备注 note", "期限 due")
_DECIDED_WIDTHS = (16, 12, 17, 24, 17)
VIEWS_HEADER = (
    "部件编号 part",
    "杆号",
    "缺陷部件",
    "结论 verdict",
    "内容",
    "概率",
    "相机",
    "视图 view",
    "图像文件",
)
_VIEWS_WIDTHS = (16, 11, 12, 14, 20, 8, 8, 24, 40)
STATISTICS_HEADER = (
    "分组 by",
    "名称 value",
    "缺陷 defects",
    "一级",
    "二级",
    "三级",
    "已确认 confirmed",
    "已排除 rejected",
    "未定 open",
)
_STATISTICS_WIDTHS = (18, 24, 12, 8, 8, 8, 16, 16, 12)
FRAMES_HEADER = ("结果 outcome", "原因 reason", "说明 note", "杆号", "公里标", "相机", "图像文件")
_FRAMES_WIDTHS = (14, 16, 60, 11, 13, 8, 40)


@dataclass(frozen=True, slots=True)
class _Formats:
    head: Format
    text: Format
    percent: Format


def write_xlsx(data: ReportData, path: Path) -> None:
    """Write the workbook.

    铁路局, 段别, 车间 and 工区 are not known to a scan and stay empty for the railway to fill.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    # Row by row: cells of 100,000 findings would take a gigabyte.
    options["constant_memory"] = True
    with atomic.replaced(path) as partial, tempfile.TemporaryDirectory(dir=path.parent) as rows:
        try:
            with xlsxwriter.Workbook(str(partial), options | {"tmpdir": rows}) as workbook:
                _fill(workbook, data)
        except XlsxFileError as error:  # a full disk: XlsxWriter wraps what the system said
            raise OSError(str(error)) from error


def _fill(workbook: Workbook, data: ReportData) -> None:
    workbook.set_properties({"title": f"4C {printable(data.run.name)}"})
    formats = _formats(workbook)
    defects, unjudged = data.parts(Verdict.DEFECT), data.parts(Verdict.CANNOT_JUDGE)
    _fill_images(workbook.add_worksheet("4C图像缺陷"), formats, data, defects)
    _fill_summary(workbook.add_worksheet("4C缺陷汇总表"), formats, data, defects)
    _fill_images(workbook.add_worksheet("未能判定 Not judged"), formats, data, unjudged)
    _fill_views(workbook.add_worksheet("各视图 Views"), formats, data)
    _fill_statistics(workbook.add_worksheet("统计 Statistics"), formats, data, defects)
    _fill_frames(workbook.add_worksheet("未检图像 Frames"), formats, data)
    _fill_info(workbook.add_worksheet("说明 Info"), formats, data)


def _formats(workbook: Workbook) -> _Formats:
    whole = {"valign": "vcenter", "text_wrap": True, "border": 1, "border_color": "#BFBFBF"}
    head = {**whole, "bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF"}
    return _Formats(
        workbook.add_format(head),
        workbook.add_format(whole),
        workbook.add_format({**whole, "num_format": "0.0%"}),
    )


def _head(
    sheet: Worksheet, formats: _Formats, header: Sequence[str], widths: Sequence[int]
) -> None:
    for column, (title, width) in enumerate(zip(header, widths, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, formats.head)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_row(sheet: Worksheet, row: int, cells: Sequence[Cell], form: Format) -> None:
    for column, value in enumerate(cells):
        _write_cell(sheet, row, column, value, form)


def _write_cell(sheet: Worksheet, row: int, column: int, value: Cell, form: Format) -> None:
    if value is None or value == "":
        sheet.write_blank(row, column, None, form)
    elif isinstance(value, str):
        sheet.write_string(row, column, printable(value)[:_CELL_CHARACTERS], form)
    else:
        sheet.write_number(row, column, value, form)


def _fill_images(
    sheet: Worksheet, formats: _Formats, data: ReportData, found: Sequence[ReportPart]
) -> None:
    header = _with_decided(sheet, formats, data, (IMAGES_HEADER, _IMAGES_WIDTHS))
    probability_column = IMAGES_HEADER.index("概率")
    twins = data.possible_twins()
    for row, part in enumerate(data.counted(found, len(found)), 1):
        one = part.lead
        cells = _image_cells(data, row, part, twins.get(part.name, []))
        _write_row(sheet, row, cells, formats.text)
        if one.probability is not None:
            sheet.write_number(row, probability_column, one.probability, formats.percent)
        if row <= MAX_PICTURES:
            _insert_picture(sheet, row, one)
    sheet.autofilter(0, 0, max(len(found), 1), header - 1)


def _insert_picture(sheet: Worksheet, row: int, one: ReportFinding) -> None:
    picture = pictures.load_drawn(one, *PICTURE_PX)
    if picture is None:
        return
    sheet.set_row(row, _ROW_POINTS)
    options = {
        "image_data": io.BytesIO(picture.content),
        "x_offset": 5,
        "y_offset": 5,
        "object_position": 1,  # moves with its row when the list is sorted or filtered
        "description": f"{one.names.component_en}, {one.names.condition_en}",
    }
    sheet.insert_image(row, _PICTURE_COLUMN, f"{row}.jpg", options)


def _image_cells(
    data: ReportData, number: int, part: ReportPart, twins: Sequence[ReportPart]
) -> list[Cell]:
    one = part.lead
    ref, names = one.ref, one.names
    tell = words.why_drawn if number <= MAX_PICTURES else words.why_of
    why, seen, alike = tell(one, data.taxonomy), words.views(part), words.twins(twins)
    return [
        number,
        None,
        ref.mast.line if ref.mast else data.run.line,
        direction_zh(ref.mast.direction if ref.mast else data.run.direction),
        _day(data, one),
        ref.mast.section if ref.mast else "",
        kilometre(ref),
        ref.mast.number if ref.mast else "",
        names.component_zh,
        f"{names.condition_zh} {names.condition_en}".strip(),
        None,
        _grade(part.grade),
        one.probability,
        ref.camera,
        ref.file_name,
        why.zh,
        why.en,
        f"{seen.zh}{alike.zh}",
        f"{seen.en} {alike.en}".strip(),
        words.since(one.since).zh,
        *_decided(data, part),
    ]


def _with_decided(
    sheet: Worksheet,
    formats: _Formats,
    data: ReportData,
    columns: tuple[Sequence[str], Sequence[int]],
) -> int:
    """Write the head of a list; return how many columns it has."""
    titles, widths = columns
    if data.decisions:
        titles, widths = (*titles, *DECIDED_HEADER), (*widths, *_DECIDED_WIDTHS)
    _head(sheet, formats, titles, widths)
    return len(titles)


def _decided(data: ReportData, part: ReportPart) -> list[Cell]:
    """Return decision, reviewer, time, note and deadline of a part; local times."""
    one = data.decisions.get(part.name)
    if one is None:
        return []
    said = lexicon.STATES[one.state].both()
    return [said, one.reviewer, local_time(one.decided_at), one.note, local_time(one.due)]


def _fill_summary(
    sheet: Worksheet, formats: _Formats, data: ReportData, defects: Sequence[ReportPart]
) -> None:
    header = _with_decided(sheet, formats, data, (SUMMARY_HEADER, _SUMMARY_WIDTHS))
    for row, part in enumerate(defects, 1):
        one = part.lead
        mast, names = one.ref.mast, one.names
        cells: list[Cell] = [
            data.run.date,
            mast.line if mast else data.run.line,
            direction_zh(mast.direction if mast else data.run.direction),
            None,
            None,
            None,
            kilometre(one.ref),
            mast.number if mast else "",
            f"{names.component_zh}{names.condition_zh}",
            _grade(part.grade),
            words.why_of(one, data.taxonomy).zh,
            _day(data, one),
            *_decided(data, part),
        ]
        _write_row(sheet, row, cells, formats.text)
    sheet.autofilter(0, 0, max(len(defects), 1), header - 1)


def _fill_statistics(
    sheet: Worksheet, formats: _Formats, data: ReportData, defects: Sequence[ReportPart]
) -> None:
    _head(sheet, formats, STATISTICS_HEADER, _STATISTICS_WIDTHS)
    for row, one in enumerate(statistics.of_parts(defects, data.decisions), 1):
        counts = (one.parts, *one.grades, one.confirmed, one.rejected, one.open)
        _write_row(sheet, row, (one.by, one.value, *counts), formats.text)
    sheet.autofilter(0, 0, 1, len(STATISTICS_HEADER) - 1)


def _fill_views(sheet: Worksheet, formats: _Formats, data: ReportData) -> None:
    """List every photograph of the parts that several show, those that deny a defect too."""
    _head(sheet, formats, VIEWS_HEADER, _VIEWS_WIDTHS)
    several = [part for part in data.joined if len(part.views) > 1]
    rows = ((part, view) for part in several for view in part.views)
    for row, (part, view) in enumerate(rows, 1):
        ref = view.ref
        cells: list[Cell] = [
            part.name,
            ref.mast.number if ref.mast else "",
            view.names.component_zh,
            str(view.verdict),
            f"{view.names.condition_zh} {view.names.condition_en}".strip(),
            view.probability,
            ref.camera,
            ref.view,
            ref.file_name,
        ]
        _write_row(sheet, row, cells, formats.text)


def _fill_frames(sheet: Worksheet, formats: _Formats, data: ReportData) -> None:
    _head(sheet, formats, FRAMES_HEADER, _FRAMES_WIDTHS)
    for row, one in enumerate(data.bad_frames[:MAX_FRAMES], 1):
        ref = one.ref
        mast = ref.mast.number if ref.mast else ""
        place = (mast, kilometre(ref), ref.camera, ref.file_name)
        reason = words.frame_reason(one.reason).both()
        _write_row(sheet, row, (str(one.outcome), reason, one.note, *place), formats.text)


def _fill_info(sheet: Worksheet, formats: _Formats, data: ReportData) -> None:
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 1, 80)
    for row, (name, value) in enumerate(_info(data)):
        sheet.write_string(row, 0, name, formats.head)
        _write_cell(sheet, row, 1, value, formats.text)


def _info(data: ReportData) -> Iterator[tuple[str, Cell]]:
    counts = data.counts
    yield "任务 Run", data.run.name
    yield "来源 Source", data.run.source
    yield "线路 Line", data.run.line
    yield "行别 Direction", direction_zh(data.run.direction)
    yield "检测日期 Inspection date", data.run.date
    yield "报告时间 Report made", data.generated_at.isoformat(" ", "minutes")
    yield "模型 Model", data.versions.model
    yield "规则 Rules", data.versions.rules
    yield "定级字典 Taxonomy", data.versions.taxonomy
    yield "指纹 Fingerprint (SHA-256)", fingerprint.of(data)
    yield "复核 Review", words.standing(data).both()
    if data.review is not None:
        yield "复核人 Reviewers", ", ".join(data.review.reviewers)
        first, last = local_time(data.review.first_at), local_time(data.review.last_at)
        yield "复核时间 Reviewed", f"{first} - {last}"
        yield "已确认 Confirmed", data.review.confirmed
    yield "图像总数 Photographs", counts.images
    yield "已判定 Judged", counts.done
    yield "不可用图像 Unusable (not judged)", counts.unusable
    yield from _reasons(counts.unusable_reasons)
    yield "读取失败 Failed (not judged)", counts.failed
    yield from _reasons(counts.failed_reasons)
    yield "未扫描 Not scanned yet", counts.pending
    yield "缺陷部件 Defective parts", len(data.parts(Verdict.DEFECT))
    yield "判为缺陷的图像 Defects in photographs", len(data.defects())
    yield "未能判定的部件 Parts that could not be judged", len(data.parts(Verdict.CANNOT_JUDGE))
    yield from (
        (f"判定阈值 Threshold: {name}", value) for name, value in sorted(data.thresholds.items())
    )
    yield from (("漏检承诺 Promise", line.strip()) for line in data.promises)
    yield "注 Note", "未判定不等于无缺陷。 Not judged does not mean free of defects."
    if len(data.findings) > MAX_PICTURES:
        yield "图片 Pictures", f"Only the first {MAX_PICTURES} rows of a sheet have a picture."
    if len(data.bad_frames) > MAX_FRAMES:
        yield "未检图像 Frames", f"Only the first {MAX_FRAMES} photographs are listed."


def _reasons(counted: Mapping[str, int]) -> Iterator[tuple[str, Cell]]:
    for code, count in counted.items():
        yield f"  {words.frame_reason(code).both()}", count


def _grade(grade: int | None) -> str:
    return "" if grade is None else GRADES_ZH.get(grade, str(grade))


def _day(data: ReportData, one: ReportFinding) -> str:
    """Return the day of the shot, or that of the run when the shot's is not known."""
    taken: date | None = one.ref.taken_at.date() if one.ref.taken_at else None
    return taken.isoformat() if taken else data.run.date
