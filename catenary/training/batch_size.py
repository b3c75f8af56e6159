"""The largest batch whose training step fits into memory, found by trying."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, takewhile

import psutil
import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.utilities.memory import garbage_collection_cuda, is_oom_error

from catenary.domain.errors import ConfigError
from catenary.training.settings import TrainingSettings
from catenary.training.trainer import precision, quiet

log = logging.getLogger(__name__)

_GPU_SHARE = 0.9  # of its memory; the rest is for batches with more parts than those tried
_LOOK_S = 0.002  # from one look at the memory to the next
_STEPS = 2  # of the optimizer: only the second finds its moments already in memory


def found(
    settings: TrainingSettings,
    module: LightningModule,
    batches: Callable[[int], LightningDataModule],
) -> int:
    """Return the largest batch that fits, of 2, 3, 4, 6, 8, 12, ... ``batch_most``.

    On a GPU a batch fits when a step leaves a tenth of the memory. On CPUs, where the system kills
    who takes too much, a step may take ``memory_share`` of what is free, divided among the
    devices; a size that would pass it, going by the one before, is not even tried.

    Args:
        settings: Of the training.
        module: What is trained; its weights are changed.
        batches: Gives what to train on for a batch size.

    Raises:
        ConfigError: If a batch of 2 is too large.
    """

    def step(size: int) -> None:
        _try(settings, module, batches(size))

    if settings.device.startswith("cuda"):
        with _most_of_the_gpu():
            size = largest(settings.batch_most, without_error(step))
    else:
        free = psutil.virtual_memory().available
        budget = int(free * settings.memory_share / settings.devices)
        before = psutil.Process().memory_info().rss
        fits = within(budget, lambda size: _peak(lambda: step(size)) - before)
        size = largest(settings.batch_most, fits)
    log.info("found batch=%d most=%d", size, settings.batch_most)
    return size


def largest(most: int, fits: Callable[[int], bool]) -> int:
    """Return the last size that fits, trying from small to large until one does not.

    Raises:
        ConfigError: If none fits.
    """
    best = 0
    for size in takewhile(lambda one: one <= most, _sizes()):
        if not fits(size):
            break
        best = size
    if not best:
        raise ConfigError("batch: not even 2 pictures fit into memory; take a smaller picture_px")
    return best


def within(budget: int, growth: Callable[[int], int]) -> Callable[[int], bool]:
    """Return what tells whether a size fits.

    Args:
        budget: Bytes that a step may take.
        growth: Takes a step with a batch of this size; returns the bytes it took.
    """
    taken_each = 0.0

    def fits(size: int) -> bool:
        nonlocal taken_each
        if taken_each * size > budget:
            return False
        taken = growth(size)
        taken_each = taken / size
        return taken <= budget

    return fits


def without_error(step: Callable[[int], None]) -> Callable[[int], bool]:
    """Return what tells whether a step with a batch of a size does without more memory than is."""

    def fits(size: int) -> bool:
        try:
            step(size)
        except RuntimeError as error:
            if not is_oom_error(error):
                raise
            return False
        finally:
            garbage_collection_cuda()
        return True

    return fits


def _sizes() -> Iterator[int]:
    """Yield 2, 3, 4, 6, 8, 12, ..."""
    for power in count(1):
        yield 2**power
        yield 3 * 2 ** (power - 1)


def _try(settings: TrainingSettings, module: LightningModule, data: LightningDataModule) -> None:
    module.train()  # again: a detector's training leaves the statistics of its start as they are
    with quiet():
        Trainer(
            accelerator="gpu" if settings.device.startswith("cuda") else "cpu",
            devices=1,
            precision=precision(settings),
            max_steps=_STEPS,
            gradient_clip_val=settings.clip or None,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=settings.output,
        ).fit(module, datamodule=data)


@contextmanager
def _most_of_the_gpu() -> Iterator[None]:
    torch.cuda.set_per_process_memory_fraction(_GPU_SHARE)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _peak(step: Callable[[], None]) -> int:
    """Return the most bytes of main memory that this process held during a step."""
    process, is_over = psutil.Process(), threading.Event()
    highest = process.memory_info().rss

    def watch() -> None:
        nonlocal highest
        while not is_over.wait(_LOOK_S):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        step()
    finally:
        is_over.set()
        watcher.join()
    return highest
