"""Photographs with what is true of them and what was said of them, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catenary.datasets import rejections
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.evaluation.matching import Raised, is_hit
from catenary.evaluation.predictions import DEFAULT_THRESHOLD, Part, PredictedImage, Predictions


@dataclass(frozen=True, slots=True)
class Compared:
    """One photograph.

    Attributes:
        image: What is true of it.
        predicted: What was said of it.
    """

    image: LabelledImage
    predicted: PredictedImage

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is true of it."""
        return self.image.labels

    @property
    def group(self) -> str:
        """What it stands or falls with: its mast, else its source photograph, else itself."""
        return group_of(self.image)

    def raised(self, thresholds: Mapping[str, float] | None = None) -> list[Raised]:
        """Return what is raised at the thresholds; None for everything with a probability."""
        return [
            Raised(one.component, one.condition, one.box, one.probability)
            for one in self.predicted.parts
            if one.probability is not None
            and (
                thresholds is None
                or one.probability >= thresholds.get(one.component, DEFAULT_THRESHOLD)
            )
        ]

    def parts(self, component: str) -> list[Part]:
        """Return the located parts of one component."""
        return [one for one in self.predicted.parts if one.component == component]

    def nearest(self, part: Part) -> Label | None:
        """Return the label of the same component that a part hits and overlaps most."""
        near = [
            label
            for label in self.labels
            if label.component == part.component and is_hit(part.box, label.box)
        ]
        return max(near, key=lambda label: label.box.iou(part.box), default=None)


def group_of(image: LabelledImage) -> str:
    """Return the mast of a photograph, else its source photograph, else its own id."""
    mast = image.ref.mast
    return str(mast) if mast else image.source or image.ref.image_id


def joined(labelled: LabelledSet, predictions: Predictions) -> tuple[Compared, ...]:
    """Put labels and predictions of the same photographs together.

    Raises:
        ConfigError: If they are not of the same photographs, or some are labelled in part only.
    """
    rejections.refuse_incomplete([labelled])
    by_id = {one.image_id: one for one in predictions.images}
    names = [image.ref.image_id for image in labelled.images]
    if len(set(names)) != len(names):
        raise ConfigError("an image_id stands twice in the labels: pictures of several runs?")
    missing, surplus = sorted(set(names) - set(by_id)), sorted(set(by_id) - set(names))
    if missing or surplus:
        raise ConfigError(
            f"predictions of {predictions.model} are not of these labels: {_some(missing)} labelled"
            f" without prediction, {_some(surplus)} predicted without label"
        )
    return tuple(Compared(image, by_id[image.ref.image_id]) for image in labelled.images)


def groups(compared: Sequence[Compared]) -> dict[str, int]:
    """Return a number for each mast (or what stands for it), in order of first sight."""
    return {name: number for number, name in enumerate(dict.fromkeys(c.group for c in compared))}


def _some(names: Sequence[str]) -> str:
    return f"{len(names)} images ({', '.join(names[:3])}, ...)" if names else "none"
