"""Empty bolt holes 螺栓孔 in lit faces, drawn with exact truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules.bolt_hole import HoleLimits, empty
from tests.rules.bolts import HOLE, Bolt, changed, plate

LIMITS = HoleLimits()


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)


@pytest.mark.parametrize("axes", [(14.0, 14.0), (20.0, 20.0), (20.0, 12.0), (28.0, 22.0)])
def test_a_hole_is_as_wide_and_dark_as_drawn(axes):
    evidence = empty(plate(60, hole=axes, turn_deg=25), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("bolt_missing", Verdict.DEFECT)
    assert value(evidence, "hole_diameter") == pytest.approx(axes[0], abs=1.2)
    assert value(evidence, "hole_darkness") == pytest.approx(1 - HOLE / 120, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(
    turn_deg=st.floats(0, 180),
    gain=st.floats(0.5, 1.8),
    blur=st.floats(0, 1.5),
    noise=st.floats(0, 4),
)
def test_turns_light_blur_and_noise_change_no_hole(turn_deg, gain, blur, noise):
    crop = changed(plate(60, hole=(22, 15), turn_deg=turn_deg), gain, 0.0, blur, noise)
    evidence = empty(crop, LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert value(evidence, "hole_diameter") == pytest.approx(22, abs=2.0)


def test_the_outline_that_is_drawn_runs_around_the_hole():
    crop = plate(60, hole=(20, 20))
    points = empty(crop, LIMITS).traces[0].points
    middle = crop.inner.centre[0] - 0.5, crop.inner.centre[1] - 0.5
    for x, y in points:
        assert 7.5 <= ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) ** 0.5 <= 10.5


@pytest.mark.parametrize("axes", [(0.0, 0.0), (26.0, 5.0), (4.0, 4.0)], ids=["none", "slit", "dot"])
def test_faces_slits_and_dots_are_no_holes(axes):
    crop = changed(plate(60, hole=axes), noise=6.0)
    assert empty(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE


@settings(max_examples=15, deadline=None)
@given(turn_deg=st.floats(0, 360), has_nut=st.booleans())
def test_a_bolt_is_no_hole(turn_deg: float, has_nut: bool):
    crop = Bolt(has_nut=has_nut, turn_deg=turn_deg).picture()
    assert empty(crop, LIMITS).reason == Unjudged.NO_HOLE


def test_a_grey_spot_is_no_hole():
    faint = changed(plate(60, hole=(20, 20)), gain=0.3, offset=90)
    assert empty(faint, LIMITS).reason == Unjudged.NO_HOLE


def test_small_and_cut_faces_are_not_judged():
    assert empty(plate(20, hole=(7, 7)), LIMITS).reason == Unjudged.TOO_SHORT
    whole = plate(60)
    cut = Crop(whole.pixels, whole.x0, whole.y0, whole.inner, frozenset({"top"}))
    assert empty(cut, LIMITS).reason == Unjudged.CUT_OFF_TOP


@pytest.mark.parametrize(("aslant_deg", "is_hole"), [(0, True), (54, True), (66, False)])
def test_what_is_longer_than_a_hole_seen_aslant_is_the_shadow_of_a_thread(aslant_deg, is_hole):
    oval = plate(60, hole=(24, 24 * np.cos(np.radians(aslant_deg))))
    assert (empty(oval, LIMITS).verdict is Verdict.DEFECT) == is_hole


def test_a_gap_is_told_from_a_hole_by_its_slenderness():
    gap = plate(60, hole=(26, 7))
    assert empty(gap, LIMITS).verdict is Verdict.CANNOT_JUDGE
    assert empty(gap, replace(LIMITS, slender=9.0)).verdict is Verdict.DEFECT


def test_a_shadow_beside_something_bright_is_no_hole():
    face = plate(60, hole=(20, 20))
    pixels = face.pixels.copy()
    middle = face.pixels.shape[1] // 2 + 4
    pixels[:, :middle] = np.minimum(pixels[:, :middle], 70)
    pixels[:, middle:] = np.where(pixels[:, middle:] > 50, 255, pixels[:, middle:])
    shadow = replace(face, pixels=pixels)
    assert empty(shadow, LIMITS).verdict is Verdict.CANNOT_JUDGE
    assert empty(shadow, replace(LIMITS, evenness=9.0)).verdict is Verdict.DEFECT
