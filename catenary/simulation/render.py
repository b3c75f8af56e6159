"""Cast rays into a scene and shade what they hit.

Rays and occlusion by Embree. A first pass casts one ray a pixel; a second casts several, at
random places in the pixel, only where the first saw something or a neighbour did: most of a
night frame is sky. Reflection: Lambert plus GGX (Walter et al., EGSR 2007) with Schlick's
Fresnel term and Smith's shadowing in Schlick's form.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera
from catenary.simulation.scene import Scene, Soiling, Vector

Floats = NDArray[np.float32]

# Diffuse albedo, specular reflectance at right angles, roughness, strength of blotches and their
# size in mm. Our starting values, set by eye against a real night photograph.
_MATERIALS: dict[str, tuple[float, float, float, float, float]] = {
    "aluminium": (0.55, 0.80, 0.38, 0.10, 40),
    "steel": (0.20, 0.42, 0.42, 0.35, 25),
    "porcelain": (0.72, 0.06, 0.20, 0.06, 60),
    "porcelain_brown": (0.20, 0.06, 0.14, 0.08, 60),
    "silicone": (0.22, 0.04, 0.45, 0.10, 50),
    "glass": (0.35, 0.08, 0.10, 0.05, 50),
    "copper": (0.16, 0.40, 0.40, 0.25, 10),
    "cable": (0.16, 0.24, 0.50, 0.45, 6),
    "wire": (0.10, 0.18, 0.50, 0.35, 40),
    "mast": (0.085, 0.06, 0.60, 0.50, 60),
    "concrete": (0.14, 0.02, 0.90, 0.30, 30),
    "plate": (0.75, 0.04, 0.50, 0.05, 100),
    "paint": (0.60, 0.04, 0.60, 0.20, 8),
    "burnt": (0.025, 0.03, 0.80, 0.50, 8),
    "melted": (0.45, 0.55, 0.35, 0.80, 5),
    "polished": (0.40, 0.75, 0.28, 0.10, 60),
    "rust": (0.10, 0.03, 0.90, 0.60, 15),
    "ink": (0.04, 0.04, 0.50, 0.20, 40),
    "twig": (0.16, 0.02, 0.90, 0.50, 12),
    "leaf": (0.30, 0.04, 0.60, 0.30, 20),
    "film": (0.70, 0.08, 0.35, 0.15, 60),
    "dark": (0.02, 0.03, 0.50, 0.20, 30),
    "car": (0.35, 0.20, 0.50, 0.20, 80),
}
_NAMES = tuple(_MATERIALS)
_TABLE = np.array(list(_MATERIALS.values()), np.float32)
_FULL_POWER_MM = 5000.0  # distance at which a lamp of power 1 lights with strength 1
_CHUNK = 2_000_000  # rays at once; bounds memory


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """A point light: (x, y, z) in mm and power, 1 = strength 1 at 5 m."""

    position: Vector
    power: float


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A picture before the sensor.

    Attributes:
        radiance: (H, W) float32, 1 = white; premultiplied by ``cover``.
        cover: (H, W) float32, share of the pixel that shows the scene.
        items: (H, W) int32, item at the pixel's centre, -1 for the background.
    """

    radiance: Floats
    cover: Floats
    items: NDArray[np.int32]


class _Caster:
    """The scene's triangles in Embree, with what is needed to shade them."""

    def __init__(self, scene: Scene, seed: int) -> None:
        bodies = scene.bodies
        corners = np.concatenate([body.mesh.corners for body in bodies]).astype(np.float32)
        counts = [len(body.mesh.corners) for body in bodies]
        self.normals = np.concatenate([body.mesh.normals for body in bodies]).astype(np.float32)
        self.materials = np.repeat([_NAMES.index(body.material) for body in bodies], counts)
        self.items = np.repeat(np.array([body.item for body in bodies], np.int32), counts)
        self.soilings = scene.soilings
        self.seed = seed
        self.embree = EmbreeScene()
        self.mesh = TriangleMesh(self.embree, np.ascontiguousarray(corners))

    def hits(self, camera: Camera, pixels: Floats) -> tuple[Floats, dict[str, NDArray[np.float32]]]:
        """Return ray directions (N, 3) and Embree's answer for pixel positions (N, 2)."""
        rays = np.empty((len(pixels), 3), np.float32)
        rays[:, 0] = (pixels[:, 0] - camera.width / 2) / camera.focal_px
        rays[:, 1] = (pixels[:, 1] - camera.height / 2) / camera.focal_px
        rays[:, 2] = 1
        rays = rays @ camera.rotation.astype(np.float32)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        origins = np.broadcast_to(camera.position.astype(np.float32), rays.shape)
        answer = self.embree.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(rays), query="INTERSECT", output=1
        )
        return rays, answer

    def lit(self, points: Floats, towards: Floats, distance: Floats) -> NDArray[np.bool_]:
        """Tell which points (N, 3) see a lamp in direction ``towards`` at ``distance`` mm."""
        reach = self.embree.run(
            np.ascontiguousarray(points), np.ascontiguousarray(towards), query="DISTANCE"
        )
        seen: NDArray[np.bool_] = (reach <= 0) | (reach >= distance * 0.999)
        return seen


