"""A standard bolt fitted to a crop: where its free end, its thread and its nut lie in space.

Seen from afar a bolt needs seven numbers: place, size, direction, how far it faces the camera, the
turn of its hexagon, and how far the thread stands out. The rest is standard, in thread diameters
(ISO 4032, ISO 7089). The fit puts the outline where edges of its directions are, and starts from
the box: a bolt that faces the camera ends at the border of its box. All numbers are our starting
values, chosen on simulated bolts of the training and validation masts.
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.imaging.crops import Crop

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

NUT_LONG = 0.9  # thread diameters
NUT_FLATS = 0.75  # from the axis to a flat of the nut, thread diameters
_NUT_CORNERS = NUT_FLATS / math.cos(math.pi / 6) * 0.97  # turned down a little
_END_RADIUS = 0.47  # of the end face, chamfered
_SIDE_PX = 84  # longer side of the box in the picture that is searched
_BINS = 12  # directions of edges, 15 degrees apart
_SOFT_PX = (1.6, 0.8)  # how far beside an edge an outline may lie, in the search and afterwards
_FAINT = 6.0  # grey levels that count little in the logarithm: noise of dark pictures
_WEAK = 0.01  # of an edge, in the logarithm
_FREE = 9  # places that are tried along a side of the box that tells nothing of the end
_TURNS = np.radians(np.arange(0, 360, 15))
_FACINGS = (0.4, 0.58, 0.75, 0.88)
_DIAMETERS = (0.2, 0.245, 0.31, 0.4)  # of the longer side of the box
_SPINS = np.radians((0, 20, 40))
_STANDS = (0.6, 1.2)
_LOWEST = np.array([-np.inf, -np.inf, 0.185 * _SIDE_PX, -np.inf, 0.25, -np.inf, 0.25])
_HIGHEST = np.array([np.inf, np.inf, 0.47 * _SIDE_PX, np.inf, 0.95, np.inf, 1.7])
_STEPS = np.array([1.5, 1.5, 1.1, 0.1, 0.06, 0.12, 0.12])  # of the refinement, as the seven numbers
_ROUNDS, _FIRST_ROUNDS, _TRIES = 14, 6, 24
_KEPT = (24, 8)  # fits that are refined at first and in the end

_LIKELY = 400  # of the templates, by a few points each, that are asked at all points

# The outline as straight pieces between corners: of the end face, of the thread at its end and at
# the nut, of the nut's top and of its foot. A part (end face, thread, nut's top, nut's sides)
# counts by how well it is seen on the whole, so that no part can make up for another.
_CORNERS = np.split(np.arange(30), [14, 16, 18, 24])
_STARTS = np.concatenate([_CORNERS[k] for k in (0, 1, 3, 4, 3)])
_NEXT = [np.roll(one, -1) for one in _CORNERS]
_STOPS = np.concatenate([_NEXT[0], _CORNERS[2], _NEXT[3], _NEXT[4], _CORNERS[4]])
_KINDS = np.repeat(np.arange(5), [14, 2, 6, 6, 6])  # of the pieces: those of one are alike
_PART_STARTS = np.array([0, 14, 16, 22])  # among the pieces
_LEAST_PART = 0.08  # strength that a part has that is not seen at all
_IN_FULL = 3.6  # weight of all parts that are seen
_SHORTENED = 0.3  # power by which a view counts less that hides parts


@dataclass(frozen=True, slots=True)
class Pose:
    """A standard bolt in a picture.

    Attributes:
        x: Middle of its end face, px.
        y: Middle of its end face, px.
        diameter: Of the thread, px.
        turn: Direction outward along the axis in the picture, radians clockwise from the x axis.
        facing: Cosine of the angle between axis and line of sight; 1 is seen end on.
        spin: Of the nut's corners about the axis, radians.
        stand: How far the thread stands out of the nut, thread diameters.
    """

    x: float
    y: float
    diameter: float
    turn: float
    facing: float
    spin: float
    stand: float

    def at(self, depth: Floats, radius: Floats, azimuth: Floats) -> Floats:
        """Return where points of the bolt are seen.

        Args:
            depth: Inward from the end face, thread diameters.
            radius: From the axis, thread diameters.
            azimuth: About the axis, radians; 0 is the side that looks to the camera.

        Returns:
            (..., 2) px, of the shape to which the three are broadcast.
        """
        places = np.broadcast_arrays(depth, radius, azimuth)
        flat = [np.asarray(one, np.float64).reshape(1, -1) for one in places]
        return _seen_at(self.numbers[None], *flat).reshape(*places[0].shape, 2)

    def flat_radius(self, azimuth: Floats) -> Floats:
        """Return how far the nut reaches in these directions, thread diameters."""
        beside = np.mod(azimuth - self.spin, math.pi / 3) - math.pi / 6
        return np.asarray(NUT_FLATS / np.cos(beside), np.float64)

    @property
    def numbers(self) -> Floats:
        """The seven numbers, in the order of the attributes."""
        numbers = (self.x, self.y, self.diameter, self.turn, self.facing, self.spin, self.stand)
        return np.array(numbers, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The standard bolt that fits a crop best.

    Attributes:
        pose: In pixels of ``picture``.
        strength: How clear its outline is, about in [0, 1]; true fits have 0.5 and more.
        picture: (H, W) float32, the crop at the size at which it was searched.
        scale: Pixels of ``picture`` per pixel of the crop.
    """

    pose: Pose
    strength: float
    picture: NDArray[np.float32]
    scale: float

    def in_crop(self, points: Floats) -> tuple[tuple[float, float], ...]:
        """Return points (P, 2) of ``picture`` as crop pixels."""
        places = (points + 0.5) / self.scale - 0.5
        return tuple((float(x), float(y)) for x, y in places)


