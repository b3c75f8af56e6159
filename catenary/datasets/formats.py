"""The label formats as one table: how each is recognised, read and written."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.datasets import coco, cvat, label_studio, labelme, voc, xml_tree, yolo
from catenary.datasets.labels import LabelledSet
from catenary.datasets.reading import Reading, read_json
from catenary.domain.errors import ConfigError

AUTO = "auto"
COCO = "coco"
COCO_FILE = "labels.json"


@dataclass(frozen=True, slots=True)
class Format:
    """A way labels lie on disk.

    Attributes:
        read: From a file or folder.
        write: A set whose file names are relative to the folder, into that folder, with the
            names to number; returns what could not be held.
        images: Folder below the set that the images belong in.
        can_refer: Whether an image may lie elsewhere.
    """

    read: Callable[[Path], Reading]
    write: Callable[[LabelledSet, Path, Sequence[str]], Counter[str]]
    images: str = "images"
    can_refer: bool = True


def _read_coco(path: Path) -> Reading:
    return coco.read_noting(path / COCO_FILE if path.is_dir() else path)


def _write_coco(labelled: LabelledSet, folder: Path, _names: Sequence[str]) -> Counter[str]:
    coco.write(labelled, folder / COCO_FILE)
    return Counter()


FORMATS: Mapping[str, Format] = {
    COCO: Format(_read_coco, _write_coco),
    "voc": Format(voc.read, voc.write, voc.IMAGES),
    # YOLO finds labels by the place of the image, so images must lie beside them.
    "yolo": Format(yolo.read, yolo.write, can_refer=False),
    "yolo-obb": Format(yolo.read, yolo.write_obb, can_refer=False),
    "labelme": Format(labelme.read, labelme.write),
    "cvat": Format(cvat.read, cvat.write),
    "label-studio": Format(label_studio.read, label_studio.write),
}


def read(path: Path, form: str = AUTO) -> Reading:
    """Read labels; component names are those of the file.

    Args:
        path: File or folder.
        form: Key of `FORMATS`, or ``"auto"``.

    Raises:
        ConfigError: If it is missing, of no known format or not valid.
    """
    if not path.exists():
        raise ConfigError(f"no labels at {path}")
    return FORMATS[recognised(path) if form == AUTO else form].read(path)


def recognised(path: Path) -> str:
    """Return the format of a file or folder.

    Raises:
        ConfigError: If it is none of `FORMATS`.
    """
    found = _of_folder(path) if path.is_dir() else _of_file(path)
    if found is None:
        known = ", ".join(FORMATS)
        raise ConfigError(f"{path} is of no known label format; say which with --from: {known}")
    return found


def _of_folder(folder: Path) -> str | None:
    for name, form in (
        (COCO_FILE, COCO),
        (yolo.DATA, "yolo"),
        (cvat.FILE, "cvat"),
        (label_studio.FILE, "label-studio"),
    ):
        if (folder / name).is_file():
            return form
    for ending in ("*.xml", "*.json"):
        first = next(iter(sorted(folder.rglob(ending))), None)
        found = _of_file(first) if first else None
        if found in ("voc", "labelme"):
            return found
    return None


def _of_file(path: Path) -> str | None:
    ending = path.suffix.lower()
    if ending in (".yaml", ".yml"):
        return "yolo"
    if ending == ".xml":
        return {"annotation": "voc", "annotations": "cvat"}.get(xml_tree.read(path).tag)
    return _of_json(read_json(path)) if ending == ".json" else None


def _of_json(content: object) -> str | None:
    if isinstance(content, list):
        return "label-studio"
    if isinstance(content, dict) and "images" in content:
        return COCO
    return "labelme" if isinstance(content, dict) and "shapes" in content else None
