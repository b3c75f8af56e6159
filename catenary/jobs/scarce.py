"""How each judge does with few defects to learn from, as one job."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from catenary import config
from catenary.datasets import coco, formats, held_out, leaks
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError, ImpossibleSettingsError
from catenary.domain.geometry import Box
from catenary.evaluation import scarcity
from catenary.evaluation.predictions import DataKind
from catenary.evaluation.rates import Scene, threshold_of_all
from catenary.evaluation.scarcity import AtBudget, Pool
from catenary.jobs import assemble, inject
from catenary.jobs import scarce_judges as judges
from catenary.jobs.scarce_judges import Folds, Target
from catenary.jobs.scarce_parts import Looked, Score, by_detector, by_labels, look
from catenary.pipeline.judge import Judge
from catenary.reports import atomic
from catenary.simulation.write import LABELS
from catenary.training import run
from catenary.training.classifier_data import is_usable
from catenary.training.settings import IMAGENET, RANDOM, Kind, TrainingSettings

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

PLAN, FIGURES = "plan.json", "figures.json"
_GROWING = ("output", "counts", "seeds")  # settings that only add trainings


class Arm(StrEnum):
    """What is compared."""

    DETECTOR = "detector alone"
    CLASSIFIER = "classifier alone"
    ANOMALY = "anomaly alone"
    RULES = "rules alone"
    HYBRID = "hybrid"
    INJECTED = "hybrid, injected defects too"


class Boxes(StrEnum):
    """Who locates the parts of test photographs."""

    LABELS = "labels"  # the true boxes, missed a little
    DETECTOR = "detector"  # a bundle's detector and refiner


@dataclass(frozen=True, slots=True)
class ScarceTest:
    """Photographs to measure on.

    Attributes:
        name: In the table.
        labels: Labelled set of masts that nothing is learnt from.
        data_kind: What kind of photographs it is.
        boxes: Who locates the parts for all judges but the detector alone.
    """

    name: str
    labels: Path
    data_kind: DataKind
    boxes: Boxes = Boxes.LABELS


@dataclass(frozen=True, slots=True)
class ScarceBench:
    """What ``catenary bench scarce`` reads from a file.

    Attributes:
        labels: Labelled sets to learn from, files or folders.
        tests: To measure on.
        output: Folder to fill; goes on where it was stopped.
        component: Component id.
        conditions: Condition ids that count as the defect, all as one class.
        detector: Training settings; sets, components, seed, split and output are replaced.
        classifier: The same; starts from no weights that saw defects.
        anomaly: The same.
        counts: Defects to learn from, 0 or more than the folds.
        seeds: Each takes other defects, deals masts otherwise and trains anew.
        budgets: False alarms a photograph.
        normals: Photographs without a defect that are learnt from, at most.
        folds: Parts of the masts; a model for each is learnt from the others.
        injected: Conditions that are injected into normal parts, with their weights.
        injected_from: Photographs that they are injected into, at most.
        training: ``key=value`` settings of every training.
        model: Bundle whose detector locates parts; None is the shipped one.
    """

    labels: tuple[Path, ...]
    tests: tuple[ScarceTest, ...]
    output: Path
    component: str
    conditions: tuple[str, ...]
    detector: Path
    classifier: Path
    anomaly: Path
    counts: tuple[int, ...] = (0, 5, 10, 20, 50, 100)
    seeds: tuple[int, ...] = (1, 2, 3)
    budgets: tuple[float, ...] = (0.1, 0.5, 1.0)
    normals: int = 200
    folds: int = 3
    injected: Mapping[str, float] = field(default_factory=dict)
    injected_from: int = 60
    training: tuple[str, ...] = ()
    model: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, all at once."""
        few = [count for count in self.counts if 0 < count < self.folds or count < 0]
        names = [test.name for test in self.tests]
        rules = (
            (bool(self.labels), "labels", "needs at least one labelled set"),
            (bool(self.tests), "tests", "needs at least one labelled set"),
            (len(set(names)) == len(names), "tests", "need different names"),
            (bool(self.conditions), "conditions", "needs at least one"),
            (bool(self.counts), "counts", "needs at least one"),
            (not few, "counts", f"must be 0 or at least as many as the folds, got {few}"),
            (bool(self.seeds) and min(self.seeds, default=0) >= 0, "seeds", "one or more, from 0"),
            (bool(self.budgets), "budgets", "needs at least one"),
            (min(self.budgets, default=0) >= 0, "budgets", "must be at least 0"),
            (self.normals >= 1, "normals", "must be at least 1"),
            (self.injected_from >= 1, "injected_from", "must be at least 1"),
            (self.folds >= 2, "folds", "must be at least 2"),
        )
        if mistakes := [(name, words) for is_right, name, words in rules if not is_right]:
            raise ImpossibleSettingsError(mistakes)


