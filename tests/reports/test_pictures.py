"""Evidence pictures: a dark part is made visible, a bright one is left as photographed."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Polyline
from catenary.reports import pictures
from catenary.reports.data import CropImage
from tests.reports import reported

PART = reported.dropper(1).finding.component.box


def levels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def test_a_dark_wire_is_brought_to_a_middle_grey(tmp_path: Path):
    grey = np.full((900, 140), 2, np.uint8)
    grey[:, 66:74] = 45
    Image.fromarray(grey).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load(crop, PART, 2000)
    assert picture is not None
    # The box is 60 px wide, so the wire's 8 px are its bright end.
    assert picture.gamma == pytest.approx(math.log(120 / 255) / math.log(45 / 255))
    assert int(levels(picture.content)[450, 70]) == pytest.approx(120, abs=4)


def test_a_part_that_is_bright_enough_is_shown_as_photographed(tmp_path: Path):
    Image.new("L", (140, 900), 150).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load(crop, PART, 2000)
    assert picture is not None
    assert picture.gamma == 1.0
    assert (levels(picture.content) == 150).all()


@given(st.integers(0, 255))
def test_light_is_only_ever_added_and_within_bounds(level: int):
    gamma = pictures.gamma_for(np.full((5, 7), level, np.uint8))
    assert 0.4 <= gamma <= 1.0


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((140, 900), (37 + 2 + 37, 240)),  # tall: beside each other
        ((900, 60), (300, 20 + 2 + 20)),  # wide: one above the other
        ((40, 40), (149 + 2 + 149, 149)),  # small: enlarged to fit, at most six times
        ((20, 20), (120 + 2 + 120, 120)),
    ],
)
def test_a_drawn_picture_uses_the_room_it_has(
    size: tuple[int, int], shown: tuple[int, int], tmp_path: Path
):
    Image.new("L", size, 150).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load_drawn(reported.dropper(1, 0.9, crop), 300, 240)
    assert picture is not None
    assert (picture.shown_width, picture.shown_height) == shown


def said(verdict: Verdict, *roles: str) -> Evidence:
    lines = tuple(Polyline(role, ((0.0, 0.0), (1.0, 1.0))) for role in roles)
    return Evidence("insulator_shed_spacing/4", "shed_missing", verdict, 0.5, (), lines)


def test_where_the_defect_is_comes_last_and_only_from_what_finds_one():
    found = said(Verdict.DEFECT, "gap", "shed")
    sound = said(Verdict.NORMAL, "axis", "gap", "bow", "chord", "shed")
    assert [one.role for one in pictures.lines_of([found, sound])] == ["shed", "axis", "gap"]
    assert [one.role for one in pictures.lines_of([sound])] == ["axis", "shed"]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_box_and_gap_are_seen_on_any_background(level: int, tmp_path: Path):
    Image.new("L", (140, 900), level).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load_drawn(reported.dropper(1, 0.9, crop), 600, 900)
    assert picture is not None
    shown = np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB")).astype(int)
    drawn = shown[:, picture.shown_width // 2 + 1 :]
    row = drawn[450]  # through the middle of the gap, from (70, 330) to (72, 520), and the box
    grey = row.sum(axis=1) / 3
    left = grey[30:55]  # the box begins at 40
    assert np.ptp(left) > 100
    assert (row[:, 0] - row[:, 2])[60:82].max() > 120  # red
