"""The training step of each network; the networks are built elsewhere and passed in."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torchvision.ops import batched_nms

from catenary.domain.geometry import Box
from catenary.models.classifier import pairs
from catenary.models.detections import Detections
from catenary.models.detector import ComponentDetector
from catenary.models.inputs import autocast, normalised
from catenary.models.network import ComponentNetwork, ConditionNetwork, cell_boxes
from catenary.models.refiner import BoxRefiner, surroundings
from catenary.models.refiner_network import RefinerNetwork
from catenary.training import grids, losses, metrics
from catenary.training.classifier_data import CropBatch
from catenary.training.detector_data import Scene
from catenary.training.frames import Frames
from catenary.training.refiner_data import BoxBatch, ProposedFrame
from catenary.training.settings import RANDOM, TrainingSettings
from catenary.training.targets import Batch
from catenary.training.tiles import Truth

_SCENES, _SCENE_PX = 12, 480  # of a sheet of scenes: how many, and the side of each
_CROPS, _CROP_PX = 36, 200  # of a sheet of crops


def learning_rate_share(step: int, warmup: int, steps: int) -> float:
    """Return the share of the highest step size at ``step``, in [0, 1].

    >>> [round(learning_rate_share(step, 2, 6), 2) for step in range(7)]
    [0.33, 0.67, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup)))) / 2


def optimiser(
    network: ComponentNetwork | ConditionNetwork | RefinerNetwork, settings: TrainingSettings
) -> OptimizerLRSchedulerConfig:
    """Return AdamW with a smaller step for the pretrained part, and its schedule."""
    backbone = list(network.backbone.parameters())
    known = {id(parameter) for parameter in backbone}
    head = [one for one in network.parameters() if id(one) not in known]
    backbone = [one for one in backbone if one.requires_grad]
    groups = [
        {"params": head, "lr": settings.lr},
        {"params": backbone, "lr": settings.lr * settings.backbone_lr_share},
    ]
    adam = AdamW(groups, weight_decay=settings.weight_decay)
    schedule = LambdaLR(
        adam, lambda step: learning_rate_share(step, settings.warmup_steps, settings.steps)
    )
    return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class DetectorModule(LightningModule):
    """Trains a `ComponentNetwork`."""

    def __init__(
        self,
        network: ComponentNetwork,
        classes: tuple[str, ...],
        settings: TrainingSettings,
        scenes: Sequence[Scene],
    ) -> None:
        """Keep the network; ``scenes`` is what it is measured on."""
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # half the time on a CPU
        self.figures: dict[str, float] = {}  # of the last measuring
        self._classes = classes
        self._settings = settings
        self._scenes = scenes

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """See `optimiser`."""
        return optimiser(self.network, self._settings)

    def on_train_epoch_start(self) -> None:
        """Keep a pretrained backbone's statistics: six tiles of night sky are no sample."""
        if self._settings.weights != RANDOM:
            for module in self.network.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:  # noqa: ARG002 - Lightning's form
        """Return the loss of one batch."""
        logits, features = self.network(normalised(batch.images))
        centre = losses.centre_loss(logits, batch.heat, batch.weight)
        own = features.permute(0, 2, 3, 1)[tuple(batch.cells.T)]  # (M, channels)
        boxes = cell_boxes(batch.cells[:, 1:], self.network.distances(own, batch.labels))
        box = losses.box_loss(boxes, batch.boxes, batch.shares)
        self.log_dict(
            {"centre_loss": centre, "box_loss": box},
            on_step=False,
            on_epoch=True,
            logger=False,  # `callbacks.Record` logs a round's means
            sync_dist=True,
            batch_size=len(batch.images),
        )
        return centre + self._settings.box_weight * box

    def measure(self) -> dict[str, float]:
        """Return recall at one false alarm a picture, in all and for each component."""
        detector = self._detector()
        results = [detector([scene.pixels])[0] for scene in self._scenes]
        parts = [scene.parts for scene in self._scenes]
        return metrics.detector_figures(results, parts, self._classes)

    def pictures(self) -> list[NDArray[np.uint8]]:
        """Return scenes with true boxes and those found within the budget of `measure`."""
        detector, pictures = self._detector(), []
        for number in grids.spread(len(self._scenes), _SCENES):
            scene = self._scenes[number]
            found = detector([scene.pixels])[0]
            found = found.where(found.scores >= self.figures["score_limit"])
            marks = [self._true(part) for part in scene.parts]
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
                words = f"{self._classes[label]} {score:.2f}"
                marks.append(grids.Mark(Box(*map(float, box)), grids.FOUND, words))
            pictures.append(grids.marked(scene.pixels, marks, _SCENE_PX))
        return pictures

    def _detector(self) -> ComponentDetector:
        precision = self._settings.precision
        return ComponentDetector(self.network, self._classes, self.device, precision)

    def _true(self, part: Truth) -> grids.Mark:
        colour = grids.GIVEN if part.is_ignored else grids.TRUE
        return grids.Mark(part.box, colour, self._classes[part.label])


