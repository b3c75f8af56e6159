import numpy as np
import pytest
from faster_coco_eval.core import mask as coco_masks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from catenary.datasets import masks
from catenary.datasets.masks import Mask

crops = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
margins = st.tuples(*[st.integers(0, 5)] * 4)


def framed(crop, margin):
    top, bottom, left, right = margin
    return np.pad(crop, ((top, bottom), (left, right)))


@given(crop=crops, margin=margins)
def test_a_mask_read_back_is_the_mask_drawn(crop, margin):
    whole = framed(crop, margin)
    mask = masks.of_crop(crop, (margin[0], margin[2]), whole.shape)
    assert np.array_equal(mask.pixels(), whole)
    assert mask.area == whole.sum()


@given(crop=crops, margin=margins)
def test_the_text_is_that_of_the_coco_tools(crop, margin):
    whole = framed(crop, margin)
    theirs = coco_masks.encode(np.asfortranarray(whole.astype(np.uint8)))
    assert (
        masks.of_crop(crop, (margin[0], margin[2]), whole.shape).counts.encode()
        == (theirs["counts"])
    )


@given(runs=st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_long_runs_survive(runs):
    mask = masks.of_runs(runs, (1, sum(runs)))
    assert mask.area == sum(runs[1::2])


def test_columns_are_counted_before_rows():
    mask = masks.of_runs([1, 2, 3], (2, 3))
    assert mask.pixels().tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize("counts", ["", "P", "\x7f", "ooooooooooooo1", "52"])
def test_text_that_is_no_mask_of_the_image_is_refused(counts):
    with pytest.raises(ValueError, match=r"no compressed mask|mask runs must fill"):
        Mask(4, 5, counts).pixels()


@given(
    points=st.lists(st.tuples(*[st.integers(-8, 40).map(lambda value: value / 2)] * 2), min_size=3)
)
def test_a_polygon_holds_the_pixels_whose_middle_it_holds(points):
    mask = masks.of_polygons([points], (16, 14))
    drawn = np.zeros((16, 14), np.bool_) if mask is None else mask.pixels()
    for y, x in np.ndindex(drawn.shape):
        middle = x + 0.5, y + 0.5
        if all(_distance(middle, *side) > 1e-6 for side in pairs(points)):
            assert drawn[y, x] == (sum(_is_left(middle, *side) for side in pairs(points)) % 2 == 1)


def pairs(points):
    return list(zip(points, [*points[1:], points[0]], strict=True))


def _is_left(point, first, second):
    """Tell whether a ray to the left meets the side."""
    (x, y), (ax, ay), (bx, by) = point, first, second
    return (ay > y) != (by > y) and (bx - ax) * (y - ay) / (by - ay) + ax < x


def _distance(point, first, second):
    along = np.subtract(second, first)
    length = max(float(along @ along), 1e-12)
    share = np.clip(np.subtract(point, first) @ along / length, 0, 1)
    return float(np.linalg.norm(np.add(first, share * along) - point))


def test_a_polygon_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite points"):
        masks.of_polygons([[(0, 0), (9, 0), (float("nan"), 9)]], (10, 10))
