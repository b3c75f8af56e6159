import numpy as np
import pytest
import torch

from catenary.domain.geometry import Box
from catenary.training import losses
from catenary.training.targets import batched
from catenary.training.tiles import Truth

TILE = np.zeros((64, 64), np.uint8)


def test_a_part_has_one_peak_of_one_in_its_own_class():
    batch = batched([TILE], [[Truth(Box(8, 16, 24, 48), 1, False)]], classes=2)
    assert batch.images.shape == (1, 1, 64, 64)
    assert batch.heat.shape == (1, 2, 16, 16)
    assert torch.nonzero(batch.heat == 1).tolist() == [[0, 1, 8, 4]]
    assert batch.heat[0, 0].max() == 0


@pytest.mark.parametrize(("width", "is_long"), [(4, True), (250, False)])
def test_a_long_wire_may_be_found_anywhere_near_its_middle(width, is_long):
    tall = np.zeros((512, 512), np.uint8)
    wire = Truth(Box(256 - width / 2, 40, 256 + width / 2, 440), 0, False)
    batch = batched([tall], [[wire]], classes=1)
    row, column = torch.nonzero(batch.heat[0, 0] == 1).tolist()[0]
    beside = float(batch.heat[0, 0, row + 14, column])  # 56 of 400 px from the middle
    assert (beside > 0.7) is is_long


def test_the_cells_of_a_part_share_one_vote():
    parts = [Truth(Box(0, 0, 40, 64), 0, False), Truth(Box(44, 4, 60, 20), 0, False)]
    batch = batched([TILE], [parts], classes=1)
    assert float(batch.shares.sum()) == pytest.approx(2.0)
    assert {tuple(box) for box in batch.boxes.tolist()} == {(0, 0, 40, 64), (44, 4, 60, 20)}


def test_ignored_parts_weigh_nothing_but_for_a_centre_inside():
    parts = [Truth(Box(0, 0, 32, 32), 0, True), Truth(Box(12, 12, 20, 20), 0, False)]
    batch = batched([TILE], [parts], classes=1)
    assert batch.weight[0, 0, 0, 0] == 0
    assert batch.weight[0, 0, 4, 4] == 1
    assert batch.weight[0, 0, 12, 12] == 1


def test_where_there_surely_is_no_part_is_background_also_on_an_ignored_one():
    absent = Truth(Box(0, 0, 16, 16), 0, False, is_absent=True)
    other = Truth(Box(0, 0, 64, 64), 1, True)
    for parts in ([absent, Truth(Box(0, 0, 64, 64), 0, True), other],):
        batch = batched([TILE], [parts], classes=2)
        assert batch.weight[0, 0].sum() == 16
        assert batch.weight[0, 0, :4, :4].min() == 1
        assert batch.weight[0, 1].sum() == 0
        assert batch.heat.max() == 0
        assert len(batch.cells) == 0


def test_tiles_without_parts_still_teach():
    batch = batched([TILE, TILE], [[], []], classes=3)
    assert batch.cells.shape == (0, 3)
    loss = losses.centre_loss(torch.zeros_like(batch.heat), batch.heat, batch.weight)
    assert float(loss) > 0


def test_centre_loss_is_nearly_nothing_for_the_right_answer():
    batch = batched([TILE], [[Truth(Box(8, 16, 24, 48), 0, False)]], classes=1)
    right = torch.where(batch.heat == 1, 12.0, -12.0)
    wrong = -right
    assert float(losses.centre_loss(right, batch.heat, batch.weight)) < 1e-3
    assert float(losses.centre_loss(wrong, batch.heat, batch.weight)) > 10


def test_giou_of_equal_touching_and_distant_boxes():
    first = torch.tensor([[0.0, 0, 2, 2]]).repeat(3, 1)
    second = torch.tensor([[0.0, 0, 2, 2], [2, 0, 4, 2], [8, 0, 10, 2]])
    assert losses.giou(first, second).tolist() == pytest.approx([1.0, 0.0, -0.6])


def test_box_loss_counts_a_part_once_however_many_cells_it_has():
    truth = torch.tensor([[0.0, 0, 2, 2]]).repeat(5, 1)
    boxes = torch.cat([truth[:1] + 8, truth[1:]])  # the first part is one cell, and missed
    shares = torch.tensor([1.0, 0.25, 0.25, 0.25, 0.25])
    expected = float(1 - losses.giou(boxes[:1], truth[:1])) / 2
    assert float(losses.box_loss(boxes, truth, shares)) == pytest.approx(expected)
