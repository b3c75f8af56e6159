"""Take the nut 螺母 off a photographed bolt whose thread stands out beyond it.

Seen from the side, a nut is wider than the thread that comes out of it. What shows beside and on
the free thread is continued over the nut's place: the bare thread remains. Numbers are our starting
values.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.imaging.crops import Crop
from catenary.simulation.retouch import Floats, Grey

_LEAST_PX = 8  # narrower nuts are not told from their thread
_LEAST_THREAD = 5  # rows of free thread
_LEAST_NUT = 3  # rows of nut
_THREAD = (0.25, 0.8)  # width of the thread over the nut's: M16 is 16 mm in a nut of 24 mm, 0.67
_LEAST_CONTRAST = 12.0  # grey levels between the bolt and what is beside it
_BESIDE_PX = 3  # columns outside the box that tell what is beside the bolt
_ALIKE = 0.25  # of the contrast: backgrounds that differ by more are not the same
_RIM = 2  # px around the nut, and at both ends of the thread, that are blurred with it
_SOFT = 0.6  # px; blur of the edit's border
_ASIDE_PX = (1, 2)  # how far a control's nut is moved along the thread


@dataclass(frozen=True, slots=True, eq=False)
class _Nut:
    """A nut in a picture turned so that its thread points up.

    Attributes:
        pixels: (H, W), the turned crop.
        turns: Quarter turns that made it.
        thread: First and end row of the free thread.
        nut: First and end row of the nut.
        columns: First and end column of the box.
    """

    pixels: Grey
    turns: int
    thread: tuple[int, int]
    nut: tuple[int, int]
    columns: tuple[int, int]


def nut_missing(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - a nut is there or not
    """Remove the nut; the bare thread stays. No degree: the severity is 1."""
    nut = _nut(crop)
    if isinstance(nut, str):
        return nut
    return _turned_back(_mixed(nut, _bare(nut)), nut)


def control(crop: Crop, severity: float, random: np.random.Generator) -> Grey | str:  # noqa: ARG001 - one form as the others
    """Take the nut off and put it back, a pixel or two along the thread."""
    nut = _nut(crop)
    if isinstance(nut, str):
        return nut
    aside = int(random.choice(_ASIDE_PX))
    first, last = nut.nut
    back = _bare(nut)
    # By whole pixels, which keeps the grain; the nut's foot stays, and rows above it are repeated.
    start, end = max(first - _RIM - aside, 0), last - _RIM - aside
    back[start:end] = nut.pixels[start + aside : end + aside]
    back[end:last] = nut.pixels[end:last]
    return _turned_back(_mixed(nut, back, aside), nut)


def _nut(crop: Crop) -> _Nut | str:
    """Return the nut with its thread, whichever way that points, or why none is told."""
    box = crop.inner
    if min(box.width, box.height) < _LEAST_PX:
        return f"bolt is {min(box.width, box.height):.0f} px wide, need {_LEAST_PX} px"
    inside = np.zeros(crop.pixels.shape, np.bool_)
    inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = True
    found = [_upright(crop.pixels, inside, turns) for turns in range(4)]
    nuts = [one for one in found if isinstance(one, _Nut)]
    if not nuts:
        return "no thread is seen to come out of a nut"
    return max(nuts, key=lambda one: one.thread[1] - one.thread[0])


def _upright(pixels: Grey, inside: NDArray[np.bool_], turns: int) -> _Nut | None:
    """Return the nut if its thread points up after some quarter turns."""
    turned = np.ascontiguousarray(np.rot90(pixels, turns))
    rows, columns = (np.flatnonzero(np.rot90(inside, turns).any(axis=1 - k)) for k in (0, 1))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    widths = _widths(turned[top:bottom, left:right])
    usual = float(np.percentile(widths, 90))
    is_thread = (widths >= max(_THREAD[0] * usual, 2)) & (widths <= _THREAD[1] * usual)
    is_nut = widths > _THREAD[1] * usual
    if usual < _LEAST_PX * 0.75 or not is_nut.any():
        return None
    start = int(is_nut.argmax())
    free = is_thread[:start]
    length = int(np.argmin(free[::-1])) if not free.all() else start  # thread rows above the nut
    rest = is_nut[start:]
    nut_rows = len(rest) if rest.all() else int(np.argmin(rest))
    if length < _LEAST_THREAD or nut_rows < max(_LEAST_NUT, 0.25 * len(widths)):
        return None
    at = int(top + start)
    nut = _Nut(turned, turns, (at - length, at), (at, at + nut_rows), (int(left), int(right)))
    return nut if _is_alike_beside(nut) else None


def _is_alike_beside(nut: _Nut) -> bool:
    """Tell whether the same background lies beside the nut as beside its thread.

    Only then may what is beside the thread be continued.
    """
    left, right = nut.columns
    beside = np.r_[max(left - _BESIDE_PX, 0) : left, right : right + _BESIDE_PX]
    beside = beside[beside < nut.pixels.shape[1]]
    thread, below = (nut.pixels[first:last] for first, last in (nut.thread, nut.nut))
    spread = np.ptp(np.percentile(below[:, left:right], (5, 95)))
    sides = (beside[beside < left], beside[beside >= right])
    differences = [
        abs(float(np.median(thread[:, k])) - float(np.median(below[:, k]))) for k in sides if k.size
    ]
    return bool(max(differences, default=np.inf) < _ALIKE * spread)


def _widths(part: Grey) -> NDArray[np.int64]:
    """Return for each row how many pixels of the bolt lie together around the middle column.

    The bolt is what differs from the background, which the upper corners of the box show.
    """
    corner = max(2, part.shape[1] // 8)
    upper = part[: max(2, part.shape[0] // 4)]
    sky = float(np.median(np.concatenate([upper[:, :corner], upper[:, -corner:]], axis=None)))
    rise = np.abs(part.astype(np.float32) - sky)
    strong = float(np.percentile(rise, 80))
    if strong < _LEAST_CONTRAST:
        return np.zeros(part.shape[0], np.int64)
    is_bolt = rise > 0.4 * strong
    pieces = cv2.connectedComponents(is_bolt.astype(np.uint8), connectivity=4)[1]
    main = int(np.bincount(pieces[is_bolt]).argmax())
    return np.asarray((pieces == main).sum(axis=1), np.int64)


def _bare(nut: _Nut) -> Floats:
    """Return the picture with the rows of the free thread continued over the nut, to and fro."""
    first, end = nut.thread[0] + 1, nut.thread[1] - _RIM
    count, top = end - first, nut.nut[0] - _RIM
    below = np.arange(nut.nut[1] - top)
    period = max(2 * count - 2, 1)
    source = end - 1 - np.abs((below % period + count - 1) % period - (count - 1))
    result = nut.pixels.astype(np.float32)
    result[top : nut.nut[1]] = result[np.clip(source, first, end - 1)]
    return result


def _mixed(nut: _Nut, other: Floats, more: int = 0) -> Grey:
    """Return the picture with another one in the nut's place, with a soft border."""
    layer = np.zeros(nut.pixels.shape, np.float32)
    first, last = nut.nut
    left, right = max(nut.columns[0] - _RIM, 0), nut.columns[1] + _RIM
    layer[max(first - _RIM - more, 0) : last, left:right] = 1
    share = cv2.GaussianBlur(layer, (0, 0), _SOFT)
    share[share < 0.02] = 0
    mixed = nut.pixels + share * (other - nut.pixels)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


def _turned_back(pixels: Grey, nut: _Nut) -> Grey:
    return np.ascontiguousarray(np.rot90(pixels, -nut.turns))
