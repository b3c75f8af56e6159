"""Boxes and polylines in image pixels: x to the right, y down, origin at the top left."""

import cmath
import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned box in pixels, half-open.

    A pixel column x is inside when ``x0 <= x < x1``, so the width is ``x1 - x0``.
    Full-frame pixels unless the holder says otherwise.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        """Refuse empty, inverted, infinite and NaN boxes."""
        corners = (self.x0, self.y0, self.x1, self.y1)
        if not all(map(math.isfinite, corners)) or not (self.x0 < self.x1 and self.y0 < self.y1):
            raise ValueError(f"box needs finite x0 < x1 and y0 < y1, got {corners}")

    @property
    def width(self) -> float:
        """Width in pixels, greater than 0."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in pixels, greater than 0."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y)."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def shifted(self, dx: float, dy: float) -> "Box":
        """Return this box moved by (dx, dy) pixels."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def scaled(self, factor: float) -> "Box":
        """Return this box in an image resized by ``factor`` > 0."""
        return Box(self.x0 * factor, self.y0 * factor, self.x1 * factor, self.y1 * factor)

    def grown(self, pixels: float) -> "Box":
        """Return this box with ``pixels`` added on all four sides."""
        return Box(self.x0 - pixels, self.y0 - pixels, self.x1 + pixels, self.y1 + pixels)

    def clipped(self, width: float, height: float) -> "Box | None":
        """Return the part inside a (height, width) image, or None when none is."""
        x0, y0 = max(self.x0, 0.0), max(self.y0, 0.0)
        x1, y1 = min(self.x1, float(width)), min(self.y1, float(height))
        return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def contains(self, x: float, y: float) -> bool:
        """Tell whether the point lies inside."""
        return self.x0 <= x < self.x1 and self.y0 <= y < self.y1

    def iou(self, other: "Box") -> float:
        """Return intersection over union in [0, 1]."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Similarity:
    """Where a point x + iy of one photograph lies in another: at ``alpha * p + beta``."""

    alpha: complex
    beta: complex

    @property
    def scale(self) -> float:
        """Pixels of the other photograph for one of this."""
        return abs(self.alpha)

    @property
    def rotation_deg(self) -> float:
        """Clockwise as seen, since y points down."""
        return math.degrees(cmath.phase(self.alpha))

    def placed(self, box: Box) -> Box:
        """Return where a box comes to lie: moved and scaled, but not turned."""
        middle = self.alpha * complex(*box.centre) + self.beta
        half = self.scale * complex(box.width, box.height) / 2
        return Box(
            middle.real - half.real,
            middle.imag - half.imag,
            middle.real + half.real,
            middle.imag + half.imag,
        )

    def inverse(self) -> "Similarity":
        """Return the way back."""
        return Similarity(1 / self.alpha, -self.beta / self.alpha)


@dataclass(frozen=True, slots=True)
class Polyline:
    """A named line to draw: what a rule or a model saw.

    Attributes:
        role: What it shows, e.g. ``"wire"``, ``"gap"``, ``"clamp"``, ``"shed"``, ``"axis"``.
        points: At least one (x, y) in pixels of the image that the holder speaks of.
    """

    role: str
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse an empty line and points that are not finite."""
        if not self.points or not all(math.isfinite(v) for point in self.points for v in point):
            raise ValueError(f"polyline {self.role!r} needs finite points, got {self.points!r}")

    def shifted(self, dx: float, dy: float) -> Self:
        """Return this line moved by (dx, dy) pixels."""
        return type(self)(self.role, tuple((x + dx, y + dy) for x, y in self.points))

    def scaled(self, factor: float) -> Self:
        """Return this line in a picture resized by ``factor``."""
        return type(self)(self.role, tuple((x * factor, y * factor) for x, y in self.points))


def iou_matrix(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (N, M) intersection over union of (N, 4) with (M, 4) boxes, x0 y0 x1 y1."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)  # (N, M)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    overlap: NDArray[np.float32] = (shared / np.maximum(union, 1e-9)).astype(np.float32)
    return overlap
