"""What a format cannot hold of a labelled set, counted; so that nothing is dropped in silence."""

from collections import Counter
from collections.abc import Collection
from dataclasses import MISSING, fields
from typing import Any

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.image import ImageRef

# Every format has them, or (run, ids) a reader gives them anew from the file's name.
_EVERYWHERE = frozenset(
    {"component", "box", "ref", "labels", "width", "height", "location", "file_name"}
    | {"run", "image_id"}
    | {"rejections"}  # counted one by one
)
_REJECTION = "rejected finding"


def unheld(labelled: LabelledSet, held: Collection[str] = ()) -> Counter[str]:
    """Return how many labels or images tell each attribute that is not ``held``.

    An attribute counts where its value is not the default, so a field that is added to
    `Label` later is reported by every format that does not know it.

    Args:
        labelled: Set to be written.
        held: Names of the fields of `Label`, `LabelledImage` and `ImageRef` that are kept.
    """
    known = _EVERYWHERE | frozenset(held)
    lost: Counter[str] = Counter()
    for image in labelled.images:
        lost.update(_told(image, LabelledImage, known))
        lost.update(_told(image.ref, ImageRef, known))
        lost.update([] if "rejections" in held else [_REJECTION] * len(image.rejections))
        for label in image.labels:
            lost.update(_told(label, Label, known))
    return lost


def _told(value: object, kind: type[Any], known: Collection[str]) -> list[str]:
    return [
        one.name
        for one in fields(kind)
        if one.name not in known
        and one.default is not MISSING
        and getattr(value, one.name) != one.default
    ]
