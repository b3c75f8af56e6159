from dataclasses import replace

import pytest

from catenary import config
from catenary.domain.change import LIKENESS, Change, PartChange
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.pipeline import raising
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.raising import Pictures
from catenary.reports import words

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
PICTURES = Pictures("03/7.jpg", "2025-12/03/9.jpg", (600, 400))
WAS, IS = Box(100, 100, 160, 170), Box(130, 120, 190, 190)


def change(kind: str, what: Change, value: float, limit: float, unit: str) -> PartChange:
    later = None if what is Change.GONE else IS
    return PartChange(what, kind, WAS, later, WAS, 0.8, value, limit, unit)


def raised(*parts: PartChange) -> list:
    return list(raising.raised(parts, PICTURES, TAXONOMY, HistorySettings()))


@pytest.mark.parametrize(
    ("kind", "what", "numbers", "condition", "told"),
    [
        ("clamp", Change.GONE, (0.1, 0.85, LIKENESS), "off", "10 % only"),
        ("number_plate", Change.GONE, (0.2, 0.85, LIKENESS), "missing", "20 % only"),
        ("steady_arm", Change.MOVED, (60.0, 20.0, "px"), "off", "moved by 60 px"),
        ("number_plate", Change.TURNED, (12.0, 5.0, "deg"), "unreadable", "turned by 12°"),
        ("clevis", Change.ALTERED, (0.4, 0.8, LIKENESS), "off", "by 40 % only"),
    ],
)
def test_a_change_is_raised_in_words_that_name_both_photographs(
    kind, what, numbers, condition, told
):
    (one,) = raised(change(kind, what, *numbers))
    assert (one.verdict, one.condition) == (Verdict.DEFECT, condition)
    assert one.grade == TAXONOMY.condition(kind, condition).grade
    said = words.why(one, TAXONOMY)
    assert told in said.en
    assert "Compared: 2025-12/03/9.jpg and 03/7.jpg." in said.en
    assert "对比照片：2025-12/03/9.jpg 与 03/7.jpg。" in said.zh
    assert {line.role for line in one.evidence[0].traces} >= {"was"}


def test_the_more_it_changed_the_more_probable_and_half_at_the_limit():
    shifts = [raised(change("clamp", Change.MOVED, 20.0 * k, 20.0, "px"))[0] for k in (1, 2, 4)]
    chances = [one.probability for one in shifts]
    assert chances[0] == 0.5
    assert chances == sorted(chances)
    assert chances[1] == pytest.approx(0.88, abs=0.01)


def test_a_box_holds_where_it_was_and_where_it_is_and_stays_in_the_picture():
    (one,) = raised(change("clamp", Change.MOVED, 40.0, 20.0, "px"))
    assert one.component.box == Box(98, 98, 192, 192)
    edge = replace(change("clamp", Change.MOVED, 40.0, 20.0, "px"), later=Box(560, 350, 600, 400))
    assert raised(edge)[0].component.box == Box(98, 98, 600, 400)


@pytest.mark.parametrize(
    "one",
    [
        change("dropper", Change.GONE, 0.1, 0.85, LIKENESS),  # not watched
        change("clamp", Change.UNCHANGED, 3.0, 20.0, "px"),
        change("clamp", Change.GROWN, 0.5, 0.2, "1"),
        change("clamp", Change.NOT_COMPARABLE, 0.5, 0.2, "px"),
        replace(change("clamp", Change.GONE, 0, 0, ""), value=None, limit=None),  # boxes alone
    ],
)
def test_what_is_not_watched_not_changed_or_not_looked_at_is_not_raised(one):
    assert not raised(one)
