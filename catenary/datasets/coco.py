"""Labelled sets as COCO JSON: plain COCO is read, and written with what COCO has no place for.

Extra keys of an image: mast, camera, view, kilometre_m, taken_at, image_id, source_image,
is_complete; of an annotation: condition, severity, visibility, occlusion, part_id, is_evident,
lines, oriented_box. An annotation with the key rejected is a finding that was refused; readers of
plain COCO ignore it, since its iscrowd is 1; they ignore the extra keys. Masks and keypoints stand
where COCO has them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from catenary.datasets.coco_rows import (
    Category,
    Json,
    annotation_in,
    annotation_out,
    image_out,
    ref_in,
    rejection_in,
    rejection_out,
)
from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejection
from catenary.datasets.reading import Notes, Reading, Size, positive_size, read_json
from catenary.datasets.whole_file import whole_file
from catenary.domain.errors import ConfigError


def write(labelled: LabelledSet, path: Path) -> None:
    """Write a labelled set; an existing file is replaced whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    write_images(labelled.images, path)


def write_images(images: Iterable[LabelledImage], path: Path) -> int:
    """Write labelled images, holding one at a time, and return the number of annotations.

    Args:
        images: Gone through twice, so a collection, or something that reads them anew.
        path: Replaced whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    kinds: dict[str, set[str]] = {}

    def image_rows() -> Iterator[dict[str, object]]:
        for number, image in enumerate(images, start=1):
            for label in image.labels:
                names = kinds.setdefault(label.component, set())
                names.update(point.name for point in label.keypoints)
            for rejection in image.rejections:
                kinds.setdefault(rejection.component, set())
            yield image_out(image, number)

    with whole_file(path) as file:
        _write_rows(file, '{"images": [\n', image_rows())
        categories = {
            kind: Category(number, tuple(sorted(kinds[kind])))
            for number, kind in enumerate(sorted(kinds), start=1)
        }
        _write_rows(file, '],\n"categories": [\n', _category_rows(categories))
        rows = _annotation_rows(images, categories)
        count = _write_rows(file, '],\n"annotations": [\n', rows)
        file.write(b"]}\n")
    return count


def _category_rows(categories: Mapping[str, Category]) -> Iterator[dict[str, object]]:
    for kind, category in categories.items():
        points = {"keypoints": category.points, "skeleton": []} if category.points else {}
        yield {"id": category.number, "name": kind, **points}


def _annotation_rows(
    images: Iterable[LabelledImage], categories: Mapping[str, Category]
) -> Iterator[dict[str, object]]:
    count = 0
    for number, image in enumerate(images, start=1):
        for label in image.labels:
            count += 1
            row = {"id": count, "image_id": number}
            yield row | annotation_out(label, categories[label.component])
        for rejection in image.rejections:
            count += 1
            row = {"id": count, "image_id": number}
            yield row | rejection_out(rejection, categories[rejection.component])


def _write_rows(file: BinaryIO, head: str, rows: Iterator[dict[str, object]]) -> int:
    """Write one list, one row a line; return the number of rows."""
    file.write(head.encode())
    count = 0
    for row in rows:
        file.write((",\n" if count else "").encode())
        file.write(json.dumps(row, ensure_ascii=False).encode())
        count += 1
    file.write(b"\n" if count else b"")
    return count


def read(path: Path) -> LabelledSet:
    """Read a labelled set; see `read_noting`."""
    return read_noting(path).labelled


def read_noting(path: Path) -> Reading:
    """Read a labelled set; file names are relative to the file's folder.

    Boxes that reach over the picture's edge are clipped, and counted.

    Raises:
        ConfigError: If the file cannot be used, with every mistake (the first 50).
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ConfigError(f"{path} is not COCO: it has no list of images")
    notes = Notes()
    images = _read_images(content, path, notes)
    notes.refuse_mistakes(path)
    return Reading(LabelledSet(path.parent, tuple(images)), notes.left_out)


def _read_images(content: Json, path: Path, notes: Notes) -> list[LabelledImage]:
    kinds = {row.get("id"): row for row in content.get("categories", [])}
    by_image: dict[object, list[Json]] = {row.get("id"): [] for row in content["images"]}
    if len(by_image) != len(content["images"]):
        notes.mistakes.append("  images: an id stands twice")
    for row in content.get("annotations", []):
        with notes.at(f"annotation {row.get('id')}"):
            if row.get("image_id") not in by_image:
                raise ValueError(f"no image has id {row.get('image_id')!r}")
            if row.get("category_id") not in kinds:
                raise ValueError(f"no category has id {row.get('category_id')!r}")
            by_image[row["image_id"]].append(row)
    found = []
    for row in content["images"]:
        with notes.at(f"image {row.get('id')}"):
            ref, size = ref_in(row, path), positive_size(row["width"], row["height"])
            own = by_image[row["id"]]
            rows = [one for one in own if "rejected" not in one]
            labels = _read_labels(rows, kinds, size, notes)
            refused = [one for one in own if "rejected" in one]
            rejections = _read_rejections(refused, kinds, size, notes)
            source, is_complete = (
                str(row.get("source_image", "")),
                bool(row.get("is_complete", True)),
            )
            image = LabelledImage(ref, *size, labels, source, rejections, is_complete)
            found.append(image)
    return found


def _read_labels(
    rows: Sequence[Json], kinds: Mapping[object, Json], size: Size, notes: Notes
) -> tuple[Label, ...]:
    labels = []
    for row in rows:
        with notes.at(f"annotation {row.get('id')}"):
            kind = kinds[row["category_id"]]
            points = tuple(map(str, kind.get("keypoints", ())))
            labels.append(annotation_in(row, str(kind.get("name")), points, size, notes))
    return tuple(labels)


def _read_rejections(
    rows: Sequence[Json], kinds: Mapping[object, Json], size: Size, notes: Notes
) -> tuple[Rejection, ...]:
    rejections = []
    for row in rows:
        with notes.at(f"annotation {row.get('id')}"):
            name = str(kinds[row["category_id"]].get("name"))
            rejections.append(rejection_in(row, name, size, notes))
    return tuple(rejections)
