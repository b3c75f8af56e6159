"""Contact wires 接触线 drawn with exact truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.refusal import Unjudged
from catenary.rules.contact_wire import ContactLimits, burned, kinked, worn
from tests.rules.test_messenger_wire import burnt
from tests.rules.wires import Along, Bend, Step, Wire, value

LIMITS = ContactLimits()
RULES = (worn, kinked, burned)


def all_of(wire: Wire) -> list[Evidence]:
    crop = wire.crop()
    return [rule(crop, LIMITS) for rule in RULES]


@settings(max_examples=15, deadline=None)
@given(turn_deg=st.floats(0, 180), width=st.sampled_from([6.0, 12.0, 24.0]))
def test_a_sound_wire_is_normal_at_any_angle(turn_deg: float, width: float):
    for evidence in all_of(Wire(turn_deg=turn_deg, width=width)):
        assert evidence.verdict is Verdict.NORMAL
        assert evidence.score is not None
        assert evidence.score < 0.3


@pytest.mark.parametrize("depth", [1.8, 2.5, 4.0])
@pytest.mark.parametrize("turn_deg", [0.0, 40.0, 90.0, 160.0])
@pytest.mark.parametrize("side", ["upper", "lower"])
def test_a_side_worn_by_n_px_is_measured_as_n(depth: float, turn_deg: float, side: str):
    wire = replace(Wire(width=12.0, turn_deg=turn_deg), **{side: Step(depth)})
    evidence = worn(wire.crop(), LIMITS)
    assert value(evidence, "side_lost") == pytest.approx(depth, abs=0.3)
    assert (evidence.condition, evidence.verdict) == ("worn", Verdict.DEFECT)
    assert kinked(wire.crop(), LIMITS).verdict is Verdict.NORMAL


def test_a_wire_thinner_on_both_sides_counts_by_half():
    wire = Wire(width=12.0, upper=Step(2.0), lower=Step(2.0))
    assert value(worn(wire.crop(), LIMITS), "side_lost") == pytest.approx(2.0, abs=0.3)


@settings(max_examples=15, deadline=None)
@given(
    angle_deg=st.sampled_from([4.0, 8.0, 15.0, 25.0]),
    sag=st.sampled_from([0.0, 6.0]),
    turn_deg=st.floats(0, 180),
)
def test_a_kink_of_a_degrees_is_measured_as_a_over_any_sag(
    angle_deg: float, sag: float, turn_deg: float
):
    evidence = kinked(Wire(course=Bend(angle_deg, sag=sag), turn_deg=turn_deg).crop(), LIMITS)
    assert value(evidence, "kink") == pytest.approx(angle_deg, abs=0.08 * angle_deg + 0.3)
    assert (evidence.condition, evidence.verdict) == ("kinked", Verdict.DEFECT)


def test_the_kink_is_drawn_where_it_is():
    wire = Wire(course=Bend(12.0, at=30.0), turn_deg=0.0)
    crop = wire.crop()
    (line,) = [one for one in kinked(crop, LIMITS).traces if one.role == "kink"]
    x, y = wire.side / 2 + 30 - crop.x0, wire.side / 2 - crop.y0
    assert math.dist(line.points[1], (x, y)) < 6


@pytest.mark.parametrize("sag", [3.0, 10.0])
def test_sag_alone_is_no_kink(sag: float):
    assert kinked(Wire(course=Bend(0.0, sag=sag)).crop(), LIMITS).verdict is Verdict.NORMAL


@pytest.mark.parametrize(("noise", "blur"), [(6.0, 0.6), (1.5, 1.8), (4.0, 1.4)])
def test_noise_and_blur_neither_hide_damage_nor_make_it(noise: float, blur: float):
    sound = Wire(width=12.0, noise=noise, blur=blur)
    for evidence in all_of(sound):
        assert evidence.verdict is Verdict.NORMAL
    assert worn(replace(sound, lower=Step(3.0)).crop(), LIMITS).verdict is Verdict.DEFECT
    assert kinked(replace(sound, course=Bend(6.0)).crop(), LIMITS).verdict is Verdict.DEFECT


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.4, 1.2), offset=st.floats(0, 40))
def test_exposure_does_not_change_what_is_measured(gain: float, offset: float):
    wire = Wire(width=12.0, lower=Step(3.0), course=Bend(8.0), noise=0.0)
    other = replace(wire, gain=gain, offset=offset)
    for rule, name, near in ((worn, "side_lost", 0.1), (kinked, "kink", 0.2)):
        first, second = (value(rule(one.crop(), LIMITS), name) for one in (wire, other))
        assert second == pytest.approx(first, abs=near)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 75.0])
def test_a_clamp_with_a_dropper_is_no_damage(turn_deg: float):
    dropper = ((10.0, 0.0), (5.0, -400.0))
    wire = Wire(strands=(dropper,), clamps=(10.0,), thick=4.0, turn_deg=turn_deg)
    for evidence in all_of(wire):
        assert evidence.verdict is not Verdict.DEFECT


@pytest.mark.parametrize("thick", [2.0, 6.0, 14.0])
@pytest.mark.parametrize("lean", [0.5, 1.5])
def test_a_wire_that_crosses_is_no_damage(thick: float, lean: float):
    crossing = ((-300.0 / lean, -300.0), (300.0 / lean, 300.0))
    for evidence in all_of(Wire(strands=(crossing,), thick=thick)):
        assert evidence.verdict is not Verdict.DEFECT


def test_a_pitted_stretch_is_burnt():
    evidence = burned(Wire(light=burnt).crop(), LIMITS)
    assert (evidence.source, evidence.verdict) == ("contact_burn/1", Verdict.DEFECT)


def test_thin_and_blurred_wires_are_not_judged():
    thin, soft = Wire(width=2.5, blur=0.4), Wire(blur=6.0)
    for wire, reason in ((thin, Unjudged.THIN_WIRE), (soft, Unjudged.SOFT_EDGES)):
        for evidence in all_of(wire):
            assert evidence.verdict is Verdict.CANNOT_JUDGE
            assert evidence.reason == reason


def hidden(along: Along) -> Along:
    return np.where(along < 15, 0.0, 1.0)


def test_a_stretch_mostly_hidden_is_not_judged():
    for evidence in all_of(Wire(light=hidden)):
        assert evidence.verdict is Verdict.CANNOT_JUDGE


def test_edges_are_drawn_on_both_sides_of_the_wire():
    wire = Wire(turn_deg=0.0, width=12.0)
    crop = wire.crop()
    edges = [line for line in worn(crop, LIMITS).traces if line.role == "edge"]
    rows = sorted(float(np.median([y for _, y in line.points])) for line in edges)
    middle = wire.side / 2 - crop.y0
    assert rows == pytest.approx([middle - 6, middle + 6], abs=0.3)
