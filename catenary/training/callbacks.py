"""What happens around the training steps: averaging, measuring, keeping records."""

import csv
import logging
import time
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from catenary.training.modules import Module

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
        trainer: Trainer,  # noqa: ARG002 - Lightning's form
        pl_module: LightningModule,
        *rest: object,  # noqa: ARG002 - Lightning's form
    ) -> None:
        """Add one step to the average; early steps count more, as there is no past yet."""
        self._steps += 1
        decay = min(self._decay, self._steps / (10 + self._steps))
        for name, value in _network(pl_module).state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

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

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure, log and write."""
        module = _trained(pl_module)
        seconds = time.monotonic() - self._started
        raw = {name: value.clone() for name, value in module.network.state_dict().items()}
        module.network.load_state_dict(self._average.average)
        try:
            module.figures = module.measure()
        finally:
            module.network.load_state_dict(raw)
        losses = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.endswith("_loss")
        }
        figures = {name: round(value, 5) for name, value in (losses | module.figures).items()}
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(seconds, 1),
            **figures,
        }
        log.info("trained %s", " ".join(f"{name}={value}" for name, value in row.items()))
        self._append(row)

    def _append(self, row: dict[str, float]) -> None:
        is_new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(row)
            writer.writerow(row.values())


def _trained(module: LightningModule) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"expected one of our modules, got {type(module).__name__}")
    return module


def _network(module: LightningModule) -> nn.Module:
    return _trained(module).network
