"""The networks of a bundle as whole graphs: grey pictures in, numbers that need no weights out.

What is exported is exactly this, and parity compares exactly this.
"""

import torch
from torch import Tensor, nn

from catenary.models.bundle import CLASSIFIER, DETECTOR, REFINER, Bundle
from catenary.models.inputs import normalised
from catenary.models.network import ComponentNetwork, ConditionNetwork
from catenary.models.refiner_network import RefinerNetwork


class DetectorGraph(nn.Module):
    """Centres and box sides of every cell."""

    def __init__(self, network: ComponentNetwork) -> None:
        """Wrap a network that is ready for inference."""
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 1, H, W) uint8, H and W multiples of 32, to centres and sides.

        Returns:
            Logits (B, C, H/4, W/4) float32, and (B, 4 * C, H/4, W/4) float32: for each class
            the distances from the middle of the cell to left, top, right and bottom, px.
        """
        logits, features = self.network(normalised(pictures))
        batch, channels, height, width = features.shape
        cells = features.permute(0, 2, 3, 1).reshape(-1, channels)
        sides = self.network.every_distance(cells)  # (B * h * w, 4 * C)
        return logits, sides.view(batch, height, width, -1).permute(0, 3, 1, 2)


class ClassifierGraph(nn.Module):
    """Logits of every (component, condition)."""

    def __init__(self, network: ConditionNetwork) -> None:
        """Wrap a network that is ready for inference."""
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        """Map (B, 1, S, S) uint8 to logits (B, outputs) float32."""
        logits: Tensor = self.network(normalised(crops))
        return logits


class RefinerGraph(nn.Module):
    """Boxes within their surroundings, and how well they fit."""

    def __init__(self, network: RefinerNetwork) -> None:
        """Wrap a network that is ready for inference."""
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, 1, S, S) uint8 and classes (N,) int64 to boxes and qualities.

        Returns:
            (N, 4) float32 x0 y0 x1 y1 as shares of the crop, and (N,) float32 in [0, 1].
        """
        look = self.network(normalised(crops), labels)
        return look.boxes(), look.quality.sigmoid()


def graphs(bundle: Bundle) -> dict[str, nn.Module]:
    """Return the graphs of a bundle by the name of their weights file."""
    made: dict[str, nn.Module] = {
        DETECTOR: DetectorGraph(bundle.detector.network),
        CLASSIFIER: ClassifierGraph(bundle.classifier.network),
    }
    if bundle.refiner is not None:
        made[REFINER] = RefinerGraph(bundle.refiner.network)
    return {name: graph.eval() for name, graph in made.items()}


def picked(
    sides: Tensor, pictures: Tensor, rows: Tensor, columns: Tensor, labels: Tensor
) -> Tensor:
    """Return (N, 4) distances of cells and classes (N,) from those of all (B, 4 * C, h, w)."""
    every = sides[pictures, :, rows, columns]  # (N, 4 * C)
    every = every.view(len(labels), sides.shape[1] // 4, 4)
    return every[torch.arange(len(labels), device=labels.device), labels]
