import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.simulation import lighting, tiles, weather
from catenary.simulation.backgrounds import background
from catenary.simulation.cameras import Camera, look_at
from catenary.simulation.car import Turn, camera_of
from catenary.simulation.frames import render_frame
from catenary.simulation.lens import Lens, defocused
from catenary.simulation.masts import mast_scene
from catenary.simulation.meshes import Mesh, box, tube
from catenary.simulation.render import Caster, render
from catenary.simulation.scene import Item, Scene, State
from catenary.simulation.sensor import exposed
from catenary.simulation.settings import (
    CarCamera,
    Element,
    Facing,
    Light,
    Role,
    SimulationSettings,
    Weather,
)
from catenary.simulation.shading import Air, Lamp, Lighting

SIZE = (320, 256)
SMALL = SimulationSettings(
    seed=5,
    count=4,
    width=SIZE[0],
    height=SIZE[1],
    samples=1,
    light={Light.NIGHT: 1.0},
    weather={Weather.CLEAR: 1.0},
    crossing=0.0,
    misexposed=0.0,
)
DAYLIGHT = Lighting((), ambient=1.0, has_texture=False)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def abeam(focal_px: float = 400.0, **changes) -> Camera:
    camera = look_at(np.zeros(3), np.array([0.0, 4000.0, 0.0]), focal_px, SIZE)
    return replace(camera, **changes)


def caster_of(*meshes: Mesh) -> Caster:
    scene = Scene()
    for number, mesh in enumerate(meshes):
        scene.add(scene.item(Item("clamp", f"part-{number}")), "plate", mesh)
    return Caster(scene, 0)


def block(x: float, y: float, half: float, z: float = 0.0):
    return box((x, y, z), np.eye(3), (half, half, half))


@pytest.mark.parametrize("k1", [-0.08, 0.0, 0.08])
def test_a_ray_ends_where_its_pixel_lies(k1):
    camera = abeam(274.0, lens=Lens(k1, 0.15 * k1))  # as wide as the widest camera of the car
    pixels = np.array([[x, y] for x in (0, 80, 160, 320) for y in (0, 128, 256)], float)
    seen, _ = camera.project(camera.rays(pixels.astype(np.float32)) * 5000.0)
    assert np.abs(seen - pixels).max() < 0.01


def test_what_is_far_outside_a_barrel_lens_stays_outside():
    camera = abeam(180.0, lens=Lens(-0.15))
    far = np.array([[x, 1000.0, 0.0] for x in (2000, 4000, 8000, 30000)])
    pixels, _ = camera.project(far)
    assert (pixels[:, 0] > SIZE[0]).all()


@pytest.mark.parametrize("k1", [-0.08, 0.08])
def test_a_straight_wire_lies_on_its_projected_line_under_distortion(k1):
    camera = abeam(274.0, lens=Lens(k1))
    ends = np.array([[-3500.0, 4000.0, 1400.0], [3500.0, 4000.0, 1600.0]])
    picture = render(caster_of(tube(ends, 30.0)), camera, DAYLIGHT, 1, random())
    rows, columns = np.nonzero(picture.items >= 0)
    middles = np.array([rows[columns == x].mean() + 0.5 for x in range(20, 300)])
    share = np.linspace(0, 1, 400)[:, None]
    wire = ends[0] + (ends[1] - ends[0]) * share
    at = np.arange(20, 300) + 0.5
    line = np.interp(at, *camera.project(wire)[0].T)
    straight = np.interp(at, *replace(camera, lens=Lens()).project(wire)[0].T)
    assert np.abs(middles - line).max() < 0.5
    assert np.abs(middles - straight).max() > 2


