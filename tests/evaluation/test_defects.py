import numpy as np
import pytest

from catenary.evaluation.defects import NEVER, sweep
from catenary.evaluation.rates import rates
from tests.evaluation.sets import drawn_at_random, label, part, photograph


@pytest.mark.parametrize("seen", [(0.4, 0.7), (0.7, 0.4)])
def test_a_break_in_two_views_has_the_better_probability_of_the_two(seen):
    broken = label(0, "broken", part_id="D1#dropper-1")
    views = [photograph(n, [broken], [part(0, odds)]) for n, odds in enumerate(seen)]
    (defect,) = sweep(views, "dropper").defects
    assert defect.score == 0.7


def test_a_break_that_is_not_located_is_raised_at_no_threshold():
    (defect,) = sweep([photograph(0, [label(0, "broken")], [])], "dropper").defects
    assert defect.score == NEVER


def test_froc_climbs_when_the_threshold_falls():
    photographs = [
        photograph(0, [label(0, "broken")], [part(0, 0.9), part(300, 0.8)]),
        photograph(1, [label(0, "broken")], [part(0, 0.6)]),
    ]
    # None false: the first break. One false finding in two photographs: both.
    assert sweep(photographs, "dropper").froc("broken") == ((0.0, 0.5), (0.5, 1.0))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 0.9])
def test_one_pairing_tells_what_pairing_anew_at_each_threshold_would(seed, threshold):
    photographs = drawn_at_random(seed)
    for kind in ("dropper", "insulator"):
        one = sweep(photographs, kind)
        scenes = [
            (
                [r for r in photo.raised() if r.component == kind],
                [truth for truth in photo.labels if truth.component == kind],
            )
            for photo in photographs
        ]
        anew = rates(scenes, threshold)
        found = sum(defect.score >= threshold for defect in one.defects)
        assert (found, len(one.defects)) == (anew.detection.hits, anew.detection.total)
        assert np.sum(one.false >= threshold) == anew.false_alarms.hits
