"""Average precision as COCO defines it, of located components and of raised conditions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.geometry import Box
from catenary.evaluation.compared import Compared, groups
from catenary.evaluation.matching import pair
from catenary.evaluation.predictions import Part

COCO_IOUS = tuple(0.5 + 0.05 * step for step in range(10))
MOST_PARTS = 100  # of one component in one photograph that COCO looks at
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Answers to one question over all photographs; those that are not counted are left out.

    Attributes:
        scores: (N,) float64, best first; equal scores in the order of the photographs.
        is_hit: (N,) bool.
        group: (N,) int64, number of the mast each stands on.
        truths: (G,) int64, what there was to find on each mast.
    """

    scores: NDArray[np.float64]
    is_hit: NDArray[np.bool_]
    group: NDArray[np.int64]
    truths: NDArray[np.int64]

    def average_precision(self, weights: NDArray[np.float64] | None = None) -> float:
        """Return COCO's 101-point interpolated average precision in [0, 1]; NaN without truths.

        Source: pycocotools `COCOeval.accumulate`.

        Args:
            weights: (G,) how many times each mast counts; None for once.
        """
        if not (self.truths if weights is None else self.truths * weights).sum():
            return float("nan")
        precision, recall = self.curve(weights)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        first = np.searchsorted(recall, _RECALLS, side="left")
        return float(np.append(best, 0.0)[first].mean())

    def curve(
        self, weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (N,) precision and (N,) recall when the best 1, 2, ... N answers are kept."""
        each = np.ones(len(self.truths)) if weights is None else weights
        own = each[self.group]
        found, kept = np.cumsum(own * self.is_hit), np.cumsum(own)
        return found / np.maximum(kept, 1e-9), found / max(float(each @ self.truths), 1e-9)


def located(compared: Sequence[Compared], component: str, iou: float) -> Ranking:
    """Rank the located parts of one component against the labels.

    As COCO does: best score first, each takes the free label that it overlaps most if by at
    least ``iou``; an ignored label (``iscrowd``) excuses any number of parts, the overlap being
    the share of the part that lies in it.
    """
    numbers = groups(compared)
    rows: list[tuple[float, bool, int]] = []
    truths = np.zeros(len(numbers), np.int64)
    for one in compared:
        labels = [label for label in one.labels if label.component == component]
        number = numbers[one.group]
        truths[number] += sum(not label.is_ignored for label in labels)
        best = sorted(one.parts(component), key=lambda part: -part.score)[:MOST_PARTS]
        outcomes = _taken(best, labels, iou)
        rows += [
            (part.score, hit, number)
            for part, hit in zip(best, outcomes, strict=True)
            if hit is not None
        ]
    return _ranking(rows, truths)


def raised(compared: Sequence[Compared], component: str, condition: str | None = None) -> Ranking:
    """Rank findings of one component, at any probability, by the rule of `matching.is_hit`.

    Args:
        compared: All photographs.
        component: Component id.
        condition: The finding must name this condition; None for any defect named anyhow. Each
            view of a defect is one truth.
    """
    numbers = groups(compared)
    rows: list[tuple[float, bool, int]] = []
    truths = np.zeros(len(numbers), np.int64)
    for one in compared:
        found = [r for r in one.raised() if r.component == component]
        labels = [label for label in one.labels if label.component == component]
        if condition is not None:
            found = [r for r in found if r.condition == condition]
            labels = [label for label in labels if _is_asked(label, condition)]
        pairing = pair(found, labels)
        number = numbers[one.group]
        truths[number] += len(pairing.hits) + len(pairing.missed)
        rows += [(r.score, True, number) for r, _ in pairing.hits]
        rows += [(r.score, False, number) for r in pairing.false]
    return _ranking(rows, truths)


def _is_asked(label: Label, condition: str) -> bool:
    return label.condition == condition or label.is_ignored or not label.is_evident


def _ranking(rows: Sequence[tuple[float, bool, int]], truths: NDArray[np.int64]) -> Ranking:
    order = sorted(rows, key=lambda row: -row[0])
    return Ranking(
        np.array([score for score, _, _ in order], np.float64),
        np.array([hit for _, hit, _ in order], np.bool_),
        np.array([number for _, _, number in order], np.int64),
        truths,
    )


def _taken(parts: Sequence[Part], labels: Sequence[Label], iou: float) -> list[bool | None]:
    """Tell of each part, best first, whether it is a hit; None where it is not counted."""
    free = [label for label in labels if not label.is_ignored]
    ignored = [label for label in labels if label.is_ignored]
    outcomes: list[bool | None] = []
    for part in parts:
        overlaps = [part.box.iou(label.box) for label in free]
        best = max(range(len(free)), key=overlaps.__getitem__, default=-1)
        if best >= 0 and overlaps[best] >= iou:
            free.pop(best)
            outcomes.append(True)
        elif any(_inside(part.box, label.box) >= iou for label in ignored):
            outcomes.append(None)
        else:
            outcomes.append(False)
    return outcomes


def _inside(box: Box, other: Box) -> float:
    """Return the share of a box that lies in another."""
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    return max(width, 0.0) * max(height, 0.0) / box.area
