"""What the detector should answer for a tile, as arrays on its grid of cells."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.models.inputs import padded_size, stacked
from catenary.models.network import STRIDE
from catenary.training.tiles import Truth

_SPREAD = 0.09  # standard deviation of a centre, as a share of the box's side (TTFNet: 0.54 / 6)
# Where the middle of a wire lies along it only its far ends tell. Asked for it to the pixel, the
# network spreads its vote over the wire and scores no cell high: long parts get a longer bell.
_LONG, _LONGEST_STRETCH = 2.0, 2.0  # sides' ratio from which it grows; greatest factor
_CORE = 0.5  # height of the centre's bell from which a cell also learns the box


class Batch(NamedTuple):
    """B tiles and what is true of them; h = H / 4, w = W / 4, M cells learn a box.

    Attributes:
        images: (B, 1, H, W) uint8.
        heat: (B, C, h, w) float32 in [0, 1]; exactly 1 at centres.
        weight: (B, C, h, w) float32; 0 where labels are ignored.
        cells: (M, 3) int64: tile, row, column.
        labels: (M,) int64: class.
        boxes: (M, 4) float32, x0 y0 x1 y1 in tile pixels.
        shares: (M,) float32; those of one part add up to 1.
    """

    images: Tensor
    heat: Tensor
    weight: Tensor
    cells: Tensor
    labels: Tensor
    boxes: Tensor
    shares: Tensor


class _Cells(NamedTuple):
    """Cells of one part: (M, 2) row and column, and (M,) their shares."""

    places: NDArray[np.int64]
    shares: NDArray[np.float32]


def batched(
    tiles: Sequence[NDArray[np.uint8]], parts: Sequence[Sequence[Truth]], classes: int
) -> Batch:
    """Return tiles, padded to one size, with their targets.

    Source of the elliptic bells: Liu et al., "Training-Time-Friendly Network for Real-Time
    Object Detection", AAAI 2020, arXiv:1909.00700.
    """
    heights, widths = zip(*(tile.shape for tile in tiles), strict=True)
    height, width = padded_size(max(heights), max(widths))
    shape = (len(tiles), classes, height // STRIDE, width // STRIDE)
    heat, weight = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    cells, labels, boxes, shares = [], [], [], []
    for index, own in enumerate(parts):
        for part in sorted(own, key=lambda one: one.is_absent):  # they have the last word
            if part.is_ignored or part.is_absent:
                weight[(index, part.label, *_covered(part))] = float(part.is_absent)
                continue
            core = _draw(heat[index, part.label], part)
            count = len(core.places)
            cells.append(np.column_stack([np.full(count, index), core.places]))
            labels.append(np.full(count, part.label))
            box = part.box
            boxes.append(
                np.tile(np.array([box.x0, box.y0, box.x1, box.y1], np.float32), (count, 1))
            )
            shares.append(core.shares)
    weight[heat == 1] = 1  # a centre inside an ignored part still counts
    return Batch(
        stacked(list(tiles), height, width),
        torch.from_numpy(heat),
        torch.from_numpy(weight),
        torch.from_numpy(np.concatenate([np.zeros((0, 3)), *cells]).astype(np.int64)),
        torch.from_numpy(np.concatenate([np.zeros(0), *labels]).astype(np.int64)),
        torch.from_numpy(np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float32)),
        torch.from_numpy(np.concatenate([np.zeros(0), *shares]).astype(np.float32)),
    )


def _covered(part: Truth) -> tuple[slice, slice]:
    """Return the rows and columns of the cells that a part's box touches."""
    box = part.box
    rows = slice(int(box.y0 // STRIDE), int(np.ceil(box.y1 / STRIDE)))
    return rows, slice(int(box.x0 // STRIDE), int(np.ceil(box.x1 / STRIDE)))


def _spread(part: Truth) -> tuple[float, float]:
    """Return the standard deviation of a part's bell in cells, along rows' and columns' axes."""
    height, width = part.box.height / STRIDE, part.box.width / STRIDE

    def along(side: float, other: float) -> float:
        stretch = min(max(side / other / _LONG, 1.0), _LONGEST_STRETCH)
        return max(side * _SPREAD * stretch, 0.6)

    return along(height, width), along(width, height)


def _draw(heat: NDArray[np.float32], part: Truth) -> _Cells:
    """Draw the bell of a part into (h, w) ``heat``; return the cells of its core."""
    x, y = part.box.centre
    row = min(int(y // STRIDE), heat.shape[0] - 1)
    column = min(int(x // STRIDE), heat.shape[1] - 1)
    spread = _spread(part)
    reach = [int(np.ceil(3 * one)) for one in spread]
    top, bottom = max(row - reach[0], 0), min(row + reach[0] + 1, heat.shape[0])
    left, right = max(column - reach[1], 0), min(column + reach[1] + 1, heat.shape[1])
    rows = np.exp(-(((np.arange(top, bottom) - row) / spread[0]) ** 2) / 2)
    columns = np.exp(-(((np.arange(left, right) - column) / spread[1]) ** 2) / 2)
    bell = np.outer(rows, columns).astype(np.float32)
    around = heat[top:bottom, left:right]
    np.maximum(around, bell, out=around)
    # Where two parts of a class meet, a cell learns the box of the nearer centre only.
    core = (bell >= _CORE) & (bell >= around)
    places = np.argwhere(core) + np.array([top, left])
    shares = bell[core]
    return _Cells(places, (shares / shares.sum()).astype(np.float32))
