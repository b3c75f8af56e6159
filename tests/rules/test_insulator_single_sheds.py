"""Rules of single sheds (chipped, dirty, something on them), on insulators drawn exactly."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.rules import insulator_patches
from catenary.rules.insulator_dirt import DirtLimits, blotched
from catenary.rules.insulator_foreign import ForeignBodyLimits, hanging
from catenary.rules.insulator_outline import OutlineLimits, chipped
from catenary.rules.insulator_string import ShedLimits
from tests.rules.insulators import Drawing, value

SHEDS = ShedLimits()
RULES: dict[str, Callable[[Crop], Evidence]] = {
    "outline": lambda crop: chipped(crop, SHEDS, OutlineLimits()),
    "dirt": lambda crop: blotched(crop, SHEDS, DirtLimits()),
    "foreign": lambda crop: hanging(crop, SHEDS, ForeignBodyLimits()),
}
DAMAGED = {
    "outline": Drawing(chip=(6, 6.0)),
    "dirt": Drawing(blotch=0.5),
    "foreign": Drawing(film=(5.0, 7.0)),
}
CONDITIONS = {"outline": "shed_broken", "dirt": "contaminated", "foreign": "foreign_object"}
each_rule = pytest.mark.parametrize("name", list(RULES))


def said(name: str, drawing: Drawing) -> Evidence:
    """Return what a rule says; drawings leave room beside the string, as boxes in frames do."""
    frame, box = drawing.frame()
    inner = box.shifted(0, 0)
    return RULES[name](Crop(frame, 0, 0, inner))


@each_rule
@pytest.mark.parametrize("small", [1.0, 0.8])
@settings(max_examples=3, deadline=None)
@given(turn_deg=st.floats(0, 180))
def test_a_sound_insulator_is_normal_at_any_angle(name: str, small: float, turn_deg: float):
    evidence = said(name, Drawing(small=small, turn_deg=turn_deg))
    assert evidence.verdict is Verdict.NORMAL
    assert evidence.condition == CONDITIONS[name]


@each_rule
@settings(max_examples=3, deadline=None)
@given(turn_deg=st.floats(0, 180))
def test_what_is_wrong_is_raised_at_any_angle(name: str, turn_deg: float):
    evidence = said(name, replace(DAMAGED[name], turn_deg=turn_deg))
    assert evidence.verdict is Verdict.DEFECT


@each_rule
@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0), (0.5, 60), (0.8, 40)])
def test_exposure_changes_no_verdict(name: str, gain: float, offset: float):
    assert said(name, Drawing(gain=gain, offset=offset)).verdict is Verdict.NORMAL
    if name != "dirt":  # a veil of light over all of it hides how dark its blotches are
        damaged = replace(DAMAGED[name], gain=gain, offset=offset)
        assert said(name, damaged).verdict is Verdict.DEFECT


@each_rule
@pytest.mark.parametrize(("noise", "blur"), [(4.0, 0.7), (1.5, 1.5)])
def test_noise_and_blur_change_no_verdict(name: str, noise: float, blur: float):
    assert said(name, Drawing(noise=noise, blur=blur)).verdict is Verdict.NORMAL
    assert said(name, replace(DAMAGED[name], noise=noise, blur=blur)).verdict is Verdict.DEFECT


@pytest.mark.parametrize("turn_deg", [0.0, 24.0, 90.0, 161.0])
@pytest.mark.parametrize("lacks", [2.0, 4.0, 8.0])
def test_a_notch_of_so_many_pixels_is_measured_as_so_many(lacks: float, turn_deg: float):
    evidence = said("outline", Drawing(chip=(5, lacks), turn_deg=turn_deg))
    assert value(evidence, "notch_depth") == pytest.approx(lacks, abs=0.5)
    assert evidence.verdict is Verdict.DEFECT


def test_a_notch_is_drawn_at_its_shed():
    drawing = Drawing(chip=(9, 5.0))
    frame, box = drawing.frame()
    crop = Crop(frame, 0, 0, box)
    evidence = chipped(crop, SHEDS, OutlineLimits())
    (mark,) = (one for one in evidence.traces if one.role == "chipped")
    x = float(np.mean([min(p[0] for p in mark.points), max(p[0] for p in mark.points)]))
    assert x == pytest.approx(drawing.place(9, crop)[0], abs=0.3 * drawing.period)
    assert all(y < box.centre[1] for _, y in mark.points)


def test_a_wire_before_several_sheds_is_no_chip():
    frame, box = Drawing().frame()
    x, y = (round(side) for side in box.centre)
    cv2.line(frame, (x - 40, round(box.y0)), (x + 40, y), 8, 9)
    assert chipped(Crop(frame, 0, 0, box), SHEDS, OutlineLimits()).verdict is not Verdict.DEFECT


@pytest.mark.parametrize(("shed", "rise", "grey"), [(9, 9, 100), (10, 4, 100), (10, 9, 150)])
def test_the_last_shed_before_something_beside_the_string_is_no_chip(
    shed: int, rise: int, grey: int
):
    drawing = Drawing()
    frame, box = drawing.frame()
    for at in range(shed, drawing.sheds):
        x, y = box.centre[0] + drawing.along(at), box.y0 - rise * (at - shed + 1) / 2
        corners = (round(x - 5), round(y)), (round(x + 5), round(box.y0) + 2)
        cv2.rectangle(frame, *corners, grey, -1)
    assert chipped(Crop(frame, 0, 0, box), SHEDS, OutlineLimits()).verdict is Verdict.NORMAL


@each_rule
def test_light_that_falls_off_along_the_string_is_no_damage(name: str):
    frame, box = Drawing().frame()
    light = np.linspace(1.0, 0.4, frame.shape[1])
    dimmed = (frame * light).astype(np.uint8)
    assert RULES[name](Crop(dimmed, 0, 0, box)).verdict is Verdict.NORMAL


def test_one_dark_shed_is_no_dirt_and_a_dark_stretch_is_none():
    assert said("dirt", Drawing(burnt=(6,))).verdict is Verdict.NORMAL
    assert said("dirt", Drawing(burnt=(5, 6, 7))).verdict is Verdict.NORMAL


def test_sheds_that_are_unlike_their_neighbours_are_drawn():
    evidence = said("dirt", Drawing(blotch=0.5))
    assert {one.role for one in evidence.traces} == {"soiled"}
    assert 3 <= len(evidence.traces) <= 6


def test_sheds_that_have_hardly_anything_alike_are_not_called_dirty():
    assert said("dirt", Drawing(blotch=1.2)).reason == Unjudged.NO_SHED_LEARNT


def test_a_chipped_outline_is_not_told_before_a_restless_background():
    frame, box = Drawing(chip=(6, 6.0), noise=0.0).frame()
    wild = np.random.default_rng(1).integers(0, 255, (20, 60)).astype(np.uint8)
    clutter = cv2.resize(wild, frame.shape[::-1], interpolation=cv2.INTER_LINEAR)
    evidence = chipped(Crop(np.maximum(frame, clutter // 2), 0, 0, box), SHEDS, OutlineLimits())
    assert evidence.verdict is not Verdict.DEFECT


@each_rule
def test_what_fills_the_crop_up_to_its_border_says_why_it_is_not_judged(name: str):
    frame, box = Drawing().frame()
    rows = slice(round(box.y0) + 6, round(box.y1) - 6)
    evidence = RULES[name](Crop(frame[rows], 0, 0, box.shifted(0, -rows.start)))
    if name == "outline":
        assert evidence.reason == Unjudged.NO_OUTLINE
    else:
        assert evidence.verdict is not Verdict.DEFECT


def test_every_second_shed_is_held_against_every_second_one():
    assert insulator_patches.neighbours(12)[6].tolist() == [4, 8, 2, 10, 0]
    assert insulator_patches.neighbours(5)[0].tolist() == [1, 2, 3, 4]


@each_rule
@pytest.mark.parametrize("width", [12.0, 14.0, 18.0])
def test_low_sheds_are_judged_or_refused_for_their_height(name: str, width: float):
    evidence = said(name, Drawing(width=width, period=8.0))
    assert evidence.verdict is Verdict.NORMAL or evidence.reason


@pytest.mark.parametrize("turn_deg", [0.0, 3.0, 37.0, 151.0])
def test_sheds_lie_level_side_by_side(turn_deg: float):
    frame, box = Drawing(turn_deg=turn_deg).frame()
    row = insulator_patches.side_by_side(Crop(frame, 0, 0, box), SHEDS)
    assert isinstance(row, insulator_patches.SideBySide)
    light = row.patches(slice(None)).mean(axis=2) - 8
    middles = light @ np.arange(light.shape[1]) / light.sum(axis=1)
    assert np.ptp(middles) < 2
