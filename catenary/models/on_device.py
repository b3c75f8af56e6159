"""Photographs on the device of the networks: sent once as bytes, made smaller and cut there.

The same arithmetic as that of OpenCV on a processor, to a rounding: see `catenary.imaging.resize`,
`catenary.models.refiner.squared` and `catenary.models.inputs.letterboxed`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
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
    down, across = (
        _Fit.whole([0], [now], max(1, round(whole * factor)))
        for now, whole in zip(smaller.shape, (height, width), strict=True)
    )
    return OnDevice(_averaged(smaller, down, across)[0]), factor


def squares(picture: OnDevice, outer: NDArray[np.int64], side: int) -> Tensor:
    """Return rectangles of a picture as `refiner.squared` does: (N, 1, side, side) uint8.

    Args:
        picture: Of the photograph.
        outer: (N, 4) x0, y0, x1, y1, as `refiner.widened` gives them.
        side: px.
    """
    steps = np.array([resize.block(int(y1 - y0), int(x1 - x0), side) for x0, y0, x1, y1 in outer])
    found = picture.pixels.new_empty((len(outer), 1, side, side))
    level, scale = picture.pixels, 1
    for step in np.unique(steps):
        while scale < step:
            level, scale = _halved(_evened(level)), 2 * scale
        rows = np.flatnonzero(steps == step)
        _fill(found, rows, _squared(level, outer[rows] // step, side))
    return found


def _squared(level: Tensor, outer: NDArray[np.int64], side: int) -> Tensor:
    """Return rectangles (N, 4) of a level as squares (N, side, side) uint8."""
    x0, y0, x1, y1 = outer.T
    down, across = _Fit.whole(y0, y1 - y0, side), _Fit.whole(x0, x1 - x0, side)
    longer, shorter = np.maximum(down.length, across.length), np.minimum(down.length, across.length)
    found = level.new_empty((len(outer), side, side))
    is_smaller, has_means = longer > side, shorter >= side
    for which, taps in (
        (is_smaller & has_means, None),
        (is_smaller & ~has_means, _stepping),
        (~is_smaller, _between),
    ):
        _make(found, np.flatnonzero(which), level, (down, across), taps)
    return found


def letterboxes(cutouts: Sequence[Cutout], side: int) -> Tensor:
    """Return cutouts of one picture as `inputs.letterboxed` does: (N, 1, side, side) uint8."""
    level = cutouts[0].picture.pixels
    found = level.new_empty((len(cutouts), side, side))
    x0, y0, x1, y1 = np.array([one.corners for one in cutouts]).T
    sizes = [fitted_size(*one, side) for one in zip(y1 - y0, x1 - x0, strict=True)]
    height, width = np.array(sizes).T
    fits = _Fit(y0, y1 - y0, height, side), _Fit(x0, x1 - x0, width, side)
    is_smaller = np.maximum(y1 - y0, x1 - x0) > side
    _make(found, np.flatnonzero(is_smaller), level, fits, None)
    _make(found, np.flatnonzero(~is_smaller), level, fits, _between)
    return found[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Stretches along an axis, each brought to a number of pixels in the middle of a side.

    Attributes:
        start: (N,) first pixel; may lie outside of the picture.
        length: (N,) px.
        size: (N,) new pixels.
        side: New pixels in all; those that are no part of a stretch are mean grey.
    """

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    size: NDArray[np.int64]
    side: int

    @classmethod
    def whole(
        cls, start: NDArray[np.int64] | list[int], length: NDArray[np.int64] | list[int], side: int
    ) -> "_Fit":
        """Return stretches that fill the side."""
        begun = np.asarray(start, np.int64)
        return cls(begun, np.asarray(length, np.int64), np.full(len(begun), side), side)

    def only(self, rows: NDArray[np.int64]) -> "_Fit":
        """Return some of them."""
        return _Fit(self.start[rows], self.length[rows], self.size[rows], self.side)

    def places(self, more: int = 0) -> NDArray[np.float64]:
        """Return (N, side + more): which of its stretch's new pixels each of the side is, from 0.

        Beyond the stretch it goes on counting.
        """
        before = (self.side - self.size) // 2
        places: NDArray[np.float64] = np.arange(self.side + more) - before[:, None].astype(float)
        return places

    def edges(self) -> NDArray[np.float64]:
        """Return (N, side + 1) where new pixels begin and end, px of the picture."""
        inside = self.places(1).clip(0, self.size[:, None])
        edges: NDArray[np.float64] = self.start[:, None] + inside * self.scale[:, None]
        return edges

    @property
    def scale(self) -> NDArray[np.float64]:
        """Pixels (N,) of the picture that a new one stands for."""
        scale: NDArray[np.float64] = self.length / self.size
        return scale


