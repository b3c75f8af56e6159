"""Wires drawn with exact truth: a stretch that runs through the picture at any angle."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut

FINE = 3  # drawing pixels per photograph pixel, each way
Along = NDArray[np.float64]
Line = tuple[tuple[float, float], tuple[float, float]]


def nothing(along: Along) -> Along:
    return np.zeros_like(along)


@dataclass(frozen=True)
class Wire:
    """A wire through the middle of a square picture; all lengths in px of the photograph.

    Attributes:
        width: Of the sound wire.
        course: How far its middle lies beside the straight line, at px along from the middle.
        upper: By how much less wide it is on one side.
        lower: The same on the other.
        light: Its brightness as a share, along it.
        face: Width of its bright running face.
        aside: How far the middle of that lies beside the wire's.
        flank: Brightness of the rest of the wire, as a share of its face's.
        strands: Lines (along, beside) from root to tip that are as bright as the wire.
        thick: Their thickness.
        clamps: Places along it at which a block three widths long sits on one side.
        half_box: Half of the length of the stretch that the box is drawn around.
    """

    width: float = 10.0
    turn_deg: float = 25.0
    side: int = 280
    course: Callable[[Along], Along] = nothing
    upper: Callable[[Along], Along] = nothing
    lower: Callable[[Along], Along] = nothing
    light: Callable[[Along], Along] = np.ones_like
    face: Callable[[Along], Along] = nothing
    aside: float = 0.0
    flank: float = 1.0
    strands: tuple[Line, ...] = ()
    thick: float = 2.0
    clamps: tuple[float, ...] = ()
    wire: float = 150.0
    sky: float = 10.0
    gain: float = 1.0
    offset: float = 0.0
    blur: float = 0.6
    noise: float = 1.5
    half_box: float = 45.0
    seed: int = 0

    def frame(self) -> NDArray[np.uint8]:
        side = self.side * FINE
        y, x = np.mgrid[:side, :side] / FINE + 0.5 / FINE - self.side / 2
        turn = math.radians(self.turn_deg)
        along = x * math.cos(turn) + y * math.sin(turn)
        beside = y * math.cos(turn) - x * math.sin(turn)
        off = beside - self.course(along)
        first = self.upper(along) - self.width / 2
        covered = _covered(off, first, self.width / 2 - self.lower(along))
        half = self.face(along) / 2
        bright = _covered(off, self.aside - half, self.aside + half)
        shine = self.light(along) * (self.flank + (1 - self.flank) * bright)
        picture = self.sky + (self.wire - self.sky) * shine * covered
        for place in self.clamps:
            block = (np.abs(along - place) < 1.5 * self.width) & (off > -1.2 * self.width)
            picture[block & (off < 2.2 * self.width)] = self.wire * 1.2
        for strand in self.strands:
            ends = [self._pixel(*end) for end in strand]
            cv2.line(picture, ends[0], ends[1], self.wire, round(self.thick * FINE))
        small = cv2.resize(picture, (self.side, self.side), interpolation=cv2.INTER_AREA)
        seen = cv2.GaussianBlur(small, (0, 0), self.blur) * self.gain + self.offset
        seen += np.random.default_rng(self.seed).normal(0, self.noise, seen.shape)
        return seen.clip(0, 255).astype(np.uint8)

    def crop(self) -> Crop:
        turn = math.radians(self.turn_deg)
        half_x = self.half_box * abs(math.cos(turn)) + self.width / 2
        half_y = self.half_box * abs(math.sin(turn)) + self.width / 2
        middle = self.side / 2
        box = Box(middle - half_x, middle - half_y, middle + half_x, middle + half_y)
        return cut(self.frame(), box, margin=1.0)

    def _pixel(self, along: float, beside: float) -> tuple[int, int]:
        turn = math.radians(self.turn_deg)
        x = along * math.cos(turn) - beside * math.sin(turn) + self.side / 2
        y = along * math.sin(turn) + beside * math.cos(turn) + self.side / 2
        return round(x * FINE), round(y * FINE)


def _covered(off: Along, first: Along | float, last: Along | float) -> Along:
    """Return the share of each drawing pixel between two edges, so that no edge is rounded."""
    low, high = np.maximum(off - 0.5 / FINE, first), np.minimum(off + 0.5 / FINE, last)
    return np.maximum(high - low, 0.0) * FINE


@dataclass(frozen=True)
class Step:
    """A loss of ``depth`` px within ``half`` px of the middle."""

    depth: float
    half: float = 35.0

    def __call__(self, along: Along) -> Along:
        return np.where(np.abs(along) < self.half, self.depth, 0.0)


@dataclass(frozen=True)
class Bend:
    """A course that turns by ``angle_deg`` at one place, over an even sag of ``sag`` px."""

    angle_deg: float
    at: float = 0.0
    sag: float = 0.0
    half: float = field(default=160.0)

    def __call__(self, along: Along) -> Along:
        slope = math.tan(math.radians(self.angle_deg / 2))
        return slope * np.abs(along - self.at) + self.sag * (along / self.half) ** 2


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)
