"""Sheets of what a network finds: places, colours, and that a training writes them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.domain.geometry import Box
from catenary.models.build import refiner_network
from catenary.training import grids
from catenary.training.frames import Frames, read_sets
from catenary.training.modules import RefinerModule
from catenary.training.refiner_data import ProposedFrame
from catenary.training.run import train
from catenary.training.settings import Kind
from tests.training.sets import drawn_sets, small_settings

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


def test_a_box_is_drawn_where_it_is_in_the_enlarged_picture():
    mark = grids.Mark(Box(10, 20, 30, 40), grids.TRUE)
    square = grids.marked(np.full((50, 100), 9, np.uint8), [mark], 200)
    rows, columns = np.nonzero((square == grids.TRUE).all(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (20, 40, 60, 80)
    assert (square[:100][~(square == grids.TRUE).all(axis=2)[:100]] == 9).all()
    assert not square[100:].any()  # below a picture twice as wide as high


def test_words_stay_inside_the_picture():
    mark = grids.Mark(Box(90, 0, 99, 9), grids.FOUND, "messenger_seat 0.97")
    square = grids.marked(np.zeros((100, 100), np.uint8), [mark], 300)
    columns = np.nonzero(square.any(axis=2))[1]
    assert columns.min() < 200  # they start left of their box, so that all of them is read


def test_a_sheet_holds_every_picture_once():
    pictures = [np.full((2, 2, 3), number, np.uint8) for number in range(1, 6)]
    sheet = grids.sheet(pictures)
    assert sheet.shape == (4, 6, 3)
    assert sheet[::2, ::2, 0].tolist() == [[1, 2, 3], [4, 5, 0]]


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        grids.sheet([])


def test_a_refiner_shows_each_proposal_with_the_part_and_the_mended_box(tmp_path):
    labels = drawn_sets(tmp_path, count=1)
    own = replace(
        small_settings(Kind.DETECTOR, labels, tmp_path / "run"),
        kind=Kind.REFINER,
        proposer=tmp_path / "bundle",
    )
    frames = Frames(read_sets(labels[1:]), 0)
    (true,) = (label.box for label in frames.labels(0) if label.component == "dropper")
    boxes = np.array([[true.x0 - 4, true.y0, true.x1, true.y1 + 9], [2, 60, 20, 90]], np.float32)
    proposed = ProposedFrame(0, boxes, np.ones(2, np.float32), ("dropper", "dropper"))
    network = refiner_network(own.refiner_architecture, 1)
    on_part, on_none = RefinerModule(network, ("dropper",), own, frames, [proposed]).pictures()
    has = [
        [(picture == colour).all(axis=2).any() for colour in (grids.TRUE, grids.GIVEN)]
        for picture in (on_part, on_none)
    ]
    assert has == [[True, True], [False, True]]
    assert (on_part == grids.FOUND).all(axis=2).any()


def test_a_training_draws_every_second_round_and_the_last(tmp_path):
    labels = drawn_sets(tmp_path)
    own = small_settings(Kind.CLASSIFIER, labels, tmp_path / "run")
    train(replace(own, epochs=3, steps_per_epoch=1, grid_every=2), TAXONOMY)
    written = sorted((own.output / "grids").iterdir())
    assert [path.name for path in written] == ["round-0002.png", "round-0003.png"]
    sheet = cv2.imread(str(written[0]))
    assert sheet.shape == (400, 600, 3)  # six crops of 200 px, three in a row
    # Words alone are drawn in it; some versions of OpenCV blend every pixel of thin letters.
    off = np.abs(sheet.astype(int) - grids.TRUE).max(axis=2)
    assert off.min() < 30
