"""Insulator 绝缘子: are all sheds there, evenly spaced?

Along the axis the sheds are a wave. Its period comes from the autocorrelation; its strength at
each place from demodulation with that period (a Gabor filter: Gabor, J. IEE 93 (1946) 429-457).
Where a shed is missing the wave is weak for about one period. All limits are our starting values.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.imaging.crops import Crop

Floats = NDArray[np.float32]

_SPACING = "insulator_shed_spacing/1"
_WORK_PX = 900  # longer insulators are reduced to this
_BANDS = ((0.02, 0.22), (0.22, 0.42), (0.58, 0.78), (0.78, 0.98))  # shares of the thickness
_ANGLES = (-12.0, -6.0, 0.0, 6.0, 12.0)  # degrees tried around the box's own direction


@dataclass(frozen=True, slots=True)
class ShedLimits:
    """Limits of `shed_spacing`.

    Attributes:
        drop: Share of the wave's usual strength that may be lost at one place.
        least_sheds: Fewer sheds are not judged.
        least_period_px: Finer sheds are not judged.
        least_rhythm: Autocorrelation in [0, 1] at the period, below which there is none.
    """

    drop: float = 0.55
    least_sheds: int = 5
    least_period_px: float = 3.0
    least_rhythm: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class _Wave:
    """The sheds of one band.

    Attributes:
        profile: (L,) grey level along the axis, without its trend.
        period_px: Of the sheds, in the upright picture.
        rhythm: Autocorrelation at the period.
    """

    profile: Floats
    period_px: float
    rhythm: float


def shed_spacing(crop: Crop, limits: ShedLimits) -> Evidence:
    """Find a place along the string where the sheds' wave is lost.

    Args:
        crop: The insulator; its box's longer side or diagonal is its axis.
        limits: Thresholds.

    Returns:
        Evidence for ``shed_missing``; score 0.5 at the limit.
    """
    if min(crop.pixels.shape) < 12:
        return _refusal(f"only {min(crop.pixels.shape)} px thick")
    view = max((_seen(crop, angle, limits) for angle in _angles(crop)), key=_rhythm)
    waves, to_crop = [w for w in view.waves if w.rhythm >= limits.least_rhythm], view.to_crop
    if not waves:
        return _refusal("no even spacing of sheds is seen")
    lead = max(waves, key=lambda w: w.rhythm)
    waves = [w for w in waves if abs(w.period_px / lead.period_px - 1) < 0.15]
    length = len(lead.profile)
    if length / lead.period_px < limits.least_sheds:
        return _refusal(f"{length / lead.period_px:.1f} sheds, need {limits.least_sheds}")
    strength = np.mean([_strength(w.profile, lead.period_px) for w in waves], axis=0)
    inside = _extent(strength, lead.period_px)
    if inside is None:
        return _refusal("the string is too short beside its ends")
    first, last = inside
    usual = float(np.median(strength[first:last]))
    local = _local_usual(strength, first, last, lead.period_px)
    ratio = strength[first:last] / np.maximum(np.minimum(local, usual * 1.5), 1e-6)
    at = first + int(ratio.argmin())
    drop = float(np.clip(1 - ratio.min(), 0, 1))
    numbers = (
        Measurement("amplitude_drop", drop, "1", limits.drop),
        Measurement("period", lead.period_px / _scale(to_crop), "px"),
        Measurement("sheds", round((last - first) / lead.period_px), "1"),
    )
    middle = _height(to_crop, crop) / 2
    half = 0.6 * lead.period_px
    lines = (
        _line("axis", to_crop, ((first, middle), (last, middle))),
        _line("gap", to_crop, ((at - half, middle), (at + half, middle))),
    )
    score = float(1 / (1 + np.exp(-14 * (drop - limits.drop))))
    verdict = Verdict.DEFECT if drop > limits.drop else Verdict.NORMAL
    return Evidence(_SPACING, "shed_missing", verdict, score, numbers, lines)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What is seen when the axis is taken to lie at one angle.

    Attributes:
        to_crop: (2, 3) map from the levelled picture to the crop.
        waves: One for each band that has a period.
    """

    to_crop: Floats
    waves: tuple[_Wave, ...]


def _seen(crop: Crop, angle: float, limits: ShedLimits) -> _View:
    strip, to_crop = _straightened(crop, angle)
    waves = (_wave(strip, band, limits) for band in _BANDS)
    return _View(to_crop, tuple(wave for wave in waves if wave is not None))


def _rhythm(view: _View) -> float:
    """Return how even the two best bands are."""
    return sum(sorted((wave.rhythm for wave in view.waves), reverse=True)[:2])


def _angles(crop: Crop) -> list[float]:
    w, h = crop.inner.width, crop.inner.height
    if w > 2.5 * h:
        base = [0.0]
    elif h > 2.5 * w:
        base = [90.0]
    else:
        d = np.rad2deg(np.arctan2(h, w))
        base = [d, -d, 0.0, 90.0]
    return [b + k for b in base for k in _ANGLES]


