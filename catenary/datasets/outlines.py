"""Turned boxes as four corners, kept as a line of a label."""

import math
from collections.abc import Sequence

from catenary.datasets.labels import Label
from catenary.datasets.reading import Point
from catenary.domain.geometry import Box, Polyline

OUTLINE = "outline"  # role of the closed line around a part


def corners(box: Box) -> tuple[Point, ...]:
    """Return the four corners of an upright box, clockwise from the top left."""
    return (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)


def outline(label: Label) -> tuple[Point, ...] | None:
    """Return the closed line around a part, or None when only its box is known."""
    return next((line.points for line in label.lines if line.role == OUTLINE), None)


def turned(
    x: float, y: float, width: float, height: float, clockwise_deg: float
) -> tuple[Point, ...]:
    """Return the corners of a box turned about its top left corner (x, y)."""
    cos, sin = math.cos(math.radians(clockwise_deg)), math.sin(math.radians(clockwise_deg))
    steps = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return tuple((x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in steps)


def rectangle(points: Sequence[Point]) -> tuple[float, float, float, float, float] | None:
    """Return x, y, width, height, degrees as `turned` takes them; None for another shape."""
    if len(points) != 4:
        return None
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    width, height = math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)
    square = abs((bx - ax) * (dx - ax) + (by - ay) * (dy - ay))
    slip = math.hypot(bx + dx - ax - cx, by + dy - ay - cy)
    turn = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    if min(width, height) <= 0 or turn <= 0:
        return None
    if slip > 0.01 * (width + height) or square > 0.01 * width * height:
        return None
    return ax, ay, width, height, math.degrees(math.atan2(by - ay, bx - ax))


def as_line(points: Sequence[Point]) -> Polyline:
    """Return an outline as a line of a label."""
    return Polyline(OUTLINE, tuple(points))
