"""Things that look like defects and are none: tails, drops, tape, birds, plates, spare clamps.

They sit only on normal parts, so that none hides a defect, and each kind draws from a generator
of its own, so that a mast is the same with and without them. Sizes are our starting values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.domain.finding import NORMAL
from catenary.simulation.bolts import M10, Hole, plain_bolt
from catenary.simulation.build import Build, Straight
from catenary.simulation.meshes import Mesh, bar, box, egg, tube
from catenary.simulation.motion import Motion, extent, move_since
from catenary.simulation.plates import add_face
from catenary.simulation.scene import Item, Scene, Vector, point, unit
from catenary.simulation.span import Wires

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)

_WIRES = ("messenger_wire", "contact_wire")
_CLEAR_MM = 1000.0  # of a wire's damage, behind what sits on it; twice that before, where birds go
_ENDS = {"dropper": ("upper_clamp", "lower_clamp"), "insulator": ("axis",)}  # lines of the items


@dataclass(frozen=True, slots=True, eq=False)
class _Sites:
    """Where distractors can sit."""

    build: Build
    wires: Wires
    droppers: Sequence[tuple[Vector, Vector]]
    insulators: Sequence[tuple[Vector, Vector]]
    random: np.random.Generator

    def wire(self) -> tuple[Vector, Vector]:
        """Return a point of one of the wires near the mast, and the wire's direction."""
        x, which = self.random.uniform(-7e3, 9e3), int(self.random.integers(2))
        for low, high in _hurt(self.build.scene, _WIRES[which]):
            x = high + _CLEAR_MM if low - 2 * _CLEAR_MM < x < high + _CLEAR_MM else x
        at, ahead = self.wires.at(x)[which], self.wires.at(x + 100)[which]
        return at, unit(ahead - at)

    def dropper(self) -> tuple[Vector, Vector]:
        """Return both ends of a normal dropper."""
        return self.droppers[int(self.random.integers(len(self.droppers)))]

    def add(self, material: str, *meshes: Mesh) -> None:
        """Add meshes that are not labelled."""
        self.build.scene.add(self.build.ground, material, *meshes)


def add_distractors(build: Build, wires: Wires) -> None:
    """Add each kind of distractor at the rate the settings give."""
    scene = build.scene
    found = _normal(scene, "dropper"), _normal(scene, "insulator")
    for kind in _KINDS:
        random = build.own(f"distractor{kind.__name__}")
        sites = _Sites(build, wires, *found, random)
        has_site = (sites.droppers or kind not in _ON_DROPPERS) and (
            sites.insulators or kind is not _plate_before_insulator
        )
        if random.random() < build.settings.distractors and has_site:
            kind(sites)


def _hurt(scene: Scene, wire: str) -> list[tuple[float, float]]:
    """Return where a mast's wires of a kind are damaged, along the track in mm."""
    paths = [
        line
        for item in scene.items
        if item.component == wire and item.state.condition != NORMAL
        for role, line in item.lines
        if role == "damage"
    ]
    return [(float(path[:, 0].min()), float(path[:, 0].max())) for path in paths]


def _normal(scene: Scene, component: str) -> list[tuple[Vector, Vector]]:
    """Return both ends of each normal part of a component, a dropper's upper end first."""
    found = []
    for item in scene.items:
        if item.component == component and item.state.condition == NORMAL:
            ends = [line for role, line in item.lines if role in _ENDS[component]]
            points = np.concatenate(ends)
            found.append((points[0], points[-1]))
    return found


def _tail(sites: _Sites) -> None:
    """A cut-off tail of cable that hangs from the upper clamp beside the dropper."""
    random, (top, bottom) = sites.random, sites.dropper()
    length = min(random.uniform(120, 420), 0.7 * float(top[2] - bottom[2]))
    aside = unit(_X * random.choice([-1, 1]) + _Y * random.uniform(-0.6, 0.6))
    t = np.linspace(0, 1, 14)[:, None]
    curl = random.uniform(0.1, 0.5) * length * np.sin(t * random.uniform(1.5, 3.5))
    line = top + aside * (20 + 18 * t + curl) - _Z * length * t
    sites.add("cable", tube(line, random.uniform(1.8, 3.0), 8))


def _loop(sites: _Sites) -> None:
    """A coil of spare cable at a clamp."""
    random, ends = sites.random, sites.dropper()
    at = ends[int(random.integers(2))]
    radius, turns = random.uniform(35, 90), random.uniform(1, 2.6)
    angle = np.linspace(0, 2 * np.pi * turns, int(20 * turns))[:, None]
    across = unit(_X + _Y * random.uniform(-0.7, 0.7))
    middle = at + across * (radius + 10)
    line = middle - across * radius * np.cos(angle) + _Z * radius * np.sin(angle)
    line = line + np.cross(across, _Z) * 3 * angle
    sites.add("cable", tube(line, random.uniform(1.8, 3.2), 8))


def _tape(sites: _Sites) -> None:
    """Tape wrapped round a dropper or a tube, often with a flag that stands off."""
    random = sites.random
    if sites.droppers and random.random() < 0.6:
        (top, bottom), radius = sites.dropper(), random.uniform(4, 8)
        at, along = top + (bottom - top) * random.uniform(0.2, 0.8), unit(bottom - top)
    else:
        at, along, radius = _on_tube(sites)
    half = along * random.uniform(12, 45)
    material = str(random.choice(["plate", "dark", "silicone"]))
    sites.add(material, tube(np.array([at - half, at + half]), radius * 1.1 + 1, 16))
    if random.random() < 0.5:
        out = unit(np.cross(along, random.normal(size=3)))
        flag = at + out * (radius + random.uniform(20, 90)) - _Z * random.uniform(0, 40)
        sites.add(material, bar(at + out * radius, flag, 18, 1, along))


