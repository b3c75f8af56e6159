"""Posts that carry cantilevers: masts 支柱, davits 吊柱, their seats and number plates 杆号牌.

Dimensions are our starting values: H-steel of 240-280 mm with 10 mm flanges, round concrete of
300-340 mm at the arms with a taper of 1:75 in diameter, lattice columns of 280 mm, davits of
150-180 mm tube. Each post fills the 140 mm from its axis to where the cantilever's seats begin.
"""

import numpy as np

from catenary.simulation.bolts import M12, M16, M20, Hole, plain_bolt
from catenary.simulation.build import Build, Post
from catenary.simulation.meshes import Mesh, bar, box, lathe, tube
from catenary.simulation.plates import add_plate
from catenary.simulation.scene import Vector, point

_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)
FACE_MM = 140.0  # from the post's axis to where the cantilever's seats begin
_BEAM_MM = 700.0  # height of a portal beam
_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))


def add_post(build: Build, roof: float | None) -> float:
    """Add what carries the cantilever, often with a number plate.

    Args:
        build: Added to.
        roof: Height of a tunnel's roof over the post, mm; None in the open, where a davit gets a
            portal beam to hang from.

    Returns:
        Height of the post's upper end, mm.
    """
    random, over = build.random, build.contact + build.system
    top = over + random.uniform(250, 2300)
    low = 0.0
    match build.post:
        case Post.H_STEEL:
            half = _h_steel(build, top)
        case Post.CONCRETE:
            half = _concrete(build, top)
        case Post.LATTICE:
            half = _lattice(build, top)
        case Post.DAVIT:
            low = build.contact - random.uniform(1050, 1300)
            top = roof if roof is not None else _portal(build, over + random.uniform(600, 1300))
            half = _davit(build, low, top)
    if random.random() < 0.6:
        height = random.uniform(3500, 5200) if low == 0 else low + random.uniform(200, 500)
        aside = build.side * random.uniform(-30, 30)
        build.plate = point(-half - 13, build.mast_y + aside, height)
        add_plate(build, build.plate)
    return top


def add_seats(build: Build, roots: tuple[Vector, Vector]) -> None:
    """Add the seats of a cantilever's two arms on its post, at (x, y, z) in mm.

    A cantilever beside the post, one of two, hangs from a cross-beam.
    """
    for root in roots:
        middle = point(0, build.mast_y, root[2])
        if build.x:
            ends = np.array([-_X * 90, _X * (build.x + np.sign(build.x) * 90)])
            channel = middle + ends - _Y * build.side * (FACE_MM - 30)
            build.scene.add(build.ground, "mast", bar(channel[0], channel[1], 110, 60, _Z))
        if build.post in (Post.CONCRETE, Post.DAVIT):
            _hoop(build, middle)
        else:
            _bolted_plate(build, middle)


def _h_steel(build: Build, top: float) -> float:
    """Add flanges, web, cap and zinc scraped off the edges; return half its width in mm."""
    random, y = build.random, build.mast_y
    deep, wide = random.uniform(118, 132), random.uniform(90, 125)
    middle = top / 2
    flanges = [box(point(0, y + k * deep, middle), np.eye(3), (wide, 7, middle)) for k in (-1, 1)]
    web = box(point(0, y, middle), np.eye(3), (5, deep, middle))
    cap = box(point(0, y, top + 8), np.eye(3), (wide + 15, deep + 20, 8))
    build.scene.add(build.ground, "mast", web, cap, *flanges)
    for _ in range(int(random.integers(4, 16))):
        sides = random.choice([-1, 1], 2)
        at = point(
            sides[0] * wide, y + sides[1] * deep, top - random.uniform(0, 1) ** 2 * (top - 3500)
        )
        size = (random.uniform(2, 7), 8.0, random.uniform(4, 45))
        build.scene.add(build.ground, "steel", box(at, np.eye(3), size))
    return wide


def _concrete(build: Build, top: float) -> float:
    """Add a tapered round mast; return its radius at the arms in mm."""
    random, y = build.random, build.mast_y
    at_arms = random.uniform(150, 170)
    ends = [at_arms + (build.contact - z) / 150 for z in (0.0, top)]
    profile = np.array([[0, ends[0]], [1, ends[1]], [1, 0.1]])
    mesh = lathe(point(0, y, 0), point(0, y, top), profile, 28)
    build.scene.add(build.ground, "concrete", mesh)
    return at_arms + 15


