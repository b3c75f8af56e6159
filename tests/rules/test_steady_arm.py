"""Steady arms 定位器 drawn with exact truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.refusal import Unjudged
from catenary.rules.steady_arm import SteadyArmLimits, ends, shape, slope
from tests.rules.tubes import Arm, value

LIMITS = SteadyArmLimits()
# Tips of 3 % do not count, and the chord's ends are the means of 5 % more on each side.
INNER = 0.89
RULES = (shape, slope, ends)


def all_of(arm: Arm) -> list[Evidence]:
    crop = arm.crop()
    return [rule(crop, LIMITS) for rule in RULES]


@settings(max_examples=12, deadline=None)
@given(slope_deg=st.floats(-6, 24), width=st.sampled_from([8.0, 14.0, 22.0]), night=st.booleans())
def test_a_straight_arm_that_is_held_is_normal(slope_deg: float, width: float, night: bool):
    for evidence in all_of(Arm(slope_deg=slope_deg, width=width, night=night)):
        assert evidence.verdict is Verdict.NORMAL
        assert evidence.score is not None
        assert evidence.score < 0.4


@pytest.mark.parametrize("bow", [0.03, 0.06, 0.1])
@pytest.mark.parametrize("slope_deg", [-6.0, 5.0, 20.0])
def test_a_bow_of_n_percent_is_measured_as_n(bow: float, slope_deg: float):
    evidence = shape(Arm(bow=bow, slope_deg=slope_deg).crop(), LIMITS)
    assert value(evidence, "bow") == pytest.approx(INNER * bow, rel=0.1)
    assert value(evidence, "off_curve") < 0.004
    assert (evidence.condition, evidence.verdict) == ("bent", Verdict.DEFECT)


def test_an_arm_that_is_curved_by_design_is_allowed_by_its_bow():
    curved = SteadyArmLimits(bow=0.07)
    assert shape(Arm(bow=0.06).crop(), curved).verdict is Verdict.NORMAL
    assert shape(Arm(bow=0.10).crop(), curved).verdict is Verdict.DEFECT


def test_a_kink_is_no_even_curve():
    curved = SteadyArmLimits(bow=0.2)
    evidence = shape(Arm(kink=0.1, width=8.0).crop(), curved)
    # Of a triangle of height 1 over -1..1 the parabola of least absolute deviations is 0.19 off.
    assert value(evidence, "off_curve") == pytest.approx(0.1 * 0.19, rel=0.35)
    assert evidence.verdict is Verdict.DEFECT


@pytest.mark.parametrize("slope_deg", [-6.0, 0.0, 18.0, 45.0, 75.0])
def test_the_slope_is_measured_to_a_degree(slope_deg: float):
    evidence = slope(Arm(slope_deg=slope_deg).crop(), LIMITS)
    assert value(evidence, "arm_angle") == pytest.approx(slope_deg, abs=0.7)
    assert value(evidence, "slope") == pytest.approx(abs(slope_deg), abs=0.7)
    assert (evidence.verdict is Verdict.DEFECT) == (abs(slope_deg) > LIMITS.slope_deg)


@pytest.mark.parametrize("slope_deg", [-6.0, 35.0, 75.0])
def test_the_angle_is_drawn_between_the_level_and_the_arm(slope_deg: float):
    drawn = {one.role: one.points for one in slope(Arm(slope_deg=slope_deg).crop(), LIMITS).traces}
    (x0, y0), (x1, y1) = drawn["level"]
    assert y0 == y1
    upper, lower = drawn["arm"]
    assert upper == (x0, y0)
    assert lower[1] > upper[1]
    assert (lower[0] - upper[0]) * (x1 - x0) > 0
    for point, degrees in zip((drawn["angle"][0], drawn["angle"][-1]), (0.0, 1.0), strict=True):
        at = math.degrees(math.atan2(point[1] - y0, abs(point[0] - x0)))
        assert at == pytest.approx(degrees * abs(slope_deg), abs=0.7)


@pytest.mark.parametrize("is_held", [(True, False), (False, True)])
@pytest.mark.parametrize("slope_deg", [-1.0, 25.0])
def test_an_end_that_nothing_holds_is_off(is_held: tuple[bool, bool], slope_deg: float):
    arm = Arm(slope_deg=slope_deg, is_held=is_held)
    crop = arm.crop()
    evidence = ends(crop, LIMITS)
    assert (evidence.condition, evidence.verdict) == ("off", Verdict.DEFECT)
    (mark,) = [line for line in evidence.traces if line.role == "end"]
    free = arm.ends[is_held.index(False)]
    at = mark.points[0][0] + crop.x0, mark.points[0][1] + crop.y0
    assert math.dist(at, free) < arm.width


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.35, 1.3), offset=st.floats(0, 40))
def test_exposure_does_not_change_what_is_measured(gain: float, offset: float):
    first, second = (
        shape(one.crop(), LIMITS)
        for one in (
            Arm(bow=0.05, noise=0.0),
            Arm(bow=0.05, noise=0.0, gain=gain, offset=offset),
        )
    )
    for name, near in (("bow", 0.003), ("arm_angle", 0.6), ("arm_length", 25.0)):
        assert value(second, name) == pytest.approx(value(first, name), abs=near)


@pytest.mark.parametrize(("noise", "blur"), [(8.0, 0.7), (2.0, 2.5), (5.0, 1.8)])
def test_noise_and_blur_neither_hide_damage_nor_make_it(noise: float, blur: float):
    for evidence in all_of(Arm(noise=noise, blur=blur)):
        assert evidence.verdict is Verdict.NORMAL
    bent = shape(Arm(bow=0.05, noise=noise, blur=blur).crop(), LIMITS)
    assert value(bent, "bow") == pytest.approx(INNER * 0.05, rel=0.15)
    assert ends(Arm(is_held=(True, False), noise=noise, blur=blur).crop(), LIMITS).verdict is (
        Verdict.DEFECT
    )


@settings(max_examples=10, deadline=None)
@given(roll_deg=st.floats(-25, 25))
def test_a_rolled_camera_changes_neither_bow_nor_length(roll_deg: float):
    evidence = shape(Arm(bow=0.05, roll_deg=roll_deg).crop(), LIMITS)
    assert value(evidence, "bow") == pytest.approx(INNER * 0.05, rel=0.12)
    assert value(evidence, "arm_length") == pytest.approx(220, rel=0.12)
    assert value(evidence, "arm_angle") == pytest.approx(6 + roll_deg, abs=1.0)


def test_edges_are_drawn_on_both_sides_of_the_arm():
    arm = Arm(slope_deg=0.0)
    crop = arm.crop()
    edges = [line for line in shape(crop, LIMITS).traces if line.role == "edge"]
    rows = sorted(float(np.median([y for _, y in line.points])) for line in edges)
    middle = arm.ends[0][1] - crop.y0
    assert rows == pytest.approx([middle - 7, middle + 7], abs=0.8)


@pytest.mark.parametrize("grey", [0, 120])
def test_a_crop_without_a_tube_is_not_judged(grey: int):
    crop = Arm(night=False).crop()
    blank = type(crop)(np.full_like(crop.pixels, grey), 0, 0, crop.inner)
    for rule in RULES:
        evidence = rule(blank, LIMITS)
        assert evidence.verdict is Verdict.CANNOT_JUDGE
        assert evidence.reason == Unjudged.NO_TUBE


def test_thin_and_faint_arms_are_not_judged():
    thin, faint = Arm(width=3.0, noise=0.5), Arm(gain=0.04, noise=0.5)
    for arm, reasons in (
        (thin, {Unjudged.THIN_TUBE, Unjudged.NO_TUBE}),
        (faint, {Unjudged.LOW_CONTRAST, Unjudged.NO_TUBE}),
    ):
        for evidence in all_of(arm):
            assert evidence.verdict is Verdict.CANNOT_JUDGE
            assert evidence.reason in reasons


@pytest.mark.parametrize("shape_px", [(4, 4), (23, 23), (200, 5)])
def test_small_crops_are_not_judged(shape_px: tuple[int, int]):
    crop = Arm().crop()
    box = type(crop.inner)(0, 0, shape_px[1], shape_px[0])
    small = type(crop)(np.zeros(shape_px, np.uint8), 0, 0, box)
    for rule in RULES:
        assert rule(small, LIMITS).reason == Unjudged.TOO_SMALL


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), height=st.integers(1, 90), width=st.integers(1, 140))
def test_any_crop_gets_an_answer(seed: int, height: int, width: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    crop = Arm().crop()
    box = type(crop.inner)(0, 0, width, height)
    for rule in RULES:
        evidence = rule(type(crop)(pixels, 0, 0, box), LIMITS)
        assert (evidence.score is None) == (evidence.verdict is Verdict.CANNOT_JUDGE)
