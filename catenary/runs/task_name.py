"""What the name of a run's folder tells: date and start, line, direction, stations."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from catenary.domain.place import Direction, Mast

_DATE = re.compile(
    r"(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?:[-_ T]?(\d{2})[-_:.]?(\d{2})(?:[-_:.]?(\d{2}))?)?(?!\d)",
    re.ASCII,
)
_DIRECTION = re.compile(r"(上行|下行)\d*")
_DIRECTIONS = {"上行": Direction.UP, "下行": Direction.DOWN}
_WORDS = {direction: word for word, direction in _DIRECTIONS.items()}


@dataclass(frozen=True, slots=True)
class TaskName:
    """Parts of a task folder name such as ``2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行``.

    Attributes:
        line: 线路, or empty; told only beside a direction.
        direction: 行别; OTHER when the name does not tell.
        stations: 起站-止站, or empty; told only beside a direction.
        day: Day of the inspection, or None.
        start: Time of day at which the task began, or None.
    """

    line: str = ""
    direction: Direction = Direction.OTHER
    stations: str = ""
    day: date | None = None
    start: time | None = None

    @property
    def iso_day(self) -> str:
        """Return the day as ISO text, or empty."""
        return self.day.isoformat() if self.day else ""

    def mast(self, section: str, number: str) -> Mast | None:
        """Return a mast of this task, or None without a number; outer blanks are dropped."""
        number = number.strip()
        return Mast(self.line, self.direction, section.strip(), number) if number else None

    def moment(self, clock: time) -> datetime | None:
        """Return when a shot with this time of day was taken, or None without a day.

        Inspections run through midnight: a shot earlier on the clock than the start of the
        task is of the next day. Without a start it counts as of the task's day.
        """
        if self.day is None:
            return None
        is_next_day = self.start is not None and clock < self.start
        return datetime.combine(self.day + timedelta(days=is_next_day), clock)


def parse(name: str) -> TaskName:
    """Read a task folder name in the order of the workstation or of the capture side.

    >>> task = parse("2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行2")
    >>> task.line, str(task.direction), task.stations, task.iso_day, str(task.start)
    ('沪蓉', 'down', '浦口站-全椒站', '2022-03-06', '22:15:17')
    >>> task = parse("20220306_沪蓉_上行_浦口站-全椒站")
    >>> task.line, str(task.direction), task.stations, task.start
    ('沪蓉', 'up', '浦口站-全椒站', None)
    """
    day, start, rest = _split_date(name)
    tokens = [token.strip() for token in rest.split("_") if token.strip()]
    direction = _pop_direction(tokens)
    if direction is None:
        return TaskName(day=day, start=start)
    stations = next((token for token in reversed(tokens) if "-" in token), "")
    if stations:
        tokens.remove(stations)
    return TaskName("_".join(tokens), direction, stations, day, start)


def workstation_name(start: datetime, line: str, direction: Direction, stations: str) -> str:
    """Return the folder name of a workstation task; see `TaskName`.

    >>> workstation_name(datetime(2022, 3, 6, 22, 15, 17), "沪蓉", Direction.DOWN, "A站-B站")
    '2022_03_06_22_15_17_沪蓉_A站-B站_下行'
    """
    return f"{start:%Y_%m_%d_%H_%M_%S}_{line}_{stations}_{_word(direction)}"


def mast_folders_name(day: date, line: str, direction: Direction, stations: str) -> str:
    """Return the folder name of a 一杆一档 task of the second form.

    >>> mast_folders_name(date(2022, 3, 6), "沪蓉", Direction.UP, "A站-B站")
    '2022-03-06_沪蓉_上行_A站-B站'
    """
    return f"{day:%Y-%m-%d}_{line}_{_word(direction)}_{stations}"


def require_task(name: str, mast: Mast) -> None:
    """Refuse a mast whose line or direction a reader could not get back from the folder name.

    Raises:
        ValueError: With a name that would do.
    """
    task = parse(name)
    if (task.line, task.direction) != (mast.line, mast.direction):
        word = _WORDS.get(mast.direction)
        remedy = (
            f"name the folder e.g. 2022-03-06_{mast.line}_{word}_A-B"
            if word
            else ("write a plain folder with a manifest")
        )
        raise ValueError(
            f"folder name {name!r} tells line {task.line!r}, direction {task.direction}, "
            f"but mast {mast} needs others; {remedy}"
        )


def _word(direction: Direction) -> str:
    if direction not in _WORDS:
        raise ValueError(f"a task folder is named 上行 or 下行, got direction {direction}")
    return _WORDS[direction]


def _split_date(name: str) -> tuple[date | None, time | None, str]:
    match = _DATE.match(name)
    if match is None:
        return None, None, name
    year, month, day, hour, minute, second = match.groups()
    try:
        when = date(int(year), int(month), int(day))
        start = time(int(hour), int(minute), int(second or 0)) if hour else None
    except ValueError:  # digits that are no date
        return None, None, name
    return when, start, name[match.end() :]


def _pop_direction(tokens: list[str]) -> Direction | None:
    """Take the direction out of the tokens; what stood around it in its token stays."""
    whole = [index for index, token in enumerate(tokens) if _DIRECTION.fullmatch(token)]
    inside = [index for index, token in enumerate(tokens) if _DIRECTION.search(token)]
    for index in (*reversed(whole), *reversed(inside)):
        match = _DIRECTION.search(tokens[index])
        if match is not None:
            rest = tokens[index][: match.start()] + tokens[index][match.end() :]
            tokens[index : index + 1] = [rest] if rest else []
            return _DIRECTIONS[match[1]]
    return None
