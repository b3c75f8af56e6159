"""Which photographs are for training, calibration and test: by section or mast, never by image."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.datasets.near_duplicates import groups
from catenary.datasets.reading import read_json
from catenary.datasets.whole_file import whole_file
from catenary.domain.errors import ConfigError

SECTION, MAST, IMAGE = "section", "mast", "image"
BY = (SECTION, MAST, IMAGE)
_SECTIONS_A_PART = 2  # fewer cannot be told from one another; our starting value
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Split:
    """A split as it is written to its file.

    Attributes:
        by: What is kept together: ``"section"``, ``"mast"`` or ``"image"`` (with its copies).
        shares: Part to its wished share of the labels.
        units: Section, mast, source photograph or image to its part; once assigned they stay.
        images: ``run/image_id`` to the first 12 hex digits of the SHA-256 of its labels.
        parts: ``run/image_id`` to its part.
        fingerprint: Of all images and their labels.
    """

    by: str
    shares: Mapping[str, float]
    units: Mapping[str, str]
    images: Mapping[str, str]
    parts: Mapping[str, str]
    fingerprint: str


def part(labelled: LabelledSet, split: Split, name: str) -> LabelledSet:
    """Return the images of one part.

    Raises:
        ConfigError: If the split has no such part, or was made for other images or labels.
    """
    if name not in split.shares:
        raise ConfigError(f"the split has no part {name!r}; it has: {', '.join(split.shares)}")
    if stale := list(_stale(labelled.images, split)):
        remedy = "make it anew: catenary data split LABELS --from OLD -o NEW"
        raise ConfigError("\n".join(["the split was made for other labels:", *stale, remedy]))
    kept = [image for image in labelled.images if split.parts[key(image)] == name]
    return replace(labelled, images=tuple(kept))


def is_known(image: LabelledImage, split: Split) -> bool:
    """Tell whether the split was made with this image and these labels."""
    return split.images.get(key(image)) == _labels_hash(image)


def _stale(images: Iterable[LabelledImage], split: Split) -> list[str]:
    new = sum(key(image) not in split.images for image in images)
    changed = sum(key(image) in split.images and not is_known(image, split) for image in images)
    return [
        f"  {count} images {what}"
        for count, what in ((new, "are not in it"), (changed, "have other labels"))
        if count
    ]


def key(image: LabelledImage) -> str:
    """Return the identity of an image in a split."""
    return f"{image.ref.run}/{image.ref.image_id}"


def split_by(images: Sequence[LabelledImage], parts: int) -> tuple[str, str]:
    """Return what to split by, and why not by section in words (empty when it is)."""
    masts = [image.ref.mast for image in images]
    if not any(masts):
        return IMAGE, (
            "no image tells its mast: split by photograph and its copies; figures will not hold "
            "for masts that training has not seen"
        )
    sections = {_section(image) for image in images if image.ref.mast}
    if len(sections) < _SECTIONS_A_PART * parts:
        return MAST, (
            f"{len(sections)} sections are too few for {parts} parts (need "
            f"{_SECTIONS_A_PART * parts}): split by mast; figures will not hold for sections that "
            f"training has not seen"
        )
    return SECTION, ""


def made(
    images: Sequence[LabelledImage],
    by: str,
    shares: Mapping[str, float],
    copies: Iterable[tuple[int, int]] = (),
    former: Split | None = None,
) -> Split:
    """Return a split: units go where components and conditions are lacking most.

    The same images give the same split. With a former one, what it assigned stays.

    Args:
        images: All images of all sets.
        by: Unit, see `Split`.
        shares: Part to share; they sum to 1.
        copies: Pairs of indices of photographs that are copies; they stay on one side.
        former: Split to go on with.

    Raises:
        ConfigError: If an image stands twice, or copies link what the former split put apart.
    """
    names = [key(image) for image in images]
    if len(set(names)) != len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        raise ConfigError(f"{len(twice)} images stand twice, e.g. {twice[0]}: give other ids")
    units = [_units(image, by) for image in images]
    members = groups(len(images), [*_sharing(units), *copies])
    known = former.units if former else {}
    placed = _placed(images, units, members, known, shares)
    parts = {
        names[index]: name for group, name in zip(members, placed, strict=True) for index in group
    }
    all_units = dict(known) | {
        unit: parts[name] for name, own in zip(names, units, strict=True) for unit in own
    }
    hashes = {key(image): _labels_hash(image) for image in images}
    return Split(
        by, dict(shares), dict(sorted(all_units.items())), hashes, parts, _fingerprint(hashes)
    )


def write(split: Split, path: Path) -> None:
    """Write a split; an existing file is replaced whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    content = {"schema": _SCHEMA} | asdict(split)
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())


