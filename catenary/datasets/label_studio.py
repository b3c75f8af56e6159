"""Label Studio JSON: a list of tasks, boxes in percent of the picture and turned about a corner.

Results with the id of a box tell more of it: choices, numbers and texts from the controls
``condition``, ``flags``, ``severity``, ``visibility``, ``occlusion`` and ``part_id``. A key point,
and a box called ``oriented_box``, belongs to the box that is its parent.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from catenary.datasets.corners import Rectangle, rectangle, turned
from catenary.datasets.labels import Keypoint, Label, LabelledImage, LabelledSet
from catenary.datasets.loss import unheld
from catenary.datasets.reading import (
    IMAGE_FOLDERS,
    Notes,
    Reading,
    Size,
    found_below,
    image_size,
    new_ref,
    number,
    positive_size,
    read_json,
    share,
)
from catenary.datasets.shapes import ORIENTED, Shape, drawn_corners, joined
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL

FILE = "tasks.json"
HELD = frozenset(
    {"condition", "severity", "visibility", "part_id", "is_ignored", "is_evident"}
    | {"keypoints", "corners", "occlusion"}
)
_SERVED = re.compile(r"^(?:.*/data/local-files/\?d=|.*/data/upload/\d+/|file://|\./)")
_FLAGS = {
    "ignored": ("is_ignored", True),
    "not_evident": ("is_evident", False),
    "hidden": ("is_visible", False),  # of a key point
}
_NUMBERS = {"severity": 0.0, "visibility": 1.0, "occlusion": 0.0}  # left out where they are so

Json = Mapping[str, Any]  # a JSON object, before it is checked


def read(path: Path) -> Reading:
    """Read one JSON export, or ``tasks.json`` of a folder.

    A task that nobody has annotated is left out and noted: it is not an image without parts.

    Raises:
        ConfigError: With every mistake (the first 50).
    """
    file = path / FILE if path.is_dir() else path
    content = read_json(file)
    if not isinstance(content, list):
        raise ConfigError(f"{file} is no Label Studio export: it is no list of tasks")
    notes = Notes()
    images = []
    for index, task in enumerate(content, start=1):
        with notes.at(f"task {index}"):
            results = _results(task, notes)
            if results is not None:
                images.append(_image(task, results, file.parent, f"task {index}", notes))
    notes.refuse_mistakes(file)
    return Reading(LabelledSet(file.parent, tuple(images)), notes.left_out)


def write(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:  # noqa: ARG001 - names stand in each task
    """Write ``tasks.json``; return what could not be held."""
    lost = unheld(labelled, HELD)
    tasks = []
    for image in labelled.images:
        result: list[Json] = []
        for index, label in enumerate(image.labels, start=1):
            size = image.width, image.height
            result += _rows(label, f"part{index}", size)
            lost["corners"] += bool(label.corners) and rectangle(label.corners) is None
        tasks.append({"data": {"image": image.ref.file_name}, "annotations": [{"result": result}]})
    text = json.dumps(tasks, ensure_ascii=False, indent=1)
    (folder / FILE).write_text(text, encoding="utf-8")
    return +lost


def _results(task: Json, notes: Notes) -> list[Json] | None:
    annotations = [one for one in task.get("annotations", []) if not one.get("was_cancelled")]
    if not annotations:
        notes.left_out["task without an annotation"] += 1
        return None
    if len(annotations) > 1:
        notes.left_out["second annotation of a task"] += len(annotations) - 1
    return list(annotations[0]["result"])


def _image(
    task: Json, results: Sequence[Json], root: Path, place: str, notes: Notes
) -> LabelledImage:
    told = unquote(_SERVED.sub("", str(task["data"]["image"])))
    folders = [root, *(root / one for one in IMAGE_FOLDERS)]
    names = [told, re.sub(r"^[0-9a-f]{8}-", "", told)]  # uploads get a prefix
    name = found_below(root, [folder / one for folder in folders for one in names]) or told
    size = _size(results, root / name)
    facts: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    shapes = []
    for index, row in enumerate(results, start=1):
        with notes.at(f"{place}, result {index}"):
            if row.get("type") in ("choices", "number", "textarea"):
                facts[str(row["id"])].update(_facts(row, notes))
            else:
                shapes += _shape(row, size, facts, f"{place}, result {index}", notes)
    return LabelledImage(new_ref(root, name), *size, joined(shapes, size, notes))


def _size(results: Sequence[Json], image: Path) -> Size:
    for row in results:
        if "original_width" in row:
            return positive_size(row["original_width"], row["original_height"])
    return image_size(image)


def _facts(row: Json, notes: Notes) -> dict[str, Any]:
    """Return the fields of `Label` that a choice, number or text tells."""
    control, value = str(row.get("from_name")), row["value"]
    if row["type"] == "choices" and control == "condition":
        return {"condition": str(value["choices"][0])}
    if row["type"] == "choices" and control == "flags":
        return dict(_FLAGS[one] for one in value["choices"])
    if row["type"] == "number" and control in _NUMBERS:
        return {control: share(value["number"], control)}
    if row["type"] == "textarea" and control == "part_id":
        return {"part_id": str(value["text"][0])}
    notes.left_out[f"{row['type']} {control}"] += 1
    return {}


def _shape(
    row: Json, size: Size, facts: Mapping[str, dict[str, Any]], place: str, notes: Notes
) -> list[Shape]:
    kind = str(row.get("type"))
    if kind not in ("rectanglelabels", "keypointlabels"):
        notes.left_out[f"result {kind}"] += 1
        return []
    value, own = row["value"], str(row["id"])
    x, y = _pixels(value, "x", size[0]), _pixels(value, "y", size[1])
    (name, *others) = value[kind]
    if others:
        notes.left_out["second label of a box"] += len(others)
    parent = str(row.get("parentID", ""))
    if kind == "keypointlabels":
        return [Shape(name, "point", ((x, y),), parent, facts[own], place)]
    wide, high = _pixels(value, "width", size[0]), _pixels(value, "height", size[1])
    angle = number(value.get("rotation", 0), "rotation")
    if not wide > 0 or not high > 0:
        raise ValueError(f"box needs a width and a height above 0, got {wide} x {high} px")
    is_oriented = name == ORIENTED and parent
    points = turned(x, y, wide, high, angle)
    if not angle and not is_oriented:
        points = points[0], points[2]
    return [Shape(name, "box", points, parent if is_oriented else own, facts[own], place)]


def _pixels(value: Json, key: str, length: int) -> float:
    return number(value[key], key) * length / 100


def _rows(label: Label, own: str, size: Size) -> list[Json]:
    box, corners = label.box, rectangle(label.corners) if label.corners else None
    is_whole = corners is not None and _says_all(label, corners, size)
    sides = corners if corners and is_whole else (box.x0, box.y0, box.width, box.height, 0.0)
    rows: list[Json] = [_region(own, size, label.component, sides)]
    if corners and not is_whole:
        rows.append(_region(f"{own}-{ORIENTED}", size, ORIENTED, corners) | {"parentID": own})
    rows += [_row(own, size, *one) for one in _told(label)]
    for index, point in enumerate(label.keypoints, start=1):
        rows += _point(point, f"{own}-point{index}", own, size)
    return rows


def _says_all(label: Label, corners: Rectangle, size: Size) -> bool:
    """Tell whether the oriented box alone tells the box too; one not turned is read as a box."""
    drawn = replace(label, corners=turned(*corners))
    return corners[-1] != 0 and drawn_corners(drawn, size) is not None


def _told(label: Label) -> list[tuple[str, str, Json]]:
    """Return kind, control and value of what a box tells beside its name and place."""
    told: list[tuple[str, str, Json]] = []
    if label.condition != NORMAL:
        told.append(("choices", "condition", {"choices": [label.condition]}))
    flags = [flag for flag in ("ignored", "not_evident") if _is_set(label, flag)]
    if flags:
        told.append(("choices", "flags", {"choices": flags}))
    for name, usual in _NUMBERS.items():
        if getattr(label, name) != usual:
            told.append(("number", name, {"number": getattr(label, name)}))
    if label.part_id:
        told.append(("textarea", "part_id", {"text": [label.part_id]}))
    return told


def _is_set(label: Label, flag: str) -> bool:
    name, value = _FLAGS[flag]
    return getattr(label, name) is value


def _region(own: str, size: Size, name: str, sides: Rectangle) -> dict[str, object]:
    x, y, wide, high, angle = sides
    place = {"x": 100 * x / size[0], "y": 100 * y / size[1], "rotation": angle}
    place |= {"width": 100 * wide / size[0], "height": 100 * high / size[1]}
    return _row(own, size, "rectanglelabels", "label", place | {"rectanglelabels": [name]})


def _point(point: Keypoint, own: str, parent: str, size: Size) -> list[Json]:
    place = {"x": 100 * point.x / size[0], "y": 100 * point.y / size[1], "width": 0.5}
    value = place | {"keypointlabels": [point.name]}
    row = _row(own, size, "keypointlabels", "point", value) | {"parentID": parent}
    if point.is_visible:
        return [row]
    return [row, _row(own, size, "choices", "flags", {"choices": ["hidden"]})]


def _row(own: str, size: Size, kind: str, control: str, value: Json) -> dict[str, object]:
    about = {"original_width": size[0], "original_height": size[1], "to_name": "image"}
    return {"id": own, "type": kind, "from_name": control, "value": value} | about
