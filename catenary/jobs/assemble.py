"""Build a judge from a model bundle, the rule limits and the taxonomy."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Versions
from catenary.imaging.quality import QualityLimits
from catenary.models import bundle as bundles
from catenary.models.inputs import Precision
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.rules import catalogue

SHIPPED_BUNDLE = "checkpoints/catenary-sim-1"


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What ``configs/scan.yaml`` holds.

    Attributes:
        cascade: How a frame is searched.
        quality: Limits of the quality gate.
        batch: Frames whose results are written together; a kill repeats at most so many.
    """

    cascade: CascadeSettings = field(default_factory=CascadeSettings)
    quality: QualityLimits = field(default_factory=QualityLimits)
    batch: int = 16

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1 frame, got {self.batch}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a user chose for a scan.

    Attributes:
        model: Bundle folder, or None for the shipped one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        precision: ``"bf16"`` or ``"fp32"``.
        settings_file: Scan settings, or None for the shipped ones.
        overrides: ``key=value`` settings.
    """

    model: Path | None = None
    device: str = "auto"
    precision: str = "bf16"
    settings_file: Path | None = None
    overrides: tuple[str, ...] = ()

    def settings(self) -> ScanSettings:
        """Read the scan settings; see `catenary.config.load`."""
        path = self.settings_file or config.bundled("configs/scan.yaml")
        return config.load(path, ScanSettings, self.overrides)

    def bundle_folder(self) -> Path:
        """Return the folder of the chosen model bundle."""
        return self.model or config.bundled(SHIPPED_BUNDLE)


def judge(recipe: Recipe) -> Judge:
    """Load everything a scan needs.

    Raises:
        ConfigError: If a settings file is not valid.
        BundleError: If the bundle is damaged, knows ids that the taxonomy does not, or the
            device does not exist.
    """
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    rules_file = config.bundled("configs/rules.yaml")
    limits = config.load(rules_file, catalogue.RuleLimits)
    settings = recipe.settings()
    folder = recipe.bundle_folder()
    number_format = precision(recipe.precision)
    loaded = bundles.load(folder, device(recipe.device), number_format, taxonomy)
    versions = Versions(
        loaded.card.version, f"{limits.version}@{config.fingerprint(rules_file)}", taxonomy.version
    )
    return Judge(
        loaded.detector,
        loaded.classifier,
        catalogue.rules(limits),
        loaded.card.fusion,
        loaded.card.thresholds,
        taxonomy,
        versions,
        settings.cascade,
    )


def device(name: str) -> str:
    """Return the device to compute on: the first GPU or the CPU where ``name`` is "auto"."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(name: str) -> Precision:
    """Return the number format of that name.

    Raises:
        ConfigError: If there is none.
    """
    try:
        return Precision(name)
    except ValueError as error:
        known = ", ".join(Precision)
        raise ConfigError(f"precision must be one of {known}, got {name!r}") from error
