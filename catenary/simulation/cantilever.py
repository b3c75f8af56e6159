"""Cantilevers 腕臂: insulators, tubes, clevises, messenger-wire seat, steady arm and stay wire."""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.fittings import bolt, sleeve
from catenary.simulation.insulators import insulator
from catenary.simulation.meshes import bar, box, tube
from catenary.simulation.scene import Item, Vector, point, unit

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Cantilever:
    """Places of a cantilever that cameras look at or wires hang from: (x, y, z) in mm.

    Attributes:
        flat_insulator: Middle.
        inclined_insulator: Middle.
        seat: Messenger-wire seat.
        steady: Lower end of the steady-arm fitting.
        roots: Where the flat and the inclined arm start at the post.
    """

    flat_insulator: Vector
    inclined_insulator: Vector
    seat: Vector
    steady: Vector
    roots: tuple[Vector, Vector]


def add_cantilever(build: Build) -> Cantilever:
    """Add both arms with their fittings, the registration pipe and the steady arm."""
    random, side = build.random, build.side
    face = build.mast_y - side * 140
    flat_root = point(build.x, face, build.contact + build.system - random.uniform(60, 140))
    flat_direction = unit([0, -side, random.uniform(-0.02, 0.05)])
    flat_middle, flat_start = _arm(build, flat_root, flat_direction, "insulator-flat")
    flat_end = point(
        build.x,
        build.stagger - side * random.uniform(150, 350),
        flat_root[2] + random.uniform(-10, 40),
    )
    build.pipe(flat_start, flat_end)
    top = flat_end + (flat_start - flat_end) * random.uniform(0.12, 0.25)
    root = point(build.x, face, build.contact - random.uniform(300, 1000))
    direction = unit(top - _Z * 75 - root)
    inclined_middle, inclined_start = _arm(build, root, direction, "insulator-inclined")
    inclined_end = top - _Z * 75
    build.pipe(inclined_start, inclined_end, 0.95)
    build.joint("clevis-top", top, flat_end - flat_start, -_Z)
    register = _registration(build, inclined_start, inclined_end)
    if random.random() < 0.8:
        high = flat_start + (flat_end - flat_start) * random.uniform(0.05, 0.3)
        low = inclined_start + (inclined_end - inclined_start) * random.uniform(0.2, 0.5)
        build.pipe(high, low, 0.5)
        build.joint("clevis-stay", high, flat_end - flat_start, low - high)
    seat_at = flat_end + (flat_start - flat_end) * random.uniform(0.06, 0.11)
    seat = _seat(build, seat_at, flat_end - flat_start)
    steady = _steady_arm(build, register)
    if random.random() < 0.6:
        lift = _Z * build.tube_radius
        low = register[0] + (register[1] - register[0]) * random.uniform(0.2, 0.5) + lift
        high = flat_start + (flat_end - flat_start) * random.uniform(0.4, 0.9) - lift
        _stay(build, low, high, register[1] - register[0])
    return Cantilever(flat_middle, inclined_middle, seat, steady, (flat_root, root))


def _arm(build: Build, root: Vector, direction: Vector, name: str) -> tuple[Vector, Vector]:
    """Add an insulator at the mast; return its middle and its far end."""
    length = build.random.uniform(430, 640)
    end = root + direction * length
    insulator(build.scene, (root, end), build.name(name), build.state("insulator"), build.random)
    foot = root + build.side * _Y * 40
    build.scene.add(build.ground, "steel", box(foot, np.eye(3), (60, 50, 70)))
    sleeve(build.scene, build.ground, end + direction * 30, direction, build.tube_radius * 1.35, 80)
    return (root + end) / 2, end


def _seat(build: Build, at: Vector, along: Vector) -> Vector:
    item = build.scene.item(Item("messenger_seat", build.name("messenger-seat")))
    sleeve(build.scene, item, at, along, build.tube_radius * 1.3, 90)
    top = at + _Z * (build.tube_radius + 55)
    post = bar(at + _Z * build.tube_radius * 0.8, top, 46, 30, _Y)
    cap = box(top + _Z * 16, np.eye(3), (38, 20, 8))
    build.scene.add(item, "steel", post, box(top, np.eye(3), (55, 22, 14)), cap)
    for k in (-1, 1):
        bolt(build.scene, item, top + _X * k * 24 + _Z * 22, _Z, 8)
        bolt(build.scene, item, at + _Y * k * 28 + _Z * build.tube_radius * 1.35, _Z, 8)
    return top


