"""Grooved contact wires 接触线, whole or damaged.

A round of 12.9, 13.2 or 14.4 mm with two grooves above the middle, flanks at 27 and 51 degrees
(the form AC of EN 50149); head and neck of 9.7 and 6.8 mm are our starting values.
"""

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.extrusion import extruded
from catenary.simulation.meshes import Mesh
from catenary.simulation.scene import Vector, point, unit
from catenary.simulation.wires import Run, add_burn, damaged_stretch, sound_wire

_NEW_WEAR = (0.0, 0.6)  # mm worn off a sound contact wire
_WORN = (2.0, 4.5)  # mm worn off at severity 0, and how much more at 1


def contact_wire(build: Build, run: Run) -> None:
    """Add the contact wire.

    Its lower side is a flat, bright running face, on a sound one up to 5.8 mm wide. Severity of
    ``burned``: the length of the burnt stretch, 60 to 360 mm; of ``worn``: the depth
    worn off the lower face, 2 to 6.5 mm, where a sound wire has lost up to 0.6; of ``kinked``: the
    angle of the bend, 4 to 30 degrees. Lines: ``wire`` of the sound wire, ``damage`` of the rest.
    """
    state, random = build.state("contact_wire", "contact_wire"), build.own("contact_wire")
    radius = float(random.choice([6.45, 6.6, 7.2]))
    worn = random.uniform(*_NEW_WEAR)
    half = {
        "burned": 30 + 150 * state.severity,
        "worn": random.uniform(150, 300),
        "kinked": 130.0,
    }.get(state.condition, 0.0)
    low, high = run.spot - half, run.spot + half
    wire, first, last = sound_wire(build, run, "contact_wire"), float(run.xs[0]), float(run.xs[-1])
    pieces = [(first, low), (high, last)] if half else [(first, last)]
    for a, b in pieces:
        _add(build, wire, run.between(a, b), radius, worn)
    if not half:
        return
    path = run.between(low, high, 10.0)
    if state.condition == "kinked":
        path = _kinked(path, state.severity, random)
    item = damaged_stretch(build, "contact_wire", state, path)
    if state.condition == "burned":
        fine = run.between(low, high, 4.0)
        for material, mesh in _meshes(fine, radius, np.full(len(fine), worn)).items():
            add_burn(build, item, (mesh, material), path[[0, -1]], random)
    elif state.condition == "worn":
        _wear(build, item, path, radius, worn, state.severity)
    else:
        _add(build, item, path, radius, worn)


def grooved(radius: float, worn: float) -> Vector:
    """Return the (S, 2) outline of a contact wire: mm to the side and up from its middle.

    Args:
        radius: mm.
        worn: Depth gone from the lower face, mm.
    """
    head, neck = 4.85, 3.4  # half widths above the grooves and in them, mm
    top = float(np.sqrt(radius**2 - head**2))
    groove = top - (head - neck) * np.tan(np.deg2rad(51))
    # The lower flank falls at 27 degrees from the groove to the round.
    slope = np.tan(np.deg2rad(27))
    flank = np.linspace(neck, radius, 200)
    rim = flank[
        np.argmin(np.abs(flank**2 + (groove - 0.4 - (flank - neck) * slope) ** 2 - radius**2))
    ]
    low = groove - 0.4 - (rim - neck) * slope
    angle = np.linspace(np.arctan2(low, rim), -np.pi / 2, 9)
    round_side = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    crown = np.linspace(np.arctan2(top, head), np.pi / 2, 4)[::-1]
    above = radius * np.stack([np.cos(crown), np.sin(crown)], axis=1)
    right = np.concatenate([above, [[neck, groove], [neck, groove - 0.4]], round_side])
    right[:, 1] = np.maximum(right[:, 1], worn - radius)
    left = right[-2:0:-1] * [-1, 1]
    return np.concatenate([right, left])


def _kinked(path: Vector, severity: float, random: np.random.Generator) -> Vector:
    """Return the course with a sharp bend in the middle that dies out to both ends."""
    angle = np.deg2rad(4 + 26 * severity)
    t = np.abs(np.linspace(-1, 1, len(path)))
    length = float(np.linalg.norm(path[-1] - path[0])) / 2
    ramp = np.clip(1 - t / 0.8, 0, 1)
    # Aslant, so that it shows from below as well as from the side.
    across, up = random.uniform(0.5, 1, 2) * random.choice([-1.0, 1.0], 2)
    sideways = unit(point(0, across, up))
    bent: Vector = path + (ramp * 0.8 * length * np.tan(angle / 2))[:, None] * sideways
    return bent


def _wear(
    build: Build, item: int, path: Vector, radius: float, worn: float, severity: float
) -> None:
    """Draw a stretch whose lower face is worn further, deepest in its middle."""
    depth = _WORN[0] + _WORN[1] * severity
    bump = np.clip(np.sin(np.linspace(0, np.pi, len(path))) * 2.5, 0, 1)
    _add(build, item, path, radius, worn + (depth - worn) * bump)


def _add(build: Build, item: int, path: Vector, radius: float, worn: float | Vector) -> None:
    """Draw a wire with its running face; ``worn`` is the depth gone, mm, of all or each point."""
    for material, mesh in _meshes(path, radius, np.broadcast_to(worn, len(path))).items():
        build.scene.add(item, material, mesh)


def _meshes(path: Vector, radius: float, worn: Vector) -> dict[str, Mesh]:
    """Return a wire and its running face, which the pantographs keep flat and bright.

    Args:
        path: (P, 3) its course, mm.
        radius: mm.
        worn: (P,) depth gone from the lower side, mm.
    """
    half = np.sqrt(np.maximum(2 * radius * worn - worn**2, 0.01))
    face = np.stack([half, worn - radius - 0.15], axis=1)
    mirrored, lift = face * [-1, 1], np.array([0, 0.1])
    corners = np.stack([face, mirrored, mirrored + lift, face + lift], axis=1)
    sections = np.stack([grooved(radius, float(one)) for one in worn])
    return {"wire": extruded(path, sections), "polished": extruded(path, corners)}
