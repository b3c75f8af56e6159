"""Figures of a running scan for Prometheus, over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from catenary.domain.errors import ConfigError
from catenary.jobs.scanning.engines.kept import Kept
from catenary.jobs.scanning.watch import Watch
from catenary.store.ledger import RunRecord

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

LOCAL = "127.0.0.1"
# Seconds; from reading a small file to a 29 MP photograph on a slow processor.
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Meter(Protocol):
    """What a scan tells while it is at work."""

    def waiting(self, images: int) -> None:
        """Note how many finished photographs are not written yet."""
        ...

    def written(self, batch: Sequence[Kept], seconds: float) -> None:
        """Count photographs that were written, and how long that took."""
        ...


class Unmetered:
    """Nobody asked."""

    def waiting(self, images: int) -> None:
        """See `Meter`."""

    def written(self, batch: Sequence[Kept], seconds: float) -> None:
        """See `Meter`."""


def address(text: str) -> tuple[str, int]:
    """Return host and port of ``PORT`` or ``HOST:PORT``; this machine alone without a host.

    Raises:
        ValueError: If it is neither.

    >>> address("20100"), address("0.0.0.0:20100"), address("[::1]:20100")
    (('127.0.0.1', 20100), ('0.0.0.0', 20100), ('::1', 20100))
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError(f"needs PORT or HOST:PORT, got {text!r}")
    return host.strip("[]") or LOCAL, int(port)


@contextmanager
def served(
    place: tuple[str, int] | None,
    record: RunRecord,
    watch: Watch,
    left: Callable[[], int],
    free_bytes: Callable[[], int],
) -> Iterator[Meter]:
    """Answer Prometheus for as long as the block lasts.

    Args:
        place: Host and port to listen on; None for not at all.
        record: The run.
        watch: Of the scan: rate and pause.
        left: Returns how many photographs are left.
        free_bytes: Returns the free space of the workspace.

    Raises:
        ConfigError: If the port cannot be listened on, or the package is not installed.
    """
    if place is None:
        yield Unmetered()
        return
    try:
        import prometheus_client
    except ImportError as error:
        message = "--metrics needs the package prometheus-client: pip install 'catenary[metrics]'"
        raise ConfigError(message) from error
    figures = _Figures(prometheus_client.CollectorRegistry(), record)
    figures.follow(watch, left, free_bytes)
    host, port = place
    try:
        server, thread = prometheus_client.start_http_server(port, host, figures.registry)
    except OSError as error:
        raise ConfigError(
            f"cannot serve metrics on {host}:{port} ({error.strerror}); choose another --metrics"
        ) from error
    try:
        yield figures
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Figures:
    """The figures; names as Prometheus wants them, seconds and bytes as units."""

    def __init__(self, registry: "CollectorRegistry", record: RunRecord) -> None:
        from prometheus_client import Counter, Gauge, Histogram, Info, ProcessCollector

        self.registry = registry
        versions = record.versions
        Info("catenary_scan", "Run that is scanned, and what judges it", registry=registry).info(
            {
                "run": record.name,
                "model": versions.model,
                "rules": versions.rules,
                "taxonomy": versions.taxonomy,
            }
        )
        ProcessCollector(registry=registry)
        self._images = Counter(
            "catenary_images", "Photographs written, by outcome", ["outcome"], registry=registry
        )
        self._reasons = Counter(
            "catenary_images_not_judged", "Photographs not judged, by reason",
            ["outcome", "reason"], registry=registry,
        )  # fmt: skip
        self._findings = Counter(
            "catenary_findings", "Findings written", ["component", "condition", "verdict"],
            registry=registry,
        )  # fmt: skip
        self._stages = Histogram(
            "catenary_stage_seconds", "Time of a photograph in a stage", ["stage"],
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self._writes = Histogram(
            "catenary_write_seconds", "Time to write a batch", buckets=_BUCKETS, registry=registry
        )
        self._waiting = Gauge(
            "catenary_images_unwritten", "Finished photographs not written yet", registry=registry
        )
        self._new_gauge: Callable[[str, str], Gauge] = partial(Gauge, registry=registry)

    def follow(self, watch: Watch, left: Callable[[], int], free_bytes: Callable[[], int]) -> None:
        """Have figures asked for whenever Prometheus asks."""
        unknown = float("nan")

        def rate() -> float:
            return unknown if watch.is_paused else watch.rate() or unknown

        told = {
            "images_left": ("Photographs that are left", lambda: float(left())),
            "images_per_second": ("Photographs a second of the last minute", rate),
            "eta_seconds": ("Time until all are scanned at this rate", lambda: left() / rate()),
            "paused": ("1 while the run is paused", lambda: float(watch.is_paused)),
            "disk_free_bytes": ("Free space of the workspace", lambda: float(free_bytes())),
        }
        for name, (words, value) in told.items():
            self._new_gauge(f"catenary_{name}", words).set_function(value)

    def waiting(self, images: int) -> None:
        """See `Meter`."""
        self._waiting.set(images)

    def written(self, batch: Sequence[Kept], seconds: float) -> None:
        """See `Meter`."""
        self._writes.observe(seconds)
        for one in batch:
            self._images.labels(one.result.outcome).inc()
            if one.result.reason:
                self._reasons.labels(one.result.outcome, one.result.reason).inc()
            for stage, spent in one.stage_seconds.items():
                self._stages.labels(stage).observe(spent)
            for found in (raised.finding for raised in one.raised):
                kind = found.component.kind
                self._findings.labels(kind, found.condition, found.verdict).inc()
