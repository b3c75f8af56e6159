"""Leave one section out: how a model does on a section that it never saw, as one job."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from catenary import config
from catenary.datasets import coco, formats, held_out
from catenary.datasets.audit import told_apart
from catenary.datasets.held_out import Fold, Shares
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError, ImpossibleSettingsError
from catenary.evaluation.figures import Evaluation
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind
from catenary.jobs.benches import bench_folder
from catenary.jobs.data import audit
from catenary.jobs.evaluating import evaluate as evaluations
from catenary.jobs.learning import learn
from catenary.jobs.learning.unseen import Choice
from catenary.jobs.learning.unseen import read as read_unseen
from catenary.jobs.scanning import assemble
from catenary.models import bundle
from catenary.models.inputs import Precision
from catenary.training import run
from catenary.training.export import Runs
from catenary.training.settings import IMAGENET, RANDOM, Kind, TrainingSettings

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

FOLD = "fold.json"
_NO_FILE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class SectionBench:
    """What ``catenary bench sections`` reads from a file.

    Attributes:
        labels: Labelled sets, files or folders; every image must tell its section.
        output: Folder to fill, a folder for each section; goes on where a run was stopped.
        detector: Training settings; sets, split and output are replaced.
        classifier: The same.
        refiner: The same, the proposer too; None makes bundles without one.
        training: ``key=value`` settings of every training.
        shares: How the masts of each section are dealt.
        trusts_start: Promise that weights which a training starts from saw nothing of these labels;
            without it only ImageNet's or random ones are taken.
        with_copies: Look for copies among the photographs and keep them on one side.
        false_per_image: Alarm budget of each component at calibration, false findings a photograph.
        data_kind: What kind of photographs it is.
        device: To calibrate and evaluate on, as for a scan.
        precision: Number format of the convolutions there.
    """

    labels: tuple[Path, ...]
    output: Path
    detector: Path
    classifier: Path
    refiner: Path | None = None
    training: tuple[str, ...] = ()
    shares: Shares = field(default_factory=Shares)
    trusts_start: bool = False
    with_copies: bool = True
    false_per_image: float = 0.02
    data_kind: DataKind = DataKind.UNSTATED
    device: str = "auto"
    precision: Precision = Precision.BF16

    def __post_init__(self) -> None:
        """Refuse what cannot work, all at once."""
        rules = (
            (bool(self.labels), "labels", "needs at least one labelled set"),
            (self.false_per_image >= 0, "false_per_image", "must be at least 0"),
        )
        if mistakes := [(name, words) for is_right, name, words in rules if not is_right]:
            raise ImpossibleSettingsError(mistakes)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a model did on one set, as counts that can be added.

    Attributes:
        images: Photographs.
        masts: Masts they are of.
        detection: Physical defects found at the bundle's thresholds.
        located: Labelled parts located with IoU >= 0.5.
        false_alarms: False findings of all findings.
        raised_images: Photographs with any finding (提报率).
        by_condition: Physical defects found by ``"component.condition"``.
    """

    images: int
    masts: int
    detection: Share
    located: Share
    false_alarms: Share
    raised_images: Share
    by_condition: Mapping[str, Share]

    @property
    def false_per_image(self) -> float:
        """False findings a photograph."""
        return self.false_alarms.hits / max(self.images, 1)


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One section left out.

    Attributes:
        section: Which.
        unseen: On all of the section that was left out.
        in_domain: By the same model, on masts it did not see of the sections it learnt from.
        map50_unseen: Component mAP at IoU 0.5; None without labelled parts.
        map50_in_domain: The same in domain.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    section: str
    unseen: Counted
    in_domain: Counted
    map50_unseen: float | None
    map50_in_domain: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """All sections, each left out once.

    Attributes:
        folder: Holds a folder for each section.
        data_kind: What kind of photographs it was.
        folds: By section name.
    """

    folder: Path
    data_kind: DataKind
    folds: tuple[FoldResult, ...]

    @property
    def unseen(self) -> Counted:
        """Counts of all sections; each mast counts once."""
        return pooled([one.unseen for one in self.folds])

    @property
    def in_domain(self) -> Counted:
        """Counts of all folds; a mast counts once for each model that knew its section."""
        return pooled([one.in_domain for one in self.folds])


@dataclass(frozen=True, slots=True)
class _Trainings:
    detector: TrainingSettings
    classifier: TrainingSettings
    refiner: TrainingSettings | None


def bench(path: Path, overrides: tuple[str, ...], progress: Progress) -> Done:
    """Train, calibrate and evaluate once for every section, on all others; finished ones are kept.

    Args:
        path: Settings, see `SectionBench`.
        overrides: ``key=value`` settings.
        progress: Called with what is done, how many are done and how many there are.

    Raises:
        ConfigError: If settings or labels are not valid, an image tells no section, a part of a
            fold would be empty, or two would share a mast, photograph or copy.
    """
    settings = config.load(path, SectionBench, overrides)
    trainings = _trainings(settings)
    labelled = held_out.joined([formats.read(one).labelled for one in settings.labels])
    copies = _copies(labelled, progress) if settings.with_copies else []
    folds = list(held_out.folds(labelled, settings.shares, copies))  # all checked before the first
    _keep_plan(settings, trainings, labelled)
    results = []
    for number, fold in enumerate(folds, 1):
        folder = settings.output / f"{number:02d}-{_NO_FILE.sub('-', fold.section)}"
        results.append(_fold(fold, settings, trainings, folder, progress))
        log.info("fold done=%d of=%d section=%s", number, len(folds), fold.section)
    return Done(settings.output, settings.data_kind, tuple(results))


