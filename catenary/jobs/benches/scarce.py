"""How each judge does with few defects to learn from, as one job."""

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.evaluation import scarcity
from catenary.evaluation.rates import Scene, threshold_of_all
from catenary.evaluation.scarcity import AtBudget
from catenary.jobs.benches import bench_folder, scarce_given
from catenary.jobs.benches import scarce_judges as judges
from catenary.jobs.benches.scarce_given import Given, Part
from catenary.jobs.benches.scarce_judges import Folds, Strange
from catenary.jobs.benches.scarce_parts import Looked, Score
from catenary.jobs.benches.scarce_parts import Steps as Progress
from catenary.jobs.benches.scarce_recipe import Arm, ScarceBench, ScarceTest

log = logging.getLogger(__name__)

FIGURES, STRANGE, DETECTED = "figures.json", "strange.json", "detected.json"
CLASSIFIED = {Arm.HYBRID: "classifier.json", Arm.INJECTED: "injected.json"}
SAID = (STRANGE, DETECTED, *CLASSIFIED.values())  # by networks: all that judging needs of them


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


def bench(
    path: Path,
    overrides: tuple[str, ...],
    progress: Progress,
    tell: Callable[[Done], None],
    part: Part = Part.ALL,
) -> Done:
    """Train and measure every judge for every count and seed; finished ones are kept.

    Args:
        path: Settings, see `ScarceBench`.
        overrides: ``key=value`` settings.
        progress: Called with what is done, how many are done and how many there are.
        tell: Called with what is there so far, after each count and seed.
        part: All; only what networks learn and say, to be judged elsewhere; or only judge what is
            learnt: judges that are not are left out.

    Returns:
        What was measured; no cell where it was only learnt.

    Raises:
        ConfigError: If settings or labels are not valid, there are too few defects, or training
            and a test share a mast, photograph or image file.
    """
    found = scarce_given.read(path, overrides)
    settings, pool = found.settings, found.pool
    given = scarce_given.gathered(found, part, progress)
    tried = tuple(_tried(*one) for one in zip(settings.tests, given.tests, strict=True))
    done = Done(settings, len(pool.normal), len(pool.defective), tried, ())
    if part is Part.LEARN:
        _learn(given, progress)
        return done
    wanted = [(seed, count) for seed in settings.seeds for count in settings.counts]
    if part is Part.JUDGE:
        arms = (Arm.HYBRID, Arm.INJECTED, Arm.DETECTOR)
        wanted = [
            (seed, count)
            for seed, count in wanted
            if any(_is_learnt(given, arm, count, seed) for arm in arms)
        ]
    for seed, group in itertools.groupby(wanted, key=lambda one: one[0]):
        own, usual = _seeded(given, seed)
        for _, count in group:
            cell = _cell(own, usual, count, seed, progress)
            done = replace(done, cells=(*done.cells, cell))
            progress("measure", len(done.cells), len(wanted))
            log.info("cell done=%d of=%d count=%d seed=%d", *_place(done, wanted), count, seed)
            tell(done)
    return done


def _place(done: Done, wanted: Sequence[object]) -> tuple[int, int]:
    return len(done.cells), len(wanted)


def _learn(given: Given, progress: Progress) -> None:
    """Write what networks say, count by count: whoever is stopped leaves whole counts."""
    settings, started = given.settings, time.monotonic()
    total, done = len(settings.seeds) * len(settings.counts), 0
    for seed in settings.seeds:
        for count in settings.counts:
            folder = _folder(given, seed, count)
            for arm, lesson in _lessons(given, count, seed).items():
                _classified(given, arm, lesson, seed, folder)
            if count:
                own = _lessons(given, count, seed)[Arm.HYBRID].own
                _by_detector(given, own, Cell(count, seed, ()), folder, progress)
            done += 1
            progress("learn", done, total)
            spent = time.monotonic() - started
            log.info("learnt count=%d seed=%d seconds=%.0f", count, seed, spent)
        _strange(given, seed)


def _is_learnt(given: Given, arm: Arm, count: int, seed: int) -> bool:
    """Tell whether a judge can be measured: in use all can, as they are learnt where they miss."""
    if given.part is not Part.JUDGE or (arm is Arm.HYBRID and not count):
        return True
    file = DETECTED if arm is Arm.DETECTOR else CLASSIFIED[arm]
    return (_folder(given, seed, count) / file).is_file()


def _folder(given: Given, seed: int, count: int) -> Path:
    return given.settings.output / f"seed-{seed}" / f"n-{count}"


def _tried(test: ScarceTest, given: tuple[LabelledSet, Looked]) -> Tried:
    labelled, looked = given
    everything = scarcity.at(looked.scenes([1.0] * len(looked.parts)), 0, 0).detection
    return Tried(test, len(labelled.images), everything.total, len(looked.parts), everything.hits)


def _seeded(given: Given, seed: int) -> tuple[Given, list[Measured]]:
    """Return parts with what the anomaly scorer of a seed says, and what learns from no defect."""
    asked = _asked(given)
    strange = _strange(given, seed)
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