def read(path: Path) -> Split:
    """Read a split.

    Raises:
        ConfigError: If it is none, or was changed by hand.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise ConfigError(f"{path} is no split of schema {_SCHEMA}")
    try:
        split = Split(**{name: value for name, value in content.items() if name != "schema"})
        is_whole = set(split.images) == set(split.parts) and set(split.parts.values()) <= set(
            split.shares
        )
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is no split: {error}") from error
    if not is_whole or split.fingerprint != _fingerprint(split.images):
        raise ConfigError(f"{path} was changed by hand; make it anew with catenary data split")
    return split


def _section(image: LabelledImage) -> str:
    mast = image.ref.mast
    return f"section {mast.line}/{mast.direction}/{mast.section}" if mast else ""


def dealt(image: LabelledImage, split: Split) -> set[str]:
    """Return the parts that the mast, section or photograph of any image was given to."""
    units = _units(image, split.by)
    return {split.units[unit] for unit in units if unit in split.units}


def _units(image: LabelledImage, by: str) -> tuple[str, ...]:
    """Return everything that ties an image to others; the first names it in the file."""
    run = image.ref.run
    source = f"photograph {run}/{image.source or image.ref.image_id}"
    if by == IMAGE or image.ref.mast is None:
        parts = {label.part_id for label in image.labels if label.part_id}
        return (source, *(f"part {one}" for one in sorted(parts)))
    return (_section(image) if by == SECTION else f"mast {image.ref.mast}"), source


def _sharing(units: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [
        (first.setdefault(unit, index), index) for index, own in enumerate(units) for unit in own
    ]


def _placed(
    images: Sequence[LabelledImage],
    units: Sequence[tuple[str, ...]],
    members: Sequence[Sequence[int]],
    known: Mapping[str, str],
    shares: Mapping[str, float],
) -> list[str]:
    """Return the part of each group of images."""
    names = list(shares)
    counts = _strata(images, members)  # (groups, strata)
    totals = counts.sum(axis=0)
    wished = np.array([shares[name] for name in names])[:, None] * totals  # (parts, strata)
    have = np.zeros_like(wished)
    placed = [""] * len(members)
    own = [sorted({unit for index in group for unit in units[index]}) for group in members]
    for index in range(len(members)):
        placed[index] = _former(own[index], known, names)
        if placed[index]:
            have[names.index(placed[index])] += counts[index]
    weight = counts / totals
    # Large and rare groups first, while there is still room everywhere; then by name.
    order = sorted(
        (index for index in range(len(members)) if not placed[index]),
        key=lambda index: (-round(float(weight[index].max()), 9), own[index]),
    )
    for index in order:
        before = ((have - wished) / totals) ** 2
        after = ((have + counts[index] - wished) / totals) ** 2
        cost = (after - before).sum(axis=1)
        chosen = int(np.argmin(cost))
        have[chosen] += counts[index]
        placed[index] = names[chosen]
    return placed


def _former(units: Sequence[str], known: Mapping[str, str], names: Sequence[str]) -> str:
    parts = {known[unit] for unit in units if unit in known}
    if len(parts) > 1:
        told = ", ".join(f"{unit} in {known[unit]}" for unit in units if unit in known)
        raise ConfigError(f"copies or new labels link what the former split put apart: {told}")
    if parts - set(names):
        raise ConfigError(f"the former split has a part {parts.pop()!r} that is not wanted now")
    return parts.pop() if parts else ""


def _strata(
    images: Sequence[LabelledImage], members: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Return (groups, strata): images, then labels of each component and condition."""
    columns: dict[tuple[str, str], int] = {}
    rows: list[Counter[int]] = []
    for group in members:
        row: Counter[int] = Counter({0: len(group)})
        for index in group:
            for label in images[index].labels:
                kind = label.component, label.condition
                row[columns.setdefault(kind, len(columns) + 1)] += 1
        rows.append(row)
    counts = np.zeros((len(members), len(columns) + 1))
    for index, row in enumerate(rows):
        for column, count in row.items():
            counts[index, column] = count
    return counts


def counted(images: Sequence[LabelledImage], split: Split) -> dict[str, Counter[str]]:
    """Return for each part the number of images and of labels of each component and condition."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for image in images:
        row = table[split.parts[key(image)]]
        row["images"] += 1
        row.update(f"{label.component} {label.condition}" for label in image.labels)
    return {name: table[name] for name in split.shares}


def _labels_hash(image: LabelledImage) -> str:
    ref = replace(image.ref, location="", file_name="")  # a set may be moved
    return hashlib.sha256(repr((ref, image.labels, image.source)).encode()).hexdigest()[:12]


def _fingerprint(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()[:16]
