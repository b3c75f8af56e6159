"""What each labelled part was taken for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catenary.domain.finding import NORMAL, Verdict
from catenary.evaluation.compared import Compared
from catenary.evaluation.matching import is_hit
from catenary.evaluation.predictions import Part

NOT_LOCATED = "not_located"
NO_PART = "no_part"  # truth of boxes that are on no label


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of labelled parts, view by view, of one component.

    Attributes:
        truths: Row names: ``normal`` first, then conditions, last ``no_part``.
        answers: Column names: ``normal``, conditions, ``cannot_judge``, ``not_located``.
        counts: One row a truth. Every label that is evident and not ignored is counted once,
            and every box on no label once.
    """

    truths: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(compared: Sequence[Compared], component: str) -> Confusion:
    """Count the answers at the bundle's thresholds."""
    counted: Counter[tuple[str, str]] = Counter()
    for one in compared:
        counted.update(_answers(one, component))
    named = sorted({name for pair in counted for name in pair} - {NORMAL, NOT_LOCATED, NO_PART})
    conditions = [name for name in named if name != Verdict.CANNOT_JUDGE]
    truths = (NORMAL, *conditions, NO_PART)
    answers = (NORMAL, *conditions, str(Verdict.CANNOT_JUDGE), NOT_LOCATED)
    counts = tuple(tuple(counted[truth, answer] for answer in answers) for truth in truths)
    return Confusion(truths, answers, counts)


def _answers(one: Compared, component: str) -> list[tuple[str, str]]:
    """Return (truth, answer) of every part of one photograph; the box nearest to it answers."""
    parts = one.parts(component)
    rows = []
    for label in one.labels:
        if label.component != component or label.is_ignored or not label.is_evident:
            continue
        near = [part for part in parts if is_hit(part.box, label.box)]
        best = max(near, key=lambda part: part.box.iou(label.box), default=None)
        rows.append((label.condition, NOT_LOCATED if best is None else _answer(best)))
    return rows + [(NO_PART, _answer(part)) for part in parts if one.nearest(part) is None]


def _answer(part: Part) -> str:
    return part.condition if part.verdict == Verdict.DEFECT else part.verdict