def _ties(sites: _Sites) -> None:
    """Cable ties with their ends left long."""
    random = sites.random
    for _ in range(int(random.integers(1, 5))):
        at, along, radius = _on_tube(sites)
        if sites.droppers and random.random() < 0.5:
            (top, bottom), radius = sites.dropper(), 3.5
            at, along = top + (bottom - top) * random.uniform(0.1, 0.9), unit(bottom - top)
        ring = np.array([at - along * 3, at + along * 3])
        out = unit(np.cross(along, random.normal(size=3)))
        tip = at + out * (radius + random.uniform(40, 140)) + along * random.uniform(-40, 40)
        material = str(random.choice(["plate", "dark"]))
        sites.add(
            material, tube(ring, radius + 1.5, 14), bar(at + out * radius, tip, 5, 1.5, along)
        )


def _on_tube(sites: _Sites) -> tuple[Vector, Vector, float]:
    """Return a point of one of the cantilever's tubes, its direction and its radius in mm."""
    tubes = sites.build.tubes
    one: Straight = tubes[int(sites.random.integers(len(tubes)))]
    return one.at(sites.random.uniform(0.15, 0.85)), one.along, one.radius


def _drops(sites: _Sites) -> None:
    """Bright drops of water or ice under a wire, close together."""
    random = sites.random
    at, along = sites.wire()
    material = str(random.choice(["glass", "porcelain"]))  # water, ice
    for _ in range(int(random.integers(5, 25))):
        place = at + along * random.normal() * 350
        size = random.uniform(2.5, 7)
        top = place - _Z * 5
        bottom = top - _Z * size * random.uniform(2, 5)
        sites.add(material, egg(top, bottom, size, 8))


def _birds(sites: _Sites) -> None:
    """One to three birds on a wire or tube."""
    random = sites.random
    wire, along = sites.wire()
    material = str(random.choice(["mast", "dark", "concrete"]))
    for _ in range(int(random.integers(1, 4))):
        at, across = wire, unit(np.cross(along, _Z)) * random.choice([-1, 1])
        if random.random() < 0.5:
            at, _, _ = _on_tube(sites)
            across = unit(_X * random.choice([-1, 1]) + _Y * random.uniform(-0.5, 0.5))
        size = random.uniform(0.6, 1.2)
        tail, breast = at - across * 120 * size + _Z * 45, at + across * 95 * size + _Z * 125 * size
        head = breast + _Z * 30 * size
        beak = head + across * 55 * size
        body = egg(tail, breast, 58 * size)
        skull = egg(head - across * 32 * size, head + across * 34 * size, 30 * size)
        feathers = bar(
            tail + across * 40 * size, tail - across * 90 * size - _Z * 25, 42 * size, 8, along
        )
        nib = tube(np.array([head, beak]), 5 * size, 6)
        sites.add(material, body, skull, feathers, nib)
        wire = wire + along * random.uniform(200, 700)


def _spare_clamp(sites: _Sites) -> None:
    """A clamp on a wire that holds nothing; labelled as the clamp it is."""
    random, (at, along) = sites.random, sites.wire()
    clamp = sites.build.scene.item(Item("clamp", sites.build.name("spare-clamp")))
    sites.build.scene.add(clamp, "steel", box(at, np.eye(3), (random.uniform(20, 40), 15, 19)))
    for k in (-1, 1):
        hole = Hole(at + along * k * 16 + _Y * 15, _Y, 30, M10)
        plain_bolt(sites.build.scene, clamp, hole, random)


def _plate_before_insulator(sites: _Sites) -> None:
    """A number plate that hangs in front of an insulator; labelled as the plate it is."""
    random, build = sites.random, sites.build
    start, end = sites.insulators[int(random.integers(len(sites.insulators)))]
    side = random.choice([-1, 1], p=[0.7, 0.3])
    at = start + (end - start) * random.uniform(0.1, 0.9)
    at = at + _X * side * random.uniform(180, 260) + _Z * random.uniform(-160, 60)
    turn, since = Motion(at, _X, random.uniform(-0.15, 0.15)), extent(build.scene)
    plate = build.scene.item(Item("number_plate", build.name("plate-hanging")))
    hook = at + _Z * add_face(build, plate, at, side)
    wire = tube(np.array([hook, hook - _X * side * 150 + _Z * 180]), 2, 6)
    build.scene.add(build.ground, "cable", wire)
    move_since(build.scene, since, turn)


def shade_insulator(scene: Scene, lamp: Vector, random: np.random.Generator) -> None:
    """Add a bar or wire near a lamp that throws its shadow across a normal insulator's sheds.

    Args:
        scene: Added to; stays as it is without a normal insulator.
        lamp: (x, y, z) of the lamp that is blocked, mm.
        random: Decides which insulator, and the shadow's width and place.
    """
    insulators = _normal(scene, "insulator")
    if not insulators:
        return
    start, end = insulators[int(random.integers(len(insulators)))]
    target = start + (end - start) * random.uniform(0.25, 0.75)
    at = lamp + unit(target - lamp) * random.uniform(120, 260)
    across = unit(np.cross(target - lamp, end - start))
    line = np.array([at - across * 60, at + across * 60])
    scene.add(scene.item(Item()), "dark", tube(line, random.uniform(0.6, 3.5), 8))


Kind = Callable[[_Sites], None]
_ON_DROPPERS: tuple[Kind, ...] = (_tail, _loop)
_KINDS: tuple[Kind, ...] = (
    *_ON_DROPPERS,
    _tape,
    _ties,
    _drops,
    _birds,
    _spare_clamp,
    _plate_before_insulator,
)
