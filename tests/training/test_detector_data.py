"""Which tiles the detector is shown: put together, pasted, and around what was rejected."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledSet, Rejected, Rejection
from catenary.domain.geometry import Box
from catenary.training import composed, targets
from catenary.training.detector_data import DetectorBatches
from catenary.training.frames import Frames
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.training.sets import drawn_set

CLASSES = ("dropper", "split_pin")
NOTHING = Box(2, 70, 22, 90)  # of drawn_set: background there


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> LabelledSet:
    return coco.read(drawn_set(tmp_path_factory.mktemp("drawn")))


def batches(labelled: LabelledSet, epoch: int = 0, **changes: object) -> DetectorBatches:
    settings = TrainingSettings(
        kind=Kind.DETECTOR,
        train=(Path("x"),),
        validation=(),
        output=Path("x"),
        epochs=10,
        steps_per_epoch=3,
        batch=8,
        picture_px=64,
        long_side_px=128,
        weights=RANDOM,
        augment=0.0,
    )
    return DetectorBatches(Frames([labelled], 10), CLASSES, replace(settings, **changes), epoch)


def with_rejections(labelled: LabelledSet, reason: Rejected, **changes: object) -> LabelledSet:
    refused = (Rejection("split_pin", NOTHING, reason),)
    images = (replace(one, rejections=refused, **changes) for one in labelled.images)
    return replace(labelled, images=tuple(images))


def test_plain_tiles_are_the_same_whatever_is_not_in_use(drawn):
    usual = batches(drawn)[1]
    for changes in ({"plain_rounds": 0.9}, {"negative_share": 0.9}, {"negative_share": 0.0}):
        assert (batches(drawn, **changes)[1].images == usual.images).all()
    assert not (batches(drawn, mosaic=0.9)[1].images == usual.images).all()
    assert not (batches(drawn, paste=0.9)[1].images == usual.images).all()


@pytest.mark.parametrize("way", ["mosaic", "paste"])
def test_the_last_rounds_are_plain(drawn, way):
    def is_plain(epoch: int, plain_rounds: float) -> bool:
        shares = batches(drawn, epoch, plain_rounds=plain_rounds, **{way: 1.0})._shares
        return not any(shares)

    assert [is_plain(epoch, 0.2) for epoch in (0, 7, 8, 9)] == [False, False, True, True]
    assert not is_plain(9, 0.0)
    assert is_plain(0, 1.0)


def test_a_mosaic_shows_parts_of_several_frames_where_they_are(drawn):
    found = batches(drawn, mosaic=1.0, negative_share=0.0)
    generator = np.random.default_rng(0)
    counts, shown = [], 0
    for _ in range(30):
        tile = found._made(generator)
        assert tile.pixels.shape == (64, 64)
        squares = [one for one in tile.parts if one.label == 1 and not one.is_ignored]
        counts.append(len(squares))
        for one in squares:
            x, y = (int(value) for value in one.box.centre)
            assert tile.pixels[y, x] > 200
            shown += 1
    assert max(counts) >= 3  # a frame has one square
    assert shown > 20


def test_a_pasted_tile_has_one_part_more_and_it_is_seen(drawn):
    found = batches(drawn, paste=1.0)
    more = 0
    for seed in range(40):
        tile = found._made(np.random.default_rng(seed))
        own = [one for one in tile.parts if not one.is_ignored]
        squares = [one for one in own if one.label == 1]
        more += len(squares) >= 2
        for one in squares:
            x, y = (int(value) for value in one.box.centre)
            assert tile.pixels[y, x] > 150
    assert more > 3


def test_rare_components_are_pasted_most(drawn):
    images = [
        replace(one, labels=(one.labels[0],) if number else one.labels)
        for number, one in enumerate(drawn.images)
    ]  # six squares, one bar
    found = batches(replace(drawn, images=tuple(images)), paste=1.0)
    generator = np.random.default_rng(0)
    kinds = [found._donors.drawn(generator)[1].component for _ in range(400)]
    assert kinds.count("dropper") / 400 == pytest.approx(1 / (1 + 6**-0.5), abs=0.06)


def test_tiles_are_drawn_around_what_was_rejected_as_no_part(drawn):
    found = batches(with_rejections(drawn, Rejected.NO_PART), negative_share=1.0)
    generator = np.random.default_rng(0)
    for _ in range(20):
        absent = [one for one in found._made(generator).parts if one.is_absent]
        assert [one.label for one in absent] == [1]
    some = batches(with_rejections(drawn, Rejected.NO_PART), negative_share=0.5)
    assert some._shares == (0.5, 0, 0)
    assert not any(batches(with_rejections(drawn, Rejected.NORMAL))._shares)


def test_a_rejection_is_background_also_on_an_ignored_part(drawn):
    ignored = Label("split_pin", NOTHING, is_ignored=True)
    images = (replace(one, labels=(*one.labels, ignored)) for one in drawn.images)
    labelled = with_rejections(replace(drawn, images=tuple(images)), Rejected.NO_PART)
    found = batches(labelled, negative_share=1.0)
    generator = np.random.default_rng(0)
    for _ in range(10):
        tile = found._made(generator)
        (absent,) = (one for one in tile.parts if one.is_absent)
        assert replace(absent, is_ignored=True, is_absent=False) in tile.parts
        batch = targets.batched([tile.pixels], [tile.parts], len(CLASSES))
        column, row = (int(value // 4) for value in absent.box.centre)
        assert float(batch.weight[0, 1, row, column]) == 1


def test_of_a_frame_labelled_in_part_nothing_else_is_told(drawn):
    partly = with_rejections(drawn, Rejected.NO_PART, is_complete=False)
    found = batches(partly, negative_share=1.0, close_up_share=1.0)
    for weight, heat in zip(found[0].weight, found[0].heat, strict=True):
        assert float(weight[0].sum()) == float((heat[0] == 1).sum())  # only centres of labels
        assert float(weight[1].sum()) > 0  # what was rejected, too
        assert float(weight[1].sum()) < weight[1].numel()
    only = batches(partly, negative_share=0.0)
    generator = np.random.default_rng(0)
    assert all(only._drawn(generator).target is not None for _ in range(60))


def test_where_no_part_fits_the_tile_stays_as_it_was(drawn, monkeypatch):
    found, generator = batches(drawn, paste=1.0), np.random.default_rng(3)
    look = found._drawn(generator)
    tile = found._seen(look)
    monkeypatch.setattr(composed, "fits", lambda *_: False)
    assert found._pasted(tile, look, generator) is tile
