"""Join trained networks into a model bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from catenary.domain.errors import ConfigError
from catenary.models import bundle, parity
from catenary.models.build import (
    AnomalyArchitecture,
    ClassifierArchitecture,
    DetectorArchitecture,
    RefinerArchitecture,
)
from catenary.training.run import TrainingRecord, read_record, weights_file
from catenary.training.settings import Kind


@dataclass(frozen=True, slots=True)
class Description:
    """What only people know of a bundle.

    Attributes:
        name: Of the bundle, e.g. ``"catenary-sim-1"``.
        data: Whence the training data are, how many images, how they were split.
        known_weaknesses: What it cannot do.
        git_revision: Code it was trained with; empty when unknown.
        licence: Of the weights.
    """

    name: str
    data: str
    known_weaknesses: tuple[str, ...] = ()
    git_revision: str = ""
    licence: str = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Runs:
    """Run folders of finished trainings; the refiner's and the anomaly scorer's may be left out."""

    detector: Path
    classifier: Path
    refiner: Path | None = None
    anomaly: Path | None = None


def make_bundle(runs: Runs, folder: Path, description: Description) -> bundle.Card:
    """Write a bundle from run folders.

    The card takes the validation figures of the trainings, named ``detector_...``,
    ``classifier_...``, ``refiner_...`` and ``anomaly_...``, each with the number of frames, or of
    defects where these were counted, that it rests on.

    Raises:
        ConfigError: If a folder holds no finished training of its kind.
        BundleError: If ``folder`` holds something that is no bundle, or the bundle does not pass
            `catenary.models.parity`.
    """
    detector = _record(runs.detector, Kind.DETECTOR)
    classifier = _record(runs.classifier, Kind.CLASSIFIER)
    records = {bundle.DETECTOR: detector, bundle.CLASSIFIER: classifier}
    states = {
        bundle.DETECTOR: _state(runs.detector, detector),
        bundle.CLASSIFIER: _state(runs.classifier, classifier),
    }
    refiner = None
    if runs.refiner is not None:
        records[bundle.REFINER] = own = _record(runs.refiner, Kind.REFINER)
        states[bundle.REFINER] = _state(runs.refiner, own)
        architecture = RefinerArchitecture(own.architecture)
        refiner = bundle.RefinerSettings(architecture, own.classes, own.picture_px)
    scorer = None
    if runs.anomaly is not None:
        records[bundle.ANOMALY] = own = _record(runs.anomaly, Kind.ANOMALY)
        states[bundle.ANOMALY] = state = _state(runs.anomaly, own)
        scorer = anomaly_settings(own, state)
    card = bundle.Card(
        name=description.name,
        catenary_version=detector.catenary_version,
        git_revision=description.git_revision,
        created=max(one.created for one in records.values()),
        detector_architecture=DetectorArchitecture(detector.architecture),
        classifier_architecture=ClassifierArchitecture(classifier.architecture),
        classes=detector.classes,
        conditions=classifier.conditions,
        data=bundle.TrainingData(
            "+".join(sorted({one.data for one in records.values()})), description.data
        ),
        inputs=bundle.InputContract(detector.long_side_px, classifier.picture_px),
        seeds={str(one.kind): one.seed for one in records.values()},
        metrics={name: value for one in records.values() for name, value in _figures(one).items()},
        licence=description.licence,
        known_weaknesses=description.known_weaknesses,
        refiner=refiner,
        anomaly=scorer,
    )
    return bundle.save(folder, card, states, lambda partial: parity.gate(partial, states))


def anomaly_settings(record: TrainingRecord, state: Mapping[str, Tensor]) -> bundle.AnomalySettings:
    """Return what the card says of a fitted anomaly scorer."""
    sizes = {kind: len(state[f"memories.{kind}.patches"]) for kind in record.classes}
    return bundle.AnomalySettings(
        AnomalyArchitecture(record.architecture), sizes, record.picture_px
    )


def _record(run: Path, kind: Kind) -> TrainingRecord:
    record = read_record(run)
    if record.kind is not kind:
        raise ConfigError(f"{run} is a training of a {record.kind}, a {kind} is needed")
    return record


def _state(run: Path, record: TrainingRecord) -> dict[str, Tensor]:
    return load_file(run / weights_file(record.kind))


def _figures(record: TrainingRecord) -> dict[str, bundle.Figure]:
    figures = {}
    for name, value in record.metrics.items():
        of_what, _, which = name.partition("_")
        if of_what in ("defects", "normal") and record.kind is Kind.ANOMALY:
            continue  # how many the others rest on
        count = record.metrics.get(f"defects_{which}", record.validation_images)
        figures[f"{record.kind}_{name}"] = bundle.Figure(round(value, 4), int(count))
    return figures
