"""A copy is found whatever was done to it; two masts of one build are no copies."""

import cv2
import numpy as np
import pytest

from catenary.datasets import near_duplicates
from catenary.datasets.near_duplicates import Likeness


def scene(seed: int, width: int = 640, height: int = 512) -> np.ndarray:
    """Return a colour picture of bars and fittings on dark sky; seeds differ in their places."""
    random = np.random.default_rng(seed)
    canvas = np.full((height, width, 3), 18, np.uint8)
    for _ in range(14):
        ends = random.integers(0, (width, height), (2, 2))
        colour = tuple(int(one) for one in random.integers(60, 230, 3))
        cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), colour, int(random.integers(2, 14)))
    for _ in range(25):
        centre = random.integers(0, (width, height)).tolist()
        colour = tuple(int(one) for one in random.integers(60, 250, 3))
        cv2.rectangle(canvas, centre, [centre[0] + 24, centre[1] + 16], colour, -1)
    return canvas


def hue(picture: np.ndarray, degrees: int) -> np.ndarray:
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + degrees // 2) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)


CHANGES = {
    "the same": lambda one: one,
    "mirrored": lambda one: one[:, ::-1],
    "upside down": lambda one: one[::-1],
    "turned by half": lambda one: one[::-1, ::-1],
    "recoloured": lambda one: hue(one, 30),
    "blurred": lambda one: cv2.GaussianBlur(one, (0, 0), 2.0),
    "brighter": lambda one: cv2.convertScaleAbs(one, alpha=1.3, beta=20),
    "darker": lambda one: cv2.convertScaleAbs(one, alpha=0.5),
    "smaller": lambda one: cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "compressed": lambda one: cv2.imdecode(
        cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR
    ),
    "cut to the middle": lambda one: one[60:-60, 80:-80],
    "cut to a corner": lambda one: one[:380, :470],
    "zoomed out on black": lambda one: cv2.copyMakeBorder(one, 60, 60, 80, 80, 0),
}


def found(*pictures: np.ndarray) -> list[near_duplicates.Copy]:
    sketches = [
        near_duplicates.sketch(np.ascontiguousarray(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY)))
        for one in map(np.ascontiguousarray, pictures)
    ]
    return near_duplicates.copies(sketches, Likeness(), lambda done, total: None)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_changed_copy_is_found_among_others(change, seed):
    one = scene(seed)
    pairs = found(scene(10), one, scene(11), CHANGES[change](one), scene(12))
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 3)]


def test_how_a_copy_was_made_is_told():
    one = scene(1)
    assert [pair.how for pair in found(one, one)] == ["whole"]
    assert [pair.how for pair in found(one, one[:, ::-1])] == ["mirrored"]
    assert [pair.how for pair in found(one, one[::-1, ::-1])] == ["mirrored"]
    assert [pair.how for pair in found(one, one[60:-60, 80:-80])] == ["part"]


def test_pictures_of_other_masts_are_no_copies():
    assert found(*map(scene, range(20, 40))) == []


def test_sky_without_anything_and_few_pixels_are_no_copies():
    random = np.random.default_rng(0)
    noise = [random.integers(0, 12, (256, 320, 3)).astype(np.uint8) for _ in range(3)]
    flat = np.full((256, 320, 3), 7, np.uint8)
    assert found(*noise, flat, flat + 1, np.full((1, 1, 3), 9, np.uint8)) == []
    assert found() == []


def test_a_repeated_audit_finds_the_same():
    pictures = [scene(1), scene(1)[60:-60, 80:-80], scene(2), hue(scene(2), 40)]
    assert found(*pictures) == found(*pictures)
