"""Where a fitting shows its bolts, learnt from the same fitting on the other masts of a run.

Cameras are bolted to the car, so that a camera sees the same fitting of another mast nearly as it
sees this one. Fittings of other masts that look like it are laid over it, and where most of them
show a bolt, one is expected. Whether one is there is asked of the picture (`empty_places`): the
detector misses many bolts that are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.domain.geometry import Box, Similarity
from catenary.domain.place import Mast
from catenary.imaging.crops import cut
from catenary.imaging.resize import reduced
from catenary.pipeline.resemblance import laid_over

BOLT = "bolt"
_DESCRIBED_PX = 32  # side of the small picture by which fittings are first compared
_SCALES = (0.94, 1.0, 1.06)  # beside that of the boxes, whose sides are not exact
_FLAT = 3.0  # grey levels, standard deviation, below which there is nothing to compare

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ConstellationSettings:
    """How places of bolts are learnt and looked at; all numbers are our starting values.

    Attributes:
        kinds: Component ids of fittings that carry bolts.
        sure: Detector score in [0, 1] from which a bolt counts as shown.
        likely: Detector score in [0, 1] of a fitting that is asked.
        side_px: Longer side to which larger fittings are reduced.
        margin: Around a fitting, as a share of its longer side, where bolts are its own.
        most_masts: Fittings of other masts that are laid over one.
        alike: Correlation in [-1, 1] from which a fitting looks like it.
        least_masts: Fittings that look like it and show a bolt at the place.
        least_share: Of those that look like it, how many show a bolt there.
    """

    kinds: tuple[str, ...] = ("clevis", "clamp", "messenger_seat")
    sure: float = 0.5
    likely: float = 0.3
    side_px: int = 128
    margin: float = 0.4
    most_masts: int = 24
    alike: float = 0.5
    least_masts: int = 5
    least_share: float = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """A fitting as one photograph shows it.

    Attributes:
        image_id: Photograph.
        mast: Mast.
        component: The fitting in the photograph.
        pixels: (height, width) uint8 of its surroundings, reduced.
        box: The fitting in these.
        bolts: Located bolts in these, most certain first.
        corner: Of these in the photograph, px.
        scale: Pixels of these for one of the photograph.
    """

    image_id: str
    mast: Mast
    component: Component
    pixels: NDArray[np.uint8]
    box: Box
    bolts: tuple[Component, ...]
    corner: tuple[int, int]
    scale: float

    def in_photograph(self, box: Box) -> Box:
        """Return a box of the surroundings in the photograph."""
        return box.scaled(1 / self.scale).shifted(*self.corner)


def fitting(
    image_id: str,
    mast: Mast,
    frame: NDArray[np.uint8],
    component: Component,
    bolts: Iterable[Component],
    settings: ConstellationSettings,
) -> Fitting | None:
    """Cut a fitting out of its photograph.

    Args:
        image_id: Photograph.
        mast: Mast.
        frame: (height, width) uint8.
        component: The fitting.
        bolts: All that were located in the photograph.
        settings: Sizes.

    Returns:
        None where the photograph cuts the fitting off, or shows nothing in its box.
    """
    crop = cut(frame, component.box, settings.margin)
    if crop.cut_sides:
        return None
    height, width = crop.pixels.shape
    longer = max(component.box.width, component.box.height)
    aim = max(1, round(max(height, width) * min(1.0, settings.side_px / longer)))
    small = reduced(crop.pixels, aim)
    scale = small.factor
    box = crop.inner.scaled(scale)
    here = Box(0, 0, small.pixels.shape[1], small.pixels.shape[0])
    own = []
    for one in sorted(bolts, key=lambda one: -one.score):
        inside = one.box.shifted(-crop.x0, -crop.y0).scaled(scale)
        if here.contains(*inside.centre):
            own.append(Component(one.kind, inside, one.score))
    pixels = np.ascontiguousarray(small.pixels)
    if _within(pixels, box).std() < _FLAT:
        return None
    corner = (crop.x0, crop.y0)
    return Fitting(image_id, mast, component, pixels, box, tuple(own), corner, scale)


def _within(pixels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    x0, y0 = max(0, math.floor(box.x0)), max(0, math.floor(box.y0))
    return pixels[y0 : math.ceil(box.y1), x0 : math.ceil(box.x1)]


def described(fittings: Sequence[Fitting]) -> Floats:
    """Return (N, 1024): small pictures of fittings, whose products are correlations."""
    rows = []
    for one in fittings:
        inside = _within(one.pixels, one.box)
        small = cv2.resize(inside, (_DESCRIBED_PX,) * 2, interpolation=cv2.INTER_AREA)
        row = small.astype(np.float32).ravel()
        row -= row.mean()
        rows.append(row / max(float(np.linalg.norm(row)), 1e-6))
    return np.array(rows, np.float32).reshape(-1, _DESCRIBED_PX**2)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A fitting of another mast, laid over one.

    Attributes:
        other: The fitting.
        transform: From its surroundings to those of the one.
        likeness: Correlation of both in [-1, 1].
    """

    other: Fitting
    transform: Similarity
    likeness: float


