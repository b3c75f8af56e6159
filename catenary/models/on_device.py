"""Photographs on the device of the networks: sent once as bytes, made smaller and cut there.

The same arithmetic as that of OpenCV on a processor, to a rounding: see `catenary.imaging.resize`,
`catenary.models.refiner.squared` and `catenary.models.inputs.letterboxed`.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from numpy.typing import NDArray
from torch import Tensor

from catenary.imaging import resize
from catenary.imaging.crops import Crop
from catenary.models import inputs
from catenary.models.inputs import MEAN, fitted_size

_MOST_READS = 1 << 26  # pixels gathered at once: 0.6 GB for a moment. Our starting value
_threads = threading.local()


@dataclass(frozen=True, slots=True, eq=False)
class OnDevice:
    """A grey picture on a device.

    Attributes:
        pixels: (H, W) uint8.
    """

    pixels: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        height, width = self.pixels.shape
        return height, width

    def window(self, x: int, y: int, side: int) -> "OnDevice":
        """Return a square, cut off at the picture's edge."""
        return OnDevice(self.pixels[y : y + side, x : x + side])

    def cutout(self, crop: Crop) -> "Cutout":
        """Return the place of a crop that was cut from the same picture."""
        height, width = crop.pixels.shape
        return Cutout(self, (crop.x0, crop.y0, crop.x0 + width, crop.y0 + height))


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A rectangle of a picture on a device, not cut yet.

    Attributes:
        picture: Where it is.
        corners: x0, y0, x1, y1 in whole pixels, inside the picture.
    """

    picture: OnDevice
    corners: tuple[int, int, int, int]


Picture = NDArray[np.uint8] | OnDevice


def sent(pixels: NDArray[np.uint8], device: torch.device) -> OnDevice:
    """Return a picture (H, W) on a device; to a GPU it is copied while the caller goes on."""
    staged = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    staged.numpy()[:] = pixels
    return OnDevice(staged.to(device, non_blocking=True))


def stacked(pictures: Sequence[Picture], height: int, width: int) -> Tensor:
    """Return pictures as one (B, 1, height, width) uint8 batch, on the device where they are.

    See `inputs.stacked`.
    """
    there = [one.pixels for one in pictures if isinstance(one, OnDevice)]
    if not there:
        return inputs.stacked(
            [one for one in pictures if not isinstance(one, OnDevice)], height, width
        )
    batch = there[0].new_full((len(there), 1, height, width), int(MEAN))
    for row, own in zip(batch, there, strict=True):
        row[0, : own.shape[0], : own.shape[1]] = own
    return batch


@contextmanager
def own_stream(device: torch.device | None) -> Iterator[None]:
    """Give the calling thread a stream of its own on a GPU: it copies while another computes."""
    if device is None or device.type != "cuda":
        yield
        return
    streams: dict[torch.device, torch.cuda.Stream] = _threads.__dict__.setdefault("streams", {})
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch
    with torch.cuda.device(device), torch.cuda.stream(streams[device]):
        yield


def reduced(picture: OnDevice, max_side_px: int) -> tuple[OnDevice, float]:
    """Return a picture and its factor as `resize.reduced` does."""
    height, width = picture.shape
    factor = max_side_px / max(height, width)
    if factor >= 1:
        return picture, 1.0
    smaller = picture.pixels
    while max(smaller.shape) >= 2 * max_side_px and all(one % 2 == 0 for one in smaller.shape):
        smaller = _halved(smaller)
    new = max(1, round(height * factor)), max(1, round(width * factor))
    rows, columns = (
        _Taps.joined([_averaging(0, length, size)])
        for length, size in zip(smaller.shape, new, strict=True)
    )
    return OnDevice(_resampled(smaller, rows, columns)[0]), factor


def squares(picture: OnDevice, outer: NDArray[np.int64], side: int) -> Tensor:
    """Return rectangles of a picture as `refiner.squared` does: (N, 1, side, side) uint8.

    Args:
        picture: Of the photograph.
        outer: (N, 4) x0, y0, x1, y1, as `refiner.widened` gives them.
        side: px.
    """
    steps = [resize.block(int(y1 - y0), int(x1 - x0), side) for x0, y0, x1, y1 in outer]
    found = picture.pixels.new_empty((len(outer), 1, side, side))
    level, scale = picture.pixels, 1
    for step in sorted(set(steps)):
        while scale < step:
            level, scale = _halved(_evened(level)), 2 * scale
        rows = [index for index, own in enumerate(steps) if own == step]
        taps = [_squaring(outer[index] // step, side) for index in rows]
        down, across = (_Taps.joined([pair[axis] for pair in taps]) for axis in (0, 1))
        found[rows, 0] = _resampled(level, down, across)
    return found


def letterboxes(cutouts: Sequence[Cutout], side: int) -> Tensor:
    """Return cutouts of one picture as `inputs.letterboxed` does: (N, 1, side, side) uint8."""
    down, across = [], []
    for x0, y0, x1, y1 in (one.corners for one in cutouts):
        height, width = fitted_size(y1 - y0, x1 - x0, side)
        taps = _averaging if max(y1 - y0, x1 - x0) > side else _between
        down.append(taps(y0, y1 - y0, height).middle_of(side))
        across.append(taps(x0, x1 - x0, width).middle_of(side))
    level = cutouts[0].picture.pixels
    return _resampled(level, _Taps.joined(down), _Taps.joined(across))[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Taps:
    """Which pixels along an axis each new pixel is made of, and how much of each.

    Attributes:
        places: (..., size, K) int64; may lie outside the picture.
        weights: (..., size, K) float32; of what adds up to less than 1 the rest is mean grey.
    """

    places: NDArray[np.int64]
    weights: NDArray[np.float32]

    def middle_of(self, side: int) -> "_Taps":
        """Return them in the middle of ``side`` new pixels."""
        before = (side - len(self.places)) // 2
        more = ((before, side - len(self.places) - before), (0, 0))
        return _Taps(np.pad(self.places, more), np.pad(self.weights, more))

    @classmethod
    def joined(cls, parts: "Sequence[_Taps]") -> "_Taps":
        """Return the taps of N pictures: (N, size, K)."""
        most = max(part.places.shape[1] for part in parts)
        more = [((0, 0), (0, most - part.places.shape[1])) for part in parts]
        return cls(
            np.stack([np.pad(one.places, by) for one, by in zip(parts, more, strict=True)]),
            np.stack([np.pad(one.weights, by) for one, by in zip(parts, more, strict=True)]),
        )


def _averaging(start: int, length: int, size: int) -> _Taps:
    """Return the taps of means over equal stretches of ``length`` pixels from ``start``."""
    scale = length / size
    edges = np.arange(size + 1) * scale
    places = np.floor(edges[:-1, None]) + np.arange(int(np.ceil(scale)) + 1)
    covered = np.minimum(places + 1, edges[1:, None]) - np.maximum(places, edges[:-1, None])
    weights = np.clip(covered, 0, None) / scale
    inside = np.minimum(places, length - 1).astype(np.int64)
    return _Taps(start + inside, weights.astype(np.float32))


def _between(start: int, length: int, size: int) -> _Taps:
    """Return the taps of a linear interpolation between the middles of pixels."""
    middles = (np.arange(size) + 0.5) * (length / size) - 0.5
    return _pairs(start, length, np.floor(middles), middles - np.floor(middles))


def _stepping(start: int, length: int, size: int) -> _Taps:
    """Return the taps of what OpenCV does for means where the other axis is enlarged."""
    inverse = size / length
    first = np.floor(np.arange(size) * (1 / inverse))  # in this order, for the same rounding
    share = np.arange(1, size + 1) - (first + 1) * inverse
    return _pairs(start, length, first, np.where(share <= 0, 0.0, share - np.floor(share)))


def _pairs(
    start: int, length: int, first: NDArray[np.float64], share: NDArray[np.float64]
) -> _Taps:
    places = np.stack([first, first + 1], axis=1).clip(0, length - 1).astype(np.int64)
    return _Taps(start + places, np.stack([1 - share, share], axis=1).astype(np.float32))


def _squaring(outer: NDArray[np.int64], side: int) -> tuple[_Taps, _Taps]:
    """Return the taps down and across of one rectangle that becomes a square."""
    x0, y0, x1, y1 = (int(one) for one in outer)
    taps = _between
    if max(y1 - y0, x1 - x0) > side:
        taps = _averaging if min(y1 - y0, x1 - x0) >= side else _stepping
    return taps(y0, y1 - y0, side), taps(x0, x1 - x0, side)


def _resampled(level: Tensor, down: _Taps, across: _Taps) -> Tensor:
    """Return new pictures (N, h, w) uint8 made of a level (H, W); outside of it is mean grey."""
    count, height, deep = down.places.shape
    _, width, wide = across.places.shape
    together = max(1, _MOST_READS // (height * deep * width * wide))
    parts = []
    for start in range(0, count, together):
        rows = slice(start, start + together)
        y, by_y = _placed(down, rows, level.shape[0], level.device)
        x, by_x = _placed(across, rows, level.shape[1], level.device)
        seen = level[y[:, :, :, None, None], x[:, None, None]].float() - MEAN
        seen = (seen * by_x[:, None, None]).sum(dim=4)  # (n, h, K, w)
        parts.append((seen * by_y[..., None]).sum(dim=2) + MEAN)
    return torch.cat(parts).round_().clamp_(0, 255).to(torch.uint8)


def _placed(taps: _Taps, rows: slice, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return places within the picture and weights, 0 outside of it, on the device."""
    places, weights = taps.places[rows], taps.weights[rows]
    is_inside = (places >= 0) & (places < length)
    inside = torch.from_numpy(places.clip(0, length - 1))
    return inputs.sent(inside, device), inputs.sent(torch.from_numpy(weights * is_inside), device)


def _evened(level: Tensor) -> Tensor:
    """Return a level with a row and a column more of mean grey where its sides are odd."""
    height, width = level.shape
    return F.pad(level, (0, width % 2, 0, height % 2), value=int(MEAN))


def _halved(level: Tensor) -> Tensor:
    """Return a level (H, W) of even sides with them halved, rounded as OpenCV does."""
    wide = level.short()
    total = wide[::2, ::2] + wide[::2, 1::2] + wide[1::2, ::2] + wide[1::2, 1::2]
    return ((total + 2) >> 2).to(torch.uint8)
