"""Join a trained detector and a trained classifier into a model bundle."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from catenary.domain.errors import ConfigError
from catenary.models import bundle
from catenary.models.build import ClassifierArchitecture, DetectorArchitecture
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


def make_bundle(
    detector_run: Path, classifier_run: Path, folder: Path, description: Description
) -> bundle.Card:
    """Write a bundle from two run folders.

    The card takes the validation figures of both trainings, named ``detector_...`` and
    ``classifier_...``, each with the number of frames it rests on.

    Raises:
        ConfigError: If a folder holds no finished training of its kind.
        BundleError: If ``folder`` holds something that is no bundle.
    """
    detector = _record(detector_run, Kind.DETECTOR)
    classifier = _record(classifier_run, Kind.CLASSIFIER)
    card = bundle.Card(
        name=description.name,
        catenary_version=detector.catenary_version,
        git_revision=description.git_revision,
        created=max(detector.created, classifier.created),
        detector_architecture=DetectorArchitecture(detector.architecture),
        classifier_architecture=ClassifierArchitecture(classifier.architecture),
        classes=detector.classes,
        conditions=classifier.conditions,
        data=bundle.TrainingData(_joined(detector.data, classifier.data), description.data),
        inputs=bundle.InputContract(detector.long_side_px, classifier.picture_px),
        seeds={"detector": detector.seed, "classifier": classifier.seed},
        metrics=_figures(detector) | _figures(classifier),
        licence=description.licence,
        known_weaknesses=description.known_weaknesses,
    )
    return bundle.save(
        folder, card, _state(detector_run, detector), _state(classifier_run, classifier)
    )


def _record(run: Path, kind: Kind) -> TrainingRecord:
    record = read_record(run)
    if record.kind is not kind:
        raise ConfigError(f"{run} is a training of a {record.kind}, a {kind} is needed")
    return record


def _state(run: Path, record: TrainingRecord) -> dict[str, Tensor]:
    return load_file(run / weights_file(record.kind))


def _joined(first: str, second: str) -> str:
    return first if first == second else f"{first}+{second}"


def _figures(record: TrainingRecord) -> dict[str, bundle.Figure]:
    return {
        f"{record.kind}_{name}": bundle.Figure(round(value, 4), record.validation_images)
        for name, value in record.metrics.items()
    }
