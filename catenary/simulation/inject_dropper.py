"""Cut, bow, fray or remove the wire of a photographed dropper 吊弦, along its traced path."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.imaging.crops import Crop
from catenary.rules.wire import follow
from catenary.simulation.retouch import Grey, Path, band, laid, without

_LEAST_PX = 60  # shorter droppers show no gap
_LEAST_SEEN = 0.85  # share of the length on which the wire is followed
_HELD = 0.04  # share of the free wire at each end that stays as it is
_FREE = (0.5, 1.6)  # of the usual width: wider rows show thimbles, loops and crossing wires
_SMOOTH = 9  # rows over which the traced path is averaged


@dataclass(frozen=True, slots=True, eq=False)
class _Wire:
    """The wire of one dropper.

    Attributes:
        path: (L, 2) middle of the wire between its fittings, crop pixels, from top to bottom.
        half_width: Half of the band that holds the wire with its blurred edges, px.
    """

    path: Path
    half_width: float

    def joined(self, first: float, last: float) -> Path:
        """Return the path between two shares, longer by what an erased band takes at its ends."""
        more = (self.half_width + 3) / len(self.path)
        return self.part(first - more, last + more)

    def part(self, first: float, last: float) -> Path:
        """Return the path between two shares of the length; at least two points."""
        count = len(self.path)
        start = int(np.clip(first * count, 0, count - 2))
        return self.path[start : max(start + 2, int(last * count))]


def broken(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Cut the wire: a gap between two ends, a lower piece that hangs over, or no lower piece."""
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    gap = 0.1 + 0.35 * severity
    first = random.uniform(_HELD + 0.04, 0.92 - _HELD - gap)
    kind = str(random.choice(["both", "hanging", "upper"], p=[0.5, 0.3, 0.2]))
    last = first + gap if kind == "both" else 1 - _HELD
    changed = _erased(crop, wire, first, last, random)
    if random.random() < 0.6:  # the upper end drifts aside
        changed = _drifted(crop, changed, wire, first, random)
    if kind == "hanging":
        root, length = wire.part(1 - _HELD, 1)[0], _length(wire) * random.uniform(0.15, 0.5)
        fallen = _fallen(root, length, random)
        source = wire.part(max(first, 0.3), 1 - _HELD)[::-1]
        changed = laid(changed, crop.pixels, source, fallen, wire.half_width)
    return changed


def slack(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Bow the wire sideways between its clamps."""
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    held = wire.joined(_HELD, 1 - _HELD)
    bow = _length(wire) * (0.045 + 0.1 * severity) * random.choice([-1, 1])
    shape = np.sin(np.pi * np.linspace(0, 1, len(held)) ** random.uniform(0.8, 1.25))
    target = held + np.stack([bow * shape, np.zeros(len(held))], axis=1)
    changed = _erased(crop, wire, _HELD, 1 - _HELD, random)
    return laid(changed, crop.pixels, held, target, wire.half_width)


def missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a wire is there or not
    """Remove the wire; its clamps stay."""
    wire = _wire(crop)
    return wire if isinstance(wire, str) else _erased(crop, wire, 0.03, 0.97, random)


def strand_broken(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Let one to three thin strands stand off the wire."""
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    changed = crop.pixels.copy()
    at = random.uniform(0.2, 0.8)
    for _ in range(1 + int(severity * 2.99)):
        root = wire.part(at, at + 0.01)[0]
        reach = _length(wire) * random.uniform(0.05, 0.12) * (0.5 + severity)
        t = np.linspace(0, 1, 24)
        side, up = random.choice([-1, 1]), random.choice([-1, 1])
        away = np.stack([side * 0.6 * t**1.3, up * 0.8 * t], axis=1) * reach
        source = wire.part(at - 0.1, at + 0.1)
        changed = laid(changed, crop.pixels, source, root + away, wire.half_width, 0.4)
        at = float(np.clip(at + random.uniform(-0.05, 0.05), 0.15, 0.85))
    return changed


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Take a stretch of wire out and lay it back, from a little further along."""
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    gap = 0.1 + 0.35 * severity
    first = random.uniform(_HELD + 0.04, 0.92 - _HELD - gap)
    changed = _erased(crop, wire, first, first + gap, random)
    shift = random.uniform(-0.03, 0.03)
    source = wire.joined(first + shift, first + shift + gap)
    target = wire.joined(first, first + gap)
    return laid(changed, crop.pixels, source, target, wire.half_width)


def _wire(crop: Crop) -> _Wire | str:
    """Return the wire of a whole dropper, or why it cannot be followed."""
    if crop.inner.height < _LEAST_PX:
        return f"dropper is {crop.inner.height:.0f} px long, need {_LEAST_PX} px"
    trace = follow(crop)
    if (seen := float(trace.seen.mean())) < _LEAST_SEEN:
        return f"the wire is followed over {seen:.0%} of its length, need {_LEAST_SEEN:.0%}"
    columns = cv2.blur(trace.x.astype(np.float32)[:, None], (1, _SMOOTH))[:, 0]
    widths = trace.widths()
    usual = max(float(np.median(widths[trace.seen])), 1.0)
    first, last = _longest((widths >= _FREE[0] * usual) & (widths <= _FREE[1] * usual))
    rows = range(first, last)
    path = np.array(trace.placed("wire", zip(columns[rows], rows, strict=True)).points, np.float64)
    if len(path) < 2 or (length := path[-1, 1] - path[0, 1]) < _LEAST_PX:
        free = 0 if len(path) < 2 else length
        return f"wire is free over {free:.0f} px between its fittings, need {_LEAST_PX} px"
    return _Wire(path, usual / trace.scale * 0.9 + 2.0)


def _longest(is_free: NDArray[np.bool_]) -> tuple[int, int]:
    """Return first row and end of the longest run; interruptions of a few rows are bridged."""
    column = is_free.astype(np.uint8)[:, None]
    closed = cv2.morphologyEx(column, cv2.MORPH_CLOSE, np.ones((7, 1), np.uint8))[:, 0] > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    if not edges.size:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])


def _length(wire: _Wire) -> float:
    return float(np.linalg.norm(wire.path[-1] - wire.path[0]))


def _erased(
    crop: Crop, wire: _Wire, first: float, last: float, random: np.random.Generator
) -> Grey:
    mask = band(crop.pixels.shape, wire.part(first, last), wire.half_width + 1)
    return without(crop.pixels, mask, random)


def _drifted(
    crop: Crop, changed: Grey, wire: _Wire, end: float, random: np.random.Generator
) -> Grey:
    """Bend the last part of the wire above a cut aside."""
    start = max(_HELD, end - random.uniform(0.1, 0.3))
    mask = band(changed.shape, wire.part(start, end), wire.half_width + 1)
    piece = wire.joined(start, end)
    t = np.linspace(0, 1, len(piece))
    bend = random.normal() * 0.2 * len(piece) * t**2
    target = piece + np.stack([bend, np.zeros(len(piece))], axis=1)
    return laid(without(changed, mask, random), crop.pixels, piece, target, wire.half_width)


def _fallen(root: Path, length: float, random: np.random.Generator) -> Path:
    """Return the path of a stiff piece that stands off its clamp and bends down."""
    t = np.linspace(0, 1, 40)
    side = random.choice([-1, 1])
    rise, reach = random.uniform(-0.9, 0.1), random.uniform(0.4, 1.0)
    return root + length * np.stack([side * reach * t, rise * t + 0.6 * t**2], axis=1)
