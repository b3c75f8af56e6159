"""Findings as a COCO results list, for programs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from catenary.domain.finding import NORMAL, Verdict
from catenary.domain.geometry import Box
from catenary.domain.part import part_name
from catenary.reports import atomic
from catenary.reports.data import NormalComponent, ReportData, ReportFinding, own_name
from catenary.reports.wording import printable

NOT_JUDGED = "not_judged"  # condition of parts of a kind nobody judges; never "normal"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the list, fields in the order they are written."""

    image_id: str
    file_name: str
    category: str
    condition: str
    bbox: tuple[float, float, float, float]
    score: float
    verdict: str
    part: str | None
    decision: str | None = None


def write_results(data: ReportData, path: Path, with_components: bool) -> None:
    """Write one entry a finding, and on request one a normal component.

    ``score`` is the calibrated probability of the defect, 0 where there is none to state;
    ``bbox`` is x, y, width, height in full-frame pixels; ``part`` names the physical part, the same
    in all its views, and is null for parts without any finding. Where people decided on the run,
    findings have their ``decision`` too. The list is written entry by entry,
    so memory does not grow with findings and normal components.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    with atomic.replaced(path) as partial, partial.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for entry in _entries(data, with_components):
            file.write(separator + _json(entry))
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _json(entry: _Entry) -> str:
    fields = {
        "image_id": printable(entry.image_id),
        "file_name": printable(entry.file_name),
        "category": entry.category,
        "condition": entry.condition,
        "bbox": [round(value, 2) for value in entry.bbox],
        "score": round(entry.score, 6),
        "verdict": entry.verdict,
        "part": entry.part,
    }
    if entry.decision is not None:
        fields["decision"] = entry.decision
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def _entries(data: ReportData, with_components: bool) -> Iterator[_Entry]:
    names = data.joined_names()
    for one in data.counted(data.listed(), len(data.findings)):
        own = own_name(one)
        part = names.get(own, own)
        decided = data.decisions.get(part)
        entry = _of_finding(one, part)
        yield entry if decided is None else replace(entry, decision=str(decided.state))
    if with_components:
        for normal in data.components:
            x, y, width, height = normal.bbox
            box = Box(x, y, x + width, y + height)
            own = part_name(normal.image_id, normal.component, box)
            yield _of_normal(normal, names.get(own))


def _of_finding(one: ReportFinding, part: str) -> _Entry:
    finding, box = one.finding, one.finding.component.box
    return _Entry(
        finding.image_id,
        one.ref.file_name,
        finding.component.kind,
        finding.condition,
        (box.x0, box.y0, box.width, box.height),
        finding.probability or 0.0,
        str(finding.verdict),
        part,
    )


def _of_normal(one: NormalComponent, part: str | None) -> _Entry:
    score = one.probability or 0.0
    return _Entry(
        one.image_id,
        one.file_name,
        one.component,
        NORMAL if one.is_judged else NOT_JUDGED,
        one.bbox,
        score,
        str(Verdict.NORMAL if one.is_judged else Verdict.CANNOT_JUDGE),
        part,
    )
