"""Cut a component out of a frame, remembering where it came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A full-resolution cut-out around one component.

    Attributes:
        pixels: (height, width) uint8, a view into the frame: never written to.
        x0: Frame column of the crop's first column.
        y0: Frame row of the crop's first row.
        inner: The component's box, in crop pixels, clipped to the crop.
        cut_sides: Sides of the frame that the component's box touches, a subset of
            ``{"left", "top", "right", "bottom"}``: the part may go on outside the picture.
    """

    pixels: NDArray[np.uint8]
    x0: int
    y0: int
    inner: Box
    cut_sides: frozenset[str] = frozenset()


def cut(frame: NDArray[np.uint8], box: Box, margin: float, edge_px: float = 2.0) -> Crop:
    """Cut ``box`` with a margin out of a frame.

    Args:
        frame: (height, width) uint8.
        box: Component in frame pixels; must overlap the frame.
        margin: Added on each side, as a fraction of the longer side of ``box``.
        edge_px: A box nearer than this to a frame side counts as cut by it.

    Raises:
        ValueError: If the box lies outside the frame.
    """
    height, width = frame.shape
    inside = box.clipped(width, height)
    if inside is None:
        raise ValueError(f"box {box} lies outside a frame of {height} x {width} px")
    outer = inside.grown(margin * max(inside.width, inside.height)).clipped(width, height)
    if outer is None:
        raise ValueError(f"margin must not be negative, got {margin}")
    x0, y0 = int(outer.x0), int(outer.y0)
    x1, y1 = int(np.ceil(outer.x1)), int(np.ceil(outer.y1))
    touches = {
        "left": inside.x0 <= edge_px,
        "top": inside.y0 <= edge_px,
        "right": inside.x1 >= width - edge_px,
        "bottom": inside.y1 >= height - edge_px,
    }
    sides = frozenset(side for side, is_cut in touches.items() if is_cut)
    return Crop(frame[y0:y1, x0:x1], x0, y0, inside.shifted(-x0, -y0), sides)
