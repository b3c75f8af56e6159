"""Remove, chip or darken sheds 伞裙 of a photographed insulator.

Where a shed goes, what shows between the sheds is stretched over its place. Sheds that stand so
close that no background shows between them tell nothing of the core behind: from those none is
taken.
Numbers are our starting values.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.imaging.crops import Crop
from catenary.simulation.retouch import GRID, Floats, Grey, grained
from catenary.simulation.sheds import LEAST_SHEDS, ShedFrame, is_open, shed_frame, sky_level

_KEPT = 0.35  # share of half a period beside a shed that is stretched over its place
_CLOSED = "no background shows between the sheds: what is behind one is not known"
_LOST_GRAIN = 0.7  # share of the grain that stretching takes
_BODY = 0.3  # of the strongest contrast: what differs less from the background is background
_CELLS = (16, 24)  # of a period and of the height, in which the insulator is averaged
_TRIED = 8  # sheds of which the one is replaced that another one fits best
_OFF = 0.08  # of a period; how far from its place a copied shed may stand
_SHARP, _BROAD = 0.15, 0.5  # of half a period, over which an edit fades at a shed's sides
_SEAM = 0.35  # greatest difference at the seam of a copied shed, in deviations of grey levels


def shed_missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a shed is there or not
    """Take one shed away, down to the core. No degree: the severity is 1."""
    frame = shed_frame(crop)
    if isinstance(frame, str):
        return frame
    if not is_open(crop.pixels, frame):
        return _CLOSED
    middle = _some_shed(frame, random)
    weight = _inside(frame, middle) * (np.abs(frame.across) <= 1.25 * frame.half_height)
    return _mixed(crop.pixels, _bare(crop.pixels, frame, middle, weight, random), weight)


def shed_broken(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Break a ragged piece off one side of a shed.

    Severity: 35 to 85 % of the half height, from the rim inwards.
    """
    frame = shed_frame(crop)
    if isinstance(frame, str):
        return frame
    if not is_open(crop.pixels, frame):
        return _CLOSED
    middle, side = _some_shed(frame, random), random.choice([-1, 1])
    depth = frame.half_height * (0.35 + 0.5 * severity)
    ragged = cv2.GaussianBlur(random.normal(size=crop.pixels.shape).astype(np.float32), (0, 0), 2)
    ragged = ragged * np.float32(0.15 * frame.half_height / max(float(ragged.std()), 1e-6))
    from_rim = frame.half_height - side * frame.across
    lost = (from_rim + ragged < depth) & (from_rim > -0.25 * frame.half_height)
    weight = _inside(frame, middle) * cv2.GaussianBlur(lost.astype(np.float32), (0, 0), 0.8)
    return _mixed(crop.pixels, _bare(crop.pixels, frame, middle, weight, random), weight)


