"""Which boxes of parts that stand in rows are one part, told by depth.

Two bolts in a row look alike, and what one camera sees of them is the neighbour of what another
sees. Where the geometry of the cameras is known (`rigs`), three views of one side tell where a
bolt is, and where it would lie in all others; front and back are joined where both sides, each by
itself, find it at the same place.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catenary.pipeline import adjustment
from catenary.pipeline.adjustment import Floats, Ints
from catenary.pipeline.rigs import DEEP, Rig, Stand
from catenary.pipeline.transfers import Place

# All are our starting values, chosen on simulated cars.
_GATE = 3.0  # standard deviations within which a place may be the same
_RIVAL = 9.0  # standard deviations within which no second one may lie
_LEAST_VIEWS = 3  # of one side: two always meet somewhere
_AROUND = 0.15  # of joined parts, within which bolts are looked for; over the width of the picture
_FREE = np.array([4.0, 4.0, 1000.0])  # weight (1 / variance) of the part it starts from
_FIRST_NOISE, _LEAST_NOISE, _MOST_NOISE = 6e-4, 3e-4, 2e-3
_WIDE = 1.3 * 1.4826  # median to the standard deviation that is believed
_LEAST_TOLD = 100  # places, x and y, that tell the noise
_TELLING = 6.0  # standard deviations by which a neighbour must stand out
_NEIGHBOUR = 1.0  # of its own height, as front and back cameras show it
_MOST_LOOSE = 0.08  # of its height by which boxes scatter: beyond, sides are not joined
_STEP = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A part with its place in space.

    Attributes:
        keys: Its views, in order.
        at: (3,) place.
        spread: (3, 3) covariance of that.
        cameras: Of its views.
        size: Height of its smallest box, over the width of the picture.
    """

    keys: tuple[str, ...]
    at: Floats
    spread: Floats
    cameras: Ints
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """Boxes of one kind, as parallel arrays (N,)."""

    keys: tuple[str, ...]
    camera: Ints
    xy: Floats  # (N, 2)
    way: Floats  # (N, 3)
    tall: Floats  # (N,)

    def where(self, keep: NDArray[np.bool_]) -> "_Boxes":
        keys = tuple(key for key, one in zip(self.keys, keep, strict=True) if one)
        return _Boxes(keys, self.camera[keep], self.xy[keep], self.way[keep], self.tall[keep])


@dataclass(frozen=True, slots=True, eq=False)
class _Guesses:
    """M places in space, each with the boxes that may show it."""

    at: Floats  # (M, 3)
    spread: Floats  # (M, 3, 3)
    members: NDArray[np.bool_]  # (M, N)


def solids(stand: Stand, places: Sequence[Place], noise: float, *, opposite: bool) -> list[Solid]:
    """Return the parts that three or more cameras of one side of the mast show.

    Args:
        stand: The cameras at the mast.
        places: Boxes of one kind.
        noise: Standard deviation of a place, over the width of a picture.
        opposite: Which side's cameras.

    Returns:
        Only what is unambiguous: no two with a box in common.
    """
    boxes = _boxes(stand, places)
    boxes = boxes.where(stand.rig.opposite[boxes.camera] == int(opposite))
    guesses = _pairs(stand, boxes, noise)
    for most in (_GATE, _RIVAL, _RIVAL):
        guesses = _grown(stand, boxes, guesses, noise, most)
    return _lone(boxes, guesses)


def _boxes(stand: Stand, places: Sequence[Place]) -> _Boxes:
    index = {slot: n for n, slot in enumerate(stand.rig.slots)}
    known = [one for one in places if one.slot in index and not one.is_cut]
    camera = np.array([index[one.slot] for one in known], np.int64)
    xy = np.array([(one.x, one.y) for one in known]).reshape(-1, 2)
    way = stand.rig.opposite[camera][:, None] * stand.way
    tall = np.array([one.tall for one in known])
    return _Boxes(tuple(one.key for one in known), camera, xy, way, tall)


def _seen(stand: Stand, camera: Ints, at: Floats, way: Floats) -> tuple[Floats, Floats]:
    """Return where cameras show places (M, 2), and the slopes of that (M, 2, 3)."""
    terms, horizon = stand.rig.cameras[camera], stand.rig.horizon
    base = adjustment.project(terms, adjustment.moved(at, way, horizon))
    slopes = [
        (adjustment.project(terms, adjustment.moved(at + one, way, horizon)) - base) / _STEP
        for one in np.eye(3) * _STEP
    ]
    return base, np.stack(slopes, axis=2)


