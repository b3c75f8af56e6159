"""Oriented boxes as four corners, and as the turned rectangles of drawing tools."""

import math
from collections.abc import Sequence

from catenary.datasets.reading import Point
from catenary.domain.geometry import Box

Rectangle = tuple[float, float, float, float, float]  # x, y, width, height, degrees; see `turned`
_LONGER = 1.01  # by which a side must be longer: rounding turns no square; our starting value
_SLIP_PX = 0.5  # by which corners may miss the rectangle that stands for them; our starting value


def upright(box: Box) -> tuple[Point, ...]:
    """Return the four corners of an upright box, clockwise from the top left."""
    return (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)


def turned(
    x: float, y: float, width: float, height: float, clockwise_deg: float
) -> tuple[Point, ...]:
    """Return the corners of a box turned about its top left corner (x, y)."""
    cos, sin = math.cos(math.radians(clockwise_deg)), math.sin(math.radians(clockwise_deg))
    steps = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return tuple((x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in steps)


def in_order(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return four drawn corners as `Label.corners` has them: clockwise, a long side first.

    Raises:
        ValueError: If they are not four, or not finite.
    """
    if len(points) != 4 or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"an oriented box needs 4 corners, got {tuple(points)}")
    first, second, third, fourth = points
    if _area(points) < 0:
        second, fourth = fourth, second
    if math.dist(second, third) > _LONGER * math.dist(first, second):
        return second, third, fourth, first
    return first, second, third, fourth


def rectangle(points: Sequence[Point]) -> Rectangle | None:
    """Return what `turned` makes the four corners of, to half a pixel; None for another shape."""
    first, second, _, fourth = points
    (ax, ay), (bx, by) = first, second
    width, height = math.dist(first, second), math.dist(first, fourth)
    angle = math.degrees(math.atan2(by - ay, bx - ax))
    again = turned(ax, ay, width, height, angle)
    is_near = all(math.dist(*pair) <= _SLIP_PX for pair in zip(points, again, strict=True))
    return (ax, ay, width, height, angle) if is_near and min(width, height) > 0 else None


def _area(points: Sequence[Point]) -> float:
    """Return twice the signed area; above 0 when clockwise as seen, since y points down."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)
