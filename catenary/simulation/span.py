"""The wires of a span and its droppers."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.contact_wire import contact_wire
from catenary.simulation.droppers import dropper
from catenary.simulation.messenger_wire import messenger_wire
from catenary.simulation.scene import Vector, point, unit
from catenary.simulation.wires import Lengths, Run

_X = point(1, 0, 0)


def add_wires(build: Build, seat: Vector) -> list[tuple[Vector, Vector]]:
    """Add both wires with their sag, and the droppers; return the droppers' ends."""
    random = build.random
    span, sag = random.uniform(45e3, 62e3), random.uniform(350, 900)
    spacing, offset = random.uniform(4500, 8000), random.uniform(-1000, 1000)
    stands = tuple(build.x + spacing * k + offset for k in (1, 2, 3, -1))

    def course(root: Vector, depth: float, xs: Lengths) -> Vector:
        # 0 at this mast, 1 at the next, staggered to the other side
        share = np.abs(xs - build.x) / span
        y, z = root[1] * (1 - 2 * share), root[2] - 4 * depth * share * (1 - share)
        return np.stack([xs, y, z], axis=1)

    def upper(xs: Lengths) -> Vector:
        return course(seat, sag, xs)

    def lower(xs: Lengths) -> Vector:
        return course(point(build.x, build.stagger, build.contact), 20.0, xs)

    xs = np.linspace(-22e3, 22e3, 61)
    near = (build.x, *stands)
    messenger_wire(build, Run(upper, xs, _spot(build, stands, "upper"), near))
    contact_wire(build, Run(lower, xs, _spot(build, stands, "lower"), near))
    ends = []
    for number, x in enumerate(stands, start=1):
        top, bottom = (wire(np.array([x]))[0] for wire in (upper, lower))
        if np.linalg.norm(top - bottom) > 250:
            name = f"dropper-{number}"
            down, lean = unit(bottom - top), _X * random.uniform(-15, 15)
            first, last = top + down * 14, bottom - down * 12 + lean
            state, own = build.state("dropper", name), build.own(name)
            dropper(build.scene, first, last, build.name(name), state, own)
            ends.append((top, bottom))
    return ends


def _spot(build: Build, stands: tuple[float, ...], name: str) -> float:
    """Return where a wire may be damaged: near the cantilever, or near a dropper, in mm."""
    random = build.own(f"spot-{name}")
    away = random.choice([-1.0, 1.0])
    if random.random() < 0.5:
        return build.x + float(away * random.uniform(400, 1600))
    return float(random.choice(stands) + away * random.uniform(250, 450))
