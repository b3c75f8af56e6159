"""Bolts with a painted line, drawn in perspective from afar with exact truth."""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut

SKY, PLATE, PAINT = 12, 60, 215
_FINE = 6  # drawn so many times larger, then averaged
_LONG, _FLATS, _WASHER = 0.9, 0.75, 0.94  # of the nut and washer, thread diameters
_HALF = 0.1  # width of the line, thread diameters


@dataclass(frozen=True)
class Marked:
    """A bolt in a square plate; lengths in thread diameters, angles in degrees.

    ``at`` is where the line on the plate lies, from the side towards the camera; ``turned`` is
    how much further that on the nut lies. None: there is no such line.
    """

    diameter: float = 22.0  # px
    facing: float = 0.7
    direction: float = 60.0
    spin: float = 10.0
    stand: float = 0.8
    at: float | None = 20.0
    turned: float | None = 0.0

    def place(self, height: float, radius: float, azimuth: float) -> NDArray[np.float64]:
        """Return the (x, y) px of a point from the middle of the plate."""
        e = np.array(
            [math.cos(math.radians(self.direction)), math.sin(math.radians(self.direction))]
        )
        aside = np.array([-e[1], e[0]])
        a, lean = math.radians(azimuth), math.sqrt(1 - self.facing**2)
        out = height * lean - radius * self.facing * math.cos(a)
        return self.diameter * (out * e + radius * math.sin(a) * aside)

    def picture(self) -> Crop:
        """Return the drawing, cut out by the box of the bolt."""
        side = math.ceil(7.5 * self.diameter)
        image = np.full((side * _FINE, side * _FINE), SKY, np.uint8)
        seen: list[NDArray[np.float64]] = []

        def face(points: list[tuple[float, float, float]], grey: float) -> None:
            places = np.array([self.place(*one) for one in points]) + side / 2
            seen.append(places)
            fine = np.round((places + 0.5) * _FINE - 0.5).astype(np.int32)
            cv2.fillConvexPoly(image, fine, int(grey))

        def line(corners: list[tuple[float, float, float]]) -> None:
            """Draw a line along points (height, radius, azimuth)."""
            for one, other in pairwise(corners):
                sides = [
                    (height, math.hypot(radius, _HALF), azimuth + sign * _beside(radius))
                    for sign, pair in ((-1, (one, other)), (1, (other, one)))
                    for height, radius, azimuth in pair
                ]
                face(sides, PAINT)

        def ring(height: float, radius: float, grey: float) -> None:
            face([(height, radius, a) for a in range(0, 360, 6)], grey)

        face([(0, 2.4, self.spin + 45 + 90 * k) for k in range(4)], PLATE)
        seen.clear()
        ring(0.0, _WASHER + 0.03, PLATE * 0.6)
        ring(0.19, _WASHER, 80)
        if self.at is not None:
            line([(0, 1.31, self.at), (0, _WASHER + 0.03, self.at)])
        self._nut(face, line)
        self._thread(face)
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        places = np.concatenate(seen)
        (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
        return cut(small, Box(x0, y0, x1, y1), margin=0.3)

    def _nut(self, face, line) -> None:  # type: ignore[no-untyped-def]
        low, high, corner = 0.19, 0.19 + _LONG, _FLATS / math.cos(math.pi / 6)
        for k in range(6):
            first, last = self.spin + 60 * k, self.spin + 60 * k + 60
            front = math.cos(math.radians(first + 30))
            if front > 0:
                sides = [(low, corner, first), (low, corner, last)]
                face([*sides, (high, corner, last), (high, corner, first)], 55 + 60 * front)
        face([(high, corner, self.spin + 60 * k) for k in range(6)], 105)
        if self.at is None or self.turned is None:
            return
        azimuth = self.at + self.turned
        beside = (azimuth - self.spin) % 60 - 30
        flat = _FLATS / math.cos(math.radians(beside))
        line([(high, 0.5, azimuth), (high, flat, azimuth)])
        if abs((azimuth + 180) % 360 - 180) < 80:
            line([(high, flat, azimuth), (low, flat, azimuth)])

    def _thread(self, face) -> None:  # type: ignore[no-untyped-def]
        low, high = 0.19 + _LONG, 0.19 + _LONG + self.stand
        for a in range(-90, 90, 15):
            sides = [(low, 0.5, a), (low, 0.5, a + 15), (high, 0.5, a + 15), (high, 0.5, a)]
            face(sides, 60 + 50 * math.cos(math.radians(a)))
        face([(high, 0.5, a) for a in range(0, 360, 6)], 130)


def _beside(radius: float) -> float:
    return math.degrees(math.atan2(_HALF, radius))
