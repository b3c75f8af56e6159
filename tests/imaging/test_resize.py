"""Reduced pictures keep wires, brightness and the place of things."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.imaging import resize


@given(height=st.integers(1, 400), width=st.integers(1, 400), max_side_px=st.integers(1, 500))
def test_picture_fits_and_is_never_enlarged(height: int, width: int, max_side_px: int):
    frame = np.full((height, width), 77, np.uint8)
    small = resize.reduced(frame, max_side_px)
    assert max(small.pixels.shape) == min(max_side_px, max(height, width))
    assert small.factor == min(1.0, max_side_px / max(height, width))
    for length, full in zip(small.pixels.shape, frame.shape, strict=True):
        assert abs(length - full * small.factor) <= 0.5 or length == 1
    assert (small.pixels == 77).all()


def test_small_picture_is_returned_uncopied():
    frame = np.zeros((480, 640), np.uint8)
    assert resize.reduced(frame, 640).pixels is frame


@pytest.mark.parametrize("shape", [(2200, 3300), (2199, 3301), (2058, 2456)])
def test_place_found_in_the_small_picture_divides_back_to_the_frame(shape: tuple[int, int]):
    frame = np.zeros(shape, np.uint8)
    frame[1200:1216, 3 * shape[1] // 4 : 3 * shape[1] // 4 + 16] = 255
    small = resize.reduced(frame, 640)
    ys, xs = np.nonzero(small.pixels > 100)
    assert (xs.mean() + 0.5) / small.factor == pytest.approx(3 * shape[1] // 4 + 8, abs=3)
    assert (ys.mean() + 0.5) / small.factor == pytest.approx(1208, abs=3)


def test_halving_first_gives_the_picture_of_one_step():
    frame = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (1600, 2400), dtype=np.uint8), (0, 0), 3
    )
    direct = cv2.resize(frame, (500, 333), interpolation=cv2.INTER_AREA)
    difference = resize.reduced(frame, 500).pixels.astype(int) - direct
    assert np.abs(difference).mean() < 1
    assert np.abs(difference).max() <= 6


def test_one_pixel_wire_is_fainter_but_not_lost():
    frame = np.zeros((4000, 4000), np.uint8)
    frame[:, 2001] = 255
    assert (resize.reduced(frame, 1000).pixels.max(axis=1) >= 255 // 4 - 1).all()


def test_side_below_one_pixel_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        resize.reduced(np.zeros((8, 8), np.uint8), 0)


@pytest.mark.parametrize(
    ("shape", "off"),
    [((1040, 2064), 1), ((1041, 2069), 4), ((300, 2000), 0), ((100, 60), 0)],
)
def test_averaging_in_steps_gives_the_picture_of_one_step(shape: tuple[int, int], off: int):
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 3.0)  # an odd pixel left out moves little then
    height, width = min(shape[0], 128), min(shape[1], 128)
    direct = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    ours = resize.averaged(pixels, height, width)
    assert np.abs(direct.astype(int) - ours).max() <= off


def test_pixels_of_a_halved_picture_are_means_of_blocks():
    pixels = np.arange(0, 160, 2, np.uint8).reshape(8, 10)
    blocks = pixels.reshape(2, 4, 10)[:, :, :8].reshape(2, 4, 2, 4).mean(axis=(1, 3))
    assert np.abs(resize.halved(pixels, 2) - blocks).max() <= 1
