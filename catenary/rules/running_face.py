"""Has the running face of a contact wire 接触线 widened at one place?

Pantographs keep the lower side of a contact wire flat and bright. The cameras of a car look up at
it, so that wear moves no outline of the wire: the bright face in it becomes wider, up to the wire
itself (on a round of radius r a face of width b has lost r - sqrt(r² - b²/4) of the height). Its
edges are where the profile across falls steepest, between samples; blur carries them outwards, by
up to 0.8 px together, where a face is narrow or ends close to the wire's own edge. All numbers are
our starting values, to be set on confirmed wear.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging.crops import Crop
from catenary.rules.stretch import Profile, course_through, crossing, fitted, running
from catenary.rules.verdicts import judged

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FACE = "contact_face/1"
_LEAST_PX = 8  # side of a crop
_ALONG = 0.15  # rough widths over which a profile is evened along the wire
_ACROSS = 1.0  # samples over which it is evened across
_FAR = 0.85  # of the profile's reach: beyond it is background
_NEAR = 0.75  # rough widths from the path that the face is looked for
_CORE_PX = 1.0  # of the face's middle whose brightness is taken
_TOP = 0.8  # of its greatest brightness, beyond which a profile counts as the face
_FLANK = 0.15  # of the face's brightness, at which the wire itself ends
_NOISES = 4.0  # or so many times the noise, whichever is more
_WINDOW = 12.0  # wire widths over which the face must be wider; a clamp is shorter than half
_LEAST_RISE = 0.25  # of the usual brightness: less is not the wire
_INSIDE = 0.25  # weight of the box itself when what is usual is fitted
_BEYOND = 1.4  # usual wire widths that no face is wider than
_OTHER = 2.5  # usual wire widths from which something crosses or holds it
_GROWN = 0.9  # of a face's gain, by which the wire itself may not have become wider
_POINTS = 12  # of a drawn edge


@dataclass(frozen=True, slots=True)
class FaceLimits:
    """Limits of the running face's rule.

    Attributes:
        widened: Share of the wire's width by which its face may be wider than beside.
        width_px: Thinner wires are not measured, px.
        length: Shorter stretches are not measured, in widths of the wire.
        contrast: Grey levels by which the face must stand out.
        cover: Share of the stretch on which the face must be found.
        narrow: Share of the wire's width that its usual face takes, beyond which it is not told
            from the rest of the wire.
        uneven: Most that the face's width may usually be off, as a share of the wire's.
    """

    widened: float = 0.28
    width_px: float = 5.0
    length: float = 15.0
    contrast: float = 8.0
    cover: float = 0.6
    narrow: float = 0.7
    uneven: float = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A wire's face over L columns of a strip; all numbers in strip pixels.

    Attributes:
        profile: The wire straightened.
        upper: (L,) row of the face's upper edge.
        lower: (L,) row of its lower one.
        outer: (L,) width of the whole wire.
        level: (L,) how much brighter than its background the face is.
        usable: (L,) bool, columns on which both were found.
        inside: (L,) bool, columns within the box.
        width: Usual width of the whole wire.
    """

    profile: Profile
    upper: Numbers
    lower: Numbers
    outer: Numbers
    level: Numbers
    usable: Flags
    inside: Flags
    width: float

    def usual(self, values: Numbers) -> Numbers:
        """Return (L,) what some values (L,) would be on a sound wire; straight, as seen aslant."""
        share = 1.0 if self.inside.all() else _INSIDE
        return fitted(values, np.where(self.usable, np.where(self.inside, share, 1.0), 0.0), 1)

    def gain(self, values: Numbers) -> Numbers:
        """Return (L,) the running median of what values (L,) are beyond the usual."""
        off = np.where(self.usable, values - self.usual(values), 0.0)
        return running(off, _WINDOW * self.width)


