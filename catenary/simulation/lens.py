"""The lens of a camera: radial distortion, and what it leaves out of focus."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vector = NDArray[np.float64]

_BEYOND = 1.25  # multiple of the picture's corner up to which the polynomial is used
_LAYERS = (0.3, 0.8, 1.6, np.inf)  # limits in px between layers of equal blur


@dataclass(frozen=True, slots=True)
class Lens:
    """A lens.

    Radial distortion after Brown, "Close-range camera calibration" (1971): a direction at tangent
    r from the axis is imaged at r (1 + k1 r^2 + k2 r^4) focal lengths from the middle.

    Attributes:
        k1: First coefficient; below 0 barrel, above 0 pincushion.
        k2: Second coefficient.
        aperture_mm: Diameter of the entrance pupil; 0: everything is sharp.
        focus_mm: Distance that is sharp.
    """

    k1: float = 0.0
    k2: float = 0.0
    aperture_mm: float = 0.0
    focus_mm: float = 5000.0

    def distorted(self, tangents: Vector, corner: float) -> Vector:
        """Return tangents (N, 2) as imaged; ``corner`` is the tangent of the picture's corner.

        Far outside the picture, where the polynomial would fold back into it, the factor stays.
        """
        if not (self.k1 or self.k2):
            return tangents
        squared = np.minimum((tangents**2).sum(axis=1, keepdims=True), (_BEYOND * corner) ** 2)
        imaged: Vector = tangents * (1 + squared * (self.k1 + self.k2 * squared))
        return imaged

    def undistorted(self, tangents: Floats, corner: float) -> Floats:
        """Return the tangents (N, 2) that are imaged at ``tangents``, inside the picture."""
        if not (self.k1 or self.k2):
            return tangents
        squared = np.einsum("ij,ij->i", tangents, tangents)
        factor = np.zeros_like(squared)
        for coefficient in reversed(_inverse(self.k1, self.k2, corner)):
            factor += np.float32(coefficient)
            factor *= squared
        straight: Floats = tangents * (factor + np.float32(1))[:, None]
        return straight

    def blur_px(self, depth: Floats, focal_px: float) -> Floats:
        """Return the standard deviation in px of the disc that a point at ``depth`` mm becomes.

        The disc's diameter is aperture x focal length x |1/depth - 1/focus| (thin lens, focal
        length much below both distances); that of a disc along one axis is a quarter of it.
        """
        scale = np.float32(self.aperture_mm * focal_px / 4)
        sigma: Floats = scale * np.abs(1 / depth - np.float32(1 / self.focus_mm))
        return sigma


PINHOLE = Lens()  # everything sharp, nothing bent


@lru_cache(maxsize=64)
def _inverse(k1: float, k2: float, corner: float) -> tuple[float, ...]:
    """Return c1, c2, ... of the inverse factor 1 + c1 d^2 + c2 d^4 + ..., fitted.

    With k1 = -0.08 and the widest lens of the car it is 0.04 px off in a 29 MP corner.
    """
    straight = np.linspace(0.01, _BEYOND, 200) * corner
    imaged = straight * (1 + k1 * straight**2 + k2 * straight**4)
    powers = np.stack([imaged ** (2 * power) for power in (1, 2, 3, 4)], axis=1)
    fitted, *_ = np.linalg.lstsq(powers, straight / imaged - 1, rcond=None)
    return tuple(float(one) for one in fitted)


def defocused(
    radiance: Floats, cover: Floats, depth: Floats, lens: Lens, focal_px: float
) -> tuple[Floats, Floats]:
    """Blur what is out of focus, in layers of like blur.

    Args:
        radiance: (H, W) premultiplied by ``cover``.
        cover: (H, W) share of the pixel that shows the scene.
        depth: (H, W) mm, infinite where there is nothing.
        lens: Where it is sharp.
        focal_px: Focal length.

    Returns:
        Radiance and cover. Layers are added up; where they overlap, cover is cut off at 1.
    """
    # The rim of a part is partly covered: its depth is that of the part.
    nearest: Floats = cv2.erode(depth, np.ones((3, 3), np.uint8)).astype(np.float32, copy=False)
    sigma = lens.blur_px(nearest, focal_px)
    sigma[cover <= 0] = 0
    if not (sigma > _LAYERS[0]).any():
        return radiance, cover
    sharp = sigma <= _LAYERS[0]
    light, share = np.where(sharp, radiance, np.float32(0)), np.where(sharp, cover, np.float32(0))
    for low, high in pairwise(_LAYERS):
        rows, columns = np.nonzero((sigma > low) & (sigma <= high))
        if rows.size:
            _add_layer(light, share, (radiance, cover, sigma), (rows, columns))
    excess = np.maximum(share, np.float32(1))
    light /= excess
    share /= excess
    return light, share


def _add_layer(
    light: Floats,
    share: Floats,
    picture: tuple[Floats, Floats, Floats],
    where: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Add the pixels ``where`` of (radiance, cover, sigma), blurred by their median blur."""
    radiance, cover, sigma = picture
    rows, columns = where
    width = float(np.median(sigma[rows, columns]))
    margin = int(3 * width) + 2
    top, left = max(int(rows.min()) - margin, 0), max(int(columns.min()) - margin, 0)
    cut = np.s_[top : int(rows.max()) + margin, left : int(columns.max()) + margin]
    for source, target in ((radiance, light), (cover, share)):
        layer = np.zeros(target[cut].shape, np.float32)
        layer[rows - top, columns - left] = source[rows, columns]
        target[cut] += cv2.GaussianBlur(layer, (0, 0), width)
