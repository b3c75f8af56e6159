"""Labels of a rendered frame, from the item that each pixel shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Keypoint, Label
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box, Polyline
from catenary.simulation.cameras import Camera
from catenary.simulation.outlines import Visible, clipped, oriented_box, rounded, visible
from catenary.simulation.render import Caster
from catenary.simulation.scene import Damage, Item, Scene, unit
from catenary.simulation.sight import NEAR_MM, Sight, dense

# Longest visible side in px below which a part is labelled as ignored, and the visible share of
# the part's own box below which it is. A dropper's end view shows only a small share of it.
_LEAST_PX = {
    "split_pin": 12,
    "dropper": 60,
    "insulator": 16,
    "bolt": 24,
    "number_plate": 40,
    "foreign_object": 24,
    "cantilever": 60,
}
_LEAST_SHARE = {"dropper": 0.05, "insulator": 0.1, "cantilever": 0.1}
# Grey levels by which a part's pixels must differ from their surroundings, or nobody could find it;
# and the quantile of the pixels that must. Of a dropper the wire counts, not its bright clamps.
_LEAST_CONTRAST = 6.0
_QUANTILE = {"dropper": 0.5}
_AROUND_PX = 12
_AROUND_EDGE = 0.6  # share of the damage's reach at which its notch is still deep
# They run through the whole picture: labelled for their lines and masks, not to be located. What
# is damaged of one is an item of its own, which is.
_RUNNING = ("messenger_wire", "contact_wire")
_LINE_STEP_MM = 100.0  # between projected points of a line, so that clipping and lens can bend it


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """What all labels of one frame are read from."""

    scene: Scene
    sight: Sight
    items: NDArray[np.int32]
    pixels: NDArray[np.uint8]

    @property
    def camera(self) -> Camera:
        return self.sight.camera


def labels(
    scene: Scene,
    items: NDArray[np.int32],
    camera: Camera,
    pixels: NDArray[np.uint8],
    caster: Caster | None = None,
) -> tuple[Label, ...]:
    """Return a label for each part that can be seen.

    Boxes, masks and oriented boxes (the rectangle of least area) are those of the visible pixels;
    of a part that is gone, those of the place where it was, without a mask. ``visibility`` is the
    area of the visible box over that of the projected part's whole box, an estimate that leaves
    out holes; ``occlusion`` is estimated by `Sight.occlusion`.

    Args:
        scene: What was rendered.
        items: (H, W) item of each pixel, -1 for none.
        camera: It was rendered with.
        pixels: (H, W) the finished picture; a part too faint in it is labelled as ignored.
        caster: Of the scene, where there is one already.
    """
    picture = _Picture(scene, Sight(scene, camera, caster), items, pixels)
    seen = visible(items)
    found = (
        _label(picture, index, item, seen.get(index))
        for index, item in enumerate(scene.items)
        if item.component and (index in seen or item.hull is not None)
    )
    return tuple(label for label in found if label is not None)


def _label(picture: _Picture, index: int, item: Item, seen: Visible | None) -> Label | None:
    """Return the label of an item, or None where the picture has nothing of it."""
    camera, sight = picture.camera, picture.sight
    whole = _projected(sight, index, item)
    # What is missing shows only by what is left around it.
    box = seen.box if seen and item.hull is None else whole and whole.clipped(*_size(camera))
    if whole is None or box is None:
        return None
    damage = picture.scene.damages.get(index)
    part = min(1.0, (box.area + 1) / (whole.area + 1))
    return Label(
        item.component,
        box,
        item.state.condition,
        item.state.severity,
        round(part, 4),
        item.part_id,
        _is_ignored(item, box, part) or _is_faint(picture, index, item, seen),
        damage is None or _is_shown(damage, camera),
        _lines(item, camera),
        _keypoints(item, index, sight),
        _corners(item, seen, camera),
        round(sight.occlusion(index), 3),
        seen.mask(picture.items.shape) if seen and item.hull is None else None,
    )


def _is_ignored(item: Item, box: Box, part: float) -> bool:
    """Tell whether the visible box is too small, or too small a part of the whole one."""
    is_small = max(box.width, box.height) < _LEAST_PX.get(item.component, 10)
    is_cut = part < _LEAST_SHARE.get(item.component, 0.3)
    is_running = item.component in _RUNNING and item.state.condition == NORMAL
    return is_small or is_cut or is_running


def _is_faint(picture: _Picture, index: int, item: Item, seen: Visible | None) -> bool:
    """Tell whether an item is not seen, or differs too little from its surroundings."""
    if seen is None:
        return True
    box = seen.box
    rows = slice(max(int(box.y0) - _AROUND_PX, 0), int(box.y1) + _AROUND_PX)
    columns = slice(max(int(box.x0) - _AROUND_PX, 0), int(box.x1) + _AROUND_PX)
    is_own = picture.items[rows, columns] == index
    if is_own.all():
        return False
    grey = picture.pixels[rows, columns]
    around = float(np.median(grey[~is_own]))
    quantile = _QUANTILE.get(item.component, 0.9)
    dark, bright = np.quantile(grey[is_own], [1 - quantile, quantile])
    return max(float(bright) - around, around - float(dark)) < _LEAST_CONTRAST


def _is_shown(damage: Damage, camera: Camera) -> bool:
    """Tell whether damage lies inside the picture and on the side that the camera sees."""
    pixels, depth = camera.project(damage.points)
    inside = (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    if not (inside & (depth > NEAR_MM)).any():
        return False
    if damage.outward is None:
        return True
    towards = unit(camera.position - damage.points[0])
    angle = np.arccos(np.clip(damage.outward @ towards, -1, 1))
    return bool(angle < np.pi / 2 + _AROUND_EDGE * damage.reach)


def _projected(sight: Sight, index: int, item: Item) -> Box | None:
    """Return the box of the whole part, also outside the picture; None behind the camera."""
    points = sight.triangles(index).reshape(-1, 3)
    if item.hull is not None:
        points = np.concatenate([points, item.hull])
    pixels, depth = sight.camera.project(points)
    pixels = pixels[depth > NEAR_MM]
    if len(pixels) < 3:
        return None
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return Box(float(x0), float(y0), float(x1) + 1e-3, float(y1) + 1e-3)


def _corners(item: Item, seen: Visible | None, camera: Camera) -> tuple[tuple[float, float], ...]:
    if item.hull is None:
        return seen.corners() if seen else ()
    pixels, depth = camera.project(item.hull)
    return oriented_box(pixels) if (depth > NEAR_MM).all() else ()


def _lines(item: Item, camera: Camera) -> tuple[Polyline, ...]:
    """Return the item's lines inside the picture; one that leaves and returns gives two."""
    found = []
    for role, points in item.lines:
        if len(points) > 1:
            pixels, depth = camera.project(dense(points, _LINE_STEP_MM))
            pieces = clipped(pixels, depth > NEAR_MM, _size(camera))
            found += [Polyline(role, piece) for piece in pieces]
    return tuple(found)


def _keypoints(item: Item, index: int, sight: Sight) -> tuple[Keypoint, ...]:
    """Return the item's single points inside the picture, in the order of their names."""
    points = {role: points for role, points in item.lines if len(points) == 1}
    names = sorted(points)
    if not names:
        return ()
    places = np.concatenate([points[name] for name in names])
    pixels, _ = sight.camera.project(places)
    facts = zip(
        names, rounded(pixels), sight.inside(places), sight.hidden(places, index), strict=True
    )
    return tuple(
        Keypoint(name, x, y, not is_hidden)
        for name, (x, y), is_inside, is_hidden in facts
        if is_inside
    )


def _size(camera: Camera) -> tuple[int, int]:
    return camera.width, camera.height
