"""Cameras of an inspection car: where they stand, where they look, how far they see."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catenary.simulation.lens import PINHOLE, Lens
from catenary.simulation.masts import Places
from catenary.simulation.scene import Vector, point, unit
from catenary.simulation.settings import Facing, Role

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A camera, or a window of its sensor.

    Attributes:
        position: (x, y, z) at the middle of the exposure, mm.
        rotation: (3, 3) rows: right, down and forward of the picture, unit vectors.
        focal_px: Focal length in pixels.
        width: Pixels of the picture.
        height: Pixels of the picture.
        lens: Distortion and focus.
        travel_mm: Way of the camera along the track (x) during the exposure.
        corner: (x, y) of the picture's top left corner on the sensor, px.
        sensor: (width, height) of the sensor, px; None: the picture is all of it.
    """

    position: Vector
    rotation: Vector
    focal_px: float
    width: int
    height: int
    lens: Lens = PINHOLE
    travel_mm: float = 0.0
    corner: tuple[int, int] = (0, 0)
    sensor: tuple[int, int] | None = None

    @property
    def full(self) -> tuple[int, int]:
        """Return (width, height) of the sensor, px."""
        return self.sensor or (self.width, self.height)

    @property
    def _middle(self) -> Vector:
        """Return the pixel (x, y) of the picture on the axis of the lens."""
        return np.array(self.full) / 2 - self.corner

    @property
    def _corner_tangent(self) -> float:
        return float(np.hypot(*self.full)) / 2 / self.focal_px

    def project(self, points: Vector) -> tuple[Vector, Vector]:
        """Return pixels (N, 2) and depth (N,) in mm of points (N, 3) in mm."""
        seen = (points - self.position) @ self.rotation.T
        tangents = seen[:, :2] / np.maximum(seen[:, 2:], 1e-3)
        imaged = self.lens.distorted(tangents, self._corner_tangent)
        return self.focal_px * imaged + self._middle, seen[:, 2]

    def rays(self, pixels: Floats) -> Floats:
        """Return the unit directions (N, 3) that are imaged at pixels (N, 2)."""
        imaged = (pixels - self._middle.astype(np.float32)) / np.float32(self.focal_px)
        rays = np.ones((len(pixels), 3), np.float32)
        rays[:, :2] = self.lens.undistorted(imaged, self._corner_tangent)
        rays = rays @ self.rotation.astype(np.float32)
        rays /= np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
        return rays

    def smear_px(self, at: Vector) -> float:
        """Return by how many pixels a point (x, y, z) in mm moves during the exposure."""
        half = point(self.travel_mm / 2, 0, 0)
        pixels, _ = self.project(np.array([at - half, at + half]))
        return float(np.linalg.norm(pixels[1] - pixels[0]))

    def window(self, x: int, y: int, width: int, height: int) -> Self:
        """Return the camera that takes only a window of this one's picture, px."""
        corner = (self.corner[0] + x, self.corner[1] + y)
        return replace(self, width=width, height=height, corner=corner, sensor=self.full)


def look_at(
    position: Vector, target: Vector, focal_px: float, size: tuple[int, int], roll: float = 0.0
) -> Camera:
    """Return a camera that looks at a point and is focused on it.

    ``size`` is (width, height), ``roll`` in radians.
    """
    forward = unit(target - position)
    right = unit(np.cross(forward, [0, 0, 1]))
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    rows = np.array([cos * right + sin * down, cos * down - sin * right, forward])
    lens = Lens(focus_mm=float(np.linalg.norm(target - position)))
    return Camera(position, rows, focal_px, *size, lens)


# Distance along the track in mm and focal length in px of a frame 2448 px wide, by role: our
# starting values, chosen so that the real night photograph's scale lies inside "global".
_VIEWS: dict[Role, tuple[tuple[float, float], tuple[float, float]]] = {
    Role.GLOBAL: ((3800, 7000), (2100, 3000)),
    Role.CANTILEVER_FLAT: ((3000, 4500), (3500, 5500)),
    Role.CANTILEVER_INCLINED: ((3000, 4500), (3500, 5500)),
    Role.MESSENGER_SEAT: ((2800, 4200), (4500, 8000)),
    Role.STEADY_ARM: ((2500, 3800), (4000, 8000)),
    Role.JOINT: ((2600, 4200), (5500, 10000)),
    Role.ADDITIONAL_SUSPENSION: ((3200, 6000), (3000, 5500)),
    Role.NUMBER_PLATE: ((2500, 5500), (3500, 7000)),
}
_DROPPER_ROLES = (Role.DROPPER, Role.DROPPER_UPPER, Role.DROPPER_LOWER)