def test_a_tile_is_the_same_window_of_the_whole_frame():
    camera = abeam(lens=Lens(0.08, aperture_mm=5.0))
    caster = caster_of(block(-300, 4000, 250), block(500, 5000, 300, z=200))
    whole = render(caster, camera, DAYLIGHT, 1, random())
    window = camera.window(70, 40, 128, 96)
    part = render(caster, window, DAYLIGHT, 1, random())
    cut = np.s_[40:136, 70:198]
    assert np.array_equal(part.items, whole.items[cut])
    assert len(np.unique(part.items)) == 3
    assert np.allclose(part.depth, whole.depth[cut])
    for light, off in ((Light.SKY, 0.002), (Light.CLUTTER, 0.01)):  # enlarged in another way
        frame, tile = (background(light, one, random(3)) for one in (camera, window))
        assert np.abs(tile - frame[cut])[20:-20, 20:-20].mean() < off
        assert np.ptp(frame) > 25 * off


def test_labels_of_a_tile_are_those_of_the_frame_in_its_own_pixels():
    settings = replace(
        SMALL, roles=(Role.CANTILEVER_FLAT,), anywhere=0.0, width=640, height=512, tile=256
    )
    turn = Turn(0, settings)
    scene, places = mast_scene(settings, "mast", turn.span(1))
    camera = camera_of(turn, places)
    random_tile = turn.frame(10)
    random_tile.random()  # whether it lies anywhere
    spot = tiles.part_spot(scene, Caster(scene, 0), camera, random_tile)
    corner = np.array(tiles.window(camera, 256, spot, random_tile).corner)
    tile, frame = render_frame(settings, 0), render_frame(replace(settings, tile=0), 0)
    assert tile.pixels.shape == (256, 256)
    assert tile.ref.view == "cantilever_flat_tile"
    whole = {label.part_id: label.box for label in frame.labels}
    inside = 0
    for label in tile.labels:
        moved, full = label.box.shifted(*(float(one) for one in corner)), whole[label.part_id]
        assert full.x0 - 1 <= moved.x0 < moved.x1 <= full.x1 + 1
        assert full.y0 - 1 <= moved.y0 < moved.y1 <= full.y1 + 1
        inside += moved == full
    assert inside >= 1


def test_most_tiles_hold_a_part():
    settings = replace(SMALL, roles=(Role.JOINT, Role.DROPPER), tile=128, frames_per_mast=8)
    settings = replace(settings, width=640, height=512, anywhere=0.0)
    assert sum(bool(render_frame(settings, index).labels) for index in range(8)) >= 7


def test_defective_parts_are_drawn_more_often_for_tiles():
    scene = Scene()
    for x, condition in ((-400.0, "normal"), (400.0, "shed_broken")):
        item = scene.item(Item("insulator", f"at {x}", State(condition, 0.5)))
        scene.add(item, "porcelain", block(x, 4000, 100))
    caster, draws = Caster(scene, 0), random()
    spots = [tiles.part_spot(scene, caster, abeam(), draws) for _ in range(60)]
    right = sum(spot[0] > SIZE[0] / 2 for spot in spots)
    assert 36 <= right <= 54  # three times as often: 45 of 60


def test_motion_blur_is_as_wide_as_the_way_of_the_car_and_only_along_the_track():
    camera = abeam(800.0, travel_mm=30.0)
    picture = render(caster_of(block(0, 4200, 200)), camera, DAYLIGHT, 16, random())
    expected = 800.0 * 30.0 / 4000.0  # px: focal length x way / distance of the front
    across = picture.cover[118:138].mean(axis=0)
    up = picture.cover[:, 150:170].mean(axis=1)
    ramp = np.minimum(across, 1 - across)[:160].sum() * 4  # a linear ramp of n px sums to n / 4
    assert ramp == pytest.approx(expected, abs=0.8)
    assert np.minimum(up, 1 - up)[:128].sum() * 4 < 1.5
    assert camera.smear_px(np.array([0.0, 4000.0, 0.0])) == pytest.approx(expected, rel=0.01)


