"""Evidence pictures: a dark part is made visible, a bright one is left as photographed."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catenary.reports import pictures
from catenary.reports.data import CropImage
from tests.reports import reported


def levels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def test_a_dark_wire_is_brought_to_a_middle_grey(tmp_path: Path):
    grey = np.full((900, 140), 2, np.uint8)
    grey[:, 66:74] = 45
    Image.fromarray(grey).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load(reported.dropper(1, 0.9, crop), 2000)
    assert picture is not None
    # The box is 60 px wide, so the wire's 8 px are its bright end.
    assert picture.gamma == pytest.approx(math.log(120 / 255) / math.log(45 / 255))
    assert int(levels(picture.content)[450, 70]) == pytest.approx(120, abs=4)


def test_a_part_that_is_bright_enough_is_shown_as_photographed(tmp_path: Path):
    Image.new("L", (140, 900), 150).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load(reported.dropper(1, 0.9, crop), 2000)
    assert picture is not None
    assert picture.gamma == 1.0
    assert (levels(picture.content) == 150).all()


@given(st.integers(0, 255))
def test_light_is_only_ever_added_and_within_bounds(level: int):
    gamma = pictures.gamma_for(np.full((5, 7), level, np.uint8))
    assert 0.4 <= gamma <= 1.0
