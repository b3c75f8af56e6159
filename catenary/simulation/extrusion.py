"""Meshes with edges: prisms along a path; lengths in millimetres."""

from collections.abc import Sequence

import numpy as np

from catenary.simulation.meshes import Mesh, Point, Vectors


def extruded(
    path: Sequence[Point] | Vectors, section: Vectors, up: Point = (0, 0, 1), turn: float = 0.0
) -> Mesh:
    """Return a prism along a polyline, with sharp edges and flat ends.

    Args:
        path: (P, 3), at least two points, mm.
        section: (S, 2), or (P, S, 2) where it changes along the path: mm to the side and up,
            star-shaped around its own origin.
        up: Roughly the direction of the section's second axis; not along the path.
        turn: Angle in rad by which the section is turned about the path.
    """
    course = np.asarray(path, dtype=np.float64)
    along = np.gradient(course, axis=0)
    side = _unit(np.cross(along, up))
    lift = _unit(np.cross(side, along))
    side, lift = (
        side * np.cos(turn) + lift * np.sin(turn),
        lift * np.cos(turn) - side * np.sin(turn),
    )
    across, rise = section[..., 0, None], section[..., 1, None]
    points = course[:, None] + across * side[:, None] + rise * lift[:, None]  # (P, S, 3)
    ends = [_fan(points[i], course[i]) for i in (0, -1)]
    return flat(np.concatenate([_between(points), *ends]))


def polygon(sides: int, across_flats: float) -> Vectors:
    """Return the (S, 2) outline of a regular polygon, mm between opposite flats."""
    angle = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    corner = across_flats / 2 / np.cos(np.pi / sides)
    outline: Vectors = corner * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return outline


def flat(corners: Vectors) -> Mesh:
    """Return triangles (T, 3, 3) each with the normal of its own plane."""
    normals = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    return Mesh(corners, np.repeat(normals[:, None], 3, axis=1))


def _between(rings: Vectors) -> Vectors:
    """Return two triangles for each side between neighbouring rings (P, S, 3)."""
    a, b = rings[:-1], rings[1:]
    a2, b2 = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    first = np.stack([a, b, b2], axis=2).reshape(-1, 3, 3)
    return np.concatenate([first, np.stack([a, b2, a2], axis=2).reshape(-1, 3, 3)])


def _fan(ring: Vectors, middle: Vectors) -> Vectors:
    following = np.roll(ring, -1, axis=0)
    return np.stack([np.broadcast_to(middle, ring.shape), ring, following], axis=1)


def _unit(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)
