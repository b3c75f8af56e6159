"""Build a judge from a model bundle, the rule limits and the taxonomy."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from catenary import config
from catenary.domain.errors import BundleError, ConfigError
from catenary.domain.finding import NORMAL, Versions
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging import gpu_decode
from catenary.imaging.quality import QualityLimits
from catenary.jobs.scanning import promised
from catenary.models import bundle as bundles
from catenary.models.compiled import compile_networks
from catenary.models.replayed import replay_networks
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.pipeline.rule_pool import RulePool
from catenary.pipeline.scan import Opening
from catenary.rules import catalogue, long_tubes, long_wires
from catenary.rules.catalogue import FrameRule, Rule

SHIPPED_BUNDLE = "checkpoints/catenary-sim-1"


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What ``configs/scan.yaml`` holds.

    Attributes:
        cascade: How a frame is searched.
        quality: Limits of the quality gate.
        batch: Frames whose results are written together; a kill repeats at most so many.
        together: Photographs whose crops share the batches of the networks; None for as many as
            fit: 8 on a GPU, one on a processor, where more gain nothing.
        on_device: Make photographs smaller and cut them where the networks run, as a GPU always
            does; on a processor slower than OpenCV, to a grey level the same.
        gpu_decode: Decode JPEGs on the GPU where nvImageCodec is installed; see
            `catenary.imaging.gpu_decode` for what that risks.
        rule_processes: Processes that judge by the rules; 0 for threads of the scan; None for as
            many as fit: half of the cores beside a GPU, none on a processor.
        compiled: Run the networks by torch.compile; see `catenary.models.compiled`.
        cuda_graphs: Launch a network's layers at once on a GPU, unless they are compiled; see
            `catenary.models.replayed`.
    """

    cascade: CascadeSettings = field(default_factory=CascadeSettings)
    quality: QualityLimits = field(default_factory=QualityLimits)
    batch: int = 16
    together: int | None = None
    on_device: bool = False
    gpu_decode: bool = False
    rule_processes: int | None = None
    compiled: bool = False
    cuda_graphs: bool = True

    def __post_init__(self) -> None:
        """Refuse empty batches."""
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1 frame, got {self.batch}")
        if self.together is not None and self.together < 1:
            raise ValueError(f"together must be at least 1 frame, got {self.together}")
        if self.rule_processes is not None and self.rule_processes < 0:
            raise ValueError(f"rule_processes must not be negative, got {self.rule_processes}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a user chose for a scan.

    Attributes:
        model: Bundle folder, or None for the shipped one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` (all GPUs), ``"cuda:N"`` or several of these with
            commas between.
        precision: ``"bf16"`` or ``"fp32"``.
        settings_file: Scan settings, or None for the shipped ones.
        overrides: ``key=value`` settings.
        at_promise: Raise at the thresholds that the bundle's card makes promises for.
        given: Scan settings that were read already, on another machine.
    """

    model: Path | None = None
    device: str = "auto"
    precision: str = "bf16"
    settings_file: Path | None = None
    overrides: tuple[str, ...] = ()
    at_promise: bool = False
    given: ScanSettings | None = None

    def settings(self) -> ScanSettings:
        """Read the scan settings; see `catenary.config.load`."""
        if self.given is not None:
            return self.given
        path = self.settings_file or config.bundled("configs/scan.yaml")
        return config.load(path, ScanSettings, self.overrides)

    def bundle_folder(self) -> Path:
        """Return the folder of the chosen model bundle."""
        return self.model or config.bundled(SHIPPED_BUNDLE)


@dataclass(frozen=True, slots=True)
class Described:
    """What a judge will be, without its networks.

    Attributes:
        versions: Model, rules and taxonomy.
        thresholds: Component id to the probability from which it is raised.
    """

    versions: Versions
    thresholds: Mapping[str, float]


def described(recipe: Recipe) -> Described:
    """Return what `judge` would judge with, without building networks.

    Raises:
        ConfigError: If a settings file is not valid.
        BundleError: If the bundle is damaged or knows ids that the taxonomy does not.
    """
    return _described(recipe, bundles.verify(recipe.bundle_folder()), _taxonomy(), _limits())


def opening(recipe: Recipe) -> Opening:
    """Return how photographs are opened."""
    settings, first = recipe.settings(), device(recipe.device)
    if not settings.gpu_decode:
        return Opening(settings.quality)
    return Opening(settings.quality, gpu_decode.decoder(first.index or 0))


def judges(recipe: Recipe) -> list[Judge]:
    """Load everything a scan needs, once for each device; see `judge`."""
    return [judge(replace(recipe, device=str(one))) for one in devices(recipe.device)]


@contextmanager
def with_rules(judges: Sequence[Judge], processes: int) -> Iterator[list[Judge]]:
    """Give judges whose rules run in so many processes of their own, which end with the block.

    Raises:
        CatenaryError: If these do not start.
    """
    if not processes:
        yield list(judges)
        return
    with RulePool(judges[0].rulebook, processes) as pool:
        yield [replace(one, ruling=pool) for one in judges]


def judge(recipe: Recipe) -> Judge:
    """Load everything a scan needs, on the first of the devices.

    Raises:
        ConfigError: If a settings file is not valid, or the device is not there.
        BundleError: If the bundle is damaged or knows ids that the taxonomy does not.
    """
    taxonomy, limits = _taxonomy(), _limits()
    settings = recipe.settings()
    chosen = device(recipe.device)
    loaded = bundles.load(recipe.bundle_folder(), chosen, recipe.precision)
    if settings.compiled:
        compile_networks(loaded)
    elif settings.cuda_graphs and chosen.type == "cuda":
        replay_networks(loaded)
    known = _described(recipe, loaded.card, taxonomy, limits)
    return Judge(
        loaded.detector,
        loaded.classifier,
        _wanted(limits, settings.cascade),
        loaded.card.fusion,
        known.thresholds,
        taxonomy,
        known.versions,
        settings.cascade,
        loaded.card.floors,
        loaded.refiner,
        loaded.anomaly,
        chosen if chosen.type == "cuda" or settings.on_device else None,
        _frame_rules(catalogue.frame_rules(limits), settings.cascade),
    )


def _taxonomy() -> Taxonomy:
    return config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


def _limits() -> catalogue.RuleLimits:
    return config.load(config.bundled("configs/rules.yaml"), catalogue.RuleLimits)


def _described(
    recipe: Recipe, card: bundles.Card, taxonomy: Taxonomy, limits: catalogue.RuleLimits
) -> Described:
    folder = recipe.bundle_folder()
    _check_ids(card, taxonomy, folder)
    thresholds = card.thresholds
    if recipe.at_promise:
        _check_promised(recipe.settings())
        thresholds = promised.thresholds(card, folder)
    fingerprint = config.fingerprint(config.bundled("configs/rules.yaml"))
    versions = Versions(card.version, f"{limits.version}@{fingerprint}", taxonomy.version)
    return Described(versions, thresholds)


def _check_promised(settings: ScanSettings) -> None:
    """Refuse settings that a promise was not made with: they decide which parts are seen at all."""
    usual = Recipe().settings()
    if (settings.cascade, settings.quality) != (usual.cascade, usual.quality):
        raise ConfigError(
            "a promise holds for configs/scan.yaml as it is; leave out --promise, or --min-score,"
            " --config and --set cascade... or quality..."
        )


def _wanted(limits: catalogue.RuleLimits, cascade: CascadeSettings) -> Mapping[str, Sequence[Rule]]:
    """Return the rules without those of wires, tubes, bolts and unproven ones not asked for.

    Else an evaluation would count every damaged wire and tube as missed, and a scan report every
    bolt as not judged but those that are gone; unproven rules would raise more than they find.
    """
    more = catalogue.unproven(limits) if cascade.unproven else {}
    unseen = (
        *(() if cascade.wires else long_wires.KINDS),
        *(() if cascade.tubes else (long_tubes.KIND,)),
        *(() if cascade.bolts else ("bolt",)),
    )
    return {
        kind: (*own, *more.get(kind, ()))
        for kind, own in catalogue.rules(limits).items()
        if kind not in unseen
    }


def _frame_rules(
    rules: Mapping[str, FrameRule], cascade: CascadeSettings
) -> Mapping[str, FrameRule]:
    """Return the rules of whole photographs that are asked for."""
    asked = {"foreign_object": cascade.foreign}
    return {kind: rule for kind, rule in rules.items() if asked[kind]}


def device(name: str) -> torch.device:
    """Return the device to compute on, the first of several; see `devices`."""
    return devices(name)[0]


def devices(names: str) -> tuple[torch.device, ...]:
    """Return the devices to compute on.

    Args:
        names: See `Recipe`; ``"auto"`` is all GPUs, or the processor where there is none.

    Raises:
        ConfigError: If one is no device, or is not there.
    """
    found: list[torch.device] = []
    for name in names.split(","):
        found += _named(name.strip())
    if len({one.type for one in found}) > 1 or len(set(found)) < len(found):
        raise ConfigError(f"--device takes GPUs, each once, or cpu alone, got {names!r}")
    return tuple(found)


def _named(name: str) -> list[torch.device]:
    """Return what one name stands for."""
    count = torch.cuda.device_count()
    if name in ("auto", "cuda") and count:
        return [torch.device("cuda", number) for number in range(count)]
    if name == "auto":
        return [torch.device("cpu")]
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= count:
        raise ConfigError(
            f"no GPU {name} found (torch sees {count}); run with --device cpu or fix the driver"
        )
    return [chosen]


def _check_ids(card: bundles.Card, taxonomy: Taxonomy, folder: Path) -> None:
    known = {
        f"{kind.id}.{condition}"
        for kind in taxonomy.components.values()
        for condition in (NORMAL, *kind.conditions)
    }
    kinds = (*card.classes, *(card.anomaly.memories if card.anomaly else ()))
    unknown = [kind for kind in dict.fromkeys(kinds) if kind not in taxonomy.components]
    unknown += [
        f"{kind}.{condition}"
        for kind, conditions in card.conditions.items()
        for condition in conditions
        if f"{kind}.{condition}" not in known
    ]
    if unknown:
        raise BundleError(
            f"{folder} knows {', '.join(unknown)}, which taxonomy {taxonomy.version} lacks; "
            "add them to configs/taxonomy.yaml or use another bundle"
        )
