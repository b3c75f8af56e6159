"""Bolts 螺栓 with hexagon head, washer, nut, standing thread and painted marking line 防松标记.

Sizes of head, nut and washer: ISO 4014, ISO 4032 and ISO 7089 (nominal, mm); how far the thread
stands out (6-18 mm) and the share of bolts with a marking line are our starting values.
"""

from dataclasses import dataclass

import numpy as np

from catenary.domain.finding import NORMAL
from catenary.simulation.build import Build
from catenary.simulation.extrusion import extruded, polygon
from catenary.simulation.meshes import axes_along, box, lathe, tube
from catenary.simulation.scene import Damage, Item, Scene, State, Vector, unit

_MARKED = 0.4  # share of bolts with a painted line
_PAINT = (1.6, 0.4)  # half width and thickness of that line, mm


@dataclass(frozen=True, slots=True)
class Size:
    """Of a bolt with its nut and washer, mm: diameters, widths across flats, heights."""

    thread: float
    flats: float
    head: float
    nut: float
    washer: float  # outer diameter
    thick: float  # of the washer
    pitch: float


M10 = Size(10, 16, 6.4, 8.4, 20, 2, 1.5)
M12 = Size(12, 18, 7.5, 10.8, 24, 2.5, 1.75)
M16 = Size(16, 24, 10, 14.8, 30, 3, 2)
M20 = Size(20, 30, 12.5, 18, 37, 3, 2.5)


@dataclass(frozen=True, slots=True, eq=False)
class Hole:
    """Where a bolt goes through.

    Attributes:
        at: (x, y, z) where it comes out on the nut's side, mm.
        axis: Outward there.
        grip: Thickness of what it holds, mm; the head is on the other side.
        size: Of the bolt.
    """

    at: Vector
    axis: Vector
    grip: float
    size: Size

    def along(self, distance: float) -> Vector:
        """Return the point of the axis at ``distance`` mm outside the hole."""
        return self.at + unit(self.axis) * distance


def add_bolt(build: Build, name: str, hole: Hole) -> None:
    """Add a labelled bolt in the condition that is drawn for it.

    Severity of ``nut_missing``: how far the bolt has slid back through its hole, 0 to 0.6 of what
    stood out; of ``loose``: how far the nut has backed off, from 1 mm to where half of it has left
    the thread; of ``bolt_missing``: always 1. The lines are ``bolt_head``, ``nut`` and
    ``thread_end``, the middles of those faces, or ``hole`` where nothing is left.
    """
    state, random = build.state("bolt", name), build.own(name)
    part = _Bolt(hole, state, random)
    item = build.scene.item(Item("bolt", build.name(name), state, part.lines(), part.hull()))
    part.draw(build.scene, item)
    if (damage := part.damage()) is not None:
        build.scene.damages[item] = damage


def plain_bolt(scene: Scene, item: int, hole: Hole, random: np.random.Generator) -> None:
    """Add a sound bolt, of few triangles, to what is not judged by its bolts, such as a clamp."""
    _Bolt(hole, State(), random, is_plain=True).draw(scene, item)


def marked_bolt(
    scene: Scene, part_id: str, hole: Hole, turn: float, random: np.random.Generator
) -> int:
    """Add a bolt with a painted line whose nut has turned since, and no further backed off.

    Args:
        scene: Gets it as an item of its own.
        part_id: Its identity.
        hole: Where it goes through.
        turn: By how much, radians; the nut has backed off by what its thread gives.
        random: Decides the rest.

    Returns:
        Its item.
    """
    state = State("loose", 1.0) if turn else State()
    part = _Bolt(hole, State(), random, turned=turn)
    item = scene.item(Item("bolt", part_id, state, part.lines()))
    part.draw(scene, item)
    return item


