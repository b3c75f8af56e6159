"""Materials, their blotches and soiling, and the light that they throw back.

Reflection: Lambert plus GGX (Walter et al., EGSR 2007) with Schlick's Fresnel term and Smith's
shadowing in Schlick's form.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.simulation.scene import Soiling, Vector

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
    "mast": (0.12, 0.06, 0.60, 0.50, 60),
    "concrete": (0.18, 0.02, 0.90, 0.30, 30),
    "wall": (0.28, 0.02, 0.90, 0.32, 700),
    "wet": (0.07, 0.08, 0.30, 0.30, 200),
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
    "case": (0.012, 0.012, 0.50, 0.15, 120),
    "car": (0.35, 0.20, 0.50, 0.20, 80),
}
NAMES = tuple(_MATERIALS)
_TABLE = np.array(list(_MATERIALS.values()), np.float32)
_FULL_POWER_MM = 5000.0  # distance at which a lamp of power 1 lights with strength 1
# Water fills the pores of a wet surface: it is darker and shines more evenly. Our starting values.
_WET_ALBEDO, _WET_ROUGHNESS, _WET_MIRROR = 0.75, 0.6, 0.02
_CELLS = 64  # side of the lattice that the noise is read from
_LATTICE = np.random.default_rng(20260306).uniform(-1, 1, _CELLS**3).astype(np.float32)
# No wire or tube runs along an axis of the lattice, so its period shows nowhere.
_TURNED, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """A point light.

    Attributes:
        position: (x, y, z), mm.
        power: 1 lights with strength 1 at 5 m, on the axis of its beam.
        axis: Unit vector of the beam, or None where it shines to all sides.
        half_angle: Angle from the axis at which half of the strength is left, radians.
    """

    position: Vector
    power: float
    axis: Vector | None = None
    half_angle: float = np.pi

    def at(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Return direction (N, 3), distance (N,) in mm and strength (N,) of the light at points."""
        towards = self.position.astype(np.float32) - points
        distance = _length(towards)
        towards /= distance[:, None]
        strength = np.float32(self.power) * (np.float32(_FULL_POWER_MM) / distance) ** 2
        if self.axis is not None:
            cosine = np.clip(-(towards @ self.axis.astype(np.float32)), -1, 1)
            strength *= np.exp2(-((np.arccos(cosine) / np.float32(self.half_angle)) ** 2))
        return towards, distance, strength


@dataclass(frozen=True, slots=True)
class Air:
    """What the air does to light.

    Attributes:
        extinction: Share of light lost in each mm (Beer-Lambert); 0 in clear air.
        veil: Light level that far things fade to, 0 at night.
    """

    extinction: float = 0.0
    veil: float = 0.0

    def passed(self, distance: Floats) -> Floats:
        """Return the share of light left after ``distance`` (N,) in mm."""
        left: Floats = np.exp(np.float32(-self.extinction) * distance)
        return left


