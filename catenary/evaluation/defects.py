"""Physical defects and the best probability that any view of each was raised with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.evaluation.compared import Compared, groups
from catenary.evaluation.matching import pair

NEVER = float("-inf")  # score of a defect that no threshold would raise


@dataclass(frozen=True, slots=True)
class Defect:
    """One physical defect, in however many views.

    Attributes:
        component: Component id.
        condition: Condition id.
        group: Number of its mast.
        score: Best probability of a finding that hits it in any view; minus infinity when none.
    """

    component: str
    condition: str
    group: int
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Defects and false findings of one component, at every threshold at once.

    One pairing serves all thresholds: findings are paired best first, so what a threshold
    leaves out never changes how the rest is paired.

    Attributes:
        defects: Every physical defect.
        false: (N,) float64, scores of the false findings, best first.
        false_group: (N,) int64, number of the mast each stands on.
        images: (G,) int64, photographs of each mast.
    """

    defects: tuple[Defect, ...]
    false: NDArray[np.float64]
    false_group: NDArray[np.int64]
    images: NDArray[np.int64]

    @property
    def conditions(self) -> list[str]:
        """Conditions of which there are defects."""
        return sorted({one.condition for one in self.defects})

    def scores(self, condition: str | None) -> list[float]:
        """Return the best probability of each defect of a condition; of all for None."""
        return [one.score for one in self.defects if condition in (None, one.condition)]

    def froc(self, condition: str | None) -> tuple[tuple[float, float], ...]:
        """Return (false findings a photograph, share of defects found) as the threshold falls.

        Args:
            condition: Only defects of this condition, None for all; false findings are always
                the component's.
        """
        scores = np.array(self.scores(condition))
        images = max(int(self.images.sum()), 1)
        cuts = [*self.false.tolist(), NEVER]  # just above each false finding, then no threshold
        return tuple((rank / images, float((scores > cut).mean())) for rank, cut in enumerate(cuts))


def sweep(compared: Sequence[Compared], component: str) -> Sweep:
    """Pair all findings of one component with the defects of all photographs."""
    numbers = groups(compared)
    images = np.zeros(len(numbers), np.int64)
    defects: dict[str, Defect] = {}
    false: list[tuple[float, int]] = []
    for one in compared:
        number = numbers[one.group]
        images[number] += 1
        keys = _keys(one)
        found = [r for r in one.raised() if r.component == component]
        pairing = pair(found, [label for label in one.labels if label.component == component])
        false += [(r.score, number) for r in pairing.false]
        seen = [(label, r.score) for r, label in pairing.hits]
        seen += [(label, NEVER) for label in pairing.missed]
        for label, score in seen:
            key = keys[id(label)]
            before = defects[key].score if key in defects else NEVER
            defects[key] = Defect(component, label.condition, number, max(score, before))
    false.sort(key=lambda row: -row[0])
    return Sweep(
        tuple(defects.values()),
        np.array([score for score, _ in false], np.float64),
        np.array([number for _, number in false], np.int64),
        images,
    )


def _keys(one: Compared) -> dict[int, str]:
    """Return the identity of the physical part of each label object."""
    return {
        id(label): label.part_id or f"{one.image.ref.image_id}/{number}"
        for number, label in enumerate(one.labels)
    }
