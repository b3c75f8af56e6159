"""Bolts, sleeves, double-ear clevises 双耳 and split pins 开口销.

Dimensions are our starting values: pins of 17-24 mm, split pins of 4-5 mm wire, M16 bolts.
"""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.geometry import Geometry
from catenary.simulation.meshes import bar, tube
from catenary.simulation.scene import Item, Scene, State, Vector, unit


def bolt(scene: Scene, item: int, at: Vector, axis: Vector, radius: float) -> None:
    """Add a hexagon head, a nut and the thread that stands out, along ``axis``."""
    along = unit(axis)
    scene.add(item, "steel", tube(np.array([at - along * radius * 0.6, at]), radius * 1.05, 6))
    scene.add(item, "steel", tube(np.array([at, at + along * radius * 1.6]), radius * 0.55, 10))
    scene.add(item, "steel", tube(np.array([at, at + along * radius * 0.9]), radius * 0.95, 6))


def sleeve(scene: Scene, item: int, at: Vector, axis: Vector, radius: float, length: float) -> None:
    """Add a steel ring around a tube."""
    half = unit(axis) * length / 2
    scene.add(item, "steel", tube(np.array([at - half, at + half]), radius, 20))


@dataclass(frozen=True, slots=True, eq=False)
class Mounting:
    """Where a clevis sits on a tube.

    Attributes:
        at: (x, y, z) on the tube's axis, mm.
        axis: Direction of the tube.
        radius: Of the tube, mm.
        towards: Direction in which the ears stand.
        geometry: Sizes of ears and pins.
    """

    at: Vector
    axis: Vector
    radius: float
    towards: Vector
    geometry: Geometry


@dataclass(frozen=True, slots=True, eq=False)
class PinEnd:
    """The end of the pin that a split pin secures.

    Attributes:
        at: (x, y, z) where the pin leaves the ear, mm.
        axis: Outward direction of the pin.
        across: Direction of the hole, square to ``axis``.
        radius: Of the pin, mm.
    """

    at: Vector
    axis: Vector
    across: Vector
    radius: float


def clevis(
    scene: Scene,
    mounting: Mounting,
    names: tuple[str, str],
    state: State,
    random: np.random.Generator,
) -> Vector:
    """Add a sleeve with two ears, the pin through them and its split pin.

    Args:
        scene: Added to.
        mounting: Where.
        names: Identities of the clevis and of its split pin.
        state: Of the split pin.
        random: Decides sizes and damage.

    Returns:
        (x, y, z) of the split pin.
    """
    at, tube_radius = mounting.at, mounting.radius
    along, out = unit(mounting.axis), unit(mounting.towards)
    pin_axis = unit(np.cross(along, out))
    item = scene.item(Item("clevis", names[0]))
    sleeve(scene, item, at, along, tube_radius * 1.22, random.uniform(60, 95))
    pin = at + out * (tube_radius * 1.2 + random.uniform(32, 48))
    for side in (-16, 16):
        foot = at + pin_axis * side + out * tube_radius * 0.9
        ear = bar(foot, pin + pin_axis * side + out * 16, mounting.geometry.clevis_ear_mm, 8, along)
        scene.add(item, "steel", ear)
        bolt(scene, item, at + along * side * 1.4 - out * tube_radius * 1.25, -out, 8)
    radius = random.uniform(*mounting.geometry.pin_mm) / 2
    scene.add(item, "steel", tube(np.array([pin - pin_axis * 26, pin + pin_axis * 20]), radius, 16))
    facing = pin_axis * (1 if random.random() < 0.5 else -1)
    end = pin + facing * 30
    turn = random.uniform(0, 2 * np.pi)
    first = unit(np.cross(facing, [0.3, 0.5, 0.8]))
    across = first * np.cos(turn) + np.cross(facing, first) * np.sin(turn)
    split_pin(scene, PinEnd(end, facing, across, radius), names[1], state, random)
    return end


def split_pin(
    scene: Scene, end: PinEnd, part_id: str, state: State, random: np.random.Generator
) -> None:
    """Add the end of a pin with its washer and split pin, or with the bare hole.

    Args:
        scene: Added to.
        end: Of the pin.
        part_id: Identity of the split pin.
        state: ``missing``, ``loose``, ``not_opened`` or normal.
        random: Decides sizes.
    """
    at, radius = end.at, end.radius
    out, through = unit(end.axis), unit(end.across)
    third = np.cross(out, through)
    ground = scene.item(Item())
    shaft = np.array([at - out * 2.2 * radius, at + out * 1.6 * radius])
    washer = np.array([at - out * 0.25 * radius, at - out * 0.1 * radius])
    scene.add(ground, "steel", tube(shaft, radius, 16), tube(washer, radius * 1.7, 20))
    hole = at + out * 0.75 * radius
    if state.condition == "missing":
        signs = [(a, b, c) for a in (-1.3, 1.3) for b in (-1, 1) for c in (-1, 1)]
        hull = [hole + (through * a + out * b + third * c) * radius for a, b, c in signs]
        item = scene.item(Item("split_pin", part_id, state, hull=np.array(hull)))
        for side in (-1, 1):
            rim = np.array([hole + through * side * radius * k for k in (0.99, 1.02)])
            scene.add(item, "dark", tube(rim, 0.36 * radius, 14))
        return
    item = scene.item(Item("split_pin", part_id, state))
    _pin_wire(scene, item, (hole, out, through, third), radius, state, random)


def _pin_wire(
    scene: Scene,
    item: int,
    frame: tuple[Vector, Vector, Vector, Vector],
    radius: float,
    state: State,
    random: np.random.Generator,
) -> None:
    """Draw eye, shank and both legs; ``frame`` is the hole and three directions."""
    hole, out, through, third = frame
    wire = max(0.22 * radius, 1.8)
    shift = radius * (1.2 + 2.2 * state.severity) if state.condition == "loose" else 0.0
    spread = np.deg2rad(
        {"not_opened": random.uniform(1, 6), "loose": random.uniform(2, 25)}.get(
            state.condition, random.uniform(28, 60)
        )
    )
    head = hole - through * (radius * 1.05 + wire + shift)
    t = np.linspace(0.15 * np.pi, 1.85 * np.pi, 14)[:, None]
    eye = radius * 0.55
    loop = head - through * eye * (1 - np.cos(t - np.pi)) + out * eye * 0.9 * np.sin(t)
    scene.add(item, "steel", tube(loop, wire, 8))
    scene.mark(item, "head", head)
    turn, length = random.uniform(-0.5, 0.5), radius * random.uniform(1.6, 2.6)
    apart = out * np.cos(turn) + third * np.sin(turn)
    for side in (-1, 1):
        root = hole + side * out * wire * 0.55
        bend = root + through * (radius - shift * 0.5)
        leg = unit(through * np.cos(spread) + side * apart * np.sin(spread))
        tip = bend + leg * length * (1 if side > 0 else 0.85)
        scene.mark(item, "leg_1" if side < 0 else "leg_2", tip)
        start = head + side * out * wire * 0.55
        scene.add(item, "steel", tube(np.array([start, root, bend, tip]), wire * 0.8, 8))
