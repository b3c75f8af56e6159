import numpy as np
import pytest

from catenary.evaluation.familiarity import (
    LEAST_PICTURES,
    SHARES,
    UNFAMILIAR,
    learnt,
    left_out,
    strictest,
)
from catenary.models.familiar import Familiar


def pictures(masts: int, each: int = 5) -> tuple[list[tuple[float, float]], list[str]]:
    """Return the looks of pictures of some masts: (grey level, contrast)."""
    random = np.random.default_rng(1)
    looks = random.normal((40, 10), (8, 2), (masts * each, 2))
    return [tuple(one) for one in looks.tolist()], [f"mast {n // each}" for n in range(len(looks))]


def test_a_distance_is_worked_out_by_hand():
    known = Familiar(usual=(10.0, 0.0), spread=(2.0, 1.0), seen=((0.0, 0.0), (3.0, 4.0)), limit=1.0)
    assert known.distance((10.0, 0.0)) == 0
    assert known.distance((16.0, 9.0)) == pytest.approx(5)  # 3 and 9 spreads: 5 from (3, 4)


def test_nineteen_of_twenty_pictures_of_masts_left_out_are_familiar():
    looks, masts = pictures(60)
    known = learnt(looks, masts)
    apart = left_out(known, masts, looks, masts)
    assert np.mean(np.array(apart) > known.limit) == pytest.approx(0.05, abs=0.005)


def test_the_limit_may_keep_out_more_pictures():
    looks, masts = pictures(60)
    known = learnt(looks, masts, unlike=0.3)
    apart = left_out(known, masts, looks, masts)
    assert np.mean(np.array(apart) > known.limit) == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize(
    ("found", "share"),
    [
        ((0.7, 0.7, 0.7, 0.7, 0.7), 0.5),  # all alike: the strictest
        ((0.69, 0.71, 0.6, 0.7, 0.7), 0.3),
        ((0.6, 0.6, 0.6, 0.69, 0.7), UNFAMILIAR),  # a stricter limit costs something
    ],
)
def test_the_network_is_heard_as_little_as_costs_no_defect(found, share):
    assert strictest(dict(zip(SHARES, found, strict=True))) == share


def test_a_picture_unlike_all_is_unfamiliar_and_a_usual_one_is_not():
    known = learnt(*pictures(20))
    assert known.distance((120.0, 50.0)) > known.limit
    assert known.distance((41.0, 10.0)) < known.limit


def test_a_picture_is_not_compared_with_its_own_mast():
    looks, masts = pictures(20)
    known = learnt([*looks, (120.0, 50.0), (120.0, 50.0)], [*masts, "bright", "bright"])
    groups = [*masts, "bright", "bright"]
    assert known.distance((120.0, 50.0)) == pytest.approx(0, abs=1e-3)
    assert left_out(known, groups, [(120.0, 50.0)], ["bright"])[0] > known.limit


def test_of_no_pictures_there_is_no_distance():
    looks, masts = pictures(20)
    assert left_out(learnt(looks, masts), masts, [], []) == []


@pytest.mark.parametrize(("masts", "each"), [(1, 40), (3, LEAST_PICTURES // 3 - 1)])
def test_few_pictures_or_one_mast_do_not_tell_what_is_usual(masts: int, each: int):
    assert learnt(*pictures(masts, each)) is None
