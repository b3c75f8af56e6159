"""Train the same detector on more and more masts, and measure each on the same photographs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from catenary.datasets import coco, formats, held_out, leaks
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.image import Outcome
from catenary.evaluation.compared import Compared, group_of
from catenary.evaluation.intervals import Share
from catenary.evaluation.learning import ALL, Located, located_at, nested
from catenary.evaluation.predictions import NOT_JUDGED, Part, PredictedImage
from catenary.jobs.learning import learn
from catenary.jobs.scanning import assemble
from catenary.models import bundle
from catenary.reports import atomic
from catenary.reports.charts import Chart, Dot, Series
from catenary.reports.figure import write_figure
from catenary.training.run import read_record
from catenary.training.settings import Kind, TrainingSettings

IOU = 0.5
TABLE, PLOT = "learning.md", "learning.svg"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained and measured.

    Attributes:
        folder: Filled; goes on where it was stopped.
        training: Of the detector; sets, seed and output are replaced, so every training has the
            same number of steps.
        train: Labelled sets that masts are taken from.
        validation: COCO label files of other masts, watched in training only.
        test: Labelled sets of still other masts.
        shares: Of the masts, each in (0, 1].
        seeds: Trainings of each share, each with masts in another order.
        false_per_image: Boxes on no part that may be believed, a photograph.
    """

    folder: Path
    training: TrainingSettings
    train: tuple[Path, ...]
    validation: tuple[Path, ...]
    test: tuple[Path, ...]
    shares: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    seeds: int = 1
    false_per_image: float = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """One training.

    Attributes:
        share: Of the masts.
        seed: Of the training and of which masts were taken.
        masts: Learnt from.
        images: Learnt from.
        located: On the test photographs.
    """

    share: float
    seed: int
    masts: int
    images: int
    located: Located


def points(plan: Plan, tell: Callable[[Point], None] = lambda _: None) -> list[Point]:
    """Train what is not trained yet and measure all; write table and plot after each.

    Args:
        plan: What to do.
        tell: Called with each point.

    Raises:
        ConfigError: If labels are not valid, no detector is trained, or training and test share a
            mast, photograph or image file.
    """
    if plan.training.kind is not Kind.DETECTOR:
        raise ConfigError(f"learning is measured of a detector, not of a {plan.training.kind}")
    train, test = (
        held_out.joined([formats.read(one).labelled for one in paths])
        for paths in (plan.train, plan.test)
    )
    leaks.refuse([train], [test])
    found: list[Point] = []
    for seed in range(1, plan.seeds + 1):
        for share, own in zip(plan.shares, nested(train, plan.shares, seed), strict=True):
            found.append(_point(plan, share, seed, own, test))
            tell(found[-1])
            write(found, len(test.images), plan)
    return found


def _point(plan: Plan, share: float, seed: int, own: LabelledSet, test: LabelledSet) -> Point:
    folder = plan.folder / f"share-{share:g}-seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    labels = folder / "labels.json"
    coco.write(own, labels)
    settings = replace(
        plan.training,
        train=(labels,),
        validation=plan.validation,
        output=folder / "detector",
        split=None,
        seed=seed,
    )
    run = learn.finished(settings)
    masts = len({group_of(image) for image in own.images})
    located = located_at(seen(run, test), read_record(run).classes, plan.false_per_image, IOU)
    return Point(share, seed, masts, len(own.images), located)


def seen(run: Path, labelled: LabelledSet) -> list[Compared]:
    """Return everything that the detector of a run folder locates, beside the labels."""
    made = learn.with_shipped_classifier(run, run / "bundle", {})
    detector = bundle.load(made, assemble.device("auto")).detector
    found = []
    for image, parts in zip(labelled.images, learn.proposed([labelled], detector), strict=True):
        told = tuple(Part(one.kind, one.box, one.score, NOT_JUDGED) for one in parts)
        ref = image.ref
        found.append(
            Compared(image, PredictedImage(ref.image_id, ref.file_name, Outcome.DONE, told))
        )
    return found


def write(found: Sequence[Point], images: int, plan: Plan) -> None:
    """Write table and plot of what is there so far.

    Raises:
        StoreError: If they cannot be written.
    """
    with atomic.replaced(plan.folder / TABLE) as partial:
        partial.write_text("\n".join(lines(found, images, plan)) + "\n", encoding="utf-8")
    write_figure(
        "Recall and masts to learn from", [chart(found, plan.false_per_image)], plan.folder / PLOT
    )


def lines(found: Sequence[Point], images: int, plan: Plan) -> Iterator[str]:
    """Yield a Markdown table, a row a training."""
    yield (
        f"Parts located, IoU >= {IOU}, at {plan.false_per_image:g} boxes on no part a photograph, "
        f"on {images} photographs; Wilson 95 % intervals; {plan.training.steps} steps each."
    )
    yield ""
    kinds = sorted({kind for one in found for kind in one.located.shares} - {ALL})
    head = ["masts", "photographs", "seed", ALL, *kinds]
    for row in (head, ["---"] * len(head), *(_row(one, kinds) for one in found)):
        yield f"| {' | '.join(row)} |"


def _row(one: Point, kinds: Sequence[str]) -> list[str]:
    shares = [one.located.shares.get(kind, Share(0, 0)) for kind in (ALL, *kinds)]
    return [str(one.masts), str(one.images), str(one.seed), *map(str, shares)]


def chart(found: Sequence[Point], false_per_image: float) -> Chart:
    """Return recall over masts: a line a component, means of the seeds, dots of all with interval.

    The interval of a dot takes the parts of all seeds as independent.
    """
    kinds = [ALL, *sorted({kind for one in found for kind in one.located.shares} - {ALL})][:8]
    means = {kind: sorted(_means(found, kind).items()) for kind in kinds}
    sums = {
        masts: [one.located.shares[ALL] for one in found if one.masts == masts]
        for masts in sorted({one.masts for one in found})
    }
    return Chart(
        f"Parts located at {false_per_image:g} false boxes a photograph",
        "masts learnt from",
        "recall, IoU 0.5",
        float(max(sums, default=1)),
        tuple(Series(kind, line) for kind, line in means.items()),
        tuple(_dot(masts, shares) for masts, shares in sums.items()),
        is_stepped=False,
    )


def _means(found: Sequence[Point], kind: str) -> Mapping[float, float]:
    values: dict[float, list[float]] = {}
    for one in found:
        share = one.located.shares.get(kind, Share(0, 0))
        if share.total:
            values.setdefault(float(one.masts), []).append(share.hits / share.total)
    return {masts: float(np.mean(own)) for masts, own in values.items()}


def _dot(masts: int, shares: Sequence[Share]) -> Dot:
    total = Share(sum(one.hits for one in shares), sum(one.total for one in shares))
    value = total.hits / max(total.total, 1)
    return Dot(float(masts), value, *total.interval, "")
