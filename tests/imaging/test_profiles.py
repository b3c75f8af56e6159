"""Rows of equal things, drawn as waves and bars with exact direction and period."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging import profiles, resize
from catenary.imaging.profiles import Strip


def wave(angle_deg: float, period: float) -> NDArray[np.uint8]:
    """Return a (300, 300) picture of a band of waves, five times as broad as they are long."""
    y, x = np.mgrid[:300, :300] - 149.5
    angle = math.radians(angle_deg)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    bright = 100 + 80 * np.cos(2 * math.pi * along / period)
    return np.where(np.abs(across) < 2.5 * period, bright, 20).astype(np.uint8)


def bars(places: list[int], length: int = 200) -> NDArray[np.float32]:
    """Return a (24, length) strip with bright bars 6 px wide, blunt at one end."""
    strip = np.full((24, length), 20, np.float32)
    for place in places:
        strip[4:20, place - 3 : place + 3] = 200
        strip[4:12, place + 3 : place + 5] = 120
    return strip


@settings(max_examples=30, deadline=None)
# Drawn bars of less than 10 px repeat better on the grid of pixels: at 45 degrees and 9.5 px the
# third repetition fits so much better that it is taken for the first.
@given(angle_deg=st.floats(0, 179), period=st.floats(10, 30))
def test_direction_and_period_of_a_row_are_found(angle_deg: float, period: float):
    row = profiles.find_row(wave(angle_deg, period), 90.0, 90.0)
    assert row is not None
    assert abs((row.angle_deg - angle_deg + 90) % 180 - 90) < 4
    assert row.period_px == pytest.approx(period, rel=0.03)


def test_a_large_picture_is_measured_in_its_own_pixels():
    large = np.kron(wave(20.0, 15.0), np.ones((4, 4), np.uint8))
    row = profiles.find_row(large, 0.0, 45.0)
    assert row is not None
    assert row.period_px == pytest.approx(60, rel=0.03)


def test_things_that_differ_in_threes_are_counted_one_by_one():
    strip = np.full((48, 400), 20, np.uint8)
    for number, place in enumerate(range(20, 390, 24)):
        strip[6:42, place - 4 : place + 4] = (200, 150, 170)[number % 3]
    row = profiles.find_row(strip, 0.0, 10.0)
    assert row is not None
    assert row.period_px == pytest.approx(24, rel=0.03)


def test_the_dark_around_a_part_is_cut_off():
    picture = np.full((120, 300), 9, np.uint8)
    picture[40:70, 25:260] = 140
    picture[5, 280] = 255  # a hot pixel is no part
    assert profiles.lit(picture) == (slice(40, 70), slice(25, 260))


def test_of_a_blank_picture_nothing_is_cut_off():
    blank = np.full((20, 30), 9, np.uint8)
    assert blank[profiles.lit(blank)].shape == blank.shape


def test_a_blank_picture_has_no_row():
    assert profiles.find_row(np.full((100, 200), 77, np.uint8), 0.0, 90.0) is None


def level(pixels: NDArray[np.uint8], box: Box, angle_deg: float, scale: float) -> Strip:
    (strip,) = profiles.level(pixels, [box], angle_deg, scale)
    return strip


@given(angle_deg=st.floats(-90, 90), scale=st.floats(0.3, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_place_of_the_strip_is_where_it_was_in_the_picture(angle_deg: float, scale: float):
    picture = np.zeros((200, 260), np.uint8)
    picture[95:106, 145:156] = 255  # middle at (150, 100)
    strip = level(picture, Box(60, 40, 220, 170), angle_deg, scale)
    weight = strip.pixels / strip.pixels.sum()
    rows, columns = np.indices(weight.shape)
    x, y = strip.in_picture(float((weight * columns).sum()), float((weight * rows).sum()))
    assert (x, y) == (pytest.approx(150, abs=0.3), pytest.approx(100, abs=0.3))


def test_a_level_strip_has_its_waves_along_its_length():
    strip = level(wave(35.0, 20.0), Box(90, 90, 210, 210), 35.0, 1.0)
    height = strip.pixels.shape[0]
    core = strip.pixels[height // 2 - 10 : height // 2 + 10]
    assert core.mean(axis=0).std() > 5 * core.mean(axis=1).std()


def test_only_the_rows_that_repeat_are_kept():
    picture = np.zeros((90, 240), np.float32)
    picture[30:60] = np.cos(2 * np.pi * np.arange(240) / 16)
    rows = profiles.rows_with_period(picture, 16.0, 0.25)
    assert (rows.start, rows.stop) == (pytest.approx(30, abs=3), pytest.approx(60, abs=3))


def test_the_bare_rod_between_the_edges_of_the_sheds_belongs_to_the_rows():
    picture = np.zeros((90, 240), np.float32)
    picture[20:35] = picture[45:60] = np.cos(2 * np.pi * np.arange(240) / 16)
    rows = profiles.rows_with_period(picture, 16.0, 0.25)
    assert rows.start < 25
    assert rows.stop > 55


def test_padding_is_cut_off_and_places_stay_true():
    picture = np.zeros((40, 200), np.uint8)
    picture[:, 50:150] = 180
    strip = level(picture, Box(0, 0, 200, 40), 0.0, 1.0)
    part = profiles.trimmed(strip, slice(10, 30), 8.0)
    assert part.pixels.shape == (20, 100)
    assert part.in_picture(0.0, 0.0) == (pytest.approx(50, abs=0.6), pytest.approx(10, abs=0.6))


def test_waves_lose_what_is_constant_along_the_row():
    rod = np.repeat(np.linspace(10, 200, 24, dtype=np.float32)[:, None], 120, axis=1)
    assert np.abs(profiles.waves(rod, 20.0)).max() < 1e-2


def test_a_missing_bar_is_not_alike_and_its_neighbours_are():
    places = [30, 50, 70, 90, 130, 150, 170]
    strip = profiles.waves(bars(places), 20.0)
    likeness = profiles.likeness_near(strip, np.array(places), 10, 200.0)
    assert all(likeness[place] > 0.7 for place in places)
    assert likeness[104:117].max() < 0.4
    best = profiles.best_within(likeness, 20.0)
    assert 30 + int(best[30:170].argmin()) == pytest.approx(110, abs=8)


def test_the_first_template_is_one_that_most_places_are_like():
    places = [*range(30, 180, 20)]
    strip = bars(places)
    strip[:, :14] = np.random.default_rng(1).uniform(0, 255, (24, 14))
    likeness = profiles.likeness_to_one(profiles.waves(strip, 20.0), 20.0)
    at_bars = np.array([likeness[place - 10 : place + 10].max() for place in places])
    assert np.median(at_bars) > 0.9


def test_what_outshines_a_bar_is_not_alike():
    places = [30, 50, 70, 90, 110, 130, 150, 170]
    strip = bars(places)
    strip[:, 80:101] = (strip[:, 80:101] - 20) * 6 + 20
    known = np.array([place for place in places if place != 90])
    likeness = profiles.likeness_near(profiles.waves(strip, 20.0), known, 10, 200.0)
    assert likeness[90] < 0.5
    assert likeness[50] > 0.7


def test_contrast_is_evened_but_dark_noise_is_not_raised():
    picture = np.random.default_rng(2).normal(0, 1, (60, 400)).astype(np.float32)
    picture[:, 200:] += 60 * np.cos(2 * np.pi * np.arange(200) / 12)
    even = profiles.evened(picture)
    assert even[:, 20:150].std() < 0.2 * even[:, 250:380].std()


@pytest.mark.parametrize(("scale", "most"), [(0.05, 5), (0.11, 5), (0.2, 5), (0.3, 14)])
def test_a_strip_of_a_large_picture_is_that_of_one_wide_blur(scale: float, most: int):
    pixels = np.random.default_rng(0).integers(0, 256, (1201, 1603), np.uint8)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 0.2 / scale)
    pixels = cv2.normalize(pixels, None, 0, 255, cv2.NORM_MINMAX)
    strip = level(pixels, Box(500, 400, 1100, 800), 20.0, scale)
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale)
    height, length = strip.pixels.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    direct = cv2.warpAffine(
        soft, strip.to_picture, (length, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    missed = np.abs(strip.pixels - direct)
    # Of 255: where the blur is just as wide as a halved picture allows, it is the roughest.
    assert missed.max() <= most
    assert missed.mean() <= 2.5


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10_000), st.integers(1, 256))
@settings(max_examples=40, deadline=None)
def test_percentiles_of_grey_levels_are_those_of_numpy(
    height: int, width: int, seed: int, levels: int
):
    pixels = np.random.default_rng(seed).integers(0, levels, (height, width), np.uint8)
    shares = (0, 1, 37.5, 50, 99, 100)
    assert profiles.percentiles(pixels, shares) == pytest.approx(np.percentile(pixels, shares))


@pytest.mark.parametrize("angle", [0.0, 33.0, 90.0, 151.0])
@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0])
def test_a_strip_does_not_depend_on_what_lies_far_from_it(angle: float, scale: float):
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (600, 700), np.uint8)
    other = random.integers(0, 256, pixels.shape, np.uint8)
    other[200:400, 200:500] = pixels[200:400, 200:500]
    box = Box(300, 260, 380, 300)
    one, two = (level(each, box, angle, scale) for each in (pixels, other))
    assert np.array_equal(one.pixels, two.pixels)


@pytest.mark.parametrize("scale", [0.15, 0.3, 0.9])
def test_strips_of_several_boxes_are_those_of_each(scale: float):
    pixels = np.random.default_rng(4).integers(0, 256, (500, 640), np.uint8)
    boxes = [Box(200, 200, 440, 330), Box(180, 190, 460, 340)]
    for strip, box in zip(profiles.level(pixels, boxes, 20.0, scale), boxes, strict=True):
        assert np.array_equal(strip.pixels, level(pixels, box, 20.0, scale).pixels)


def test_a_strip_of_a_halved_picture_lies_where_it_does_in_the_whole_one():
    pixels = cv2.resize(wave(30.0, 16.0), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    whole = level(np.asarray(pixels, np.uint8), Box(300, 340, 800, 700), 30.0, 0.2)
    half = resize.halved(np.asarray(pixels, np.uint8), 1)
    same = level(half, Box(150, 170, 400, 350), 30.0, 0.4).in_full(0.5)
    assert same.scale == pytest.approx(whole.scale)
    assert same.in_picture(9.0, 4.0) == pytest.approx(whole.in_picture(9.0, 4.0), abs=1e-6)
    assert np.abs(same.pixels - whole.pixels).mean() < 2


@given(st.integers(1, 700), st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_rows_and_columns_with_light_are_those_that_counting_finds(
    height: int, width: int, seed: int
):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 60, (height, width), np.uint8)
    pixels[random.random(pixels.shape) < 0.02] = 255
    dark, bright = np.percentile(pixels[::2, ::2], (1, 99))
    is_lit = pixels > dark + 0.1 * (bright - dark) + 2
    for found, axis in zip(profiles.lit(pixels), (1, 0), strict=True):
        seen = np.flatnonzero(is_lit.mean(axis=axis) > 0.03)
        assert found == (slice(seen[0], seen[-1] + 1) if seen.size else slice(None))


@settings(max_examples=20, deadline=None)
@given(axis=st.integers(0, 2), length=st.integers(1, 9), seed=st.integers(0, 9))
def test_percentiles_along_an_axis_are_those_of_numpy(axis: int, length: int, seed: int):
    shape = [3, 4, 5]
    shape[axis] = length
    values = np.random.default_rng(seed).normal(0, 9, shape).astype(np.float32)
    found = profiles.percentiles_along(values, (0, 20, 50, 98), axis)
    assert found == pytest.approx(np.percentile(values, (0, 20, 50, 98), axis=axis), abs=1e-4)
    medians = np.median(values, axis=axis)
    assert profiles.medians_along(values, axis) == pytest.approx(medians, abs=1e-4)


@pytest.mark.parametrize(("period", "offset"), [(8.0, 0.0), (21.0, 0.0), (12.0, 180.0)])
def test_likeness_to_one_is_a_correlation_coefficient(period: float, offset: float):
    strip = np.random.default_rng(2).normal(offset, 20, (9, 160)).astype(np.float32)
    half = round(period) // 2
    likeness = profiles.likeness_to_one(strip, period)
    wide = np.pad(strip, ((0, 0), (half, half)), mode="edge")
    windows = [wide[:, at : at + 2 * half + 1].ravel() for at in range(160)]
    seed = int(likeness.argmax())
    assert likeness[seed] == pytest.approx(1.0, abs=1e-4)
    exact = [np.corrcoef(windows[seed], one)[0, 1] for one in windows]
    assert likeness == pytest.approx(np.clip(exact, 0, 1), abs=1e-4)


def test_a_line_of_a_strip_lies_where_its_points_do():
    strip = Strip(np.zeros((9, 20), np.float32), np.array([[0.6, -0.8, 5], [0.8, 0.6, -2]]), 1.0)
    x, y = np.array([0.0, 3.5, 19.0]), np.array([4.0, 1.25, 8.0])
    line = strip.line("edge", x, y)
    assert line.role == "edge"
    for point, place in zip(line.points, zip(x, y, strict=True), strict=True):
        expected = [one + 0.5 for one in strip.in_picture(*map(float, place))]
        assert point == pytest.approx(expected)