class ClassifierModule(LightningModule):
    """Trains a `ConditionNetwork`."""

    def __init__(
        self,
        network: ConditionNetwork,
        conditions: dict[str, tuple[str, ...]],
        settings: TrainingSettings,
        batches: Sequence[CropBatch],
    ) -> None:
        """Keep the network; ``batches`` is what it is measured on."""
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # half the time on a CPU
        self.figures: dict[str, float] = {}  # of the last measuring
        self._conditions = conditions
        self._settings = settings
        self._batches = batches

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """See `optimiser`."""
        return optimiser(self.network, self._settings)

    def training_step(self, batch: CropBatch, batch_index: int) -> Tensor:  # noqa: ARG002 - Lightning's form
        """Return the loss among the conditions of each crop's own component."""
        logits = masked(self.network(normalised(batch.crops)), batch.allowed)
        loss = losses.condition_loss(logits, batch.pairs, self._settings.focal)
        self.log(
            "class_loss",
            loss,
            on_step=False,
            on_epoch=True,
            logger=False,  # `callbacks.Record` logs a round's means
            sync_dist=True,
            batch_size=len(batch.crops),
        )
        return loss

    @torch.inference_mode()
    def measure(self) -> dict[str, float]:
        """Return accuracy and recall of each component.

        Recall is the share of defects found when one normal part in fifty is raised.
        """
        if not self._batches:
            return {}
        self.network.eval()
        shares = torch.cat([self._shares(batch) for batch in self._batches]).cpu().numpy()
        truth = torch.cat([batch.pairs for batch in self._batches]).numpy()
        self.network.train()
        figures, start = {}, 0
        for kind, names in self._conditions.items():
            own = (truth >= start) & (truth < start + len(names))
            if own.any():
                is_right = shares[own].argmax(axis=1) == truth[own]
                figures[f"accuracy_{kind}"] = float(is_right.mean())
                figures[f"recall_{kind}"] = metrics.recall_at_false_share(
                    1 - shares[own, start], truth[own] != start, 0.02
                )
            start += len(names)
        return figures

    @torch.inference_mode()
    def pictures(self) -> list[NDArray[np.uint8]]:
        """Return crops with the true condition and the likeliest one."""
        places = [(batch, row) for batch in self._batches for row in range(len(batch.pairs))]
        names, pictures = pairs(self._conditions), []
        self.network.eval()
        for number in grids.spread(len(places), _CROPS):
            batch, row = places[number]
            one = CropBatch(*(value[row : row + 1] for value in batch))
            shares = self._shares(one)[0].cpu()
            true, best = int(one.pairs), int(shares.argmax())
            lines = [
                (" ".join(names[true]), grids.TRUE),
                (f"{names[best][1]} {shares[best]:.2f}", _colour(true == best)),
            ]
            pictures.append(grids.captioned(one.crops[0, 0].numpy(), lines, _CROP_PX))
        self.network.train()
        return pictures

    def _shares(self, batch: CropBatch) -> Tensor:
        with autocast(self.device, self._settings.precision):
            logits = self.network(normalised(batch.crops.to(self.device)))
        return masked(logits, batch.allowed.to(self.device)).double().softmax(dim=1)


