"""Train networks, join them into a bundle, calibrate it."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from catenary import config
from catenary.jobs import assemble, measure
from catenary.models import bundle
from catenary.training import export, run
from catenary.training.settings import TrainingSettings


def train(settings_file: Path, overrides: tuple[str, ...], resume: bool) -> Path:
    """Train the network that a settings file describes; return the run folder.

    Raises:
        ConfigError: If the settings or the labels are not valid.
    """
    settings = config.load(settings_file, TrainingSettings, overrides)
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    return run.train(settings, taxonomy, resume=resume)


def make_bundle(
    detector: Path, classifier: Path, folder: Path, data: str, weaknesses: tuple[str, ...] = ()
) -> bundle.Card:
    """Join two run folders into a bundle named like its folder.

    Args:
        detector: Run folder.
        classifier: Run folder.
        folder: Bundle to make.
        data: Whence the training data are, in words, for the card.
        weaknesses: What it is known to do badly, in words, for the card.
    """
    description = export.Description(folder.name, data, weaknesses, _revision())
    return export.make_bundle(detector, classifier, folder, description)


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
