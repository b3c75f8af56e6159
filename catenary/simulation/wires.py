"""What messenger and contact wires share: their way along the track, and burns.

A wire runs through the whole picture. What is damaged is a stretch of it, and that stretch is an
item of its own, so that its label's box is the damage; the rest of the wire is another, normal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.simulation.build import Build
from catenary.simulation.extrusion import flat
from catenary.simulation.meshes import Mesh
from catenary.simulation.scene import Damage, Item, State, Vector, unit

Lengths = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A wire's way along the track.

    Attributes:
        at: Points (N, 3) in mm for positions (N,) along the track in mm.
        xs: Positions at which the wire is drawn as straight in between, rising.
        spot: Position of the damage, if any; some camera looks there.
        near: Positions of the cantilever and of the droppers, where cameras come close.
    """

    at: Callable[[Lengths], Vector]
    xs: Lengths
    spot: float
    near: tuple[float, ...]

    def between(self, low: float, high: float, step: float = np.inf) -> Vector:
        """Return the course from ``low`` to ``high``, with points at most ``step`` mm apart."""
        count = max(2, int(np.ceil((high - low) / step)) + 1) if np.isfinite(step) else 2
        inner = self.xs[(self.xs > low) & (self.xs < high)]
        return self.at(np.unique(np.concatenate([inner, np.linspace(low, high, count)])))


def add_burn(
    build: Build,
    item: int,
    drawn: tuple[Mesh, str],
    ends: Vector,
    random: np.random.Generator,
) -> None:
    """Add a stretch with melted, bright pits in its middle and soot towards ragged ends."""
    mesh, sound = drawn
    middle = mesh.corners.mean(axis=1)
    axis, length = unit(ends[1] - ends[0]), float(np.linalg.norm(ends[1] - ends[0]))
    along = np.abs((middle - ends[0]) @ axis / length - 0.5) * 2
    rough = random.normal(size=len(middle))
    is_burnt = along + 0.12 * rough < 0.95
    is_melted = is_burnt & (along + 0.25 * rough < random.uniform(0.1, 0.6))
    centre = ends.mean(axis=0)
    # Metal that ran together: pits and beads of up to an eighth of the radius.
    from_axis = mesh.corners - centre
    on_axis = (from_axis @ axis)[..., None] * axis
    key = np.round(mesh.corners @ [0.317, 0.771, 0.533]).astype(int) % 997
    swell = 1 + 0.12 * random.normal(size=997)[key][..., None] * is_melted[:, None, None]
    pitted = flat(centre + on_axis + (from_axis - on_axis) * swell)
    for chosen, material in (
        (~is_burnt, sound),
        (is_burnt & ~is_melted, "burnt"),
        (is_melted, "melted"),
    ):
        if chosen.any():
            build.scene.add(item, material, Mesh(pitted.corners[chosen], pitted.normals[chosen]))


def sound_wire(build: Build, run: Run, kind: str) -> int:
    """Add the item of what is whole of a wire."""
    line = (("wire", run.at(run.xs)),)
    return build.scene.item(Item(kind, build.name(kind), lines=line))


def damaged_stretch(
    build: Build,
    kind: str,
    state: State,
    path: Vector,
    lines: tuple[tuple[str, Vector], ...] = (),
) -> int:
    """Add the item of a damaged stretch with its course (P, 3)."""
    name = build.name(f"{kind}-damage")
    item = build.scene.item(Item(kind, name, state, (("damage", path), *lines)))
    build.scene.damages[item] = Damage(path)
    return item
