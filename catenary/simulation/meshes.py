"""Triangle meshes of simple bodies; lengths in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
Point = Sequence[float] | Vectors  # (x, y, z)


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles with a normal at each corner.

    Attributes:
        corners: (T, 3, 3) float64, three points a triangle, mm.
        normals: (T, 3, 3) float64, unit vectors.
    """

    corners: Vectors
    normals: Vectors


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return all triangles of several meshes."""
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
    )


def tube(points: Sequence[Point] | Vectors, radius: float, sides: int = 12) -> Mesh:
    """Return a round tube along a polyline, with flat ends.

    Args:
        points: At least two (x, y, z), mm.
        radius: mm.
        sides: Facets around; normals are smooth.
    """
    path = np.asarray(points, dtype=np.float64)
    along = np.empty_like(path)
    along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    along[1:-1] = path[2:] - path[:-2]
    along /= np.sqrt((along * along).sum(axis=1, keepdims=True))
    first, second = _untwisted(*_frames(along))
    cos, sin = _circle(sides)
    ring = cos * first[:, None] + sin * second[:, None]  # (P, S, 3)
    skin = _skin(path[:, None] + radius * ring, ring)
    caps = [
        _cap(path[i] + radius * ring[i], path[i], sign * along[i]) for i, sign in ((0, -1), (-1, 1))
    ]
    return joined([skin, *caps])


def lathe(start: Point, end: Point, profile: Vectors, sides: int = 40) -> Mesh:
    """Return a body turned around the axis from ``start`` to ``end``.

    Args:
        start: (x, y, z), mm.
        end: (x, y, z), mm.
        profile: (P, 2) position along the axis in [0, 1] and radius in mm.
        sides: Facets around.
    """
    base, axis = np.asarray(start, float), np.asarray(end, float) - np.asarray(start, float)
    length = np.linalg.norm(axis)
    along = axis / length
    first, second = (one[0] for one in _frames(along[None]))
    cos, sin = _circle(sides)
    ring = cos * first + sin * second  # (S, 3)
    position, radius = profile[:, 0] * length, profile[:, 1]
    points = base + position[:, None, None] * along + radius[:, None, None] * ring  # (P, S, 3)
    rise, run = np.gradient(radius), np.gradient(position)
    norm = np.hypot(rise, run) + 1e-9
    normals = (run / norm)[:, None, None] * ring - (rise / norm)[:, None, None] * along
    return _skin(points, normals)


def box(centre: Point, axes: Vectors, half: tuple[float, float, float]) -> Mesh:
    """Return a cuboid.

    Args:
        centre: (x, y, z), mm.
        axes: (3, 3) orthonormal rows.
        half: Half sizes along the axes, mm.
    """
    middle, sizes = np.asarray(centre, float), np.asarray(half, float)
    triangles, normals = [], []
    for axis in range(3):
        u, v = ((axis + 1) % 3, (axis + 2) % 3)
        for sign in (-1, 1):
            face = middle + sign * sizes[axis] * axes[axis]
            du, dv = sizes[u] * axes[u], sizes[v] * axes[v]
            a, b, c, d = face - du - dv, face + du - dv, face + du + dv, face - du + dv
            triangles += [[a, b, c], [a, c, d]]
            normals += [[sign * axes[axis]] * 3] * 2
    return Mesh(np.array(triangles), np.array(normals))


def bar(
    start: Point,
    end: Point,
    width: float,
    thickness: float,
    side: Point,
) -> Mesh:
    """Return a flat bar from ``start`` to ``end``; ``side`` is roughly along its width."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    axes = axes_along(b - a, side)
    return box((a + b) / 2, axes, (float(np.linalg.norm(b - a)) / 2, width / 2, thickness / 2))


def axes_along(direction: Point, side: Point = (0, 0, 1)) -> Vectors:
    """Return (3, 3) orthonormal rows: the direction, the side made square to it, the third."""
    x = np.asarray(direction, float)
    x = x / np.linalg.norm(x)
    y = np.asarray(side, float)
    y = y - (y @ x) * x
    if np.linalg.norm(y) < 1e-6:
        y = np.array([1.0, 0, 0]) - x[0] * x
    y = y / np.linalg.norm(y)
    return np.array([x, y, np.cross(x, y)])


def sheet(points: Vectors, normals: Vectors | None = None) -> Mesh:
    """Return a thin curved sheet through a grid of points, seen from both sides.

    Args:
        points: (A, B, 3), mm.
        normals: (A, B, 3), unit vectors; None: those of the surface through the points.
    """
    if normals is None:
        normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    corners, directions = (_cells(grid) for grid in (points, normals))
    return Mesh(corners, directions)


def egg(start: Point, end: Point, radius: float, sides: int = 10) -> Mesh:
    """Return a body that is round across and tapers to both ends, widest in the middle."""
    t = np.linspace(0, np.pi, 9)
    profile = np.stack([(1 - np.cos(t)) / 2, radius * np.sin(t) + 1e-3], axis=1)
    return lathe(start, end, profile, sides)


@lru_cache(maxsize=32)
def _circle(sides: int) -> tuple[Vectors, Vectors]:
    """Return cosine and sine (S, 1) around a circle."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    return np.cos(angle), np.sin(angle)


def _frames(along: Vectors) -> tuple[Vectors, Vectors]:
    """Return two unit vectors square to each direction (P, 3).

    Written out, since `np.cross` costs more than all else on meshes of a few triangles.
    """
    x, y, z = along.T
    first = np.zeros_like(along)
    is_level = np.abs(z) < 0.9
    first[:, 0], first[:, 1] = np.where(is_level, y, 0), np.where(is_level, -x, z)
    first[:, 2] = np.where(is_level, 0, -y)
    first /= np.sqrt((first * first).sum(axis=1, keepdims=True))
    u, v, w = first.T
    return first, np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _untwisted(first: Vectors, second: Vectors) -> tuple[Vectors, Vectors]:
    """Turn each frame (P, 3) onto the one before, or a tube would be pinched between them."""
    ahead = np.einsum("ij,ij->i", first[:-1], first[1:])
    aside = np.einsum("ij,ij->i", first[:-1], second[1:])
    turn = np.concatenate([[0.0], np.cumsum(np.arctan2(aside, ahead))])[:, None]
    cos, sin = np.cos(turn), np.sin(turn)
    return cos * first + sin * second, cos * second - sin * first


def _skin(points: Vectors, normals: Vectors) -> Mesh:
    """Join rings (P, S, 3) to a closed skin."""
    points, normals = (np.concatenate([ring, ring[:, :1]], axis=1) for ring in (points, normals))
    return sheet(points, normals)


def _cells(grid: Vectors) -> Vectors:
    """Return the corners (T, 3, 3) of two triangles for each cell of a grid (A, B, 3)."""
    first, last = grid[:-1, :-1], grid[1:, 1:]
    cells = np.empty((2, *first.shape[:2], 3, 3))
    cells[0, :, :, 0], cells[0, :, :, 1], cells[0, :, :, 2] = first, grid[1:, :-1], last
    cells[1, :, :, 0], cells[1, :, :, 1], cells[1, :, :, 2] = first, last, grid[:-1, 1:]
    return cells.reshape(-1, 3, 3)


def _cap(ring: Vectors, middle: Vectors, normal: Vectors) -> Mesh:
    corners, normals = np.empty((2, len(ring), 3, 3))
    corners[:, 0], corners[:, 1] = middle, ring
    corners[:-1, 2], corners[-1, 2] = ring[1:], ring[0]
    normals[:] = normal
    return Mesh(corners, normals)
