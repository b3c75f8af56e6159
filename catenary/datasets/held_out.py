"""Leave one section out: the labelled sets of each fold, none of which share a mast."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catenary.datasets import leaks
from catenary.datasets import split as splits
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError, ImpossibleSettingsError

_NAMED = 5  # in a message


@dataclass(frozen=True, slots=True)
class Shares:
    """How the masts of every section are dealt, as shares of their labels; our starting values.

    Attributes:
        train: Learnt from.
        validation: Measured on after each round.
        calibration: Fusion and thresholds are fitted on it.
        in_domain: Evaluated, as masts of sections that are learnt from.
    """

    train: float = 0.6
    validation: float = 0.1
    calibration: float = 0.15
    in_domain: float = 0.15

    def __post_init__(self) -> None:
        """Refuse parts without a share, and shares that make no whole."""
        mistakes = [
            (name, f"must be above 0, got {share}")
            for name, share in self.by_part().items()
            if not share > 0
        ]
        if abs(sum(self.by_part().values()) - 1) > 1e-6:
            mistakes.append(("", f"shares must sum to 1, got {sum(self.by_part().values()):g}"))
        if mistakes:
            raise ImpossibleSettingsError(mistakes)

    def by_part(self) -> Mapping[str, float]:
        """Return the share of each part."""
        return {
            "train": self.train,
            "validation": self.validation,
            "calibration": self.calibration,
            "in_domain": self.in_domain,
        }


@dataclass(frozen=True, slots=True)
class Fold:
    """One section against all others.

    Attributes:
        section: Which is left out, e.g. ``"京广线/甲站"``; both tracks of it.
        train: Masts of the other sections to learn from.
        validation: Further masts of the others.
        calibration: Further masts of the others.
        in_domain: Further masts of the others.
        unseen: All of the section that is left out.
    """

    section: str
    train: LabelledSet
    validation: LabelledSet
    calibration: LabelledSet
    in_domain: LabelledSet
    unseen: LabelledSet

    def parts(self) -> Mapping[str, LabelledSet]:
        """Return the sets by name."""
        return {
            "train": self.train,
            "validation": self.validation,
            "calibration": self.calibration,
            "in_domain": self.in_domain,
            "unseen": self.unseen,
        }


def joined(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Join sets to one: image files are named absolutely, ids begin with their run.

    Raises:
        ConfigError: If an image stands twice.
    """
    images = [
        _renamed(image, labelled.root.resolve()) for labelled in sets for image in labelled.images
    ]
    counts = Counter(image.ref.image_id for image in images)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(f"{len(twice)} images stand twice, e.g. {twice[0]}: give other ids")
    return LabelledSet(Path("/"), tuple(images))


def _renamed(image: LabelledImage, root: Path) -> LabelledImage:
    file = str(root / image.ref.file_name)
    ref = replace(image.ref, image_id=splits.key(image), file_name=file, location=file)
    return replace(image, ref=ref, source=image.source and f"{image.ref.run}/{image.source}")


def section_of(image: LabelledImage) -> str:
    """Return line and section of an image, empty when its section is unknown.

    The tracks of a section go together: they have the same posts, fittings and surroundings.
    """
    mast = image.ref.mast
    return "/".join(filter(None, (mast.line, mast.section))) if mast and mast.section else ""


def folds(
    labelled: LabelledSet, shares: Shares, copies: Iterable[tuple[int, int]] = ()
) -> Iterator[Fold]:
    """Yield a fold for every section, in the order of their names.

    Each section is dealt by mast once, so a mast has the same part in all folds it is known in.

    Args:
        labelled: Of all sections; see `joined`.
        shares: Of each section's masts.
        copies: Pairs of places in ``labelled`` that show the same picture.

    Raises:
        ConfigError: If an image tells no section, there is but one, a fold would have an empty
            part, or a mast, photograph, copy or file would stand on two sides.
    """
    images = labelled.images
    _refuse_unplaced(images)
    sections = [section_of(image) for image in images]
    names = sorted(set(sections))
    if len(names) < 2:
        raise ConfigError(f"to leave a section out there must be two or more, got {names}")
    pairs = list(copies)
    _refuse_copies(images, [pair for pair in pairs if sections[pair[0]] != sections[pair[1]]])
    part_of: dict[str, str] = {}
    for name in names:
        part_of |= _dealt(
            images, [i for i, one in enumerate(sections) if one == name], shares, pairs
        )
    for name in names:
        fold = _fold(labelled, name, part_of)
        check(fold)
        yield fold


def _refuse_unplaced(images: Sequence[LabelledImage]) -> None:
    unplaced = [image.ref.image_id for image in images if not section_of(image)]
    if unplaced:
        named = ", ".join(unplaced[:_NAMED]) + (" ..." if len(unplaced) > _NAMED else "")
        raise ConfigError(f"{len(unplaced)} images tell no section in their labels: {named}")


def _refuse_copies(images: Sequence[LabelledImage], torn: Sequence[tuple[int, int]]) -> None:
    if torn:
        first, second = (images[index].ref.image_id for index in torn[0])
        raise ConfigError(
            f"{len(torn)} pairs of copies stand in two sections, so that leaving one out would not"
            f" hide them, e.g. {first} and {second}; remove one of each"
        )


def _dealt(
    images: Sequence[LabelledImage],
    own: Sequence[int],
    shares: Shares,
    pairs: Iterable[tuple[int, int]],
) -> dict[str, str]:
    place = {index: number for number, index in enumerate(own)}
    inside = [(place[a], place[b]) for a, b in pairs if a in place and b in place]
    made = splits.made([images[index] for index in own], splits.MAST, shares.by_part(), inside)
    return {images[index].ref.image_id: made.parts[splits.key(images[index])] for index in own}


def _fold(labelled: LabelledSet, section: str, part_of: Mapping[str, str]) -> Fold:
    def chosen(part: str) -> LabelledSet:
        images = (
            image
            for image in labelled.images
            if section_of(image) != section and part_of[image.ref.image_id] == part
        )
        return replace(labelled, images=tuple(images))

    unseen = tuple(image for image in labelled.images if section_of(image) == section)
    return Fold(
        section,
        chosen("train"),
        chosen("validation"),
        chosen("calibration"),
        chosen("in_domain"),
        replace(labelled, images=unseen),
    )


def check(fold: Fold) -> None:
    """Refuse a fold of which a part is empty, or two parts share a mast, photograph or file.

    Raises:
        ConfigError: Naming the fold and what is shared.
    """
    parts = fold.parts()
    if empty := [name for name, own in parts.items() if not own.images]:
        raise ConfigError(
            f"without section {fold.section} there is no mast for {', '.join(empty)}: label more"
            " masts or change the shares"
        )
    for one, other in itertools.combinations(parts, 2):
        try:
            leaks.refuse([parts[one]], [parts[other]])
        except ConfigError as error:
            raise ConfigError(
                f"fold of section {fold.section}, {one} against {other}: {error}"
            ) from error
    known = [own for name, own in parts.items() if name != "unseen"]
    if shared := leaks.shared_sections(known, [fold.unseen]):
        raise ConfigError(f"section {', '.join(shared)} is on both sides of its own fold")
