"""What stands before a camera at night and what lamps do to its picture, as functions of pixels.

All ranges are our starting values.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.models.inputs import MEAN

_WIDTHS = 0.005, 0.02  # of a wire, as shares of the picture's longer side
_SAGS = 0.0, 0.05  # of a wire, as shares of the picture's longer side
_LEAST_WIDTH_PX = 1.5
_LEAST_BRIGHT = 90.0  # grey level of a wire in the lamps' light, however dark its surroundings
_BLURS = 0.5, 3.0  # px, standard deviation: between a sharp picture and one hardly usable
_EVERY = 4  # of so many rows and columns the blur is measured in one: edges cross several
_PROBE_PX = 1.0  # standard deviation that a picture is smoothed by before its blur is measured
_GLARE = 60.0, 180.0  # grey levels
_GLARE_SIZES = 0.1, 0.5  # standard deviation, as shares of the longer side
_VIGNETTE = 0.3, 0.8  # share of the light that the farthest corner lacks


def wire(picture: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a wire across a picture, as dark or bright as it gets there, and blurred as it is.

    It goes from edge to edge, so that it is never taken for a dropper, which ends.

    Args:
        picture: (height, width).
        generator: Source of chance.

    Returns:
        A changed copy; where the picture is padded to a size, the padding is as it was.
    """
    changed = picture.copy()
    place = shown(picture)
    if changed[place].size:
        changed[place] = _crossed(picture[place], generator)
    return changed


def shown(picture: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the rows and columns of a (height, width) picture that are not padding all along."""
    is_padding = picture == int(MEAN)

    def between(is_bare: NDArray[np.bool_]) -> slice:
        found = np.flatnonzero(~is_bare)
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0)

    return between(is_padding.all(axis=1)), between(is_padding.all(axis=0))


def _crossed(picture: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    height, width = picture.shape
    longer = max(height, width)
    angle = generator.uniform(0, np.pi)
    across, along = _axes(picture.shape, angle, generator.uniform(0.1, 0.9, 2))
    sag = generator.uniform(*_SAGS) * longer
    distance = across + sag * (1 - (2 * along / longer) ** 2)
    wide = max(_LEAST_WIDTH_PX, generator.uniform(*_WIDTHS) * longer)
    cover = np.clip(wide / 2 + 0.5 - np.abs(distance), 0, 1).astype(np.float32)
    cover = cv2.GaussianBlur(cover, (0, 0), blur_px(picture))
    is_bright = generator.random() < 0.5
    tone = float(np.percentile(picture[::2, ::2], generator.uniform(95, 99.5) if is_bright else 2))
    tone = max(tone, _LEAST_BRIGHT) if is_bright else tone
    return _grey(picture * (1 - cover) + tone * cover)


def _axes(
    shape: tuple[int, ...], angle: float, point: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how far each pixel lies off a line through ``point`` (shares), and along it."""
    height, width = shape
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(point[0] * width)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(point[1] * height)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return y * cos - x * sin, x * cos + y * sin


def blur_px(picture: NDArray[np.uint8]) -> float:
    """Return how blurred the strongest edges are, as a standard deviation in [0.5, 3] px.

    Across an edge that is blurred by a Gaussian of s px, the steepest slope over the strongest bend
    is s times the root of e. The picture is smoothed by 1 px before, against noise.
    """
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _PROBE_PX)
    found = []
    for lines in (smooth[::_EVERY], smooth[:, ::_EVERY].T):
        slope = np.abs(lines[:, 2:] - lines[:, :-2]) / 2
        bend = np.abs(lines[:, 2:] + lines[:, :-2] - 2 * lines[:, 1:-1])
        if slope.size:
            found.append((float(np.percentile(slope, 99.8)), float(np.percentile(bend, 99.8))))
    steepest, sharpest = max(found, default=(0.0, 1.0))
    whole = steepest / max(sharpest, 1e-6) / np.sqrt(np.e)
    return float(np.sqrt(np.clip(whole**2 - _PROBE_PX**2, _BLURS[0] ** 2, _BLURS[1] ** 2)))


def glare(picture: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a (height, width) picture with the light of a lamp laid over it."""
    height, width = picture.shape
    longer = max(height, width)
    x, y = generator.uniform(-0.1, 1.1, 2) * (width, height)
    size = generator.uniform(*_GLARE_SIZES) * longer
    squares = np.add.outer((np.arange(height) - y) ** 2, (np.arange(width) - x) ** 2)
    light = generator.uniform(*_GLARE) * np.exp(-squares / (2 * size**2))
    return _grey(picture + light)


def vignette(picture: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a (height, width) picture that grows dark with the distance from a lit place."""
    height, width = picture.shape
    x, y = generator.uniform(0.2, 0.8, 2) * (width, height)
    squares = np.add.outer((np.arange(height) - y) ** 2, (np.arange(width) - x) ** 2)
    light = 1 - generator.uniform(*_VIGNETTE) * squares / squares.max()
    return _grey(picture * light)


def _grey(levels: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(levels).clip(0, 255), np.uint8)
