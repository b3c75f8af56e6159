"""Tunnels and overbridges: walls that the car's lamps light."""

from itertools import pairwise

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.meshes import Mesh, box, sheet, tube
from catenary.simulation.scene import Vector, point

_END_MM = 250e3  # of a tunnel, to both sides of the mast
_FITTED_MM = 35e3  # to where it has joints


def add_tunnel(build: Build) -> float:
    """Add a lined tunnel with its joints, wet patches and cables; return the roof's height, mm.

    Source of the clearances: our starting values, a horseshoe of 4.6 m radius for one track and
    6.3 m for two, or a box 7.9 m high.
    """
    random = build.random
    centre = build.side * random.choice(
        [0.0, 2400.0]
    )  # two tracks: the davit is on the middle side
    profile = _horseshoe(centre) if random.random() < 0.65 else _box(centre)
    wall = build.scene.backdrop()
    build.scene.add(wall, "wall", _lining(profile, np.linspace(-_END_MM, _END_MM, 9), 0))
    floor = box(point(0, centre, profile[0, 1] - 50), np.eye(3), (_END_MM, 6500, 60))
    build.scene.add(wall, "concrete", floor)
    ring = random.uniform(6e3, 12e3)
    for x in np.arange(random.uniform(0, ring) - _FITTED_MM, _FITTED_MM, ring):
        joint = np.array([x, x + random.uniform(15, 50)])
        build.scene.add(wall, "dark", _lining(profile, joint, 3))
    for _ in range(int(random.integers(0, 7))):
        first = int(random.integers(0, len(profile) - 8))
        patch = profile[first : first + int(random.integers(3, 8))]
        x = random.uniform(-8e3, 15e3)
        across = np.array([x, x + random.uniform(80, 700)])
        build.scene.add(wall, "wet", _lining(patch, across, 2))
    for k in (-1, 1):
        _cables(build, profile, centre, k)
    inside = np.argsort(profile[:, 0])
    return float(np.interp(build.mast_y, *profile[inside].T))


def _horseshoe(centre: float) -> Vector:
    """Return (P, 2) y and z in mm of a round roof on steep walls, from foot to foot."""
    radius, middle = (4600.0, 3300.0) if centre == 0 else (6300.0, 2500.0)
    angle = np.linspace(np.pi * 1.18, -np.pi * 0.18, 41)
    return np.stack([centre + radius * np.cos(angle), middle + radius * np.sin(angle)], axis=1)


def _box(centre: float) -> Vector:
    """Return (P, 2) y and z in mm of a flat roof on upright walls, with haunches."""
    half = 4300.0 if centre == 0 else 6400.0
    corners = np.array(
        [
            [-half, 0],
            [-half, 7100],
            [-half + 700, 7900],
            [half - 700, 7900],
            [half, 7100],
            [half, 0],
        ]
    )
    steps = np.linspace(0, 1, 9)[:-1, None]
    parts = [a + (b - a) * steps for a, b in pairwise(corners)]
    profile: Vector = np.concatenate([*parts, corners[-1:]]) + np.array([centre, 0])
    return profile


def _lining(profile: Vector, xs: Vector, inset: float) -> Mesh:
    """Return a wall along ``xs``, ``inset`` mm inside the profile (P, 2)."""
    along = np.gradient(profile, axis=0)
    inward = np.stack([along[:, 1], -along[:, 0]], axis=1)
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    line = profile + inward * inset
    grid = [np.concatenate([np.full((len(line), 1), x), line], axis=1)[None] for x in xs]
    normals = np.concatenate([np.zeros((len(line), 1)), inward], axis=1)
    points = np.concatenate(grid)
    return sheet(points, np.broadcast_to(normals, points.shape))


def _cables(build: Build, profile: Vector, centre: float, side: int) -> None:
    """Add cables on brackets along one wall."""
    random = build.random
    half = profile[: len(profile) // 2]
    spacing = random.uniform(1000, 1600)
    for z in random.uniform(4300, 6000, int(random.integers(1, 4))):
        wall = abs(float(np.interp(z, half[:, 1], half[:, 0])) - centre)
        y, radius = centre + side * (wall - random.uniform(60, 140)), random.uniform(9, 26)
        line = np.array([[-_END_MM / 5, y, z], [_END_MM / 5, y, z]])
        build.scene.add(build.ground, "dark", tube(line, radius, 8))
        for x in np.arange(-9e3, 18e3, spacing):
            arm = box(point(x, y + side * 50, z - radius - 6), np.eye(3), (14, 90, 6))
            build.scene.add(build.ground, "steel", arm)


def add_bridge(build: Build) -> None:
    """Add an overbridge beside the mast: slab, beams across the track and abutments."""
    random = build.random
    width = random.uniform(6e3, 16e3)
    start = random.choice([-1, 1]) * random.uniform(1500, 7000)
    middle = start + np.sign(start) * width / 2
    under = build.contact + build.system + random.uniform(900, 1700)
    wall = build.scene.backdrop()
    slab = box(point(middle, 0, under + 150), np.eye(3), (width / 2, 14e3, 150))
    count, deep = int(width / random.uniform(1700, 2600)) + 1, random.uniform(350, 650)
    beams = [
        box(
            point(x, 0, under - deep / 2 + 5), np.eye(3), (random.uniform(120, 260), 14e3, deep / 2)
        )
        for x in np.linspace(middle - width / 2 + 300, middle + width / 2 - 300, count)
    ]
    abutments = [
        box(
            point(middle, k * random.uniform(9e3, 13e3), under / 2),
            np.eye(3),
            (width / 2, 400, under / 2),
        )
        for k in (-1, 1)
    ]
    build.scene.add(wall, "wall", slab, *beams, *abutments)
