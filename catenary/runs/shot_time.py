"""Times as 4C runs write them: FILETIME ticks, image keys and text, all local wall clock.

A FILETIME is formally UTC, but runs record no zone and not every program converts. Ticks are
read as the wall clock they spell; only an image key beside them tells when that is UTC.
"""

import re
from datetime import datetime, timedelta

_EPOCH = datetime.fromisoformat("1601-01-01T00:00:00")  # of a Windows FILETIME
_TICK_NS = 100  # a FILETIME counts 100 ns steps
_YEARS = range(1990, 2101)  # outside, a number is no time of a 4C photograph
_FARTHEST_ZONE_H = 14  # of any local time from UTC
_ZONE_SLACK_H = 2 / 3600  # two seconds between the two clocks; our choice
_IMAGE_KEY = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{3})\d{2}")
_TEXT = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,7}))?"
)


def from_filetime(ticks: int) -> datetime | None:
    """Return the time of 100 ns ticks since 1601, or None outside the years 1990 to 2100.

    >>> from_filetime(132910828108440000)
    datetime.datetime(2022, 3, 6, 23, 26, 50, 844000)
    >>> from_filetime(0) is None
    True
    """
    try:
        moment = _EPOCH + timedelta(microseconds=ticks * _TICK_NS // 1000)
    except OverflowError:
        return None
    return moment if moment.year in _YEARS else None


def to_filetime(moment: datetime) -> int:
    """Return 100 ns ticks since 1601; the inverse of `from_filetime`.

    >>> to_filetime(datetime(2022, 3, 6, 23, 26, 50, 844000))
    132910828108440000
    """
    return (moment.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1) * 1000 // _TICK_NS


def from_image_key(key: str) -> datetime | None:
    """Return the time in an image key ``yyMMddHHmmssfff`` + two digits of camera, or None.

    >>> from_image_key("22030623265084401")
    datetime.datetime(2022, 3, 6, 23, 26, 50, 844000)
    >>> from_image_key("22130623265084401") is None
    True
    """
    match = _IMAGE_KEY.fullmatch(key) if key.isascii() else None
    if match is None:
        return None
    year, *rest = match.groups()
    return _moment(f"20{year}", *rest)


def to_image_key(moment: datetime, camera: int) -> str:
    """Return ``yyMMddHHmmssfff`` + two digits of camera; parts of a millisecond are cut off.

    Raises:
        ValueError: If the camera has more than two digits or the year does not begin with 20.

    >>> to_image_key(datetime(2022, 3, 6, 23, 26, 50, 844000), 1)
    '22030623265084401'
    """
    if not 0 <= camera <= 99 or not 2000 <= moment.year <= 2099:
        raise ValueError(
            f"an image key holds a camera 0-99 and a year 2000-2099, got {camera}, {moment}"
        )
    return f"{moment:%y%m%d%H%M%S}{moment.microsecond // 1000:03d}{camera:02d}"


def parse(value: object) -> datetime | None:
    """Return the time of a database cell, FILETIME or text, or None when it holds none.

    >>> parse("132910828108440000") == parse(132910828108440000) == parse("2022/3/6 23:26:50.844")
    True
    >>> parse("") is None
    True
    """
    if isinstance(value, int | float):
        return from_filetime(int(value)) if abs(value) < 1e19 else None
    text = str(value or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return from_filetime(int(text))
    match = _TEXT.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction = match.groups("0")
    parts = (part.zfill(2) for part in (month, day, hour, minute, second))
    return _moment(year, *parts, fraction)


def of_shot(stored: object, key: str) -> datetime | None:
    """Return the local time of a shot from its stored time and its image key.

    The stored time counts, unless it is unusable or off the key by whole hours: then it is in
    UTC, and the key, which is local, counts.

    >>> of_shot(132910540108440000, "22030623265084401")
    datetime.datetime(2022, 3, 6, 23, 26, 50, 844000)
    """
    own, local = parse(stored), from_image_key(key)
    if own is None or local is None:
        return own or local
    hours = (local - own) / timedelta(hours=1)
    whole = round(hours)
    is_zone = 0 < abs(whole) <= _FARTHEST_ZONE_H and abs(hours - whole) < _ZONE_SLACK_H
    return local if is_zone else own


def _moment(*parts: str) -> datetime | None:
    """Build a time from year, month, day, hour, minute, second and fraction digits."""
    year, month, day, hour, minute, second, fraction = parts
    text = f"{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction[:6].ljust(6, '0')}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None
