"""Where a part that one camera sees would lie in the picture of another: learnt from the run.

Nobody calibrates the cameras of a car, but they are bolted on: over the masts of a run, the place
of a part in one camera tells its place in another nearly the same way. Whether they are bolted on
at all is found out here too: cameras that are not have no such mapping, and none is made up.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Slot = tuple[str, int]  # camera, and which of its photographs of a mast, from 0

# All are our starting values, chosen on simulated cars; lengths are shares of a picture's width.
_LEAST_MASTS = 8  # that a mapping must hold for
_LEAST_PARTS = 10  # of one kind, before its own depth is allowed for
_TRIES = 300
_MOST_ASKED = 500  # pairings that vote on each try
_TOLERANCE = 0.035  # of the common mapping: kinds stand at different depths
_NOISE = (0.002, 0.03)  # of one kind's mapping: least that is believed, most that is used
_EXPLAINED = 0.5  # most of the spread of a kind's places that may stay unexplained, by axis
_SPREAD = 1.4826 * 1.15  # median distance to standard deviation; few parts fit too well
_PRIOR = 4.0  # parts by which the common mapping counts against a kind's own
GATE = 3.5  # standard deviations within which a part may be the same
_MOST_AMBIGUOUS = 60  # pairings of one kind at a mast; beyond, they teach nothing


@dataclass(frozen=True, slots=True)
class Place:
    """Where one photograph shows one part.

    Attributes:
        key: Identity of the part in its photograph.
        slot: Which photograph of the mast: camera, and number among the camera's own.
        kind: Component id.
        x: Middle of its box over the width of the picture.
        y: Middle of its box over the width of the picture.
        is_cut: Whether the box ends at an edge of the picture, so that its middle says little.
        moment: Which of the moments at which the mast was photographed; None where no time is
            known. See `exposures`.
        tall: Height of its box over the width of the picture.
    """

    key: str
    slot: Slot
    kind: str
    x: float
    y: float
    is_cut: bool = False
    moment: int | None = None
    tall: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class KindMap:
    """The mapping of one kind of part.

    Attributes:
        weights: (3, 2) of 1, x, y in the first picture to x, y in the second.
        noise: (2,) standard deviation of x and y.
        trust: Share in [0, 1] of lone candidates within the gate that are the same part, as
            estimated from how often a second part lies there.
    """

    weights: Floats
    noise: Floats
    trust: float


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """One way in which two photographs of a mast belong together.

    Masts on the left of the track have another than masts on the right.

    Attributes:
        weights: (3, 2) common mapping of all kinds.
        kinds: What is known better of single kinds; others are never joined.
    """

    weights: Floats
    kinds: Mapping[str, KindMap]

    @property
    def is_mirrored(self) -> bool:
        """Whether one of the two looks at the front and the other at the back."""
        return float(np.linalg.det(self.weights[1:])) < 0


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """What is known of each pair of photographs of a mast, the smaller slot first."""

    modes: Mapping[tuple[Slot, Slot], tuple[Mode, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairings:
    """Every pairing of two parts of one kind at one mast, as parallel arrays (N,)."""

    mast: Ints
    kind: Ints
    first: Ints
    second: Ints
    weight: Floats
    a: Floats  # (N, 3): 1, x, y
    b: Floats  # (N, 2)

    def where(self, keep: NDArray[np.bool_]) -> "_Pairings":
        return _Pairings(
            self.mast[keep],
            self.kind[keep],
            self.first[keep],
            self.second[keep],
            self.weight[keep],
            self.a[keep],
            self.b[keep],
        )


def learn(masts: Iterable[Sequence[Place]]) -> Transfers:
    """Learn the mappings between all pairs of photographs.

    Args:
        masts: The parts of each mast; some two hundred masts are enough.

    Returns:
        Mappings that hold over at least eight masts; the order of the parts does not matter.
    """
    by_pair: dict[tuple[Slot, Slot], list[tuple[list[Place], list[Place]]]] = {}
    for mast in masts:
        by_slot: dict[Slot, list[Place]] = {}
        for one in sorted(mast, key=lambda place: place.key):
            if not one.is_cut:
                by_slot.setdefault(one.slot, []).append(one)
        for first, second in itertools.combinations(sorted(by_slot), 2):
            seen = (by_slot[first], by_slot[second])
            by_pair.setdefault((first, second), []).append(seen)
    found = {pair: _modes(seen) for pair, seen in sorted(by_pair.items())}
    return Transfers({pair: modes for pair, modes in found.items() if modes})


def _modes(masts: Sequence[tuple[list[Place], list[Place]]]) -> tuple[Mode, ...]:
    if len(masts) < _LEAST_MASTS:
        return ()
    kinds = sorted({one.kind for first, _ in masts for one in first})
    left = _pairings(masts, kinds)
    modes = []
    for _ in range(2):
        weights = _common(left)
        if weights is None:
            break
        explained = _explained(left, weights)
        if explained.sum() < _LEAST_MASTS:
            break
        own = left.where(explained[left.mast])
        modes.append(Mode(weights, _kind_maps(own, weights, kinds)))
        left = left.where(~explained[left.mast])
    return tuple(one for one in modes if one.kinds)


def _pairings(masts: Sequence[tuple[list[Place], list[Place]]], kinds: Sequence[str]) -> _Pairings:
    rows: list[tuple[int, int, int, int, float]] = []
    a: list[tuple[float, float, float]] = []
    b: list[tuple[float, float]] = []
    number = 0
    for mast, (first, second) in enumerate(masts):
        for index, kind in enumerate(kinds):
            ours = [one for one in first if one.kind == kind]
            theirs = [one for one in second if one.kind == kind]
            if not ours or not theirs or len(ours) * len(theirs) > _MOST_AMBIGUOUS:
                continue
            for i, j in itertools.product(range(len(ours)), range(len(theirs))):
                weight = 1 / (len(ours) * len(theirs))
                rows.append((mast, index, number + i, number + len(ours) + j, weight))
                a.append((1.0, ours[i].x, ours[i].y))
                b.append((theirs[j].x, theirs[j].y))
            number += len(ours) + len(theirs)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    ids = columns[:4].astype(np.int64)
    places = np.array(a).reshape(-1, 3), np.array(b).reshape(-1, 2)
    return _Pairings(ids[0], ids[1], ids[2], ids[3], columns[4], *places)


def _common(pairs: _Pairings) -> Floats | None:
    """Return the mapping (3, 2) that the pairings of all kinds agree on most, by RANSAC.

    Source: Fischler & Bolles, Communications of the ACM 24(6), 1981, pp. 381-395.
    """
    if len(pairs.mast) < 3 or len(set(pairs.mast.tolist())) < _LEAST_MASTS:
        return None
    random = np.random.default_rng(len(pairs.mast))
    chances = pairs.weight / pairs.weight.sum()
    drawn = random.choice(len(chances), size=(_TRIES, 3), p=chances)
    a, b = pairs.a[drawn], pairs.b[drawn]  # (T, 3, 3), (T, 3, 2)
    usable = np.abs(np.linalg.det(a)) > 1e-3  # twice the triangle's area
    if not usable.any():
        return None
    weights = np.linalg.solve(a[usable], b[usable])  # (T, 3, 2)
    size = np.abs(np.linalg.det(weights[:, 1:]))
    weights = weights[(size > 0.04) & (size < 25)]
    if not len(weights):
        return None
    best: Floats = weights[int(np.argmax(_support(_fewer(pairs), weights)))]
    for _ in range(5):
        inside = _nearest(pairs, _far(pairs, best[None])[0]) & (
            _far(pairs, best[None])[0] < _TOLERANCE
        )
        if inside.sum() < _LEAST_MASTS:
            return None
        best = np.linalg.lstsq(pairs.a[inside], pairs.b[inside], rcond=None)[0]
    return best


def _fewer(pairs: _Pairings) -> _Pairings:
    """Return evenly chosen masts' pairings, few enough to be asked often."""
    step = -(-len(pairs.mast) // _MOST_ASKED)
    chosen = np.unique(pairs.mast)[::step]
    return pairs.where(np.isin(pairs.mast, chosen))


def _far(pairs: _Pairings, weights: Floats) -> Floats:
    """Return the distance (T, N) of each pairing from each mapping (T, 3, 2)."""
    predicted = np.einsum("nk,tkc->tnc", pairs.a, weights)
    far: Floats = np.linalg.norm(predicted - pairs.b, axis=2)
    return far


def _support(pairs: _Pairings, weights: Floats) -> Floats:
    """Return how much speaks for each mapping (T,): a pairing among few counts for more."""
    starts = np.flatnonzero(np.r_[True, np.diff(pairs.first) != 0])
    inside = np.where(_far(pairs, weights) < _TOLERANCE, np.sqrt(pairs.weight), 0.0)
    support: Floats = np.maximum.reduceat(inside, starts, axis=1).sum(axis=1)
    return support


def _nearest(pairs: _Pairings, far: Floats) -> NDArray[np.bool_]:
    """Tell which pairings are the nearest of both their parts, (N,)."""
    count = int(max(pairs.first.max(), pairs.second.max())) + 1
    least = np.full(count, np.inf)
    np.minimum.at(least, pairs.first, far)
    np.minimum.at(least, pairs.second, far)
    mutual: NDArray[np.bool_] = (far <= least[pairs.first]) & (far <= least[pairs.second])
    return mutual


def _explained(pairs: _Pairings, weights: Floats) -> NDArray[np.bool_]:
    """Tell for each mast whether most of its parts fit the mapping."""
    far = _far(pairs, weights[None])[0]
    mutual = _nearest(pairs, far)
    masts = int(pairs.mast.max()) + 1
    fitting = np.bincount(pairs.mast[mutual & (far < _TOLERANCE)], minlength=masts)
    looked = np.bincount(pairs.mast[mutual], minlength=masts)
    return (fitting > 0) & (2 * fitting > looked)


def _kind_maps(pairs: _Pairings, common: Floats, kinds: Sequence[str]) -> dict[str, KindMap]:
    found = {}
    for index, kind in enumerate(kinds):
        own = pairs.where(pairs.kind == index)
        if len(own.mast) and (one := _kind_map(own, common)) is not None:
            found[kind] = one
    return found


def _kind_map(pairs: _Pairings, common: Floats) -> KindMap | None:
    """Return one kind's own mapping, or None where it is not known well enough."""
    weights, gate = common, _TOLERANCE
    inside = np.zeros(len(pairs.mast), bool)
    noise: Floats = np.full(2, _TOLERANCE)
    for _ in range(6):
        far = _far(pairs, weights[None])[0]
        scaled = np.linalg.norm((pairs.a @ weights - pairs.b) / noise, axis=1)
        inside = _nearest(pairs, scaled) & (far < gate)
        if inside.sum() < _LEAST_PARTS:
            return None
        weights = _ridge(pairs.a[inside], pairs.b[inside], common)
        missed = pairs.a[inside] @ weights - pairs.b[inside]
        typical: Floats = np.asarray(np.median(np.abs(missed), axis=0), np.float64)
        noise = np.maximum(_SPREAD * typical, _NOISE[0])
        gate = min(gate, float(GATE * noise.max()))
    spread = pairs.b[inside].std(axis=0)
    if noise.max() > _NOISE[1] or (noise > _EXPLAINED * spread).any():
        return None
    if len(set(pairs.mast[inside].tolist())) < _LEAST_MASTS:
        return None
    return KindMap(weights, noise, _trust(pairs, weights, noise))


def _ridge(a: Floats, b: Floats, common: Floats) -> Floats:
    """Fit b to a, drawn to the common mapping where the parts say little."""
    spread = a.std(axis=0).mean() ** 2 + 1e-6
    prior = np.diag([0.01, spread, spread]) * _PRIOR
    change = np.linalg.solve(a.T @ a + prior, a.T @ (b - a @ common))
    return common + change.astype(np.float64)


def _trust(pairs: _Pairings, weights: Floats, noise: Floats) -> float:
    """Estimate how often a lone candidate within the gate is the same part."""
    far = np.linalg.norm((pairs.a @ weights - pairs.b) / noise, axis=1)
    starts = np.flatnonzero(np.r_[True, np.diff(pairs.first) != 0])
    inside = np.add.reduceat((far < GATE).astype(np.int64), starts)
    # One more second candidate than was seen: few parts are no proof that there are none.
    rival = (float((inside > 1).sum()) + 1) / (float((inside > 0).sum()) + 2)
    matched = (float((inside > 0).sum()) + 1) / (len(inside) + 2)
    return matched / (matched + (1 - matched) * rival)
