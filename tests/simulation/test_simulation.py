from dataclasses import replace

import numpy as np
import pytest

from catenary import config
from catenary.datasets import coco
from catenary.domain.errors import ConfigError
from catenary.imaging.decode import decode_gray
from catenary.simulation.cameras import look_at
from catenary.simulation.frames import render_frame
from catenary.simulation.labels import labels
from catenary.simulation.meshes import box
from catenary.simulation.scene import Damage, Item, Scene, State
from catenary.simulation.settings import Light, Role, SimulationSettings
from catenary.simulation.write import simulate

TINY = SimulationSettings(
    seed=5, count=4, width=320, height=256, samples=1, light={Light.NIGHT: 1.0}, crossing=0.0
)


def test_a_frame_is_the_same_whenever_it_is_rendered():
    first, again = render_frame(TINY, 2), render_frame(TINY, 2)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.labels == again.labels


def test_another_seed_gives_another_mast():
    assert render_frame(TINY, 0).labels != render_frame(replace(TINY, seed=6), 0).labels


def test_the_same_part_has_one_identity_and_condition_in_all_views():
    settings = replace(TINY, roles=(Role.GLOBAL, Role.CANTILEVER_FLAT, Role.JOINT))
    conditions: dict[str, set[str]] = {}
    for index in range(6):
        for label in render_frame(settings, index).labels:
            conditions.setdefault(label.part_id, set()).add(label.condition)
    assert len(conditions) > 3
    assert all(len(seen) == 1 for seen in conditions.values())


@pytest.mark.parametrize(
    ("component", "condition", "role"),
    [
        ("dropper", "broken", Role.DROPPER),
        ("split_pin", "missing", Role.JOINT),
        ("insulator", "shed_missing", Role.CANTILEVER_FLAT),
    ],
)
def test_all_parts_of_a_kind_get_the_condition_that_is_certain(component, condition, role):
    """Each condition is made and seen in test_parts.py; here that frames of masts have it."""
    settings = replace(TINY, rates={component: {condition: 1.0}}, roles=(role,))
    told = [label for index in range(2) for label in render_frame(settings, index).labels]
    found = [label for label in told if label.component == component]
    assert {label.condition for label in found} == {condition}
    assert all(0 < label.severity <= 1 for label in found)


def test_a_burnt_insulator_is_darker_than_a_clean_one():
    clean = replace(TINY, rates={}, roles=(Role.STRING,), width=640, height=512)
    burnt = replace(clean, rates={"insulator": {"flashover": 1.0}})
    levels = [
        np.mean([render_frame(one, index).pixels.mean() for index in range(4)])
        for one in (clean, burnt)
    ]
    assert levels[1] < levels[0]


def test_boxes_hold_what_can_be_seen():
    frame = render_frame(replace(TINY, width=640, height=512, roles=(Role.CANTILEVER_FLAT,)), 0)
    insulators = [
        one for one in frame.labels if one.component == "insulator" and not one.is_ignored
    ]
    assert insulators
    for label in insulators:
        box = label.box
        inside = frame.pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
        assert inside.mean() > frame.pixels.mean()
        assert 0 <= box.x0 < box.x1 <= 640
        assert 0 <= box.y0 < box.y1 <= 512


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_lost_pin_counts_only_where_its_hole_is_seen(is_seen):
    scene = Scene()
    spot = np.array([[x, 1000.0, z] for x in (-30, 30) for z in (-30, 30)])
    item = scene.item(Item("split_pin", "pin", State("missing", 0.5), hull=spot))
    camera = look_at(np.zeros(3), np.array([0.0, 1000.0, 0.0]), 1000.0, (640, 512))
    seen = np.full((512, 640), -1, np.int32)
    pixels = np.full((512, 640), 90, np.uint8)
    if is_seen:
        seen[250:260, 315:325] = item
        pixels[250:260, 315:325] = 20
    scene.add(item, "dark", box(np.array([0.0, 1000.0, 0.0]), np.eye(3), (5, 5, 5)))
    (label,) = labels(scene, seen, camera, pixels)
    assert label.is_ignored is not is_seen


