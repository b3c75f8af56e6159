"""The painted line 防松标记 of a bolt whose nut has turned."""

import numpy as np
import pytest

from catenary.simulation.bolts import M16, Hole, marked_bolt
from catenary.simulation.meshes import axes_along
from catenary.simulation.scene import Scene, point, unit


def strokes(turn_deg: float) -> tuple[Scene, int, np.ndarray]:
    """Return scene, item and the middles of the strokes along and around the axis."""
    scene, axis = Scene(), unit(point(1, 2, 0.5))
    hole = Hole(point(5, 6, 7), axis, 20, M16)
    random = np.random.default_rng(3)
    item = marked_bolt(scene, "bolt-1", hole, np.radians(turn_deg), random)
    paint = [body.mesh.corners for body in scene.bodies if body.material == "paint"]
    middles = np.array([corners.reshape(-1, 3).mean(axis=0) for corners in paint]) - hole.at
    return scene, item, middles @ axes_along(axis).T


@pytest.mark.parametrize("turn_deg", [0.0, 35.0, -60.0])
def test_the_nuts_stroke_turns_by_the_angle_and_backs_off_with_the_thread(turn_deg):
    _, _, still = strokes(0.0)
    _, _, turned = strokes(turn_deg)
    azimuths, before = (np.degrees(np.arctan2(one[:, 2], one[:, 1])) for one in (turned, still))
    moved = (azimuths - before + 180) % 360 - 180
    assert np.abs(moved[-2:]) == pytest.approx(abs(turn_deg))  # on the nut's end and flat
    assert moved[:-2] == pytest.approx(0)
    lifted = turned[-1, 0] - still[-1, 0]
    assert lifted == pytest.approx(abs(turn_deg) / 360 * M16.pitch)


def test_it_is_labelled_loose_only_where_it_has_turned():
    for turn_deg, condition in ((0.0, "normal"), (20.0, "loose")):
        scene, item, _ = strokes(turn_deg)
        assert scene.items[item].state.condition == condition
        assert scene.items[item].part_id == "bolt-1"
