"""Rows of equal things: their direction, period and places, in pictures turned along them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box, Polyline
from catenary.imaging import resize
from catenary.imaging.shrink import shrunk

Floats = NDArray[np.float32]

_COARSE_AREA = 90_000  # px searched: an insulator of 30 sheds keeps 5 px and more for each
_COARSE_SIDE = 1024
_LEAST_LAG = 3.0  # px of the coarse picture; finer waves are noise or the pixel grid
_LAGS = 240  # periods tried, evenly spaced in their logarithm
_FIRST = 0.75  # share of the best fit that the shortest period must reach
_REPEATED = 0.35  # share of the swing on a period that its thirds must have to be the period
_TEETH = 4  # repetitions that are looked at first
_SEEDS = 9  # places tried for the first thing
_NEAR = 9  # things that a local template is learnt from
_STARK = 2.0  # times the contrast of a thing: what stands out more is another thing
_WINDOW = 1.2  # periods
_REACH = 2.0  # strip px around it that are blurred into it: five times the blur of 0.4
_BLOCK = 64  # px; a picture is halved six times at most
_BAND = 256  # rows whose marks stay in the cache
_SHARP = 0.7  # scale from which a strip asks for no blur
_LEAST_SIGMA = 1.0  # px of a halved picture that is blurred
_LEAST_SIGMA_OF_ROWS = 0.65  # the same where things are held against each other, no edge measured


@dataclass(frozen=True, slots=True)
class Row:
    """A row of equal things.

    Attributes:
        angle_deg: Of the row from the x axis, clockwise on the screen, in [0, 180).
        period_px: Distance of neighbours, in pixels of the picture searched.
        rhythm: Autocorrelation on the period less that between, about 0 without a row, up
            to 2 for a perfect wave.
    """

    angle_deg: float
    period_px: float
    rhythm: float


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A part of a picture, turned so that its row is level.

    Attributes:
        pixels: (height, length) float32 grey levels, the row along the second axis.
        to_picture: (2, 3) float64 affine map from strip (x, y) to picture (x, y).
        scale: Strip pixels per picture pixel, at most 1.
    """

    pixels: Floats
    to_picture: NDArray[np.float64]
    scale: float

    def in_picture(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the strip (x, y) in the picture."""
        mapped = self.to_picture @ (x, y, 1.0)
        return float(mapped[0]), float(mapped[1])

    def line(self, role: str, x: NDArray[np.floating], y: NDArray[np.floating]) -> Polyline:
        """Return places of the strip, (N,) each, as a line in half-open pixels of the picture."""
        across, down = (one[0] * x + one[1] * y + (one[2] + 0.5) for one in self.to_picture)
        return Polyline(role, tuple(zip(across.tolist(), down.tolist(), strict=True)))

    def in_full(self, scale: float) -> "Strip":
        """Return this strip of a picture that was reduced by ``scale`` as one of the whole one."""
        to_picture = self.to_picture / scale
        to_picture[:, 2] += 0.5 / scale - 0.5
        return Strip(self.pixels, to_picture, self.scale * scale)


def find_row(pixels: NDArray[np.uint8], around_deg: float, spread_deg: float) -> Row | None:
    """Find the strongest row of equal things.

    The autocorrelation of a row has peaks at the multiples of one vector, whatever the things
    look like and wherever in the picture the row lies. Each direction is searched with a comb:
    high on the multiples of the period, low halfway between.

    Args:
        pixels: (height, width) uint8, at least 8 px a side.
        around_deg: Middle of the directions searched.
        spread_deg: Directions up to this far from it are searched, 0 to 90.

    Returns:
        The row; None where the picture is too small or no comb fits.
    """
    height, width = pixels.shape
    scale = min(1.0, math.sqrt(_COARSE_AREA / pixels.size), _COARSE_SIDE / max(height, width))
    coarse = evened(shrunk(pixels, scale).astype(np.float32))
    correlation, reach = _autocorrelation(coarse)
    longest = float(np.hypot(*reach))
    periods = np.geomspace(_LEAST_LAG, max(longest / 2, _LEAST_LAG * 1.1), _LAGS)
    angles = around_deg + np.arange(-spread_deg, spread_deg + 1.5, 3.0)
    found = _best_comb(_Combs(correlation, reach, _TEETH), angles, periods)
    if found is None:
        return None
    rhythm = found.rhythm
    found = _fundamental(_Combs(correlation, reach, _TEETH), found)
    for teeth, spread, share in ((_TEETH, 12.0, 0.04), (3 * _TEETH, 1.0, 0.02)):
        angles = found.angle_deg + np.linspace(-spread, spread, 25)
        periods = found.period_px * np.linspace(1 - share, 1 + share, 13)
        found = _best_comb(_Combs(correlation, reach, teeth), angles, periods) or found
    return Row(found.angle_deg % 180, found.period_px / scale, rhythm)


def evened(picture: Floats) -> Floats:
    """Return the picture without its slow changes, its contrast evened out.

    Bright beams and dark background then weigh no more than the row itself. The contrast of
    dark sky is noise: it is not raised beyond a share of the usual.
    """
    reach = max(5, round(max(picture.shape) / 10)) | 1
    window = (reach, reach)
    flat = np.asarray(cv2.blur(picture, window, borderType=cv2.BORDER_REFLECT), np.float32)
    np.subtract(picture, flat, out=flat)
    contrast = np.asarray(cv2.blur(flat * flat, window, borderType=cv2.BORDER_REFLECT), np.float32)
    np.sqrt(np.maximum(contrast, 0, out=contrast), out=contrast)
    # It changes slowly: some of its places tell how it is distributed.
    some = contrast[:: max(1, reach // 6), :: max(1, reach // 6)]
    floor = max(0.3 * float(np.percentile(some, 90)), 1e-3)
    contrast += np.float32(floor)
    flat /= contrast
    return flat


def level(
    pixels: NDArray[np.uint8], boxes: Sequence[Box], angle_deg: float, scale: float
) -> list[Strip]:
    """Turn parts of a picture so that ``angle_deg`` becomes level.

    Args:
        pixels: (height, width) uint8.
        boxes: Each covered completely by its strip; they lie close together, since what is seen
            of the picture is blurred once for all.
        angle_deg: Direction that becomes the strips' x axis, clockwise from the picture's.
        scale: Strip pixels per picture pixel, at most 1.

    Returns:
        A strip for each box; what lies outside the picture repeats its border.
    """
    placed = [_placed(box, angle_deg, scale) for box in boxes]
    soft = _softened(pixels, placed, scale, _LEAST_SIGMA_OF_ROWS)
    return [Strip(soft.turned(*one), one[0], scale) for one in placed]


def _placed(
    box: Box, angle_deg: float, scale: float
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return (2, 3) from strip (x, y) to picture of a strip over a box, its length and height."""
    turn = math.radians(angle_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    length = (box.width * abs(cos) + box.height * abs(sin)) * scale
    height = (box.width * abs(sin) + box.height * abs(cos)) * scale
    size = max(8, math.ceil(length)), max(8, math.ceil(height))
    linear = np.array([[cos, -sin], [sin, cos]]) / scale
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    offset = np.array(box.centre) - 0.5 - linear @ middle
    return np.hstack([linear, offset[:, None]]), size


def turned(
    pixels: NDArray[np.uint8], to_picture: NDArray[np.float64], size: tuple[int, int], scale: float
) -> Floats:
    """Return what a strip shows of a picture, blurred as its scale asks for.

    Args:
        pixels: (height, width) uint8.
        to_picture: (2, 3) from strip (x, y) to picture (x, y), pixel centres whole.
        size: Length and height of the strip.
        scale: Strip pixels per picture pixel, at most 1.

    Returns:
        (height, length) float32 whole grey levels; outside the picture its border is repeated.
    """
    soft = _softened(pixels, [(to_picture, size)], scale, _LEAST_SIGMA)
    return soft.turned(to_picture, size)


@dataclass(frozen=True, slots=True, eq=False)
class _Soft:
    """A part of a picture, blurred as strips of it ask for.

    Attributes:
        pixels: (height, width) uint8.
        factor: Pixels a side of the picture that one of them stands for.
        left: Column of the picture at which they begin.
        top: Row of the picture at which they begin.
    """

    pixels: NDArray[np.uint8]
    factor: int
    left: int
    top: int

    def turned(self, to_picture: NDArray[np.float64], size: tuple[int, int]) -> Floats:
        """Return (height, length) what a strip shows."""
        # Pixel 0 of a halved picture is the mean of pixels 0 and 1: its centre is at 0.5.
        to_source = to_picture.copy()
        to_source[:, 2] -= (self.left, self.top)
        to_source /= self.factor
        to_source[:, 2] -= (self.factor - 1) / (2 * self.factor)
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        strip = cv2.warpAffine(self.pixels, to_source, size, flags=flags, borderMode=border)
        return np.asarray(strip, np.float32)


def _softened(
    pixels: NDArray[np.uint8],
    strips: Sequence[tuple[NDArray[np.float64], tuple[int, int]]],
    scale: float,
    least_sigma: float,
) -> _Soft:
    """Return what strips show of a picture, with what is blurred into them.

    A wide blur is done on a halved picture, which takes a tenth of the time; taking the mean of a
    block of n pixels a side is a blur already, of variance (n * n - 1) / 12.

    Args:
        pixels: (height, width) uint8.
        strips: Map from strip to picture, length and height of each.
        scale: Strip pixels per picture pixel.
        least_sigma: Blur of the halved picture, px of it, below which it is not halved so often.
    """
    seen, left, top = _covered(pixels, strips, scale)
    if scale >= _SHARP:
        return _Soft(seen, 1, left, top)
    sigma = 0.4 / scale
    halvings = max(0, math.floor(math.log2(sigma / least_sigma)))
    factor = 2**halvings
    own = math.sqrt(sigma**2 - (factor**2 - 1) / 12) / factor
    soft = cv2.GaussianBlur(resize.halved(seen, halvings), (0, 0), own)
    return _Soft(np.asarray(soft, np.uint8), factor, left, top)


def _covered(
    pixels: NDArray[np.uint8],
    strips: Sequence[tuple[NDArray[np.float64], tuple[int, int]]],
    scale: float,
) -> tuple[NDArray[np.uint8], int, int]:
    """Return the part of a picture that strips show or that is blurred into them, and its place."""
    corners = np.concatenate(
        [
            np.array([(x, y, 1.0) for x in (0, length - 1) for y in (0, height - 1)]) @ to_picture.T
            for to_picture, (length, height) in strips
        ]
    )
    reach = _REACH / scale
    # Blocks of a halved picture begin where they would in the whole one.
    first = np.maximum(np.floor((corners.min(axis=0) - reach) / _BLOCK) * _BLOCK, 0).astype(int)
    last = np.ceil(corners.max(axis=0) + reach).astype(int) + 1
    height, width = pixels.shape
    left, top = min(int(first[0]), width - 1), min(int(first[1]), height - 1)
    return pixels[top : max(int(last[1]), top + 1), left : max(int(last[0]), left + 1)], left, top


def rows_with_period(strip: Floats, period: float, share: float) -> slice:
    """Return the rows of a strip that repeat after ``period``, one stretch.

    Args:
        strip: (height, length) float32, without slow changes along its length.
        period: In strip pixels.
        share: Rows count that repeat at least this share as much as the best.
    """
    lag = max(1, round(period))
    repeats = np.einsum("ij,ij->i", strip[:, lag:], strip[:, :-lag]) / (strip.shape[1] - lag)
    smooth = cv2.GaussianBlur(repeats[:, None].astype(np.float32), (0, 0), 1 + period / 12).ravel()
    is_in = (smooth > share * smooth.max()).astype(np.uint8)
    # The core between the two edges of the sheds repeats less: close the hole.
    bridge = np.ones((max(3, round(1.5 * period)) | 1, 1), np.uint8)
    closed = cv2.morphologyEx(np.pad(is_in, len(bridge))[:, None], cv2.MORPH_CLOSE, bridge)
    closed = closed.ravel()[len(bridge) : -len(bridge)]
    first = last = int(smooth.argmax())
    while first > 0 and closed[first - 1]:
        first -= 1
    while last < len(closed) - 1 and closed[last + 1]:
        last += 1
    return slice(first, last + 1)


def lit(pixels: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the rows and columns of a picture outside which there is only its dark.

    Night sky around a part, or black padding, is cut off; the edge of it would be the strongest
    thing seen.

    Args:
        pixels: (height, width) uint8.
    """
    dark, bright = percentiles(pixels[::2, ::2], (1, 99))
    least = math.floor(dark + 0.1 * (bright - dark) + 2)  # no grey level lies between
    rows, columns = [], np.zeros(pixels.shape[1], np.int64)
    # Whole pictures of marks would be fetched from the system each time, and be filled with zeros.
    for top in range(0, len(pixels), _BAND):
        is_lit = cv2.threshold(pixels[top : top + _BAND], least, 1, cv2.THRESH_BINARY)[1]
        rows.append(cv2.reduce(is_lit, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel())
        own = cv2.reduce(is_lit, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
        columns += np.asarray(own, np.int64)
    slices = []
    for count, across in zip((np.concatenate(rows), columns), pixels.shape[::-1], strict=True):
        seen = np.flatnonzero(count > 0.03 * across)
        slices.append(slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(None))
    return slices[0], slices[1]


def percentiles(pixels: NDArray[np.uint8], shares: Sequence[float]) -> Floats:
    """Return what `numpy.percentile` does, in a tenth of the time: grey levels are counted.

    Args:
        pixels: (height, width) uint8, not empty.
        shares: In [0, 100].

    >>> percentiles(np.array([[0, 10], [20, 30]], np.uint8), (0, 50, 100)).tolist()
    [0.0, 15.0, 30.0]
    """
    return percentiles_of(histogram(pixels), shares)


def histogram(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return (256,) how many pixels of a picture (height, width) have each grey level."""
    counts = np.zeros(256, np.int64)
    for top in range(0, len(pixels) if pixels.size else 0, _BAND):
        band = np.ascontiguousarray(pixels[top : top + _BAND])
        counts += cv2.calcHist([band], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return counts


def percentiles_of(counts: NDArray[np.int64], shares: Sequence[float]) -> Floats:
    """Return the percentiles of grey levels as `histogram` counts them, of at least one pixel."""
    below = np.cumsum(counts)
    places = (below[-1] - 1) * np.asarray(shares) / 100
    whole = np.floor(places).astype(np.int64)
    low = np.searchsorted(below, whole, side="right")
    high = np.searchsorted(below, np.minimum(whole + 1, below[-1] - 1), side="right")
    return np.asarray(low + (high - low) * (places - whole), np.float32)


def percentiles_along(values: Floats, shares: Sequence[float], axis: int) -> Floats:
    """Return what `numpy.percentile` does, in a fifth of the time for many short rows: by sorting.

    Args:
        values: Any shape, without NaN.
        shares: In [0, 100].
        axis: One axis, which is left out of the answer.

    Returns:
        One array for each share.

    >>> percentiles_along(np.array([[3.0, 1.0], [5.0, 4.0]], np.float32), (0, 50), 1).tolist()
    [[1.0, 4.0], [2.0, 4.5]]
    """
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, 0)
    found = []
    for share in shares:
        place = (len(ordered) - 1) * share / 100
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        found.append(low + (high - low) * np.float32(place - math.floor(place)))
    return np.asarray(found, np.float32)


def medians_along(values: Floats, axis: int) -> Floats:
    """Return what `numpy.median` does along an axis, as `percentiles_along`."""
    return np.asarray(percentiles_along(values, (50,), axis)[0], np.float32)


def trimmed(strip: Strip, rows: slice, reach: float) -> Strip:
    """Return some rows of a strip, without the dark columns at its ends.

    The padding of a cut-out that was turned before is as dark as the sky behind a string ends;
    its edge would look like a shed.

    Args:
        strip: To be cut.
        rows: Rows to keep.
        reach: Columns kept beyond the last one that is bright in half of its rows, as long as
            something is seen there.
    """
    pixels = strip.pixels[rows]
    dark, bright = percentiles(pixels.astype(np.uint8), (1, 98))  # grey levels are whole
    lit = (pixels > dark + 0.1 * (bright - dark)).mean(axis=0)
    columns = np.flatnonzero(lit >= 0.5)
    first, last = (int(columns[0]), int(columns[-1])) if columns.size else (0, len(lit) - 1)
    seen = np.flatnonzero(lit >= 0.15)
    near = seen[(seen >= first - reach) & (seen <= last + reach)]
    first, last = min([first, *near]), max([last, *near])
    moved = strip.to_picture.copy()
    moved[:, 2] += strip.to_picture[:, :2] @ (first, rows.start)
    return Strip(pixels[:, first : last + 1], moved, strip.scale)


def waves(grey: Floats, period: float) -> Floats:
    """Return the strip without what changes slower than its things: the core, the light."""
    width = max(3, round(period)) | 1
    slow = np.asarray(cv2.blur(grey, (width, 1), borderType=cv2.BORDER_REFLECT), np.float32)
    return np.subtract(grey, slow, out=slow)


def best_within(likeness: Floats, period: float) -> Floats:
    """Return the best likeness in a window of 1.2 periods around each place.

    Each such window holds a thing, unless one is missing.
    """
    window = np.ones((1, round(_WINDOW * period) | 1), np.uint8)
    return np.asarray(cv2.dilate(likeness[None], window)[0], np.float32)


def likeness_to_one(strip: Floats, period: float) -> Floats:
    """Return how alike each place is to that one place which most others are like.

    Args:
        strip: (rows, length) float32 as from `waves`, longer than the period.
        period: In strip pixels, at least 2.

    Returns:
        (length,) correlation coefficients in [0, 1].
    """
    half = round(period) // 2
    length = strip.shape[1]
    seeds = np.linspace(half, length - half - 1, _SEEDS).astype(int)
    alike = _likeness_to_places(strip, seeds, half)
    usual = [float(np.median(best_within(likeness, period))) for likeness in alike]
    return np.asarray(alike[int(np.argmax(usual))], np.float32)


def _likeness_to_places(strip: Floats, places: NDArray[np.int64], half: int) -> Floats:
    """Return how alike all places are to each of some, (places, length), as `_correlation` does."""
    width = 2 * half + 1
    bordered = cv2.copyMakeBorder(strip, 0, 0, half, half, cv2.BORDER_REPLICATE)
    # Differences of large sums would lose what is small.
    wide = np.asarray(bordered - bordered.mean(), np.float32)
    some = np.stack([wide[:, at : at + width] for at in places])  # (places, rows, width)
    some -= some.mean(axis=(1, 2), keepdims=True)
    some /= np.maximum(np.sqrt((some * some).sum(axis=(1, 2))), 1e-6)[:, None, None]
    # Each column of them times each one of the strip, then summed up along the windows. Not numpy's
    # product: its threads would take the cores that other parts are judged on.
    columns = np.ascontiguousarray(some.transpose(0, 2, 1)).reshape(-1, strip.shape[0])
    products = cv2.gemm(columns, wide, 1.0, np.empty(0, np.float32), 0.0)
    products = products.reshape(len(some), width, -1)
    alike = np.zeros((len(some), strip.shape[1]), np.float32)
    for at in range(width):
        alike += products[:, at, at : at + strip.shape[1]]
    alike /= np.maximum(_deviations(wide, width), 1e-3)
    return np.clip(alike, 0, 1, out=alike)


def _deviations(wide: Floats, width: int) -> Floats:
    """Return the root of the summed squares of each ``width`` columns, less their mean."""
    sums = []
    for each in (wide.sum(axis=0, dtype=np.float64), np.einsum("ij,ij->j", wide, wide)):
        upto = np.concatenate([[0.0], np.cumsum(each, dtype=np.float64)])
        sums.append(upto[width:] - upto[:-width])
    squares = sums[1] - sums[0] ** 2 / (width * len(wide))
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def likeness_near(strip: Floats, places: NDArray[np.int64], half: int, stretch: float) -> Floats:
    """Return how alike each place is to the median of the known things near it.

    It is the correlation coefficient times the contrast as a share of the thing's: the bare pin
    between two discs correlates by half, but is faint.

    Args:
        strip: (rows, length) float32 as from `waves`, 6 rows or more.
        places: Columns of known things, at least ``half`` from both ends.
        half: Columns on each side that belong to a thing.
        stretch: Columns that share one template; the whole length for one from all places.

    Returns:
        (length,) in [0, 1].
    """
    length = strip.shape[1]
    slack = max(1, strip.shape[0] // 10)
    likeness = np.zeros(length, np.float32)
    contrast = _contrast(strip, 2 * half + 1)
    for middle in np.arange(stretch / 2, length + stretch / 2, stretch):
        near = places[np.argsort(np.abs(places - middle))[: _NEAR if stretch < length else None]]
        things = np.stack([strip[:, at - half : at + half + 1] for at in near])
        template = np.partition(things, len(near) // 2, axis=0)[len(near) // 2]
        first = max(0, int(middle - stretch / 2))
        last = min(length, int(middle + stretch / 2) + 1)
        left, right = max(0, first - half), min(length, last + half)
        fits = _correlation(strip[:, left:right], np.asarray(template[slack:-slack], np.float32))[
            first - left : last - left
        ]
        share = contrast[first:last] / max(float(template.std()), 1e-6)
        stark = _STARK / np.maximum(share, 1e-6)
        likeness[first:last] = fits * np.minimum(np.minimum(share, stark), 1)
    return likeness


def _correlation(strip: Floats, template: Floats) -> Floats:
    """Return the correlation coefficient at each place, the best over small shifts in height."""
    half = template.shape[1] // 2
    wide = cv2.copyMakeBorder(strip, 0, 0, half, half, cv2.BORDER_REPLICATE)
    fits = cv2.matchTemplate(wide, template, cv2.TM_CCOEFF_NORMED)
    return np.asarray(np.clip(fits.max(axis=0)[: strip.shape[1]], 0, 1), np.float32)


def _contrast(strip: Floats, width: int) -> Floats:
    """Return the standard deviation of each place's neighbourhood of ``width`` columns."""
    window = (width, 1)
    mean = cv2.blur(strip.mean(axis=0)[None], window)
    power = cv2.blur((strip * strip).mean(axis=0)[None], window)
    return np.asarray(np.sqrt(np.maximum(power - mean * mean, 0))[0], np.float32)


def _autocorrelation(picture: Floats) -> tuple[Floats, tuple[int, int]]:
    """Return the normalised autocorrelation, lag 0 in its middle, and its reach in x and y."""
    height, width = picture.shape
    reach_x, reach_y = width // 2, height // 2
    padded = np.zeros(
        (cv2.getOptimalDFTSize(height + reach_y + 1), cv2.getOptimalDFTSize(width + reach_x + 1)),
        np.float32,
    )
    padded[:height, :width] = picture
    # Both stay in the packed form of real signals, half as large as complex ones.
    spectrum = cv2.dft(padded)  # told of the empty rows, OpenCV 5 takes four times as long
    power = cv2.mulSpectrums(spectrum, spectrum, 0, conjB=True)
    flags = cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE
    full = cv2.dft(power, flags=flags)
    # It is the same at opposite lags.
    part = np.empty((2 * reach_y + 1, 2 * reach_x + 1), np.float32)
    part[reach_y:, reach_x:] = full[: reach_y + 1, : reach_x + 1]
    part[reach_y:, :reach_x] = full[: reach_y + 1, full.shape[1] - reach_x :]
    part[:reach_y] = part[:reach_y:-1, ::-1]
    # Long lags overlap less: without this the far repetitions would look weak.
    overlap_y = height - np.abs(np.arange(-reach_y, reach_y + 1, dtype=np.float32))
    overlap_x = width - np.abs(np.arange(-reach_x, reach_x + 1, dtype=np.float32))
    part /= overlap_y[:, None] * overlap_x[None, :]
    part /= max(float(part[reach_y, reach_x]), 1e-9)
    return part, (reach_x, reach_y)


@dataclass(frozen=True, slots=True, eq=False)
class _Combs:
    """What combs are laid on.

    Attributes:
        correlation: Autocorrelation, lag 0 in its middle.
        reach: Largest lags in x and y.
        teeth: Repetitions that are looked at, where they lie within reach.
    """

    correlation: Floats
    reach: tuple[int, int]
    teeth: int


def _fundamental(combs: _Combs, found: Row) -> Row:
    """Return the row with a third of its period, where the things repeat as well at that.

    A comb of three times the period fits as well as one of the period itself, and better where
    neighbours differ: between its teeth lie the middles of the true gaps.
    """
    turn, step = math.radians(found.angle_deg), found.period_px / 3
    if step < _LEAST_LAG:
        return found
    lags = np.arange(0.5, 3.25, 0.5) * step
    lags = (lags[:, None] * np.linspace(0.94, 1.06, 5)).astype(np.float32)
    map_x = np.float32(math.cos(turn)) * lags + combs.reach[0]
    map_y = np.float32(math.sin(turn)) * lags + combs.reach[1]
    along = cv2.remap(combs.correlation, map_x, map_y, cv2.INTER_LINEAR)
    between, at = along[0::2].min(axis=1), along[1::2].max(axis=1)
    # Before the first repetition the thing itself is still alike: look behind it.
    weakest = float((at[:-1] - between[1:]).min())
    is_thrice = weakest > _REPEATED * float(at[-1] - between[1:].mean())
    if is_thrice and at[:-1].min() > 0.5 * at[-1] > 0:
        return Row(found.angle_deg, step, found.rhythm)
    return found


def _best_comb(
    combs: _Combs, angles_deg: NDArray[np.float64], periods: NDArray[np.float64]
) -> Row | None:
    """Return the direction and period on which the comb fits best; period in coarse pixels."""
    teeth = np.arange(1, 2 * combs.teeth + 1) / 2  # halves and wholes
    lags = periods[:, None] * teeth  # (period, tooth)
    turns = np.radians(angles_deg)[:, None, None]
    x, y = np.cos(turns) * lags, np.sin(turns) * lags  # (angle, period, tooth)
    reach_x, reach_y = combs.reach
    inside = (np.abs(x) <= reach_x) & (np.abs(y) <= reach_y)
    map_x = (x + reach_x).reshape(len(turns), -1).astype(np.float32)
    map_y = (y + reach_y).reshape(len(turns), -1).astype(np.float32)
    values = cv2.remap(combs.correlation, map_x, map_y, cv2.INTER_LINEAR).reshape(x.shape)
    whole = inside[..., 1::2]
    fits = np.where(whole, values[..., 1::2] - values[..., 0::2], 0).sum(axis=2)
    seen = whole.sum(axis=2)
    score = np.where(seen >= 2, fits / np.maximum(seen, 1), -1.0)  # (angle, period)
    best = score.max(axis=0)
    if best.max() <= 0:
        return None
    # Groups of sheds and waves of the ground repeat too, more slowly: the first good one it is.
    peaks = best >= np.maximum(np.roll(best, 1), np.roll(best, -1))
    chosen = int(np.flatnonzero(peaks & (best >= _FIRST * best.max()))[0])
    angle = int(score[:, chosen].argmax())
    return Row(float(angles_deg[angle]), float(periods[chosen]), float(best[chosen]))
