"""Train networks, join them into a bundle, calibrate it."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from catenary import config
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Component
from catenary.imaging.decode import decode_gray
from catenary.jobs import assemble, measure
from catenary.models import bundle
from catenary.models.detections import Detector
from catenary.pipeline.cascade import CascadeSettings, locate
from catenary.training import export, run
from catenary.training.frames import sets_of
from catenary.training.refiner_data import Proposals
from catenary.training.settings import TrainingSettings
from catenary.training.trainer import is_first_process as is_first_process

_LEAST_SCORE = 0.05  # of a proposal: what is not proposed cannot be mended


def train(settings_file: Path, overrides: tuple[str, ...], resume: bool) -> Path:
    """Train the network that a settings file describes; return the run folder.

    Raises:
        ConfigError: If the settings or the labels are not valid.
    """
    settings = config.load(settings_file, TrainingSettings, overrides)
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    proposals: tuple[Proposals, Proposals] = ((), ())
    if settings.proposer is not None:
        device = assemble.device("auto" if settings.device == "cuda" else settings.device)
        detector = bundle.load(settings.proposer, device).detector
        sets = sets_of(settings)
        proposals = (_proposed(sets.train, detector), _proposed(sets.validation, detector))
    return run.train(settings, taxonomy, proposals, resume=resume)


def _proposed(sets: Sequence[LabelledSet], detector: Detector) -> list[tuple[Component, ...]]:
    """Return what a detector finds on each frame of labelled sets, believing nearly everything."""
    settings = CascadeSettings(min_score=_LEAST_SCORE)
    found = []
    for labelled in sets:
        for image in labelled.images:
            path = labelled.root / image.ref.file_name
            try:
                pixels = decode_gray(path.read_bytes())
            except OSError as error:
                raise ConfigError(f"cannot read training image {path}: {error.strerror}") from error
            found.append(locate(pixels, detector, settings))
    return found


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
    labels: Path,
    false_per_image: float,
    device: str,
    progress: Callable[[int, int], None],
) -> Mapping[str, float]:
    """Fit fusion weights and thresholds and write them into a bundle's card.

    Args:
        folder: Bundle.
        labels: COCO labels of masts that training did not see.
        false_per_image: Alarm budget of each component, false findings a photograph.
        device: As for a scan.
        progress: Called with frames done and frames in all.

    Returns:
        Thresholds by component.
    """
    judge = assemble.judge(assemble.Recipe(folder, device))
    fitted = measure.calibrate(judge, labels, false_per_image, progress)
    bundle.with_calibration(folder, fitted)
    return fitted.thresholds


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
