"""A small labelled set of drawn parts: quick to learn, so that a training can be run in a test."""

from pathlib import Path

import cv2
import numpy as np
from pydantic import TypeAdapter

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.training.settings import RANDOM, Kind, TrainingSettings


def drawn_sets(folder: Path, count: int = 6) -> tuple[Path, Path]:
    """Write a set to learn from and another to measure on; see `drawn_set`."""
    return drawn_set(folder / "train", count), drawn_set(folder / "validation", count, seed=1)


def drawn_set(
    folder: Path, count: int = 6, size: tuple[int, int] = (96, 128), seed: int = 0
) -> Path:
    """Write frames with a bright square (split_pin) and a tall bar (dropper, half of them cut).

    Returns:
        The label file.
    """
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images = []
    for number in range(count):
        pixels = random.integers(0, 30, size, dtype=np.uint8)
        x, y = (int(one) for one in random.integers(8, 30, 2))
        pixels[y : y + 16, x : x + 16] = 220
        left = int(random.integers(60, 100))
        pixels[10:80, left : left + 10] = 180
        is_cut = number % 2 == 1
        if is_cut:
            pixels[40:52, left : left + 10] = 0
        name = f"images/{number}.png"
        cv2.imwrite(str(folder / name), pixels)
        ref = ImageRef("run", str(number), name, name)
        labels = (
            Label("split_pin", Box(x, y, x + 16, y + 16)),
            Label("dropper", Box(left, 10, left + 10, 80), "broken" if is_cut else "normal"),
        )
        images.append(LabelledImage(ref, size[1], size[0], labels))
    path = folder / "labels.json"
    coco.write(LabelledSet(folder, tuple(images)), path)
    return path


def small_settings(kind: Kind, labels: tuple[Path, Path], output: Path) -> TrainingSettings:
    """Return two rounds of three steps, on tiles so small that a test has time for them."""
    train_on, measure_on = labels
    return TrainingSettings(
        kind=kind,
        train=(train_on,),
        validation=(measure_on,),
        output=output,
        epochs=2,
        steps_per_epoch=3,
        batch=4,
        picture_px=64,
        long_side_px=128,
        warmup_steps=1,
        weights=RANDOM,
        augment=0.0,
        ema_decay=0.5,
    )


def written(settings: TrainingSettings, path: Path) -> Path:
    """Write settings as a file that the command reads; JSON is YAML."""
    path.write_bytes(TypeAdapter(TrainingSettings).dump_json(settings))
    return path
