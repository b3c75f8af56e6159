"""Foreign bodies on insulators 附着异物: what covers sheds and goes on beyond them.

Everything on a string repeats from shed to shed. Something that hangs on it does not: it covers a
stretch of the sheds with what none of them shows, and goes on from there beyond their outline,
where an even background shows it. All numbers are our starting values.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Evidence, Measurement
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.imaging import profiles
from catenary.imaging.crops import Crop
from catenary.imaging.profiles import Floats
from catenary.rules import insulator_patches
from catenary.rules.insulator_patches import SideBySide
from catenary.rules.insulator_string import ShedLimits
from catenary.rules.verdicts import judged

FOREIGN = "insulator_foreign/1"

_EACH = 2  # px of the level picture a side that are one here: it is blurred anyway
_SCATTER = 4.0  # times what is usual at a place of a shed, by which something is unlike it
_BODY = 0.3  # of the sheds' contrast, the same
_BESIDE = 0.25  # of the sheds' contrast, the same beside them
_NOISE = 6.0  # times the background's scatter, the same
_LEAST_GREY = 4.0

Mask = NDArray[np.uint8]
Grey = TypeVar("Grey", np.float32, np.bool_)


@dataclass(frozen=True, slots=True)
class ForeignBodyLimits:
    """Limits of the rule of foreign bodies, chosen on simulated insulators.

    Attributes:
        covered: Area on the sheds that is unlike them, in sheds.
        beside: Area beside them, from there on, in sheds.
        restless: Share of the sheds' contrast by which the background may vary.
        least_sheds: Fewer are not judged.
    """

    covered: float = 0.4
    beside: float = 0.08
    restless: float = 0.05
    least_sheds: int = 7


@dataclass(frozen=True, slots=True)
class _Piece:
    """Something in a strip of sheds laid side by side, in its pixels, half open.

    Attributes:
        area: Pixels of it.
        left: First column.
        right: Column after the last one.
        top: First row.
        bottom: Row after the last one.
    """

    area: int
    left: int
    right: int
    top: int
    bottom: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A piece on the sheds, and how much of it there and beside them, in sheds."""

    piece: _Piece
    covered: float
    beside: float


def hanging(crop: Crop, sheds: ShedLimits, limits: ForeignBodyLimits) -> Evidence:
    """Find what covers sheds and goes on beside them.

    Args:
        crop: Cut-out of one insulator.
        sheds: How its sheds are found.
        limits: Thresholds.

    Returns:
        Evidence for ``foreign_object``; score 0.5 at the limit. Cannot judge where the background
        is uneven on both sides. What lies at the first or the last shed is not told from what
        holds the string.
    """
    row = insulator_patches.side_by_side(crop, sheds)
    if isinstance(row, Refusal):
        return row.evidence(FOREIGN, "foreign_object")
    if len(row.places) < limits.least_sheds:
        needed = limits.least_sheds
        few = refused(Unjudged.FEW_SHEDS, "sheds", len(row.places), "1", needed)
        return few.evidence(FOREIGN, "foreign_object")
    patches = row.patches(slice(None))[:, ::_EACH, :-1:_EACH]
    body = slice(row.top // _EACH, row.bottom // _EACH)
    contrast = max(float(np.subtract(*np.percentile(patches[:, body], (90, 10)))), _LEAST_GREY)
    # Both sides as seen from the sheds: what begins beside them begins in the first row.
    sides = (_strip(patches[:, : body.start - 1])[::-1], _strip(patches[:, body.stop + 1 :]))
    even = [_beside(one, contrast) for one in sides if _restless(one) < limits.restless * contrast]
    if not even:
        return Refusal(Unjudged.NO_OUTLINE).evidence(FOREIGN, "foreign_object")
    found = _most(patches[:, body], contrast, [one for side in even for one in side], limits)
    covered, beside = (found.covered, found.beside) if found else (0.0, 0.0)
    numbers = (
        Measurement("covered", covered, "1", limits.covered),
        Measurement("beside", beside, "1", limits.beside),
        Measurement("sheds", float(len(row.places)), "1"),
    )
    lines = (_outline(row, found.piece, patches.shape[2]),) if found else ()
    ratio = min(covered / limits.covered, beside / limits.beside)
    return judged(FOREIGN, "foreign_object", ratio, numbers, lines)


def _most(
    sheds: Floats, contrast: float, beside: list[_Piece], limits: ForeignBodyLimits
) -> _Found | None:
    """Return the piece on the sheds (N, rows, width) that speaks most for a foreign body."""
    count, height, width = sheds.shape
    best, most = None, -1.0
    for piece in _pieces(_unlike(sheds, contrast)):
        # At its ends other things are beside a string.
        if piece.left < width or piece.right > (count - 1) * width:
            continue
        out = [one.area for one in beside if one.left < piece.right and one.right > piece.left]
        found = _Found(piece, *(area / (height * width) for area in (piece.area, max(out or [0]))))
        ratio = min(found.covered / limits.covered, found.beside / limits.beside)
        if ratio > most:
            best, most = found, ratio
    return best


def _unlike(sheds: Floats, contrast: float) -> Mask:
    """Return (rows, length) where sheds (N, rows, width) show what their neighbours do not."""
    usual = profiles.medians_along(sheds[insulator_patches.neighbours(len(sheds))], 1)
    differs = np.abs(sheds - usual)
    scatter = 1.48 * profiles.medians_along(differs, 0)
    least = max(_BODY * contrast, _LEAST_GREY)
    return np.asarray(_strip(differs > np.maximum(_SCATTER * scatter, least)), np.uint8)


def _strip(patches: NDArray[Grey]) -> NDArray[Grey]:
    """Return patches (N, rows, width) side by side, (rows, N * width)."""
    return patches.transpose(1, 0, 2).reshape(patches.shape[1], -1)


def _restless(strip: Floats) -> float:
    """Return how much a background varies along the string, grey levels."""
    return 1.48 * float(np.median(np.abs(strip - profiles.medians_along(strip, 1)[:, None])))


def _beside(strip: Floats, contrast: float) -> list[_Piece]:
    """Return what stands out beside the sheds and begins at them, in the strip's first rows."""
    differs = np.abs(strip - profiles.medians_along(strip, 1)[:, None])
    least = max(_BESIDE * contrast, _NOISE * _restless(strip), _LEAST_GREY)
    return [one for one in _pieces(np.asarray(differs > least, np.uint8)) if one.top <= 1]


def _pieces(mask: Mask) -> list[_Piece]:
    """Return the connected pieces of a mask."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return [_Piece(area, x, x + wide, y, y + high) for x, y, wide, high, area in stats[1:].tolist()]


def _outline(row: SideBySide, piece: _Piece, width: int) -> Polyline:
    """Return the outline of a piece on the sheds in the crop, each shed ``width`` columns wide."""
    left = row.places[piece.left // width] + piece.left % width * _EACH - row.period / 2
    last = piece.right - 1
    right = row.places[last // width] + last % width * _EACH - row.period / 2
    rows = row.top + piece.top * _EACH, row.top + piece.bottom * _EACH
    return row.outline("foreign_body", (float(left), float(right)), rows)