@dataclass(frozen=True, slots=True)
class Measured:
    """One judge on one test set.

    Attributes:
        arm: Which judge.
        test: Name of the test set.
        own: At each budget, the threshold chosen on these very photographs.
        carried: The same with the threshold chosen on normal parts of unseen training masts;
            empty where that was not measured.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    arm: Arm
    test: str
    own: tuple[AtBudget, ...]
    carried: tuple[AtBudget, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """All judges that learnt from the same defects.

    Attributes:
        count: Defects.
        seed: Of their choice and of all trainings.
        measured: Judges that can be had with so few, by test set.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    count: int
    seed: int
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """Size of a test set.

    Attributes:
        test: Which.
        images: Photographs.
        defects: Physical defects.
        located: Parts of the component that judges are given, normal and defective.
        reached: Defects among them.
    """

    test: ScarceTest
    images: int
    defects: int
    located: int
    reached: int


@dataclass(frozen=True, slots=True)
class Done:
    """Everything that was measured.

    Attributes:
        settings: As they were read.
        normals: Photographs without a defect that were learnt from.
        available: Defects to choose from.
        tried: The test sets.
        cells: By seed, then count.
    """

    settings: ScarceBench
    normals: int
    available: int
    tried: tuple[Tried, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Trainings:
    detector: TrainingSettings
    classifier: TrainingSettings
    anomaly: TrainingSettings


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What all cells share: parts are located, cut and asked the rules about once."""

    settings: ScarceBench
    trainings: _Trainings
    target: Target
    pool: Pool
    normal: Looked
    defective: Looked
    injected: Looked
    tests: tuple[tuple[LabelledSet, Looked], ...]


def bench(
    path: Path, overrides: tuple[str, ...], progress: Progress, tell: Callable[[Done], None]
) -> Done:
    """Train and measure every judge for every count and seed; finished ones are kept.

    Args:
        path: Settings, see `ScarceBench`.
        overrides: ``key=value`` settings.
        progress: Called with what is done, how many are done and how many there are.
        tell: Called with what is there so far, after each count and seed.

    Raises:
        ConfigError: If settings or labels are not valid, there are too few defects, or training
            and a test share a mast, photograph or image file.
    """
    settings = config.load(path, ScarceBench, overrides)
    trainings = _trainings(settings)
    labelled = held_out.joined([formats.read(one).labelled for one in settings.labels])
    tests = [held_out.joined([formats.read(one.labels).labelled]) for one in settings.tests]
    for test in tests:
        leaks.refuse([labelled], [test])
    pool = _pool(settings, labelled)
    settings.output.mkdir(parents=True, exist_ok=True)
    _keep_plan(settings, trainings, [labelled, *tests])
    given = _given(settings, trainings, pool, tests, progress)
    tried = tuple(_tried(*one) for one in zip(settings.tests, given.tests, strict=True))
    cells: list[Cell] = []
    total = len(settings.seeds) * len(settings.counts)
    for seed in settings.seeds:
        for count in settings.counts:
            cells.append(_cell(given, count, seed, progress))
            progress("measure", len(cells), total)
            log.info("cell done=%d of=%d count=%d seed=%d", len(cells), total, count, seed)
            done = Done(settings, len(pool.normal), len(pool.defective), tried, tuple(cells))
            tell(done)
    return done


def _trainings(settings: ScarceBench) -> _Trainings:
    def read(path: Path, kind: Kind) -> TrainingSettings:
        found = config.load(path, TrainingSettings, settings.training)
        if found.kind is not kind:
            raise ConfigError(f"{path} trains a {found.kind}, a {kind} is needed")
        # A detector's labels tell no condition; a classifier's do.
        start = found.start or found.weights
        if kind is not Kind.DETECTOR and start not in (IMAGENET, RANDOM):
            raise ConfigError(
                f"{path} starts from {start}, which may have seen more defects than it is given;"
                f" take weights: {IMAGENET} or {RANDOM}"
            )
        return found

    return _Trainings(
        read(settings.detector, Kind.DETECTOR),
        read(settings.classifier, Kind.CLASSIFIER),
        read(settings.anomaly, Kind.ANOMALY),
    )


def _pool(settings: ScarceBench, labelled: LabelledSet) -> Pool:
    found = scarcity.pool(labelled.images, settings.component, settings.conditions, is_usable)
    wanted = max(settings.counts)
    words = f"{settings.component} {'/'.join(settings.conditions)}"
    if wanted > len(found.defective):
        raise ConfigError(
            f"counts asks for {wanted} photographs with one {words}, the labels show"
            f" {len(found.defective)}; ask for fewer, or simulate more"
        )
    if len(found.normal) < settings.folds:
        raise ConfigError(f"the labels show {len(found.normal)} photographs of normal parts only")
    most = min(settings.normals, len(found.normal))
    return replace(found, normal=scarcity.first(found.normal, most, seed=0))


def _keep_plan(
    settings: ScarceBench, trainings: _Trainings, labelled: Sequence[LabelledSet]
) -> None:
    """Write what the folder is of; refuse to mix it with trainings of something else."""
    bench = json.loads(TypeAdapter(ScarceBench).dump_json(settings))
    known = (trainings.detector, trainings.classifier, trainings.anomaly)
    plan = {
        "bench": {name: value for name, value in bench.items() if name not in _GROWING},
        "trainings": [json.loads(run.settings_text(one)) for one in known],
        "labels": [hashlib.sha256(repr(one.images).encode()).hexdigest() for one in labelled],
    }
    path = settings.output / PLAN
    text = json.dumps(plan, ensure_ascii=False, indent=1) + "\n"
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"{settings.output} holds trainings of other settings or labels (see {path.name});"
                " choose another output or remove it"
            )
        return
    _write(path, text)


def _given(
    settings: ScarceBench,
    trainings: _Trainings,
    pool: Pool,
    tests: Sequence[LabelledSet],
    progress: Progress,
) -> _Given:
    kind = settings.component
    judge = assemble.judge(assemble.Recipe(settings.model))

    def looked(labelled: LabelledSet, boxes: Sequence[Sequence[Box]], what: str) -> Looked:
        return look(
            labelled, kind, boxes, judge.rules, lambda *done: progress(f"rules, {what}", *done)
        )

    def from_labels(images: Sequence[LabelledImage], what: str, root: Path = Path("/")) -> Looked:
        labelled = LabelledSet(root, tuple(images))
        return looked(labelled, by_labels(labelled.images, kind, 1), what)

    known = []
    for number, (test, labelled) in enumerate(zip(settings.tests, tests, strict=True)):
        boxes = _boxes(settings, number, labelled, judge, progress)
        known.append((labelled, looked(labelled, boxes, test.name)))
    return _Given(
        settings,
        trainings,
        Target(kind, settings.conditions[0]),
        pool,
        from_labels(pool.normal, "normal parts"),
        from_labels(pool.defective, "defects"),
        from_labels(_injected(settings, pool, progress), "injected defects"),
        tuple(known),
    )


def _boxes(
    settings: ScarceBench, number: int, labelled: LabelledSet, judge: Judge, progress: Progress
) -> Sequence[Sequence[Box]]:
    test = settings.tests[number]
    if test.boxes is Boxes.LABELS:
        return by_labels(labelled.images, settings.component, 2)
    kept = settings.output / f"located-{number}.json"
    return by_detector(
        labelled,
        settings.component,
        judge,
        kept,
        lambda *done: progress(f"locate, {test.name}", *done),
    )


def _injected(settings: ScarceBench, pool: Pool, progress: Progress) -> tuple[LabelledImage, ...]:
    """Return copies of normal photographs with a defect injected, and as many controls."""
    if not settings.injected:
        return ()
    folder = settings.output / "injected"
    recipe, labels = settings.output / "injected.json", settings.output / "injected-labels.json"
    rates = {settings.component: dict(settings.injected)}
    _write(recipe, json.dumps({"rates": rates}))  # JSON is YAML
    own = [
        replace(
            one,
            labels=tuple(label for label in one.labels if label.component == settings.component),
        )
        for one in pool.normal[: settings.injected_from]
    ]
    coco.write(LabelledSet(Path("/"), tuple(own)), labels)
    done = inject.inject_set(
        recipe, labels, folder, (), lambda *at: progress("inject", *at)
    ).labelled
    root = (folder / LABELS).parent.resolve()
    return tuple(
        replace(one, ref=replace(one.ref, file_name=str(root / one.ref.file_name)))
        for one in done.images
    )


def _tried(test: ScarceTest, given: tuple[LabelledSet, Looked]) -> Tried:
    labelled, looked = given
    everything = scarcity.at(looked.scenes([1.0] * len(looked.parts)), 0, 0).detection
    return Tried(test, len(labelled.images), everything.total, len(looked.parts), everything.hits)


def _cell(given: _Given, count: int, seed: int, progress: Progress) -> Cell:
    """Return all judges of one count and seed: read when they are done, else learnt."""
    folder = given.settings.output / f"seed-{seed}"
    path = folder / f"n-{count}" / FIGURES
    if path.is_file():
        return _read(path)
    usual = _usual(given, seed, folder)
    own = _learnt(given, count, seed, folder / f"n-{count}", progress)
    cell = Cell(count, seed, (*usual.measured, *own))
    _write(path, TypeAdapter(Cell).dump_json(cell, indent=1).decode())
    return cell


def _usual(given: _Given, seed: int, folder: Path) -> Cell:
    """Return the judges that learn from no defect, so once for all counts."""
    path = folder / FIGURES
    if path.is_file():
        return _read(path)
    tests = [one for _, one in given.tests]
    normal, folds = given.pool.normal, given.settings.folds
    healthy = Folds(normal, scarcity.dealt(normal, folds, seed), folds)
    settings = replace(given.trainings.anomaly, seed=seed)
    strange = judges.anomaly_scores(settings, healthy, given.target, folder, [given.normal, *tests])
    ruled = [judges.rule_scores(one) for one in (given.normal, *tests)]
    found = [
        *_figures(given, Arm.RULES, ruled[0], ruled[1:]),
        *_figures(given, Arm.ANOMALY, strange[0], strange[1:]),
    ]
    cell = Cell(0, seed, tuple(found))
    _write(path, TypeAdapter(Cell).dump_json(cell, indent=1).decode())
    return cell


def _learnt(
    given: _Given, count: int, seed: int, folder: Path, progress: Progress
) -> list[Measured]:
    """Learn and measure the judges that learn from defects, as far as there are any."""
    folds, normal = given.settings.folds, given.pool.normal
    chosen = scarcity.first(given.pool.defective, count, seed)
    fold_of = scarcity.dealt(normal, folds, seed) | scarcity.dealt(chosen, folds, seed)
    known = given.normal.joined(given.defective.only(chosen))
    found: list[Measured] = []
    if given.injected.images:
        more = known.joined(given.injected)
        found += _heard(given, Arm.INJECTED, Folds(more.images, fold_of, folds), more, seed, folder)
    own = Folds(known.images, fold_of, folds)
    found += _heard(given, Arm.HYBRID, own, known, seed, folder)
    if count:
        settings = replace(given.trainings.detector, seed=seed)
        found += _by_detector(given, settings, own, folder, progress)
    return found


def _heard(
    given: _Given, arm: Arm, own: Folds, known: Looked, seed: int, folder: Path
) -> list[Measured]:
    """Return a hybrid, and the classifier that it hears where there is any defect to learn."""
    target, tests = given.target, [one for _, one in given.tests]
    found: list[Measured] = []
    learnt: list[list[Score]] | None = None
    if len(own.images) > len(given.pool.normal):
        settings = replace(given.trainings.classifier, seed=seed)
        place = folder / ("injected" if arm is Arm.INJECTED else "classifier")
        learnt = judges.classifier_scores(settings, own, target, place, [known, *tests])
        if arm is Arm.HYBRID:
            found += _figures(given, Arm.CLASSIFIER, learnt[0], learnt[1:])
    said = [
        judges.opinions(one, target, learnt[number] if learnt else None)
        for number, one in enumerate((known, *tests))
    ]
    weights = judges.fusion(known, said[0])
    joint = [judges.fused(weights, one) for one in said]
    return [*found, *_figures(given, arm, joint[0], joint[1:])]


def _figures(
    given: _Given, arm: Arm, known: Sequence[Score], asked: Sequence[Sequence[Score]]
) -> list[Measured]:
    """Count what a judge says of each test set.

    Args:
        given: What all share.
        arm: Which judge.
        known: Scores of parts that it learnt from, those of normal photographs first: on these
            the carried thresholds are chosen.
        asked: Scores of the parts of each test set.
    """
    budgets = given.settings.budgets
    usual = given.normal.scenes(known[: len(given.normal.parts)])
    limits = [threshold_of_all(usual, budget) for budget in budgets]
    found = []
    for test, (_, looked), scores in zip(given.settings.tests, given.tests, asked, strict=True):
        scenes = looked.scenes(scores)
        found.append(
            Measured(
                arm,
                test.name,
                tuple(scarcity.at_own(scenes, budget) for budget in budgets),
                tuple(
                    scarcity.at(scenes, budget, limit)
                    for budget, limit in zip(budgets, limits, strict=True)
                ),
            )
        )
    return found


def _by_detector(
    given: _Given, settings: TrainingSettings, own: Folds, folder: Path, progress: Progress
) -> list[Measured]:
    detector = judges.detector_of(settings, own.images, given.target, folder / "detector")
    found = []
    seen: dict[Path, list[Scene]] = {}
    for test, (labelled, _) in zip(given.settings.tests, given.tests, strict=True):
        if test.labels not in seen:
            seen[test.labels] = judges.detected(
                detector,
                labelled,
                given.target,
                settings.long_side_px,
                lambda *done: progress("detector alone", *done),
            )
        own_budgets = tuple(
            scarcity.at_own(seen[test.labels], budget) for budget in given.settings.budgets
        )
        found.append(Measured(Arm.DETECTOR, test.name, own_budgets))
    return found


def _read(path: Path) -> Cell:
    try:
        return TypeAdapter(Cell).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path} is no result of this version; remove its folder") from error


def _write(path: Path, text: str) -> None:
    with atomic.replaced(path) as partial:
        partial.write_text(text, encoding="utf-8")
