"""How each judge does with few defects to learn from, as one job."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from catenary import config
from catenary.datasets import coco, formats, held_out, leaks
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.evaluation import scarcity
from catenary.evaluation.rates import Scene, threshold_of_all
from catenary.evaluation.scarcity import AtBudget, Pool
from catenary.jobs.benches import bench_folder
from catenary.jobs.benches import scarce_judges as judges
from catenary.jobs.benches.scarce_judges import Folds, Strange, Target
from catenary.jobs.benches.scarce_parts import Looked, Score, by_detector, by_labels, look
from catenary.jobs.benches.scarce_recipe import Arm, Boxes, ScarceBench, ScarceTest
from catenary.jobs.data import inject
from catenary.jobs.scanning import assemble
from catenary.pipeline.judge import Judge
from catenary.simulation.write import LABELS
from catenary.training import run
from catenary.training.classifier_data import is_usable
from catenary.training.settings import IMAGENET, RANDOM, Kind, TrainingSettings

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

FIGURES, STRANGE, DETECTED = "figures.json", "strange.json", "detected.json"
MADE = "made.txt"  # of what the injected photographs were made
_GROWING = ("output", "counts", "seeds")  # settings that only add trainings


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
        own, usual = _seeded(given, seed)
        for count in settings.counts:
            cells.append(_cell(own, usual, count, seed, progress))
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
        "labels": [bench_folder.fingerprint(one.images) for one in labelled],
    }
    bench_folder.keep_plan(settings.output, plan, "trainings")


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
        found = look(
            labelled, kind, boxes, judge.rules, lambda *done: progress(f"rules, {what}", *done)
        )
        return found.as_one(settings.conditions)

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
    rates = json.dumps({"rates": {settings.component: dict(settings.injected)}})  # is YAML
    own = [
        replace(
            one,
            labels=tuple(label for label in one.labels if label.component == settings.component),
        )
        for one in pool.normal[: settings.injected_from]
    ]
    made = f"{rates}\n{bench_folder.fingerprint(own)}\n"
    if not bench_folder.holds(folder / MADE, made):
        bench_folder.write(recipe, rates)
        coco.write(LabelledSet(Path("/"), tuple(own)), labels)
        inject.inject_set(recipe, labels, folder, (), lambda *at: progress("inject", *at))
        bench_folder.write(folder / MADE, made)
    root = folder.resolve()
    return tuple(
        replace(one, ref=replace(one.ref, file_name=str(root / one.ref.file_name)))
        for one in coco.read(folder / LABELS).images
    )


def _tried(test: ScarceTest, given: tuple[LabelledSet, Looked]) -> Tried:
    labelled, looked = given
    everything = scarcity.at(looked.scenes([1.0] * len(looked.parts)), 0, 0).detection
    return Tried(test, len(labelled.images), everything.total, len(looked.parts), everything.hits)


def _seeded(given: _Given, seed: int) -> tuple[_Given, list[Measured]]:
    """Return parts with what the anomaly scorer of a seed says, and what learns from no defect."""
    folder = given.settings.output / f"seed-{seed}"
    tests = [one for _, one in given.tests]
    asked = [given.normal, given.defective, given.injected, *tests]
    strange = _strange(given, seed, folder, asked)
    normal, defective, injected, *others = map(judges.with_strangeness, asked, strange)
    ruled = [judges.rule_scores(one) for one in (normal, *others)]
    odd = [judges.anomaly_scores(one) for one in (strange[0], *strange[3:])]
    measured = [
        *_figures(given, Arm.RULES, ruled[0], ruled[1:]),
        *_figures(given, Arm.ANOMALY, odd[0], odd[1:]),
    ]
    pairs = zip(given.tests, others, strict=True)
    own = replace(
        given,
        normal=normal,
        defective=defective,
        injected=injected,
        tests=tuple((labelled, one) for (labelled, _), one in pairs),
    )
    return own, measured


def _strange(
    given: _Given, seed: int, folder: Path, asked: Sequence[Looked]
) -> list[list[Strange]]:
    """Return what the anomaly scorer says: read where it was asked before."""
    path, form = folder / STRANGE, TypeAdapter(list[list[Strange]])
    if path.is_file():
        return form.validate_json(path.read_bytes())
    normal, folds = given.pool.normal, given.settings.folds
    healthy = Folds(normal, scarcity.dealt(normal, folds, seed), folds)
    settings = replace(given.trainings.anomaly, seed=seed)
    found = judges.strangeness(settings, healthy, given.target, folder, asked)
    bench_folder.write(path, form.dump_json(found).decode())
    return found


def _cell(
    given: _Given, usual: Sequence[Measured], count: int, seed: int, progress: Progress
) -> Cell:
    """Return all judges of one count and seed: read when they are done, else learnt."""
    folder = given.settings.output / f"seed-{seed}" / f"n-{count}"
    if (folder / FIGURES).is_file():
        return _read(folder / FIGURES)
    cell = Cell(count, seed, (*usual, *_learnt(given, count, seed, folder, progress)))
    bench_folder.write(folder / FIGURES, TypeAdapter(Cell).dump_json(cell, indent=1).decode())
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
        found += _by_detector(given, own, Cell(count, seed, ()), folder, progress).measured
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
        judges.opinions(one, target, learnt[number] if learnt else None, known)
        for number, one in enumerate((known, *tests))
    ]
    real = len(known.images) - (len(given.injected.images) if arm is Arm.INJECTED else 0)
    weights = judges.fusion(known, said[0], given.target, real)
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


def _by_detector(given: _Given, own: Folds, cell: Cell, folder: Path, progress: Progress) -> Cell:
    """Return the detector alone, kept by itself: it takes longest, and hears no rule or fusion."""
    path = folder / DETECTED
    if path.is_file():
        return _read(path)
    settings = replace(given.trainings.detector, seed=cell.seed)
    detector = judges.detector_of(settings, own.images, given.target, folder / "detector")
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
    budgets = given.settings.budgets
    found = (
        Measured(
            Arm.DETECTOR,
            test.name,
            tuple(scarcity.at_own(seen[test.labels], budget) for budget in budgets),
        )
        for test in given.settings.tests
    )
    done = replace(cell, measured=tuple(found))
    bench_folder.write(path, TypeAdapter(Cell).dump_json(done, indent=1).decode())
    return done


def _read(path: Path) -> Cell:
    try:
        return TypeAdapter(Cell).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path} is no result of this version; remove its folder") from error
