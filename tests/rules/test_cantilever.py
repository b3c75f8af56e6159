"""Cantilever tubes 腕臂 drawn with exact truth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Verdict
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules.cantilever import CantileverLimits, shape
from tests.rules.tubes import Arm, value

LIMITS = CantileverLimits()
ALONE = {"has_pipe": False, "is_held": (False, False), "length": 260.0}


@settings(max_examples=12, deadline=None)
@given(roll_deg=st.floats(-90, 90), night=st.booleans())
def test_a_straight_tube_is_normal_at_any_angle(roll_deg: float, night: bool):
    evidence = shape(Arm(roll_deg=roll_deg, night=night, **ALONE).crop(), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("bent", Verdict.NORMAL)
    turned = (value(evidence, "tube_angle") - 6 - roll_deg + 90) % 180 - 90
    assert turned == pytest.approx(0, abs=0.7)
    assert value(evidence, "tube_length") == pytest.approx(260, rel=0.05)


@settings(max_examples=10, deadline=None)
@given(bow=st.sampled_from([0.025, 0.04, 0.06]), roll_deg=st.floats(-90, 90))
def test_a_bow_is_measured_at_any_angle(bow: float, roll_deg: float):
    evidence = shape(Arm(bow=bow, roll_deg=roll_deg, **ALONE).crop(), LIMITS)
    assert value(evidence, "bow") == pytest.approx(0.89 * bow, rel=0.12)
    assert evidence.verdict is Verdict.DEFECT


def test_the_bow_is_drawn_from_end_to_end_over_its_middle():
    arm = Arm(bow=0.06, slope_deg=0.0, **ALONE)
    crop = arm.crop()
    (line,) = [one for one in shape(crop, LIMITS).traces if one.role == "bow"]
    (x0, y0), (x1, _) = arm.ends
    x, y = max(line.points, key=lambda point: point[1])
    assert x + crop.x0 == pytest.approx((x0 + x1) / 2, abs=25)
    assert y + crop.y0 == pytest.approx(y0 + 0.06 * 260, abs=1.5)
    xs = [x + crop.x0 for x, _ in line.points]
    assert (xs[0], xs[-1]) == pytest.approx((x0, x1), abs=20)
    (chord,) = [one for one in shape(crop, LIMITS).traces if one.role == "chord"]
    assert [y + crop.y0 for _, y in chord.points] == pytest.approx([y0, y0], abs=2.5)


def test_a_tube_that_leaves_the_box_is_another_one():
    crop = Arm(**ALONE).crop()
    inner = crop.inner
    left = type(inner)(inner.x0, inner.y0, inner.x0 + 0.5 * inner.width, inner.y1)
    evidence = shape(type(crop)(crop.pixels, crop.x0, crop.y0, left), LIMITS)
    assert evidence.reason == Unjudged.NO_TUBE


@pytest.mark.parametrize("shape_px", [(4, 4), (23, 23), (200, 5)])
def test_small_crops_are_not_judged(shape_px: tuple[int, int]):
    crop = Arm().crop()
    box = type(crop.inner)(0, 0, shape_px[1], shape_px[0])
    small = type(crop)(np.zeros(shape_px, np.uint8), 0, 0, box)
    assert shape(small, LIMITS).reason == Unjudged.TOO_SMALL


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.35, 1.3), offset=st.floats(0, 40))
def test_exposure_does_not_change_what_is_measured(gain: float, offset: float):
    plain = Arm(bow=0.05, noise=0.0, **ALONE)
    first, second = (
        shape(one.crop(), LIMITS) for one in (plain, replace(plain, gain=gain, offset=offset))
    )
    for name, near in (("bow", 0.003), ("tube_angle", 0.6), ("tube_length", 20.0)):
        assert value(second, name) == pytest.approx(value(first, name), abs=near)


@pytest.mark.parametrize(("noise", "blur"), [(8.0, 0.7), (2.0, 2.5), (5.0, 1.8)])
def test_noise_and_blur_neither_hide_a_bow_nor_make_one(noise: float, blur: float):
    straight, bent = (
        shape(Arm(bow=bow, noise=noise, blur=blur, **ALONE).crop(), LIMITS) for bow in (0.0, 0.05)
    )
    assert straight.verdict is Verdict.NORMAL
    assert value(bent, "bow") == pytest.approx(0.89 * 0.05, rel=0.15)
    assert bent.verdict is Verdict.DEFECT


@pytest.mark.parametrize("times", [7, 13])  # halved once and twice, sides odd
def test_many_pixels_change_nothing_but_the_scale(times: int):
    crop = Arm(bow=0.05, **ALONE).crop()
    large = cv2.resize(crop.pixels, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    plain, same = (
        shape(one, LIMITS)
        for one in (crop, Crop(np.asarray(large)[:-1, :-1], 0, 0, crop.inner.scaled(times)))
    )
    for name, scale, near in (("bow", 1, 0.003), ("tube_angle", 1, 0.5), ("tube_length", times, 6)):
        assert value(same, name) / scale == pytest.approx(value(plain, name), abs=near)
    ends = (one.traces[-1].points[k] for k in (0, -1) for one in (plain, same))
    for here, there in zip(*[ends] * 2, strict=True):
        assert [there[0] / times, there[1] / times] == pytest.approx(here, abs=3)
