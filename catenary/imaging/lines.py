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
    """A line in the reduced picture: direction, px beside the box's middle, gain, px of ridge."""

    angle_deg: float
    offset: float
    gain: float
    length: float = 0.0


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
    return _axis(layers, own, best, scale) if best.gain > 0 else None


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
    found: list[Axis] = []
    while len(found) < count:
        best = _most(gain, whole)
        axis = _axis(layers, whole, best, scale)
        if axis is None or best.length < least_px * scale:
            break
        found.append(axis)
        _take(gain, axis, scale)
    return tuple(found)


def _most(gain: Floats, box: Box) -> _Try:
    """Return the line through a picture with the greatest sum of gains."""
    first, last, best = 0.0, 179.0, _Try(0.0, 0.0, 0.0)
    for step, blur in _STEPS:
        soft = np.asarray(cv2.GaussianBlur(gain, (0, 0), blur), np.float32)
        tries = [_sum_along(soft, box, one) for one in np.arange(first, last + step / 2, step)]
        best = max(tries, key=lambda one: one.gain)
        first, last = best.angle_deg - step, best.angle_deg + step
    return best


def _sum_along(gain: Floats, box: Box, angle_deg: float) -> _Try:
    turned, reach = _turned(gain, box, angle_deg, 0.5)
    sums = np.maximum(turned, 0).sum(axis=1)
    row = int(sums.argmax())
    length = float((turned[row] > _SEEN).sum())
    return _Try(angle_deg, float(row - reach), float(sums[row]), length)


def _take(gain: Floats, axis: Axis, scale: float) -> None:
    """Remove the ridges along a line that was found."""
    half = 3.0 + 1.2 * axis.width * scale
    rows, columns = np.mgrid[: gain.shape[0], : gain.shape[1]]
    x, y = (axis.x + 0.5) * scale - 0.5, (axis.y + 0.5) * scale - 0.5
    beside = np.abs((rows - y) * math.cos(axis.angle) - (columns - x) * math.sin(axis.angle))
    own = gain[(beside <= 1) & (gain > 0)]
    is_flank = gain < (np.median(own) if own.size else 0) - math.log(_FLANK)
    gain[(beside <= half) | ((beside <= _FLANK_PX) & is_flank)] = 0


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


def _turned(picture: Floats, box: Box, angle_deg: float, share: float) -> tuple[Floats, int]:
    """Turn a picture about a box's middle so that a direction is level; -1 outside it.

    Returns:
        Lines that pass beside the middle by up to ``share`` of the box, one a row, and the row of
        the one through the middle.
    """
    turn = math.radians(angle_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = box.centre[0] - 0.5, box.centre[1] - 0.5
    reach = math.ceil(share * (box.width * abs(sin) + box.height * abs(cos))) + 1
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
    turned, reach = _turned(gain, box, angle_deg, _OFF_CENTRE)
    is_in = turned >= 0
    means = (turned * is_in).sum(axis=1) / np.maximum(is_in.sum(axis=1), 0.3 * min(gain.shape))
    row = int(means.argmax())
    return _Try(angle_deg, float(row - reach), float(means[row]))


def _axis(layers: Floats, box: Box, found: _Try, scale: float) -> Axis | None:
    """Return a line found in the reduced picture as one of the picture itself."""
    turn = math.radians(found.angle_deg)
    x = box.centre[0] - 0.5 - found.offset * math.sin(turn)
    y = box.centre[1] - 0.5 + found.offset * math.cos(turn)
    if not -math.pi / 2 < turn <= math.pi / 2:
        turn -= math.pi
    height, width = layers.shape[1:]
    cos, sin = math.cos(turn), math.sin(turn)
    spans = [
        sorted(((-at) / part, (side - 1 - at) / part))
        for at, part, side in ((x, cos, width), (y, sin, height))
        if abs(part) > 1e-6
    ]
    start, stop = max(low for low, _ in spans), min(high for _, high in spans)
    if stop - start < _LEAST_LENGTH:
        return None
    along = np.arange(start, stop)
    columns = np.clip(np.round(x + along * cos), 0, width - 1).astype(np.int64)
    rows = np.clip(np.round(y + along * sin), 0, height - 1).astype(np.int64)
    on_line = layers[:, rows, columns]
    is_ridge = np.abs(on_line).max(axis=0) >= 1
    usual = np.median(on_line[:, is_ridge] if is_ridge.any() else on_line, axis=1)
    strong = np.abs(usual) >= _WHOLE * np.abs(usual).max()
    best = int(np.flatnonzero(strong)[-1])
    rough, sign = _WIDTHS_A_SIGMA * _SIGMAS[best] / scale, math.copysign(1, usual[best])
    x, y = (x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5
    return Axis(x, y, turn, start / scale, stop / scale, rough, sign)
