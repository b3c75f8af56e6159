"""Workers on a cluster of Ray; the only module that needs the package ray."""

import io
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from catenary.domain.errors import CatenaryError, ConfigError
from catenary.domain.image import ImageRef
from catenary.jobs.scanning.engines import crew as told
from catenary.jobs.scanning.engines.crew import Event, Name
from catenary.jobs.scanning.engines.worker import Order, Worker

log = logging.getLogger(__name__)

_SIGN_S = 5.0  # how often a worker is asked for a sign of life
_ANSWER_S = 10.0  # for the head of a cluster to be reached
_LOOK_S = 2.0  # how often the cluster is asked what it has
_STORE_BYTES = 256 * 2**20  # object store of an embedded cluster: results of a few batches
_SIGNS = "signs"


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[None]:
    """Join a cluster, or start one in this machine, for as long as the block lasts.

    Args:
        address: HOST:PORT of the head, ``"auto"`` for that of this machine; empty to start one.
        workers: Processor cores that the cluster gets which is started; None for all.

    Raises:
        ConfigError: If there is none, or it cannot be joined.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    terms = _signals()
    try:
        if address:
            ray.init(address=_checked(address), log_to_driver=False, logging_level=logging.ERROR)
        else:
            # It listens on every interface, and asks for a token unless RAY_AUTH_MODE says no.
            ray.init(
                address="local",
                num_cpus=workers,
                object_store_memory=_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"cannot use {where}: {reason}; run this on a machine where `ray start` "
            "joined the cluster, with the same versions of Python and ray"
        ) from error
    finally:
        _restore(terms)
    with redirect_stdout(_Aside()):
        try:
            yield
        finally:
            ray.shutdown()  # it prints what it kept back
            _restore(terms)


class _Aside(io.TextIOBase):
    """Takes what Ray prints of lost machines, pages of it, between the results of the command."""

    def write(self, text: str) -> int:
        """Log it, for --debug."""
        for line in filter(None, map(str.strip, text.splitlines())):
            log.debug("ray: %s", line)
        return len(text)


def _checked(address: str) -> str:
    """Return an address at which something answers: Ray itself would try for minutes."""
    if address == "auto":
        return address
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"--ray-address needs HOST:PORT or auto, got {address!r}; Ray clients are not used"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"nothing answers at {address} ({error}); start the head of the cluster there with "
            f"`ray start --head --port={port}`, or check the network"
        ) from error
    return address


def _signals() -> dict[int, Any]:
    """Return how signals are met now: Ray ends the process at SIGTERM, we write first."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def has_gpus() -> bool:
    """Tell whether a machine of the cluster has a GPU."""
    return _count("GPU") > 0


def _count(kind: str) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call] # not ours
    return int(resources.get(kind, 0))


@dataclass(slots=True)
class _Hand:
    """An actor, and the answers it owes."""

    actor: Any
    ready: Any
    is_ready: bool = False
    sign: Any = None
    asked_at: float = 0.0
    results: dict[Any, int] = field(default_factory=dict)  # answer to lease

    def owed(self) -> list[Any]:
        """Return the answers that are awaited."""
        first = [] if self.is_ready else [self.ready]
        return [*first, *self.results, *([self.sign] if self.sign is not None else [])]


class RayCrew:
    """See `scanning.engines.crew.Crew`; a worker is an actor with a core, or with a GPU."""

    def __init__(self, order: Order, limit: int | None, *, is_gpu: bool) -> None:
        """Have at most ``limit`` workers, or as many as there are cores or GPUs."""
        self._order, self._limit = ray.put(order), limit
        self._kind = "GPU" if is_gpu else "CPU"
        # On a GPU one batch computes rules while the other waits for the device; on a core it
        # waits for its turn, so that the worker need not wait for us.
        self.deep = 3 if is_gpu else 2
        options = (
            {"num_cpus": 1, "num_gpus": 1, "max_concurrency": 2} if is_gpu else {"num_cpus": 1}
        )
        remote: Any = ray.remote  # its annotations do not know groups
        self._actors = remote(concurrency_groups={_SIGNS: 1})(Worker).options(
            **options, max_restarts=0, max_task_retries=0
        )
        self._hands: dict[Name, _Hand] = {}
        self._hired = 0
        self._looked_at, self._room = -_LOOK_S, 0

    def fill(self) -> int:
        """See `Crew.fill`."""
        wanted = self._capacity()
        while len(self._hands) < wanted:
            actor = self._actors.remote(self._order)
            self._hands[self._hired] = _Hand(actor, actor.ready.remote())
            self._hired += 1
        return len(self._hands)

    def send(self, worker: Name, lease_id: int, refs: Sequence[ImageRef]) -> None:
        """See `Crew.send`."""
        hand = self._hands[worker]
        hand.results[hand.actor.scan.remote(tuple(refs))] = lease_id

    def events(self, timeout_s: float) -> list[Event]:
        """See `Crew.events`."""
        self._ask_for_signs()
        owed = {answer: name for name, hand in self._hands.items() for answer in hand.owed()}
        if not owed:
            time.sleep(timeout_s)
            return []
        ray.wait(list(owed), num_returns=1, timeout=timeout_s)
        come, _ = ray.wait(list(owed), num_returns=len(owed), timeout=0)
        return [event for one in come if (event := self._event(owed[one], one)) is not None]

    def dismiss(self, worker: Name) -> None:
        """See `Crew.dismiss`."""
        if (hand := self._hands.pop(worker, None)) is not None:
            ray.kill(hand.actor)

    def _capacity(self) -> int:
        """Return how many workers there is room for."""
        if time.monotonic() - self._looked_at >= _LOOK_S:
            self._looked_at = time.monotonic()
            self._room = _count(self._kind)
        return min(self._room, self._limit or self._room)

    def _ask_for_signs(self) -> None:
        now = time.monotonic()
        for hand in self._hands.values():
            if hand.is_ready and hand.sign is None and now - hand.asked_at >= _SIGN_S:
                hand.asked_at = now
                hand.sign = hand.actor.sign.options(concurrency_group=_SIGNS).remote()

    def _event(self, name: Name, answer: Any) -> Event | None:  # noqa: ANN401 - Ray's, untyped
        hand = self._hands.get(name)
        if hand is None:
            return None  # lost by another answer of the same moment
        try:
            value = ray.get(answer)
        except RayTaskError as error:
            if not isinstance(error.cause, CatenaryError):
                raise
            if hand.is_ready:
                return told.Failed(name, error.cause)
            hand.is_ready = True  # its core stays taken, so that no other is tried there
            hand.asked_at = float("inf")
            return told.Unfit(name, error.cause)
        except RayError as error:
            self.dismiss(name)
            return told.Lost(name, " ".join(str(error).split())[:200])
        return self._answered(name, hand, answer, value)

    def _answered(self, name: Name, hand: _Hand, answer: Any, value: Any) -> Event:  # noqa: ANN401
        if answer == hand.sign:
            hand.sign = None
            return told.Alive(name, value)
        if answer == hand.ready:
            hand.is_ready = True
            return told.Ready(name, value)
        return told.Done(name, hand.results.pop(answer), value)
