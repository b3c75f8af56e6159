"""Has a nut 螺母 turned since its marking line 防松标记 was painted?

The line runs from the plate over washer, nut and thread in one plane with the axis. When the nut
turns, its piece of the line turns with it. A standard bolt is fitted to the crop (`bolt_model`);
around its axis the plate beside the washer and the nut are searched for a narrow bright bar along
the plane of the line, and the angle between the two about the axis is measured.

A glint is as bright as paint: what tells them apart is that a line has the same width everywhere,
the same face on both sides, and that there is only one on each ring.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.imaging.crops import Crop
from catenary.rules import bolt_model, bolt_profile
from catenary.rules.bolt_model import NUT_LONG, Fit, Floats, Pose
from catenary.rules.verdicts import judged

MARKING = "bolt_marking/1"

_STEP_DEG = 5
_AZIMUTHS = np.radians(np.arange(-180, 180, _STEP_DEG))
_HALF_WIDTH = 0.05  # within a line on both sides of its middle, thread diameters
_BESIDE = 0.27  # of its middle to the face on both sides, thread diameters
_NEAR_DEG = 30  # the same line on a ring
_WASHER_THICK = 0.19  # thread diameters
_GAPS = (0.0, 0.25, 0.5)  # between plate and nut, thread diameters: one that has backed off
_PLATE = np.linspace(1.0, 1.27, 5)  # radii beside a washer, thread diameters
_TOP = np.linspace(0.54, 0.68, 4)  # radii on the nut's end, beside the thread
_FAINT = 6.0  # grey levels that count little in the logarithm
_SIDE_SEEN_DEG = 62  # up to here a flat of the nut shows what is on it
_NUT_DEG, _PLATE_DEG = 90, 105  # up to here nut and plate are not hidden by what stands out


@dataclass(frozen=True, slots=True)
class MarkingLimits:
    """Limits of the rule of marking lines; our starting values, tuned on simulated bolts.

    Attributes:
        min_side_px: Boxes with a longer side shorter than this are not judged: lines of 2 px.
        min_contrast: Not judged below this difference between the dark and the bright part of the
            box, in grey levels.
        fit: Least strength of the fitted bolt's outline.
        facing: Cosine of the angle between axis and line of sight, least and greatest: from beside
            nothing of the plate is seen, and end on the fit is not to be trusted.
        plate_line: Least height of the line on the plate over both sides of it, as the natural
            logarithm of the ratio of their light.
        nut_line: The same on the nut.
        other: A second bar on the same ring is at most this share as high.
        turn_deg: Angle between the two pieces from which the nut has turned: the specialists' 10
            degrees, and as much for the fit, which is right within 8 on drawn bolts.
    """

    min_side_px: float = 44.0
    min_contrast: float = 20.0
    fit: float = 0.5
    facing: tuple[float, float] = (0.3, 0.92)
    plate_line: float = 0.25
    nut_line: float = 0.2
    other: float = 0.4
    turn_deg: float = 20.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """The highest bar on a ring around the axis.

    Attributes:
        azimuth: Radians about the axis, 0 towards the camera.
        height: Over the faces beside it, natural logarithm.
        other: Height of the next one elsewhere on the ring.
        depth: Of the ring below the end of the thread, thread diameters.
    """

    azimuth: float
    height: float
    other: float
    depth: float

    def is_line(self, least: float, share: float) -> bool:
        """Tell whether it is high enough, and nothing else on the ring nearly as high."""
        return self.height >= least and self.other <= share * self.height


def turned(crop: Crop, limits: MarkingLimits) -> Evidence:
    """Measure by how much the nut has turned against its marking line.

    Args:
        crop: Cut-out of a bolt, with some margin.
        limits: Thresholds.

    Returns:
        Evidence for ``loose`` from the angle between the line on the plate and that on the nut.
        Cannot judge where no bolt is made out, no line is seen, or only one piece of it.
    """
    seen = _lines(crop, limits)
    if isinstance(seen, Refusal):
        return seen.evidence(MARKING, "loose")
    fit, plate, nut = seen
    angle = abs((nut.azimuth - plate.azimuth + np.pi) % (2 * np.pi) - np.pi)
    degrees = math.degrees(angle)
    numbers = (
        Measurement("marking_angle", degrees, "deg", limits.turn_deg),
        Measurement("plate_line", plate.height, "1", limits.plate_line),
        Measurement("nut_line", nut.height, "1", limits.nut_line),
        Measurement("thread_diameter", fit.pose.diameter / fit.scale, "px"),
    )
    traces = _drawn(fit, plate, nut)
    return judged(MARKING, "loose", degrees / limits.turn_deg, numbers, traces)


def _lines(crop: Crop, limits: MarkingLimits) -> tuple[Fit, _Piece, _Piece] | Refusal:
    """Return the fitted bolt and the pieces on plate and nut; or why there are none."""
    fit = _made_out(crop, limits)
    if isinstance(fit, Refusal):
        return fit
    light = np.log(cv2.GaussianBlur(fit.picture, (0, 0), 0.7).clip(0) + _FAINT)
    plate, nut = _on_plate(light, fit.pose), _on_nut(light, fit.pose)
    has_plate = plate.is_line(limits.plate_line, limits.other)
    has_nut = nut.is_line(limits.nut_line, limits.other)
    if has_plate and has_nut:
        return fit, plate, nut
    return Refusal(Unjudged.ONE_PIECE if has_plate or has_nut else Unjudged.NO_MARKING)


def _made_out(crop: Crop, limits: MarkingLimits) -> Fit | Refusal:
    """Return the fitted bolt where it is large, whole and clear, and seen aslant."""
    side = max(crop.inner.width, crop.inner.height)
    if side < limits.min_side_px:
        return refused(Unjudged.TOO_SHORT, "length", side, "px", limits.min_side_px)
    if cut := cut_off(crop.cut_sides):
        return cut
    contrast = bolt_profile.contrast(crop)
    if contrast < limits.min_contrast:
        needed = limits.min_contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", needed)
    fit = bolt_model.fit(crop)
    if fit.strength < limits.fit:
        return refused(Unjudged.NO_BOLT_SHAPE, "outline", fit.strength, "1", limits.fit)
    if not limits.facing[0] <= fit.pose.facing <= limits.facing[1]:
        return Refusal(Unjudged.NUT_ASIDE)
    return fit


def _on_plate(light: NDArray[np.float32], pose: Pose) -> _Piece:
    found = []
    for gap in _GAPS:
        depth = pose.stand + NUT_LONG + _WASHER_THICK + gap
        found.append(_highest(_bars(light, pose, np.array(depth), _PLATE), _PLATE_DEG, depth))
    return max(found, key=lambda one: one.height)


def _on_nut(light: NDArray[np.float32], pose: Pose) -> _Piece:
    """Return the bar on the nut's end and, where they are seen, on its flats as well."""
    end = _bars(light, pose, np.array(pose.stand), _TOP)
    depths = np.linspace(pose.stand + 0.15, pose.stand + NUT_LONG - 0.15, 5)
    flats = _bars(light, pose, depths, pose.flat_radius(_AZIMUTHS)[:, None] + 0.02)
    is_flat_seen = np.abs(_AZIMUTHS) < math.radians(_SIDE_SEEN_DEG)
    heights = np.where(is_flat_seen, (end + flats) / 2, end)
    return _highest(heights, _NUT_DEG, pose.stand)


