"""Tubes of a cantilever 腕臂: straight, or bent where nothing holds them."""

import itertools
from collections.abc import Sequence

import numpy as np

from catenary.simulation.build import Build, Straight
from catenary.simulation.meshes import tube
from catenary.simulation.scene import Damage, Item, State, Vector, point, unit

_CLEAR = 0.04  # share of the length that a bend keeps from what is mounted on the tube


def add_tube(
    build: Build,
    name: str,
    ends: tuple[Vector, Vector],
    share: float = 1.0,
    mounted: Sequence[float] = (),
) -> None:
    """Add a labelled tube of the cantilever.

    Severity of ``bent``: the sagitta, 1.5 to 8 % of the bent stretch, which is the longest one
    between mountings. Line: ``axis``.

    Args:
        build: Added to.
        name: Of the part.
        ends: (x, y, z) of both ends, mm.
        share: Of the cantilever's tube radius.
        mounted: Where fittings sit on it, as shares of its length; these places stay put.
    """
    state, random = build.state("cantilever", name), build.own(name)
    start, end = ends
    path, damage = np.array(ends), None
    if state.condition == "bent":
        path, damage = _bent(start, end, _longest_free(mounted), state, random)
    item = build.scene.item(Item("cantilever", build.name(name), state, (("axis", path),)))
    radius = build.tube_radius * share
    build.scene.add(item, build.tube_material, tube(path, radius, 22))
    pieces = [path] if damage is None else [path[:2], path[-2:]]  # beside the bend
    build.tubes += [Straight(build.name(name), first, last, radius) for first, last in pieces]
    if damage is not None:
        build.scene.damages[item] = damage


def _bent(
    start: Vector,
    end: Vector,
    free: tuple[float, float],
    state: State,
    random: np.random.Generator,
) -> tuple[Vector, Damage]:
    """Return the course of a tube with a bow in its free stretch, and where that is."""
    low, high = free
    t = np.concatenate([[0.0], np.linspace(low, high, 21), [1.0]])
    length = float(np.linalg.norm(end - start)) * (high - low)
    peak = random.uniform(0.35, 0.65)  # a knock leaves a bow that is steeper on one side
    inside = np.clip((t - low) / (high - low), 0, 1)
    bow = np.sin(np.pi * inside ** (np.log(0.5) / np.log(peak))) ** 1.4
    along = unit(end - start)
    sideways = unit(np.cross(along, point(1, 0, 0)))  # in the cantilever's plane, as cameras see it
    sideways = sideways * random.choice([-1.0, 1.0]) + point(1, 0, 0) * random.uniform(-0.5, 0.5)
    sagitta = length * (0.015 + 0.065 * state.severity)
    path = start + t[:, None] * (end - start) + bow[:, None] * unit(sideways) * sagitta
    return path, Damage(path[4:18])


def _longest_free(mounted: Sequence[float]) -> tuple[float, float]:
    """Return the longest stretch without fittings, as shares of the length."""
    stops = sorted([0.0, *mounted, 1.0])
    low, high = max(itertools.pairwise(stops), key=lambda pair: pair[1] - pair[0])
    return low + _CLEAR, high - _CLEAR
