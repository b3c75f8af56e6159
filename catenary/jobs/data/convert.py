"""Convert labelled sets between formats."""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from catenary import config
from catenary.datasets import class_map, formats
from catenary.datasets.class_map import ClassMap
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.datasets.reading import Notes, clean, relative
from catenary.domain.errors import ConfigError
from catenary.domain.taxonomy import Taxonomy


class Placement(StrEnum):
    """What becomes of the images of a converted set."""

    COPY = "copy"
    LINK = "link"  # hard links: no space, same disk only
    REFERENCE = "reference"  # they stay where they are


@dataclass(frozen=True, slots=True)
class Conversion:
    """How to convert.

    Attributes:
        form: Format of the source, or ``"auto"``.
        to: Format to write.
        classes: Class map file, or None.
        images: What becomes of the images.
        is_strict: Refuse to write when anything would be left out or lost.
    """

    form: str
    to: str
    classes: Path | None = None
    images: Placement = Placement.COPY
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Converted:
    """What was converted.

    Attributes:
        images: How many.
        labels: How many.
        dropped: Labels whose name is mapped to ``ignore``, by name.
        left_out: What the source says and we have no place for, with counts.
        lost: Attributes that the new format cannot hold, with counts.
    """

    images: int
    labels: int
    dropped: Mapping[str, int]
    left_out: Mapping[str, int]
    lost: Mapping[str, int]


def load_classes(path: Path | None) -> tuple[ClassMap | None, Taxonomy]:
    """Return the class map of a file, if one is given, and the taxonomy it speaks of.

    Raises:
        ConfigError: With every mistake of the file.
    """
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    if path is None:
        return None, taxonomy
    return class_map.parse(config.read_yaml(path), taxonomy, str(path)), taxonomy


def convert(
    source: Path,
    folder: Path,
    conversion: Conversion,
    progress: Callable[[int, int], None],
) -> Converted:
    """Write a labelled set in another format into a new folder, whole or not at all.

    Args:
        source: File or folder with labels; images beside them.
        folder: Made; must not exist, or be empty.
        conversion: What to write.
        progress: Called with images done and images in all.

    Raises:
        ConfigError: If the labels are not valid, an image is missing, or something would be
            lost that must not be.
    """
    form = formats.FORMATS[conversion.to]
    if conversion.images is Placement.REFERENCE and not form.can_refer:
        raise ConfigError(f"{conversion.to} needs the images beside its labels: copy or link them")
    classes, taxonomy = load_classes(conversion.classes)
    reading = formats.read(source, conversion.form)
    mapped = class_map.to_ours(reading.labelled, classes, taxonomy)
    ours = mapped.labelled
    theirs = ours if conversion.to == formats.COCO else class_map.to_theirs(ours, classes)
    with _made(folder) as staging:
        placed = _placed(theirs, staging, form.images, conversion.images, progress)
        lost = form.write(placed, staging, class_map.names_in_order(theirs, classes))
        if conversion.is_strict and (lost or reading.left_out):
            raise ConfigError("\n".join(["not converted:", *_losses(reading.left_out, lost)]))
    labels = sum(len(image.labels) for image in ours.images)
    return Converted(len(ours.images), labels, mapped.dropped, reading.left_out, lost)


def lines(converted: Converted) -> Iterator[str]:
    """Yield what was converted and what was not, in words."""
    yield f"{converted.images} images, {converted.labels} labels"
    yield from (f"  dropped, mapped to ignore: {_row(one)}" for one in converted.dropped.items())
    yield from _losses(converted.left_out, converted.lost)


def _losses(left_out: Mapping[str, int], lost: Mapping[str, int]) -> Iterator[str]:
    yield from (f"  not read, we have no place for it: {_row(one)}" for one in left_out.items())
    yield from (f"  lost, the format cannot hold it: {_row(one)}" for one in lost.items())


def _row(item: tuple[str, int]) -> str:
    return f"{item[0]} ({item[1]})"


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Lend a hidden folder beside that takes the place of ``folder`` when the block succeeds."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already; choose another name")
    staging = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    try:
        staging.mkdir(parents=True)
        yield staging
        if folder.is_dir():
            folder.rmdir()
        staging.replace(folder)
    except OSError as error:
        raise ConfigError(f"cannot write {folder}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _placed(
    labelled: LabelledSet,
    folder: Path,
    images: str,
    placement: Placement,
    progress: Callable[[int, int], None],
) -> LabelledSet:
    """Return the set with its images in ``folder``, or named from there."""
    notes = Notes()
    placed: list[LabelledImage] = []
    stems: Counter[str] = Counter()
    elsewhere = _shared_folder(labelled)
    for done, image in enumerate(labelled.images, start=1):
        source = labelled.root / image.ref.file_name
        name = clean(image.ref.file_name).removeprefix(elsewhere)
        stem = name.rpartition(".")[0] or name
        stems[stem] += 1
        if stems[stem] > 1:  # label files are named after images, without the ending
            name = f"{stem}~{stems[stem]}{source.suffix}"
        if placement is Placement.REFERENCE:
            target = relative(source, folder)
        else:
            target = f"{images}/{name}"
            _put(source, folder / target, placement, notes)
        placed.append(replace(image, ref=replace(image.ref, location=target, file_name=target)))
        progress(done, len(labelled.images))
    notes.refuse_mistakes(labelled.root)
    return LabelledSet(folder, tuple(placed))


def _shared_folder(labelled: LabelledSet) -> str:
    """Return the folder that all images share when they lie outside of the set's folder."""
    names = [image.ref.file_name for image in labelled.images]
    if not any(name.startswith("..") or Path(name).is_absolute() for name in names):
        return ""
    shared = os.path.commonpath([str(Path(clean(name)).parent) for name in names])
    return f"{shared}/" if shared else ""


def _put(source: Path, target: Path, placement: Placement, notes: Notes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if placement is Placement.LINK:
            os.link(source, target)
        else:
            shutil.copyfile(source, target)
    except FileNotFoundError:
        notes.mistakes.append(f"  {source} is missing")
    except OSError as error:
        notes.mistakes.append(f"  {source}: {error.strerror}; copy or refer to it instead")
