"""One training from settings to a run folder with weights."""

import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pytorch_lightning import LightningDataModule, Trainer, seed_everything
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader

import catenary
from catenary.domain.errors import ConfigError
from catenary.domain.taxonomy import Taxonomy
from catenary.models import weights
from catenary.models.anomaly_network import AnomalyNetwork
from catenary.models.backbones import freeze_start, imagenet_weights, start_backbone
from catenary.models.build import (
    anomaly_network,
    backbone_name,
    classifier_network,
    detector_network,
    refiner_network,
)
from catenary.models.classifier import pairs
from catenary.models.inputs import Precision
from catenary.models.network import ComponentNetwork, ConditionNetwork
from catenary.models.refiner_network import RefinerNetwork
from catenary.training import anomaly
from catenary.training.callbacks import Record, WeightAverage
from catenary.training.classifier_data import (
    CropBatch,
    CropBatches,
    conditions_of,
    validation_batches,
)
from catenary.training.detector_data import DetectorBatches, validation_scenes
from catenary.training.frames import Frames, Sets, fingerprint, sets_of
from catenary.training.modules import ClassifierModule, DetectorModule, Module, RefinerModule
from catenary.training.refiner_data import (
    BoxBatch,
    BoxBatches,
    Proposals,
    Sample,
    negatives,
    proposed_frames,
    samples,
    trusted,
)
from catenary.training.settings import IMAGENET, RANDOM, Kind, TrainingSettings
from catenary.training.targets import Batch

log = logging.getLogger(__name__)

CONFIG = "config.json"
CHECKPOINT = "last.ckpt"
RECORD = "training.json"
METRICS = "metrics.csv"


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What a run folder says of itself, beside its weights.

    Attributes:
        kind: Which network.
        architecture: See `catenary.models.build`.
        catenary_version: Version of this program.
        created: ISO date of the end.
        classes: Component ids in label order, not of the classifier.
        conditions: By component, ``"normal"`` first, the classifier only.
        picture_px: Side of a tile or crop.
        long_side_px: Longer side of the reduced picture.
        seed: Of everything random.
        data: SHA-256 over the label files trained on.
        images: Frames trained on.
        validation_images: Frames measured on.
        metrics: Of the last round, on the validation frames.
        split: Fingerprint of the split they are parts of; empty without one.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    kind: Kind
    architecture: str
    catenary_version: str
    created: str
    classes: tuple[str, ...]
    conditions: dict[str, tuple[str, ...]]
    picture_px: int
    long_side_px: int
    seed: int
    data: str
    images: int
    validation_images: int
    metrics: dict[str, float]
    split: str = ""


@dataclass(frozen=True, slots=True)
class _Task:
    """A module to fit and the names of what it learns."""

    module: Module
    frames: Frames
    validation: Frames
    classes: tuple[str, ...]
    conditions: dict[str, tuple[str, ...]]
    boxes: tuple[Sample, ...] = ()  # of the refiner


