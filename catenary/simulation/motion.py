"""Move what was built: parts that hang, slid or turned are drawn in place first, then moved."""

from dataclasses import dataclass, field, replace

import numpy as np

from catenary.simulation.meshes import Mesh
from catenary.simulation.scene import Body, Scene, Vector, unit


def _nowhere() -> Vector:
    return np.zeros(3)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A turn about an axis through a pivot, then a shift.

    Attributes:
        pivot: (x, y, z), mm.
        axis: Direction of the axis.
        angle: Radians, right-handed.
        shift: (x, y, z), mm.
    """

    pivot: Vector
    axis: Vector
    angle: float
    shift: Vector = field(default_factory=_nowhere)

    def turned(self, directions: Vector) -> Vector:
        """Return directions (..., 3) turned, by Rodrigues' formula."""
        k, cos, sin = unit(self.axis), np.cos(self.angle), np.sin(self.angle)
        along = (directions @ k)[..., None] * k
        turned: Vector = directions * cos + np.cross(k, directions) * sin + along * (1 - cos)
        return turned

    def moved(self, points: Vector) -> Vector:
        """Return points (..., 3) where they are afterwards."""
        return self.turned(points - self.pivot) + self.pivot + self.shift


@dataclass(frozen=True, slots=True)
class Extent:
    """How many items and bodies a scene had at some time."""

    items: int
    bodies: int


def extent(scene: Scene) -> Extent:
    """Return the scene's present size, to move later only what was added since."""
    return Extent(len(scene.items), len(scene.bodies))


def move_since(scene: Scene, since: Extent, motion: Motion) -> None:
    """Move every body added since, and the lines, keypoints, hulls and damage of items."""
    for index in range(since.bodies, len(scene.bodies)):
        body = scene.bodies[index]
        mesh = Mesh(motion.moved(body.mesh.corners), motion.turned(body.mesh.normals))
        scene.bodies[index] = Body(mesh, body.material, body.item)
    for index in range(since.items, len(scene.items)):
        item = scene.items[index]
        lines = tuple((role, motion.moved(points)) for role, points in item.lines)
        hull = None if item.hull is None else motion.moved(item.hull)
        scene.items[index] = replace(item, lines=lines, hull=hull)
        if (damage := scene.damages.get(index)) is not None:
            outward = None if damage.outward is None else motion.turned(damage.outward)
            points = motion.moved(damage.points)
            scene.damages[index] = replace(damage, points=points, outward=outward)
