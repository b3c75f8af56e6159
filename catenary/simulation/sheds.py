"""Where the sheds 伞裙 of a photographed insulator are: coordinates along and across its axis.

Numbers are our starting values.
"""

from dataclasses import dataclass, replace

import numpy as np

from catenary.domain.finding import Verdict
from catenary.imaging.crops import Crop
from catenary.rules.insulator import rows_of_sheds, shed_spacing
from catenary.rules.insulator_string import ShedLimits
from catenary.simulation.retouch import Floats, Grey, Path

LEAST_SHEDS = 5
_LEAST_HALF_PX = 5
_LEVEL = 0.17  # sine of 10 degrees
_DIAGONAL = 0.3  # cosine of twice the axis' angle; a box tells nothing of a steeper rectangle
_OPEN = 0.4  # grooves that differ from the sky by less of the sheds' contrast show the sky


@dataclass(frozen=True, slots=True, eq=False)
class ShedFrame:
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


def shed_frame(crop: Crop) -> ShedFrame | str:
    """Return the coordinates of an insulator with all its sheds, or why there are none."""
    evidence = shed_spacing(crop, ShedLimits())
    if evidence.verdict is not Verdict.NORMAL:
        return evidence.reason or "a shed seems to be missing already"
    marks = [np.array(line.points) for line in rows_of_sheds(crop, ShedLimits())]
    if len(marks) < LEAST_SHEDS:
        return f"{len(marks)} sheds, need {LEAST_SHEDS}"
    middles = np.array([mark.mean(axis=0) for mark in marks])
    axis = middles[-1] - middles[0]
    axis /= np.linalg.norm(axis)
    half = float(np.median([np.linalg.norm(mark[1] - mark[0]) for mark in marks])) / 2
    origin, half = _placed(crop, middles[0], axis, half)
    if half < _LEAST_HALF_PX:
        return f"sheds are {2 * half:.0f} px high, need {2 * _LEAST_HALF_PX} px"
    ys, xs = np.indices(crop.pixels.shape, np.float32)
    dx, dy = xs - np.float32(origin[0]), ys - np.float32(origin[1])
    along = (dx * axis[0] + dy * axis[1]).astype(np.float32)
    across = (dy * axis[0] - dx * axis[1]).astype(np.float32)
    places = ((middles - origin) @ axis).astype(np.float32)
    period = float(np.median(np.diff(places)))
    frame = ShedFrame(along, across, (float(axis[0]), float(axis[1])), places, period, half)
    return _in_phase(crop.pixels, _between_rims(crop.pixels, frame))


def _between_rims(pixels: Grey, frame: ShedFrame) -> ShedFrame:
    """Move the axis between the rims where they stand out from an even background.

    A box may hold more than the sheds; a busy background shows no rims and changes nothing.
    """
    reach = int(1.6 * frame.half_height)
    on = (frame.along > frame.sheds[0]) & (frame.along < frame.sheds[-1])
    on &= np.abs(frame.across) < reach
    row = np.round(frame.across[on]).astype(np.int64) + reach
    count = np.bincount(row, minlength=2 * reach + 1)
    level = np.bincount(row, pixels[on].astype(np.float64), 2 * reach + 1) / np.maximum(count, 1)
    sky = pixels[on][np.abs(row - reach) > 1.3 * frame.half_height]
    if not sky.size:
        return frame
    rise = np.abs(level - np.median(sky)) * (count > 0)
    strong = float(np.percentile(rise, 90))
    if strong < 3 * float(sky.std()):
        return frame
    middle = int(rise[reach // 2 : -reach // 2].argmax()) + reach // 2
    dim = np.flatnonzero(rise < 0.4 * strong)
    first = int(max(dim[dim < middle], default=-1)) + 1
    last = int(min(dim[dim > middle], default=2 * reach + 1)) - 1
    if last - first + 1 < frame.half_height:  # at most half of what the box says: no rims
        return frame
    aside = np.float32((first + last) / 2 - reach)
    return replace(frame, across=frame.across - aside, half_height=(last - first + 1) / 2)


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


def _in_phase(pixels: Grey, frame: ShedFrame) -> ShedFrame:
    """Move the marks onto the sheds: the rule's template may begin anywhere in a period."""
    rim = (np.abs(frame.across) > 0.6 * frame.half_height) & (
        np.abs(frame.across) < 0.95 * frame.half_height
    )
    rim &= (frame.along > frame.sheds[0]) & (frame.along < frame.sheds[-1])
    phase = (frame.along[rim] / frame.period) % 1
    bins = np.minimum((phase * 16).astype(int), 15)
    count = np.maximum(np.bincount(bins, minlength=16), 1)
    level = np.bincount(bins, pixels[rim].astype(np.float64), 16) / count
    angle = np.angle(
        np.abs(level - sky_level(pixels, frame)) @ np.exp(2j * np.pi * (np.arange(16) + 0.5) / 16)
    )
    shift = float(angle) / (2 * np.pi) * frame.period
    return replace(frame, sheds=(frame.sheds + shift).astype(np.float32))


def is_open(pixels: Grey, frame: ShedFrame) -> bool:
    """Tell whether the background shows between the sheds; so it is where none is seen beside."""
    along = (frame.along > frame.sheds[0]) & (frame.along < frame.sheds[-1])
    beyond = along & (np.abs(frame.across) > 1.2 * frame.half_height)
    rim = along & (np.abs(np.abs(frame.across) / frame.half_height - 0.8) < 0.1)
    between = np.searchsorted((frame.sheds[1:] + frame.sheds[:-1]) / 2, frame.along)
    aside = np.abs(frame.along - frame.sheds[between]) / frame.period
    shed, groove = rim & (aside < 0.1), rim & (aside > 0.4)
    if not (beyond.any() and shed.any() and groove.any()):
        return True
    sky, shed_level, groove_level = (float(np.median(pixels[k])) for k in (beyond, shed, groove))
    return abs(groove_level - sky) < _OPEN * max(abs(shed_level - sky), 1.0)


def sky_level(pixels: Grey, frame: ShedFrame) -> float:
    """Return the grey level of what lies beside the insulator."""
    beyond = np.abs(frame.across) > 1.2 * frame.half_height
    beyond &= (frame.along > frame.sheds[0]) & (frame.along < frame.sheds[-1])
    return float(np.median(pixels[beyond])) if beyond.any() else 0.0
