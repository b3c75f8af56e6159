import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.domain.change import Uncompared
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import registration
from catenary.pipeline.registration import (
    Registration,
    RegistrationSettings,
    located,
    register,
    same,
)
from tests.pipeline import pairs

SETTINGS = RegistrationSettings()
similarities = st.builds(
    lambda scale, degrees, dx, dy: Similarity(
        scale * cmath.exp(1j * math.radians(degrees)), complex(dx, dy)
    ),
    st.floats(0.8, 1.25),
    st.floats(-3, 3),
    st.floats(-150, 150),
    st.floats(-150, 150),
)


def registered(before: list, after: list) -> Registration | Uncompared:
    return register(located(pairs.shot(before)), located(pairs.shot(after)), SETTINGS)


@given(similarities)
@settings(max_examples=30, deadline=None)
def test_what_a_camera_moved_is_found_exactly(true: Similarity):
    found = registered(pairs.mast(), pairs.moved(pairs.mast(), true))
    assert isinstance(found, Registration)
    assert found.transform.alpha == pytest.approx(true.alpha, abs=1e-6)
    assert found.transform.beta == pytest.approx(true.beta, abs=1e-3)
    assert [one == two for one, two in found.pairs] == [True] * len(pairs.MAST)
    assert found.error_px == pytest.approx(0, abs=1e-3)


@given(similarities, st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_of_parts_does_not_matter(true: Similarity, random):
    shuffled = pairs.moved(pairs.mast(), true)
    random.shuffle(shuffled)
    found = registered(pairs.mast(), shuffled)
    assert isinstance(found, Registration)
    for one, two in found.pairs:
        place = found.transform.placed(pairs.mast()[one].component.box)
        assert place.iou(shuffled[two].component.box) > 0.99


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_one_photograph_lies_on_itself_however_few_parts_are_located_in_it(count):
    parts = pairs.mast()[:count]
    jittered = pairs.moved(parts, Similarity(1, 0), np.random.default_rng(count), 0.5)
    found = same(located(pairs.shot(parts)), located(pairs.shot([*jittered])), SETTINGS)
    assert found.transform == Similarity(1, 0)
    assert [one == two for one, two in found.pairs] == [True] * count
    assert found.error_px == 0


def test_one_moved_part_does_not_draw_the_fit_after_it():
    after = pairs.mast()
    after[4] = pairs.part("messenger_seat", 2100, 560)
    found = registered(pairs.mast(), after)
    assert isinstance(found, Registration)
    assert 4 not in found.pairs[:, 0]
    assert found.transform.beta == pytest.approx(0, abs=1e-6)


def test_three_parts_are_enough_and_two_are_not():
    some = pairs.mast()[2:5]
    assert isinstance(registered(some, some), Registration)
    assert registered(some[:2], some[:2]) is Uncompared.FEW_PARTS
    assert registered([], some) is Uncompared.FEW_PARTS


def test_parts_in_another_arrangement_are_refused():
    random = np.random.default_rng(0)
    kinds = [kind for kind, _, _ in pairs.MAST]
    for _ in range(20):
        other = [
            pairs.part(kind, random.uniform(300, 2100), random.uniform(400, 1600)) for kind in kinds
        ]
        assert registered(pairs.mast(), other) in (Uncompared.NOT_ALIKE, Uncompared.AMBIGUOUS)


def test_three_parts_that_fit_are_too_few_among_ten_that_do_not():
    after = pairs.mast()
    for row, (x, y) in enumerate(((700, 900), (300, 1100), (1500, 300), (500, 1800))):
        after[row] = pairs.part(pairs.MAST[row][0], x, y)
    after[4:7] = [pairs.part(kind, 2448 - x, 1900 - y) for kind, x, y in pairs.MAST[4:7]]
    assert registered(pairs.mast(), after) is Uncompared.NOT_ALIKE
    assert isinstance(registered(pairs.mast()[-3:], after), Registration)


def test_a_row_of_equal_parts_that_fits_onto_itself_when_shifted_is_refused():
    before = [pairs.part("clevis", 400 + 300 * n, 800) for n in range(5)]
    after = [pairs.part("clevis", 550 + 300 * n, 800) for n in range(4)]
    assert registered(before, after) is Uncompared.AMBIGUOUS


def test_the_error_is_that_of_the_boxes():
    random = np.random.default_rng(3)
    errors = []
    for _ in range(60):
        small = [pairs.part("bolt" if n % 2 else "clamp", x, y) for n, (x, y) in enumerate(GRID)]
        found = registered(small, pairs.moved(small, Similarity(1, 20), random, noise_px=3.0))
        assert isinstance(found, Registration)
        errors.append(found.error_px)
    # noise 3 px and 3 % of 30 to 70 px along each axis
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(3.35, rel=0.1)


GRID = [(400 + 500 * n, 400 + 430 * m + 70 * n) for n in range(4) for m in range(3)]


@given(similarities, st.floats(0, 2000), st.floats(0, 2000))
def test_the_way_back_undoes_the_way(there: Similarity, x: float, y: float):
    box = Box(x, y, x + 10, y + 20)
    back = there.inverse().placed(there.placed(box))
    assert (back.x0, back.y0, back.x1, back.y1) == pytest.approx(
        (box.x0, box.y0, box.x1, box.y1), abs=1e-6
    )


def test_weights_follow_the_noise():
    points = np.array([0, 1000, 1000j, 1000 + 1000j])
    seen = points + np.array([0, 0, 0, 40.0])
    exact = np.array([1, 1, 1, 1e6]) * (1 + 1j)
    transform, _ = registration.fitted(points, seen, exact)
    assert transform.alpha == pytest.approx(1, abs=1e-6)
    equal, _ = registration.fitted(points, seen, np.ones(4) * (1 + 1j))
    assert abs(equal.alpha - 1) > 0.01
