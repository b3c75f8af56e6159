import numpy as np
import pytest

from catenary.datasets.labels import Label, Rejected, Rejection
from catenary.domain.geometry import Box
from catenary.training import tiles
from catenary.training.tiles import Truth, Window

CLASSES = {"dropper": 0, "split_pin": 1}
PIN = Label("split_pin", Box(1000, 800, 1040, 830))


@pytest.mark.parametrize("view", ["window", "close_up"])
def test_the_part_asked_for_is_in_the_tile(view):
    generator = np.random.default_rng(3)
    for _ in range(50):
        window = tiles.drawn(view, PIN, (2048, 2448), (1280, 384), generator)
        x, y = PIN.box.centre
        left, top = (x - window.x0) * window.factor, (y - window.y0) * window.factor
        assert 0 <= left < 384
        assert 0 <= top < 384


def test_windows_show_from_all_of_a_frame_to_a_part_of_the_reduced_picture():
    generator = np.random.default_rng(3)
    factors = [
        tiles.drawn("window", None, (2048, 2448), (1280, 384), generator).factor * 2448 / 1280
        for _ in range(300)
    ]
    assert 0.3 <= min(factors) < 0.35
    assert 1.3 < max(factors) <= 1.4


def test_a_frame_smaller_than_the_reduced_picture_is_not_enlarged():
    generator = np.random.default_rng(3)
    factors = [
        tiles.drawn("window", None, (640, 640), (1280, 384), generator).factor for _ in range(300)
    ]
    assert 0.3 <= min(factors) < 0.35
    assert 1.3 < max(factors) <= 1.4


@pytest.mark.parametrize("shape", [(100, 60), (25, 30), (1, 384)])
def test_a_smaller_window_still_shows_the_part(shape):
    generator = np.random.default_rng(3)
    lefts = set()
    for _ in range(50):
        whole = tiles.drawn("close_up", PIN, (2048, 2448), (1280, 384), generator)
        window = tiles.inside(whole, PIN, shape, generator)
        assert (window.height, window.width, window.factor) == (*shape, whole.factor)
        assert window.x0 >= whole.x0 - 1e-9
        assert window.x0 + shape[1] / window.factor <= whole.x0 + 384 / whole.factor + 1e-9
        box = PIN.box.shifted(-window.x0, -window.y0).scaled(window.factor)
        seen = box.clipped(shape[1], shape[0])
        wide, high = min(box.width, shape[1]), min(box.height, shape[0])
        assert (seen.width, seen.height) == pytest.approx((wide, high))
        lefts.add(round(box.x0))
    assert len(lefts) > 10


def test_a_smaller_window_for_nothing_lies_anywhere_inside():
    generator, whole = np.random.default_rng(3), Window(100, 50, 2.0, 96, 96)
    starts = [tiles.inside(whole, None, (48, 24), generator) for _ in range(200)]
    assert 100 <= min(one.x0 for one in starts) < 102
    assert 134 < max(one.x0 for one in starts) <= 136
    assert max(one.y0 for one in starts) <= 74


def test_only_what_was_rejected_as_no_part_is_surely_absent():
    box = Box(1000, 800, 1040, 830)
    rows = [
        Rejection("split_pin", box, Rejected.NO_PART),
        Rejection("split_pin", box, Rejected.NORMAL),
        Rejection("insulator", box, Rejected.NO_PART),
        Rejection("dropper", Box(0, 0, 9, 9), Rejected.NO_PART),
    ]
    (found,) = tiles.absences(rows, Window(990, 790, 2.0, 96, 96), CLASSES)
    assert found == Truth(Box(20, 20, 96, 80), 1, False, is_absent=True)


def test_a_tile_has_its_size_and_is_padded_beyond_the_frame():
    frame = np.full((50, 60), 200, np.uint8)
    tile = tiles.cut(frame, Window(0, 0, 1.0, 96, 96))
    assert tile.shape == (96, 96)
    assert tile[:50, :60].min() == 200
    assert tile[60, 70] == 127
    assert tiles.cut(frame, Window(70, 60, 1.0, 32, 32)).tolist() == [[127] * 32] * 32


def test_truths_are_moved_scaled_and_clipped():
    (found,) = tiles.truths([PIN], Window(990, 790, 2.0, 96, 96), CLASSES)
    assert found == Truth(Box(20, 20, 96, 80), 1, False)


@pytest.mark.parametrize(
    "window",
    [Window(1030, 790, 1.0, 96, 96), Window(900, 700, 0.1, 96, 96)],
    ids=["three quarters outside", "too small to tell"],
)
def test_parts_that_cannot_be_told_are_ignored(window):
    (found,) = tiles.truths([PIN], window, CLASSES)
    assert found.is_ignored


def test_parts_outside_and_of_other_kinds_are_left_out():
    other = Label("insulator", PIN.box)
    assert tiles.truths([PIN, other], Window(0, 0, 1.0, 96, 96), CLASSES) == []


def test_mirroring_keeps_parts_on_their_pixels():
    tile = np.zeros((40, 60), np.uint8)
    tile[10:20, 5:15] = 255
    flipped, (part,) = tiles.mirrored(tile, [Truth(Box(5, 10, 15, 20), 0, False)])
    assert part.box == Box(45, 10, 55, 20)
    assert flipped[10:20, 45:55].min() == 255
    assert flipped.sum() == tile.sum()
