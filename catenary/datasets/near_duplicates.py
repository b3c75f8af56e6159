"""Find copies among photographs: flipped, recoloured, blurred, brightened, zoomed and cropped.

Two photographs are copies when one, moved onto the other, agrees with it in grey and in edges.
Where to move it comes from the whole picture and its mirror images, or from matching corners.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WHOLE, MIRRORED, PART = "whole", "mirrored", "part"
SIDE = 256  # px; a sketch has its square in pixels, so that long strips keep their detail
MAX_FOR_CROPS = 2000  # photographs; matching corners takes their square in time
_SMALL = 32  # px, side of the picture that whole pictures are compared by
_LIKE_SMALL = 0.9  # correlation of small pictures from which a pair is looked at
_CORNERS = 100
_SAME_CORNER = 48  # of 256 bits that may differ
_NEIGHBOURS = 12
_MIN_VOTES, _MIN_INLIERS = 8, 8
_CANDIDATES = 10  # partners looked at for each photograph
_SLIP_PX = 3.0
_BLUR_PX = 1.5
_MIN_SHARED = 0.75  # of the smaller picture; less, and two masts of one build agree in a bar


@dataclass(frozen=True, slots=True)
class Likeness:
    """Limits of `copies`: correlation from which two pictures moved onto each other are one.

    Our starting values, set on 321 strips of 24 photographs (docs/benchmarks.md): edges alone
    tell recoloured copies; zoomed ones lose edges and are told by grey, if edges agree somewhat.
    """

    edges: float = 0.92
    grey: float = 0.975
    edges_with_grey: float = 0.55


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What is kept of a photograph to compare it by.

    Attributes:
        thumb: (h, w) uint8 with about 256 x 256 pixels and the photograph's proportions.
        corners: (N, 2) float32 x, y in the thumb.
        words: (N, 32) uint8, 256 bits that describe each corner.
    """

    thumb: NDArray[np.uint8]
    corners: Floats
    words: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Copy:
    """Two photographs that show the same picture.

    Attributes:
        first: Index.
        second: Index, greater than ``first``.
        how: ``"whole"``, ``"mirrored"`` or ``"part"`` (zoomed or cropped).
        likeness: Correlation of edges in [0, 1].
    """

    first: int
    second: int
    how: str
    likeness: float


def sketch(pixels: NDArray[np.uint8]) -> Sketch:
    """Return the sketch of a (height, width) uint8 picture."""
    height, width = pixels.shape
    factor = min(1.0, SIDE / float(np.sqrt(height * width)))
    size = max(8, round(width * factor)), max(8, round(height * factor))
    thumb = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    orb = cv2.ORB.create(
        nfeatures=_CORNERS, scaleFactor=1.2, nlevels=6, edgeThreshold=8, fastThreshold=5
    )
    points, words = orb.detectAndCompute(thumb, None)
    corners = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    bits = np.asarray(words, np.uint8) if len(corners) else np.zeros((0, 32), np.uint8)
    return Sketch(thumb, corners, bits)


def copies(
    sketches: Sequence[Sketch],
    limits: Likeness,
    progress: Callable[[int, int], None],
) -> list[Copy]:
    """Return pairs that tie all copies together; a copy of a copy need not be paired with all.

    Zoomed and cropped copies are looked for among at most 2,000 photographs, and not mirrored.

    Args:
        sketches: One for each photograph.
        limits: What counts as a copy.
        progress: Called with photographs done and photographs in all.
    """
    found: list[Copy] = []
    linked = _Links(len(sketches))
    for first, second, move, how in _like_whole(sketches):
        if not linked.are(first, second):
            found += linked.kept(_checked(sketches, (first, second), move, how, limits))
    kept = [min(group) for group in groups(len(sketches), _pairs(found))]
    if len(kept) <= MAX_FOR_CROPS:
        for first, second, move in _like_part(sketches, kept, progress):
            if not linked.are(first, second):
                found += linked.kept(_checked(sketches, (first, second), move, PART, limits))
    progress(len(sketches), len(sketches))
    return found


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected groups of 0 .. count-1, single ones too, in order of their first.

    >>> groups(4, [(2, 0), (2, 3)])
    [[0, 2, 3], [1]]
    """
    links = _Links(count)
    for first, second in pairs:
        links.tie(first, second)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for one in range(count):
        members[links.top(one)].append(one)
    return list(members.values())


class _Links:
    """Which of 0 .. count-1 hang together (union-find); the top of a group is its least."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def top(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def are(self, first: int, second: int) -> bool:
        return self.top(first) == self.top(second)

    def tie(self, first: int, second: int) -> None:
        low, high = sorted((self.top(first), self.top(second)))
        self._parent[high] = low

    def kept(self, copy: Copy | None) -> list[Copy]:
        """Tie the two photographs of a copy; return it, or nothing, to be added to a list."""
        if copy is None:
            return []
        self.tie(copy.first, copy.second)
        return [copy]


def _pairs(found: Iterable[Copy]) -> list[tuple[int, int]]:
    return [(copy.first, copy.second) for copy in found]


_MIRRORS: tuple[int | None, ...] = (None, 1, 0, -1)  # as cv2.flip names them


