"""Convolution, bias and clamp as one operator of oneDNN, for processors that compute in bfloat16.

Under autocast torch runs them one after another, copies the weights at each call, and writes every
picture three times. The operator is the one that torch.compile uses, which would need a C++
compiler where the product runs.
"""

import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from timm.layers.conv2d_same import Conv2dSame
from timm.models._efficientnet_blocks import InvertedResidual
from torch import Tensor, nn

_MOST_BYTES = 32 << 20  # above that glibc takes memory from the system and gives it back each time
_LAYERS = 8192  # more than there are; a few kilobytes each
_STRIP_BYTES = 4 << 20  # fits the caches of a core and its share; from 2 to 8 MB no difference


def is_supported(device: torch.device) -> bool:
    """Tell whether this machine and this torch have the operator."""
    operators = torch.ops.mkldnn
    return (
        device.type == "cpu"
        and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # torch
        and hasattr(operators, "_convolution_pointwise")
        and bool(operators._is_mkldnn_bf16_supported())
    )


class FusedConvolution(nn.Module):
    """A convolution of stride 1 or 2 and the clamp after it; takes any floats, gives bfloat16."""

    def __init__(self, convolution: nn.Conv2d, clamp: nn.Module | None) -> None:
        """Copy the weights; ``clamp`` is a ReLU, a ReLU6 or None."""
        super().__init__()
        self._plain = convolution
        self._clamp = nn.Identity() if clamp is None else clamp
        self._name, self._limits = _named(clamp)
        weight = convolution.weight.detach()
        self._padding = _pair(convolution.padding)
        # TensorFlow's padding of even sides is one pixel more at the end than at the start. oneDNN
        # knows equal padding: a row and a column of zeros before the kernel do the same.
        self._is_uneven = isinstance(convolution, Conv2dSame)
        if self._is_uneven:
            weight = F.pad(weight, (1, 0, 1, 0))
            self._padding = _pair([(side - 2) // 2 for side in weight.shape[-2:]])
        narrow = weight.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
        self._channels, self._kernel_rows = int(weight.shape[0]), int(weight.shape[2])
        self._stride, self._dilation = _pair(convolution.stride), _pair(convolution.dilation)
        self._groups = convolution.groups
        self.register_buffer("_weight", narrow, persistent=False)
        bias = None if convolution.bias is None else convolution.bias.detach().to(torch.bfloat16)
        self.register_buffer("_bias", bias, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) float to (B, D, h, w) bfloat16."""
        if not self.takes(images):
            plain: Tensor = self._clamp(self._plain(images))
            return plain
        return self._run(images, self._padding)

    def takes(self, images: Tensor) -> bool:
        """Tell whether the operator is right for pictures of this size."""
        return not (self._is_uneven and any(side % 2 for side in images.shape[-2:]))

    def of_rows(self, images: Tensor) -> Tensor:
        """Return what `forward` does, of pictures that hold the rows above and below already."""
        return self._run(images, (0, self._padding[1]))

    def rows_for(self, first: int, last: int) -> tuple[int, int]:
        """Return the rows, first and one past the last, that rows of the output are made of.

        They may lie outside of the picture, where all is 0.
        """
        start = self._stride[0] * first - self._padding[0]
        return start, self._stride[0] * (last - 1) - self._padding[0] + self._kernel_rows

    def height_for(self, height: int) -> int:
        """Return how many rows the output of so many has."""
        return (height + 2 * self._padding[0] - self._kernel_rows) // self._stride[0] + 1

    @property
    def is_dilated(self) -> bool:
        """Whether it leaves pixels out between those that it takes."""
        return self._dilation != (1, 1)

    @property
    def channels(self) -> int:
        """Channels of the output."""
        return self._channels

    def _run(self, images: Tensor, padding: tuple[int, int]) -> Tensor:
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
            images.to(torch.bfloat16),
            self._weight,
            self._bias,
            padding,
            self._stride,
            self._dilation,
            self._groups,
            self._name,
            self._limits,
            "",
        )
        return fused


class InStrips(nn.Module):
    """A convolution that widens and the one after it, in strips where all at once is too much.

    What lies between them is several times as large as what goes in and comes out. Beyond 32 MB
    the C library gives such memory back each time, and the system must clear it again: that takes
    longer than the multiplying.
    """

    def __init__(self, widen: FusedConvolution, after: FusedConvolution) -> None:
        """Run one after the other; ``widen`` is 1x1 of stride 1."""
        super().__init__()
        self.widen, self.after = widen, after

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) float to (B, D, h, w) bfloat16."""
        count, _, height, width = images.shape
        row_bytes = 2 * count * self.widen.channels * width
        if row_bytes * height <= _MOST_BYTES or not self.after.takes(images):
            together: Tensor = self.after(self.widen(images))
            return together
        rows = self.after.height_for(height)
        step = max(1, _STRIP_BYTES // row_bytes * rows // height)
        strips = [
            self._strip(images, first, min(first + step, rows)) for first in range(0, rows, step)
        ]
        return torch.cat(strips, dim=2)

    def _strip(self, images: Tensor, first: int, last: int) -> Tensor:
        """Return some rows of the output."""
        top, bottom = self.after.rows_for(first, last)
        height = images.shape[2]
        wide = self.widen(images[:, :, max(top, 0) : min(bottom, height)])
        over = (max(-top, 0), max(bottom - height, 0))
        return self.after.of_rows(F.pad(wide, (0, 0, *over)) if any(over) else wide)


def remember_layers() -> None:
    """Have oneDNN keep what it prepared for every size of every layer, unless told otherwise.

    It keeps 1,024: of three networks with some sixty layers each, at sixteen numbers of crops and
    a few sizes of pictures, it would prepare many anew, which takes longer than to compute them. It
    looks once, at the first layer of a process.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(_LAYERS))


def fuse(network: nn.Module) -> None:
    """Replace the convolutions of a network whose normalisation is folded, in place.

    A clamp goes with its convolution only where nothing else can use it: right after it in a
    sequence, or where timm's normalisation layer, which held it, was.
    """
    remember_layers()
    for parent in list(network.modules()):
        if not isinstance(parent, FusedConvolution):
            _fuse_children(parent)
    for block in list(network.modules()):
        if isinstance(block, InvertedResidual):
            _put_in_strips(block)


def _put_in_strips(block: InvertedResidual) -> None:
    """Run a block's first two convolutions together, if nothing but they is left in between."""
    widen, after = block.conv_pw, block.conv_dw
    if not isinstance(widen, FusedConvolution) or not isinstance(after, FusedConvolution):
        return
    if isinstance(block.bn1, nn.Identity) and not after.is_dilated:
        block.conv_pw, block.conv_dw = nn.Identity(), InStrips(widen, after)


def _fuse_children(parent: nn.Module) -> None:
    children = list(parent.named_children())
    for index, (name, child) in enumerate(children):
        if not isinstance(child, nn.Conv2d) or not _can_be_fused(child):
            continue
        after = children[index + 1 :]
        if isinstance(parent, nn.Sequential):
            after = [pair for pair in after if not isinstance(pair[1], nn.Identity)]
        clamp = None
        if after and isinstance(after[0][1], nn.ReLU | nn.ReLU6):
            place, clamp = after[0]
            setattr(parent, place, nn.Identity())
        setattr(parent, name, FusedConvolution(child, clamp))


def _can_be_fused(convolution: nn.Conv2d) -> bool:
    if isinstance(convolution.padding, str):
        return False
    if isinstance(convolution, Conv2dSame):
        return convolution.stride == (2, 2) and convolution.dilation == (1, 1)
    return type(convolution) is nn.Conv2d and convolution.padding_mode == "zeros"


def _pair(sides: Sequence[int] | str) -> tuple[int, int]:
    """Return down and across; a name of padding is refused by `_can_be_fused`."""
    down, across = (int(side) for side in sides)
    return down, across


def _named(clamp: nn.Module | None) -> tuple[str, list[float]]:
    """Return oneDNN's name of a clamp, and its limits."""
    match clamp:
        case nn.ReLU6():
            return "hardtanh", [0.0, 6.0]
        case nn.ReLU():
            return "relu", []
        case _:
            return "none", []
