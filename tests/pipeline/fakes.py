"""Small detectors and classifiers with known answers."""

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.models.detections import ConditionScores, Detections, Strangeness


class BlobDetector:
    """Reports each connected bright region as ``classes[0]`` below 40 px, else as the last."""

    classes = ("split_pin", "clevis")

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        self.seen += [image.shape for image in images]
        return [self._blobs(image) for image in images]

    def _blobs(self, image: NDArray[np.uint8]) -> Detections:
        count, _, stats, _ = cv2.connectedComponentsWithStats((image > 40).astype(np.uint8))
        if count == 1:
            return Detections.none()
        x, y, w, h = stats[1:, :4].T
        boxes = np.stack([x, y, x + w, y + h], axis=1).astype(np.float32)
        labels = (np.maximum(w, h) >= 40).astype(np.int64)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), labels)


class FixedClassifier:
    """Says the same of every crop."""

    def __init__(self, missing: float) -> None:
        self.conditions = {"split_pin": ("normal", "missing", "loose")}
        self.missing = missing

    def __call__(self, crops: list[NDArray[np.uint8]], kinds: list[str]) -> list[ConditionScores]:
        probabilities = (1 - self.missing, self.missing, 0.0)
        return [ConditionScores(self.conditions[kind], probabilities) for kind in kinds]


class BrightScorer:
    """Finds clevises and pins the stranger the brighter they are; unusual from level 200."""

    classes = ("split_pin", "clevis")

    def __call__(self, crops: list[Crop], kinds: list[str]) -> list[Strangeness]:
        return [self._look(crop) for crop in crops]

    def _look(self, crop: Crop) -> Strangeness:
        level = float(crop.pixels.max())
        patches = np.full((1, 1), level, np.float32)
        return Strangeness(level / 255, level, 200.0, patches, Box(1, 2, 3, 4))
