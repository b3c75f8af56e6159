"""Component crops for the classifier, cut as a scan cuts them but less exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from catenary.datasets.labels import Label, Rejected
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging.crops import cut
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN, pairs
from catenary.models.inputs import letterboxed
from catenary.training.augment import NightAugmentation, tilted
from catenary.training.frames import Frames
from catenary.training.sampling import chances
from catenary.training.settings import TrainingSettings

_LEAST_VISIBILITY = 0.4  # share of the part; what is more hidden cannot be told
_JITTER = 0.10  # share of a side by which a detector's box may miss
_TILT_DEG = 6.0


class CropBatch(NamedTuple):
    """B crops and what is true of them.

    Attributes:
        crops: (B, 1, S, S) uint8.
        pairs: (B,) int64, index of the true (component, condition) pair.
        allowed: (B, P) bool: the pairs of the crop's own component.
    """

    crops: Tensor
    pairs: Tensor
    allowed: Tensor


@dataclass(frozen=True, slots=True)
class Sample:
    """A part to cut: number of its frame, its label and the index of its pair."""

    frame: int
    label: Label
    pair: int


def conditions_of(
    frames: Frames, components: Sequence[str], taxonomy: Taxonomy
) -> dict[str, tuple[str, ...]]:
    """Return the conditions that the labels show of each component, in taxonomy order.

    Args:
        frames: With labels to learn from.
        components: Component ids; empty takes all.
        taxonomy: Gives the order; ``"normal"`` comes first.

    Returns:
        Only components with at least one defect: with nothing to tell apart there is no class.
    """
    seen: dict[str, set[str]] = {}
    for index in range(len(frames)):
        for label in filter(is_usable, frames.labels(index)):
            seen.setdefault(label.component, set()).add(label.condition)
    found = {}
    for kind in taxonomy.components.values():
        defects = tuple(one for one in kind.conditions if one in seen.get(kind.id, ()))
        if defects and (not components or kind.id in components):
            found[kind.id] = (NORMAL, *defects)
    return found


def samples(frames: Frames, conditions: Mapping[str, tuple[str, ...]]) -> list[Sample]:
    """Return every part of the frames that can be learnt from."""
    outputs = {pair: index for index, pair in enumerate(pairs(conditions))}
    return [
        Sample(index, label, outputs[label.component, label.condition])
        for index in range(len(frames))
        for label in frames.labels(index)
        if is_usable(label) and (label.component, label.condition) in outputs
    ]


def healthy(frames: Frames, conditions: Mapping[str, tuple[str, ...]]) -> list[Sample]:
    """Return every part that was taken for defective and is not, in the box it was found in.

    What was rejected as no part at all is no sample: the classifier has no answer for it, and to
    call it normal would teach that an empty place is healthy, which is how a missing part looks.
    """
    outputs = {pair: index for index, pair in enumerate(pairs(conditions))}
    return [
        Sample(index, Label(one.component, one.box), outputs[one.component, NORMAL])
        for index in range(len(frames))
        for one in frames.rejections(index)
        if one.reason is Rejected.NORMAL and one.component in conditions
    ]


class CropBatches(Dataset[CropBatch]):
    """One round of training batches; item n is always the same, whoever asks."""

    def __init__(
        self,
        frames: Frames,
        conditions: Mapping[str, tuple[str, ...]],
        settings: TrainingSettings,
        epoch: int,
    ) -> None:
        """Prepare the round numbered ``epoch``, from 0.

        Raises:
            ValueError: If the frames show none of the components.
        """
        self._frames = frames
        self._allowed = allowed_pairs(conditions)
        self._settings = settings
        self._epoch = epoch
        self._augment = NightAugmentation(settings.augment, settings.wires, settings.lamps)
        self._rejected = healthy(frames, conditions)
        self._samples = samples(frames, conditions)
        if not self._samples:
            raise ValueError(f"no frame shows any of {', '.join(conditions) or 'no component'}")
        self._chances = chances([one.pair for one in self._samples], settings.balance)

    def __len__(self) -> int:
        """Return the number of batches of the round."""
        return self._settings.steps_per_epoch

    def __getitem__(self, number: int) -> CropBatch:
        """Return batch ``number``."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        generator = np.random.default_rng([self._settings.seed, self._epoch, number])
        count = self._settings.batch
        chosen = generator.choice(len(self._samples), count, p=self._chances)
        found = [self._samples[index] for index in chosen]
        if self._rejected:
            is_rejected = generator.random(count) < self._settings.negative_share
            for place in np.flatnonzero(is_rejected):
                found[place] = self._rejected[int(generator.integers(len(self._rejected)))]
        # By frame, so that a frame that is not kept in memory is decoded once a batch.
        drawn = sorted(found, key=lambda one: one.frame)
        crops = [self._crop(one, generator) for one in drawn]
        return crop_batch(crops, [one.pair for one in drawn], self._allowed)

    def _crop(self, sample: Sample, generator: np.random.Generator) -> NDArray[np.uint8]:
        own, frame = self._settings, self._frames.name(sample.frame)
        key = (own.kind, own.seed, own.picture_px, own.augment, frame, sample.label.box)
        square = self._frames.shared.picture(
            key, generator, lambda chance: self._square(sample, chance)
        )
        return np.ascontiguousarray(square[:, ::-1]) if generator.random() < 0.5 else square

    def _square(self, sample: Sample, generator: np.random.Generator) -> NDArray[np.uint8]:
        pixels = self._frames.pixels(sample.frame)
        box = jittered(sample.label.box, generator) if self._settings.augment else sample.label.box
        crop = _cut(pixels, box, sample.label)
        if self._settings.augment and generator.random() < 0.3:
            crop = tilted(crop, generator.uniform(-_TILT_DEG, _TILT_DEG))
        return self._augment(letterboxed(crop, self._settings.picture_px), generator)


