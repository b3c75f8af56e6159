"""Slack cables: jumpers 电连接 between both wires, equipotential wires 等电位线, midpoint ropes."""

import numpy as np

from catenary.simulation.bolts import M10, Hole, plain_bolt
from catenary.simulation.build import Build
from catenary.simulation.meshes import box, tube
from catenary.simulation.scene import Vector, point
from catenary.simulation.span import Wires

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


def add_jumper(build: Build, wires: Wires) -> None:
    """Add a jumper of one or two slack cables a little beside a dropper."""
    random = build.random
    top, _ = wires.droppers[int(random.integers(len(wires.droppers)))]
    x = top[0] + random.choice([-1, 1]) * random.uniform(350, 900)
    upper, lower = wires.at(x)
    drop = upper[2] - lower[2]
    _, lower = wires.at(x + random.uniform(-0.4, 0.4) * drop)
    bulge = _X * random.choice([-1, 1]) * random.uniform(0.12, 0.35) * drop
    for k in range(1 if random.random() < 0.6 else 2):
        aside = _X * 60 * k + _Y * random.uniform(-30, 30)
        slack_cable(build, upper + aside, lower + aside, bulge, random.uniform(6, 9))
        for at in (upper, lower):
            _clamp(build, at + _X * 60 * k)


def add_equipotential(build: Build, wires: Wires) -> None:
    """Add an equipotential wire from the messenger wire beside its seat to the flat tube."""
    random = build.random
    x = build.x + random.choice([-1, 1]) * random.uniform(150, 350)
    start, _ = wires.at(x)
    flat = build.straights("tube-flat")[-1]
    end = flat.at(1 - random.uniform(0.25, 0.45)) - _Z * flat.radius
    slack_cable(build, start, end, -_Z * random.uniform(60, 260), random.uniform(4, 6))
    _clamp(build, start)
    ring = np.array([end - _Y * 14, end + _Y * 14]) + _Z * flat.radius
    build.scene.add(build.ground, "steel", tube(ring, flat.radius + 5, 18))


def add_midpoint_ropes(build: Build, wires: Wires) -> None:
    """Add the ropes from the messenger wire at the mast to the contact wire on both sides."""
    for ahead in (-1, 1):
        reach = ahead * build.random.uniform(5500, 8500)
        start, _ = wires.at(build.x + ahead * 300)
        _, end = wires.at(build.x + reach)
        build.scene.add(build.ground, "cable", tube(np.array([start, end]), 5.5, 8))
        for at in (start, end):
            _clamp(build, at)


def slack_cable(build: Build, start: Vector, end: Vector, bulge: Vector, radius: float) -> None:
    """Add a cable that bulges out in the middle by a vector in mm, and swings back a little."""
    t = np.linspace(0, 1, 20)[:, None]
    swing = bulge * (np.sin(np.pi * t) + 0.35 * np.sin(2 * np.pi * t))
    line = start + (end - start) * t + swing
    build.scene.add(build.ground, "cable", tube(line, radius, 8))


def _clamp(build: Build, at: Vector) -> None:
    half = (build.random.uniform(22, 40), 12.0, 16.0)
    build.scene.add(build.ground, "copper", box(at, np.eye(3), half))
    for k in (-1, 1):
        hole = Hole(at + _X * k * half[0] * 0.5 + _Y * half[1], _Y, 2 * half[1], M10)
        plain_bolt(build.scene, build.ground, hole, build.random)