def like(
    one: int, fittings: Sequence[Fitting], looks: Floats, settings: ConstellationSettings
) -> list[Laid]:
    """Return the fittings of other masts that look like one, laid over it, likest first.

    Args:
        one: Row of the fitting.
        fittings: N of one camera and one kind.
        looks: (N, 1024) as `described`.
        settings: Limits.
    """
    mine = fittings[one]
    order = np.argsort(-(looks @ looks[one]), kind="stable")
    found: list[Laid] = []
    tried = 0
    for row in order:
        other = fittings[int(row)]
        if other.mast == mine.mast or not _is_of_size(mine.box, other.box):
            continue
        tried += 1
        laid = laid_on(mine, other)
        if laid is not None and laid.likeness >= settings.alike:
            found.append(laid)
        if tried == settings.most_masts:
            break
    return sorted(found, key=lambda laid: -laid.likeness)


def _is_of_size(one: Box, other: Box) -> bool:
    ratios = one.width / other.width, one.height / other.height
    return all(1 / 1.6 < ratio < 1.6 for ratio in ratios)


def laid_on(one: Fitting, other: Fitting) -> Laid | None:
    """Lay a fitting over another by what their pictures show; None where it does not fit inside."""
    best: Laid | None = None
    for factor in _SCALES:
        scale = factor * math.sqrt(one.box.area / other.box.area)
        start = complex(*one.box.centre) - scale * complex(*other.box.centre)
        there = Similarity(complex(scale), start)
        found = _shifted(one, other, there)
        if found is not None and (best is None or found.likeness > best.likeness):
            best = found
    return best


def _shifted(one: Fitting, other: Fitting, there: Similarity) -> Laid | None:
    place = there.placed(other.box)
    x0, y0 = round(place.x0), round(place.y0)
    width, height = round(place.width), round(place.height)
    reach = max(2, round(0.15 * max(width, height)))
    wide = Box(x0 - reach, y0 - reach, x0 + width + reach, y0 + height + reach)
    inside = wide.clipped(one.pixels.shape[1], one.pixels.shape[0])
    if inside is None or inside.width < width or inside.height < height:
        return None
    template = laid_over(other.pixels, there, Box(x0, y0, x0 + width, y0 + height))
    area = one.pixels[int(inside.y0) : int(inside.y1), int(inside.x0) : int(inside.x1)]
    if template.std() < _FLAT:
        return None
    found = np.nan_to_num(cv2.matchTemplate(area, template, cv2.TM_CCOEFF_NORMED), posinf=0.0)
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    step = complex(inside.x0 + int(column) - x0, inside.y0 + int(row) - y0)
    return Laid(other, Similarity(there.alpha, there.beta + step), float(found[row, column]))


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a fitting should show a bolt.

    Attributes:
        box: In its surroundings.
        showing: Fittings that look like it and show a bolt there, and that bolt in theirs.
        asked: Fittings that look like it and would show it.
    """

    box: Box
    showing: tuple[tuple[Laid, Component], ...]
    asked: int

    @property
    def share(self) -> float:
        """Of the fittings that would show a bolt there, how many do; in (0, 1]."""
        return len(self.showing) / self.asked


def places(others: Sequence[Laid], settings: ConstellationSettings) -> list[Place]:
    """Return where most of the fittings that look like one show a bolt, the commonest first.

    Bolts nearer to each other than half of their size are of one place; each fitting has one there.
    """
    shown = [
        (laid, bolt, laid.transform.placed(bolt.box))
        for laid in others
        for bolt in laid.other.bolts
        if bolt.score >= settings.sure
    ]
    found: list[Place] = []
    left = shown
    while left:
        group = max((_near(box, left) for _, _, box in left), key=len)
        kept = {id(one[0]): one for one in reversed(group)}
        boxes = np.array([(b.x0, b.y0, b.x1, b.y1) for _, _, b in kept.values()])
        box = Box(*np.median(boxes, axis=0).tolist())
        taken = {id(bolt) for _, bolt, _ in group}
        left = [one for one in left if id(one[1]) not in taken]
        asked = sum(_would_show(laid, box) for laid in others)
        if len(kept) < settings.least_masts:
            break
        if len(kept) >= settings.least_share * asked:
            showing = tuple((laid, bolt) for laid, bolt, _ in kept.values())
            found.append(Place(box, showing, max(asked, len(kept))))
    return found


_Shown = tuple[Laid, Component, Box]


def _near(box: Box, shown: Sequence[_Shown]) -> list[_Shown]:
    return [one for one in shown if is_same(box, one[2])]


def is_same(one: Box, other: Box) -> bool:
    """Tell whether two boxes of bolts are of one place."""
    reach = 0.25 * (max(one.width, one.height) + max(other.width, other.height))
    return math.dist(one.centre, other.centre) < reach


def _would_show(laid: Laid, box: Box) -> bool:
    height, width = laid.other.pixels.shape
    there = laid.transform.inverse().placed(box)
    return there.clipped(width, height) == there
