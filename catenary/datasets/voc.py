"""Pascal VOC: one XML an image, whole pixels counted from 1, both ends inside the box."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from catenary.datasets import xml_tree
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.datasets.loss import unheld
from catenary.datasets.reading import (
    IMAGE_ENDINGS,
    IMAGE_FOLDERS,
    Notes,
    Reading,
    Size,
    found_below,
    image_size,
    inside,
    new_ref,
    number,
    positive_size,
    relative,
    stem_in_set,
)
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box

HELD = frozenset({"is_ignored"})
IMAGES = "JPEGImages"
_LABELS = "Annotations"
_KNOWN = frozenset({"name", "bndbox", "difficult"})
_SAYS_NOTHING = frozenset({"", "0", "Unspecified"})


def read(path: Path) -> Reading:
    """Read a folder of XML files, or one file; several files of one image are joined.

    Raises:
        ConfigError: With every mistake of all files (the first 50), or the first file that is
            no XML.
    """
    files = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
    root = path if path.is_dir() else _root_of(path)
    if not files:
        raise ConfigError(f"{path} holds no XML file")
    notes = Notes()
    images: dict[str, LabelledImage] = {}
    for file in files:
        node = xml_tree.read(file)
        place = relative(file, root)
        if node.tag != "annotation":
            notes.mistakes.append(f"  {place}: it begins with <{node.tag}>, not <annotation>")
            continue
        with notes.at(f"{place}, line {node.line}"):
            image = _image(node, file, root, notes)
            known = images.get(image.ref.file_name)
            joined = image if known is None else replace(known, labels=known.labels + image.labels)
            images[image.ref.file_name] = joined
    notes.refuse_mistakes(path)
    return Reading(LabelledSet(root, tuple(images.values())), notes.left_out)


def write(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:  # noqa: ARG001 - names stand in each file
    """Write one XML an image below ``Annotations``; return what could not be held."""
    lost = unheld(labelled, HELD)
    for image in labelled.images:
        file = folder / _LABELS / f"{stem_in_set(image.ref.file_name)}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_written(image), encoding="utf-8")
        lost["fraction of a pixel"] += sum(not _is_whole(label.box) for label in image.labels)
    return +lost


def _image(node: xml_tree.Node, file: Path, root: Path, notes: Notes) -> LabelledImage:
    name = _image_name(node, file, root)
    size = _size(node, root / name)
    labels = []
    for row in node.all("object"):
        with notes.at(f"{relative(file, root)}, line {row.line}"):
            labels.append(_label(row, size, notes))
    return LabelledImage(new_ref(root, name), *size, tuple(labels))


def _image_name(node: xml_tree.Node, file: Path, root: Path) -> str:
    """Return where the image lies; many tools leave out the ending or the folder."""
    told = node.first("filename")
    name = told.text if told else ""
    name = PurePosixPath(name.replace("\\", "/")).as_posix() if name else file.stem
    below = relative(file, root)
    folders = [file.parent, root]
    if below.startswith(f"{_LABELS}/"):
        inner = PurePosixPath(below).parent.relative_to(_LABELS)
        folders += [root / images / inner for images in IMAGE_FOLDERS]
    folders += [root / images for images in IMAGE_FOLDERS]
    names = [name, *(name + ending for ending in IMAGE_ENDINGS)]
    found = found_below(root, [folder / one for folder in folders for one in names])
    return found or name


def _root_of(file: Path) -> Path:
    for parent in file.parents:
        if parent.name == _LABELS:
            return parent.parent
    return file.parent


def _size(node: xml_tree.Node, image: Path) -> Size:
    size = node.first("size")
    if size is None or size.told("width") in ("", "0"):
        return image_size(image)
    return positive_size(size.told("width"), size.told("height"))


def _label(row: xml_tree.Node, size: Size, notes: Notes) -> Label:
    box = row.first("bndbox")
    if box is None:
        raise KeyError("bndbox")
    x0, y0, x1, y1 = (number(box.told(key), key) for key in ("xmin", "ymin", "xmax", "ymax"))
    difficult = row.first("difficult")
    for child in row.children:
        if child.tag not in _KNOWN and (child.children or child.text not in _SAYS_NOTHING):
            notes.left_out[f"object/{child.tag}"] += 1
    return Label(
        row.told("name"),
        # Some tools count from 0, so the edge at -1 is no mistake of theirs.
        inside((max(x0 - 1, 0.0), max(y0 - 1, 0.0), x1, y1), size, notes),
        is_ignored=difficult is not None and difficult.text == "1",
    )


def _whole(box: Box) -> tuple[int, int, int, int]:
    """Return xmin, ymin, xmax, ymax: whole pixels from 1, at least one pixel each way."""
    (x0, x1), (y0, y1) = _whole_side(box.x0, box.x1), _whole_side(box.y0, box.y1)
    return x0 + 1, y0 + 1, x1, y1


def _whole_side(low: float, high: float) -> tuple[int, int]:
    """Return both ends to the nearest pixel; of one that would vanish, the pixel it begins in."""
    if round(low) < round(high):
        return round(low), round(high)
    return math.floor(low), math.floor(low) + 1


def _is_whole(box: Box) -> bool:
    return all(float(value).is_integer() for value in (box.x0, box.y0, box.x1, box.y1))


def _written(image: LabelledImage) -> str:
    name = image.ref.file_name
    size = "".join(
        xml_tree.text(tag, value)
        for tag, value in (("width", image.width), ("height", image.height), ("depth", 1))
    )
    objects = "".join(_object(label, image) for label in image.labels)
    inner = xml_tree.text("folder", IMAGES)
    inner += xml_tree.text("filename", name.removeprefix(f"{IMAGES}/"))
    return xml_tree.element(
        "annotation", None, inner + xml_tree.element("size", None, size) + objects
    )


def _object(label: Label, image: LabelledImage) -> str:
    x0, y0, x1, y1 = _whole(label.box)
    x0, y0 = min(x0, image.width), min(y0, image.height)
    x1, y1 = max(min(x1, image.width), x0), max(min(y1, image.height), y0)
    box = zip(("xmin", "ymin", "xmax", "ymax"), (x0, y0, x1, y1), strict=True)
    inner = xml_tree.text("name", label.component)
    inner += xml_tree.text("difficult", int(label.is_ignored))
    inner += xml_tree.element("bndbox", None, "".join(xml_tree.text(*side) for side in box))
    return xml_tree.element("object", None, inner)
