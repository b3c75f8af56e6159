"""Triangle meshes of simple bodies; lengths in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first, second = _frames(along)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = (
        np.cos(angle)[None, :, None] * first[:, None]
        + np.sin(angle)[None, :, None] * second[:, None]
    )  # (P, S, 3)
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
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second  # (S, 3)
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


def _frames(along: Vectors) -> tuple[Vectors, Vectors]:
    """Return two unit vectors square to each direction (P, 3)."""
    helper = np.where(np.abs(along[:, 2:]) < 0.9, [[0.0, 0, 1]], [[1.0, 0, 0]])
    first = np.cross(along, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(along, first)


def _skin(points: Vectors, normals: Vectors) -> Mesh:
    """Join rings (P, S, 3) to a closed skin."""
    triangles: list[Vectors] = []
    directions: list[Vectors] = []
    for grid, result in ((points, triangles), (normals, directions)):
        a, b = grid[:-1], grid[1:]
        a2, b2 = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
        result.append(np.stack([a, b, b2], axis=2).reshape(-1, 3, 3))
        result.append(np.stack([a, b2, a2], axis=2).reshape(-1, 3, 3))
    return Mesh(np.concatenate(triangles), np.concatenate(directions))


def _cap(ring: Vectors, middle: Vectors, normal: Vectors) -> Mesh:
    following = np.roll(ring, -1, axis=0)
    corners = np.stack([np.broadcast_to(middle, ring.shape), ring, following], axis=1)
    return Mesh(corners, np.broadcast_to(normal, corners.shape).copy())
