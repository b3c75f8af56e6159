"""Evidence pictures made small enough to embed."""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from catenary.domain.geometry import Polyline
from catenary.reports.data import CropImage, ReportFinding

_QUALITY = 80  # JPEG; below, thin wires get ringing. Our starting value
# One colour a role, readable on dark and light metal and for the colour-blind.
# Source: Okabe & Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/
ROLE_COLOURS = {
    "wire": "#56b4e9",
    "gap": "#ff5a4d",
    "clamp": "#f0e442",
    "shed": "#009e73",
    "axis": "#cc79a7",
}
OTHER_COLOUR = "#e69f00"
BOX_COLOUR = "#ffffff"


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded evidence picture.

    Attributes:
        content: JPEG bytes.
        width: Of the picture as stored, full-resolution pixels; the JPEG may be smaller.
        height: The same.
        shown_width: Of the JPEG, pixels.
        shown_height: The same.
    """

    content: bytes
    width: int
    height: int
    shown_width: int
    shown_height: int


def load(crop: CropImage | None, side: int) -> Picture | None:
    """Return a crop of at most ``side`` squared pixels, or None when unreadable.

    The area is bounded and not the longer side: a dropper is ten times as long as wide, and its
    wire would vanish.
    """
    opened = _opened(crop, lambda width, height: side / math.sqrt(width * height))
    if opened is None:
        return None
    image, width, height = opened
    return Picture(_jpeg(image), width, height, *image.size)


def load_drawn(finding: ReportFinding, max_side: int) -> Picture | None:
    """Return a crop with its longer side at most ``max_side`` px and the evidence drawn in."""
    opened = _opened(finding.crop, lambda width, height: max_side / max(width, height))
    if opened is None or finding.crop is None:
        return None
    image, width, height = opened
    canvas = image.convert("RGB")
    draw = ImageDraw.Draw(canvas)
    scale = max(image.size) / max(width, height)
    box = finding.finding.component.box.shifted(-finding.crop.x0, -finding.crop.y0).scaled(scale)
    draw.rectangle((box.x0, box.y0, box.x1, box.y1), outline=BOX_COLOUR)
    for trace in in_crop(finding):
        points = [(x * scale, y * scale) for x, y in trace.points]
        colour = ROLE_COLOURS.get(trace.role, OTHER_COLOUR)
        if len(points) == 1:
            draw.circle(points[0], 3, outline=colour)
        else:
            draw.line(points, fill=colour, width=2)
    return Picture(_jpeg(canvas), width, height, *canvas.size)


def in_crop(finding: ReportFinding) -> Iterable[Polyline]:
    """Yield the traces of all evidence in pixels of the full-resolution crop."""
    if finding.crop is None:
        return
    for evidence in finding.finding.evidence:
        yield from evidence.shifted(-finding.crop.x0, -finding.crop.y0).traces


def _opened(
    crop: CropImage | None, scale_for: Callable[[int, int], float]
) -> tuple[Image.Image, int, int] | None:
    """Return the crop, made smaller where ``scale_for`` says so, and its full size."""
    if crop is None:
        return None
    try:
        with Image.open(crop.path) as image:
            grey = image.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # the report says that the picture is missing
    width, height = grey.size
    scale = min(scale_for(width, height), 1.0)
    size = (max(int(width * scale), 1), max(int(height * scale), 1))
    return grey.resize(size, Image.Resampling.LANCZOS), width, height


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
