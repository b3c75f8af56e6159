"""One mast with its cantilever, and the span of wires and droppers on both sides of it.

Axes: x along the track, y across it towards the mast side, z up from the rail; millimetres.
Dimensions are our starting values for a 25 kV line: contact wire at 5.25-6 m, system height
1-1.6 m, spans of 45-62 m, stagger up to 320 mm, mast 2.7-3.3 m beside the track.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catenary.simulation.droppers import dropper
from catenary.simulation.fittings import Mounting, bolt, clevis, sleeve
from catenary.simulation.insulators import insulator
from catenary.simulation.meshes import bar, box, tube
from catenary.simulation.scene import Item, Scene, State, Vector, point, unit

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where cameras look: (x, y, z) in mm.

    Attributes:
        side: +1 or -1: the side of the mast.
        contact_height: Of the contact wire at the mast.
        flat_insulator: Middle.
        inclined_insulator: Middle.
        seat: Messenger-wire seat.
        steady: Lower end of the steady-arm fitting.
        joints: Split pins of the clevises.
        droppers: Upper and lower end of each.
    """

    side: float
    contact_height: float
    flat_insulator: Vector
    inclined_insulator: Vector
    seat: Vector
    steady: Vector
    joints: tuple[Vector, ...]
    droppers: tuple[tuple[Vector, Vector], ...]


def drawn_state(
    rates: Mapping[str, Mapping[str, float]], component: str, random: np.random.Generator
) -> State:
    """Return a condition drawn at its rate, with a severity."""
    names = list(rates.get(component, {}))
    draw, severity = random.random(), float(random.uniform(0.05, 1.0))
    for name in names:
        draw -= rates[component][name]
        if draw < 0:
            return State(name, severity)
    return State()


