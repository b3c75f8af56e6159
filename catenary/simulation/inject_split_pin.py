"""Take a photographed split pin 开口销 out of its bolt, or shift it part of the way."""

import cv2
import numpy as np

from catenary.imaging.crops import Crop
from catenary.simulation.retouch import Grey, Mask, without

_LEAST_PX = 16  # smaller pins are not told from their bolt
_LEAST_CONTRAST = 20.0  # grey levels by which the pin's wire is brighter than what is beside it


def missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a pin is there or not
    """Remove the pin's bright wire and open the dark hole it leaves."""
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    changed = without(crop.pixels, mask, random)
    x, y = crop.inner.centre
    radius = 0.12 * min(crop.inner.width, crop.inner.height)
    hole = np.zeros(crop.pixels.shape, np.float32)
    size = round(radius * 16), round(radius * random.uniform(0.6, 1) * 16)
    centre = round(x * 16), round(y * 16)
    cv2.ellipse(hole, centre, size, random.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    soft = np.asarray(cv2.GaussianBlur(hole, (0, 0), 0.8), np.float32)
    dark = float(np.percentile(crop.pixels, 10))
    return np.asarray(np.clip(changed + soft * (dark - changed) + 0.5, 0, 255), np.uint8)


def loose(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Shift the pin out along its own axis by a fifth to two thirds of its box."""
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    ys, xs = np.nonzero(mask)
    _, _, directions = np.linalg.svd(
        np.stack([xs - xs.mean(), ys - ys.mean()], axis=1), full_matrices=False
    )
    way = directions[0] * random.choice([-1, 1])
    reach = (0.2 + 0.45 * severity) * max(crop.inner.width, crop.inner.height)
    return _moved(crop, mask, (float(way[0] * reach), float(way[1] * reach)), random)


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - one form as the others
    """Take the pin out and put it back, half a pixel aside."""
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    return _moved(crop, mask, (0.5, 0.5), random)


def _moved(
    crop: Crop, mask: Mask, offset: tuple[float, float], random: np.random.Generator
) -> Grey:
    """Take what is masked out and lay it elsewhere, where it is brighter than what is there."""
    changed = without(crop.pixels, mask, random)
    move = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    size = crop.pixels.shape[::-1]
    pin = cv2.warpAffine(np.where(mask, crop.pixels, 0).astype(np.uint8), move, size)
    return np.maximum(changed, pin).astype(np.uint8)


def _pin(crop: Crop) -> Mask | str:
    """Return the pin's wire: what is bright and thin inside the box."""
    side = min(crop.inner.width, crop.inner.height)
    if side < _LEAST_PX:
        return f"pin box {side:.0f} px wide, need {_LEAST_PX} px"
    width = max(3, round(0.25 * side)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    thin = cv2.morphologyEx(crop.pixels, cv2.MORPH_TOPHAT, kernel).astype(np.float32)
    box = crop.inner
    inside = np.zeros(thin.shape, np.bool_)
    inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = True
    strongest = float(np.percentile(thin[inside], 97))
    if strongest < _LEAST_CONTRAST:
        return f"the pin stands out by {strongest:.0f} grey levels, need {_LEAST_CONTRAST:.0f}"
    core = (thin > 0.4 * strongest) & inside
    grown = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(grown & inside, np.bool_)