def _steady_arm(build: Build, pipe: tuple[Vector, Vector]) -> Vector:
    """Add the steady arm on the registration pipe and its clamp on the contact wire."""
    random, (near, far) = build.random, pipe
    item = build.scene.item(Item("steady_arm", build.name("steady-arm")))
    at = near + (far - near) * random.uniform(0.03, 0.12)
    away = float(np.sign(build.stagger - at[1])) or 1.0
    foot = at - _Z * random.uniform(150, 230)
    sleeve(build.scene, item, at, far - near, build.tube_radius * 1.05, 44)
    hook = foot + point(0, away * 45, -12)
    upright = bar(at - _Z * build.tube_radius * 0.6, foot, 36, 18, _Y)
    build.scene.add(item, "steel", upright, bar(foot, hook, 30, 16, _X))
    bolt(build.scene, item, (at + foot) / 2 - _X * 14, -_X, 7)
    wire = point(build.x, build.stagger, build.contact)
    end = wire + point(0, -away * 70, random.uniform(50, 90))
    start = hook + point(0, away * 20, 20)
    if np.linalg.norm(end - start) > 250:
        onward = unit(end - start)
        build.scene.add(item, "steel", bar(start, start + onward * 60, 44, 20, _Z))
        arm = tube(np.array([start + onward * 40, end]), build.tube_radius * 0.62, 18)
        build.scene.add(item, build.tube_material, arm)
    _contact_clamp(build, end, wire)
    return foot


def _contact_clamp(build: Build, end: Vector, wire: Vector) -> None:
    clamp = build.scene.item(Item("clamp", build.name("contact-clamp")))
    body = box(wire + _Z * 6, np.eye(3), (36, 16, 18))
    build.scene.add(clamp, "steel", bar(end, wire + _Z * 14, 26, 22, _X), body)
    for k in (-1, 1):
        for side in (-1, 1):
            bolt(build.scene, clamp, wire + _X * k * 22 + _Y * side * 14, _Y * side, 7)


def _stay(build: Build, low: Vector, high: Vector, along: Vector) -> None:
    """Add a stay wire with its clamp, and sometimes the tail of the wire as a loop."""
    random = build.random
    build.scene.add(build.ground, "cable", tube(np.array([low, high]), 3.0, 8))
    clamp = build.scene.item(Item("clamp", build.name("stay-clamp")))
    above = low + _Z * 10
    build.scene.add(clamp, "steel", box(above, np.eye(3), (12, 16, 16)))
    bolt(build.scene, clamp, above + _Z * 14, -_X, 7)
    sleeve(build.scene, clamp, low - _Z * build.tube_radius, along, build.tube_radius * 0.95, 30)
    if random.random() < 0.6:
        t, size = np.linspace(0, 1, 14)[:, None], random.uniform(50, 110)
        swing = _Y * size * np.sin(2 * np.pi * t) + _Z * size * 1.6 * np.sin(np.pi * t)
        build.scene.add(clamp, "cable", tube(above + swing + (high - low) * 0.12 * t, 3.2, 8))


def _registration(build: Build, start: Vector, end: Vector) -> tuple[Vector, Vector]:
    """Add the registration pipe with its joint; return its free end and its joint end."""
    random = build.random
    height = build.contact + random.uniform(250, 420)
    share = float(np.clip((height - start[2]) / (end[2] - start[2]), 0.05, 0.8))
    at = start + (end - start) * share
    reach = -random.uniform(500, 1100) if random.random() < 0.6 else random.uniform(300, 700)
    free = point(build.x, build.stagger + build.side * reach, at[2] + random.uniform(-30, 30))
    begin = at + unit(free - at) * 70
    build.pipe(begin, free, 0.8)
    build.joint("clevis-registration", at, end - start, free - at)
    return free, begin
