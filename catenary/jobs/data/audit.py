"""Read labelled sets and their images, and say whether they are fit to train on."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets import class_map, formats, near_duplicates
from catenary.datasets import split as splits
from catenary.datasets.audit import Audit, audited
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.datasets.near_duplicates import Copy, Likeness, Sketch
from catenary.datasets.problems import Examined, Level, Member, Problem
from catenary.domain.errors import ConfigError, UnreadableImageError
from catenary.domain.finding import NORMAL
from catenary.imaging.decode import decode_gray
from catenary.imaging.quality import QualityLimits, assess
from catenary.jobs.data.convert import load_classes
from catenary.reports import audit_page

_ONE_SET = "all"
_NO_PART = "in no part of the split"
_PREVIEW_PX = 240  # longer side of a picture of the page
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What reading one image gave.

    Attributes:
        examined: For the audit.
        sketch: To find copies; None when unreadable.
        preview: Small JPEG for the page; empty when unreadable.
    """

    examined: Examined
    sketch: Sketch | None
    preview: bytes


def audit(
    labels: Sequence[Path],
    split: Path | None,
    classes: Path | None,
    html: Path | None,
    progress: Progress,
) -> Audit:
    """Audit labelled sets; several ones, or the parts of a split, are held against each other.

    Args:
        labels: Files or folders of any format.
        split: File of `catenary data split`, or None.
        classes: Class map file, or None.
        html: Page to write, or None.
        progress: Called with what is done, how many are done and how many there are.

    Raises:
        ConfigError: If the split or the class map is not valid, or no labels can be read.
        StoreError: If the page cannot be written.
    """
    problems: list[Problem] = []
    left_out: Counter[str] = Counter()
    sets = list(_sets(labels, classes, problems, left_out))
    images = [(part, ours.root, image) for part, _, ours in sets for image in ours.images]
    known = splits.read(split) if split else None
    looked = list(_looked([(root, image) for _, root, image in images], progress))
    members = [
        Member(_part(part, image, known), image, one.examined)
        for (part, _, image), one in zip(images, looked, strict=True)
    ]
    if known:
        # The split knows the labels as their file tells them, whatever their names mean.
        problems += _stale([image for _, told, _ in sets for image in told.images], known)
    found = audited(members, find_copies(looked, progress), problems, left_out)
    if html:
        audit_page.write(found, [one.preview for one in looked], html)
    return found


def look(labelled: LabelledSet, progress: Progress) -> list[Looked]:
    """Read every image of a set."""
    return list(_looked([(labelled.root, image) for image in labelled.images], progress))


def find_copies(looked: Sequence[Looked], progress: Progress) -> list[Copy]:
    """Return pairs of images that are copies, by their place in ``looked``."""
    where = [index for index, one in enumerate(looked) if one.sketch is not None]
    sketches = [one.sketch for one in looked if one.sketch is not None]

    def step(done: int, total: int) -> None:
        progress("compare", done, total)

    return [
        Copy(where[copy.first], where[copy.second], copy.how, copy.likeness)
        for copy in near_duplicates.copies(sketches, Likeness(), step)
    ]


def lines(found: Audit) -> Iterator[str]:
    """Yield the audit in words."""
    yield f"{len(found.members)} images in {len(found.counts)} parts"
    for part, row in found.counts.items():
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(row.items()) if count)
        yield f"  {part}: {told}"
    for problem in found.problems:
        yield f"{problem.level}: {problem.message}"
        names = [found.members[index].image.ref.file_name for index in problem.images[:3]]
        yield from ([f"    e.g. {', '.join(names)}"] if names else [])
    yield "fit to train on" if found.is_fit else "not fit to train on: see the errors above"


def record(found: Audit) -> dict[str, object]:
    """Return the audit for JSON."""

    def named(indices: Sequence[int]) -> list[str]:
        return [splits.key(found.members[index].image) for index in indices]

    return {
        "is_fit": found.is_fit,
        "images": len(found.members),
        "problems": [asdict(one) | {"images": named(one.images)} for one in found.problems],
        "counts": found.counts,
        "sizes": found.sizes,
        "quality": found.quality,
        "copies": [named(group) for group in found.copies],
        "left_out": found.left_out,
        "unreadable": {
            splits.key(one.image): one.examined.error for one in found.members if one.examined.error
        },
    }


def _sets(
    labels: Sequence[Path], classes: Path | None, problems: list[Problem], left_out: Counter[str]
) -> Iterator[tuple[str, LabelledSet, LabelledSet]]:
    """Yield part, labels as told and labels with our components, of each set that can be read."""
    known, taxonomy = load_classes(classes)
    for path in labels:
        try:
            reading = formats.read(path)
        except ConfigError as error:
            problems.append(Problem("labels", Level.ERROR, str(error)))
            continue
        left_out.update(reading.left_out)
        labelled = reading.labelled
        try:
            labelled = class_map.to_ours(labelled, known, taxonomy).labelled
        except ConfigError as error:
            problems.append(Problem("unmapped", Level.ERROR, f"{path}: {error}"))
        yield (_ONE_SET if len(labels) == 1 else str(path)), reading.labelled, labelled


def _part(part: str, image: LabelledImage, known: splits.Split | None) -> str:
    return part if known is None else known.parts.get(splits.key(image), _NO_PART)


def _stale(images: Sequence[LabelledImage], known: splits.Split) -> Iterator[Problem]:
    stale = [index for index, image in enumerate(images) if not splits.is_known(image, known)]
    if stale:
        words = f"{len(stale)} images are not in the split, or have other labels there"
        yield Problem("stale_split", Level.ERROR, words, tuple(stale[:12]))


def _looked(images: Sequence[tuple[Path, LabelledImage]], progress: Progress) -> Iterator[Looked]:
    with ThreadPoolExecutor(2) as pool:
        jobs = ((root / image.ref.file_name, image) for root, image in images)
        for done, one in enumerate(pool.map(_look, jobs), start=1):
            progress("read", done, len(images))
            yield one


def _look(job: tuple[Path, LabelledImage]) -> Looked:
    path, image = job
    try:
        data = path.read_bytes()
        pixels = decode_gray(data)
    except OSError as error:
        return Looked(Examined(error=f"{path}: {error.strerror}"), None, b"")
    except UnreadableImageError as error:
        return Looked(Examined(error=f"{path}: {error}", file_hash=_hash(data)), None, b"")
    height, width = pixels.shape
    quality = assess(pixels, QualityLimits())
    told = "usable" if quality.is_usable else quality.reason
    examined = Examined("", width, height, _hash(data), _hash(pixels.tobytes()), told)
    return Looked(examined, near_duplicates.sketch(pixels), _preview(pixels, image))


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _preview(pixels: NDArray[np.uint8], image: LabelledImage) -> bytes:
    """Return a small JPEG with the boxes drawn in: orange a defect, blue normal, grey ignored."""
    height, width = pixels.shape
    factor = min(1.0, _PREVIEW_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = cv2.cvtColor(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR
    )
    # Ignored ones first, so that they hide no other: wires have boxes as large as the picture.
    for label in sorted(image.labels, key=lambda one: not one.is_ignored):
        corners = [
            round(value * factor)
            for value in (label.box.x0, label.box.y0, label.box.x1, label.box.y1)
        ]
        cv2.rectangle(canvas, corners[:2], corners[2:], _colour(label), 1)
    return bytes(cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes())


def _colour(label: Label) -> tuple[int, int, int]:
    if label.is_ignored:
        return 90, 90, 90
    return (233, 180, 86) if label.condition == NORMAL else (0, 159, 230)
