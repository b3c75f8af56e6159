"""Thresholds that promise a bound on what is missed, from a finite number of defects.

Method: Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test:
Calibrating Predictive Algorithms to Achieve Risk Control", arXiv 2110.01052, 2021) with exact
binomial p-values and fixed-sequence testing from the lowest threshold upwards. For the share of
missed defects this is the one-sided tolerance bound of order statistics (Wilks, Ann. Math. Stat.
12 (1941) 91-96): no threshold on the way needs a correction of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom

from catenary.evaluation.defects import NEVER


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be promised.

    Attributes:
        miss: Largest share of physical defects that may be missed, in (0, 1).
        confidence: With which probability over calibration sets the promise must hold, in (0, 1).
    """

    miss: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse promises that are void or can never be kept."""
        if not (0 < self.miss < 1 and 0 < self.confidence < 1):
            raise ValueError(
                f"miss and confidence must be in (0, 1), got {self.miss} and {self.confidence}"
            )


@dataclass(frozen=True, slots=True)
class Promise:
    """What calibration defects can promise of others like them.

    Attributes:
        threshold: Highest probability from which parts may be raised; None when the target
            cannot be promised.
        defects: Physical defects it rests on.
        missed: Of those, how many the threshold misses.
        reason: Why nothing can be promised; empty when it can.
    """

    threshold: float | None
    defects: int
    missed: int
    reason: str = ""


def needed(target: Target) -> int:
    """Return how many defects are needed if none of them is missed.

    >>> needed(Target(miss=0.05, confidence=0.95))
    59
    """
    return math.ceil(math.log(1 - target.confidence) / math.log(1 - target.miss))


def most_missed(count: int, target: Target) -> int | None:
    """Return how many of ``count`` defects may be missed under the target; None for not even 0.

    The largest k with P(Binomial(count, miss) <= k) <= 1 - confidence: were the true share
    above ``miss``, so few misses would be seen less often than that.

    >>> most_missed(58, Target()), most_missed(59, Target()), most_missed(93, Target())
    (None, 0, 1)
    """
    allowed = int(binom.ppf(1 - target.confidence, count, target.miss))
    while allowed >= 0 and binom.cdf(allowed, count, target.miss) > 1 - target.confidence:
        allowed -= 1
    return allowed if allowed >= 0 else None


def promise(scores: Sequence[float], target: Target) -> Promise:
    """Choose the highest threshold that promises the target.

    With probability at least ``confidence`` over calibration sets, the threshold misses at most
    ``miss`` of defects that come from where the calibration defects come from, each on its own.

    Args:
        scores: Best probability each calibration defect was raised with (`Defect.score`), by a
            model that was not fitted on them; minus infinity where none.
        target: What is to be promised.
    """
    ranked = sorted(scores)
    allowed = most_missed(len(ranked), target)
    words = f"{100 * target.miss:g} % with {100 * target.confidence:g} % confidence"
    if allowed is None:
        least = needed(target)
        tail = f"; {_best_words(ranked, target)}" if ranked else ""
        reason = f"not attainable with n = {len(ranked)}: {words} needs at least {least}{tail}"
        return Promise(None, len(ranked), 0, reason)
    threshold = ranked[allowed]
    if threshold == NEVER:
        never = ranked.count(NEVER)
        return Promise(
            None,
            len(ranked),
            never,
            f"not attainable: {never} of n = {len(ranked)} are raised at no threshold, "
            f"{words} allows {allowed}",
        )
    missed = sum(score < threshold for score in ranked)
    return Promise(threshold, len(ranked), missed)


def _best_words(ranked: Sequence[float], target: Target) -> str:
    least = 1 - (1 - target.confidence) ** (1 / len(ranked))
    return f"{len(ranked)} can promise {100 * least:.1f} % at best"
