"""Masts 支柱 and their number plates 杆号牌."""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.meshes import box, tube
from catenary.simulation.scene import Item, point


def add_mast(build: Build) -> None:
    """Add an H-steel or concrete mast, often with its number plate."""
    random, y = build.random, build.mast_y
    if random.random() < 0.7:  # H-steel
        width = random.uniform(110, 140)
        middle = [point(0, y + side * width, 4500) for side in (-1, 1)]
        flanges = [box(at, np.eye(3), (width * 0.8, 10, 4500)) for at in middle]
        web = box(point(0, y, 4500), np.eye(3), (7, width, 4500))
        build.scene.add(build.ground, "mast", web, *flanges)
    else:
        concrete = np.array([[0, y, 0], [0, y, 9000.0]])
        build.scene.add(build.ground, "concrete", tube(concrete, random.uniform(150, 190), 28))
    if random.random() < 0.6:
        plate = build.scene.item(Item("number_plate", build.name("plate")))
        at = point(-150, y - build.side * 20, random.uniform(3500, 5200))
        build.scene.add(plate, "plate", box(at, np.eye(3), (3, 110, 160)))
