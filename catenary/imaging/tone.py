"""Grey levels for the eye: dark parts lifted, bright ones held back, faint contrast spread.

What is well lit is left as it is. One curve for a whole picture, so that order is kept.
"""

import math

import numpy as np
from numpy.typing import NDArray

# Our starting values, looked at on simulated and real crops.
_BRIGHT_END = 95.0  # percentile of a part's grey levels that is made visible
_SEEN = 120.0  # grey level that it is brought to
_OWN = 75.0  # percentile of the grey levels of what was measured: its lines take in what is beside
_LEAST_GAMMA = 0.4  # below, the noise of black is seen before the part
_LIT = 30  # grey level from which a pixel is taken to be lit by the flash, not background
_CLIPPED = 250  # from here on nothing is left to be seen
_GLARING = 180.0  # median of what is lit from which a part is held back
_HELD = 150.0  # grey level that this median is brought to
_FILLED = 0.35  # share of a box that is lit where the part fills it: a dropper's own is mostly sky
_MOST_GAMMA = 2.5  # beyond, all but the glare is black
_TOE = 0.003  # of white: below, the noise of black would be lifted into blocks
_ENDS = (1.0, 99.5)  # percentiles of a part's grey levels that are spread
_VEILED = 40.0  # grey level of the lower one from which there is no black in a part
_FLAT = 8.0  # grey levels between both, below which there is nothing to spread
_SPREAD = (25.0, 230.0)  # grey levels that they are brought to at most
_MOST_SPREAD = 2.5  # times; beyond, noise is seen before the part


def table_for(part: NDArray[np.uint8], own: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return what each grey level of a picture is shown as, so that a part is seen well.

    Args:
        part: (height, width) uint8, the part's box.
        own: (N,) uint8, those of its grey levels that were measured: something bright in the box
            must not keep a dark wire or nest from being lifted. None where nothing was.

    Returns:
        (256,) uint8, never falling, 0 at 0 and 255 at 255; each level itself for a part lit well.
    """
    levels = np.arange(256) / 255
    gamma = exponent_for(part, own)
    toe = _TOE if gamma < 1 else 0.0
    low, high = toe**gamma, (1 + toe) ** gamma
    shown = 255 * ((levels + toe) ** gamma - low) / (high - low)
    return np.asarray(_spread(shown, part).round(), np.uint8)


def exponent_for(part: NDArray[np.uint8], own: NDArray[np.uint8] | None = None) -> float:
    """Return the exponent of grey levels as shares of white that shows a part well.

    Below 1 for a dark part, see `gamma_for`; above 1 where what is lit of it is glaring but not
    all burnt out, and fills the box (a bright wire across a dark dropper must not hide it); 1 for
    others.

    >>> dark, well, glaring = (np.full((4, 4), level, np.uint8) for level in (20, 130, 230))
    >>> exponent_for(dark) < exponent_for(well) == 1.0 < exponent_for(glaring)
    True
    """
    gamma = gamma_for(part)
    if own is not None and own.size:
        gamma = min(gamma, _lifting(float(np.percentile(own, _OWN))))
    if gamma < 1:
        return gamma
    lit = part[part >= _LIT]
    structured = lit[lit < _CLIPPED]
    is_glaring = structured.size > 0 and float(np.median(lit)) >= _GLARING
    if not is_glaring or lit.size < _FILLED * part.size:
        return 1.0
    middle = min(float(np.median(lit)), float(np.percentile(structured, 90)))
    return min(max(math.log(_HELD / 255) / math.log(middle / 255), 1.0), _MOST_GAMMA)


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
    return _lifting(float(np.percentile(grey, _BRIGHT_END)) if grey.size else _SEEN)


def _lifting(level: float) -> float:
    """Return the exponent that brings a grey level to one that is seen, at least the least."""
    if level >= _SEEN:
        return 1.0
    return max(math.log(_SEEN / 255) / math.log(max(level, 1.0) / 255), _LEAST_GAMMA)


def _spread(shown: NDArray[np.float64], part: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (256,) levels in which the contrast of a part without black or white is spread.

    A pin in a lit plate, or a string in fog, differs by a few grey levels from what is around it.
    """
    low, high = (
        np.interp(np.percentile(part, _ENDS), np.arange(256), shown) if part.size else (0, 0)
    )
    times = min((_SPREAD[1] - _SPREAD[0]) / max(high - low, 1.0), _MOST_SPREAD)
    if low < _VEILED or high - low < _FLAT or times <= 1:
        return shown
    half = times * (high - low) / 2
    middle = min(max((low + high) / 2, _SPREAD[0] + half), _SPREAD[1] - half)
    ends = [0.0, low, high, 255.0], [0.0, middle - half, middle + half, 255.0]
    return np.asarray(np.interp(shown, *ends), np.float64)
