import numpy as np
import pytest

from catenary.datasets import masks
from catenary.datasets.labels import Label
from catenary.domain.geometry import Box
from catenary.training import composed
from catenary.training.composed import Cutout, Place
from catenary.training.tiles import Tile, Truth, Window

SIDE = 40


def test_four_places_fill_a_tile_once():
    generator = np.random.default_rng(2)
    for _ in range(20):
        covered = np.zeros((64, 64), int)
        for place in composed.quarters(64, generator):
            assert min(place.width, place.height) >= 19  # 0.3 of 64
            covered[place.y : place.y + place.height, place.x : place.x + place.width] += 1
        assert (covered == 1).all()


def test_pieces_keep_their_parts_on_their_pixels():
    places = (
        Place(0, 0, 30, 10),
        Place(30, 0, 10, 10),
        Place(0, 10, 30, 30),
        Place(30, 10, 10, 30),
    )
    pieces = []
    for number, place in enumerate(places):
        pixels = np.full((place.height, place.width), number, np.uint8)
        pixels[2:6, 3:8] = 200 + number
        pieces.append(Tile(pixels, (Truth(Box(3, 2, 8, 6), number, number == 2),)))
    made = composed.mosaic(SIDE, places, pieces)
    assert [part.box for part in made.parts] == [
        Box(3, 2, 8, 6),
        Box(33, 2, 38, 6),
        Box(3, 12, 8, 16),
        Box(33, 12, 38, 16),
    ]
    assert [(part.label, part.is_ignored) for part in made.parts] == [
        (0, False),
        (1, False),
        (2, True),
        (3, False),
    ]
    for part in made.parts:
        rows = slice(int(part.box.y0), int(part.box.y1))
        seen = made.pixels[rows, int(part.box.x0) : int(part.box.x1)]
        assert (seen == 200 + part.label).all()
    assert (made.pixels >= 200).sum() == 4 * 20


def frame() -> np.ndarray:
    """Return a dark frame with a bright part from (20, 10) to (30, 18)."""
    pixels = np.full((50, 60), 10, np.uint8)
    pixels[10:18, 20:30] = 200
    return pixels


PART = Label("clamp", Box(20, 10, 30, 18))


def test_a_part_without_a_mask_fades_out_around_its_box():
    cut = composed.cutout(frame(), PART, 1.0)
    assert cut.box == Box(2, 2, 12, 10)
    assert cut.pixels.shape == cut.alpha.shape == (12, 14)
    assert (cut.alpha[2:10, 2:12] == 1).all()
    assert cut.alpha[0, 5] == pytest.approx(0.25)  # half a pixel from where 2 px of fading end
    assert cut.alpha[1, 5] == pytest.approx(0.75)


def test_a_part_with_a_mask_is_cut_along_it():
    triangle = masks.of_polygons([[(20, 10), (30, 10), (20, 18)]], (50, 60))
    cut = composed.cutout(frame(), Label("clamp", PART.box, mask=triangle), 2.0)
    assert cut.box == Box(4, 4, 24, 20)
    assert cut.alpha[6, 7] > 0.95
    assert cut.alpha[18, 22] < 0.05
    assert cut.alpha.sum() == pytest.approx(4 * 40, rel=0.1)


def test_a_mirrored_part_lies_on_its_pixels():
    cut = composed.mirrored(composed.cutout(frame(), PART, 1.0))
    x0, x1 = int(cut.box.x0), int(cut.box.x1)
    assert (cut.pixels[2:10, x0:x1] == 200).all()


def solid(width: int, height: int) -> Cutout:
    shape = height, width
    return Cutout(
        np.full(shape, 250, np.uint8), np.ones(shape, np.float32), Box(0, 0, width, height)
    )


def test_what_a_pasted_part_hides_is_dropped_ignored_or_kept():
    under = {
        "all": Box(10, 10, 20, 20),
        "half": Box(0, 10, 20, 20),
        "third": Box(10, 0, 14, 15),
        "free": Box(30, 30, 38, 38),
    }
    parts = tuple(Truth(box, number, False) for number, box in enumerate(under.values()))
    tile = Tile(np.zeros((SIDE, SIDE), np.uint8), parts)
    made = composed.pasted(tile, solid(10, 10), (10, 10), 9)
    told = {part.label: part.is_ignored for part in made.parts}
    assert told == {1: True, 2: False, 3: False, 9: False}
    assert made.parts[-1].box == Box(10, 10, 20, 20)
    assert (made.pixels[10:20, 10:20] == 250).all()
    assert (made.pixels == 250).sum() == 100
    assert tile.pixels.max() == 0


def test_a_place_without_a_part_stays_one_under_what_is_pasted():
    absent = Truth(Box(10, 10, 20, 20), 0, False, is_absent=True)
    tile = Tile(np.zeros((SIDE, SIDE), np.uint8), (absent,))
    assert composed.pasted(tile, solid(10, 10), (10, 10), 1).parts[0] == absent


def test_a_part_may_be_pasted_with_its_faded_edge_over_the_tiles_edge():
    cut = composed.cutout(frame(), PART, 1.0)
    tile = Tile(np.zeros((SIDE, SIDE), np.uint8), ())
    (part,) = composed.pasted(tile, cut, (-2, -2), 0).parts
    assert part.box == Box(0, 0, 10, 8)


def test_the_whole_box_is_pasted_where_the_frame_is_seen():
    generator = np.random.default_rng(1)
    space = composed.visible(Window(30, 20, 0.5, SIDE, SIDE), (80, 90))
    assert space == (30, 30)
    cut = composed.cutout(frame(), PART, 1.0)
    found = {composed.corner(cut, space, generator) for _ in range(500)}
    assert {x for x, _ in found} == set(range(-2, 19))  # the box is 10 px wide, at 2 px
    assert {y for _, y in found} == set(range(-2, 21))
    assert composed.corner(solid(31, 5), space, generator) is None


@pytest.mark.parametrize(
    ("label", "is_donor"),
    [
        (PART, True),
        (Label("clamp", PART.box, "off"), False),
        (Label("clamp", PART.box, "off", mask=masks.of_runs([9, 3, 88], (10, 10))), True),
        (Label("clamp", PART.box, is_ignored=True), False),
        (Label("clamp", PART.box, visibility=0.5), False),
        (Label("clamp", PART.box, occlusion=0.6), False),
        (Label("clamp", PART.box, is_evident=False), False),
    ],
)
def test_only_parts_that_are_there_and_in_sight_are_cut_out(label, is_donor):
    assert composed.is_donor(label) is is_donor


def test_a_part_stands_in_another_frame_about_as_large_as_it_would_there():
    generator, window = np.random.default_rng(1), Window(0, 0, 0.5, SIDE, SIDE)
    factors = [composed.factor_of((500, 1000), window, (1500, 2000), generator) for _ in range(300)]
    assert 0.8 <= min(factors) < 0.82
    assert 1.22 < max(factors) <= 1.25


@pytest.mark.parametrize(
    ("factor", "fits"), [(1.1, False), (1.3, True), (1.7, False), (0.5, False)]
)
def test_parts_too_small_too_large_or_too_blurred_are_not_pasted(factor, fits):
    assert composed.fits(PART, factor, 448) is fits
    assert not composed.fits(PART, factor, 16)