def _bars(light: NDArray[np.float32], pose: Pose, depth: Floats, radius: Floats) -> Floats:
    """Return (azimuths,): how much brighter than both its sides a bar there is, in its dimmer part.

    Args:
        light: (H, W) logarithm of the picture.
        pose: Of the bolt.
        depth: Along the bar, thread diameters.
        radius: Along the bar, thread diameters; broadcast with ``depth`` to (azimuths or 1, P).
    """
    depths, radii = np.broadcast_arrays(depth, np.atleast_2d(radius))

    def at(aside: float) -> Floats:
        azimuths = _AZIMUTHS[:, None] + np.arctan2(aside, radii)
        places = pose.at(depths, np.hypot(radii, aside), azimuths).astype(np.float32)
        flat = places.reshape(1, -1, 2)
        values = cv2.remap(
            light, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(values, np.float64).reshape(places.shape[:-1])

    around = (at(_HALF_WIDTH) + at(-_HALF_WIDTH)) / 2
    core = np.minimum(at(0.0), around + 0.1)
    height = np.sort(core - np.maximum(at(_BESIDE), at(-_BESIDE)), axis=1)
    return np.asarray(height[:, 1], np.float64)


def _highest(heights: Floats, reach_deg: float, depth: float) -> _Piece:
    """Return the highest bar among those not farther than ``reach_deg`` from the camera's side."""
    is_seen = np.abs(_AZIMUTHS) <= math.radians(reach_deg) + 1e-6
    shown = np.where(is_seen, heights, -np.inf)
    top = int(shown.argmax())
    away = np.abs((_AZIMUTHS - _AZIMUTHS[top] + np.pi) % (2 * np.pi) - np.pi)
    other = shown[away > math.radians(_NEAR_DEG)].max()
    return _Piece(_peak(heights, top), float(shown[top]), float(other), depth)


def _peak(heights: Floats, top: int) -> float:
    """Return the azimuth of a maximum, to a part of a step."""
    before, here, after = (float(heights[(top + k) % len(heights)]) for k in (-1, 0, 1))
    curvature = before - 2 * here + after
    part = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(_AZIMUTHS[top]) + float(np.clip(part, -0.5, 0.5)) * math.radians(_STEP_DEG)


def _drawn(fit: Fit, plate: _Piece, nut: _Piece) -> tuple[Polyline, ...]:
    """Return the two pieces, and the angle between them as an arc on the plate; crop pixels."""
    pose = fit.pose
    ends = np.array(plate.depth), np.array([1.35, 0.95]), np.array(plate.azimuth)
    reach = float(pose.flat_radius(np.array(nut.azimuth)))
    depths, radii = [pose.stand, pose.stand], [0.5, reach]
    if abs(nut.azimuth) < math.radians(_SIDE_SEEN_DEG):
        depths, radii = [*depths, pose.stand + NUT_LONG], [*radii, reach]
    along = np.array(depths), np.array(radii), np.array(nut.azimuth)
    way = (nut.azimuth - plate.azimuth + np.pi) % (2 * np.pi) - np.pi
    arc = np.array(plate.depth), np.array(0.95), plate.azimuth + way * np.linspace(0, 1, 9)
    lines = (("line_on_plate", ends), ("line_on_nut", along), ("turn", arc))
    return tuple(Polyline(role, fit.in_crop(pose.at(*places))) for role, places in lines)
