"""LabelMe: one JSON an image; rectangles and polygons are parts, points and lines belong to one.

A shape's `flags` hold what LabelMe has no field for: ``ignored``, ``not_evident`` and
``condition=<id>``, of a point ``hidden``. A point or line, and a polygon called ``oriented_box``,
belongs to the part with the same `group_id`.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.datasets.loss import unheld
from catenary.datasets.reading import (
    Notes,
    Point,
    Reading,
    Size,
    found_below,
    new_ref,
    number,
    positive_size,
    read_json,
    relative,
    stem_in_set,
)
from catenary.datasets.shapes import ORIENTED, Shape, drawn_corners, joined
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL

HELD = frozenset({"condition", "is_ignored", "is_evident", "lines", "keypoints", "corners"})
_CONDITION = "condition="
_FLAGS = {"ignored": {"is_ignored": True}, "not_evident": {"is_evident": False}}
_POINT_FLAGS = {"hidden": {"is_visible": False}}
_KINDS: Mapping[str, Literal["box", "polygon", "point", "line"]] = {
    "rectangle": "box",
    "polygon": "polygon",
    "point": "point",
    "linestrip": "line",
    "line": "line",
}

Json = Mapping[str, Any]  # a JSON object, before it is checked


def read(path: Path) -> Reading:
    """Read a folder of JSON files, or one file.

    Raises:
        ConfigError: With every mistake of all files (the first 50), or the first file that is
            no JSON.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    notes = Notes()
    images = []
    for file in files:
        content = read_json(file)
        place = relative(file, root)
        if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
            notes.mistakes.append(f"  {place}: no LabelMe file, it has no list of shapes")
            continue
        with notes.at(place):
            images.append(_image(content, file, root, notes))
    if not files:
        raise ConfigError(f"{path} holds no JSON file")
    notes.refuse_mistakes(path)
    return Reading(LabelledSet(root, tuple(images)), notes.left_out)


def write(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:  # noqa: ARG001 - names stand in each file
    """Write one JSON an image below ``labels``; return what could not be held."""
    for image in labelled.images:
        file = folder / "labels" / f"{stem_in_set(image.ref.file_name)}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        written: dict[str, object] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [
                shape
                for group, label in enumerate(image.labels, start=1)
                for shape in _shapes(label, group, (image.width, image.height))
            ],
            "imagePath": relative(folder / image.ref.file_name, file.parent),
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
        }
        file.write_text(json.dumps(written, ensure_ascii=False, indent=1), encoding="utf-8")
    return unheld(labelled, HELD)


def _image(content: Json, file: Path, root: Path, notes: Notes) -> LabelledImage:
    told = str(content["imagePath"]).replace("\\", "/")
    name = found_below(root, [file.parent / told, root / told, root / "images" / told])
    size = positive_size(content["imageWidth"], content["imageHeight"])
    shapes = []
    for index, row in enumerate(content["shapes"], start=1):
        with notes.at(f"{relative(file, root)}, shape {index}"):
            shape = _shape(row, f"{relative(file, root)}, shape {index}", notes)
            if shape is not None:
                shapes.append(shape)
    labels = joined(shapes, size, notes)
    return LabelledImage(new_ref(root, name or told), *size, labels)


def _shape(row: Json, place: str, notes: Notes) -> Shape | None:
    """Return a shape, or None for one of a kind that we have no place for."""
    kind = str(row.get("shape_type", "polygon"))
    if kind not in _KINDS:
        notes.left_out[f"shape {kind}"] += 1
        return None
    points = tuple((number(x, "x"), number(y, "y")) for x, y in row["points"])
    _note_unknown(row, notes)
    group = row.get("group_id")
    return Shape(
        str(row["label"]),
        _KINDS[kind],
        points,
        "" if group is None else str(group),
        _facts(row.get("flags") or {}, kind == "point", notes),
        place,
    )


def _facts(flags: Mapping[str, object], is_point: bool, notes: Notes) -> dict[str, object]:
    known = _POINT_FLAGS if is_point else _FLAGS
    facts: dict[str, object] = {}
    for flag in (name for name, is_set in flags.items() if is_set):
        if flag in known:
            facts |= known[flag]
        elif flag.startswith(_CONDITION) and not is_point:
            facts["condition"] = flag.removeprefix(_CONDITION)
        else:
            notes.left_out[f"flag {flag}"] += 1
    return facts


def _note_unknown(row: Json, notes: Notes) -> None:
    if row.get("description"):
        notes.left_out["description"] += 1


def _shapes(label: Label, group: int, size: Size) -> list[dict[str, object]]:
    flags = {
        **({"ignored": True} if label.is_ignored else {}),
        **({} if label.is_evident else {"not_evident": True}),
        **({} if label.condition == NORMAL else {f"{_CONDITION}{label.condition}": True}),
    }
    box, polygon = label.box, drawn_corners(label, size)
    points: Sequence[Point] = polygon or ((box.x0, box.y0), (box.x1, box.y1))
    rows = [_row(label.component, "polygon" if polygon else "rectangle", points, group, flags)]
    if label.corners and polygon is None:
        rows.append(_row(ORIENTED, "polygon", label.corners, group, {}))
    for one in label.keypoints:
        hidden = {} if one.is_visible else {"hidden": True}
        rows.append(_row(one.name, "point", [(one.x, one.y)], group, hidden))
    rows += [_row(line.role, "linestrip", line.points, group, {}) for line in label.lines]
    # A part that stands alone needs no group.
    return rows if len(rows) > 1 else [rows[0] | {"group_id": None}]


def _row(
    label: str, kind: str, points: Sequence[Point], group: int, flags: dict[str, bool]
) -> dict[str, object]:
    return {
        "label": label,
        "points": [list(point) for point in points],
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
    }
