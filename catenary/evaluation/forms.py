"""Does joining the sources find more than the best of them alone would?"""

from collections.abc import Mapping, Sequence

import numpy as np

from catenary.evaluation.defects import NEVER
from catenary.evaluation.matching import pair
from catenary.evaluation.rates import Scene
from catenary.models.fusion import LEAST_THRESHOLD, Contest, Form, Standing

BUDGETS = (0.1, 0.5, 1.0)  # false findings a photograph


def contest(
    scenes: Mapping[Form, Sequence[Scene]], masts: int, in_use: float | None = None
) -> Contest:
    """Compare forms of the fusion of one component by what they may raise.

    They are compared at 0.1, 0.5 and 1 false findings a photograph, and at the budget that alarms
    are raised with, which is most often smaller: what is found there is what a user is told.

    What no threshold is low enough for counts as not raised: a budget that would reach down there
    finds what all that may be raised finds.

    Args:
        scenes: By form, what it would raise of each photograph, with its probability, and the
            labels; of one component.
        masts: Masts the photographs are of.
        in_use: Budget that alarms are raised with, false findings a photograph; None where none
            is in use.
    """
    budgets = tuple(sorted({*BUDGETS, *(() if in_use is None else (in_use,))}))
    standings, defects = {}, 0
    for form, own in scenes.items():
        found, false = _swept(own)
        images, defects = len(own), len(found)
        allowed = [int(budget * images) for budget in budgets]
        # The n-th is just above the n-th false finding.
        cuts = [*false, *[NEVER] * (max(images, *allowed) + 1)]
        hits = [sum(score > cut for score in found) for cut in cuts]
        standings[form] = Standing(
            tuple(hits[number] for number in allowed),
            float(np.mean(hits[:images])) / defects if defects and images else 0.0,
        )
    return Contest(budgets, defects, masts, standings)


def _swept(scenes: Sequence[Scene]) -> tuple[list[float], list[float]]:
    """Return the best probability of each physical defect, and those of false findings, falling."""
    best: dict[str, float] = {}
    false: list[float] = []
    for index, scene in enumerate(scenes):
        raised, labels = scene
        pairing = pair([one for one in raised if one.score >= LEAST_THRESHOLD], labels)
        false += [one.score for one in pairing.false]
        seen = [(label, one.score) for one, label in pairing.hits]
        seen += [(label, NEVER) for label in pairing.missed]
        for number, (label, score) in enumerate(seen):
            key = label.part_id or f"{index}/{number}"
            best[key] = max(score, best.get(key, NEVER))
    return list(best.values()), sorted(false, reverse=True)
