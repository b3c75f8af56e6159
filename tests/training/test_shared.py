"""What trainings of one process keep for each other."""

from pathlib import Path

import numpy as np

from catenary.training.frames import Frames, read_sets
from catenary.training.shared import Shared
from tests.training.sets import drawn_set


def drawn(chance: np.random.Generator) -> int:
    return int(chance.integers(1 << 30))


def test_variants_are_drawn_from_and_the_same_for_whoever_asks_first():
    one, other = Shared(variants=3), Shared(variants=3)
    asked = [one.picture(("a",), np.random.default_rng(seed), drawn) for seed in range(40)]
    assert len(set(asked)) == 3
    turned = [other.picture(("a",), np.random.default_rng(seed), drawn) for seed in range(40)[::-1]]
    assert turned[::-1] == asked
    assert set(asked).isdisjoint(
        one.picture(("b",), np.random.default_rng(seed), drawn) for seed in range(40)
    )


def test_without_variants_each_picture_is_new():
    shared, generator = Shared(), np.random.default_rng(0)
    assert len({shared.picture(("a",), generator, drawn) for _ in range(40)}) == 40


def test_a_photograph_is_decoded_once_for_all_frames(tmp_path: Path):
    sets, shared, read = read_sets([drawn_set(tmp_path, 3)]), Shared(), []

    def decode(data: bytes) -> np.ndarray:
        read.append(data)
        return np.zeros((96, 128), np.uint8)

    for _ in range(2):
        frames = Frames(sets, 100, decode, shared)
        assert frames.keep() == 3
        assert frames.pixels(2).shape == (96, 128)
    assert len(read) == 3
    Frames(sets, 100, decode).keep()
    assert len(read) == 6
