from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.datasets.labels import Label
from catenary.simulation.cameras import look_at
from catenary.simulation.frames import render_frame
from catenary.simulation.labels import labels
from catenary.simulation.meshes import box, tube
from catenary.simulation.outlines import clipped, oriented_box, visible
from catenary.simulation.render import Caster, render
from catenary.simulation.scene import Item, Scene, State, point
from catenary.simulation.settings import Light, Role, SimulationSettings
from catenary.simulation.shading import Lighting
from catenary.simulation.sight import Sight

# A point at (x, 1000, z) mm is seen at column 160 + x, row 128 - z.
CAMERA = look_at(np.zeros(3), point(0, 1000, 0), 1000.0, (320, 256))
PLATE = Item("number_plate", "plate", State())


def plate(scene: Scene, item: Item, x: float, z: float, sizes: tuple[float, float], y: float = 1):
    """Add a thin upright plate of half ``sizes``, at ``y`` metres from the camera."""
    index = scene.item(item)
    scene.add(index, "plate", box(point(x, y * 1000, z), np.eye(3), (sizes[0], 0.5, sizes[1])))
    return index


def labelled(scene: Scene) -> tuple[Label, ...]:
    light = Lighting((), ambient=1.0)
    picture = render(Caster(scene, 0), CAMERA, light, 1, np.random.default_rng(0))
    pixels = (picture.radiance * 255).clip(0, 255).astype(np.uint8)
    return labels(scene, picture.items, CAMERA, pixels)


def test_the_mask_of_a_square_is_the_square():
    scene = Scene()
    plate(scene, PLATE, 20, 10, (30, 30))
    (label,) = labelled(scene)
    expected = np.zeros((256, 320), np.bool_)
    expected[128 - 40 : 128 + 20, 160 - 10 : 160 + 50] = True
    assert np.array_equal(label.mask.pixels(), expected)
    assert label.corners == ((150, 88), (210, 88), (210, 148), (150, 148))
    assert label.occlusion == 0


@pytest.mark.parametrize("angle_deg", [-60, -30, 0, 30, 60])
def test_the_oriented_box_of_a_bar_lies_along_it(angle_deg):
    scene, angle = Scene(), np.deg2rad(angle_deg)
    along = point(np.cos(angle), 0, -np.sin(angle)) * 80
    at = point(0, 1000, 0)
    scene.add(scene.item(PLATE), "steel", tube(np.array([at - along, at + along]), 6.0, 16))
    (label,) = labelled(scene)
    corners = np.array(label.corners)
    side, end = corners[1] - corners[0], corners[2] - corners[1]
    assert np.rad2deg(np.arctan2(side[1], side[0])) == pytest.approx(angle_deg, abs=1)
    assert np.linalg.norm(side) == pytest.approx(160, abs=8)  # with the ends of the tube
    assert np.linalg.norm(end) == pytest.approx(12, abs=2)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200)), min_size=1, max_size=30))
def test_an_oriented_box_holds_all_its_pixels_and_is_no_larger_than_the_upright_one(spots):
    items = np.full((201, 301), -1, np.int32)
    rows, columns = np.array(spots).T[::-1]
    items[rows, columns] = 4
    (seen,) = visible(items).values()
    corners = np.array(seen.corners())
    origin, side = corners[0], corners[1] - corners[0]
    length, width = np.linalg.norm(side), np.linalg.norm(corners[3] - origin)
    along = side / length
    for axis, reach in ((along, length), (np.array([-along[1], along[0]]), width)):
        places = (np.stack([columns, rows], 1) + 0.5 - origin) @ axis
        assert places.min() >= 0.45
        assert places.max() <= reach - 0.45
    assert length >= width - 0.01
    assert length * width <= (seen.box.width + 1) * (seen.box.height + 1)


@pytest.mark.parametrize(("shift", "share"), [(0, 0.5), (-60, 0.0), (-15, 0.25), (30, 1.0)])
def test_occlusion_is_the_share_that_something_else_hides(shift, share):
    scene = Scene()
    index = plate(scene, PLATE, 0, 0, (30, 30))
    plate(scene, Item(), (shift - 30) / 2, 0, (30 / 2, 40), y=0.5)
    assert Sight(scene, CAMERA).occlusion(index) == pytest.approx(share, abs=0.05)


def test_what_lies_outside_the_picture_or_behind_the_part_hides_nothing():
    scene = Scene()
    index = plate(scene, PLATE, 160, 0, (60, 30))  # its right half is outside
    plate(scene, Item(), 121, 0, (40, 40), y=0.5)  # hides that half only
    plate(scene, Item(), 300, 0, (300, 100), y=2)
    assert Sight(scene, CAMERA).occlusion(index) == pytest.approx(0, abs=0.05)


def test_a_part_does_not_hide_itself():
    scene = Scene()
    scene.add(scene.item(PLATE), "steel", box(point(0, 1000, 0), np.eye(3), (30, 200, 30)))
    assert Sight(scene, CAMERA).occlusion(0) == 0


