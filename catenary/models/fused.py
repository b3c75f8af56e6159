"""Convolution, bias and clamp as one operator of oneDNN, for processors that compute in bfloat16.

Under autocast torch runs them one after another, copies the weights at each call, and writes every
picture three times. The operator is the one that torch.compile uses, which would need a C++
compiler where the product runs.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn


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
        weight, padding = convolution.weight.detach(), tuple(convolution.padding)
        # TensorFlow's padding of even sides is one pixel more at the end than at the start. oneDNN
        # knows equal padding: a row and a column of zeros before the kernel do the same.
        self._is_uneven = isinstance(convolution, Conv2dSame)
        if self._is_uneven:
            weight = F.pad(weight, (1, 0, 1, 0))
            padding = tuple((side - 2) // 2 for side in weight.shape[-2:])
        narrow = weight.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
        self._geometry = (padding, convolution.stride, convolution.dilation, convolution.groups)
        self.register_buffer("_weight", narrow, persistent=False)
        bias = None if convolution.bias is None else convolution.bias.detach().to(torch.bfloat16)
        self.register_buffer("_bias", bias, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) float to (B, D, h, w) bfloat16."""
        if self._is_uneven and any(side % 2 for side in images.shape[-2:]):
            plain: Tensor = self._clamp(self._plain(images))
            return plain
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
            images.to(torch.bfloat16),
            self._weight,
            self._bias,
            *self._geometry,
            self._name,
            self._limits,
            "",
        )
        return fused


def fuse(network: nn.Module) -> None:
    """Replace the convolutions of a network whose normalisation is folded, in place.

    A clamp goes with its convolution only where nothing else can use it: right after it in a
    sequence, or where timm's normalisation layer, which held it, was.
    """
    for parent in list(network.modules()):
        if not isinstance(parent, FusedConvolution):
            _fuse_children(parent)


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


def _named(clamp: nn.Module | None) -> tuple[str, list[float]]:
    """Return oneDNN's name of a clamp, and its limits."""
    match clamp:
        case nn.ReLU6():
            return "hardtanh", [0.0, 6.0]
        case nn.ReLU():
            return "relu", []
        case _:
            return "none", []
