"""Long thin things that run through a picture: where they lie, and strips turned along them.

Source: ridge strength over scales (Lindeberg, Int. J. Comput. Vis. 30 (1998) 117-154), summed along
straight lines (Radon). All numbers are our starting values.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.line_sums import LineSums
from catenary.imaging.profiles import Strip, turned

Floats = NDArray[np.float32]

_SEARCH_PX = 160  # longer side of the reduced picture that is searched
_SIGMAS = (1.0, 1.8, 3.2, 5.8, 10.4)  # px of that picture: wires of up to an eighth of its length
_WIDTHS_A_SIGMA = 2.0  # of a bar whose ridge is strongest at a sigma
_OFF_CENTRE = 0.4  # share of the box by which a line may pass beside its middle
_LEAN_DEG = 8.0  # beyond the diagonals of a box
_NEARLY_SQUARE = 0.6  # boxes this square tell no direction
_STEPS = ((4.0, 1.6), (1.0, 0.8))  # degrees from one try to the next, and px of blur they need
_NOISE = 4.0  # a ridge counts when it is this many times the noise
_LEAST_RIDGE = 1.5  # grey levels; below it a ridge is sensor texture
_WHOLE = 0.7  # of the strongest scale: a coarser one this strong is the wire, not its highlights
_CLEAR = 2.0  # ridge strength that counts in a search of the whole picture
_SEEN = 0.3  # of its logarithm, blurred: there is ridge
_FLANK_PX = 14.0  # beside a line to which its own blur makes ridges of the other polarity
_FLANK = 5.0  # times weaker than the line are such ridges
_LEAST_LENGTH = 8.0  # px of the reduced picture


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight line through a picture, by a point (pixel centres are whole) and a direction.

    Attributes:
        x: Column of the point.
        y: Row of the point.
        angle: From the x axis, clockwise on the screen, radians in (-pi/2, pi/2].
        start: Where it enters the picture, px along it from the point.
        stop: Where it leaves it.
        width: Rough width of what lies along it, px.
        sign: 1 where that is brighter than what is beside it, -1 where it is darker.
    """

    x: float
    y: float
    angle: float
    start: float
    stop: float
    width: float
    sign: float

    @property
    def length(self) -> float:
        """Length within the picture, px."""
        return self.stop - self.start

    def strip(
        self, pixels: NDArray[np.uint8], scale: float, half_px: float
    ) -> tuple[Strip, NDArray[np.bool_]]:
        """Turn what lies beside the line so that it is level.

        Args:
            pixels: (height, width) uint8, the picture the line is of.
            scale: Strip pixels per picture pixel, at most 1.
            half_px: How far to both sides the strip reaches, picture pixels.

        Returns:
            The strip, and which of its pixels lie in the picture.
        """
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        middle = max(4, math.ceil(half_px * scale))
        size = max(8, math.ceil(self.length * scale)), 2 * middle + 1
        linear = np.array([[cos, -sin], [sin, cos]]) / scale
        first = np.array([self.x + self.start * cos, self.y + self.start * sin])
        to_picture = np.hstack([linear, (first - linear @ (0, middle))[:, None]])
        strip = turned(pixels, to_picture, size, scale)
        columns, rows = np.arange(size[0]), np.arange(size[1])[:, None]
        x, y = (one[0] * columns + one[1] * rows + one[2] for one in to_picture)
        is_in = (x >= 0) & (y >= 0) & (x <= pixels.shape[1] - 1) & (y <= pixels.shape[0] - 1)
        return Strip(strip, to_picture, scale), is_in


@dataclass(frozen=True, slots=True)
class _Try:
    """A line in the reduced picture: direction, px beside a box's middle, and its gain."""

    angle_deg: float
    beside: float
    gain: float


