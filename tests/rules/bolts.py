"""Bolts drawn from the side with exact truth, as many pixels as asked for."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut

SKY, PLATE, STEEL, HOLE = 10, 90, 170, 8
_FINE = 8  # drawn so many times larger, then averaged


@dataclass(frozen=True)
class Bolt:
    """A bolt through a plate, its nut to the right; lengths in px.

    The nut is 1.7 and the head 1.6 diameters wide, the washer 2.1; the plate 4.
    """

    diameter: float = 16.0
    protrusion: float = 14.0
    gap: float = 0.0
    has_nut: bool = True
    free: float = 40.0  # thread in the air where there is no nut
    turn_deg: float = 0.0

    def lengths(self) -> tuple[float, ...]:
        """Return where head, plate, washer, gap, nut and thread begin and end, from the head."""
        d = self.diameter
        nut = (self.gap, 0.9 * d, self.protrusion) if self.has_nut else (0.0, 0.0, self.free)
        return tuple(np.cumsum([0.0, 0.6 * d, 2.0 * d, 0.2 * d, *nut]))

    def picture(self, sky: int = SKY, plate: int = PLATE, steel: int = STEEL) -> Crop:
        """Return the drawing, cut out by the box of the bolt."""
        d, at = self.diameter, self.lengths()
        side = math.ceil(at[-1] + 4 * d)
        image = np.full((side * _FINE, side * _FINE), sky, np.uint8)

        def block(start: float, stop: float, width: float, grey: int) -> None:
            corners = [(start, -1), (start, 1), (stop, 1), (stop, -1)]
            places = [self.place(x, y * width / 2, side) for x, y in corners]
            fine = np.round((np.array(places) + 0.5) * _FINE - 0.5).astype(np.int32)
            cv2.fillConvexPoly(image, fine, grey)

        block(at[0], at[-1], d, steel)
        block(at[0], at[1], 1.6 * d, steel - 25)
        block(at[1], at[2], 4 * d, plate)
        block(at[2], at[3], 2.1 * d, steel - 40)
        if self.has_nut:
            block(at[4], at[5], 1.7 * d, steel - 20)
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        corners = [self.place(x, y * 1.05 * d, side) for x in (0, at[-1]) for y in (-1, 1)]
        x, y = np.array(corners).T
        return cut(small, Box(x.min(), y.min(), x.max(), y.max()), margin=0.1)

    def place(self, along: float, across: float, side: int) -> tuple[float, float]:
        """Return the pixel (x, y) of a point of the bolt, from its head along the axis."""
        along -= self.lengths()[-1] / 2
        cos, sin = math.cos(math.radians(self.turn_deg)), math.sin(math.radians(self.turn_deg))
        return side / 2 + along * cos - across * sin, side / 2 + along * sin + across * cos


def changed(
    crop: Crop, gain: float = 1.0, offset: float = 0.0, blur: float = 0.0, noise: float = 0.0
) -> Crop:
    """Return the crop in other light, blurred (px) and with noise (grey levels)."""
    pixels = crop.pixels.astype(np.float32)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    pixels = pixels * gain + offset + np.random.default_rng(0).normal(0, noise, pixels.shape)
    grey: NDArray[np.uint8] = pixels.clip(0, 255).round().astype(np.uint8)
    return Crop(grey, crop.x0, crop.y0, crop.inner, crop.cut_sides)


def plate(
    side: int = 60,
    *,
    hole: tuple[float, float] = (20.0, 20.0),
    turn_deg: float = 0.0,
    grey: int = 120,
) -> Crop:
    """Return a face with an oval hole of these axes in its middle; nothing with axes of 0."""
    image = np.full((side * _FINE, side * _FINE), grey, np.uint8)
    if min(hole) > 0:
        middle = side * _FINE / 2 - 0.5
        axes = hole[0] * _FINE, hole[1] * _FINE
        cv2.ellipse(image, ((middle, middle), axes, turn_deg), HOLE, -1)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    frame = np.pad(small, 10, constant_values=SKY)
    return cut(frame, Box(10, 10, 10 + side, 10 + side), margin=0.1)
