"""Join what several photographs of one mast show of one physical part.

Joined is only what is unambiguous: two parts that are wrongly taken for one hide a defect, one part
that is left as two costs a second look. Nothing here is a verdict: see `opinion`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.domain.finding import Verdict
from catenary.pipeline import exposures
from catenary.pipeline.exposures import Together
from catenary.pipeline.transfers import Floats, KindMap, Mode, Place, Slot, Transfers

# Our starting values, chosen on simulated cars; see docs/method.md.
_GATE = 3.0  # standard deviations within which a part may be the same: narrower than learnt with
_RIVAL = 3.0  # gates within which no second part may lie
_LEAST_TRUST = 0.95  # of a kind's mapping
_FLASHED = _GATE  # as good as the farthest that is joined: any nearer mapping goes first
# Front and back cameras see different ones of these, standing in a row: the nearest that one sees
# is, at every mast alike, the neighbour of the nearest that the other sees.
_IN_ROWS = ("dropper", "bolt")


@dataclass(frozen=True, slots=True)
class Part:
    """One physical part with all its views.

    Attributes:
        keys: Its places, in order; no two of one photograph.
        confidence: Least trust in [0, 1] of the mappings that join it; None with a single view.
    """

    keys: tuple[str, ...]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What all views say together.

    Attributes:
        lead: Index of the view that decides, the strongest of those that raise the part, else of
            those that could not judge it.
        raised: Indices of the views that raise it.
        denied: Indices of the views that call it normal.
        grade: The most urgent of those that raise it, or None.
    """

    lead: int
    raised: tuple[int, ...]
    denied: tuple[int, ...]
    grade: int | None


@dataclass(frozen=True, slots=True)
class _Edge:
    far: float
    first: str
    second: str
    trust: float


def opinion(views: Sequence[tuple[Verdict, float | None, int | None]]) -> Opinion:
    """Weigh the opinions (verdict, probability, grade) on one part.

    The strongest one that raises it counts; those that deny it are kept beside it and never
    averaged with it: a defect that shows from one side only is still a defect.

    Raises:
        ValueError: If no view raises it or could not judge it.
    """
    raised = [n for n, one in enumerate(views) if one[0] is Verdict.DEFECT]
    unsure = [n for n, one in enumerate(views) if one[0] is Verdict.CANNOT_JUDGE]
    denied = [n for n, one in enumerate(views) if one[0] is Verdict.NORMAL]
    if not raised and not unsure:
        raise ValueError("a part that every view calls normal is no finding")
    lead = max(raised or unsure, key=lambda n: (views[n][1] or 0.0, -n))
    grades = [views[n][2] for n in raised]
    most_urgent = min((one for one in grades if one is not None), default=None)
    return Opinion(lead, tuple(raised), tuple(denied), most_urgent)


def join(
    places: Iterable[Place],
    transfers: Transfers,
    together: Together = exposures.NONE,
) -> tuple[Part, ...]:
    """Return the physical parts of one mast; every place is in exactly one.

    Two places are joined when each is the other's only candidate under the mapping of their kind,
    and no mapping between other views of theirs speaks against it. So are the droppers, cut off
    by their pictures or not, that two cameras are aimed at at one moment. The order of
    ``places`` does not matter.

    Args:
        places: Everything that was located at one mast, healthy or not; keys are unique.
        transfers: Learnt from the run.
        together: Cameras that flash at one dropper, learnt from the run too.
    """
    by_key = {one.key: one for one in sorted(places, key=lambda place: place.key)}
    by_slot = _by_slot(by_key.values())
    followed = _followed(by_slot, transfers)
    edges = [
        edge
        for (first, second), mode in followed.items()
        for edge in _edges(mode, by_slot[first], by_slot[second])
    ]
    for one, other, trust in exposures.pairs(by_key.values(), together):
        edges.append(_Edge(_FLASHED, one.key, other.key, trust))
    return _parts(by_key, sorted(edges, key=lambda one: (one.far, one.first, one.second)), followed)


def chosen(places: Iterable[Place], transfers: Transfers) -> Mapping[tuple[Slot, Slot], Mode]:
    """Return the mapping that a mast follows between two photographs, where that is clear."""
    return _followed(_by_slot(sorted(places, key=lambda place: place.key)), transfers)


def _by_slot(places: Iterable[Place]) -> dict[Slot, list[Place]]:
    found: dict[Slot, list[Place]] = {}
    for one in places:
        found.setdefault(one.slot, []).append(one)
    return found