class _Builder:
    """Builds one mast; keeps what all its parts share."""

    def __init__(
        self, rates: Mapping[str, Mapping[str, float]], mast_id: str, random: np.random.Generator
    ) -> None:
        self.scene, self.rates, self.mast_id, self.random = Scene(), rates, mast_id, random
        self.ground = self.scene.item(Item())
        self.side = 1.0 if random.random() < 0.5 else -1.0
        self.contact = random.uniform(5250, 6000)
        self.system = random.uniform(1000, 1600)
        self.stagger = self.side * random.uniform(-320, 320)
        self.mast_y = self.side * random.uniform(2700, 3300)
        self.tube_radius = random.uniform(24, 35)
        self.tube_material = str(random.choice(["aluminium", "steel"], p=[0.75, 0.25]))
        self.joints: list[Vector] = []

    def state(self, component: str) -> State:
        return drawn_state(self.rates, component, self.random)

    def name(self, part: str) -> str:
        return f"{self.mast_id}#{part}"

    def pipe(self, start: Vector, end: Vector, share: float = 1.0) -> None:
        mesh = tube(np.array([start, end]), self.tube_radius * share, 22)
        self.scene.add(self.ground, self.tube_material, mesh)

    def joint(self, name: str, at: Vector, axis: Vector, towards: Vector) -> None:
        names = (self.name(name), self.name(f"{name}-pin"))
        state = self.state("split_pin")
        mounting = Mounting(at, axis, self.tube_radius, towards)
        pin = clevis(self.scene, mounting, names, state, self.random)
        self.joints.append(pin)

    def mast(self) -> None:
        random, y = self.random, self.mast_y
        if random.random() < 0.7:  # H-steel
            width = random.uniform(110, 140)
            middle = [point(0, y + side * width, 4500) for side in (-1, 1)]
            flanges = [box(at, np.eye(3), (width * 0.8, 10, 4500)) for at in middle]
            web = box(point(0, y, 4500), np.eye(3), (7, width, 4500))
            self.scene.add(self.ground, "mast", web, *flanges)
        else:
            concrete = np.array([[0, y, 0], [0, y, 9000.0]])
            self.scene.add(self.ground, "concrete", tube(concrete, random.uniform(150, 190), 28))
        if random.random() < 0.6:
            plate = self.scene.item(Item("number_plate", self.name("plate")))
            at = point(-150, y - self.side * 20, random.uniform(3500, 5200))
            self.scene.add(plate, "plate", box(at, np.eye(3), (3, 110, 160)))

    def arm(self, root: Vector, direction: Vector, name: str) -> tuple[Vector, Vector]:
        """Add an insulator at the mast; return its middle and its far end."""
        length = self.random.uniform(430, 640)
        end = root + direction * length
        insulator(self.scene, (root, end), self.name(name), self.state("insulator"), self.random)
        foot = root + self.side * _Y * 40
        self.scene.add(self.ground, "steel", box(foot, np.eye(3), (60, 50, 70)))
        sleeve(
            self.scene, self.ground, end + direction * 30, direction, self.tube_radius * 1.35, 80
        )
        return (root + end) / 2, end

    def seat(self, at: Vector, along: Vector) -> Vector:
        item = self.scene.item(Item("messenger_seat", self.name("messenger-seat")))
        sleeve(self.scene, item, at, along, self.tube_radius * 1.3, 90)
        top = at + _Z * (self.tube_radius + 55)
        post = bar(at + _Z * self.tube_radius * 0.8, top, 46, 30, _Y)
        cap = box(top + _Z * 16, np.eye(3), (38, 20, 8))
        self.scene.add(item, "steel", post, box(top, np.eye(3), (55, 22, 14)), cap)
        for k in (-1, 1):
            bolt(self.scene, item, top + _X * k * 24 + _Z * 22, _Z, 8)
            bolt(self.scene, item, at + _Y * k * 28 + _Z * self.tube_radius * 1.35, _Z, 8)
        return top

    def steady_arm(self, pipe: tuple[Vector, Vector]) -> Vector:
        """Add the steady arm on the registration pipe and its clamp on the contact wire."""
        random, (near, far) = self.random, pipe
        item = self.scene.item(Item("steady_arm", self.name("steady-arm")))
        at = near + (far - near) * random.uniform(0.03, 0.12)
        away = float(np.sign(self.stagger - at[1])) or 1.0
        foot = at - _Z * random.uniform(150, 230)
        sleeve(self.scene, item, at, far - near, self.tube_radius * 1.05, 44)
        hook = foot + point(0, away * 45, -12)
        upright = bar(at - _Z * self.tube_radius * 0.6, foot, 36, 18, _Y)
        self.scene.add(item, "steel", upright, bar(foot, hook, 30, 16, _X))
        bolt(self.scene, item, (at + foot) / 2 - _X * 14, -_X, 7)
        wire = point(0, self.stagger, self.contact)
        end = wire + point(0, -away * 70, random.uniform(50, 90))
        start = hook + point(0, away * 20, 20)
        if np.linalg.norm(end - start) > 250:
            onward = unit(end - start)
            self.scene.add(item, "steel", bar(start, start + onward * 60, 44, 20, _Z))
            arm = tube(np.array([start + onward * 40, end]), self.tube_radius * 0.62, 18)
            self.scene.add(item, self.tube_material, arm)
        self._contact_clamp(end, wire)
        return foot

    def _contact_clamp(self, end: Vector, wire: Vector) -> None:
        clamp = self.scene.item(Item("clamp", self.name("contact-clamp")))
        body = box(wire + _Z * 6, np.eye(3), (36, 16, 18))
        self.scene.add(clamp, "steel", bar(end, wire + _Z * 14, 26, 22, _X), body)
        for k in (-1, 1):
            for side in (-1, 1):
                bolt(self.scene, clamp, wire + _X * k * 22 + _Y * side * 14, _Y * side, 7)

    def stay(self, low: Vector, high: Vector, along: Vector) -> None:
        """Add a stay wire with its clamp, and sometimes the tail of the wire as a loop."""
        random = self.random
        self.scene.add(self.ground, "cable", tube(np.array([low, high]), 3.0, 8))
        clamp = self.scene.item(Item("clamp", self.name("stay-clamp")))
        above = low + _Z * 10
        self.scene.add(clamp, "steel", box(above, np.eye(3), (12, 16, 16)))
        bolt(self.scene, clamp, above + _Z * 14, -_X, 7)
        sleeve(self.scene, clamp, low - _Z * self.tube_radius, along, self.tube_radius * 0.95, 30)
        if random.random() < 0.6:
            t, size = np.linspace(0, 1, 14)[:, None], random.uniform(50, 110)
            swing = _Y * size * np.sin(2 * np.pi * t) + _Z * size * 1.6 * np.sin(np.pi * t)
            self.scene.add(clamp, "cable", tube(above + swing + (high - low) * 0.12 * t, 3.2, 8))

    def wires(self, seat: Vector) -> list[tuple[Vector, Vector]]:
        """Add both wires with their sag, and the droppers; return the droppers' ends."""
        random = self.random
        span, sag = random.uniform(45e3, 62e3), random.uniform(350, 900)

        def at(x: float, root: Vector, depth: float) -> Vector:
            share = abs(x) / span  # 0 at this mast, 1 at the next, staggered to the other side
            return point(x, root[1] * (1 - 2 * share), root[2] - 4 * depth * share * (1 - share))

        contact = point(0, self.stagger, self.contact)
        xs = np.linspace(-22e3, 22e3, 61)
        for kind, material, root, depth, radius in (
            ("messenger_wire", "cable", seat, sag, random.uniform(5.5, 7.5)),
            ("contact_wire", "wire", contact, 20.0, random.uniform(5.8, 7.2)),
        ):
            item = self.scene.item(Item(kind, self.name(kind)))
            line = np.array([at(x, root, depth) for x in xs])
            self.scene.add(item, material, tube(line, radius, 10))
        spacing, offset = random.uniform(4500, 8000), random.uniform(-1000, 1000)
        ends = []
        for number, x in enumerate([spacing * k + offset for k in (1, 2, 3, -1)], start=1):
            top, bottom = at(x, seat, sag), at(x, contact, 20.0)
            if (state := self.state("dropper")) and np.linalg.norm(top - bottom) > 250:
                down, lean = unit(bottom - top), _X * random.uniform(-15, 15)
                name = self.name(f"dropper-{number}")
                first, last = top + down * 14, bottom - down * 12 + lean
                dropper(self.scene, first, last, name, state, random)
                ends.append((top, bottom))
        return ends

    def surroundings(self, ends: list[tuple[Vector, Vector]], crossing: float) -> None:
        """Add feeders, wires of the next track and wires that cross in front of droppers."""
        random = self.random
        lines = []
        for _ in range(int(random.integers(0, 3))):
            y, z = random.uniform(-6500, 6500), random.uniform(5200, 9000)
            lines.append(([-15e3, y, z], [25e3, y + random.uniform(-900, 900), z]))
        if random.random() < 0.5:
            y = -self.side * random.uniform(4000, 5500)
            lines += [
                ([-2e4, y, z], [3e4, y, z]) for z in (self.contact, self.contact + self.system)
            ]
        if ends and random.random() < crossing:
            top, bottom = ends[0]
            x = top[0] - random.uniform(300, 900)
            low, high = (random.uniform(bottom[2], top[2]) for _ in range(2))
            lines.append(([x, -3000, low], [x, 3000, high]))
        for line in lines:
            wire = tube(np.array(line, float), random.uniform(2.5, 8), 8)
            self.scene.add(self.ground, "cable", wire)


