"""Rod and disc insulators 绝缘子 as turned bodies, whole or damaged.

Dimensions are our starting values within what is usual on 25 kV lines: rod insulators of
430-640 mm with 8-30 sheds of 100-216 mm, in half of the composite and a third of the porcelain
ones in two alternating sizes, and strings of cap-and-pin discs of 200-300 mm.
"""

from dataclasses import dataclass, replace

import numpy as np

from catenary.simulation.foreign import Perch, foreign_object
from catenary.simulation.meshes import Mesh, lathe
from catenary.simulation.scene import Damage, Item, Scene, Soiling, State, Vector, unit

_CAP = 0.1  # share of the length that each end fitting takes
_ROD_MM = 1000.0  # longest rod of a cantilever
_STEPS = np.linspace(0, 1, 13)
_FITTING = np.array([[0.0, 38], [0.1, 46], [0.8, 46], [1, 40]])  # position, radius in mm


@dataclass(frozen=True, slots=True)
class _Form:
    """Shape of one insulator; radii and pitch in mm."""

    kind: str
    material: str
    pitch: float
    core: float
    radius: float
    small: float  # radius of every second shed as a share of the others


def insulator(
    scene: Scene,
    ends: tuple[Vector, Vector],
    part_id: str,
    state: State,
    random: np.random.Generator,
    kind: str = "",
) -> int:
    """Add an insulator between two points.

    Severity of ``shed_missing``: the share of one shed that is lost, 0.75 to 1; of
    ``shed_broken``: the sector broken off it, 40 to 145 degrees; of ``flashover``: the burnt share
    of the length, 0.1 to 0.54; of ``contaminated``: how dark the dirt is; of ``foreign_object``:
    the size of what hangs on it, 0.15 to 0.8 of the length.

    Args:
        scene: Added to.
        ends: (x, y, z) of both ends, mm.
        part_id: Identity.
        state: Normal or a condition named above.
        random: Decides shape and damage.
        kind: ``"porcelain"``, ``"composite"`` or ``"disc"``; drawn when empty.

    Returns:
        Index of the item.
    """
    start, end = ends
    axis, length = unit(end - start), float(np.linalg.norm(end - start))
    form = _form(
        kind or str(random.choice(["porcelain", "composite", "disc"], p=[0.7, 0.2, 0.1])), random
    )
    item = scene.item(Item("insulator", part_id, state))
    scene.mark(item, "axis", *ends)
    for name, share in (("end_1", _CAP / 2), ("end_2", 1 - _CAP / 2)):  # middles of the fittings
        scene.mark(item, name, start + axis * length * share)
    for low, high in ((0, _CAP), (1 - _CAP, 1)):
        cap = lathe(start + axis * length * low, start + axis * length * high, _FITTING, 24)
        scene.add(item, "steel", cap)
    body = length * (1 - 2 * _CAP)
    count = max(4 if form.kind == "disc" else 8, int(body / form.pitch))
    if length < _ROD_MM:  # longer ones are strings, alone in close views
        count = min(count, 30)
    hurt = int(random.integers(1, count - 1))
    for index in range(count):
        foot = start + axis * (length * _CAP + index * body / count)
        ends_of_shed = (foot, foot + axis * body / count)
        sized = replace(form, radius=form.radius * (form.small if index % 2 else 1.0))
        _shed(scene, item, ends_of_shed, sized, state if index == hurt else State(), random)
    if state.condition in ("flashover", "contaminated"):
        at, seed = random.uniform(0.25, 0.75), int(random.integers(1 << 16))
        scene.damages[item] = Damage((start + axis * length * at)[None])
        scene.soilings.append(Soiling(item, start, axis, length, state, at, seed))
    if state.condition == "foreign_object":
        spot = start + (end - start) * random.uniform(0.3, 0.7)
        scene.damages[item] = Damage(spot[None])
        size = length * (0.15 + 0.65 * state.severity)
        hanging = Perch(spot, axis, form.radius)
        foreign_object(scene, hanging, f"{part_id}-object", size, random)
    return item