def _pairs(stand: Stand, boxes: _Boxes, noise: float) -> _Guesses:
    """Return where two boxes each would meet, near a joined part."""
    count = len(boxes.keys)
    first, second = np.triu_indices(count, 1)
    differ = boxes.camera[first] != boxes.camera[second]
    first, second = first[differ], second[differ]
    members = np.zeros((len(first), count), bool)
    members[np.arange(len(first)), first] = members[np.arange(len(first)), second] = True
    start = _nearest_anchors(stand, boxes)[first]
    guesses = _solved(stand, boxes, members, start, noise)
    far = np.zeros(len(first))
    for one in (first, second):
        shown = _seen(stand, boxes.camera[one], guesses.at, boxes.way[one])[0]
        far += ((shown - boxes.xy[one]) ** 2).sum(axis=1)
    away = (guesses.at[:, None] - stand.anchors) * np.array([1.0, 1.0, DEEP])
    is_near = np.linalg.norm(away, axis=2).min(axis=1, initial=np.inf) < _AROUND
    keep = is_near & (far < (_GATE * noise) ** 2)
    return _Guesses(guesses.at[keep], guesses.spread[keep], members[keep])


def _nearest_anchors(stand: Stand, boxes: _Boxes) -> Floats:
    """Return for each box the joined part (N, 3) that its picture shows nearest to it."""
    found = np.empty((len(boxes.keys), 3))
    for camera in np.unique(boxes.camera):
        here = boxes.camera == camera
        way = np.broadcast_to(boxes.way[here][0], stand.anchors.shape)
        shown = _seen(stand, np.full(len(stand.anchors), camera), stand.anchors, way)[0]
        far = np.linalg.norm(boxes.xy[here][:, None] - shown, axis=2)
        found[here] = stand.anchors[far.argmin(axis=1)]
    return found


def _solved(
    stand: Stand, boxes: _Boxes, members: NDArray[np.bool_], start: Floats, noise: float
) -> _Guesses:
    """Return the places that explain their boxes best, by Gauss-Newton."""
    at = start.copy()
    spread = np.zeros((len(at), 3, 3))
    rows, cols = np.nonzero(members)
    for _ in range(6):
        left = np.zeros((len(at), 3, 3)) + np.diag(_FREE)
        right = (at - start) * _FREE
        shown, slope = _seen(stand, boxes.camera[cols], at[rows], boxes.way[cols])
        missed, slope = (shown - boxes.xy[cols]) / noise, slope / noise
        np.add.at(left, rows, np.einsum("nki,nkj->nij", slope, slope))
        np.add.at(right, rows, np.einsum("nki,nk->ni", slope, missed))
        is_bad = ~((np.abs(left) < 1e14).all(axis=(1, 2)) & (np.abs(right) < 1e14).all(axis=1))
        left[is_bad], right[is_bad] = np.eye(3), 0.0
        scale = np.trace(left, axis1=1, axis2=2)[:, None, None]
        spread = np.linalg.inv(left + 1e-9 * scale * np.eye(3))
        at = at - np.clip(np.einsum("nij,nj->ni", spread, right), -0.1, 0.1)
    return _Guesses(at, spread, members)


def _grown(stand: Stand, boxes: _Boxes, guesses: _Guesses, noise: float, rival: float) -> _Guesses:
    """Give each guess the one box of each camera that may show it; none where two may."""
    members = np.zeros_like(guesses.members)
    for camera in np.unique(boxes.camera):
        here = np.flatnonzero(boxes.camera == camera)
        way = np.broadcast_to(boxes.way[here[0]], guesses.at.shape)
        shown, slope = _seen(stand, np.full(len(guesses.at), camera), guesses.at, way)
        spread = np.einsum("nki,nij,nlj->nkl", slope, guesses.spread, slope)
        inverse = np.linalg.inv(spread + np.eye(2) * noise**2)
        missed = boxes.xy[here][None] - shown[:, None]
        far = np.sqrt(np.einsum("nmk,nkl,nml->nm", missed, inverse, missed))
        lone = (far < _GATE) & ((far < rival).sum(axis=1) == 1)[:, None]
        members[:, here] = lone
    return _solved(stand, boxes, members, guesses.at, noise)


def _lone(boxes: _Boxes, guesses: _Guesses) -> list[Solid]:
    """Return the guesses with enough views that share no box with another one as good."""
    found: dict[frozenset[int], int] = {}
    for number, row in enumerate(guesses.members):
        if row.sum() >= _LEAST_VIEWS:
            found.setdefault(frozenset(np.flatnonzero(row).tolist()), number)
    whole = [one for one in found if not any(one < other for other in found)]
    return [
        Solid(
            tuple(sorted(boxes.keys[n] for n in one)),
            guesses.at[found[one]],
            guesses.spread[found[one]],
            boxes.camera[sorted(one)],
            float(boxes.tall[sorted(one)].min()),
        )
        for one in sorted(whole, key=sorted)
        if not any(one & other for other in whole if other is not one and len(other) >= len(one))
    ]


