"""Normal parts for the anomaly scorer, and parts of all conditions to measure it on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.datasets.labels import Label
from catenary.domain.finding import NORMAL
from catenary.imaging.crops import Crop, cut
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN, LEAST_SIDE_PX
from catenary.training.classifier_data import is_usable, jittered
from catenary.training.frames import Frames


@dataclass(frozen=True, slots=True)
class Part:
    """A part to cut: number of its frame and its label."""

    frame: int
    label: Label


@dataclass(frozen=True, slots=True)
class NormalParts:
    """Normal parts of one component, of different masts.

    Attributes:
        known: Remembered.
        held_out: On which the distances of normal parts are measured.
    """

    known: list[Part]
    held_out: list[Part]


def normal_parts(
    frames: Frames, held_out: float, most: int, generator: np.random.Generator
) -> dict[str, NormalParts]:
    """Return the normal parts of the frames by component.

    Args:
        frames: With labels to learn from.
        held_out: Share of masts (or photographs, where masts are unknown) whose parts are not
            remembered, in (0, 1).
        most: Parts of a component that are kept on either side, drawn at random.
        generator: Of everything random.
    """
    units = list(dict.fromkeys(frames.unit(index) for index in range(len(frames))))
    generator.shuffle(units)
    apart = set(units[: max(1, round(held_out * len(units)))])
    sides: dict[str, tuple[list[Part], list[Part]]] = {}
    for part in parts(frames):
        if part.label.condition == NORMAL:
            known, others = sides.setdefault(part.label.component, ([], []))
            (others if frames.unit(part.frame) in apart else known).append(part)
    return {
        kind: NormalParts(*(_some(own, most, generator) for own in both))
        for kind, both in sides.items()
    }


def parts(frames: Frames) -> list[Part]:
    """Return every part that can be judged by a crop, in the order of the frames."""
    return [
        Part(index, label)
        for index in range(len(frames))
        for label in frames.labels(index)
        if is_usable(label)
        and max(label.box.width, label.box.height) >= LEAST_SIDE_PX.get(label.component, 0)
    ]


def crops_of(
    wanted: Iterable[Part], frames: Frames, generator: np.random.Generator | None = None
) -> Iterator[Crop]:
    """Cut parts as a scan cuts them; with a generator by boxes that miss a little.

    Each frame is decoded once where its parts stand together.
    """
    frame, pixels = -1, np.zeros((0, 0), np.uint8)
    for part in wanted:
        if part.frame != frame:
            frame, pixels = part.frame, frames.pixels(part.frame)
        box = part.label.box if generator is None else jittered(part.label.box, generator)
        margin = CROP_MARGIN.get(part.label.component, DEFAULT_MARGIN)
        yield cut(pixels, box, margin)


def _some(found: Sequence[Part], most: int, generator: np.random.Generator) -> list[Part]:
    """Return at most so many, in order."""
    if len(found) <= most:
        return list(found)
    chosen = np.sort(generator.choice(len(found), most, replace=False))
    return [found[index] for index in chosen]
