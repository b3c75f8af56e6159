"""Burns of wires: a stretch whose brightness jumps and whose surface is rough.

Outline: domain practice, "bright burns" beside the usual width and grey level along a wire; the
measures are ours. All numbers are our starting values, to be set on confirmed burns.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.refusal import Refusal
from catenary.imaging.crops import Crop
from catenary.rules.stretch import (
    Flags,
    Numbers,
    Stretch,
    StretchLimits,
    measured,
    running,
    unclear,
)
from catenary.rules.verdicts import judged

_WINDOW = 2.0  # widths over which brightness and roughness are taken
_FINE = 1.0  # widths; brightness that changes faster is roughness
_LEAST_BESIDE = 0.15  # share of the stretch; less wire beside the box is not compared with
_LEAST_ROUGH = 0.03  # nepers (about 3 %); smoother wires count as this rough


@dataclass(frozen=True, slots=True)
class BurnLimits:
    """From where a stretch is a burn; both must be passed.

    Attributes:
        change: Times by which the wire is brighter or darker than usual, greater than 1.
        roughness: Roughness of brightness, over the usual one.
    """

    change: float = 1.35
    roughness: float = 2.5


@dataclass(frozen=True, slots=True)
class Burn:
    """The place of a box that looks most like a burn.

    Attributes:
        first: Column of the strip at which it begins: from there on, brightness or roughness is
            beyond its limit.
        last: The same at its end.
        change: Times by which it is brighter or darker than usual, at least 1.
        roughness: Roughness of brightness over the usual one.
        ratio: The weaker of both over its limit; 1 at the limit.
    """

    first: int
    last: int
    change: float
    roughness: float
    ratio: float


def evidence(crop: Crop, limits: BurnLimits, needed: StretchLimits, source: str) -> Evidence:
    """Judge whether a wire is burnt anywhere in a crop.

    Args:
        crop: Around a stretch of the wire, with a margin to compare it with.
        limits: Thresholds.
        needed: What a stretch must have to be judged.
        source: Name and version of the rule.

    Returns:
        Evidence for ``burned``; score 0.5 at the limit.
    """
    stretch = measured(crop, needed)
    if isinstance(stretch, Refusal):
        return stretch.evidence(source, "burned")
    if reason := unclear(stretch, needed):
        return reason.evidence(source, "burned")
    burn = worst(stretch, limits)
    numbers = (
        Measurement("brightness_change", burn.change, "1", limits.change),
        Measurement("roughness", burn.roughness, "1", limits.roughness),
    )
    drawn = (*stretch.edges(), *stretch.along("burn", burn.first, burn.last))
    return judged(source, "burned", burn.ratio, numbers, drawn)


def worst(stretch: Stretch, limits: BurnLimits) -> Burn:
    """Find the place in the box whose brightness and roughness both leave the usual most.

    A shadow or a highlight shifts the brightness smoothly, strands are rough evenly: neither is
    a burn. Both are in nepers, so that exposure does not change them.

    Args:
        stretch: The wire.
        limits: Thresholds.
    """
    width = stretch.width
    floor = 0.02 * float(np.median(stretch.level))
    bright = np.log(np.maximum(stretch.level, max(floor, 0.5)))
    off: Numbers = stretch.off_usual(bright, _WINDOW * width, degree=2)
    grain = np.abs(bright - running(bright, _FINE * width))
    fine = np.where(stretch.usable, grain, 0.0)
    size = max(1, round(_WINDOW * width))
    mean = np.ones(size) / size
    rough = np.convolve(fine, mean, mode="same")
    beside = stretch.usable & ~stretch.inside
    compared = beside if beside.mean() >= _LEAST_BESIDE else stretch.usable
    usual = max(float(np.median(rough[compared])), _LEAST_ROUGH)
    both = np.minimum(np.abs(off) / np.log(limits.change), rough / (usual * limits.roughness))
    column = int(np.where(stretch.inside, both, 0.0).argmax())
    change = float(np.exp(np.abs(off[column])))
    # Where a burn hides its own edges the wire counts as unusable; it is as bright and rough there.
    coarse = np.convolve(grain, mean, mode="same")
    apart = np.abs(running(bright - stretch.usual(bright, 2), _WINDOW * width))
    is_odd = (apart > np.log(limits.change)) | (coarse > usual * limits.roughness)
    first, last = _extent(is_odd & stretch.inside, column, size)
    return Burn(first, last, change, float(rough[column] / usual), float(both[column]))


def _extent(is_odd: Flags, column: int, window: int) -> tuple[int, int]:
    """Return the ends of the columns around one that are odd, or at least one window.

    The middle of a burn is bright or rough, seldom both everywhere; holes of a window are closed.
    """
    reach = np.ones((1, 2 * (window // 2) + 1), np.uint8)
    flags = is_odd.astype(np.uint8)[None]
    closed = cv2.morphologyEx(flags, cv2.MORPH_CLOSE, reach)[0] > 0
    off = np.flatnonzero(~closed)
    before, after = off[off < column], off[off > column]
    half = window // 2
    first = int(before[-1]) + 1 if before.size else 0
    last = int(after[0]) - 1 if after.size else len(closed) - 1
    return min(first, max(column - half, 0)), max(last, min(column + half, len(closed) - 1))
