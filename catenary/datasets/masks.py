"""Masks of parts as COCO writes them: run lengths down the columns, packed into a short text.

Source of the format: the COCO API, `maskApi.c` (rleEncode, rleToString). Text is chosen over lists
of numbers because it is what most COCO tools write and about three times shorter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK_BITS = 5  # of a run length in one character
_MORE, _SIGN, _FIRST_CHARACTER = 0x20, 0x10, 48


@dataclass(frozen=True, slots=True)
class Mask:
    """Which pixels of a whole image show a part.

    Attributes:
        height: Of the image, pixels.
        width: Of the image, pixels.
        counts: Compressed COCO run lengths: outside, inside, outside and so on, counted down each
            column, columns from left to right; checked when the pixels are asked for.
    """

    height: int
    width: int
    counts: str

    @property
    def area(self) -> int:
        """Number of pixels inside.

        Raises:
            ValueError: If the run lengths do not fill the image.
        """
        return int(self._runs()[1::2].sum())

    def pixels(self) -> NDArray[np.bool_]:
        """Return the mask as (height, width).

        Raises:
            ValueError: If the run lengths do not fill the image.
        """
        runs = self._runs()
        is_inside = np.arange(len(runs)) % 2 == 1
        return np.repeat(is_inside, runs).reshape(self.width, self.height).T

    def bounds(self) -> tuple[float, float, float, float]:
        """Return x0, y0, x1, y1 of the pixels inside, half-open.

        Raises:
            ValueError: If the run lengths do not fill the image, or no pixel is inside.
        """
        pixels = self.pixels()
        rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            raise ValueError("a mask without a pixel has no bounds")
        return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)

    def _runs(self) -> NDArray[np.int64]:
        runs = _unpacked(self.counts)
        if (runs < 0).any() or runs.sum() != self.height * self.width:
            raise ValueError(
                f"mask runs must fill {self.height} x {self.width} px, they hold {runs.sum()}"
            )
        return runs


def of_crop(crop: NDArray[np.bool_], origin: tuple[int, int], size: tuple[int, int]) -> Mask:
    """Return the mask of an image in which only a crop shows the part.

    Args:
        crop: (h, w), True where the part is.
        origin: (row, column) of the crop in the image; the crop lies inside it.
        size: (height, width) of the image.
    """
    (row, column), height = origin, size[0]
    framed = np.pad(crop.T.astype(np.int8), ((0, 0), (1, 1)))  # (w, h + 2): columns one by one
    steps = np.diff(framed, axis=1)
    columns, rows = np.nonzero(steps)  # heads of runs, and what follows their feet
    # A run that ends at the foot of a column goes on where the next begins at its head.
    edges, times = np.unique((columns + column) * height + rows + row, return_counts=True)
    edges = edges[times == 1]
    runs = np.diff(np.r_[0, edges, height * size[1]])
    if len(runs) > 1 and runs[-1] == 0:
        runs = runs[:-1]
    return Mask(*size, _packed(runs))


def of_runs(runs: Sequence[int], size: tuple[int, int]) -> Mask:
    """Return the mask of uncompressed COCO run lengths; ``size`` is (height, width)."""
    return Mask(*size, _packed(np.array(runs, np.int64)))


def of_polygons(
    polygons: Sequence[Sequence[tuple[float, float]]], size: tuple[int, int]
) -> Mask | None:
    """Return the mask of the pixels whose middle lies in a polygon, by the even-odd rule.

    Args:
        polygons: (x, y) in full-frame pixels; several are joined. Those of fewer than three
            points hold nothing.
        size: (height, width) of the image.

    Returns:
        The mask; None when it would hold no pixel.

    Raises:
        ValueError: If a point is not finite.
    """
    drawn = [np.array(one, np.float64).reshape(-1, 2) for one in polygons]
    drawn = [one for one in drawn if len(one) > 2]
    if not drawn:
        return None
    points = np.concatenate(drawn)
    if not np.isfinite(points).all():
        raise ValueError("a polygon needs finite points")
    limits = np.array(size)[::-1]
    x0, y0 = np.clip(np.floor(points.min(axis=0)), 0, limits).astype(np.int64)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)), 0, limits).astype(np.int64)
    crop = np.zeros((y1 - y0, x1 - x0), np.bool_)
    for one in drawn:
        crop |= _filled(one - (x0, y0), crop.shape)
    return of_crop(crop, (int(y0), int(x0)), size) if crop.any() else None


def _filled(points: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return (h, w) True where a pixel's middle lies inside a polygon (N, 2)."""
    x = np.arange(shape[1]) + 0.5
    is_inside = np.zeros(shape, np.bool_)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        # Rows whose middles the side crosses: from its upper end, up to but not at its lower one.
        first, last = np.clip(np.ceil(np.sort((ay, by)) - 0.5), 0, shape[0]).astype(np.int64)
        if first < last:
            y = np.arange(first, last)[:, None] + 0.5
            is_inside[first:last] ^= x < ax + (y - ay) * (bx - ax) / (by - ay)
    return is_inside


def _packed(runs: NDArray[np.int64]) -> str:
    """Write run lengths, from the fourth on as the difference to the last but one."""
    left = runs.copy()
    left[3:] -= runs[1:-2]
    columns, is_open = [], np.ones(len(left), np.bool_)
    while is_open.any():
        chunk = left & 0x1F
        left >>= _CHUNK_BITS
        more = left != np.where(chunk & _SIGN, -1, 0)
        character = chunk + _MORE * more + _FIRST_CHARACTER
        columns.append(np.where(is_open, character, 0))
        is_open &= more
    text = np.stack(columns, axis=1).ravel() if columns else np.zeros(0, np.int64)
    return text[text > 0].astype(np.uint8).tobytes().decode("ascii")


def _unpacked(text: str) -> NDArray[np.int64]:
    codes = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if not len(codes) or codes.min() < 0 or codes.max() >= 2 * _MORE or codes[-1] & _MORE:
        raise ValueError(f"{text[:20]!r} is no compressed mask")
    last = np.flatnonzero(codes & _MORE == 0)
    first = np.r_[0, last[:-1] + 1]
    place = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    if place.max() > 10:  # more bits than any picture has pixels
        raise ValueError(f"{text[:20]!r} is no compressed mask")
    runs = np.add.reduceat((codes & 0x1F) << (_CHUNK_BITS * place), first)
    runs -= np.where(codes[last] & _SIGN, 1 << (_CHUNK_BITS * (place[last] + 1)), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs
