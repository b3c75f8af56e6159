import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.imaging.shrink import shrunk


def picture(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (height // 5 + 1, width // 5 + 1), np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(8, 900), width=st.integers(8, 900), scale=st.floats(0.03, 1.0))
def test_the_size_is_right_and_no_side_vanishes(height: int, width: int, scale: float):
    small = shrunk(picture(height, width), scale)
    for side, given_px in zip(small.shape, (height, width), strict=True):
        lost = int(0.5 / scale)  # at most so many px at the far edge do not fill an area
        assert max(8, round((given_px - lost) * scale)) <= side <= max(8, round(given_px * scale))


@pytest.mark.parametrize("factor", [4, 8, 10])
def test_two_whole_steps_are_one(factor: int):
    large = picture(1200, 1600)
    once = cv2.resize(large, (1600 // factor, 1200 // factor), interpolation=cv2.INTER_AREA)
    assert np.abs(once.astype(int) - shrunk(large, 1 / factor)).max() <= 1


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.06, 0.9), height=st.integers(700, 1100), x=st.integers(30, 980))
def test_a_place_stays_where_it_is(scale: float, height: int, x: int):
    large = np.zeros((height, 1010), np.uint8)
    large[600:640, x - 15 : x + 15] = 255
    small = shrunk(large, scale).astype(float)
    rows, columns = np.indices(small.shape) + 0.5
    middle = [(axis * small).sum() / small.sum() for axis in (rows, columns)]
    assert middle == pytest.approx([620 * scale, x * scale], abs=0.6)


def test_a_picture_that_keeps_its_size_is_given_back():
    large = picture(40, 50)
    assert shrunk(large, 1.0) is large
