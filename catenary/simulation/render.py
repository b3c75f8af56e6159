"""Cast rays into a scene and shade what they hit.

Rays and occlusion by Embree. A first pass casts one ray a pixel; a second casts several, at
random places in the pixel and times in the exposure, only where the first saw something or a
neighbour did: most of a night frame is sky.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import cv2
import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera
from catenary.simulation.scene import Scene
from catenary.simulation.shading import NAMES, Lamp, Lighting, Surface, reflected, soil, surface

Floats = NDArray[np.float32]
Hits = dict[str, NDArray[np.float32]]  # Embree's answer, arrays by name
Clock = Callable[[str], AbstractContextManager[None]]  # times a named stage

_CHUNK = 1_000_000  # rays at once; bounds memory
_MOST_SMEAR = 24  # px of motion blur that the second pass follows beyond a part's rim


def untimed(_stage: str) -> AbstractContextManager[None]:
    """Return a clock that measures nothing."""
    return nullcontext()


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A picture before lens and sensor.

    Attributes:
        radiance: (H, W) float32, 1 = white; premultiplied by ``cover``.
        cover: (H, W) float32, share of the pixel that shows the scene.
        items: (H, W) int32, item at the pixel's centre at mid-exposure, -1 for the background.
        depth: (H, W) float32, distance there in mm, infinite for the background.
    """

    radiance: Floats
    cover: Floats
    items: NDArray[np.int32]
    depth: Floats


class Caster:
    """The scene's triangles in Embree, with what is needed to shade them."""

    def __init__(self, scene: Scene, seed: int) -> None:
        """Take at least one body; ``seed`` decides the blotches of the materials."""
        bodies = scene.bodies
        corners = np.concatenate([body.mesh.corners for body in bodies]).astype(np.float32)
        counts = [len(body.mesh.corners) for body in bodies]
        self.normals = np.concatenate([body.mesh.normals for body in bodies]).astype(np.float32)
        self.materials = np.repeat([NAMES.index(body.material) for body in bodies], counts)
        self.items = np.repeat(np.array([body.item for body in bodies], np.int32), counts)
        self.soilings = scene.soilings
        self.backdrops = np.array(sorted(scene.backdrops), np.int32)
        self.seed = seed
        self.embree = EmbreeScene()
        self.mesh = TriangleMesh(self.embree, np.ascontiguousarray(corners))

    def build(self) -> None:
        """Have Embree sort the triangles now, which it otherwise does at the first ray."""
        self.hits(np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32)[:1])

    def hits(self, origins: Floats, rays: Floats) -> Hits:
        """Return Embree's answer for rays (N, 3) from origins (N, 3), in mm."""
        answer: Hits = self.embree.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(rays), query="INTERSECT", output=1
        )
        return answer

    def lit(self, points: Floats, towards: Floats, distance: Floats) -> NDArray[np.bool_]:
        """Tell which points (N, 3) see a lamp in direction ``towards`` at ``distance`` mm."""
        reach = self.embree.run(
            np.ascontiguousarray(points), np.ascontiguousarray(towards), query="DISTANCE"
        )
        seen: NDArray[np.bool_] = (reach <= 0) | (reach >= distance * 0.999)
        return seen

    def item_at(self, camera: Camera, pixel: tuple[float, float]) -> int:
        """Return the item that a pixel (x, y) of a camera shows, -1 for none."""
        rays = camera.rays(np.array([pixel], np.float32))
        answer = self.hits(camera.position.astype(np.float32)[None], rays)
        return int(self.items[int(answer["primID"][0])]) if answer["geomID"][0] >= 0 else -1


def render(
    caster: Caster,
    camera: Camera,
    lighting: Lighting,
    samples: int,
    random: np.random.Generator,
    clock: Clock = untimed,
) -> Rendered:
    """Render a scene.

    Args:
        caster: The scene.
        camera: Any.
        lighting: Lamps, air and the elements of realism.
        samples: Rays a pixel where something is seen, spread evenly over the exposure; plain walls
            take one.
        random: Decides where in the pixel rays go, and when.
        clock: Times the stages ``first pass``, ``rays``, ``shading`` and ``shadow rays``.
    """
    shape = (camera.height, camera.width)
    items = np.full(shape, -1, np.int32)
    depth = np.full(shape, np.inf, np.float32)
    with clock("first pass"):
        for start in range(0, items.size, _CHUNK):
            part = np.arange(start, min(start + _CHUNK, items.size))
            _first_pass(caster, camera, part, items, depth)
    radiance, cover = np.zeros(items.size, np.float32), np.zeros(items.size, np.float32)
    painter = _Painter(caster, lighting, clock)
    side = _smear_side(items, depth, camera)
    is_plain = _plain(caster, items, side)
    is_edged = _reached(items, side) & ~is_plain
    for part, count in [
        *((part, samples) for part in _chunks(np.flatnonzero(is_edged))),
        *((part, 1) for part in _chunks(np.flatnonzero(is_plain))),
    ]:
        for sample in range(count):
            jitter = random.random((len(part), 3), dtype=np.float32)
            time = (jitter[:, 2] + np.float32(sample)) / np.float32(count) - np.float32(0.5)
            with clock("rays"):
                origins = _origins(camera, time)
                rays = camera.rays(_corners(part, camera.width) + jitter[:, :2])
                answer = caster.hits(origins, rays)
                seen = np.flatnonzero(answer["geomID"] >= 0)
                picked = {name: values[seen] for name, values in answer.items()}
            radiance[part[seen]] += painter.light(origins[seen], rays[seen], picked) / count
            cover[part[seen]] += np.float32(1 / count)
    return Rendered(radiance.reshape(shape), cover.reshape(shape), items, depth)