def mast_scene(
    rates: Mapping[str, Mapping[str, float]],
    crossing: float,
    mast_id: str,
    random: np.random.Generator,
) -> tuple[Scene, Places]:
    """Build a mast and its span.

    Args:
        rates: Probability of each condition by component.
        crossing: Share of spans with a wire in front of a dropper.
        mast_id: Prefix of the part ids.
        random: Decides everything; the same state gives the same scene.
    """
    build = _Builder(rates, mast_id, random)
    build.mast()
    side, face = build.side, build.mast_y - build.side * 140
    messenger = build.contact + build.system
    flat_root = point(0, face, messenger - random.uniform(60, 140))
    flat_direction = unit([0, -side, random.uniform(-0.02, 0.05)])
    flat_middle, flat_start = build.arm(flat_root, flat_direction, "insulator-flat")
    flat_end = point(
        0,
        build.stagger - side * random.uniform(150, 350),
        flat_root[2] + random.uniform(-10, 40),
    )
    build.pipe(flat_start, flat_end)
    top = flat_end + (flat_start - flat_end) * random.uniform(0.12, 0.25)
    root = point(0, face, build.contact - random.uniform(300, 1000))
    direction = unit(top - _Z * 75 - root)
    inclined_middle, inclined_start = build.arm(root, direction, "insulator-inclined")
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
    seat = build.seat(seat_at, flat_end - flat_start)
    steady = build.steady_arm(register)
    if random.random() < 0.6:
        lift = _Z * build.tube_radius
        low = register[0] + (register[1] - register[0]) * random.uniform(0.2, 0.5) + lift
        high = flat_start + (flat_end - flat_start) * random.uniform(0.4, 0.9) - lift
        build.stay(low, high, register[1] - register[0])
    ends = build.wires(seat)
    build.surroundings(ends, crossing)
    places = Places(
        side,
        build.contact,
        flat_middle,
        inclined_middle,
        seat,
        steady,
        tuple(build.joints),
        tuple(ends),
    )
    return build.scene, places