def pooled(counts: Sequence[Counted]) -> Counted:
    """Add counts of different photographs."""

    def added(shares: Sequence[Share]) -> Share:
        return Share(sum(one.hits for one in shares), sum(one.total for one in shares))

    conditions = sorted({name for one in counts for name in one.by_condition})
    return Counted(
        sum(one.images for one in counts),
        sum(one.masts for one in counts),
        added([one.detection for one in counts]),
        added([one.located for one in counts]),
        added([one.false_alarms for one in counts]),
        added([one.raised_images for one in counts]),
        {
            name: added([one.by_condition.get(name, Share(0, 0)) for one in counts])
            for name in conditions
        },
    )


def _trainings(settings: SectionBench) -> _Trainings:
    def read(path: Path, kind: Kind) -> TrainingSettings:
        found = config.load(path, TrainingSettings, settings.training)
        if found.kind is not kind:
            raise ConfigError(f"{path} trains a {found.kind}, a {kind} is needed")
        start = found.start or found.weights
        if not settings.trusts_start and start not in (IMAGENET, RANDOM):
            raise ConfigError(
                f"{path} starts from {start}, which may have seen the section that is left out; set"
                " trusts_start: true only if it saw nothing of these labels"
            )
        return found

    refiner = read(settings.refiner, Kind.REFINER) if settings.refiner else None
    return _Trainings(
        read(settings.detector, Kind.DETECTOR), read(settings.classifier, Kind.CLASSIFIER), refiner
    )


def _keep_plan(settings: SectionBench, trainings: _Trainings, labelled: LabelledSet) -> None:
    """Write what the folder is of; refuse to mix it with folds of something else."""
    labels = hashlib.sha256(repr(labelled.images).encode()).hexdigest()
    known = [one for one in (trainings.detector, trainings.classifier, trainings.refiner) if one]
    plan = {
        "bench": json.loads(TypeAdapter(SectionBench).dump_json(settings)),
        "trainings": [json.loads(run.settings_text(one)) for one in known],
        "labels": labels,
    }
    bench_folder.keep_plan(settings.output, plan, "folds")


def _copies(labelled: LabelledSet, progress: Progress) -> list[tuple[int, int]]:
    looked = audit.look(labelled, progress)
    sure, _ = told_apart(labelled.images, audit.find_copies(looked, progress))
    return sure


def _fold(
    fold: Fold, settings: SectionBench, trainings: _Trainings, folder: Path, progress: Progress
) -> FoldResult:
    """Return the result of a fold: read when it is done, else gone on with."""
    if (folder / FOLD).is_file():
        return _read(folder / FOLD)
    folder.mkdir(parents=True, exist_ok=True)
    for name, own in fold.parts().items():
        coco.write(own, folder / f"{name}.json")
    made = _calibrated(fold.section, settings, trainings, folder, progress)
    recipe = assemble.Recipe(made, settings.device, settings.precision)
    unseen = _evaluated("unseen", settings, recipe, folder, progress)
    in_domain = _evaluated("in_domain", settings, recipe, folder, progress)
    result = FoldResult(
        fold.section, _counted(unseen), _counted(in_domain), unseen.map50, in_domain.map50
    )
    bench_folder.write(folder / FOLD, TypeAdapter(FoldResult).dump_json(result, indent=1).decode())
    return result


def _calibrated(
    section: str, settings: SectionBench, trainings: _Trainings, folder: Path, progress: Progress
) -> Path:
    """Return the fold's bundle: trained, joined and calibrated as far as that is not done yet."""
    made = folder / "bundle"
    if made.is_dir() and bundle.verify(made).thresholds:
        return made
    runs = Runs(_trained(trainings.detector, folder), _trained(trainings.classifier, folder))
    data = f"all sections but {section} of {', '.join(map(str, settings.labels))}"
    if trainings.refiner:
        learn.make_bundle(runs, folder / "proposer", data)
        refiner = replace(trainings.refiner, proposer=folder / "proposer")
        runs = replace(runs, refiner=_trained(refiner, folder))
    learn.make_bundle(runs, made, data)
    learn.calibrate_bundle(
        made,
        read_unseen(Choice(folder / "calibration.json")),
        settings.false_per_image,
        settings.device,
        lambda done, total: progress("calibrate", done, total),
    )
    return made


def _trained(settings: TrainingSettings, folder: Path) -> Path:
    own = replace(
        settings,
        train=(folder / "train.json",),
        validation=(folder / "validation.json",),
        output=folder / str(settings.kind),
        split=None,
    )
    return learn.finished(own)


def _evaluated(
    part: str, settings: SectionBench, recipe: assemble.Recipe, folder: Path, progress: Progress
) -> Evaluation:
    said = folder / f"{part}.predictions.json"
    request = evaluations.Request(
        folder / f"{part}.json",
        settings.data_kind,
        predictions=said if said.is_file() else None,
        save=said,
        html=folder / f"{part}.html",
    )
    done = evaluations.evaluate(
        request, recipe, lambda done, total: progress(f"evaluate {part}", done, total)
    )
    return done.own


def _counted(own: Evaluation) -> Counted:
    rates, located = own.measured.rates, own.measured.located.values()
    return Counted(
        rates.images,
        own.masts,
        rates.detection,
        Share(sum(one.hits for one in located), sum(one.total for one in located)),
        rates.false_alarms,
        rates.raised_images,
        rates.by_condition,
    )


def _read(path: Path) -> FoldResult:
    try:
        return TypeAdapter(FoldResult).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path} is no result of this version; remove its folder") from error
