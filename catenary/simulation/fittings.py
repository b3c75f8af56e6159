"""Sleeves, double-ear clevises 双耳 and split pins 开口销.

Dimensions are our starting values: pins of 17-24 mm, split pins of 4-5 mm wire, M12 bolts.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from catenary.domain.finding import NORMAL
from catenary.simulation.bolts import M12, Hole, add_bolt
from catenary.simulation.build import Build
from catenary.simulation.meshes import Mesh, bar, box, joined, sheet, tube
from catenary.simulation.motion import Motion, extent, move_since
from catenary.simulation.scene import Damage, Item, Scene, State, Vector, unit


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
    """

    at: Vector
    axis: Vector
    radius: float
    towards: Vector


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


def joint(build: Build, name: str, mounting: Mounting) -> None:
    """Add a clevis with its split pin on a tube, and note the pin as a place to look at.

    Severity of a clevis that is ``off``: how far it has left the tube, 15 to 90 mm, tilting by up
    to 35 degrees; the half of its sleeve behind the tube is lost. Lines: ``pin_axis``.
    """
    state, random = build.state("clevis", name), build.own(name)
    since = extent(build.scene)
    pin, out = _clevis(build, name, mounting, state, random)
    build.joints.append(pin)
    if state.condition == "off":
        tilt = np.deg2rad(10 + 25 * state.severity) * (1 if random.random() < 0.5 else -1)
        axis = np.cross(unit(mounting.axis), out)
        move_since(build.scene, since, Motion(pin, axis, tilt, out * (15 + 75 * state.severity)))


def _clevis(
    build: Build, name: str, mounting: Mounting, state: State, random: np.random.Generator
) -> tuple[Vector, Vector]:
    """Add a clevis in place; return its split pin, (x, y, z) in mm, and where its ears point."""
    at, tube_radius = mounting.at, mounting.radius
    along = unit(mounting.axis)
    pin_axis = unit(np.cross(along, mounting.towards))
    out = np.cross(pin_axis, along)
    pin = at + out * (tube_radius * 1.2 + random.uniform(32, 48))
    axis_line = np.array([pin - pin_axis * 26, pin + pin_axis * 20])
    scene, sizes = build.scene, build.settings.geometry
    item = scene.item(Item("clevis", build.name(name), state, (("pin_axis", axis_line),)))
    length = random.uniform(60, 95)
    radius = tube_radius * 1.22
    if state.condition == "off":
        scene.damages[item] = Damage(at[None])
        scene.add(item, "steel", half_sleeve(at, along, out, (radius, length)))
    else:
        sleeve(scene, item, at, along, radius, length)
    for number, side in enumerate((-1, 1), start=1):
        foot = at + pin_axis * side * 16 + out * tube_radius * 0.9
        ear = bar(foot, pin + pin_axis * side * 16 + out * 16, sizes.clevis_ear_mm, 8, along)
        lug = at + pin_axis * side * (radius + 13)
        plates = [
            box(lug + out * k * 6.5, np.array([along, pin_axis, out]), (22, 16, 5)) for k in (-1, 1)
        ]
        scene.add(item, "steel", ear, *(plates if state.condition != "off" else plates[1:]))
        turn = out * random.choice([-1, 1])
        add_bolt(build, f"{name}-bolt-{number}", Hole(lug + turn * 11.5, turn, 23, M12))
    pin_radius = random.uniform(*sizes.pin_mm) / 2
    scene.add(item, "steel", tube(axis_line, pin_radius, 16))
    facing = pin_axis * (1 if random.random() < 0.5 else -1)
    end = pin + facing * 30
    turn = random.uniform(0, 2 * np.pi)
    first = unit(np.cross(facing, [0.3, 0.5, 0.8]))
    across = first * np.cos(turn) + np.cross(facing, first) * np.sin(turn)
    pin_name = f"{name}-pin"
    split_pin(
        scene,
        PinEnd(end, facing, across, pin_radius),
        build.name(pin_name),
        build.state("split_pin", pin_name),
        random,
    )
    return end, out


