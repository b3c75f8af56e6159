"""Find the tubes of cantilevers in a whole frame: the detector does not learn them.

They are the tubes that touch a fitting, as long as tubes are for their width. All numbers are our
starting values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.rules import tube
from catenary.rules.tube import Tube, TubeLimits

KIND = "cantilever"
FITTINGS = ("clevis", "messenger_seat", "steady_arm", "insulator")  # that sit on tubes or end them

_SEARCH_PX = 480  # longer side of the reduced frame
_MOST = 8  # tubes that are followed
_SLENDER = (12.0, 70.0)  # widths that a tube is long; wires are longer
_LEAST_WIDTH_PX = 8.0
_AROUND = 0.15  # of a fitting's longer side by which it reaches beyond its box
_BEYOND = 1.5  # widths beyond an end in which a fitting counts
_POINTS = 60  # of a tube that are asked
_IN_ARM = 0.8  # share of them in the box of a steady arm, from which it is that arm
_SCORE = 0.5  # of a located tube: speaks neither way


def located(
    pixels: NDArray[np.uint8], fittings: Sequence[Box], arms: Sequence[Box]
) -> tuple[Component, ...]:
    """Return the cantilever tubes of a frame that touch a fitting.

    Args:
        pixels: (height, width) uint8.
        fittings: Boxes of its `FITTINGS`; without one no tube can be told from other things.
        arms: Boxes of its steady arms, which are tubes of another kind.
    """
    height, width = pixels.shape
    if not fittings or min(height, width) < tube.LEAST_PX:
        return ()
    near = [box.grown(_AROUND * max(box.width, box.height)) for box in fittings]
    found = []
    for one in tube.tubes(pixels, _MOST, Box(0, 0, width, height), _SEARCH_PX):
        shape = one.length / one.width
        if one.width < _LEAST_WIDTH_PX or not _SLENDER[0] <= shape <= _SLENDER[1]:
            continue
        if tube.unfit(one, TubeLimits()) is not None or not _share_in(one, near, _BEYOND) > 0:
            continue
        if _share_in(one, arms, 0.0) >= _IN_ARM:
            continue
        box = _box(one).clipped(width, height)
        if box is not None:
            found.append(Component(KIND, box, _SCORE))
    return tuple(found)


def _share_in(one: Tube, boxes: Sequence[Box], beyond: float) -> float:
    """Return the share of points along a tube that lie in one of some boxes, in [0, 1]."""
    (x0, y0), (x1, y1) = one.ends
    more = beyond * one.width / one.length
    points = [
        (x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in np.linspace(-more, 1 + more, _POINTS)
    ]
    return sum(any(box.contains(x, y) for box in boxes) for x, y in points) / _POINTS


def _box(one: Tube) -> Box:
    """Return the box around a tube's edges."""
    x, y = np.array([point for line in one.edges() for point in line.points]).T
    return Box(float(x.min()), float(y.min()), float(x.max()) + 1e-6, float(y.max()) + 1e-6)
