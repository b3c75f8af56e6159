"""Finding a batch size: what is tried, what is taken, what is remembered."""

import json
from dataclasses import replace

import pytest
import torch

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.training import batch_size
from catenary.training.run import read_record, train
from catenary.training.settings import Kind
from tests.training.sets import drawn_sets, small_settings

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


def test_sizes_grow_by_halves_and_doubles_up_to_the_most():
    tried = []
    assert batch_size.largest(30, lambda size: bool(tried.append(size) or True)) == 24
    assert tried == [2, 3, 4, 6, 8, 12, 16, 24]


def test_a_size_that_would_pass_the_budget_is_not_even_tried():
    tried = []

    def growth(size):
        tried.append(size)
        return 100 * size

    assert batch_size.largest(64, batch_size.within(1000, growth)) == 8
    assert tried == [2, 3, 4, 6, 8]


def test_a_size_that_passes_the_budget_unforeseen_is_not_taken():
    assert batch_size.largest(64, batch_size.within(100, lambda size: size**3)) == 4


def test_no_room_for_two_pictures_is_said():
    with pytest.raises(ConfigError, match="not even 2 pictures"):
        batch_size.largest(64, batch_size.within(100, lambda size: 101))


def test_a_gpu_that_is_full_ends_the_search():
    def step(size):
        if size > 6:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    assert batch_size.largest(64, batch_size.without_error(step)) == 6


def test_an_error_of_another_kind_is_not_taken_for_a_full_gpu():
    def step(size):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        batch_size.largest(64, batch_size.without_error(step))


def test_a_found_batch_is_stored_and_taken_up_again(tmp_path, monkeypatch):
    labels = drawn_sets(tmp_path)
    own = replace(
        small_settings(Kind.DETECTOR, labels, tmp_path / "run"), batch=0, batch_most=3, epochs=1
    )
    train(own, TAXONOMY)
    assert json.loads((own.output / "config.json").read_text())["batch"] == 3
    assert read_record(own.output).batch == 3
    monkeypatch.setattr(batch_size, "found", lambda *_: pytest.fail("searched again"))
    train(replace(own, epochs=2), TAXONOMY, resume=True)
    assert read_record(own.output).batch == 3
