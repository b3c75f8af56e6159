"""Merge detections of overlapping windows of one frame."""

import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import iou_matrix
from catenary.models.detections import Detections


def merged(detections: Detections, max_iou: float, max_cover: float) -> Detections:
    """Keep the best of boxes of one class that show the same part.

    A box is dropped when a better one of its class overlaps it by more than ``max_iou``, or
    covers more than ``max_cover`` of the smaller of the two: a part cut by a window's edge
    gives a short box inside the whole one.

    Args:
        detections: Boxes in full-frame pixels, any order.
        max_iou: In [0, 1].
        max_cover: In [0, 1].

    Returns:
        The kept rows, best score first; independent of the order given.
    """
    order = np.lexsort((*detections.boxes.T, -detections.scores))
    rows = detections.where(order)
    clash = (iou_matrix(rows.boxes, rows.boxes) > max_iou) | (_cover(rows.boxes) > max_cover)
    clash &= rows.labels[:, None] == rows.labels[None, :]
    keep = np.ones(len(rows), dtype=bool)
    for index in range(len(rows)):
        if keep[index]:
            keep[index + 1 :] &= ~clash[index, index + 1 :]
    return rows.where(keep)


def _cover(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, N) the shared area over the area of the smaller box."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    smaller = np.minimum(areas[:, None], areas[None, :])
    cover: NDArray[np.float32] = (shared / np.maximum(smaller, 1e-9)).astype(np.float32)
    return cover
