"""What is seen where no part is: black sky, dusk, bright sky, a busy station by day."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.simulation.cameras import Camera
from catenary.simulation.settings import Light

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _View:
    """The sensor's size and the window of it that is drawn, px."""

    full: tuple[int, int]
    x: int
    y: int
    width: int
    height: int


def background(
    light: Light, camera: Camera, random: np.random.Generator, has_texture: bool = True
) -> Floats:
    """Return what is seen where no part is, (H, W), 1 = white.

    Args:
        light: Decides what kind.
        camera: A window of a camera shows the same as that part of the whole frame.
        random: Decides everything.
        has_texture: False: sky without clouds, ground without anything on it.
    """
    view = _View(camera.full, *camera.corner, camera.width, camera.height)
    if light is Light.CLUTTER:
        return _ground(view, random, has_texture)
    low, high, clouds = _sky(light, random)
    fall = np.linspace(low, high, view.full[1], dtype=np.float32)[view.y : view.y + view.height]
    sky: Floats = np.broadcast_to(fall[:, None], (view.height, view.width)).copy()
    if clouds and has_texture:
        sky += np.float32(clouds) * _fractal(view, random)
    return sky


def _sky(light: Light, random: np.random.Generator) -> tuple[float, float, float]:
    """Return the level at the top and bottom of the frame and the strength of clouds."""
    if light is Light.NIGHT:
        return 0.0, 0.0, 0.004 if random.random() < 0.3 else 0.0
    if light is Light.DUSK:
        low = random.uniform(0.004, 0.06)
        return low, low + random.uniform(0.0, 0.1), 0.2 * low
    top, bottom = random.uniform(0.4, 0.9, 2)
    return float(top), float(bottom), 0.03


def _ground(view: _View, random: np.random.Generator, has_texture: bool) -> Floats:
    low, high = sorted(random.uniform(0.03, 0.75, 2))
    if not has_texture:
        return np.full((view.height, view.width), (low + high) / 2, np.float32)
    ground: Floats = (low + (high - low) * _fractal(view, random)).astype(np.float32)
    for _ in range(int(random.integers(3, 40))):
        _clutter(ground, view, random)
    if random.random() < 0.6:
        cv2.GaussianBlur(ground, (0, 0), random.uniform(0.4, 4), dst=ground)
    return ground


def _clutter(ground: Floats, view: _View, random: np.random.Generator) -> None:
    """Draw one roof-like patch or one line into the background."""
    corners = random.random((int(random.integers(3, 6)), 2)) * view.full - (view.x, view.y)
    level, share = random.uniform(0.02, 0.9), random.uniform(0.05, 0.4)
    is_patch, thick = random.random() < 0.5, int(random.integers(1, 9))
    if not is_patch:
        first, second = (tuple(int(v) for v in corner) for corner in corners[:2])
        cv2.line(ground, first, second, level, thick, cv2.LINE_AA)
        return
    middle = corners.mean(axis=0)
    patch = ((corners - middle) * share + middle).astype(np.int32)
    low = np.clip(patch.min(axis=0), 0, (view.width, view.height))
    high = np.clip(patch.max(axis=0) + 1, 0, (view.width, view.height))
    if (high > low).all():
        cut = ground[low[1] : high[1], low[0] : high[0]]
        inside = np.zeros(cut.shape, np.uint8)
        cv2.fillPoly(inside, [patch - low.astype(np.int32)], 1)
        cut[inside > 0] = 0.5 * cut[inside > 0] + 0.5 * level


def _fractal(view: _View, random: np.random.Generator) -> Floats:
    """Return (H, W) cloud-like noise in [0, 1]."""
    width, height = view.full
    total, strength, longer = np.zeros((view.height, view.width), np.float32), 1.0, max(view.full)
    small = np.zeros((max(height // 16, 8), max(width // 16, 8)), np.float32)  # for its range
    for octave in range(2, 9):
        cells = 2**octave
        shape = (max(2, cells * height // longer), max(2, cells * width // longer))
        layer = random.random(shape, dtype=np.float32)
        total += np.float32(strength) * _enlarged(layer, view)
        small += np.float32(strength) * cv2.resize(layer, small.shape[::-1])
        strength *= random.uniform(0.5, 0.8)
    low, high = float(small.min()), float(small.max())
    scaled: Floats = np.clip((total - low) / max(high - low, 1e-6), 0, 1)
    return scaled


def _enlarged(layer: Floats, view: _View) -> Floats:
    """Return the window of the layer (h, w) enlarged to the sensor."""
    per_x, per_y = view.full[0] / layer.shape[1], view.full[1] / layer.shape[0]
    left, top = max(int(view.x / per_x) - 2, 0), max(int(view.y / per_y) - 2, 0)
    right, bottom = int((view.x + view.width) / per_x) + 3, int((view.y + view.height) / per_y) + 3
    cut = layer[top:bottom, left:right]
    size = (max(round(cut.shape[1] * per_x), 1), max(round(cut.shape[0] * per_y), 1))
    large = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), np.float32)
    x, y = view.x - round(left * per_x), view.y - round(top * per_y)
    x, y = min(x, size[0] - view.width), min(y, size[1] - view.height)
    window: Floats = large[y : y + view.height, x : x + view.width]
    return window
