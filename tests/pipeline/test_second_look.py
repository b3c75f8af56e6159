from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.change import LIKENESS, Change, Incomparable, PartChange
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import second_look
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.registration import Registration, RegistrationSettings
from catenary.pipeline.resemblance import turn_of

SIDE = 400
MIDDLE, HALF = (200, 190), (34, 26)
PART = Box(MIDDLE[0] - 40, MIDDLE[1] - 40, MIDDLE[0] + 40, MIDDLE[1] + 40)
HERE = Similarity(1, 0)
LAID = Registration(HERE, np.empty((0, 2), np.intp), np.empty(0, complex), 1.0, 5.0, 1.0, 1.0)
# Three parts that stay as they are: what is usual in this pair of photographs.
CORNERS = [Box(x, y, x + 50, y + 40) for x, y in ((20, 20), (330, 20), (20, 340))]


def photograph(turn_deg: float = 0.0, *, part: bool = True, gain: float = 1.0) -> np.ndarray:
    """Draw a fitting with a slot and a screw, turned clockwise, beside three that stay."""
    canvas = np.full((SIDE, SIDE), 30.0, np.float32)
    for box in CORNERS:
        x0, y0 = int(box.x0) + 8, int(box.y0) + 8
        canvas[y0 : y0 + 24, x0 : x0 + 34] = 150
        canvas[y0 + 6 : y0 + 12, x0 + 4 : x0 + 20] = 60
    if part:
        flat = np.full((SIDE, SIDE), 30.0, np.float32)
        x, y = MIDDLE
        flat[y - HALF[1] : y + HALF[1], x - HALF[0] : x + HALF[0]] = 140
        flat[y - 20 : y - 8, x - 28 : x + 4] = 220
        flat[y + 6 : y + 18, x + 10 : x + 26] = 50
        around = cv2.getRotationMatrix2D(
            (x - 0.5, y - 0.5), -turn_deg, 1
        )  # OpenCV turns the other way
        turned = cv2.warpAffine(flat, around, (SIDE, SIDE), borderValue=30)
        inside = slice(int(PART.y0), int(PART.y1)), slice(int(PART.x0), int(PART.x1))
        canvas[inside] = turned[inside]
    noise = np.random.default_rng(1000 + int(turn_deg * 10)).normal(0, 3, canvas.shape)
    return (canvas * gain + noise).clip(0, 255).astype(np.uint8)


def unchanged(kind: str, box: Box) -> PartChange:
    return PartChange(Change.UNCHANGED, kind, box, box, box, 0.9, 1.0, 9.0, "px", earlier_score=0.9)


def told(after: np.ndarray, one: PartChange) -> PartChange:
    parts = (one, *(unchanged("bolt", box) for box in CORNERS))
    looked = second_look.looked_at(
        parts, LAID, (photograph(), after), RegistrationSettings(), HistorySettings()
    )
    assert looked[1:] == parts[1:]
    return looked[0]


@given(st.integers(-25, 25), st.floats(0.7, 1.4))
@settings(max_examples=15, deadline=None)
def test_a_turn_is_measured_within_two_degrees(deg: int, gain: float):
    found = turn_of(photograph(), PART, photograph(deg, gain=gain), HERE, 4.0)
    assert found is not None
    assert found.deg == pytest.approx(deg, abs=2)
    assert found.likeness >= found.unturned


@pytest.mark.parametrize("deg", [-12, 9, 20])
def test_a_fitting_that_turned_where_it_is_is_told_with_its_angle(deg):
    found = told(photograph(deg), unchanged("clamp", PART))
    assert (found.change, found.unit) == (Change.TURNED, "deg")
    assert found.value == pytest.approx(abs(deg), abs=2)
    assert found.limit == HistorySettings().turned_deg


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.5])
def test_a_fitting_that_is_as_it_was_stays_unchanged(gain):
    same = unchanged("clamp", PART)
    assert told(photograph(1.0, gain=gain), same) == same


def test_another_thing_at_the_place_is_told_by_its_likeness():
    found = told(photograph(part=False), unchanged("number_plate", PART))
    assert (found.change, found.unit, found.reason) == (Change.ALTERED, LIKENESS, None)
    assert found.value is not None
    assert found.value < 0.5


def test_photographs_that_are_nowhere_alike_alter_nothing():
    night = photograph()
    day = 255 - photograph()
    parts = tuple(unchanged("clamp", box) for box in (PART, *CORNERS))
    given = LAID, (night, day), RegistrationSettings(), HistorySettings()
    assert second_look.looked_at(parts, *given) == parts


def test_a_box_that_moved_where_the_picture_did_not_is_taken_back():
    moved = replace(unchanged("clevis", PART), change=Change.MOVED, value=30.0)
    found = told(photograph(), moved)
    assert (found.change, found.reason) == (Change.NOT_COMPARABLE, Incomparable.STILL_SEEN)
    assert told(photograph(part=False), moved).change is Change.MOVED


def test_a_damaged_fitting_of_which_the_detector_is_unsure_now_is_looked_at():
    weak = replace(
        unchanged("clamp", PART),
        change=Change.NOT_COMPARABLE,
        reason=Incomparable.WEAK,
        score=0.2,
    )
    assert told(photograph(part=False), weak).change is Change.ALTERED
    unlikely = replace(weak, earlier_score=0.2)
    assert told(photograph(part=False), unlikely) == unlikely


def test_a_part_too_small_or_cut_by_the_frame_is_not_turned():
    small = Box(190, 180, 209, 199)
    assert turn_of(photograph(), small, photograph(9), HERE, 4.0) is None
    assert turn_of(photograph(), PART, photograph(9), Similarity(1, complex(170, 0)), 4.0) is None
    flat = np.full((SIDE, SIDE), 30, np.uint8)
    assert turn_of(flat, PART, photograph(), HERE, 4.0) is None
