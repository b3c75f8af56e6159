"""How recall grows with what is learnt from: nested sets of whole masts, and recall at a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from catenary.datasets.labels import LabelledSet
from catenary.evaluation import precision
from catenary.evaluation.compared import Compared, group_of
from catenary.evaluation.intervals import Share

ALL = "all"


@dataclass(frozen=True, slots=True)
class Located:
    """Parts located when so many boxes on no part are allowed.

    Attributes:
        limit: Detector score that a box must exceed, chosen on this very set.
        false: Boxes on no part that exceed it.
        shares: By component id, and for all: labelled parts located.
    """

    limit: float
    false: int
    shares: Mapping[str, Share]


def nested(labelled: LabelledSet, shares: Sequence[float], seed: int) -> list[LabelledSet]:
    """Return one set a share; each holds all masts of the smaller ones, and whole masts only.

    A photograph without a mast stands for itself, with its copies.

    Args:
        labelled: All there is.
        shares: Of the masts, each in (0, 1]; rounded, but at least one mast.
        seed: Of the order in which masts are taken.

    Raises:
        ValueError: If a share is not in (0, 1].
    """
    if wrong := [share for share in shares if not 0 < share <= 1]:
        raise ValueError(f"shares must be in (0, 1], got {wrong}")
    names = sorted({group_of(image) for image in labelled.images})
    order = np.random.default_rng(seed).permutation(len(names))
    found = []
    for share in shares:
        kept = {names[index] for index in order[: max(1, round(share * len(names)))]}
        images = tuple(image for image in labelled.images if group_of(image) in kept)
        found.append(replace(labelled, images=images))
    return found


def located_at(
    compared: Sequence[Compared], components: Sequence[str], false_per_image: float, iou: float
) -> Located:
    """Count located parts with one limit on the score of all components.

    The limit is the lowest that lets through at most ``false_per_image`` boxes on no part a
    photograph, all components together. Which box is of which part is COCO's rule, see
    `precision.located`.

    Args:
        compared: Photographs with everything that was located in them.
        components: Component ids that are asked for.
        false_per_image: Boxes on no part, at least 0.
        iou: Least overlap of a located part.
    """
    rankings = {kind: precision.located(compared, kind, iou) for kind in components}
    false = np.sort(np.concatenate([one.scores[~one.is_hit] for one in rankings.values()]))[::-1]
    allowed = int(false_per_image * len(compared))
    limit = float(false[allowed]) if allowed < len(false) else 0.0
    shares = {
        kind: Share(int((one.scores[one.is_hit] > limit).sum()), int(one.truths.sum()))
        for kind, one in rankings.items()
    }
    every = Share(sum(one.hits for one in shares.values()), sum(s.total for s in shares.values()))
    return Located(limit, int((false > limit).sum()), {ALL: every, **shares})
