"""Train networks, join them into a bundle, calibrate it."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from catenary import config
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Component
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs.data.labelled import pixels
from catenary.jobs.learning import calibrate, curves, unseen
from catenary.jobs.scanning import assemble
from catenary.models import bundle
from catenary.models.build import DetectorArchitecture
from catenary.models.detections import Detector
from catenary.pipeline.cascade import CascadeSettings, locate
from catenary.training import export, run
from catenary.training.frames import fingerprint, sets_of
from catenary.training.refiner_data import Proposals
from catenary.training.settings import Kind, TrainingSettings
from catenary.training.shared import Shared
from catenary.training.trainer import is_first_process as is_first_process

_LEAST_SCORE = 0.05  # of a proposal: what is not proposed cannot be mended


def train(settings_file: Path, overrides: tuple[str, ...], resume: bool) -> Path:
    """Train the network that a settings file describes; return the run folder.

    Raises:
        ConfigError: If the settings or the labels are not valid.
    """
    return fit(config.load(settings_file, TrainingSettings, overrides), resume=resume)


def finished(
    settings: TrainingSettings, taxonomy: Taxonomy | None = None, shared: Shared | None = None
) -> Path:
    """Train, go on with an interrupted training, or leave a finished one; return the run folder.

    Args:
        settings: Of the training.
        taxonomy: Gives the order of classes and conditions; None takes the shipped one.
        shared: What trainings of this process keep for each other.

    Raises:
        ConfigError: If the labels are not valid, or the folder holds a training of other settings
            or labels.
    """
    folder = settings.output
    is_whole, is_begun = ((folder / one).is_file() for one in (run.RECORD, run.CHECKPOINT))
    if not is_whole and not is_begun:
        return fit(settings, taxonomy=taxonomy, shared=shared)
    is_same = run.is_of(folder, settings)
    if is_same and is_whole:
        is_same = run.read_record(folder).data == fingerprint(settings.train)
    if not is_same:
        raise ConfigError(f"{folder} holds a training of other settings or labels; remove it")
    return folder if is_whole else fit(settings, resume=True, taxonomy=taxonomy)


def fit(
    settings: TrainingSettings,
    *,
    resume: bool = False,
    taxonomy: Taxonomy | None = None,
    shared: Shared | None = None,
) -> Path:
    """Train a network and draw how it went; return the run folder.

    Raises:
        ConfigError: If the labels are not valid.
    """
    taxonomy = taxonomy or config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    proposals: tuple[Proposals, Proposals] = ((), ())
    if settings.proposer is not None:
        device = assemble.device("auto" if settings.device == "cuda" else settings.device)
        detector = bundle.load(settings.proposer, device).detector
        sets = sets_of(settings, taxonomy)
        proposals = (proposed(sets.train, detector), proposed(sets.validation, detector))
    folder = run.train(settings, taxonomy, proposals, resume=resume, shared=shared)
    # An anomaly scorer is fitted at once: there is no course to draw.
    if settings.kind is not Kind.ANOMALY and shared is None:
        curves.write_curves(folder)
    return folder


def proposed(sets: Sequence[LabelledSet], detector: Detector) -> list[tuple[Component, ...]]:
    """Return what a detector finds on each frame of labelled sets, believing nearly everything."""
    settings = CascadeSettings(min_score=_LEAST_SCORE)
    found = []
    for labelled in sets:
        for image in labelled.images:
            found.append(locate(pixels(labelled.root, image), detector, settings))
    return found


def with_shipped_classifier(run_folder: Path, folder: Path, floors: Mapping[str, float]) -> Path:
    """Make a bundle of a trained detector alone, to measure it; return the bundle.

    The classifier is the shipped one, since a bundle needs one; it is not fit for these boxes.

    Args:
        run_folder: Finished training of a detector.
        folder: Bundle to make.
        floors: By component, the detector score from which a box is believed.

    Raises:
        ConfigError: If there is no finished training, or no shipped bundle.
    """
    shipped = config.bundled(assemble.SHIPPED_BUNDLE)
    card, record = bundle.verify(shipped), run.read_record(run_folder)
    card = replace(
        card,
        name=run_folder.parent.name,
        detector_architecture=DetectorArchitecture(record.architecture),
        classes=record.classes,
        floors=floors,
        refiner=None,
    )
    states = {
        bundle.DETECTOR: load_file(run_folder / bundle.DETECTOR),
        bundle.CLASSIFIER: load_file(shipped / bundle.CLASSIFIER),
    }
    bundle.save(folder, card, states)
    return folder


def make_bundle(
    runs: export.Runs, folder: Path, data: str, weaknesses: tuple[str, ...] = ()
) -> bundle.Card:
    """Join run folders into a bundle named like its folder.

    Args:
        runs: Folders of finished trainings.
        folder: Bundle to make.
        data: Whence the training data are, in words, for the card.
        weaknesses: What it is known to do badly, in words, for the card.
    """
    description = export.Description(folder.name, data, weaknesses, _revision())
    return export.make_bundle(runs, folder, description)


def calibrate_bundle(
    folder: Path,
    labels: unseen.Unseen,
    false_per_image: float,
    device: str,
    progress: Callable[[int, int], None],
) -> bundle.Calibration:
    """Fit fusion weights and thresholds and write them into a bundle's card.

    Args:
        folder: Bundle.
        labels: Masts that training did not see.
        false_per_image: Alarm budget of each component, false findings a photograph.
        device: As for a scan.
        progress: Called with frames done and frames in all.

    Returns:
        What was fitted.

    Raises:
        ConfigError: If the labels hold no defect, and the bundle has weights that would be lost.
    """
    if bundle.verify(folder).fusion and not calibrate.has_defect(labels.labelled):
        raise ConfigError(
            f"{labels.name} holds no defect, so nothing tells how far rules and classifier are to"
            f" be believed; what {folder} was calibrated with before would be lost. Add photographs"
            " of defects, or see that their labels have a condition"
        )
    judge = assemble.judge(assemble.Recipe(folder, device))
    fitted = calibrate.calibrate(judge, labels.labelled, false_per_image, progress)
    bundle.with_calibration(folder, fitted)
    return fitted


def _revision() -> str:
    """Return the git revision of a source checkout, or nothing outside of one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - whichever git there is
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