@dataclass(frozen=True, slots=True, eq=False)
class _Taps:
    """Which two pixels along an axis each new pixel is made of, and how much of each.

    Attributes:
        places: (N, side, 2) int64; may lie outside the picture.
        weights: (N, side, 2) float32; of what adds up to less than 1 the rest is mean grey.
    """

    places: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, fit: _Fit, first: NDArray[np.float64], share: NDArray[np.float64]) -> "_Taps":
        """Return the taps of new pixels between ``first`` and the next, as far as ``share``."""
        last = (fit.length - 1)[:, None, None]
        places = np.stack([first, first + 1], axis=2).clip(0, last).astype(np.int64)
        own = fit.places()
        is_own = (own >= 0) & (own < fit.size[:, None])
        weights = np.stack([1 - share, share], axis=2) * is_own[:, :, None]
        return cls(places + fit.start[:, None, None], weights.astype(np.float32))


def _make(
    found: Tensor,
    rows: NDArray[np.int64],
    level: Tensor,
    fits: tuple[_Fit, _Fit],
    taps: Callable[[_Fit], _Taps] | None,
) -> None:
    """Make some of the new pictures (N, side, side), of means where there are no ``taps``."""
    if len(rows):
        down, across = (one.only(rows) for one in fits)
        made = None if taps is None else (taps(down), taps(across))
        own = _averaged(level, down, across) if made is None else _resampled(level, *made)
        _fill(found, rows, own)


def _fill(found: Tensor, rows: NDArray[np.int64], own: Tensor) -> None:
    """Put pictures at some rows of others."""
    found[inputs.sent(torch.from_numpy(rows), found.device)] = own.view(-1, *found.shape[1:])


def _between(fit: _Fit) -> _Taps:
    """Return the taps of a linear interpolation between the middles of pixels."""
    middles = (fit.places() + 0.5) * fit.scale[:, None] - 0.5
    return _Taps.of(fit, np.floor(middles), middles - np.floor(middles))


def _stepping(fit: _Fit) -> _Taps:
    """Return the taps of what OpenCV does for means where the other axis is enlarged."""
    inverse = (fit.size / fit.length)[:, None]
    first = np.floor(fit.places() * (1 / inverse))  # in this order, for the same rounding
    share = fit.places() + 1 - (first + 1) * inverse
    return _Taps.of(fit, first, np.where(share <= 0, 0.0, share - np.floor(share)))


def _averaged(pixels: Tensor, down: _Fit, across: _Fit) -> Tensor:
    """Return new pictures (N, h, w) uint8 of means; outside of the picture is mean grey.

    Sums over rectangles are differences of sums from the picture's corner, linear between pixels.
    Source: Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984.
    """
    sums = F.pad(_sums(pixels), (1, 0, 1, 0))
    (y, by_y, tall), (x, by_x, wide) = (
        _edges(fit, length, pixels.device)
        for fit, length in zip((down, across), pixels.shape, strict=True)
    )
    y, by_y, x, by_x = y[:, :, None], by_y[:, :, None], x[:, None], by_x[:, None]
    above = torch.lerp(sums[y, x], sums[y, x + 1], by_x)
    below = torch.lerp(sums[y + 1, x], sums[y + 1, x + 1], by_x)
    total = torch.lerp(above, below, by_y).diff(dim=1).diff(dim=2)
    means = total / (tall * wide)[:, None, None] + MEAN
    return means.round_().clamp_(0, 255).to(torch.uint8)


def _sums(pixels: Tensor) -> Tensor:
    """Return sums (H, W) float64 of what is above mean grey, from the corner to each pixel."""
    rows = pixels.float().sub_(MEAN).cumsum(1)  # whole numbers below 2^24: exact
    return rows.cumsum(0, dtype=torch.float64)


def _edges(fit: _Fit, length: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return pixels (N, side + 1) in which edges lie, how far in, and the scale (N,)."""
    told = np.column_stack([fit.edges().clip(0, length), fit.scale])  # one copy to the device
    there = inputs.sent(torch.from_numpy(told), device)
    edges = there[:, :-1]
    first = edges.floor().clamp_(max=length - 1)
    return first.long(), edges - first, there[:, -1]


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
