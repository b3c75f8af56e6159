"""What happens around the training steps: averaging, measuring, choosing, keeping records."""

import csv
import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn

from catenary.domain.errors import ConfigError
from catenary.training import grids, metrics
from catenary.training.modules import Module
from catenary.training.settings import Keep, TrainingSettings

log = logging.getLogger(__name__)


class WeightAverage(Callback):
    """Keeps an exponential moving average of the network: steadier than its last step.

    The average is of buffers too, since statistics of normalisation belong to the weights.
    """

    def __init__(self, decay: float) -> None:
        """Keep ``decay`` in [0, 1): the share of the old average kept a step."""
        self._decay = decay
        self._steps = 0
        self.average: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's form
        """Start from the network's own weights unless a checkpoint brought an average."""
        state = _network(pl_module).state_dict()
        if not self.average:
            self.average = {name: value.detach().clone() for name, value in state.items()}
        self.average = {name: value.to(state[name].device) for name, value in self.average.items()}

    @torch.no_grad()
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        *rest: object,  # noqa: ARG002 - Lightning's form
    ) -> None:
        """Add a step of the optimizer; early ones count more, as there is no past yet."""
        if trainer.global_step == self._steps:
            return  # the batch was only accumulated
        self._steps += 1
        if trainer.world_size > 1:
            _share_statistics(trainer, _network(pl_module))
        decay = min(self._decay, self._steps / (10 + self._steps))
        state = _network(pl_module).state_dict()
        floats = [name for name, value in state.items() if value.is_floating_point()]
        # All at once: on a GPU, hundreds of small operations take longer than a step.
        torch._foreach_lerp_(
            [self.average[name] for name in floats], [state[name] for name in floats], 1 - decay
        )
        others = [name for name in state if name not in floats]
        if others:
            torch._foreach_copy_(
                [self.average[name] for name in others], [state[name] for name in others]
            )

    @contextmanager
    def lent_to(self, network: nn.Module) -> Iterator[None]:
        """Give a network the averaged weights, and its own again at the end."""
        own = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint keeps: plain numbers and tensors only."""
        return {"steps": self._steps, "average": self.average}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """Take up the average of a checkpoint."""
        steps, average = state_dict["steps"], state_dict["average"]
        if not isinstance(steps, int) or not isinstance(average, dict):
            raise TypeError("checkpoint holds no weight average")
        self._steps, self.average = steps, average


class Record(Callback):
    """Measures the averaged network after each round and writes a line to ``metrics.csv``."""

    def __init__(self, path: Path, average: WeightAverage) -> None:
        """Keep where to write and whose weights are measured."""
        self._path = path
        self._average = average
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's form
        """Start the clock of the round."""
        self._started = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's form
        """Forget the lines of rounds that a resumed training goes through again."""
        if trainer.is_global_zero and self._path.exists():
            with self._path.open(newline="", encoding="utf-8") as file:
                first, *rows = csv.reader(file)
            whole = [row for row in rows if row and int(row[0]) < trainer.current_epoch]
            if len(whole) < len(rows):
                text = io.StringIO(newline="")
                csv.writer(text).writerows([first, *whole])
                part = self._path.with_suffix(".part")
                part.write_text(text.getvalue(), encoding="utf-8", newline="")
                part.replace(self._path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure, log and write, in the first process; the others wait."""
        module = _trained(pl_module)
        seconds = time.monotonic() - self._started
        losses = {  # asked for by all processes: it is their mean
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.endswith("_loss")
        }
        if trainer.is_global_zero:
            with self._average.lent_to(module.network):
                module.figures = module.measure()
            self._write(trainer, seconds, losses | module.figures)
        trainer.strategy.barrier()

    def _write(self, trainer: Trainer, seconds: float, figures: dict[str, float]) -> None:
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(seconds, 1),
            **{name: round(value, 5) for name, value in figures.items()},
        }
        log.info("trained %s", " ".join(f"{name}={value}" for name, value in row.items()))
        self._append(row)
        if trainer.logger is not None:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            trainer.logger.log_metrics(figures | {"lr": rate}, trainer.global_step)

    def _append(self, row: dict[str, float]) -> None:
        is_new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(row)
            writer.writerow(row.values())


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """A round after which a training may be exported.

    Attributes:
        number: From 1; 0 before the first.
        figures: Of the averaged weights on the validation frames.
        average: Averaged weights; empty where they need not be kept.
    """

    number: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)


