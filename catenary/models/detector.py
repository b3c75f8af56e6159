"""The component detector: grey images of any size in, detections out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import nms

from catenary.models import on_device
from catenary.models.detections import Detections
from catenary.models.fold import for_inference
from catenary.models.inputs import (
    Precision,
    autocast,
    filled,
    normalised,
    padded_size,
    sent,
    together,
)
from catenary.models.network import ComponentNetwork, cell_boxes
from catenary.models.on_device import Picture


@dataclass(frozen=True, slots=True)
class PeakLimits:
    """How detections are read off the heatmap; all numbers are our starting values.

    Attributes:
        min_score: Peaks below this, in [0, 1], are dropped; low, since later stages decide.
        max_peaks: Bound on peaks an image, best first.
        max_iou: Overlap of two boxes of one class above which the weaker is dropped;
            parallel slanting droppers overlap by about a half.
    """

    min_score: float = 0.05
    max_peaks: int = 200
    max_iou: float = 0.6


class ComponentDetector:
    """A trained `ComponentNetwork`; see `catenary.models.detections.Detector`."""

    def __init__(
        self,
        network: ComponentNetwork,
        classes: tuple[str, ...],
        device: torch.device,
        precision: Precision = Precision.BF16,
        limits: PeakLimits | None = None,
    ) -> None:
        """Copy the network to ``device`` for inference.

        Raises:
            ValueError: If the network was built for another number of classes.
        """
        if network.classes != len(classes):
            raise ValueError(f"network knows {network.classes} classes, names are {len(classes)}")
        self.classes = classes
        self._network = for_inference(network, device, precision)
        self._device = device
        self._precision = precision
        self._limits = limits or PeakLimits()
        # Four windows of 384 px on a CPU or two of 512: more together gain nothing there, and need
        # more memory (see `fused.InStrips`).
        self._batch_px = 40_000_000 if device.type == "cuda" else 600_000

    @torch.inference_mode()
    def __call__(self, images: Sequence[Picture]) -> list[Detections]:
        """See `catenary.models.detections.Detector`."""
        found = [Detections.none()] * len(images)
        for (height, width), indices in self._batches(images):
            pictures = on_device.stacked([images[index] for index in indices], height, width)
            batch = filled(sent(pictures, self._device), together(len(indices), self._device))
            with autocast(self._device, self._precision):
                logits, merged = self._network.centres(normalised(batch))
                shapes = [images[index].shape for index in indices]
                told = read(
                    logits[: len(shapes)], merged, self._network.distances_at, shapes, self._limits
                )
            for index, own in zip(indices, told, strict=True):
                found[index] = own
        return found

    def _batches(self, images: Sequence[Picture]) -> Iterator[tuple[tuple[int, int], list[int]]]:
        """Yield padded (height, width) and the indices of images that share it."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            groups.setdefault(padded_size(*image.shape), []).append(index)
        for (height, width), indices in groups.items():
            count = max(1, self._batch_px // (height * width))
            if self._device.type == "cuda":
                count = 1 << (count.bit_length() - 1)  # see `inputs.together`
            for start in range(0, len(indices), count):
                yield (height, width), indices[start : start + count]

    @property
    def network(self) -> ComponentNetwork:
        """The network as it is run: batch normalisation folded in."""
        return self._network


class Peaks(NamedTuple):
    """Local maxima of the heatmaps of some pictures, picture after picture, best first.

    Attributes:
        pictures: (N,) int64, rising.
        labels: (N,) int64.
        rows: (N,) int64, cells.
        columns: (N,) int64, cells.
        scores: (N,) float32 in [0, 1].
    """

    pictures: Tensor
    labels: Tensor
    rows: Tensor
    columns: Tensor
    scores: Tensor

    def where(self, which: Tensor) -> "Peaks":
        """Return some of them: a mask (N,), or numbers."""
        return Peaks(*(one[which] for one in self))


DistancesAt = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def read(
    logits: Tensor,
    features: Tensor,
    distances_at: DistancesAt,
    shapes: Sequence[tuple[int, ...]],
    limits: PeakLimits,
) -> list[Detections]:
    """Return the detections of each picture of a batch; the host waits for the device once.

    Args:
        logits: (B, C, h, w) of the centres.
        features: (B, F, h, w), whatever ``distances_at`` reads boxes off.
        distances_at: Maps the features, pictures, rows, columns and labels (N,) to (N, 4), see
            `ComponentNetwork.distances_at`.
        shapes: Height and width of each picture, px; boxes are cut off there.
        limits: Which peaks count.
    """
    found = peaks(logits, limits)
    distances = distances_at(features, found.pictures, found.rows, found.columns, found.labels)
    boxes = cell_boxes(torch.stack([found.rows, found.columns], dim=1), distances)
    corners = boxes.new_tensor([(width, height, width, height) for height, width in shapes])
    boxes = torch.minimum(boxes.clamp(min=0), corners[found.pictures])
    solid = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) > 0
    boxes, found = boxes[solid], found.where(solid)
    kept = _strongest(boxes, found, logits.shape[1], limits.max_iou)
    numbers = torch.stack([found.pictures, found.labels], dim=1)  # small: exact as floats too
    told = torch.cat([boxes, found.scores[:, None], numbers], dim=1)[kept].cpu().numpy()
    own = (told[told[:, 5] == picture] for picture in range(len(shapes)))
    return [Detections(one[:, :4], one[:, 4], one[:, 6].astype(np.int64)) for one in own]


def _strongest(boxes: Tensor, found: Peaks, classes: int, max_iou: float) -> Tensor:
    """Return which boxes no better one of the same picture and class overlaps, best first.

    All pictures at once: each class of each is moved to a place of its own. In double precision,
    so that moving far rounds nothing, and a picture is told the same whatever is beside it.
    """
    places = (found.pictures * classes + found.labels) * (boxes.amax() + 1 if len(boxes) else 1)
    with torch.autocast(boxes.device.type, enabled=False):  # it would round to single precision
        apart = boxes.double() + places.double()[:, None]
        kept: Tensor = nms(apart, found.scores.double(), max_iou)
    return kept


def peaks(logits: Tensor, limits: PeakLimits) -> Peaks:
    """Return the local maxima of heatmaps (B, C, h, w).

    Args:
        logits: (B, C, h, w).
        limits: Lowest score and highest number a picture.
    """
    floor = torch.logit(torch.tensor(limits.min_score, device=logits.device))
    pictures, labels, rows, columns = torch.nonzero(logits > floor, as_tuple=True)
    # Only cells above the floor are compared with those around: a thousandth of the heatmap.
    around = torch.arange(-1, 2, device=logits.device)
    y = (rows[:, None] + around).clamp_(0, logits.shape[2] - 1)[:, :, None]
    x = (columns[:, None] + around).clamp_(0, logits.shape[3] - 1)[:, None, :]
    own = logits[pictures, labels, rows, columns]
    there = logits[pictures[:, None, None], labels[:, None, None], y, x]
    scores = own.double().sigmoid().float()  # its last digit depends on the neighbours in single
    found = Peaks(pictures, labels, rows, columns, scores).where(there.amax(dim=(1, 2)) == own)
    found = found.where(found.scores.argsort(descending=True, stable=True))
    found = found.where(found.pictures.argsort(stable=True))
    first = torch.searchsorted(found.pictures, found.pictures)  # of the same picture
    rank = torch.arange(len(first), device=first.device) - first
    return found.where(rank < limits.max_peaks)
