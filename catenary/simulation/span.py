"""The wires of a span and its droppers."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.droppers import dropper
from catenary.simulation.meshes import tube
from catenary.simulation.scene import Item, Vector, point, unit

_X = point(1, 0, 0)


def add_wires(build: Build, seat: Vector) -> list[tuple[Vector, Vector]]:
    """Add both wires with their sag, and the droppers; return the droppers' ends."""
    random = build.random
    span, sag = random.uniform(45e3, 62e3), random.uniform(350, 900)

    def at(x: float, root: Vector, depth: float) -> Vector:
        # 0 at this mast, 1 at the next, staggered to the other side
        share = abs(x - build.x) / span
        return point(x, root[1] * (1 - 2 * share), root[2] - 4 * depth * share * (1 - share))

    contact = point(build.x, build.stagger, build.contact)
    xs = np.linspace(-22e3, 22e3, 61)
    for kind, material, root, depth, radius in (
        ("messenger_wire", "cable", seat, sag, random.uniform(5.5, 7.5)),
        ("contact_wire", "wire", contact, 20.0, random.uniform(5.8, 7.2)),
    ):
        item = build.scene.item(Item(kind, build.name(kind)))
        line = np.array([at(x, root, depth) for x in xs])
        build.scene.add(item, material, tube(line, radius, 10))
    spacing, offset = random.uniform(4500, 8000), random.uniform(-1000, 1000)
    ends = []
    for number, x in enumerate([spacing * k + offset for k in (1, 2, 3, -1)], start=1):
        top, bottom = at(x, seat, sag), at(x, contact, 20.0)
        if (state := build.state("dropper")) and np.linalg.norm(top - bottom) > 250:
            down, lean = unit(bottom - top), _X * random.uniform(-15, 15)
            name = build.name(f"dropper-{number}")
            first, last = top + down * 14, bottom - down * 12 + lean
            dropper(build.scene, first, last, name, state, random)
            ends.append((top, bottom))
    return ends
