"""Photographs with rejections: one frame however many files speak of it, and no truth by itself."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejection
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box

_SAME_PX = 0.01  # by which boxes that say the same may differ
_Told = TypeVar("_Told", Label, Rejection)


def refuse_incomplete(sets: Iterable[LabelledSet]) -> None:
    """Refuse photographs of which only some parts are labelled: figures on them mean nothing.

    Raises:
        ConfigError: With their number and the first one's name.
    """
    partly = [one for labelled in sets for one in labelled.images if not one.is_complete]
    if partly:
        raise ConfigError(
            f"{len(partly)} photographs are labelled in part only ({partly[0].ref.file_name}, ...):"
            " what was found there may be right; label them in full to measure on them"
        )


def folded(sets: Sequence[LabelledSet]) -> list[LabelledSet]:
    """Return the sets with each photograph that has rejections taken once.

    So a file that only brings rejections, as ``catenary data mine`` writes it, stands beside the
    file that it was made from, in any order.

    Raises:
        ConfigError: If two files label all parts of such a photograph, and not alike.
    """
    where: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for labelled in sets:
        for image in labelled.images:
            where[_path(labelled, image)].append(image)
    several = {
        path: own for path, own in where.items() if len(own) > 1 and any(i.rejections for i in own)
    }
    joined = {path: _joined(path, own) for path, own in several.items()}
    return [replace(labelled, images=tuple(_once(labelled, several, joined))) for labelled in sets]


def _once(
    labelled: LabelledSet,
    several: Mapping[str, Sequence[LabelledImage]],
    joined: Mapping[str, LabelledImage],
) -> Iterator[LabelledImage]:
    for image in labelled.images:
        path = _path(labelled, image)
        if path not in several:
            yield image
        elif image is _base(several[path]):
            yield joined[path]


def _path(labelled: LabelledSet, image: LabelledImage) -> str:
    return os.path.abspath(labelled.root / image.ref.file_name)  # noqa: PTH100 - resolves no links


def _base(images: Sequence[LabelledImage]) -> LabelledImage:
    """Return the first that is labelled in full, else the first."""
    return next((one for one in images if one.is_complete), images[0])


def _joined(path: str, images: Sequence[LabelledImage]) -> LabelledImage:
    """Return one photograph with its labels once and the rejections of all."""
    base = _base(images)
    if any(one.is_complete and not _is_alike(one.labels, base.labels) for one in images):
        raise ConfigError(
            f"{path} is labelled by two files, and not alike; were its rejections made from older"
            " labels? Make them anew: catenary data mine"
        )
    labels = base.labels if base.is_complete else _every(one.labels for one in images)
    return replace(base, labels=labels, rejections=_every(one.rejections for one in images))


def _every(told: Iterable[Sequence[_Told]]) -> tuple[_Told, ...]:
    return tuple(dict.fromkeys(one for own in told for one in own))


def _is_alike(labels: Sequence[Label], others: Sequence[Label]) -> bool:
    """Tell whether labels say the same; a number may have changed in its last digits."""
    return len(labels) == len(others) and all(
        (one.component, one.condition, one.is_ignored)
        == (other.component, other.condition, other.is_ignored)
        and max(map(abs, _differences(one.box, other.box))) < _SAME_PX
        for one, other in zip(labels, others, strict=True)
    )


def _differences(one: Box, other: Box) -> tuple[float, float, float, float]:
    return one.x0 - other.x0, one.y0 - other.y0, one.x1 - other.x1, one.y1 - other.y1
