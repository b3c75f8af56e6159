"""Cantilevers 腕臂: insulators, tubes, clevises, messenger-wire seat, steady arm and stay wire."""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.bolts import M10, M12, Hole, add_bolt, plain_bolt
from catenary.simulation.build import Build
from catenary.simulation.fittings import Mounting, half_sleeve, joint, sleeve
from catenary.simulation.insulators import insulator
from catenary.simulation.meshes import bar, box, tube
from catenary.simulation.motion import Motion, extent, move_since
from catenary.simulation.scene import Damage, Item, Vector, point, unit
from catenary.simulation.steady_arm import add_steady_arm
from catenary.simulation.tubes import add_tube

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
    flat = _Course(flat_start, flat_end)
    top, seat_at = 1 - random.uniform(0.12, 0.25), 1 - random.uniform(0.06, 0.11)
    root = point(build.x, face, build.contact - random.uniform(300, 1000))
    direction = unit(flat.at(top) - _Z * 75 - root)
    inclined_middle, inclined_start = _arm(build, root, direction, "insulator-inclined")
    inclined = _Course(inclined_start, flat.at(top) - _Z * 75)
    _mount(build, "clevis-top", flat, top, -_Z)
    register, share = _registration(build, inclined)
    held = _support(build, flat, inclined) if random.random() < 0.8 else None
    seat = _seat(build, flat.at(seat_at), flat.end - flat.start)
    hooked = random.uniform(0.03, 0.12)
    steady = add_steady_arm(build, (register.end, register.start), register.at(1 - hooked))
    stays = [hooked]
    used = [top, seat_at]
    if random.random() < 0.6:
        lift = _Z * build.tube_radius
        stays.append(random.uniform(0.2, 0.5))
        used.append(random.uniform(0.4, 0.9))
        low, high = register.at(1 - stays[-1]) + lift, flat.at(used[-1]) - lift
        _stay(build, low, high, register.start - register.end)
    high_share, low_share = held or (0.0, share)
    add_tube(build, "tube-flat", (flat.start, flat.end), 1.0, [*used, high_share])
    add_tube(build, "tube-inclined", (inclined.start, inclined.end), 0.95, [share, low_share])
    add_tube(
        build, "tube-registration", (register.start, register.end), 0.8, [1 - k for k in stays]
    )
    return Cantilever(flat_middle, inclined_middle, seat, steady, (flat_root, root))


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Axis of a straight tube: (x, y, z) of both ends, mm."""

    start: Vector
    end: Vector

    def at(self, share: float) -> Vector:
        """Return the point at a share of the length."""
        return self.start + (self.end - self.start) * share


def _mount(build: Build, name: str, course: _Course, share: float, towards: Vector) -> None:
    """Add a clevis on a tube."""
    mounting = Mounting(course.at(share), course.end - course.start, build.tube_radius, towards)
    joint(build, name, mounting)


def _support(build: Build, flat: _Course, inclined: _Course) -> tuple[float, float]:
    """Add the tube between both arms with its clevis; return where it stands on each."""
    high, low = build.random.uniform(0.05, 0.3), build.random.uniform(0.2, 0.5)
    add_tube(build, "tube-support", (flat.at(high), inclined.at(low)), 0.5)
    _mount(build, "clevis-stay", flat, high, inclined.at(low) - flat.at(high))
    return high, low


def _arm(build: Build, root: Vector, direction: Vector, name: str) -> tuple[Vector, Vector]:
    """Add an insulator at the mast; return its middle and its far end."""
    length = build.random.uniform(430, 640)
    end = root + direction * length
    state, own = build.state("insulator", name), build.own(name)
    insulator(build.scene, (root, end), build.name(name), state, own)
    foot = root + build.side * _Y * 40
    build.scene.add(build.ground, "steel", box(foot, np.eye(3), (60, 50, 70)))
    sleeve(build.scene, build.ground, end + direction * 30, direction, build.tube_radius * 1.35, 80)
    return (root + end) / 2, end


def _seat(build: Build, at: Vector, along: Vector) -> Vector:
    """Add the messenger-wire seat 承力索座; return its middle.

    Severity of ``off``: the angle by which it has turned off its tube and hangs on the messenger
    wire, 25 to 110 degrees; the lower half of its sleeve is lost. Line: ``seat``.
    """
    state, random = build.state("messenger_seat", "messenger-seat"), build.own("messenger-seat")
    scene, since = build.scene, extent(build.scene)
    top = at + _Z * (build.tube_radius + 55)
    item = scene.item(
        Item("messenger_seat", build.name("messenger-seat"), state, (("seat", top[None]),))
    )
    if state.condition == "off":
        size = (build.tube_radius * 1.3, 90.0)
        scene.add(item, "steel", half_sleeve(at, unit(along), _Z, size))
    else:
        sleeve(scene, item, at, along, build.tube_radius * 1.3, 90)
    post = bar(at + _Z * build.tube_radius * 0.8, top, 46, 30, _Y)
    cap = box(top + _Z * 16, np.eye(3), (38, 20, 8))
    scene.add(item, "steel", post, box(top, np.eye(3), (55, 22, 14)), cap)
    collar = at + _Z * (build.tube_radius * 1.3 + 4)
    scene.add(item, "steel", box(collar, np.eye(3), (26, 44, 7)))
    for number, k in enumerate((-1, 1), start=1):
        above = Hole(top + _X * k * 24 + _Z * 24, _Z, 38, M10)
        add_bolt(build, f"seat-cap-bolt-{number}", above)
        below = Hole(collar + _Y * k * 32 + _Z * 7, _Z, 14, M12)
        add_bolt(build, f"seat-bolt-{number}", below)
    if state.condition == "off":
        scene.damages[item] = Damage(at[None])
        angle = np.deg2rad(25 + 85 * state.severity) * (1 if random.random() < 0.5 else -1)
        aside = _X * random.choice([-1.0, 1.0]) * (20 + 50 * state.severity)
        move_since(scene, since, Motion(top, _X + _Z * random.uniform(-0.4, 0.4), angle, aside))
    return top


def _stay(build: Build, low: Vector, high: Vector, along: Vector) -> None:
    """Add a stay wire with its clamp, and sometimes the tail of the wire as a loop.

    Severity of the clamp ``off``: the angle by which it has swung off its tube at the end of the
    stay wire, 8 to 40 degrees. Line: ``clamp``.
    """
    random, since = build.random, extent(build.scene)
    build.scene.add(build.ground, "cable", tube(np.array([low, high]), 3.0, 8))
    state, own = build.state("clamp", "stay-clamp"), build.own("stay-clamp")
    above = low + _Z * 10
    line = (("clamp", above[None]),)
    clamp = build.scene.item(Item("clamp", build.name("stay-clamp"), state, line))
    build.scene.add(clamp, "steel", box(above, np.eye(3), (12, 16, 16)))
    plain_bolt(build.scene, clamp, Hole(above - _X * 12, -_X, 24, M10), own)
    sleeve(build.scene, clamp, low - _Z * build.tube_radius, along, build.tube_radius * 0.95, 30)
    if random.random() < 0.6:
        t, size = np.linspace(0, 1, 14)[:, None], random.uniform(50, 110)
        swing = _Y * size * np.sin(2 * np.pi * t) + _Z * size * 1.6 * np.sin(np.pi * t)
        build.scene.add(clamp, "cable", tube(above + swing + (high - low) * 0.12 * t, 3.2, 8))
    if state.condition == "off":
        build.scene.damages[clamp] = Damage(above[None])
        angle = np.deg2rad(8 + 32 * state.severity)
        down = np.sign(np.cross(low - high, -_Z) @ _X) or 1.0
        axis = _X * down + _Z * own.uniform(-0.3, 0.3)
        move_since(build.scene, since, Motion(high, axis, angle))


def _registration(build: Build, inclined: _Course) -> tuple[_Course, float]:
    """Add the registration pipe's joint; return its course and where it stands on the arm."""
    random, start, end = build.random, inclined.start, inclined.end
    height = build.contact + random.uniform(250, 420)
    share = float(np.clip((height - start[2]) / (end[2] - start[2]), 0.05, 0.8))
    at = inclined.at(share)
    reach = -random.uniform(850, 1350) if random.random() < 0.6 else random.uniform(450, 750)
    free = point(build.x, build.stagger + build.side * reach, at[2] + random.uniform(-30, 30))
    begin = at + unit(free - at) * 70
    _mount(build, "clevis-registration", inclined, share, free - at)
    return _Course(begin, free), share
