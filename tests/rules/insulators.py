"""Insulators 绝缘子 drawn with exact truth."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut

FINE = 4  # drawing pixels per photograph pixel
MARGIN = 60.0  # px of frame around the part


@dataclass(frozen=True)
class Drawing:
    """An insulator in night light; lengths in pixels of the photograph."""

    sheds: int = 14
    period: float = 16.0
    width: float = 56.0  # across the sheds
    small: float = 1.0  # width of every second shed, as a share
    missing: tuple[int, ...] = ()
    burnt: tuple[int, ...] = ()
    left: float = 0.15  # of a burnt shed's light
    turn_deg: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    chip: tuple[int, float] = (0, 0.0)  # a shed, and px that lack at its upper end
    blotch: float = 0.0  # share by which the light of places on the sheds differs, at random
    film: tuple[float, float] = (0.0, 0.0)  # sheds from and to which something bright hangs down
    noise: float = 1.5
    blur: float = 0.7

    @property
    def length(self) -> float:
        return (self.sheds + 2) * self.period

    def along(self, shed: float) -> float:
        """Return the distance of a shed from the middle of the string."""
        return (shed - (self.sheds - 1) / 2) * self.period

    def level(self) -> NDArray[np.float32]:
        """Draw the string level, on dark sky: rod, then sheds with a ridge of light."""
        side = int((self.length + 40) * FINE)
        picture = np.full((int((self.width + 40) * FINE), side), 8, np.float32)
        middle_y, middle_x = picture.shape[0] / 2, side / 2

        def bar(centre: float, thick: float, high: float, grey: float) -> None:
            x, y = middle_x + centre * FINE, middle_y
            half_x, half_y = thick * FINE / 2, high * FINE / 2
            corners = (round(x - half_x), round(y - half_y)), (round(x + half_x), round(y + half_y))
            cv2.rectangle(picture, *corners, grey, -1)

        bar(0, self.length, 0.35 * self.width, 70)
        for shed in set(range(self.sheds)) - set(self.missing):
            high = self.width * (self.small if shed % 2 else 1)
            dark = self.left if shed in self.burnt else 1.0
            bar(self.along(shed), 0.5 * self.period, high, 150 * dark)
            bar(self.along(shed) - 0.1 * self.period, 0.12 * self.period, high, 230 * dark)
        self._chip(picture)
        self._soil(picture)
        self._hang(picture)
        return picture

    def _chip(self, picture: NDArray[np.float32]) -> None:
        shed, lacks = self.chip
        high = self.width * (self.small if shed % 2 else 1)
        middle = picture.shape[1] / 2 + self.along(shed) * FINE
        columns = slice(
            round(middle - self.period * FINE / 2), round(middle + self.period * FINE / 2)
        )
        top = round(picture.shape[0] / 2 - high * FINE / 2)
        picture[top : top + round(lacks * FINE), columns] = 8

    def _soil(self, picture: NDArray[np.float32]) -> None:
        cell = self.period * FINE
        size = [math.ceil(side / cell) for side in picture.shape[::-1]]
        coarse = np.random.default_rng(5).uniform(-1, 1, size[::-1]).astype(np.float32)
        blotches = cv2.resize(coarse, picture.shape[::-1], interpolation=cv2.INTER_CUBIC)
        picture[:] = 8 + (picture - 8) * np.exp(self.blotch * 2 * blotches)

    def _hang(self, picture: NDArray[np.float32]) -> None:
        ends = [round(picture.shape[1] / 2 + self.along(one - 0.5) * FINE) for one in self.film]
        top = round(picture.shape[0] / 2 - 0.3 * self.width * FINE)
        picture[top:, ends[0] : ends[1]] = 200

    def frame(self) -> tuple[NDArray[np.uint8], Box]:
        """Photograph it turned: the frame and the string's tight box."""
        angle = math.radians(self.turn_deg)
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        width = self.length * cos + self.width * sin
        height = self.length * sin + self.width * cos
        size = math.ceil(width + 2 * MARGIN), math.ceil(height + 2 * MARGIN)
        level = cv2.GaussianBlur(self.level(), (0, 0), FINE / 2)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        middle = np.array(level.shape[::-1]) / 2
        shift = middle - FINE * turn @ (np.array(size) / 2)
        to_level = np.hstack([FINE * turn, shift[:, None]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(level, to_level, size, flags=flags, borderValue=8.0)
        seen = cv2.GaussianBlur(seen, (0, 0), self.blur) * self.gain + self.offset
        seen += np.random.default_rng(3).normal(0, self.noise, seen.shape)
        x, y = (size[0] - width) / 2, (size[1] - height) / 2
        return seen.clip(0, 255).astype(np.uint8), Box(x, y, x + width, y + height)

    def crop(self) -> Crop:
        frame, box = self.frame()
        return cut(frame, box, margin=0.05)

    def place(self, shed: float, crop: Crop) -> tuple[float, float]:
        """Return where a shed's middle is in the crop."""
        x, y = crop.inner.centre
        angle = math.radians(self.turn_deg)
        along = self.along(shed)
        return x + along * math.cos(angle), y + along * math.sin(angle)


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)
