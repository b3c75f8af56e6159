"""From light to grey levels: glow, vignetting, sensor noise. Ranges are our starting values."""

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera

Floats = NDArray[np.float32]

_STRIP = 256  # rows at once; bounds memory


def exposed(
    light: Floats,
    camera: Camera,
    random: np.random.Generator,
    pattern: np.random.Generator,
    has_noise: bool = True,
) -> NDArray[np.uint8]:
    """Return the picture a sensor takes of light.

    The lens's own softness, glow around bright parts and blooming of blown ones, vignetting,
    photon noise (Poisson by its normal approximation), read noise, row and column pattern, black
    level and a tone curve.

    Args:
        light: (H, W), 1 = white.
        camera: Says which window of the sensor it is.
        random: Decides everything but the pattern.
        pattern: Decides what is fixed in a sensor: the offsets of rows and columns.
        has_noise: False leaves out photon and read noise and the pattern.
    """
    sigma = abs(random.normal()) * 0.35 + 0.35 if random.random() < 0.95 else random.uniform(1, 2.2)
    seen: Floats = np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), np.float32)
    _add_glow(seen, random.uniform(0.006, 0.02), random.uniform(0.01, 0.08))
    shade = _vignette(camera, random.uniform(0, 0.7))
    full_well = random.uniform(3000, 20000)  # electrons at white
    read = random.uniform(0.001, 0.008)
    black = np.float32(random.uniform(-0.006, 0.008))  # below 0: the camera cuts off its black
    gamma = random.uniform(0.75, 1.1) if random.random() < 0.5 else 1.0
    fixed = _pattern(camera, pattern)
    grey = np.empty(seen.shape, np.uint8)
    for top in range(0, len(seen), _STRIP):
        rows = np.s_[top : top + _STRIP]
        strip = np.clip(seen[rows] * (1 - shade[0][rows] - shade[1]), 0, 4)
        if has_noise:
            spread = np.sqrt(strip * np.float32(1 / full_well) + np.float32(read**2))
            strip += random.standard_normal(strip.shape, np.float32) * spread
            strip += fixed[0][rows] + fixed[1]
        strip = np.clip(strip + black, 0, 1)
        if gamma != 1.0:
            strip = strip ** np.float32(gamma)
        grey[rows] = (strip * 255 + 0.5).astype(np.uint8)
    return grey


def _add_glow(seen: Floats, wide: float, tight: float) -> None:
    """Add stray light of the lens over some 50 px, and blooming some 5 px around what is blown."""
    height, width = seen.shape
    for scale, limit, sigma, share in ((8, 0.0, 6.0, wide), (2, 1.0, 2.5, tight)):
        size = (max(width // scale, 1), max(height // scale, 1))
        small = cv2.resize(np.clip(seen - limit, 0, 4), size, interpolation=cv2.INTER_AREA)
        if small.any():
            soft = cv2.GaussianBlur(small, (0, 0), sigma)
            seen += np.float32(share) * cv2.resize(soft, (width, height))


def _vignette(camera: Camera, strength: float) -> tuple[Floats, Floats]:
    """Return the loss of light by row (H, 1) and by column (1, W); they add up."""
    (width, height), (x, y) = camera.full, camera.corner
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[y : y + camera.height]
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[x : x + camera.width]
    return np.float32(strength) * rows[:, None] ** 2, np.float32(strength) * columns[None] ** 2


def _pattern(camera: Camera, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the offsets of rows (H, 1) and columns (1, W): small, with one step of two readers.

    Even and odd columns are read by different converters, whose levels differ a little.
    """
    (width, height), (x, y) = camera.full, camera.corner
    rows = random.normal(0, random.uniform(0, 0.0012), height)
    columns = random.normal(0, random.uniform(0, 0.0008), width)
    columns += random.normal(0, 0.0008) * (np.arange(width) % 2)
    return (
        rows[y : y + camera.height, None].astype(np.float32),
        columns[None, x : x + camera.width].astype(np.float32),
    )
