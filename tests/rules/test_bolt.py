"""Nuts 螺母 on their threads, drawn from beside with exact truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules.bolt import BoltLimits, nut, seat
from tests.rules.bolts import Bolt, changed

LIMITS = BoltLimits()
BARE = Bolt(has_nut=False)


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)


@pytest.mark.parametrize("diameter", [12.0, 16.0, 23.0])
@pytest.mark.parametrize("protrusion", [8.0, 13.0, 20.0])
def test_protrusion_and_diameter_are_measured_to_the_pixel(diameter, protrusion):
    evidence = nut(Bolt(diameter, protrusion).picture(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "thread_diameter") == pytest.approx(diameter, abs=0.4)
    assert value(evidence, "thread_length") == pytest.approx(protrusion, abs=1.0)
    assert value(evidence, "protrusion") == pytest.approx(protrusion / diameter, abs=0.08)


@pytest.mark.parametrize("free", [24.0, 32.0, 40.0])
def test_a_thread_without_nut_is_as_long_as_drawn(free):
    evidence = nut(replace(BARE, free=free).picture(), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("nut_missing", Verdict.DEFECT)
    assert value(evidence, "thread_length") == pytest.approx(free, abs=1.0)


def test_a_short_stump_without_nut_is_not_judged():
    evidence = nut(replace(BARE, free=14.0).picture(), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE


@settings(max_examples=20, deadline=None)
@given(turn_deg=st.floats(0, 360))
def test_a_nut_is_seen_however_the_bolt_is_turned(turn_deg: float):
    evidence = nut(Bolt(turn_deg=turn_deg).picture(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "thread_length") == pytest.approx(14, abs=1.3)


@settings(max_examples=20, deadline=None)
@given(turn_deg=st.floats(0, 360))
@example(323.0)  # its axis is found 6 degrees beside: not judged
def test_a_bare_thread_is_never_called_normal(turn_deg: float):
    assert nut(replace(BARE, turn_deg=turn_deg).picture(), LIMITS).verdict is not Verdict.NORMAL


@pytest.mark.parametrize("turn_deg", [0, 45, 75, 100, 180, 270, 300])
def test_a_bare_thread_is_raised_in_most_directions(turn_deg):
    evidence = nut(replace(BARE, turn_deg=turn_deg).picture(), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert value(evidence, "thread_length") == pytest.approx(40, abs=1.3)


@settings(max_examples=20, deadline=None)
@given(
    gain=st.floats(0.4, 1.4),
    offset=st.floats(0, 15),
    blur=st.floats(0, 0.8),
    noise=st.floats(0, 2.5),
    has_nut=st.booleans(),
)
def test_light_blur_and_noise_change_no_verdict(gain, offset, blur, noise, has_nut):
    crop = changed(Bolt(has_nut=has_nut).picture(), gain, offset, blur, noise)
    evidence = nut(crop, LIMITS)
    assert evidence.verdict is (Verdict.NORMAL if has_nut else Verdict.DEFECT)
    length = 14.0 if has_nut else 40.0
    assert value(evidence, "thread_length") == pytest.approx(length, abs=1.5)


def test_a_dark_bolt_before_a_bright_tube_is_the_same():
    assert nut(Bolt().picture(sky=230, plate=120, steel=60), LIMITS).verdict is Verdict.NORMAL
    assert nut(BARE.picture(sky=230, plate=120, steel=60), LIMITS).verdict is Verdict.DEFECT


def test_the_outline_that_is_drawn_lies_on_the_bolt():
    bolt = Bolt(turn_deg=30)
    crop = bolt.picture()
    thread = next(one for one in nut(crop, LIMITS).traces if one.role == "thread")
    drawn = np.mean(thread.points[:2], axis=0) + np.array([crop.x0, crop.y0])
    side = np.ceil(bolt.lengths()[-1] + 4 * bolt.diameter)
    assert drawn == pytest.approx(bolt.place(bolt.lengths()[-1], 0.0, side), abs=1.0)
    assert {one.role for one in nut(crop, LIMITS).traces} == {"thread", "nut"}


@pytest.mark.parametrize("gap", [5.0, 8.0, 12.0])
def test_thread_between_nut_and_seat_is_measured(gap):
    evidence = seat(Bolt(gap=gap).picture(), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("loose", Verdict.DEFECT)
    assert value(evidence, "nut_gap") * 16 == pytest.approx(gap, abs=2.0)


def test_a_nut_that_sits_is_not_loose():
    evidence = seat(Bolt().picture(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "nut_gap") == 0.0


def test_small_dark_and_cut_bolts_are_not_judged():
    small = Bolt(diameter=6.0, protrusion=5.0).picture()
    assert nut(small, LIMITS).reason == Unjudged.TOO_SHORT
    faint = changed(Bolt().picture(), gain=0.08)
    assert nut(faint, LIMITS).reason == Unjudged.LOW_CONTRAST
    whole = Bolt().picture()
    cut = Crop(whole.pixels, whole.x0, whole.y0, whole.inner, frozenset({"right"}))
    assert nut(cut, LIMITS).reason == seat(cut, LIMITS).reason == Unjudged.CUT_OFF_RIGHT


def test_a_face_without_bolt_is_not_judged():
    rng = np.random.default_rng(0)
    face = Bolt().picture()
    empty = Crop(rng.normal(90, 6, face.pixels.shape).astype(np.uint8), 0, 0, face.inner)
    assert nut(empty, LIMITS).verdict is Verdict.CANNOT_JUDGE


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(3, 90), st.integers(3, 90)),
    corner=st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)),
    size=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    seed=st.integers(0, 9),
)
def test_any_box_of_any_crop_gets_an_answer(shape, corner, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)
    low = [share * side for share, side in zip(corner, shape, strict=True)]
    high = [min(at + share * side, side) for at, share, side in zip(low, size, shape, strict=True)]
    crop = Crop(pixels, 0, 0, Box(low[1], low[0], high[1], high[0]))
    limits = replace(LIMITS, min_side_px=1.0, min_contrast=0.0)
    for rule in (nut, seat):
        evidence = rule(crop, limits)
        assert (evidence.verdict is Verdict.CANNOT_JUDGE) == bool(evidence.reason)
