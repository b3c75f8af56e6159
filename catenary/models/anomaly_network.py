"""Patch features of a frozen backbone, and memories of how normal parts look.

Method: PatchCore (Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR
2022, arXiv:2106.08265). Its rival PaDiM (Defard et al., 2021, arXiv:2011.08785) keeps a Gaussian
for each place of the picture and so needs parts that always lie alike; ours turn, are mirrored
and change their aspect in the square, so patches are compared wherever they lie.
"""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor, nn

from catenary.models.backbones import Backbone, backbone_of, widths_of

STRIDE = 8  # px of the square that a patch stands for
LEVELS = 90  # steps of 1 % of normal parts whose distances a memory keeps; the rest is the tail
_STRIDES = (8, 16)  # textures and shapes of parts, not yet kinds of things
_BLOCKS = 5  # of the backbone, up to the last stage used
_AROUND = 3  # patches a side that are averaged, as in the paper


class Memory(nn.Module):
    """Normal patches of one component and the distances that normal parts have from them.

    Buffers, filled by the fitting (`catenary.training.anomaly`):
        patches: (N, C), in standard deviations.
        spread: (C,), the standard deviation of each channel over normal patches.
        quantiles: (LEVELS + 1,), distances that 0 %, 1 % ... 90 % of held-out normal parts
            do not reach.
        tail: (), mean distance by which the others exceed the last of them.
    """

    patches: Tensor
    spread: Tensor
    quantiles: Tensor
    tail: Tensor

    def __init__(self, patches: int, channels: int) -> None:
        """Make room for ``patches`` patches."""
        super().__init__()
        self.register_buffer("patches", torch.zeros(patches, channels))
        self.register_buffer("spread", torch.ones(channels))
        self.register_buffer("quantiles", torch.linspace(0, 1, LEVELS + 1))
        self.register_buffer("tail", torch.ones(()))


class AnomalyNetwork(nn.Module):
    """The backbone up to stride 16, and a memory for each component."""

    def __init__(self, backbone: Backbone, sizes: Mapping[str, int]) -> None:
        """Build with random weights and empty memories.

        Args:
            backbone: One whose stages timm calls ``blocks``, as EfficientNet-lite0.
            sizes: Component id to the patches of its memory.
        """
        super().__init__()
        self.backbone = backbone_of(backbone, _STRIDES)
        self.backbone.blocks = self.backbone.blocks[:_BLOCKS]  # type: ignore[index]  # timm's nn.Sequential
        self.channels = sum(widths_of(self.backbone))
        self.memories = nn.ModuleDict(
            {kind: Memory(count, self.channels) for kind, count in sizes.items()}
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Return what each patch and its neighbours look like.

        Args:
            crops: (B, 1, S, S) float, (grey - 127) / 128; S a multiple of 32.

        Returns:
            (B, S/8, S/8, channels) float32.
        """
        fine, coarse = (
            F.avg_pool2d(level.float(), _AROUND, 1, _AROUND // 2, count_include_pad=False)
            for level in self.backbone(crops)
        )
        wider = F.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([fine, wider], dim=1).movedim(1, -1)  # (B, S/8, S/8, channels)

    def memory(self, kind: str) -> Memory:
        """Return the memory of one component id."""
        memory = self.memories[kind]
        if not isinstance(memory, Memory):
            raise TypeError(f"expected a memory of {kind}, got {type(memory).__name__}")
        return memory


def distances(patches: Tensor, known: Tensor) -> Tensor:
    """Return how far patches (P, C) are from each known one (N, C): (P, N).

    Root mean square over the channels, so in standard deviations where patches are.
    """
    away: Tensor = torch.cdist(patches, known)
    return away / float(np.sqrt(patches.shape[-1]))