def fit(crop: Crop) -> Fit:
    """Fit a standard bolt with its nut; always the same for the same crop."""
    box = crop.inner
    scale = _SIDE_PX / max(box.width, box.height)
    size = [max(8, round(side * scale)) for side in crop.pixels.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(crop.pixels, size, interpolation=method).astype(np.float32)
    rough, fine = (_edges(picture, soft) for soft in _SOFT_PX)
    corners = np.array([box.x0, box.y0, box.x1, box.y1]) * scale
    best, strength = _refined(fine, _first_fits(rough, corners))
    return Fit(Pose(*(float(one) for one in best)), strength, picture, scale)


def _seen_at(poses: Floats, depth: Floats, radius: Floats, azimuth: Floats) -> Floats:
    """Return (N, K, 2) px of points of N poses (N, 7); the others are (1 or N, K)."""
    return np.stack(_placed(poses, depth, radius * np.cos(azimuth), radius * np.sin(azimuth)), -1)


def _placed(poses: Floats, depth: Floats, near: Floats, aside: Floats) -> tuple[Floats, Floats]:
    """Return (N, K) x and y of points that lie so far to the camera's side of the axis, and aside.

    All are in thread diameters, (1 or N, K).
    """
    x, y, diameter, turn, facing = (column[:, None] for column in poses.T[:5])
    out = -depth * np.sqrt(1 - facing**2) - near * facing
    cos, sin = diameter * np.cos(turn), diameter * np.sin(turn)
    return x + (out * cos - aside * sin), y + (out * sin + aside * cos)


@dataclass(frozen=True, slots=True, eq=False)
class _Sampling:
    """Which points of an outline are looked at.

    Attributes:
        piece: (K,) piece that each lies on.
        share: (K,) of that piece at which it lies.
        means: (K, P) float32, what takes the mean over each piece.
    """

    piece: NDArray[np.int64]
    share: Floats
    means: NDArray[np.float32]

    @classmethod
    def of(cls, *counts: int) -> "_Sampling":
        """Return the one with so many points on the pieces of each kind."""
        own = np.array(counts)[_KINDS]
        share = np.concatenate([(np.arange(count) + 0.5) / count for count in own])
        piece = np.repeat(np.arange(len(own)), own)
        is_on = piece[:, None] == np.arange(len(own))
        return cls(piece, share, (is_on / own).astype(np.float32))


_ALL, _FEW = _Sampling.of(1, 6, 5, 4, 5), _Sampling.of(1, 2, 1, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Outlines:
    """Outlines of N poses at K points on P pieces.

    Attributes:
        x: (N, K) px.
        y: (N, K) px.
        bins: (N, P) of the directions of the pieces.
        weights: (N, P) of the mean over each piece; of the pieces of a part they sum to 1, or to
            0 where it is not seen.
        sampling: Which points they are.
    """

    x: Floats | NDArray[np.float32]
    y: Floats | NDArray[np.float32]
    bins: Ints
    weights: Floats
    sampling: _Sampling


def _outlines(poses: Floats, sampling: _Sampling) -> _Outlines:
    """Return the outlines of poses (N, 7)."""
    count, (spin, stand) = len(poses), (poses[:, 5:6], poses[:, 6:7])
    rim = 2 * np.pi * np.arange(14) / 14 + 0.1
    hexagon = spin + np.pi / 3 * np.arange(6)
    cos, sin = _NUT_CORNERS * np.cos(hexagon), _NUT_CORNERS * np.sin(hexagon)
    known = np.concatenate([_END_RADIUS * np.cos(rim), np.zeros(4)])
    near = np.concatenate([np.broadcast_to(known, (count, 18)), cos, cos], axis=1)
    known = np.concatenate([_END_RADIUS * np.sin(rim), [-0.5, 0.5, -0.5, 0.5]])
    aside = np.concatenate([np.broadcast_to(known, (count, 18)), sin, sin], axis=1)
    foot = stand + NUT_LONG - 0.05
    depth = np.repeat(np.concatenate([0 * stand, stand, foot], axis=1), [16, 8, 6], axis=1)
    x, y = _placed(poses, depth, near, aside)
    from_x, from_y = x[:, _STARTS], y[:, _STARTS]
    along_x, along_y = x[:, _STOPS] - from_x, y[:, _STOPS] - from_y
    bins = np.round(np.arctan2(along_y, along_x) / np.pi * _BINS).astype(np.int32) % _BINS
    is_front, is_outer = np.cos(hexagon + np.pi / 6) > 0, np.cos(hexagon) > -0.25
    shown = np.concatenate([np.ones((count, 22)), 0.8 * is_front, is_outer], axis=1)
    whole = np.maximum(np.add.reduceat(shown, _PART_STARTS, axis=1), 1e-9)
    weights = shown / np.repeat(whole, [14, 2, 6, 12], axis=1)
    piece, share = sampling.piece, sampling.share
    points_x = from_x[:, piece] + along_x[:, piece] * share
    points_y = from_y[:, piece] + along_y[:, piece] * share
    return _Outlines(points_x, points_y, bins, weights, sampling)


def _edges(picture: NDArray[np.float32], soft: float) -> NDArray[np.float32]:
    """Return (bins, H, W): strength in [0, 1) of edges in each direction, widened."""
    smooth = cv2.GaussianBlur(np.log(picture.clip(0) + _FAINT), (0, 0), 1.0)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, 1 - k, k) / 8 for k in (0, 1))
    height = np.hypot(across, down)
    usual = cv2.GaussianBlur(height, (0, 0), _SIDE_PX / 6)
    strength = height / (height + usual + _WEAK)
    direction = np.arctan2(down, across) + np.pi / 2
    layers = []
    for k in range(_BINS):
        alike = np.clip(4 * np.cos(direction - k * np.pi / _BINS) ** 2 - 3, 0, 1)
        layer = cv2.dilate((strength * alike).astype(np.float32), np.ones((3, 3), np.uint8))
        layers.append(cv2.GaussianBlur(layer, (0, 0), soft))
    return np.asarray(np.stack(layers), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Templates:
    """Outlines around an end face at the origin, with what they reach to its sides.

    Attributes:
        poses: (T, 7).
        few: Their outlines at a few points, float32.
        reach: (T, 2) half extents of the end face, px.
        sides: (T, 2): 1 where it touches the right or lower side of the box, -1 where the left
            or upper one, 0 where the direction does not tell.
    """

    poses: Floats
    few: _Outlines
    reach: Floats
    sides: Ints

    def few_at(self, which: NDArray[np.int64], at: Floats) -> _Outlines:
        """Return the outlines of some at (N, 2) places, at a few points."""
        few, (right, down) = self.few, at.T.astype(np.float32)[..., None]
        x, y = few.x[which] + right, few.y[which] + down
        return _Outlines(x, y, few.bins[which], few.weights[which], few.sampling)


@cache
def _templates() -> _Templates:
    choices = product(_DIAMETERS, _TURNS, _FACINGS, _SPINS, _STANDS)
    poses = np.array([(0, 0, size * _SIDE_PX, *rest) for size, *rest in choices], np.float64)
    few = _outlines(poses, _FEW)
    thin = replace(few, x=few.x.astype(np.float32), y=few.y.astype(np.float32))
    outward = np.stack([np.cos(poses[:, 3]), np.sin(poses[:, 3])], axis=1)
    slim = (poses[:, 4:5] * outward) ** 2 + outward[:, ::-1] ** 2
    reach = 0.5 * poses[:, 2:3] * np.sqrt(slim)
    sides = np.where(np.abs(outward) > 0.5, np.sign(outward), 0).astype(np.int32)
    return _Templates(poses, thin, reach, sides)


def _first_fits(edges: NDArray[np.float32], corners: Floats) -> Floats:
    """Return (_KEPT[0], 7): the best of the templates, their ends at the border of the box."""
    known = _templates()
    low, high = corners[:2] + known.reach, corners[2:] - known.reach
    shares = np.linspace(0, 1, _FREE)[:, None, None]
    places = np.where(known.sides == 0, low + (high - low) * shares, 0)
    places += np.where(known.sides > 0, high, 0) + np.where(known.sides < 0, low, 0)
    is_tried = (known.sides == 0).any(axis=1) | (np.arange(_FREE)[:, None] == 0)
    step, which = np.nonzero(is_tried)
    found = np.empty(len(which))
    for first in range(0, len(which), 2000):
        some = slice(first, first + 2000)
        outlines = known.few_at(which[some], places[step[some], which[some]])
        found[some] = _strength(edges, known.poses[which[some]], outlines)
    likely = np.sort(np.argpartition(-found, _LIKELY)[:_LIKELY])
    poses = known.poses[which[likely]]
    poses[:, :2] = places[step[likely], which[likely]]
    found = _strength(edges, poses, _outlines(poses, _ALL))
    return poses[np.argsort(-found, kind="stable")[: _KEPT[0]]]


def _refined(edges: NDArray[np.float32], poses: Floats) -> tuple[Floats, float]:
    """Return the best pose near some, and its strength; a random search with a fixed seed."""
    random = np.random.default_rng(0)
    found = _strength(edges, poses, _outlines(poses, _ALL))
    for number in range(_ROUNDS):
        wide = 0.5 + 0.7 * (1 - number / _ROUNDS)
        steps = random.normal(size=(len(poses), _TRIES, len(_STEPS))) * _STEPS * wide
        tried = np.clip(poses[:, None] + steps, _LOWEST, _HIGHEST).reshape(-1, len(_STEPS))
        worth = _strength(edges, tried, _outlines(tried, _ALL)).reshape(len(poses), _TRIES)
        best = worth.argmax(axis=1)
        rows = np.arange(len(poses))
        is_better = worth[rows, best] > found
        tried = tried.reshape(len(poses), _TRIES, -1)[rows, best]
        poses = np.where(is_better[:, None], tried, poses)
        found = np.where(is_better, worth[rows, best], found)
        if number + 1 == _FIRST_ROUNDS:
            kept = np.argsort(-found, kind="stable")[: _KEPT[1]]
            poses, found = poses[kept], found[kept]
    top = int(found.argmax())
    return poses[top], float(found[top])


def _strength(edges: NDArray[np.float32], poses: Floats, outlines: _Outlines) -> Floats:
    """Return (N,): the geometric mean of how clear the parts of the outlines are."""
    height, width = edges.shape[1:]
    sampling = outlines.sampling
    places = outlines.bins[:, sampling.piece] * np.int32(height)
    places += np.rint(outlines.y).astype(np.int32).clip(0, height - 1)
    places *= np.int32(width)
    places += np.rint(outlines.x).astype(np.int32).clip(0, width - 1)
    seen = edges.ravel().take(places)
    # Not numpy's product: its threads would take the cores that other parts are judged on.
    pieces = cv2.gemm(seen, sampling.means, 1.0, np.empty(0, np.float32), 0.0)
    parts = np.add.reduceat(pieces * outlines.weights, _PART_STARTS, axis=1).T
    aslant = np.sqrt(1 - poses[:, 4] ** 2)
    thread = 0.8 * np.clip(2 * poses[:, 6] * aslant, 0.15, 1)
    sides = 0.8 * np.clip(aslant / 0.6, 0, 1)
    worth = np.stack([np.ones_like(thread), thread, np.ones_like(thread), sides])
    total = worth.sum(axis=0)
    mean = np.exp((worth * np.log(parts + _LEAST_PART)).sum(axis=0) / total)
    return np.asarray(mean * (total / _IN_FULL) ** _SHORTENED, np.float64)