def _straightened(crop: Crop, angle: float) -> tuple[Floats, Floats]:
    """Return the part with its axis level, and the 2 x 3 map from it back to the crop."""
    w, h = crop.inner.width, crop.inner.height
    a = np.deg2rad(angle)
    c, s = abs(np.cos(a)), abs(np.sin(a))
    # length and thickness of the bar whose box at this angle is w x h
    det = c * c - s * s
    if abs(det) > 0.35:
        length, thick = (w * c - h * s) / det, (h * c - w * s) / det
    else:
        length, thick = np.hypot(w, h) * 0.9, 0.25 * np.hypot(w, h)
    length = float(np.clip(length, max(w, h) * 0.7, np.hypot(w, h)))
    thick = float(
        np.clip(thick, 0.08 * length, min(w, h) if c > 0.95 or s > 0.95 else 0.5 * length)
    )
    scale = min(1.0, _WORK_PX / length)
    size = (max(int(length * scale), 16), max(int(thick * scale), 12))
    cx, cy = crop.inner.centre
    cos, sin = np.cos(a) / scale, np.sin(a) / scale
    to_crop = np.array(
        [
            [cos, -sin, cx - cos * size[0] / 2 + sin * size[1] / 2],
            [sin, cos, cy - sin * size[0] / 2 - cos * size[1] / 2],
        ],
        np.float32,
    )
    source = crop.pixels
    if scale < 0.7:
        source = cv2.GaussianBlur(source, (0, 0), 0.5 / scale).astype(np.uint8)
    strip = cv2.warpAffine(
        source,
        to_crop,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return strip.astype(np.float32), to_crop


def _wave(strip: Floats, band: tuple[float, float], limits: ShedLimits) -> _Wave | None:
    height, length = strip.shape
    rows = strip[int(band[0] * height) : max(int(band[1] * height), int(band[0] * height) + 2)]
    profile = rows.mean(axis=0)
    trend = cv2.GaussianBlur(profile[None], (0, 0), max(length / 24, 4))[0]
    flat = profile - trend
    spread = np.sqrt(cv2.GaussianBlur(flat[None] ** 2, (0, 0), max(length / 8, 8))[0]) + 1.0
    flat = flat / spread
    power = np.abs(np.fft.rfft(flat * np.hanning(length), 2 * length)) ** 2
    corr = np.fft.irfft(power)[: length // 3]
    if corr[0] <= 0:
        return None
    corr = corr / corr[0]
    low = max(int(limits.least_period_px), 3)
    below = np.flatnonzero(corr < 0.0)
    if not below.size:
        return None
    start = max(low, int(below[0]))
    if start + 3 >= len(corr):
        return None
    peak = start + int(corr[start:].argmax())
    for part in (2, 3):  # the first multiple may be slightly weaker than a later one
        q = round(peak / part)
        if q >= start and corr[max(q - 2, 0) : q + 3].max() > 0.75 * corr[peak]:
            peak = max(q - 2, 0) + int(corr[max(q - 2, 0) : q + 3].argmax())
            break
    return _Wave(flat.astype(np.float32), float(peak), float(corr[peak]))


def _strength(profile: Floats, period: float) -> Floats:
    """Return the wave's strength at each place, by demodulation over about two periods."""
    t = np.arange(len(profile))
    turned = profile * np.exp(-2j * np.pi * t / period)
    sigma = 0.55 * period
    pad = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-pad, pad + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    full = np.convolve(turned, kernel, mode="same")
    weight = np.convolve(np.ones(len(profile)), kernel, mode="same")
    strength: Floats = np.abs(full / weight).astype(np.float32)
    return strength


def _extent(strength: Floats, period: float) -> tuple[int, int] | None:
    """Return where the string begins and ends: the wave holds for more than a period."""
    usual = np.median(strength[strength > 0.35 * np.percentile(strength, 80)])
    on = (strength > 0.5 * usual).astype(np.uint8)[None]
    k = int(1.2 * period) | 1
    held = cv2.morphologyEx(on, cv2.MORPH_OPEN, np.ones((1, k), np.uint8))[0]
    places = np.flatnonzero(held)
    if places.size == 0:
        return None
    first, last = int(places[0] + 0.8 * period), int(places[-1] - 0.8 * period)
    return (first, last) if last - first > 2.5 * period else None


def _local_usual(strength: Floats, first: int, last: int, period: float) -> Floats:
    half = int(4 * period)
    out = np.empty(last - first, np.float32)
    for i in range(first, last):
        out[i - first] = np.median(strength[max(first, i - half) : min(last, i + half)])
    return out


def _scale(to_crop: Floats) -> float:
    return float(1 / np.hypot(to_crop[0, 0], to_crop[1, 0]))


def _height(to_crop: Floats, crop: Crop) -> float:
    cx, cy = crop.inner.centre
    inv = cv2.invertAffineTransform(to_crop)
    return float(2 * (inv[1, 0] * cx + inv[1, 1] * cy + inv[1, 2]))


def _line(role: str, to_crop: Floats, points: tuple[tuple[float, float], ...]) -> Polyline:
    return Polyline(
        role,
        tuple((float(to_crop[0] @ [x, y, 1]), float(to_crop[1] @ [x, y, 1])) for x, y in points),
    )


def _refusal(reason: str) -> Evidence:
    return Evidence(_SPACING, "shed_missing", Verdict.CANNOT_JUDGE, None, reason=reason)
