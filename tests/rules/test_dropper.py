from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Measurement, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop, cut
from catenary.rules.dropper import DropperLimits, absence, continuity, free_end, slackness

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


def test_no_wire_is_drawn_through_empty_air():
    evidence = continuity(drawn(gap=(150, 230)), LIMITS)
    upper, lower = (line for line in evidence.traces if line.role == "wire")
    assert upper.points[-1][1] == pytest.approx(150, abs=8)
    assert lower.points[0][1] == pytest.approx(230, abs=8)


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


def test_nothing_is_drawn_beside_the_box():
    """A wire that ends aslant is followed on through the air; that is no part of the dropper."""
    picture = suspended(lower=(240, 520), gap=(0.4, 0.999))
    picture[400:] = 10
    crop = photographed(picture, box=(264, 68, 316, 532))
    evidence = free_end(crop, LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    (gap,) = [line.points for line in evidence.traces if line.role == "gap"]
    assert gap[1][0] == pytest.approx(crop.inner.x0, abs=1)
    assert gap[0][1] < gap[1][1] < crop.inner.y1 - 50


@settings(max_examples=10, deadline=None)
@given(stop=st.integers(200, 340))
def test_what_is_empty_beyond_a_free_end_is_measured(stop: int):
    """The box reaches down to the wire that the dropper hung on."""
    crop = clamped(stop=stop, lower_clamp=False)
    box = Box(crop.inner.x0, crop.inner.y0, crop.inner.x1, 430)
    evidence = continuity(replace(crop, inner=box), LIMITS)
    assert evidence.measurements[0].value * (430 - 36) == pytest.approx(437 - stop, abs=5)


def test_an_end_at_the_edge_of_the_picture_is_no_free_end():
    crop = clamped(stop=479, lower_clamp=False, side="bottom")
    assert free_end(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE


@settings(max_examples=15, deadline=None)
@given(start=st.integers(90, 180), length=st.integers(40, 150))
def test_a_gap_of_n_pixels_is_measured_as_n(start, length):
    evidence = continuity(drawn(gap=(start, start + length)), LIMITS)
    gap = evidence.measurements[0]
    assert gap.value * 400 == pytest.approx(length, abs=3)
    assert evidence.verdict is Verdict.DEFECT


def suspended(
    lower: tuple[float, float] = (300, 520),
    upper: tuple[float, float] = (300, 80),
    gap: tuple[float, float] = (0, 0),
    loop: bool = False,
    thick: int = 5,
) -> np.ndarray:
    """Return (600, 600): a dropper with clamps between two wires; ``gap`` in shares of it."""
    picture = np.full((600, 600), 10, np.float32)
    for x, y in (upper, lower):
        cv2.line(picture, (0, round(y) + 30), (599, round(y) - 30), 190.0, 9)
        cv2.rectangle(
            picture, (round(x) - 14, round(y) - 12), (round(x) + 14, round(y) + 12), 230, -1
        )
    first, last = np.array(upper), np.array(lower)
    for begin, end in ((0.0, gap[0]), (gap[1], 1.0)) if gap[1] else ((0.0, 1.0),):
        ends = [
            tuple(np.round(first + (last - first) * t).astype(int).tolist()) for t in (begin, end)
        ]
        cv2.line(picture, *ends, 150.0, thick, cv2.LINE_AA)
    if loop:
        cv2.ellipse(
            picture, (round(lower[0]) - 40, round(lower[1]) - 40), (50, 22), 35, 0, 360, 150, 5
        )
    return picture


def photographed(
    picture, box=(280, 68, 320, 532), blur=0.8, noise=2.0, gain=1.0, offset=0.0
) -> Crop:
    image = cv2.GaussianBlur(picture, (0, 0), blur) * gain + offset
    image += np.random.default_rng(3).normal(0, noise, image.shape)
    return cut(image.clip(0, 255).astype(np.uint8), Box(*box), 0.1)


def verdicts(crop) -> list[Verdict]:
    return [rule(crop, LIMITS).verdict for rule in (continuity, free_end, slackness)]


WHOLE = [Verdict.NORMAL] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"gain": 0.4},
        {"gain": 1.3, "offset": 20},
        {"gain": -0.7, "offset": 200},
        {"blur": 2.5},
        {"noise": 8.0},
    ],
)
def test_gain_offset_blur_and_noise_change_no_verdict(change):
    assert verdicts(photographed(suspended(), **change)) == WHOLE
    broken = continuity(photographed(suspended(gap=(0.4, 0.6)), **change), LIMITS)
    assert broken.verdict is Verdict.DEFECT
    assert broken.measurements[0].value == pytest.approx(0.2 * 440 / 464, abs=0.03)


@pytest.mark.parametrize("lean", [-220, -120, 0, 80, 200])
def test_a_leaning_dropper_is_judged_as_an_upright_one(lean):
    left, right = sorted((300, 300 + lean))
    box = (left - 14, 68, right + 14, 532)
    ends = {"upper": (300, 80), "lower": (300 + lean, 520)}
    assert verdicts(photographed(suspended(**ends), box)) == WHOLE
    broken = continuity(photographed(suspended(**ends, gap=(0.4, 0.6)), box), LIMITS)
    assert broken.verdict is Verdict.DEFECT


