"""Everything that joins the views of one part: mappings, flashes, and the cameras' geometry.

Mappings and flashes join first (`views`); what they join tells the geometry (`rigs`), and that
joins the parts which stand in rows (`rows`), from front to back too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from catenary.pipeline import exposures, rigs, rows, transfers, views
from catenary.pipeline.exposures import Together
from catenary.pipeline.rigs import Rig, Track
from catenary.pipeline.transfers import Floats, Place, Transfers
from catenary.pipeline.views import Part

# Our starting values, chosen on simulated cars.
IN_ROWS = ("bolt",)
_TRUST = 0.99  # of what is joined by its place in space
_CLEAR = 0.6  # share of the pairs of photographs that must agree on a mast's side of the track


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a run tells of its cameras."""

    transfers: Transfers = field(default_factory=Transfers)
    together: Together = exposures.NONE
    rigs: tuple[Rig, ...] = ()


def learn(masts: Iterable[Sequence[Place]], *, has_rows: bool = True) -> Learnt:
    """Learn from some masts of a run; 60 are enough.

    Args:
        masts: What was located at each mast, healthy or not.
        has_rows: Whether parts that stand in rows are to be joined: else the geometry of the
            cameras, which takes far longer than all else, is not learnt.
    """
    seen = list(masts)
    known, together = transfers.learn(seen), exposures.learn(seen)
    if not has_rows:
        return Learnt(known, together)
    tracks = [_tracks(places, views.join(places, known)) for places in seen]
    found = rigs.learn(tracks, _sides(seen, known), known)
    stands = [(rigs.stand(found, one), places) for one, places in zip(tracks, seen, strict=True)]
    taught = []
    for rig in found:
        own = [(stand, _in_rows(all_)) for stand, all_ in stands if stand and stand.rig is rig]
        if (better := rows.taught(rig, own)) is not None:
            taught.append(better)
    return Learnt(known, together, tuple(taught))


def join(places: Iterable[Place], learnt: Learnt) -> tuple[Part, ...]:
    """Return the physical parts of one mast; every place is in exactly one.

    The order of ``places`` does not matter.

    Args:
        places: Everything that was located at one mast, healthy or not; keys are unique.
        learnt: From the run.
    """
    seen = sorted(places, key=lambda one: one.key)
    parts = views.join(seen, learnt.transfers, learnt.together)
    stand = rigs.stand(learnt.rigs, _tracks(seen, parts)) if learnt.rigs else None
    if stand is None:
        return parts
    by_key = {one.key: one for one in seen}
    apart = [piece for part in parts for piece in _by_side(part, by_key, stand.rig)]
    return _merged(seen, apart, rows.joined(stand, _in_rows(seen)))


def _in_rows(places: Iterable[Place]) -> list[Place]:
    return [one for one in places if one.kind in IN_ROWS]


def _tracks(places: Sequence[Place], parts: Sequence[Part]) -> list[Track]:
    """Return the joined parts that tell the cameras' geometry."""
    by_key = {one.key: one for one in places}
    members = [[by_key[key] for key in part.keys] for part in parts if len(part.keys) > 1]
    return [
        Track(some[0].kind, {one.slot: (one.x, one.y) for one in some})
        for some in members
        if some[0].kind in rigs.POINTS
    ]


def _sides(masts: Sequence[Sequence[Place]], known: Transfers) -> list[int]:
    """Tell masts apart that follow different mappings: 1 or -1, 0 where that is not clear.

    Pairs of photographs with two mappings each tell which one a mast follows; which of the two
    they name first differs from pair to pair.
    """
    two = {pair: modes for pair, modes in known.modes.items() if len(modes) == 2}
    told = np.zeros((len(two), len(masts)))
    for column, places in enumerate(masts):
        chosen = views.chosen(places, known)
        for row, (pair, modes) in enumerate(two.items()):
            if pair in chosen:
                told[row, column] = 1 if chosen[pair] is modes[0] else -1
    if not two:
        return [1] * len(masts)
    sides: Floats = told[np.abs(told).sum(axis=1).argmax()]
    for _ in range(10):
        agreed = told @ sides / np.maximum(np.abs(told) @ np.abs(sides), 1)
        weight = agreed * np.abs(agreed)
        vote = weight @ told / np.maximum(np.abs(weight) @ np.abs(told), 1e-9)
        sides = np.where(np.abs(vote) > _CLEAR, np.sign(vote), 0.0)
    return [int(one) for one in sides]


def _by_side(part: Part, places: Mapping[str, Place], rig: Rig) -> list[Part]:
    """Return a part in rows as what each side of the mast shows of it: a mapping cannot tell more.

    Cameras of unknown geometry stay together.
    """
    if len(part.keys) == 1 or places[part.keys[0]].kind not in IN_ROWS:
        return [part]
    side = {slot: int(one) for slot, one in zip(rig.slots, rig.opposite, strict=True)}
    pieces: dict[int | None, list[str]] = {}
    for key in part.keys:
        pieces.setdefault(side.get(places[key].slot), []).append(key)
    return [
        Part(tuple(keys), part.confidence if len(keys) > 1 else None) for keys in pieces.values()
    ]


def _merged(
    places: Sequence[Place], parts: Sequence[Part], solids: Sequence[Sequence[str]]
) -> tuple[Part, ...]:
    """Return the parts with those that their place in space joins.

    What mappings have joined goes on where it fits into one of these.
    """
    slots = {one.key: one.slot for one in places}
    owner: dict[str, int] = {key: n for n, keys in enumerate(solids) for key in keys}
    grown = [set(keys) for keys in solids]
    left: list[Part] = []
    for part in parts:
        owners = {owner[key] for key in part.keys if key in owner}
        alone = [key for key in part.keys if key not in owner]
        if not owners:
            left.append(part)
        elif len(owners) == 1 and _is_free(alone, grown[min(owners)], slots):
            grown[min(owners)].update(alone)
        else:
            left += [Part((key,), None) for key in alone]
    told = [Part(tuple(sorted(keys)), _TRUST) for keys in grown]
    return tuple(sorted([*left, *told], key=lambda part: part.keys))


def _is_free(keys: Sequence[str], group: set[str], slots: Mapping[str, transfers.Slot]) -> bool:
    taken = {slots[key] for key in group}
    return not any(slots[key] in taken for key in keys)
