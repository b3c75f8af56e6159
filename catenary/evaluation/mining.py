"""Hard negatives: where a model was surest and wrong on photographs whose parts are all known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from catenary.datasets.labels import Label, LabelledImage, Rejected, Rejection
from catenary.domain.finding import NORMAL, Verdict
from catenary.domain.geometry import Box
from catenary.evaluation.compared import Compared
from catenary.evaluation.matching import is_hit
from catenary.evaluation.predictions import Part

_SHARED = 0.3  # share of a box inside a label's, from which it is on that part; starting value
_SAME = 0.5  # intersection over union of one mistake made twice; our starting value


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that a model said and that is not so.

    Attributes:
        image: Number of the photograph.
        rejection: What is to be learnt from it.
        score: How sure the model was, in [0, 1].
    """

    image: int
    rejection: Rejection
    score: float


def hardest(compared: Sequence[Compared], limit: int, min_score: float) -> list[Mistake]:
    """Return the mistakes of a model, the surest first.

    They are located parts that lie on no label of their component, nor on an ignored one, with the
    detector's score, or the probability if they were raised and that is higher; and raised findings
    on normal parts, with their probability.

    Args:
        compared: Photographs. A part is found on no label only where all parts are labelled, and
            if its component is labelled somewhere: other components may just not be drawn.
        limit: Greatest number of mistakes.
        min_score: Least score of a mistake, in [0, 1].
    """
    drawn = {label.component for image in compared for label in image.labels}
    found = [
        one
        for number, image in enumerate(compared)
        for one in _mistakes(number, image)
        if one.score >= min_score and one.rejection.component in drawn
    ]
    found.sort(key=lambda one: -one.score)
    kept: list[Mistake] = []
    taken: dict[int, list[Rejection]] = {}
    for one in found:
        known = taken.setdefault(one.image, list(compared[one.image].image.rejections))
        if not any(_is_same(one.rejection, other) for other in known):
            known.append(one.rejection)
            kept.append(one)
    return kept[:limit]


def with_rejections(
    images: Sequence[LabelledImage], mistakes: Iterable[Mistake]
) -> list[LabelledImage]:
    """Return the photographs of the mistakes, hardest first, with their labels and rejections."""
    own: dict[int, list[Rejection]] = {}
    for one in mistakes:
        own.setdefault(one.image, []).append(one.rejection)
    return [
        replace(images[number], rejections=(*images[number].rejections, *added))
        for number, added in own.items()
    ]


def _mistakes(number: int, one: Compared) -> list[Mistake]:
    found = []
    for part in one.predicted.parts:
        raised = (part.probability or 0.0) if part.verdict == Verdict.DEFECT else 0.0
        labels = [label for label in one.labels if label.component == part.component]
        if not any(_lies_on(part.box, label.box) for label in labels):
            if one.image.is_complete:
                score = max(part.score, raised)
                found.append(_mistake(number, one, part, Rejected.NO_PART, score))
        elif raised and _is_on_normal(part, labels):
            found.append(_mistake(number, one, part, Rejected.NORMAL, raised))
    return [mistake for mistake in found if mistake is not None]


def _mistake(
    number: int, one: Compared, part: Part, reason: Rejected, score: float
) -> Mistake | None:
    """Return a mistake; None for one wholly outside of the picture."""
    box = part.box.clipped(one.image.width, one.image.height)
    return None if box is None else Mistake(number, Rejection(part.component, box, reason), score)


def _lies_on(box: Box, label: Box) -> bool:
    width = min(box.x1, label.x1) - max(box.x0, label.x0)
    height = min(box.y1, label.y1) - max(box.y0, label.y0)
    return is_hit(box, label) or max(width, 0.0) * max(height, 0.0) >= _SHARED * box.area


def _is_on_normal(part: Part, labels: Sequence[Label]) -> bool:
    """Tell whether a box is on healthy parts alone, one of which it hits."""
    touched = [label for label in labels if _lies_on(part.box, label.box)]
    is_sure = all(
        label.condition == NORMAL and label.is_evident and not label.is_ignored for label in touched
    )
    return is_sure and any(is_hit(part.box, label.box) for label in touched)


def _is_same(one: Rejection, other: Rejection) -> bool:
    return one.component == other.component and one.box.iou(other.box) >= _SAME
