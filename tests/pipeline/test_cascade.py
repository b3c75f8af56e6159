from dataclasses import replace

import numpy as np
import pytest

from catenary.pipeline.cascade import CascadeSettings, Coverage, locate
from tests.pipeline.fakes import BlobDetector


def frame(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (2048, 2448)):
    pixels = np.zeros(size, np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = 200
    return pixels


CLEVIS = (1000, 800, 1120, 920)
PIN = (1160, 850, 1184, 880)


def test_a_pin_beside_a_clevis_is_boxed_in_full_resolution():
    found = locate(frame(CLEVIS, PIN), BlobDetector(), CascadeSettings())
    pins = [one.box for one in found if one.kind == "split_pin"]
    assert [(box.x0, box.y0, box.x1, box.y1) for box in pins] == [PIN]


def test_the_whole_frame_is_searched_reduced():
    detector = BlobDetector()
    locate(frame(CLEVIS), detector, CascadeSettings(coarse_side_px=1024))
    assert max(detector.seen[0]) == 1024


def test_an_empty_sky_needs_no_window():
    detector = BlobDetector()
    assert locate(frame(), detector, CascadeSettings()) == ()
    assert [max(shape) for shape in detector.seen] == [1280, 512]


def test_dense_coverage_searches_every_pixel():
    detector = BlobDetector()
    found = locate(frame(PIN), detector, CascadeSettings(coverage=Coverage.DENSE))
    assert len(detector.seen) > 20
    assert any(one.kind == "split_pin" for one in found)


def test_a_small_picture_is_searched_once_at_its_own_size():
    detector = BlobDetector()
    locate(frame((100, 100, 220, 220), size=(400, 500)), detector, CascadeSettings())
    assert detector.seen == [(400, 500)]


def test_a_middling_picture_is_not_searched_closely():
    detector = BlobDetector()
    locate(frame(CLEVIS, size=(1000, 1200)), detector, CascadeSettings())
    assert [max(shape) for shape in detector.seen] == [1200, 512]


def test_a_part_as_long_as_the_frame_is_boxed_from_the_overview():
    found = locate(frame((200, 900, 2300, 1000)), BlobDetector(), CascadeSettings())
    (box,) = (one.box for one in found)
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((200, 900, 2300, 1000), abs=8)


def test_a_part_of_middling_size_is_found_once():
    found = locate(frame((400, 500, 960, 900)), BlobDetector(), CascadeSettings())
    assert len(found) == 1


def test_a_carrier_at_the_corner_keeps_its_window_inside():
    detector = BlobDetector()
    locate(frame((2380, 1980, 2448, 2048)), detector, CascadeSettings())
    assert detector.seen[2] == (384, 384)


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        (CascadeSettings(), {"clevis"}),  # blobs score 0.9; the floor of pins is above
        (CascadeSettings(min_score=0.5), {"clevis", "split_pin"}),  # one wish for all goes first
        (CascadeSettings(min_score=0.95), set()),
    ],
)
def test_each_component_is_kept_from_its_own_floor(settings, kinds):
    found = locate(frame(CLEVIS, PIN), BlobDetector(), settings, {"split_pin": 0.95})
    assert {one.kind for one in found} == kinds


def test_overlap_as_large_as_the_window_is_refused():
    with pytest.raises(ValueError, match="overlap_px"):
        CascadeSettings(tile_px=96)


def test_windows_smaller_than_what_they_look_for_are_refused():
    with pytest.raises(ValueError, match="window_px must be at least 64, got 63"):
        CascadeSettings(window_px=63)


def test_windows_around_fittings_and_tiles_of_all_have_sides_of_their_own():
    detector = BlobDetector()
    around = CascadeSettings(window_px=256, tile_px=640)
    locate(frame(CLEVIS), detector, around)
    assert detector.seen[2:] == [(256, 256)]
    detector.seen.clear()
    locate(frame(CLEVIS), detector, replace(around, coverage=Coverage.DENSE))
    assert set(detector.seen[2:]) == {(640, 640)}


class ShiftingRefiner:
    """Moves every box of a split pin by ten pixels and is sure of it to a quarter."""

    classes = ("split_pin",)

    def __init__(self) -> None:
        self.looked = 0

    def __call__(self, pixels, boxes, kinds):
        self.looked += len(kinds)
        assert set(kinds) <= {"split_pin"}
        return boxes + 10, np.full(len(boxes), 0.25, np.float32)

    def together(self, proposed):
        return [self(one.picture, one.boxes, one.kinds) for one in proposed]


def test_a_second_look_moves_the_box_and_both_looks_make_the_score():
    first = locate(frame(CLEVIS, PIN), BlobDetector(), CascadeSettings())
    settings = CascadeSettings(looks=1)
    second = locate(frame(CLEVIS, PIN), BlobDetector(), settings, refiner=ShiftingRefiner())
    (pin,), (moved,) = (
        [one for one in found if one.kind == "split_pin"] for found in (first, second)
    )
    assert moved.box == pin.box.shifted(10, 10)
    assert moved.score == pytest.approx((pin.score * 0.25) ** 0.5)
    assert [one for one in first if one.kind == "clevis"] == [
        one for one in second if one.kind == "clevis"
    ]


def test_no_more_boxes_than_allowed_are_looked_at_again():
    pins = [(100 + 250 * k, 900, 124 + 250 * k, 930) for k in range(5)]
    refiner = ShiftingRefiner()
    settings = CascadeSettings(max_refined=3, min_score=0.0, looks=1)
    found = locate(frame(*pins), BlobDetector(), settings, refiner=refiner)
    assert refiner.looked == 3
    assert len(found) == 5
    assert min(one.score for one in found) == pytest.approx(0.45)  # 0.9 halved: unsure


def test_a_second_look_starts_from_the_box_of_the_first():
    settings = CascadeSettings(looks=2)
    once = locate(frame(CLEVIS, PIN), BlobDetector(), CascadeSettings())
    twice = locate(frame(CLEVIS, PIN), BlobDetector(), settings, refiner=ShiftingRefiner())
    (pin,), (moved,) = (
        [one for one in found if one.kind == "split_pin"] for found in (once, twice)
    )
    assert moved.box == pin.box.shifted(20, 20)
