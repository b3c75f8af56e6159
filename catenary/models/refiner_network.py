"""The second look at a located part: is it one, and where are its sides really?

The detector sees the whole frame reduced, in which a wire of 8 px is 2 px wide; a crop of the
part alone shows the ends of a dropper and the shed at the end of an insulator. Each side is a
distribution over places along its axis (Li et al., "Generalized Focal Loss", NeurIPS 2020,
arXiv:2006.04388), read off the profile of the features along that axis (Wang et al., "Side-Aware
Boundary Localization", ECCV 2020, arXiv:1912.04260).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor, nn

from catenary.models.backbones import Backbone, backbone_of, widths_of
from catenary.models.network import depthwise

CELL = 4  # px of the crop a place stands for
_HIDDEN = 96


class Look(NamedTuple):
    """What N crops show of their own class; P = crop side / 4 places along an axis.

    Attributes:
        sides: (N, 4, P) logits of where the left, top, right and bottom side is.
        quality: (N,) logit of how well a part of the class is boxed by these sides.
    """

    sides: Tensor
    quality: Tensor

    def boxes(self) -> Tensor:
        """Return (N, 4) float x0 y0 x1 y1 as shares of the crop's width and height."""
        places = self.sides.shape[-1]
        middles = (torch.arange(places, device=self.sides.device) + 0.5) / places
        x0, y0, x1, y1 = (self.sides.softmax(dim=-1) * middles).sum(dim=-1).unbind(dim=1)
        return torch.stack(
            [
                torch.minimum(x0, x1),
                torch.minimum(y0, y1),
                torch.maximum(x0, x1),
                torch.maximum(y0, y1),
            ],
            dim=1,
        )


class RefinerNetwork(nn.Module):
    """Backbone, a pyramid up to stride 4, profiles along both axes, and a quality head."""

    def __init__(self, backbone: Backbone, classes: int, channels: int = 48) -> None:
        """Build with random weights.

        Args:
            backbone: Gives features at strides 4, 8, 16 and 32.
            classes: Component kinds, at least 1.
            channels: Width of the pyramid.
        """
        super().__init__()
        self.classes = classes
        self.backbone = backbone_of(backbone, (4, 8, 16, 32))
        widths = widths_of(self.backbone)
        self.laterals = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.smooth = depthwise(channels)
        self.across = _profile(2 * channels, 2 * classes)
        self.down = _profile(2 * channels, 2 * classes)
        self.quality = nn.Linear(2 * (widths[-1] + widths[-2]), classes)

    def forward(self, crops: Tensor, labels: Tensor) -> Look:
        """Look at crops, each for its own class.

        Args:
            crops: (N, 1, S, S) float, (grey - 127) / 128; S a multiple of 32.
            labels: (N,) int64, the class each is looked at for.
        """
        levels = self.backbone(crops)
        merged = self.laterals[-1](levels[-1])
        for index in (2, 1, 0):
            own = self.laterals[index](levels[index])
            merged = own + F.interpolate(merged, size=own.shape[-2:], mode="nearest")
        merged = self.smooth(merged)  # (N, channels, P, P)
        x = self.across(torch.cat([merged.mean(dim=2), merged.amax(dim=2)], dim=1))
        y = self.down(torch.cat([merged.mean(dim=3), merged.amax(dim=3)], dim=1))
        count = labels.shape[0]  # not len(): a traced graph would keep the number of its example
        rows = torch.arange(count, device=labels.device)
        shape = (count, self.classes, 2, -1)
        own_x, own_y = (axis.view(shape)[rows, labels].float() for axis in (x, y))  # (N, 2, P)
        sides = torch.stack([own_x[:, 0], own_y[:, 0], own_x[:, 1], own_y[:, 1]], dim=1)
        pooled = [
            pool(level, 1).flatten(1)
            for level in levels[-2:]
            for pool in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)
        ]
        with torch.autocast(crops.device.type, enabled=False):
            quality = self.quality(torch.cat(pooled, dim=1).float())[rows, labels]
        return Look(sides, quality)


def _profile(inputs: int, outputs: int) -> nn.Sequential:
    """Return convolutions along one axis."""
    return nn.Sequential(
        nn.Conv1d(inputs, _HIDDEN, 5, padding=2, bias=False),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(inplace=True),
        nn.Conv1d(_HIDDEN, outputs, 5, padding=2),
    )
