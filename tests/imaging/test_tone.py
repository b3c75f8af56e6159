"""Dark parts are lifted, glaring ones held back, and what is lit well is left alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catenary.imaging.tone import gamma_for, table_for

AS_IT_IS = np.arange(256, dtype=np.uint8)
_greys = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(_greys)
def test_the_order_of_grey_levels_is_kept_and_black_and_white_stay(part: np.ndarray):
    table = table_for(part).astype(int)
    assert (np.diff(table) >= 0).all()
    assert (table[0], table[255]) == (0, 255)


def sheds(low: int, high: int) -> np.ndarray:
    """Return an insulator: lit sheds and their gaps before a black sky."""
    part = np.ones((40, 20), np.uint8)
    part[::2, 4:16], part[1::2, 4:16] = high, low
    return part


def test_a_dark_dropper_is_lifted_well_above_the_noise_of_black():
    dropper = np.ones((60, 9), np.uint8)
    dropper[:, 4] = 12
    table = table_for(dropper)
    assert table[12] > 45
    assert table[2] < 20  # blocks of the JPEG, which are no picture of anything


def test_glaring_sheds_are_held_back_until_they_are_told_apart():
    table = table_for(sheds(200, 245))
    assert table[200] < 145
    assert int(table[245]) - int(table[200]) > 1.8 * (245 - 200)


def test_what_is_lit_well_and_what_is_burnt_out_is_shown_as_it_is():
    for part in (sheds(90, 150), np.full((9, 9), 255, np.uint8)):
        assert (table_for(part) == AS_IT_IS).all()


def test_a_bright_wire_across_a_thin_dropper_does_not_hide_it():
    part = np.ones((60, 21), np.uint8)
    part[:, 10] = 60
    part[20:26] = 240
    assert table_for(part)[60] >= 60


@given(st.integers(0, 255))
def test_light_is_added_within_bounds(level: int):
    assert 0.4 <= gamma_for(np.full((5, 7), level, np.uint8)) <= 1.0


def test_a_faint_pin_in_a_lit_plate_stands_out():
    plate = np.full((30, 30), 90, np.uint8)
    plate[10:20, 14:17] = 110
    table = table_for(plate).astype(int)
    assert table[110] - table[90] >= 2 * 20
    assert 25 <= table[90] < table[110] <= 230


def test_a_bright_tube_in_the_box_does_not_keep_what_was_measured_dark():
    box = np.full((40, 40), 3, np.uint8)
    box[18:24] = 250
    dark = np.full(50, 14, np.uint8)
    assert table_for(box)[14] == 14
    assert table_for(box, dark)[14] > 55
