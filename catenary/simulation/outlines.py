"""What a picture shows of one part, as shapes: box, mask, oriented box, clipped lines."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets import masks
from catenary.domain.geometry import Box
from catenary.simulation.scene import Vector

Points = tuple[tuple[float, float], ...]
_DIGITS = 2  # of coordinates in px; more only make the file longer
_PARALLEL_PX = 1e-9  # a segment that goes less far along an axis never meets its borders
_STRAIGHT_PX = 0.1  # points of a line nearer than this to the chord are left out


@dataclass(frozen=True, slots=True, eq=False)
class Visible:
    """The pixels of one item.

    Attributes:
        row: Of the crop's first row in the picture.
        column: Of its first column.
        own: (h, w) True where the picture shows the item; every border has one.
    """

    row: int
    column: int
    own: NDArray[np.bool_]

    @property
    def box(self) -> Box:
        """Bounding box in picture pixels."""
        height, width = self.own.shape
        x, y = float(self.column), float(self.row)
        return Box(x, y, x + width, y + height)

    def mask(self, size: tuple[int, int]) -> masks.Mask:
        """Return the mask in a picture of ``size`` (height, width)."""
        return masks.of_crop(self.own, (self.row, self.column), size)

    def corners(self) -> Points:
        """Return the box of least area that holds all pixels; see `oriented_box`."""
        height, width = self.own.shape
        rows = np.arange(height)[self.own.any(axis=1)]
        left = self.own[rows].argmax(axis=1)
        right = width - 1 - self.own[rows][:, ::-1].argmax(axis=1)
        ends = np.concatenate([np.stack([left, rows], 1), np.stack([right, rows], 1)])
        return oriented_box(ends + np.array([self.column, self.row]) + 0.5, 1.0)


def visible(items: NDArray[np.int32]) -> dict[int, Visible]:
    """Return the pixels of every item that an (H, W) item buffer shows."""
    ys, xs = np.nonzero(items >= 0)
    owner = items[ys, xs]
    order = np.argsort(owner, kind="stable")
    names, starts = np.unique(owner[order], return_index=True)
    found = {}
    for name, pixels in zip(names, np.split(order, starts[1:]), strict=bool(len(names))):
        x, y = xs[pixels], ys[pixels]
        own = np.zeros((y.max() - y.min() + 1, x.max() - x.min() + 1), np.bool_)
        own[y - y.min(), x - x.min()] = True
        found[int(name)] = Visible(int(y.min()), int(x.min()), own)
    return found


def oriented_box(points: Vector, thickness: float = 0.0) -> Points:
    """Return the rectangle of least area around points (N, 2), of any direction.

    Args:
        points: (x, y) in px, at least one.
        thickness: Added to both sides, px; 1 for centres of pixels.

    Returns:
        Four corners, clockwise as seen; the first side is a long one and points to the right.
    """
    middle, (width, height), angle = cv2.minAreaRect(points.astype(np.float32))
    sides = (width + thickness, height + thickness)
    corners = np.asarray(cv2.boxPoints((middle, sides, angle)), np.float64)
    edge = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[1])
    corners = np.roll(corners, -1 if edge[1] > edge[0] else 0, axis=0)
    along = corners[1] - corners[0]
    if along[0] < 0 or (along[0] == 0 and along[1] < 0):
        corners = np.roll(corners, 2, axis=0)
    return rounded(corners)


def rounded(points: Vector) -> Points:
    """Return points (N, 2) as plain numbers."""
    return tuple((round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in points)


def clipped(points: Vector, is_before: NDArray[np.bool_], size: tuple[int, int]) -> list[Points]:
    """Return the pieces of a polyline that lie inside the picture.

    Args:
        points: (P, 2) in px, P at least 2.
        is_before: (P,) False for points behind the camera, whose pixels mean nothing.
        size: (width, height) of the picture.

    Returns:
        Each piece has at least two points, without those that change nothing.
    """
    pieces: list[list[Vector]] = []
    is_open = False
    for index in range(len(points) - 1):
        ends = points[index], points[index + 1]
        kept = _segment(*ends, size) if is_before[index] and is_before[index + 1] else None
        if kept is None:
            is_open = False
            continue
        if not is_open:
            pieces.append([kept[0]])
        pieces[-1].append(kept[1])
        is_open = bool(np.array_equal(kept[1], ends[1]))
    lines = (_simplified(np.array(piece)) for piece in pieces)
    return [line for line in lines if len(line) > 1]


def _segment(start: Vector, end: Vector, size: tuple[int, int]) -> tuple[Vector, Vector] | None:
    """Return the part of a segment inside [0, width] x [0, height] (Liang and Barsky, 1984)."""
    low, high = 0.0, 1.0
    for axis in (0, 1):
        way = end[axis] - start[axis]
        gaps = -start[axis], size[axis] - start[axis]  # ways to both borders
        if abs(way) < _PARALLEL_PX:
            if gaps[0] > 0 or gaps[1] < 0:
                return None
            continue
        enter, leave = sorted(gap / way for gap in gaps)
        low, high = max(low, enter), min(high, leave)
    if low >= high:
        return None
    step = end - start
    return (start + step * low if low > 0 else start), (start + step * high if high < 1 else end)


def _simplified(piece: Vector) -> Points:
    kept = cv2.approxPolyDP(piece.astype(np.float32)[:, None], _STRAIGHT_PX, closed=False)
    return rounded(np.asarray(kept[:, 0], np.float64))