def _registration(build: _Builder, start: Vector, end: Vector) -> tuple[Vector, Vector]:
    """Add the registration pipe with its joint; return its free end and its joint end."""
    random = build.random
    height = build.contact + random.uniform(250, 420)
    share = float(np.clip((height - start[2]) / (end[2] - start[2]), 0.05, 0.8))
    at = start + (end - start) * share
    reach = -random.uniform(500, 1100) if random.random() < 0.6 else random.uniform(300, 700)
    free = point(0, build.stagger + build.side * reach, at[2] + random.uniform(-30, 30))
    begin = at + unit(free - at) * 70
    build.pipe(begin, free, 0.8)
    build.joint("clevis-registration", at, end - start, free - at)
    return free, begin


def string_scene(
    rates: Mapping[str, Mapping[str, float]], part_id: str, random: np.random.Generator
) -> tuple[Scene, float, float]:
    """Build one or two long insulator strings alone; return the scene, length and radius in mm."""
    scene, length = Scene(), random.uniform(1500, 4200)
    kind = str(random.choice(["disc", "composite", "porcelain"], p=[0.75, 0.15, 0.1]))
    for number in range(1 if random.random() < 0.6 else 2):
        state = drawn_state(rates, "insulator", random)
        lift = _Z * number * random.uniform(320, 500)
        ends = (point(-length / 2, 0, 0) + lift, point(length / 2, 0, 0) + lift)
        insulator(scene, ends, f"{part_id}#insulator-{number}", state, random, kind)
    return scene, length, 125.0


def car_roof(scene: Scene, position: Vector, forward: Vector, random: np.random.Generator) -> None:
    """Add lamp boxes and housings of the inspection car before the camera, low in the picture."""
    item = scene.item(Item())
    ahead = float(np.sign(forward[0])) or 1.0
    for _ in range(int(random.integers(2, 7))):
        distance = random.uniform(900, 2600)
        drop = random.uniform(60, 420) + distance * 0.1
        at = position + point(ahead * distance, random.uniform(-1200, 1200), -drop)
        scene.add(item, "car", box(at, np.eye(3), tuple(random.uniform(60, 200, 3))))
        if random.random() < 0.4:
            lens = at + point(-ahead * 60, 0, random.uniform(60, 220))
            scene.add(item, "aluminium", tube(np.array([at, lens]), random.uniform(25, 60), 18))
