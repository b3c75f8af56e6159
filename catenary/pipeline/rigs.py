"""How the cameras of a car stand to each other, learnt from the parts that several of them show.

The mappings of `transfers` hold for parts of one kind, near one plane. Where enough parts are
joined by them, the parts themselves tell the geometry of all cameras (`adjustment`), and that tells
depth: which of two bolts in a row it is that front and back cameras both see.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catenary.pipeline import adjustment
from catenary.pipeline.adjustment import Floats, Ints, Model, Sightings, Terms
from catenary.pipeline.transfers import Mode, Slot, Transfers

Bools = NDArray[np.bool_]

# All are our starting values, chosen on simulated cars; lengths are shares of a picture's width.
POINTS = ("clevis", "split_pin", "clamp", "messenger_seat", "insulator", "number_plate")
_LEAST_MASTS = 8
_LEAST_SHARED = 12  # parts that a camera shows together with others
_LEAST_BOTH = 4  # parts of a mast that both sides show, before the car's way is known there
_MOST_WAY = 0.05  # of the car between the exposures of both sides
_FIRST_NOISE, _LEAST_NOISE, _MOST_NOISE = 0.002, 3e-4, 3e-3
_WIDE = 1.3 * 1.4826  # median to the standard deviation that is believed
_FLAT = 1e-4  # parallax that keeps all parts in one plane
_TYPICAL_PARALLAX = 0.03
DEEP = 3.0  # by how much parallax counts for more than a place in the picture
_LEAST_FITTING = 0.7  # share of the joined places of a mast
_FITTING = 3.0  # standard deviations within which most parts of a mast must fit


@dataclass(frozen=True, slots=True)
class Track:
    """One joined part.

    Attributes:
        kind: Component id.
        at: Where photographs show it, x and y over the width of the picture.
    """

    kind: str
    at: Mapping[Slot, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Photographs of a mast whose cameras' geometry is known.

    Attributes:
        slots: The C photographs.
        cameras: (C, 12) terms of their cameras, see `adjustment`.
        horizon: (3,) of the plane at infinity.
        opposite: (C,) whether a camera looks at the other side of the mast than the reference, and
            so flashed at another time.
        noise: Standard deviation of a place by component, over the width of the picture.
        row_noise: The noise of parts that stand in rows.
    """

    slots: tuple[Slot, ...]
    cameras: Floats
    horizon: Floats
    opposite: Ints
    noise: Mapping[str, float]
    row_noise: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """A rig at one mast.

    Attributes:
        rig: The rig.
        way: (3,) of the car between the exposures of both sides, in the frame of the points.
        anchors: (N, 3) joined parts of the mast.
    """

    rig: Rig
    way: Floats
    anchors: Floats


def learn(masts: Sequence[Sequence[Track]], sides: Sequence[int], known: Transfers) -> list[Rig]:
    """Learn the geometry of the cameras, for masts on each side of the track.

    Args:
        masts: The joined parts of each mast.
        sides: Which masts follow the same mappings: 1 or -1, 0 where that is not clear.
        known: The mappings, to start from.

    Returns:
        None, one or two rigs: where 8 masts and 3 cameras of one side of the mast, and 2 of the
        other, show enough parts together, all explained to 0.3 % of a picture's width.
    """
    found = []
    for side in (1, -1):
        own = [tracks for tracks, one in zip(masts, sides, strict=True) if one == side]
        if len(own) < _LEAST_MASTS:
            continue
        try:
            rig = _Learner(own, known).rig()
        except np.linalg.LinAlgError:  # parts that lie so tell nothing
            rig = None
        if rig is not None:
            found.append(rig)
    return found


def stand(rigs: Sequence[Rig], tracks: Sequence[Track]) -> Stand | None:
    """Return the rig that explains the joined parts of a mast; None where no one or two do."""
    try:
        found = [one for rig in rigs if (one := _stand(rig, tracks)) is not None]
    except np.linalg.LinAlgError:  # as above
        return None
    return found[0] if len(found) == 1 else None


