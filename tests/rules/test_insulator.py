"""Insulators 绝缘子 drawn with exact truth, and strings of real photographs."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop, cut
from catenary.imaging.profiles import Row
from catenary.rules.insulator import shed_spacing, surface
from catenary.rules.insulator_string import ShedLimits, stays_inside
from tests.rules.insulators import Drawing, value

LIMITS = ShedLimits()


def gap_middle(evidence: Evidence) -> tuple[float, float]:
    (gap,) = (trace for trace in evidence.traces if trace.role == "gap")
    x, y = (np.min(gap.points, axis=0) + np.max(gap.points, axis=0)) / 2
    return float(x), float(y)


def judged(**drawn: object) -> Evidence:
    return shed_spacing(replace(Drawing(), **drawn).crop(), LIMITS)  # type: ignore[arg-type]


@pytest.mark.parametrize("period", [8.0, 11.0, 16.0, 23.0, 31.0])
def test_the_distance_of_the_sheds_is_measured_within_two_per_cent(period: float):
    evidence = judged(period=period, width=3.5 * period)
    assert value(evidence, "period") == pytest.approx(period, rel=0.02)


@pytest.mark.parametrize("sheds", [8, 14, 30])
def test_a_whole_insulator_is_normal_and_all_its_sheds_are_counted(sheds: int):
    evidence = judged(sheds=sheds)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "sheds") == pytest.approx(sheds, abs=1)
    assert value(evidence, "longest_gap") < 1.4
    assert evidence.score is not None
    assert evidence.score < 0.2


@settings(max_examples=40, deadline=None)
@given(missing=st.integers(2, 11), turn_deg=st.floats(0, 180))
def test_a_missing_shed_is_found_in_its_place_at_any_angle(missing: int, turn_deg: float):
    drawing = Drawing(missing=(missing,), turn_deg=turn_deg)
    crop = drawing.crop()
    evidence = shed_spacing(crop, LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert math.dist(gap_middle(evidence), drawing.place(missing, crop)) < 0.75 * drawing.period
    assert value(evidence, "longest_gap") == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("times", [16, 28])  # halved once and twice
def test_a_missing_shed_is_found_in_its_place_in_many_pixels(times: int):
    drawing = Drawing(missing=(5,), turn_deg=20.0)
    crop = drawing.crop()
    large = cv2.resize(crop.pixels, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    many = Crop(np.asarray(large, np.uint8)[:-1, :-1], 0, 0, crop.inner.scaled(times))
    evidence = shed_spacing(many, LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    middle = [at / times for at in gap_middle(evidence)]
    assert math.dist(middle, drawing.place(5, crop)) < 0.75 * drawing.period
    assert value(evidence, "period") == pytest.approx(times * drawing.period, rel=0.02)


@settings(max_examples=40, deadline=None)
@given(turn_deg=st.floats(0, 180))
def test_a_whole_insulator_is_normal_at_any_angle(turn_deg: float):
    evidence = judged(turn_deg=turn_deg)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "period") == pytest.approx(16, rel=0.02)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 118.0])
def test_sheds_of_two_sizes_in_turn_are_normal(turn_deg: float):
    assert judged(small=0.8, turn_deg=turn_deg).verdict is Verdict.NORMAL


@pytest.mark.parametrize("missing", [(), (6,)])
@pytest.mark.parametrize(("gain", "offset"), [(0.3, 0), (0.5, 60), (1.05, 0), (0.8, 40)])
def test_exposure_does_not_change_the_verdict(missing: tuple[int, ...], gain: float, offset: float):
    plain = judged(missing=missing, noise=0.0)
    other = judged(missing=missing, noise=0.0, gain=gain, offset=offset)
    assert other.verdict is plain.verdict
    assert value(other, "likeness_drop") == pytest.approx(value(plain, "likeness_drop"), abs=0.06)


@pytest.mark.parametrize(("noise", "blur"), [(6.0, 0.7), (1.5, 2.5), (4.0, 2.0)])
def test_noise_and_blur_neither_hide_a_missing_shed_nor_make_one(noise: float, blur: float):
    assert judged(noise=noise, blur=blur).verdict is Verdict.NORMAL
    assert judged(missing=(6,), noise=noise, blur=blur).verdict is Verdict.DEFECT


@pytest.mark.parametrize("missing", [(), (5,)])
def test_a_string_cut_by_the_frame_is_judged_where_it_is_seen(missing: tuple[int, ...]):
    frame, box = Drawing(sheds=20, missing=missing).frame()
    crop = cut(frame[:, : int(box.centre[0]) + 30], box, margin=0.05)
    assert crop.cut_sides == {"right"}
    expected = Verdict.DEFECT if missing else Verdict.NORMAL
    assert shed_spacing(crop, LIMITS).verdict is expected


def test_a_beam_before_the_string_is_no_missing_shed():
    frame, box = Drawing().frame()
    x = int(box.centre[0])
    frame[:, x - 9 : x + 9] = 255
    assert shed_spacing(cut(frame, box, margin=0.05), LIMITS).verdict is not Verdict.DEFECT


@pytest.mark.parametrize("periods", [1.5, 1.6, 1.7, 2.0])
@pytest.mark.parametrize("grey", [110, 150, 200])
def test_a_fitting_beyond_the_last_shed_is_no_shed_after_a_missing_one(periods: float, grey: int):
    drawing = Drawing(gain=0.6)
    frame, box = drawing.frame()
    x, y = box.centre
    x += drawing.along(drawing.sheds - 1) + periods * drawing.period
    high, thick = 0.5 * drawing.width, 0.3 * drawing.period
    frame[int(y - high) : int(y + high), int(x - thick) : int(x + thick) + 1] = grey
    longer = replace(box, x1=x + 0.5 * drawing.period)
    assert shed_spacing(cut(frame, longer, margin=0.05), LIMITS).verdict is Verdict.NORMAL


@pytest.mark.parametrize("sheds", [6, 10, 20])
def test_one_shed_alone_beyond_a_missing_one_is_a_shed(sheds: int):
    assert judged(sheds=sheds, missing=(1,)).verdict is Verdict.DEFECT
    assert judged(sheds=sheds, missing=(sheds - 2,), blur=0.8).verdict is Verdict.DEFECT


def test_two_missing_sheds_are_raised_and_more_count_as_hidden():
    assert judged(sheds=20, missing=(8, 9)).verdict is Verdict.DEFECT
    assert judged(sheds=20, missing=(7, 8, 9)).verdict is not Verdict.DEFECT


def test_a_place_where_nothing_is_seen_is_no_missing_shed():
    crop = Drawing(missing=(6,)).crop()
    contrast = value(shed_spacing(crop, LIMITS), "place_contrast")
    fainter = replace(LIMITS, least_stark=contrast + 0.3)  # every look's
    assert 0.2 < contrast < 0.6
    assert shed_spacing(crop, fainter).verdict is Verdict.NORMAL


SIDES = st.tuples(*[st.floats(-0.12, 0.12)] * 4)


def jittered(box: Box, sides: tuple[float, float, float, float]) -> Box:
    """Return the box with each side moved by a share of its width or height."""
    left, top, right, bottom = sides
    width, height = box.width, box.height
    return Box(
        box.x0 + left * width,
        box.y0 + top * height,
        box.x1 + right * width,
        box.y1 + bottom * height,
    )


@settings(max_examples=30, deadline=None)
@given(sides=SIDES, turn_deg=st.sampled_from([0.0, 25.0, 60.0]))
def test_a_box_that_misses_by_an_eighth_changes_no_verdict(
    sides: tuple[float, float, float, float], turn_deg: float
):
    for missing, expected in (((), Verdict.NORMAL), ((6,), Verdict.DEFECT)):
        frame, box = Drawing(missing=missing, turn_deg=turn_deg).frame()
        crop = cut(frame, jittered(box, sides), margin=0.1)
        assert shed_spacing(crop, LIMITS).verdict is expected


def test_a_box_that_ends_where_a_shed_is_missing_does_not_hide_it():
    drawing = Drawing(sheds=46, missing=(38,))
    frame, box = drawing.frame()
    end = box.centre[0] + drawing.along(38)
    crop = cut(frame, Box(box.x0, box.y0, end, box.y1), margin=0.15)
    evidence = shed_spacing(crop, LIMITS)
    assert gap_middle(evidence)[0] + crop.x0 == pytest.approx(end, abs=0.75 * drawing.period)
    assert value(evidence, "likeness_drop") > 0.1


def test_a_row_across_two_strings_is_not_followed_out_of_the_box():
    """The second search, in the brightest rows alone, must not turn the row out of its box."""
    box = Box(0, 0, 1500, 60)
    first = Row(0.0, 16.0, 0.4)
    assert not stays_inside(box, first, Row(176.0, 16.0, 1.0))  # 860 of 1500 px
    assert stays_inside(box, first, Row(179.0, 16.0, 1.0))


def test_a_string_is_as_short_as_its_looks_say_on_average():
    crop = Drawing(missing=(6,)).crop()
    evidence = shed_spacing(crop, LIMITS)
    needed = next(m for m in evidence.measurements if m.name == "likeness_drop").limit
    assert evidence.score is not None
    assert needed is not None
    excess = (value(evidence, "likeness_drop") - needed) / LIMITS.spread
    assert math.log(evidence.score / (1 - evidence.score)) == pytest.approx(excess)


@pytest.mark.parametrize("more", [0.5, 1.0])
@pytest.mark.parametrize("missing", [(), (6,)])
def test_a_box_much_too_high_is_fitted_to_what_is_lit(more: float, missing: tuple[int, ...]):
    frame, box = Drawing(missing=missing).frame()
    high = jittered(box, (0.0, -more, 0.0, more))
    evidence = shed_spacing(cut(frame, high, margin=0.0), LIMITS)
    assert evidence.verdict is (Verdict.DEFECT if missing else Verdict.NORMAL)
    assert value(evidence, "period") == pytest.approx(16, rel=0.02)


def test_bright_bars_on_an_end_fitting_are_no_sheds_beyond_a_missing_one():
    frame, box = Drawing().frame()
    x, y = int(box.x1), int(box.centre[1])
    longer = np.pad(frame, ((0, 0), (0, 120)), constant_values=8)
    for place in (x + 50, x + 66):  # four periods beyond the last shed
        longer[y - 20 : y + 20, place : place + 6] = 200
    crop = cut(longer, Box(box.x0, box.y0, box.x1 + 90, box.y1), margin=0.0)
    evidence = shed_spacing(crop, LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert value(evidence, "sheds") == pytest.approx(14, abs=1)


def test_traces_lie_on_the_sheds_and_along_the_axis():
    drawing = Drawing(turn_deg=35.0)
    crop = drawing.crop()
    evidence = shed_spacing(crop, LIMITS)
    (axis,) = (trace for trace in evidence.traces if trace.role == "axis")
    (x0, y0), (x1, y1) = axis.points
    assert math.degrees(math.atan2(y1 - y0, x1 - x0)) == pytest.approx(35, abs=1.5)
    middles = [np.mean(trace.points, axis=0) for trace in evidence.traces if trace.role == "shed"]
    for x, y in middles:
        nearest = min(math.dist((x, y), drawing.place(k, crop)) for k in range(drawing.sheds))
        assert nearest < 0.1 * drawing.period


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (-0.5, 150.0)])
@pytest.mark.parametrize("missing", [(), (6,)])
def test_sheds_are_drawn_from_rim_to_rim(gain: float, offset: float, missing: tuple[int, ...]):
    """Dark sheds before a bright sky as well."""
    drawing = Drawing(missing=missing, gain=gain, offset=offset)
    crop = drawing.crop()
    marks = [one for one in shed_spacing(crop, LIMITS).traces if one.role == "shed"]
    places = [drawing.place(k, crop)[0] for k in range(-1, 15) if k not in missing]  # screws too
    for line in marks:
        (x0, top), (x1, bottom) = line.points
        assert min(abs((x0 + x1) / 2 - place) for place in places) < 0.15 * drawing.period
        assert bottom - top == pytest.approx(drawing.width, abs=6)


def test_the_mark_of_a_missing_shed_goes_around_its_place():
    drawing = Drawing(missing=(6,))
    crop = drawing.crop()
    (gap,) = (one for one in shed_spacing(crop, LIMITS).traces if one.role == "gap")
    assert gap.points[0] == gap.points[-1]
    assert len(gap.points) == 5
    left, right = min(x for x, _ in gap.points), max(x for x, _ in gap.points)
    at = drawing.place(6, crop)[0]
    assert (left, right) == pytest.approx(
        (at - drawing.period / 2, at + drawing.period / 2), abs=0.2 * drawing.period
    )


def test_a_blank_picture_is_not_judged():
    blank = Crop(np.full((90, 300), 9, np.uint8), 0, 0, Box(0, 0, 300, 90))
    for evidence in (shed_spacing(blank, LIMITS), surface(blank, LIMITS)):
        assert evidence.verdict is Verdict.CANNOT_JUDGE
        assert evidence.reason


def test_noise_alone_is_not_a_string_with_a_missing_shed():
    noise = np.random.default_rng(0).normal(60, 20, (90, 300)).clip(0, 255).astype(np.uint8)
    evidence = shed_spacing(Crop(noise, 0, 0, Box(0, 0, 300, 90)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE


def test_a_box_of_a_few_pixels_is_not_judged():
    tiny = Crop(np.zeros((7, 40), np.uint8), 0, 0, Box(0, 0, 40, 7))
    evidence = shed_spacing(tiny, LIMITS)
    assert evidence.reason == Unjudged.TOO_SMALL
    assert evidence.measurements == (Measurement("shorter_side", 7.0, "px", 12.0),)


def test_three_sheds_are_too_few():
    assert judged(sheds=3).verdict is Verdict.CANNOT_JUDGE


def test_sheds_smeared_into_one_are_not_judged():
    assert judged(period=8.0, width=28.0, blur=5.0).verdict is Verdict.CANNOT_JUDGE


def test_the_score_is_one_half_at_the_limit():
    crop = Drawing(missing=(6,)).crop()
    drop = value(shed_spacing(crop, LIMITS), "likeness_drop")
    at_limit = shed_spacing(crop, replace(LIMITS, drop_empty=drop))
    above = shed_spacing(crop, replace(LIMITS, drop_empty=drop + 0.01))
    assert at_limit.score == pytest.approx(0.5)
    assert above.verdict is Verdict.NORMAL


@pytest.mark.parametrize("turn_deg", [0.0, 50.0])
def test_a_burnt_shed_is_darker_than_the_others(turn_deg: float):
    drawing = Drawing(burnt=(6,), turn_deg=turn_deg)
    crop = drawing.crop()
    evidence = surface(crop, LIMITS)
    assert evidence.condition == "flashover"
    assert evidence.verdict is Verdict.DEFECT
    (shed,) = evidence.traces
    assert shed.role == "darkened"
    middle = (np.min(shed.points, axis=0) + np.max(shed.points, axis=0)) / 2
    assert math.dist(middle, drawing.place(6, crop)) < 0.25 * drawing.period


@settings(max_examples=15, deadline=None)
@given(turn_deg=st.floats(0, 180), gain=st.floats(0.4, 1.1))
def test_clean_sheds_show_no_flashover(turn_deg: float, gain: float):
    evidence = surface(Drawing(turn_deg=turn_deg, gain=gain).crop(), LIMITS)
    assert evidence.verdict is Verdict.NORMAL


@pytest.mark.parametrize("left", [0.2, 0.4, 0.6])
@pytest.mark.parametrize(
    ("gain", "blur", "noise"), [(1.0, 0.7, 1.5), (0.5, 1.5, 3.0), (1.1, 0.5, 0)]
)
def test_the_share_of_light_that_a_shed_lost_is_measured(left, gain, blur, noise):
    """Of the light of a period 15 % are between the sheds: rod and sky keep theirs."""
    drawing = Drawing(burnt=(6,), left=left, gain=gain, blur=blur, noise=noise)
    measured = value(surface(drawing.crop(), LIMITS), "darkening")
    assert measured == pytest.approx(0.85 * (1 - left), abs=0.08)


# From an eighth on, one such box in 150 is taken for a row of every second shed.
@settings(max_examples=15, deadline=None)
@given(sides=st.tuples(*[st.floats(-0.1, 0.1)] * 4))
def test_burnt_sheds_are_found_in_a_box_that_misses_by_a_tenth(
    sides: tuple[float, float, float, float],
):
    frame, box = Drawing(burnt=(6, 7, 8)).frame()
    assert surface(cut(frame, jittered(box, sides), margin=0.1), LIMITS).verdict is Verdict.DEFECT


def test_several_burnt_sheds_are_compared_with_those_that_are_not():
    frame, box = Drawing(sheds=20, burnt=(8, 9, 10, 11)).frame()
    evidence = surface(cut(frame, box, margin=0.1), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    assert value(evidence, "darkening") > 0.5


def test_a_row_beside_the_middle_of_the_box_is_not_the_insulator():
    frame, box = Drawing().frame()
    above = Box(box.x0, box.y0 - 3.0 * box.height, box.x1, box.y1 - 0.4 * box.height)
    padded = np.pad(frame, ((200, 0), (0, 0)), constant_values=8)
    padded[20:60, :] = (
        60  # something else lies on the other side: the box is not cut to what is lit
    )
    crop = cut(padded, above.shifted(0, 200), margin=0.0)
    assert shed_spacing(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE


def test_light_that_falls_off_along_the_string_is_no_flashover():
    frame, box = Drawing().frame()
    fading = np.linspace(1, 0.35, frame.shape[1])
    crop = cut((frame * fading).astype(np.uint8), box, margin=0.05)
    assert surface(crop, LIMITS).verdict is Verdict.NORMAL


def _real(folder: str) -> Path:
    root = Path(__file__).parents[2]
    path = Path(os.environ.get("CATENARY_REAL_DATA", root.parent / "shared/data")) / folder
    if not path.is_dir():
        pytest.skip(f"no real photographs at {path}")
    return path


def _covers(evidence: Evidence, boxes: list[list[float]]) -> bool:
    """Tell whether the gap covers a labelled disc's middle, or a tenth of it (IoU)."""
    xs = [x for trace in evidence.traces if trace.role == "gap" for x, _ in trace.points]
    low, high = min(xs), max(xs)
    for x0, _, x1, _ in boxes:
        shared = max(0.0, min(high, x1) - max(low, x0))
        if low <= (x0 + x1) / 2 <= high or shared >= 0.1 * (x1 - x0 + high - low - shared):
            return True
    return False


