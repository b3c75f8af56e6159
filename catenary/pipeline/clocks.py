"""By how much the clocks of cameras that flash together differ, learnt from the run.

Each computer of a car stamps the photographs of its own cameras. Where one dropper triggers two
cameras, the difference between their stamps is the same each time; the difference to the next
dropper is not, since droppers hang at distances that vary.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from catenary.pipeline.exposures import FLASH, LEAST_A_MAST, LEAST_MASTS, LEAST_MOMENTS
from catenary.pipeline.transfers import Floats

Stamps = Mapping[str, Sequence[datetime]]  # of one mast's photographs, by camera

# All are our starting values; seconds, and shares of the photographs of a camera.
_FURTHEST = 2.0  # by which clocks may differ
_WIDTH = FLASH.total_seconds()  # of the differences that are taken for one
_LEAST_SHARE = 0.8  # that one difference explains: some photographs are lost
# Of that share, that any other explains: evenly hung droppers, two a mast, are 0.5.
_MOST_RIVAL = 0.25


def late(masts: Iterable[Stamps]) -> dict[str, timedelta]:
    """Return by how much later cameras stamp than the first, by name, that they flash with.

    Args:
        masts: When the photographs of each mast were taken, to the millisecond; whole seconds, in
            which a car passes three droppers, tell nothing.

    Returns:
        Only cameras whose differences are clear: that of a pair is the same at eight masts, 20
        photographs, twice a mast or more, and no other one comes near it; what several pairs tell
        of a camera agrees.
    """
    seen = [
        one for one in masts if any(time.microsecond for times in one.values() for time in times)
    ]
    often = _often(seen)
    known = {
        pair: found
        for pair in itertools.combinations(often, 2)
        if (found := _difference([(one[pair[0]], one[pair[1]]) for one in seen if _has(one, pair)]))
        is not None
    }
    told: dict[str, float] = {}
    for first in often:
        if first not in told:
            told.update(_agreed(first, known))
    return {name: timedelta(seconds=one) for name, one in told.items() if one}


def set_right(
    taken: datetime | None, camera: str, late: Mapping[str, timedelta]
) -> datetime | None:
    """Return when a photograph was taken, by the clock that cameras flashing together share."""
    return taken - late.get(camera, timedelta()) if taken is not None else None


def _has(mast: Stamps, pair: tuple[str, str]) -> bool:
    return pair[0] in mast and pair[1] in mast


def _often(masts: Sequence[Stamps]) -> list[str]:
    """Return the cameras that take two photographs a mast and more, by name."""
    counts: dict[str, list[int]] = defaultdict(list)
    for one in masts:
        for camera, times in one.items():
            counts[camera].append(len(times))
    return sorted(name for name, some in counts.items() if sum(some) >= LEAST_A_MAST * len(some))


def _difference(masts: Sequence[tuple[Sequence[datetime], Sequence[datetime]]]) -> float | None:
    """Return by how many seconds the second camera stamps later, None where that is not clear."""
    fewer = min(sum(len(one[side]) for one in masts) for side in (0, 1))
    if len(masts) < LEAST_MASTS or fewer < LEAST_MOMENTS:
        return None
    all_: Floats = np.sort(
        [
            (there - here).total_seconds()
            for ours, theirs in masts
            for here, there in itertools.product(ours, theirs)
            if abs((there - here).total_seconds()) <= _FURTHEST
        ]
    )
    own = _densest(all_)
    if len(own) < _LEAST_SHARE * fewer:
        return None
    middle = float(np.median(own))
    rest = all_[np.abs(all_ - middle) > _WIDTH]
    return middle if len(_densest(rest)) <= _MOST_RIVAL * len(own) else None


def _densest(some: Floats) -> Floats:
    """Return the most of some sorted values that lie within one width."""
    if not len(some):
        return some
    ends = np.searchsorted(some, some + _WIDTH, side="right")
    first = int(np.argmax(ends - np.arange(len(some))))
    return some[first : ends[first]]


def _agreed(first: str, known: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Return what pairs tell of the cameras that they lead to; zeros where they differ."""
    told, left = {first: 0.0}, [first]
    while left:
        here = left.pop()
        for (one, other), later in known.items():
            for start, end, step in ((one, other, later), (other, one, -later)):
                if start == here and end not in told:
                    told[end] = told[here] + step
                    left.append(end)
    is_one = all(
        abs(told[other] - told[one] - later) < _WIDTH / 2
        for (one, other), later in known.items()
        if one in told
    )
    return told if is_one else dict.fromkeys(told, 0.0)
