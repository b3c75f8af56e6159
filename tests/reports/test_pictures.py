"""Evidence pictures: a dark part is made visible, a bright one is left as photographed."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box, Polyline
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
    assert picture.is_adjusted
    assert int(levels(picture.content)[450, 70]) == pytest.approx(120, abs=15)


def test_a_part_that_is_bright_enough_is_shown_as_photographed(tmp_path: Path):
    Image.new("L", (140, 900), 150).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    picture = pictures.load(crop, PART, 2000)
    assert picture is not None
    assert not picture.is_adjusted
    assert (levels(picture.content) == 150).all()


@pytest.mark.parametrize("role", ["outline", "wire"])
def test_a_dark_nest_under_a_bright_tube_is_made_visible(role: str, tmp_path: Path):
    """The tube alone would tell that the box is bright enough."""
    grey = np.full((900, 140), 3, np.uint8)
    grey[300:600, 40:100] = 14
    grey[450:520] = 250
    Image.fromarray(grey).save(tmp_path / "c.png")
    crop = CropImage(tmp_path / "c.png", *reported.ORIGIN)
    x0, y0 = reported.ORIGIN
    corners = ((40, 300), (99, 300), (99, 599), (40, 599), (40, 300))
    nest = Polyline(role, tuple((x0 + float(x), y0 + float(y)) for x, y in corners))
    for lines in ((), (nest,)):
        picture = pictures.load(crop, PART, 2000, lines)
        assert picture is not None
        shown = levels(picture.content)
        assert (int(shown[400, 70]) - int(shown[200, 70]) >= 30) == bool(lines)
        assert (int(shown[400, 70]) >= 55) == bool(lines)


@pytest.mark.parametrize(("role", "level"), [("wire", 40), ("outline", 200), ("gap", 90)])
def test_the_lack_of_something_tells_no_light(role: str, level: int):
    grey = np.full((60, 200), 90, np.uint8)
    grey[20:40, 50:150] = 200
    grey[29:32, 50:150] = 40
    around = ((50.0, 20.0), (149.0, 20.0), (149.0, 39.0), (50.0, 39.0))
    line = Polyline(role, ((60.0, 30.0), (140.0, 30.0)) if role == "wire" else around)
    found = pictures.levels_of(grey, Box(0, 0, 200, 60), [line])
    assert (int(np.median(found)) if found.size else 90) == level


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
    sound = said(Verdict.NORMAL, "axis", "gap", "bow", "chord", "rim", "shed")
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
