"""Take a photographed split pin 开口销 out of its bolt, or shift it part of the way."""

import cv2
import numpy as np

from catenary.imaging.crops import Crop
from catenary.simulation.retouch import Grey, Mask, without

_LEAST_PX = 16  # smaller pins are not told from their bolt
_ASIDE = ((0, 1), (1, 0), (0, -1), (-1, 0))  # px
_LEAST_CORE_PX = 6
_LEAST_SEEN = 0.7  # share of a shifted pin's wire that is brighter than what is there
_LEAST_INSIDE = 0.85  # share of a bright piece that lies in the box
_LEAST_CONTRAST = 20.0  # grey levels by which the pin's wire is brighter than what is beside it


def missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a pin is there or not
    """Remove the pin's bright wire and open the dark hole it leaves. No degree: severity 1."""
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    changed = without(crop.pixels, mask, random)
    ys, xs = np.nonzero(mask)
    x, y = float(np.median(xs)), float(np.median(ys))
    radius = 0.12 * min(crop.inner.width, crop.inner.height)
    hole = np.zeros(crop.pixels.shape, np.float32)
    size = round(radius * 16), round(radius * random.uniform(0.6, 1) * 16)
    centre = round(x * 16), round(y * 16)
    cv2.ellipse(hole, centre, size, random.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    soft = np.asarray(cv2.GaussianBlur(hole, (0, 0), 0.8), np.float32)
    dark = float(np.percentile(crop.pixels, 10))
    return np.asarray(np.clip(changed + soft * (dark - changed) + 0.5, 0, 255), np.uint8)


def loose(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:
    """Shift the pin out along its own axis.

    Severity: by 20 to 65 % of its box's longer side.
    """
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    ys, xs = np.nonzero(mask)
    _, _, directions = np.linalg.svd(
        np.stack([xs - xs.mean(), ys - ys.mean()], axis=1), full_matrices=False
    )
    reach = (0.2 + 0.45 * severity) * max(crop.inner.width, crop.inner.height)
    wire = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for side in random.permutation([-1, 1]):
        x, y = (round(side * part * reach) for part in directions[0])
        changed = _moved(crop, (mask, wire), (x, y), random)
        rows, columns = np.nonzero(wire)
        inside = (rows + y >= 0) & (rows + y < mask.shape[0])
        inside &= (columns + x >= 0) & (columns + x < mask.shape[1])
        rows, columns = rows[inside], columns[inside]
        there = crop.pixels[rows + y, columns + x].astype(np.float32)
        rise = crop.pixels[rows, columns] - there
        if inside.all() and (rise > _LEAST_CONTRAST / 2).mean() > _LEAST_SEEN:
            return changed
    return "beside the bolt is nothing darker that the pin would be seen on"


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - one form as the others
    """Take the pin out and put it back, a pixel aside."""
    mask = _pin(crop)
    if isinstance(mask, str):
        return mask
    # What is beside the wire goes with it: so near, it is the same background.
    return _moved(crop, (mask, mask), _ASIDE[int(random.integers(len(_ASIDE)))], random)


def _moved(
    crop: Crop, masks: tuple[Mask, Mask], offset: tuple[int, int], random: np.random.Generator
) -> Grey:
    """Take one mask out and lay another elsewhere, by whole pixels: its grain stays its own."""
    changed = without(crop.pixels, masks[0], random)
    move = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    size = crop.pixels.shape[::-1]
    laid = cv2.warpAffine(masks[1].astype(np.uint8), move, size, flags=cv2.INTER_NEAREST)
    share = cv2.GaussianBlur(laid.astype(np.float32), (0, 0), 0.6)
    pin = cv2.warpAffine(crop.pixels, move, size, flags=cv2.INTER_NEAREST)
    mixed = changed + share * (pin.astype(np.float32) - changed)
    if masks[0] is not masks[1]:  # far from where it was, what is beside the wire stays behind
        mixed = np.maximum(mixed, changed)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


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
    core = _own(thin > 0.4 * strongest, inside)
    if core.sum() < _LEAST_CORE_PX:
        return "the pin's wire is hardly seen"
    return cv2.dilate(core.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def _own(bright: Mask, inside: Mask) -> Mask:
    """Return the bright pieces that lie in the box: a tube's or an edge's light goes on outside."""
    _, pieces = cv2.connectedComponents(bright.astype(np.uint8))
    size = np.bincount(pieces.reshape(-1))
    share = np.bincount(pieces[inside], minlength=len(size)) / np.maximum(size, 1)
    serves = share >= _LEAST_INSIDE
    serves[0] = False  # the background
    return np.asarray(serves[pieces], np.bool_)
