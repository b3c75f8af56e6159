"""CVAT for images 1.1: one XML for all images, attributes as named texts.

Attributes named like fields of `Label` are read into them. A point or line, and a polygon or turned
box called ``oriented_box``, belongs to the part with the same `group_id`; an occluded point is one
that something stands in front of.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from catenary.datasets import xml_tree
from catenary.datasets.corners import turned
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.datasets.loss import unheld
from catenary.datasets.reading import (
    IMAGE_FOLDERS,
    Notes,
    Point,
    Reading,
    Size,
    found_below,
    new_ref,
    number,
    positive_size,
    share,
)
from catenary.datasets.shapes import ORIENTED, Shape, drawn_corners, joined
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL

FILE = "annotations.xml"
HELD = frozenset(
    {"condition", "severity", "visibility", "part_id", "is_ignored", "is_evident", "lines"}
    | {"keypoints", "corners", "occlusion"}
)
_KINDS: Mapping[str, Literal["box", "polygon", "point", "line"]] = {
    "box": "box",
    "polygon": "polygon",
    "polyline": "line",
    "points": "point",
}


def read(path: Path) -> Reading:
    """Read one XML file, or ``annotations.xml`` of a folder.

    Raises:
        ConfigError: With every mistake (the first 50) and its line.
    """
    file = path / FILE if path.is_dir() else path
    node = xml_tree.read(file)
    if node.tag != "annotations":
        raise ConfigError(f"{file} is no CVAT file: it begins with <{node.tag}>")
    notes = Notes()
    images = []
    for row in node.all("image"):
        with notes.at(f"line {row.line}"):
            images.append(_image(row, file.parent, notes))
    notes.left_out.update({"track": len(node.all("track"))} if node.all("track") else {})
    notes.refuse_mistakes(file)
    return Reading(LabelledSet(file.parent, tuple(images)), notes.left_out)


def write(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:
    """Write ``annotations.xml``; return what could not be held."""
    labels = "".join(xml_tree.element("label", None, xml_tree.text("name", name)) for name in names)
    task = xml_tree.element("task", None, xml_tree.element("labels", None, labels))
    inner = xml_tree.text("version", "1.1") + xml_tree.element("meta", None, task)
    inner += "".join(map(_written, range(len(labelled.images)), labelled.images))
    content = '<?xml version="1.0" encoding="utf-8"?>\n' + xml_tree.element(
        "annotations", None, inner
    )
    (folder / FILE).write_text(content, encoding="utf-8")
    return unheld(labelled, HELD)


def _image(row: xml_tree.Node, root: Path, notes: Notes) -> LabelledImage:
    name = row.attributes["name"].replace("\\", "/")
    found = found_below(root, [root / name, *(root / one / name for one in IMAGE_FOLDERS)])
    size = positive_size(row.attributes["width"], row.attributes["height"])
    shapes = []
    for child in row.children:
        if child.tag not in _KINDS:
            notes.left_out[f"<{child.tag}>"] += 1
            continue
        with notes.at(f"line {child.line}"):
            shapes += _shape(child, notes)
    return LabelledImage(new_ref(root, found or name), *size, joined(shapes, size, notes))


def _shape(row: xml_tree.Node, notes: Notes) -> list[Shape]:
    """Return a shape, or none for several points in one, which have no names of their own."""
    told = row.attributes
    kind, points = _KINDS[row.tag], _points(row)
    facts, is_occluded = _facts(row, notes), told.get("occluded", "0") == "1"
    if kind == "point" and len(points) > 1:
        notes.left_out["several points in one shape"] += 1
        return []
    if kind == "point":
        notes.left_out.update(f"attribute {name} of a point" for name in facts)
        facts = {"is_visible": not is_occluded}
    elif is_occluded:
        notes.left_out["occluded"] += 1
    group = told.get("group_id", "")
    return [Shape(told["label"], kind, points, group, facts, f"line {row.line}")]


def _points(row: xml_tree.Node) -> tuple[Point, ...]:
    told = row.attributes
    if row.tag != "box":
        pairs = [pair.split(",") for pair in told["points"].split(";")]
        return tuple((number(x, "x"), number(y, "y")) for x, y in pairs)
    x0, y0, x1, y1 = (number(told[key], key) for key in ("xtl", "ytl", "xbr", "ybr"))
    angle = number(told.get("rotation", 0), "rotation")
    if not angle:
        if not (x0 < x1 and y0 < y1):
            raise ValueError(f"box needs xtl < xbr and ytl < ybr, got {(x0, y0, x1, y1)}")
        return (x0, y0), (x1, y1)
    # CVAT turns a box clockwise about its centre.
    x, y = turned(0, 0, (x0 - x1) / 2, (y0 - y1) / 2, angle)[2]
    return turned((x0 + x1) / 2 + x, (y0 + y1) / 2 + y, x1 - x0, y1 - y0, angle)


def _true(text: str, name: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"{name} must be true or false, got {text!r}")
    return text.lower() in ("true", "1")


def _said(text: str, _name: str) -> str:
    return text


_FACTS: Mapping[str, Callable[[str, str], Any]] = {
    "condition": _said,
    "severity": share,
    "visibility": share,
    "occlusion": share,
    "part_id": _said,
    "is_ignored": _true,
    "is_evident": _true,
}


def _facts(row: xml_tree.Node, notes: Notes) -> dict[str, Any]:
    facts = {}
    for attribute in row.all("attribute"):
        name = attribute.attributes.get("name", "")
        if name in _FACTS:
            facts[name] = _FACTS[name](attribute.text, name)
        else:
            notes.left_out[f"attribute {name}"] += 1
    return facts


def _written(number_: int, image: LabelledImage) -> str:
    size = image.width, image.height
    shapes = "".join(
        _shapes(label, f"{group}", size) for group, label in enumerate(image.labels, 1)
    )
    name = image.ref.file_name.removeprefix("images/")
    about = {"id": number_, "name": name, "width": image.width, "height": image.height}
    return xml_tree.element("image", about, shapes)


def _shapes(label: Label, group: str, size: Size) -> str:
    box, polygon = label.box, drawn_corners(label, size)
    sides = {"xtl": box.x0, "ytl": box.y0, "xbr": box.x1, "ybr": box.y1}
    more = []
    if label.corners and polygon is None:
        more.append(_belonging("polygon", ORIENTED, label.corners, group))
    for one in label.keypoints:
        more.append(_belonging("points", one.name, [(one.x, one.y)], group, not one.is_visible))
    more += [_belonging("polyline", line.role, line.points, group) for line in label.lines]
    about: dict[str, object] = {"label": label.component, "source": "manual", "occluded": 0}
    about |= {"group_id": group} if more else {}
    about |= {"points": _pairs(polygon)} if polygon else sides
    own = xml_tree.element("polygon" if polygon else "box", about, _attributes(label))
    return own + "".join(more)


def _belonging(
    tag: str, name: str, points: Sequence[Point], group: str, is_occluded: bool = False
) -> str:
    """Return a shape that belongs to the part of a group."""
    about: dict[str, object] = {"label": name, "points": _pairs(points), "group_id": group}
    return xml_tree.element(tag, about | {"source": "manual", "occluded": int(is_occluded)})


def _pairs(points: Sequence[Point]) -> str:
    return ";".join(f"{x},{y}" for x, y in points)


def _attributes(label: Label) -> str:
    told: dict[str, object] = {
        "condition": label.condition if label.condition != NORMAL else None,
        "severity": label.severity or None,
        "visibility": label.visibility if label.visibility != 1 else None,
        "occlusion": label.occlusion or None,
        "part_id": label.part_id or None,
        "is_ignored": "true" if label.is_ignored else None,
        "is_evident": None if label.is_evident else "false",
    }
    return "".join(
        xml_tree.text("attribute", value, {"name": name})
        for name, value in told.items()
        if value is not None
    )
