"""The condition classifier: component crops in, class probabilities out."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.models import on_device
from catenary.models.detections import ConditionScores, CropOrPlace
from catenary.models.fold import for_inference
from catenary.models.inputs import (
    Precision,
    autocast,
    batches,
    filled,
    letterboxed,
    normalised,
    sent,
)
from catenary.models.network import ConditionNetwork
from catenary.models.on_device import Cutout, OnDevice

# Margin of the crops it is trained and used with, as a share of the longer side of the box.
# A pin is judged by the bolt it sits in, so it needs its surroundings.
CROP_MARGIN: Mapping[str, float] = MappingProxyType(
    {"dropper": 0.10, "insulator": 0.10, "split_pin": 0.6}
)
DEFAULT_MARGIN = 0.10
# Longer side of the smallest parts that it learns from, px; simulated labels ignore smaller ones,
# and what it says of them means nothing.
LEAST_SIDE_PX: Mapping[str, int] = MappingProxyType(
    {"dropper": 60, "insulator": 16, "split_pin": 12}
)


def pairs(conditions: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    """Return (component, condition) in the order of the network's outputs."""
    return tuple((kind, one) for kind, names in conditions.items() for one in names)


class CropClassifier:
    """A trained `ConditionNetwork`; see `catenary.models.detections.ConditionClassifier`."""

    def __init__(
        self,
        network: ConditionNetwork,
        conditions: Mapping[str, tuple[str, ...]],
        crop_px: int,
        device: torch.device,
        precision: Precision = Precision.BF16,
    ) -> None:
        """Copy the network to ``device``; crops are fitted into ``crop_px`` squares.

        Raises:
            ValueError: If the network was built for another number of pairs, or the first
                condition of a component is not ``"normal"``.
        """
        outputs = len(pairs(conditions))
        if network.head.out_features != outputs:
            raise ValueError(
                f"network has {network.head.out_features} outputs, conditions are {outputs}"
            )
        if odd := [kind for kind, names in conditions.items() if names[:1] != ("normal",)]:
            raise ValueError(f"'normal' must be the first condition of {', '.join(odd)}")
        self.conditions = dict(conditions)
        self.crop_px = crop_px
        self._network = for_inference(network, device, precision)
        self._device = device
        self._precision = precision
        starts = np.cumsum([0, *map(len, self.conditions.values())])
        self._outputs = {
            kind: slice(int(start), int(start) + len(names))
            for start, (kind, names) in zip(starts, self.conditions.items(), strict=False)
        }

    @property
    def network(self) -> ConditionNetwork:
        """The network as it is run: batch normalisation folded in."""
        return self._network

    def __call__(self, crops: Sequence[CropOrPlace], kinds: list[str]) -> list[ConditionScores]:
        """See `catenary.models.detections.ConditionClassifier`."""
        if unknown := sorted(set(kinds) - set(self.conditions)):
            raise LookupError(
                f"classifier does not know {', '.join(unknown)}; it knows"
                f" {', '.join(self.conditions)}"
            )
        logits = self._logits(crops)
        return [self._scores(row, kind) for row, kind in zip(logits, kinds, strict=True)]

    @torch.inference_mode()
    def _logits(self, crops: Sequence[CropOrPlace]) -> NDArray[np.float64]:
        """Return (B, outputs) logits."""
        parts = [np.zeros((0, len(pairs(self.conditions))))]
        for rows, size in batches(len(crops), self._device):
            squares = torch.cat(list(_squares(crops[rows], self.crop_px)))
            batch = sent(filled(squares, size), self._device)
            with autocast(self._device, self._precision):
                logits = self._network(normalised(batch))[: rows.stop - rows.start]
            parts.append(logits.double().cpu().numpy())
        return np.concatenate(parts)

    def _scores(self, logits: NDArray[np.float64], kind: str) -> ConditionScores:
        """Return the softmax over the conditions of one component only."""
        own = logits[self._outputs[kind]]
        shares = np.exp(own - own.max())
        return ConditionScores(self.conditions[kind], tuple(map(float, shares / shares.sum())))


def _squares(crops: Sequence[CropOrPlace], side: int) -> Iterator[Tensor]:
    """Yield (n, 1, side, side) uint8, in all a square for each crop, on the device where it is."""
    for picture, some in groupby(crops, key=_picture_of):
        if picture is None:
            own = [letterboxed(one, side) for one in some if not isinstance(one, Cutout)]
            yield torch.from_numpy(np.stack(own)[:, None])
        else:
            yield on_device.letterboxes([one for one in some if isinstance(one, Cutout)], side)


def _picture_of(crop: CropOrPlace) -> OnDevice | None:
    return crop.picture if isinstance(crop, Cutout) else None