def _stand(rig: Rig, tracks: Sequence[Track]) -> Stand | None:
    index = {slot: n for n, slot in enumerate(rig.slots)}
    seen = _sightings([tracks], index, rig.opposite, rig.noise)
    points = np.unique(seen.point)
    if len(points) < 2 * _LEAST_BOTH:
        return None
    start = np.stack([_first_place(rig, seen, point) for point in points])
    seen = replace(seen, point=np.searchsorted(points, seen.point))
    model = Model(rig.cameras, start, np.zeros((1, 3)), rig.horizon)
    model = adjustment.adjust(model, seen, Terms(None))
    far = np.linalg.norm((adjustment.seen(model, seen) - seen.xy) / seen.noise[:, None], axis=1)
    fits = far < _FITTING
    both = set(seen.point[fits & (seen.shift >= 0)]) & set(seen.point[fits & (seen.shift < 0)])
    is_told = fits.mean() >= _LEAST_FITTING and len(both) >= _LEAST_BOTH
    if not is_told or np.abs(model.shifts).max() > _MOST_WAY:
        return None
    return Stand(rig, model.shifts[0], model.points[np.unique(seen.point[fits])])


def _first_place(rig: Rig, seen: Sightings, point: int) -> Floats:
    """Return where a point with no parallax would lie that its first camera shows there."""
    first = np.flatnonzero(seen.point == point)[0]
    camera, xy = rig.cameras[seen.camera[first]][None], seen.xy[first]
    place = np.array([0.5, 0.4, 0.0])
    for _ in range(8):
        base = adjustment.project(camera, place[None])[0]
        slope = np.stack(
            [(adjustment.project(camera, (place + one)[None])[0] - base) / 1e-6 for one in _PLANE],
            axis=1,
        )
        place[:2] += np.clip(np.linalg.lstsq(slope, xy - base, rcond=None)[0], -0.3, 0.3)
    return place


_PLANE = np.eye(3)[:2] * 1e-6


def _sightings(
    masts: Sequence[Sequence[Track]],
    index: Mapping[Slot, int],
    opposite: Ints,
    noise: Mapping[str, float],
) -> Sightings:
    """Return where parts are seen that two known cameras or more show; points count all tracks."""
    rows: list[tuple[int, int, int]] = []
    xy: list[tuple[float, float]] = []
    sd: list[float] = []
    tracks = ((mast, track) for mast, some in enumerate(masts) for track in some)
    for point, (mast, track) in enumerate(tracks):
        at = [(index[slot], place) for slot, place in track.at.items() if slot in index]
        if track.kind in noise and len(at) > 1:
            rows += [(camera, point, mast if opposite[camera] else -1) for camera, _ in at]
            xy += [place for _, place in at]
            sd += [noise[track.kind]] * len(at)
    ids = np.array(rows, np.int64).reshape(-1, 3).T
    return Sightings(ids[0], ids[1], ids[2], np.array(xy).reshape(-1, 2), np.array(sd))