def _like_whole(sketches: Sequence[Sketch]) -> Iterator[tuple[int, int, Floats, str]]:
    """Yield pairs whose small pictures agree, and how the first is moved onto the second."""
    if not sketches:
        return
    plain = [_small_vectors(one.thumb, None) for one in sketches]
    targets = [np.stack(column) for column in zip(*plain, strict=True)]
    for mirror in _MIRRORS:
        for first, one in enumerate(sketches):
            own = _small_vectors(one.thumb, mirror)
            likeness = np.maximum(
                *(every[first + 1 :] @ v for every, v in zip(targets, own, strict=True))
            )
            near = np.flatnonzero(likeness >= _LIKE_SMALL)
            best = near[np.argsort(-likeness[near], kind="stable")][:_CANDIDATES]
            for second in (first + 1 + best).tolist():
                how = WHOLE if mirror is None else MIRRORED
                yield first, second, _stretch(one.thumb, sketches[second].thumb, mirror), how


def _small_vectors(thumb: NDArray[np.uint8], mirror: int | None) -> tuple[Floats, Floats]:
    """Return grey and edges of a small picture as vectors of length 1 and mean 0."""
    small = cv2.resize(thumb, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    grey = np.asarray(small if mirror is None else cv2.flip(small, mirror), np.float32)
    return _unit(grey), _unit(_edges(grey))


def _unit(values: Floats) -> Floats:
    centred = values.ravel() - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / max(length, 1e-6), np.float32)


def _edges(grey: Floats) -> Floats:
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(dx, dy), np.float32)


def _stretch(first: NDArray[np.uint8], second: NDArray[np.uint8], mirror: int | None) -> Floats:
    """Return the (2, 3) move of one picture onto another, edge on edge."""
    (height, width), (new_height, new_width) = first.shape, second.shape
    sx, sy = new_width / width, new_height / height
    left_right, up_down = mirror in (1, -1), mirror in (0, -1)
    return np.array(
        [
            [-sx if left_right else sx, 0, new_width - 1 if left_right else 0],
            [0, -sy if up_down else sy, new_height - 1 if up_down else 0],
        ],
        np.float32,
    )


def _like_part(
    sketches: Sequence[Sketch], kept: Sequence[int], progress: Callable[[int, int], None]
) -> Iterator[tuple[int, int, Floats]]:
    """Yield pairs with many corners in common, and the turn, scale and shift between them."""
    with_corners = [index for index in kept if len(sketches[index].words) >= _MIN_VOTES]
    if len(with_corners) < 2:
        return
    owners = np.repeat(with_corners, [len(sketches[index].words) for index in with_corners])
    words = np.concatenate([sketches[index].words for index in with_corners])
    corners = np.concatenate([sketches[index].corners for index in with_corners])
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    for done, first in enumerate(with_corners):
        progress(done, len(with_corners))
        votes: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for near in matcher.knnMatch(sketches[first].words, words, k=_NEIGHBOURS):
            for second, match in _votes(near, first, owners):
                votes[second].append(match)
        strongest = Counter({second: len(rows) for second, rows in votes.items()})
        for second, count in strongest.most_common(_CANDIDATES):
            if count >= _MIN_VOTES:
                rows = np.array(votes[second])
                move = _move(sketches[first].corners[rows[:, 0]], corners[rows[:, 1]])
                if move is not None:
                    yield first, second, move


def _votes(
    near: Sequence[cv2.DMatch], first: int, owners: NDArray[np.int64]
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the later photographs that have a corner like this one, each once."""
    seen: set[int] = set()
    for match in near:
        second = int(owners[match.trainIdx])
        if second > first and match.distance <= _SAME_CORNER and second not in seen:
            seen.add(second)
            yield second, (match.queryIdx, match.trainIdx)


def _move(start: Floats, end: Floats) -> Floats | None:
    # OpenCV's RANSAC starts from a fixed seed, so two audits agree.
    found, used = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=_SLIP_PX)
    if found is None or int(used.sum()) < _MIN_INLIERS:
        return None
    return np.asarray(found, np.float32)


def _checked(
    sketches: Sequence[Sketch],
    pair: tuple[int, int],
    move: Floats,
    how: str,
    limits: Likeness,
) -> Copy | None:
    """Move the first picture onto the second and compare them where both are."""
    first, second = (sketches[index].thumb for index in pair)
    height, width = second.shape
    scale = abs(float(np.linalg.det(move[:, :2])))
    everywhere = np.ones(first.shape, np.uint8)
    shared = cv2.warpAffine(everywhere, move, (width, height), flags=cv2.INTER_NEAREST)
    area = float(shared.sum())
    if area < _MIN_SHARED * min(second.size, first.size * scale) or scale < 0.05:
        return None
    moved = cv2.warpAffine(first, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    inner = cv2.erode(shared, np.ones((5, 5), np.uint8)) > 0
    one, other = (
        np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _BLUR_PX), np.float32)
        for picture in (moved, second)
    )
    edges = _correlation(_edges(one)[inner], _edges(other)[inner])
    grey = _correlation(one[inner], other[inner])
    is_copy = edges >= limits.edges or (grey >= limits.grey and edges >= limits.edges_with_grey)
    return Copy(min(pair), max(pair), how, edges) if is_copy else None


def _correlation(one: Floats, other: Floats) -> float:
    if one.size == 0:
        return 0.0
    return float(_unit(one) @ _unit(other))
