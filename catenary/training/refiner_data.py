"""Batches for the box refiner: what a detector proposes, right and wrong, and true boxes moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from catenary.datasets.labels import Label, Rejected
from catenary.domain.finding import Component
from catenary.domain.geometry import Box, iou_matrix
from catenary.models.refiner import squared, surroundings
from catenary.training.augment import NightAugmentation
from catenary.training.frames import Frames
from catenary.training.sampling import chances
from catenary.training.settings import TrainingSettings

_LEAST_IOU = 0.15  # of a proposal with a part, from which it is to be drawn onto that part
_SHIFT, _STRETCH = 0.06, 0.06  # of a proposal, as shares of its sides
_TRUE_SHIFT, _TRUE_STRETCH = 0.25, 0.45  # of a true box: what a poor detector might propose
_THIN = 0.2  # share of the longer side by which even the shorter one may miss

Proposals = Sequence[Sequence[Component]]  # by frame


class BoxBatch(NamedTuple):
    """N crops and what is true of them.

    Attributes:
        crops: (N, 1, S, S) uint8.
        labels: (N,) int64, the class each is looked at for.
        boxes: (N, 4) float32, the true box as shares of the crop in [0, 1].
        is_part: (N,) bool: False where there is no part, and the box means nothing.
    """

    crops: Tensor
    labels: Tensor
    boxes: Tensor
    is_part: Tensor


@dataclass(frozen=True, slots=True)
class Sample:
    """A box to look at.

    Attributes:
        frame: Number of its frame.
        label: Class it is looked at for.
        box: What was proposed; None for a true box that is still to be moved.
        truth: The part there; None where there is none.
    """

    frame: int
    label: int
    box: Box | None
    truth: Box | None

    @property
    def group(self) -> tuple[int, bool, bool]:
        """Return what samples are balanced by: class, proposed or not, part or not."""
        return self.label, self.box is None, self.truth is None


def samples(
    labels: Sequence[Sequence[Label]], proposals: Proposals, classes: Sequence[str]
) -> list[Sample]:
    """Return every box of the frames that can be learnt from.

    Args:
        labels: By frame.
        proposals: By frame, of any kinds.
        classes: Component ids to learn.

    Returns:
        Proposals on a part, proposals on none, and true boxes. What lies on an ignored part says
        nothing and is left out.
    """
    found = []
    for frame, (own, proposed) in enumerate(zip(labels, proposals, strict=True)):
        for number, kind in enumerate(classes):
            parts = [label for label in own if label.component == kind]
            boxes = [one.box for one in proposed if one.kind == kind]
            found += _matched(frame, number, boxes, parts)
            found += [Sample(frame, number, None, one.box) for one in parts if not one.is_ignored]
    return found


def negatives(frames: Frames, classes: Sequence[str]) -> list[Sample]:
    """Return the findings that were rejected since there is no part."""
    return [
        Sample(frame, classes.index(one.component), one.box, None)
        for frame in range(len(frames))
        for one in frames.rejections(frame)
        if one.reason is Rejected.NO_PART and one.component in classes
    ]


def trusted(found: Sequence[Sample], frames: Frames) -> list[Sample]:
    """Return the samples without proposals on no label of frames that are labelled in part only."""
    return [one for one in found if one.truth is not None or frames.is_complete(one.frame)]


def _matched(frame: int, number: int, boxes: Sequence[Box], parts: Sequence[Label]) -> list[Sample]:
    """Return proposals of one kind with the part that each overlaps most."""
    if not boxes or not parts:
        return [Sample(frame, number, box, None) for box in boxes]
    overlap = iou_matrix(_rows(boxes), _rows([one.box for one in parts]))
    found = []
    for box, row in zip(boxes, overlap, strict=True):
        best = int(row.argmax())
        if row[best] < _LEAST_IOU:
            if not any(one.is_ignored and _shared(box, one.box) > 0.3 for one in parts):
                found.append(Sample(frame, number, box, None))
        elif not parts[best].is_ignored:
            found.append(Sample(frame, number, box, parts[best].box))
    return found


def _rows(boxes: Sequence[Box]) -> NDArray[np.float32]:
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.float32)


def _shared(box: Box, other: Box) -> float:
    """Return the share of ``box`` that lies in ``other``."""
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    return max(width, 0.0) * max(height, 0.0) / max(box.area, 1e-9)


class BoxBatches(Dataset[BoxBatch]):
    """One round of training batches; item n is always the same, whoever asks."""

    def __init__(
        self,
        frames: Frames,
        chosen: Sequence[Sample],
        settings: TrainingSettings,
        epoch: int,
    ) -> None:
        """Prepare the round numbered ``epoch``, from 0; ``chosen`` as from `samples`.

        Raises:
            ValueError: If there is nothing to learn from.
        """
        if not chosen:
            raise ValueError("the frames show none of the components and none was proposed")
        self._frames = frames
        self._samples = chosen
        self._settings = settings
        self._epoch = epoch
        self._augment = NightAugmentation(settings.augment, settings.wires, settings.lamps)
        self._chances = chances([one.group for one in chosen], settings.balance)

    def __len__(self) -> int:
        """Return the number of batches of the round."""
        return self._settings.steps_per_epoch

    def __getitem__(self, number: int) -> BoxBatch:
        """Return batch ``number``."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        generator = np.random.default_rng([self._settings.seed, self._epoch, number])
        count = self._settings.batch
        numbers = generator.choice(len(self._samples), count, p=self._chances)
        # By frame, so that a frame that is not kept in memory is decoded once a batch.
        drawn = sorted((self._samples[index] for index in numbers), key=lambda one: one.frame)
        crops, boxes = zip(*(self._crop(one, generator) for one in drawn), strict=True)
        return BoxBatch(
            torch.from_numpy(np.stack(crops)[:, None]),
            torch.tensor([one.label for one in drawn]),
            torch.from_numpy(np.stack(boxes)),
            torch.tensor([one.truth is not None for one in drawn]),
        )

    def _crop(
        self, sample: Sample, generator: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return a crop and the true box as shares of it; zeros where there is none."""
        pixels = self._frames.pixels(sample.frame)
        outer = surroundings(_rows([_moved(sample, pixels.shape, generator)]))[0]
        crop = self._augment(squared(pixels, outer, self._settings.picture_px), generator)
        truth = np.zeros(4, np.float32)
        if sample.truth is not None:
            size = np.tile(outer[2:] - outer[:2], 2)
            truth = ((_rows([sample.truth])[0] - np.tile(outer[:2], 2)) / size).clip(0, 1)
        if generator.random() < 0.5:
            crop = np.ascontiguousarray(crop[:, ::-1])
            truth = np.array([1 - truth[2], truth[1], 1 - truth[0], truth[3]])
        return crop, truth.astype(np.float32)


def _moved(sample: Sample, shape: tuple[int, ...], generator: np.random.Generator) -> Box:
    """Return the sample's box, moved and resized at random; it still overlaps the frame."""
    box, shift, stretch, thin = sample.box, _SHIFT, _STRETCH, 0.0
    if box is None:
        if sample.truth is None:
            raise ValueError("a sample needs a proposed box or a true one")
        box, shift, stretch, thin = sample.truth, _TRUE_SHIFT, _TRUE_STRETCH, _THIN
    x, y = box.centre
    x += max(box.width, thin * box.height) * generator.uniform(-shift, shift)
    y += max(box.height, thin * box.width) * generator.uniform(-shift, shift)
    x, y = min(max(x, 0), shape[1] - 1), min(max(y, 0), shape[0] - 1)
    width = box.width * np.exp(generator.uniform(-stretch, stretch))
    height = box.height * np.exp(generator.uniform(-stretch, stretch))
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


@dataclass(frozen=True, slots=True, eq=False)
class ProposedFrame:
    """What a refiner is measured on: a frame, its proposals and the parts it shows.

    Attributes:
        number: Of the frame.
        boxes: (N, 4) float32 proposals, frame pixels.
        scores: (N,) float32 of the detector.
        kinds: N component ids.
    """

    number: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: tuple[str, ...]


def proposed_frames(proposals: Proposals, classes: Sequence[str]) -> list[ProposedFrame]:
    """Return the proposals of the classes, by frame."""
    found = []
    for number, own in enumerate(proposals):
        known = [one for one in own if one.kind in classes]
        boxes = _rows([one.box for one in known]).reshape(-1, 4)
        scores = np.array([one.score for one in known], np.float32)
        found.append(ProposedFrame(number, boxes, scores, tuple(one.kind for one in known)))
    return found
