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
_SKY = 0.35  # of the wire's contrast: what differs more from the sky is no background
_STRAND = 0.4  # thickness of a strand, as a share of the wire
_BREAKS = ("both", "hanging", "upper")
_SMOOTH = 9  # rows over which the traced path is averaged


@dataclass(frozen=True, slots=True, eq=False)
class _Wire:
    """The wire of one dropper.

    Attributes:
        path: (L, 2) middle of the wire between its fittings, crop pixels, from top to bottom.
        half_width: Half of the band that holds the wire with its blurred edges, px.
        core: Grey level of its middle.
        sky: Grey level beside it.
        blur: Standard deviation of the blur of its edges, px.
    """

    path: Path
    half_width: float
    core: float
    sky: float
    blur: float

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
    """Cut the wire: a gap between two ends, a lower piece that hangs over, or no lower piece.

    Severity: the gap is 10 to 45 % of the free wire.
    """
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    gap = 0.1 + 0.35 * severity
    goes_on = "bottom" in crop.cut_sides  # the lower end is out of the picture
    kind = "both" if goes_on else str(random.choice(_BREAKS, p=(0.5, 0.3, 0.2)))
    latest = 1 - _HELD - gap  # from there on the whole lower piece has left its place
    first = random.uniform(_HELD + 0.04, latest - 0.08) if kind == "both" else latest
    changed = _erased(crop, wire, first, first + gap, random)
    if random.random() < 0.6:  # the upper end drifts aside
        changed = _drifted(crop, changed, wire, first, random)
    if kind == "hanging":
        root, length = wire.part(1 - _HELD, 1)[0], _length(wire) * random.uniform(0.15, 0.4)
        fallen = _fallen(root, length, random)
        source = wire.part(max(first, 0.3), 1 - _HELD)[::-1]
        changed = laid(changed, crop.pixels, source, fallen, wire.half_width)
    return changed


def slack(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Bow the wire sideways between its clamps.

    Severity: the bow is 4.5 to 14.5 % of the free wire.
    """
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
    """Remove the wire; its clamps stay. No degree: the severity is 1."""
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    piece = wire.part(0.03, 0.97)
    if "top" in crop.cut_sides:  # it goes on out of the picture
        piece = np.concatenate([piece[:1] * [1, 0], piece])
    if "bottom" in crop.cut_sides:
        piece = np.concatenate([piece, [[wire.path[-1, 0], crop.pixels.shape[0]]]])
    return _bared(crop, crop.pixels, wire, piece, random)


def strand_broken(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Let cut strands stand off the wire, all on one side of a place and curling away.

    Severity: one to three strands, each 2.5 to 18 % of the free wire long.
    """
    wire = _wire(crop)
    if isinstance(wire, str):
        return wire
    changed = crop.pixels.copy()
    at, side, way = random.uniform(0.25, 0.75), random.choice([-1, 1]), random.choice([-1, 1])
    for _ in range(1 + int(severity * 2.99)):
        root = wire.part(at, at + 0.01)[0]
        reach = _length(wire) * random.uniform(0.05, 0.12) * (0.5 + severity)
        t = np.linspace(0, 1, 24)
        lean, curl = random.uniform(0.25, 0.6), random.uniform(1.3, 2.2)
        away = np.stack([side * lean * t**curl, way * 0.8 * t], axis=1) * reach
        source = wire.part(at - 0.1, at + 0.1)
        changed = laid(changed, crop.pixels, source, root + away, wire.half_width, _STRAND)
        at = float(np.clip(at + random.uniform(-0.03, 0.03), 0.2, 0.8))
        side = side if random.random() < 0.7 else -side
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
    return _measured(crop.pixels, path, usual / trace.scale * 0.9 + 2.0)


def _measured(pixels: Grey, path: Path, half_width: float) -> _Wire:
    """Return the wire with the grey levels and the blur of its mean profile."""
    across = np.arange(-half_width - 1, half_width + 1.25, 0.25)
    columns = (path[:, :1] + across).astype(np.float32)
    rows = np.repeat(path[:, 1:], len(across), axis=1).astype(np.float32)
    lines = np.array_split(np.arange(len(path)), len(path) // 30000 + 1)
    parts = [cv2.remap(pixels, columns[k], rows[k], cv2.INTER_LINEAR) for k in lines]
    profile = np.median(np.concatenate(parts), axis=0)
    core, sky = float(profile[len(across) // 2]), float((profile[0] + profile[-1]) / 2)
    steepest = float(np.abs(np.gradient(profile, 0.25)).max())
    blur = abs(core - sky) / max(steepest * np.sqrt(2 * np.pi), 1e-6)  # of a Gaussian edge
    return _Wire(path, half_width, core, sky, float(np.clip(blur, 0.5, 3.0)))


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
    return _bared(crop, crop.pixels, wire, wire.part(first, last), random)


def _bared(crop: Crop, pixels: Grey, wire: _Wire, piece: Path, random: np.random.Generator) -> Grey:
    """Return the picture without a piece of the wire: the sky beside it is continued."""
    shape = (pixels.shape[0], pixels.shape[1])
    mask = band(shape, piece, wire.half_width + 1 + 1.5 * wire.blur)
    level = crop.pixels.astype(np.float32)
    is_sky = np.abs(level - wire.sky) < _SKY * abs(wire.core - wire.sky)
    usable = is_sky & ~band(shape, wire.path, wire.half_width + 2)
    return without(pixels, mask, random, usable, wire.blur)


def _drifted(
    crop: Crop, changed: Grey, wire: _Wire, end: float, random: np.random.Generator
) -> Grey:
    """Bend the last part of the wire above a cut aside."""
    start = max(_HELD, end - random.uniform(0.1, 0.3))
    bare = _bared(crop, changed, wire, wire.part(start, end + 0.02), random)
    piece = wire.joined(start, end)
    t = np.linspace(0, 1, len(piece))
    bend = float(np.clip(random.normal(), -2, 2)) * 0.15 * len(piece) * t**2
    target = piece + np.stack([bend, np.zeros(len(piece))], axis=1)
    return laid(bare, crop.pixels, piece, target, wire.half_width)


def _fallen(root: Path, length: float, random: np.random.Generator) -> Path:
    """Return the path of a stiff piece that stands off its clamp and bends down."""
    t = np.linspace(0, 1, 40)
    side = random.choice([-1, 1])
    rise, reach = random.uniform(-0.9, 0.1), random.uniform(0.4, 1.0)
    return root + length * np.stack([side * reach * t, rise * t + 0.6 * t**2], axis=1)