@dataclass(frozen=True, slots=True)
class Lighting:
    """What lights a frame.

    Attributes:
        lamps: Point lights.
        ambient: Light from all sides, 0 at night.
        air: Between everything.
        is_wet: Surfaces are wet.
        has_shadows: Things throw shadows.
        has_texture: Materials have blotches.
    """

    lamps: tuple[Lamp, ...]
    ambient: float = 0.0
    air: Air = Air()
    is_wet: bool = False
    has_shadows: bool = True
    has_texture: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Albedo, specular reflectance and roughness (N,) of the hit points."""

    albedo: Floats
    mirror: Floats
    roughness: Floats


def surface(points: Floats, materials: NDArray[np.int64], seed: int, lighting: Lighting) -> Surface:
    """Return what the points (N, 3), in mm, are like; ``materials`` (N,) indexes `NAMES`."""
    rows = _TABLE[materials]
    albedo, mirror, roughness = (np.ascontiguousarray(rows[:, column]) for column in range(3))
    if lighting.has_texture:
        size: Floats = rows[:, 4]
        fine: Floats = size * np.float32(0.25)
        blotch = np.float32(0.6) * value_noise(points, size, seed)
        blotch += np.float32(0.4) * value_noise(points, fine, seed + 7)
        strength = rows[:, 3] * blotch
        albedo = albedo * np.clip(1 + strength, 0.05, 2.5)
        roughness = roughness * (1 + np.float32(0.5) * strength)
    if lighting.is_wet:
        albedo, roughness = albedo * np.float32(_WET_ALBEDO), roughness * np.float32(_WET_ROUGHNESS)
        mirror += np.float32(_WET_MIRROR)
    return Surface(albedo, mirror, np.clip(roughness, 0.06, 1))


def soil(surface: Surface, where: NDArray[np.int64], points: Floats, soiling: Soiling) -> None:
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


def reflected(
    surface: Surface, normals: Floats, view: Floats, towards: Floats, facing: Floats
) -> Floats:
    """Return the share (N,) of a lamp's light that goes from each point to the camera.

    Args:
        surface: Of the points.
        normals: (N, 3) unit, on the camera's side.
        view: (N, 3) unit, to the camera.
        towards: (N, 3) unit, to the lamp.
        facing: (N,) cosine between normal and lamp, at least 0.
    """
    half = towards + view
    half /= (_length(half) + np.float32(1e-9))[:, None]
    to_view = np.clip(_dot(normals, view), 0.02, 1)
    to_half = np.clip(_dot(normals, half), 0, 1)
    spread = surface.roughness**4
    lobe = spread / (np.float32(np.pi) * (to_half**2 * (spread - 1) + 1) ** 2 + np.float32(1e-7))
    k = (surface.roughness + 1) ** 2 / 8
    shadowing = 1 / ((facing * (1 - k) + k) * (to_view * (1 - k) + k))
    grazing = 1 - np.clip(_dot(view, half), 0, 1)
    grazing = grazing * grazing * grazing * grazing * grazing
    mirror = surface.mirror + (1 - surface.mirror) * grazing
    shine = np.minimum(lobe * shadowing * mirror / 4, 40)  # fireflies are of no use
    share: Floats = surface.albedo / np.float32(np.pi) + shine
    return share


def _dot(first: Floats, second: Floats) -> Floats:
    product: Floats = np.einsum("ij,ij->i", first, second)
    return product


def _length(vectors: Floats) -> Floats:
    length: Floats = np.sqrt(_dot(vectors, vectors))
    return length


def value_noise(points: Floats, size: Floats | float, seed: int) -> Floats:
    """Return smooth noise (N,) in [-1, 1] of points (N, 3), with blotches of ``size`` mm.

    Trilinear between the values of a lattice that repeats after 64 blotches.
    """
    divisor = np.asarray(size, np.float32)
    shift = np.random.default_rng(seed).uniform(0, _CELLS, 3).astype(np.float32)
    scaled = (points @ _TURNED.astype(np.float32)) / (divisor[:, None] if divisor.ndim else divisor)
    scaled += shift
    floor = np.floor(scaled)
    part = scaled - floor
    part = part * part * (3 - 2 * part)
    low = floor.astype(np.int32) & (_CELLS - 1)
    high = (low + 1) & (_CELLS - 1)
    x, y, z = (np.ascontiguousarray(part[:, axis]) for axis in range(3))
    rows = [(one[:, 0] * _CELLS, one[:, 1]) for one in (low, high)]
    edges = []
    for row_x in (rows[0][0], rows[1][0]):
        for row_y in (rows[0][1], rows[1][1]):
            base = (row_x + row_y) * _CELLS
            first, last = _LATTICE.take(base + low[:, 2]), _LATTICE.take(base + high[:, 2])
            edges.append(first + z * (last - first))
    near, far = (a + y * (b - a) for a, b in (edges[:2], edges[2:]))
    noise: Floats = near + x * (far - near)
    return noise
