"""The inspection car's own parts at the lower edge of a wide picture.

As on a real night photograph: tilted lamp housings, most of them dark, some burnt out by the
lamps, a head with round lenses, drooping cables, an insulator of the pantograph. Sizes are our
starting values.
"""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.cameras import Camera
from catenary.simulation.meshes import Mesh, axes_along, box, egg, lathe, tube
from catenary.simulation.scene import Item, Scene, Vector

_WIDEST_FOCAL = 1.5  # focal length over picture width above which a camera sees none of the car


@dataclass(frozen=True, slots=True, eq=False)
class _Roof:
    """What the parts of the roof are placed with."""

    scene: Scene
    item: int
    camera: Camera
    random: np.random.Generator

    def at(self, across: float, down: float, depth: float) -> Vector:
        """Return the point at shares of the picture's width and height, ``depth`` mm away."""
        camera = self.camera
        x = (across - 0.5) * camera.width / camera.focal_px
        y = (down - 0.5) * camera.height / camera.focal_px
        place: Vector = camera.position + (np.array([x, y, 1]) * depth) @ camera.rotation
        return place

    def add(self, material: str, *meshes: Mesh) -> None:
        """Add meshes to the car."""
        self.scene.add(self.item, material, *meshes)


def car_roof(scene: Scene, camera: Camera, random: np.random.Generator) -> None:
    """Add lamp housings, camera heads, cables and an insulator low in a wide picture."""
    if camera.focal_px > _WIDEST_FOCAL * camera.width:
        return
    roof = _Roof(scene, scene.item(Item()), camera, random)
    places = np.sort(random.uniform(0.02, 1.0, int(random.integers(2, 6))))
    for across in places:
        _housing(roof, float(across))
    for _ in range(int(random.integers(0, 3))):
        _head(roof, random.uniform(0.1, 0.95))
    for _ in range(int(random.integers(1, 4))):
        _cable(roof, random.uniform(0, 0.9))
    if random.random() < 0.4:
        _pantograph_insulator(roof, random.uniform(0.05, 0.95))


def _tilted(roof: _Roof, lean: float) -> Vector:
    """Return (3, 3) rows: right, down and forward of the picture, turned at random."""
    right, down, forward = roof.camera.rotation
    direction = right + down * roof.random.uniform(-lean, lean)
    return axes_along(direction + forward * roof.random.uniform(-0.6, 0.6), down)


def _housing(roof: _Roof, across: float) -> None:
    """Add a lamp housing: a tilted case with screws along its rim, a lid, and a bright face."""
    random = roof.random
    depth, top = random.uniform(900, 1900), random.uniform(0.83, 0.97)
    half = np.array([random.uniform(60, 140), random.uniform(90, 170), random.uniform(50, 130)])
    down = top + half[1] * roof.camera.focal_px / depth / roof.camera.height
    at, axes = roof.at(across, down, depth), _tilted(roof, 0.7)
    material = str(random.choice(["case", "dark", "car"], p=[0.75, 0.15, 0.1]))
    size = (float(half[0]), float(half[1]), float(half[2]))
    roof.add(material, box(at, axes, size))
    lid = at - axes[1] * (half[1] + 4)
    roof.add(material, box(lid, axes, (size[0] + 12, 5, size[2] + 12)))
    front = at - axes[2] * (half[2] + 3)
    for a in (-0.92, 0.92):
        for b in np.linspace(-0.92, 0.92, 4):
            screw = front + axes[0] * a * half[0] + axes[1] * b * half[1]
            roof.add("steel", egg(screw, screw - axes[2] * 6, 3.5, 8))
    if random.random() < 0.5:  # a bright part half behind it, that the lamps burn out
        side = random.choice([-1, 1])
        beside = at + axes[0] * side * half[0] + axes[2] * (half[2] + 60)
        beside = beside + axes[1] * random.uniform(-0.2, 0.6) * half[1]
        roof.add("car", box(beside, _tilted(roof, 0.4), (60, size[1] * 0.4, 30)))


def _head(roof: _Roof, across: float) -> None:
    """Add a small head with a row of round lenses, on a bright foot."""
    random = roof.random
    depth, wide = random.uniform(1300, 2300), random.uniform(55, 90)
    at, axes = roof.at(across, random.uniform(0.83, 0.92), depth), _tilted(roof, 0.15)
    roof.add("case", box(at, axes, (wide, wide * 0.45, wide * 0.5)))
    front = at - axes[2] * wide * 0.5
    for k in (-0.62, 0, 0.62):
        middle = front + axes[0] * wide * k
        ring = np.array([middle, middle - axes[2] * 12])
        glass = np.array([middle, middle - axes[2] * 13])
        roof.add("aluminium", tube(ring, wide * 0.27, 20))
        roof.add("dark" if k == 0 else "plate", tube(glass, wide * 0.2, 20))
    foot = at + axes[1] * wide * 1.1
    roof.add("car", box(foot, axes, (wide * 0.4, wide * 0.7, wide * 0.3)))
    roof.add("case", box(foot + axes[1] * wide * 1.7, axes, (wide * 0.9, wide, wide * 0.5)))


def _cable(roof: _Roof, across: float) -> None:
    """Add a cable that arches up and droops below the picture."""
    random = roof.random
    t = np.linspace(0, 1, 20)
    reach, height, depth = random.uniform(0.04, 0.16), random.uniform(0.05, 0.2), 1200.0
    low = 1.04
    line = [roof.at(across + reach * s, low - height * np.sin(np.pi * s), depth) for s in t]
    roof.add("dark", tube(np.array(line), random.uniform(7, 14), 10))


def _pantograph_insulator(roof: _Roof, across: float) -> None:
    """Add the upper part of a standing ribbed insulator."""
    random = roof.random
    depth = random.uniform(1500, 2600)
    top, foot = roof.at(across, random.uniform(0.86, 0.95), depth), roof.at(across, 1.1, depth)
    t = np.linspace(0, 1, 61)
    ribs = 38 + 16 * np.abs(np.sin(np.pi * 9 * t))
    roof.add("porcelain_brown", lathe(top, foot, np.stack([t, ribs], axis=1), 24))
    cap = np.array([top, top + (top - foot) * 0.08])
    roof.add("steel", tube(cap, 40, 20))
