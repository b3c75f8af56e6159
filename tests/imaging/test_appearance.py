import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.imaging.appearance import NAMES, appearance


def named(pixels: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, appearance(pixels), strict=True))


def test_an_even_crop_has_one_grey_level_and_nothing_fine():
    seen = named(np.full((40, 60), 90, np.uint8))
    levels = ("mean", "darkest", "median", "brightest", "border")
    assert all(seen[name] == 90 for name in levels)
    assert all(seen[name] == 0 for name in NAMES if name not in levels)


def test_half_dark_half_bright_is_worked_out_by_hand():
    pixels = np.zeros((10, 20), np.uint8)
    pixels[:, 10:] = 200
    seen = named(pixels)
    assert (seen["mean"], seen["deviation"]) == (100, 100)
    assert (seen["darkest"], seen["brightest"]) == (0, 200)
    assert seen["slope"] == pytest.approx(np.log1p(10 * 200 / 200))  # one step in each of ten rows


@given(st.integers(1, 300), st.integers(1, 300))
def test_any_crop_has_every_number(height: int, width: int):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    seen = appearance(pixels)
    assert len(seen) == len(NAMES)
    assert np.isfinite(seen).all()


def test_a_picture_of_twice_the_size_looks_the_same():
    small = np.random.default_rng(0).integers(0, 256, (48, 96), np.uint8)
    large = np.kron(small, np.ones((2, 2), np.uint8))
    assert appearance(large) == pytest.approx(appearance(small), abs=0.01)