@pytest.mark.parametrize(("grey", "is_ignored"), [(14, True), (26, False)])
def test_a_part_too_faint_to_find_does_not_count(grey, is_ignored):
    scene = Scene()
    item = scene.item(Item("insulator", "one", State()))
    scene.add(item, "dark", box(np.array([0.0, 1000.0, 0.0]), np.eye(3), (30, 30, 30)))
    camera = look_at(np.zeros(3), np.array([0.0, 1000.0, 0.0]), 1000.0, (640, 512))
    seen, pixels = np.full((512, 640), -1, np.int32), np.full((512, 640), 12, np.uint8)
    seen[220:290, 280:350], pixels[220:290, 280:350] = item, grey
    (label,) = labels(scene, seen, camera, pixels)
    assert label.is_ignored is is_ignored


@pytest.mark.parametrize(
    ("at", "outward", "is_evident"),
    [
        ((0, 1000, 0), None, True),
        ((5000, 1000, 0), None, False),  # outside the picture
        ((0, 1000, 0), (0, -1, 0), True),  # on the side of the camera
        ((0, 1000, 0), (0, 1, 0), False),  # behind the shed
    ],
)
def test_damage_out_of_view_does_not_count(at, outward, is_evident):
    scene = Scene()
    item = scene.item(Item("insulator", "one", State("shed_broken", 0.5)))
    scene.add(item, "dark", box(np.array([0.0, 1000.0, 0.0]), np.eye(3), (30, 30, 30)))
    scene.damages[item] = Damage(
        np.array([at], float), None if outward is None else np.array(outward, float), 0.5
    )
    camera = look_at(np.zeros(3), np.array([0.0, 1000.0, 0.0]), 1000.0, (640, 512))
    seen, pixels = np.full((512, 640), -1, np.int32), np.zeros((512, 640), np.uint8)
    seen[220:290, 280:350], pixels[220:290, 280:350] = item, 90
    (label,) = labels(scene, seen, camera, pixels)
    assert label.is_evident is is_evident
    assert not label.is_ignored


def test_most_of_a_night_frame_is_black():
    frame = render_frame(replace(TINY, roles=(Role.DROPPER,)), 1)
    assert np.median(frame.pixels) < 12


def test_a_set_is_written_whole_and_can_be_read(tmp_path):
    done = simulate(TINY, tmp_path / "set", workers=2)
    labelled = coco.read(done.folder / "labels.json")
    assert (done.frames, done.rendered) == (4, 4)
    assert done.labels == sum(len(image.labels) for image in labelled.images) > 4
    for image in labelled.images:
        pixels = decode_gray((labelled.root / image.ref.file_name).read_bytes())
        assert pixels.shape == (image.height, image.width)


def test_a_folder_with_another_set_is_refused(tmp_path):
    simulate(replace(TINY, count=1), tmp_path, workers=1)
    with pytest.raises(ConfigError, match="made with other settings"):
        simulate(replace(TINY, count=2), tmp_path, workers=1)


SETS = [
    "train",
    "parts",
    "strings",
    "variety",
    "validation",
    "calibration",
    "test",
    "sample",
    "car",
    "tiles",
    "wires",
    "messenger",
    "marks",
]


@pytest.mark.parametrize("name", SETS)
def test_shipped_settings_are_valid(name):
    config.load(config.bundled(f"configs/simulation/{name}.yaml"), SimulationSettings)


def test_the_shipped_sets_share_no_mast():
    masts: list[set[int]] = []
    for name in SETS:
        one = config.load(config.bundled(f"configs/simulation/{name}.yaml"), SimulationSettings)
        count = -(-one.count // one.frames_per_mast)
        masts.append(set(range(one.first_mast, one.first_mast + count)))
    assert sum(map(len, masts)) == len(set.union(*masts))