def _lattice(build: Build, top: float) -> float:
    """Add four angle bars with lacing on all sides; return half its width in mm."""
    random, y = build.random, build.mast_y
    half = FACE_MM - 20
    corners = [point(a * half, y + b * half, 0) for a, b in _CORNERS]
    meshes = [
        bar(at + axis * sign * 22, at + axis * sign * 22 + _Z * top, 50, 7, axis)
        for at, corner in zip(corners, _CORNERS, strict=True)
        for axis, sign in ((_X, -corner[0]), (_Y, -corner[1]))
    ]
    panel = random.uniform(380, 620)
    levels = np.arange(max(top - panel * 12, 0), top - panel, panel)
    for number, z in enumerate(levels):
        for k in range(4):
            low, high = corners[k], corners[(k + 1) % 4]
            if (number + k) % 2:
                low, high = high, low
            square = np.cross(high - low, _Z)
            meshes.append(bar(low + _Z * z, high + _Z * (z + panel), 6, 45, square))
    build.scene.add(build.ground, "mast", *meshes)
    return half


def _davit(build: Build, low: float, top: float) -> float:
    """Add a tube with its bolted base plate under a roof or beam; return its radius in mm."""
    random, y = build.random, build.mast_y
    radius = random.uniform(75, 90)
    pipe = tube(np.array([[0, y, low], [0, y, top]]), radius, 24)
    plate = box(point(0, y, top - 12), np.eye(3), (190, 190, 12))
    gussets = [
        bar(
            point(a * radius, y + b * radius, top - 210),
            point(a * 165, y + b * 165, top - 20),
            10,
            60,
            point(-b, a, 0),
        )
        for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    build.scene.add(build.ground, "mast", pipe, plate, *gussets)
    for a, b in _CORNERS:
        hole = Hole(point(a * 155, y + b * 155, top - 24), -_Z, 24, M20)
        plain_bolt(build.scene, build.ground, hole, random)
    return radius


def _portal(build: Build, under: float) -> float:
    """Add a lattice beam across the tracks on two legs; return its underside's height, mm."""
    reach = np.array([build.mast_y + build.side * 2500, -build.side * 9500])
    heights = (under + 40, under + _BEAM_MM - 40)
    chords = [
        bar(point(x, reach[0], z), point(x, reach[1], z), 80, 80, _X)
        for x in (-250, 250)
        for z in heights
    ]
    ys = np.linspace(reach[0], reach[1], 15)
    lacing = [
        bar(point(x, ys[k], heights[k % 2]), point(x, ys[k + 1], heights[(k + 1) % 2]), 45, 45, _X)
        for x in (-250, 250)
        for k in range(len(ys) - 1)
    ]
    legs = [tube(np.array([[0, y, 0], [0, y, under + _BEAM_MM]]), 190, 16) for y in reach]
    build.scene.add(build.ground, "mast", *chords, *lacing, *legs)
    return under


def _hoop(build: Build, middle: Vector) -> None:
    """Add a hoop 抱箍 of two halves, bolted at its ears."""
    away = -_Y * build.side
    radius = 168.0 if build.post is Post.CONCRETE else 92.0
    ring = np.array([middle - _Z * 38, middle + _Z * 38])
    bracket = bar(middle, middle + away * (FACE_MM + 45), 150, 110, _X)
    meshes: list[Mesh] = [tube(ring, radius, 28), bracket]
    for k in (-1, 1):
        ear = middle + _X * k * (radius + 24)
        meshes.append(box(ear, np.eye(3), (30, 14, 36)))
        for z in (-18, 18):
            hole = Hole(ear + _X * k * 6 + _Z * z + away * 14, away, 28, M12)
            plain_bolt(build.scene, build.ground, hole, build.random)
    build.scene.add(build.ground, "steel", *meshes)


def _bolted_plate(build: Build, middle: Vector) -> None:
    """Add a plate across the post's face, bolted at its corners, with two ears."""
    away = -_Y * build.side
    at = middle + away * (FACE_MM + 2)
    build.scene.add(build.ground, "steel", box(at, np.eye(3), (115, 9, 110)))
    for a, b in _CORNERS:
        hole = Hole(at + _X * a * 90 + _Z * b * 85 + away * 9, away, 18, M16)
        plain_bolt(build.scene, build.ground, hole, build.random)
