"""Pictures of parts, one by one or those of a whole contact sheet at once."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging import pyramid
from catenary.reports import pictures
from catenary.review import answers, photos
from catenary.review.site import Site
from catenary.review.tell import CONTEXT, Seen, window

_DATA = "data:image/jpeg;base64,"


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is wanted.

    Attributes:
        context: Around the part, as a share of its longer side.
        is_drawn: Draw box and evidence in.
        is_bright: Lift dark parts, hold glaring ones back.
        max_side: Of the picture, px; 0 for as large as it is.
    """

    context: float = CONTEXT
    is_drawn: bool = False
    is_bright: bool = True
    max_side: int = 0


def picture(site: Site, seen: Seen, look: Look) -> bytes:
    """Return the surroundings of a part as JPEG.

    Raises:
        UnreadableImageError: See `photos.Photos.part`.
        SourceError: See `photos.Photos.part`.
    """
    wanted = _window(seen, look)
    return _shown(site.photos.part(seen.photograph, wanted, seen.crop), seen, wanted, look)


def at_once(site: Site, parts: Mapping[int, Seen], look: Look) -> dict[int, str]:
    """Return the pictures of several parts as data URLs, by the same numbers.

    Only of those whose stored picture shows all that is wanted: a photograph takes so long to
    decode that it is better asked for by itself.
    """

    def one(seen: Seen) -> str | None:
        wanted = _window(seen, look)
        pixels = site.photos.from_evidence(seen.photograph, wanted, seen.crop)
        if pixels is None:
            return None
        return _DATA + base64.b64encode(_shown(pixels, seen, wanted, look)).decode("ascii")

    made = site.photos.side_by_side(one, list(parts.values()))
    return {number: url for number, url in zip(parts, made, strict=True) if url is not None}


def _window(seen: Seen, look: Look) -> answers.Crop:
    return window(seen.box, look.context, seen.photograph.width, seen.photograph.height)


def _shown(pixels: NDArray[np.uint8], seen: Seen, wanted: answers.Crop, look: Look) -> bytes:
    height, width = pixels.shape
    inner = seen.box.shifted(-wanted.x0, -wanted.y0)
    small = photos.shrunk(pixels, look.max_side)
    scale = max(small.shape) / max(pixels.shape)
    evidence = [] if seen.found is None else seen.found.finding.evidence
    lines = [one.shifted(-wanted.x0, -wanted.y0) for one in pictures.lines_of(evidence)]
    if look.is_bright:
        own = inner.clipped(width, height) or Box(0, 0, width, height)
        x0, y0, x1, y1 = (int(scale * each) for each in (own.x0, own.y0, own.x1, own.y1))
        scaled = [one.scaled(scale) for one in lines]
        measured = pictures.levels_of(small, own.scaled(scale), scaled)
        small = photos.brightened(small, small[y0 : y1 + 1, x0 : x1 + 1], measured)
    if look.is_drawn:
        small = photos.drawn(small, inner, lines, scale)
    return pyramid.jpeg(small)
