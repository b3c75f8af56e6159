"""Messenger wires 承力索 drawn with exact truth."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop, cut
from catenary.rules.burn import BurnLimits
from catenary.rules.messenger_wire import MessengerLimits, burned, strands, thinning
from tests.rules.wires import Along, Step, Wire, value

LIMITS = MessengerLimits()
RULES = (thinning, strands, burned)
CUT = ((20.0, 5.0), (48.0, 24.0))  # a strand that stands off, 2 px thick


def all_of(wire: Wire) -> list[Evidence]:
    crop = wire.crop()
    return [rule(crop, LIMITS) for rule in RULES]


def thin(depth: float, **drawn: object) -> Wire:
    """Return a wire that lacks ``depth`` px, half on each side, on its middle."""
    step = Step(depth / 2)
    return replace(Wire(upper=step, lower=step), **drawn)  # type: ignore[arg-type]


def burnt(along: Along) -> Along:
    """Return soot with bright pits of 3 px on the middle 60 px."""
    pits = np.where(np.mod(np.floor(along / 3), 4) == 0, 1.6, 0.3)
    return np.where(np.abs(along) < 30, pits, 1.0)


@settings(max_examples=15, deadline=None)
@given(turn_deg=st.floats(0, 180), width=st.sampled_from([6.0, 10.0, 22.0]))
def test_a_sound_wire_is_normal_at_any_angle_and_its_width_is_measured(
    turn_deg: float, width: float
):
    wire = Wire(turn_deg=turn_deg, width=width)
    for evidence in all_of(wire):
        assert evidence.verdict is Verdict.NORMAL
        assert evidence.score is not None
        assert evidence.score < 0.3
    # Half of the height lies where the blurred edge was, a little outside for the thinnest.
    found = value(thinning(wire.crop(), LIMITS), "usual_width")
    assert found == pytest.approx(width, abs=0.35)


@pytest.mark.parametrize("depth", [1.8, 3.0, 4.0])
@pytest.mark.parametrize("turn_deg", [0.0, 25.0, 90.0, 133.0])
def test_a_step_of_n_px_is_measured_as_n(depth: float, turn_deg: float):
    evidence = thinning(thin(depth, turn_deg=turn_deg).crop(), LIMITS)
    assert value(evidence, "width_lost") == pytest.approx(depth, abs=0.3)
    assert evidence.condition == "strand_broken"
    assert evidence.verdict is Verdict.DEFECT


def test_the_thin_place_is_drawn_where_it_is():
    crop = thin(3.0, upper=Step(1.5, 20), lower=Step(1.5, 20), turn_deg=0.0).crop()
    drawn = [line for line in thinning(crop, LIMITS).traces if line.role == "thin"]
    middle = np.mean([np.mean(line.points, axis=0) for line in drawn], axis=0)
    x, y = crop.inner.centre
    assert math.dist(middle, (x, y)) < 15


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.4, 1.2), offset=st.floats(0, 40), depth=st.sampled_from([0.0, 3.0]))
def test_exposure_does_not_change_what_is_measured(gain: float, offset: float, depth: float):
    plain, other = thin(depth, noise=0.0), thin(depth, noise=0.0, gain=gain, offset=offset)
    for first, second in zip(all_of(plain), all_of(other), strict=True):
        assert second.verdict is first.verdict
    lost = [value(thinning(one.crop(), LIMITS), "width_lost") for one in (plain, other)]
    assert lost[1] == pytest.approx(lost[0], abs=0.1)


@pytest.mark.parametrize(("noise", "blur"), [(6.0, 0.6), (1.5, 1.8), (4.0, 1.4)])
def test_noise_and_blur_neither_hide_a_thin_place_nor_make_one(noise: float, blur: float):
    for evidence in all_of(Wire(noise=noise, blur=blur)):
        assert evidence.verdict is Verdict.NORMAL
    assert thinning(thin(2.5, noise=noise, blur=blur).crop(), LIMITS).verdict is Verdict.DEFECT


@pytest.mark.parametrize("sky", [10.0, 210.0])
def test_a_dark_wire_before_a_bright_sky_is_measured_too(sky: float):
    wire = 150.0 if sky < 100 else 25.0
    evidence = thinning(thin(3.0, sky=sky, wire=wire).crop(), LIMITS)
    assert value(evidence, "width_lost") == pytest.approx(3.0, abs=0.3)


@settings(max_examples=12, deadline=None)
@given(turn_deg=st.floats(0, 180))
def test_a_strand_that_stands_off_and_ends_is_found_at_any_angle(turn_deg: float):
    evidence = strands(Wire(strands=(CUT,), turn_deg=turn_deg).crop(), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert value(evidence, "strands") == 1
    # Its root is hidden in the wire: about a quarter of its 34 px.
    assert value(evidence, "longest_strand") * 10 == pytest.approx(28, abs=6)
    assert value(evidence, "strand_angle") == pytest.approx(34, abs=6)


def test_the_strand_is_drawn_to_its_tip():
    wire = Wire(strands=(CUT,), turn_deg=0.0)
    crop = wire.crop()
    (strand,) = [line for line in strands(crop, LIMITS).traces if line.role == "strand"]
    x, y = wire.side / 2 + 48 - crop.x0, wire.side / 2 + 24 - crop.y0
    assert math.dist(strand.points[1], (x, y)) < 3


def test_two_strands_are_counted():
    other = ((-15.0, -5.0), (-45.0, -22.0))
    assert value(strands(Wire(strands=(CUT, other)).crop(), LIMITS), "strands") == 2


@pytest.mark.parametrize("thick", [1.5, 2.5, 6.0, 14.0])
@pytest.mark.parametrize("lean", [0.3, 1.0, 2.5])
def test_a_wire_that_crosses_is_no_damage(thick: float, lean: float):
    crossing = ((-300.0 / lean, -300.0), (300.0 / lean, 300.0))
    for evidence in all_of(Wire(strands=(crossing,), thick=thick)):
        assert evidence.verdict is not Verdict.DEFECT


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 75.0])
def test_a_dropper_that_hangs_from_a_clamp_is_no_damage(turn_deg: float):
    dropper = ((10.0, 0.0), (15.0, 400.0))
    wire = Wire(strands=(dropper,), clamps=(10.0,), thick=4.0, turn_deg=turn_deg)
    for evidence in all_of(wire):
        assert evidence.verdict is not Verdict.DEFECT


def test_a_strand_that_ends_at_the_edge_of_the_picture_may_be_another_wire():
    reaching = ((0.0, 5.0), (220.0, 120.0))
    assert strands(Wire(strands=(reaching,)).crop(), LIMITS).verdict is Verdict.NORMAL


@pytest.mark.parametrize("turn_deg", [0.0, 50.0, 110.0])
def test_a_dark_and_pitted_stretch_is_burnt(turn_deg: float):
    evidence = burned(Wire(light=burnt, turn_deg=turn_deg).crop(), LIMITS)
    assert (evidence.condition, evidence.verdict) == ("burned", Verdict.DEFECT)


def test_the_burn_is_marked_from_end_to_end_and_not_covered():
    wire = Wire(light=burnt, turn_deg=0.0)
    crop = wire.crop()
    lines = [one.points for one in burned(crop, LIMITS).traces if one.role == "burn"]
    assert len(lines) == 2
    x, y = crop.inner.centre
    for points in lines:
        ends = points[0][0] - x, points[-1][0] - x
        assert ends == pytest.approx((-30, 30), abs=1.5 * wire.width)  # light changes on 60 px
        assert all(abs(row - y) > wire.width / 2 for _, row in points)


def test_edges_are_not_drawn_through_what_hides_them():
    crop = Wire(turn_deg=0.0).crop()
    pixels = crop.pixels.copy()
    middle = round(crop.inner.centre[0])
    pixels[:, middle - 12 : middle + 12] = pixels.max()
    edges = [
        one.points
        for one in thinning(replace(crop, pixels=pixels), LIMITS).traces
        if one.role == "edge"
    ]
    assert len(edges) == 4
    assert all(len({x > middle for x, _ in points}) == 1 for points in edges)


def shaded(along: Along) -> Along:
    return np.where(np.abs(along) < 30, 0.45, 1.0)


def striped(along: Along) -> Along:
    return np.where(np.mod(along, 9) < 4, 0.6, 1.1)


def fading(along: Along) -> Along:
    return 1 - (along + 140) / 400


@pytest.mark.parametrize("light", [shaded, striped, fading])
def test_a_shadow_or_strands_or_fading_light_are_no_burn(light):
    assert burned(Wire(light=light).crop(), LIMITS).verdict is Verdict.NORMAL


def test_a_thin_wire_is_not_judged():
    for evidence in all_of(Wire(width=2.5, blur=0.4)):
        assert evidence.verdict is Verdict.CANNOT_JUDGE
        assert evidence.reason == Unjudged.THIN_WIRE


def test_a_blurred_wire_is_not_judged():
    for evidence in all_of(Wire(blur=6.0)):
        assert evidence.verdict is Verdict.CANNOT_JUDGE
        assert evidence.reason == Unjudged.SOFT_EDGES


def test_a_wire_that_hardly_stands_out_is_not_judged():
    for evidence in all_of(Wire(wire=15.0, noise=1.0)):
        assert evidence.verdict is Verdict.CANNOT_JUDGE


@pytest.mark.parametrize("shape", [(1, 1), (7, 40), (90, 90)])
def test_no_wire_at_all_is_not_judged(shape: tuple[int, int]):
    blank = Crop(np.full(shape, 9, np.uint8), 0, 0, Box(0, 0, shape[1], shape[0]))
    for rule in RULES:
        assert rule(blank, LIMITS).verdict is Verdict.CANNOT_JUDGE


def test_noise_alone_is_no_damage():
    noise = np.random.default_rng(0).normal(60, 15, (200, 200)).clip(0, 255).astype(np.uint8)
    crop = Crop(noise, 0, 0, Box(70, 70, 130, 130))
    for rule in RULES:
        assert rule(crop, LIMITS).verdict is not Verdict.DEFECT


def test_a_box_at_the_edge_of_the_picture_is_judged_by_what_is_seen():
    frame = thin(3.0, turn_deg=0.0).frame()[:, 110:]
    box = Box(0, 133, 80, 147)
    crop = Crop(frame, 0, 0, box, frozenset({"left"}))
    assert thinning(crop, LIMITS).verdict is Verdict.DEFECT


def test_damage_beside_the_box_is_left_to_the_next_box():
    frame = Wire(turn_deg=0.0, strands=(CUT,), light=burnt, upper=Step(3.0, 25)).frame()
    beside = Crop(frame, 0, 0, Box(180, 130, 240, 150))
    for rule in RULES:
        assert rule(beside, LIMITS).verdict is Verdict.NORMAL


def test_limits_are_where_the_verdict_changes():
    crop = thin(2.0).crop()
    lost = value(thinning(crop, LIMITS), "thinning")
    at_limit = thinning(crop, replace(LIMITS, thinning=lost))
    above = thinning(crop, replace(LIMITS, thinning=lost + 0.01))
    below = thinning(crop, replace(LIMITS, thinning=lost - 0.01))
    assert at_limit.score == pytest.approx(0.5)
    assert (above.verdict, below.verdict) == (Verdict.NORMAL, Verdict.DEFECT)


def test_a_burn_must_be_both_off_and_rough():
    crop = Wire(light=burnt).crop()
    evidence = burned(crop, LIMITS)
    change, rough = (value(evidence, name) for name in ("brightness_change", "roughness"))
    assert change > LIMITS.burn.change
    for limits in (BurnLimits(change=change + 5), BurnLimits(roughness=rough + 5)):
        assert burned(crop, replace(LIMITS, burn=limits)).verdict is Verdict.NORMAL


def test_the_picture_is_not_written_to():
    crop = thin(2.0).crop()
    before = crop.pixels.copy()
    for rule in RULES:
        rule(crop, LIMITS)
    assert cv2.absdiff(before, crop.pixels).max() == 0


def test_a_wire_whose_edges_are_nowhere_found_is_not_judged():
    """Stripes side by side: each is as wide as its neighbours leave it."""
    rows = 128 + 120 * np.sin(np.arange(60) / 2)
    frame = np.repeat(rows[:, None], 140, axis=1).astype(np.uint8)
    for rule in (thinning, strands, burned):
        evidence = rule(cut(frame, Box(14, 6, 126, 54), margin=0.3), LIMITS)
        assert evidence.reason == Unjudged.FEW_EDGES
