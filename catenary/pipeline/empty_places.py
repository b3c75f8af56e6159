"""Whether a place that should show a bolt shows an empty hole: a second look.

That the detector finds no bolt there says little, since it misses many. An empty hole is a spot
darker than what is around it on all sides, as `rules/bolt_hole` measures it; what counts is by how
much it is darker than the darkest spots that other masts show near that point, bolt and all.
"""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline, Similarity
from catenary.domain.refusal import Refusal, Unjudged, refused
from catenary.domain.taxonomy import Taxonomy
from catenary.pipeline.constellation import BOLT, ConstellationSettings, Fitting, Place, is_same
from catenary.pipeline.resemblance import laid_over
from catenary.rules import bolt_hole
from catenary.rules.verdicts import judged

SOURCE = "bolt_place/1"
SOURCES = (SOURCE,)
CONDITION = "bolt_missing"

_WORK_PX = 48  # longer side to which a bolt is enlarged or reduced before measuring
_AROUND = 0.5  # of that side, cut out with the place: what rings reach
_RINGS = (0.1, 0.14, 0.19)  # distances at which the face around a spot is looked at, of that side
_SMOOTH = 1.5  # px of the enlarged place
_LOOSE = 3  # px of it by which fittings do not lie on each other exactly
_MOST_BESIDE = 12  # masts whose pictures are held against one
_HIGH = 80  # percentile of the others' darkness: one of five may have lost its bolt, too
_CIRCLE = 24  # corners of a circle that is drawn

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LookSettings:
    """When a place is called empty; all numbers are our starting values.

    Attributes:
        least_px: Longer side of a place in the photograph below which it is not judged.
        contrast: Not judged below this difference between its dark and its bright part, in grey
            levels.
        darkness: Share in [0, 1] by which the spot is darker than the face around it.
        beyond: Share in [0, 1] by which it is darker than what other masts show at that point.
    """

    least_px: float = 20.0
    contrast: float = 20.0
    darkness: float = 0.5
    beyond: float = 0.3


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """All of ``configs/bolt_places.yaml``."""

    learning: ConstellationSettings = field(default_factory=ConstellationSettings)
    look: LookSettings = field(default_factory=LookSettings)