@dataclass(frozen=True, slots=True)
class _Line:
    """A line through the reduced picture, by a point and a direction, as `Axis` has them."""

    x: float
    y: float
    angle: float
    start: float
    stop: float

    def places(self, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows and columns of the pixels along it, one a px."""
        along = np.arange(self.start, self.stop)
        columns = np.clip(np.round(self.x + along * math.cos(self.angle)), 0, shape[1] - 1)
        rows = np.clip(np.round(self.y + along * math.sin(self.angle)), 0, shape[0] - 1)
        return rows.astype(np.int64), columns.astype(np.int64)


def through(pixels: NDArray[np.uint8], box: Box) -> Axis | None:
    """Find the strongest thin thing, bright or dark, that runs through a box and the picture.

    Args:
        pixels: (height, width) uint8, at least 8 px a side.
        box: It passes near the middle of it, more along its longer side than across.

    Returns:
        The line; None where nothing stands out.
    """
    scale = min(1.0, _SEARCH_PX / max(pixels.shape))
    size = [max(8, round(side * scale)) for side in pixels.shape[::-1]]
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    layers = strengths(small, _SIGMAS)
    gain = np.log1p(np.maximum(np.abs(layers).max(axis=0) - 1, 0))
    own = box.scaled(scale)
    angles, best = _directions(own), _Try(0.0, 0.0, 0.0)
    for step, blur in _STEPS:
        soft = np.asarray(cv2.GaussianBlur(gain, (0, 0), blur), np.float32)
        first, last = angles
        tries = [_best_offset(soft, own, one) for one in np.arange(first, last + step / 2, step)]
        best = max(tries, key=lambda one: one.gain)
        angles = (best.angle_deg - step, best.angle_deg + step)
    line = _line(gain.shape, own, best) if best.gain > 0 else None
    return None if line is None else _axis(layers, line, scale)


def across(
    pixels: NDArray[np.uint8], search_px: int, least_px: float, count: int
) -> tuple[Axis, ...]:
    """Find the straight lines with the most ridge on them, one after the other.

    Each line takes the ridges along it away, so that the next one lies elsewhere.

    Args:
        pixels: (height, width) uint8.
        search_px: Longer side of the reduced picture that is searched.
        least_px: Least length of ridge on a line, px of ``pixels``.
        count: Most lines to return.
    """
    scale = min(1.0, search_px / max(pixels.shape))
    size = [max(8, round(side * scale)) for side in pixels.shape[::-1]]
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    layers = strengths(small, _SIGMAS[:3])
    gain = np.log1p(np.abs(layers).max(axis=0))
    gain[gain < np.log1p(_CLEAR)] = 0
    whole = Box(0, 0, small.shape[1], small.shape[0])
    sums = LineSums(gain, _middle(whole))
    found: list[Axis] = []
    while len(found) < count:
        line = _line(gain.shape, whole, _most(sums))
        if line is None or _seen_along(gain, line) < least_px * scale:
            break
        found.append(_axis(layers, line, scale))
        places = _around(gain, line, found[-1].width * scale)
        sums.take(places)
        gain[places] = 0
    return tuple(found)


def _most(sums: LineSums) -> _Try:
    """Return the line with the greatest sum of gains."""
    first, last, best = 0.0, 179.0, _Try(0.0, 0.0, 0.0)
    for step, blur in _STEPS:
        angles = np.arange(first, last + step / 2, step)
        along = sums.along(angles, blur)
        which, row = np.unravel_index(int(along.argmax()), along.shape)
        best = _Try(float(angles[which]), float(row - sums.reach), float(along[which, row]))
        first, last = best.angle_deg - step, best.angle_deg + step
    return best


def _seen_along(gain: Floats, line: _Line) -> float:
    """Return the px of a line on which there is ridge."""
    soft = cv2.GaussianBlur(gain, (0, 0), _STEPS[-1][1])
    return float((soft[line.places(gain.shape)] > _SEEN).sum())


def _around(gain: Floats, line: _Line, width: float) -> NDArray[np.bool_]:
    """Return where (H, W) the ridges along a line are."""
    half = 3.0 + 1.2 * width
    rows, columns = np.arange(gain.shape[0])[:, None], np.arange(gain.shape[1])
    across = (rows - line.y) * math.cos(line.angle)
    beside = np.abs(across - (columns - line.x) * math.sin(line.angle))
    own = gain[(beside <= 1) & (gain > 0)]
    is_flank = gain < (np.median(own) if own.size else 0) - math.log(_FLANK)
    return (beside <= half) | ((beside <= _FLANK_PX) & is_flank)


def strengths(picture: Floats, sigmas: tuple[float, ...]) -> Floats:
    """Return how much each place is on a ridge of any direction, at several scales.

    Normalised with sigma squared, so that the middle of a bar is stronger than its edges.

    Args:
        picture: (H, W) float32 grey levels.
        sigmas: Of the scales, px; the finest first, which tells the noise.

    Returns:
        (scales, H, W); bright ridges are greater than 0, dark ones less, 1 just counts.
    """
    layers = []
    for sigma in sigmas:
        smooth = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3, scale=0.25)
        yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3, scale=0.25)
        xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3, scale=0.25)
        half = (xx + yy) / 2
        across = np.abs(half) + cv2.sqrt((xx - yy) ** 2 / 4 + xy * xy)
        layers.append(-(sigma**2) * np.copysign(across, half))
    noise = float(np.median(np.abs(layers[0][::2, ::2])))
    strength = np.stack(layers) / max(_NOISE * noise, _LEAST_RIDGE)
    return np.asarray(strength, np.float32)


def _directions(box: Box) -> tuple[float, float]:
    """Return the first and last direction in degrees in which a part that fills a box may lie."""
    short, long = sorted((box.width, box.height))
    if short >= _NEARLY_SQUARE * long:
        return 0.0, 179.0
    lean = math.degrees(math.atan2(short, long)) + _LEAN_DEG
    around = 0.0 if box.width >= box.height else 90.0
    return around - lean, around + lean


def _middle(box: Box) -> tuple[float, float]:
    """Return the middle of a box; pixel centres are whole."""
    return box.centre[0] - 0.5, box.centre[1] - 0.5


def _turned(picture: Floats, box: Box, angle_deg: float) -> tuple[Floats, int]:
    """Turn a picture about a box's middle so that a direction is level; -1 outside it.

    Returns:
        Lines that pass near the middle, one a row, and the row of the one through it.
    """
    turn = math.radians(angle_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = _middle(box)
    reach = math.ceil(_OFF_CENTRE * (box.width * abs(sin) + box.height * abs(cos))) + 1
    height, width = picture.shape
    half = math.ceil(math.hypot(max(x, width - x), max(y, height - y)))
    to_picture = np.array(
        [
            [cos, -sin, x - half * cos + reach * sin],
            [sin, cos, y - half * sin - reach * cos],
        ]
    )
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    size = (2 * half + 1, 2 * reach + 1)
    turned = cv2.warpAffine(picture, to_picture, size, flags=flags, borderValue=-1.0)
    return np.asarray(turned, np.float32), reach


def _best_offset(gain: Floats, box: Box, angle_deg: float) -> _Try:
    """Return the line of one direction with the greatest mean gain within the picture."""
    turned, reach = _turned(gain, box, angle_deg)
    is_in = turned >= 0
    means = (turned * is_in).sum(axis=1) / np.maximum(is_in.sum(axis=1), 0.3 * min(gain.shape))
    row = int(means.argmax())
    return _Try(angle_deg, float(row - reach), float(means[row]))


def _line(shape: tuple[int, ...], box: Box, found: _Try) -> _Line | None:
    """Return a line that was found near the middle of a box, as far as it is seen."""
    turn = math.radians(found.angle_deg)
    x, y = _middle(box)
    x, y = x - found.beside * math.sin(turn), y + found.beside * math.cos(turn)
    if not -math.pi / 2 < turn <= math.pi / 2:
        turn -= math.pi
    spans = [
        sorted(((-at) / part, (side - 1 - at) / part))
        for at, part, side in ((x, math.cos(turn), shape[1]), (y, math.sin(turn), shape[0]))
        if abs(part) > 1e-6
    ]
    start, stop = max(low for low, _ in spans), min(high for _, high in spans)
    return _Line(x, y, turn, start, stop) if stop - start >= _LEAST_LENGTH else None


def _axis(layers: Floats, line: _Line, scale: float) -> Axis:
    """Return a line found in the reduced picture as one of the picture itself."""
    rows, columns = line.places(layers.shape[1:])
    on_line = layers[:, rows, columns]
    is_ridge = np.abs(on_line).max(axis=0) >= 1
    usual = np.median(on_line[:, is_ridge] if is_ridge.any() else on_line, axis=1)
    strong = np.abs(usual) >= _WHOLE * np.abs(usual).max()
    best = int(np.flatnonzero(strong)[-1])
    rough, sign = _WIDTHS_A_SIGMA * _SIGMAS[best] / scale, math.copysign(1, usual[best])
    x, y = (line.x + 0.5) / scale - 0.5, (line.y + 0.5) / scale - 0.5
    return Axis(x, y, line.angle, line.start / scale, line.stop / scale, rough, sign)
