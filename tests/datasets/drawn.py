"""Labelled sets for the tests of formats: real pictures on disk, any labels on them."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st

from catenary.datasets.corners import in_order, turned
from catenary.datasets.formats import FORMATS
from catenary.datasets.labels import Keypoint, Label, LabelledImage, LabelledSet
from catenary.datasets.reading import around, new_ref
from catenary.domain.geometry import Box, Polyline

WIDTH, HEIGHT = 200, 160
NAMES = ("dropper", "绝缘子 <&>", 'split "pin"')
IMAGES = ("甲站/1.png", "2.png", "3.png")

quarters = st.integers(0, 4 * 150).map(lambda value: value / 4)
sides = st.integers(1, 4 * 50).map(lambda value: value / 4)
boxes = st.builds(
    lambda x, y, wide, high: Box(x, y, min(x + wide, WIDTH), min(y + high, HEIGHT)),
    st.one_of(quarters, st.just(0.0), st.just(WIDTH - 0.25)),
    st.one_of(quarters, st.just(0.0), st.just(HEIGHT - 0.25)),
    sides,
    sides,
)
whole_boxes = st.builds(
    lambda x, y, wide, high: Box(x, y, min(x + wide, WIDTH), min(y + high, HEIGHT)),
    *(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)),
    *(st.integers(1, 90), st.integers(1, 90)),
)
shares = st.floats(0, 1, allow_nan=False)
# XML knows no control characters, and outer blanks of a text are nobody's name.
texts = st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), max_size=8)
part_ids = texts.map(str.strip)
points = st.tuples(quarters, quarters)
keypoints = st.lists(
    st.builds(
        lambda name, point, is_visible: Keypoint(name, *point, is_visible),
        st.sampled_from(["lower_clamp", "上夹", "head"]),
        points,
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda point: point.name,
).map(lambda found: tuple(sorted(found, key=lambda point: point.name)))
wires = st.builds(Polyline, st.just("承力索"), st.lists(points, min_size=2, max_size=4).map(tuple))


def with_corners(label: Label, angle: float, is_tight: bool = True) -> Label:
    """Return the label turned clockwise about its top left corner.

    ``is_tight`` gives it the box around the corners; else it keeps its own, as around pixels.
    """
    corners = turned(label.box.x0, label.box.y0, label.box.width, label.box.height, angle)
    box = Box(*around(corners)).clipped(WIDTH, HEIGHT) if is_tight else label.box
    return label if box is None else replace(label, box=box, corners=in_order(corners))


def one_set(rows: list[list[Label]]) -> LabelledSet:
    """Return a set with one image for each list of labels."""
    images = tuple(
        LabelledImage(new_ref(Path("set"), name), WIDTH, HEIGHT, tuple(labels))
        for name, labels in zip(IMAGES, rows, strict=False)
    )
    return LabelledSet(Path("set"), images)


def there_and_back(form: str, rows: list[list[Label]], folder: Path) -> list[list[Label]]:
    """Write the labels in a format, with pictures where it wants them, and read them."""
    written = FORMATS[form]
    labelled = one_set(rows)
    placed = []
    for image in labelled.images:
        name = f"{written.images}/{image.ref.file_name}"
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture())
        placed.append(replace(image, ref=new_ref(folder, name)))
    written.write(LabelledSet(folder, tuple(placed)), folder, NAMES)
    found = written.read(folder).labelled
    by_name = {image.ref.file_name: image for image in found.images}
    assert sorted(by_name) == sorted(image.ref.file_name for image in placed)
    assert {(image.width, image.height) for image in found.images} <= {(WIDTH, HEIGHT)}
    return [list(by_name[image.ref.file_name].labels) for image in placed]


@cache
def picture(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> bytes:
    """Return a PNG of dull shapes that differs with the seed."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (6, 8)).astype(np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def near(one: Label, other: Label, pixels: float) -> bool:
    """Tell whether two labels agree, coordinates within ``pixels``."""
    if _names(one) != _names(other) or len(_numbers(one)) != len(_numbers(other)):
        return False
    places = {name: getattr(other, name) for name in ("box", "lines", "keypoints", "corners")}
    return replace(one, **places) == other and np.allclose(
        _numbers(one), _numbers(other), rtol=0, atol=pixels
    )


def _names(label: Label) -> list[object]:
    points = [(point.name, point.is_visible) for point in label.keypoints]
    return [*(line.role for line in label.lines), *points]


def _numbers(label: Label) -> list[float]:
    box = label.box
    lines = [value for line in label.lines for point in line.points for value in point]
    points = [value for point in label.keypoints for value in (point.x, point.y)]
    corners = [value for corner in label.corners for value in corner]
    return [box.x0, box.y0, box.x1, box.y1, *lines, *points, *corners]
