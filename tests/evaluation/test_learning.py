from pathlib import Path

import pytest

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.evaluation.compared import Compared
from catenary.evaluation.intervals import Share
from catenary.evaluation.learning import located_at, nested
from catenary.evaluation.predictions import NOT_JUDGED, Part, PredictedImage


def photographs(masts: int, views: int = 3) -> LabelledSet:
    images = [
        LabelledImage(
            ImageRef("run", f"{m}-{v}", "", "", mast=Mast("线", Direction.UP, "站", f"D{m}")),
            9,
            9,
            (),
        )
        for m in range(masts)
        for v in range(views)
    ]
    return LabelledSet(Path(), tuple(images))


def names(labelled: LabelledSet) -> set[str]:
    return {image.ref.image_id for image in labelled.images}


def test_each_part_holds_the_smaller_ones_and_whole_masts():
    quarter, half, whole = (names(one) for one in nested(photographs(8), (0.25, 0.5, 1.0), seed=1))
    assert quarter < half < whole == names(photographs(8))
    assert [len(one) for one in (quarter, half, whole)] == [6, 12, 24]
    for part in (quarter, half):
        masts = {name.split("-")[0] for name in part}
        assert len(part) == 3 * len(masts)


def test_another_seed_takes_other_masts_and_none_takes_no_mast():
    first, again, second = (names(nested(photographs(40), (0.25,), seed)[0]) for seed in (1, 1, 2))
    assert first == again != second
    assert len(names(nested(photographs(3), (0.01,), 1)[0])) == 3


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_outside_of_the_whole_is_refused(share):
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        nested(photographs(2), (share,), 1)


HERE, THERE, ELSEWHERE = Box(0, 0, 10, 10), Box(50, 0, 60, 10), Box(0, 50, 10, 60)


def photograph(number: int, *parts: tuple[str, Box, float]) -> Compared:
    ref = ImageRef("run", str(number), "", "")
    labels = (Label("clamp", HERE), Label("dropper", THERE))
    told = tuple(Part(kind, box, score, NOT_JUDGED) for kind, box, score in parts)
    image = LabelledImage(ref, 99, 99, labels)
    return Compared(image, PredictedImage(str(number), "", Outcome.DONE, told))


def test_the_limit_lets_through_as_many_false_boxes_as_allowed():
    pair = [
        photograph(1, ("clamp", HERE, 0.9), ("clamp", ELSEWHERE, 0.8), ("dropper", THERE, 0.7)),
        photograph(2, ("dropper", ELSEWHERE, 0.6), ("dropper", THERE, 0.5), ("clamp", HERE, 0.6)),
    ]
    kinds = ("clamp", "dropper")
    none, half, one = (located_at(pair, kinds, budget, 0.5) for budget in (0.0, 0.5, 1.0))
    assert (none.limit, none.false, none.shares["all"]) == (0.8, 0, Share(1, 4))
    # The clamp of 0.6 is no better than the next false box, so it falls with it.
    assert (half.limit, half.false) == (0.6, 1)
    assert half.shares == {"all": Share(2, 4), "clamp": Share(1, 2), "dropper": Share(1, 2)}
    assert (one.limit, one.false, one.shares["all"]) == (0.0, 2, Share(4, 4))