def _followed(
    by_slot: Mapping[Slot, Sequence[Place]], transfers: Transfers
) -> dict[tuple[Slot, Slot], Mode]:
    found = {}
    for pair in itertools.combinations(sorted(by_slot), 2):
        mode = _mode(transfers.modes.get(pair, ()), by_slot[pair[0]], by_slot[pair[1]])
        if mode is not None:
            found[pair] = mode
    return found


def _far(one: KindMap, first: Sequence[Place], second: Sequence[Place]) -> Floats:
    """Return (N, M) distances in standard deviations."""
    a = np.array([(1.0, place.x, place.y) for place in first])
    b = np.array([(place.x, place.y) for place in second])
    far: Floats = np.linalg.norm(((a @ one.weights)[:, None] - b[None]) / one.noise, axis=2)
    return far


def _mode(modes: Sequence[Mode], first: Sequence[Place], second: Sequence[Place]) -> Mode | None:
    """Return the mapping that this mast follows, None where that is not clear."""
    if not modes:
        return None
    votes = [_votes(one, first, second) for one in modes]
    best = int(np.argmax(votes))
    others = [count for n, count in enumerate(votes) if n != best]
    return modes[best] if votes[best] >= max(1, 2 * max(others, default=0)) else None


def _votes(mode: Mode, first: Sequence[Place], second: Sequence[Place]) -> int:
    """Count the parts of all kinds that find a partner."""
    count = 0
    for kind, one in mode.kinds.items():
        ours = [place for place in first if place.kind == kind and not place.is_cut]
        theirs = [place for place in second if place.kind == kind and not place.is_cut]
        if ours and theirs:
            near = _far(one, ours, theirs) < _GATE
            count += int(min(near.any(axis=1).sum(), near.any(axis=0).sum()))
    return count


def _edges(mode: Mode, first: Sequence[Place], second: Sequence[Place]) -> list[_Edge]:
    found = []
    for kind, one in mode.kinds.items():
        ours = [place for place in first if place.kind == kind]
        theirs = [place for place in second if place.kind == kind]
        if not ours or not theirs or not _is_trusted(kind, mode, one):
            continue
        far = _far(one, ours, theirs)
        near = far < _GATE * _RIVAL
        lone = near & (near.sum(axis=1) == 1)[:, None] & (near.sum(axis=0) == 1)[None]
        for i, j in zip(*np.nonzero(lone & (far < _GATE)), strict=True):
            if not (ours[i].is_cut or theirs[j].is_cut or _is_next(ours[i], theirs[j])):
                found.append(_Edge(float(far[i, j]), ours[i].key, theirs[j].key, one.trust))
    return found


def _is_trusted(kind: str, mode: Mode, one: KindMap) -> bool:
    return one.trust >= _LEAST_TRUST and not (kind in _IN_ROWS and mode.is_mirrored)


def _is_next(one: Place, other: Place) -> bool:
    """Tell whether the car has gone on from one photograph to the other, to the next dropper.

    The stagger of the wires makes the next dropper hang where the last one did, at every mast.
    """
    has_gone_on = None not in (one.moment, other.moment) and one.moment != other.moment
    return one.kind == exposures.KIND and (has_gone_on or one.slot[0] == other.slot[0])


def _parts(
    places: Mapping[str, Place],
    edges: Sequence[_Edge],
    chosen: Mapping[tuple[Slot, Slot], Mode],
) -> tuple[Part, ...]:
    """Grow parts along the edges, the nearest first."""
    group = {key: key for key in places}
    members: dict[str, list[str]] = {key: [key] for key in places}
    trust: dict[str, float] = {}
    for edge in edges:
        first, second = sorted((group[edge.first], group[edge.second]))
        if first == second:
            trust[first] = min(trust[first], edge.trust)
            continue
        if _is_contradicted(members[first], members[second], places, chosen):
            continue
        both = [trust[one] for one in (first, second) if one in trust]
        trust[first] = min([edge.trust, *both])
        for key in members.pop(second):
            group[key] = first
            members[first].append(key)
    return tuple(
        Part(tuple(sorted(keys)), trust.get(name)) for name, keys in sorted(members.items())
    )


def _is_contradicted(
    first: Sequence[str],
    second: Sequence[str],
    places: Mapping[str, Place],
    chosen: Mapping[tuple[Slot, Slot], Mode],
) -> bool:
    """Tell whether the mapping between two of their views keeps two groups apart.

    That is so, too, where both have a box in one photograph: what one of them is joined to had no
    second candidate there.
    """
    for one, other in itertools.product(first, second):
        a, b = sorted((places[one], places[other]), key=lambda place: place.slot)
        mode = chosen.get((a.slot, b.slot))
        mapping = mode.kinds.get(a.kind) if mode else None
        if mapping is not None and _far(mapping, [a], [b])[0, 0] > _GATE * _RIVAL:
            return True
    return False
