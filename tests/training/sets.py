"""A small labelled set of drawn parts: quick to learn, so that a training can be run in a test."""

from pathlib import Path

import cv2
import numpy as np

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef


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
