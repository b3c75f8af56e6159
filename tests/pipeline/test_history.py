from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from catenary.domain.change import Change, Incomparable, Part, PartChange
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import history
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.history import Compared
from catenary.pipeline.registration import (
    Registration,
    RegistrationSettings,
    located,
    register,
    same,
)
from catenary.pipeline.run_noise import Noise, noise_of
from tests.pipeline import pairs

REGISTERING, SETTINGS = RegistrationSettings(), HistorySettings()
THERE = Similarity(1.02, complex(30, -12))
QUIET = Noise({}, {}, {}, {}, {})


def compared(before: list[Part], after: list[Part], noise: Noise = QUIET) -> Compared:
    shots = pairs.shot(before), pairs.shot(after)
    found = register(located(shots[0]), located(shots[1]), REGISTERING)
    assert isinstance(found, Registration), found
    return history.compare(*shots, found, noise, REGISTERING, SETTINGS)


def changes(found: Compared) -> list[PartChange]:
    return [one for one in found.parts if one.change is not Change.UNCHANGED]


def reasons(found: Compared) -> list[tuple[Change, Incomparable | None]]:
    return [(one.change, one.reason) for one in changes(found)]


def drawn_pairs(count: int, seed: int) -> list[tuple]:
    random, found = np.random.default_rng(seed), []
    while len(found) < count:
        parts = pairs.random_mast(random, int(random.integers(4, 11)))
        shift = Similarity(complex(random.uniform(0.97, 1.03)), complex(*random.normal(0, 40, 2)))
        before = pairs.shot(pairs.moved(parts, Similarity(1, 0), random))
        after = pairs.shot(pairs.moved(parts, shift, random))
        registered = register(located(before), located(after), REGISTERING)
        if isinstance(registered, Registration):
            found.append((before, after, registered))
    return found


def test_of_unchanged_parts_at_most_one_in_a_hundred_is_called_changed():
    drawn = drawn_pairs(120, seed=5)
    noise = noise_of(drawn, REGISTERING)
    counts = Counter(
        one.change
        for before, after, registered in drawn
        for one in history.compare(before, after, registered, noise, REGISTERING, SETTINGS).parts
        if one.earlier and one.later
    )
    total = sum(counts.values())
    assert total > 700
    assert total - counts[Change.UNCHANGED] <= 0.01 * total


def test_a_part_that_moved_by_ten_times_the_error_is_found():
    random, found, wrong = np.random.default_rng(6), 0, 0
    for before, after, _ in drawn_pairs(40, seed=7):
        index = int(random.integers(len(after.parts)))
        one = after.parts[index]
        far = max(60.0, 0.4 * max(one.component.box.width, one.component.box.height))
        shifted = replace(one.component, box=one.component.box.shifted(far, 0))
        parts = [*after.parts]
        parts[index] = replace(one, component=shifted)
        now = replace(after, parts=tuple(parts))
        again = register(located(before), located(now), REGISTERING)
        if not isinstance(again, Registration) or len(again.pairs) < 5:
            continue
        result = history.compare(before, now, again, QUIET, REGISTERING, SETTINGS)
        told = [one.later for one in result.parts if one.change is Change.MOVED]
        found += shifted.box in told
        wrong += 1
    assert found >= 0.9 * wrong > 20


def test_the_noise_of_a_run_is_measured_per_kind():
    drawn = drawn_pairs(150, seed=8)
    noise = noise_of(drawn, REGISTERING)
    # two boxes of 2 px (floor 1.96 px) and 3 % (share 4 %) noise each
    for kind, least, most in (("bolt", 1.2, 1.6), ("insulator", 0.95, 1.4)):
        assert least < noise.place[kind] < most, noise.place
    assert noise.samples["bolt"] > 50


def test_an_unchanged_mast_has_no_change():
    found = compared(pairs.mast(), pairs.moved(pairs.mast(), THERE))
    assert not changes(found)
    assert len(found.parts) == len(pairs.MAST)


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_of_one_photograph_judged_twice_even_a_lone_part_is_compared(count):
    before = pairs.shot(pairs.mast()[:count])
    after = pairs.shot(
        pairs.moved(pairs.mast()[:count], Similarity(1, 0), np.random.default_rng(1), 1.0)
    )
    found = same(located(before), located(after), REGISTERING)
    noise = noise_of([(before, after, found)], REGISTERING)
    told = history.compare(before, after, found, noise, REGISTERING, SETTINGS)
    assert [one.change for one in told.parts] == [Change.UNCHANGED] * count
    assert told.registration.error_px == 0


def test_a_part_that_is_lost_is_gone_and_one_that_came_is_new():
    after = pairs.moved(pairs.mast(), THERE)
    lost = after.pop(4)
    after.append(pairs.part("clamp", 700, 1000))
    gone, new = changes(compared(pairs.mast(), after))
    assert (gone.change, gone.kind, gone.later) == (Change.GONE, "messenger_seat", None)
    assert gone.place.iou(lost.component.box) > 0.95
    assert (new.change, new.kind, new.earlier) == (Change.NEW, "clamp", None)


def test_what_the_detector_was_not_sure_of_is_not_gone():
    before = pairs.mast()
    before[4] = pairs.part("messenger_seat", 1900, 560, score=0.3)
    after = pairs.moved(pairs.mast(), THERE)
    del after[4]
    assert reasons(compared(before, after)) == [(Change.NOT_COMPARABLE, Incomparable.WEAK)]


