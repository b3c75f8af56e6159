"""Scan a labelled set and keep the model's surest mistakes to learn from."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from catenary.datasets import coco
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.datasets.reading import relative
from catenary.domain.errors import ConfigError
from catenary.evaluation import mining
from catenary.evaluation.compared import Compared
from catenary.evaluation.predictions import DataKind
from catenary.jobs.data import labelled as labelled_sets
from catenary.jobs.learning import measure
from catenary.jobs.scanning import assemble


@dataclass(frozen=True, slots=True)
class Wish:
    """What to keep.

    Attributes:
        limit: Greatest number of mistakes, the surest ones.
        min_score: Least score of a mistake, in [0, 1].
    """

    limit: int
    min_score: float


@dataclass(frozen=True, slots=True)
class Mined:
    """What was found.

    Attributes:
        scanned: Photographs looked at.
        photographs: Photographs with mistakes that were kept.
        counts: (component, reason) to number of mistakes.
        least: Score of the least of them; 0 when there is none.
    """

    scanned: int
    photographs: int
    counts: Mapping[tuple[str, str], int]
    least: float


def mine(
    labels: Path,
    output: Path,
    wish: Wish,
    recipe: assemble.Recipe,
    progress: Callable[[int, int], None],
) -> Mined:
    """Write the photographs on which a model is wrong, with its mistakes as rejections.

    Args:
        labels: COCO labels of all parts; images beside them.
        output: COCO file to write; it names the same images, wherever it lies.
        wish: What to keep.
        recipe: Model and settings.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If labels or settings are not valid, an image is missing, or the file exists.
        StoreError: If it cannot be written.
    """
    if output.exists():
        raise ConfigError(f"{output} is there already; choose another name")
    labelled = labelled_sets.read(labels)
    said = measure.predict(assemble.judge(recipe), labelled, DataKind.UNSTATED, progress)
    compared = [Compared(*pair) for pair in zip(labelled.images, said.images, strict=True)]
    mistakes = mining.hardest(compared, wish.limit, wish.min_score)
    found = mining.with_rejections(labelled.images, mistakes)
    folder = output.resolve().parent
    images = tuple(_named_from(folder, labelled.root, image) for image in found)
    coco.write(LabelledSet(folder, images), output)
    counts = Counter((one.rejection.component, str(one.rejection.reason)) for one in mistakes)
    least = mistakes[-1].score if mistakes else 0.0
    return Mined(len(labelled.images), len(images), counts, least)


def _named_from(folder: Path, root: Path, image: LabelledImage) -> LabelledImage:
    """Return an image with its name relative to another folder."""
    name = relative(root.resolve() / image.ref.file_name, folder)
    return replace(image, ref=replace(image.ref, location=name, file_name=name))


def lines(mined: Mined) -> Iterator[str]:
    """Yield what was found, in words."""
    total = sum(mined.counts.values())
    yield (
        f"{total} mistakes on {mined.photographs} of {mined.scanned} photographs"
        + (f", scores from {mined.least:.3f}" if total else "")
    )
    for (component, reason), count in sorted(mined.counts.items()):
        yield f"  {component} {reason}: {count}"