def mast_camera(
    role: Role,
    facing: Facing | None,
    places: Places,
    size: tuple[int, int],
    random: np.random.Generator,
) -> Camera:
    """Return a camera of a role that looks at its part of a mast, focused on it.

    Args:
        role: Any but ``STRING``.
        facing: From which side; None: drawn. A dropper camera stands on any side of its dropper.
        places: Where the parts are.
        size: (width, height), px.
        random: Decides stand, aim and focal length within the role's range.
    """
    if role in _DROPPER_ROLES:
        return _dropper_camera(role, places, size, random)
    distances, focals = _VIEWS[role]
    before = -1 if random.random() < 0.7 else 1
    if facing is not None:
        before = -1 if facing is Facing.FRONT else 1
    stand = point(
        before * random.uniform(*distances), random.uniform(-900, 900), random.uniform(4150, 4500)
    )
    focal = random.uniform(*focals) * size[0] / 2448
    return look_at(stand, _aim(role, places, random), focal, size, random.normal() * 0.02)


def _aim(role: Role, places: Places, random: np.random.Generator) -> Vector:
    scatter = random.uniform(-200, 200, 3)
    match role:
        case Role.GLOBAL:
            across = places.side * random.uniform(300, 1300)
            return point(0, across, places.contact_height + random.uniform(0, 700))
        case Role.CANTILEVER_FLAT:
            return places.flat_insulator * point(1, random.uniform(0.4, 1), 1) + scatter / 2
        case Role.CANTILEVER_INCLINED:
            return places.inclined_insulator * point(1, random.uniform(0.5, 1), 1) + scatter / 2
        case Role.MESSENGER_SEAT:
            return places.seat + scatter
        case Role.STEADY_ARM:
            return places.steady + scatter
        case Role.ADDITIONAL_SUSPENSION:
            head = places.mast + point(0, 0, random.uniform(7600, 8600))
            return (head if places.suspension is None else places.suspension) + scatter
        case Role.NUMBER_PLATE:
            usual = places.mast + point(-150, 0, random.uniform(4000, 4700))
            return (usual if places.plate is None else places.plate) + scatter
        case _:
            return places.joints[int(random.integers(len(places.joints)))] + scatter * 0.6


def _dropper_camera(
    role: Role, places: Places, size: tuple[int, int], random: np.random.Generator
) -> Camera:
    """Return a camera on a dropper, from abeam (wires level) or along the track (wires steep)."""
    top, bottom = places.droppers[int(random.integers(len(places.droppers)))]
    length = float(np.linalg.norm(top - bottom))
    reach = point(0, 0, random.uniform(0, 0.25) * length)
    aims = {Role.DROPPER_UPPER: top - reach, Role.DROPPER_LOWER: bottom + reach}
    target = aims.get(role, (top + bottom) / 2 + random.uniform(-120, 120, 3))
    if random.random() < 0.6:
        offset = point(
            random.uniform(-900, 900), random.choice([-1, 1]) * random.uniform(700, 1500), 0
        )
    else:
        away = random.choice([-1, 1]) * random.uniform(1400, 4500)
        offset = point(away, random.uniform(-1300, 1300), 0)
    stand = point(top[0] + offset[0], offset[1], random.uniform(4100, 4500))
    share = random.uniform(0.45, 0.85) if role is Role.DROPPER else random.uniform(1.1, 3.0)
    distance = float(np.linalg.norm(target - stand))
    return look_at(stand, target, size[1] * share / length * distance, size, random.normal() * 0.03)


def string_camera(
    length: float, radius: float, size: tuple[int, int], random: np.random.Generator
) -> Camera:
    """Return a distant camera on a single string; a flat frame is filled by it.

    Args:
        length: Of the string, mm.
        radius: Of its sheds, mm.
        size: (width, height), px.
        random: Decides stand, aim and scale.
    """
    width, height = size
    distance, is_strip = 9000.0, height < width / 3
    sideways = random.uniform(-0.5, 0.5)
    stand = point(
        distance * np.sin(sideways) * 0.6, -distance * np.cos(sideways), random.uniform(-2500, 2500)
    )
    if is_strip:
        focal = height * random.uniform(0.75, 1.2) * distance / (2 * radius)
        roll = random.normal() * 0.01
    else:
        focal = width * random.uniform(0.45, 1.2) * distance / length
        roll = random.uniform(-0.6, 0.6)
    target = point(random.normal() * length * 0.05, 0, 0)
    return look_at(stand, target, focal, size, roll)
