"""What the classifier is shown of parts that were taken for defective and are not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name

from catenary.datasets import coco
from catenary.datasets.labels import LabelledSet, Rejected, Rejection
from catenary.domain.geometry import Box
from catenary.training import losses
from catenary.training.classifier_data import CropBatches, healthy
from catenary.training.frames import Frames
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.training.sets import drawn_set

CONDITIONS = {"split_pin": ("normal", "missing"), "dropper": ("normal", "broken")}
BOX = Box(2, 70, 22, 90)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> LabelledSet:
    return coco.read(drawn_set(tmp_path_factory.mktemp("drawn")))


def frames(drawn: LabelledSet, *rejections: Rejection) -> Frames:
    first = replace(drawn.images[0], rejections=rejections)
    return Frames([replace(drawn, images=(first, *drawn.images[1:]))], 10)


def batches(found: Frames, **changes: object) -> CropBatches:
    settings = TrainingSettings(
        kind=Kind.CLASSIFIER,
        train=(Path("x"),),
        validation=(),
        output=Path("x"),
        steps_per_epoch=4,
        batch=64,
        picture_px=64,
        weights=RANDOM,
        augment=0.0,
    )
    return CropBatches(found, CONDITIONS, replace(settings, **changes), 0)


def test_only_healthy_parts_are_learnt_from_and_only_where_they_can_be_told(drawn):
    rows = [
        Rejection("dropper", BOX, Rejected.NORMAL),
        Rejection("dropper", BOX, Rejected.NO_PART),
        Rejection("bolt", BOX, Rejected.NORMAL),
    ]
    (found,) = healthy(frames(drawn, *rows), CONDITIONS)
    assert (found.frame, found.label.box, found.pair) == (0, BOX, 2)


def test_rejected_findings_are_drawn_as_often_as_is_set(drawn):
    # A pair that the labels never show tells the rejections from all else.
    bars = tuple(replace(one, labels=one.labels[1:]) for one in drawn.images)
    found = frames(replace(drawn, images=bars), Rejection("split_pin", BOX, Rejected.NORMAL))
    for share in (0.0, 0.3, 1.0):
        own = batches(found, negative_share=share)
        pairs = torch.cat([own[number].pairs for number in range(4)])
        assert float((pairs == 0).float().mean()) == pytest.approx(share, abs=0.1)


def test_without_rejections_nothing_changes(drawn):
    usual, other = (batches(frames(drawn), negative_share=share)[2] for share in (0.0, 0.9))
    assert torch.equal(usual.crops, other.crops)


def test_the_focal_loss_counts_what_is_told_less():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    truth = torch.tensor([0, 0])
    entropy = F.cross_entropy(logits, truth, reduction="none")
    assert torch.equal(losses.condition_loss(logits, truth, 0.0), entropy.mean())
    # The chances of the truth are 1 / (1 + e^-2) = 0.8808 and 1 / (1 + e) = 0.2689.
    by_hand = (0.1269 * (1 - 0.8808) ** 2 + 1.3133 * (1 - 0.2689) ** 2) / 2
    assert float(losses.condition_loss(logits, truth, 2.0)) == pytest.approx(by_hand, rel=1e-3)


def test_the_focal_loss_has_a_slope_where_all_is_told():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    losses.condition_loss(logits, torch.tensor([0]), 0.5).backward()
    assert torch.isfinite(logits.grad).all()