@pytest.mark.parametrize(
    ("x", "reason"), [(2330, Incomparable.NEAR_EDGE), (2600, Incomparable.OUTSIDE)]
)
def test_what_the_other_photograph_does_not_show_is_not_gone(x, reason):
    before = [*pairs.mast(), pairs.part("messenger_seat", x - 400, 900)]
    shift = Similarity(1, 400)
    after = [one for one in pairs.moved(pairs.mast(), shift) if one.component.box.x1 < 2448]
    found = compared(before, after)
    last = next(one for one in found.parts if one.earlier == before[-1].component.box)
    assert (last.change, last.reason) == (Change.NOT_COMPARABLE, reason)


def test_another_kind_at_the_place_is_told_and_is_no_loss():
    after = pairs.moved(pairs.mast(), THERE)
    one = after[4].component
    after[4] = Part(replace(one, kind="clevis"))
    found = reasons(compared(pairs.mast(), after))
    assert found == [(Change.NOT_COMPARABLE, Incomparable.OTHER_KIND)] * 2


def test_a_part_that_moved_says_how_far_and_from_where_on_that_counts():
    after = pairs.moved(pairs.mast(), Similarity(1, 0))
    after[5] = pairs.part("clamp", 2000 + 36, 1300 - 48)
    (one,) = changes(compared(pairs.mast(), after))
    assert (one.change, one.kind, one.unit) == (Change.MOVED, "clamp", "px")
    assert one.value == pytest.approx(60, abs=0.5)
    assert one.limit is not None
    assert 5 < one.limit < 40


def test_a_part_that_turned_or_grew_is_told_apart():
    after = pairs.moved(pairs.mast(), Similarity(1, 0))
    x, y = 1500, 1000
    after[7] = Part(replace(after[7].component, box=Box(x - 150, y - 340, x + 150, y + 340)))
    after[2] = pairs.part("clevis", 1200, 610, size=1.6)
    found = {one.kind: one for one in changes(compared(pairs.mast(), after))}
    assert found["clevis"].change is Change.GROWN
    assert found["clevis"].value == pytest.approx(0.6, abs=0.01)
    assert found["dropper"].change is Change.TURNED
    assert found["dropper"].value == pytest.approx(np.degrees(np.arctan(150 / 340)) - 1.96, abs=0.1)


def test_a_box_that_the_frame_cuts_proves_no_change():
    before = [*pairs.mast(), pairs.part("insulator", 199, 1000)]
    after = [*pairs.mast(), Part(replace(before[-1].component, box=Box(0, 925, 260, 1075)))]
    assert (Change.NOT_COMPARABLE, Incomparable.NEAR_EDGE) in reasons(compared(before, after))


DEFECT, NORMAL, UNSURE = Verdict.DEFECT, Verdict.NORMAL, Verdict.CANNOT_JUDGE


def seat(verdict: Verdict, condition: str, probability: float | None, **rule: float) -> Part:
    one = pairs.part("messenger_seat", 1900, 560).component
    return Part(one, verdict, condition, probability, rule or None)


@pytest.mark.parametrize(
    ("before", "after", "change", "reason"),
    [
        (seat(NORMAL, "normal", 0.01), seat(DEFECT, "off", 0.97), Change.NEW, None),
        (
            seat(NORMAL, "normal", 0.34),
            seat(DEFECT, "off", 0.36),
            Change.NOT_COMPARABLE,
            Incomparable.WITHIN_NOISE,
        ),
        (seat(DEFECT, "off", 0.9), seat(DEFECT, "off", 0.8), Change.UNCHANGED, None),
        (
            seat(DEFECT, "bent", 0.9),
            seat(DEFECT, "off", 0.8),
            Change.NOT_COMPARABLE,
            Incomparable.OTHER_CONDITION,
        ),
        (seat(DEFECT, "off", 0.97), seat(NORMAL, "normal", 0.01), Change.GONE, None),
        (
            seat(UNSURE, "off", None),
            seat(DEFECT, "off", 0.9),
            Change.NOT_COMPARABLE,
            Incomparable.NOT_JUDGED,
        ),
        (
            seat(DEFECT, "off", 0.9),
            seat(UNSURE, "off", None),
            Change.NOT_COMPARABLE,
            Incomparable.NOT_JUDGED,
        ),
        (
            seat(DEFECT, "off", 0.9, gap=1.0),
            seat(DEFECT, "off", 0.9, gap=2.0),
            Change.GROWN,
            None,
        ),
        (
            seat(DEFECT, "off", 0.9, gap=1.0),
            seat(DEFECT, "off", 0.9, gap=1.9),
            Change.UNCHANGED,
            None,
        ),
        (
            seat(DEFECT, "off", 0.9, gap=1.0),
            seat(DEFECT, "off", 0.9, slack=9.0),
            Change.UNCHANGED,
            None,
        ),
    ],
)
def test_a_defect_is_new_gone_grown_or_unchanged(before, after, change, reason):
    old, new = pairs.mast(), pairs.mast()
    old[4], new[4] = before, after
    (told,) = compared(old, new).defects
    assert (told.change, told.reason) == (change, reason)


def test_a_defect_on_a_part_that_is_new_is_new_and_one_on_a_lost_part_is_gone():
    old, new = pairs.mast(), pairs.mast()
    old[4] = seat(DEFECT, "off", 0.9)
    del new[4]
    new.append(Part(pairs.part("clamp", 700, 1000).component, DEFECT, "off", 0.9))
    told = {one.kind: one.change for one in compared(old, new).defects}
    assert told == {"messenger_seat": Change.GONE, "clamp": Change.NEW}
