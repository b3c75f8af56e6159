"""The anomaly scorer: crops of parts in, how unlike normal parts they are out.

It learns from normal parts alone (see `catenary.models.anomaly_network`), so it speaks of
conditions too of which there is no sample. What it says is no probability of a defect: a crop
with another background or in another light is unlike too.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.models.anomaly_network import LEVELS, STRIDE, AnomalyNetwork, Memory, distances
from catenary.models.detections import Strangeness
from catenary.models.fold import for_inference
from catenary.models.inputs import fitted_size, letterboxed, normalised

UNUSUAL_FROM = 0.99  # score; one of a hundred normal parts is as unlike the others
_NEIGHBOURS = 9  # of the nearest known patch, for the paper's weight; as in its experiments
_BATCH = 32  # crops; keeps memory flat on frames with hundreds of parts


class PatchScorer:
    """A fitted `AnomalyNetwork`; see `catenary.models.detections.AnomalyScorer`.

    Always in float32, as the memories and their scales were made.
    """

    def __init__(self, network: AnomalyNetwork, crop_px: int, device: torch.device) -> None:
        """Copy the network to ``device``; crops are fitted into ``crop_px`` squares."""
        self.classes = tuple(network.memories)
        self.crop_px = crop_px
        self._network = for_inference(network, device)
        self._device = device

    def __call__(self, crops: list[Crop], kinds: list[str]) -> list[Strangeness]:
        """See `catenary.models.detections.AnomalyScorer`."""
        if unknown := sorted(set(kinds) - set(self.classes)):
            raise LookupError(f"no memory of {', '.join(unknown)}; of {', '.join(self.classes)}")
        found = []
        for start in range(0, len(crops), _BATCH):
            batch = slice(start, start + _BATCH)
            found += self._look(crops[batch], kinds[batch])
        return found

    @torch.inference_mode()
    def _look(self, crops: list[Crop], kinds: list[str]) -> list[Strangeness]:
        features = self.features(crops)
        return [
            self._strangeness(own, crop, self._network.memory(kind))
            for own, crop, kind in zip(features, crops, kinds, strict=True)
        ]

    @torch.inference_mode()
    def features(self, crops: list[Crop]) -> Tensor:
        """Return (B, S/8, S/8, channels) float32 of crops fitted into squares."""
        squares = np.stack([evened(crop, self.crop_px) for crop in crops])
        batch = torch.from_numpy(squares[:, None]).to(self._device)
        found: Tensor = self._network(normalised(batch))
        return found

    def _strangeness(self, features: Tensor, crop: Crop, memory: Memory) -> Strangeness:
        inside = inner_patches(crop, self.crop_px)
        own = features[torch.from_numpy(inside).to(self._device)] / memory.spread
        far, worst = strangest(own, memory.patches)
        patches = np.zeros(inside.shape, np.float32)
        patches[inside] = far.cpu().numpy()
        row, column = np.unravel_index(np.argmax(patches), patches.shape)
        return Strangeness(
            score_of(worst, memory),
            worst,
            distance_of(UNUSUAL_FROM, memory),
            patches,
            patch_box(int(row), int(column), crop, self.crop_px),
        )


def evened(crop: Crop, side: int) -> NDArray[np.uint8]:
    """Return a crop in the middle of a (side, side) square, its contrast stretched.

    How bright lamps and sky are must not be what is strange: 2 % of the pixels become darker
    than grey level 27, 2 % brighter than 227. A contrast under 12 levels counts as 12, so that
    noise stays small.
    """
    square = letterboxed(crop.pixels, side)
    x0, y0, across, down = _scales(crop, side)
    height, width = crop.pixels.shape
    own = square[y0 : y0 + round(height * down), x0 : x0 + round(width * across)]
    low, high = np.percentile(own, (2, 98))
    stretched = (own.astype(np.float32) - low) * (200 / max(high - low, 12)) + 27
    own[:] = np.clip(stretched, 0, 255)
    return square


def strangest(patches: Tensor, known: Tensor) -> tuple[Tensor, float]:
    """Return how far each patch is from the nearest known one, and the part as a whole.

    The part is as far as its farthest patch, weighted as in the paper (eq. 7): less where the
    known patch that is nearest lies among others as far away, so in a region that is known well.

    Args:
        patches: (P, C) of one part, P at least 1.
        known: (N, C) of normal parts.
    """
    far, nearest = distances(patches, known).min(dim=1)  # (P,), (P,)
    worst = int(far.argmax())
    home = known[nearest[worst]][None]  # (1, C)
    count = min(_NEIGHBOURS, len(known))
    if count == 1:
        return far, float(far[worst])
    around = distances(home, known)[0].topk(count, largest=False).indices
    away = distances(patches[worst][None], known[around])[0]  # (count,), the first to its home
    share = torch.exp(far[worst] - torch.logsumexp(away, dim=0))
    return far, float((1 - share) * far[worst])


def score_of(distance: float, memory: Memory) -> float:
    """Return the share in [0, 1] of normal parts that are nearer than ``distance``.

    As measured on held-out normal parts up to 90 %; beyond, where they are few, by an
    exponential tail of the same mean excess (Pickands 1975, with shape 0), so that very
    strange parts are still told apart.
    """
    steps = memory.quantiles.double().cpu().numpy()
    last = float(steps[-1])
    if distance <= last:
        return float(np.interp(distance, steps, np.arange(LEVELS + 1) / 100))
    return 1 - _beyond() * math.exp(-(distance - last) / float(memory.tail))


def distance_of(score: float, memory: Memory) -> float:
    """Return the distance that has ``score``, at least 0.9; the reverse of `score_of`."""
    return float(memory.quantiles[-1]) + float(memory.tail) * math.log(_beyond() / (1 - score))


def _beyond() -> float:
    return 1 - LEVELS / 100


def inner_patches(crop: Crop, side: int) -> NDArray[np.bool_]:
    """Tell which patches of a crop in its square touch the component's own box.

    The others show what happens to be around it, which is no matter of the part's condition.

    Returns:
        (side/8, side/8), at least one True.
    """
    x0, y0, across, down = _scales(crop, side)
    count = side // STRIDE
    left, right = (int((x0 + x * across) // STRIDE) for x in (crop.inner.x0, crop.inner.x1 - 1e-6))
    top, bottom = (int((y0 + y * down) // STRIDE) for y in (crop.inner.y0, crop.inner.y1 - 1e-6))
    inside = np.zeros((count, count), np.bool_)
    inside[min(top, count - 1) : bottom + 1, min(left, count - 1) : right + 1] = True
    return inside


def patch_box(row: int, column: int, crop: Crop, side: int) -> Box:
    """Return what a patch of the square stands for, in pixels of the crop, clipped to it."""
    x0, y0, across, down = _scales(crop, side)
    height, width = crop.pixels.shape
    box = Box(
        (column * STRIDE - x0) / across,
        (row * STRIDE - y0) / down,
        ((column + 1) * STRIDE - x0) / across,
        ((row + 1) * STRIDE - y0) / down,
    )
    return box.clipped(width, height) or crop.inner


def _scales(crop: Crop, side: int) -> tuple[int, int, float, float]:
    """Return where `letterboxed` puts a crop: left, top, and square pixels a crop pixel."""
    height, width = crop.pixels.shape
    down, across = fitted_size(height, width, side)
    return (side - across) // 2, (side - down) // 2, across / width, down / height