def taught(rig: Rig, masts: Sequence[tuple[Stand, Sequence[Place]]]) -> Rig | None:
    """Return a rig that knows how exactly boxes tell the places of parts in rows.

    Args:
        rig: The rig.
        masts: Where it stood, with the boxes of such parts.

    Returns:
        None where too few of them are found, or not exactly enough.
    """
    noise = _FIRST_NOISE
    for _ in range(2):
        missed = [
            one
            for (stand, places), side in itertools.product(masts, (False, True))
            for one in _missed(stand, places, solids(stand, places, noise, opposite=side))
        ]
        if len(missed) < _LEAST_TOLD:
            return None
        noise = max(_WIDE * float(np.median(np.abs(missed))), _LEAST_NOISE)
    return replace(rig, row_noise=noise) if noise < _MOST_NOISE else None


def _missed(stand: Stand, places: Sequence[Place], some: Sequence[Solid]) -> list[float]:
    """Return by how much the boxes of parts miss their places, x and y of each."""
    boxes = _boxes(stand, places)
    number = {key: n for n, key in enumerate(boxes.keys)}
    found: list[float] = []
    for one in some:
        rows = np.array([number[key] for key in one.keys])
        at = np.broadcast_to(one.at, (len(rows), 3))
        shown = _seen(stand, boxes.camera[rows], at, boxes.way[rows])[0]
        spare = np.sqrt(2 * len(rows) / (2 * len(rows) - 3))  # three of them were fitted
        found += ((shown - boxes.xy[rows]) * spare).ravel().tolist()
    return found


def joined(stand: Stand, places: Sequence[Place]) -> list[tuple[str, ...]]:
    """Return the parts in rows of one mast, each as the keys of its views."""
    noise = stand.rig.row_noise
    fronts = solids(stand, places, noise, opposite=False)
    backs = solids(stand, places, noise, opposite=True)
    pairs = dict(across(stand, fronts, backs))
    met = set(pairs.values())
    found = [one.keys for j, one in enumerate(backs) if j not in met]
    for i, one in enumerate(fronts):
        found.append(one.keys + backs[pairs[i]].keys if i in pairs else one.keys)
    return found


def across(stand: Stand, fronts: Sequence[Solid], backs: Sequence[Solid]) -> list[tuple[int, int]]:
    """Return which part of one side is which of the other.

    Where the places are not known well enough to tell a part from a neighbour in its row, which may
    be hidden, nothing is joined: neighbours lie no nearer than they are large.
    """
    far = np.full((len(fronts), len(backs)), np.inf)
    for (i, one), (j, other) in itertools.product(enumerate(fronts), enumerate(backs)):
        if stand.rig.row_noise > _MOST_LOOSE * min(one.size, other.size):
            continue
        away = one.at - other.at
        inverse = np.asarray(np.linalg.inv(one.spread + other.spread), np.float64)
        far[i, j] = float(np.sqrt(away @ inverse @ away))
        if far[i, j] < _GATE and _told(stand, one, other, inverse) < _TELLING:
            far[i, j] = _GATE  # perhaps the same, perhaps its neighbour
    near = far < _RIVAL
    lone = near & (near.sum(axis=1) == 1)[:, None] & (near.sum(axis=0) == 1)[None]
    return [(int(i), int(j)) for i, j in zip(*np.nonzero(lone & (far < _GATE)), strict=True)]


def _told(stand: Stand, one: Solid, other: Solid, inverse: Floats) -> float:
    """Return by how many standard deviations a neighbour that may be hidden would stand out.

    It may lie between the rays of a front and a back camera or across them: along the track, or
    nearer to the car.
    """
    rays, slopes = zip(*(_rays(stand, part.cameras, one.at) for part in (one, other)), strict=True)
    least = np.inf
    for (ray, slope), (back, opposite) in itertools.product(
        zip(rays[0], slopes[0], strict=True), zip(rays[1], slopes[1], strict=True)
    ):
        there = ray / np.linalg.norm(opposite @ ray)
        here = back / np.linalg.norm(slope @ back)
        for step in (there + here, there - here):
            least = min(least, float(step @ inverse @ step))
    return _NEIGHBOUR * min(one.size, other.size) * float(np.sqrt(least))


def _rays(stand: Stand, cameras: Ints, at: Floats) -> tuple[Floats, Floats]:
    """Return along what cameras see a place (N, 3), and the slopes of where they do (N, 2, 3)."""
    way = stand.rig.opposite[cameras][:, None] * stand.way
    _, slope = _seen(stand, cameras, np.broadcast_to(at, (len(cameras), 3)), way)
    return np.cross(slope[:, 0], slope[:, 1]), slope
