from dataclasses import replace
from pathlib import Path

import pytest

from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejected, Rejection
from catenary.datasets.reading import new_ref
from catenary.datasets.rejections import folded, refuse_incomplete
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box

WIRE = Label("dropper", Box(10, 20, 30, 40), "broken")
FIRST, SECOND = (Rejection("bolt", Box(x, 5, x + 9, 9), Rejected.NO_PART) for x in (50, 70))


def image(name: str, *labels: Label, **changes: object) -> LabelledImage:
    found = LabelledImage(new_ref(Path(), name), 100, 100, labels)
    return replace(found, **changes)


def one_set(folder: str, *images: LabelledImage) -> LabelledSet:
    return LabelledSet(Path(folder), images)


LABELS = one_set("data/set", image("1.png", WIRE), image("2.png"))
MINED = one_set("data", image("set/1.png", WIRE, rejections=(FIRST,)))
MORE = one_set("data/more", image("../set/1.png", WIRE, rejections=(SECOND, FIRST)))


@pytest.mark.parametrize("sets", [[LABELS, MINED, MORE], [MINED, MORE, LABELS]])
def test_a_photograph_of_several_files_is_taken_once_with_the_rejections_of_all(sets):
    found = {
        (one.root / image.ref.file_name).resolve(): image
        for one in folded(sets)
        for image in one.images
    }
    assert sum(len(one.images) for one in folded(sets)) == len(found) == 2
    joined = found[Path("data/set/1.png").resolve()]
    assert joined.labels == (WIRE,)
    assert set(joined.rejections) == {FIRST, SECOND}


def test_labels_that_are_not_alike_are_refused_but_for_their_last_digits():
    close = replace(WIRE, box=Box(10, 20, 30.0000001, 40))
    folded([LABELS, one_set("data", image("set/1.png", close, rejections=(FIRST,)))])
    for other in ((replace(WIRE, condition="normal"),), (WIRE, WIRE), ()):
        stale = one_set("data", image("set/1.png", *other, rejections=(FIRST,)))
        with pytest.raises(ConfigError, match=r"1\.png is labelled by two files, and not alike"):
            folded([LABELS, stale])


def test_what_a_reviewer_labelled_in_part_gives_way_to_the_whole():
    review = one_set("data", image("set/1.png", rejections=(FIRST,), is_complete=False))
    for sets in ([LABELS, review], [review, LABELS]):
        (joined,) = (
            one for each in folded(sets) for one in each.images if one.ref.file_name != "2.png"
        )
        assert (joined.labels, joined.rejections, joined.is_complete) == ((WIRE,), (FIRST,), True)


def test_photographs_without_rejections_are_left_as_they_are():
    twice = [LABELS, one_set("data/set", image("1.png"))]
    assert folded(twice) == twice


def test_figures_need_photographs_that_are_labelled_in_full():
    refuse_incomplete([LABELS, MINED])
    with pytest.raises(ConfigError, match=r"1 photographs are labelled in part only \(3\.png"):
        refuse_incomplete([LABELS, one_set("data", image("3.png", is_complete=False))])
