"""The component detector: grey images of any size in, detections out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from catenary.models import on_device
from catenary.models.detections import Detections
from catenary.models.fold import for_inference
from catenary.models.inputs import (
    Precision,
    autocast,
    normalised,
    padded_size,
    sent,
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
        # Two windows of 512 px on a CPU: of more the widest layer takes more memory than the C
        # library keeps (see `fused.InStrips`), and each window takes half as long again.
        self._batch_px = 40_000_000 if device.type == "cuda" else 600_000

    @torch.inference_mode()
    def __call__(self, images: Sequence[Picture]) -> list[Detections]:
        """See `catenary.models.detections.Detector`."""
        found = [Detections.none()] * len(images)
        for (height, width), indices in self._batches(images):
            batch = on_device.stacked([images[index] for index in indices], height, width)
            with autocast(self._device, self._precision):
                logits, merged = self._network.centres(normalised(sent(batch, self._device)))
                for index, own_logits, own in zip(indices, logits, merged, strict=True):
                    found[index] = self._read(own_logits, own, images[index].shape)
        return found

    def _batches(self, images: Sequence[Picture]) -> Iterator[tuple[tuple[int, int], list[int]]]:
        """Yield padded (height, width) and the indices of images that share it."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            groups.setdefault(padded_size(*image.shape), []).append(index)
        for (height, width), indices in groups.items():
            count = max(1, self._batch_px // (height * width))
            for start in range(0, len(indices), count):
                yield (height, width), indices[start : start + count]

    def _read(self, logits: Tensor, merged: Tensor, shape: tuple[int, ...]) -> Detections:
        return read(logits, merged, self._network.distances_at, shape, self._limits)

    @property
    def network(self) -> ComponentNetwork:
        """The network as it is run: batch normalisation folded in."""
        return self._network


def read(
    logits: Tensor,
    features: Tensor,
    distances_at: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    shape: tuple[int, ...],
    limits: PeakLimits,
) -> Detections:
    """Return the detections of one image.

    Args:
        logits: (C, h, w) of the centres.
        features: (F, h, w), whatever ``distances_at`` reads boxes off.
        distances_at: Maps the features, rows, columns and labels (N,) to (N, 4), see
            `ComponentNetwork.distances_at`.
        shape: Height and width of the image, px; boxes are cut off there.
        limits: Which peaks count.
    """
    labels, rows, columns, scores = peaks(logits, limits)
    distances = distances_at(features, rows, columns, labels)
    boxes = cell_boxes(torch.stack([rows, columns], dim=1), distances)
    boxes = torch.minimum(boxes.clamp(min=0), boxes.new_tensor(shape[::-1]).repeat(2))
    solid = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) > 0
    boxes, scores, labels = boxes[solid], scores[solid], labels[solid]
    kept = batched_nms(boxes, scores, labels, limits.max_iou)
    return Detections(
        boxes[kept].cpu().numpy(), scores[kept].cpu().numpy(), labels[kept].cpu().numpy()
    )


def peaks(logits: Tensor, limits: PeakLimits) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the local maxima of a heatmap, best first.

    Args:
        logits: (C, h, w).
        limits: Lowest score and highest number.

    Returns:
        Class, row, column (N,) int64 and score (N,) float32 in [0, 1].
    """
    floor = torch.logit(torch.tensor(limits.min_score, device=logits.device))
    labels, rows, columns = torch.nonzero(logits > floor, as_tuple=True)
    # Only cells above the floor are compared with those around: a thousandth of the heatmap.
    around = torch.arange(-1, 2, device=logits.device)
    y = (rows[:, None] + around).clamp_(0, logits.shape[1] - 1)[:, :, None]
    x = (columns[:, None] + around).clamp_(0, logits.shape[2] - 1)[:, None, :]
    own = logits[labels, rows, columns]
    is_peak = logits[labels[:, None, None], y, x].amax(dim=(1, 2)) == own
    labels, rows, columns = labels[is_peak], rows[is_peak], columns[is_peak]
    scores = own[is_peak].float().sigmoid()
    best = scores.argsort(descending=True, stable=True)[: limits.max_peaks]
    return labels[best], rows[best], columns[best], scores[best]