def _asked(given: Given) -> list[Looked]:
    return [given.normal, given.defective, given.injected, *(one for _, one in given.tests)]


def _strange(given: Given, seed: int) -> list[list[Strange]]:
    """Return what the anomaly scorer says: read where it was asked before."""
    folder = given.settings.output / f"seed-{seed}"
    path, form = folder / STRANGE, TypeAdapter(list[list[Strange]])
    if path.is_file():
        return form.validate_json(path.read_bytes())
    normal, folds = given.pool.normal, given.settings.folds
    healthy = Folds(normal, scarcity.dealt(normal, folds, seed), folds)
    settings = replace(given.trainings.anomaly, seed=seed)
    asked, shared = _asked(given), given.shared
    found = judges.strangeness(settings, healthy, given.target, folder, asked, shared)
    bench_folder.write(path, form.dump_json(found).decode())
    return found


def _cell(
    given: Given, usual: Sequence[Measured], count: int, seed: int, progress: Progress
) -> Cell:
    """Return all judges of one count and seed: read when they are done, else learnt."""
    folder = _folder(given, seed, count)
    if given.part is Part.ALL and (folder / FIGURES).is_file():
        return _read(folder / FIGURES)
    cell = Cell(count, seed, (*usual, *_learnt(given, count, seed, folder, progress)))
    if given.part is Part.ALL:  # else what is missing may come
        bench_folder.write(folder / FIGURES, TypeAdapter(Cell).dump_json(cell, indent=1).decode())
    return cell


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """What a classifier and a fusion learn from: photographs by fold, and their parts."""

    own: Folds
    known: Looked


def _lessons(given: Given, count: int, seed: int) -> dict[Arm, _Lesson]:
    folds, normal = given.settings.folds, given.pool.normal
    chosen = scarcity.first(given.pool.defective, count, seed)
    fold_of = scarcity.dealt(normal, folds, seed) | scarcity.dealt(chosen, folds, seed)
    known = given.normal.joined(given.defective.only(chosen))
    found = {}
    if given.injected.images:
        more = known.joined(given.injected)
        found[Arm.INJECTED] = _Lesson(Folds(more.images, fold_of, folds), more)
    return found | {Arm.HYBRID: _Lesson(Folds(known.images, fold_of, folds), known)}


def _learnt(
    given: Given, count: int, seed: int, folder: Path, progress: Progress
) -> list[Measured]:
    """Learn and measure the judges that learn from defects, as far as there are any."""
    found: list[Measured] = []
    lessons = _lessons(given, count, seed)
    for arm, lesson in lessons.items():
        if _is_learnt(given, arm, count, seed):
            found += _heard(given, arm, lesson, seed, folder)
    if count and _is_learnt(given, Arm.DETECTOR, count, seed):
        cell = Cell(count, seed, ())
        found += _by_detector(given, lessons[Arm.HYBRID].own, cell, folder, progress).measured
    return found


def _classified(
    given: Given, arm: Arm, lesson: _Lesson, seed: int, folder: Path
) -> list[list[Score]] | None:
    """Return what the classifier says: read where it was asked before; None without a defect."""
    if len(lesson.own.images) <= len(given.pool.normal):
        return None
    path, form = folder / CLASSIFIED[arm], TypeAdapter(list[list[Score]])
    if path.is_file():
        return form.validate_json(path.read_bytes())
    asked = [lesson.known, *(one for _, one in given.tests)]
    settings = replace(given.trainings.classifier, seed=seed)
    found = judges.classifier_scores(
        settings, lesson.own, given.target, path.with_suffix(""), asked, given.shared
    )
    bench_folder.write(path, form.dump_json(found).decode())
    return found


def _heard(given: Given, arm: Arm, lesson: _Lesson, seed: int, folder: Path) -> list[Measured]:
    """Return a hybrid, and the classifier that it hears where there is any defect to learn."""
    target, known, tests = given.target, lesson.known, [one for _, one in given.tests]
    found: list[Measured] = []
    learnt = _classified(given, arm, lesson, seed, folder)
    if learnt and arm is Arm.HYBRID:
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
    given: Given, arm: Arm, known: Sequence[Score], asked: Sequence[Sequence[Score]]
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


def _by_detector(given: Given, own: Folds, cell: Cell, folder: Path, progress: Progress) -> Cell:
    """Return the detector alone, kept by itself: it takes longest, and hears no rule or fusion."""
    path = folder / DETECTED
    if path.is_file():
        return _read(path)
    settings = replace(given.trainings.detector, seed=cell.seed)
    detector = judges.detector_of(
        settings, own.images, given.target, folder / "detector", given.shared
    )
    seen: dict[Path, list[Scene]] = {}
    for test, (labelled, _) in zip(given.settings.tests, given.tests, strict=True):
        if test.labels not in seen:
            seen[test.labels] = judges.detected(
                detector,
                labelled,
                given.target,
                settings.long_side_px,
                given.shared,
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