def validation_batches(
    frames: Frames, conditions: Mapping[str, tuple[str, ...]], settings: TrainingSettings
) -> list[CropBatch]:
    """Return all crops of the frames, cut exactly, for measuring."""
    found = samples(frames, conditions)
    allowed = allowed_pairs(conditions)
    batches = []
    for start in range(0, len(found), settings.batch):
        part = found[start : start + settings.batch]
        crops = [
            letterboxed(_cut(frames.pixels(s.frame), s.label.box, s.label), settings.picture_px)
            for s in part
        ]
        batches.append(crop_batch(crops, [one.pair for one in part], allowed))
    return batches


def allowed_pairs(conditions: Mapping[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """Return (P, P) bool: row p tells which pairs are of the same component as pair p."""
    kinds = np.array([kind for kind, _ in pairs(conditions)])
    same: NDArray[np.bool_] = kinds[:, None] == kinds[None, :]
    return same


def crop_batch(
    crops: Sequence[NDArray[np.uint8]], own: Sequence[int], allowed: NDArray[np.bool_]
) -> CropBatch:
    """Return square crops (S, S) with their pairs as one batch."""
    numbers = np.asarray(own, np.int64)
    return CropBatch(
        torch.from_numpy(np.stack(crops)[:, None]),
        torch.from_numpy(numbers),
        torch.from_numpy(allowed[numbers]),
    )


def jittered(box: Box, generator: np.random.Generator) -> Box:
    """Return a box moved and resized by up to a tenth of its sides, as a detector would."""
    x, y = box.centre
    x += box.width * generator.uniform(-_JITTER, _JITTER)
    y += box.height * generator.uniform(-_JITTER, _JITTER)
    width = box.width * generator.uniform(1 - _JITTER, 1 + 2 * _JITTER)
    height = box.height * generator.uniform(1 - _JITTER, 1 + 2 * _JITTER)
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _cut(pixels: NDArray[np.uint8], box: Box, label: Label) -> NDArray[np.uint8]:
    return cut(pixels, box, CROP_MARGIN.get(label.component, DEFAULT_MARGIN)).pixels


def is_usable(label: Label) -> bool:
    """Tell whether a crop of this part shows its condition."""
    is_clear = label.is_evident and label.visibility >= _LEAST_VISIBILITY
    return is_clear and not label.is_ignored
