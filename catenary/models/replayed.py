"""Networks as CUDA graphs: all layers are launched at once, not one by one by the interpreter.

Several threads share the graphs, each on its own stream: a graph has one place for what goes in and
comes out, so that one pass waits on the device, not on the host, for the one before.

Source: CUDA C++ Programming Guide, "CUDA Graphs"; torch.cuda.CUDAGraph.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from catenary.models.bundle import Bundle
from catenary.models.compiled import wrap_networks

_WARMING = 2  # passes before the recording: cuDNN chooses and prepares its kernels
_MOST = 64  # graphs of a network: each keeps the memory of its layers. Our starting value

_recording = threading.Lock()  # a recording begins by waiting for all of the device

Told = Any  # a tensor, or a tuple of tensors


@dataclass(slots=True, eq=False)
class _Recorded:
    """A pass for one size of input.

    Attributes:
        graph: Its launches.
        given: Where the input is read.
        told: Where the output is left.
        is_free: When the last output was copied away.
    """

    graph: torch.cuda.CUDAGraph
    given: tuple[Tensor, ...]
    told: Told
    is_free: torch.cuda.Event


class Replayed:
    """A function of tensors on a GPU, recorded when it is first called for a size of its input."""

    def __init__(self, plain: Callable[..., Told]) -> None:
        """Record nothing yet."""
        self._plain = plain
        self._recorded: dict[tuple[torch.Size, ...], _Recorded] = {}
        self._lock = threading.Lock()

    def __call__(self, *given: Tensor) -> Told:
        """Return what the function does, in tensors of the caller's own.

        Args:
            given: All on one GPU. Sizes beyond the first 64 are not recorded.
        """
        size = tuple(one.shape for one in given)
        with self._lock:
            if size not in self._recorded:
                if len(self._recorded) == _MOST:
                    return self._plain(*given)
                with _recording:
                    self._recorded[size] = _recorded(self._plain, given)
            own, stream = self._recorded[size], torch.cuda.current_stream(given[0].device)
            stream.wait_event(own.is_free)
            for there, one in zip(own.given, given, strict=True):
                there.copy_(one)
            own.graph.replay()
            told = _each(own.told, Tensor.clone)
            own.is_free.record(stream)
        return told


def _recorded(plain: Callable[..., Told], given: tuple[Tensor, ...]) -> _Recorded:
    device = given[0].device
    before, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch
    aside.wait_stream(before)
    with torch.cuda.stream(aside):
        places = tuple(one.clone() for one in given)
        for _ in range(_WARMING):
            plain(*places)
    graph = torch.cuda.CUDAGraph()
    # What other threads ask of the device meanwhile is no part of it, and no error.
    with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
        told = plain(*places)
    before.wait_stream(aside)
    is_free = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch
    is_free.record(before)
    return _Recorded(graph, places, told, is_free)


def _each(told: Told, done: Callable[[Tensor], Tensor]) -> Told:
    """Return tensors of the same form, each with something done."""
    if isinstance(told, Tensor):
        return done(told)
    own = [done(one) for one in told]
    return type(told)(*own) if hasattr(told, "_fields") else tuple(own)


def replay_networks(bundle: Bundle) -> None:
    """Have the networks of a bundle on a GPU replayed, in place; the anomaly scorer's is left."""
    wrap_networks(bundle, lambda plain, _: Replayed(plain))
