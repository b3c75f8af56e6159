"""Which part of a frame is rendered when only a tile of it is wanted."""

import numpy as np

from catenary.domain.finding import NORMAL
from catenary.simulation.cameras import Camera
from catenary.simulation.render import Caster
from catenary.simulation.scene import Item, Scene, Vector

# How much more often than another part. Wires are in most tiles anyway. Our starting values.
_WEIGHTS = {"split_pin": 2.0, "dropper": 2.0, "messenger_wire": 0.1, "contact_wire": 0.1}
_DEFECT_WEIGHT = 3.0
_TRIES = 12  # hidden parts are drawn again so often
_POINTS = 8  # of a body that stand for it
_NEAR_MM = 300.0


def window(camera: Camera, side: int, spot: Vector | None, random: np.random.Generator) -> Camera:
    """Return the camera that renders only a tile.

    Args:
        camera: Of the whole frame.
        side: Of the tile, px; a smaller frame gives a smaller tile.
        spot: Pixel (x, y) of the frame that the tile holds; None: a tile anywhere.
        random: Decides where in the tile the spot lies.
    """
    width, height = min(side, camera.width), min(side, camera.height)
    shift = random.uniform(-0.3, 0.3, 2) * (width, height)
    middle = random.random(2) * (camera.width, camera.height) if spot is None else spot + shift
    corner = middle - np.array([width, height]) / 2
    x, y = np.clip(corner, 0, (camera.width - width, camera.height - height)).astype(int)
    return camera.window(int(x), int(y), width, height)


def part_spot(
    scene: Scene, caster: Caster, camera: Camera, random: np.random.Generator
) -> Vector | None:
    """Return a pixel (x, y) of the frame that shows a part; None when the camera sees none.

    Defective and rare parts are drawn more often, and of a damaged part its damage.
    """
    spots = {
        index: pixels
        for index, points in _points(scene).items()
        if len(pixels := _inside(points, camera))
    }
    if not spots:
        return None
    names = list(spots)
    weights = np.array([_weight(scene.items[index]) for index in names])
    for _ in range(_TRIES):
        index = names[int(random.choice(len(names), p=weights / weights.sum()))]
        pixel: Vector = spots[index][int(random.integers(len(spots[index])))]
        shown = caster.item_at(camera, (float(pixel[0]), float(pixel[1])))
        if shown == index or scene.items[index].hull is not None or index in scene.damages:
            return pixel
    return None


def _weight(item: Item) -> float:
    is_defect = item.state.condition != NORMAL
    return _WEIGHTS.get(item.component, 1.0) * (_DEFECT_WEIGHT if is_defect else 1.0)


def _points(scene: Scene) -> dict[int, Vector]:
    """Return (P, 3) points in mm that stand for each labelled part."""
    found: dict[int, list[Vector]] = {}
    for body in scene.bodies:
        if scene.items[body.item].component and body.item not in scene.damages:
            step = max(len(body.mesh.corners) // _POINTS, 1)
            found.setdefault(body.item, []).append(body.mesh.corners[::step].mean(axis=1))
    for index, item in enumerate(scene.items):
        if item.component and item.hull is not None:
            found[index] = [item.hull]
    for index, damage in scene.damages.items():
        found[index] = [damage.points]
    return {index: np.concatenate(points) for index, points in found.items()}


def _inside(points: Vector, camera: Camera) -> Vector:
    pixels, depth = camera.project(points)
    inside = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
    return pixels[inside & (depth > _NEAR_MM)]
