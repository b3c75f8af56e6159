"""Split pins 开口销 in bolt ends, drawn with exact truth."""

import dataclasses
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop, cut
from catenary.rules.split_pin import SplitPinLimits, legs_opened, presence

LIMITS = SplitPinLimits()
SIDE = 512  # px of the drawing, reduced to the size of a photograph afterwards
SKY, BOLT, STEEL, HOLE = 6, 110, 235, 12
STREAK = 122  # of light on the round bolt; a starker one is taken for wire


class Drawing:
    """A bolt end on night sky, in a unit square turned about its middle."""

    def __init__(self, turn_deg: float = 0.0) -> None:
        self.picture = np.full((SIDE, SIDE), SKY, np.uint8)
        self.turn_deg = turn_deg

    def place(self, x: float, y: float) -> tuple[int, int]:
        angle = math.radians(self.turn_deg)
        turned = (
            x * math.cos(angle) - y * math.sin(angle),
            x * math.sin(angle) + y * math.cos(angle),
        )
        return int((0.5 + turned[0]) * SIDE), int((0.45 + turned[1]) * SIDE)

    def bolt(self) -> None:
        """Draw the shank, with the streak that the flash leaves on a round bar."""
        corners = [(-0.16, -0.42), (0.16, -0.42), (0.16, 0.12), (-0.16, 0.12)]
        outline = np.array([self.place(x, y) for x, y in corners])
        cv2.fillPoly(self.picture, [outline], BOLT)
        cv2.line(self.picture, self.place(-0.08, -0.4), self.place(-0.08, 0.1), STREAK, 25)

    def hole(self) -> None:
        axes = (int(0.055 * SIDE), int(0.045 * SIDE))
        cv2.ellipse(self.picture, self.place(0, 0), axes, self.turn_deg, 0, 360, HOLE, -1)

    def pin(self, half_angle_deg: float) -> None:
        """Draw head loop and two legs, each turned away from the middle by the angle."""
        cv2.circle(self.picture, self.place(0, -0.02), int(0.07 * SIDE), STEEL, 12)
        for side in (-1, 1):
            angle = math.radians(half_angle_deg * side)
            end = (0.03 * side + math.sin(angle) * 0.55, 0.03 + math.cos(angle) * 0.55)
            cv2.line(self.picture, self.place(0.03 * side, 0.03), self.place(*end), STEEL, 22)

    def photographed(
        self, side_px: int, exposure: float = 1.0, noise: float = 3.0, blur_px: float = 0.6
    ) -> NDArray[np.uint8]:
        small = cv2.resize(self.picture, (side_px, side_px), interpolation=cv2.INTER_AREA)
        seen = cv2.GaussianBlur(small.astype(np.float32), (0, 0), blur_px) * exposure
        seen += np.random.default_rng(side_px).normal(0, noise, seen.shape)
        return seen.clip(0, 255).astype(np.uint8)


def bolt_with_pin(turn_deg: float = 0.0, half_angle_deg: float = 30.0) -> Drawing:
    drawing = Drawing(turn_deg)
    drawing.bolt()
    drawing.pin(half_angle_deg)
    return drawing


def empty_bolt(turn_deg: float = 0.0) -> Drawing:
    drawing = Drawing(turn_deg)
    drawing.bolt()
    drawing.hole()
    return drawing


def crop_of(picture: NDArray[np.uint8]) -> Crop:
    """Return the picture as a component amid night sky."""
    frame = np.pad(picture, 40, constant_values=SKY)
    height, width = picture.shape
    return cut(frame, Box(40, 40, 40 + width, 40 + height), margin=0.3)


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)


@pytest.mark.parametrize("side_px", [28, 40, 64, 120])
@pytest.mark.parametrize("turn_deg", [0, 40, 135, 260])
def test_pin_with_spread_legs_is_normal_and_empty_bolt_misses_it(side_px: int, turn_deg: float):
    pinned = presence(crop_of(bolt_with_pin(turn_deg).photographed(side_px)), LIMITS)
    empty = presence(crop_of(empty_bolt(turn_deg).photographed(side_px)), LIMITS)
    assert pinned.verdict is Verdict.NORMAL
    assert empty.verdict is Verdict.DEFECT
    assert pinned.score is not None
    assert empty.score is not None
    assert empty.score - pinned.score > 0.4


@pytest.mark.parametrize("turn_deg", [0, 40, 135, 260])
def test_at_twenty_pixels_an_empty_bolt_only_looks_less_like_a_pin(turn_deg: float):
    """What the rule cannot do: so small, the rim of the bolt is as thin as wire."""
    both = bolt_with_pin(turn_deg), empty_bolt(turn_deg)
    pinned, empty = (presence(crop_of(one.photographed(20)), LIMITS).score or 0 for one in both)
    assert pinned < 0.2
    assert empty - pinned > 0.15


