"""Few defects to learn from: which are taken, how masts are dealt, recall at alarm budgets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.datasets.labels import Label, LabelledImage
from catenary.domain.finding import NORMAL
from catenary.evaluation.compared import group_of
from catenary.evaluation.intervals import Share
from catenary.evaluation.rates import Scene, rates, threshold_of_all


@dataclass(frozen=True, slots=True)
class Pool:
    """Photographs of one component that a bench may learn from.

    Attributes:
        normal: Show the component, and no defect of it.
        defective: Show exactly one defect of it, of a condition that is asked for.
    """

    normal: tuple[LabelledImage, ...]
    defective: tuple[LabelledImage, ...]


@dataclass(frozen=True, slots=True)
class AtBudget:
    """What was found at one alarm budget.

    Attributes:
        budget: False alarms a photograph that were allowed.
        threshold: Score from which parts were raised.
        detection: Physical defects found.
        false: False alarms that were raised.
    """

    budget: float
    threshold: float
    detection: Share
    false: int


def pool(
    images: Iterable[LabelledImage],
    component: str,
    conditions: Sequence[str],
    is_shown: Callable[[Label], bool],
) -> Pool:
    """Sort photographs of a component into normal and defective ones; the others are left out.

    Args:
        images: Of any parts.
        component: Component id.
        conditions: Condition ids that count as the defect; a photograph with several defects of
            the component, or another, serves for nothing.
        is_shown: Tells whether a picture shows the condition of a part well enough.
    """
    normal, defective = [], []
    for image in images:
        own = [label for label in image.labels if label.component == component]
        defects = [label for label in own if label.condition != NORMAL]
        if not any(is_shown(label) for label in own):
            continue
        if not defects:
            normal.append(image)
        elif len(defects) == 1 and defects[0].condition in conditions and is_shown(defects[0]):
            defective.append(image)
    return Pool(tuple(normal), tuple(defective))


def first(images: Sequence[LabelledImage], count: int, seed: int) -> tuple[LabelledImage, ...]:
    """Return ``count`` photographs in an order drawn from ``seed``; more hold all of fewer.

    Raises:
        ValueError: If there are too few.
    """
    if count > len(images):
        raise ValueError(f"{count} are asked for, there are {len(images)}")
    order = np.random.default_rng(seed).permutation(len(images))
    return tuple(images[index] for index in order[:count])


def dealt(images: Sequence[LabelledImage], folds: int, seed: int) -> dict[str, int]:
    """Deal masts to folds evenly, in an order drawn from ``seed``.

    Args:
        images: Those of a kind (e.g. normal ones), so that each fold gets as many of it.
        folds: At least 2.
        seed: Of the order.

    Returns:
        Fold from 0 by mast; of a photograph without one by its source.
    """
    names = sorted({group_of(image) for image in images})
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[index]: place % folds for place, index in enumerate(order)}


def at_own(scenes: Sequence[Scene], budget: float) -> AtBudget:
    """Return recall with the lowest threshold that keeps these very photographs in the budget.

    All methods are so compared at the same cost (a point of the FROC curve: Bunch et al.,
    J. Appl. Photogr. Eng. 4 (1978) 166-171); in use nobody knows this threshold.
    """
    return at(scenes, budget, threshold_of_all(scenes, budget))


def at(scenes: Sequence[Scene], budget: float, threshold: float) -> AtBudget:
    """Return recall and false alarms at a threshold that was chosen for a budget elsewhere."""
    found = rates(scenes, threshold)
    return AtBudget(budget, threshold, found.detection, found.false_alarms.hits)
