"""A camera that stands, turns or zooms a little otherwise changes nothing on the mast."""

import cmath
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catenary.domain.change import Change, Part, Shot
from catenary.domain.finding import Component
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import history
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.registration import Registration, RegistrationSettings, located, register
from catenary.pipeline.run_noise import noise_of
from tests.pipeline import pairs

REGISTERING, SETTINGS = RegistrationSettings(), HistorySettings()
Bar = tuple[str, complex, float, float, float]  # kind, middle, length, width px, degrees
MOVES = st.builds(
    lambda zoom, deg, x, y: Similarity(cmath.rect(zoom, math.radians(deg)), complex(x, y)),
    st.floats(0.75, 1.33),
    st.floats(-9, 9),
    st.floats(-150, 150),
    st.floats(-150, 150),
)


def bars(random: np.random.Generator) -> list[Bar]:
    """Draw the parts of a mast as they are: slanting, not as boxes."""
    kinds = random.choice(sorted(pairs.SIZES), 9)
    return [
        (
            str(kind),
            complex(random.uniform(300, 2100), random.uniform(300, 1700)),
            *pairs.SIZES[kind],
            random.uniform(-35, 35),
        )
        for kind in kinds
    ]


def seen(parts: list[Bar], there: Similarity, random: np.random.Generator, px: float) -> Shot:
    """Return the upright boxes around the parts, each side a little wrong, none cut."""
    found = []
    for kind, middle, length, width, deg in parts:
        turn = cmath.rect(1, math.radians(deg))
        corners = [
            there.alpha * (middle + turn * complex(x * length, y * width) / 2) + there.beta
            for x in (-1, 1)
            for y in (-1, 1)
        ]
        xs, ys = [one.real for one in corners], [one.imag for one in corners]
        sides = np.array([min(xs), min(ys), max(xs), max(ys)]) + random.normal(0, px, 4)
        box = Box(*(float(one) for one in sides))
        if box.clipped(pairs.WIDTH, pairs.HEIGHT) == box:
            found.append(Part(Component(kind, box, 0.9)))
    return pairs.shot(found)


def pair(seed: int, there: Similarity, px: float) -> tuple[Shot, Shot, Registration] | None:
    random = np.random.default_rng(seed)
    parts = bars(random)
    before, after = seen(parts, Similarity(1, 0), random, px), seen(parts, there, random, px)
    found = register(located(before), located(after), REGISTERING)
    return (before, after, found) if isinstance(found, Registration) else None


def told(run: Sequence[tuple[Shot, Shot, Registration]]) -> list[tuple[Change, str]]:
    """Return what is told of all parts of a run."""
    noise = noise_of(run, REGISTERING)
    return [
        (one.change, one.kind)
        for drawn in run
        for one in history.compare(*drawn, noise, REGISTERING, SETTINGS).parts
        if one.change not in (Change.UNCHANGED, Change.NOT_COMPARABLE)
    ]


@given(seed=st.integers(0, 10_000), there=MOVES)
@settings(max_examples=25, deadline=None)
def test_another_stand_turn_or_zoom_of_the_camera_is_no_change(seed: int, there: Similarity):
    drawn = pair(seed, there, px=1.0)
    assume(drawn is not None)
    assert drawn is not None
    assert told([drawn]) == []


def test_of_parts_with_coarse_boxes_one_in_two_hundred_is_called_changed():
    random, run = np.random.default_rng(3), []
    for seed in range(60):
        zoom, deg = random.uniform(0.8, 1.25), random.uniform(-6, 6)
        shift = complex(*random.uniform(-150, 150, 2))
        drawn = pair(seed, Similarity(cmath.rect(zoom, math.radians(deg)), shift), px=4.0)
        run += [drawn] if drawn else []
    total = sum(len(before.parts) for before, _, _ in run)
    assert total > 250
    assert len(told(run)) <= 0.005 * total


@pytest.mark.parametrize("px", [60.0, -60.0])
def test_what_moved_beside_them_is_still_told(px: float):
    """The property above must not hold because nothing is ever told."""
    random = np.random.default_rng(1)
    one: Bar = ("clevis", complex(1200, 900), 80, 60, 5)
    there = Similarity(cmath.rect(1.1, math.radians(4)), complex(30, -20))
    others = bars(random)
    before = seen([one, *others], Similarity(1, 0), random, 1.0)
    after = seen([("clevis", one[1] + px, 80, 60, 5), *others], there, random, 1.0)
    found = register(located(before), located(after), REGISTERING)
    assert isinstance(found, Registration)
    assert told([(before, after, found)]) == [(Change.MOVED, "clevis")]
