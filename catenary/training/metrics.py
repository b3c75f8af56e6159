"""The few numbers a training is watched by; the product's own figures are in evaluation."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from catenary.domain.geometry import iou_matrix
from catenary.models.detections import Detections
from catenary.training.tiles import Truth

_HIT_IOU = 0.5


def hits(found: Detections, parts: Sequence[Truth]) -> NDArray[np.int64]:
    """Tell what each detection of a picture is: 1 a hit, 0 a false alarm, -1 not counted.

    A detection takes the part of its class that it overlaps most, if by IoU 0.5 or more and
    nobody better scored has taken it. One that overlaps an ignored part is not counted.

    Args:
        found: Best score first.
        parts: Of the same picture.
    """
    result = np.zeros(len(found), np.int64)
    if not parts or not len(found):
        return result
    corners = [(p.box.x0, p.box.y0, p.box.x1, p.box.y1) for p in parts]
    overlap = iou_matrix(found.boxes, np.array(corners, np.float32))  # (detections, parts)
    overlap[found.labels[:, None] != np.array([part.label for part in parts])[None]] = 0
    ignored = np.array([part.is_ignored for part in parts])
    free = ~ignored
    for row, own in enumerate(overlap):
        best = int(np.argmax(own * free))
        if free[best] and own[best] >= _HIT_IOU:
            free[best] = False
            result[row] = 1
        elif (own[ignored] > 0.1).any():
            result[row] = -1
    return result


def recall_at_budget(
    scores: NDArray[np.float32], outcomes: NDArray[np.int64], truths: int, budget: float
) -> tuple[float, float]:
    """Return the share of parts found when at most ``budget`` false alarms are allowed.

    Args:
        scores: (N,) of the detections of all pictures.
        outcomes: (N,), see `hits`.
        truths: Parts that should be found.
        budget: False alarms over all pictures, at least 0.

    Returns:
        Recall in [0, 1] (0 without truths), and the lowest score that stays within budget.
    """
    order = np.argsort(-scores, kind="stable")
    false = np.cumsum(outcomes[order] == 0)
    within = int(np.searchsorted(false, budget, side="right"))
    found = int((outcomes[order][:within] == 1).sum())
    lowest = float(scores[order][within - 1]) if within else 1.0
    return found / truths if truths else 0.0, lowest


def detector_figures(
    results: Sequence[Detections], parts: Sequence[Sequence[Truth]], classes: Sequence[str]
) -> dict[str, float]:
    """Return recall at one false alarm a picture, in all and for each component that occurs.

    Args:
        results: Detections of each picture, best score first.
        parts: What each picture shows.
        classes: Component ids in label order.

    Returns:
        ``recall``, the ``score_limit`` it was reached at, and ``recall_<component>``.
    """
    if not results:
        return {}
    outcomes = np.concatenate([hits(*pair) for pair in zip(results, parts, strict=True)])
    joined = Detections.joined(list(results))
    truths = Counter(part.label for own in parts for part in own if not part.is_ignored)
    recall, limit = recall_at_budget(joined.scores, outcomes, truths.total(), len(results))
    found = Counter(joined.labels[(outcomes == 1) & (joined.scores >= limit)].tolist())
    each = {f"recall_{classes[label]}": found[label] / truths[label] for label in sorted(truths)}
    return {"recall": recall, "score_limit": limit, **each}


def recall_at_false_share(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_], share: float
) -> float:
    """Return the share of defects that score above all but ``share`` of the normal parts.

    Args:
        scores: (N,) probability of a defect.
        is_defect: (N,).
        share: Of normal parts that may be raised, in [0, 1).

    Returns:
        Recall in [0, 1]; 0 when there is no defect or no normal part.
    """
    normal = np.sort(scores[~is_defect])[::-1]
    if not len(normal) or not is_defect.any():
        return 0.0
    limit = normal[int(share * len(normal))]
    return float((scores[is_defect] > limit).mean())


def main_figure(figures: Mapping[str, float]) -> float | None:
    """Return the figure by which rounds are compared, in [0, 1], 1 the best.

    Args:
        figures: Of a round, as a module measures them.

    Returns:
        ``recall`` of a detector or refiner, at one false alarm a picture; of a classifier, which
        has none over all, the mean of its ``recall_<component>``. None where nothing was measured.

    >>> main_figure({"recall": 0.5, "recall_dropper": 0.1})
    0.5
    >>> main_figure({"accuracy_dropper": 0.9, "recall_dropper": 0.25, "recall_clevis": 0.75})
    0.5
    """
    if "recall" in figures:
        return figures["recall"]
    own = [value for name, value in figures.items() if name.startswith("recall_")]
    return sum(own) / len(own) if own else None


def auroc(scores: NDArray[np.float64], is_defect: NDArray[np.bool_]) -> float:
    """Return how often a defect scores above a normal part, ties counting half.

    The area under the ROC curve by ranks (Mann & Whitney 1947).

    Args:
        scores: (N,).
        is_defect: (N,), with at least one of each.

    >>> auroc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    defects = int(is_defect.sum())
    above = float(rankdata(scores)[is_defect].sum()) - defects * (defects + 1) / 2
    return above / (defects * (len(scores) - defects))
