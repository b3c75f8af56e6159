"""Parts that changed since an earlier run, as findings of the later one.

The word for what is wrong is the taxonomy's nearest: the pictures show a reviewer what it is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catenary.domain.change import LIKENESS, Change, PartChange
from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.taxonomy import Taxonomy
from catenary.pipeline.defect_history import HistorySettings

MISSING, MOVED, TURNED, ALTERED = (
    "mast_part_gone/1",
    "mast_part_moved/1",
    "mast_part_turned/1",
    "mast_part_altered/1",
)
SOURCES = (MISSING, MOVED, TURNED, ALTERED)
_SPREAD = 0.5  # of a measurement, in limits, over which the score moves from 0.5 to 0.73
_LIKENESS_SPREAD = 0.15  # the same of a correlation

_DISPLACED = {
    "clamp": "off",
    "clevis": "off",
    "messenger_seat": "off",
    "steady_arm": "off",
    "cantilever": "bent",
    "number_plate": "unreadable",
}
_MISSING = _DISPLACED | {"number_plate": "missing"}
_SAID: Mapping[Change, tuple[str, Mapping[str, str]]] = {
    Change.GONE: (MISSING, _MISSING),
    Change.MOVED: (MOVED, _DISPLACED),
    Change.TURNED: (TURNED, _DISPLACED),
    Change.ALTERED: (ALTERED, _DISPLACED),
}


@dataclass(frozen=True, slots=True)
class Pictures:
    """The two photographs of a mast by one camera.

    Attributes:
        image_id: The later one.
        earlier: The earlier one, as run and file name.
        size: Width and height of the later one, px.
    """

    image_id: str
    earlier: str
    size: tuple[int, int]


def raised(
    parts: Sequence[PartChange],
    pictures: Pictures,
    taxonomy: Taxonomy,
    settings: HistorySettings,
) -> Iterator[Finding]:
    """Yield findings for watched parts that are gone, have moved or turned, or look otherwise.

    The score stands for the probability, since no history was calibrated: 0.5 at the limit of the
    change.

    Args:
        parts: What became of them, with the pictures looked at.
        pictures: Where.
        taxonomy: Grades; what it does not know is not raised.
        settings: Which kinds are watched.
    """
    for one in parts:
        source, conditions = _SAID.get(one.change, ("", {}))
        condition = conditions.get(one.kind, "") if one.kind in settings.watched else ""
        known = taxonomy.components.get(one.kind)
        box = _around(one).clipped(*pictures.size)
        if known is None or condition not in known.conditions or box is None:
            continue
        if one.value is None or one.limit is None:
            continue
        evidence = _evidence(source, condition, one, pictures.earlier)
        yield Finding(
            pictures.image_id,
            Component(one.kind, box, one.score),
            Verdict.DEFECT,
            condition,
            evidence.score,
            known.conditions[condition].grade,
            (evidence,),
            Versions("", source, taxonomy.version),
        )


def _around(one: PartChange) -> Box:
    """Return a box around where the part was and where it is, a little more than either.

    So it is never that of a located part, after which the queue names what the scan said of it.
    """
    now = one.later or one.place
    return Box(
        min(now.x0, one.place.x0),
        min(now.y0, one.place.y0),
        max(now.x1, one.place.x1),
        max(now.y1, one.place.y1),
    ).grown(2.0)


def _evidence(source: str, condition: str, one: PartChange, earlier: str) -> Evidence:
    value, limit = one.value or 0.0, one.limit or 0.0
    score = _score(value, limit, one.unit)
    measured = _measured(value, limit, one.unit)
    traces = [_outline("was", one.place)]
    if one.later is not None:
        traces.append(_outline("is", one.later))
    return Evidence(
        source, condition, Verdict.DEFECT, score, (measured,), tuple(traces), beside=earlier
    )


def _measured(value: float, limit: float, unit: str) -> Measurement:
    match unit:
        case "px":
            return Measurement("displacement", value, "px", limit)
        case "deg":
            return Measurement("turn", value, "deg", limit)
        case _:
            return Measurement("picture_likeness", value, "1", limit)


def _score(value: float, limit: float, unit: str) -> float:
    if unit == LIKENESS:
        beyond = (limit - value) / _LIKENESS_SPREAD
    else:
        beyond = (value / limit - 1) / _SPREAD if limit > 0 else math.inf
    return 1 / (1 + math.exp(-min(max(beyond, 0.0), 6.0)))


def _outline(role: str, box: Box) -> Polyline:
    corners = ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1))
    return Polyline(role, (*corners, corners[0]))
