"""Thin bright bars are found with their direction; edges and plates are not bars."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catenary.imaging import bars

SIDES = (3.0, 5.0)


def with_bar(angle_deg: float, height: float = 1.0, width: int = 4) -> NDArray[np.float32]:
    """Return a (64, 64) black picture with a bar through its middle, 40 px long."""
    large = np.zeros((512, 512), np.float32)
    dx, dy = math.cos(math.radians(angle_deg)) * 160, math.sin(math.radians(angle_deg)) * 160
    ends = (int(256 - dx), int(256 - dy)), (int(256 + dx), int(256 + dy))
    cv2.line(large, *ends, height, width * 8)
    small = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


@pytest.mark.parametrize("angle_deg", [0.0, 10.0, 33.0, 45.0, 90.0, 123.0, 178.0])
def test_direction_and_height_of_a_bar_are_measured(angle_deg: float):
    found = bars.find(with_bar(angle_deg, 0.8), 13, SIDES, 1)[0]
    off = abs(found.angle_deg - angle_deg) % 180
    assert min(off, 180 - off) < 3
    assert found.strength == pytest.approx(0.8, abs=0.15)
    across = (found.y - 31.5) * math.cos(math.radians(angle_deg)) - (found.x - 31.5) * math.sin(
        math.radians(angle_deg)
    )
    assert abs(across) < 2


def test_edge_of_a_plate_is_no_bar():
    plate = np.zeros((64, 64), np.float32)
    plate[:, 30:] = 1
    assert all(bar.strength < 0.02 for bar in bars.find(plate, 13, SIDES, 3))


def test_dark_bar_is_no_bright_one():
    assert max(bar.strength for bar in bars.find(1 - with_bar(40.0), 13, SIDES, 3)) < 0.3


@pytest.mark.parametrize("sides", [(3.0,), SIDES])
def test_dark_bars_are_bright_ones_of_the_negative(sides: tuple[float, ...]):
    picture = np.maximum(with_bar(20.0), 0.7 * with_bar(110.0)) + with_bar(65.0, 0.2, 9)
    both = [bars.bright_and_dark(bars.means(one, 13), 13, sides) for one in (picture, 1 - picture)]
    np.testing.assert_array_equal(both[0][0], bars.responses(picture, 13, sides))
    for one, other in zip(both[0], both[1][::-1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_two_crossing_bars_are_both_found_strongest_first():
    picture = np.maximum(with_bar(20.0, 1.0), with_bar(110.0, 0.6))
    found = bars.find(picture, 13, SIDES, 6)
    strengths = [bar.strength for bar in found]
    assert strengths == sorted(strengths, reverse=True)
    for true in (20.0, 110.0):
        assert any(abs(bar.angle_deg - true) < 5 and bar.strength > 0.4 for bar in found)


def test_empty_picture_has_no_bars():
    assert bars.find(np.zeros((20, 30), np.float32), 13, SIDES, 4) == []


def test_round_hole_is_dark_on_all_sides_and_a_groove_is_not():
    plate = np.ones((64, 64), np.float32)
    hole, groove = plate.copy(), plate.copy()
    cv2.circle(hole, (30, 34), 4, 0.2, -1)
    groove[:, 28:36] = 0.2
    assert bars.darkest_spot(hole, 8.0) == pytest.approx(0.8, abs=0.01)
    assert bars.darkest_spot(groove, 8.0) < 0.05
    assert bars.darkest_spot(plate, 8.0) == 0.0
