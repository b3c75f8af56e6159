"""What stands on two sides of a split, so that figures are too good to be true."""

import os
from collections import defaultdict
from collections.abc import Sequence

from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError

MAST, SOURCE_IMAGE, SECTION, DAY = "mast", "source_image", "section", "day"
_NAMED = 5  # in a message


def torn(found: Sequence[str | None], parts: Sequence[str]) -> dict[str, list[int]]:
    """Return the traits that stand in more than one part, each with the images that have it.

    Args:
        found: `traits` of each image.
        parts: Of each image.
    """
    where: defaultdict[str, list[int]] = defaultdict(list)
    for index, trait in enumerate(found):
        if trait is not None:
            where[trait].append(index)
    return {trait: own for trait, own in where.items() if len({parts[one] for one in own}) > 1}


def traits(images: Sequence[LabelledImage], code: str) -> list[str | None]:
    """Return the mast, photograph, section or day of each image; None where it is unknown.

    Photographs are known only where copies are told: plain sets in one folder all number their
    images from 1.
    """
    if code == SOURCE_IMAGE:
        sources = {_source(image) for image in images if image.source}
        return [one if one in sources else None for one in map(_source, images)]
    return [_trait(image, code) for image in images]


def refuse(train: Sequence[LabelledSet], validation: Sequence[LabelledSet]) -> None:
    """Refuse training and validation that share a mast, photograph (also changed) or image file.

    Masts are told apart by line, direction, section and number.

    Raises:
        ConfigError: In one line, with the names of what is shared.
    """
    images, parts = _sides(train, validation)
    shared = {
        "masts": torn(traits(images, MAST), parts),
        "photographs": torn(traits(images, SOURCE_IMAGE), parts),
        "image files": torn(_files([*train, *validation]), parts),
    }
    for what, found in shared.items():
        if found:
            named = ", ".join(list(found)[:_NAMED]) + (" ..." if len(found) > _NAMED else "")
            raise ConfigError(
                f"training and validation share {len(found)} {what}, so the figures would mean "
                f"nothing: {named}; take other sets, or as `split:` a file of catenary data split"
            )


def shared_sections(
    train: Sequence[LabelledSet], validation: Sequence[LabelledSet]
) -> tuple[str, ...]:
    """Return the sections that both have, e.g. ``"京广线/up/甲站"``."""
    images, parts = _sides(train, validation)
    return tuple(torn(traits(images, SECTION), parts))


def _sides(
    train: Sequence[LabelledSet], validation: Sequence[LabelledSet]
) -> tuple[list[LabelledImage], list[str]]:
    """Return all images, and for each the side it is on."""
    sides = {"train": train, "validation": validation}
    pairs = [(one, name) for name, sets in sides.items() for each in sets for one in each.images]
    return [image for image, _ in pairs], [name for _, name in pairs]


def _files(sets: Sequence[LabelledSet]) -> list[str | None]:
    return [
        os.path.abspath(labelled.root / image.ref.file_name)  # noqa: PTH100 - resolves no links
        for labelled in sets
        for image in labelled.images
    ]


def _source(image: LabelledImage) -> str:
    return f"{image.ref.run}/{image.source or image.ref.image_id}"


def _trait(image: LabelledImage, code: str) -> str | None:
    mast, taken = image.ref.mast, image.ref.taken_at
    if code == DAY:
        return taken.date().isoformat() if taken else None
    if mast is None:
        return None
    return str(mast) if code == MAST else f"{mast.line}/{mast.direction}/{mast.section}"
