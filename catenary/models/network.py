"""The two networks as pure torch modules: tensors in, tensors out, no weights, no files.

`ComponentNetwork` finds parts by their centres (Zhou et al., "Objects as Points", 2019,
arXiv:1904.07850) and measures four distances to the sides of the box from there (Tian et
al., "FCOS", ICCV 2019, arXiv:1904.01355). `ConditionNetwork` scores a crop.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor, nn

from catenary.models.backbones import Backbone, backbone_of, widths_of

STRIDE = 4  # px of the picture a cell of the heatmap stands for
_REACH = 11  # cells
_AROUND = 2  # cells to each side that two 3x3 convolutions see
_CELLS = 32  # are asked for boxes at once, at least
_LONGEST_LOG = 9.0  # exp(9) * 4 px: no side of a box is further than 32,000 px
_RARE_PRIOR = -4.6  # logit of 0.01: at first, nearly no cell is a centre (Lin et al. 2017)


def depthwise(channels: int) -> nn.Sequential:
    """Return a 3x3 depthwise and a 1x1 convolution: 8 times cheaper than a full 3x3."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU6(inplace=True),
    )


class WideContext(nn.Module):
    """Lets the coarsest features see hundreds of pixels, for droppers as high as the picture.

    Chained 5x5 maxima as in SPPF; each adds 4 cells (128 px) to what a cell sees.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        """Reduce ``inputs`` channels to ``channels``."""
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(inputs, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU6(inplace=True),
        )
        self.join = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, deepest: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, channels, h, w)."""
        views = [self.reduce(deepest)]
        for _ in range(3):
            views.append(F.max_pool2d(views[-1], 5, stride=1, padding=2))
        joined: Tensor = self.join(torch.cat(views, dim=1))
        return joined


class LongView(nn.Module):
    """Lets a cell see far up, down and to both sides, exactly: where the ends of a wire are.

    Depthwise convolutions of one column and one row, as in the large kernels of Guo et al.,
    "SegNeXt", NeurIPS 2022, arXiv:2209.08575; added to what is there, at first with no weight.
    """

    def __init__(self, channels: int, reach: int) -> None:
        """See ``reach`` cells to each side."""
        super().__init__()
        size = 2 * reach + 1

        def line(kernel: tuple[int, int], padding: tuple[int, int]) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(channels, channels, kernel, 1, padding, groups=channels, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU6(inplace=True),
            )

        self.column = line((size, 1), (reach, 0))
        self.row = line((1, size), (0, reach))
        self.join = nn.Conv2d(2 * channels, channels, 1)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)  # type: ignore[arg-type]  # has a bias

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        seen = torch.cat([self.column(features), self.row(features)], dim=1)
        joined: Tensor = self.join(seen)
        return features + joined