def _form(kind: str, random: np.random.Generator) -> _Form:
    has_two_sizes = kind != "disc" and random.random() < (0.5 if kind == "composite" else 0.35)
    small = random.uniform(0.72, 0.88) if has_two_sizes else 1.0
    if kind == "disc":
        material = str(random.choice(["glass", "porcelain", "porcelain_brown"]))
        pitch, radius = random.uniform(95, 170), random.uniform(100, 150)
        return _Form(kind, material, pitch, random.uniform(22, 32), radius, small)
    if kind == "porcelain":
        material = str(random.choice(["porcelain", "porcelain_brown"], p=[0.85, 0.15]))
        core, pitch = random.uniform(42, 60), random.uniform(26, 48)
        # Half of them are ribbed rather than shedded, as on the real night photograph.
        depth = random.uniform(8, 20) if random.random() < 0.5 else random.uniform(20, 48)
        return _Form(kind, material, pitch, core, core + depth, small)
    core = random.uniform(18, 28)
    return _Form(
        kind, "silicone", random.uniform(15, 36), core, core + random.uniform(28, 55), small
    )


def _shed(
    scene: Scene,
    item: int,
    ends: tuple[Vector, Vector],
    form: _Form,
    state: State,
    random: np.random.Generator,
) -> None:
    """Add one shed with its piece of core."""
    foot, top = ends
    middle = foot + (top - foot) * 0.5
    if form.kind == "disc":  # cap and pin between two discs
        cap = np.array([[0, form.core], [0.3, form.core + 8], [1, form.core + 5]])
        scene.add(item, "steel", lathe(middle, top, cap, 20))
    if state.condition == "shed_missing":
        scene.damages[item] = Damage(middle[None])
        stump = (_outline(form) - form.core) * 0.25 * (1 - state.severity)
        bare = np.stack([_STEPS, form.core * random.uniform(0.8, 1.0, 13) + stump], axis=1)
        material = "steel" if form.kind == "disc" else form.material
        scene.add(item, material, lathe(foot, top, bare, 24))
        return
    mesh = lathe(foot, top, np.stack([_STEPS, _outline(form)], axis=1), 36)
    if state.condition == "shed_broken":
        mesh, outward, reach = _bitten(mesh, (foot, top), form, state.severity, random)
        rim = foot + (top - foot) / 3 + outward * form.radius
        scene.damages[item] = Damage(rim[None], outward, reach)
    scene.add(item, form.material, mesh)


def _outline(form: _Form) -> Vector:
    """Return the radius in mm at each of `_STEPS` along one pitch."""
    t, core, radius = _STEPS, form.core, form.radius
    if form.kind == "porcelain":
        rise = np.sin(np.clip(t / 0.75, 0, 1) * np.pi).clip(0) ** 0.8
        return np.where(t < 0.75, core + (radius - core) * rise, core)
    if form.kind == "composite":
        rise = np.clip(1 - np.abs(t - 0.22) / 0.2, 0, 1) ** 0.6
        return core + (radius - core) * rise
    rise = np.sin(np.clip(t / 0.5, 0, 1) * np.pi).clip(0) ** 0.5
    return np.where(t < 0.5, core + (radius - core) * rise, core)


def _bitten(
    mesh: Mesh,
    ends: tuple[Vector, Vector],
    form: _Form,
    severity: float,
    random: np.random.Generator,
) -> tuple[Mesh, Vector, float]:
    """Break a sector of 20 to 70 degrees to each side off a shed.

    Returns:
        What is left, the direction of the sector's middle (unit vector) and its half angle in rad.
    """
    foot, axis, core = ends[0], unit(ends[1] - ends[0]), form.core
    side = unit(np.cross(axis, random.normal(size=3)))
    third = np.cross(axis, side)
    where, half = random.uniform(-np.pi, np.pi), 0.35 + 0.9 * severity
    from_foot = mesh.corners - foot
    along = (from_foot @ axis)[..., None] * axis
    outward = from_foot - along
    radius = np.linalg.norm(outward, axis=-1)
    angle = np.arctan2(outward @ third, outward @ side)
    distance = np.abs((angle - where + np.pi) % (2 * np.pi) - np.pi)
    ragged = 1.3 * (1 - distance / half) * (0.85 + 0.15 * np.sin(7 * angle))
    kept = radius - (radius - core).clip(0) * np.clip(ragged, 0, 1)
    left = Mesh(foot + along + outward * (kept / radius.clip(1e-6))[..., None], mesh.normals)
    return left, side * np.cos(where) + third * np.sin(where), half
