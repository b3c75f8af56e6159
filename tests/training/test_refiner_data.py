from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejected, Rejection
from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.training import losses
from catenary.training.frames import Frames, read_sets
from catenary.training.refiner_data import BoxBatches, negatives, samples, trusted
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.training.sets import drawn_set

WIRE = Box(50, 10, 60, 90)


def proposed(box: Box, kind: str = "dropper") -> Component:
    return Component(kind, box, 0.5)


def only(labels: list[Label], *components: Component):
    return samples([labels], [components], ("dropper", "split_pin"))


def test_a_proposal_on_a_part_is_drawn_onto_it():
    found = only([Label("dropper", WIRE)], proposed(Box(48, 30, 62, 90)))
    assert [(one.box is None, one.truth) for one in found] == [(False, WIRE), (True, WIRE)]


def test_a_proposal_on_nothing_teaches_what_is_no_part():
    (false, _) = only([Label("dropper", WIRE)], proposed(Box(200, 10, 210, 90)))
    assert false.truth is None


def test_a_proposal_of_another_kind_is_false_there():
    found = only([Label("dropper", WIRE)], proposed(WIRE, "split_pin"))
    assert {(one.label, one.truth) for one in found} == {(0, WIRE), (1, None)}


@pytest.mark.parametrize("box", [WIRE, Box(50, 10, 60, 30)])
def test_a_proposal_on_an_ignored_part_says_nothing(box):
    assert only([Label("dropper", WIRE, is_ignored=True)], proposed(box)) == []


def partly_labelled(*rejections: Rejection) -> Frames:
    ref = ImageRef("run", "1", "1.png", "1.png")
    own = (Label("dropper", WIRE),), "", rejections, False
    return Frames([LabelledSet(Path(), (LabelledImage(ref, 300, 100, *own),))], 0)


def test_a_rejection_of_no_part_teaches_that_there_is_none():
    rows = [Rejection(kind, WIRE, reason) for kind in ("dropper", "bolt") for reason in Rejected]
    (found,) = negatives(partly_labelled(*rows), ("split_pin", "dropper"))
    assert (found.label, found.box, found.truth) == (1, WIRE, None)


def test_a_proposal_on_nothing_says_nothing_where_only_some_parts_are_labelled():
    found = only([Label("dropper", WIRE)], proposed(WIRE), proposed(Box(200, 10, 210, 90)))
    kept = trusted(found, partly_labelled())
    assert [one.truth for one in found] == [WIRE, None, WIRE]
    assert [one.truth for one in kept] == [WIRE, WIRE]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return Frames(read_sets((drawn_set(tmp_path_factory.mktemp("drawn")),)), 10)


def batches(frames: Frames, tmp_path, **changes: object) -> BoxBatches:
    settings = TrainingSettings(
        kind=Kind.REFINER,
        train=(tmp_path,),
        validation=(),
        output=tmp_path,
        proposer=tmp_path,
        steps_per_epoch=3,
        batch=16,
        picture_px=64,
        weights=RANDOM,
        augment=0.0,
    )
    labels = [frames.labels(index) for index in range(len(frames))]
    chosen = samples(labels, [()] * len(frames), ("dropper", "split_pin"))
    return BoxBatches(frames, chosen, replace(settings, **changes), epoch=0)


def test_the_true_box_lies_on_the_bright_part_of_the_crop_mirrored_or_not(frames, tmp_path):
    batch = batches(frames, tmp_path)[0]
    assert batch.is_part.all()
    for crop, (x0, y0, x1, y1), label in zip(batch.crops, batch.boxes, batch.labels, strict=True):
        if label == 1:  # the square; the bar is cut in half of the frames
            rows = slice(round(float(y0) * 64) + 1, round(float(y1) * 64) - 1)
            columns = slice(round(float(x0) * 64) + 1, round(float(x1) * 64) - 1)
            inside = crop[0, rows, columns].float()
            assert inside.mean() > 200
            assert crop.float().sum() < 1.6 * 220 * inside.numel() + 40 * 64 * 64


def test_a_batch_depends_on_seed_round_and_number_alone(frames, tmp_path):
    one, two = (batches(frames, tmp_path, augment=1.0) for _ in range(2))
    assert torch.equal(one[2].crops, two[2].crops)
    assert torch.equal(one[2].boxes, two[2].boxes)
    assert not torch.equal(one[1].crops, one[2].crops)


def test_nothing_to_learn_from_is_refused(frames, tmp_path):
    own = batches(frames, tmp_path)
    with pytest.raises(ValueError, match="none was proposed"):
        BoxBatches(frames, [], own._settings, 0)


def test_the_sides_loss_is_least_where_the_truth_is():
    places, truth = 32, torch.tensor([[0.25, 0.1, 0.75, 0.9]])

    def loss_at(shift: int) -> float:
        sides = torch.zeros(1, 4, places)
        for side, value in enumerate(truth[0].tolist()):
            low = int(value * places - 0.5) + shift
            sides[0, side, low : low + 2] = 10.0
        return float(losses.sides_loss(sides, truth))

    values = [loss_at(shift) for shift in (-2, -1, 0, 1, 2)]
    assert int(np.argmin(values)) == 2


def test_a_refiner_without_a_proposer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="proposer: a refiner needs"):
        TrainingSettings(Kind.REFINER, (tmp_path,), (), tmp_path)
