import cv2
import numpy as np
import pytest
import torch

from catenary.models.build import RefinerArchitecture, refiner_network
from catenary.models.inputs import Precision
from catenary.models.refiner import BoxRefiner, placed, squared, surroundings, widened
from catenary.models.refiner_network import Look

CPU = torch.device("cpu")


def look(*middles: float, places: int = 32) -> Look:
    """Return a look that is sure of left, top, right and bottom, in shares of the crop."""
    sides = torch.full((1, 4, places), -30.0)
    for side, middle in enumerate(middles):
        sides[0, side, int(middle * places)] = 30.0
    return Look(sides, torch.zeros(1))


def test_sides_are_read_where_the_network_is_sure():
    (box,) = look(0.25, 0.1, 0.75, 0.9).boxes().tolist()
    assert box == pytest.approx([0.25, 0.1, 0.75, 0.9], abs=1 / 32)


def test_sides_that_changed_places_still_make_a_box():
    (box,) = look(0.75, 0.9, 0.25, 0.1).boxes().tolist()
    assert box[0] < box[2]
    assert box[1] < box[3]


def test_a_thin_box_is_given_room_for_a_wire_beside_it():
    (outer,) = surroundings(np.array([[100, 100, 104, 500]], np.float32))
    assert outer[0] <= 100 - 48
    assert outer[2] >= 104 + 48


def test_a_box_goes_into_its_crop_and_back():
    boxes = np.array([[10, 20, 50, 220], [300, 5, 340, 25]], np.float32)
    outer = surroundings(boxes)
    size = np.tile(outer[:, 2:] - outer[:, :2], 2)
    shares = ((boxes - np.tile(outer[:, :2], 2)) / size).astype(np.float32)
    assert placed(shares, outer) == pytest.approx(boxes, abs=1e-3)


def test_what_lies_outside_the_frame_is_neither_dark_nor_bright():
    pixels = np.full((40, 40), 255, np.uint8)
    crop = squared(pixels, np.array([-40, 0, 40, 40]), 64)
    assert (crop[:, :31] == 127).all()
    assert (crop[:, 33:] == 255).all()


@pytest.mark.parametrize("corner", [(-700, -900), (5, 12), (600, 1003), (1198, 2)])
def test_a_large_crop_is_the_mean_of_what_it_covers(corner: tuple[int, int]):
    pixels = np.random.default_rng(0).integers(0, 256, (1411, 2003), dtype=np.uint8)
    pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 3.0), np.uint8)
    outer = np.array([[*corner, corner[0] + 1311, corner[1] + 1407]])
    (outer,) = widened(outer, 64)
    x0, y0, x1, y1 = outer
    everything = np.full((4000, 5000), 127, np.uint8)
    everything[1000:2411, 1000:3003] = pixels
    cut = everything[y0 + 1000 : y1 + 1000, x0 + 1000 : x1 + 1000]
    direct = cv2.resize(cut, (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(squared(pixels, outer, 64).astype(int) - direct).max() <= 1


def test_only_large_surroundings_are_widened():
    outer = np.array([[3, 5, 1003, 1005], [-3, 5, 5003, 6001]])
    same, more = widened(outer, 128)
    assert same.tolist() == outer[0].tolist()
    assert (more % 8 == 0).all()
    assert (np.abs(more - outer[1]) < 8).all()


def test_boxes_of_random_weights_stay_inside_the_frame():
    torch.manual_seed(0)
    network = refiner_network(RefinerArchitecture.SIDES_LITE0, 2)
    refiner = BoxRefiner(network, ("dropper", "split_pin"), 64, CPU, Precision.FP32)
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120), dtype=np.uint8)
    proposed = np.array([[-5, -5, 20, 60], [100, 70, 119, 89], [0, 0, 120, 90]], np.float32)
    boxes, quality = refiner(pixels, proposed, ["dropper", "split_pin", "dropper"])
    assert boxes.shape == (3, 4)
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= [120, 90]).all()
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert ((quality > 0) & (quality < 1)).all()


def test_no_boxes_give_no_boxes():
    refiner = BoxRefiner(refiner_network(RefinerArchitecture.SIDES_LITE0, 1), ("dropper",), 64, CPU)
    boxes, quality = refiner(np.zeros((50, 50), np.uint8), np.zeros((0, 4), np.float32), [])
    assert boxes.shape == (0, 4)
    assert quality.shape == (0,)


def test_a_network_of_other_classes_is_refused():
    with pytest.raises(ValueError, match="knows 2 classes, names are 1"):
        BoxRefiner(refiner_network(RefinerArchitecture.SIDES_LITE0, 2), ("dropper",), 64, CPU)
