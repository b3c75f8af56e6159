"""The networks of a bundle by torch.compile, which turns their layers into kernels of their own.

Not by the CUDA graphs of torch.compile: they belong to the thread that made them
(pytorch/pytorch#123177), and a scan judges in several threads; see `catenary.models.replayed`.
"""

import logging
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import torch

from catenary.models.bundle import Bundle

log = logging.getLogger(__name__)

Given = ParamSpec("Given")
Told = TypeVar("Told")


class Compiled(Generic[Given, Told]):
    """A function of tensors, compiled when it is first called for a size of its input."""

    def __init__(
        self, plain: Callable[Given, Told], name: str, backend: str | Callable[..., object]
    ) -> None:
        """Compile nothing yet."""
        self._plain, self._name = plain, name
        self._compiled: Callable[Given, Told] | None = torch.compile(plain, backend=backend)

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Told:
        """Return what the function does; as it was from the first time that it does not compile."""
        if (compiled := self._compiled) is None:
            return self._plain(*args, **kwargs)
        try:
            return compiled(*args, **kwargs)
        except (torch._dynamo.exc.TorchDynamoException, AssertionError) as error:
            # Of any of its compilers; or what they made finds other strides than they foresaw, as
            # behind oneDNN's fused layers on a processor.
            self._compiled = None
            reason = " ".join(str(error).split("\n")[:2])  # which compiler, and what it says
            log.warning(
                "the %s cannot be compiled here and runs as it is: %s", self._name, reason,
                extra={"event": "not_compiled", "network": self._name},
            )  # fmt: skip
        return self._plain(*args, **kwargs)


def compile_networks(bundle: Bundle, backend: str = "inductor") -> None:
    """Have the networks of a bundle compiled, each at its first picture or crop, in place.

    Args:
        bundle: The anomaly scorer's is left as it is.
        backend: Of torch.compile; its usual one needs a C++ compiler (processor) or Triton (GPU).
    """
    wrap_networks(bundle, lambda plain, name: Compiled(plain, name, backend))


def wrap_networks(
    bundle: Bundle, wrapped: Callable[[Callable[..., Any], str], Callable[..., Any]]
) -> None:
    """Have the networks of a bundle, not their classes, use other functions, in place.

    Args:
        bundle: The anomaly scorer's is left as it is.
        wrapped: Makes another function of a network's own and the name of the network.
    """
    detector, classifier = bundle.detector.network, bundle.classifier.network
    vars(detector)["centres"] = wrapped(detector.centres, "detector")
    vars(classifier)["forward"] = wrapped(classifier.forward, "classifier")
    if bundle.refiner is not None:
        refiner = bundle.refiner.network
        vars(refiner)["forward"] = wrapped(refiner.forward, "refiner")