class _Learner:
    """Learns one rig."""

    def __init__(self, masts: Sequence[Sequence[Track]], known: Transfers) -> None:
        self._masts, self._known = masts, known
        self._tracks = [track for tracks in masts for track in tracks]
        self._kinds = np.array([track.kind for track in self._tracks])
        shown = Counter(slot for track in self._tracks for slot in track.at)
        self._slots = sorted(slot for slot, count in shown.items() if count >= _LEAST_SHARED)
        self._first = max(self._slots, key=lambda slot: (shown[slot], slot), default=None)

    def rig(self) -> Rig | None:
        """Return the rig, None where the parts do not tell one."""
        if self._first is None:
            return None
        affine = self._affine(self._first)
        slots = tuple(slot for slot in self._slots if slot in affine)
        turned = np.array([np.linalg.det(affine[slot][1:]) < 0 for slot in slots], np.int64)
        for _ in range(2):
            opposite = turned
            if len(slots) - opposite.sum() < 3 or opposite.sum() < 2:
                return None
            model, seen = self._fitted(slots, affine, opposite)
            # A mapping from few parts may be turned over; the geometry is not.
            turned = _turned(model, seen, opposite)
            if (turned == opposite).all():
                return self._checked(Rig(slots, model.cameras, model.horizon, opposite, {}), seen)
        return None

    def _fitted(
        self, slots: Sequence[Slot], affine: Mapping[Slot, Floats], opposite: Ints
    ) -> tuple[Model, Sightings]:
        """Return the geometry, first of one side, then of both, and what fits it."""
        reference = slots.index(self._first) if self._first else 0
        model, seen = self._start(slots, affine, opposite)
        own = seen.shift < 0
        for every in (False,) * 2 + (True,) * 5:
            some: Bools = np.ones(len(own), bool) if every else own
            model = adjustment.adjust(model, _where(seen, some), Terms(reference))
            seen = replace(seen, noise=self._noise(model, seen, some))
            if every:
                seen = _without_strays(model, seen)
                own = seen.shift < 0
        return model, seen

    def _checked(self, rig: Rig, seen: Sightings) -> Rig | None:
        """Return a rig that knows its noise, None where that is too wide or one side is gone."""
        noise = {
            str(kind): float(np.sqrt((seen.noise[named] ** 2).mean()))
            for kind in np.unique(self._kinds)
            if (named := self._kinds[seen.point] == kind).any()
        }
        if not noise or max(noise.values()) > _MOST_NOISE or not (seen.shift >= 0).any():
            return None
        return replace(rig, noise=noise)

    def _affine(self, first: Slot) -> dict[Slot, Floats]:
        """Return the mappings (3, 2) from one photograph to all that it leads to."""
        found = {first: np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])}
        while True:
            steps = [
                (shared - 1000 * (one != first), one, other, weights)
                for one in found
                for other in self._slots
                if other not in found and (step := self._step(one, other)) is not None
                for shared, weights in (step,)
            ]
            if not steps:
                return found
            _, one, other, weights = max(steps, key=lambda step: step[:3])
            turn = found[one][1:] @ weights[1:]
            found[other] = np.vstack([found[one][0] @ weights[1:] + weights[0], turn])

    def _step(self, one: Slot, other: Slot) -> tuple[int, Floats] | None:
        """Return how many parts two photographs share, and the mapping that fits them best."""
        low, high = sorted((one, other))
        shared = [track.at for track in self._tracks if low in track.at and high in track.at]
        modes = self._known.modes.get((low, high), ())
        if len(shared) < _LEAST_SHARED or not modes:
            return None
        a = np.array([(1.0, *at[low]) for at in shared])
        b = np.array([at[high] for at in shared])

        def missed(mode: Mode) -> float:
            return float(np.median(np.linalg.norm(a @ mode.weights - b, axis=1)))

        weights = min(modes, key=missed).weights
        if low != one:
            back = np.linalg.inv(weights[1:])
            weights = np.vstack([-weights[0] @ back, back])
        return len(shared), weights

    def _start(
        self, slots: Sequence[Slot], affine: Mapping[Slot, Floats], opposite: Ints
    ) -> tuple[Model, Sightings]:
        """Return homographies and the parallax that they leave."""
        index = {slot: n for n, slot in enumerate(slots)}
        noise = dict.fromkeys(POINTS, 0.01)
        seen = _sightings(self._masts, index, opposite, noise)
        cameras = np.zeros((len(slots), adjustment.TERMS))
        for slot, n in index.items():
            cameras[n, :6] = affine[slot].T.ravel()
        points = np.zeros((len(self._tracks), 3))
        for number, track in enumerate(self._tracks):
            known = [slot for slot in track.at if slot in index]
            if known:
                slot = min(known, key=lambda one: (one != self._first, opposite[index[one]]))
                xy = np.array(track.at[slot]) - affine[slot][0]
                points[number, :2] = np.linalg.solve(affine[slot][1:].T, xy)
        model = Model(cameras, points, np.zeros((len(self._masts), 3)), np.zeros(3))
        reference = index[self._first] if self._first else 0
        flat = adjustment.adjust(model, seen, Terms(reference, _FLAT))
        seen = replace(seen, noise=np.full(len(seen.noise), _FIRST_NOISE))
        return _with_parallax(flat, seen, points), seen

    def _noise(self, model: Model, seen: Sightings, some: Bools) -> Floats:
        """Return the noise of each sighting: of its kind, on its side."""
        missed = np.abs(adjustment.seen(model, seen) - seen.xy)
        noise = seen.noise.copy()
        for kind, side in itertools.product(np.unique(self._kinds), (True, False)):
            named = (self._kinds[seen.point] == kind) & ((seen.shift < 0) == side) & some
            if named.any():
                noise[named] = max(_WIDE * float(np.median(missed[named])), _LEAST_NOISE)
        return noise


