"""Fog and rain between camera and mast. Ranges are our starting values."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera
from catenary.simulation.scene import point
from catenary.simulation.settings import Light, Weather
from catenary.simulation.shading import Air, Lighting

Floats = NDArray[np.float32]

_FAR_MM = 60_000.0  # at which the background is taken to lie
_GRID_PX = 32  # the glow of lamps in fog is smooth: one ray for so many pixels each way
_NEAR_MM, _DEEP_MM = 150.0, 25_000.0
# Share of the light that is scattered straight back from a length of fog that scatters all, a
# steradian: below the 1/(4 pi) of even scattering, since droplets throw most of it forward.
_BACKWARD = 0.008
_RAIN_MM = 8000.0  # drops farther off are too small to be seen one by one
_FALL = 7.0 / 22.2  # speed of a drop of 2-3 mm over that of the car at 80 km/h
_DROP_SHINE = 0.05  # light of a drop over that which falls on it
_MOST_DROPS = 4000


def air(weather: Weather, light: Light, random: np.random.Generator) -> Air:
    """Return the air of a mast: clear, fog that is seen through for 20-150 m, or rain."""
    thick, thin = (1 / np.exp(random.uniform(np.log(low), np.log(high))) for low, high in _RANGES)
    veil = random.uniform(*_VEILS[light])
    extinction = {Weather.CLEAR: 0.0, Weather.FOG: thick, Weather.RAIN: thin}[weather]
    return Air(float(extinction), veil if extinction else 0.0)


_RANGES = ((6e3, 40e3), (1.5e5, 8e5))  # way in mm over which 63 % of the light is lost: fog, rain
_VEILS = {
    Light.NIGHT: (0.0, 0.0),
    Light.DUSK: (0.02, 0.1),
    Light.SKY: (0.4, 0.9),
    Light.CLUTTER: (0.25, 0.6),
}


def through_air(background: Floats, air: Air) -> Floats:
    """Return the background (H, W) as it is seen through the air."""
    passed = float(np.exp(-air.extinction * _FAR_MM))
    seen: Floats = background * np.float32(passed) + np.float32(air.veil * (1 - passed))
    return seen


def glow(camera: Camera, lighting: Lighting) -> Floats:
    """Return the light (H, W) that the air throws back from the lamps.

    Single scattering along the whole ray. It is added to near parts in full as well: nearly all
    of it comes from the first two metres, where the lamps are brightest.
    """
    height, width = camera.height, camera.width
    rows, columns = max(height // _GRID_PX, 2), max(width // _GRID_PX, 2)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32) + np.float32(0.5)
    pixels = np.stack([xs.ravel() * width / columns, ys.ravel() * height / rows], axis=1)
    rays = camera.rays(pixels.astype(np.float32))
    total = np.zeros(len(rays), np.float32)
    steps = np.geomspace(_NEAR_MM, _DEEP_MM, 40)
    for near, far in pairwise(steps):
        distance = np.float32((near + far) / 2)
        points = camera.position.astype(np.float32) + rays * distance
        for lamp in lighting.lamps:
            _, way, strength = lamp.at(points)
            total += strength * lighting.air.passed(way + distance) * np.float32(far - near)
    total *= np.float32(_BACKWARD * lighting.air.extinction)
    smooth = cv2.resize(total.reshape(rows, columns), (width, height))
    return np.asarray(smooth, np.float32)


def rain(camera: Camera, lighting: Lighting, depth: Floats, random: np.random.Generator) -> Floats:
    """Return the light (H, W) of falling drops: short bright strokes, near ones soft discs.

    Args:
        camera: Its travel gives the strokes their length.
        lighting: What lights the drops.
        depth: (H, W) mm; a drop behind a part is not seen.
        random: Decides number, size and place.
    """
    picture = np.zeros((camera.height, camera.width), np.float32)
    width, height = camera.full
    cone = width * height / camera.focal_px**2 * (_RAIN_MM / 1000) ** 3 / 3  # m3 that is seen
    count = min(int(random.poisson(cone * random.uniform(20, 150))), _MOST_DROPS)
    pixels = random.random((count, 2)) * (width, height) - camera.corner
    away = _RAIN_MM * np.cbrt(random.uniform(0.0001, 1, count))
    sizes = random.uniform(0.8, 3.2, count)  # mm
    points = camera.position + camera.rays(pixels.astype(np.float32)) * away[:, None]
    half = point(-camera.travel_mm, 0, -_FALL * camera.travel_mm) / 2
    ends = np.stack([camera.project(points + sign * half)[0] for sign in (-1, 1)], axis=1)
    level = np.full(count, lighting.ambient, np.float32)
    for lamp in lighting.lamps:
        level += lamp.at(points.astype(np.float32))[2]
    size = sizes * camera.focal_px / away
    soft = np.hypot(size, 4 * camera.lens.blur_px(away.astype(np.float32), camera.focal_px))
    levels = _DROP_SHINE * level * (size / np.maximum(soft, 1)) ** 2
    inside = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
    for index in np.flatnonzero(inside):
        x, y = (int(one) for one in pixels[index])
        if away[index] < depth[y, x]:
            thick = max(round(float(soft[index])), 1)
            first, last = ((int(a), int(b)) for a, b in (ends[index] * 16).round())
            cv2.line(picture, first, last, float(levels[index]), thick, cv2.LINE_8, 4)
    return picture


def through_drops(light: Floats, camera: Camera, random: np.random.Generator) -> Floats:
    """Return the picture (H, W) seen through drops on the glass before the lens.

    Each is far out of focus: a soft disc of what lies around it, blurred and upside down.
    """
    width, height = camera.full
    for _ in range(int(random.integers(0, 9))):
        radius = int(width * np.exp(random.uniform(np.log(0.006), np.log(0.035)))) + 2
        x, y = (random.random(2) * (width, height) - camera.corner).astype(int)
        reach = 2 * radius
        cut = np.s_[max(y - reach, 0) : max(y + reach, 0), max(x - reach, 0) : max(x + reach, 0)]
        patch = light[cut]
        if min(patch.shape) < 3:
            continue
        rows, columns = np.mgrid[cut][:, : patch.shape[0], : patch.shape[1]]
        away = np.hypot(rows - y, columns - x) / radius
        share = np.clip((1.15 - away) / 0.3, 0, 1).astype(np.float32)
        bent = cv2.GaussianBlur(np.minimum(patch, 2), (0, 0), radius / 2.5)[::-1, ::-1]
        light[cut] = patch * (1 - share) + np.float32(0.85) * bent * share
    return light
