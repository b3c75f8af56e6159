"""How many defects a report lists, by section, component and grade."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catenary.domain.review import State
from catenary.reports.data import PartDecision, ReportPart
from catenary.reports.wording import GRADES_ZH


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one group of physical parts.

    Attributes:
        by: What is grouped by, Chinese and English.
        value: The group.
        parts: How many defects.
        grades: Of grade 1, 2 and 3.
        confirmed: Of those confirmed by people.
        rejected: Rejected by them.
        open: Neither; the others say.
    """

    by: str
    value: str
    parts: int
    grades: tuple[int, int, int]
    confirmed: int
    rejected: int
    open: int


def of_parts(parts: Sequence[ReportPart], decisions: Mapping[str, PartDecision]) -> Iterator[Row]:
    """Yield the whole, then each section, component and grade, in the order of their names.

    Args:
        parts: Defects, one a physical part.
        decisions: Name of a part to what people decided on it.
    """
    yield _row("合计 all", "", parts, decisions)
    for by, key in _KEYS.items():
        groups: dict[tuple[int, str], list[ReportPart]] = {}
        for part in parts:
            groups.setdefault(key(part), []).append(part)
        for (_, value), own in sorted(groups.items()):
            yield _row(by, value, own, decisions)


def _section(part: ReportPart) -> tuple[int, str]:
    mast = part.lead.ref.mast
    return 0, "" if mast is None else mast.section


def _component(part: ReportPart) -> tuple[int, str]:
    names = part.lead.names
    return 0, f"{names.component_zh} {names.component_en}"


def _grade(part: ReportPart) -> tuple[int, str]:
    return part.grade or 0, GRADES_ZH.get(part.grade or 0, "")


_KEYS: Mapping[str, Callable[[ReportPart], tuple[int, str]]] = {
    "站区 section": _section,
    "部件 component": _component,
    "等级 grade": _grade,
}


def _row(
    by: str, value: str, parts: Sequence[ReportPart], decisions: Mapping[str, PartDecision]
) -> Row:
    states = [decisions[one.name].state if one.name in decisions else None for one in parts]
    confirmed, rejected = states.count(State.CONFIRMED), states.count(State.REJECTED)
    grades = [one.grade for one in parts]
    return Row(
        by,
        value,
        len(parts),
        (grades.count(1), grades.count(2), grades.count(3)),
        confirmed,
        rejected,
        len(parts) - confirmed - rejected,
    )
