from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.place import Direction, Mast
from catenary.runs import task_name
from catenary.runs.task_name import TaskName

WORDS = st.text("京沪蓉广线站ABxyz09", min_size=1).filter(lambda word: not word[0].isdigit())
DIRECTIONS = st.sampled_from([Direction.UP, Direction.DOWN])


@given(
    start=st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2099-01-01")),
    line=WORDS, direction=DIRECTIONS, first=WORDS, last=WORDS,
)  # fmt: skip
def test_both_orders_read_back(
    start: datetime, line: str, direction: Direction, first: str, last: str
):
    start = start.replace(microsecond=0)
    stations = f"{first}-{last}"
    name = task_name.workstation_name(start, line, direction, stations)
    expected = TaskName(line, direction, stations, start.date(), start.time())
    assert task_name.parse(name) == expected
    name = task_name.mast_folders_name(start.date(), line, direction, stations)
    assert task_name.parse(name) == TaskName(line, direction, stations, start.date())


@pytest.mark.parametrize(
    ("name", "line", "direction", "day"),
    [
        ("20220306_京广线_上行1_A-B", "京广线", Direction.UP, date(2022, 3, 6)),
        ("202203062215_京广线_下行_A_B", "京广线_A_B", Direction.DOWN, date(2022, 3, 6)),
        ("京广线下行", "京广线", Direction.DOWN, None),
        ("京广下行线", "京广线", Direction.DOWN, None),
        ("沪-蓉_下行_A-B", "沪-蓉", Direction.DOWN, None),
        ("2022_13_41_京广线_上行", "2022_13_41_京广线", Direction.UP, None),
        ("2022-03-06", "", Direction.OTHER, date(2022, 3, 6)),
        ("holiday 2022", "", Direction.OTHER, None),
        ("", "", Direction.OTHER, None),
        ("下行", "", Direction.DOWN, None),
    ],
)
def test_names_from_the_field(name: str, line: str, direction: Direction, day: date | None):
    task = task_name.parse(name)
    assert (task.line, task.direction, task.day) == (line, direction, day)


@given(name=st.text())
def test_any_folder_name_can_be_read(name: str):
    task_name.parse(name).mast(" 站 ", " D046 ")


def test_shots_after_midnight_are_of_the_next_day():
    task = TaskName(day=date(2022, 3, 6), start=time(22, 15, 17))
    assert task.moment(time(22, 15, 17)) == datetime.fromisoformat("2022-03-06 22:15:17")
    assert task.moment(time(0, 30)) == datetime.fromisoformat("2022-03-07 00:30:00")
    assert TaskName(day=date(2022, 3, 6)).moment(time(0, 30)) == datetime.fromisoformat(
        "2022-03-06 00:30:00"
    )
    assert TaskName().moment(time(0, 30)) is None


def test_mast_has_no_outer_blanks_and_needs_a_number():
    task = TaskName("沪蓉", Direction.UP)
    assert task.mast(" 浦口站 ", "Y035 _1 ") == Mast("沪蓉", Direction.UP, "浦口站", "Y035 _1")
    assert task.mast("浦口站", "  ") is None


def test_folder_that_loses_the_line_is_refused():
    mast = Mast("沪蓉", Direction.UP, "", "1")
    with pytest.raises(ValueError, match="2022-03-06_沪蓉_上行_A-B"):
        task_name.require_task("run", mast)
    with pytest.raises(ValueError, match="plain folder with a manifest"):
        task_name.require_task("run", Mast("沪蓉", Direction.OTHER, "", "1"))
    with pytest.raises(ValueError, match="named 上行 or 下行, got direction other"):
        task_name.mast_folders_name(date(2022, 3, 6), "沪蓉", Direction.OTHER, "A-B")
    task_name.require_task("2022-03-06_沪蓉_上行_A-B", mast)
