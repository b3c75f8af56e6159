"""The box refiner: located parts of a frame in, better boxes and how good they are out."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.imaging import resize
from catenary.models import on_device
from catenary.models.detections import Proposed
from catenary.models.fold import for_inference
from catenary.models.inputs import (
    MEAN,
    Precision,
    autocast,
    batches,
    filled,
    normalised,
    sent,
)
from catenary.models.on_device import OnDevice, Picture
from catenary.models.refiner_network import RefinerNetwork

# What is looked at around a box, on each side: a share of that side, and of the other side for
# thin boxes, which miss their wire by more than they are wide.
_AROUND, _AROUND_THIN = 0.5, 0.12


class BoxRefiner:
    """A trained `RefinerNetwork`; see `catenary.models.detections.Refiner`."""

    def __init__(
        self,
        network: RefinerNetwork,
        classes: tuple[str, ...],
        crop_px: int,
        device: torch.device,
        precision: Precision = Precision.BF16,
    ) -> None:
        """Copy the network to ``device``; surroundings are fitted into ``crop_px`` squares.

        Raises:
            ValueError: If the network was built for another number of classes.
        """
        if network.classes != len(classes):
            raise ValueError(f"network knows {network.classes} classes, names are {len(classes)}")
        self.classes = classes
        self.crop_px = crop_px
        self._network = for_inference(network, device, precision)
        self._device = device
        self._precision = precision

    @property
    def network(self) -> RefinerNetwork:
        """The network as it is run: batch normalisation folded in."""
        return self._network

    def __call__(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], kinds: list[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `catenary.models.detections.Refiner`."""
        return self.together([Proposed(pixels, boxes, kinds)])[0]

    def together(
        self, proposed: Sequence[Proposed]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """See `catenary.models.detections.Refiner`."""
        if not proposed:
            return []
        outer = [widened(surroundings(one.boxes), self.crop_px) for one in proposed]
        crops = [self._crops(one.picture, own) for one, own in zip(proposed, outer, strict=True)]
        kinds = [kind for one in proposed for kind in one.kinds]
        shares, quality = self._look(torch.cat(crops), kinds)
        ends = np.cumsum([len(own) for own in outer])[:-1]
        parts = zip(proposed, outer, np.split(shares, ends), np.split(quality, ends), strict=True)
        return [
            (_inside(placed(own, around), one.picture.shape), sure)
            for one, around, own, sure in parts
        ]

    def _crops(self, picture: Picture, outer: NDArray[np.int64]) -> Tensor:
        """Return (N, 1, S, S) uint8, on the device where the picture is."""
        if isinstance(picture, OnDevice):
            return on_device.squares(picture, outer, self.crop_px)
        crops = np.zeros((len(outer), 1, self.crop_px, self.crop_px), np.uint8)
        for crop, one in zip(crops, outer, strict=True):
            crop[0] = squared(picture, one, self.crop_px)
        return torch.from_numpy(crops)

    @torch.inference_mode()
    def _look(
        self, crops: Tensor, kinds: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return boxes (N, 4) as shares of their surroundings, and qualities (N,)."""
        labels = np.array([self.classes.index(kind) for kind in kinds], np.int64)
        boxes, quality = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for rows, size in batches(len(crops), self._device):
            batch = sent(filled(crops[rows], size), self._device)
            own = sent(torch.from_numpy(np.resize(labels[rows], size)), self._device)
            with autocast(self._device, self._precision):
                look = self._network(normalised(batch), own)
            count = rows.stop - rows.start
            boxes.append(look.boxes()[:count].cpu().numpy())
            quality.append(look.quality[:count].sigmoid().cpu().numpy())
        return np.concatenate(boxes), np.concatenate(quality)


def _inside(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return boxes (N, 4) cut off at the edges of a frame."""
    height, width = shape
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)


def surroundings(boxes: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return what is looked at around boxes: (N, 4) whole pixels, at least 2 px to a side.

    They may reach over the edge of the frame.

    >>> surroundings(np.array([[10, 20, 20, 220]], np.float32)).tolist()
    [[-14, -80, 44, 320]]
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    beside = np.maximum(_AROUND * width, _AROUND_THIN * height)
    above = np.maximum(_AROUND * height, _AROUND_THIN * width)
    more = np.stack([beside, above], axis=1)
    low = np.floor(boxes[:, :2] - more)
    high = np.maximum(np.ceil(boxes[:, 2:] + more), low + 2)
    outer: NDArray[np.int64] = np.concatenate([low, high], axis=1).astype(np.int64)
    return outer


def widened(outer: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Return rectangles (N, 4) that begin and end where `squared` can average whole blocks.

    Only very large ones change, by less than a quarter of a pixel of the square to each side: they
    are so made small in a tenth of the time.

    >>> widened(np.array([[-3, 5, 1800, 1901], [0, 3, 70, 90]]), 128).tolist()
    [[-4, 4, 1800, 1902], [0, 3, 70, 90]]
    """
    blocks = [resize.block(int(y1 - y0), int(x1 - x0), side) for x0, y0, x1, y1 in outer]
    step = np.array(blocks, np.int64).reshape(-1, 1)
    low, high = outer[:, :2] // step * step, -(-outer[:, 2:] // step) * step
    return np.concatenate([low, high], axis=1)


def squared(pixels: NDArray[np.uint8], outer: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    """Return a rectangle of a frame as a (side, side) square, each axis scaled on its own.

    Args:
        pixels: (H, W) of the frame; what lies outside of it gets the level that becomes 0.
        outer: x0, y0, x1, y1; must overlap the frame.
        side: px.
    """
    height, width = pixels.shape
    x0, y0, x1, y1 = (int(one) for one in outer)
    cut = pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    over = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    step = resize.block(y1 - y0, x1 - x0, side)
    if step > 1 and not any(one % step for one in (x0, y0, x1, y1)):
        # Before what lies outside is added: that may be more than the frame.
        cut = _padded(cut, (0, -cut.shape[0] % step, 0, -cut.shape[1] % step))
        cut = resize.halved(cut, step.bit_length() - 1)
        over = (over[0] // step, over[1] // step, over[2] // step, over[3] // step)
    cut = _padded(cut, over)
    method = cv2.INTER_AREA if max(cut.shape) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (side, side), interpolation=method), np.uint8)


def _padded(pixels: NDArray[np.uint8], over: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a picture with rows above and below, columns left and right, of the mean level."""
    if not any(over):
        return pixels
    return np.asarray(cv2.copyMakeBorder(pixels, *over, cv2.BORDER_CONSTANT, value=MEAN), np.uint8)


def placed(shares: NDArray[np.float32], outer: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return boxes (N, 4) given as shares of their surroundings (N, 4) in frame pixels."""
    size = np.tile(outer[:, 2:] - outer[:, :2], 2)
    boxes: NDArray[np.float32] = (shares * size + np.tile(outer[:, :2], 2)).astype(np.float32)
    return boxes
