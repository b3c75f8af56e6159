"""Nests and films 异物 drawn with exact truth."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.domain.finding import Component, Verdict
from catenary.domain.geometry import Box
from catenary.rules.foreign_object import KIND, ForeignLimits, located

LIMITS = ForeignLimits()
SCALE = 0.5  # px per mm: a clevis of 130 mm is 65 px
TUBES = (((100, 200), (1100, 180)), ((100, 720), (1100, 700)), ((200, 200), (260, 720)))
PARTS = tuple(
    Component("clevis", Box(x, y, x + 65, y + 48), 0.9)
    for x, y in ((160, 180), (860, 170), (150, 690), (900, 680))
)


def frame(
    sky: float = 8.0,
    steel: float = 170.0,
    *,
    film: tuple[float, float, float, float] | None = None,
    nest: tuple[float, float, float] | None = None,
    noise: float = 1.5,
    roll_deg: float = 0.0,
) -> NDArray[np.uint8]:
    """Draw tubes of 30 px in 900 x 1200 px, and a film (x, y, wide, high) or a nest (x, y, r)."""
    picture = np.full((900, 1200), sky, np.float64)
    for first, last in TUBES:
        cv2.line(picture, first, last, steel, 30, cv2.LINE_AA)
    if film:
        x, y, wide, high = film
        cv2.ellipse(picture, ((x, y), (wide, high), 0), 0.6 * steel + 0.4 * sky, -1)
    if nest:
        x, y, radius = nest
        random = np.random.default_rng(0)
        cv2.circle(
            picture, (round(x), round(y)), round(0.8 * radius), 0.15 * steel + 0.85 * sky, -1
        )
        for _ in range(400):
            turn, share = random.uniform(0, 2 * np.pi), math.sqrt(random.random())
            middle = np.array([x, y]) + 0.8 * radius * share * np.array(
                [np.cos(turn), np.sin(turn)]
            )
            lie = random.normal(size=2)
            step = 0.35 * radius * lie / np.hypot(*lie)
            ends = [tuple(int(v) for v in middle + k * step) for k in (-1, 1)]
            grey = sky + (steel - sky) * random.uniform(0.2, 0.7)
            cv2.line(picture, ends[0], ends[1], grey, 2, cv2.LINE_AA)
    if roll_deg:
        turn = cv2.getRotationMatrix2D((600, 450), roll_deg, 1.0)
        picture = cv2.warpAffine(picture, turn, (1200, 900), borderValue=sky)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += np.random.default_rng(1).normal(0, noise, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", [(8.0, 170.0), (30.0, 120.0)])
def test_a_mast_with_nothing_on_it_raises_nothing(light: tuple[float, float]):
    assert located(frame(*light), PARTS, LIMITS) == ()


def test_by_day_nothing_is_told():
    assert located(frame(190.0, 40.0, nest=(560, 450, 100)), PARTS, LIMITS) == ()


def test_a_shadow_is_nothing_that_hangs_there():
    pixels = frame(30.0)
    cv2.ellipse(pixels, ((600, 450), (140, 180), 0), 2, -1)
    assert located(pixels, PARTS, LIMITS) == ()


def test_a_loop_of_cable_only_goes_around():
    pixels = frame()
    cv2.ellipse(pixels, ((600, 450), (170, 170), 0), 150, 12)
    cv2.ellipse(pixels, ((600, 450), (115, 115), 0), 150, 6)
    assert located(pixels, PARTS, LIMITS) == ()


@settings(max_examples=8, deadline=None)
@given(
    size_mm=st.floats(310, 500),
    x=st.integers(450, 800),
    steel=st.floats(60, 220),
    noise=st.floats(0, 3),
)
def test_the_thickness_of_a_film_is_measured(size_mm: float, x: int, steel: float, noise: float):
    light = (8.0, steel)
    size = size_mm * SCALE
    pixels = frame(*light, film=(x, 450, size, 1.4 * size), noise=noise)
    (found,) = located(pixels, PARTS, LIMITS)
    said = found.evidence
    assert (found.component.kind, said.condition) == (KIND, "film")
    assert said.verdict is Verdict.DEFECT
    thickness, roughness = said.measurements
    assert thickness.value == pytest.approx(size_mm, rel=0.2)
    assert roughness.value < LIMITS.rough
    assert found.component.box.contains(x, 450)


@pytest.mark.parametrize("light", [(8.0, 170.0), (25.0, 220.0)])
@pytest.mark.parametrize("roll_deg", [-12.0, 0.0, 20.0])
def test_what_is_of_twigs_is_a_nest(light: tuple[float, float], roll_deg: float):
    pixels = frame(*light, nest=(560, 450, 100), roll_deg=roll_deg)
    (found,) = located(pixels, PARTS, LIMITS)
    assert found.evidence.condition == "nest"
    assert found.evidence.measurements[1].value > LIMITS.rough


@settings(max_examples=5, deadline=None)
@given(gain=st.floats(0.3, 1.3), offset=st.floats(0, 20))
def test_exposure_changes_neither_size_nor_name(gain: float, offset: float):
    pixels = frame(8 * gain + offset, 170 * gain + offset, nest=(560, 450, 100))
    (found,) = located(pixels, PARTS, LIMITS)
    assert found.evidence.condition == "nest"
    assert found.evidence.measurements[0].value == pytest.approx(360, rel=0.25)


def test_the_same_thing_is_smaller_where_fittings_are_larger():
    pixels = frame(film=(600, 450, 160, 200))
    doubled = [
        Component("clevis", Box(one.box.x0, one.box.y0, one.box.x0 + 130, one.box.y1), 0.9)
        for one in PARTS
    ]
    assert located(pixels, PARTS, LIMITS)
    assert located(pixels, doubled, LIMITS) == ()


def test_a_thing_below_the_limit_is_not_told():
    size = 0.75 * LIMITS.thickness_mm * SCALE
    assert located(frame(film=(600, 450, size, 2 * size)), PARTS, LIMITS) == ()


def test_a_located_fitting_is_no_foreign_object():
    pixels = frame(film=(600, 450, 160, 180))
    fitting = Component("insulator", Box(520, 360, 680, 540), 0.9)
    assert located(pixels, (*PARTS, fitting), LIMITS) == ()


@pytest.mark.parametrize("kind", ["dropper", "steady_arm", "cantilever", "messenger_wire"])
def test_parts_whose_box_is_mostly_empty_hide_nothing(kind: str):
    pixels = frame(film=(600, 450, 160, 180))
    assert located(pixels, (*PARTS, Component(kind, Box(520, 360, 680, 540), 0.9)), LIMITS)


def test_what_goes_on_past_the_edge_is_mast_or_roof():
    assert located(frame(film=(600, 860, 200, 300)), PARTS, LIMITS) == ()


def test_a_pole_is_none():
    pixels = frame()
    cv2.rectangle(pixels, (560, 230), (650, 680), 90, -1)
    assert located(pixels, PARTS, LIMITS) == ()


def test_far_from_all_parts_nothing_is_told():
    pixels = frame(film=(900, 450, 160, 180))
    near = [one for one in PARTS if one.box.x0 < 200]
    assert located(pixels, PARTS, LIMITS)
    assert located(pixels, near, LIMITS) == ()


def test_before_a_restless_background_nothing_is_told():
    pixels = frame(film=(600, 450, 160, 200))
    random = np.random.default_rng(3)
    for x, y in random.integers(0, (1200, 900), (700, 2)).tolist():
        cv2.circle(pixels, (x, y), 16, int(random.integers(40, 255)), -1)
    assert located(pixels, PARTS, LIMITS) == ()


def test_without_a_part_of_known_size_nothing_is_told():
    pixels = frame(film=(600, 450, 160, 200))
    assert located(pixels, (), LIMITS) == ()
    assert located(pixels, [Component("bolt", Box(600, 400, 620, 420), 0.9)], LIMITS) == ()
    unsure = [Component(one.kind, one.box, 0.2) for one in PARTS]
    assert located(pixels, unsure, LIMITS) == ()


def test_a_whole_dropper_alone_tells_the_size():
    pixels = frame(film=(600, 450, 160, 200))
    whole = Component("dropper", Box(560, 100, 600, 700), 0.9)
    cut = Component("dropper", Box(560, 0, 600, 600), 0.9)
    assert located(pixels, [whole], LIMITS)
    assert located(pixels, [cut], LIMITS) == ()


def test_the_outline_is_drawn_around_it():
    (found,) = located(frame(film=(600, 450, 160, 180)), PARTS, LIMITS)
    (line,) = found.evidence.traces
    x, y = np.array(line.points).T
    assert line.role == "outline"
    assert (x.min(), x.max()) == pytest.approx((520, 680), abs=8)
    assert (y.min(), y.max()) == pytest.approx((360, 540), abs=8)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 9999),
    height=st.integers(8, 120),
    width=st.integers(8, 160),
    size=st.floats(2, 200),
)
def test_any_picture_gets_an_answer(seed: int, height: int, width: int, size: float):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    part = Component("clamp", Box(0, 0, size, size), 1.0)
    assert len(located(pixels, [part], LIMITS)) >= 0
