"""Messenger and contact wires found in a whole frame, and cut into stretches."""

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.domain.geometry import Box, Polyline
from catenary.rules import long_wires

UPPER = ((0, 330), (1199, 150))
LOWER = ((0, 780), (1199, 620))
DROPPER = Box(596, 240, 606, 702)


def frame(
    night: bool = True, *others: tuple[tuple[int, int], tuple[int, int]]
) -> NDArray[np.uint8]:
    """Draw a pair of wires with a dropper between them, and a short tube."""
    sky, wire = (8, 140) if night else (200, 40)
    picture = np.full((1000, 1200), sky, np.uint8)
    for first, last in (UPPER, LOWER, *others):
        cv2.line(picture, first, last, wire, 7, cv2.LINE_AA)
    cv2.line(picture, (601, 240), (601, 700), wire, 3)
    cv2.line(picture, (900, 400), (1050, 500), wire, 14)
    noise = np.random.default_rng(0).normal(0, 2, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def row_at(ends: tuple[tuple[int, int], tuple[int, int]], x: float) -> float:
    (x0, y0), (x1, y1) = ends
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0)


@pytest.mark.parametrize("night", [True, False])
def test_both_wires_are_found_and_told_by_the_dropper_between_them(night: bool):
    found = dict(long_wires.pair(long_wires.long_lines(frame(night)), [DROPPER]))
    assert set(found) == {"messenger_wire", "contact_wire"}
    for kind, ends in (("messenger_wire", UPPER), ("contact_wire", LOWER)):
        for x, y in found[kind].points:
            assert y == pytest.approx(row_at(ends, x), abs=4)
        xs = [x for x, _ in found[kind].points]
        assert max(xs) - min(xs) > 1100


def test_without_a_dropper_no_wire_can_be_told():
    assert long_wires.located(frame(), [], 200.0) == ()


def test_a_third_wire_that_no_dropper_ends_at_is_left_out():
    feeder = ((0, 60), (1199, 40))
    kinds = [
        kind for kind, _ in long_wires.pair(long_wires.long_lines(frame(True, feeder)), [DROPPER])
    ]
    assert sorted(kinds) == ["contact_wire", "messenger_wire"]


def test_a_wire_between_two_droppers_cannot_be_told():
    upper, middle, lower = (Polyline("wire", ((0, y), (400, y))) for y in (50, 200, 350))
    above, below = Box(90, 50, 99, 200), Box(290, 200, 299, 350)
    found = long_wires.pair([upper, middle, lower], [above, below])
    assert found == (("messenger_wire", upper), ("contact_wire", lower))


def test_two_wires_at_one_end_of_a_dropper_cannot_be_told():
    lines = [Polyline("wire", ((0, y), (400, y))) for y in (50, 55, 350)]
    assert long_wires.pair(lines, [Box(90, 50, 99, 350)]) == ()


def test_located_stretches_lie_on_their_wires_in_the_frame():
    found = long_wires.located(frame(), [DROPPER], 240.0)
    for kind, ends in (("messenger_wire", UPPER), ("contact_wire", LOWER)):
        boxes = [one.box for one in found if one.kind == kind]
        assert len(boxes) >= 5
        for box in boxes:
            x, y = box.centre
            assert y == pytest.approx(row_at(ends, x), abs=5)
            assert 0 <= box.x0 < box.x1 <= 1200


def test_an_empty_frame_has_no_lines():
    assert long_wires.long_lines(np.full((400, 500), 9, np.uint8)) == ()
    assert long_wires.located(np.full((40, 50), 9, np.uint8), [Box(1, 1, 9, 30)], 200.0) == ()


@given(
    turn_deg=st.floats(-90, 90),
    whole=st.floats(40, 3000),
    length_px=st.floats(50, 900),
    overlap=st.floats(0, 0.6),
)
def test_stretches_cover_the_line_and_overlap(
    turn_deg: float, whole: float, length_px: float, overlap: float
):
    unit = np.array([math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))])
    ends = [tuple(map(float, 500 + unit * at)) for at in (0.0, whole / 3, whole)]
    boxes = long_wires.stretches(Polyline("wire", tuple(ends)), length_px, overlap, 5.0)
    for at in np.linspace(0, whole, 60):
        x, y = 500 + unit * at
        assert any(box.contains(float(x), float(y)) for box in boxes)
    diagonals = [math.hypot(box.width - 10, box.height - 10) for box in boxes]
    assert max(diagonals) <= min(length_px, whole) + 0.01
    starts = [np.array(box.centre) @ unit for box in boxes]
    for (first, second), size in zip(itertools.pairwise(starts), diagonals, strict=False):
        assert second - first <= size * (1 - overlap) + 0.01


@pytest.mark.parametrize(("length", "overlap", "half"), [(0, 0.2, 5), (90, 1.0, 5), (90, 0.2, 0)])
def test_impossible_stretches_are_refused(length: float, overlap: float, half: float):
    with pytest.raises(ValueError, match="need length_px and half_px > 0"):
        long_wires.stretches(Polyline("wire", ((0, 0), (9, 9))), length, overlap, half)
