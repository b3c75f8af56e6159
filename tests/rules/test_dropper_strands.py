"""Broken strands of droppers 吊弦散股, drawn with exact truth."""

import dataclasses
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules.dropper import DropperLimits
from catenary.rules.dropper_strands import strands

LIMITS = DropperLimits()
WIDTH = 4  # of the wire, px
ROOT = (160, 230)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A dropper of 400 px, with what stands off it."""

    lines: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()
    tilt: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    noise: float = 2.0
    blur: float = 0.7

    def crop(self, cut_sides: frozenset[str] = frozenset()) -> Crop:
        picture = np.full((440, 320), 8, np.uint8)
        shift = self.tilt * 200 / 400
        top, bottom = (round(160 - shift), 20), (round(160 + shift), 419)
        cv2.line(picture, top, bottom, 160, WIDTH, cv2.LINE_AA)
        for start, end in self.lines:
            ends = [(round(16 * x), round(16 * y)) for x, y in (start, end)]
            cv2.line(picture, *ends, 130, 2, cv2.LINE_AA, shift=4)
        seen = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), self.blur)
        seen = seen * self.gain + self.offset
        seen += np.random.default_rng(0).normal(0, self.noise, seen.shape)
        pixels = seen.clip(0, 255).astype(np.uint8)
        return Crop(pixels, 0, 0, Box(100, 20, 220, 420), cut_sides)


def strand(length: float, angle_deg: float = 40.0, side: int = 1, row: float = 230.0) -> tuple:
    """Return a line of that length beyond the wire's middle, at an angle to the wire."""
    turn = math.radians(angle_deg)
    tip = (160 + side * length * math.sin(turn), row + length * math.cos(turn))
    return (160.0, row), tip


def longest(evidence: Evidence) -> float:
    return next(one.value for one in evidence.measurements if one.name == "longest_strand")


def test_a_whole_dropper_has_no_strands():
    evidence = strands(Drawing().crop(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert longest(evidence) == 0.0


@settings(max_examples=25, deadline=None)
@given(
    length=st.floats(25, 90),
    angle_deg=st.floats(25, 80),
    side=st.sampled_from([-1, 1]),
    tilt=st.sampled_from([0.0, 30.0]),
)
def test_a_strand_of_n_px_is_measured_as_n(length: float, angle_deg: float, side: int, tilt: float):
    drawing = Drawing((strand(length, angle_deg, side),), tilt=tilt)
    evidence = strands(drawing.crop(), LIMITS)
    (line,) = (trace for trace in evidence.traces if trace.role == "strand")
    # It begins where it leaves the wire: half of the wire's width, seen at its angle, is not seen.
    hidden = (0.6 * WIDTH + 1) / math.sin(math.radians(angle_deg))
    assert math.dist(*line.points) == pytest.approx(length - hidden, abs=6)
    assert line.points[1] == pytest.approx(drawing.lines[0][1], abs=4)


@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0.0), (1.0, 60.0), (1.5, 10.0)])
@pytest.mark.parametrize("blur", [0.7, 1.2])
def test_exposure_and_mild_blur_change_no_verdict(gain: float, offset: float, blur: float):
    for lines, expected in (((), Verdict.NORMAL), ((strand(70),), Verdict.DEFECT)):
        drawing = Drawing(lines, gain=gain, offset=offset, blur=blur)
        assert strands(drawing.crop(), LIMITS).verdict is expected


@pytest.mark.parametrize("noise", [0.0, 4.0, 6.0])
def test_noise_neither_makes_nor_hides_a_strand(noise: float):
    assert strands(Drawing(noise=noise).crop(), LIMITS).verdict is Verdict.NORMAL
    broken = Drawing((strand(70),), noise=noise)
    assert strands(broken.crop(), LIMITS).verdict is Verdict.DEFECT


def test_a_wire_that_crosses_is_no_strand():
    crossing = Drawing((((0.0, 150.0), (319.0, 300.0)),))
    assert strands(crossing.crop(), LIMITS).verdict is Verdict.NORMAL


def test_a_wire_that_goes_on_out_of_the_picture_is_no_strand():
    leaving = Drawing((((160.0, 200.0), (319.0, 260.0)),))
    assert strands(leaving.crop(), LIMITS).verdict is Verdict.NORMAL


def test_what_hangs_at_an_end_is_a_loop_or_a_clamp():
    at_end = Drawing((strand(60, row=50.0),))
    assert strands(at_end.crop(), LIMITS).verdict is Verdict.NORMAL


def test_a_short_strand_is_normal_and_the_score_is_one_half_at_the_limit():
    crop = Drawing((strand(60),)).crop()
    length = longest(strands(crop, LIMITS))
    at_limit = strands(crop, dataclasses.replace(LIMITS, strand=length))
    assert at_limit.score == pytest.approx(0.5)
    assert at_limit.verdict is Verdict.NORMAL


def test_a_cut_dropper_is_judged_by_what_is_seen_alone():
    sides = frozenset({"bottom"})
    whole = strands(Drawing().crop(sides), LIMITS)
    assert whole.reason == Unjudged.CUT_OFF_BOTTOM
    assert strands(Drawing((strand(70),)).crop(sides), LIMITS).verdict is Verdict.DEFECT


def test_no_wire_and_a_tiny_box_are_not_judged():
    dark = Crop(np.full((440, 320), 8, np.uint8), 0, 0, Box(100, 20, 220, 420))
    assert strands(dark, LIMITS).verdict is Verdict.CANNOT_JUDGE
    tiny = Crop(np.zeros((40, 30), np.uint8), 0, 0, Box(5, 0, 25, 40))
    assert strands(tiny, LIMITS).reason == Unjudged.TOO_SHORT
