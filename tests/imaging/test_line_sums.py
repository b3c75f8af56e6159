"""Sums along lines, held against a picture that is blurred and asked along the line."""

import math

import cv2
import numpy as np
import pytest

from catenary.imaging.line_sums import LineSums

ANGLES = np.array([0.0, 17.0, 45.0, 90.0, 133.0])


def picture() -> np.ndarray:
    """Return 60 by 80 px with some bright places and nothing at its border."""
    random = np.random.default_rng(3)
    pixels = np.zeros((60, 80), np.float32)
    pixels[12:48, 12:68] = random.uniform(0, 4, (36, 56)) * (random.uniform(size=(36, 56)) < 0.2)
    return pixels


@pytest.mark.parametrize(("blur", "limit"), [(0.8, 0.07), (1.6, 0.02)])
def test_they_are_those_of_the_blurred_picture(blur: float, limit: float):
    pixels, (x, y) = picture(), (38.0, 31.0)
    soft = cv2.GaussianBlur(pixels, (0, 0), blur)
    sums = LineSums(pixels, (x, y))
    beside = np.arange(-20, 21)[:, None]
    steps = np.arange(-90, 90, 0.25)
    for angle, found in zip(np.radians(ANGLES), sums.along(ANGLES, blur), strict=True):
        columns = x + steps * math.cos(angle) - beside * math.sin(angle)
        rows = y + steps * math.sin(angle) + beside * math.cos(angle)
        places = columns.astype(np.float32), rows.astype(np.float32)
        expected = cv2.remap(soft, *places, cv2.INTER_CUBIC).sum(axis=1) / 4
        middle = found[sums.reach - 20 : sums.reach + 21]
        assert np.abs(middle - expected).max() < limit * expected.max()


def test_a_line_is_found_with_its_direction_and_distance():
    pixels = np.zeros((60, 80), np.float32)
    turn = math.radians(30)
    for step in np.arange(-25, 26):
        place = np.array([40, 30]) + step * np.array([math.cos(turn), math.sin(turn)])
        column, row = np.round(place + 5 * np.array([-math.sin(turn), math.cos(turn)])).astype(int)
        pixels[row, column] = 1
    sums = LineSums(pixels, (40.0, 30.0))
    angles = np.arange(0.0, 180.0)
    along = sums.along(angles, 0.8)
    which, beside = np.unravel_index(int(along.argmax()), along.shape)
    assert abs(angles[which] - 30) <= 1
    assert abs(beside - sums.reach - 5) <= 1


def test_what_is_taken_out_counts_no_more():
    pixels, places = picture(), np.zeros((60, 80), bool)
    places[20:30, 15:50] = True
    sums = LineSums(pixels, (40.0, 30.0))
    before = sums.along(ANGLES, 1.6)
    sums.take(places)
    without = LineSums(np.where(places, 0, pixels).astype(np.float32), (40.0, 30.0))
    more = np.append(ANGLES, 71.0)  # one that was not asked for before
    assert np.allclose(sums.along(more, 1.6), without.along(more, 1.6), atol=1e-4)
    assert not np.allclose(before, sums.along(ANGLES, 1.6), atol=1e-2)


def test_all_lines_of_a_direction_together_hold_the_whole_picture():
    pixels = picture()
    sums = LineSums(pixels, (0.0, 59.0)).along(ANGLES, 0.8).sum(axis=1)
    assert np.allclose(sums, pixels.sum(), rtol=0.01)