@pytest.mark.parametrize("quality", [25, 60, 90])
def test_compression_changes_no_verdict(quality):
    for gap, expected in (((0, 0), Verdict.NORMAL), ((0.4, 0.6), Verdict.DEFECT)):
        crop = photographed(suspended(gap=gap), gain=0.35)
        ok, coded = cv2.imencode(".jpg", crop.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert ok
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
        assert continuity(replace(crop, pixels=pixels), LIMITS).verdict is expected


@pytest.mark.parametrize("rise", [0, 60, 150, 300])
@pytest.mark.parametrize("thick", [3, 9, 22, 45])
@pytest.mark.parametrize("grey", [240, 120])
def test_what_crosses_in_front_is_no_gap(rise, thick, grey):
    picture = suspended()
    cv2.line(picture, (0, 300 + rise), (599, 300 - rise), float(grey), thick, cv2.LINE_AA)
    crop = photographed(picture)
    assert [rule(crop, LIMITS).verdict for rule in (continuity, free_end)] == WHOLE[:2]


@pytest.mark.parametrize("rise", [0, 150])
def test_a_wire_that_crosses_beside_a_gap_does_not_hide_it(rise):
    picture = suspended(gap=(0.3, 0.6))
    cv2.line(picture, (0, 420 + rise), (599, 420 - rise), 200.0, 5, cv2.LINE_AA)
    assert continuity(photographed(picture), LIMITS).verdict is Verdict.DEFECT


def test_a_current_carrying_loop_is_neither_slack_nor_broken():
    crop = photographed(suspended(loop=True), box=(200, 68, 320, 532))
    assert verdicts(crop) == WHOLE


@pytest.mark.parametrize("tip", [(380, 340), (220, 330), (305, 380)])
def test_a_lower_piece_that_hangs_beside_is_a_break(tip):
    picture = suspended(gap=(0.45, 0.999))
    cv2.line(picture, (300, 508), tip, 150.0, 5, cv2.LINE_AA)
    crop = photographed(picture, box=(min(280, tip[0]), 68, max(320, tip[0]), 532))
    assert Verdict.DEFECT in [rule(crop, LIMITS).verdict for rule in (continuity, free_end)]


@pytest.mark.parametrize("strands", [0, 3])
def test_one_piece_is_a_break_whether_or_not_its_strands_stand_off(strands):
    picture = suspended(gap=(0.6, 0.999))
    picture[360:] = 10  # nothing is left of the lower half, nor of its clamp
    for k in range(strands):
        cv2.line(picture, (300, 342), (288 + 12 * k, 356), 120.0, 1, cv2.LINE_AA)
    evidence = free_end(photographed(picture, box=(280, 68, 320, 356)), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    (end,) = [line for line in evidence.traces if line.role == "end"]
    assert end.points[0][1] + 68 - 28.8 == pytest.approx(350, abs=12)


@pytest.mark.parametrize(
    "box",
    [
        (280, 68, 320, 532),
        (274, 35, 326, 565),
        (284, 101, 316, 499),
        (286, 35, 326, 499),
        (274, 101, 314, 565),
    ],
)
def test_a_box_that_misses_by_seven_per_cent_changes_no_verdict(box):
    assert Verdict.DEFECT not in verdicts(photographed(suspended(), box))
    broken = continuity(photographed(suspended(gap=(0.4, 0.6)), box), LIMITS)
    assert broken.verdict is Verdict.DEFECT


def test_a_wire_that_runs_out_of_the_picture_past_its_box_is_not_called_whole():
    crop = photographed(suspended())
    pixels = crop.pixels[: round(crop.inner.y1) - 100]
    short = replace(crop, pixels=pixels, inner=Box(40, 46, 80, pixels.shape[0] - 12))
    assert {rule(short, LIMITS).reason for rule in (continuity, free_end, slackness)} == {
        Unjudged.CUT_OFF_BOTTOM
    }


def test_a_wire_of_one_pixel_is_not_called_broken():
    picture = np.full((600, 600), 10, np.float32)
    picture[80:520, 300] = 60
    picture[250:350, 300] = 10
    evidence = continuity(photographed(picture, blur=0.3), LIMITS)
    assert evidence.reason == Unjudged.THIN_WIRE


@pytest.mark.parametrize("bow", [0, 8, 20, 40])
def test_slack_is_the_distance_from_the_chord_over_the_wire(bow):
    evidence = slackness(drawn(bow=bow), LIMITS)
    assert evidence.measurements[0].value == pytest.approx(bow / 400, abs=0.008)


def without_wire(clamps: float = 230) -> np.ndarray:
    """Return (600, 600): two clamps on their wires, and nothing between them."""
    picture = suspended()
    picture[95:505, 250:350] = 10
    return np.where(picture > 200, clamps, picture).astype(np.float32)


def test_two_clamps_with_nothing_between_are_a_missing_dropper():
    evidence = absence(photographed(without_wire()), LIMITS)
    assert (evidence.verdict, evidence.condition) == (Verdict.DEFECT, "missing")
    assert evidence.measurements[0].value > 0.95


@pytest.mark.parametrize("gap", [(0, 0), (0.3, 0.6)])
def test_a_dropper_of_which_something_hangs_is_not_missing(gap):
    assert absence(photographed(suspended(gap=gap)), LIMITS).verdict is Verdict.NORMAL


def test_clamps_so_small_that_no_wire_would_be_seen_tell_of_no_missing_dropper():
    small = cv2.resize(without_wire(), (200, 200), interpolation=cv2.INTER_AREA)
    crop = photographed(small, box=(94, 22, 106, 178))
    assert absence(crop, LIMITS).reason == Unjudged.TOO_NARROW


def test_dim_clamps_tell_of_no_missing_dropper():
    crop = photographed(without_wire(), gain=0.15)
    assert absence(crop, LIMITS).verdict is Verdict.CANNOT_JUDGE