def test_a_flash_is_short_enough_for_the_part_it_is_for():
    places = mast_scene(SMALL, "mast", random())[1]
    for index in range(40):
        settings = replace(SMALL, width=2448, height=2048, roles=(Role.JOINT,), frames_per_mast=1)
        camera = camera_of(Turn(index, settings), places)
        target = camera.position + camera.rotation[2] * camera.lens.focus_mm
        assert 20 * 80 / 3600 <= camera.travel_mm + 1e-9 <= 150 * 80 / 3600 + 1e-6
        assert camera.smear_px(target) < 4.1 or camera.travel_mm == pytest.approx(20 * 80 / 3600)


def test_fog_takes_light_by_the_exponential_of_the_distance():
    extinction = 1 / 5000
    caster = caster_of(block(-300, 3200, 200), block(600, 6200, 200))
    clear = render(caster, abeam(), DAYLIGHT, 1, random()).radiance
    fog = replace(DAYLIGHT, air=Air(extinction))
    foggy = render(caster, abeam(), fog, 1, random()).radiance
    for row, column, distance in ((128, 120, 3000.0), (128, 200, 6000.0)):
        way = distance * np.hypot(1, abs(column + 0.5 - 160) / 400)
        left = foggy[row, column] / clear[row, column]
        assert left == pytest.approx(np.exp(-extinction * way), rel=0.01)


def test_fog_takes_lamp_light_on_both_ways():
    lamp = Lamp(np.array([0.0, 0.0, 0.0]), 1.0)
    caster, camera = caster_of(block(0, 4200, 200)), abeam()
    clear, foggy = (
        render(caster, camera, Lighting((lamp,), air=Air(e)), 1, random()).radiance[128, 160]
        for e in (0.0, 1 / 5000)
    )
    assert foggy / clear == pytest.approx(np.exp(-2 * 4000 / 5000), rel=0.01)


def test_fog_glows_where_the_lamp_shines():
    lamp = Lamp(np.array([-400.0, 0.0, 0.0]), 3.0, np.array([0.0, 1.0, 0.0]), 0.3)
    glow = weather.glow(abeam(), Lighting((lamp,), air=Air(1 / 10_000)))
    assert glow.min() > 0
    assert glow[:, :100].mean() > 1.5 * glow[:, -100:].mean()


def test_a_beam_has_half_of_its_light_at_its_half_angle():
    lamp = Lamp(np.zeros(3), 1.0, np.array([0.0, 1.0, 0.0]), 0.5)
    points = 5000 * np.array([[0, 1, 0], [np.sin(0.5), np.cos(0.5), 0]], np.float32)
    _, distance, strength = lamp.at(points)
    assert distance == pytest.approx([5000, 5000], rel=1e-5)
    assert strength == pytest.approx([1.0, 0.5], rel=1e-3)


def test_rain_is_seen_only_before_what_it_falls_in_front_of():
    camera, day = abeam(800.0), Lighting((), ambient=1.0)
    open_air, wall = (np.full(SIZE[::-1], far, np.float32) for far in (np.inf, 1.0))
    assert (weather.rain(camera, day, open_air, random(1)) > 0).sum() > 5
    assert not weather.rain(camera, day, wall, random(1)).any()


def test_a_part_out_of_focus_is_soft_and_keeps_its_light():
    lens = Lens(aperture_mm=20.0, focus_mm=3000.0)
    for distance, spread in ((3000.0, 0.0), (6000.0, 20.0 * 900 / 4 * (1 / 3000 - 1 / 6000))):
        light = np.zeros((80, 80), np.float32)
        light[:, 40] = 1.0
        depth = np.where(light > 0, np.float32(distance), np.float32(np.inf))
        seen, cover = defocused(light, light.copy(), depth, lens, 900.0)
        profile = seen[40]
        at = np.arange(80) - 40
        assert profile.sum() == pytest.approx(1.0, rel=0.02)
        assert np.sqrt((profile * at**2).sum()) == pytest.approx(spread, rel=0.1)
        assert np.array_equal(seen, cover)