def _turned(model: Model, seen: Sightings, supposed: Ints) -> Ints:
    """Tell for each camera whether it shows the plane turned over, as from its other side."""
    cameras, points = model.cameras[seen.camera], model.points[seen.point]
    base = adjustment.project(cameras, points)
    across, down = (adjustment.project(cameras, points + one) - base for one in _PLANE)
    is_turned = across[:, 0] * down[:, 1] < across[:, 1] * down[:, 0]
    seen_by = np.bincount(seen.camera, minlength=len(supposed))
    most = 2 * np.bincount(seen.camera, is_turned, len(supposed)) > seen_by
    return np.where(seen_by > 0, most, supposed).astype(np.int64)


def _where(seen: Sightings, keep: Bools) -> Sightings:
    return Sightings(
        seen.camera[keep], seen.point[keep], seen.shift[keep], seen.xy[keep], seen.noise[keep]
    )


def _with_parallax(flat: Model, seen: Sightings, points: Floats) -> Model:
    """Return a start for the adjustment: what one plane leaves unexplained has one direction each.

    The parallax of a part is the same for all cameras (rank one), so both are found in turns.
    """
    left = seen.xy - adjustment.seen(flat, seen)
    own = seen.shift < 0
    if not own.any():
        return flat
    ways = np.zeros((len(flat.cameras), 2))
    widest = max(
        np.unique(seen.camera[own]),
        key=lambda n: (np.median(np.abs(left[own & (seen.camera == n)])), n),
    )
    ways[widest] = np.linalg.svd(_clipped(left[seen.camera == widest]))[2][0]
    for _ in range(30):
        push = ways[seen.camera]
        along = np.bincount(seen.point, own * (left * push).sum(axis=1), len(points))
        weight = np.bincount(seen.point, own * (push**2).sum(axis=1), len(points))
        k = along / (weight + 1e-3)
        k *= _TYPICAL_PARALLAX / (1.4826 * float(np.median(np.abs(k[k != 0]))) + 1e-12)
        k = np.clip(k, -5 * _TYPICAL_PARALLAX, 5 * _TYPICAL_PARALLAX)
        far = ((left - k[seen.point][:, None] * ways[seen.camera]) ** 2).sum(axis=1)
        trust = k[seen.point] / (1 + far / _FIRST_NOISE**2)
        size = np.bincount(seen.camera, trust * k[seen.point], len(ways)) + 1e-6
        for axis in range(2):
            ways[:, axis] = np.bincount(seen.camera, trust * left[:, axis], len(ways)) / size
    cameras = flat.cameras.copy()
    cameras[:, 9:11] = ways
    return replace(flat, cameras=cameras, points=np.c_[flat.points[:, :2], k])


def _clipped(left: Floats) -> Floats:
    most = 5 * float(np.median(np.abs(left))) + 1e-9
    return np.clip(left, -most, most)


def _without_strays(model: Model, seen: Sightings) -> Sightings:
    """Leave out what opposite cameras show of masts that do not fit: too few parts, or another."""
    far = np.linalg.norm((adjustment.seen(model, seen) - seen.xy) / seen.noise[:, None], axis=1)
    keep = np.ones(len(far), bool)
    for mast in np.unique(seen.shift[seen.shift >= 0]):
        here = seen.shift == mast
        shared = set(seen.point[here]) & set(seen.point[seen.shift < 0])
        is_odd = np.median(far[here]) > _FITTING or np.abs(model.shifts[mast]).max() > _MOST_WAY
        if len(shared) < _LEAST_BOTH or is_odd:
            keep[here] = False
    return _where(seen, keep)
