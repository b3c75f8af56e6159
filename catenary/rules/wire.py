"""Follow a wire that hangs from the top of a crop's box to its bottom.

Source of the outline: ridge filter (Lindeberg, Int. J. Comput. Vis. 30 (1998) 117-154), then the
cheapest path. All numbers are our starting values, to be set on confirmed breaks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from catenary.domain.geometry import Polyline
from catenary.imaging.crops import Crop

Floats = NDArray[np.float32]

_SIGMAS = (1.0, 1.6, 2.6)  # px in the upright picture: wires of 2 to 8 px
_WORK_PX = 640  # longer wires are reduced to this; keeps the cost flat
_NOISE = 4.0  # a ridge counts when it is this many times the noise
_LEAST_RIDGE = 1.5  # grey levels; below it a ridge is sensor texture
_BLINDING = 40.0  # ridges stronger than this are all alike
_ASIDE = np.float32(0.15)  # gain that a step to the side costs
_CLOSED = -1e9  # gain of columns that no path enters
_BRIDGED_PX = 2  # holes up to this length are noise, not gaps
_SPARED = 6  # a wire that crosses takes less than this part of the length
_HALF = 0.5  # of the wire's contrast: what is brighter than that is wire


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A wire as followed through L rows of the upright picture, which is the crop reduced.

    Attributes:
        x: (L,) column of the path in each row.
        strength: (L,) ridge strength near the path over the least that counts.
        seen: (L,) bool, rows on which there is wire.
        picture: (L, W) grey levels, the wire bright.
        scale: Pixels of the upright picture per crop pixel.
        origin: (x, y) of the upright picture's corner, crop pixels.
    """

    x: NDArray[np.int64]
    strength: Floats
    seen: NDArray[np.bool_]
    picture: Floats
    scale: float
    origin: tuple[int, int]

    def line(self, role: str, rows: Iterable[int]) -> Polyline:
        """Return the path at some rows, in crop pixels."""
        return self.placed(role, ((float(self.x[row]), float(row)) for row in rows))

    def placed(self, role: str, points: Iterable[tuple[float, float]]) -> Polyline:
        """Return points (column, row) of the upright picture as a line in crop pixels."""
        left, top = self.origin
        return Polyline(
            role,
            tuple((left + (x + 0.5) / self.scale, top + (y + 0.5) / self.scale) for x, y in points),
        )

    def widths(self) -> NDArray[np.int64]:
        """Return (L,) how many columns around the path are as bright as the wire.

        0 where the path itself is not. The background is the median of each row and of the rows
        around it: rows that the messenger or contact wire fills are no background. The wire's
        contrast is the median over the rows on which it is seen.
        """
        rows_around = 2 * (len(self.x) // _SPARED) + 1
        sky = median_filter(np.median(self.picture, axis=1), rows_around, mode="reflect")
        rise = self.picture - sky[:, None]
        rows = np.arange(len(self.x))
        near = np.stack([rise[rows, np.clip(self.x + k, 0, rise.shape[1] - 1)] for k in (-1, 0, 1)])
        middle = np.clip(self.x + near.argmax(axis=0) - 1, 0, rise.shape[1] - 1)
        contrast = float(np.median(near.max(axis=0)[self.seen])) if self.seen.any() else 0.0
        is_dim = rise < max(_HALF * contrast, 1.0)
        columns = np.arange(rise.shape[1])
        left = np.where(is_dim & (columns <= middle[:, None]), columns, -1).max(axis=1)
        right = np.where(is_dim & (columns >= middle[:, None]), columns, rise.shape[1]).min(axis=1)
        widths: NDArray[np.int64] = np.maximum(right - left - 1, 0)
        return widths


def follow(crop: Crop, beyond: float = 0.0) -> Trace:
    """Follow the wire from end to end, in whichever polarity it stands out more.

    Args:
        crop: The part with a margin.
        beyond: Added to the box at top and bottom, as a share of its height, as far as the
            crop goes.
    """
    more = beyond * crop.inner.height
    top = max(int(crop.inner.y0 - more), 0)
    bottom = max(int(np.ceil(crop.inner.y1 + more)), top + 1)
    columns = _columns(crop)
    cut: NDArray[np.uint8] = np.ascontiguousarray(crop.pixels[top:bottom, columns])
    scale = min(1.0, _WORK_PX / cut.shape[0])
    if scale < 1:
        size = (max(round(cut.shape[1] * scale), 8), round(cut.shape[0] * scale))
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    picture: Floats = cut.astype(np.float32)
    signs = (1.0, -1.0)
    paths = zip(signs, cheapest_of([ridges(picture, sign) for sign in signs]), strict=True)
    # Beside a dark wire the picture curves the other way, weakly: the wire itself is stronger.
    sign, (x, strength) = max(paths, key=lambda one: float(gain_of(one[1][1]).mean()))
    return Trace(x, strength, _bridged(strength >= 1), sign * picture, scale, (columns.start, top))


def _columns(crop: Crop) -> slice:
    """Return the columns in which the wire is looked for: the box and a little beside it."""
    beside = 4 + 0.05 * crop.inner.height
    return slice(max(int(crop.inner.x0 - beside), 0), int(crop.inner.x1 + beside) + 1)


def ridges(picture: Floats, sign: float) -> Floats:
    """Return the strength (H, W) of upright bright (+1) or dark (-1) ridges, 1 = just counts."""
    best = np.zeros_like(picture)
    for sigma in _SIGMAS:
        smooth = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma, sigmaY=2.0)
        curve = cv2.filter2D(
            smooth, -1, np.array([[1.0, -2.0, 1.0]]), borderType=cv2.BORDER_REPLICATE
        )
        np.maximum(best, -sign * sigma**1.5 * curve, out=best)
    noise = 1.4826 * float(np.median(np.abs(best - np.median(best))))
    strength: Floats = best / max(_NOISE * noise, _LEAST_RIDGE)
    return strength