def widened(crop: Crop, limits: FaceLimits) -> Evidence:
    """Measure by how much the running face is wider at one place than beside it.

    Args:
        crop: Around a stretch of the wire, with a margin to compare it with.
        limits: Thresholds.

    Returns:
        Evidence for ``worn``; score 0.5 at the limit. A wire worn evenly over the whole crop is
        not found. Cannot judge where the face is not told from the rest of the wire.
    """
    seen = _seen(crop)
    if isinstance(seen, Refusal):
        return seen.evidence(_FACE, "worn")
    face = seen.lower - seen.upper
    usual = seen.usual(face)
    if reason := _unfit(seen, face, usual, limits):
        return reason.evidence(_FACE, "worn")
    gain = seen.gain(face)
    # What is wider than the wire, or makes the wire itself wider, lies on it or before it.
    is_face = usual + gain < _BEYOND * seen.usual(seen.outer)
    is_face &= seen.gain(seen.outer) < _GROWN * gain
    gained = np.where(seen.inside & is_face, np.maximum(gain, 0.0), 0.0)
    column = int(gained.argmax())
    most, scale = float(gained[column]), seen.profile.strip.scale
    width = float(seen.usual(seen.outer)[column])
    numbers = (
        Measurement("face_widening", most / width, "1", limits.widened),
        Measurement("face_widened", most / scale, "px"),
        Measurement("usual_face", float(usual[column]) / scale, "px"),
        Measurement("wire_width", width / scale, "px"),
    )
    drawn = _drawn(seen, _extent(seen.inside & (gain > most / 2), column))
    return judged(_FACE, "worn", most / width / limits.widened, numbers, drawn)


def _seen(crop: Crop) -> _Seen | Refusal:
    """Return the face of the wire that runs through a crop's box, as far as the crop goes."""
    if min(crop.pixels.shape) < _LEAST_PX:
        return refused(Unjudged.TOO_NARROW, "width", min(crop.pixels.shape), "px", _LEAST_PX)
    course = course_through(crop)
    if course is None:
        return Refusal(Unjudged.NO_WIRE)
    axis, path = course
    profile = Profile(crop.pixels, axis, path, axis.width)
    inside = profile.inside(crop.inner)
    if not inside.any():
        return Refusal(Unjudged.NO_WIRE)
    rough, offsets = axis.width * profile.strip.scale, profile.offsets
    is_far = np.abs(offsets) > _FAR * offsets[-1]
    middle = profile.path + _face_middle(_evened(profile.straight, rough), profile, rough, is_far)
    straight = _evened(profile.along(middle), rough)
    ground = running(np.median(straight[is_far], axis=0).astype(np.float64), 2 * rough)
    top = straight[np.abs(offsets) <= _CORE_PX].mean(axis=0).astype(np.float64)
    level: Numbers = top - ground
    noise = np.median(np.abs(straight[is_far] - np.median(straight[is_far], axis=0)))
    foot = ground + max(_FLANK * float(np.median(level)), _NOISES * float(noise))
    face = [_steepest(offsets, straight, side) for side in (-1, 1)]
    wire = [crossing(offsets, straight, foot, side) for side in (-1, 1)]
    found = np.isfinite([*face, *wire]).all(axis=0) & profile.is_known
    usable = found & (level > _LEAST_RISE * np.median(level))
    upper, lower = middle - face[0], middle + face[1]
    upper, lower = (np.where(usable, one, middle) for one in (upper, lower))
    outer = np.where(usable, wire[0] + wire[1], 0.0)
    width = float(np.median(outer[usable])) if usable.any() else 0.0
    usable &= outer < _OTHER * width
    return _Seen(profile, upper, lower, outer, level, usable, inside, width)


def _face_middle(straight: Floats, profile: Profile, rough: float, is_far: Flags) -> Numbers:
    """Return (L,) how far beside the path the middle of what is brightest lies."""
    is_near = np.abs(profile.offsets) <= _NEAR * rough
    rise = straight - np.median(straight[is_far], axis=0)
    # Three samples, so that a noisy one is no peak.
    peak = cv2.blur(rise, (1, 3), borderType=cv2.BORDER_REPLICATE)[is_near].max(axis=0)
    is_high = (rise > _TOP * peak) & is_near[:, None]
    summed = (is_high * profile.offsets[:, None]).sum(axis=0)
    return running(summed / np.maximum(is_high.sum(axis=0), 1), 0.5 * rough)


