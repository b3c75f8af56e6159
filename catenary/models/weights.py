"""Weights files: safetensors whose size and hash are checked before they are read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from catenary.domain.errors import BundleError, ConfigError

LARGEST = 2_000_000_000  # bytes of a weights file; ours have 12,000,000


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """What a weights file must be.

    Attributes:
        size: Bytes.
        sha256: Hex digits.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    size: int
    sha256: str


def packed(state: Mapping[str, Tensor]) -> bytes:
    """Return a network's state as the content of a safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})


def record(content: bytes) -> WeightsFile:
    """Return the size and hash of a file's content."""
    return WeightsFile(len(content), hashlib.sha256(content).hexdigest())


def checked(path: Path, expected: WeightsFile) -> bytes:
    """Return the content of a weights file that is what it must be.

    Raises:
        BundleError: If it is missing, too large, cut short or changed.
    """
    if expected.size > LARGEST:
        raise BundleError(f"{path}: no network of ours has {expected.size} bytes of weights")
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == expected.size else b""
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; copy the bundle again") from error
    if size != expected.size:
        raise BundleError(
            f"{path} has {size} bytes, its card says {expected.size}; copy the bundle again"
        )
    if record(content) != expected:
        raise BundleError(
            f"{path} was changed: its SHA-256 is not the one on the card; copy the bundle again"
        )
    return content


def go_on_from(network: nn.Module, path: Path) -> tuple[str, ...]:
    """Copy what fits of an earlier training's weights into a network, to train on from there.

    Args:
        network: Changed in place.
        path: A ``.safetensors`` file of a run folder or a bundle.

    Returns:
        Names of the network's tensors that start anew: the file has none of that name and shape,
        as where the classes are others.

    Raises:
        ConfigError: If the file cannot be read, or less than half of the network fits.
    """
    try:
        given = load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read weights {path}: {error.strerror}") from error
    except SafetensorError as error:
        raise ConfigError(f"{path} is not a safetensors file: {error}") from error
    own = network.state_dict()
    fitting = {
        name: value
        for name, value in given.items()
        if name in own and own[name].shape == value.shape
    }
    if 2 * len(fitting) < len(own):
        raise ConfigError(f"{path} is of another network: {len(fitting)} of {len(own)} tensors fit")
    network.load_state_dict(fitting, strict=False)
    return tuple(name for name in own if name not in fitting)


def fill(network: nn.Module, content: bytes, path: Path) -> None:
    """Copy weights into a network.

    Args:
        network: Changed in place.
        content: Of a safetensors file.
        path: Named in the error.

    Raises:
        BundleError: If the tensors are not exactly the network's.
    """
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BundleError(
            f"{path} does not fit the card's architecture and classes: {reason}"
        ) from error
