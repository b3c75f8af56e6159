import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut
from catenary.models.anomaly import (
    PatchScorer,
    distance_of,
    evened,
    inner_patches,
    patch_box,
    score_of,
    strangest,
)
from catenary.models.anomaly_network import AnomalyNetwork, Memory
from catenary.models.backbones import Backbone


def memory() -> Memory:
    """Return one of 91 distances 0, 1 ... 90 and a tail of 10."""
    made = Memory(1, 1)
    made.quantiles, made.tail = torch.arange(91.0), torch.tensor(10.0)
    return made


def test_a_score_is_the_share_of_normal_parts_that_are_nearer():
    assert score_of(0.0, memory()) == 0
    assert score_of(45.5, memory()) == pytest.approx(0.455)
    assert score_of(90.0, memory()) == pytest.approx(0.9)
    assert score_of(90 + 10 * math.log(10), memory()) == pytest.approx(0.99)
    assert distance_of(0.99, memory()) == pytest.approx(90 + 10 * math.log(10))


@given(low=st.floats(0, 300), high=st.floats(0, 300))
def test_a_farther_part_never_scores_less(low, high):
    low, high = sorted((low, high))
    assert 0 <= score_of(low, memory()) <= score_of(high, memory()) <= 1


def test_the_weight_of_the_paper_by_hand():
    # One channel, known 0 and 3; the farthest patch 5 is nearest to 3. The neighbours of 3 are
    # 3 and 0, at 2 and 5 from the patch: the weight is 1 - e^2 / (e^2 + e^5).
    far, whole = strangest(torch.tensor([[0.0], [5.0], [1.0]]), torch.tensor([[0.0], [3.0]]))
    assert far.tolist() == [0, 2, 1]
    assert whole == pytest.approx(2 * (1 - math.exp(2) / (math.exp(2) + math.exp(5))))


def test_distances_are_root_mean_squares_over_channels():
    far, whole = strangest(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    assert whole == pytest.approx(5 / math.sqrt(2))
    assert far.tolist() == pytest.approx([5 / math.sqrt(2)])


def test_patches_around_the_part_are_not_asked():
    crop = Crop(np.zeros((64, 64), np.uint8), 0, 0, Box(16, 0, 24, 64))
    assert inner_patches(crop, 64).sum(axis=0).tolist() == [0, 0, 8, 0, 0, 0, 0, 0]


def test_a_patch_is_found_again_in_the_crop():
    # 200 x 20 px (height x width) in a square of 64: 64 x 20, so 22 columns stay free on the left.
    crop = Crop(np.zeros((200, 20), np.uint8), 0, 0, Box(0, 0, 20, 200))
    box = patch_box(4, 3, crop, 64)
    assert (box.x0, box.x1) == (2, 10)
    assert (box.y0, box.y1) == (100, 125)


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    place=st.tuples(*[st.floats(0, 0.9)] * 2),
    size=st.tuples(*[st.floats(0.001, 0.1)] * 2),
)
def test_every_part_has_a_patch_that_lies_in_its_crop(height, width, place, size):
    (x, y), (across, down) = place, size
    box = Box(x * width, y * height, (x + across) * width, (y + down) * height)
    crop = cut(np.zeros((height, width), np.uint8), box, 0.1)
    inside = inner_patches(crop, 64)
    assert inside.any()
    tall, wide = crop.pixels.shape
    for row, column in np.argwhere(inside)[:3]:
        found = patch_box(int(row), int(column), crop, 64)
        assert 0 <= found.x0 < found.x1 <= wide
        assert 0 <= found.y0 < found.y1 <= tall


def test_features_have_stride_eight_and_both_stages():
    network = AnomalyNetwork(Backbone.LITE0, {})
    assert network.eval()(torch.zeros(2, 1, 64, 64)).shape == (2, 8, 8, 40 + 112)


def test_an_unknown_kind_is_refused():
    network = AnomalyNetwork(Backbone.LITE0, {"dropper": 1})
    scorer = PatchScorer(network, 64, torch.device("cpu"))
    crop = Crop(np.zeros((64, 64), np.uint8), 0, 0, Box(0, 0, 64, 64))
    with pytest.raises(LookupError, match=r"no memory of bolt; of dropper"):
        scorer([crop], ["bolt"])


def test_no_crops_no_answers():
    network = AnomalyNetwork(Backbone.LITE0, {"dropper": 1})
    assert PatchScorer(network, 64, torch.device("cpu"))([], []) == []


@given(gain=st.floats(0.3, 1.0), level=st.integers(0, 60))
def test_light_is_evened_out(gain, level):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 190, (60, 30)).astype(np.uint8)
    lit = (pixels * gain + level).astype(np.uint8)
    dark, bright = (evened(Crop(one, 0, 0, Box(0, 0, 30, 60)), 64) for one in (pixels, lit))
    assert np.abs(dark.astype(int) - bright).max() <= 8  # rounding, stretched
    assert (dark[:, :16] == 127).all()  # the padding stays
