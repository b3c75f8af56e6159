"""Workers of a Ray cluster judge the photographs; this process lends them and writes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

from catenary.domain.errors import ConfigError
from catenary.jobs.scanning import assemble
from catenary.jobs.scanning.assemble import Recipe
from catenary.jobs.scanning.engines.crew import Crew
from catenary.jobs.scanning.engines.dispatch import Dispatcher
from catenary.jobs.scanning.engines.engine import Judging, Work
from catenary.jobs.scanning.engines.worker import Order
from catenary.pipeline.workers import Workers
from catenary.runs.source import Source

_GPU_READERS = 4  # threads that read and decode for each of the two batches at work on a GPU
_CORE_READERS = 2  # one decodes while the other waits for the disk. Our starting values


class ClusterEngine:
    """See `catenary.jobs.scanning.engines.engine.Engine`."""

    def __init__(self, crew: Crew, judging: Judging, hands: Workers, batch: int) -> None:
        """Lend to ``crew`` at most ``batch`` photographs at once; each has ``hands`` threads."""
        self.judging = judging
        count = max(1, crew.fill())
        self.hands = replace(hands, readers=count * hands.readers, judges=count * hands.judges)
        self._crew, self._batch = crew, batch
        self._dispatcher: Dispatcher | None = None

    def scan(self, work: Work) -> None:
        """See `catenary.jobs.scanning.engines.engine.Engine.scan`."""
        if self._dispatcher is None:  # after a pause the workers are the same
            self._dispatcher = Dispatcher(
                work.db, work.plan, self._crew, self._batch, work.watch.hindered
            )
        batches = self._dispatcher.batches(
            work.watch.scan_id, work.writer.left, lambda: work.watch.is_paused
        )
        with closing(batches):
            work.writer.write_batches(batches, work.progress)


@contextmanager
def started(
    source: Source, recipe: Recipe, address: str, workers: int | None, readers: int | None,
    wait_s: float,
) -> Iterator[ClusterEngine]:  # fmt: skip
    """Give an engine on a cluster, and leave the cluster at the end.

    Args:
        source: The run; every machine must reach it by the same path or URL.
        recipe: Model and settings; the bundle must lie at the same path everywhere.
        address: Of the cluster; empty to start one in this machine.
        workers: At most so many; None for one a GPU, or one a core where there is none.
        readers: Threads that read and decode for a batch; None to choose.
        wait_s: How long workers wait for a source that went away, in seconds.

    Raises:
        ConfigError: If Ray is not installed, cannot be reached or started, or has no such device.
        BundleError: If the bundle is not there or is damaged.
    """
    try:
        from catenary.jobs.scanning.engines import ray_crew
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ConfigError(
            "--engine ray needs the package ray: pip install 'catenary[ray]', "
            "on every machine of the cluster"
        ) from error
    judging = assemble.described(recipe)
    settings = recipe.settings()
    with ray_crew.connected(address, workers):
        is_gpu = _wants_gpu(recipe.device, has_gpus=ray_crew.has_gpus())
        hands = Workers(readers or (_GPU_READERS if is_gpu else _CORE_READERS))
        theirs = replace(recipe, device="cuda" if is_gpu else "cpu", given=settings)
        order = Order(
            source.description.source,
            partial(assemble.judge, theirs),
            partial(assemble.opening, theirs),
            judging.versions,
            hands,
            wait_s,
        )
        crew = ray_crew.RayCrew(order, workers, is_gpu=is_gpu)
        yield ClusterEngine(crew, judging, hands, settings.batch)


def _wants_gpu(device: str, *, has_gpus: bool) -> bool:
    """Tell whether workers compute on GPUs.

    Raises:
        ConfigError: If that is impossible.
    """
    if device.startswith("cuda:"):
        raise ConfigError(f"--engine ray chooses GPUs itself; give --device cuda, not {device}")
    if device == "cuda" and not has_gpus:
        raise ConfigError("no machine of the Ray cluster has a GPU; give --device cpu or auto")
    return device == "cuda" or (device == "auto" and has_gpus)
