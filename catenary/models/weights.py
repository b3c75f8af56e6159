"""Weights files: safetensors whose size and hash are checked before they are read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from catenary.domain.errors import BundleError


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
        BundleError: If it is missing, cut short or changed.
    """
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