@pytest.mark.parametrize("has_noise", [True, False])
def test_a_sensor_without_noise_has_none(has_noise):
    light, camera = np.full(SIZE[::-1], 0.3, np.float32), abeam()
    grey = exposed(light, camera, random(), random(1), has_noise).astype(int)
    assert bool(np.abs(np.diff(grey, axis=1)).max() > 2) is has_noise


def test_a_tile_is_vignetted_as_that_place_of_the_frame():
    camera, light = abeam(), np.full(SIZE[::-1], 0.8, np.float32)
    window = camera.window(64, 32, 128, 96)
    whole, part = (
        exposed(one, which, random(), random(1), has_noise=False).astype(float)
        for one, which in ((light, camera), (light[32:128, 64:192], window))
    )
    assert np.ptp(whole[32:128, 64:192]) > 3
    assert np.abs(whole[32:128, 64:192] - part).max() <= 1


def test_elements_of_realism_leave_the_labels_as_they_are():
    settings = replace(SMALL, roles=(Role.CANTILEVER_FLAT,), seed=7)
    whole = render_frame(settings, 0)
    assert len(whole.labels) > 3
    for element in (Element.SHADOWS, Element.NOISE, Element.TEXTURE):
        plain = render_frame(replace(settings, without=(element,)), 0)
        assert not np.array_equal(plain.pixels, whole.pixels), element
        assert [(one.part_id, one.box) for one in plain.labels] == [
            (one.part_id, one.box) for one in whole.labels
        ]


def test_without_distractors_no_wire_crosses_a_dropper():
    crossed = replace(SMALL, crossing=1.0, roles=(Role.DROPPER,))
    frames = [
        render_frame(one, 0).pixels
        for one in (
            replace(crossed, without=(Element.DISTRACTORS,)),
            replace(crossed, crossing=0.0, distractors=0.0),
        )
    ]
    assert np.array_equal(*frames)


