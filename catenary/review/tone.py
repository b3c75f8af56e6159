"""Grey levels for the screen: dark parts lifted, bright ones held back, what is well lit left."""

import math

import numpy as np
from numpy.typing import NDArray

from catenary.reports.pictures import gamma_for

# Our starting values, looked at on simulated and real crops.
_LIT = 30  # grey level from which a pixel is taken to be lit by the flash, not background
_CLIPPED = 250  # from here on nothing is left to be seen
_GLARING = 180.0  # median of what is lit from which a part is held back
_HELD = 150.0  # grey level that this median is brought to
_FILLED = 0.35  # share of a box that is lit where the part fills it: a dropper's own is mostly sky
_MOST_GAMMA = 2.5  # beyond, all but the glare is black
_TOE = 0.003  # of white: below, the noise of black would be lifted into blocks


def table_for(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what each grey level of a picture is shown as, so that a part is seen well.

    Args:
        part: (height, width) uint8, the part's box.

    Returns:
        (256,) uint8, never falling, 0 at 0 and 255 at 255; each level itself for a part lit well.
    """
    levels = np.arange(256) / 255
    gamma = exponent_for(part)
    if gamma == 1.0:
        return np.arange(256, dtype=np.uint8)
    toe = _TOE if gamma < 1 else 0.0
    low, high = toe**gamma, (1 + toe) ** gamma
    shown = ((levels + toe) ** gamma - low) / (high - low)
    return np.asarray((255 * shown).round(), np.uint8)


def exponent_for(part: NDArray[np.uint8]) -> float:
    """Return the exponent of grey levels as shares of white that shows a part well.

    Below 1 for a dark part, see `gamma_for`; above 1 where what is lit of it is glaring but not
    all burnt out, and fills the box (a bright wire across a dark dropper must not hide it); 1 for
    others.

    >>> dark, well, glaring = (np.full((4, 4), level, np.uint8) for level in (20, 130, 230))
    >>> exponent_for(dark) < exponent_for(well) == 1.0 < exponent_for(glaring)
    True
    """
    gamma = gamma_for(part)
    if gamma < 1:
        return gamma
    lit = part[part >= _LIT]
    structured = lit[lit < _CLIPPED]
    is_glaring = structured.size > 0 and float(np.median(lit)) >= _GLARING
    if not is_glaring or lit.size < _FILLED * part.size:
        return 1.0
    middle = min(float(np.median(lit)), float(np.percentile(structured, 90)))
    return min(max(math.log(_HELD / 255) / math.log(middle / 255), 1.0), _MOST_GAMMA)
