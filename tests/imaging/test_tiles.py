"""Tiles cover a picture completely, without slivers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catenary.imaging import tiles

SIDES = st.integers(1, 3000)


@st.composite
def tilings(draw: st.DrawFn) -> tuple[int, int]:
    tile = draw(st.integers(1, 1200))
    return tile, draw(st.integers(0, tile - 1))


@example(length=4428, tiling=(640, 128))
@given(length=SIDES, tiling=tilings())
def test_every_pixel_lies_in_a_full_tile_inside_the_picture(length: int, tiling: tuple[int, int]):
    tile, overlap = tiling
    offsets = tiles.starts(length, tile, overlap)
    assert offsets[0] == 0
    assert offsets[-1] == max(length - tile, 0)
    steps = np.diff(offsets)
    assert (steps > 0).all()
    assert (steps <= tile - overlap).all()  # neighbours share at least the overlap


def test_last_tile_is_moved_back_to_full_size():
    assert tiles.starts(1100, tile=512, overlap=0) == [0, 512, 588]


def test_picture_of_exactly_two_tiles_has_no_third():
    assert tiles.starts(1024, tile=512, overlap=0) == [0, 512]


@pytest.mark.parametrize("length", [1, 511, 512])
def test_picture_not_longer_than_a_tile_has_one(length: int):
    assert tiles.starts(length, tile=512, overlap=96) == [0]


@given(height=st.integers(1, 400), width=st.integers(1, 400), tiling=tilings())
def test_windows_cover_the_frame(height: int, width: int, tiling: tuple[int, int]):
    tile, overlap = max(tiling[0], 40), min(tiling[1], 20)
    seen = np.zeros((height, width), bool)
    for x, y in tiles.windows(height, width, tile, overlap):
        assert seen[y : y + tile, x : x + tile].shape == (min(tile, height), min(tile, width))
        seen[y : y + tile, x : x + tile] = True
    assert seen.all()


def test_overlap_as_large_as_tile_is_refused():
    with pytest.raises(ValueError, match=r"overlap=512 px, tile=512 px"):
        tiles.starts(4000, tile=512, overlap=512)


def test_negative_overlap_is_refused():
    with pytest.raises(ValueError, match=r"overlap=-1 px"):
        tiles.windows(400, 400, tile=64, overlap=-1)


def test_picture_without_pixels_is_refused():
    with pytest.raises(ValueError, match="at least 1 px, got 0"):
        tiles.starts(0, tile=64, overlap=0)
