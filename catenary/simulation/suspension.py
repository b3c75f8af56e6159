"""Additional suspension 附加悬挂 on a mast's top, and stay wires 拉线 of anchor masts."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.fittings import sleeve
from catenary.simulation.insulators import insulator
from catenary.simulation.meshes import bar, box, tube
from catenary.simulation.scene import Vector, point, unit
from catenary.simulation.span import sag

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


def add_suspension(build: Build, top: float) -> Vector:
    """Add a bracket near the mast's top, with a feeder or return wire on an insulator.

    Args:
        build: Added to.
        top: Height of the mast's upper end, mm.

    Returns:
        (x, y, z) of the insulator's middle, mm.
    """
    random = build.random
    away = _Y * build.side * random.choice([-1.0, 1.0], p=[0.3, 0.7])  # mostly on the field side
    root = point(0, build.mast_y, top - random.uniform(80, 250))
    end = root + away * random.uniform(650, 1100) + _Z * random.uniform(0, 120)
    brace = root - _Z * random.uniform(350, 500) + away * 120
    build.scene.add(
        build.ground,
        "mast",
        bar(root + away * 100, end, 60, 60, _X),
        bar(brace, end - away * 200, 50, 8, _X),
        box(root + away * 130, np.eye(3), (110, 15, 60)),
    )
    length = random.uniform(350, 600)
    if random.random() < 0.6:  # a string that hangs, else a post that stands
        first, last = end - _Z * 45, end - _Z * (45 + length)
        kind = str(random.choice(["disc", "composite"]))
    else:
        first, last, kind = end + _Z * 35, end + _Z * (35 + length), "porcelain"
    ends, name = (first, last), "insulator-feeder"
    state, own = build.state("insulator", name), build.own(name)
    insulator(build.scene, ends, build.name(name), state, own, kind)
    wire = last + unit(last - first) * 25
    sleeve(build.scene, build.ground, wire, _X, 22, random.uniform(90, 200))
    # 15 N/m at 12 kN over 50 m, our starting values for a feeder of 185 mm² aluminium.
    depth = sag(random.uniform(5, 15), 50e3, random.uniform(6e3, 12e3))
    xs = np.linspace(-22e3, 22e3, 21)
    share = np.abs(xs) / 50e3
    line = wire + xs[:, None] * _X - (4 * depth * share * (1 - share))[:, None] * _Z
    build.scene.add(build.ground, "cable", tube(line, random.uniform(7, 10), 8))
    middle: Vector = (first + last) / 2
    return middle


def add_stays(build: Build, top: float) -> None:
    """Add the two stay wires of an anchor mast, down to the ground along the track."""
    random = build.random
    ahead = float(random.choice([-1, 1]))
    foot = point(ahead * random.uniform(4500, 7000), build.mast_y + build.side * 300, 0)
    for height in (top - 300, build.contact - random.uniform(0, 300)):
        start = point(ahead * 60, build.mast_y, height)
        build.scene.add(build.ground, "steel", tube(np.array([start, foot]), 9, 8))
        onward = unit(foot - start)
        grip = np.array([start + onward * 250, start + onward * 620])
        build.scene.add(build.ground, "mast", tube(grip, 22, 10))
        band = point(0, build.mast_y, height)
        build.scene.add(build.ground, "steel", box(band, np.eye(3), (150, 150, 45)))