class _Bolt:
    """One bolt: where its pieces are along the axis, mm outside the hole, and how it is drawn."""

    def __init__(
        self,
        hole: Hole,
        state: State,
        random: np.random.Generator,
        *,
        is_plain: bool = False,
        turned: float | None = None,
    ) -> None:
        self.hole, self.state, size, self.is_plain = hole, state, hole.size, is_plain
        self.stand = random.uniform(6, 18)
        self.spin = random.uniform(0, np.pi / 3)
        self.is_marked = random.random() < _MARKED
        self.mark_at = int(random.integers(6))  # the flat that carries the line
        turn = random.uniform(np.pi / 6, np.pi * 5 / 6)
        self.turn = turn if state.condition == "loose" else 0.0  # of the line on the nut
        self.has_washer = random.random() < 0.4 or state.condition != "nut_missing"
        self.gap = self.slide = 0.0
        if state.condition == "loose":
            self.gap = 1 + state.severity * (self.stand + size.nut / 2 - 1)
        elif state.condition == "nut_missing":
            self.slide = 0.6 * state.severity * (size.thick + size.nut + self.stand)
        if turned is not None:
            self.is_marked, self.turn = True, turned
            self.gap = abs(turned) / (2 * np.pi) * size.pitch
        self.foot = size.thick + self.gap  # of the nut
        self.end = size.thick + size.nut + self.stand - self.slide

    def lines(self) -> tuple[tuple[str, Vector], ...]:
        """Return the points that the label carries."""
        hole, size = self.hole, self.hole.size
        if self.state.condition == "bolt_missing":
            return (("hole", hole.at[None]),)
        head = ("bolt_head", hole.along(-hole.grip - size.head - self.slide)[None])
        end = ("thread_end", hole.along(self.end)[None])
        if self.state.condition == "nut_missing":
            return (head, end)
        return (head, ("nut", hole.along(self.foot + size.nut)[None]), end)

    def hull(self) -> Vector | None:
        """Return the corners of where the bolt was, when it is gone."""
        if self.state.condition != "bolt_missing":
            return None
        half = self.hole.size.washer / 2
        low, high = -self.hole.grip - 3, 3.0
        corners = [(a, b, c) for a in (low, high) for b in (-half, half) for c in (-half, half)]
        hull: Vector = self.hole.at + np.array(corners) @ axes_along(self.hole.axis)
        return hull

    def damage(self) -> Damage | None:
        """Return where it shows: on the nut's side, or at both ends of an empty hole."""
        hole = self.hole
        match self.state.condition:
            case "bolt_missing":
                return Damage(np.array([hole.at, hole.along(-hole.grip)]))
            case "nut_missing" | "loose":
                middle = hole.along(self.end / 2)
                return Damage(middle[None], unit(hole.axis), 0.5)
        return None

    def draw(self, scene: Scene, item: int) -> None:
        """Add head, thread, washer, nut and marking line, or the empty hole."""
        hole, size = self.hole, self.hole.size
        if self.state.condition == "bolt_missing":
            for end in (-hole.grip, 0.0):
                rim = np.array([hole.along(end - 0.3), hole.along(end + 0.3)])
                scene.add(item, "dark", tube(rim, size.thread * 0.55, 14))
            return
        head = -hole.grip - self.slide
        self._hexagon(scene, item, head - size.head, head)
        start, sides = hole.along(head), 8 if self.is_plain else 12
        scene.add(item, "steel", lathe(start, hole.along(self.end), self._thread(head), sides))
        if self.has_washer:
            low = hole.along(self.gap * 0.4)
            lean = np.array([low, low + unit(hole.axis) * size.thick])
            scene.add(item, "steel", tube(lean, size.washer / 2, 14 if self.is_plain else 20))
        if self.state.condition != "nut_missing":
            self._hexagon(scene, item, self.foot, self.foot + size.nut, self.turn)
        if self.is_marked:
            self._paint(scene, item)

    def _hexagon(self, scene: Scene, item: int, low: float, high: float, turn: float = 0.0) -> None:
        """Add a hexagon with its edges turned down a little."""
        t = np.array([0.0, 0.12, 0.88, 1.0]) * (high - low) + low
        path = np.array([self.hole.along(float(one)) for one in t])
        section = polygon(6, self.hole.size.flats)
        sections = section * np.array([0.93, 1.0, 1.0, 0.93])[:, None, None]
        scene.add(item, "steel", extruded(path, sections, self._up(), self.spin + turn))

    def _up(self) -> Vector:
        up: Vector = axes_along(self.hole.axis)[1]
        return up

    def _thread(self, foot: float) -> Vector:
        """Return the profile from the head to the end: smooth shank, then a saw tooth a pitch.

        Teeth are drawn only where they show: not inside a nut that sits.
        """
        size, length = self.hole.size, self.end - foot
        face = [[1, size.thread * 0.3], [1, 0.01]]
        if self.is_plain:
            return np.array([[0, size.thread / 2], [1, size.thread / 2], *face])
        hidden = size.thick + (size.nut if self.state.condition == NORMAL else 0.0)
        threaded = min(length * 0.8, 30.0, self.end - hidden)
        teeth = max(2, round(threaded / size.pitch))
        at = np.linspace(1 - threaded / length, 1, 2 * teeth + 1)
        radius = np.where(np.arange(2 * teeth + 1) % 2, size.thread / 2, size.thread * 0.41)
        shank = [[0, size.thread / 2], [at[0] - 1e-3, size.thread / 2]]
        return np.concatenate([shank, np.stack([at, radius], axis=1), face])

    def _paint(self, scene: Scene, item: int) -> None:
        """Draw the line over surface, washer, nut and end; on a loose nut it is turned away."""
        size, has_nut = self.hole.size, self.state.condition != "nut_missing"
        flats, thread = size.flats / 2, size.thread / 2
        washer, bottom = size.washer / 2, size.thick + self.gap * 0.4
        strips = [(0.0, washer, washer + 6, 0.0), (0.0, flats, washer, bottom)][
            : 2 if self.has_washer else 1
        ]
        strips.append((0.0, 0.0, thread * 0.9, self.end))
        if has_nut:
            strips.append((self.turn, thread, flats * 0.95, self.foot + size.nut))
        for angle, inner, outer, height in strips:
            self._strip(scene, item, angle, (inner, outer, height, height))
        if has_nut:
            side = (flats, flats, self.foot, self.foot + size.nut)
            self._strip(scene, item, self.turn, side)

    def _strip(
        self, scene: Scene, item: int, angle: float, place: tuple[float, float, float, float]
    ) -> None:
        """Add one stretch of paint from inner to outer radius, from low to high on the axis."""
        inner, outer, low, high = place
        axis = unit(self.hole.axis)
        up = self._up()
        angle += self.spin + self.mark_at * np.pi / 3
        out = np.cross(axis, up) * np.cos(angle) + up * np.sin(angle)
        half, thick = _PAINT
        middle = self.hole.along((low + high) / 2) + out * (inner + outer) / 2
        axes = np.array([axis, out, np.cross(axis, out)])
        sizes = ((high - low) / 2 + thick, (outer - inner) / 2 + thick, half)
        scene.add(item, "paint", box(middle, axes, sizes))
