"""Integral droppers 吊弦: clamps, thimbles, crimps, current-carrying loops and the wire.

Dimensions are our starting values for droppers of 10 mm² bronze cord: wire of 4-6 mm, clamps of
30-50 mm, thimbles of 32-50 mm.
"""

import numpy as np

from catenary.simulation.bolts import M10, Hole, plain_bolt
from catenary.simulation.meshes import axes_along, box, tube
from catenary.simulation.scene import Damage, Item, Scene, State, Vector, point, unit

_TRACK = point(1, 0, 0)  # both wires run along the track
_ALONG = np.array([[0.1], [0.3], [0.5], [0.7], [0.9]])  # shares of a stretch that stand for it


def dropper(
    scene: Scene,
    top: Vector,
    bottom: Vector,
    part_id: str,
    state: State,
    random: np.random.Generator,
) -> int:
    """Add a dropper from the messenger wire to the contact wire.

    Severity of ``broken``: the gap between both ends, 9 to 44 % of the length (where a piece hangs
    down or is gone, the break is anywhere instead); of ``slack``: the bow, 4.5 to 17.5 % of the
    length; of ``strand_broken``: the number of cut strands, one to three, and how far they stand
    off; of ``clamp_off``: how far the clamp has left the wire, 0.4 to 1.4 of a reach of up to
    330 mm; of ``missing`` always 1.

    Args:
        scene: Added to.
        top: (x, y, z) of the clamp on the messenger wire, mm.
        bottom: (x, y, z) of the clamp on the contact wire, mm.
        part_id: Identity.
        state: ``broken``, ``slack``, ``missing``, ``strand_broken``, ``clamp_off`` or normal.
        random: Decides shape and damage.

    Returns:
        Index of the item.
    """
    if state.condition == "clamp_off":
        reach = point(random.uniform(-200, 200), random.uniform(-60, 60), random.uniform(60, 260))
        bottom = bottom + reach * (0.4 + state.severity)
    down = unit(bottom - top)
    wire = _Wire(scene, random.uniform(1.9, 3.2), random)
    start, end = top + down * 22 + down * wire.eye, bottom - down * 22 - down * wire.eye
    lines: tuple[tuple[str, Vector], ...] = (
        ("upper_clamp", top[None]),
        ("lower_clamp", bottom[None]),
    )
    hull = None
    if state.condition == "missing":
        hull = np.array([end_ + _TRACK * side for end_ in (top, bottom) for side in (-20, 20)])
    wire.item = scene.item(Item("dropper", part_id, state, lines, hull))
    _clamp(scene, wire.item, top, down, random)
    _clamp(scene, wire.item, bottom, down, random)
    if state.condition == "missing":
        scene.damages[wire.item] = Damage(top + (bottom - top) * _ALONG)
    else:
        wire.end_fitting(top + down * 22, down, random.random() < 0.75)
        wire.end_fitting(bottom - down * 22, -down, random.random() < 0.6)
        wire.between(start, end, state)
    return wire.item


def _clamp(scene: Scene, item: int, at: Vector, down: Vector, random: np.random.Generator) -> None:
    side = unit(np.cross(down, _TRACK))
    sizes = (random.uniform(14, 24), random.uniform(9, 14), random.uniform(12, 20))
    material = "copper" if random.random() < 0.5 else "steel"
    scene.add(item, material, box(at, axes_along(_TRACK, side), sizes))
    plain_bolt(scene, item, Hole(at + side * sizes[2], side, 2 * sizes[2], M10), random)


