"""Drawn masts of one build: a fitting with two bolts, and what a detector would have located."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.domain.place import Direction, Mast

SIZE = 400, 300  # width and height of a photograph
BOLTS = ((0.3, 0.35), (0.7, 0.6))  # middles, as shares of the fitting's box
WIDTH, HEIGHT, BOLT = 120.0, 90.0, 26.0  # px
_FINE = 3  # shares of a pixel in which lines are drawn


def mast(number: int) -> Mast:
    return Mast("京广线", Direction.UP, "甲-乙", f"{number:03d}")


@dataclass(eq=False)
class Drawn:
    """A photograph of one fitting; ``gone`` names bolts that are not there, ``missed`` those that
    the detector does not find."""

    number: int
    gone: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()
    corner: tuple[float, float] | None = None
    scale: float = 1.0
    gain: float = 1.0
    blur: float = 0.0
    noise: float = 2.0
    hole: int = 20

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.number)
        x, y = self.corner or (130 + random.uniform(-20, 20), 100 + random.uniform(-20, 20))
        box = Box(x, y, x + self.scale * WIDTH, y + self.scale * HEIGHT)
        canvas = np.full((SIZE[1] * _FINE, SIZE[0] * _FINE), 8, np.uint8)
        _plate(canvas, box)
        bolts = [_bolt_box(box, at, self.scale) for at in BOLTS]
        for row, one in enumerate(bolts):
            _draw_bolt(canvas, one, self.hole if row in self.gone else None)
        small = cv2.resize(canvas, SIZE, interpolation=cv2.INTER_AREA).astype(np.float64)
        if self.blur:
            small = cv2.GaussianBlur(small, (0, 0), self.blur)
        small = self.gain * small + random.normal(0, self.noise, small.shape)
        self.pixels: NDArray[np.uint8] = small.clip(0, 255).astype(np.uint8)
        jitter = random.normal(0, 0.01, 4) * WIDTH
        corners = np.clip(np.array([box.x0, box.y0, box.x1, box.y1]) + jitter, 0, None)
        self.fitting = Component("clevis", Box(*corners.tolist()), 0.9)
        self.bolt_boxes = bolts
        self.bolts = [
            Component("bolt", one, 0.8)
            for row, one in enumerate(bolts)
            if row not in self.gone and row not in self.missed
        ]


def _bolt_box(box: Box, at: tuple[float, float], scale: float) -> Box:
    x, y = box.x0 + at[0] * box.width, box.y0 + at[1] * box.height
    half = scale * BOLT / 2
    return Box(x - half, y - half, x + half, y + half)


def _plate(canvas: NDArray[np.uint8], box: Box) -> None:
    def at(x: float, y: float) -> tuple[int, int]:
        px = box.x0 + x * box.width, box.y0 + y * box.height
        return round(px[0] * _FINE), round(px[1] * _FINE)

    outline = np.array([at(0, 0.2), at(0.45, 0), at(1, 0.3), at(0.9, 1), at(0.15, 0.9)])
    cv2.fillPoly(canvas, [outline.astype(np.int32)], 120)
    rib = np.array([at(0.45, 0.1), at(0.52, 0.1), at(0.5, 0.95), at(0.42, 0.9)])
    cv2.fillPoly(canvas, [rib.astype(np.int32)], 175)
    cv2.circle(canvas, at(0.2, 0.75), round(0.05 * box.width * _FINE), 40, -1)


def _draw_bolt(canvas: NDArray[np.uint8], box: Box, hole: int | None) -> None:
    x, y = (round(v * _FINE) for v in box.centre)
    half = box.width / 2 * _FINE
    if hole is not None:
        cv2.circle(canvas, (x, y), round(0.35 * half), hole, -1)
        return
    turns = np.arange(6) * np.pi / 3 + 0.3
    corners = np.stack([x + half * np.cos(turns), y + half * np.sin(turns)], 1)
    cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], 215)
    cv2.circle(canvas, (x, y), round(0.5 * half), 90, -1)
    cv2.circle(canvas, (x, y), round(0.35 * half), 240, -1)
