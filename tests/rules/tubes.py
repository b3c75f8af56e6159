"""Tubes drawn with exact truth: a steady arm under its pipe, or a tube alone."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop, cut

FINE = 2  # drawing pixels per photograph pixel, each way
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """A steady arm that hangs from a bracket, in a picture of 440 x 440 px; lengths in px.

    Attributes:
        slope_deg: Of the arm, downwards to the right.
        bow: Height of its even bow over the chord, as a share of its length.
        kink: Height of a kink in its middle, the same.
        length: From end to end.
        width: Of the arm; the pipe is 1.6 times as wide.
        is_held: At its left and its right end.
        roll_deg: By which the whole picture is turned.
        night: Bright on dark, else dark on bright.
    """

    slope_deg: float = 6.0
    bow: float = 0.0
    kink: float = 0.0
    length: float = 220.0
    width: float = 14.0
    is_held: tuple[bool, bool] = (True, True)
    roll_deg: float = 0.0
    night: bool = True
    gain: float = 1.0
    offset: float = 0.0
    blur: float = 0.7
    noise: float = 2.0
    seed: int = 0
    has_pipe: bool = True

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(x, y) of the ends of its middle, before the roll; the left one is at the bracket."""
        x, y = 120.0, 220.0
        turn = math.radians(self.slope_deg)
        return (x, y), (x + self.length * math.cos(turn), y + self.length * math.sin(turn))

    def course(self) -> Points:
        """(P, 2) of its middle, before the roll."""
        t = np.linspace(0, 1, 81)
        off = self.length * (self.bow * 4 * t * (1 - t) + self.kink * (1 - np.abs(2 * t - 1)))
        (x, y), turn = self.ends[0], math.radians(self.slope_deg)
        along = t * self.length
        return np.stack(
            [
                x + along * math.cos(turn) - off * math.sin(turn),
                y + along * math.sin(turn) + off * math.cos(turn),
            ],
            axis=1,
        )

    def strokes(self) -> list[tuple[Points, float]]:
        """Courses and widths of all that is drawn."""
        first, last = (np.array(end) for end in self.ends)
        drawn = [(self.course(), self.width)]
        if self.has_pipe:
            pipe = np.array([[-300.0, first[1] - 60], [900.0, first[1] - 60]])
            drawn.append((pipe, 1.6 * self.width))
        if self.is_held[0]:
            foot = first + self.width * np.array([-1.6, 0.3])
            drawn.append((np.array([foot - (0, 60), foot]), 0.9 * self.width))
            drawn.append((np.array([foot, first - (0.4 * self.width, 0)]), 0.6 * self.width))
        if self.is_held[1]:
            clamp = last + self.width * np.array([1.6, 1.8])
            drawn.append((np.array([last, clamp]), 0.6 * self.width))
        return drawn

    def rolled(self, points: Points) -> Points:
        turn = math.radians(self.roll_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        return np.asarray((points - 220) @ np.array([[cos, sin], [-sin, cos]]) + 220)

    def frame(self) -> NDArray[np.uint8]:
        sky, steel = (8.0, 170.0) if self.night else (190.0, 40.0)
        picture = np.full((440 * FINE, 440 * FINE), sky)
        for course, width in self.strokes():
            points = self.rolled(course)
            step = np.diff(points, axis=0)
            step = np.vstack([step, step[-1:]]) / np.hypot(*np.vstack([step, step[-1:]]).T)[:, None]
            across = np.stack([-step[:, 1], step[:, 0]], axis=1) * width / 2
            outline = np.vstack([points + across, (points - across)[::-1]])
            cv2.fillPoly(picture, [np.round(outline * FINE).astype(np.int32)], steel)
        small = cv2.resize(picture, (440, 440), interpolation=cv2.INTER_AREA)
        seen = cv2.GaussianBlur(small, (0, 0), self.blur) * self.gain + self.offset
        seen += np.random.default_rng(self.seed).normal(0, self.noise, seen.shape)
        return seen.clip(0, 255).astype(np.uint8)

    def crop(self) -> Crop:
        points = [self.course()]
        if self.has_pipe:
            points.append(np.array([self.ends[0]]) + np.array([-2 * self.width, -72.0]))
        corners = self.rolled(np.vstack(points))
        low, high = corners.min(axis=0) - self.width / 2, corners.max(axis=0) + self.width / 2
        return cut(self.frame(), Box(*map(float, (*low, *high))), margin=0.15)


def value(evidence: Evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)
