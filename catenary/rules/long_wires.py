"""Find the messenger and contact wire of a whole frame, and cut them into stretches to judge.

The detector does not learn wires: they run through the picture. Long lines are peeled off one by
one (Radon over ridge strength), each followed by the cheapest path; which is which is told by the
droppers that hang between two of them. All numbers are our starting values.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.domain.geometry import Box, Polyline
from catenary.imaging import lines
from catenary.imaging.profiles import Strip
from catenary.imaging.shrink import shrunk
from catenary.rules.stretch import fitted
from catenary.rules.wire import Floats, cheapest_of, ridges

KINDS = ("messenger_wire", "contact_wire")  # upper and lower of a pair

_SEARCH_PX = 480  # longer side of the reduced frame
_FOLLOWED_PX = 1000  # longer side of the picture in which a wire is followed
_MOST = 8  # lines that are looked for
_LEAST = 0.35  # of the frame's shorter side; shorter lines are parts
_GAP = 0.06  # of the same; holes up to this are bridged: clamps, masts in front
_SMOOTH_PX = 3.0  # from a parabola, in the picture in which a wire is followed
_LEAST_SMOOTH = 0.6  # share of a wire that is as near to one
_SAME = 0.015  # of the same; lines nearer to one another than this are one wire
_ASIDE = 0.03  # of a line's length by which a wire may leave it
_NEAR = 0.12  # of a dropper's height between its end and a wire that it is clamped to
_LEAST_NEAR_PX = 12.0
_OVERLAP = 0.2  # share of a stretch that the next one shows too
_BESIDE = 0.06  # of a stretch's length that its box reaches beside the line
_SCORE = 0.5  # of a located stretch: speaks neither way


def long_lines(pixels: NDArray[np.uint8]) -> tuple[Polyline, ...]:
    """Find thin lines that run through a frame from side to side, longest first.

    Args:
        pixels: (height, width) uint8.

    Returns:
        Lines ``wire`` in frame pixels, with a point every few per cent of the frame; also of
        tubes that go on outside the picture.
    """
    scale = min(1.0, _FOLLOWED_PX / max(pixels.shape))
    picture = shrunk(pixels, scale)
    axes = lines.across(picture, _SEARCH_PX, _LEAST * min(picture.shape), _MOST)
    found: list[Polyline] = []
    for points in _followed(picture, axes):
        if points is not None:
            wire = Polyline("wire", tuple((x / scale, y / scale) for x, y in points))
            if not any(_is_same(wire, one, _SAME * min(pixels.shape)) for one in found):
                found.append(wire)
    return tuple(sorted(found, key=lambda one: -_length(one)))


def pair(wires: Sequence[Polyline], droppers: Sequence[Box]) -> tuple[tuple[str, Polyline], ...]:
    """Tell messenger and contact wires by the droppers between them.

    Args:
        wires: Long lines of a frame.
        droppers: Boxes of its droppers: the wire at their top is the messenger wire.

    Returns:
        Component id and line; a line that is no end of a dropper, or that is at the top of one
        and the bottom of another, cannot be told and is left out.
    """
    votes: dict[int, Counter[str]] = {index: Counter() for index in range(len(wires))}
    for box in droppers:
        near = max(_NEAR * box.height, _LEAST_NEAR_PX)
        top, bottom = (
            {k for k, wire in enumerate(wires) if _passes(wire, box, row, near)}
            for row in (box.y0, box.y1)
        )
        itself = top & bottom
        upper, lower = top - itself, bottom - itself
        if len(upper) == len(lower) == 1:
            votes[upper.pop()][KINDS[0]] += 1
            votes[lower.pop()][KINDS[1]] += 1
    return tuple(
        (next(iter(said)), wires[index]) for index, said in votes.items() if len(said) == 1
    )


def stretches(wire: Polyline, length_px: float, overlap: float, half_px: float) -> tuple[Box, ...]:
    """Cut a line into overlapping boxes.

    Args:
        wire: At least two points.
        length_px: Of each stretch along the line; a shorter line is one stretch.
        overlap: Share of a stretch that the next one shows too, in [0, 1).
        half_px: Added on all sides: half of the wire, and what may stand off it.

    Raises:
        ValueError: If a length is not positive or the overlap is not in [0, 1).
    """
    if not (length_px > 0 and 0 <= overlap < 1 and half_px > 0):
        given = f"{length_px}, {half_px}, {overlap}"
        raise ValueError(f"need length_px and half_px > 0, 0 <= overlap < 1, got {given}")
    points = np.array(wire.points)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    whole = float(along[-1])
    count = max(1, math.ceil((whole / length_px - overlap) / (1 - overlap) - 1e-9))
    starts = np.linspace(0, max(whole - length_px, 0), count)
    boxes = []
    for start in starts:
        stop = min(start + length_px, whole)
        at = np.concatenate([[start], along[(along > start) & (along < stop)], [stop]])
        x, y = (np.interp(at, along, points[:, k]) for k in (0, 1))
        box = Box(float(x.min()), float(y.min()), float(x.max()) + 1e-6, float(y.max()) + 1e-6)
        boxes.append(box.grown(half_px))
    return tuple(boxes)


def located(
    pixels: NDArray[np.uint8], droppers: Sequence[Box], length_px: float
) -> tuple[Component, ...]:
    """Return the stretches of a frame's messenger and contact wires, where they can be told.

    Args:
        pixels: (height, width) uint8.
        droppers: Boxes of its droppers; without one no wire can be told.
        length_px: Of each stretch; neighbours share a fifth.
    """
    if not droppers:
        return ()
    height, width = pixels.shape
    found = []
    for kind, wire in pair(long_lines(pixels), droppers):
        for box in stretches(wire, length_px, _OVERLAP, _BESIDE * length_px):
            inside = box.clipped(width, height)
            if inside is not None:
                found.append(Component(kind, inside, _SCORE))
    return tuple(found)


def _followed(
    picture: NDArray[np.uint8], axes: Sequence[lines.Axis]
) -> Iterator[NDArray[np.float64] | None]:
    """Yield (P, 2) points of the wire along each axis; None where it does not run through."""
    if not axes:
        return
    strips = [axis.strip(picture, 1.0, 6 + _ASIDE * axis.length) for axis in axes]
    strengths = [
        ridges(np.ascontiguousarray(strip.pixels.T), axis.sign) * is_in.T
        for axis, (strip, is_in) in zip(axes, strips, strict=True)
    ]
    for (strip, _), path in zip(strips, cheapest_of(strengths), strict=True):
        yield _through(picture, strip, *path)


def _through(
    picture: NDArray[np.uint8], strip: Strip, path: NDArray[np.int64], strength: Floats
) -> NDArray[np.float64] | None:
    """Return (P, 2) points of a path in a strip; None where no wire runs through on it."""
    side = min(picture.shape)
    bridge = np.ones((max(3, round(_GAP * side)) | 1, 1), np.uint8)
    seen = cv2.morphologyEx((strength >= 1).astype(np.uint8)[:, None], cv2.MORPH_CLOSE, bridge)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen[:, 0], [0]]).astype(np.int8)))
    if not edges.size:
        return None
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    first, last = int(starts[longest]), int(stops[longest]) - 1
    if max(first, len(path) - 1 - last) > _GAP * side:
        return None  # a tube or a mast ends in the picture; a wire runs through it
    is_on = (strength[first : last + 1] >= 1).astype(np.float64)
    own = path[first : last + 1].astype(np.float64)
    course = fitted(own, is_on, 2)
    if (np.abs(own - course) <= _SMOOTH_PX)[is_on > 0].mean() < _LEAST_SMOOTH:
        return None
    some = np.linspace(0, last - first, max(2, (last - first) // 30)).round().astype(np.int64)
    points = np.array([strip.in_picture(float(first + c), float(course[c])) for c in some]) + 0.5
    inside = ((points >= 0) & (points <= picture.shape[::-1])).all(axis=1)
    return points[inside] if inside.sum() > 1 else None


def _length(wire: Polyline) -> float:
    return float(np.hypot(*np.diff(np.array(wire.points), axis=0).T).sum())


def _is_same(wire: Polyline, other: Polyline, near: float) -> bool:
    """Tell whether most points of a line lie near another line."""
    points, along = np.array(wire.points), np.array(other.points)
    starts, steps = along[:-1], np.diff(along, axis=0)
    from_start = points[:, None] - starts  # (point, piece, xy)
    share = (from_start * steps).sum(axis=2) / np.maximum((steps**2).sum(axis=1), 1e-9)
    foot = np.clip(share, 0, 1)[..., None] * steps
    distance = np.hypot(*np.moveaxis(from_start - foot, 2, 0)).min(axis=1)
    return bool(np.median(distance) <= near)


def _passes(wire: Polyline, box: Box, row: float, near: float) -> bool:
    """Tell whether a line passes near the top or bottom of a box, within its columns."""
    x, y = np.array(wire.points).T
    order = np.argsort(x)
    columns = np.linspace(box.x0, box.x1, 9)
    columns = columns[(columns >= x.min()) & (columns <= x.max())]
    if not columns.size:
        return False
    rows = np.interp(columns, x[order], y[order])
    return bool((np.abs(rows - row) <= near).any())