@pytest.mark.parametrize("exposure", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("noise", [0.0, 3.0, 6.0])
def test_exposure_and_noise_change_no_verdict(exposure: float, noise: float):
    pinned = bolt_with_pin(30).photographed(40, exposure, noise)
    empty = empty_bolt(30).photographed(40, exposure, noise)
    assert presence(crop_of(pinned), LIMITS).verdict is Verdict.NORMAL
    assert presence(crop_of(empty), LIMITS).verdict is Verdict.DEFECT


@settings(max_examples=20, deadline=None)
@given(
    turn_deg=st.floats(0, 360),
    exposure=st.floats(0.4, 1.0),
    blur=st.floats(0.4, 1.2),
    half_angle_deg=st.floats(12, 35),
)
def test_the_leg_angle_does_not_depend_on_turn_light_or_mild_blur(
    turn_deg: float, exposure: float, blur: float, half_angle_deg: float
):
    drawing = bolt_with_pin(turn_deg, half_angle_deg)
    evidence = legs_opened(crop_of(drawing.photographed(80, exposure, blur_px=blur)), LIMITS)
    assert value(evidence, "leg_angle") == pytest.approx(2 * half_angle_deg, abs=7)


def test_a_darker_hole_speaks_louder_for_a_missing_pin():
    filled = Drawing()
    filled.bolt()
    without, hole = (
        presence(crop_of(one.photographed(64)), LIMITS) for one in (filled, empty_bolt())
    )
    assert value(hole, "hole_darkness") > 0.25
    assert value(without, "hole_darkness") < 0.1


def test_a_hole_raises_the_strength_that_legs_need():
    crop = crop_of(empty_bolt().photographed(64))
    seen = presence(crop, LIMITS)
    blind = presence(crop, dataclasses.replace(LIMITS, hole_weight=0.0))
    needed = LIMITS.wire + LIMITS.hole_weight * value(seen, "hole_darkness")
    assert seen.measurements[0].limit == pytest.approx(needed)
    assert blind.measurements[0].limit == LIMITS.wire
    assert (blind.score or 0) < (seen.score or 0)


def test_a_stark_streak_of_light_is_taken_for_wire_by_its_share():
    """What the rule cannot do: a streak as bright as wire lowers the score of an empty bolt."""
    plain, streaked = empty_bolt(), empty_bolt()
    cv2.line(streaked.picture, streaked.place(-0.08, -0.4), streaked.place(-0.08, 0.1), STEEL, 25)
    scores = [presence(crop_of(one.photographed(64)), LIMITS).score for one in (plain, streaked)]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] > scores[1]


@pytest.mark.parametrize("noise", [2.0, 4.0, 6.0])
def test_noise_alone_is_no_wire(noise: float):
    """Noise gives thin bars everywhere: what most places show does not count."""
    clean, noisy = (
        value(presence(crop_of(empty_bolt(30).photographed(40, 0.4, n)), LIMITS), "wire_contrast")
        for n in (0.0, noise)
    )
    assert noisy == pytest.approx(clean, abs=0.016)


def test_a_bright_tube_in_a_corner_of_the_box_is_no_wire():
    """Its one edge is bright on one side only, and what it outshines is a bare bolt still."""
    tubed = empty_bolt(30)
    corner = np.array([(0, 0), (0.3 * SIDE, 0), (0, 0.3 * SIDE)]).astype(int)
    cv2.fillPoly(tubed.picture, [corner], 255)
    assert presence(crop_of(tubed.photographed(64)), LIMITS).verdict is Verdict.DEFECT


def test_the_longer_the_box_the_less_wire_a_pin_needs():
    frame = np.pad(empty_bolt().photographed(64), 40, constant_values=SKY)
    square, long = (
        presence(cut(frame, box, margin=0.3), LIMITS)
        for box in (Box(40, 40, 104, 104), Box(56, 40, 88, 104))
    )
    share = LIMITS.hole_weight * (value(square, "hole_darkness") - value(long, "hole_darkness"))
    needed = [one.measurements[0].limit or 0.0 for one in (square, long)]
    assert needed[0] - needed[1] == pytest.approx(share + LIMITS.length_weight * math.log(2))