class RefinerModule(LightningModule):
    """Trains a `RefinerNetwork`."""

    def __init__(
        self,
        network: RefinerNetwork,
        classes: tuple[str, ...],
        settings: TrainingSettings,
        frames: Frames,
        proposed: Sequence[ProposedFrame],
    ) -> None:
        """Keep the network; ``proposed`` of ``frames`` is what it is measured on."""
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # half the time on a CPU
        self.figures: dict[str, float] = {}  # of the last measuring
        self._classes = classes
        self._settings = settings
        self._frames = frames
        self._proposed = proposed

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """See `optimiser`."""
        return optimiser(self.network, self._settings)

    def training_step(self, batch: BoxBatch, batch_index: int) -> Tensor:  # noqa: ARG002 - Lightning's form
        """Return the loss of one batch.

        The quality learns the overlap that the box of the same look reaches, 0 on no part (Zhang
        et al., "VarifocalNet", CVPR 2021, arXiv:2008.13367).
        """
        look = self.network(normalised(batch.crops), batch.labels)
        overlap = losses.giou(look.boxes(), batch.boxes)
        parts = batch.is_part.sum().clamp(min=1)
        box = ((1 - overlap) * batch.is_part).sum() / parts
        side = (losses.sides_loss(look.sides, batch.boxes) * batch.is_part).sum() / parts
        reached = overlap.detach().clamp(0, 1) * batch.is_part
        quality = F.binary_cross_entropy_with_logits(look.quality, reached)
        self.log_dict(
            {"box_loss": box, "side_loss": side, "quality_loss": quality},
            on_step=False,
            on_epoch=True,
            logger=False,  # `callbacks.Record` logs a round's means
            sync_dist=True,
            batch_size=len(batch.crops),
        )
        return self._settings.box_weight * (box + quality) + 0.5 * side

    def measure(self) -> dict[str, float]:
        """Return the detector's figures with the boxes and scores of the second look."""
        refiner = self._refiner()
        results = [self._looked(refiner, one) for one in self._proposed]
        return metrics.detector_figures(results, self._parts(), self._classes)

    def pictures(self) -> list[NDArray[np.uint8]]:
        """Return surroundings of proposals (grey) with true boxes and the mended ones."""
        places = [
            (frame, row)
            for frame in range(len(self._proposed))
            for row in range(len(self._proposed[frame].boxes))
        ]
        refiner, parts, pictures = self._refiner(), self._parts(), []
        for number in grids.spread(len(places), _CROPS):
            frame, row = places[number]
            proposed = self._proposed[frame]
            pixels, kind = self._frames.pixels(proposed.number), proposed.kinds[row]
            mended, quality = refiner(pixels, proposed.boxes[row : row + 1], [kind])
            boxes = [(part.box, grids.TRUE) for part in parts[frame] if self._is(kind, part)]
            boxes.append((Box(*map(float, proposed.boxes[row])), grids.GIVEN))
            x0, y0, x1, y1 = _within(surroundings(proposed.boxes[row : row + 1])[0], pixels)
            marks = [grids.Mark(box.shifted(-x0, -y0), colour) for box, colour in boxes]
            if (mended[0, 2:] > mended[0, :2]).all():
                box = Box(*map(float, mended[0])).shifted(-x0, -y0)
                marks.append(grids.Mark(box, grids.FOUND, f"{kind} {quality[0]:.2f}"))
            pictures.append(grids.marked(pixels[y0:y1, x0:x1], marks, _CROP_PX))
        return pictures

    def _refiner(self) -> BoxRefiner:
        precision, side = self._settings.precision, self._settings.picture_px
        return BoxRefiner(self.network, self._classes, side, self.device, precision)

    def _is(self, kind: str, part: Truth) -> bool:
        return self._classes[part.label] == kind and not part.is_ignored

    def _looked(self, refiner: BoxRefiner, proposed: ProposedFrame) -> Detections:
        pixels = self._frames.pixels(proposed.number)
        boxes, quality = refiner(pixels, proposed.boxes, list(proposed.kinds))
        scores = torch.from_numpy((proposed.scores * quality) ** 0.5)
        labels = torch.tensor([self._classes.index(kind) for kind in proposed.kinds]).long()
        kept = batched_nms(torch.from_numpy(boxes), scores, labels, 0.5).numpy()
        return Detections(boxes[kept], scores.numpy()[kept], labels.numpy()[kept])

    def _parts(self) -> list[list[Truth]]:
        known = {kind: number for number, kind in enumerate(self._classes)}
        return [
            [
                Truth(label.box, known[label.component], label.is_ignored)
                for label in self._frames.labels(one.number)
                if label.component in known
            ]
            for one in self._proposed
        ]


def _colour(is_right: bool) -> grids.Colour:
    return grids.TRUE if is_right else grids.FOUND


def _within(outer: NDArray[np.int64], pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return the part of a rectangle x0, y0, x1, y1 that lies in a picture (H, W)."""
    height, width = pixels.shape
    x0, y0, x1, y1 = (int(one) for one in outer)
    return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)


def masked(logits: Tensor, allowed: Tensor) -> Tensor:
    """Return (B, P) logits with those of other components out of reach."""
    return logits.float().masked_fill(~allowed, -1e4)


Module = DetectorModule | ClassifierModule | RefinerModule
