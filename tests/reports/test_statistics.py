from datetime import UTC, datetime

from catenary.domain.finding import Verdict
from catenary.domain.review import State
from catenary.reports import statistics
from catenary.reports.data import PartDecision
from tests.reports import reported

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)


def test_parts_are_counted_by_section_component_and_grade():
    data = reported.report([reported.dropper(46), reported.dropper(47), reported.pin(5)])
    parts = data.parts(Verdict.DEFECT)
    decisions = {
        parts[0].name: PartDecision(State.CONFIRMED, "wang", NOW, "", "broken", 1),
        parts[1].name: PartDecision(State.REJECTED, "wang", NOW, "", "broken", 1),
    }
    rows = [
        (one.by.split()[1], one.value, one.parts, one.grades, one.confirmed, one.rejected, one.open)
        for one in statistics.of_parts(parts, decisions)
    ]
    assert rows == [
        ("all", "", 3, (2, 1, 0), 1, 1, 1),
        ("section", "浦口-全椒", 3, (2, 1, 0), 1, 1, 1),
        ("component", "吊弦 dropper", 2, (2, 0, 0), 1, 1, 0),
        ("component", "开口销 split pin", 1, (0, 1, 0), 0, 0, 1),
        ("grade", "一级", 2, (2, 0, 0), 1, 1, 0),
        ("grade", "二级", 1, (0, 1, 0), 0, 0, 1),
    ]


def test_a_run_without_defects_has_one_row_of_noughts():
    (row,) = statistics.of_parts([], {})
    assert (row.parts, row.grades, row.open) == (0, (0, 0, 0), 0)
