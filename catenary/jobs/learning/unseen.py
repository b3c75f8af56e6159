"""Labels of masts that training did not see: a label file, or one part of it that a split names."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from catenary.datasets import split as splits
from catenary.datasets.labels import LabelledSet
from catenary.datasets.split import Split
from catenary.domain.errors import ConfigError
from catenary.evaluation.compared import group_of
from catenary.jobs.data import labelled as labelled_sets
from catenary.training.frames import CALIBRATION, TRAIN, fingerprint

GUARANTEE = "guarantee"  # usual part for promises; CALIBRATION is that for the fit


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user asked for.

    Attributes:
        labels: COCO labels.
        split: File that deals the photographs to parts, or None to take all of them.
        part: Part that is taken.
    """

    labels: Path
    split: Path | None = None
    part: str = CALIBRATION


@dataclass(frozen=True, slots=True)
class Unseen:
    """Labels as they are used.

    Attributes:
        name: What it is, for messages.
        labelled: Photographs that are used.
        fingerprint: SHA-256 that names them.
    """

    name: str
    labelled: LabelledSet
    fingerprint: str


def read(choice: Choice) -> Unseen:
    """Read what was chosen.

    Labels of which a split knows no photograph are taken whole, unless it gave their masts or
    sections to training.

    Raises:
        ConfigError: If labels or split are not valid, the part is empty or training's own, or
            training saw one of its masts.
    """
    labelled = labelled_sets.read(choice.labels)
    digest = hashlib.sha256(choice.labels.read_bytes())
    if choice.split is None:
        return Unseen(str(choice.labels), labelled, digest.hexdigest())
    known = splits.read(choice.split)
    is_known = any(splits.key(image) in known.images for image in labelled.images)
    name = f"part {choice.part} of {choice.labels}" if is_known else str(choice.labels)
    if is_known and choice.part == TRAIN:
        raise ConfigError(f"training saw {name}; choose another part")
    chosen = splits.part(labelled, known, choice.part) if is_known else labelled
    if not chosen.images:
        raise ConfigError(f"{name} has no photograph")
    _refuse_seen(chosen, labelled, known, name)
    digest.update(f"{known.fingerprint}/{choice.part if is_known else ''}".encode())
    return Unseen(name, chosen, digest.hexdigest())


def _refuse_seen(chosen: LabelledSet, every: LabelledSet, known: Split, name: str) -> None:
    """Refuse masts that training saw: a split by photograph may put one mast on both sides."""
    trained = {
        group_of(image) for image in every.images if known.parts.get(splits.key(image)) == TRAIN
    }
    shared = {
        group_of(image)
        for image in chosen.images
        if group_of(image) in trained or TRAIN in splits.dealt(image, known)
    }
    if shared:
        named = ", ".join(sorted(shared)[:3])
        raise ConfigError(
            f"training saw {len(shared)} masts of {name} ({named}); split by mast or section:"
            " catenary data split LABELS --by mast"
        )


def refuse_learnt(choice: Choice, learnt: str) -> None:
    """Refuse the very labels that networks learnt from, given whole.

    What was learnt from several files, or copied, is not recognised: a split tells more.

    Args:
        choice: What was chosen.
        learnt: Fingerprint of the training data in a bundle's card.

    Raises:
        ConfigError: If a network learnt from this file.
    """
    if choice.split is None and fingerprint([choice.labels]) in learnt.split("+"):
        raise ConfigError(
            f"the networks of this bundle learnt from {choice.labels}; name labels of masts that"
            " training did not see, or the split it was trained with: --split FILE"
        )


def check_apart(fitted: Unseen, promised: Unseen) -> None:
    """Refuse promises on masts that the fusion was fitted on.

    Raises:
        ConfigError: If the two share a mast.
    """
    seen, asked = ({group_of(image) for image in one.labelled.images} for one in (fitted, promised))
    if shared := sorted(seen & asked):
        raise ConfigError(
            f"{promised.name} and {fitted.name} share {len(shared)} masts"
            f" ({', '.join(shared[:3])}); a promise needs masts that nothing was fitted on"
        )
