"""Mast number plates 杆号牌 with the mast's number, on two brackets.

Plates of 220 x 320 mm with one or two rows of characters: our starting values.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import NORMAL
from catenary.simulation.build import Build
from catenary.simulation.extrusion import flat
from catenary.simulation.meshes import Mesh, box
from catenary.simulation.motion import Motion
from catenary.simulation.scene import Damage, Item, State, Vector, point
from catenary.simulation.shading import value_noise

_CELL = 4.0  # mm: the grain in which characters and dirt are drawn
_HALF = (110.0, 160.0)  # mm
_MARGIN = 4  # cells left free around the characters
_BENT = 12  # cells side by side in one piece of a rolled plate, so that its characters bend too
_X, _Y, _Z = point(1, 0, 0), point(0, 1, 0), point(0, 0, 1)


def add_plate(build: Build, at: Vector) -> None:
    """Add a number plate that faces along the track, away from its mast.

    Severity of ``missing`` is always 1: only the brackets are left; of ``unreadable``: the share of
    the plate under dirt or rust, 0.25 to 0.9, or the angle by which it is rolled up, 40 to 100
    degrees, turned aside. Points: ``corner_1`` to ``corner_4``, from
    the top left one clockwise, as its reader sees it.

    Args:
        build: Added to.
        at: (x, y, z) of its middle, before or behind the mast, mm.
    """
    state, random = build.state("number_plate", "plate"), build.own("plate")
    wide, high = _HALF
    scene, facing = build.scene, float(np.sign(at[0] - build.x)) or -1.0
    signs = np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)], float)
    corners = at + signs[:, :1] * wide * facing * _Y + signs[:, 1:] * high * _Z
    hull = corners if state.condition == "missing" else None
    points = tuple((f"corner_{k}", corner[None]) for k, corner in enumerate(corners, start=1))
    item = scene.item(Item("number_plate", build.name("plate"), state, points, hull))
    if state.condition != NORMAL:
        scene.damages[item] = Damage(at[None], _X * facing)
    for k in (-1, 1):
        strap = at + _Z * k * 90 - _X * facing * 9
        scene.add(item, "steel", box(strap, np.eye(3), (4, 125, 14)))
        for side in (-1, 1):
            screw = at + _Z * k * 90 + _Y * side * 80
            scene.add(item, "steel", box(screw, np.eye(3), (7, 7, 7)))
    if hull is None:
        _draw_face(build, item, at, (facing, state, random))


def add_face(build: Build, item: int, at: Vector, facing: float) -> float:
    """Draw a sound plate without brackets that faces along the track; return half its height.

    Args:
        build: Its mast's number is written.
        item: Of the plate.
        at: (x, y, z) of its middle, mm.
        facing: +1 or -1, the direction along the track.
    """
    _draw_face(build, item, at, (facing, State(), build.own("plate")))
    return _HALF[1]


def _draw_face(
    build: Build, item: int, at: Vector, how: tuple[float, State, np.random.Generator]
) -> None:
    number = build.mast_id.rsplit("/", 1)[-1]
    for material, mesh in _face(number, at, *how):
        build.scene.add(item, material, mesh)


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
        longest = _BENT if is_rolled else where.shape[1]
        mesh = _pieces(where, longest, at + _X * facing * (2.0 + depth * 0.8), facing)
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
    ys, xs = np.mgrid[: shape[0], : shape[1]].reshape(2, -1) * np.float32(_CELL)
    places, seed = np.stack([xs, ys, 0 * xs], axis=1), int(random.integers(1 << 20))
    noise = value_noise(places, 90.0, seed) + 0.5 * value_noise(places, 25.0, seed + 1)
    noise = noise.reshape(shape)
    covered: NDArray[np.bool_] = noise > np.quantile(noise, 1 - share)
    return covered


def _pieces(where: NDArray[np.bool_], longest: int, at: Vector, facing: float) -> Mesh:
    """Return flat pieces that cover the set cells, none longer than ``longest`` cells across."""
    top, left, rows, columns = _rectangles(where, longest).T
    tall, wide = np.array(where.shape) / 2
    # Seen from the front, characters run to the reader's right.
    ys = [facing * (x - wide) * _CELL for x in (left, left + columns)]
    zs = [(tall - y) * _CELL for y in (top, top + rows)]
    x = np.zeros(len(top))
    corners = [np.stack([x, ys[a], zs[b]], axis=1) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    quads = at + np.stack(corners, axis=1)
    return flat(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))


def _rectangles(where: NDArray[np.bool_], longest: int) -> NDArray[np.int64]:
    """Return top, left, height and width (N, 4) of rectangles of set cells.

    Runs of cells in a row, cut to ``longest``; equal ones in rows below each other are one.
    """
    done: list[tuple[int, int, int, int]] = []
    still_open: dict[tuple[int, int], int] = {}  # first row, by column and width
    for row, cells in enumerate([*where, np.zeros(where.shape[1], bool)]):
        runs = set(_runs(cells, longest))
        for (column, width), top in still_open.items():
            if (column, width) not in runs:
                done.append((top, column, row - top, width))
        still_open = {run: still_open.get(run, row) for run in runs}
    return np.array(sorted(done))


def _runs(cells: NDArray[np.bool_], longest: int) -> Iterator[tuple[int, int]]:
    """Yield column and width of each run of set cells, long ones cut."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], cells, [0]])))
    for start, stop in edges.reshape(-1, 2).tolist():
        for column in range(start, stop, longest):
            yield column, min(longest, stop - column)


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
