"""Where on the railway: masts and kilometre posts."""

import re
from dataclasses import dataclass
from enum import StrEnum

_K_NOTATION = re.compile(r"^[A-Za-z]*K(\d+)(?:\+(\d+(?:\.\d+)?))?$", re.IGNORECASE)


class Direction(StrEnum):
    """行别: the track direction of a line."""

    UP = "up"  # 上行
    DOWN = "down"  # 下行
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mast:
    """Key of one support 支柱. Mast numbers alone are not unique on a line.

    Attributes:
        line: 线路; empty when the run does not tell.
        direction: 行别.
        section: 站区, the station or the interval between two.
        number: 杆号, kept as written apart from outer blanks (``D046``, ``U5_2``, ``Y035 _1``).
    """

    line: str
    direction: Direction
    section: str
    number: str

    def __post_init__(self) -> None:
        """Refuse a mast without a number, or with blanks around one of its names."""
        names = (self.line, self.section, self.number)
        if not self.number or any(name != name.strip() for name in names):
            raise ValueError(f"mast needs a number and names without outer blanks, got {names}")

    def __str__(self) -> str:
        """Return e.g. ``京广线/up/站A-站B/D046``; parts that are unknown are left empty."""
        return f"{self.line}/{self.direction}/{self.section}/{self.number}"


def parse_kilometre_m(text: str) -> float | None:
    """Return the position in metres of a kilometre post, or None when it is not one.

    Plain numbers are metres (``1347953``), K notation is kilometres and metres.

    >>> parse_kilometre_m("K1347+953")
    1347953.0
    >>> parse_kilometre_m("1347953")
    1347953.0
    >>> parse_kilometre_m("K5")
    5000.0
    >>> parse_kilometre_m("D046") is None
    True
    >>> parse_kilometre_m("K" + 400 * "9") is None
    True
    """
    text = text.strip()
    try:
        if match := _K_NOTATION.match(text):
            value = float(match[1]) * 1000 + float(match[2] or 0)
        else:
            value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e8 else None  # no railway is longer; nor is it infinite


def format_kilometre(metres: float) -> str:
    """Return metres as a kilometre post.

    >>> format_kilometre(1347953)
    'K1347+953'
    """
    kilometres, rest = divmod(round(metres), 1000)
    return f"K{kilometres}+{rest:03d}"
