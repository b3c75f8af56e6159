"""What stands around a mast: feeders, the next track, wires that cross in front of droppers."""

import numpy as np

from catenary.simulation.build import Build, Cover, Post
from catenary.simulation.droppers import dropper
from catenary.simulation.insulators import insulator
from catenary.simulation.meshes import box, tube
from catenary.simulation.scene import Item, State, Vector, point, unit
from catenary.simulation.span import Wires, drawn_span

_Z = point(0, 0, 1)
_FAR_SIDES = 8  # facets of tubes that are far away


def add_surroundings(build: Build, wires: Wires) -> None:
    """Add feeders, the next track and wires that cross in front of droppers."""
    random = build.random
    if build.cover is not Cover.TUNNEL:
        for _ in range(int(random.integers(0, 3))):
            y, z = random.uniform(-6500, 6500), random.uniform(5200, 9000)
            _add_wire(build, point(-15e3, y, z), point(25e3, y + random.uniform(-900, 900), z))
    if random.random() < 0.5:
        _add_track(build)
    # Last, so that a mast is otherwise the same with and without it.
    if random.random() < build.settings.crossing:
        top, bottom = wires.droppers[0]
        x = top[0] - random.uniform(300, 900)
        low, high = (random.uniform(bottom[2], top[2]) for _ in range(2))
        _add_wire(build, point(x, -3000, low), point(x, 3000, high))


def _add_wire(build: Build, start: Vector, end: Vector) -> None:
    wire = tube(np.array([start, end]), build.random.uniform(2.5, 8), 8)
    build.scene.add(build.ground, "cable", wire)


def _add_track(build: Build) -> None:
    """Add the next track's mast, cantilever and wires, of few triangles; its parts are normal."""
    random, scene = build.random, build.scene
    spacing = random.uniform(4600, 5300)
    middle = build.side * spacing if _is_davit_between(build) else -build.side * spacing
    x, y = random.uniform(-1500, 3000), middle + random.uniform(-300, 300)
    contact, over = build.contact + random.uniform(-60, 60), build.contact + build.system
    post = middle + np.sign(middle) * abs(build.mast_y)
    if _is_davit_between(build):
        post = build.mast_y + build.side * 250
    _far_post(build, x, post, over)
    away = float(np.sign(post - middle))
    face, end = post - away * 140, y - away * 200
    high, low = point(x, face, over - 50), point(x, face, contact - 600)
    top = point(x, end + away * 350, over - 90)
    for name, root, tip in (("flat", high, point(x, end, over - 30)), ("inclined", low, top)):
        joint = root + unit(tip - root) * 520
        part = f"track-2-insulator-{name}"
        own = build.own(part)
        insulator(scene, (root, joint), build.name(part), State(), own, "porcelain")
        _far_tube(build, f"tube-{name}", np.array([joint, tip]), build.tube_radius)
    register = np.array([low + (top - low) * 0.6, point(x, end - away * 300, contact + 330)])
    _far_tube(build, "tube-registration", register, 20)
    _far_steady_arm(build, register[1], point(x, y, contact))
    span = drawn_span(build.system, build.settings.geometry.span_m, random)
    distances = np.linspace(0, span.length / 2, 15)
    for kind, material, root, depth in (
        ("messenger_wire", "cable", point(x, y, over), span.sag),
        ("contact_wire", "wire", point(x, y, contact), span.presag),
    ):
        back, front = (span.hanging(root, depth, distances, sign) for sign in (-1, 1))
        line = np.concatenate([back[:0:-1], front])
        item = scene.item(Item(kind, build.name(f"track-2-{kind}"), lines=(("wire", line),)))
        scene.add(item, material, tube(line, 6.5, 6))
    places = [(ahead, distance) for ahead in (1, -1) for distance in span.droppers()[:2].tolist()]
    for number, (ahead, distance) in enumerate(places, start=1):
        upper = span.hanging(point(x, y, over), span.sag, distance, ahead)
        lower = span.hanging(point(x, y, contact), span.presag, distance, ahead)
        part = f"track-2-dropper-{number}"
        ends = upper - _Z * 14, lower + _Z * 12
        dropper(scene, *ends, build.name(part), State(), build.own(part))


def _is_davit_between(build: Build) -> bool:
    """Tell whether one davit stands between both tracks, as in a tunnel for two."""
    return build.cover is Cover.TUNNEL


def _far_post(build: Build, x: float, y: float, over: float) -> None:
    if build.post is Post.DAVIT:
        line = np.array([[x, y, over - 2300], [x, y, over + 600]])
        build.scene.add(build.ground, "mast", tube(line, 80, 12))
    elif build.post is Post.CONCRETE:
        line = np.array([[x, y, 0], [x, y, over + 700]])
        build.scene.add(build.ground, "concrete", tube(line, 160, 14))
    else:
        middle = (over + 700) / 2
        flanges = [box(point(x, y + k * 125, middle), np.eye(3), (100, 7, middle)) for k in (-1, 1)]
        web = box(point(x, y, middle), np.eye(3), (5, 125, middle))
        build.scene.add(build.ground, "mast", web, *flanges)


def _far_tube(build: Build, name: str, path: Vector, radius: float) -> None:
    item = Item("cantilever", build.name(f"track-2-{name}"), lines=(("axis", path),))
    mesh = tube(path, radius, _FAR_SIDES)
    build.scene.add(build.scene.item(item), build.tube_material, mesh)


def _far_steady_arm(build: Build, pipe_end: Vector, wire: Vector) -> None:
    foot = pipe_end - _Z * 190
    arm = np.array([foot, wire + _Z * 40])
    lines = (("hook", foot[None]), ("arm", arm))
    item = build.scene.item(Item("steady_arm", build.name("track-2-steady-arm"), lines=lines))
    build.scene.add(item, "steel", tube(np.array([pipe_end, foot]), 16, _FAR_SIDES))
    build.scene.add(item, build.tube_material, tube(arm, 15, _FAR_SIDES))
