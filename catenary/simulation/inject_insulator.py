"""Remove, chip or darken sheds 伞裙 of a photographed insulator.

Where a shed goes, what shows between the sheds is stretched over its place.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from catenary.domain.finding import Verdict
from catenary.imaging.crops import Crop
from catenary.rules.insulator import ShedLimits, shed_spacing
from catenary.simulation.retouch import Floats, Grey, Path

_KEPT = 0.35  # share of half a period beside a shed that is stretched over its place
_LEAST_SHEDS = 5
_LEVEL = 0.17  # sine of 10 degrees
_DIAGONAL = 0.3  # cosine of twice the axis' angle; a box tells nothing of a steeper rectangle


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Coordinates of one insulator.

    Attributes:
        along: (H, W) of each pixel, px from the first shed along the axis.
        across: (H, W), px from the axis.
        axis: Unit vector of the axis (x, y).
        sheds: (N,) middles of the sheds, px along.
        period: px.
        half_height: px from the axis to the sheds' rim.
    """

    along: Floats
    across: Floats
    axis: tuple[float, float]
    sheds: Floats
    period: float
    half_height: float


def shed_missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a shed is there or not
    """Take one shed away, down to the core."""
    frame = _frame(crop)
    if isinstance(frame, str):
        return frame
    middle = _some_shed(frame, random)
    weight = _inside(frame, middle) * (np.abs(frame.across) <= 1.25 * frame.half_height)
    return _mixed(crop.pixels, _bare(crop.pixels, frame, middle), weight)


