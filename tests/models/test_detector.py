import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from catenary.models.classifier import CropClassifier
from catenary.models.detector import ComponentDetector, PeakLimits, peaks, read
from catenary.models.graphs import picked
from catenary.models.inputs import Precision, letterboxed, padded_size
from catenary.models.network import STRIDE

CPU = torch.device("cpu")


class BrightSpots(nn.Module):
    """Stands for a trained network: cells are as likely centres as they are bright."""

    classes = 1

    def centres(self, images: Tensor) -> tuple[Tensor, Tensor]:
        cells = nn.functional.max_pool2d(images, STRIDE)
        return 8 * cells - 8, torch.zeros(len(images), 4, *cells.shape[-2:])

    def distances_at(self, features: Tensor, pictures, rows, columns, labels: Tensor) -> Tensor:
        return torch.full((len(labels), 4), 12.0)


def spotted(shape: tuple[int, int], *spots: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape, np.uint8)
    for row, column in spots:
        picture[row : row + 4, column : column + 4] = 250
    return picture


@pytest.fixture
def detector():
    return ComponentDetector(BrightSpots(), ("pin",), CPU, Precision.FP32)


def test_pictures_of_several_sizes_come_back_in_their_order(detector):
    pictures = [
        spotted((64, 64), (20, 20)),
        spotted((100, 40)),
        spotted((64, 64), (8, 40), (40, 8)),
    ]
    found = detector(pictures)
    assert [len(one) for one in found] == [1, 0, 2]
    assert found[0].boxes.tolist() == [[10.0, 10.0, 34.0, 34.0]]


def test_pictures_that_fill_a_batch_up_are_told_nothing_of(detector, monkeypatch):
    pictures = [spotted((64, 64), (20, 20)), spotted((64, 64), (40, 8), (8, 40))]
    expected = detector(pictures)
    monkeypatch.setattr("catenary.models.detector.together", lambda count, _: count + 3)
    # Of pictures that do show something: black ones would be told nothing of anyway.
    again = "catenary.models.detector.filled"
    monkeypatch.setattr(again, lambda batch, size: batch[torch.arange(size) % len(batch)])
    for one, other in zip(detector(pictures), expected, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)


def test_boxes_are_clipped_to_the_picture(detector):
    (found,) = detector([spotted((50, 50), (0, 48))])
    x0, y0, x1, y1 = found.boxes[0]
    assert (y0, x1) == (0, 50)
    assert 0 <= x0 < x1
    assert y0 < y1 <= 50


def test_one_part_is_reported_once(detector):
    (found,) = detector([spotted((64, 64), (20, 20), (20, 24))])
    assert len(found) == 1  # two equal cells side by side, boxes of 24 px


def test_peaks_are_the_best_local_maxima():
    logits = torch.full((1, 1, 6, 6), -9.0)
    logits[0, 0, 1, 1], logits[0, 0, 1, 2], logits[0, 0, 4, 4] = 2.0, 1.0, 3.0
    found = peaks(logits, PeakLimits())
    assert list(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == [(4, 4), (1, 1)]
    assert found.labels.tolist() == [0, 0]
    assert found.scores.tolist() == pytest.approx([0.9526, 0.8808], abs=1e-3)
    assert len(peaks(logits, PeakLimits(max_peaks=1)).rows) == 1


def test_peaks_are_those_of_every_window_of_nine_cells():
    logits = torch.randn((2, 3, 20, 30), generator=torch.Generator().manual_seed(0))
    logits[0, 1, 3:5, 0] = 4.0  # a plateau at the edge
    highest = F.max_pool2d(logits, 3, stride=1, padding=1)
    expected = torch.nonzero((highest == logits) & (logits.sigmoid() > 0.6))
    found = peaks(logits, PeakLimits(min_score=0.6, max_peaks=1000))
    places = torch.stack([found.pictures, found.labels, found.rows, found.columns], dim=1)
    assert sorted(places.tolist()) == expected.tolist()
    for picture in (0, 1):
        scores = found.scores[found.pictures == picture].tolist()
        assert scores == sorted(scores, reverse=True)


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_pictures_read_together_are_told_as_one_by_one(seed: int, count: int):
    chance = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn((count, 3, 12, 16), generator=chance)
    sides = 40 * torch.rand((count, 12, 12, 16), generator=chance)
    shapes = [(48 - 5 * one, 64 - 3 * one) for one in range(count)]  # boxes are cut off there
    limits = PeakLimits(min_score=0.5, max_peaks=25, max_iou=0.3)
    together = read(logits, sides, picked, shapes, limits)
    for index, found in enumerate(together):
        own = slice(index, index + 1)
        (alone,) = read(logits[own], sides[own], picked, shapes[own], limits)
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.scores, alone.scores)
        np.testing.assert_array_equal(found.labels, alone.labels)
        assert 0 < len(found) <= 25
        assert found.boxes[:, 2].max() <= shapes[index][1]


