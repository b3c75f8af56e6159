"""Running faces of contact wires 接触线 drawn with exact truth."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Verdict
from catenary.domain.refusal import Unjudged
from catenary.rules.running_face import FaceLimits, widened
from tests.rules.wires import Along, Bend, Wire, value

LIMITS = FaceLimits()
# Blur carries the edges of a face outwards where it is narrow or ends close to the wire's own:
# by up to 0.8 px in all, at blur 0.6 px.
BLURRED_PX = 0.9


@dataclass(frozen=True)
class Face:
    """A face of ``width`` px, wider by ``more`` px within ``half`` px of the middle."""

    width: float = 4.0
    more: float = 0.0
    half: float = 45.0

    def __call__(self, along: Along) -> Along:
        return self.width + np.where(np.abs(along) < self.half, self.more, 0.0)


SOUND = Wire(width=10.0, side=320, half_box=45.0, face=Face(), flank=0.3)


def worn(more: float, half: float = 45.0) -> Wire:
    return replace(SOUND, face=Face(more=more, half=half))


@settings(max_examples=8, deadline=None)
@given(
    turn_deg=st.floats(0, 180),
    width=st.sampled_from([9.0, 11.0, 13.0]),
    share=st.floats(0.25, 0.6),
    aside=st.floats(-0.15, 0.15),
)
def test_a_sound_face_is_normal_at_any_angle(turn_deg, width, share, aside):
    face = Face(share * width)
    wire = replace(SOUND, turn_deg=turn_deg, width=width, face=face, aside=aside * width)
    evidence = widened(wire.crop(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "face_widening") < 0.06
    assert value(evidence, "usual_face") == pytest.approx(share * width, abs=BLURRED_PX)


@pytest.mark.parametrize("more", [3.0, 4.0, 5.0])
@pytest.mark.parametrize("turn_deg", [0.0, 40.0, 90.0])
def test_a_face_wider_by_n_px_is_measured_as_n(more: float, turn_deg: float):
    evidence = widened(replace(worn(more), turn_deg=turn_deg).crop(), LIMITS)
    assert value(evidence, "face_widened") == pytest.approx(more, abs=BLURRED_PX)
    assert (evidence.condition, evidence.verdict) == ("worn", Verdict.DEFECT)


def test_the_widened_stretch_is_drawn_where_it_is():
    wire = replace(worn(5.0, 40.0), turn_deg=0.0)
    crop = wire.crop()
    lines = [line for line in widened(crop, LIMITS).traces if line.role == "worn"]
    for line in lines:
        ends = [x + crop.x0 - wire.side / 2 for x, _ in line.points]
        assert (ends[0], ends[-1]) == pytest.approx((-40, 40), abs=3)
    rows = sorted(np.mean([y for _, y in line.points]) + crop.y0 for line in lines)
    assert rows[0] < wire.side / 2 - 6 < wire.side / 2 + 6 < rows[1]


def test_it_is_followed_over_a_sag():
    evidence = widened(replace(worn(5.0), course=Bend(0.0, sag=8.0)).crop(), LIMITS)
    assert value(evidence, "face_widened") == pytest.approx(5.0, abs=0.5)


@settings(max_examples=4, deadline=None)
@given(gain=st.floats(0.4, 1.2), offset=st.floats(0, 40))
def test_exposure_does_not_change_what_is_measured(gain: float, offset: float):
    wire = replace(worn(5.0), noise=0.0)
    other = replace(wire, gain=gain, offset=offset)
    first, second = (value(widened(one.crop(), LIMITS), "face_widened") for one in (wire, other))
    assert second == pytest.approx(first, abs=0.1)


@pytest.mark.parametrize(("noise", "blur"), [(6.0, 0.6), (1.5, 1.2), (4.0, 1.0)])
def test_noise_and_blur_neither_hide_wear_nor_make_it(noise: float, blur: float):
    sound, gone = (replace(one, noise=noise, blur=blur) for one in (SOUND, worn(5.0)))
    assert widened(sound.crop(), LIMITS).verdict is Verdict.NORMAL
    evidence = widened(gone.crop(), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert value(evidence, "face_widened") == pytest.approx(5.0, abs=1.3)


def test_light_that_changes_along_the_wire_is_no_wear():
    def beam(along: Along) -> Along:
        return np.exp(-((along - 40) ** 2) / (2 * 70**2)) + 0.2

    assert widened(replace(SOUND, light=beam).crop(), LIMITS).verdict is Verdict.NORMAL


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 75.0])
def test_a_clamp_with_a_dropper_is_no_wear(turn_deg: float):
    dropper = ((10.0, 0.0), (5.0, -400.0))
    wire = replace(SOUND, strands=(dropper,), clamps=(10.0,), thick=4.0, turn_deg=turn_deg)
    assert widened(wire.crop(), LIMITS).verdict is not Verdict.DEFECT


@pytest.mark.parametrize("thick", [2.0, 6.0, 14.0])
@pytest.mark.parametrize("lean", [0.5, 1.5])
def test_a_wire_that_crosses_is_no_wear(thick: float, lean: float):
    crossing = ((-300.0 / lean, -300.0), (300.0 / lean, 300.0))
    wire = replace(SOUND, strands=(crossing,), thick=thick)
    assert widened(wire.crop(), LIMITS).verdict is not Verdict.DEFECT


def test_a_bar_before_the_wire_is_no_wear():
    bar = ((-45.0, 0.0), (45.0, 0.0))
    wire = replace(SOUND, strands=(bar,), thick=20.0)
    assert widened(wire.crop(), LIMITS).verdict is not Verdict.DEFECT


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"flank": 1.0}, Unjudged.NO_FACE),
        ({"width": 3.5, "face": Face(1.5), "blur": 0.3}, Unjudged.THIN_WIRE),
        ({"width": 30.0, "face": Face(12.0)}, Unjudged.SHORT_WIRE),
        ({"wire": 16.0, "noise": 0.3}, Unjudged.LOW_CONTRAST),
    ],
)
def test_what_tells_nothing_is_not_judged(changed, reason: Unjudged):
    evidence = widened(replace(SOUND, **changed).crop(), LIMITS)
    assert (evidence.verdict, evidence.reason) == (Verdict.CANNOT_JUDGE, reason)