class CentreLogits(nn.Conv2d):
    """A 1x1 convolution in float32, since bfloat16 would make plateaus of equal peaks.

    As a product of matrices: for so few outputs torch has only a slow convolution on one thread.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to (B, classes, h, w) float32."""
        with torch.autocast(features.device.type, enabled=False):
            cells = features.float().permute(0, 2, 3, 1)
            return F.linear(cells, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


class ComponentNetwork(nn.Module):
    """Backbone, feature pyramid up to stride 4, heatmap and box heads.

    The box head is a linear map that is evaluated only at the cells asked for, in float32:
    bfloat16 would round the side of a 1,000 px dropper by 30 px.
    """

    def __init__(self, backbone: Backbone, classes: int, channels: int = 64) -> None:
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
        self.context = WideContext(widths[-1], channels)
        self.laterals = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths[:-1])
        self.smooth = nn.ModuleList(depthwise(channels) for _ in widths[:-1])
        # At strides 8 and 16, over 88 and 176 px of the picture: half of the longest dropper.
        self.far = nn.ModuleDict({str(one): LongView(channels, _REACH) for one in (1, 2)})
        self.centre_tower = depthwise(channels)
        self.centre = CentreLogits(channels, classes, 1)
        self.box_tower = nn.Sequential(depthwise(channels), depthwise(channels))
        self.box = nn.Linear(channels, 4 * classes)
        nn.init.constant_(self.centre.bias, _RARE_PRIOR)  # type: ignore[arg-type]  # has a bias
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.constant_(self.box.bias, 2.0)  # exp(2) * 4 px = 30 px to each side, a usual part

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return centre logits and box features.

        Args:
            images: (B, 1, H, W) float, (grey - 127) / 128; H and W multiples of 32.

        Returns:
            Logits (B, classes, H/4, W/4) and features (B, channels, H/4, W/4).
        """
        logits, merged = self.centres(images)
        return logits, self.box_tower(merged)

    def centres(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, but the features that the box tower is given.

        Of a picture's cells only those of centres have a box: `distances_at` asks the tower there.
        """
        levels = self.backbone(images)
        merged = self.context(levels[-1])  # (B, channels, H/32, W/32)
        for index in (2, 1, 0):
            lateral = self.laterals[index](levels[index])
            wider = F.interpolate(merged, size=lateral.shape[-2:], mode="nearest")
            merged = self.smooth[index](lateral + wider)
            if str(index) in self.far:
                merged = self.far[str(index)](merged)
        tower = self.centre_tower(merged)
        return self.centre(tower), merged

    def distances_at(
        self, merged: Tensor, pictures: Tensor, rows: Tensor, columns: Tensor, labels: Tensor
    ) -> Tensor:
        """Return `distances` of single cells, asking the box tower only there.

        Args:
            merged: (B, channels, h, w), see `centres`.
            pictures: (N,) int64, of which picture each cell is.
            rows: (N,) int64 of the cells.
            columns: (N,) int64.
            labels: (N,) int64, the class whose box is wanted.
        """
        count = len(rows)
        if not count:
            return merged.new_zeros((0, 4), dtype=torch.float32)
        more = (0, padded_cells(count, merged.device) - count)
        around = torch.arange(-_AROUND, _AROUND + 1, device=rows.device)
        y = (F.pad(rows, more)[:, None] + around)[:, :, None]  # (M, 5, 1)
        x = (F.pad(columns, more)[:, None] + around)[:, None, :]
        own = F.pad(pictures, more)[:, None, None]
        height, width = merged.shape[2:]
        inside = ((y >= 0) & (y < height) & (x >= 0) & (x < width))[:, None]  # (M, 1, 5, 5)
        cells = merged.permute(0, 2, 3, 1)[own, y.clamp(0, height - 1), x.clamp(0, width - 1)]
        seen = cells.permute(0, 3, 1, 2) * inside  # (M, channels, 5, 5)
        for block in self.box_tower:
            # What is outside of the picture is 0 for every layer, as in a whole picture.
            seen = block(seen) * inside
        return self.distances(seen[:count, :, _AROUND, _AROUND], labels)

    def distances(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return distances from cell centres to the sides of their boxes.

        Args:
            features: (N, channels), box features of N cells.
            labels: (N,) int64, the class whose box is wanted.

        Returns:
            (N, 4) float32 in picture pixels, greater than 0: left, top, right, bottom.
        """
        every = self.every_distance(features).view(-1, self.classes, 4)
        return every[torch.arange(len(labels), device=every.device), labels]

    def every_distance(self, features: Tensor) -> Tensor:
        """Return the distances of all classes: (N, 4 * classes) float32, as `distances`."""
        with torch.autocast(features.device.type, enabled=False):
            sides: Tensor = STRIDE * self.box(features.float()).clamp(max=_LONGEST_LOG).exp()
            return sides


class ConditionNetwork(nn.Module):
    """Backbone, average and maximum pooling, one linear layer.

    The maximum is kept beside the average because a cut wire or a lost pin fills a few
    cells of the crop and vanishes in the average.
    """

    def __init__(self, backbone: Backbone, outputs: int, dropout: float = 0.1) -> None:
        """Build with random weights; ``outputs`` counts (component, condition) pairs."""
        super().__init__()
        self.backbone = backbone_of(backbone, (16, 32))
        widths = widths_of(self.backbone)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * sum(widths), outputs)

    def forward(self, crops: Tensor) -> Tensor:
        """Map (B, 1, S, S) float, (grey - 127) / 128, to logits (B, outputs) float32."""
        pooled = [
            pool(level).flatten(1)
            for level in self.backbone(crops)
            for pool in (_average, _maximum)
        ]
        features = torch.cat(pooled, dim=1)  # (B, 2 * sum(widths))
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.head(self.dropout(features.float()))
        return logits


def padded_cells(count: int, device: torch.device) -> int:
    """Return how many cells are asked for boxes at once: every number is prepared for anew.

    Multiples of 32 for oneDNN; powers of 2 on a GPU, where cuDNN takes longer to prepare.

    >>> padded_cells(33, torch.device("cpu")), padded_cells(70, torch.device("cuda"))
    (64, 128)
    """
    if device.type == "cuda":
        return max(_CELLS, 1 << (count - 1).bit_length())
    return -(-count // _CELLS) * _CELLS


def _average(level: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(level, 1)


def _maximum(level: Tensor) -> Tensor:
    return F.adaptive_max_pool2d(level, 1)


def cell_boxes(cells: Tensor, distances: Tensor) -> Tensor:
    """Return boxes from cells and their distances.

    Args:
        cells: (N, 2) integer, row and column on the heatmap.
        distances: (N, 4) float, see `ComponentNetwork.distances`.

    Returns:
        (N, 4) float, x0 y0 x1 y1 in picture pixels.
    """
    centres = (cells.flip(1).to(distances.dtype) + 0.5) * STRIDE  # (N, 2) x, y
    return torch.cat([centres - distances[:, :2], centres + distances[:, 2:]], dim=1)
