from dataclasses import replace

from catenary.datasets.labels import Label
from catenary.domain.geometry import Box
from catenary.evaluation.breakdown import slices, worst_section
from catenary.evaluation.intervals import Share
from tests.evaluation.sets import THRESHOLDS, label, part, photograph


def cut(photographs, axis: str):
    return {one.value: one for one in slices(photographs, THRESHOLDS) if one.axis == axis}


def test_the_section_with_most_missed_is_the_worst():
    photographs = [
        photograph(0, [label(0, "broken")], [part(0, 0.9)], section="站A"),
        photograph(1, [label(0, "broken")], [part(0, 0.2), part(500, 0.9)], section="站B"),
        photograph(2, [label(0)], [part(700, 0.9)], section="站C"),
    ]
    found = cut(photographs, "section")
    assert found["线/站A"].detection == Share(1, 1)
    assert (found["线/站B"].detection, found["线/站B"].false_per_image) == (Share(0, 1), 1.0)
    assert worst_section(tuple(found.values())).value == "线/站B"


def test_stations_of_one_name_on_two_lines_are_two_sections():
    one = photograph(0, [label(0, "broken")], [part(0, 0.9)])
    ref = one.image.ref
    mast = replace(ref.mast, line="另一线")
    other = replace(one, image=replace(one.image, ref=replace(ref, mast=mast)))
    assert set(cut([one, other], "section")) == {"线/站A", "另一线/站A"}


def test_of_two_sections_that_miss_alike_the_one_with_more_false_alarms_is_the_worst():
    photographs = [
        photograph(0, [label(0, "broken")], [], section="站A"),
        photograph(1, [label(0, "broken")], [part(500, 0.9)], section="站B"),
    ]
    assert worst_section(tuple(slices(photographs, THRESHOLDS))).value == "线/站B"


def test_no_section_is_worst_where_nothing_is_broken():
    assert worst_section(tuple(slices([photograph(0, [label(0)], [])], THRESHOLDS))) is None


def test_a_break_is_counted_in_the_size_it_is_seen_in():
    small = Label("dropper", Box(0, 0, 20, 20), "broken", part_id="a")
    large = Label("dropper", Box(0, 0, 90, 90), "broken", part_id="a")
    found = cut([photograph(0, [small], []), photograph(1, [large], [part(0, 0.9)])], "size")
    assert found["1: under 32 px"].detection == Share(0, 1)
    assert found["2: 32 to 96 px"].detection == Share(1, 1)
    assert found["1: under 32 px"].images is None


def test_hidden_parts_stand_apart_from_plain_ones():
    labels = [label(0, visibility=0.3), label(200, visibility=0.9)]
    found = cut([photograph(0, labels, [part(200)])], "visibility")
    assert found["1: under 0.5 visible"].located == Share(0, 1)
    assert found["3: 0.9 visible and more"].located == Share(1, 1)
