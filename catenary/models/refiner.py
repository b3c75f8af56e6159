"""The box refiner: located parts of a frame in, better boxes and how good they are out."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from catenary.imaging import resize
from catenary.models.fold import for_inference
from catenary.models.inputs import (
    MEAN,
    Precision,
    autocast,
    batch_of,
    batches,
    normalised,
    sent,
)
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
        labels = np.array([self.classes.index(kind) for kind in kinds], np.int64)
        outer = widened(surroundings(boxes), self.crop_px)
        refined, quality = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for rows, size in batches(len(boxes), batch_of(self._device)):
            shares, own = self._look(pixels, outer[rows], labels[rows], size)
            refined.append(placed(shares, outer[rows]))
            quality.append(own)
        height, width = pixels.shape
        found = np.clip(np.concatenate(refined), 0, [width, height, width, height])
        return found.astype(np.float32), np.concatenate(quality)

    @torch.inference_mode()
    def _look(
        self,
        pixels: NDArray[np.uint8],
        outer: NDArray[np.int64],
        labels: NDArray[np.int64],
        size: int,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return boxes (N, 4) as shares of their surroundings, and qualities (N,)."""
        crops = np.zeros((size, 1, self.crop_px, self.crop_px), np.uint8)
        for crop, one in zip(crops, outer, strict=False):
            crop[0] = squared(pixels, one, self.crop_px)
        batch = sent(torch.from_numpy(crops), self._device)
        own = sent(torch.from_numpy(np.resize(labels, size)), self._device)
        with autocast(self._device, self._precision):
            look = self._network(normalised(batch), own)
        count = len(outer)
        boxes, quality = look.boxes()[:count], look.quality[:count].sigmoid()
        return boxes.cpu().numpy(), quality.cpu().numpy()


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
