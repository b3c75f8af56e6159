"""Bolts in rows are joined by their place in space: the right ones, or none."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from catenary.pipeline import joining, rigs, transfers
from catenary.pipeline.joining import Learnt
from catenary.pipeline.transfers import Place
from tests.pipeline.rows_scene import BACKS, CAMERAS, FRONTS, mast


@cache
def learnt() -> Learnt:
    return joining.learn([mast(number) for number in range(16)])


def bolts(places: Sequence[Place], known: Learnt) -> set[frozenset[str]]:
    """Return the bolts that more than one view shows, as camera:bolt."""
    return {
        frozenset(key.partition("-")[2].replace("#bolt-", ":") for key in part.keys)
        for part in joining.join(places, known)
        if "#bolt" in part.keys[0] and len(part.keys) > 1
    }


def test_the_geometry_of_all_cameras_is_learnt_from_the_parts_of_a_run():
    (rig,) = learnt().rigs
    assert {slot[0] for slot in rig.slots} == set(CAMERAS)
    assert len({int(rig.opposite[n]) for n, slot in enumerate(rig.slots) if slot[0] in FRONTS}) == 1
    assert max(rig.noise.values()) < 1e-3


def test_each_bolt_of_a_row_is_joined_from_front_to_back():
    assert bolts(mast(99), learnt()) == {
        frozenset(f"{camera}:{bolt}" for camera in CAMERAS) for bolt in range(3)
    }


def test_a_row_that_both_sides_see_shifted_by_one_is_joined_where_they_meet_only():
    """The front shows the first two bolts of three, the back the last two."""
    places = mast(99, lambda camera, bolt: bolt in ((0, 1) if camera in FRONTS else (1, 2)))
    assert bolts(places, learnt()) == {
        frozenset(f"{camera}:1" for camera in CAMERAS),
        frozenset(f"{camera}:0" for camera in FRONTS),
        frozenset(f"{camera}:2" for camera in BACKS),
    }


def test_the_near_bolt_of_one_side_is_not_the_near_bolt_of_the_other():
    """Each side shows one bolt alone, always another: what places in pictures would join."""
    places = mast(99, lambda camera, bolt: bolt == (0 if camera in FRONTS else 1))
    assert bolts(places, learnt()) == {
        frozenset(f"{camera}:0" for camera in FRONTS),
        frozenset(f"{camera}:1" for camera in BACKS),
    }


def test_boxes_too_loose_to_tell_neighbours_are_not_joined_from_front_to_back():
    random = np.random.default_rng(3)
    loose = [
        Place(one.key, one.slot, one.kind, one.x + dx, one.y + dy, tall=0.012)
        for one in mast(99, lambda camera, bolt: bolt == 1)
        for dx, dy in [random.normal(0, 6e-4 if one.kind == "bolt" else 0, 2)]
    ]
    (rig,) = learnt().rigs
    known = Learnt(learnt().transfers, learnt().together, (rigs.replace(rig, row_noise=1.5e-3),))
    joined = bolts(loose, known)
    assert not any(len({key[:2] in FRONTS for key in part}) == 2 for part in joined), joined


def test_two_views_of_one_side_are_too_few():
    places = mast(99, lambda camera, bolt: camera in ("01", "02", "16"))
    stand = rigs.stand(learnt().rigs, joining._tracks(places, joining.join(places, learnt())))
    assert stand is not None
    assert joining.rows.joined(stand, [one for one in places if one.kind == "bolt"]) == []


def test_a_mast_that_does_not_fit_is_left_to_the_mappings():
    """An opposite side that was photographed two metres on."""
    moved = [
        Place(one.key, one.slot, one.kind, one.x + 0.3 * (one.slot[0] in BACKS), one.y, tall=0.012)
        for one in mast(99)
    ]
    parts = joining.join(moved, learnt())
    assert rigs.stand(learnt().rigs, joining._tracks(moved, parts)) is None


def test_the_order_of_places_does_not_matter():
    places = mast(98)
    shuffled = [places[n] for n in np.random.default_rng(1).permutation(len(places))]
    joined = joining.join(places, learnt())
    assert joined == joining.join(shuffled, learnt())
    assert sorted(key for part in joined for key in part.keys) == sorted(one.key for one in places)


def test_cameras_of_one_side_alone_have_no_geometry():
    fronts = [[one for one in mast(number) if one.slot[0] in FRONTS] for number in range(24)]
    assert joining.learn(fronts).rigs == ()


def test_no_geometry_is_learnt_where_nothing_that_stands_in_rows_was_judged():
    masts = [mast(number) for number in range(16)]
    known = joining.learn(masts, has_rows=False)
    assert known.rigs == ()
    assert known.transfers.modes.keys() == learnt().transfers.modes.keys()


@pytest.mark.parametrize("count", [0, 7])
def test_too_few_masts_have_none(count: int):
    known = joining.learn([mast(number) for number in range(count)])
    assert known.rigs == ()
    assert known.transfers.modes == transfers.Transfers().modes


def test_what_a_mapping_joins_across_the_mast_is_taken_apart_where_depth_is_known():
    places = {one.key: one for one in mast(99)}
    (rig,) = learnt().rigs
    part = joining.Part(("99-01#bolt-0", "99-02#bolt-0", "99-16#bolt-1"), 0.97)
    assert joining._by_side(part, places, rig) == [
        joining.Part(("99-01#bolt-0", "99-02#bolt-0"), 0.97),
        joining.Part(("99-16#bolt-1",), None),
    ]
    clevis = joining.Part(("99-01#clevis-0", "99-16#clevis-0"), 0.97)
    assert joining._by_side(clevis, places, rig) == [clevis]