class _Wire:
    """Draws the cord of one dropper; keeps its radius, eye length and item."""

    def __init__(self, scene: Scene, radius: float, random: np.random.Generator) -> None:
        self.scene, self.radius, self.random = scene, radius, random
        self.item = -1
        self.eye = random.uniform(32, 50)

    def along(self, points: Vector, thickness: float = 1.0) -> None:
        """Draw cord along (P, 3) points, at a multiple of its radius."""
        self.scene.add(self.item, "cable", tube(points, self.radius * thickness, 8))

    def cord(self, points: Vector, thickness: float = 1.0) -> None:
        """Draw (P, 3) points of the dropper's own cord and mark them as its path."""
        self.along(points, thickness)
        self.scene.mark(self.item, "wire", *points)

    def sideways(self) -> Vector:
        """Return a random direction roughly square to a hanging wire."""
        return unit(_TRACK * self.random.normal() + point(0, 1, 0) * self.random.normal())

    def end_fitting(self, at: Vector, inward: Vector, has_loop: bool) -> None:
        """Draw thimble and crimp, and the current-carrying loop 载流环 where there is one."""
        random = self.random
        t = np.linspace(0, 2 * np.pi, 20)[:, None]
        bulge = random.uniform(10, 17) * np.sin(t) * (0.4 + 0.6 * np.sin(t / 2))
        self.along(at + inward * self.eye / 2 * (1 - np.cos(t)) + _TRACK * bulge, 1.1)
        neck = at + inward * self.eye
        ends = np.array([neck - inward * 4, neck + inward * random.uniform(14, 24)])
        self.scene.add(self.item, "copper", tube(ends, self.radius * random.uniform(1.6, 2.2), 10))
        if has_loop:
            width, t = random.uniform(45, 95), np.linspace(0, 1, 16)[:, None]
            lateral = unit(_TRACK + point(0, 1, 0) * random.uniform(-0.5, 0.5))
            lateral = lateral * random.choice([-1.0, 1.0])
            begin, arch = neck + inward * 8, np.sin(np.pi * t)
            swing = lateral * width * 2 * arch * (1 - 0.3 * t)
            rise = inward * width * 1.26 * arch * (1 - t)
            self.along(begin + (at - begin) * t + swing + rise, random.uniform(1.0, 1.4))

    def damaged(self, *points: Vector) -> None:
        """Note where the cord is damaged, at (x, y, z) points."""
        self.scene.damages[self.item] = Damage(np.array(points))

    def between(self, start: Vector, end: Vector, state: State) -> None:
        """Draw the cord between the two fittings in its condition, and mark its path."""
        t = np.linspace(0, 1, 24)[:, None]
        straight = start + (end - start) * t
        length = float(np.linalg.norm(end - start))
        match state.condition:
            case "broken":
                self._broken(start, end, length, state.severity)
            case "slack":
                bow = length * (0.045 + 0.13 * state.severity)
                shape = np.sin(np.pi * t ** self.random.uniform(0.8, 1.25))
                curve = straight + self.sideways() * bow * shape
                self.damaged(*curve[6:18])
                self.cord(curve)
            case "clamp_off":
                self.damaged(end)
                self.cord(straight + _TRACK * length * 0.04 * np.sin(np.pi * t))
            case "strand_broken":
                self.cord(straight, 0.92)
                self._splayed(start, end, state.severity)
            case _:
                self.cord(straight)

    def _broken(self, start: Vector, end: Vector, length: float, severity: float) -> None:
        """Draw what is left: two free ends, a hanging lower piece, or only one piece."""
        random, down = self.random, unit(end - start)
        share, gap = random.uniform(0.12, 0.88), length * (0.09 + 0.35 * severity)
        left = random.choice(["both", "hanging", "upper", "lower"], p=[0.4, 0.35, 0.15, 0.1])
        upper = share * (length - gap if left == "both" else length)
        lower = length - gap - upper
        low = upper if left != "lower" else 0.0
        high = length - lower if left == "both" else length
        self.damaged(*(start + down * (low + (high - low) * _ALONG)))
        if left != "lower":
            tip = self._free_end(start, down, max(upper, 2.0), random.uniform(0, 0.25))
            self.scene.mark(self.item, "upper_free_end", tip)
        if left == "both":
            tip = self._free_end(end, -down, lower, random.uniform(0, 0.2))
            self.scene.mark(self.item, "lower_free_end", tip)
        elif left in ("hanging", "lower"):
            away = unit(-down * random.uniform(0.1, 0.8) + _TRACK * random.normal())
            piece = max(length - upper, 40.0) * random.uniform(0.3, 0.9)
            tip = self._free_end(end, away, piece, random.uniform(0.2, 0.8))
            self.scene.mark(self.item, "lower_free_end", tip)

    def _free_end(self, start: Vector, direction: Vector, length: float, curl: float) -> Vector:
        """Draw a piece that ends in the air, with up to four loose strands; return its tip."""
        t = np.linspace(0, 1, 12)[:, None]
        points = start + direction * length * t + self.sideways() * curl * length * t**2
        self.cord(points)
        tip: Vector = points[-1]
        onward = unit(points[-1] - points[-2])
        for _ in range(int(self.random.integers(0, 5))):
            strand = unit(onward + self.random.normal(size=3) * 0.5) * self.random.uniform(6, 25)
            self.along(np.array([tip - onward * 3, tip + strand]), 0.35)
        return tip

    def _splayed(self, start: Vector, end: Vector, severity: float) -> None:
        """Draw one to three cut strands that leave the cord."""
        random, down = self.random, unit(end - start)
        at, t = random.uniform(0.2, 0.8), np.linspace(0, 1, 8)[:, None]
        self.damaged(start + (end - start) * at)
        for _ in range(1 + int(severity * 2.99)):
            reach = random.uniform(40, 140) * (0.5 + severity)
            leave = down * random.choice([-1.0, 1.0]) * 0.8 * t + self.sideways() * 0.6 * t**1.3
            self.along(start + (end - start) * at + leave * reach, max(0.4, 1 / self.radius))
            at += random.uniform(-0.05, 0.05)