class Rounds(LightningDataModule):
    """Hands Lightning the batches of the round it is in, also after a resume."""

    def __init__(self, task: _Task, settings: TrainingSettings) -> None:
        """Keep what batches are made of."""
        super().__init__()
        self._task = task
        self._settings = settings

    def train_dataloader(self) -> DataLoader[Batch] | DataLoader[CropBatch] | DataLoader[BoxBatch]:
        """Return the batches of the current round; asked for anew each round."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        count = self._settings.workers
        task = self._task
        match self._settings.kind:
            case Kind.DETECTOR:
                tiles = DetectorBatches(task.frames, task.classes, self._settings, epoch)
                return DataLoader(tiles, batch_size=None, num_workers=count)
            case Kind.CLASSIFIER:
                crops = CropBatches(task.frames, task.conditions, self._settings, epoch)
                return DataLoader(crops, batch_size=None, num_workers=count)
            case Kind.REFINER:
                boxes = BoxBatches(task.frames, task.boxes, self._settings, epoch)
                return DataLoader(boxes, batch_size=None, num_workers=count)
            case Kind.ANOMALY:
                raise ValueError("an anomaly scorer is fitted without steps, see _fit_anomaly")


def train(
    settings: TrainingSettings,
    taxonomy: Taxonomy,
    proposals: tuple[Proposals, Proposals] = ((), ()),
    *,
    resume: bool = False,
) -> Path:
    """Train a network and write its run folder.

    Args:
        settings: Everything there is to decide.
        taxonomy: Gives the order of classes and conditions.
        proposals: What a detector proposes on the frames of the training sets and of the
            validation sets, frame by frame; only a refiner learns from them.
        resume: Go on from the last whole round in the run folder.

    Returns:
        The folder: ``config.json``, ``metrics.csv``, ``last.ckpt``, ``training.json`` and the
        averaged weights, named after the kind: ``detector.safetensors``.

    Raises:
        ConfigError: If labels, images, weights, split or the run folder do not fit, or
            validation shares a mast or photograph with training.
    """
    sets = sets_of(settings)
    checkpoint = _prepare(settings, resume)
    seed_everything(settings.seed, verbose=False)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.kind is Kind.ANOMALY:
        return _fit_anomaly(settings, taxonomy, sets)
    task = _task(settings, taxonomy, sets, proposals)
    average = WeightAverage(settings.ema_decay)
    callbacks = [
        average,
        Record(settings.output / METRICS, average),
        # With save_top_k=0 Lightning writes "last" at the very end only: nothing to resume from.
        ModelCheckpoint(settings.output, Path(CHECKPOINT).stem, enable_version_counter=False),
    ]
    with _quiet():
        trainer = _trainer(settings, callbacks)
        trainer.fit(
            task.module, datamodule=Rounds(task, settings), ckpt_path=checkpoint, weights_only=True
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    _finish(settings, task, average.average, sets.split)
    return settings.output


def read_record(folder: Path) -> TrainingRecord:
    """Read what a finished run says of itself.

    Raises:
        ConfigError: If the folder holds no finished run.
    """
    path = folder / RECORD
    try:
        return TypeAdapter(TrainingRecord).validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; is {folder} a finished training?") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is not a training record: {error.error_count()} mistakes") from (
            error
        )


def settings_text(settings: TrainingSettings) -> bytes:
    """Return what a run folder keeps of its settings: JSON."""
    return TypeAdapter(TrainingSettings).dump_json(settings, indent=1) + b"\n"


def weights_file(kind: Kind) -> str:
    """Return the name of the weights in a run folder."""
    return f"{kind}.safetensors"


def _prepare(settings: TrainingSettings, resume: bool) -> Path | None:
    """Make the run folder; return the checkpoint to go on from."""
    checkpoint = settings.output / CHECKPOINT
    if resume:
        if not checkpoint.is_file():
            raise ConfigError(f"nothing to resume: {checkpoint} does not exist")
        return checkpoint
    if checkpoint.exists() or (settings.output / RECORD).exists():
        raise ConfigError(
            f"{settings.output} holds a training already; resume it or set another output"
        )
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / METRICS).unlink(missing_ok=True)  # of a run killed in its first round
    (settings.output / CONFIG).write_bytes(settings_text(settings))
    return None


def _task(
    settings: TrainingSettings,
    taxonomy: Taxonomy,
    sets: Sets,
    proposals: tuple[Proposals, Proposals],
) -> _Task:
    frames, validation = Frames(sets.train, settings.cache_mb), Frames(sets.validation, 0)
    frames.keep()
    match settings.kind:
        case Kind.DETECTOR:
            return _detector_task(settings, taxonomy, frames, validation)
        case Kind.CLASSIFIER:
            return _classifier_task(settings, taxonomy, frames, validation)
        case Kind.REFINER:
            classes = _classes(frames, settings, taxonomy)
            network = refiner_network(settings.refiner_architecture, len(classes))
            _start(network, settings)
            labels = [frames.labels(index) for index in range(len(frames))]
            proposed = proposed_frames(proposals[1], classes)
            module = RefinerModule(network, classes, settings, validation, proposed)
            boxes = trusted(samples(labels, proposals[0], classes), frames)
            boxes += negatives(frames, classes)
            return _Task(module, frames, validation, classes, {}, tuple(boxes))
        case Kind.ANOMALY:
            raise ValueError("an anomaly scorer is fitted without steps, see _fit_anomaly")


def _fit_anomaly(settings: TrainingSettings, taxonomy: Taxonomy, sets: Sets) -> Path:
    """Fit an anomaly scorer and write its run folder."""
    frames, validation = Frames(sets.train, 0), Frames(sets.validation, 0)
    chosen = anomaly.usable(frames, _classes(frames, settings, taxonomy), settings)
    network = anomaly_network(settings.anomaly_architecture, {})
    _start(network, settings)
    anomaly.fit(network, frames, chosen, settings)
    figures = anomaly.measure(network, validation, settings)
    log.info("measured %s", " ".join(f"{name}={value:.3g}" for name, value in figures.items()))
    record = _record(settings, frames, validation, figures, sets.split)
    _write(settings, replace(record, classes=tuple(chosen)), anomaly.packed_state(network))
    return settings.output


def _detector_task(
    settings: TrainingSettings, taxonomy: Taxonomy, frames: Frames, validation: Frames
) -> _Task:
    classes = _classes(frames, settings, taxonomy)
    network = detector_network(settings.detector_architecture, len(classes))
    _start(network, settings)
    if settings.weights != RANDOM:
        own = backbone_name(settings.detector_architecture)
        freeze_start(network.backbone, own, settings.frozen_blocks)
    scenes = validation_scenes(validation, classes, settings)
    module = DetectorModule(network, classes, settings, scenes)
    return _Task(module, frames, validation, classes, {})


def _classifier_task(
    settings: TrainingSettings, taxonomy: Taxonomy, frames: Frames, validation: Frames
) -> _Task:
    conditions = conditions_of(frames, settings.components, taxonomy)
    if not conditions:
        raise ConfigError("the training labels show no defect of any component asked for")
    head = classifier_network(settings.classifier_architecture, len(pairs(conditions)))
    _start(head, settings)
    batches = validation_batches(validation, conditions, settings)
    return _Task(
        ClassifierModule(head, conditions, settings, batches), frames, validation, (), conditions
    )


def _classes(frames: Frames, settings: TrainingSettings, taxonomy: Taxonomy) -> tuple[str, ...]:
    seen = {
        label.component
        for index in range(len(frames))
        for label in frames.labels(index)
        if not label.is_ignored  # e.g. wires that run through the picture
    }
    wanted = set(settings.components) or seen
    if absent := sorted(wanted - (seen & set(taxonomy.components))):
        raise ConfigError(
            f"components {', '.join(absent)} are not in both the training labels and the taxonomy"
        )
    return tuple(name for name in taxonomy.components if name in wanted)


def _start(
    network: ComponentNetwork | ConditionNetwork | RefinerNetwork | AnomalyNetwork,
    settings: TrainingSettings,
) -> None:
    if settings.start is not None:
        anew = weights.go_on_from(network, settings.start)
        log.info("started from=%s anew=%s", settings.start, ",".join(anew) or "nothing")
    elif settings.weights != RANDOM:
        path = None if settings.weights == IMAGENET else Path(settings.weights)
        own = backbone_name(settings.architecture)
        start_backbone(network.backbone, own, imagenet_weights(own, path))


def _trainer(settings: TrainingSettings, callbacks: list[Callback]) -> Trainer:
    return Trainer(
        accelerator="gpu" if settings.device.startswith("cuda") else "cpu",
        devices=1,
        precision="bf16-mixed" if settings.precision is Precision.BF16 else "32-true",
        max_epochs=settings.epochs,
        reload_dataloaders_every_n_epochs=1,
        gradient_clip_val=10.0,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        default_root_dir=settings.output,
        num_sanity_val_steps=0,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says of choices we made on purpose."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
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
            logger.setLevel(level)


def _finish(
    settings: TrainingSettings, task: _Task, average: dict[str, Tensor], split: str
) -> None:
    record = _record(settings, task.frames, task.validation, task.module.figures, split)
    _write(settings, replace(record, classes=task.classes, conditions=task.conditions), average)


def _record(
    settings: TrainingSettings,
    frames: Frames,
    validation: Frames,
    figures: dict[str, float],
    split: str,
) -> TrainingRecord:
    """Return what a run says of itself, without what it learnt to name."""
    return TrainingRecord(
        settings.kind,
        settings.architecture,
        catenary.__version__,
        datetime.now(UTC).date().isoformat(),
        (),
        {},
        settings.picture_px,
        settings.long_side_px,
        settings.seed,
        fingerprint(settings.train),
        len(frames),
        len(validation),
        figures,
        split,
    )


def _write(settings: TrainingSettings, record: TrainingRecord, state: Mapping[str, Tensor]) -> None:
    """Write weights and record; the record last, since it says that the run is whole."""
    (settings.output / weights_file(settings.kind)).write_bytes(weights.packed(state))
    text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
    (settings.output / RECORD).write_text(text + "\n", encoding="utf-8")
    log.info("trained kind=%s images=%d output=%s", settings.kind, record.images, settings.output)
