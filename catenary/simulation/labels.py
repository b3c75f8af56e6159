"""Labels of a rendered frame, from the item that each pixel shows."""

import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.geometry import Box, Polyline
from catenary.simulation.cameras import Camera
from catenary.simulation.scene import Item, Scene, Vector

# Longest visible side in px below which a part is labelled as ignored, and the visible share of
# the part's own box below which it is. A dropper's end view shows only a small share of it.
_LEAST_PX = {"split_pin": 12, "dropper": 60, "insulator": 16}
_LEAST_SHARE = {"dropper": 0.05, "insulator": 0.1}
_NEAR_MM = 50.0  # points nearer to the camera plane are not projected
_NOT_LABELLED = ("messenger_wire", "contact_wire")  # they run through the whole picture


def labels(scene: Scene, items: NDArray[np.int32], camera: Camera) -> tuple[Label, ...]:
    """Return a label for each part that can be seen.

    Args:
        scene: What was rendered.
        items: (H, W) item of each pixel, -1 for none.
        camera: It was rendered with.

    Returns:
        Boxes are those of the visible pixels. ``visibility`` is the area of that box over the
        area of the projected part's whole box, an estimate that leaves out holes.
    """
    visible = _visible_boxes(items)
    found = []
    for index, item in enumerate(scene.items):
        if not item.component or item.component in _NOT_LABELLED:
            continue
        whole = _projected(scene, index, item, camera)
        if whole is None:
            continue
        seen = visible.get(index)
        is_hidden = seen is None
        if item.hull is not None:  # what is missing shows only by what is left around it
            seen = whole.clipped(camera.width, camera.height)
        if seen is not None:
            found.append(_label(item, seen, whole, camera, is_hidden))
    return tuple(found)


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
    is_small = max(seen.width, seen.height) < _LEAST_PX.get(item.component, 10)
    is_cut = share < _LEAST_SHARE.get(item.component, 0.3)
    return Label(
        item.component,
        seen,
        item.state.condition,
        item.state.severity,
        share,
        item.part_id,
        is_small or is_cut or is_hidden,
        tuple(_line(role, points, camera) for role, points in item.lines),
    )


def _line(role: str, points: Vector, camera: Camera) -> Polyline:
    pixels, _ = camera.project(points)
    return Polyline(role, tuple((float(x), float(y)) for x, y in pixels))