@pytest.mark.slow
@pytest.mark.realdata
def test_missing_discs_are_found_on_photographs_the_limits_were_not_set_on():
    """The limits as they are now were set on the photographs with even numbers."""
    folder = _real("insulator_missing_disc")
    raised, hits, broken, false, whole = 0, 0, 0, 0, 0
    for label in json.loads((folder / "labels.json").read_text("utf-8")):
        if int(label["file"].split("_")[0]) % 2 == 0:
            continue
        pixels = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
        height, width = pixels.shape
        evidence = shed_spacing(Crop(pixels, 0, 0, Box(0, 0, width, height)), LIMITS)
        is_raised = evidence.verdict is Verdict.DEFECT
        if label["defect_boxes"]:
            broken += 1
            raised += is_raised
            hits += is_raised and _covers(evidence, label["defect_boxes"])
        else:
            whole += 1
            false += is_raised
    assert (broken, whole) == (103, 44)
    assert raised >= 0.75 * broken
    assert hits >= 0.7 * broken
    assert false <= 0.2 * whole


@pytest.mark.realdata
@pytest.mark.parametrize("box", [Box(2116, 875, 2387, 973), Box(2269, 1298, 2456, 1484)])
def test_the_insulators_of_a_real_night_frame_are_normal(box: Box):
    frame = cv2.imread(str(_real("night4c") / "1.png"), cv2.IMREAD_GRAYSCALE)
    crop = cut(frame, box, margin=0.1)
    assert shed_spacing(crop, LIMITS).verdict is Verdict.NORMAL
    assert surface(crop, LIMITS).verdict is Verdict.NORMAL


@pytest.mark.realdata
@pytest.mark.parametrize("box", [Box(2116, 875, 2387, 973), Box(2269, 1298, 2456, 1484)])
@pytest.mark.parametrize("seed", range(12))
def test_no_poor_box_raises_an_insulator_of_a_real_night_frame(box: Box, seed: int):
    frame = cv2.imread(str(_real("night4c") / "1.png"), cv2.IMREAD_GRAYSCALE)
    sides = tuple(np.random.default_rng(seed).uniform(-0.12, 0.12, 4))
    crop = cut(frame, jittered(box, sides), margin=0.1)
    assert shed_spacing(crop, LIMITS).verdict is not Verdict.DEFECT