def test_a_keypoint_behind_a_plate_is_labelled_but_not_visible():
    scene = Scene()
    marks = (("left", -20), ("right", 20), ("outside", 400))
    lines = tuple((name, point(x, 999, 0)[None]) for name, x in marks)
    plate(scene, replace(PLATE, lines=lines), 0, 0, (30, 30))
    plate(scene, Item(), -15, 0, (15, 20), y=0.5)
    (label,) = labelled(scene)
    points = {one.name: (one.x, one.y, one.is_visible) for one in label.keypoints}
    assert points == {
        "left": (pytest.approx(140, abs=0.1), 128, False),
        "right": (pytest.approx(180, abs=0.1), 128, True),
    }


def test_a_keypoint_before_a_wall_is_visible():
    scene = Scene()
    lines = (("end", point(60, 1000, 0)[None]),)  # beside the plate, in the air
    plate(scene, replace(PLATE, lines=lines), 0, 0, (30, 30))
    plate(scene, Item(), 0, 0, (1000, 1000), y=2)
    assert [one.is_visible for one in labelled(scene)[0].keypoints] == [True]


def test_a_wire_is_clipped_to_the_picture_and_not_to_be_located():
    scene = Scene()
    line = np.array([[-5e3, 1000, 0], [-100, 1000, 0], [5e3, 1000, 0]])
    item = scene.item(Item("contact_wire", "wire", lines=(("wire", line),)))
    scene.add(item, "wire", tube(line, 6.0, 10))
    (label,) = labelled(scene)
    assert label.is_ignored
    assert [one.points for one in label.lines] == [((0, 128), (320, 128))]
    assert label.mask.pixels().sum() == pytest.approx(12 * 320, rel=0.1)


def test_a_wire_that_is_seen_from_end_to_end_is_still_not_to_be_located():
    scene, line = Scene(), np.array([[-100, 1000, 0], [100, 1000, 0.0]])
    for kind in ("messenger_wire", "steady_arm"):
        scene.add(scene.item(Item(kind, kind)), "plate", tube(line, 6.0, 10))
        line = line + point(0, 0, 40)
    assert {one.component: one.is_ignored for one in labelled(scene)} == {
        "messenger_wire": True,
        "steady_arm": False,
    }


def test_a_line_that_leaves_the_picture_and_returns_is_two():
    points = np.array([[-10, 5], [20, 5], [20, -5], [40, -5], [40, 5], [50, 5.0]])
    pieces = clipped(points, np.ones(6, np.bool_), (100, 50))
    assert pieces == [((0, 5), (20, 5), (20, 0)), ((40, 0), (40, 5), (50, 5))]


def test_what_lies_behind_the_camera_is_no_line():
    points = np.array([[10, 10], [20, 10], [30, 10], [40, 10], [50, 10.0]])
    is_before = np.array([True, True, False, True, True])
    pieces = clipped(points, is_before, (100, 50))
    assert pieces == [((10, 10), (20, 10)), ((40, 10), (50, 10))]


@given(st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=2, max_size=8))
def test_clipped_lines_stay_in_the_picture(spots):
    for piece in clipped(np.array(spots), np.ones(len(spots), np.bool_), (100, 50)):
        assert len(piece) >= 2
        assert all(0 <= x <= 100 and 0 <= y <= 50 for x, y in piece)


def frame_labels(role: Role, rates: dict[str, dict[str, float]]) -> list[Label]:
    settings = SimulationSettings(
        seed=5, width=480, height=384, samples=1, roles=(role,), rates=rates,
        light={Light.NIGHT: 1.0}, crossing=0.0,
    )  # fmt: skip
    return [label for index in range(3) for label in render_frame(settings, index).labels]


@pytest.mark.parametrize(
    ("role", "rates", "component", "names"),
    [
        (Role.DROPPER, {}, "dropper", {"upper_clamp", "lower_clamp"}),
        (
            Role.DROPPER,
            {"dropper": {"broken": 1.0}},
            "dropper",
            {"upper_clamp", "lower_clamp", "lower_free_end", "upper_free_end"},
        ),
        (Role.JOINT, {}, "split_pin", {"head", "leg_1", "leg_2"}),
        (Role.STRING, {}, "insulator", {"end_1", "end_2"}),
    ],
)
def test_parts_have_the_keypoints_of_their_kind(role, rates, component, names):
    found = [one for one in frame_labels(role, rates) if one.component == component]
    assert {point.name for label in found for point in label.keypoints} == names


def test_a_broken_dropper_is_traced_along_what_is_left_of_it():
    for label in frame_labels(Role.DROPPER, {"dropper": {"broken": 1.0}}):
        if label.component == "dropper" and not label.is_ignored and label.mask is not None:
            near = np.pad(label.mask.pixels(), 2)
            spots = [spot for line in label.lines for spot in line.points]
            shown = [near[int(y) : int(y) + 5, int(x) : int(x) + 5].any() for x, y in spots]
            assert np.mean(shown) > 0.8


def test_a_part_that_is_gone_keeps_its_place_and_has_no_mask():
    found = [
        label
        for label in frame_labels(Role.JOINT, {"split_pin": {"missing": 1.0}})
        if label.component == "split_pin"
    ]
    assert found
    assert all(label.mask is None and len(label.corners) == 4 for label in found)


def test_the_box_of_a_single_point_is_that_pixel():
    assert oriented_box(np.array([[10.5, 20.5]]), 1.0) == ((10, 20), (11, 20), (11, 21), (10, 21))
