"""From light to grey levels: background, optics, sensor noise. Ranges are our starting values."""

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.simulation.settings import Light

Floats = NDArray[np.float32]


def fractal(height: int, width: int, random: np.random.Generator) -> Floats:
    """Return (height, width) cloud-like noise in [0, 1]."""
    total, strength = np.zeros((height, width), np.float32), 1.0
    longer = max(height, width)
    for octave in range(2, 9):
        cells = 2**octave
        shape = (max(2, cells * height // longer), max(2, cells * width // longer))
        layer = random.random(shape, dtype=np.float32)
        total += strength * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        strength *= random.uniform(0.5, 0.8)
    total -= total.min()
    scaled: Floats = total / max(float(total.max()), 1e-6)
    return scaled


def background(light: Light, height: int, width: int, random: np.random.Generator) -> Floats:
    """Return what is seen where no part is, (height, width), 1 = white."""
    if light is Light.NIGHT:
        haze = 0.004 if random.random() < 0.3 else 0.0
        night: Floats = np.float32(haze) * fractal(height, width, random)
        return night
    if light is Light.SKY:
        top, bottom = random.uniform(0.4, 0.9, 2)
        fall = np.linspace(top, bottom, height, dtype=np.float32)[:, None]
        sky: Floats = fall + np.float32(0.03) * fractal(height, width, random)
        return sky
    low, high = sorted(random.uniform(0.03, 0.75, 2))
    ground: Floats = (low + (high - low) * fractal(height, width, random)).astype(np.float32)
    for _ in range(int(random.integers(3, 40))):
        _clutter(ground, random)
    if random.random() < 0.6:
        cv2.GaussianBlur(ground, (0, 0), random.uniform(0.4, 4), dst=ground)
    return ground


def _clutter(ground: Floats, random: np.random.Generator) -> None:
    """Draw one roof-like patch or one line into the background."""
    height, width = ground.shape
    corners = random.random((int(random.integers(3, 6)), 2)) * [width, height]
    level = random.uniform(0.02, 0.9)
    if random.random() < 0.5:
        middle = corners.mean(axis=0)
        patch = ((corners - middle) * random.uniform(0.05, 0.4) + middle).astype(np.int32)
        layer = ground.copy()
        cv2.fillPoly(layer, [patch], level)
        ground[:] = 0.5 * ground + 0.5 * layer
    else:
        first, second = (tuple(int(v) for v in corner) for corner in corners[:2])
        cv2.line(ground, first, second, level, int(random.integers(1, 9)), cv2.LINE_AA)


def exposed(light: Floats, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture a camera takes of (H, W) light, 1 = white.

    Defocus, glow around bright parts, vignetting, photon noise (Poisson by its normal
    approximation), read noise, black level and a tone curve.
    """
    height, width = light.shape
    sigma = abs(random.normal()) * 0.5 + 0.35 if random.random() < 0.9 else random.uniform(1, 2.2)
    seen: Floats = cv2.GaussianBlur(light, (0, 0), sigma).astype(np.float32)
    small = cv2.resize(
        np.minimum(seen, 4), (max(width // 8, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA
    )
    glow: Floats = cv2.resize(cv2.GaussianBlur(small, (0, 0), 6), (width, height)).astype(
        np.float32
    )
    seen = seen + np.float32(0.012) * glow
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] ** 2
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None] ** 2
    seen = np.clip(seen * (1 - np.float32(random.uniform(0, 0.7)) * (rows + columns)), 0, 4)
    full_well = random.uniform(3000, 20000)  # electrons at white
    photon = random.standard_normal(seen.shape, np.float32) * np.sqrt(seen / full_well)
    read = random.standard_normal(seen.shape, np.float32) * random.uniform(0.001, 0.008)
    black = np.float32(random.uniform(0, 0.008))
    seen = np.clip(seen + photon + read.astype(np.float32) + black, 0, 1)
    if random.random() < 0.5:
        seen = seen ** np.float32(random.uniform(0.75, 1.1))
    grey: NDArray[np.uint8] = (seen * 255 + 0.5).astype(np.uint8)
    return grey