def gain_of(strength: Floats) -> Floats:
    """Return what a row of wire is worth: its middle most, a blinding tube no more than that."""
    gain: Floats = np.log1p(np.minimum(strength, _BLINDING))
    return gain


def cheapest(strength: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the path from first to last row with the greatest sum of gains, and its strength."""
    return cheapest_of([strength])[0]


def cheapest_of(strengths: Sequence[Floats]) -> list[tuple[NDArray[np.int64], Floats]]:
    """Return what `cheapest` does for several pictures, in little more time than for one.

    They lie side by side; columns that no path enters are between and beside them.
    """
    height, wide = max(map(len, strengths)), [one.shape[1] + 1 for one in strengths]
    gain = np.full((height, sum(wide) + 1), _CLOSED, np.float32)
    firsts = np.cumsum([1, *wide[:-1]]).tolist()
    for first, one in zip(firsts, strengths, strict=True):
        own = gain[:, first : first + one.shape[1]]
        own[: len(one)] = gain_of(one)
        own[len(one) :] = 0  # the path goes straight on
    total = _best_sums(gain)
    steps = _steps(total)
    found = []
    for first, one in zip(firsts, strengths, strict=True):
        last = int(total[-1, first : first + one.shape[1]].argmax())
        x = _course(steps, first + last)[: len(one)] - first
        rows, right = np.arange(len(one)), one.shape[1] - 1
        around = np.stack([one[rows, np.clip(x + k, 0, right)] for k in (-1, 0, 1)])
        found.append((x, around.max(axis=0)))
    return found


def _best_sums(gain: Floats) -> Floats:
    """Return (H, W) the best sum of gains up to each cell, of paths from the first row."""
    total = np.full(gain.shape, _CLOSED, np.float32)
    total[0] = gain[0]
    best = np.empty(gain.shape[1] - 2, np.float32)
    left, straight, right = total[:, :-2], total[:, 1:-1], total[:, 2:]
    # Some microseconds a row are all that this takes: names and views are made before.
    largest, less, plus, aside = np.maximum, np.subtract, np.add, np.asarray(_ASIDE)
    above = zip(left[:-1], straight[:-1], right[:-1], strict=True)
    for (one, here, other), gained, below in zip(above, gain[1:, 1:-1], straight[1:], strict=True):
        largest(one, other, out=best)
        less(best, aside, out=best)
        largest(here, best, out=best)
        plus(best, gained, out=below)
    return total


def _steps(total: Floats) -> NDArray[np.uint8]:
    """Return (H, W) where the best path to below a cell comes from: 0 left, 1 itself, 2 right."""
    left, straight, right = total[:, :-2], total[:, 1:-1], total[:, 2:]
    steps = np.ones(total.shape, np.uint8)
    is_aside = np.maximum(left, right) - _ASIDE > straight
    steps[:, 1:-1] = np.where(is_aside, 2 * (right > left), 1)
    return steps


def _course(steps: NDArray[np.uint8], column: int) -> NDArray[np.int64]:
    """Return the column in each row of the path that ends in one in the last row."""
    height, width = steps.shape
    known, course = steps.tobytes(), [column]  # bytes: one is read in a tenth of the time
    for row in range((height - 2) * width, -1, -width):
        column += known[row + column] - 1
        course.append(column)
    return np.array(course[::-1], np.int64)


def _bridged(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close holes of a few rows, which noise makes; single specks of wire in a gap go too."""
    column = seen.astype(np.uint8)[:, None]
    kernel = np.ones((2 * _BRIDGED_PX + 1, 1), np.uint8)
    closed = cv2.morphologyEx(column, cv2.MORPH_CLOSE, kernel)
    result: NDArray[np.bool_] = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)[:, 0] > 0
    return result