def shed_broken(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Break a ragged piece off one side of a shed."""
    frame = _frame(crop)
    if isinstance(frame, str):
        return frame
    middle, side = _some_shed(frame, random), random.choice([-1, 1])
    depth = frame.half_height * (0.35 + 0.5 * severity)
    ragged = cv2.GaussianBlur(random.normal(size=crop.pixels.shape).astype(np.float32), (0, 0), 2)
    ragged = ragged * np.float32(0.15 * frame.half_height / max(float(ragged.std()), 1e-6))
    from_rim = frame.half_height - side * frame.across
    lost = (from_rim + ragged < depth) & (from_rim > -0.25 * frame.half_height)
    weight = _inside(frame, middle) * cv2.GaussianBlur(lost.astype(np.float32), (0, 0), 0.8)
    return _mixed(crop.pixels, _bare(crop.pixels, frame, middle), weight)


def flashover(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Burn a ragged band around the insulator."""
    frame = _frame(crop)
    if isinstance(frame, str):
        return frame
    length = float(frame.sheds[-1] - frame.sheds[0])
    half = max(length * (0.05 + 0.2 * severity), frame.period)
    middle = length * random.uniform(0.25, 0.75)
    depth = np.clip(
        1.6 - 1.3 * np.abs(frame.along - middle) / half + _clouds(crop, frame, random), 0, 1
    )
    return _mixed(crop.pixels, 0.12 * crop.pixels, depth * _on_insulator(frame))


def contaminated(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Cover the insulator with blotches of dirt."""
    frame = _frame(crop)
    if isinstance(frame, str):
        return frame
    depth = np.clip(0.5 + 0.7 * _clouds(crop, frame, random), 0, 1)
    darker = crop.pixels * (1 - (0.35 + 0.45 * severity))
    return _mixed(crop.pixels, darker, depth * _on_insulator(frame))


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - one form as the others
    """Put the neighbouring shed in the place of one."""
    frame = _frame(crop)
    if isinstance(frame, str):
        return frame
    middle = _some_shed(frame, random)
    index = int(np.abs(frame.sheds - middle).argmin())
    inwards = 1 if index < len(frame.sheds) / 2 else -1  # at the ends may be fittings
    other = float(frame.sheds[index + inwards])
    weight = _inside(frame, middle) * (np.abs(frame.across) <= 1.25 * frame.half_height)
    return _mixed(crop.pixels, _from(crop.pixels, frame, frame.along + (other - middle)), weight)


def _frame(crop: Crop) -> _Frame | str:
    """Return the coordinates of an insulator with all its sheds, or why there are none."""
    evidence = shed_spacing(crop, ShedLimits())
    if evidence.verdict is not Verdict.NORMAL:
        return evidence.reason or "a shed seems to be missing already"
    marks = [np.array(line.points) for line in evidence.traces if line.role == "shed"]
    if len(marks) < _LEAST_SHEDS:
        return f"{len(marks)} sheds, need {_LEAST_SHEDS}"
    middles = np.array([mark.mean(axis=0) for mark in marks])
    axis = middles[-1] - middles[0]
    axis /= np.linalg.norm(axis)
    half = float(np.median([np.linalg.norm(mark[1] - mark[0]) for mark in marks])) / 2
    origin, half = _placed(crop, middles[0], axis, half)
    ys, xs = np.indices(crop.pixels.shape, np.float32)
    dx, dy = xs - np.float32(origin[0]), ys - np.float32(origin[1])
    along = (dx * axis[0] + dy * axis[1]).astype(np.float32)
    across = (dy * axis[0] - dx * axis[1]).astype(np.float32)
    places = ((middles - origin) @ axis).astype(np.float32)
    period = float(np.median(np.diff(places)))
    frame = _Frame(along, across, (float(axis[0]), float(axis[1])), places, period, half)
    return _in_phase(crop.pixels, frame)


def _placed(crop: Crop, first: Path, axis: Path, half: float) -> tuple[Path, float]:
    """Return a point of the axis and the sheds' half height.

    The rule's marks lie on the rows that repeat best, which may be those of one side only. A
    rectangle turned by the axis' angle that fills the box tells better, unless it is diagonal
    or the frame cuts it.

    Args:
        crop: The insulator.
        first: (2,) middle of the first mark.
        axis: (2,) unit vector.
        half: Half length of the marks, px.
    """
    cos, sin = np.abs(axis)
    turned = cos**2 - sin**2
    is_level = min(cos, sin) < _LEVEL  # a frame that cuts its ends leaves its height
    if not is_level and (abs(turned) < _DIAGONAL or crop.cut_sides):
        return first, half
    width, height = crop.inner.width, crop.inner.height
    across = (height * cos - width * sin) / turned
    middle = np.array(crop.inner.centre)
    return middle + ((first - middle) @ axis) * axis, float(np.clip(across / 2, half, 2.5 * half))


def _in_phase(pixels: Grey, frame: _Frame) -> _Frame:
    """Move the marks onto the sheds: the rule's template may begin anywhere in a period."""
    rim = (np.abs(frame.across) > 0.6 * frame.half_height) & (
        np.abs(frame.across) < 0.95 * frame.half_height
    )
    rim &= (frame.along > frame.sheds[0]) & (frame.along < frame.sheds[-1])
    phase = (frame.along[rim] / frame.period) % 1
    bins = np.minimum((phase * 16).astype(int), 15)
    count = np.maximum(np.bincount(bins, minlength=16), 1)
    level = np.bincount(bins, pixels[rim].astype(np.float64), 16) / count
    beyond = np.abs(frame.across) > 1.2 * frame.half_height
    sky = float(np.median(pixels[beyond])) if beyond.any() else 0.0
    angle = np.angle(np.abs(level - sky) @ np.exp(2j * np.pi * (np.arange(16) + 0.5) / 16))
    shift = float(angle) / (2 * np.pi) * frame.period
    moved = (frame.sheds + shift).astype(np.float32)
    return _Frame(frame.along, frame.across, frame.axis, moved, frame.period, frame.half_height)


def _some_shed(frame: _Frame, random: np.random.Generator) -> float:
    """Return the middle of a shed that has others on both sides."""
    edge = 2 if len(frame.sheds) > _LEAST_SHEDS else 1
    return float(frame.sheds[int(random.integers(edge, len(frame.sheds) - edge))])


def _inside(frame: _Frame, middle: float) -> Floats:
    """Return (H, W), 1 within half a period of a shed's middle, falling softly at its sides."""
    distance = np.abs(frame.along - middle) / (frame.period / 2)
    return np.asarray(np.clip((1 - distance) / 0.15, 0, 1), np.float32)


def _on_insulator(frame: _Frame) -> Floats:
    """Return (H, W), 1 on the sheds' rectangle, falling to 0 over two pixels."""
    half, middle = frame.period / 2, float(frame.sheds[0] + frame.sheds[-1]) / 2
    reach = float(frame.sheds[-1] - frame.sheds[0]) / 2 + half
    inside = np.minimum(
        1.1 * frame.half_height - np.abs(frame.across), reach - np.abs(frame.along - middle)
    )
    return np.asarray(np.clip(inside / 2, 0, 1), np.float32)


def _bare(pixels: Grey, frame: _Frame, middle: float) -> Floats:
    """Return the picture with what lies between sheds stretched over one shed's place."""
    half = frame.period / 2
    offset = frame.along - middle
    left = _from(pixels, frame, middle - half + (offset + half) * _KEPT)
    right = _from(pixels, frame, middle + half - (half - offset) * _KEPT)
    share = np.clip(0.5 + offset / frame.period, 0, 1)
    return np.asarray((1 - share) * left + share * right, np.float32)


def _from(pixels: Grey, frame: _Frame, along: Floats) -> Floats:
    """Return for each pixel the grey level at another place along the axis, as far from it."""
    move = (along - frame.along).astype(np.float32)
    ys, xs = np.indices(pixels.shape, np.float32)
    moved = cv2.remap(
        pixels,
        xs + move * np.float32(frame.axis[0]),
        ys + move * np.float32(frame.axis[1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _clouds(crop: Crop, frame: _Frame, random: np.random.Generator) -> Floats:
    """Return (H, W) smooth noise of standard deviation 0.4, about a period in size."""
    noise = random.normal(size=crop.pixels.shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), max(frame.period * 0.6, 1.5))
    return np.asarray(smooth * 0.4 / max(float(smooth.std()), 1e-6), np.float32)


def _mixed(pixels: Grey, other: Floats, weight: Floats) -> Grey:
    mixed = pixels + weight * (other - pixels.astype(np.float32))
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)
