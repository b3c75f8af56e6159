"""Many located components of one image, as parallel arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.models.on_device import Cutout, Picture

CropOrPlace = NDArray[np.uint8] | Cutout


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N detected components of one image.

    Attributes:
        boxes: (N, 4) float32, x0 y0 x1 y1; the producer states tile or full-frame pixels.
        scores: (N,) float32 in [0, 1].
        labels: (N,) int64, index into the detector's ``classes``; no background.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        count = len(self.boxes)
        shapes = (self.boxes.shape, self.scores.shape, self.labels.shape)
        if shapes != ((count, 4), (count,), (count,)):
            raise ValueError(f"detections need shapes (N, 4), (N,), (N,), got {shapes}")

    def __len__(self) -> int:
        """Return N."""
        return len(self.boxes)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return the rows that ``keep`` (mask or indices) selects."""
        return type(self)(self.boxes[keep], self.scores[keep], self.labels[keep])

    @classmethod
    def none(cls) -> Self:
        """Return zero detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    @classmethod
    def joined(cls, parts: "list[Detections]") -> Self:
        """Return the rows of all parts, in order."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )


class Detector(Protocol):
    """Finds components in grey images of any size.

    Attributes:
        classes: Component ids, in label order.
    """

    classes: tuple[str, ...]

    def __call__(self, images: Sequence[Picture]) -> list[Detections]:
        """Detect components.

        Args:
            images: B grey images (height, width) uint8, sizes may differ; all on the device, or
                none.

        Returns:
            B detections, boxes in the pixels of the image given, best score first.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Proposed:
    """Parts of one frame to be looked at again.

    Attributes:
        picture: The frame.
        boxes: (N, 4) in frame pixels, each overlapping the frame.
        kinds: N component ids.
    """

    picture: Picture
    boxes: NDArray[np.float32]
    kinds: list[str]


class Refiner(Protocol):
    """Looks at located parts a second time, each by itself.

    Attributes:
        classes: Component ids that it knows.
    """

    classes: tuple[str, ...]

    def __call__(
        self, pixels: NDArray[np.uint8], boxes: NDArray[np.float32], kinds: list[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return better boxes.

        Args:
            pixels: (H, W) of the frame.
            boxes: (N, 4) in frame pixels, each overlapping the frame.
            kinds: N component ids among ``classes``.

        Returns:
            Boxes (N, 4) in frame pixels, clipped to the frame, and for each how well it is
            believed to fit a part of its kind, (N,) in [0, 1]: an expected overlap.
        """
        ...

    def together(
        self, proposed: Sequence[Proposed]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return what a call says, of several frames that share batches.

        All of them are on the device, or none.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConditionScores:
    """Class probabilities of one component crop.

    Attributes:
        conditions: ``"normal"`` first, then taxonomy conditions.
        probabilities: One a condition, in [0, 1], summing to 1.
    """

    conditions: tuple[str, ...]
    probabilities: tuple[float, ...]


class ConditionClassifier(Protocol):
    """Tells the condition of located components.

    Attributes:
        conditions: For each component id it knows, its conditions, ``"normal"`` first.
    """

    conditions: dict[str, tuple[str, ...]]

    def __call__(self, crops: Sequence[CropOrPlace], kinds: list[str]) -> list[ConditionScores]:
        """Classify B crops (height, width) uint8 of the named component kinds.

        All of them are on the device, or none.

        Raises:
            LookupError: If a kind is not among ``conditions``.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Strangeness:
    """How unlike normal parts of its kind one part is.

    Attributes:
        score: Share of normal parts that are less strange, in [0, 1]; of normal parts evenly
            spread, whatever their kind.
        distance: From the nearest normal parts, in standard deviations, at least 0.
        limit: Distance from which a part is called unusual.
        patches: (h, w) float32, the distance of each patch of the crop fitted into a square;
            0 outside the part's own box.
        worst: The strangest patch, in pixels of the crop.
    """

    score: float
    distance: float
    limit: float
    patches: NDArray[np.float32]
    worst: Box


class AnomalyScorer(Protocol):
    """Tells how unlike normal parts located components are; knows no defects.

    Attributes:
        classes: Component ids whose normal parts it knows.
    """

    classes: tuple[str, ...]

    def __call__(self, crops: list[Crop], kinds: list[str]) -> list[Strangeness]:
        """Look at B crops, cut as the classifier's, of the named component kinds.

        Raises:
            LookupError: If a kind is not among ``classes``.
        """
        ...
