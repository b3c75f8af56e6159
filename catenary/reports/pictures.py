"""Evidence pictures made small enough to embed."""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box, Polyline
from catenary.imaging import packed, tone
from catenary.reports.data import CropImage, ReportFinding

_QUALITY = 80  # JPEG; below, thin wires get ringing. Our starting value
_BETWEEN = 2  # px between the plain picture and the drawn one
_MOST_ENLARGED = 6.0  # beyond, a pin is only blurred more
RED, ORANGE, YELLOW = "#ff5a4d", "#e69f00", "#f0e442"
BLUE, GREEN, PINK, WHITE = "#56b4e9", "#009e73", "#cc79a7", "#ffffff"
# One colour a role, readable on dark and light metal and for the colour-blind: red where the defect
# is, the others for what was measured to find it.
# Source: Okabe & Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/
ROLE_COLOURS = {
    "gap": RED,
    "end": RED,
    "bow": RED,
    "hole": RED,
    "burn": RED,
    "worn": RED,
    "kink": RED,
    "thin": RED,
    "strand": RED,
    "shank": RED,
    "chipped": RED,
    "foreign_body": RED,
    "outline": RED,
    "angle": RED,
    "is": RED,
    "turn": RED,
    "darkened": ORANGE,
    "soiled": ORANGE,
    "unusual": ORANGE,
    "clamp": YELLOW,
    "wire": BLUE,
    "edge": BLUE,
    "leg": BLUE,
    "pin": BLUE,
    "thread": BLUE,
    "line_on_plate": BLUE,
    "was": BLUE,
    "place": BLUE,
    "shed": GREEN,
    "rim": GREEN,
    "nut": GREEN,
    "line_on_nut": GREEN,
    "head": GREEN,
    "axis": PINK,
    "chord": PINK,
    "level": PINK,
    "arm": PINK,
}
OTHER_COLOUR = ORANGE
BOX_COLOUR = WHITE
# Roles of lines that say: here it is. They are drawn last and widest, and only of what says so.
MARKS = frozenset({role for role, colour in ROLE_COLOURS.items() if colour in (RED, ORANGE)})
# With what is nothing to see without the bow, the angle, or the chip beside it.
_OF_DEFECTS = MARKS | {"chord", "level", "arm", "rim"}
# What is there, on a line or within one, and not the lack of it.
_OF_THE_PART = frozenset({"wire", "edge", "shed", "leg", "pin", "thread", "nut", "head"})
_FULL = frozenset({"outline"})
_SLENDER = 2.0  # times as long as wide from which a box may be mostly air
_CORE = 0.25  # of a box's shorter side, at each of its sides, that is not its middle
_ON_PX = 3  # width of a line whose grey levels are taken
_FAR = 1e5  # px; what lies beyond is nowhere in a picture
_MARK_PX, _LINE_PX = 3, 2
_HALO_PX, _HALO = 1, "#000000"  # beside the box and what else a glaring part would swallow
_DOT_PX = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded evidence picture.

    Attributes:
        content: JPEG bytes.
        width: Of the picture as stored, full-resolution pixels; the JPEG may be smaller.
        height: The same.
        shown_width: Of the JPEG, pixels.
        shown_height: The same.
        is_adjusted: Grey levels are not as photographed, so that the part is seen.
    """

    content: bytes
    width: int
    height: int
    shown_width: int
    shown_height: int
    is_adjusted: bool


def load(
    crop: CropImage | None, part: Box, side: int, lines: Iterable[Polyline] = ()
) -> Picture | None:
    """Return the crop around a part, of at most ``side`` squared pixels, or None when unreadable.

    The area is bounded and not the longer side: a dropper is ten times as long as wide, and its
    wire would vanish.

    Args:
        crop: Where the picture is; None has none.
        part: Full-frame pixels.
        side: See above.
        lines: What was measured, full-frame pixels: it is made bright enough to be seen.
    """

    def scale_for(width: int, height: int) -> float:
        return min(side / math.sqrt(width * height), 1.0)

    opened = _opened(crop, part, lines, scale_for)
    if opened is None:
        return None
    size = opened.width, opened.height, *opened.image.size
    return Picture(_jpeg(opened.image), *size, opened.is_adjusted)


def load_drawn(finding: ReportFinding, max_width: int, max_height: int) -> Picture | None:
    """Return a crop twice, as it is and with the evidence drawn in, or None when unreadable.

    The lines hide what they tell of, so that it must be seen without them too. A wide part lies
    above its twin, others stand beside it; small parts are enlarged. Both together are at most
    ``max_width`` by ``max_height`` px.
    """

    def scale_for(width: int, height: int) -> float:
        return min(max(beside(width, height), above(width, height)), _MOST_ENLARGED)

    def beside(width: int, height: int) -> float:
        return min((max_width - _BETWEEN) / 2 / width, max_height / height)

    def above(width: int, height: int) -> float:
        return min(max_width / width, (max_height - _BETWEEN) / 2 / height)

    part = finding.finding.component.box
    opened = _opened(finding.crop, part, lines_of(finding.finding.evidence), scale_for)
    if opened is None or finding.crop is None:
        return None
    plain = opened.image.convert("RGB")
    drawn = plain.copy()
    _draw(drawn, finding, finding.crop, max(plain.size) / max(opened.width, opened.height))
    width, height = plain.size
    if beside(opened.width, opened.height) >= above(opened.width, opened.height):
        size, place = (2 * width + _BETWEEN, height), (width + _BETWEEN, 0)
    else:
        size, place = (width, 2 * height + _BETWEEN), (0, height + _BETWEEN)
    canvas = Image.new("RGB", size, BOX_COLOUR)
    canvas.paste(plain, (0, 0))
    canvas.paste(drawn, place)
    return Picture(_jpeg(canvas), opened.width, opened.height, *canvas.size, opened.is_adjusted)


def _draw(canvas: Image.Image, finding: ReportFinding, crop: CropImage, scale: float) -> None:
    draw = ImageDraw.Draw(canvas)
    box = finding.finding.component.box.shifted(-crop.x0, -crop.y0).scaled(scale)
    corners = (box.x0, box.y0, box.x1, box.y1)
    draw.rectangle(corners, outline=_HALO, width=1 + 2 * _HALO_PX)
    inner = (box.x0 + _HALO_PX, box.y0 + _HALO_PX, box.x1 - _HALO_PX, box.y1 - _HALO_PX)
    if inner[0] < inner[2] and inner[1] < inner[3]:
        draw.rectangle(inner, outline=BOX_COLOUR)
    for trace in in_crop(finding):
        points = [(x * scale, y * scale) for x, y in trace.points]
        colour = ROLE_COLOURS.get(trace.role, OTHER_COLOUR)
        if len(points) == 1:
            draw.circle(points[0], _DOT_PX + _HALO_PX, outline=_HALO, width=2 + 2 * _HALO_PX)
            draw.circle(points[0], _DOT_PX, outline=colour, width=2)
        else:
            width = _MARK_PX if trace.role in MARKS else _LINE_PX
            if trace.role in MARKS or colour == YELLOW:
                draw.line(points, fill=_HALO, width=width + 2 * _HALO_PX)
            draw.line(points, fill=colour, width=width)


def in_crop(finding: ReportFinding) -> Iterable[Polyline]:
    """Yield the lines to draw of all evidence, in pixels of the full-resolution crop."""
    if finding.crop is None:
        return
    for trace in lines_of(finding.finding.evidence):
        yield trace.shifted(-finding.crop.x0, -finding.crop.y0)


def lines_of(evidence: Iterable[Evidence]) -> list[Polyline]:
    """Return the lines to draw, where the defect is last, so that no line lies over it.

    What finds no defect marks none: its longest gap is within the limit, and drawn like a gap it
    would be taken for one.

    Args:
        evidence: Of one part.

    Returns:
        Lines in the pixels of the evidence, equal ones once.
    """
    told = dict.fromkeys(
        trace
        for one in evidence
        for trace in one.traces
        if one.verdict is Verdict.DEFECT or trace.role not in _OF_DEFECTS
    )
    return sorted(told, key=lambda trace: trace.role in MARKS)


def levels_of(pixels: NDArray[np.uint8], box: Box, lines: Iterable[Polyline]) -> NDArray[np.uint8]:
    """Return the grey levels of what was measured of a part: on its lines, within its outlines.

    What tells where something lacks is left out. Of a part without lines it is the middle of its
    box, unless that is slender: a pin fills its box, a dropper does not.

    Args:
        pixels: (height, width) uint8.
        box: Of the part, in its pixels.
        lines: The same.

    Returns:
        (N,) uint8, perhaps none.
    """
    mask = np.zeros(pixels.shape, np.uint8)
    for line in lines:
        points = np.round(np.clip(line.points, -_FAR, _FAR)).astype(np.int32)
        if line.role in _OF_THE_PART:
            cv2.polylines(mask, [points], False, (1,), _ON_PX)
        elif line.role in _FULL:
            cv2.fillPoly(mask, [points], (1,))
    if not mask.any() and max(box.width, box.height) < _SLENDER * min(box.width, box.height):
        inner = box.grown(-_CORE * min(box.width, box.height))
        mask[max(int(inner.y0), 0) : int(inner.y1), max(int(inner.x0), 0) : int(inner.x1)] = 1
    levels: NDArray[np.uint8] = pixels[mask > 0]
    return levels


@dataclass(frozen=True, slots=True)
class _Opened:
    image: Image.Image  # grey, as small as wanted, as bright as needed
    width: int  # before
    height: int
    is_adjusted: bool


def _opened(
    crop: CropImage | None,
    part: Box,
    lines: Iterable[Polyline],
    scale_for: Callable[[int, int], float],
) -> _Opened | None:
    """Return the crop, scaled by what ``scale_for`` says, with grey levels that show the part."""
    if crop is None:
        return None
    try:
        with Image.open(io.BytesIO(packed.read(crop.path))) as image:
            grey = image.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # the report says that the picture is missing
    width, height = grey.size
    pixels = np.asarray(grey)
    own = part.shifted(-crop.x0, -crop.y0).clipped(width, height) or Box(0, 0, width, height)
    inner = pixels[int(own.y0) : math.ceil(own.y1), int(own.x0) : math.ceil(own.x1)]
    here = [line.shifted(-crop.x0, -crop.y0) for line in lines]
    table = tone.table_for(inner, levels_of(pixels, own, here))
    scale = scale_for(width, height)
    size = (max(int(width * scale), 1), max(int(height * scale), 1))
    small = grey.resize(size, Image.Resampling.LANCZOS)
    is_adjusted = bool((table != np.arange(256)).any())
    return _Opened(small.point(table.tolist()), width, height, is_adjusted)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
