"""The sheds 伞裙 of an insulator side by side: what each looks like, and those it is held against.

Rules that look at single sheds share this level picture, which shows a little of what is beside
the string, too.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules import insulator_marks, insulator_string
from catenary.rules.insulator_string import LOOKS, InsulatorString, ShedLimits

_BESIDE = 0.25  # of the sheds' height that is seen beyond them on both sides
_LEAST_BESIDE = 8  # px
_SEEN_BESIDE = 0.08  # of the sheds' height beyond them that the crop must show; else its border is
_LEAST_SEEN_BESIDE = 3  # px
_STRONG = 0.2  # of the strongest row's waves, from which a row is of the sheds
_REPEATS = 0.4  # of what varies in a row that most sheds have alike
_LEAST_HEIGHT = 12.0  # px of the level picture
_FOR_PARITY = 10  # sheds from which every second one is compared, as their sizes may alternate
_NEIGHBOURS = 6


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """A string of sheds, level.

    Attributes:
        picture: (rows, length) float32 grey levels, blurred over 3 px.
        places: (N,) float64 middles of the sheds along it, N >= 5; where one is missing, too.
        columns: (N, width) int64 columns around them, one period wide.
        top: Row at which the sheds begin.
        bottom: Row after the last one of them.
        period: Distance of the sheds, px.
        scale: Its pixels per pixel of the crop, at most 1.
        to_crop: (2, 3) from (x, y) in it to the crop.
        is_seen: (2, N) whether the crop shows what is right above, and below, each shed.
    """

    picture: Floats
    places: NDArray[np.float64]
    columns: NDArray[np.int64]
    top: int
    bottom: int
    period: float
    scale: float
    to_crop: NDArray[np.float64]
    is_seen: NDArray[np.bool_]

    @property
    def height(self) -> int:
        """Rows of the sheds."""
        return self.bottom - self.top

    def patches(self, rows: slice) -> Floats:
        """Return (N, rows, width) what each shed looks like."""
        return np.ascontiguousarray(self.picture[rows][:, self.columns].transpose(1, 0, 2))

    def line(self, role: str, points: NDArray[np.float64]) -> Polyline:
        """Return (M, 2) places x, y of the picture as a line in the crop."""
        mapped = points @ self.to_crop[:, :2].T + self.to_crop[:, 2]
        return Polyline(role, tuple((float(x), float(y)) for x, y in mapped))

    def outline(
        self, role: str, columns: tuple[float, float], rows: tuple[float, float]
    ) -> Polyline:
        """Return the outline of a rectangle of the picture as a line in the crop."""
        (left, right), (top, bottom) = columns, rows
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        return self.line(role, np.array(corners))


@lru_cache(maxsize=1)  # several rules ask for the same crop, one after the other
def side_by_side(crop: Crop, limits: ShedLimits) -> SideBySide | Refusal:
    """Return the sheds of the string in a crop, or why it cannot be judged."""
    string = insulator_string.found(crop, limits, LOOKS[0])
    if isinstance(string, Refusal):
        return string
    body = insulator_marks.body(string, crop, None)
    whole, (left, above) = string.whole, string.corner
    half = round(string.period / 2)
    places = _all_places(string) + body.shift + left
    places = places[(places >= half) & (places < whole.pixels.shape[1] - half)]
    if len(places) < limits.least_sheds:
        return refused(Unjudged.FEW_SHEDS, "sheds", len(places), "1", limits.least_sheds)
    inside = slice(max(0, int(above + body.top) - 2), int(above + body.bottom) + 3)
    columns = _columns(places, half, whole.pixels.shape[1])
    rows = _rows(whole.pixels, columns, inside)
    if rows is None:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    beside = max(_LEAST_BESIDE, round(_BESIDE * (rows.stop - rows.start)))
    near = slice(max(0, rows.start - beside), rows.stop + beside)
    slope = _slope(whole.pixels[near], columns)
    to_crop = whole.to_picture.copy()
    to_crop[:, 2] += to_crop[:, :2] @ (0, rows.start - beside - slope * float(places.mean()))
    to_crop[:, 0] += slope * to_crop[:, 1]
    size = (whole.pixels.shape[1], rows.stop - rows.start + 2 * beside)
    picture = profiles.turned(crop.pixels, to_crop, size, min(1.0, whole.scale))
    picture = np.asarray(cv2.blur(picture, (3, 3)), np.float32)
    # What is beside the sheds is seen on both sides.
    rows = _rows(picture, columns, slice(beside // 2, len(picture) - beside // 2))
    if rows is None:
        return Refusal(Unjudged.NO_ROW_OF_SHEDS)
    if (height := rows.stop - rows.start) < _LEAST_HEIGHT:
        needed = _LEAST_HEIGHT / whole.scale
        return refused(Unjudged.TOO_NARROW, "width", height / whole.scale, "px", needed)
    is_seen = _is_seen(crop, to_crop, places, rows)
    return SideBySide(
        picture,
        places,
        columns,
        rows.start,
        rows.stop,
        string.period,
        whole.scale,
        to_crop,
        is_seen,
    )


def neighbours(count: int) -> NDArray[np.int64]:
    """Return (count, K) the sheds that each one is held against: the nearest ones on both sides.

    Of long strings every second one, since sheds of two sizes alternate on some.

    >>> neighbours(12)[5].tolist()
    [3, 7, 1, 9, 11]
    """
    step = 2 if count >= _FOR_PARITY else 1
    steps = [sign * step * k for k in range(1, count) for sign in (-1, 1)]
    near = [[i + k for k in steps if 0 <= i + k < count][:_NEIGHBOURS] for i in range(count)]
    # All as many: what has fewer takes its nearest ones twice.
    most = max(map(len, near))
    return np.array([(one * most)[:most] for one in near])


def _all_places(string: InsulatorString) -> NDArray[np.float64]:
    """Return the places of sheds along a string, with those between that none was found at."""
    places = [float(string.sheds[0])]
    for before, after in zip(string.sheds[:-1], string.sheds[1:], strict=True):
        count = max(1, round((after - before) / string.period))
        places += [before + (after - before) * k / count for k in range(1, count + 1)]
    return np.array(places)


def _columns(places: NDArray[np.float64], half: int, length: int) -> NDArray[np.int64]:
    """Return (N, 2 * half + 1) the columns around each place, within the picture."""
    columns = np.round(places[:, None]).astype(np.int64) + np.arange(-half, half + 1)
    clipped: NDArray[np.int64] = np.clip(columns, 0, length - 1)
    return clipped


def _slope(pixels: Floats, columns: NDArray[np.int64]) -> float:
    """Return by how many rows the sheds lie lower for each px along the string.

    The direction in which a row repeats is known to a few degrees only where its things are tall.
    """
    part = max(1, len(columns) // 3)
    ends = [profiles.medians_along(pixels[:, one], 1) for one in (columns[:part], columns[-part:])]
    first, last = (one - one.mean(axis=1, keepdims=True) for one in ends)
    reach = len(pixels) // 3
    # Each row of the one with each row of the other: moves are its diagonals.
    products = cv2.gemm(first, last, 1.0, np.empty(0, np.float32), 0.0, flags=cv2.GEMM_2_T)
    upto = [np.concatenate([[0.0], np.cumsum((one * one).sum(axis=1))]) for one in (first, last)]
    alike = []
    for move in range(-reach, reach + 1):
        upper, lower = max(0, move), max(0, -move)
        common = len(pixels) - abs(move)
        sizes = [
            float(one[at + common] - one[at]) for one, at in zip(upto, (lower, upper), strict=True)
        ]
        alike.append(float(np.trace(products, move)) / max(math.sqrt(sizes[0] * sizes[1]), 1e-6))
    best = int(np.argmax(alike))
    along = columns[-part:].mean() - columns[:part].mean()
    return (best - reach) / float(along)


def _rows(pixels: Floats, columns: NDArray[np.int64], inside: slice) -> slice | None:
    """Return the rows, of those inside, that vary alike at most sheds; None where none does."""
    above = max(0, inside.start - 1)  # one row more on both sides, for the mean of three
    sheds = pixels[above : inside.stop + 1][:, columns]  # (rows, N, width)
    sheds -= sheds.mean(axis=2, keepdims=True)
    usual = profiles.medians_along(sheds, 1)
    power = (usual * usual).sum(axis=1), profiles.medians_along((sheds * sheds).sum(axis=2), 1)
    alike, varies = (cv2.blur(one[:, None], (1, 3)).ravel() for one in power)
    is_row = alike > _REPEATS * varies
    is_row[: inside.start - above] = is_row[inside.stop - above :] = False
    if not is_row.any():
        return None
    is_row &= np.sqrt(alike) > _STRONG * np.sqrt(np.percentile(alike[is_row], 95))
    rows = np.flatnonzero(is_row)
    return slice(above + int(rows[0]), above + int(rows[-1]) + 1)


def _is_seen(
    crop: Crop, to_crop: NDArray[np.float64], places: NDArray[np.float64], rows: slice
) -> NDArray[np.bool_]:
    """Return (2, N) whether the crop shows what is above ``rows``, and below, at each place."""
    height, width = crop.pixels.shape
    beyond = max(_LEAST_SEEN_BESIDE, _SEEN_BESIDE * (rows.stop - rows.start))
    seen = []
    for row in (rows.start - beyond, rows.stop + beyond):
        x, y = to_crop @ np.stack([places, np.full(len(places), row), np.ones(len(places))])
        seen.append((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))
    return np.stack(seen)
