"""A part cut out of a frame remembers where it came from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.geometry import Box
from catenary.imaging.crops import cut

FRAME = (np.arange(200)[:, None] + np.arange(300)[None, :] * 3).astype(np.uint8)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Draw boxes that overlap a frame of 200 x 300 px and may leave it."""
    x0, y0 = draw(st.floats(-50, 299)), draw(st.floats(-50, 199))
    width, height = draw(st.floats(1, 200)), draw(st.floats(1, 200))
    return Box(x0, y0, max(x0 + width, 0.5), max(y0 + height, 0.5))


@given(box=boxes(), margin=st.floats(0, 1))
def test_inner_box_mapped_back_is_the_part_inside_the_frame(box: Box, margin: float):
    crop = cut(FRAME, box, margin)
    back = crop.inner.shifted(crop.x0, crop.y0)
    inside = box.clipped(300, 200)
    assert inside is not None
    corners = zip(
        (back.x0, back.y0, back.x1, back.y1),
        (inside.x0, inside.y0, inside.x1, inside.y1),
        strict=True,
    )
    assert all(found == pytest.approx(true, abs=1e-6) for found, true in corners)


@given(box=boxes(), margin=st.floats(0, 1))
def test_crop_shows_the_frame_and_holds_the_inner_box(box: Box, margin: float):
    crop = cut(FRAME, box, margin)
    height, width = crop.pixels.shape
    assert np.array_equal(crop.pixels, FRAME[crop.y0 : crop.y0 + height, crop.x0 : crop.x0 + width])
    assert crop.inner.x0 >= -1e-6
    assert crop.inner.y0 >= -1e-6
    assert crop.inner.x1 <= width + 1e-6
    assert crop.inner.y1 <= height + 1e-6


def test_margin_is_a_share_of_the_longer_side():
    crop = cut(FRAME, Box(100, 50, 140, 70), margin=0.25)
    assert (crop.x0, crop.y0) == (90, 40)
    assert crop.pixels.shape == (40, 60)


@pytest.mark.parametrize(
    ("box", "sides"),
    [
        (Box(100, 50, 140, 70), set()),
        (Box(-5, 50, 40, 70), {"left"}),
        (Box(100, 1.5, 140, 70), {"top"}),
        (Box(280, 150, 310, 210), {"right", "bottom"}),
    ],
)
def test_sides_of_the_frame_that_cut_a_part_are_known(box: Box, sides: set[str]):
    assert cut(FRAME, box, margin=0.1).cut_sides == sides


def test_box_outside_the_frame_is_refused():
    with pytest.raises(ValueError, match="lies outside a frame of 200 x 300 px"):
        cut(FRAME, Box(400, 10, 420, 30), margin=0.1)


def test_negative_margin_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="box needs finite"):
        cut(FRAME, Box(100, 50, 140, 70), margin=-1.0)