def flashover(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Burn a ragged band around the insulator.

    Severity: the band is 10 to 50 % of the insulator long, its grey levels fall by 65 to 88 %.
    """
    frame = shed_frame(crop)
    if isinstance(frame, str):
        return frame
    length = float(frame.sheds[-1] - frame.sheds[0])
    half = max(length * (0.05 + 0.2 * severity), frame.period)
    middle = length * random.uniform(0.25, 0.75)
    depth = np.clip(
        1.6 - 1.3 * np.abs(frame.along - middle) / half + _clouds(crop, frame, random), 0, 1
    )
    left = np.float32(0.35 - 0.23 * severity)
    return _mixed(crop.pixels, left * crop.pixels, depth * _on_insulator(crop.pixels, frame))


def contaminated(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Cover the insulator with blotches of dirt.

    Severity: where it is densest, grey levels fall by 35 to 80 %.
    """
    frame = shed_frame(crop)
    if isinstance(frame, str):
        return frame
    depth = np.clip(0.5 + 0.7 * _clouds(crop, frame, random), 0, 1)
    darker = crop.pixels * np.float32(1 - (0.35 + 0.45 * severity))
    return _mixed(crop.pixels, darker, depth * _on_insulator(crop.pixels, frame))


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - one form as the others
    """Put the other shed that fits best in the place of one."""
    frame = shed_frame(crop)
    if isinstance(frame, str):
        return frame
    tries = [_copied(crop.pixels, frame, _some_shed(frame, random)) for _ in range(_TRIED)]
    unlike, (dx, dy), weight = min(tries, key=lambda one: one[0])
    if unlike == np.inf:
        return "no other shed stands whole JPEG blocks away"
    if unlike > _SEAM:
        return f"other sheds differ by {unlike:.2f} at the seam, at most {_SEAM:.2f} serve"
    moved = cv2.warpAffine(
        crop.pixels.astype(np.float32),
        np.array([[1, 0, -dx], [0, 1, -dy]], np.float32),
        (crop.pixels.shape[1], crop.pixels.shape[0]),
        flags=cv2.INTER_NEAREST,
    )
    return _mixed(crop.pixels, np.asarray(moved, np.float32), weight)


def _copied(pixels: Grey, frame: ShedFrame, middle: float) -> tuple[float, tuple[int, int], Floats]:
    """Return how badly the best other shed fits into a shed's place, its move (x, y), and where.

    Sheds are moved by whole blocks of the JPEG grid, on which their grain was compressed: off it,
    it would be restless where it was quiet. A broad soft border hides the seam.
    """
    weight = _inside(frame, middle, _BROAD) * (np.abs(frame.across) <= 1.25 * frame.half_height)
    rows, columns = np.nonzero(weight)
    own = pixels[rows, columns].astype(np.float32)
    is_seam = weight[rows, columns] < 1
    spread = float(own.std()) + 1.0
    best = (np.inf, (0, 0))
    for distance in frame.sheds[1:-1] - middle:  # at the ends may be fittings
        away = float(distance) * np.array(frame.axis)
        dx, dy = (GRID * round(part / GRID) for part in away)
        is_near = np.hypot(dx - away[0], dy - away[1]) <= max(_OFF * frame.period, 1.0)
        ys, xs = rows + dy, columns + dx
        if abs(distance) < frame.period / 2 or not (is_near and _lie_in(pixels, ys, xs)):
            continue
        unlike = float(np.abs(pixels[ys, xs] - own)[is_seam].mean()) / spread
        best = min(best, (unlike, (dx, dy)))
    return (*best, weight)


def _lie_in(pixels: Grey, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> bool:
    """Tell whether all these places are in the picture."""
    is_past = rows.max() >= pixels.shape[0] or columns.max() >= pixels.shape[1]
    return not is_past and min(rows.min(), columns.min()) >= 0


def _some_shed(frame: ShedFrame, random: np.random.Generator) -> float:
    """Return the middle of a shed that has others on both sides."""
    edge = 2 if len(frame.sheds) > LEAST_SHEDS else 1
    return float(frame.sheds[int(random.integers(edge, len(frame.sheds) - edge))])


def _inside(frame: ShedFrame, middle: float, soft: float = _SHARP) -> Floats:
    """Return (H, W), 1 within half a period of a shed's middle, falling softly at its sides."""
    distance = np.abs(frame.along - middle) / (frame.period / 2)
    ramp = np.clip((1 - distance) / soft, 0, 1)
    return np.asarray(ramp**2 * (3 - 2 * ramp), np.float32)


def _on_insulator(pixels: Grey, frame: ShedFrame) -> Floats:
    """Return (H, W), 1 on the insulator, 0 on the background beside and between its sheds.

    What is insulator is told from the mean of all periods, as far as it differs from what lies
    beside them; on a background as grey as the sheds the rectangle of the sheds is taken.
    """
    half, middle = frame.period / 2, float(frame.sheds[0] + frame.sheds[-1]) / 2
    reach = float(frame.sheds[-1] - frame.sheds[0]) / 2 + half
    inside = np.minimum(
        1.1 * frame.half_height - np.abs(frame.across), reach - np.abs(frame.along - middle)
    )
    rows, columns = _CELLS
    phase = ((frame.along / frame.period % 1) * rows).astype(np.int64) % rows
    height = (frame.across / (1.1 * frame.half_height) + 1) / 2
    cell = phase * columns + np.clip(height * columns, 0, columns - 1).astype(np.int64)
    on = inside > 0
    count = np.maximum(np.bincount(cell[on], minlength=rows * columns), 1)
    level = np.bincount(cell[on], pixels[on].astype(np.float64), rows * columns) / count
    contrast = np.abs(level - sky_level(pixels, frame))
    is_body = contrast > _BODY * np.percentile(contrast, 90)
    core = np.abs(frame.across) < 0.3 * frame.half_height
    body = cv2.GaussianBlur((is_body[cell] | core).astype(np.float32), (0, 0), 1.0)
    return np.asarray(np.clip(inside / 2, 0, 1) * body, np.float32)


def _bare(
    pixels: Grey, frame: ShedFrame, middle: float, weight: Floats, random: np.random.Generator
) -> Floats:
    """Return the picture with what lies between sheds stretched over one shed's place."""
    half = frame.period / 2
    offset = frame.along - middle
    left = _from(pixels, frame, middle - half + (offset + half) * _KEPT)
    right = _from(pixels, frame, middle + half - (half - offset) * _KEPT)
    share = np.clip(0.5 + offset / frame.period, 0, 1)
    bare = np.asarray((1 - share) * left + share * right, np.float32)
    return grained(pixels, bare, weight, _LOST_GRAIN, random)


def _from(pixels: Grey, frame: ShedFrame, along: Floats) -> Floats:
    """Return for each pixel the grey level at another place along the axis, as far from it."""
    move = (along - frame.along).astype(np.float32)
    ys, xs = np.indices(pixels.shape, np.float32)
    moved = cv2.remap(
        pixels,
        xs + move * np.float32(frame.axis[0]),
        ys + move * np.float32(frame.axis[1]),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _clouds(crop: Crop, frame: ShedFrame, random: np.random.Generator) -> Floats:
    """Return (H, W) smooth noise of standard deviation 0.4, about a period in size."""
    noise = random.normal(size=crop.pixels.shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), max(frame.period * 0.6, 1.5))
    return np.asarray(smooth * 0.4 / max(float(smooth.std()), 1e-6), np.float32)


def _mixed(pixels: Grey, other: Floats, weight: Floats) -> Grey:
    mixed = pixels + weight * (other - pixels.astype(np.float32))
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)