def car(divisor: int = 12, **changes) -> SimulationSettings:
    whole = config.load(config.bundled("configs/simulation/car.yaml"), SimulationSettings)
    cameras = tuple(
        replace(one, width=one.width // divisor, height=one.height // divisor)
        for one in whole.cameras
    )
    return replace(whole, cameras=cameras, samples=1, **changes)


def test_the_shipped_car_has_both_faces_and_four_sizes_of_camera():
    cameras = config.load(config.bundled("configs/simulation/car.yaml"), SimulationSettings).cameras
    assert len({one.id for one in cameras}) == len(cameras) == 30
    assert Counter(one.facing for one in cameras) == {Facing.FRONT: 13, Facing.BACK: 13, None: 4}
    assert {round(one.width * one.height / 1e6) for one in cameras} == {5, 13, 26, 29}


def test_all_cameras_of_a_car_see_one_mast_and_two_of_them_the_same_dropper():
    settings = car()
    frames = [render_frame(settings, index) for index in (7, 20, 28, 29)]
    assert len({frame.ref.mast for frame in frames}) == 1
    assert [frame.ref.view for frame in frames[:2]] == ["global_front", "global_back"]
    assert [frame.ref.camera for frame in frames] == ["08", "21", "29", "30"]
    shown = [{label.part_id for label in frame.labels} for frame in frames]
    assert len(shown[0] & shown[1]) > 3  # the same fittings from before and behind
    droppers = [{part for part in one if "dropper" in part} for one in shown[2:]]
    assert droppers[0] & droppers[1]


def cameras_at(settings: SimulationSettings, taker: int, masts: int = 5) -> list[Camera]:
    cameras = []
    for mast in range(masts):
        turn = Turn(mast * settings.frames_per_mast + taker, settings)
        cameras.append(camera_of(turn, mast_scene(settings, "", turn.span(1))[1]))
    return cameras


@pytest.mark.parametrize("taker", [3, 20])
def test_a_bolted_camera_stays_the_same_over_all_masts(taker):
    first, *others = cameras_at(car(), taker)
    for one in others:
        assert (one.focal_px, one.lens, one.travel_mm) == (
            first.focal_px,
            first.lens,
            first.travel_mm,
        )
        assert np.abs(np.abs(one.position) - np.abs(first.position)).max() < 150
        assert np.allclose(np.abs(one.rotation), np.abs(first.rotation))
        assert np.linalg.det(one.rotation) == pytest.approx(1)
    loose = cameras_at(car(is_rigid=False), taker)
    assert len({one.focal_px for one in loose}) == len(loose)


def test_front_cameras_stand_before_the_mast_and_look_ahead():
    for taker, sign in ((3, -1), (16, 1)):
        for camera in cameras_at(car(is_rigid=False), taker):
            assert np.sign(camera.position[0]) == sign == -np.sign(camera.rotation[2, 0])


def test_all_frames_of_a_mast_have_its_weather():
    settings = replace(SMALL, weather={Weather.FOG: 0.5, Weather.CLEAR: 0.5}, frames_per_mast=3)
    settings = replace(settings, roles=(Role.DROPPER,), without=(Element.NOISE,))
    dark = [np.median(render_frame(settings, index).pixels) for index in range(9)]
    foggy = [level > 8 for level in dark]
    assert foggy[0:3] == [foggy[0]] * 3
    assert foggy[3:6] == [foggy[3]] * 3
    assert len(set(foggy)) == 2


def test_a_frame_does_not_depend_on_the_mast_that_was_kept():
    settings = replace(SMALL, frames_per_mast=2, roles=(Role.JOINT,))
    first = render_frame(settings, 1)
    other = render_frame(settings, 2)  # another mast takes its place
    assert all(label.part_id.startswith(str(other.ref.mast)) for label in other.labels)
    assert other.labels
    again = render_frame(settings, 1)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.labels == again.labels


def test_dusk_is_brighter_than_night_by_the_same_lamps():
    night, dusk = (
        render_frame(replace(SMALL, light={light: 1.0}, without=(Element.NOISE,)), 1).pixels
        for light in (Light.NIGHT, Light.DUSK)
    )
    assert np.median(dusk) > np.median(night)
    lamps = [
        lighting.lamps(light, abeam(), 0.4, random())[0] for light in (Light.NIGHT, Light.DUSK)
    ]
    assert [one.power for one in lamps[0]] == [one.power for one in lamps[1]]


def test_a_misexposed_frame_is_far_brighter_or_darker():
    settings = replace(SMALL, roles=(Role.CANTILEVER_FLAT,), without=(Element.NOISE,))
    right = render_frame(settings, 0).pixels.astype(float).mean()
    wrong = render_frame(replace(settings, misexposed=1.0), 0).pixels.astype(float).mean()
    assert not 0.7 < wrong / right < 1.4


def test_every_impossible_camera_and_share_is_named_at_once(tmp_path):
    path = tmp_path / "bad.yaml"
    tiny = {"id": "01", "role": "global", "width": 64, "height": 64}
    content = {
        "roles": ["global"],
        "cameras": [tiny, {**tiny, "facing": "back"}],
        "weather": {"fog": 0.5},
        "tile": 128,
        "pulse_us": [200, 20],
        "misexposed": 2,
    }
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        config.load(path, SimulationSettings)
    for part in (
        "roles: is short for cameras",
        "cameras.0: must be at least 128 x 64",
        "cameras.1.id: is that of another camera",
        "weather: must be shares",
        "tile: must be 0 or",
        "pulse_us: must rise",
        "misexposed: must be in",
    ):
        assert part in str(caught.value)


def test_roles_are_short_for_cameras_of_one_size():
    settings = replace(SMALL, roles=(Role.JOINT, Role.GLOBAL, Role.JOINT))
    assert [one.role for one in settings.car] == [Role.JOINT, Role.GLOBAL, Role.JOINT]
    assert settings.car[0] == settings.car[2] == CarCamera("06", Role.JOINT, None, *SIZE)
