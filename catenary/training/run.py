"""One training from settings to a run folder with weights."""

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pytorch_lightning import LightningDataModule, seed_everything
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

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
from catenary.models.network import ComponentNetwork, ConditionNetwork
from catenary.models.refiner_network import RefinerNetwork
from catenary.training import anomaly, batch_size
from catenary.training.callbacks import Choice, Grids, Record, Round, StepSeeds, WeightAverage
from catenary.training.classifier_data import (
    CropBatch,
    CropBatches,
    conditions_of,
    validation_batches,
)
from catenary.training.detector_data import DetectorBatches, validation_scenes
from catenary.training.frames import Frames, fingerprint, sets_of
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
from catenary.training.shared import Shared
from catenary.training.targets import Batch
from catenary.training.trainer import (
    TENSORBOARD,
    Share,
    is_first_process,
    quiet,
    refuse_what_is_missing,
    reproducible,
    trainer,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

CONFIG = "config.json"
CHECKPOINT = "last.ckpt"
RECORD = "training.json"
METRICS = "metrics.csv"
GRIDS = "grids"


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
        metrics: Of the kept round, on the validation frames.
        split: Fingerprint of the split they are parts of; empty without one.
        kept_round: Whose averaged weights these are, from 1; 0 where an older version kept the
            last.
        batch: Pictures a batch and device; 0 where an older version did not say.
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
    kept_round: int = 0
    batch: int = 0


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
                return DataLoader(self._share(tiles), batch_size=None, num_workers=count)
            case Kind.CLASSIFIER:
                crops = CropBatches(task.frames, task.conditions, self._settings, epoch)
                return DataLoader(self._share(crops), batch_size=None, num_workers=count)
            case Kind.REFINER:
                boxes = BoxBatches(task.frames, task.boxes, self._settings, epoch)
                return DataLoader(self._share(boxes), batch_size=None, num_workers=count)
            case Kind.ANOMALY:
                raise ValueError("an anomaly scorer is fitted without steps, see _fit_anomaly")

    def setup(self, stage: str) -> None:  # noqa: ARG002 - Lightning's form
        """Set the number of threads, after Lightning chose one for several devices."""
        if self._settings.threads:
            torch.set_num_threads(self._settings.threads)

    def _share(self, batches: Dataset[T]) -> Dataset[T]:
        """Return the batches of this device."""
        if self._settings.devices == 1 or self.trainer is None:
            return batches
        return Share(batches, self.trainer.global_rank, self._settings.devices)


def train(
    settings: TrainingSettings,
    taxonomy: Taxonomy,
    proposals: tuple[Proposals, Proposals] = ((), ()),
    *,
    resume: bool = False,
    shared: Shared | None = None,
) -> Path:
    """Train a network and write its run folder.

    With several devices the program that calls this is started once more for each further one, so
    only a command should ask for them; all of them return when they have learnt.

    Args:
        settings: Everything there is to decide.
        taxonomy: Gives the order of classes and conditions.
        proposals: What a detector proposes on the frames of the training sets and of the
            validation sets, frame by frame; only a refiner learns from them.
        resume: Go on from the last whole round in the run folder.
        shared: What trainings of this process keep for each other; such short ones write no
            ``last.ckpt``.

    Returns:
        The folder: ``config.json``, ``metrics.csv``, ``last.ckpt``, ``training.json`` and the
        averaged weights, named after the kind: ``detector.safetensors``; also ``grids`` and
        ``tensorboard`` where asked for.

    Raises:
        ConfigError: If labels, images, weights, split, machine or the run folder do not fit, or
            validation shares a mast or photograph with training.
    """
    sets = sets_of(settings, taxonomy)
    refuse_what_is_missing(settings)
    frames = Frames(sets.train, settings.cache_mb, shared=shared)
    validation = Frames(sets.validation, 0)
    if settings.needs_measuring and not len(validation):
        raise ConfigError("keep: best, patience and grid_every need validation frames, got none")
    checkpoint = _prepare(settings, resume)
    if settings.kind is Kind.ANOMALY:
        _fit_anomaly(settings, taxonomy, (frames, validation), sets.split)
        return settings.output
    frames.keep()

    def task_of(own: TrainingSettings) -> _Task:
        seed_everything(own.seed, verbose=False)
        return _task(own, taxonomy, (frames, validation), proposals)

    with reproducible(settings.deterministic):
        settings = _with_batch(settings, task_of, is_known=resume or not is_first_process())
        if is_first_process() and not resume:
            _begin(settings)
        task = task_of(settings)
        kept = _fitted(settings, task, checkpoint, is_resumable=shared is None)
    if is_first_process():
        _finish(settings, task, kept, sets.split)
    return settings.output


def _fitted(
    settings: TrainingSettings, task: _Task, checkpoint: Path | None, is_resumable: bool
) -> Round:
    """Train; return the round that is to be exported."""
    average = WeightAverage(settings.ema_decay)
    choice = Choice(settings, average)
    callbacks: list[Callback] = [
        StepSeeds(settings.seed),
        average,
        Record(settings.output / METRICS, average),
        choice,
    ]
    if is_resumable:
        # With save_top_k=0 Lightning writes "last" at the very end only: nothing to resume from.
        callbacks.append(
            ModelCheckpoint(settings.output, Path(CHECKPOINT).stem, enable_version_counter=False)
        )
    if settings.grid_every:
        callbacks.append(Grids(settings.output / GRIDS, settings.grid_every, average))
    with quiet():
        lightning = trainer(settings, callbacks, checkpoint)
        data = Rounds(task, settings)
        lightning.fit(task.module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    if lightning.interrupted:
        raise KeyboardInterrupt
    return choice.kept


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


def is_of(folder: Path, settings: TrainingSettings) -> bool:
    """Return whether a run folder was begun with these settings, whichever batch was found."""
    stored = json.loads((folder / CONFIG).read_bytes())
    own = json.loads(settings_text(settings))
    if not settings.batch:
        own["batch"] = stored.get("batch")
    return bool(stored == own)


def settings_text(settings: TrainingSettings) -> bytes:
    """Return what a run folder keeps of its settings: JSON."""
    return TypeAdapter(TrainingSettings).dump_json(settings, indent=1) + b"\n"


def weights_file(kind: Kind) -> str:
    """Return the name of the weights in a run folder."""
    return f"{kind}.safetensors"


def _prepare(settings: TrainingSettings, resume: bool) -> Path | None:
    """Clear the run folder of what a kill left; return the checkpoint to go on from."""
    checkpoint = settings.output / CHECKPOINT
    if resume:
        if not checkpoint.is_file():
            raise ConfigError(f"nothing to resume: {checkpoint} does not exist")
        return checkpoint
    if not is_first_process():
        return None
    if checkpoint.exists() or (settings.output / RECORD).exists():
        raise ConfigError(
            f"{settings.output} holds a training already; resume it or set another output"
        )
    (settings.output / METRICS).unlink(missing_ok=True)  # of a run killed in its first round
    for name in (TENSORBOARD, GRIDS):
        shutil.rmtree(settings.output / name, ignore_errors=True)
    return None


def _begin(settings: TrainingSettings) -> None:
    """Make the run folder, once labels and photographs could be read."""
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / CONFIG).write_bytes(settings_text(settings))


def _with_batch(
    settings: TrainingSettings, task_of: Callable[[TrainingSettings], _Task], is_known: bool
) -> TrainingSettings:
    """Return the settings with a batch size: the one asked for, stored before or found now."""
    if settings.batch:
        return settings
    if is_known:
        path = settings.output / CONFIG
        try:
            stored = json.loads(path.read_bytes())["batch"]
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{path} does not say which batch was found; set batch") from error
        return replace(settings, batch=stored)
    trial = task_of(replace(settings, batch=2))

    def batches(size: int) -> Rounds:
        # In this process, so that its memory counts.
        own = replace(settings, batch=size, workers=0, devices=1, accumulate=1)
        return Rounds(trial, own)

    return replace(settings, batch=batch_size.found(settings, trial.module, batches))


def _task(
    settings: TrainingSettings,
    taxonomy: Taxonomy,
    both: tuple[Frames, Frames],
    proposals: tuple[Proposals, Proposals],
) -> _Task:
    frames, validation = both
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


def _fit_anomaly(
    settings: TrainingSettings, taxonomy: Taxonomy, both: tuple[Frames, Frames], split: str
) -> None:
    """Fit an anomaly scorer and write its run folder."""
    frames, validation = both
    _begin(settings)
    seed_everything(settings.seed, verbose=False)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    chosen = anomaly.usable(frames, _classes(frames, settings, taxonomy), settings)
    network = anomaly_network(settings.anomaly_architecture, {})
    _start(network, settings)
    anomaly.fit(network, frames, chosen, settings)
    figures = anomaly.measure(network, validation, settings)
    log.info("measured %s", " ".join(f"{name}={value:.3g}" for name, value in figures.items()))
    record = _record(settings, frames, validation, figures, split)
    _write(settings, replace(record, classes=tuple(chosen)), anomaly.packed_state(network))


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


def _finish(settings: TrainingSettings, task: _Task, kept: Round, split: str) -> None:
    record = _record(settings, task.frames, task.validation, kept.figures, split)
    learnt = replace(
        record,
        classes=task.classes,
        conditions=task.conditions,
        kept_round=kept.number,
        batch=settings.batch,
    )
    _write(settings, learnt, kept.average)


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
