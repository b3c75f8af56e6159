"""Marking lines 防松标记, drawn on bolts in perspective with exact truth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules import bolt_model
from catenary.rules.bolt_marking import MarkingLimits, turned
from tests.rules.bolts import changed
from tests.rules.marked_bolts import Marked

LIMITS = MarkingLimits()
LOOSE = Marked(turned=60.0)


def angle(evidence: Evidence) -> float:
    assert not evidence.reason
    assert (evidence.measurements[0].name, evidence.measurements[0].unit) == (
        "marking_angle",
        "deg",
    )
    return evidence.measurements[0].value


@pytest.mark.parametrize("degrees", [-75, -40, 0, 15, 50])
def test_a_line_turned_by_some_degrees_is_measured_as_that(degrees):
    assert angle(turned(Marked(turned=degrees).picture(), LIMITS)) == pytest.approx(
        abs(degrees), abs=8
    )


@pytest.mark.parametrize(("degrees", "verdict"), [(10, Verdict.NORMAL), (32, Verdict.DEFECT)])
def test_the_verdict_changes_at_the_limit(degrees, verdict):
    evidence = turned(Marked(turned=degrees, facing=0.6).picture(), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("loose", verdict)


@pytest.mark.parametrize("facing", [0.55, 0.7, 0.85])
def test_the_angle_is_that_about_the_axis_from_wherever_it_is_seen(facing):
    bolt = replace(LOOSE, facing=facing, at=-30.0)
    assert angle(turned(bolt.picture(), LIMITS)) == pytest.approx(60, abs=10)


@settings(max_examples=6, deadline=None)
@given(direction=st.floats(0, 360), is_loose=st.booleans())
def test_a_bolt_that_points_anywhere_is_never_judged_wrong(direction: float, is_loose: bool):
    bolt = Marked(direction=direction, turned=60.0 if is_loose else 0.0)
    evidence = turned(bolt.picture(), LIMITS)
    wrong = Verdict.NORMAL if is_loose else Verdict.DEFECT
    assert evidence.verdict is not wrong


@pytest.mark.parametrize("direction", [0, 100, 200, 300])
def test_it_is_judged_in_most_directions(direction):
    assert angle(turned(replace(LOOSE, direction=direction).picture(), LIMITS)) == pytest.approx(
        60, abs=10
    )


@settings(max_examples=6, deadline=None)
@given(
    gain=st.floats(0.5, 1.15),
    offset=st.floats(0, 6),
    blur=st.floats(0, 0.8),
    noise=st.floats(0, 2.5),
    degrees=st.sampled_from([0.0, 60.0]),
)
def test_light_blur_and_noise_change_no_angle(gain, offset, blur, noise, degrees):
    crop = changed(Marked(turned=degrees).picture(), gain, offset, blur, noise)
    assert angle(turned(crop, LIMITS)) == pytest.approx(degrees, abs=10)


def test_without_a_line_or_with_one_piece_it_is_not_judged():
    assert turned(Marked(at=None).picture(), LIMITS).reason == Unjudged.NO_MARKING
    assert turned(Marked(turned=None).picture(), LIMITS).reason == Unjudged.ONE_PIECE


def test_small_dark_cut_and_blurred_bolts_are_not_judged():
    small = turned(Marked(diameter=14.0).picture(), LIMITS)
    assert (small.reason, small.measurements[0].limit) == (Unjudged.TOO_SHORT, LIMITS.min_side_px)
    whole = LOOSE.picture()
    assert turned(changed(whole, gain=0.08), LIMITS).reason == Unjudged.LOW_CONTRAST
    blurred = turned(changed(whole, blur=5.0), LIMITS)
    assert blurred.verdict is Verdict.CANNOT_JUDGE
    cut = Crop(whole.pixels, whole.x0, whole.y0, whole.inner, frozenset({"left"}))
    assert turned(cut, LIMITS).reason == Unjudged.CUT_OFF_LEFT


def test_what_is_no_bolt_is_not_judged():
    face = LOOSE.picture()
    smooth = cv2.GaussianBlur(face.pixels[::-1, ::-1], (0, 0), 4)
    noise = np.random.default_rng(0).normal(0, 12, smooth.shape)
    other = Crop((smooth + noise).clip(0, 255).astype(np.uint8), 0, 0, face.inner)
    assert turned(other, LIMITS).reason == Unjudged.NO_BOLT_SHAPE


def test_a_bright_flat_is_no_line():
    plain = Marked(at=None).picture()
    fit = bolt_model.fit(plain)
    flat = [
        fit.pose.at(*(np.array(one) for one in (depth, 0.8, azimuth)))
        for depth, azimuth in ((0.85, -0.4), (0.85, 0.3), (1.6, 0.3), (1.6, -0.4))
    ]
    pixels = plain.pixels.copy()
    corners = np.array(fit.in_crop(np.array(flat)))
    cv2.fillConvexPoly(pixels, np.round(corners).astype(np.int32), 240)
    crop = Crop(pixels, plain.x0, plain.y0, plain.inner)
    assert turned(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE


def test_the_lines_that_are_drawn_lie_on_the_paint():
    crop = LOOSE.picture()
    traces = {one.role: np.array(one.points) for one in turned(crop, LIMITS).traces}
    assert set(traces) == {"line_on_plate", "line_on_nut", "turn"}
    for role in ("line_on_plate", "line_on_nut"):
        x, y = np.round(traces[role][:2].mean(axis=0)).astype(int)
        assert crop.pixels[y - 1 : y + 2, x - 1 : x + 2].max() > 150
    # The arc leads from one to the other: its ends lie 60 degrees apart on the plate.
    assert len(traces["turn"]) > 2


def test_the_fitted_bolt_is_the_one_that_was_drawn():
    bolt = Marked()
    fit = bolt_model.fit(bolt.picture())
    assert fit.pose.diameter / fit.scale == pytest.approx(bolt.diameter, rel=0.08)
    assert np.degrees(fit.pose.turn) == pytest.approx(bolt.direction, abs=6)
    assert fit.pose.facing == pytest.approx(bolt.facing, abs=0.08)
    assert fit.pose.stand == pytest.approx(bolt.stand, abs=0.15)
