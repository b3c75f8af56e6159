"""A scene as a list of bodies, each made of a material and belonging to an object."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import NORMAL
from catenary.simulation.meshes import Mesh

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class State:
    """The condition of a part and how bad it is.

    Attributes:
        condition: ``"normal"`` or a taxonomy condition.
        severity: In [0, 1]; 0 when normal.
    """

    condition: str = NORMAL
    severity: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something that is labelled, or (with an empty component) only drawn.

    Attributes:
        component: Taxonomy id, or empty.
        part_id: Identity of the physical part.
        state: Its condition.
        lines: Role and (P, 3) points in mm: keypoints (P = 1, each role once) and polylines.
        hull: (x, y, z) points in mm that span the label's box when the part itself is gone.
    """

    component: str = ""
    part_id: str = ""
    state: State = State()
    lines: tuple[tuple[str, Vector], ...] = ()
    hull: Vector | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Soiling:
    """Burn or dirt painted on an insulator when it is shaded.

    Attributes:
        item: Index of the insulator in the scene.
        start: (x, y, z) of the axis, mm.
        axis: Unit vector.
        length: mm.
        state: ``flashover`` or ``contaminated`` with its severity.
        at: Middle of a burn along the axis, in [0, 1].
        seed: Of the noise that gives it its ragged shape.
    """

    item: int
    start: Vector
    axis: Vector
    length: float
    state: State
    at: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Damage:
    """Where an item is damaged, to tell whether a camera can see it.

    Attributes:
        points: (P, 3) in mm; one of them inside the picture is enough.
        outward: Unit vector away from the damaged surface, or None where it shows from all sides.
        reach: Angle in radians by which the damage goes round the surface to each side.
    """

    points: Vector
    outward: Vector | None = None
    reach: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A mesh with its material, part of one item."""

    mesh: Mesh
    material: str
    item: int


@dataclass(slots=True, eq=False)
class Scene:
    """A scene under construction; the only mutable value of this room.

    Attributes:
        items: What bodies belong to.
        bodies: In the order added.
        soilings: Burns and dirt.
        damages: By item.
        backdrops: Items of plain walls, which need fewer rays than wires before a black sky.
        is_enclosed: Whether daylight cannot reach it, as in a tunnel.
    """

    items: list[Item] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    soilings: list[Soiling] = field(default_factory=list)
    damages: dict[int, Damage] = field(default_factory=dict)
    backdrops: set[int] = field(default_factory=set)
    is_enclosed: bool = False

    def item(self, item: Item) -> int:
        """Add an item and return its index."""
        self.items.append(item)
        return len(self.items) - 1

    def mark(self, item: int, role: str, *points: Vector) -> None:
        """Add a keypoint (one (x, y, z) in mm) or a polyline (several) to an item."""
        old = self.items[item]
        self.items[item] = replace(old, lines=(*old.lines, (role, np.array(points))))

    def backdrop(self) -> int:
        """Add an item for plain walls and return its index."""
        self.backdrops.add(len(self.items))
        return self.item(Item())

    def add(self, item: int, material: str, *meshes: Mesh) -> None:
        """Add meshes of one material to an item."""
        self.bodies += [Body(mesh, material, item) for mesh in meshes]


def unit(vector: Sequence[float] | Vector) -> Vector:
    """Return the vector at length 1."""
    array = np.asarray(vector, dtype=np.float64)
    return array / np.linalg.norm(array)


def point(x: float, y: float, z: float) -> Vector:
    """Return (x, y, z) as an array."""
    return np.array([x, y, z], dtype=np.float64)
