"""What reviewers decided, as labels to learn from: only what somebody said, nothing else."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from catenary.datasets.labels import Label, LabelledImage, Rejected, Rejection
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef

_SAME_PART = (
    0.5  # intersection over union from which two boxes of a kind are one part; as in audits
)


class Said(StrEnum):
    """What was decided on a part."""

    DEFECT = "defect"
    SOUND = "sound"  # raised, or sampled, and refused
    NO_PART = "no_part"  # refused because there is no such part


@dataclass(frozen=True, slots=True)
class SaidOf:
    """A decided part in one photograph.

    Attributes:
        ref: The photograph; its ``file_name`` as the label file is to name it.
        width: Pixels.
        height: Pixels.
        component: Taxonomy component id.
        box: Full-frame pixels.
        said: What was decided.
        condition: As decided, of a defect.
        part_id: The same in every photograph of the part.
        decided_at: When, UTC; of two that contradict each other the later counts.
        shows_it: Whether this photograph shows what is wrong; the part may look sound from here.
        score: Of the detector in [0, 1], or None where a person drew or sampled the part.
    """

    ref: ImageRef
    width: int
    height: int
    component: str
    box: Box
    said: Said
    condition: str
    part_id: str
    decided_at: datetime
    shows_it: bool = True
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Labels of decided parts.

    Attributes:
        images: Photographs with at least one label or rejection, in the order they came in. None
            is complete: nobody said anything of what was not raised.
        unsure: Refused parts that are left out, because the detector itself was not sure that
            there is a part, and nobody said.
        overruled: Decisions that are left out for a later one on the same place.
    """

    images: tuple[LabelledImage, ...]
    unsure: int
    overruled: int


def labelled(said: Iterable[SaidOf], sure: float) -> Reviewed:
    """Return decided parts as labels and rejections.

    Args:
        said: Decided parts; one for each photograph of each.
        sure: Detector score from which a place that was refused, without a word on whether there
            is a part, is taken for a sound part.
    """
    by_image: defaultdict[tuple[str, str], list[SaidOf]] = defaultdict(list)
    for one in said:
        by_image[one.ref.run, one.ref.image_id].append(one)
    left: Counter[str] = Counter()
    images = []
    for own in by_image.values():
        kept = list(_latest(own, left))
        labels = tuple(_label(one) for one in kept if one.said is Said.DEFECT)
        rejections = tuple(_rejections(kept, sure, left))
        if labels or rejections:
            first = own[0]
            images.append(
                LabelledImage(
                    first.ref,
                    first.width,
                    first.height,
                    labels,
                    rejections=rejections,
                    is_complete=False,
                )
            )
    return Reviewed(tuple(images), left["unsure"], left["overruled"])


def _latest(own: Sequence[SaidOf], left: Counter[str]) -> Iterator[SaidOf]:
    """Yield what no later decision on the same place speaks against, in the order it came in."""
    latest_first = sorted(own, key=lambda one: one.decided_at, reverse=True)
    kept: list[SaidOf] = []
    for one in latest_first:
        if any(_is_same_place(one, other) for other in kept):
            left["overruled"] += 1
        else:
            kept.append(one)
    yield from (one for one in own if any(one is each for each in kept))


def _is_same_place(one: SaidOf, other: SaidOf) -> bool:
    return one.component == other.component and one.box.iou(other.box) >= _SAME_PART


def _label(one: SaidOf) -> Label:
    return Label(
        one.component,
        one.box,
        one.condition,
        part_id=one.part_id,
        is_evident=one.shows_it,
    )


def _rejections(kept: Sequence[SaidOf], sure: float, left: Counter[str]) -> Iterator[Rejection]:
    for one in kept:
        if one.said is Said.NO_PART:
            yield Rejection(one.component, one.box, Rejected.NO_PART)
        elif one.said is Said.SOUND and one.shows_it:
            if one.score is not None and one.score < sure:
                left["unsure"] += 1
            else:
                yield Rejection(one.component, one.box, Rejected.NORMAL)


def counts(images: Iterable[LabelledImage]) -> Mapping[tuple[str, str], int]:
    """Return how many labels and rejections there are: (component, condition or reason)."""
    told: Counter[tuple[str, str]] = Counter()
    for image in images:
        told.update((one.component, one.condition) for one in image.labels)
        told.update((one.component, f"rejected, {one.reason}") for one in image.rejections)
    return told
