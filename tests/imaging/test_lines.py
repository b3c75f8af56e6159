"""Long thin things drawn at known places."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.geometry import Box
from catenary.imaging import lines


@settings(max_examples=20, deadline=None)
@given(turn_deg=st.floats(-89, 90), wire=st.sampled_from([20, 190]), thick=st.sampled_from([4, 9]))
def test_a_line_through_a_box_is_found_at_any_angle_and_in_both_polarities(
    turn_deg: float, wire: int, thick: int
):
    turn = math.radians(turn_deg)
    picture = np.full((300, 300), 100, np.uint8)
    far = np.array([math.cos(turn), math.sin(turn)]) * 400
    ends = [tuple(int(v) for v in 150 + sign * far) for sign in (-1, 1)]
    cv2.line(picture, ends[0], ends[1], wire, thick, cv2.LINE_AA)
    half_x, half_y = 50 * abs(math.cos(turn)) + 6, 50 * abs(math.sin(turn)) + 6
    axis = lines.through(picture, Box(150 - half_x, 150 - half_y, 150 + half_x, 150 + half_y))
    assert axis is not None
    off = math.degrees(axis.angle - turn)
    assert (off + 90) % 180 - 90 == pytest.approx(0, abs=2)
    beside = (150 - axis.y) * math.cos(axis.angle) - (150 - axis.x) * math.sin(axis.angle)
    assert abs(beside) < 4
    assert axis.sign == (1 if wire > 100 else -1)
    assert thick / 2 < axis.width < 3.3 * thick  # rough, rather too wide


def test_a_strip_along_a_line_maps_back_to_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (120, 160), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 2.0)
    axis = lines.Axis(80.0, 60.0, math.radians(30), -50.0, 50.0, 5.0, 1.0)
    strip, is_in = axis.strip(picture, 1.0, 10.0)
    assert strip.pixels.shape == (21, 100) == is_in.shape
    for column, row in ((10, 3), (50, 10), (90, 18)):
        x, y = strip.in_picture(column, row)
        assert is_in[row, column]
        assert strip.pixels[row, column] == pytest.approx(picture[round(y), round(x)], abs=12)


def test_what_lies_outside_the_picture_is_told():
    axis = lines.Axis(5.0, 5.0, 0.0, -5.0, 94.0, 5.0, 1.0)
    _, is_in = axis.strip(np.zeros((40, 100), np.uint8), 1.0, 12.0)
    assert not is_in[:7].any()
    assert is_in[8:, 1:-1].all()


def test_an_even_picture_has_no_line():
    assert lines.through(np.full((80, 90), 50, np.uint8), Box(20, 20, 60, 60)) is None
    assert lines.across(np.full((80, 90), 50, np.uint8), 480, 30.0, 5) == ()


def test_lines_across_a_picture_come_one_by_one():
    picture = np.full((400, 500), 10, np.uint8)
    for row in (80, 200, 330):
        cv2.line(picture, (0, row), (499, row + 20), 150, 5, cv2.LINE_AA)
    found = lines.across(picture, 480, 200.0, 8)
    rows = sorted(one.y + (250 - one.x) * math.tan(one.angle) for one in found)
    assert rows == pytest.approx([90, 210, 340], abs=3)
