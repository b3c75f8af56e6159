from dataclasses import replace

import cv2
import numpy as np
import pytest

from catenary.domain.finding import Measurement, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules.dropper import DropperLimits, continuity, free_end, slackness

LIMITS = DropperLimits()


def drawn(
    gap: tuple[int, int] = (0, 0),
    wire: float = 160,
    sky: float = 8,
    bow: float = 0.0,
    tilt: int = 0,
) -> Crop:
    """Return a dropper of 400 px, 4 px wide, missing over rows ``gap``, in sensor noise."""
    picture = np.full((440, 160), sky, np.float32)
    rows = np.arange(20, 420)
    columns = 80 + tilt * (rows - 220) / 400 + bow * np.sin(np.pi * (rows - 20) / 400)
    for row, column in zip(rows, columns, strict=True):
        if not gap[0] <= row < gap[1]:
            picture[row, round(column) - 2 : round(column) + 2] = wire
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    return Crop(picture.clip(0, 255).astype(np.uint8), 0, 0, Box(50, 20, 110, 420))


@pytest.mark.parametrize("wire_and_sky", [(160, 8), (30, 200)])
def test_a_whole_dropper_is_normal_at_night_and_against_the_sky(wire_and_sky):
    wire, sky = wire_and_sky
    evidence = continuity(drawn(wire=wire, sky=sky), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert evidence.score < 0.2


@pytest.mark.parametrize("length", [50, 80, 140])
@pytest.mark.parametrize("tilt", [0, 60])
def test_a_gap_is_measured_to_a_few_pixels(length, tilt):
    evidence = continuity(drawn(gap=(150, 150 + length), tilt=tilt), LIMITS)
    gap = evidence.measurements[0]
    assert gap.name == "longest_gap"
    assert gap.value * 400 == pytest.approx(length, abs=8)
    assert evidence.verdict is Verdict.DEFECT


def test_the_gap_is_drawn_where_it_is():
    evidence = continuity(drawn(gap=(150, 230)), LIMITS)
    (gap,) = [line for line in evidence.traces if line.role == "gap"]
    assert gap.points[0][1] == pytest.approx(150, abs=6)
    assert gap.points[1][1] == pytest.approx(230, abs=6)


def test_a_short_hole_is_not_a_break():
    assert continuity(drawn(gap=(200, 215)), LIMITS).verdict is Verdict.NORMAL


def test_a_wire_crossing_in_front_is_not_a_gap():
    crop = drawn()
    pixels = crop.pixels.copy()
    cv2.line(pixels, (0, 180), (159, 260), 170, 5, cv2.LINE_AA)
    crossed = Crop(pixels, 0, 0, crop.inner)
    assert continuity(crossed, LIMITS).verdict is Verdict.NORMAL


def test_brightness_does_not_change_the_measurement():
    bright, dim = (continuity(drawn((150, 230), wire=wire), LIMITS) for wire in (220, 90))
    assert bright.measurements[0].value == pytest.approx(dim.measurements[0].value, abs=0.02)


def test_a_dropper_that_leaves_the_picture_is_not_called_whole():
    crop = drawn()
    cut = Crop(crop.pixels, 0, 0, crop.inner, frozenset({"bottom"}))
    evidence = continuity(cut, LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.CUT_OFF_BOTTOM


def test_a_gap_counts_also_where_the_dropper_leaves_the_picture():
    crop = drawn(gap=(150, 230))
    cut = Crop(crop.pixels, 0, 0, crop.inner, frozenset({"bottom"}))
    assert continuity(cut, LIMITS).verdict is Verdict.DEFECT


def test_no_wire_at_all_is_not_judged():
    assert continuity(drawn(gap=(0, 440)), LIMITS).verdict is Verdict.CANNOT_JUDGE


def test_a_tiny_dropper_is_not_judged():
    crop = Crop(np.zeros((40, 30), np.uint8), 0, 0, Box(5, 0, 25, 40))
    evidence = continuity(crop, LIMITS)
    assert evidence.reason == Unjudged.TOO_SHORT
    assert evidence.measurements == (Measurement("length", 40.0, "px", 48),)


def test_a_straight_dropper_is_not_slack_even_when_tilted():
    assert slackness(drawn(tilt=60), LIMITS).verdict is Verdict.NORMAL


def test_a_bowed_dropper_is_slack():
    evidence = slackness(drawn(bow=40), LIMITS)
    assert evidence.verdict is Verdict.DEFECT


def test_slack_is_not_judged_on_a_broken_dropper():
    assert slackness(drawn(gap=(100, 300)), LIMITS).verdict is Verdict.CANNOT_JUDGE


def clamped(stop: int = 420, lower_clamp: bool = True, side: str = "") -> Crop:
    """Return a dropper between two wires; its own wire ends at row ``stop``, clamp or not."""
    picture = np.full((480, 160), 8, np.float32)
    for row in (40, 440):
        cv2.line(picture, (0, row + 10), (159, row - 10), 200.0, 5)
    cv2.rectangle(picture, (72, 36), (88, 58), 220.0, -1)
    if lower_clamp:
        cv2.rectangle(picture, (72, 422), (88, 444), 220.0, -1)
    cv2.line(picture, (80, 48), (80, stop), 160.0, 4)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    box = Box(68, 36, 92, 444 if lower_clamp else stop)
    return Crop(picture.clip(0, 255).astype(np.uint8), 0, 0, box, frozenset({side} - {""}))


def test_a_wire_held_at_both_ends_has_no_free_end():
    assert free_end(clamped(), LIMITS).verdict is Verdict.NORMAL


@pytest.mark.parametrize("thick", [4, 16])
def test_an_end_on_a_wire_that_fills_the_width_of_the_crop_is_held(thick):
    crop = clamped()
    pixels = crop.pixels.copy()
    pixels[420 : 420 + thick] = 160
    assert free_end(replace(crop, pixels=pixels), LIMITS).verdict is Verdict.NORMAL
    bare = clamped(lower_clamp=False).pixels.copy()
    bare[420 : 420 + thick] = 160
    assert free_end(replace(crop, pixels=bare), LIMITS).verdict is Verdict.NORMAL


def test_a_wire_that_ends_in_the_air_has_a_free_end():
    evidence = free_end(clamped(stop=260, lower_clamp=False), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    (end,) = [line for line in evidence.traces if line.role == "end"]
    assert end.points[0][1] == pytest.approx(260, abs=8)


def test_an_end_at_the_edge_of_the_picture_is_no_free_end():
    crop = clamped(stop=479, lower_clamp=False, side="bottom")
    assert free_end(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE
