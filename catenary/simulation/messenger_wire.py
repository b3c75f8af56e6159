"""Messenger wires 承力索 of strands, whole or damaged.

19 strands of 2.5 or 2.8 mm, 12.5 or 14.0 mm thick (DIN 48201); a lay of 11 diameters is our
starting value. Strands are drawn where cameras come close; elsewhere the wire is round.
"""

from collections.abc import Sequence

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.extrusion import extruded
from catenary.simulation.meshes import Mesh, tube
from catenary.simulation.scene import State, Vector, unit
from catenary.simulation.wires import Run, add_burn, damaged_stretch, sound_wire

_STRANDS = 12  # in the outer layer of 19
_LAY = 11.0  # diameters a turn
_STEPS_A_TURN = 10
_EDGE = 8.0  # mm by which a damaged stretch is drawn beyond its damage
_CLOSE = (1200.0, 350.0)  # mm around the cantilever and around a dropper where strands are drawn


def messenger_wire(build: Build, run: Run) -> None:
    """Add the messenger wire.

    Severity of ``strand_broken``: how many of the 12 outer strands are cut, 1 to 5, and how long
    their ends are, 30 to 180 mm; of ``burned``: the length of the burnt stretch, 60 to 360 mm.
    Lines: ``wire`` of the sound wire, ``damage`` of the damaged stretch; points: ``strand_end_1``
    and so on.
    """
    state, random = build.state("messenger_wire", "messenger_wire"), build.own("messenger_wire")
    radius = float(random.choice([6.25, 7.0]))
    rope = _Rope(build, run, radius)
    half = 0.0
    if state.condition == "strand_broken":
        half = 40 + 120 * state.severity
    elif state.condition == "burned":
        half = 30 + 150 * state.severity
    low, high = run.spot - half, run.spot + half
    rope.rest(low, high)
    if state.condition == "strand_broken":
        rope.frayed(low, high, state, random)
    elif state.condition == "burned":
        mesh = rope.stranded(low - _EDGE, high + _EDGE)
        item = damaged_stretch(build, "messenger_wire", state, run.between(low, high, 20.0))
        add_burn(build, item, (mesh, "cable"), run.at(np.array([low, high])), random)


class _Rope:
    """Draws one messenger wire; keeps its course and radius in mm."""

    def __init__(self, build: Build, run: Run, radius: float) -> None:
        self.build, self.run, self.radius = build, run, radius

    def rest(self, low: float, high: float) -> None:
        """Draw all that is sound: strands where cameras come close, a round wire elsewhere."""
        run, wire = self.run, sound_wire(self.build, self.run, "messenger_wire")
        reaches = [_CLOSE[0], *[_CLOSE[1]] * (len(run.near) - 1)]
        stops = [(x - reach, x + reach) for x, reach in zip(run.near, reaches, strict=True)]
        edge = float(run.xs[0])
        for left, right in _merged([*stops, (low - _EDGE, high + _EDGE)], run):
            self._plain(wire, edge, left)
            for a, b in ((left, min(right, low)), (max(left, high), right)):
                if b - a > 1:
                    self.build.scene.add(wire, "cable", self.stranded(a, b))
            edge = right
        self._plain(wire, edge, float(run.xs[-1]))

    def _plain(self, wire: int, low: float, high: float) -> None:
        if high - low > 1:
            mesh = tube(self.run.between(low, high), self.radius * 0.97, 10)
            self.build.scene.add(wire, "cable", mesh)

    def stranded(self, low: float, high: float) -> Mesh:
        """Return a stretch whose surface shows the outer strands wound around."""
        lay = 2 * self.radius * _LAY
        path = self.run.between(low, high, lay / _STEPS_A_TURN)
        turn = 2 * np.pi * (path[:, 0]) / lay
        angle = np.arange(2 * _STRANDS) * np.pi / _STRANDS
        radius = np.where(np.arange(2 * _STRANDS) % 2, 0.86, 1.0) * self.radius
        around = angle + turn[:, None]
        return extruded(path, np.stack([radius * np.cos(around), radius * np.sin(around)], axis=-1))

    def frayed(self, low: float, high: float, state: State, random: np.random.Generator) -> None:
        """Draw the damaged stretch: what still holds is thinner, cut strands stand off."""
        count = 1 + int(state.severity * 4.99)
        strand = self.radius * 0.2
        middle = self.run.at(np.array([low, high]))
        along = unit(middle[1] - middle[0])
        ends = []
        for _ in range(count):
            ends += self._cut(middle.mean(axis=0), along, state.severity, random)
        tips = tuple((f"strand_end_{k}", curve[-1:]) for k, curve in enumerate(ends, start=1))
        item = damaged_stretch(
            self.build, "messenger_wire", state, self.run.between(low, high, 20.0), tips
        )
        left = self.radius * (1 - 0.05 * count)
        core = _Rope(self.build, self.run, left).stranded(low, high)
        self.build.scene.add(item, "cable", core, *(tube(curve, strand, 6) for curve in ends))

    def _cut(
        self, at: Vector, along: Vector, severity: float, random: np.random.Generator
    ) -> list[Vector]:
        """Return the two ends of one cut strand, each unwinding away from the wire."""
        start = at + along * random.uniform(-20, 20) * (0.3 + severity)
        sideways = unit(np.cross(along, random.normal(size=3)))
        curves = []
        for sign in (-1, 1):
            reach = random.uniform(0.6, 1.0) * (30 + 150 * severity)
            t = np.linspace(0, 1, 10)[:, None]
            third = np.cross(along, sideways) * random.uniform(-0.3, 0.3)
            curl = (sideways + third) * random.uniform(0.25, 0.7) * t**1.8
            # Each half still holds at its root and stands off more and more towards the cut.
            root = start + along * sign * (4 + 0.8 * reach) + sideways * self.radius * 0.85
            curves.append(root + reach * (-sign * 0.8 * t * along + curl))
        return curves


def _merged(stretches: Sequence[tuple[float, float]], run: Run) -> list[tuple[float, float]]:
    """Return the stretches in order, overlapping ones joined, inside the wire."""
    result: list[tuple[float, float]] = []
    for low, high in sorted(stretches):
        low, high = max(low, float(run.xs[0])), min(high, float(run.xs[-1]))
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        elif low < high:
            result.append((low, high))
    return result
