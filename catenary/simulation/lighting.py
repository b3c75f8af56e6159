"""Lamps of the car, dusk and day. Ranges are our starting values."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from catenary.simulation.cameras import Camera
from catenary.simulation.scene import point, unit
from catenary.simulation.settings import Light
from catenary.simulation.shading import Lamp

T = TypeVar("T")


def drawn(shares: Mapping[T, float], random: np.random.Generator) -> T:
    """Return one of the keys, at its share."""
    return list(shares)[int(random.choice(len(shares), p=list(shares.values())))]


def lamps(
    light: Light, camera: Camera, spread: float, random: np.random.Generator
) -> tuple[tuple[Lamp, ...], float]:
    """Return the lamps of a frame and the light from all sides.

    Args:
        light: By night and at dusk the car's own lamps, by day the sun.
        camera: The lamps stand beside it and shine where it looks.
        spread: Standard deviation of the natural logarithm of the lamps' strength.
        random: Decides number, stand, strength and beam.
    """
    if light in (Light.NIGHT, Light.DUSK):
        ambient = random.uniform(0.01, 0.08)  # drawn by night too, for the same lamps at dusk
        strength = 5.0 * np.exp(random.normal() * spread)
        own = tuple(_lamp(camera, strength, random) for _ in range(int(random.integers(1, 4))))
        return own, ambient if light is Light.DUSK else 0.0
    sun = camera.position + unit(random.normal(size=3) + point(0, -0.5, 1.2)) * 1e6
    is_dark = light is Light.SKY
    ambient = random.uniform(0, 0.25) if is_dark else random.uniform(0.25, 1.0)
    power = random.uniform(0.1, 1.2) * (0.1 if is_dark else 1.0) * (1e6 / 5000) ** 2
    return (Lamp(sun, power),), ambient


def _lamp(camera: Camera, strength: float, random: np.random.Generator) -> Lamp:
    right, down, forward = camera.rotation
    beside = right * random.uniform(-1300, 1300) + down * random.uniform(-100, 250)
    at = camera.position + beside + forward * random.uniform(-300, 300)
    aimed_at = camera.position + forward * random.uniform(4000, 7000)
    axis = unit(unit(aimed_at - at) + random.normal(size=3) * 0.05)
    return Lamp(at, strength * random.uniform(0.4, 1), axis, random.uniform(0.5, 1.1))
