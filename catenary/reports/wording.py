"""How values are worded in every report."""

from datetime import datetime

from catenary.domain.image import ImageRef
from catenary.domain.place import format_kilometre

GRADES_ZH = {1: "一级", 2: "二级", 3: "三级"}
_DIRECTIONS_ZH = {"up": "上行", "down": "下行", "other": "其他"}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def direction_zh(direction: str) -> str:
    """Return the Chinese 行别.

    >>> direction_zh("down")
    '下行'
    """
    return _DIRECTIONS_ZH.get(direction, direction)


def kilometre(ref: ImageRef) -> str:
    """Return the kilometre post of a photograph, or an empty text."""
    return "" if ref.kilometre_m is None else format_kilometre(ref.kilometre_m)


def local_time(at: datetime | None) -> str:
    """Return a time as clocks here show it, to the minute; empty for None."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M")


def printable(text: str) -> str:
    r"""Return text that any file can hold: bytes of names that are not UTF-8 become ``\xNN``.

    >>> printable("K12_\udcd6.jpg")
    'K12_\\xd6.jpg'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unformula(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula when it opens a CSV file.

    Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection

    >>> unformula("=HYPERLINK(0)"), unformula("K12+300")
    ("'=HYPERLINK(0)", 'K12+300')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