def _first_pass(
    caster: Caster,
    camera: Camera,
    part: NDArray[np.int64],
    items: NDArray[np.int32],
    depth: Floats,
) -> None:
    rays = camera.rays(_corners(part, camera.width) + np.float32(0.5))
    answer = caster.hits(_origins(camera, np.zeros(len(part), np.float32)), rays)
    seen = answer["geomID"] >= 0
    items.reshape(-1)[part[seen]] = caster.items[answer["primID"][seen].astype(np.int64)]
    depth.reshape(-1)[part[seen]] = answer["tfar"][seen]


def _smear_side(items: NDArray[np.int32], depth: Floats, camera: Camera) -> int:
    """Return the side, in pixels, of the square around a pixel that may show in it."""
    is_seen = items >= 0
    if not is_seen.any():
        return 1
    near = float(np.quantile(depth[is_seen][::64], 0.05))
    smear = min(camera.focal_px * abs(camera.travel_mm) / near, _MOST_SMEAR)
    return 3 + 2 * int(np.ceil(max(smear / 2 - 0.5, 0)))


def _reached(items: NDArray[np.int32], side: int) -> NDArray[np.bool_]:
    """Return (H, W) where a part may show at some time in the exposure or at the pixel's rim."""
    kernel = np.ones((side, side), np.uint8)
    return cv2.dilate((items >= 0).astype(np.uint8), kernel).astype(np.bool_)


def _plain(caster: Caster, items: NDArray[np.int32], side: int) -> NDArray[np.bool_]:
    """Return (H, W) where nothing but a wall may show, for which one ray is enough."""
    is_wall = np.isin(items, caster.backdrops).astype(np.uint8)
    return cv2.erode(is_wall, np.ones((side, side), np.uint8)).astype(np.bool_)


def _origins(camera: Camera, time: Floats) -> Floats:
    """Return where the camera is (N, 3) at times (N,) in [-0.5, 0.5] of the exposure."""
    origins = np.empty((len(time), 3), np.float32)
    origins[:] = camera.position
    origins[:, 0] += np.float32(camera.travel_mm) * time
    return origins


def _chunks(indices: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    yield from np.array_split(indices, max(1, -(-len(indices) // _CHUNK)))


def _corners(part: NDArray[np.int64], width: int) -> Floats:
    """Return the top left corner (N, 2), x before y, of pixels given by their index."""
    rows, columns = np.divmod(part.astype(np.int32), np.int32(width))
    corners = np.empty((len(part), 2), np.float32)
    corners[:, 0], corners[:, 1] = columns, rows
    return corners


@dataclass(frozen=True, slots=True, eq=False)
class _Painter:
    """Shades hit points of one scene in one light."""

    caster: Caster
    lighting: Lighting
    clock: Clock

    def light(self, origins: Floats, rays: Floats, hit: Hits) -> Floats:
        """Return the light (N,) that the hit points send to the camera."""
        if not len(rays):
            return np.zeros(0, np.float32)
        air, distance = self.lighting.air, hit["tfar"]
        with self.clock("shading"):
            points = origins + rays * distance[:, None]
            triangles = hit["primID"].astype(np.int64)
            normals = self._normals(triangles, hit, rays)
            skin = self._surface(points, triangles)
            total = self.lighting.ambient * skin.albedo * (0.6 + 0.4 * normals[:, 2])
        for lamp in self.lighting.lamps:
            total += self._from_lamp(points, normals, -rays, skin, lamp)
        if air.extinction:
            passed = air.passed(distance)
            total = total * passed + np.float32(air.veil) * (1 - passed)
        light: Floats = total.astype(np.float32)
        return light

    def _normals(self, triangles: NDArray[np.int64], hit: Hits, rays: Floats) -> Floats:
        """Return the unit normals (N, 3) on the side of the camera."""
        corner, u, v = self.caster.normals[triangles], hit["u"], hit["v"]
        weights = np.stack([1 - u - v, u, v], axis=1)
        normals = np.einsum("nc,ncj->nj", weights, corner)
        length = np.sqrt(np.einsum("ij,ij->i", normals, normals)) + np.float32(1e-9)
        away = np.einsum("ij,ij->i", normals, rays) > 0
        length[away] *= -1
        normals /= length[:, None]
        unit: Floats = normals
        return unit

    def _surface(self, points: Floats, triangles: NDArray[np.int64]) -> Surface:
        caster = self.caster
        skin = surface(points, caster.materials[triangles], caster.seed, self.lighting)
        items = caster.items[triangles] if caster.soilings else np.zeros(0, np.int32)
        for soiling in caster.soilings:
            where = np.flatnonzero(items == soiling.item)
            soil(skin, where, points[where], soiling)
        return skin

    def _from_lamp(
        self, points: Floats, normals: Floats, view: Floats, skin: Surface, lamp: Lamp
    ) -> Floats:
        with self.clock("shading"):
            towards, distance, strength = lamp.at(points)
            facing = np.clip(np.einsum("ij,ij->i", normals, towards), 0, 1)
            strength *= facing * self.lighting.air.passed(distance)
        if self.lighting.has_shadows:
            with self.clock("shadow rays"):
                matters = np.flatnonzero(strength > 1e-4)
                start = points[matters] + normals[matters] * np.float32(0.5)  # off the surface
                lit = self.caster.lit(start, towards[matters], distance[matters])
                strength[matters[~lit]] = 0
        with self.clock("shading"):
            light: Floats = strength * reflected(skin, normals, view, towards, facing)
        return light
