"""What stands around a mast: feeders, the next track, crossing wires, the car's own roof."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.meshes import box, tube
from catenary.simulation.scene import Item, Scene, Vector, point


def add_surroundings(build: Build, ends: list[tuple[Vector, Vector]]) -> None:
    """Add feeders, wires of the next track and wires that cross in front of droppers."""
    random = build.random
    lines = []
    for _ in range(int(random.integers(0, 3))):
        y, z = random.uniform(-6500, 6500), random.uniform(5200, 9000)
        lines.append(([-15e3, y, z], [25e3, y + random.uniform(-900, 900), z]))
    if random.random() < 0.5:
        y = -build.side * random.uniform(4000, 5500)
        lines += [
            ([-2e4, y, z], [3e4, y, z]) for z in (build.contact, build.contact + build.system)
        ]
    if ends and random.random() < build.settings.crossing:
        top, bottom = ends[0]
        x = top[0] - random.uniform(300, 900)
        low, high = (random.uniform(bottom[2], top[2]) for _ in range(2))
        lines.append(([x, -3000, low], [x, 3000, high]))
    for line in lines:
        wire = tube(np.array(line, float), random.uniform(2.5, 8), 8)
        build.scene.add(build.ground, "cable", wire)


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
