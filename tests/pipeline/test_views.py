"""Views of one part are joined where the run tells how its cameras belong together, only there."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Verdict
from catenary.pipeline import transfers, views
from catenary.pipeline.transfers import Place, Transfers

FRONT, OTHER, BACK = ("01", 0), ("02", 0), ("16", 0)
# Where each part of a mast lies in the front camera; all masts together sway around it.
PARTS = {
    "clevis": ((0.2, 0.2), (0.5, 0.3), (0.8, 0.6)),
    "insulator": ((0.35, 0.5),),
    "dropper": ((0.65, 0.4),),
}
# Each camera's (3, 2) mapping of the front camera's places, 1, x, y.
SIGHTS = {
    FRONT: np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    OTHER: np.array([[0.05, -0.02], [0.9, 0.1], [0.05, 0.8]]),
    BACK: np.array([[0.95, 0.02], [-0.9, 0.05], [0.0, 0.9]]),
}


def mast(number: int, slots: Sequence[transfers.Slot] = (FRONT, OTHER, BACK)) -> list[Place]:
    """Return a mast's places; the key ends in the part's name: truth."""
    random = np.random.default_rng(number)
    sway = random.uniform(-0.1, 0.1, 2)
    found = []
    for kind, spots in PARTS.items():
        for index, spot in enumerate(spots):
            own = np.array(spot) + sway + random.normal(0, 0.01, 2)
            for slot in slots:
                x, y = np.r_[1.0, own] @ SIGHTS[slot] + random.normal(0, 0.001, 2)
                found.append(Place(f"{number}-{slot[0]}#{kind}-{index}", slot, kind, x, y))
    return found


@pytest.fixture(scope="module")
def learnt() -> Transfers:
    return transfers.learn([mast(number) for number in range(20)])


def names(parts: Sequence[views.Part]) -> set[frozenset[str]]:
    return {frozenset(part.keys) for part in parts}


def truth(key: str) -> str:
    return key.partition("#")[2]


def test_a_part_of_a_new_mast_is_joined_over_its_views(learnt: Transfers):
    joined = views.join(mast(99), learnt)
    clevises = [part for part in joined if "clevis" in part.keys[0]]
    assert len(clevises) == 3
    assert all(len(part.keys) == 3 for part in clevises)
    assert all(len({truth(key) for key in part.keys}) == 1 for part in joined)
    assert all(part.confidence is not None and part.confidence > 0.9 for part in clevises)


def test_a_dropper_is_joined_from_one_side_and_never_from_front_to_back(learnt: Transfers):
    droppers = [one for one in views.join(mast(99), learnt) if "dropper" in one.keys[0]]
    assert names(droppers) == {
        frozenset({"99-01#dropper-0", "99-02#dropper-0"}),
        frozenset({"99-16#dropper-0"}),
    }


@pytest.mark.parametrize(("beside", "is_joined"), [(0.004, False), (0.016, False), (0.03, True)])
def test_a_second_part_beside_it_keeps_both_apart(
    learnt: Transfers, beside: float, is_joined: bool
):
    places = mast(99, (FRONT, OTHER))
    (seen,) = [one for one in places if one.key == "99-02#insulator-0"]
    near = Place("99-02#insulator-x", OTHER, "insulator", seen.x + beside, seen.y)
    joined = views.join([*places, near], learnt)
    pair = {"99-01#insulator-0", "99-02#insulator-0"}
    assert (frozenset(pair) in names(joined)) == is_joined
    assert not any("99-02#insulator-x" in one.keys for one in joined if len(one.keys) > 1)


def test_a_part_that_the_other_camera_does_not_see_stays_alone(learnt: Transfers):
    places = [one for one in mast(99, (FRONT, OTHER)) if one.key != "99-02#clevis-1"]
    joined = names(views.join(places, learnt))
    assert frozenset({"99-01#clevis-1"}) in joined
    assert frozenset({"99-01#clevis-0", "99-02#clevis-0"}) in joined


def test_a_box_that_the_edge_cuts_is_not_joined(learnt: Transfers):
    places = [
        Place(one.key, one.slot, one.kind, one.x, one.y, is_cut="clevis-0" in one.key)
        for one in mast(99)
    ]
    joined = views.join(places, learnt)
    assert all(len(one.keys) == 1 for one in joined if "clevis-0" in one.keys[0])


def test_cameras_that_are_not_bolted_on_teach_nothing():
    def loose(number: int) -> list[Place]:
        random = np.random.default_rng(number + 1000)
        return [
            Place(one.key, one.slot, one.kind, *random.uniform(0, 1, 2)) for one in mast(number)
        ]

    assert transfers.learn([loose(number) for number in range(20)]).modes == {}


def test_two_different_parts_that_are_always_in_the_middle_are_not_joined():
    def aimed(number: int) -> list[Place]:
        """Two cameras that see the same clevises, but are each aimed at an insulator of its own."""
        random = np.random.default_rng(number)
        clevises = [one for one in mast(number, (FRONT, OTHER)) if one.kind == "clevis"]
        middle = {FRONT: np.array([0.5, 0.4]), OTHER: np.r_[1.0, 0.5, 0.4] @ SIGHTS[OTHER]}
        return clevises + [
            Place(
                f"{number}-{slot[0]}#insulator",
                slot,
                "insulator",
                *(middle[slot] + random.normal(0, 0.01, 2)),
            )
            for slot in (FRONT, OTHER)
        ]

    learnt = transfers.learn([aimed(number) for number in range(30)])
    assert "clevis" in learnt.modes[FRONT, OTHER][0].kinds
    joined = views.join(aimed(99), learnt)
    assert all(len(one.keys) == 1 for one in joined if "insulator" in one.keys[0])
    assert sum(len(one.keys) == 2 for one in joined) == 3


def test_seven_masts_are_too_few():
    assert transfers.learn([mast(number) for number in range(7)]).modes == {}


def test_masts_on_both_sides_of_the_track_have_a_mapping_each():
    def sided(number: int) -> list[Place]:
        """Odd masts stand on the right: there the other camera sees everything shifted."""
        shift = 0.25 * (number % 2)
        return [
            Place(one.key, one.slot, one.kind, one.x, one.y + shift * (one.slot == OTHER))
            for one in mast(number, (FRONT, OTHER))
        ]

    learnt = transfers.learn([sided(number) for number in range(40)])
    assert len(learnt.modes[FRONT, OTHER]) == 2
    for number in (98, 99):
        joined = views.join(sided(number), learnt)
        assert len(joined) == 5
        assert all(len({truth(key) for key in part.keys}) == 1 for part in joined)


@given(order=st.randoms(use_true_random=False), drop=st.sets(st.integers(0, 14)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_places_does_not_matter(learnt: Transfers, order, drop: set[int]):
    places = [one for index, one in enumerate(mast(99)) if index not in drop]
    shuffled = list(places)
    order.shuffle(shuffled)
    joined = views.join(places, learnt)
    assert joined == views.join(shuffled, learnt)
    assert sorted(key for part in joined for key in part.keys) == sorted(one.key for one in places)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 25))
@settings(max_examples=40, deadline=None)
def test_no_part_has_two_views_of_one_photograph(learnt: Transfers, seed: int, count: int):
    random = np.random.default_rng(seed)
    places = mast(99)
    for index in range(count):
        near = places[random.integers(len(places))]
        x, y = np.array([near.x, near.y]) + random.normal(0, 0.02, 2)
        places.append(Place(f"x{index:03d}", near.slot, near.kind, x, y))
    slots = {one.key: one.slot for one in places}
    for part in views.join(places, learnt):
        assert len({slots[key] for key in part.keys}) == len(part.keys)


DEFECT, NORMAL, UNSURE = Verdict.DEFECT, Verdict.NORMAL, Verdict.CANNOT_JUDGE


def test_the_strongest_view_counts_and_denials_stay_beside_it():
    told = views.opinion(
        [(NORMAL, 0.01, None), (DEFECT, 0.6, 2), (DEFECT, 0.9, 3), (UNSURE, 0.3, None)]
    )
    assert (told.lead, told.raised, told.denied, told.grade) == (2, (1, 2), (0,), 2)


@given(st.lists(st.tuples(st.sampled_from([NORMAL, UNSURE]), st.floats(0, 1)), max_size=8))
def test_nothing_that_other_views_say_clears_a_defect(others):
    said = [(verdict, odds, None) for verdict, odds in others]
    for at in range(len(said) + 1):
        told = views.opinion([*said[:at], (DEFECT, 0.51, 1), *said[at:]])
        assert (told.lead, told.raised, told.grade) == (at, (at,), 1)


def test_a_part_that_all_call_normal_is_no_finding():
    with pytest.raises(ValueError, match="no finding"):
        views.opinion([(NORMAL, 0.1, None), (NORMAL, 0.2, None)])


def test_what_is_learnt_does_not_depend_on_the_order_of_parts():
    masts = [mast(number) for number in range(12)]
    turned = [list(reversed(one)) for one in masts]
    first, second = transfers.learn(masts), transfers.learn(turned)
    assert first.modes.keys() == second.modes.keys()
    for pair, index in itertools.product(first.modes, range(1)):
        ours, theirs = first.modes[pair][index], second.modes[pair][index]
        np.testing.assert_array_equal(ours.weights, theirs.weights)


def test_a_third_view_can_keep_two_apart():
    one, two, three = ("01", 0), ("02", 0), ("03", 0)
    same = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    apart = same + np.array([[0.3, 0.0], [0.0, 0.0], [0.0, 0.0]])

    def mode(weights: transfers.Floats) -> transfers.Mode:
        own = transfers.KindMap(weights, np.array([0.002, 0.002]), 1.0)
        return transfers.Mode(weights, {"clevis": own, "insulator": own})

    places = [
        Place("a", one, "clevis", 0.5, 0.5),
        Place("b", two, "clevis", 0.5, 0.5),
        Place("c", three, "clevis", 0.501, 0.5),
        Place("i", one, "insulator", 0.2, 0.2),  # tells that the mast follows the third mapping
        Place("j", three, "insulator", 0.5, 0.2),
    ]
    chain = {(one, two): (mode(same),), (two, three): (mode(same),)}
    told = views.join(places, Transfers(chain))
    assert names(told) == {frozenset("abc"), frozenset("i"), frozenset("j")}
    told = views.join(places, Transfers({**chain, (one, three): (mode(apart),)}))
    assert names(told) == {frozenset("ab"), frozenset("c"), frozenset("ij")}
