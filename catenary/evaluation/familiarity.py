"""How far may a picture be from those that a fusion is fitted on?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from catenary.models.familiar import Familiar

LEAST_PICTURES = 20  # fewer do not tell what is usual
UNFAMILIAR = 0.05  # share of the pictures of masts left out that may count as unlike the others
_LEAST_SPREAD = 1e-3


def learnt(appearances: Sequence[Sequence[float]], groups: Sequence[str]) -> Familiar | None:
    """Return what the pictures of one component look like.

    The limit lets 95 % of the pictures pass, each measured against those of the other masts.

    Args:
        appearances: Of each picture, see `catenary.imaging.appearance.appearance`.
        groups: Mast of each.

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
    return replace(known, limit=float(np.quantile(apart, 1 - UNFAMILIAR, method="higher")))


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
