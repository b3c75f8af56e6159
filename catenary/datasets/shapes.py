"""Shapes of drawing tools joined into labels: a part, and the points and lines of its group."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from catenary.datasets.labels import Label
from catenary.datasets.outlines import as_line, outline
from catenary.datasets.reading import Notes, Point, Size, around, inside
from catenary.domain.geometry import Box, Polyline

_SAME_PX = 1.0  # boxes of others are rounded to whole pixels; our starting value


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn shape.

    Attributes:
        name: Component, or role of a point or line.
        kind: ``"box"`` (two or four corners) and ``"outline"`` are parts; ``"point"`` and
            ``"line"`` belong to the part of their group.
        points: Full-frame pixels.
        group: Shapes of one part share it; empty for none.
        facts: Fields of `Label` that the file tells.
        place: Where it stands in the file, for messages.
    """

    name: str
    kind: Literal["box", "outline", "point", "line"] | str
    points: tuple[Point, ...]
    group: str
    facts: Mapping[str, Any]
    place: str


def joined(shapes: Sequence[Shape], size: Size, notes: Notes) -> tuple[Label, ...]:
    """Return the labels of one image in file order.

    A line in no group is a part of its own (a wire); a point in no group is noted as left out,
    since a part needs a size.
    """
    owners: dict[str, Shape] = {}
    for shape in shapes:
        if shape.kind in ("box", "outline") and shape.group:
            owners.setdefault(shape.group, shape)
    lines: defaultdict[str, list[Polyline]] = defaultdict(list)
    parts = []
    for shape in shapes:
        with notes.at(shape.place):
            if shape.kind in ("box", "outline"):
                parts.append(shape)
            elif shape.group in owners:
                lines[shape.group].append(Polyline(shape.name, shape.points))
            elif shape.kind == "line":
                parts.append(shape)
            else:
                notes.left_out["point of no part (give both one group)"] += 1
    labels = []
    for part in parts:
        with notes.at(part.place):
            is_owner = owners.get(part.group) is part
            labels.append(_label(part, lines[part.group] if is_owner else [], size, notes))
    return tuple(labels)


def drawn_outline(label: Label, size: Size) -> tuple[Point, ...] | None:
    """Return the outline to draw instead of the box; None when the box is another."""
    points = outline(label)
    if points is None:
        return None
    bounds, box = Box(*around(points)).clipped(*size), label.box
    if bounds is None:
        return None
    pairs = zip(astuple(bounds), astuple(box), strict=True)
    return points if all(abs(one - other) <= _SAME_PX for one, other in pairs) else None


def other_lines(label: Label, drawn: tuple[Point, ...] | None) -> tuple[Polyline, ...]:
    """Return the lines of a label but for the outline that is ``drawn`` in place of its box."""
    left = list(label.lines)
    if drawn is not None:
        left.remove(as_line(drawn))
    return tuple(left)


def _label(shape: Shape, lines: Sequence[Polyline], size: Size, notes: Notes) -> Label:
    bounds = around(shape.points)
    if shape.kind == "box":
        xs, ys = [x for x, _ in shape.points], [y for _, y in shape.points]
        bounds = min(xs), min(ys), max(xs), max(ys)
    own = {
        "box": (),
        "outline": (as_line(shape.points),),
        "line": (Polyline(shape.name, shape.points),),
    }[shape.kind]
    box = inside(bounds, size, notes)
    return Label(shape.name, box, lines=(*own, *lines), **shape.facts)
