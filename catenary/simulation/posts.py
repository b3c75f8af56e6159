"""Masts 支柱 of H-steel or concrete."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.meshes import box, tube
from catenary.simulation.plates import add_plate
from catenary.simulation.scene import point


def add_mast(build: Build) -> None:
    """Add an H-steel or concrete mast, often with its number plate."""
    random, y = build.random, build.mast_y
    if random.random() < 0.7:  # H-steel
        width = random.uniform(110, 140)
        face = width * 0.8
        middle = [point(0, y + side * width, 4500) for side in (-1, 1)]
        flanges = [box(at, np.eye(3), (width * 0.8, 10, 4500)) for at in middle]
        web = box(point(0, y, 4500), np.eye(3), (7, width, 4500))
        build.scene.add(build.ground, "mast", web, *flanges)
    else:
        concrete = np.array([[0, y, 0], [0, y, 9000.0]])
        face = random.uniform(150, 190)
        build.scene.add(build.ground, "concrete", tube(concrete, face, 28))
    if random.random() < 0.6:
        aside = build.side * random.uniform(-30, 30)
        add_plate(build, point(build.x - face - 20, y + aside, random.uniform(3500, 5600)))
