"""A steady arm is measured in both pictures; how it hangs now is told, wherever its box went."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.change import Change, Incomparable, PartChange
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import second_look
from catenary.pipeline.arm_turn import arm_turn, limit_of
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.registration import Registration, RegistrationSettings

SIDE, PIVOT, LENGTH = 700, (250, 330), 300
HERE = Similarity(1, 0)


def photograph(deg: float, pivot: tuple[float, float] = PIVOT, *, arm: bool = True) -> np.ndarray:
    """Draw an arm that hangs at an angle, clockwise, between a bracket and a clamp."""
    canvas = np.full((SIDE, SIDE), 25.0, np.float32)
    if arm:
        middle = np.array(pivot) + LENGTH / 2 * np.array(
            [math.cos(math.radians(deg)), math.sin(math.radians(deg))]
        )
        corners = cv2.boxPoints(((float(middle[0]), float(middle[1])), (LENGTH, 16), deg))
        cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], 170, cv2.LINE_AA, 4)
    noise = np.random.default_rng(int(1000 + 10 * deg)).normal(0, 2, canvas.shape)
    return (cv2.GaussianBlur(canvas, (0, 0), 0.7) + noise).clip(0, 255).astype(np.uint8)


def box_of(deg: float) -> Box:
    x, y = PIVOT
    turn = math.radians(deg)
    ends = sorted((x, x + LENGTH * math.cos(turn))), sorted((y, y + LENGTH * math.sin(turn)))
    return Box(ends[0][0] - 12, ends[1][0] - 12, ends[0][1] + 12, ends[1][1] + 12)


@given(turn=st.integers(-70, 70), deg=st.integers(-15, 15))
@settings(max_examples=8, deadline=None)
def test_a_turn_about_one_end_is_measured_within_a_degree(turn: int, deg: int):
    found = arm_turn(photograph(deg), box_of(deg), photograph(deg + turn), HERE)
    assert found is not None
    assert found.deg == pytest.approx(turn, abs=1)
    assert found.is_held == (abs(turn) <= 8)  # 0.15 lengths at the free end


def test_what_the_camera_turned_by_is_no_turn_of_the_arm():
    there = Similarity(complex(math.cos(0.07), math.sin(0.07)), complex(30, -20))
    moved = there.alpha * complex(*PIVOT) + there.beta
    after = photograph(5 + math.degrees(0.07), (moved.real, moved.imag))
    found = arm_turn(photograph(5), box_of(5), after, there)
    assert found is not None
    assert found.deg == pytest.approx(0, abs=1)
    assert found.is_held


@pytest.mark.parametrize(
    "after", [photograph(5, arm=False), photograph(40, (250, 120)), np.zeros((40, 40), np.uint8)]
)
def test_no_tube_at_either_end_tells_nothing(after: np.ndarray):
    assert arm_turn(photograph(5), box_of(5), after, HERE) is None


def test_what_is_no_arm_before_tells_nothing():
    assert arm_turn(photograph(5, arm=False), box_of(5), photograph(5), HERE) is None
    assert arm_turn(photograph(5), Box(-90, -90, -10, -10), photograph(5), HERE) is None


def test_the_limit_grows_with_the_noise_of_steady_arms_and_needs_four():
    assert limit_of([0.1] * 3, 0.001) is None
    quiet, loud = limit_of([0.1, -0.1] * 10, 0.001), limit_of([2.0, -2.0] * 10, 0.001)
    assert quiet is not None
    assert loud == pytest.approx(20 * quiet)


def looked_at(change: Change, deg: float, arm_deg: float | None = 1.0) -> PartChange:
    box = box_of(5)
    later = None if change is Change.GONE else box
    one = PartChange(change, "steady_arm", box, later, box, 0.9, 9.0, 1.0, "px", earlier_score=0.9)
    laid = Registration(HERE, np.empty((0, 2), np.intp), np.empty(0, complex), 1.0, 5.0, 1.0, 1.0)
    history = replace(HistorySettings(), alike=2.0)  # no other look takes anything back
    (found,) = second_look.looked_at(
        (one,), laid, (photograph(5), photograph(deg)), RegistrationSettings(), history, arm_deg
    )
    return found


@pytest.mark.parametrize("change", [Change.UNCHANGED, Change.NOT_COMPARABLE, Change.GONE])
def test_an_arm_that_hangs_is_told_with_its_turn_whatever_its_box_says(change: Change):
    found = looked_at(change, 45)
    assert (found.change, found.unit) == (Change.TURNED, "deg")
    assert found.value == pytest.approx(40, abs=1)
    assert found.limit == HistorySettings().turned_deg
    assert found.later is not None
    if change is Change.GONE:
        assert found.later.y1 > PIVOT[1] + 200  # around the arm as it hangs now
    else:
        assert found.later == box_of(5)  # as it was located: its defects are known by it


def test_the_noise_of_the_run_sets_the_limit():
    assert looked_at(Change.UNCHANGED, 17, arm_deg=13.0).change is Change.UNCHANGED
    assert looked_at(Change.UNCHANGED, 17, arm_deg=10.0).limit == 10.0
    assert looked_at(Change.UNCHANGED, 45, arm_deg=None).change is Change.UNCHANGED


def test_an_arm_that_hangs_as_it_did_takes_back_what_its_box_says():
    found = looked_at(Change.MOVED, 5)
    assert (found.change, found.reason) == (Change.NOT_COMPARABLE, Incomparable.STILL_SEEN)
    assert looked_at(Change.MOVED, 5, arm_deg=None).change is Change.MOVED