def render(
    scene: Scene,
    camera: Camera,
    lamps: Sequence[Lamp],
    ambient: float,
    samples: int,
    random: np.random.Generator,
) -> Rendered:
    """Render a scene.

    Args:
        scene: At least one body.
        camera: Any.
        lamps: Point lights.
        ambient: Light from all sides, 0 at night.
        samples: Rays a pixel where something is seen.
        random: Decides where in the pixel rays go, and the blotches of the materials.
    """
    caster = _Caster(scene, int(random.integers(1 << 20)))
    size = camera.height * camera.width
    items = np.full(size, -1, np.int32)
    for part in _chunks(np.arange(size)):
        _, answer = caster.hits(camera, _centres(part, camera.width))
        seen = answer["geomID"] >= 0
        items[part[seen]] = caster.items[answer["primID"][seen]]
    shape = (camera.height, camera.width)
    near = cv2.dilate((items >= 0).astype(np.uint8).reshape(shape), np.ones((3, 3), np.uint8))
    radiance, cover = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for part in _chunks(np.flatnonzero(near)):
        for _ in range(samples):
            jitter = random.random((len(part), 2), dtype=np.float32) - 0.5
            rays, answer = caster.hits(camera, _centres(part, camera.width) + jitter)
            seen = answer["geomID"] >= 0
            light = _shade(caster, camera, rays[seen], _picked(answer, seen), lamps, ambient)
            radiance[part[seen]] += light / samples
            cover[part[seen]] += 1 / samples
    return Rendered(radiance.reshape(shape), cover.reshape(shape), items.reshape(shape))


