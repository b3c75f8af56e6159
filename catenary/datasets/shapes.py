"""Shapes of drawing tools joined into labels: a part, and all that stands in its group."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from catenary.datasets import masks
from catenary.datasets.corners import in_order
from catenary.datasets.labels import Keypoint, Label
from catenary.datasets.reading import Notes, Point, Size, around, inside
from catenary.domain.geometry import Box, Polyline

ORIENTED = "oriented_box"  # name of a shape in a part's group that has its corners
_SAME_PX = 1e-3  # what YOLO's digits leave; corners that reach elsewhere are a shape of their own


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn shape.

    Attributes:
        name: Component, or role of a point or line.
        kind: ``"box"`` (two opposite corners, or a turned box's four) and ``"polygon"`` are parts;
            ``"point"`` and ``"line"`` belong to the part of their group.
        points: Full-frame pixels.
        group: Shapes of one part share it; empty for none.
        facts: Fields of `Label`, or of a point `Keypoint`, that the file tells.
        place: Where it stands in the file, for messages.
    """

    name: str
    kind: Literal["box", "polygon", "point", "line"]
    points: tuple[Point, ...]
    group: str
    facts: Mapping[str, Any]
    place: str

    @property
    def is_part(self) -> bool:
        """Whether it is a part, not what belongs to one."""
        return self.kind in ("box", "polygon") and not (self.group and self.name == ORIENTED)


def joined(shapes: Sequence[Shape], size: Size, notes: Notes) -> tuple[Label, ...]:
    """Return the labels of one image in file order.

    A line in no group is a part of its own (a wire); a point in no group is noted as left out,
    since a part needs a size. So is a second point of one name in a part.
    """
    owners: dict[str, Shape] = {}
    for shape in shapes:
        if shape.is_part and shape.group:
            owners.setdefault(shape.group, shape)
    owned: defaultdict[str, list[Shape]] = defaultdict(list)
    parts = []
    for shape in shapes:
        if shape.is_part or (shape.kind == "line" and shape.group not in owners):
            parts.append(shape)
        elif shape.group in owners:
            owned[shape.group].append(shape)
            if shape.facts and shape.kind != "point":
                notes.left_out[f"what a {shape.kind} of a part tells of itself"] += 1
        else:
            notes.left_out[f"{shape.kind} of no part (give both one group)"] += 1
    labels = []
    for part in parts:
        with notes.at(part.place):
            is_owner = owners.get(part.group) is part
            labels.append(_label(part, owned[part.group] if is_owner else [], size, notes))
    return tuple(labels)


def drawn_corners(label: Label, size: Size) -> tuple[Point, ...] | None:
    """Return the corners to draw instead of the box; None when they do not say the same box."""
    bounds = Box(*around(label.corners)).clipped(*size) if label.corners else None
    if bounds is None:
        return None
    pairs = zip(astuple(bounds), astuple(label.box), strict=True)
    return label.corners if all(abs(one - other) <= _SAME_PX for one, other in pairs) else None


def _label(shape: Shape, owned: Sequence[Shape], size: Size, notes: Notes) -> Label:
    bounds, own = around(shape.points), [shape] if shape.kind == "line" else []
    if shape.kind == "box":
        xs, ys = [x for x, _ in shape.points], [y for _, y in shape.points]
        bounds = min(xs), min(ys), max(xs), max(ys)
    lines = [*own, *(one for one in owned if one.kind == "line")]
    return Label(
        shape.name,
        # What corners reach over the edge is not lost with the box.
        inside(bounds, size, Notes() if len(shape.points) == 4 else notes),
        lines=tuple(_line(one) for one in lines),
        keypoints=_keypoints(owned, notes),
        corners=_corners(shape, owned),
        mask=_mask(shape, size),
        **shape.facts,
    )


def _line(shape: Shape) -> Polyline:
    if len(shape.points) < 2:
        raise ValueError(f"line {shape.name!r} needs two points")
    return Polyline(shape.name, shape.points)


def _keypoints(owned: Sequence[Shape], notes: Notes) -> tuple[Keypoint, ...]:
    points: dict[str, Keypoint] = {}
    for shape in owned:
        if shape.kind != "point":
            continue
        if shape.name in points:
            notes.left_out["second point of one name in a part"] += 1
            continue
        ((x, y),) = shape.points
        points[shape.name] = Keypoint(shape.name, x, y, **shape.facts)
    return tuple(points[name] for name in sorted(points))


def _corners(shape: Shape, owned: Sequence[Shape]) -> tuple[Point, ...]:
    """Return the corners that the group tells, else those of a part drawn with four."""
    drawn = [one.points for one in owned if one.kind in ("box", "polygon")]
    drawn += [shape.points] if shape.kind != "line" and len(shape.points) == 4 else []
    return in_order(drawn[0]) if drawn else ()


def _mask(shape: Shape, size: Size) -> masks.Mask | None:
    """Return the pixels inside a polygon; one of four corners is taken for an oriented box."""
    if shape.kind != "polygon" or len(shape.points) == 4:
        return None
    return masks.of_polygons([shape.points], (size[1], size[0]))
