"""Mast number plates 杆号牌 with the mast's number, on two brackets.

Plates of 220 x 320 mm with one or two rows of characters: our starting values.
"""

from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import NORMAL
from catenary.simulation.build import Build
from catenary.simulation.extrusion import flat
from catenary.simulation.meshes import Mesh, box
from catenary.simulation.motion import Motion
from catenary.simulation.scene import Damage, Item, State, Vector, point
from catenary.simulation.sensor import fractal

_CELL = 4.0  # mm: the grain in which characters and dirt are drawn
_HALF = (110.0, 160.0)  # mm
_MARGIN = 4  # cells left free around the characters
_LONGEST = 12  # cells in one piece, so that a bent plate bends its characters too
_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


def add_plate(build: Build, at: Vector) -> None:
    """Add a number plate that faces along the track, away from its mast.

    Severity of ``missing`` is always 1: only the brackets are left; of ``unreadable``: the share of
    the plate under dirt or rust, 0.25 to 0.9, or the angle by which it is rolled up, 40 to 100
    degrees, turned aside. Lines: ``plate_corner``, the four corners in order.

    Args:
        build: Added to.
        at: (x, y, z) of its middle, before or behind the mast, mm.
    """
    state, random = build.state("number_plate", "plate"), build.own("plate")
    wide, high = _HALF
    signs = np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)], float)
    corners = at + signs[:, :1] * wide * _Y + signs[:, 1:] * high * _Z
    scene, facing = build.scene, float(np.sign(at[0] - build.x)) or -1.0
    hull = corners if state.condition == "missing" else None
    line = (("plate_corner", corners),)
    item = scene.item(Item("number_plate", build.name("plate"), state, line, hull))
    if state.condition != NORMAL:
        scene.damages[item] = Damage(at[None], _X * facing)
    for k in (-1, 1):
        strap = at + _Z * k * 90 - _X * facing * 9
        scene.add(item, "steel", box(strap, np.eye(3), (4, 125, 14)))
        for side in (-1, 1):
            screw = at + _Z * k * 90 + _Y * side * 80
            scene.add(item, "steel", box(screw, np.eye(3), (7, 7, 7)))
    if hull is None:
        number = build.mast_id.rsplit("/", 1)[-1]
        for material, mesh in _face(number, at, facing, state, random):
            scene.add(item, material, mesh)


def _face(
    number: str, at: Vector, facing: float, state: State, random: np.random.Generator
) -> list[tuple[str, Mesh]]:
    """Return plate, characters and dirt, flat or rolled up, each with its material."""
    materials = ("plate", "ink") if random.random() < 0.6 else ("ink", "plate")
    is_rolled = random.random() < 0.3 and state.condition == "unreadable"
    cells = _characters(number)
    layers = [(materials[0], np.ones_like(cells)), (materials[1], cells)]
    if state.condition == "unreadable" and not is_rolled:
        layers.append(("rust", _dirt(cells.shape, 0.25 + 0.65 * state.severity, random)))
    drawn = []
    for depth, (material, where) in enumerate(layers):
        mesh = _pieces(where, at + _X * facing * (2.0 + depth * 0.8), facing)
        if is_rolled:
            mesh = _rolled(mesh, at, facing * np.deg2rad(40 + 60 * state.severity))
        drawn.append((material, mesh))
    return drawn


def _characters(number: str) -> NDArray[np.bool_]:
    """Return which cells (H, W) of a plate the characters of a mast's number cover."""
    text = "".join(one for one in number if one.isascii() and one.isprintable()).strip() or "0"
    shape = (int(2 * _HALF[1] / _CELL), int(2 * _HALF[0] / _CELL))
    rows = [text] if len(text) <= 3 else [text[: -(-len(text) // 2)], text[-(-len(text) // 2) :]]
    plate = np.zeros(shape, np.uint8)
    tall = (shape[0] - _MARGIN * (len(rows) + 1)) // len(rows)
    for index, row in enumerate(rows):
        drawn = _written(row, (shape[1] - 2 * _MARGIN, min(tall, 40)))
        top = _MARGIN + index * (tall + _MARGIN) + (tall - drawn.shape[0]) // 2
        left = (shape[1] - drawn.shape[1]) // 2
        plate[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return plate > 0


def _written(text: str, room: tuple[int, int]) -> NDArray[np.uint8]:
    """Return bold characters (H, W), as large as fits into (width, height) cells."""
    canvas = np.zeros((120, 70 * len(text) + 40), np.uint8)
    cv2.putText(canvas, text, (20, 95), cv2.FONT_HERSHEY_SIMPLEX, 3.0, 255, 9)
    ys, xs = np.nonzero(canvas)
    ink = canvas[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    scale = min(room[0] / ink.shape[1], room[1] / ink.shape[0])
    size = (max(1, int(ink.shape[1] * scale)), max(1, int(ink.shape[0] * scale)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    return (small > 110).astype(np.uint8)


def _dirt(shape: tuple[int, ...], share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which cells dirt or rust covers: a share of them, in blotches."""
    noise = fractal(shape[0], shape[1], random)
    covered: NDArray[np.bool_] = noise > np.quantile(noise, 1 - share)
    return covered


def _pieces(where: NDArray[np.bool_], at: Vector, facing: float) -> Mesh:
    """Return flat pieces, one for each run of set cells in a row."""
    rows, starts, counts = _runs(where)
    middle = (np.array(where.shape) - 1) / 2
    # Seen from the front, characters run to the reader's right.
    y = facing * (starts + (counts - 1) / 2 - middle[1]) * _CELL
    z = (middle[0] - rows) * _CELL
    wide, high = counts * _CELL / 2, np.full(len(rows), _CELL / 2)
    corners = [
        np.stack([np.zeros(len(rows)), y + a * wide, z + b * high], axis=1)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    quads = at + np.stack(corners, axis=1)
    return flat(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))


def _runs(where: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Return row, first column and length of each run of set cells, long ones cut."""
    found = []
    for row, cells in enumerate(where):
        column = 0
        for is_set, run in groupby(cells):
            length = len(list(run))
            for first in range(0, length, _LONGEST) if is_set else ():
                found.append((row, column + first, min(_LONGEST, length - first)))
            column += length
    rows, starts, counts = np.array(found).T
    return rows, starts, counts


def _rolled(mesh: Mesh, at: Vector, angle: float) -> Mesh:
    """Return a plate around ``at`` rolled about its upright middle by ``angle`` in rad in all."""
    radius = 2 * _HALF[0] / angle
    from_middle = mesh.corners - at
    turn = from_middle[..., 1] / radius
    rolled = np.stack(
        [
            from_middle[..., 0] + radius * (1 - np.cos(turn)),
            (radius - from_middle[..., 0]) * np.sin(turn),
            from_middle[..., 2],
        ],
        axis=-1,
    )
    aside = Motion(at, _X, 0.25 * float(np.sign(angle)))
    return flat(aside.moved(rolled + at))
