"""Rows of a COCO file from and to labels: one row an image, one an annotation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catenary.datasets import masks
from catenary.datasets.labels import Keypoint, Label, LabelledImage, Rejected, Rejection
from catenary.datasets.reading import Notes, inside, number
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Polyline
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

Json = Mapping[str, Any]  # a JSON object, before it is checked
_ABSENT, _HIDDEN, _VISIBLE = 0, 1, 2  # COCO's v of a keypoint


@dataclass(frozen=True, slots=True)
class Category:
    """One component kind of a file.

    Attributes:
        number: Its id there.
        points: Names of the keypoints, in the order of an annotation's.
    """

    number: int
    points: tuple[str, ...] = ()


def annotation_out(label: Label, category: Category) -> dict[str, object]:
    """Return the row of a label, without its id and its image's."""
    box = label.box
    corners = [value for corner in label.corners for value in corner]
    return {
        "category_id": category.number,
        "bbox": [box.x0, box.y0, box.width, box.height],
        "area": box.area if label.mask is None else label.mask.area,
        "iscrowd": int(label.is_ignored),
        "condition": label.condition,
        "severity": label.severity,
        "visibility": label.visibility,
        "occlusion": label.occlusion,
        "part_id": label.part_id,
        "is_evident": label.is_evident,
        "lines": [{"role": line.role, "points": line.points} for line in label.lines],
        **({"oriented_box": corners} if corners else {}),
        **_keypoints_out(label, category),
        **_mask_out(label.mask),
    }


def _keypoints_out(label: Label, category: Category) -> dict[str, object]:
    if not category.points:
        return {}
    own = {point.name: point for point in label.keypoints}
    row: list[float] = []
    for name in category.points:
        if (point := own.get(name)) is None:
            row += [0, 0, _ABSENT]
        else:
            row += [point.x, point.y, _VISIBLE if point.is_visible else _HIDDEN]
    return {"keypoints": row, "num_keypoints": len(own)}


def _mask_out(mask: masks.Mask | None) -> dict[str, object]:
    if mask is None:
        return {}
    return {"segmentation": {"size": [mask.height, mask.width], "counts": mask.counts}}


def annotation_in(
    row: Json, component: str, points: tuple[str, ...], size: tuple[int, int], notes: Notes
) -> Label:
    """Read a row.

    Args:
        row: Of ``annotations``.
        component: Name of its category.
        points: Keypoints of its category.
        size: (width, height) of its image.
        notes: Told when its box is cut at the picture's edge.

    Raises:
        KeyError: If a needed key is missing.
        ValueError: If a value is not valid.
    """
    mask = _mask_in(row, size)
    return Label(
        component,
        inside(_box_in(row, mask), size, notes),
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
        _keypoints_in(row, points),
        _corners_in(row),
        _share(row, "occlusion", 0.0),
        mask,
    )


def rejection_out(rejection: Rejection, category: Category) -> dict[str, object]:
    """Return the row of a rejection, without its id and its image's."""
    box = rejection.box
    return {
        "category_id": category.number,
        "bbox": [box.x0, box.y0, box.width, box.height],
        "area": box.area,
        "iscrowd": 1,  # who does not know the next key must not take it for a part
        "rejected": str(rejection.reason),
    }


def rejection_in(row: Json, component: str, size: tuple[int, int], notes: Notes) -> Rejection:
    """Read a row with the key ``rejected``; see `annotation_in`.

    Raises:
        KeyError: If a needed key is missing.
        ValueError: If a value is not valid.
    """
    told = str(row["rejected"])
    if told not in set(Rejected):
        raise ValueError(f"rejected must be {' or '.join(Rejected)}, got {told!r}")
    box = inside(_box_in(row, _mask_in(row, size)), size, notes)
    return Rejection(component, box, Rejected(told))


def _box_in(row: Json, mask: masks.Mask | None) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 as written; of its mask where none with an area is written."""
    written = row.get("bbox") or ()
    if mask is None and not written:
        written = row["bbox"]
    if not isinstance(written, list | tuple) or len(written) not in (0, 4):
        raise ValueError(f"bbox must be [x, y, width, height] in pixels, got {written!r}")
    numbers = [number(value, "bbox") for value in written]
    if mask is not None and (not numbers or 0 in numbers[2:]):
        return mask.bounds()
    x, y, width, height = numbers
    return x, y, x + width, y + height


def _keypoints_in(row: Json, names: tuple[str, ...]) -> tuple[Keypoint, ...]:
    values = [float(value) for value in row.get("keypoints", [])]
    if len(values) not in (0, 3 * len(names)):
        raise ValueError(f"keypoints need 3 x {len(names)} numbers, got {len(values)}")
    if not all(map(math.isfinite, values)):
        raise ValueError("keypoints must be finite")
    triples = zip(names, values[::3], values[1::3], values[2::3], strict=True) if values else ()
    found = [Keypoint(name, x, y, v == _VISIBLE) for name, x, y, v in triples if v != _ABSENT]
    return tuple(sorted(found, key=lambda point: point.name))


def _corners_in(row: Json) -> tuple[tuple[float, float], ...]:
    values = [float(value) for value in row.get("oriented_box", [])]
    if len(values) not in (0, 8) or not all(map(math.isfinite, values)):
        raise ValueError(f"oriented_box needs 8 finite numbers, got {values}")
    return tuple(zip(values[::2], values[1::2], strict=True))


def _mask_in(row: Json, size: tuple[int, int]) -> masks.Mask | None:
    """Read run lengths, packed or not, or the polygons of other tools."""
    written = row.get("segmentation")
    if isinstance(written, list):
        polygons = [list(zip(one[::2], one[1::2], strict=True)) for one in written]
        return masks.of_polygons(polygons, (size[1], size[0]))
    if not isinstance(written, dict):
        return None
    height, width = (int(value) for value in written["size"])
    if (width, height) != size:
        raise ValueError(
            f"segmentation is of {width} x {height} px, its image of {size[0]} x {size[1]}"
        )
    counts = written["counts"]
    if isinstance(counts, str):
        return masks.Mask(height, width, counts)
    return masks.of_runs(counts, (height, width))


def _share(row: Json, key: str, default: float) -> float:
    value = float(row.get(key, default))
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError(f"{key} must be in [0, 1], got {value}")
    return value


def ref_in(row: Json, path: Path) -> ImageRef:
    """Read which photograph a row of ``images`` of a file is.

    Raises:
        KeyError: If a needed key is missing.
        ValueError: If a value is not valid.
    """
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


def image_out(image: LabelledImage, number: int) -> dict[str, object]:
    """Return the row of an image; ``number`` is its id in the file."""
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
        **({} if image.is_complete else {"is_complete": False}),
    }
