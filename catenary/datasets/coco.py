"""Labelled sets as COCO JSON: plain COCO is read, and written with what COCO has no place for.

Extra keys of an image: mast, camera, view, kilometre_m, taken_at, image_id, source_image; of an
annotation: condition, severity, visibility, part_id, is_evident, lines. Readers of plain COCO
ignore them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

_SHOWN_MISTAKES = 50

Json = Mapping[str, Any]  # a JSON object, before it is checked


def write(labelled: LabelledSet, path: Path) -> None:
    """Write a labelled set; an existing file is replaced whole or not at all."""
    kinds = sorted({label.component for image in labelled.images for label in image.labels})
    numbers = {kind: number for number, kind in enumerate(kinds, start=1)}
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, image in enumerate(labelled.images, start=1):
        images.append(_image_out(image, number))
        for label in image.labels:
            row = {"id": len(annotations) + 1, "image_id": number}
            annotations.append(row | _label_out(label, numbers))
    content = {
        "images": images,
        "categories": [{"id": number, "name": kind} for kind, number in numbers.items()],
        "annotations": annotations,
    }
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


def read(path: Path) -> LabelledSet:
    """Read a labelled set; file names are relative to the file's folder.

    Boxes that reach over the picture's edge are clipped.

    Raises:
        ConfigError: If the file cannot be used, with every mistake (the first 50).
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read labels {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ConfigError(f"{path} is not COCO: it has no list of images")
    mistakes: list[str] = []
    images = _read_images(content, path, mistakes)
    if mistakes:
        more = len(mistakes) - _SHOWN_MISTAKES
        shown = [*mistakes[:_SHOWN_MISTAKES], *([f"  and {more} more"] if more > 0 else [])]
        raise ConfigError("\n".join([f"{path} is not a valid labelled set:", *shown]))
    return LabelledSet(path.parent, tuple(images))


def _read_images(content: Json, path: Path, mistakes: list[str]) -> list[LabelledImage]:
    kinds = {row.get("id"): row.get("name") for row in content.get("categories", [])}
    by_image: dict[object, list[Json]] = {row.get("id"): [] for row in content["images"]}
    if len(by_image) != len(content["images"]):
        mistakes.append("  images: an id stands twice")
    for row in content.get("annotations", []):
        place = f"  annotation {row.get('id')}"
        if row.get("image_id") not in by_image:
            mistakes.append(f"{place}: no image has id {row.get('image_id')!r}")
        elif row.get("category_id") not in kinds:
            mistakes.append(f"{place}: no category has id {row.get('category_id')!r}")
        else:
            by_image[row["image_id"]].append(row)
    found = []
    for row in content["images"]:
        try:
            ref = _ref_in(row, path)
            width, height = int(row["width"]), int(row["height"])
            if width < 1 or height < 1:
                raise ValueError(f"size {width} x {height}")
        except (KeyError, TypeError, ValueError) as error:
            mistakes.append(f"  image {row.get('id')}: {_said(error)}")
            continue
        labels = _read_labels(by_image[row["id"]], kinds, (width, height), mistakes)
        source = str(row.get("source_image", ""))
        found.append(LabelledImage(ref, width, height, labels, source))
    return found


def _read_labels(
    rows: Sequence[Json],
    kinds: Mapping[object, str],
    size: tuple[int, int],
    mistakes: list[str],
) -> tuple[Label, ...]:
    labels = []
    for row in rows:
        try:
            labels.append(_label_in(row, kinds[row["category_id"]], size))
        except (KeyError, TypeError, ValueError) as error:
            mistakes.append(f"  annotation {row.get('id')}: {_said(error)}")
    return tuple(labels)


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _label_in(row: Json, component: str, size: tuple[int, int]) -> Label:
    x, y, width, height = (float(value) for value in row["bbox"])
    box = Box(x, y, x + width, y + height).clipped(*size)
    if box is None:
        raise ValueError(f"bbox {row['bbox']} lies outside the picture of {size[0]} x {size[1]} px")
    return Label(
        component,
        box,
        str(row.get("condition", NORMAL)),
        _share(row, "severity", 0.0),
        _share(row, "visibility", 1.0),
        str(row.get("part_id", "")),
        bool(row.get("iscrowd", 0)),
        bool(row.get("is_evident", True)),
        tuple(
            Polyline(str(line["role"]), tuple((float(px), float(py)) for px, py in line["points"]))
            for line in row.get("lines", [])
        ),
    )


def _share(row: Json, key: str, default: float) -> float:
    value = float(row.get(key, default))
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError(f"{key} must be in [0, 1], got {value}")
    return value


def _label_out(label: Label, numbers: Mapping[str, int]) -> dict[str, object]:
    box = label.box
    return {
        "category_id": numbers[label.component],
        "bbox": [box.x0, box.y0, box.width, box.height],
        "area": box.area,
        "iscrowd": int(label.is_ignored),
        "condition": label.condition,
        "severity": label.severity,
        "visibility": label.visibility,
        "part_id": label.part_id,
        "is_evident": label.is_evident,
        "lines": [{"role": line.role, "points": line.points} for line in label.lines],
    }


def _ref_in(row: Json, path: Path) -> ImageRef:
    name = str(row["file_name"])
    mast, taken_at, kilometre = row.get("mast"), row.get("taken_at"), row.get("kilometre_m")
    return ImageRef(
        str(row.get("run", path.parent.name)),
        str(row.get("image_id", row["id"])),
        name,
        name,
        str(row.get("camera", "")),
        str(row.get("view", "")),
        Mast(mast["line"], Direction(mast["direction"]), mast["section"], mast["number"])
        if mast
        else None,
        None if kilometre is None else float(kilometre),
        datetime.fromisoformat(taken_at) if taken_at else None,
    )


def _image_out(image: LabelledImage, number: int) -> dict[str, object]:
    ref, mast = image.ref, image.ref.mast
    place = (
        {
            "line": mast.line,
            "direction": str(mast.direction),
            "section": mast.section,
            "number": mast.number,
        }
        if mast
        else None
    )
    return {
        "id": number,
        "image_id": ref.image_id,
        "file_name": ref.file_name,
        "width": image.width,
        "height": image.height,
        "run": ref.run,
        "camera": ref.camera,
        "view": ref.view,
        "mast": place,
        "kilometre_m": ref.kilometre_m,
        "taken_at": ref.taken_at.isoformat() if ref.taken_at else None,
        **({"source_image": image.source} if image.source else {}),
    }
