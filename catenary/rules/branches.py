"""Thin things that stand off a wire and end: cut strands. All numbers are our starting values."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Polyline
from catenary.imaging import lines
from catenary.rules.stretch import Flags, Floats, Numbers, Stretch

_REACH = 8.0  # widths to both sides in which branches are followed
_SIGMAS = (1.0, 1.7)  # strip px: strands of 1 to 5 px
_WEAK, _STRONG = 1.0, 2.0  # ridge strengths that belong to a branch, and that one must reach
_CONTRAST = 0.12  # of the wire's own; fainter ridges are blotches of the background
_EDGE = 0.65  # widths from the middle up to which it is the wire
_ROOT = 0.6  # widths between the wire and what still grows from it
_THIN = 0.45  # widths that a branch may be thick
_SLIM = 4.0  # times as long as thick
_SHORT = 0.8  # widths; shorter specks are not looked at
_BORDER = 3  # px from the end of what is seen
_ONWARD = 1.5  # widths over which a thing that goes on is looked for
_GOES_ON = 0.5  # share of that way with a ridge on it
_CLAMPED = 1.5  # widths around a root in which a clamp would be
_HIDDEN = 0.3  # share of them on which a clamp hides the wire
_MOST = 60  # specks looked at, the largest first


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """Something thin that leaves the wire and ends.

    Attributes:
        length: From its root to its tip, in widths of the wire.
        angle_deg: Between it and the wire, 0 to 90.
        line: From root to tip, to draw.
    """

    length: float
    angle_deg: float
    line: Polyline


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What was found beside a wire.

    Attributes:
        branches: Longest first.
        busy: Share of the surroundings that other thin things cover, in [0, 1].
    """

    branches: tuple[Branch, ...]
    busy: float


def beside(stretch: Stretch, pixels: NDArray[np.uint8]) -> Beside:
    """Find what stands off a wire beside the box, as bright or dark as itself, and ends.

    What goes on to the edge of what is seen, or on the other side of the wire, is another wire or
    a dropper; what is thick is a clamp.

    Args:
        stretch: The wire.
        pixels: The crop that it was measured in.
    """
    around = _Around(stretch, pixels)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(around.mask.astype(np.uint8))
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
    large = [k for k in order if sides[k - 1] >= _SHORT * stretch.width][:_MOST]
    found, covered = [], 0
    for index in large:
        x, y, wide, high, area = stats[index]
        rows, columns = np.nonzero(labels[y : y + high, x : x + wide] == index)
        branch = around.branch(np.stack([columns + x, rows + y], axis=1))
        if branch is not None:
            found.append(branch)
            covered += int(area)
    longest_first = sorted(found, key=lambda one: -one.length)
    return Beside(tuple(longest_first), (around.covered - covered) / max(around.area, 1))


class _Around:
    """What lies beside the wire, thin and as bright or dark as it, in a wide strip."""

    def __init__(self, stretch: Stretch, pixels: NDArray[np.uint8]) -> None:
        width, scale = stretch.width, stretch.strip.scale
        self.width, self.inside, self.hidden = width, stretch.inside, stretch.hidden
        self.strip, is_seen = stretch.axis.strip(pixels, scale, _REACH * width / scale)
        height = self.strip.pixels.shape[0]
        shift = height // 2 - stretch.strip.pixels.shape[0] // 2
        rows = np.arange(height, dtype=np.float64)[:, None]
        self.away: Numbers = rows - (stretch.course + shift)
        bright = stretch.axis.sign * self.strip.pixels
        size = max(5, round(2 * _THIN * width)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        hat = cv2.morphologyEx(bright, cv2.MORPH_TOPHAT, kernel)
        self.ridge: Floats = lines.strengths(np.asarray(bright, np.float32), _SIGMAS).max(axis=0)
        is_ridge = (self.ridge >= _WEAK) & (hat >= _CONTRAST * np.median(stretch.level))
        off_wire = np.abs(self.away) > _EDGE * width + 1
        self.mask: Flags = is_ridge & is_seen & off_wire
        self.area, self.covered = int((is_seen & off_wire).sum()), int(self.mask.sum())
        border = np.ones((2 * _BORDER + 1,) * 2, np.uint8)
        seen = cv2.copyMakeBorder(is_seen.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        self.is_inner: Flags = cv2.erode(seen, border)[1:-1, 1:-1] > 0
        near = cv2.dilate(is_ridge.astype(np.uint8), np.ones((3, 3), np.uint8))
        self.is_near: Flags = near > 0

    def branch(self, points: NDArray[np.int64]) -> Branch | None:
        """Return a speck of pixels (N, 2), column and row, as a branch if it is one."""
        x, y = points.T
        away = np.abs(self.away[y, x])
        root = points[away.argmin()]
        if away.min() > (_EDGE + _ROOT) * self.width + 1 or not self.is_inner[y, x].all():
            return None
        distance = np.hypot(*(points - root).T)
        tip = points[distance.argmax()]
        length = float(distance.max()) + 1
        thick = len(points) / length
        if thick > _THIN * self.width or length < _SLIM * thick:
            return None
        if np.percentile(self.ridge[y, x], 80) < _STRONG:
            return None
        outer = points[distance >= 0.5 * length].mean(axis=0)
        inner = points[distance <= 0.5 * length].mean(axis=0)
        if self._is_clamped(int(root[0])):
            return None
        if self._goes_on(tip, tip - outer, 2.0) or self._crosses(root, root - inner):
            return None
        rise = abs(self.away[tip[1], tip[0]]) - abs(self.away[root[1], root[0]])
        angle = np.degrees(np.arctan2(rise, abs(int(tip[0] - root[0]))))
        if not self.inside[min(round((root[0] + tip[0]) / 2), len(self.inside) - 1)]:
            return None
        ends = (self.strip.in_picture(*map(float, end)) for end in (root, tip))
        line = Polyline("strand", tuple((u + 0.5, v + 0.5) for u, v in ends))
        return Branch(length / self.width, float(angle), line)

    def _is_clamped(self, column: int) -> bool:
        """Tell whether something sits on the wire where a branch grows from it."""
        reach = round(_CLAMPED * self.width)
        around = self.hidden[max(column - reach, 0) : column + reach + 1]
        return bool(around.size) and float(around.mean()) > _HIDDEN

    def _crosses(self, root: NDArray[np.int64], direction: Numbers) -> bool:
        """Tell whether a line that meets the wire goes on behind it."""
        across = direction[1] / max(float(np.hypot(*direction)), 1e-6)
        if abs(across) < 0.1:
            return False
        return self._goes_on(root, direction, (2 * _EDGE + 0.4) * self.width / abs(across))

    def _goes_on(self, end: NDArray[np.int64], direction: Numbers, skipped: float) -> bool:
        """Tell whether ridges follow an end in its direction, or what is seen ends there."""
        unit = direction / max(float(np.hypot(*direction)), 1e-6)
        steps = skipped + np.arange(0, max(_ONWARD * self.width, 4))
        x, y = np.round(end[:, None] + unit[:, None] * steps).astype(np.int64)
        height, width = self.mask.shape
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        on = self.is_near[y, x] & inside
        return float(on.mean()) >= _GOES_ON
