"""Labels of a rendered frame, from the item that each pixel shows."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box, Polyline
from catenary.simulation.cameras import Camera
from catenary.simulation.scene import Damage, Item, Scene, unit

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
_NEAR_MM = 50.0  # points nearer to the camera plane are not projected
# They run through the whole picture: a box says nothing of them, only their course does.
_THROUGH = ("messenger_wire", "contact_wire")


def labels(
    scene: Scene, items: NDArray[np.int32], camera: Camera, pixels: NDArray[np.uint8]
) -> tuple[Label, ...]:
    """Return a label for each part that can be seen.

    Args:
        scene: What was rendered.
        items: (H, W) item of each pixel, -1 for none.
        camera: It was rendered with.
        pixels: (H, W) the finished picture; a part too faint in it is labelled as ignored.

    Returns:
        Boxes are those of the visible pixels. ``visibility`` is the area of that box over the
        area of the projected part's whole box, an estimate that leaves out holes. Of a wire, the
        damaged stretch has a label; the sound rest has one that is ignored, for its course.
    """
    visible = _visible_boxes(items)
    found = []
    for index, item in enumerate(scene.items):
        if not item.component:
            continue
        whole = _projected(scene, index, item, camera)
        if whole is None:
            continue
        seen = visible.get(index)
        is_hidden = seen is None or _contrast(pixels, items, index, item, seen) < _LEAST_CONTRAST
        if item.hull is not None:  # what is missing shows only by what is left around it
            seen = whole.clipped(camera.width, camera.height)
        if seen is not None:
            damage = scene.damages.get(index)
            is_evident = damage is None or _is_shown(damage, camera)
            label = _label(item, seen, whole, camera, is_hidden)
            found.append(replace(label, is_evident=is_evident))
    return tuple(found)


def _is_shown(damage: Damage, camera: Camera) -> bool:
    """Tell whether damage lies inside the picture and on the side that the camera sees."""
    pixels, depth = camera.project(damage.points)
    inside = (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    if not (inside & (depth > _NEAR_MM)).any():
        return False
    if damage.outward is None:
        return True
    towards = unit(camera.position - damage.points[0])
    angle = np.arccos(np.clip(damage.outward @ towards, -1, 1))
    return bool(angle < np.pi / 2 + _AROUND_EDGE * damage.reach)


def _visible_boxes(items: NDArray[np.int32]) -> dict[int, Box]:
    """Return the bounding box of each item's pixels."""
    ys, xs = np.nonzero(items >= 0)
    if not xs.size:
        return {}
    owner = items[ys, xs]
    order = np.argsort(owner, kind="stable")
    names, starts = np.unique(owner[order], return_index=True)
    boxes = {}
    for name, rows in zip(names, np.split(order, starts[1:]), strict=True):
        x, y = xs[rows], ys[rows]
        boxes[int(name)] = Box(
            float(x.min()), float(y.min()), float(x.max()) + 1, float(y.max()) + 1
        )
    return boxes


def _contrast(
    pixels: NDArray[np.uint8], items: NDArray[np.int32], index: int, item: Item, box: Box
) -> float:
    """Return how far an item's brightest or darkest pixels differ from its surroundings."""
    rows = slice(max(int(box.y0) - _AROUND_PX, 0), int(box.y1) + _AROUND_PX)
    columns = slice(max(int(box.x0) - _AROUND_PX, 0), int(box.x1) + _AROUND_PX)
    is_own = items[rows, columns] == index
    if is_own.all():
        return 255.0
    grey = pixels[rows, columns]
    around = float(np.median(grey[~is_own]))
    quantile = _QUANTILE.get(item.component, 0.9)
    dark, bright = np.quantile(grey[is_own], [1 - quantile, quantile])
    return max(float(bright) - around, around - float(dark))


def _projected(scene: Scene, index: int, item: Item, camera: Camera) -> Box | None:
    """Return the box of the whole part, also outside the picture; None behind the camera."""
    meshes = [body.mesh.corners.reshape(-1, 3) for body in scene.bodies if body.item == index]
    if item.hull is not None:
        meshes.append(item.hull)
    pixels, depth = camera.project(np.concatenate(meshes))
    pixels = pixels[depth > _NEAR_MM]
    if len(pixels) < 3:
        return None
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return Box(float(x0), float(y0), float(x1) + 1e-3, float(y1) + 1e-3)


def _label(item: Item, seen: Box, whole: Box, camera: Camera, is_hidden: bool) -> Label:
    share = min(1.0, (seen.area + 1) / (whole.area + 1))
    is_through = item.component in _THROUGH and item.state.condition == NORMAL
    is_small = max(seen.width, seen.height) < _LEAST_PX.get(item.component, 10)
    is_cut = share < _LEAST_SHARE.get(item.component, 0.3)
    return Label(
        item.component,
        seen,
        item.state.condition,
        item.state.severity,
        share,
        item.part_id,
        is_small or is_cut or is_hidden or is_through,
        lines=tuple(_lines(item, camera)),
    )


def _lines(item: Item, camera: Camera) -> Iterator[Polyline]:
    """Yield an item's lines in pixels; what lies behind the camera is left out."""
    for role, points in item.lines:
        pixels, depth = camera.project(points)
        ahead = pixels[depth > _NEAR_MM]
        if len(ahead):
            yield Polyline(role, tuple((float(x), float(y)) for x, y in ahead))
