import re
from pathlib import Path

import pytest

from catenary.reports.charts import Chart, Dot, Series, drawing, ticks
from catenary.reports.evaluation import Chapter, EvaluationPage, Grid, Named, write_evaluation

NASTY = "<script>alert('1')</script>&"


def page(*plots: Chart) -> EvaluationPage:
    chapter = Chapter("章", "note", (Grid("", ("a", "b"), ((NASTY, "1"),)),), plots)
    facts = (Named("model", NASTY),)
    return EvaluationPage("模型", "semi-real", facts, (), (NASTY,), (chapter,))


def written(folder: Path, *plots: Chart) -> str:
    path = folder / "评估.html"
    write_evaluation(page(*plots), path)
    return path.read_text(encoding="utf-8")


def test_the_kind_of_data_stands_at_the_top(tmp_path):
    assert re.search(r"数据: <b>semi-real</b>", written(tmp_path))


def test_the_report_runs_nothing_and_fetches_nothing(tmp_path):
    text = written(tmp_path, Chart("t", "x", "y", lines=(Series(NASTY, ((0, 0),)),)))
    assert "<script" not in text
    assert not re.search(r"(src|href)=|url\(|@import|https?:", text)
    assert text.count("&lt;script&gt;") == 4


def test_a_point_lies_where_the_axes_say():
    drawn = drawing(Chart("t", "x", "y", 2.0, (Series("a", ((0, 0), (2, 1))),)))
    corners = [tuple(map(float, p.split(","))) for p in drawn.lines[0].points.split()]
    assert corners[0] == (drawn.left, drawn.bottom)
    assert corners[-1] == (drawn.right, drawn.top)
    assert [tick.at for tick in drawn.xs if tick.words in {"0", "2"}] == [drawn.left, drawn.right]


def test_a_curve_is_a_staircase_and_not_a_slope():
    drawn = drawing(Chart("t", "x", "y", lines=(Series("a", ((0, 0.2), (0.5, 0.8))),)))
    xs, ys = zip(*(p.split(",") for p in drawn.lines[0].points.split()), strict=True)
    assert len(xs) == 3
    assert (ys[0], xs[1]) == (ys[1], xs[2])


def test_what_lies_beyond_the_right_edge_is_cut_off_there():
    points = ((0.0, 0.1), (1.0, 0.4), (5.0, 0.9))
    drawn = drawing(Chart("t", "x", "y", 2.0, (Series("a", points),)))
    corners = [tuple(map(float, p.split(","))) for p in drawn.lines[0].points.split()]
    height = drawn.bottom - drawn.top
    assert corners[-1] == (drawn.right, pytest.approx(drawn.bottom - 0.4 * height, abs=0.1))


def test_a_long_curve_is_thinned_but_keeps_its_end():
    points = tuple((number / 10_000, number / 10_000) for number in range(10_001))
    drawn = drawing(Chart("t", "x", "y", lines=(Series("a", points),)))
    corners = drawn.lines[0].points.split()
    assert len(corners) < 1000
    assert corners[-1] == f"{float(drawn.right)},{float(drawn.top)}"


def test_a_measured_point_has_its_interval():
    drawn = drawing(Chart("t", "x", "y", dots=(Dot(0.5, 0.5, 0.25, 0.75, "8"),)))
    (dot,) = drawn.dots
    assert dot.high < dot.y < dot.low  # downwards in pixels


def test_an_empty_curve_draws_nothing():
    assert drawing(Chart("t", "x", "y", lines=(Series("a", ()),))).lines[0].points == ""


@pytest.mark.parametrize("most", [0.07, 0.5, 1, 1.3, 8, 40, 1000])
def test_axes_have_a_handful_of_marks(most: float):
    found = ticks(most)
    assert 4 <= len(found) <= 8
    assert found[0] == 0
    assert found[-1] <= most


def test_a_table_with_a_missing_cell_is_refused():
    with pytest.raises(ValueError, match="needs 2 cells"):
        Grid("t", ("a", "b"), (("1",),))