def _chunks(indices: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.array_split(indices, max(1, -(-len(indices) // _CHUNK)))


def _centres(indices: NDArray[np.int64], width: int) -> Floats:
    return np.stack([indices % width + 0.5, indices // width + 0.5], axis=1).astype(np.float32)


def _picked(
    answer: dict[str, NDArray[np.float32]], seen: NDArray[np.bool_]
) -> dict[str, NDArray[np.float32]]:
    return {name: answer[name][seen] for name in ("primID", "u", "v", "tfar")}


@dataclass(slots=True, eq=False)
class _Surface:
    """Material of N hit points, as arrays (N,)."""

    albedo: Floats
    mirror: Floats
    roughness: Floats


def _shade(
    caster: _Caster,
    camera: Camera,
    rays: Floats,
    hit: dict[str, NDArray[np.float32]],
    lamps: Sequence[Lamp],
    ambient: float,
) -> Floats:
    """Return the light (N,) that the hit points send to the camera."""
    triangles, u, v = hit["primID"], hit["u"][:, None], hit["v"][:, None]
    corner = caster.normals[triangles]
    normals = corner[:, 0] * (1 - u - v) + corner[:, 1] * u + corner[:, 2] * v
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    points = camera.position.astype(np.float32) + rays * hit["tfar"][:, None]
    view = -rays
    facing = np.where((normals * view).sum(axis=1, keepdims=True) < 0, -1, 1)
    normals = (normals * facing).astype(np.float32)
    surface = _surface(caster, points, triangles)
    total = ambient * surface.albedo * (0.6 + 0.4 * normals[:, 2])
    for lamp in lamps:
        total += _lamp_light(caster, points, normals, view, surface, lamp)
    light: Floats = total.astype(np.float32)
    return light


def _lamp_light(
    caster: _Caster, points: Floats, normals: Floats, view: Floats, surface: _Surface, lamp: Lamp
) -> Floats:
    towards = lamp.position.astype(np.float32) - points
    distance = np.linalg.norm(towards, axis=1)
    towards /= distance[:, None]
    facing = np.clip((normals * towards).sum(axis=1), 0, 1)
    strength = lamp.power * (_FULL_POWER_MM / distance) ** 2 * facing
    matters = np.flatnonzero(strength > 1e-4)
    start = points[matters] + normals[matters] * 0.5  # off the surface, against self-shadow
    dark = ~caster.lit(start, towards[matters], distance[matters])
    strength[matters[dark]] = 0
    half = towards + view
    half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-9
    to_view = np.clip((normals * view).sum(axis=1), 0.02, 1)
    to_half = np.clip((normals * half).sum(axis=1), 0, 1)
    spread = surface.roughness**4
    lobe = spread / (np.pi * (to_half**2 * (spread - 1) + 1) ** 2 + 1e-7)
    k = (surface.roughness + 1) ** 2 / 8
    shadowing = 1 / ((facing * (1 - k) + k) * (to_view * (1 - k) + k))
    grazing = (1 - np.clip((view * half).sum(axis=1), 0, 1)) ** 5
    mirror = surface.mirror + (1 - surface.mirror) * grazing
    shine = np.minimum(lobe * shadowing * mirror / 4, 40)  # fireflies are of no use
    light: Floats = strength * (surface.albedo / np.pi + shine)
    return light


def _surface(caster: _Caster, points: Floats, triangles: NDArray[np.float32]) -> _Surface:
    rows = _TABLE[caster.materials[triangles]]
    blotch = np.zeros(len(points), np.float32)
    for size in np.unique(rows[:, 4]):
        where = rows[:, 4] == size
        coarse = value_noise(points[where], float(size), caster.seed)
        blotch[where] = 0.6 * coarse + 0.4 * value_noise(
            points[where], float(size) / 4, caster.seed + 7
        )
    albedo = rows[:, 0] * np.clip(1 + rows[:, 3] * blotch, 0.05, 2.5)
    roughness = np.clip(rows[:, 2] * (1 + 0.5 * rows[:, 3] * blotch), 0.06, 1)
    surface = _Surface(albedo, rows[:, 1].copy(), roughness)
    for soiling in caster.soilings:
        where = np.flatnonzero(caster.items[triangles] == soiling.item)
        _soil(surface, where, points[where], soiling)
    return surface


def _soil(surface: _Surface, where: NDArray[np.int64], points: Floats, soiling: Soiling) -> None:
    """Darken the points (M, 3) of one insulator: a burnt band, or dirt in blotches."""
    along = (points - soiling.start) @ soiling.axis / soiling.length
    ragged = 0.6 * value_noise(points, 60, soiling.seed) + 0.4 * value_noise(
        points, 20, soiling.seed + 1
    )
    severity = soiling.state.severity
    if soiling.state.condition == "flashover":
        half = 0.05 + 0.22 * severity
        depth = np.clip(1.6 - np.abs(along - soiling.at) / half * 1.3 + 0.9 * ragged, 0, 1)
        surface.albedo[where] *= 1 - 0.93 * depth
        surface.mirror[where] *= 1 - 0.8 * depth
    else:
        depth = np.clip(0.35 + 0.5 * severity + 0.8 * ragged + 0.3 * (along - soiling.at), 0, 1)
        surface.albedo[where] *= 1 - (0.35 + 0.5 * severity) * depth
    surface.roughness[where] = np.clip(surface.roughness[where] + 0.5 * depth, 0, 1)


def value_noise(points: Floats, size: float, seed: int) -> Floats:
    """Return smooth noise (N,) in [-1, 1] of points (N, 3), with blotches of ``size`` mm."""
    scaled = points / size
    cell = np.floor(scaled).astype(np.int64)
    inside = (scaled - cell).astype(np.float32)
    inside = inside * inside * (3 - 2 * inside)
    total = np.zeros(len(points), np.float32)
    for corner in np.ndindex(2, 2, 2):
        key = (cell + corner) * np.array([73856093, 19349663, 83492791])
        mixed = key[:, 0] ^ key[:, 1] ^ key[:, 2] ^ (seed * 2654435761)
        mixed = (mixed ^ (mixed >> 13)) * 1274126177
        level = ((mixed ^ (mixed >> 16)) & 0xFFFF).astype(np.float32) / 32768 - 1
        weight = np.prod(np.where(corner, inside, 1 - inside), axis=1)
        total += weight * level
    return total
