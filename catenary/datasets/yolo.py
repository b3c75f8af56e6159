"""YOLO text labels, in shares of the picture: `class cx cy w h`, or OBB `class x1 y1 .. x4 y4`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import yaml

from catenary.datasets.corners import in_order, upright
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.datasets.loss import unheld
from catenary.datasets.reading import (
    IMAGE_ENDINGS,
    Notes,
    Point,
    Reading,
    Size,
    around,
    image_size,
    inside,
    new_ref,
    number,
    read_text,
    relative,
    stem_in_set,
)
from catenary.datasets.shapes import drawn_corners
from catenary.domain.errors import ConfigError

DATA = "data.yaml"
_PARTS = ("train", "val", "test")
_DIGITS = 8  # of a share: below 0.001 px in a picture of 13,000 px


def read(path: Path) -> Reading:
    """Read what a ``data.yaml``, or a folder with one, lists: boxes and oriented boxes alike.

    An image without a text file has no parts, as everywhere in YOLO.

    Raises:
        ConfigError: With every mistake of all files (the first 50).
    """
    settings = path / DATA if path.is_dir() else path
    content = _settings(settings)
    root = settings.parent
    notes = Notes()
    names = _names(content, notes)
    images = []
    for file in _listed(content, root, notes):
        with notes.at(relative(file, root)):
            images.append(_image(file, root, names, notes))
    if not images and not notes.mistakes:
        notes.mistakes.append("  it lists no image")
    notes.refuse_mistakes(settings)
    return Reading(LabelledSet(root, tuple(images)), notes.left_out)


def write(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:
    """Write upright boxes; classes are numbered in the order of ``names``; return what is lost."""
    _write(labelled, folder, names, _upright)
    return unheld(labelled)


def write_obb(labelled: LabelledSet, folder: Path, names: Sequence[str]) -> Counter[str]:
    """Write oriented boxes: the corners of a part where they are known, else those of its box.

    Corners outside the picture are moved to its edge, since trainers throw away whole images for
    one; that, and a box that is not the one around the corners, is counted as lost.
    """
    lost = unheld(labelled, {"corners"})
    for image in labelled.images:
        size = image.width, image.height
        for label in (one for one in image.labels if one.corners):
            lost["box, the corners tell another"] += drawn_corners(label, size) is None
            lost["corners outside the picture"] += _within(label.corners, size) != label.corners
    _write(labelled, folder, names, _oriented)
    return +lost


def _write(
    labelled: LabelledSet,
    folder: Path,
    names: Sequence[str],
    shares: Callable[[Label, Size], list[float]],
) -> None:
    numbers = {name: number for number, name in enumerate(names)}
    for image in labelled.images:
        file = folder / "labels" / f"{stem_in_set(image.ref.file_name)}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = (
            " ".join(
                [
                    str(numbers[label.component]),
                    *(
                        f"{share:.{_DIGITS}f}"
                        for share in shares(label, (image.width, image.height))
                    ),
                ]
            )
            for label in image.labels
        )
        file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    # No `val`: which images those are is decided by `catenary data split`, not by a copy.
    content = {"path": ".", "train": "images", "names": dict(enumerate(names))}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / DATA).write_text(text, encoding="utf-8")


def _upright(label: Label, size: Size) -> list[float]:
    (x, y), box, (width, height) = label.box.centre, label.box, size
    return [x / width, y / height, box.width / width, box.height / height]


def _oriented(label: Label, size: Size) -> list[float]:
    points = _within(label.corners or upright(label.box), size)
    return [value for x, y in points for value in (x / size[0], y / size[1])]


def _within(points: Sequence[Point], size: Size) -> tuple[Point, ...]:
    """Return points moved into the picture."""
    return tuple((min(max(x, 0.0), size[0]), min(max(y, 0.0), size[1])) for x, y in points)


def _settings(path: Path) -> Mapping[str, object]:
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a YOLO data file: it has no keys")
    return content


def _names(content: Mapping[str, object], notes: Notes) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, list):
        return dict(enumerate(map(str, names)))
    if isinstance(names, dict) and all(str(key).isdigit() for key in names):
        return {int(key): str(name) for key, name in names.items()}
    notes.mistakes.append("  names: must be a list, or numbers to names")
    return {}


def _listed(content: Mapping[str, object], root: Path, notes: Notes) -> Iterator[Path]:
    """Yield every image of all parts once, in order."""
    base = root / str(content.get("path") or ".")
    base = base if base.is_dir() else root  # written on another machine
    seen: set[Path] = set()
    for part in _PARTS:
        told = content.get(part) or []
        for entry in told if isinstance(told, list) else [told]:
            place = next(
                (one for one in (base / str(entry), root / str(entry)) if one.exists()), None
            )
            if place is None:
                notes.mistakes.append(f"  {part}: {entry} does not exist")
                continue
            for file in _files(place, base):
                if file not in seen:
                    seen.add(file)
                    yield file


def _files(place: Path, base: Path) -> list[Path]:
    if place.is_dir():
        return sorted(one for one in place.rglob("*") if one.suffix.lower() in IMAGE_ENDINGS)
    return [base / line.strip() for line in read_text(place).splitlines() if line.strip()]


def _image(file: Path, root: Path, names: Mapping[int, str], notes: Notes) -> LabelledImage:
    size = image_size(file)
    labels = []
    text_file = _label_file(file)
    if text_file.is_file():
        for line, row in enumerate(read_text(text_file).splitlines(), start=1):
            if row.strip():
                with notes.at(f"{relative(text_file, root)}, line {line}"):
                    labels.append(_label(row.split(), names, size, notes))
    return LabelledImage(new_ref(root, relative(file, root)), *size, tuple(labels))


def _label_file(image: Path) -> Path:
    """Return the text file beside: the last folder ``images`` of its path is ``labels`` there."""
    parts = list(PurePosixPath(image.as_posix()).parts)
    for index in reversed(range(len(parts) - 1)):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _label(row: Sequence[str], names: Mapping[int, str], size: Size, notes: Notes) -> Label:
    if len(row) not in (5, 9):
        raise ValueError(f"needs a class and 4 or 8 numbers, got {len(row)} words")
    if not row[0].isdigit() or int(row[0]) not in names:
        raise ValueError(f"names has no class {row[0]}")
    name = names[int(row[0])]
    values = list(map(partial(number, name="a coordinate"), row[1:]))
    if len(row) == 5:
        x, y, wide, high = values
        x0, x1 = (x - wide / 2) * size[0], (x + wide / 2) * size[0]
        y0, y1 = (y - high / 2) * size[1], (y + high / 2) * size[1]
        return Label(name, inside((x0, y0, x1, y1), size, notes))
    points = [(x * size[0], y * size[1]) for x, y in zip(values[::2], values[1::2], strict=True)]
    return Label(name, inside(around(points), size, notes), corners=in_order(points))
