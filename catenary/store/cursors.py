"""Places in ordered lists, as short texts that a page hands back to go on."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from catenary.domain.review import RefusedError


def cursor(order: str, place: Sequence[Any]) -> str:
    """Return the text of a place.

    Args:
        order: Name of the order it belongs to.
        place: Values of the columns that are ordered by: text, numbers or times.
    """
    plain = [one.isoformat() if isinstance(one, datetime) else one for one in place]
    text = json.dumps([order, *plain], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(told: str, order: str, kinds: Sequence[type]) -> list[Any]:
    """Return the place of a text that `cursor` made.

    Args:
        told: From a request.
        order: Name of the order it must belong to.
        kinds: Type of each value: ``str``, ``float``, ``int`` or ``datetime``.

    Raises:
        RefusedError: ``"invalid"``.

    >>> place_of(cursor("due", [1.5, 7]), "due", (float, int))
    [1.5, 7]
    """
    try:
        padded = told + "=" * (-len(told) % 4)
        name, *place = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if name != order:
            raise ValueError(name)
        return [_value(one, kind) for one, kind in zip(place, kinds, strict=True)]
    except (ValueError, TypeError) as error:
        raise RefusedError("invalid", f"cursor: {told[:50]!r} is not one of this list") from error


def _value(told: object, kind: type) -> object:
    if kind is datetime and isinstance(told, str):
        return datetime.fromisoformat(told)
    if isinstance(told, bool) or not isinstance(told, (float, int) if kind is float else kind):
        raise TypeError(told)
    return told
