"""LabelMe: one JSON an image; rectangles and polygons are parts, points and lines belong to one.

A shape's `flags` hold what LabelMe has no field for: ``ignored``, ``not_evident`` and
``condition=<id>``; a point or line belongs to the part with the same `group_id`.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from catenary.datasets.shapes import Shape, drawn_outline, joined, other_lines
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Polyline

HELD = frozenset({"condition", "is_ignored", "is_evident", "lines"})
_CONDITION = "condition="
_LINES = {"point": "point", "linestrip": "line", "line": "line", "points": "line"}
_PARTS = {"rectangle": "box", "polygon": "outline"}

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
    if kind not in _PARTS and kind not in _LINES:
        notes.left_out[f"shape {kind}"] += 1
        return None
    points = tuple((number(x, "x"), number(y, "y")) for x, y in row["points"])
    _note_unknown(row, notes)
    group = row.get("group_id")
    return Shape(
        str(row["label"]),
        _PARTS.get(kind) or _LINES[kind],
        points,
        "" if group is None else str(group),
        _facts(row.get("flags") or {}, notes),
        place,
    )


def _facts(flags: Mapping[str, object], notes: Notes) -> dict[str, object]:
    facts: dict[str, object] = {}
    for flag in (name for name, is_set in flags.items() if is_set):
        if flag == "ignored":
            facts["is_ignored"] = True
        elif flag == "not_evident":
            facts["is_evident"] = False
        elif flag.startswith(_CONDITION):
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
    box, polygon = label.box, drawn_outline(label, size)
    points: Sequence[Point] = polygon or ((box.x0, box.y0), (box.x1, box.y1))
    kind = "polygon" if polygon else "rectangle"
    others = other_lines(label, polygon)
    own = _row(label.component, kind, points, group if others else None, flags)
    return [own, *(_line(line, group) for line in others)]


def _line(line: Polyline, group: int) -> dict[str, object]:
    kind = "point" if len(line.points) == 1 else "linestrip"
    return _row(line.role, kind, line.points, group, {})


def _row(
    label: str, kind: str, points: Sequence[Point], group: int | None, flags: dict[str, bool]
) -> dict[str, object]:
    return {
        "label": label,
        "points": [list(point) for point in points],
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
    }
