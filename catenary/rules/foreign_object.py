"""Foreign objects 异物: nests and films that hang on what was located.

A nest or a sheet of film is thick in both directions, as nothing else between the tubes is: what is
left of all that stands out from the background when everything thinner is taken away (opening,
Serra, Image Analysis and Mathematical Morphology, 1982), is part of no located fitting, and does
not go on to the edge of the picture as masts and the car's own roof do. How large things are is
told by the fittings, whose usual sizes are known. Branches are too thin to be seen so. All numbers
are our starting values.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component, Measurement
from catenary.domain.geometry import Box, Polyline
from catenary.imaging.shrink import shrunk
from catenary.rules.supposed import Supposed
from catenary.rules.verdicts import judged

KIND = "foreign_object"
SOURCE = "foreign_object_bulk/1"

Mask = NDArray[np.uint8]

_SEARCH_PX = 560  # longer side of the reduced picture
# Usual longer side of what is located, mm; of an insulator the shorter, since strings differ.
_USUAL_MM: Mapping[str, float] = MappingProxyType(
    {
        "clevis": 130.0,
        "messenger_seat": 200.0,
        "clamp": 110.0,
        "insulator": 190.0,
        "number_plate": 330.0,
        "steady_arm": 1050.0,
    }
)
_DROPPER_MM = 1200.0  # asked only where nothing else is located: they differ most
# Boxes that their part fills; in those of arms, tubes, wires and droppers something may hang.
_FILLED = ("clevis", "messenger_seat", "clamp", "insulator", "number_plate")
_SURE = 0.3  # detector score from which a part tells sizes and place, if none is certain
_CERTAIN = 0.5  # the same for parts that are surely there; nests pass for parts at lower scores
_AROUND = 0.12  # of a fitting's longer side by which it reaches beyond its box
_BACKGROUND_MM = 1500.0  # side of the window whose median is the background
_CLOSED_MM = 50.0  # holes of a nest that are filled
_OPENED_MM = 130.0  # anything thinner is taken away: tubes, wires, sleeves
_LEAST_OPENED_PX = 4.0  # of the reduced picture
_NEAR_MM = 500.0  # beyond the located parts in which something may hang
_NOISE = 5.0  # times the noise by which something stands out
_LEAST_GREY = 6.0
_LEAST_SHARE = 0.12  # of the background's grey: skies are uneven
_GROUND_SHARE = 0.25  # the background is looked for in a picture that is smaller by this
_EDGE_PX = 2  # of the reduced picture; what ends so near an edge goes on outside
_OF_A_PART = 0.3  # share of something in the boxes of fittings from which it is one of them
_HANGS = 0.5  # share of it that must be where something can hang
_ROUGH_SIGMAS = (0.7, 1.2, 5.0)  # px of the photograph: twigs are finer than the middle one
_LEAST_FOLDS = 0.5  # grey levels; less structure is none
_MARGIN = 0.2  # of the sides of a box, at each of them, that tells nothing of its roughness


@dataclass(frozen=True, slots=True)
class ForeignLimits:
    """Limits of the rule of foreign objects.

    Attributes:
        thickness_mm: Diameter of the largest circle in it from which it is raised, as large as the
            fittings tell.
        longest_mm: Longer things are masts and walls.
        slender: Times as long as wide from which it is a pole or a beam.
        dark: Grey level of the background above which nothing is told: by day clouds, trees and
            walls stand out too.
        restless: Share of the picture that stands out, above which nothing is told: walls near by.
        filled: Least share of it that itself stands out: a loop of cable only goes around.
        rough: Share of fine structure from which it is called a nest, else a film.
    """

    thickness_mm: float = 250.0
    longest_mm: float = 1600.0
    slender: float = 3.5
    dark: float = 40.0
    restless: float = 0.25
    filled: float = 0.6
    rough: float = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """The photograph, reduced.

    Attributes:
        pixels: (H, W) uint8.
        scale: Its pixels per pixel of the photograph.
        mm: Its pixels per mm, about.
    """

    pixels: NDArray[np.uint8]
    scale: float
    mm: float


def located(
    pixels: NDArray[np.uint8], parts: Sequence[Component], limits: ForeignLimits
) -> tuple[Supposed, ...]:
    """Return the foreign objects among the located parts of a frame.

    Args:
        pixels: (height, width) uint8.
        parts: Located in it; without a fitting whose size is known nothing is told.
        limits: Thresholds.

    Returns:
        Things at or above the limit, each with evidence for ``nest`` or ``film``: score 0.5 at the
        limit. Empty also by day and before a restless background.
    """
    certain = [one for one in parts if one.score >= _CERTAIN]
    sure = certain or [one for one in parts if one.score >= _SURE]
    small = _reduced(pixels, sure)
    if small is None:
        return ()
    seen = _seen(small, limits)
    if seen is None:
        return ()
    bulk = _bulk(small, seen)
    if not bulk.any():
        return ()
    near, fittings = _near(sure, small), _fittings(parts, small)
    found = []
    for own, box in _pieces(bulk):
        rows, columns = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
        area, window = own.sum(), (rows, columns)
        is_part = (own & fittings[window]).sum() >= _OF_A_PART * area
        is_filled = (own & seen[window]).sum() >= limits.filled * area
        if is_filled and not is_part and (own & near[window]).sum() >= _HANGS * area:
            found.append(_supposed(pixels, small, own, box, limits))
    return tuple(one for one in found if one is not None)


def _reduced(pixels: NDArray[np.uint8], parts: Sequence[Component]) -> _Reduced | None:
    """Return the reduced frame; None where the size of nothing is known, or all is too small."""
    height, width = pixels.shape
    known = [one for one in parts if one.kind in _USUAL_MM]
    whole = [one for one in parts if one.kind == "dropper" and _is_whole(one.box, width, height)]
    if not known + whole:
        return None
    scale = min(1.0, _SEARCH_PX / max(pixels.shape))
    mm = float(np.median([_scale_of(one) for one in known or whole])) * scale
    if _OPENED_MM * mm < _LEAST_OPENED_PX:
        return None
    return _Reduced(shrunk(pixels, scale), scale, mm)


def _is_whole(box: Box, width: int, height: int) -> bool:
    return min(box.x0, box.y0) > 0 and box.x1 < width and box.y1 < height


def _scale_of(part: Component) -> float:
    """Return the pixels of the photograph per mm that a part tells."""
    side = min if part.kind == "insulator" else max
    usual = _USUAL_MM.get(part.kind, _DROPPER_MM)
    return side(part.box.width, part.box.height) / usual


def _seen(small: _Reduced, limits: ForeignLimits) -> Mask | None:
    """Return what is brighter than the background around it; None by day, or where most is."""
    grey = small.pixels
    ground = _ground(small)
    if np.median(ground) > limits.dark:
        return None
    soft = cv2.GaussianBlur(grey - ground, (0, 0), 0.8)
    least = np.maximum(_LEAST_SHARE * ground, max(_NOISE * _noise(grey), _LEAST_GREY))
    seen = np.asarray(soft > least, np.uint8)
    return None if seen.mean() > limits.restless else seen


def _bulk(small: _Reduced, seen: Mask) -> Mask:
    """Return where something thick stands out."""
    filled = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, _disc(_CLOSED_MM * small.mm))
    disc = _disc(_OPENED_MM * small.mm)
    # What goes on beyond the edge must not look thin there.
    more = disc.shape[0]
    wider = cv2.copyMakeBorder(filled, more, more, more, more, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(wider, cv2.MORPH_OPEN, disc)
    return np.asarray(opened[more:-more, more:-more], np.uint8)


def _ground(small: _Reduced) -> NDArray[np.float32]:
    """Return (H, W) the grey of the background around each place: the median of a wide window."""
    height, width = small.pixels.shape
    size = [max(8, round(side * _GROUND_SHARE)) for side in (width, height)]
    coarse = cv2.resize(small.pixels, size, interpolation=cv2.INTER_AREA)
    side = min(round(_BACKGROUND_MM * small.mm * _GROUND_SHARE), 255) | 1
    ground = cv2.resize(cv2.medianBlur(coarse, max(side, 3)), (width, height))
    return np.asarray(ground, np.float32)


def _disc(diameter: float) -> Mask:
    side = max(3, round(diameter) | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _near(parts: Sequence[Component], small: _Reduced) -> Mask:
    """Return where something can hang: within the outline of all parts, and a little beyond."""
    corners = []
    for one in parts:
        box = one.box.scaled(small.scale)
        corners += [(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
    mask = np.zeros(small.pixels.shape, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.array(corners, np.int32)), (1,))
    # A dilation by so large a disc takes a hundred times as long.
    away = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= _NEAR_MM * small.mm, np.uint8)


def _fittings(parts: Sequence[Component], small: _Reduced) -> Mask:
    """Return where the located fittings are."""
    mask = np.zeros(small.pixels.shape, np.uint8)
    for one in parts:
        if one.kind in _FILLED and one.score >= _CERTAIN:
            longer = max(one.box.width, one.box.height)
            mask[_window(one.box.grown(_AROUND * longer).scaled(small.scale))] = 1
    return mask


def _window(box: Box) -> tuple[slice, slice]:
    low, high = (max(0, int(box.y0)), max(0, int(box.x0))), (int(box.y1) + 1, int(box.x1) + 1)
    return slice(low[0], high[0]), slice(low[1], high[1])


def _pieces(bulk: Mask) -> Iterator[tuple[Mask, Box]]:
    """Yield each piece that ends inside the picture: its mask, and its box."""
    height, width = bulk.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bulk)
    for number in range(1, count):
        x, y, wide, high, _ = (int(value) for value in stats[number])
        ends_inside = min(x, y) >= _EDGE_PX and x + wide <= width - _EDGE_PX
        if ends_inside and y + high <= height - _EDGE_PX:
            own = labels[y : y + high, x : x + wide] == number
            yield own.astype(np.uint8), Box(x, y, x + wide, y + high)


def _supposed(
    pixels: NDArray[np.uint8], small: _Reduced, own: Mask, corner: Box, limits: ForeignLimits
) -> Supposed | None:
    """Return what a piece is, None where it is thin, long, or a pole."""
    inner = cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 5)
    thick = (2 * float(inner.max()) - 1) / small.mm
    points = np.argwhere(own)[:, ::-1].astype(np.float32)
    short, long = sorted(cv2.minAreaRect(points)[1])
    is_long = long > min(limits.longest_mm * small.mm, limits.slender * max(short, 1.0))
    if thick < limits.thickness_mm or is_long:
        return None
    height, width = pixels.shape
    box = corner.scaled(1 / small.scale).clipped(width, height)
    if box is None:
        return None
    rough = _roughness(pixels[_window(box)], _noise(pixels))
    numbers = (
        Measurement("thickness", thick, "mm", limits.thickness_mm),
        Measurement("roughness", rough, "1"),
    )
    condition = "nest" if rough >= limits.rough else "film"
    ratio = thick / limits.thickness_mm
    evidence = judged(SOURCE, condition, ratio, numbers, (_outline(small, own, corner),))
    return Supposed(Component(KIND, box, 1.0), evidence)


def _outline(small: _Reduced, own: Mask, corner: Box) -> Polyline:
    """Return the outline of a piece in frame pixels."""
    outlines, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = cv2.approxPolyDP(max(outlines, key=len), 1.0, True)[:, 0].tolist()
    points = [
        ((x + corner.x0 + 0.5) / small.scale, (y + corner.y0 + 0.5) / small.scale)
        for x, y in (*line, line[0])
    ]
    return Polyline("outline", tuple(points))


def _roughness(pixels: NDArray[np.uint8], noise: float) -> float:
    """Return how much of the structure in the middle of something is fine, in about [0, 1].

    Twigs are as thin as the picture can show, folds of a film are wide: the mean of what a blur of
    0.7 px keeps and one of 1.2 px takes away, over what that keeps and one of 5 px takes away, each
    without what the noise of the camera (standard deviation, grey levels) makes of it.
    """
    grey = pixels.astype(np.float32)
    blurred = [cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in _ROUGH_SIGMAS]
    edge = [int(_MARGIN * side) for side in grey.shape]
    middle = slice(edge[0], grey.shape[0] - edge[0]), slice(edge[1], grey.shape[1] - edge[1])
    sigmas = itertools.pairwise(_ROUGH_SIGMAS)
    own = [_kept(*pair) * noise for pair in sigmas]
    fine, folds = (
        math.sqrt(max(float(np.abs(one - other)[middle].mean()) ** 2 - made**2, 0.0))
        for (one, other), made in zip(itertools.pairwise(blurred), own, strict=True)
    )
    return fine / max(folds, 2 * own[1], _LEAST_FOLDS)


def _kept(narrow: float, wide: float) -> float:
    """Return the mean of what is left of noise of 1 between two Gaussian blurs, in px."""
    energy = (1 / narrow**2 + 1 / wide**2) / 4 - 1 / (narrow**2 + wide**2)
    return math.sqrt(2 / math.pi) * math.sqrt(energy / math.pi)


def _noise(pixels: NDArray[np.uint8]) -> float:
    """Return the standard deviation of a picture's noise, grey levels; 0 where most is flat."""
    steps = np.abs(np.diff(pixels[::2].astype(np.int16), axis=1)[:, ::2])
    # The median alone would only tell whole grey levels.
    usual = steps[steps <= 4 * (np.median(steps) + 0.5)]
    return 0.5 * math.sqrt(math.pi) * float(usual.mean())
