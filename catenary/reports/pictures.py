"""Evidence pictures made small enough to embed."""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box, Polyline
from catenary.imaging import packed
from catenary.reports.data import CropImage, ReportFinding

_QUALITY = 80  # JPEG; below, thin wires get ringing. Our starting value
_BETWEEN = 2  # px between the plain picture and the drawn one
_BRIGHT_END = 95.0  # percentile of a part's grey levels that is made visible
_SEEN = 120.0  # grey level that it is brought to. Our starting values
_MOST_ENLARGED = 6.0  # beyond, a pin is only blurred more
_LEAST_GAMMA = 0.4  # below, the noise of black is seen before the part
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
    "outline": RED,
    "is": RED,
    "darkened": ORANGE,
    "unusual": ORANGE,
    "clamp": YELLOW,
    "no_leg": YELLOW,
    "wire": BLUE,
    "edge": BLUE,
    "leg": BLUE,
    "thread": BLUE,
    "was": BLUE,
    "shed": GREEN,
    "nut": GREEN,
    "head": GREEN,
    "axis": PINK,
    "chord": PINK,
}
OTHER_COLOUR = ORANGE
BOX_COLOUR = WHITE
# Roles of lines that say: here it is. They are drawn last and widest, and only of what says so.
MARKS = frozenset({role for role, colour in ROLE_COLOURS.items() if colour in (RED, ORANGE)})
_OF_DEFECTS = MARKS | {"chord"}  # which is nothing to see without the bow beside it
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
        gamma: Exponent in (0, 1] by which grey levels were made brighter; 1 for as photographed.
    """

    content: bytes
    width: int
    height: int
    shown_width: int
    shown_height: int
    gamma: float


def load(crop: CropImage | None, part: Box, side: int) -> Picture | None:
    """Return the crop around a part, of at most ``side`` squared pixels, or None when unreadable.

    The area is bounded and not the longer side: a dropper is ten times as long as wide, and its
    wire would vanish.
    """
    opened = _opened(crop, part, lambda width, height: min(side / math.sqrt(width * height), 1.0))
    if opened is None:
        return None
    return Picture(
        _jpeg(opened.image), opened.width, opened.height, *opened.image.size, opened.gamma
    )


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
    opened = _opened(finding.crop, part, scale_for)
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
    return Picture(_jpeg(canvas), opened.width, opened.height, *canvas.size, opened.gamma)


def gamma_for(grey: NDArray[np.uint8]) -> float:
    """Return the exponent by which a dark part is made bright enough to be seen.

    At night a wire is often ten grey levels above black, which no screen in a lit room shows. The
    exponent brings the bright end of the part's own grey levels to a middle grey; order is kept.

    Args:
        grey: (height, width) uint8, the part's box.

    Returns:
        An exponent of grey levels as shares of white, in [0.4, 1]; 1 for a part bright enough.

    >>> gamma_for(np.full((4, 4), 200, np.uint8))
    1.0
    """
    bright = float(np.percentile(grey, _BRIGHT_END)) if grey.size else _SEEN
    if bright >= _SEEN:
        return 1.0
    return max(math.log(_SEEN / 255) / math.log(max(bright, 1.0) / 255), _LEAST_GAMMA)


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


@dataclass(frozen=True, slots=True)
class _Opened:
    image: Image.Image  # grey, as small as wanted, as bright as needed
    width: int  # before
    height: int
    gamma: float


def _opened(
    crop: CropImage | None, part: Box, scale_for: Callable[[int, int], float]
) -> _Opened | None:
    """Return the crop, scaled by what ``scale_for`` says, and brighter where it is dark."""
    if crop is None:
        return None
    try:
        with Image.open(io.BytesIO(packed.read(crop.path))) as image:
            grey = image.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # the report says that the picture is missing
    width, height = grey.size
    own = part.shifted(-crop.x0, -crop.y0).clipped(width, height) or Box(0, 0, width, height)
    corners = (int(own.x0), int(own.y0), math.ceil(own.x1), math.ceil(own.y1))
    gamma = gamma_for(np.asarray(grey.crop(corners)))
    scale = scale_for(width, height)
    size = (max(int(width * scale), 1), max(int(height * scale), 1))
    small = grey.resize(size, Image.Resampling.LANCZOS)
    brighter = small.point([round(255 * (level / 255) ** gamma) for level in range(256)])
    return _Opened(brighter, width, height, gamma)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