def test_fainter_legs_raise_the_score_step_by_step():
    bare = empty_bolt().photographed(64).astype(float)
    pinned = bolt_with_pin().photographed(64).astype(float)
    scores = [
        presence(crop_of((share * pinned + (1 - share) * bare).astype(np.uint8)), LIMITS).score
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize("turn_deg", [0, 75])
@pytest.mark.parametrize("side_px", [24, 48, 100])
@pytest.mark.parametrize("is_pinned", [True, False])
def test_blurred_box_is_never_called_missing(side_px: int, turn_deg: float, is_pinned: bool):
    drawing = bolt_with_pin(turn_deg) if is_pinned else empty_bolt(turn_deg)
    evidence = presence(crop_of(drawing.photographed(side_px, blur_px=side_px / 12)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.BLURRED
    assert evidence.measurements[0].value > (evidence.measurements[0].limit or 0)


@pytest.mark.parametrize("rule", [presence, legs_opened])
def test_box_below_twelve_pixels_is_not_judged(rule):
    evidence = rule(crop_of(bolt_with_pin().photographed(11)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.TOO_SMALL
    assert evidence.measurements == (Measurement("shorter_side", 11.0, "px", 12.0),)


def test_box_of_twelve_pixels_is_large_enough():
    reason = presence(crop_of(bolt_with_pin().photographed(12, blur_px=0.1)), LIMITS).reason
    assert reason == ""


@pytest.mark.parametrize("rule", [presence, legs_opened])
def test_box_cut_by_the_frame_is_not_judged(rule):
    frame = bolt_with_pin().photographed(64)
    evidence = rule(cut(frame, Box(0, 8, 50, 58), margin=0.2), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.CUT_OFF_LEFT


@pytest.mark.parametrize("rule", [presence, legs_opened])
@pytest.mark.parametrize("grey", [0, 6, 128, 255])
def test_box_without_contrast_is_not_judged(rule, grey: int):
    evidence = rule(crop_of(np.full((40, 40), grey, np.uint8)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.LOW_CONTRAST


@pytest.mark.parametrize("half_angle_deg", [10.0, 15.0, 25.0, 35.0])
@pytest.mark.parametrize("turn_deg", [0, 50, 200])
def test_leg_angle_is_measured_to_some_degrees(half_angle_deg: float, turn_deg: float):
    picture = bolt_with_pin(turn_deg, half_angle_deg).photographed(80)
    evidence = legs_opened(crop_of(picture), LIMITS)
    assert value(evidence, "leg_angle") == pytest.approx(2 * half_angle_deg, abs=6)
    assert evidence.verdict is Verdict.NORMAL


@pytest.mark.parametrize("half_angle_deg", [2.5, 4.0])
@pytest.mark.parametrize("turn_deg", [0, 50, 200])
@pytest.mark.parametrize("side_px", [64, 100])
def test_legs_side_by_side_are_not_opened(half_angle_deg: float, turn_deg: float, side_px: int):
    evidence = legs_opened(
        crop_of(bolt_with_pin(turn_deg, half_angle_deg).photographed(side_px)), LIMITS
    )
    assert evidence.verdict is Verdict.DEFECT
    assert evidence.condition == "not_opened"


def test_angle_of_a_pin_that_is_not_there_cannot_be_judged():
    evidence = legs_opened(crop_of(empty_bolt().photographed(48)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE
    assert evidence.reason == Unjudged.NO_LEGS


def test_what_is_too_faint_for_a_leg_is_not_drawn():
    evidence = presence(crop_of(empty_bolt().photographed(80)), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert evidence.traces == ()


@pytest.mark.parametrize("turn_deg", [0, 75, 210])
def test_wire_is_drawn_only_where_it_stands_out_clearly(turn_deg: float):
    """Fainter and fainter pins: some are sound, and still nothing is drawn of them."""
    bare = empty_bolt(turn_deg).photographed(64).astype(float)
    pinned = bolt_with_pin(turn_deg).photographed(64).astype(float)
    told = [
        presence(crop_of((share * pinned + (1 - share) * bare).astype(np.uint8)), LIMITS)
        for share in np.linspace(0.2, 1, 33)
    ]
    sound = [one for one in told if one.verdict is Verdict.NORMAL]
    over = [one.measurements[0].value - (one.measurements[0].limit or 0.0) for one in sound]
    assert min(over) < 0.04 < max(over)
    assert all(not one.traces for one, more in zip(sound, over, strict=True) if more < 0.04)
    assert sound[-1].traces


def test_drawn_legs_lie_on_the_legs():
    crop = crop_of(bolt_with_pin().photographed(80))
    traces = presence(crop, LIMITS).traces
    assert [trace.role for trace in traces] == ["pin", "pin"]
    for trace in traces:
        x, y = np.mean(trace.points, axis=0)
        assert crop.inner.contains(x, y)
        assert crop.pixels[round(float(y)), round(float(x))] > 180
    xs = [np.mean(trace.points, axis=0)[0] for trace in traces]
    assert min(xs) < crop.pixels.shape[1] / 2 < max(xs)  # one on each side of the bolt


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    smooth=st.booleans(),
)
def test_any_crop_gets_an_answer(seed: int, height: int, width: int, smooth: bool):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    if smooth:
        picture = cv2.blur(picture, (3, 3)).reshape(height, width).astype(np.uint8)
    for rule in (presence, legs_opened):
        evidence = rule(crop_of(picture), LIMITS)
        assert (evidence.score is None) == (evidence.verdict is Verdict.CANNOT_JUDGE)


def test_crop_is_not_changed():
    crop = crop_of(bolt_with_pin().photographed(64))
    before = crop.pixels.copy()
    presence(crop, LIMITS)
    assert np.array_equal(crop.pixels, before)
