"""How often a rare kind is shown in training."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def chances(kinds: Sequence[Hashable], balance: float) -> NDArray[np.float64]:
    """Return how likely each sample is drawn; rare kinds more often than they occur.

    Args:
        kinds: The kind of each sample.
        balance: A kind seen n times is drawn in proportion to n to this power.

    >>> chances([0, 0, 0, 1], balance=0.0).round(3).tolist()
    [0.167, 0.167, 0.167, 0.5]
    """
    counts = Counter(kinds)
    weights = np.array([counts[one] ** (balance - 1) for one in kinds])
    return np.asarray(weights / weights.sum(), np.float64)
