"""Findings as a CSV table that spreadsheets open with the Chinese intact."""

from collections.abc import Iterator
from pathlib import Path

from catenary.reports import csv_file, words
from catenary.reports.data import PartDecision, ReportData, ReportFinding, own_name
from catenary.reports.lexicon import Words
from catenary.reports.wording import direction_zh, kilometre

HEADER = (
    "run",
    "verdict",
    "grade",
    "probability",
    "component",
    "部件",
    "condition",
    "内容",
    "线路",
    "行别",
    "站区",
    "公里标",
    "杆号",
    "camera",
    "view",
    "file_name",
    "image_id",
    "taken_at",
    "x0",
    "y0",
    "x1",
    "y1",
    "reason",
    "原因",
    "model",
    "rules",
    "taxonomy",
    "since",
    "变化",
    "part",
    "视图",
    "views",
    "decision",
    "reviewer",
    "decided_at",
    "note",
    "due",
)


def write_csv(data: ReportData, path: Path) -> None:
    """Write one row a finding, defects first.

    Memory does not grow with the findings where `ReportData.findings` holds none.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    csv_file.write(path, HEADER, _rows(data))


def _rows(data: ReportData) -> Iterator[tuple[str | float | None, ...]]:
    names = data.joined_names()
    by_name = {part.name: words.views(part) for part in data.joined}
    for one in data.counted(data.listed(), len(data.findings)):
        own = own_name(one)
        name = names.get(own, own)
        told = by_name.get(name, Words("", ""))
        decided = _decided(data.decisions.get(name))
        yield (*_row(data, one), name, told.zh, told.en, *decided)


def _decided(one: PartDecision | None) -> Iterator[str]:
    """Yield what people decided on the part of a finding; times are UTC."""
    if one is None:
        yield from ("",) * 5
        return
    yield str(one.state)
    yield one.reviewer
    yield "" if one.decided_at is None else one.decided_at.isoformat(timespec="seconds")
    yield one.note
    yield "" if one.due is None else one.due.isoformat(timespec="seconds")


def _row(data: ReportData, one: ReportFinding) -> Iterator[str | float | None]:
    ref, finding, box = one.ref, one.finding, one.finding.component.box
    yield from (data.run.name, str(finding.verdict), finding.grade)
    yield None if one.probability is None else round(one.probability, 4)
    yield from (finding.component.kind, one.names.component_zh)
    yield from (finding.condition, one.names.condition_zh)
    yield ref.mast.line if ref.mast else data.run.line
    yield direction_zh(ref.mast.direction if ref.mast else data.run.direction)
    yield ref.mast.section if ref.mast else ""
    yield kilometre(ref)
    yield ref.mast.number if ref.mast else ""
    yield from (ref.camera, ref.view, ref.file_name, ref.image_id)
    yield ref.taken_at.isoformat(" ") if ref.taken_at else ""
    yield from (round(value, 1) for value in (box.x0, box.y0, box.x1, box.y1))
    why = words.why_of(one, data.taxonomy)
    yield from (why.en, why.zh)
    yield from (finding.versions.model, finding.versions.rules, finding.versions.taxonomy)
    since = words.since(one.since)
    yield from (since.en, since.zh)