def half_sleeve(at: Vector, along: Vector, out: Vector, size: tuple[float, float]) -> Mesh:
    """Return the half of a sleeve on the ears' side; ``size`` is its radius and length in mm."""
    radius, length = size
    third = np.cross(along, out)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 13)[:, None]
    arc = np.cos(angle) * out + np.sin(angle) * third
    rows = [
        at + arc * radius * k + along * length / 2 * s
        for k, s in ((1.0, -1), (1.0, 1), (0.86, 1), (0.86, -1), (1.0, -1))
    ]
    return joined([sheet(np.stack(pair)) for pair in itertools.pairwise(rows)])


def split_pin(
    scene: Scene, end: PinEnd, part_id: str, state: State, random: np.random.Generator
) -> None:
    """Add the end of a pin with its washer and split pin, or with the bare hole.

    Severity of ``missing`` is always 1; of ``loose``: how far the pin has come out, 1.2 to 3.4
    radii of the bolt it secures; of ``not_opened``: how closed the legs are, from 7 degrees to
    each side down to none. Points: ``head``, the middle
    of the eye, ``leg_1`` and ``leg_2``, the tips; or ``hole_1``
    and ``hole_2``, its mouths.

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
        mouths = [(hole + through * side * 1.02 * radius)[None] for side in (-1, 1)]
        lines = (("hole_1", mouths[0]), ("hole_2", mouths[1]))
        item = scene.item(Item("split_pin", part_id, state, lines, np.array(hull)))
        scene.damages[item] = Damage(hole[None])
        for side in (-1, 1):
            rim = np.array([hole + through * side * radius * k for k in (0.99, 1.02)])
            scene.add(item, "dark", tube(rim, 0.36 * radius, 14))
        return
    wire = max(0.22 * radius, 1.8)
    curves = _pin_curves((hole, out, through, third), (radius, wire), state, random)
    legs = ((f"leg_{number}", curve[-1:]) for number, curve in enumerate(curves[1:], start=1))
    points = (("head", curves[0].mean(axis=0)[None]), *legs)
    item = scene.item(Item("split_pin", part_id, state, points))
    if state.condition != NORMAL:
        scene.damages[item] = Damage(np.concatenate([tip for _, tip in points]))
    for curve, thickness in zip(curves, (1.0, 0.8, 0.8), strict=True):
        scene.add(item, "steel", tube(curve, wire * thickness, 8))


def _pin_curves(
    frame: tuple[Vector, Vector, Vector, Vector],
    size: tuple[float, float],
    state: State,
    random: np.random.Generator,
) -> list[Vector]:
    """Return the course of the eye and of both legs with the shank.

    Args:
        frame: Hole and three directions: out of the pin's end, through the hole, square to both.
        size: Radius of the pin and of the wire, mm.
        state: Of the split pin.
        random: Decides the rest.
    """
    hole, out, through, third = frame
    radius, wire = size
    shift = radius * (1.2 + 2.2 * state.severity) if state.condition == "loose" else 0.0
    spread = np.deg2rad(
        {"not_opened": 7 * (1 - state.severity), "loose": random.uniform(2, 25)}.get(
            state.condition, random.uniform(28, 60)
        )
    )
    head = hole - through * (radius * 1.05 + wire + shift)
    t = np.linspace(0.15 * np.pi, 1.85 * np.pi, 14)[:, None]
    eye = radius * 0.55
    curves = [head - through * eye * (1 - np.cos(t - np.pi)) + out * eye * 0.9 * np.sin(t)]
    turn, length = random.uniform(-0.5, 0.5), radius * random.uniform(1.6, 2.6)
    apart = out * np.cos(turn) + third * np.sin(turn)
    for side in (-1, 1):
        root = hole + side * out * wire * 0.55
        bend = root + through * (radius - shift * 0.5)
        leg = unit(through * np.cos(spread) + side * apart * np.sin(spread))
        tip = bend + leg * length * (1 if side > 0 else 0.85)
        curves.append(np.array([head + side * out * wire * 0.55, root, bend, tip]))
    return curves