def test_the_weaker_of_two_boxes_gives_way_in_its_own_class_and_picture_only():
    logits = torch.full((2, 2, 8, 8), -9.0)
    logits[0, 0, 2, 2], logits[0, 0, 2, 4] = 3.0, 2.0  # the same class of one picture: one stays
    logits[0, 1, 4, 2], logits[1, 0, 2, 2] = 1.0, 0.5  # another class, another picture
    sides = torch.full((2, 8, 8, 8), 12.0)
    first, second = read(logits, sides, picked, [(32, 32)] * 2, PeakLimits(max_iou=0.1))
    assert first.labels.tolist() == [0, 1]
    assert first.scores.tolist() == pytest.approx([0.9526, 0.7311], abs=1e-3)
    assert second.boxes.tolist() == [[0.0, 0.0, 22.0, 22.0]]


def test_a_detector_of_other_classes_is_refused():
    with pytest.raises(ValueError, match="names are 2"):
        ComponentDetector(BrightSpots(), ("pin", "bolt"), CPU)


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (33, 64), (1071, 1280)])
def test_padded_sizes_hold_the_picture_in_multiples_of_32(size):
    for side, own in zip(padded_size(*size), size, strict=True):
        assert side % 32 == 0
        assert own <= side < own + 32


@pytest.mark.parametrize("shape", [(40, 80), (1500, 90), (2, 1), (192, 192)])
def test_letterboxed_crops_are_squares_with_the_crop_in_the_middle(shape):
    square = letterboxed(np.full(shape, 255, np.uint8), 192)
    assert square.shape == (192, 192)
    assert square[96, 96] == 255


class Sums(nn.Module):
    """Stands for a trained classifier of five pairs: the first is likelier the brighter."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 5)

    def forward(self, crops: Tensor) -> Tensor:
        return torch.stack([crops.mean(dim=(1, 2, 3)) * 5, *[torch.zeros(len(crops))] * 4], dim=1)


def test_a_crop_is_judged_among_its_own_conditions_only():
    conditions = {"pin": ("normal", "missing"), "dropper": ("normal", "broken", "slack")}
    classifier = CropClassifier(Sums(), conditions, 32, CPU, Precision.FP32)
    white = np.full((32, 32), 255, np.uint8)
    pin, dropper = classifier([white, white], ["pin", "dropper"])
    assert pin.conditions == ("normal", "missing")
    assert pin.probabilities == pytest.approx((0.9933, 0.0067), abs=1e-3)
    assert dropper.probabilities == pytest.approx((1 / 3,) * 3)


def test_an_unknown_kind_is_refused_by_name():
    classifier = CropClassifier(
        Sums(), {"pin": ("normal", "missing", "loose", "bent", "cut")}, 32, CPU
    )
    with pytest.raises(LookupError, match="bolt"):
        classifier([np.zeros((4, 4), np.uint8)], ["bolt"])
