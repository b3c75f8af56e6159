"""What the scarce bench learns from and measures on, gathered once for all counts and seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from catenary import config
from catenary.datasets import coco, formats, held_out, leaks
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.evaluation import scarcity
from catenary.evaluation.scarcity import Pool
from catenary.jobs.benches import bench_folder
from catenary.jobs.benches.scarce_judges import Target
from catenary.jobs.benches.scarce_parts import Looked, Steps, by_detector, by_labels, look
from catenary.jobs.benches.scarce_recipe import Boxes, ScarceBench
from catenary.jobs.scanning import assemble
from catenary.pipeline.judge import Judge, Rule
from catenary.training import run
from catenary.training.classifier_data import is_usable
from catenary.training.settings import IMAGENET, RANDOM, Kind, TrainingSettings
from catenary.training.shared import Shared

MADE = "made.txt"  # of what the injected photographs were made
OF = "learnt-of.txt"  # from which photographs and parts networks learnt, and of which they spoke
INJECTED, INJECTED_LABELS = "injected", "labels.json"
_GROWING = ("output", "counts", "seeds")  # settings that only add trainings


class Part(StrEnum):
    """What of a bench is done."""

    ALL = "all"
    LEARN = "learn"  # what networks learn and say; no rule is asked
    JUDGE = "judge"  # what can be judged from what networks said, elsewhere or earlier


@dataclass(frozen=True, slots=True, eq=False)
class Trainings:
    """How networks are trained."""

    detector: TrainingSettings
    classifier: TrainingSettings
    anomaly: TrainingSettings


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What all cells share: parts are located, cut and asked the rules about once."""

    settings: ScarceBench
    trainings: Trainings
    target: Target
    pool: Pool
    normal: Looked
    defective: Looked
    injected: Looked
    tests: tuple[tuple[LabelledSet, Looked], ...]
    shared: Shared
    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Settings and labels, as they were read.

    Attributes:
        settings: Of the bench.
        trainings: Of networks.
        labelled: All that may be learnt from.
        pool: What is learnt from.
        tests: What is measured on.
    """

    settings: ScarceBench
    trainings: Trainings
    labelled: LabelledSet
    pool: Pool
    tests: tuple[LabelledSet, ...]


class _Bundle:
    """A bundle that is read when it is first needed: to learn, it is not."""

    def __init__(self, settings: ScarceBench) -> None:
        self._settings = settings

    @cached_property
    def judge(self) -> Judge:
        return assemble.judge(assemble.Recipe(self._settings.model))


def read(path: Path, overrides: tuple[str, ...]) -> Read:
    """Read settings and labels of a bench.

    Raises:
        ConfigError: If they are not valid, there are too few defects, or training and a test share
            a mast, photograph or image file.
    """
    settings = config.load(path, ScarceBench, overrides)
    trainings = _trainings(settings)
    labelled = held_out.joined([formats.read(one).labelled for one in settings.labels])
    tests = [held_out.joined([formats.read(one.labels).labelled]) for one in settings.tests]
    for test in tests:
        leaks.refuse([labelled], [test])
    return Read(settings, trainings, labelled, _pool(settings, labelled), tuple(tests))


def gathered(found: Read, part: Part, progress: Steps) -> Given:
    """Cut all parts out, and ask the rules about them unless it is only learnt.

    Raises:
        ConfigError: If the folder holds something else.
    """
    settings = found.settings
    settings.output.mkdir(parents=True, exist_ok=True)
    _keep_plan(found)
    given = _given(found, part, progress)
    _keep_of(given)
    return given


def _trainings(settings: ScarceBench) -> Trainings:
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

    return Trainings(
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


def _keep_plan(found: Read) -> None:
    """Write what the folder is of; refuse to mix it with trainings of something else."""
    bench = json.loads(TypeAdapter(ScarceBench).dump_json(found.settings))
    if not found.settings.variants:
        del bench["variants"]  # folders of earlier versions say nothing of it
    known = (found.trainings.detector, found.trainings.classifier, found.trainings.anomaly)
    plan = {
        "bench": {name: value for name, value in bench.items() if name not in _GROWING},
        "trainings": [json.loads(run.settings_text(one)) for one in known],
        "labels": [bench_folder.fingerprint(one.images) for one in (found.labelled, *found.tests)],
    }
    bench_folder.keep_plan(found.settings.output, plan, "trainings")


def _keep_of(given: Given) -> None:
    """Write of which parts networks speak, in which order, or check that it is of these."""
    path, own = given.settings.output / OF, [given.normal, given.defective, given.injected]
    asked = [*own, *(one for _, one in given.tests)]
    settings = given.settings
    known = {
        "asked": [[_told(one, image) for image in one.images] for one in asked],
        "parts": [len(one.parts) for one in asked],
        "learnt": [settings.component, list(settings.conditions), settings.folds],
    }
    text = f"{bench_folder.digest(json.dumps(known))}\n"
    if given.part is Part.JUDGE and not path.is_file():
        raise ConfigError(f"{path} is missing: nothing was learnt there with --only learn")
    if path.is_file() and not bench_folder.holds(path, text):
        raise ConfigError(
            f"{given.settings.output} holds what networks said of other photographs or labels (see"
            f" {OF}); choose another output or remove it"
        )
    bench_folder.write(path, text)


def _told(looked: Looked, image: LabelledImage) -> list[object]:
    own = [one for one in image.labels if one.component == looked.component]
    return [image.ref.image_id, *((one.condition, *map(round, _corners(one.box))) for one in own)]


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1


def _given(found: Read, part: Part, progress: Steps) -> Given:
    settings, pool, kind = found.settings, found.pool, found.settings.component
    bundle = _Bundle(settings)
    rules: Mapping[str, Sequence[Rule]] = {} if part is Part.LEARN else bundle.judge.rules
    word = "cut" if part is Part.LEARN else "rules"

    def looked(labelled: LabelledSet, boxes: Sequence[Sequence[Box]], what: str) -> Looked:
        seen = look(labelled, kind, boxes, rules, lambda *at: progress(f"{word}, {what}", *at))
        return seen.as_one(settings.conditions)

    def from_labels(images: Sequence[LabelledImage], what: str) -> Looked:
        labelled = LabelledSet(Path("/"), tuple(images))
        return looked(labelled, by_labels(labelled.images, kind, 1), what)

    known = []
    for number, (test, labelled) in enumerate(zip(settings.tests, found.tests, strict=True)):
        boxes = _boxes(settings, number, labelled, bundle, progress)
        known.append((labelled, looked(labelled, boxes, test.name)))
    return Given(
        settings,
        found.trainings,
        Target(kind, settings.conditions[0]),
        pool,
        from_labels(pool.normal, "normal parts"),
        from_labels(pool.defective, "defects"),
        from_labels(injected(settings, pool, progress), "injected defects"),
        tuple(known),
        Shared(settings.variants),
        part,
    )


def _boxes(
    settings: ScarceBench, number: int, labelled: LabelledSet, bundle: _Bundle, progress: Steps
) -> Sequence[Sequence[Box]]:
    test = settings.tests[number]
    if test.boxes is Boxes.LABELS:
        return by_labels(labelled.images, settings.component, 2)
    return by_detector(
        labelled,
        settings.component,
        lambda: bundle.judge,
        settings.output / located(number),
        lambda *done: progress(f"locate, {test.name}", *done),
    )


def located(number: int) -> str:
    """Return the name of the file of boxes that a bundle locates for a test set."""
    return f"located-{number}.json"


def injected(settings: ScarceBench, pool: Pool, progress: Steps) -> tuple[LabelledImage, ...]:
    """Return copies of normal photographs with a defect injected, and as many controls."""
    if not settings.injected:
        return ()
    folder = settings.output / INJECTED
    recipe, labels = settings.output / "injected.json", settings.output / "injected-labels.json"
    rates = _rates(settings)
    own = clean(settings, pool)
    if not bench_folder.holds(folder / MADE, made_of(settings, pool)):
        from catenary.jobs.data import inject

        bench_folder.write(recipe, rates)
        coco.write(LabelledSet(Path("/"), tuple(own)), labels)
        inject.inject_set(recipe, labels, folder, (), lambda *at: progress("inject", *at))
        bench_folder.write(folder / MADE, made_of(settings, pool))
    root = folder.resolve()
    return tuple(
        replace(one, ref=replace(one.ref, file_name=str(root / one.ref.file_name)))
        for one in coco.read(folder / INJECTED_LABELS).images
    )


def clean(settings: ScarceBench, pool: Pool) -> list[LabelledImage]:
    """Return the normal photographs that defects are injected into, with these parts alone."""
    kind = settings.component
    return [
        replace(one, labels=tuple(label for label in one.labels if label.component == kind))
        for one in pool.normal[: settings.injected_from]
    ]


def made_of(settings: ScarceBench, pool: Pool) -> str:
    """Return what names the injected photographs of a bench."""
    return f"{_rates(settings)}\n{bench_folder.fingerprint(clean(settings, pool))}\n"


def _rates(settings: ScarceBench) -> str:
    return json.dumps({"rates": {settings.component: dict(settings.injected)}})  # is YAML