class Choice(Callback):
    """Remembers the best round and ends a training that has not been better for long."""

    def __init__(self, settings: TrainingSettings, average: WeightAverage) -> None:
        """Keep what is asked for, and whose weights are chosen."""
        self._keep = settings.keep
        self._patience = settings.patience
        self._average = average
        self._last, self._best = Round(), Round()

    @property
    def kept(self) -> Round:
        """The round to export, with its weights."""
        if self._keep is Keep.BEST:
            return self._best
        return replace(self._last, average=self._average.average)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's form
        """End at once what had ended before it was resumed."""
        trainer.should_stop = trainer.should_stop or self._is_over()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the round with the best; the first process decides for all.

        Raises:
            ConfigError: If rounds are to be compared and the validation frames show nothing.
        """
        if trainer.is_global_zero:
            self._note(Round(trainer.current_epoch + 1, _trained(pl_module).figures))
        is_over: bool = trainer.strategy.broadcast(self._is_over())
        trainer.should_stop = trainer.should_stop or is_over

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint keeps: plain numbers and tensors only."""
        return {
            name: {"number": one.number, "figures": one.figures, "average": one.average}
            for name, one in (("last", self._last), ("best", self._best))
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what a checkpoint knows."""
        self._last, self._best = Round(**state_dict["last"]), Round(**state_dict["best"])

    def _note(self, done: Round) -> None:
        self._last = done
        if self._keep is Keep.LAST and not self._patience:
            return
        figure, best = metrics.main_figure(done.figures), metrics.main_figure(self._best.figures)
        if figure is None:
            raise ConfigError(
                "keep: best and patience compare rounds by validation frames, which show none of"
                " what is learnt"
            )
        if best is None or figure > best:
            copied = {name: one.clone() for name, one in self._average.average.items()}
            self._best = replace(done, average=copied if self._keep is Keep.BEST else {})

    def _is_over(self) -> bool:
        return 0 < self._patience <= self._last.number - self._best.number


class Grids(Callback):
    """Draws what the averaged network finds: ``round-0001.png`` after the first round."""

    def __init__(self, folder: Path, every: int, average: WeightAverage) -> None:
        """Keep where to write, rounds from one sheet to the next, and whose weights are shown."""
        self._folder = folder
        self._every = every
        self._average = average

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw in the first process; the others wait."""
        number = trainer.current_epoch + 1
        is_last = trainer.should_stop or number == trainer.max_epochs
        if trainer.is_global_zero and (is_last or number % self._every == 0):
            self._draw(trainer, _trained(pl_module), number)
        trainer.strategy.barrier()

    def _draw(self, trainer: Trainer, module: Module, number: int) -> None:
        with self._average.lent_to(module.network):
            pictures = module.pictures()
        if not pictures:
            log.warning("drew nothing round=%d: validation frames show nothing", number)
            return
        sheet = grids.sheet(pictures)
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"round-{number:04}.png"
        path.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
        if isinstance(trainer.logger, TensorBoardLogger):
            colours = np.ascontiguousarray(sheet[..., ::-1])
            trainer.logger.experiment.add_image(
                "grid", colours, trainer.global_step, dataformats="HWC"
            )


class StepSeeds(Callback):
    """Seeds each batch by its number, so that a resumed training draws what it would have drawn.

    Not each round: whether Lightning draws between a round's start and its first step depends on
    whether the training was resumed there.
    """

    def __init__(self, seed: int) -> None:
        """Keep the seed of the training."""
        self._seed = seed

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002 - Lightning's form
        batch: object,  # noqa: ARG002 - Lightning's form
        batch_idx: int,
    ) -> None:
        """Seed everything; devices differ."""
        words = [self._seed, trainer.current_epoch, batch_idx, trainer.global_rank]
        (own,) = np.random.SeedSequence(words).generate_state(1)
        seed_everything(int(own), verbose=False)


def _share_statistics(trainer: Trainer, network: nn.Module) -> None:
    """Give the statistics that each device collected the mean over the devices."""
    own = [
        buffer
        for module in network.modules()
        if module.training
        for buffer in module.buffers(recurse=False)
        if buffer.is_floating_point()
    ]
    if own:
        mean = trainer.strategy.reduce(torch.cat([one.flatten() for one in own]), reduce_op="mean")
        for buffer, part in zip(own, mean.split([one.numel() for one in own]), strict=True):
            buffer.copy_(part.view_as(buffer))


def _trained(module: LightningModule) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"expected one of our modules, got {type(module).__name__}")
    return module


def _network(module: LightningModule) -> nn.Module:
    return _trained(module).network