def _steepest(offsets: Numbers, straight: Floats, side: int) -> Numbers:
    """Return (L,) how far from the middle each profile falls steepest on one side, strip px.

    Blur moves that place only where another edge is near, whatever the brightness beside it is.
    """
    order = np.argsort(side * offsets)
    order = order[side * offsets[order] > -_CORE_PX]
    falls = -np.diff(straight[order], axis=0)
    top = np.clip(falls.argmax(axis=0), 1, len(falls) - 2)
    columns = np.arange(falls.shape[1])
    before, here, after = (falls[top + step, columns] for step in (-1, 0, 1))
    curvature = before - 2 * here + after
    part = 0.5 * (before - after) / np.where(curvature < 0, curvature, -np.inf)
    out = side * offsets[order]
    step = out[1] - out[0]
    steepest: Numbers = out[top] + step * (0.5 + np.clip(part, -0.5, 0.5))
    return steepest


def _evened(straight: Floats, rough: float) -> Floats:
    along, border = max(0.8, _ALONG * rough), cv2.BORDER_REPLICATE
    soft = cv2.GaussianBlur(straight, (0, 0), along, sigmaY=_ACROSS, borderType=border)
    return np.asarray(soft, np.float32)


def _unfit(seen: _Seen, face: Numbers, usual: Numbers, limits: FaceLimits) -> Refusal | None:
    """Return why the face's width tells nothing, or nothing."""
    scale = seen.profile.strip.scale
    if (cover := float(seen.usable.mean())) < limits.cover:
        return refused(Unjudged.FEW_EDGES, "edges_seen", cover, "1", limits.cover)
    if (width := seen.width / scale) < limits.width_px:
        return refused(Unjudged.THIN_WIRE, "width", width, "px", limits.width_px)
    if (length := len(face) / seen.width) < limits.length:
        return refused(Unjudged.SHORT_WIRE, "length", length, "wire widths", limits.length)
    if (contrast := float(np.median(seen.level))) < limits.contrast:
        needed = limits.contrast
        return refused(Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", needed)
    share = float(np.median(usual[seen.usable])) / seen.width
    if share > limits.narrow:
        return refused(Unjudged.NO_FACE, "usual_face_share", share, "1", limits.narrow)
    beside = seen.usable if seen.inside.all() else seen.usable & ~seen.inside
    off = np.abs(face - usual)[beside]
    uneven = float(np.median(off)) / seen.width if off.size else 1.0
    if uneven > limits.uneven:
        return refused(Unjudged.UNEVEN_WIRE, "unevenness", uneven, "1", limits.uneven)
    return None


def _extent(is_wide: Flags, column: int) -> tuple[int, int]:
    """Return the first and last column of the run of columns around one."""
    off = np.flatnonzero(~is_wide)
    before, after = off[off < column], off[off > column]
    first = int(before[-1]) + 1 if before.size else 0
    return first, int(after[0]) - 1 if after.size else len(is_wide) - 1


def _drawn(seen: _Seen, worn: tuple[int, int]) -> tuple[Polyline, ...]:
    """Return the face's edges where they were found, and lines beside the widened stretch."""
    strip, rows = seen.profile.strip, (seen.upper + seen.lower) / 2
    # What crosses the wire pulls the edges aside for a few columns.
    middle = fitted(rows, seen.usable.astype(np.float64), 2)
    found = np.flatnonzero(seen.usable & (np.abs(rows - middle) < 0.5 * seen.width))
    some = found[:: max(1, len(found) // (4 * _POINTS))]
    ends = np.unique(np.linspace(*worn, _POINTS).astype(np.int64))

    def line(role: str, rows: Numbers, columns: NDArray[np.int64]) -> Polyline:
        return strip.line(role, columns.astype(np.float64), rows[columns])

    aside = 0.9 * seen.width + 1
    edges = [line("edge", one, some) for one in (seen.upper, seen.lower) if len(some) > 1]
    return (*edges, *(line("worn", middle + side * aside, ends) for side in (-1, 1)))
