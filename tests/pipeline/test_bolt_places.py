"""Places of bolts learnt on drawn masts, and bolts taken out of them."""

from functools import cache

import pytest

from catenary import config
from catenary.domain.finding import Component, Verdict
from catenary.domain.refusal import Unjudged
from catenary.pipeline import constellation, empty_places
from catenary.pipeline.constellation import ConstellationSettings, Fitting
from catenary.pipeline.empty_places import LookSettings, Seen, State
from tests.pipeline.fitting_scene import Drawn, mast

LEARNING, LOOK = ConstellationSettings(), LookSettings()
OTHERS = [Drawn(number) for number in range(1, 9)]


@cache
def cut(drawn: Drawn) -> Fitting | None:
    facts = (str(drawn.number), mast(drawn.number), drawn.pixels, drawn.fitting, drawn.bolts)
    return constellation.fitting(*facts, LEARNING)


def seen(one: Drawn, others: list[Drawn], look: LookSettings = LOOK) -> list[Seen]:
    """Return what is seen at the places of one mast's fitting, from left to right."""
    fittings = [cut(drawn) for drawn in (one, *others)]
    looks = constellation.described(fittings)
    laid = constellation.like(0, fittings, looks, LEARNING)
    places = constellation.places(laid, LEARNING)
    found = [empty_places.seen(fittings[0], place, look) for place in places]
    return sorted(found, key=lambda one: one.box.x0)


def assert_at_the_bolts(found: list[Seen], one: Drawn, within_px: float) -> None:
    assert len(found) == len(one.bolt_boxes)
    for each, box in zip(found, one.bolt_boxes, strict=True):
        assert each.box.centre == pytest.approx(box.centre, abs=within_px)
        assert each.box.width == pytest.approx(box.width, rel=0.1)


def test_a_bolt_that_was_taken_out_is_told_and_no_other():
    one = Drawn(99, gone=(1,))
    found = seen(one, OTHERS)
    assert [each.state for each in found] == [State.LOCATED, State.MISSING]
    assert_at_the_bolts(found, one, within_px=1.5)
    told = found[1].evidence
    assert (told.verdict, told.condition) == (Verdict.DEFECT, "bolt_missing")
    assert told.score > 0.5
    xs, ys = zip(*next(line for line in told.traces if line.role == "hole").points, strict=True)
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    assert middle == pytest.approx(one.bolt_boxes[1].centre, abs=2)
    assert found[1].place.share == 1
    assert found[1].beside in {str(other.number) for other in OTHERS}


def test_a_bolt_that_the_detector_missed_is_not_called_missing():
    found = seen(Drawn(99, missed=(0, 1)), OTHERS)
    assert [each.state for each in found] == [State.UNJUDGED] * 2
    assert {each.evidence.reason for each in found} == {Unjudged.NO_HOLE}


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize(
    "way",
    [
        {"gain": 0.4},
        {"gain": 1.15},
        {"blur": 1.5},
        {"noise": 6.0},
        {"scale": 0.8},
        {"scale": 1.25},
        {"corner": (90.0, 60.0)},
        {"corner": (200.0, 150.0)},
    ],
    ids=str,
)
def test_light_sharpness_place_and_size_change_nothing(way, gone):
    one = Drawn(99, gone=(gone,), **way)
    found = seen(one, OTHERS)
    assert_at_the_bolts(found, one, within_px=2)
    missing = [row for row, each in enumerate(found) if each.state is State.MISSING]
    assert missing == [gone]
    sound = seen(Drawn(99, missed=(gone,), **way), OTHERS)
    assert [each.state for each in sound if each.state is not State.LOCATED] == [State.UNJUDGED]


def test_a_hole_that_every_mast_shows_is_none():
    others = [Drawn(number, gone=(1,)) for number in range(1, 11)]
    for one in others:  # as if the detector took the dark hole for a bolt everywhere
        one.bolts.append(Component("bolt", one.bolt_boxes[1], 0.8))
    found = seen(Drawn(99, gone=(1,)), others)
    assert [each.state for each in found] == [State.LOCATED, State.UNJUDGED]


def test_the_darker_the_hole_the_higher_the_score():
    found = [seen(Drawn(99, gone=(1,), hole=grey), OTHERS)[1] for grey in (4, 14, 22)]
    scores = [each.evidence.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


def test_too_few_masts_teach_nothing():
    one = Drawn(99, gone=(1,))
    assert seen(one, OTHERS[: LEARNING.least_masts - 1]) == []
    assert len(seen(one, OTHERS[: LEARNING.least_masts])) == 2


def test_the_mast_itself_teaches_nothing():
    again = [Drawn(99) for _ in range(10)]
    assert seen(Drawn(99, gone=(1,)), again) == []


def test_a_bolt_that_few_masts_show_is_not_expected():
    some = [Drawn(n, missed=(1,) if n % 4 else ()) for n in range(1, 13)]
    assert [each.state for each in seen(Drawn(99), some)] == [State.LOCATED]


def test_unlike_fittings_teach_nothing():
    negative = [Drawn(number) for number in range(1, 11)]
    for one in negative:
        one.pixels = 255 - one.pixels
    assert seen(Drawn(99, gone=(1,)), negative) == []


def test_a_fitting_that_the_picture_cuts_off_is_not_asked():
    assert cut(Drawn(99, corner=(-15.0, 100.0))) is None
    assert cut(Drawn(99, corner=(130.0, 250.0))) is None


def test_a_place_without_light_or_size_is_not_judged():
    dark = seen(Drawn(99, gone=(1,), gain=0.08, noise=1.0), OTHERS)
    assert {each.evidence.reason for each in dark} == {Unjudged.LOW_CONTRAST}
    small = seen(Drawn(99, gone=(1,)), OTHERS, LookSettings(least_px=30.0))
    assert {each.evidence.reason for each in small} == {Unjudged.TOO_SHORT}


def test_a_missing_bolt_is_a_finding_with_the_taxonomys_grade():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    told = seen(Drawn(99, gone=(1,)), OTHERS)[1]
    found = empty_places.finding("99", told.box, told.place, told.evidence, taxonomy)
    assert (found.component.kind, found.condition, found.grade) == ("bolt", "bolt_missing", 1)
    assert found.probability == told.evidence.score
    assert found.versions.rules in empty_places.SOURCES
