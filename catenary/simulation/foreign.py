"""Foreign objects 异物 on tubes, wires and insulators: nests, films and branches.

Sizes are our starting values: nests of 200-600 mm, films of 0.15-1.5 m, branches of 0.3-1.5 m.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.meshes import Mesh, joined, lathe, sheet, tube
from catenary.simulation.scene import Damage, Item, Scene, State, Vector, point, unit

_Z = point(0, 0, 1)
_RANGES = {"nest": (200.0, 600.0), "film": (150.0, 1500.0), "branch": (300.0, 1500.0)}  # mm


@dataclass(frozen=True, slots=True, eq=False)
class Perch:
    """Where something can hang.

    Attributes:
        at: (x, y, z) on the axis of what carries it, mm.
        axis: Direction of that.
        radius: Of that, mm.
    """

    at: Vector
    axis: Vector
    radius: float


def add_foreign_object(build: Build, perches: Mapping[str, Sequence[Perch]]) -> None:
    """Add a nest, a film or a branch to a mast at the rate of each.

    Severity: its size within 200-600 mm (``nest``, its width), 150-1500 mm (``film``, how far it
    hangs down) or 300-1500 mm (``branch``, its length). Line: ``perch``, where it hangs.

    Args:
        build: Added to.
        perches: By condition, the places where it is found.
    """
    name = "foreign-object"
    state, random = build.state("foreign_object", name), build.own(name)
    if state.condition not in _RANGES:
        return
    choices = perches[state.condition]
    perch = choices[int(random.integers(len(choices)))]
    low, high = _RANGES[state.condition]
    size = low + (high - low) * state.severity
    _add(build.scene, perch, (build.name(name), state), size, random)


def foreign_object(
    scene: Scene, perch: Perch, part_id: str, size: float, random: np.random.Generator
) -> None:
    """Add a film or a branch of ``size`` mm, labelled with the severity that its size means."""
    kind = str(random.choice(["film", "branch"]))
    low, high = _RANGES[kind]
    severity = float(np.clip((size - low) / (high - low), 0.02, 1))
    _add(scene, perch, (part_id, State(kind, severity)), size, random)


def _add(
    scene: Scene,
    perch: Perch,
    identity: tuple[str, State],
    size: float,
    random: np.random.Generator,
) -> None:
    part_id, state = identity
    item = scene.item(Item("foreign_object", part_id, state, (("perch", perch.at[None]),)))
    match state.condition:
        case "nest":
            scene.add(item, "twig", _nest(perch, size, random))
        case "film":
            scene.add(item, "film", _film(perch, size, random))
        case _:
            wood, leaves = _branch(perch, size, random)
            scene.add(item, "twig", wood)
            if leaves is not None:
                scene.add(item, "leaf", leaves)
    own = [body.mesh.corners.reshape(-1, 3) for body in scene.bodies if body.item == item]
    corners = np.concatenate(own)
    scene.damages[item] = Damage(corners[:: max(1, len(corners) // 40)])


def _nest(perch: Perch, width: float, random: np.random.Generator) -> Mesh:
    """Return a flattened heap of bent twigs, hollow at the top, resting on its perch."""
    half = width / 2
    middle = perch.at + _Z * (perch.radius + half * 0.42)
    # Moss and earth between the twigs: without them one would see through.
    profile = [[0, half * 0.1], [0.25, half * 0.5], [0.75, half * 0.72], [0.9, half * 0.6]]
    low, high = middle - _Z * half * 0.42, middle + _Z * half * 0.2
    twigs = [lathe(low, high, np.array([*profile, [0.7, 0.1]]), 24)]
    for _ in range(int(120 + width * 0.8)):
        # A point of the heap, and a twig that runs round it with some disorder.
        round_ = random.uniform(0, 2 * np.pi)
        share, rise = np.sqrt(random.uniform(0.05, 1)), random.uniform(-0.5, 0.45)
        out = point(np.cos(round_), np.sin(round_), 0)
        place = middle + out * half * 0.8 * share + _Z * rise * half * (0.5 + 0.7 * share)
        lie = unit(np.cross(out, _Z) + random.normal(size=3) * [0.6, 0.6, 0.28])
        long = width * random.uniform(0.18, 0.6)
        t = np.linspace(-0.5, 0.5, 4)[:, None]
        sag = -_Z * random.uniform(0, 0.12) - out * random.uniform(0, 0.5) * share
        course = place + lie * long * t + sag * long * 2 * t**2
        course += random.normal(size=course.shape) * long * 0.02
        twigs.append(tube(course, random.uniform(1.0, 3.2), 5))
    return joined(twigs)


def _film(perch: Perch, size: float, random: np.random.Generator) -> Mesh:
    """Return a rag of thin film: wound once around its perch, the rest blown to one side."""
    rows, columns = 34, 15
    width = size * random.uniform(0.25, 0.6)
    axis = unit(perch.axis)
    down = unit(-_Z + axis * (axis @ _Z)) if abs(axis @ _Z) < 0.95 else point(1, 0, 0)
    side = np.cross(axis, down)
    u = np.linspace(-0.5, 0.5, columns)[None, :]
    v = np.linspace(0, 1, rows)[:, None]
    corners = np.linspace(0, columns - 1, 5)
    torn = np.interp(np.arange(columns), corners, random.uniform(0, 0.45, 5))
    ragged = 1 - torn[None, :] * v**2
    fall = np.clip((v - 0.15) / 0.85, 0, 1) * size * ragged
    wrap = 2 * np.pi * np.clip(v / 0.15, 0, 1)
    radius = perch.radius + 3
    wind, phase = random.normal() * 0.5, random.uniform(0, 6)
    gather = 0.35 + 0.65 * np.sqrt(v)  # bunched where it is caught
    folds = np.sin(u * random.uniform(9, 18) + phase + 4 * v) * 0.07 * width * (0.3 + v)
    flutter = np.sin(v * random.uniform(4, 9) + phase) * 0.12 * size * v + folds
    along = axis * (u * width * gather + wind * fall * 0.4)[..., None]
    lengthwise = down * (radius * np.cos(wrap) + fall * np.sqrt(1 / (1 + wind**2)))[..., None]
    sideways = side * (radius * np.sin(wrap) + flutter + wind * fall * 0.6)[..., None]
    return sheet(perch.at + along + lengthwise + sideways)


def _branch(perch: Perch, size: float, random: np.random.Generator) -> tuple[Mesh, Mesh | None]:
    """Return the wood of a branch that lies across its perch, and its leaves if it has any."""
    axis = unit(perch.axis)
    # Aslant: a branch that lay square across would point at the camera and not be seen.
    aslant = axis * random.choice([-1.0, 1.0]) * random.uniform(0.6, 1.8)
    across = unit(np.cross(axis, _Z) + aslant + _Z * random.normal() * 0.3)
    middle = perch.at + _Z * (perch.radius + size * 0.012)
    t = np.linspace(-0.5, 0.5, 12)[:, None]
    bend = -_Z * random.uniform(0.1, 0.6) + axis * random.uniform(-0.4, 0.4)
    stem = middle + across * size * t + bend * size * t**2
    stem += np.cumsum(random.normal(size=stem.shape), axis=0) * size * 0.006
    stem += middle - stem[6]
    wood = [_tapered(stem, size * 0.012)]
    leaves: list[Mesh] = []
    has_leaves = random.random() < 0.5
    for place in random.integers(1, 12, int(6 + size / 90)):
        grow = unit(across + random.normal(size=3) * 0.7)
        long = size * random.uniform(0.08, 0.3)
        s = np.linspace(0, 1, 6)[:, None]
        droop = -_Z * random.uniform(0, 0.4) + random.normal(size=3) * 0.15
        twig = stem[place] + long * (grow * s + droop * s**2)
        wood.append(_tapered(twig, size * 0.005))
        if has_leaves:
            leaves += [_leaf(twig[int(k)], random) for k in random.integers(2, 6, 4)]
    return joined(wood), joined(leaves) if leaves else None


def _tapered(course: Vector, radius: float) -> Mesh:
    """Return wood along a course that gets thinner in three steps."""
    cuts = np.linspace(0, len(course) - 1, 4).astype(int)
    thick = np.maximum(radius * np.array([1.0, 0.7, 0.42]), 0.8)
    return joined(
        [
            tube(course[a : b + 1], float(r), 6)
            for a, b, r in zip(cuts[:-1], cuts[1:], thick, strict=True)
        ]
    )


def _leaf(at: Vector, random: np.random.Generator) -> Mesh:
    """Return one leaf: a small bent sheet of 25 to 60 mm."""
    long = unit(random.normal(size=3) - _Z * 0.6) * random.uniform(25, 60)
    wide = unit(np.cross(long, random.normal(size=3))) * random.uniform(6, 14)
    outline = np.array([0.1, 1.0, 0.8, 0.05])[:, None, None] * np.array([-1, 0, 1])[None, :, None]
    spine = np.linspace(0, 1, 4)[:, None, None] * long
    return sheet(at + spine + outline * wide - _Z * 4 * np.abs(outline))
