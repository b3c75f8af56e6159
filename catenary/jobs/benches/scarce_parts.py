"""Parts of photographs as every judge of the scarce bench is given them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL, Component, Evidence
from catenary.domain.geometry import Box
from catenary.evaluation.matching import Raised, is_hit
from catenary.evaluation.rates import Scene
from catenary.imaging.crops import Crop, cut
from catenary.imaging.decode import decode_gray
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN
from catenary.pipeline.cascade import locate
from catenary.pipeline.judge import Judge, Rule
from catenary.reports import atomic
from catenary.rules import catalogue
from catenary.training.classifier_data import is_usable, jittered

Progress = Callable[[int, int], None]
Steps = Callable[[str, int, int], None]  # what is done, how many are done, and of how many
Score = float | None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One located part.

    Attributes:
        image: Number of its photograph.
        box: Full-frame pixels, as it was located.
        crop: As classifier and anomaly scorer see it.
        said: What each rule says of it, and the anomaly scorer where it was asked.
        is_defect: What is true; None where its picture does not tell.
    """

    image: int
    box: Box
    crop: Crop
    said: tuple[Evidence, ...]
    is_defect: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Photographs and their located parts of one component.

    Attributes:
        component: Its id.
        images: With their labels.
        parts: In the order of the photographs.
    """

    component: str
    images: tuple[LabelledImage, ...]
    parts: tuple[Part, ...]

    def scenes(self, scores: Sequence[Score]) -> list[Scene]:
        """Return each photograph with what is raised at any score, to count it."""
        raised: list[list[Raised]] = [[] for _ in self.images]
        for part, score in zip(self.parts, scores, strict=True):
            if score is not None:
                raised[part.image].append(Raised(self.component, "", part.box, score))
        return scenes_of(self.images, self.component, raised)

    def as_one(self, conditions: Sequence[str]) -> "Looked":
        """Return them with what is said of several conditions said of the first of them."""

        def said(one: Evidence) -> Evidence:
            return replace(one, condition=conditions[0]) if one.condition in conditions else one

        parts = [replace(part, said=tuple(map(said, part.said))) for part in self.parts]
        return replace(self, parts=tuple(parts))

    def only(self, images: Sequence[LabelledImage]) -> "Looked":
        """Return these photographs alone, which are among its own, in the order given."""
        place = {image.ref.image_id: number for number, image in enumerate(images)}
        parts = [
            replace(part, image=place[name])
            for part in self.parts
            if (name := self.images[part.image].ref.image_id) in place
        ]
        return replace(self, images=tuple(images), parts=tuple(parts))

    def joined(self, other: "Looked") -> "Looked":
        """Return its photographs and parts, then the other's."""
        count = len(self.images)
        more = tuple(replace(part, image=part.image + count) for part in other.parts)
        return replace(self, images=(*self.images, *other.images), parts=(*self.parts, *more))


def scenes_of(
    images: Sequence[LabelledImage], component: str, raised: Sequence[Sequence[Raised]]
) -> list[Scene]:
    """Put what was raised beside the labels of one component."""
    return [
        (own, [label for label in image.labels if label.component == component])
        for own, image in zip(raised, images, strict=True)
    ]


def pixels_of(image: LabelledImage, root: Path) -> NDArray[np.uint8]:
    """Decode a photograph.

    Raises:
        ConfigError: If the file is missing.
    """
    path = root / image.ref.file_name
    try:
        return decode_gray(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read labelled image {path}: {error.strerror}") from error


def by_labels(images: Sequence[LabelledImage], component: str, seed: int) -> list[list[Box]]:
    """Return the labelled boxes of a component, each missing a little as a detector's would."""
    generator = np.random.default_rng([seed, len(images)])
    return [
        [
            jittered(label.box, generator)
            for label in image.labels
            if label.component == component and not label.is_ignored
        ]
        for image in images
    ]


def by_detector(
    labelled: LabelledSet,
    component: str,
    bundle: Callable[[], Judge],
    kept: Path,
    progress: Progress,
) -> list[list[Box]]:
    """Return the boxes of a component that detector and refiner of a bundle locate.

    Args:
        labelled: Photographs.
        component: Component id.
        bundle: Gives its judge, with its own floors; not asked where the answer is kept.
        kept: File of the answer; read where it is there.
        progress: Called with photographs done and in all.
    """
    form = TypeAdapter(tuple[tuple[Component, ...], ...])
    if kept.is_file():
        found = form.validate_json(kept.read_bytes())
    else:
        rows, judge = [], bundle()
        for number, image in enumerate(labelled.images, 1):
            pixels = pixels_of(image, labelled.root)
            seen = locate(pixels, judge.detector, judge.cascade, judge.floors, judge.refiner)
            rows.append(tuple(one for one in seen if one.kind == component))
            progress(number, len(labelled.images))
        found = tuple(rows)
        with atomic.replaced(kept) as partial:
            partial.write_bytes(form.dump_json(found))
    return [[one.box for one in own] for own in found]


def look(
    labelled: LabelledSet,
    component: str,
    boxes: Sequence[Sequence[Box]],
    rules: Mapping[str, Sequence[Rule]],
    progress: Progress,
) -> Looked:
    """Cut located parts out and ask the rules about them, once for all judges."""
    usual = CROP_MARGIN.get(component, DEFAULT_MARGIN)
    wide = catalogue.CROP_MARGIN.get(component, usual)
    parts = []
    for number, (image, own) in enumerate(zip(labelled.images, boxes, strict=True)):
        inside = [box for box in own if box.clipped(image.width, image.height)]
        if inside:
            pixels = pixels_of(image, labelled.root)
            for box in inside:
                said = tuple(rule(cut(pixels, box, wide)) for rule in rules.get(component, ()))
                crop = _kept(cut(pixels, box, usual))
                parts.append(Part(number, box, crop, said, _truth(box, image, component)))
        progress(number + 1, len(labelled.images))
    return Looked(component, labelled.images, tuple(parts))


def _kept(crop: Crop) -> Crop:
    """Return a crop that does not hold its whole frame in memory."""
    return replace(crop, pixels=crop.pixels.copy())


def _truth(box: Box, image: LabelledImage, component: str) -> bool | None:
    """Tell whether a defect is there, as calibration of a bundle does; None where it is unknown."""
    near = [one for one in image.labels if one.component == component and is_hit(box, one.box)]
    best = max(near, key=lambda label: label.box.iou(box), default=None)
    if best is None:
        return False
    return best.condition != NORMAL if _is_known(best) else None


def _is_known(label: Label) -> bool:
    return not label.is_ignored and (label.condition == NORMAL or is_usable(label))
