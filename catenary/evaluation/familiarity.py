"""How far may a picture be from those that a fusion is fitted on?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from catenary.models.familiar import Familiar

LEAST_PICTURES = 20  # fewer do not tell what is usual
UNFAMILIAR = 0.05  # share of the pictures of masts left out that may count as unlike the others
# More of them, where that costs nothing. Beyond a half the picture that is usual would be unlike.
SHARES = (0.5, 0.3, 0.2, 0.1, UNFAMILIAR)
_LEAST_SPREAD = 1e-3


def strictest(found: Mapping[float, float]) -> float:
    """Return how many pictures may count as unlike the others.

    A network is heard of all conditions only where it has shown what its word is worth, so the
    nearer the limit the safer, as long as no fewer defects are found on masts left out.

    Args:
        found: Of the defects, by share of the pictures in `SHARES`.

    Returns:
        The highest share that finds at least what `UNFAMILIAR` does.

    >>> strictest({0.5: 0.70, 0.2: 0.72, 0.05: 0.71})
    0.2
    """
    return max(share for share, value in found.items() if value >= found[UNFAMILIAR])


def learnt(
    appearances: Sequence[Sequence[float]], groups: Sequence[str], unlike: float = UNFAMILIAR
) -> Familiar | None:
    """Return what the pictures of one component look like.

    Args:
        appearances: Of each picture, see `catenary.imaging.appearance.appearance`.
        groups: Mast of each.
        unlike: Share in (0, 1) of the pictures that the limit keeps out, each measured against
            those of the other masts.

    Returns:
        None with fewer than `LEAST_PICTURES` pictures, or of a single mast.
    """
    if len(appearances) < LEAST_PICTURES or len(set(groups)) < 2:
        return None
    values = np.asarray(appearances, np.float64)
    usual, spread = values.mean(axis=0), np.maximum(values.std(axis=0), _LEAST_SPREAD)
    seen = ((values - usual) / spread).round(3)
    known = Familiar(
        tuple(usual.tolist()), tuple(spread.tolist()), tuple(map(tuple, seen.tolist())), limit=0.0
    )
    apart = left_out(known, groups, appearances, groups)
    return replace(known, limit=float(np.quantile(apart, 1 - unlike, method="higher")))


def left_out(
    known: Familiar,
    known_groups: Sequence[str],
    appearances: Sequence[Sequence[float]],
    groups: Sequence[str],
) -> list[float]:
    """Return the distance of pictures to the nearest known one of another mast, in spreads.

    Args:
        known: What they are compared with, of more than one mast.
        known_groups: Mast of each picture that it has seen.
        appearances: Of the pictures.
        groups: Mast of each of them.
    """
    seen, masts = np.asarray(known.seen), np.asarray(known_groups)
    values = np.asarray(appearances, np.float64).reshape(-1, len(known.usual))
    own = (values - known.usual) / known.spread
    return [
        float(np.linalg.norm(seen[masts != group] - one, axis=1).min())
        for one, group in zip(own, groups, strict=True)
    ]
