"""Pair what a scan raised with what is true of the same photograph."""

from collections.abc import Sequence
from dataclasses import dataclass

from catenary.datasets.labels import Label
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box

HIT_IOU = 0.1  # design.md section 9: the rule for findings


@dataclass(frozen=True, slots=True)
class Raised:
    """One raised defect of one photograph.

    Attributes:
        component: Component id.
        condition: Condition id.
        box: Full-frame pixels.
        score: Calibrated probability of the defect in [0, 1].
    """

    component: str
    condition: str
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Pairing:
    """Raised defects of one photograph against its labels.

    Attributes:
        hits: (raised, label) pairs, one raised for one label.
        false: Raised where nothing is wrong.
        missed: Defects nothing was raised for.
        excused: Raised on labels that are to be ignored: neither hit nor false.
    """

    hits: tuple[tuple[Raised, Label], ...]
    false: tuple[Raised, ...]
    missed: tuple[Label, ...]
    excused: tuple[Raised, ...] = ()


def is_hit(raised: Box, truth: Box) -> bool:
    """Tell whether a finding's box counts for a true one.

    It covers the truth's centre or has IoU of at least 0.1 with it.
    """
    return raised.contains(*truth.centre) or raised.iou(truth) >= HIT_IOU


def pair(raised: Sequence[Raised], labels: Sequence[Label]) -> Pairing:
    """Pair raised defects with true ones, best score first, one for one.

    The component must agree, the condition need not: a crew is sent for the part. A second
    finding on a defect that is already hit counts as false.
    """
    open_defects = [
        one for one in labels if one.condition != NORMAL and not one.is_ignored and one.is_evident
    ]
    ignored = [one for one in labels if one.is_ignored or not one.is_evident]
    hits, false, excused = [], [], []
    for one in sorted(raised, key=lambda item: -item.score):
        best = _nearest(one, open_defects)
        if best is not None:
            hits.append((one, best))
            open_defects = [label for label in open_defects if label is not best]
        elif _nearest(one, ignored) is not None:
            excused.append(one)
        else:
            false.append(one)
    return Pairing(tuple(hits), tuple(false), tuple(open_defects), tuple(excused))


def _nearest(raised: Raised, labels: Sequence[Label]) -> Label | None:
    fitting = [
        label
        for label in labels
        if label.component == raised.component and is_hit(raised.box, label.box)
    ]
    return max(fitting, key=lambda label: label.box.iou(raised.box), default=None)
