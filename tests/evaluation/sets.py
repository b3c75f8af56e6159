"""Labelled photographs and what a model says of them, written down instead of scanned."""

from pathlib import Path

import numpy as np

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.evaluation.compared import Compared
from catenary.evaluation.predictions import DataKind, Part, PredictedImage, Predictions

THRESHOLDS = {"dropper": 0.5, "insulator": 0.5}


def box(x: float, size: float = 100) -> Box:
    return Box(x, 0, x + size, size)


def label(x: float, condition: str = "normal", component: str = "dropper", **more) -> Label:
    return Label(component, box(x), condition, **more)


def part(
    x: float,
    probability: float | None = None,
    condition: str = "broken",
    component: str = "dropper",
    score: float = 0.9,
) -> Part:
    """Return a part in the place of ``label(x)``; not judged without a probability."""
    if probability is None:
        return Part(component, box(x), score, "not_judged")
    verdict = "defect" if probability >= 0.5 else "normal"
    return Part(component, box(x), score, verdict, condition, probability)


def photograph(
    number: int,
    labels: list[Label],
    parts: list[Part],
    mast: str = "",
    section: str = "站A",
) -> Compared:
    name = f"{number}.jpg"
    place = Mast("线", Direction.UP, section, mast or f"D{number}")
    ref = ImageRef("run", str(number), name, name, "01", "dropper", place)
    image = LabelledImage(ref, 4000, 3000, tuple(labels))
    return Compared(image, PredictedImage(str(number), name, Outcome.DONE, tuple(parts)))


def drawn_at_random(seed: int, images: int = 12) -> list[Compared]:
    """Return photographs with healthy and broken parts, found and raised more or less well."""
    random = np.random.default_rng(seed)
    return [_random_photograph(random, number) for number in range(images)]


def _random_photograph(random: np.random.Generator, number: int) -> Compared:
    labels, parts = [], []
    for place in range(int(random.integers(0, 6))):
        kind = str(random.choice(["dropper", "insulator"]))
        truth = Box(place * 150, 0, place * 150 + 100, float(random.integers(40, 120)))
        condition = str(random.choice(["normal", "broken", "slack"]))
        seen = random.random(2) < 0.15
        labels.append(
            Label(kind, truth, condition, is_ignored=bool(seen[0]), is_evident=not seen[1])
        )
        for _ in range(int(random.integers(0, 3))):
            dx, dy = random.normal(0, 18, 2)
            parts.append(_random_part(random, kind, truth.shifted(dx, dy)))
    for _ in range(int(random.integers(0, 4))):
        kind = str(random.choice(["dropper", "insulator"]))
        parts.append(_random_part(random, kind, box(float(random.integers(0, 900)))))
    return photograph(number, labels, parts, f"D{number // 2}")


def _random_part(random: np.random.Generator, kind: str, place: Box) -> Part:
    score, odds = (float(value) for value in random.random(2))
    verdict = "defect" if odds >= 0.5 else "normal"
    return Part(kind, place, score, verdict, str(random.choice(["broken", "slack"])), odds)


def predictions(compared: list[Compared], kind: DataKind = DataKind.SIMULATED) -> Predictions:
    images = tuple(one.predicted for one in compared)
    return Predictions("模型@1", "rules@1", "1", kind, THRESHOLDS, images)


def labelled(compared: list[Compared]) -> LabelledSet:
    return LabelledSet(Path(), tuple(one.image for one in compared))
