"""Labelled frames with their pixels, kept in memory as far as allowed."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catenary.datasets import class_map, coco, leaks, rejections
from catenary.datasets import split as splits
from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejection
from catenary.domain.errors import ConfigError, UnreadableImageError
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging.decode import decode_gray
from catenary.training.settings import TrainingSettings
from catenary.training.shared import Shared

log = logging.getLogger(__name__)

TRAIN, VALIDATION, CALIBRATION = "train", "validation", "calibration"  # parts of a split

Decode = Callable[[bytes], NDArray[np.uint8]]


class Frames:
    """The images of one or more labelled sets, in order.

    Decoding 5 MP takes as long as a tenth of a training step, so frames are decoded once
    and kept as uint8 until ``limit_mb`` is used up; the others are decoded when asked for.
    """

    def __init__(
        self,
        sets: Sequence[LabelledSet],
        limit_mb: int,
        decode: Decode = decode_gray,
        shared: Shared | None = None,
    ) -> None:
        """List the images; nothing is read yet. ``shared`` is what other trainings keep too."""
        self.shared = shared or Shared(is_keeping=False)
        self._entries: list[tuple[Path, LabelledImage]] = [
            (labelled.root, image) for labelled in sets for image in labelled.images
        ]
        self._limit_bytes = limit_mb * 1_000_000
        self._decode = decode
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._entries)

    def labels(self, index: int) -> tuple[Label, ...]:
        """Return the labels of one image."""
        return self._entries[index][1].labels

    def rejections(self, index: int) -> tuple[Rejection, ...]:
        """Return the findings of one image that were refused."""
        return self._entries[index][1].rejections

    def is_complete(self, index: int) -> bool:
        """Tell whether every part that one image shows is labelled."""
        return self._entries[index][1].is_complete

    def size(self, index: int) -> tuple[int, int]:
        """Return (height, width) of one image, as its labels say."""
        image = self._entries[index][1]
        return image.height, image.width

    def unit(self, index: int) -> str:
        """Return what must not be torn apart: the mast of one image, else its photograph."""
        root, image = self._entries[index]
        mast = image.ref.mast
        return str(mast) if mast else f"{root}/{image.source or image.ref.file_name}"

    def name(self, index: int) -> str:
        """Return what names one image, wherever its file lies."""
        ref = self._entries[index][1].ref
        return f"{ref.run}/{ref.image_id}"

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return (height, width) uint8, never to be written to.

        Raises:
            ConfigError: If the file is missing or not of the size its labels say.
            UnreadableImageError: If it cannot be decoded.
        """
        kept = self._kept.get(index)
        return self._read(index) if kept is None else kept

    def keep(self) -> int:
        """Decode frames in order until the limit is reached; return how many are kept.

        Called before worker processes start, so that they share the memory.
        """
        used = 0
        for index in range(len(self)):
            height, width = self.size(index)
            if used + height * width > self._limit_bytes:
                break
            self._kept[index] = self._read(index)
            used += height * width
        log.info("kept frames=%d of=%d mb=%d", len(self._kept), len(self), used // 1_000_000)
        return len(self._kept)

    def _read(self, index: int) -> NDArray[np.uint8]:
        root, image = self._entries[index]
        path = root / image.ref.file_name
        try:
            pixels = self.shared.photograph(path, lambda: self._decode(path.read_bytes()))
        except OSError as error:
            raise ConfigError(f"cannot read training image {path}: {error.strerror}") from error
        except UnreadableImageError as error:
            raise UnreadableImageError(error.code, f"{path}: {error}") from error
        if pixels.shape != (image.height, image.width):
            raise ConfigError(
                f"{path} has {pixels.shape[0]} x {pixels.shape[1]} px (height x width), its label"
                f" file says {image.height} x {image.width}"
            )
        return pixels


@dataclass(frozen=True, slots=True)
class Sets:
    """What a training learns from and is measured on; they share no mast and no photograph.

    Attributes:
        train: Learnt from.
        validation: Measured on.
        split: Fingerprint of the split that they are parts of; empty without one.
    """

    train: Sequence[LabelledSet]
    validation: Sequence[LabelledSet]
    split: str = ""


def sets_of(settings: TrainingSettings, taxonomy: Taxonomy) -> Sets:
    """Read the labels of a training, only its parts where it names a split.

    Args:
        settings: Of the training.
        taxonomy: Names the components and conditions that there are.

    Raises:
        ConfigError: If labels or split are not valid, the taxonomy lacks a component or condition
            of the labels, nothing is left to train on, validation is labelled in part only, or
            shares a mast, photograph or image file with training.
    """
    train, validation = read_sets(settings.train), read_sets(settings.validation)
    paths = (*settings.train, *settings.validation)
    for path, labelled in zip(paths, (*train, *validation), strict=True):
        class_map.refuse_unknown(labelled, taxonomy, path)
    fingerprint = ""
    if settings.split is not None:
        known = splits.read(settings.split)
        fingerprint = known.fingerprint
        measured = VALIDATION if VALIDATION in known.shares else CALIBRATION
        train = [splits.part(one, known, TRAIN) for one in train]
        validation = [splits.part(one, known, measured) for one in validation]
    if not any(one.images for one in train):
        files = ", ".join(map(str, settings.train))
        raise ConfigError(f"nothing to train on: no image of {files} is in part {TRAIN}")
    train = rejections.folded(train)
    rejections.refuse_incomplete(validation)
    leaks.refuse(train, validation)
    shared = leaks.shared_sections(train, validation)
    if shared:
        told = "validation has sections of training, so no figure holds for other ones shared=%s"
        log.warning(told, ",".join(shared))
    return Sets(train, validation, fingerprint)


def read_sets(paths: Sequence[Path]) -> list[LabelledSet]:
    """Read label files; see `catenary.datasets.coco.read`."""
    return [coco.read(path) for path in paths]


def fingerprint(paths: Sequence[Path]) -> str:
    """Return the SHA-256 over label files: it names what a network learnt from.

    Images are not hashed: a label file speaks of exact boxes in them, and reading 30 GB
    to name a set would make nobody do it.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
