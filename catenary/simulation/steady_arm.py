"""Steady arms 定位器 with their bracket on the registration pipe and their clamp on the wire.

Dimensions are our starting values: brackets of 150-230 mm, clamps of 70 mm.
"""

import numpy as np

from catenary.simulation.bolts import M10, M16, Hole, add_bolt
from catenary.simulation.build import Build
from catenary.simulation.fittings import sleeve
from catenary.simulation.meshes import bar, box, tube
from catenary.simulation.motion import Motion, extent, move_since
from catenary.simulation.scene import Damage, Item, State, Vector, point, unit

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


def add_steady_arm(build: Build, pipe: tuple[Vector, Vector], at: Vector) -> Vector:
    """Add the bracket, the arm and the contact-wire clamp.

    Severity of ``off``: the angle by which the arm has dropped from its place, 15 to 80 degrees,
    about the hook or about the clamp; of ``bent``: the sagitta, 2.5 to 11 % of the arm. Lines:
    ``hook`` and ``arm``.

    Args:
        build: Added to.
        pipe: Free end and joint end of the registration pipe, (x, y, z) in mm.
        at: Where the bracket sits on it.

    Returns:
        Lower end of the bracket.
    """
    random, (near, far) = build.random, pipe
    away = float(np.sign(build.stagger - at[1])) or 1.0
    foot = at - _Z * random.uniform(150, 230)
    hook = foot + point(0, away * 45, -12)
    wire = point(build.x, build.stagger, build.contact)
    end = wire + point(0, -away * 70, random.uniform(50, 90))
    start = hook + point(0, away * 20, 20)
    state, own = build.state("steady_arm", "steady-arm"), build.own("steady-arm")
    course, middle = _course(start, end, state, own)
    lines = (("hook", hook[None]), ("arm", course))
    item = build.scene.item(Item("steady_arm", build.name("steady-arm"), state, lines))
    if state.condition in ("off", "bent"):
        build.scene.damages[item] = Damage(course[middle])
    sleeve(build.scene, item, at, far - near, build.tube_radius * 1.05, 44)
    upright = bar(at - _Z * build.tube_radius * 0.6, foot, 36, 18, _Y)
    build.scene.add(item, "steel", upright, bar(foot, hook, 30, 16, _X))
    bolted = (at + foot) / 2 - _X * 9
    add_bolt(build, "steady-bolt", Hole(bolted, -_X, 18, M16))
    onward = unit(course[1] - course[0])
    build.scene.add(item, "steel", bar(course[0], course[0] + onward * 60, 44, 20, _Z))
    arm = tube(course, build.tube_radius * 0.62, 18)
    build.scene.add(item, build.tube_material, arm)
    _contact_clamp(build, end, wire)
    return foot


def _course(
    start: Vector, end: Vector, state: State, random: np.random.Generator
) -> tuple[Vector, slice]:
    """Return the arm's course (P, 3) from hook to clamp, and which of it shows the damage."""
    t = np.linspace(0, 1, 17)[:, None]
    course = start + t * (end - start)
    length = float(np.linalg.norm(end - start))
    across = np.cross(end - start, _X)
    if state.condition == "bent":
        sagitta = length * (0.025 + 0.085 * state.severity)
        bow = np.sin(np.pi * t ** random.uniform(0.7, 1.4)) ** 1.3
        sideways = unit(across) * random.choice([-1.0, 1.0]) + _X * random.uniform(-0.6, 0.6)
        return course + bow * unit(sideways) * sagitta, slice(4, 14)
    if state.condition == "off":
        angle = np.deg2rad(15 + 65 * state.severity)
        pivot, loose = (start, slice(4, 17)) if random.random() < 0.6 else (end, slice(0, 13))
        reach = (end + start - pivot) - pivot
        # Turn about the track's direction so that the loose end goes down.
        down = np.sign(np.cross(reach, -_Z) @ _X) or 1.0
        drop = Motion(pivot, _X * down, angle)
        swing = Motion(pivot, _Z, random.uniform(-0.3, 0.3))
        return swing.moved(drop.moved(course)), loose
    return course, slice(0, 17)


def _contact_clamp(build: Build, end: Vector, wire: Vector) -> None:
    """Add the clamp between the arm's end and the contact wire.

    Severity of ``off``: the angle by which it has turned off the wire about the arm's end, on
    which it still hangs, 15 to 75 degrees. Lines: ``clamp`` (its middle).
    """
    state, random = build.state("clamp", "contact-clamp"), build.own("contact-clamp")
    scene, since = build.scene, extent(build.scene)
    body = wire + _Z * 6
    item = Item("clamp", build.name("contact-clamp"), state, (("clamp", body[None]),))
    clamp = scene.item(item)
    jaws = [box(body + _Y * k * 9.5 - _Z * 4, np.eye(3), (36, 6.5, 18)) for k in (-1, 1)]
    crown = box(body + _Z * 12, np.eye(3), (30, 10, 8))
    scene.add(clamp, "steel", bar(end, wire + _Z * 14, 26, 22, _X), crown, *jaws)
    for number, k in enumerate((-1, 1), start=1):
        out = _Y * random.choice([-1.0, 1.0])
        hole = Hole(wire + _X * k * 22 + _Z * 9 + out * 16, out, 32, M10)
        add_bolt(build, f"contact-clamp-bolt-{number}", hole)
    if state.condition == "off":
        scene.damages[clamp] = Damage(body[None])
        angle = np.deg2rad(15 + 60 * state.severity)
        down = np.sign(np.cross(wire - end, -_Z) @ _X) or 1.0
        move_since(scene, since, Motion(end, _X * down + _Z * random.uniform(-0.4, 0.4), angle))
