"""What hides what: rays from the camera to points of the parts."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera
from catenary.simulation.render import Caster
from catenary.simulation.scene import Scene, Vector

NEAR_MM = 50.0  # points nearer to the camera plane are not projected
_SAMPLES = 400  # surface points of a part; the standard error of a share of 0.5 is below 0.03
_TOUCHING_MM = 2.0  # nearer than this before a point, a thing touches it and does not hide it
# Steps of a sequence that fills the unit square evenly. Source: Roberts, "The Unreasonable
# Effectiveness of Quasirandom Sequences", 2018: powers of 1 / 1.3247.
_STEPS = np.array([0.7548776662, 0.5698402910])


class Sight:
    """One camera's view of a scene, asked about points rather than pixels."""

    def __init__(self, scene: Scene, camera: Camera, caster: Caster | None = None) -> None:
        """Take a scene of at least one body, and its caster where there is one already."""
        self.camera, self._caster = camera, caster or Caster(scene, 0)
        self._triangles: dict[int, list[Vector]] = {}
        for body in scene.bodies:
            self._triangles.setdefault(body.item, []).append(body.mesh.corners)

    def triangles(self, item: int) -> Vector:
        """Return the corners (T, 3, 3) of an item's triangles in mm, T possibly 0."""
        return np.concatenate([np.zeros((0, 3, 3)), *self._triangles.get(item, ())])

    def hidden(self, points: Vector, item: int) -> NDArray[np.bool_]:
        """Tell for points (N, 3) of an item whether another thing stands before them.

        What the item itself hides, e.g. its back, counts as seen.
        """
        rays = (points - self.camera.position).astype(np.float32)
        distance = np.linalg.norm(rays, axis=1)
        rays /= distance[:, None]
        origins = np.broadcast_to(self.camera.position.astype(np.float32), rays.shape)
        answer = self._caster.hits(origins, rays)
        is_hit = answer["geomID"] >= 0
        first = np.where(is_hit, self._caster.items[np.where(is_hit, answer["primID"], 0)], item)
        blocked: NDArray[np.bool_] = (first != item) & (answer["tfar"] < distance - _TOUCHING_MM)
        return blocked

    def occlusion(self, item: int) -> float:
        """Estimate the share in [0, 1] of an item inside the picture that other things hide.

        From 400 points that lie evenly over its surface as projected; layers behind each other
        count each, and what sits inside another part, as a pin in its hole, counts as hidden.
        0 when nothing of it is inside the picture.
        """
        points = self._spread(self.triangles(item))
        inside = points[self.inside(points)]
        return float(self.hidden(inside, item).mean()) if len(inside) else 0.0

    def inside(self, points: Vector) -> NDArray[np.bool_]:
        """Tell which points (N, 3) are projected into the picture."""
        pixels, depth = self.camera.project(points)
        size = (self.camera.width, self.camera.height)
        within = ((pixels >= 0) & (pixels < size)).all(axis=1)
        found: NDArray[np.bool_] = within & (depth > NEAR_MM)
        return found

    def _spread(self, triangles: Vector) -> Vector:
        """Return `_SAMPLES` points (N, 3) on triangles, by projected area; always the same."""
        flat, depth = self.camera.project(triangles.reshape(-1, 3))
        is_before = (depth.reshape(-1, 3) > NEAR_MM).all(axis=1)
        triangles, flat = triangles[is_before], flat.reshape(-1, 3, 2)[is_before]
        first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
        area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
        if not len(area) or area.sum() <= 0:
            return np.zeros((0, 3))
        up_to = np.cumsum(area) / area.sum()
        number = np.arange(_SAMPLES)
        chosen = triangles[
            np.searchsorted(up_to, (number + 0.5) / _SAMPLES).clip(max=len(area) - 1)
        ]
        u, v = (number[:, None] * _STEPS % 1).T
        is_over = u + v > 1
        u, v = np.where(is_over, 1 - u, u)[:, None], np.where(is_over, 1 - v, v)[:, None]
        spread: Vector = chosen[:, 0] * (1 - u - v) + chosen[:, 1] * u + chosen[:, 2] * v
        return spread


def dense(points: Sequence[Vector] | Vector, step: float) -> Vector:
    """Return a polyline (P, 3) with points added so that none are farther apart than ``step``."""
    line = np.asarray(points, np.float64)
    pieces = [line[:1]]
    for start, end in itertools.pairwise(line):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / step)))
        pieces.append(start + (end - start) * np.linspace(0, 1, count + 1)[1:, None])
    return np.concatenate(pieces)