class State(StrEnum):
    """What became of a place that should show a bolt."""

    LOCATED = "located"  # by the detector, and no empty hole is seen
    MISSING = "missing"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one photograph shows at a place.

    Attributes:
        state: What became of it.
        box: The place in the photograph.
        place: Where it was learnt from.
        evidence: What the picture says of an empty hole there, lines in the photograph.
        beside: Photograph of another mast that shows the bolt.
    """

    state: State
    box: Box
    place: Place
    evidence: Evidence
    beside: str


def seen(one: Fitting, place: Place, settings: LookSettings) -> Seen:
    """Look at a place of a fitting.

    Args:
        one: The fitting.
        place: Where most of those that look like it show a bolt.
        settings: Limits.
    """
    best = max(place.showing, key=lambda shown: shown[0].likeness)[0].other.image_id
    box = one.in_photograph(place.box)
    evidence = _hole(one, place, settings)
    if evidence.verdict is Verdict.DEFECT:
        state = State.MISSING
    elif any(is_same(bolt.box, place.box) for bolt in one.bolts):
        state = State.LOCATED
    else:
        state = State.UNJUDGED
    return Seen(state, box, place, evidence, best)


def _hole(one: Fitting, place: Place, settings: LookSettings) -> Evidence:
    side = max(place.box.width, place.box.height)
    if side / one.scale < settings.least_px:
        longer, least = side / one.scale, settings.least_px
        return refused(Unjudged.TOO_SHORT, "length", longer, "px", least).evidence(
            SOURCE, CONDITION
        )
    enlarged = _enlarged(one.pixels, Similarity(1, 0), place.box)
    inner = _inner(place.box)
    contrast = float(np.subtract(*np.percentile(enlarged[inner], (98, 2))))
    if contrast < settings.contrast:
        return refused(
            Unjudged.LOW_CONTRAST, "contrast", contrast, "grey levels", settings.contrast
        ).evidence(SOURCE, CONDITION)
    own = _darkness(enlarged)
    beside = sorted(place.showing, key=lambda shown: -shown[0].likeness)[:_MOST_BESIDE]
    loose = np.ones((2 * _LOOSE + 1,) * 2, np.uint8)
    others = [
        cv2.dilate(_darkness(_enlarged(laid.other.pixels, laid.transform, place.box)), loose)
        for laid, _ in beside
    ]
    usual = np.percentile(others, _HIGH, axis=0)
    beyond = np.where(own >= settings.darkness, own - usual, -1.0)[inner]
    row, column = np.unravel_index(int(beyond.argmax()), beyond.shape)
    ratio = float(beyond[row, column]) / settings.beyond
    if ratio <= 1:
        return Refusal(Unjudged.NO_HOLE).evidence(SOURCE, CONDITION)
    row, column = row + inner[0].start, column + inner[1].start
    numbers = (
        Measurement("hole_darkness", float(own[row, column]), "1", settings.darkness),
        Measurement("hole_beyond", float(beyond.max()), "1", settings.beyond),
    )
    corner, scale = _corner(place.box), _WORK_PX / side
    at = (column + 0.5) / scale + corner[0], (row + 0.5) / scale + corner[1]
    lines = (_circle("hole", at, _RINGS[1] * side), _circle("place", place.box.centre, side / 2))
    found = judged(SOURCE, CONDITION, ratio, numbers, lines)
    return _in_photograph(found, one)


def _corner(box: Box) -> tuple[float, float]:
    """Return the corner of the square that is cut out around a place."""
    reach = (0.5 + _AROUND) * max(box.width, box.height)
    return box.centre[0] - reach, box.centre[1] - reach


def _enlarged(pixels: NDArray[np.uint8], there: Similarity, box: Box) -> Floats:
    """Return the (96, 96) square around a place, as another fitting shows it there."""
    scale = _WORK_PX / max(box.width, box.height)
    x0, y0 = _corner(box)
    whole = Similarity(scale * there.alpha, scale * (there.beta - complex(x0, y0)))
    size = round(_WORK_PX * (1 + 2 * _AROUND))
    picture = laid_over(pixels, whole, Box(0, 0, size, size)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _SMOOTH), np.float32)


def _inner(box: Box) -> tuple[slice, slice]:
    """Return rows and columns of the place in the square around it, and a little more."""
    scale = _WORK_PX / max(box.width, box.height)
    middle = round(_WORK_PX * (0.5 + _AROUND))
    halves = (round(scale * length / 2) + _LOOSE for length in (box.height, box.width))
    rows, columns = (slice(middle - half, middle + half + 1) for half in halves)
    return rows, columns


def _darkness(picture: Floats) -> Floats:
    """Return by which share each point is darker than a ring around it, whichever ring most."""
    maps = [bolt_hole.darkness(picture, share * _WORK_PX)[0] for share in _RINGS]
    return np.asarray(np.max(maps, axis=0), np.float32)


def _circle(role: str, at: tuple[float, float], radius: float) -> Polyline:
    turns = np.linspace(0, 2 * math.pi, _CIRCLE + 1)
    points = [(at[0] + radius * math.cos(turn), at[1] + radius * math.sin(turn)) for turn in turns]
    return Polyline(role, tuple(points))


def _in_photograph(found: Evidence, one: Fitting) -> Evidence:
    lines = (
        line.scaled(1 / one.scale).shifted(float(one.corner[0]), float(one.corner[1]))
        for line in found.traces
    )
    return replace(found, traces=tuple(lines))


def finding(
    image_id: str, box: Box, place: Place, evidence: Evidence, taxonomy: Taxonomy
) -> Finding:
    """Return a missing bolt as a finding; its score stands for the probability.

    Args:
        image_id: Photograph.
        box: The place in it.
        place: Where it was learnt from.
        evidence: Of an empty hole there.
        taxonomy: Grades.

    Raises:
        KeyError: If the taxonomy does not know missing bolts.
    """
    return Finding(
        image_id,
        Component(BOLT, box, place.share),
        Verdict.DEFECT,
        CONDITION,
        evidence.score,
        taxonomy.condition(BOLT, CONDITION).grade,
        (evidence,),
        Versions("", SOURCE, taxonomy.version),
    )
