"""Lightning set up as a training asks for, and silenced where we chose on purpose."""

import importlib.util
import logging
import sys
import warnings
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import Dataset

from catenary.domain.errors import ConfigError
from catenary.models.inputs import Precision
from catenary.training.settings import TrainingSettings

TENSORBOARD = "tensorboard"  # folder of the event files

T = TypeVar("T", covariant=True)


class Share(Dataset[T]):
    """Every n-th batch of a round: the shares of all devices together are the round."""

    def __init__(self, batches: Dataset[T], rank: int, devices: int) -> None:
        """Take the batches whose number leaves the remainder ``rank`` when divided by ``devices``.

        Raises:
            ValueError: If the batches cannot be shared evenly: a device would wait for ever.
        """
        count = len(batches) if isinstance(batches, Sized) else 0
        if count % devices:
            raise ValueError(f"{count} batches cannot be shared by {devices} devices")
        self._batches = batches
        self._rank = rank
        self._devices = devices
        self._count = count // devices

    def __len__(self) -> int:
        """Return the number of batches of this device."""
        return self._count

    def __getitem__(self, number: int) -> T:
        """Return the batch that is ``number`` among this device's."""
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._batches[number * self._devices + self._rank]


def is_first_process() -> bool:
    """Tell whether this process writes and speaks; the others of several devices only learn."""
    return LightningEnvironment().local_rank() == 0


def refuse_what_is_missing(settings: TrainingSettings) -> None:
    """Compare settings with the machine.

    Raises:
        ConfigError: If it lacks the devices or packages asked for.
    """
    gpus = torch.cuda.device_count()
    if settings.device.startswith("cuda") and gpus < settings.devices:
        raise ConfigError(
            f"device: {settings.device} with devices: {settings.devices} needs as many GPUs,"
            f" torch finds {gpus}; take device: cpu or fix the driver"
        )
    if settings.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ConfigError(
            "tensorboard: true needs the package tensorboard; pip install 'catenary[tensorboard]'"
        )


def trainer(
    settings: TrainingSettings, callbacks: list[Callback], checkpoint: Path | None
) -> Trainer:
    """Return what runs the training; ``checkpoint`` is what it will go on from."""
    return Trainer(
        accelerator="gpu" if settings.device.startswith("cuda") else "cpu",
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        use_distributed_sampler=False,  # see `Share`
        precision=precision(settings),
        max_epochs=settings.epochs,
        reload_dataloaders_every_n_epochs=1,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip or None,
        deterministic=settings.deterministic or None,
        callbacks=callbacks,
        enable_checkpointing=any(isinstance(one, ModelCheckpoint) for one in callbacks),
        logger=_tensorboard(settings, checkpoint) if settings.tensorboard else False,
        log_every_n_steps=1,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        default_root_dir=settings.output,
        num_sanity_val_steps=0,
    )


def precision(settings: TrainingSettings) -> Literal["bf16-mixed", "32-true"]:
    """Return Lightning's word for the number format."""
    return "bf16-mixed" if settings.precision is Precision.BF16 else "32-true"


def _tensorboard(settings: TrainingSettings, checkpoint: Path | None) -> TensorBoardLogger:
    purge_step = None
    if checkpoint is not None:
        # What a killed round wrote after its checkpoint is hidden: it will be written again.
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        purge_step = int(state["global_step"]) + 1
    return TensorBoardLogger(
        settings.output, TENSORBOARD, version="", default_hp_metric=False, purge_step=purge_step
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Lightning says of choices we made on purpose."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for words in (
            r".*does not have many workers",  # batches are prepared between the steps
            r".*GPU available but not used",  # the device is the user's choice
            r".*[Cc]heckpoint directory .* exists and is not empty",  # it is the run folder
            r".*treespec, LeafSpec",  # Lightning's own call of what torch has renamed
        ):
            warnings.filterwarnings("ignore", words)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def reproducible(is_wanted: bool) -> Iterator[None]:
    """Leave torch only operations that give the same bits each time, then as it was before."""
    before = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    if is_wanted:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
