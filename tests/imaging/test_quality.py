"""Frames that nobody could judge are named; dark sky alone is no reason."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.imaging.quality import Quality, QualityLimits, assess

LIMITS = QualityLimits()
REAL = Path(os.environ.get("CATENARY_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))


def night(exposure: float = 1.0, blur_px: float = 0.0, noise: float = 2.0) -> NDArray[np.uint8]:
    """Return a (1200, 1600) night frame: three tubes and two wires, the rest black sky."""
    picture = np.zeros((1200, 1600), np.float32)
    for start, end in (
        ((500, 700), (1599, 650)),
        ((900, 500), (1599, 900)),
        ((480, 760), (900, 790)),
    ):
        cv2.line(picture, start, end, 220.0, 22, cv2.LINE_AA)
        cv2.line(picture, start, end, 250.0, 8, cv2.LINE_AA)
    cv2.line(picture, (1000, 0), (850, 1199), 110.0, 5, cv2.LINE_AA)
    cv2.line(picture, (1100, 0), (880, 1199), 70.0, 3, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), max(blur_px, 0.7)) * exposure
    picture += np.random.default_rng(0).normal(3.0, noise, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def noise_only(grey: float, spread: float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    values = np.random.default_rng(1).normal(grey, spread, shape)
    return values.clip(0, 255).astype(np.uint8)


def value(quality: Quality, name: str) -> float:
    return next(one.value for one in quality.measurements if one.name == name)


def test_sharp_night_frame_is_usable_although_its_mean_grey_is_low():
    frame = night()
    quality = assess(frame, LIMITS)
    assert frame.mean() < 15
    assert quality.is_usable
    assert (quality.reason, quality.message) == ("", "")


@pytest.mark.parametrize("exposure", [0.25, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("noise", [0.0, 4.0, 8.0])
def test_exposure_and_noise_do_not_make_a_sharp_frame_unusable(exposure: float, noise: float):
    assert assess(night(exposure, noise=noise), LIMITS).is_usable


@pytest.mark.parametrize("exposure", [0.25, 1.0])
@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize("blur_px", [8.0, 12.0])
def test_out_of_focus_frame_is_blurred_at_any_exposure(
    exposure: float, noise: float, blur_px: float
):
    quality = assess(night(exposure, blur_px, noise), LIMITS)
    assert quality.reason == "blurred"
    assert "focus" in quality.message


def test_more_sky_does_not_change_the_sharpness():
    half = night(noise=0.0)[:, 400:]
    framed = np.pad(half, ((0, 0), (400, 0)), constant_values=3)
    near, far = (value(assess(one, LIMITS), "sharpness") for one in (half, framed))
    assert framed.mean() < 0.85 * half.mean()
    assert near == pytest.approx(far, rel=0.3)  # the reduction differs with the frame's size


@pytest.mark.parametrize("grey", [0, 3, 12])
def test_frame_without_flash_is_too_dark(grey: int):
    quality = assess(noise_only(grey, 2.0, (1200, 1600)), LIMITS)
    assert quality.reason == "too_dark"
    assert "flash" in quality.message


def test_limit_of_darkness_is_the_brightest_thousandth():
    frame = np.zeros((1000, 1000), np.uint8)
    frame[:, 400:420] = LIMITS.bright_grey - 1
    assert assess(frame, LIMITS).reason == "too_dark"
    frame[:, 400:420] = LIMITS.bright_grey
    assert assess(frame, LIMITS).is_usable


def test_limit_of_saturation_is_a_quarter_of_the_frame():
    frame = np.zeros((1000, 1000), np.uint8)
    frame[:, :250] = 255
    assert assess(frame, LIMITS).is_usable
    frame[:, :251] = 255
    quality = assess(frame, LIMITS)
    assert quality.reason == "saturated"
    assert "25%" in quality.message


def test_limit_of_contrast_is_the_height_of_the_strongest_edge():
    frame = np.full((1000, 1000), 40, np.uint8)
    frame[:, 500:] = 40 + int(LIMITS.min_contrast) - 1
    assert assess(frame, LIMITS).reason == "empty"
    frame[:, 500:] = 40 + int(LIMITS.min_contrast)
    assert assess(frame, LIMITS).is_usable


@pytest.mark.parametrize("grey", [60, 130, 220])
def test_uniform_frame_is_empty(grey: int):
    assert assess(np.full((1200, 1600), grey, np.uint8), LIMITS).reason == "empty"


@pytest.mark.parametrize("spread", [4.0, 15.0, 40.0])
@pytest.mark.parametrize("shape", [(500, 600), (1200, 1600)])
def test_noise_alone_is_empty(spread: float, shape: tuple[int, int]):
    assert assess(noise_only(90.0, spread, shape), LIMITS).reason == "empty"


def test_sky_that_fades_smoothly_is_empty():
    frame = np.tile(np.linspace(20, 220, 1600), (1200, 1)).astype(np.uint8)
    assert assess(frame, LIMITS).reason == "empty"


def test_one_thin_wire_is_enough_structure():
    frame = noise_only(4.0, 2.0, (1200, 1600))
    cv2.line(frame, (700, 0), (820, 1199), 70, 4)
    assert assess(frame, LIMITS).is_usable


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (7, 9)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_tiny_frame_is_refused_not_an_error(shape: tuple[int, int], grey: int):
    assert not assess(np.full(shape, grey, np.uint8), LIMITS).is_usable


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), height=st.integers(1, 60), width=st.integers(1, 60))
def test_verdict_and_words_always_agree(seed: int, height: int, width: int):
    frame = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    quality = assess(frame, LIMITS)
    assert quality.is_usable == (quality.reason == "") == (quality.message == "")
    assert all(np.isfinite(one.value) and one.limit is not None for one in quality.measurements)


def test_frame_is_not_changed():
    frame = night()
    before = frame.copy()
    assess(frame, LIMITS)
    assert np.array_equal(frame, before)


def photographs(pattern: str) -> list[Path]:
    found = sorted(REAL.glob(pattern))
    if not found:
        pytest.skip(f"no {pattern} below CATENARY_REAL_DATA ({REAL})")
    return found


def read(path: Path) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return pixels.astype(np.uint8)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "pattern", ["night4c/1.png", "dropper_viblite/*.png", "cplid/*/*.jpg", "wires_pldu/*.jpg"]
)
def test_real_photographs_are_usable(pattern: str):
    for path in photographs(pattern):
        quality = assess(read(path), LIMITS)
        assert quality.is_usable, f"{path.name}: {quality.message}"


@pytest.mark.realdata
def test_real_insulator_strips_are_usable_but_for_one_blurred_photograph():
    paths = photographs("insulator_missing_disc/*.jpg")
    refused = [path.name for path in paths if not assess(read(path), LIMITS).is_usable]
    assert all(name.startswith("028_") for name in refused)  # enlarged from a defocused one
    assert len(refused) <= 0.03 * len(paths)


@pytest.mark.realdata
@pytest.mark.parametrize("blur_px", [8.0, 10.0])
@pytest.mark.parametrize("exposure", [0.25, 1.0])
def test_real_night_frame_out_of_focus_is_blurred(blur_px: float, exposure: float):
    frame = read(photographs("night4c/1.png")[0])
    blurred = (cv2.GaussianBlur(frame, (0, 0), blur_px) * exposure).astype(np.uint8)
    assert assess(blurred, LIMITS).reason == "blurred"
