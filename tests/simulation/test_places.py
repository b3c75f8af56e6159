from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.errors import ImpossibleSettingsError
from catenary.simulation import distractors, posts
from catenary.simulation.build import Build, Cover, Post
from catenary.simulation.cameras import look_at, mast_camera
from catenary.simulation.cantilever import add_cantilever
from catenary.simulation.frames import render_frame
from catenary.simulation.jumpers import add_equipotential, slack_cable
from catenary.simulation.masts import mast_scene
from catenary.simulation.meshes import egg, sheet, tube
from catenary.simulation.render import Caster, render
from catenary.simulation.roof import car_roof
from catenary.simulation.scene import Item, Scene, State, point
from catenary.simulation.settings import Light, Role, SimulationSettings, Weather
from catenary.simulation.shading import Lamp, Lighting
from catenary.simulation.span import Span, add_wires, carried_sag, drawn_span, sag
from catenary.simulation.tunnel import add_bridge, add_tunnel

PLAIN = SimulationSettings(
    seed=5,
    count=4,
    width=320,
    height=256,
    samples=1,
    light={Light.NIGHT: 1.0},
    weather={Weather.CLEAR: 1.0},
    misexposed=0.0,
    roles=(Role.GLOBAL,),
    frames_per_mast=1,
    rates={},
    crossing=0.0,
    double=0.0,
    bridge=0.0,
    tunnel=0.0,
    distractors=0.0,
)


def built(seed: int = 0, **changes: float) -> tuple[Scene, object]:
    return mast_scene(replace(PLAIN, **changes), "m", np.random.default_rng(seed))


def build(seed: int = 0, **changes: float) -> Build:
    return Build(replace(PLAIN, **changes), "m", np.random.default_rng(seed))


def part_ids(scene: Scene) -> list[str]:
    return [item.part_id for item in scene.items if item.part_id]


def corners(scene: Scene, *, material: str) -> np.ndarray:
    meshes = [body.mesh.corners for body in scene.bodies if body.material == material]
    return np.concatenate(meshes).reshape(-1, 3)


def axis_x(scene: Scene, part_id: str) -> float:
    (item,) = [item for item in scene.items if item.part_id == part_id]
    return float(item.lines[0][1][0, 0])


def test_a_double_mast_has_two_cantilevers_with_parts_of_their_own():
    scene, _ = built(double=1.0)
    first, second = (axis_x(scene, f"m#{name}insulator-flat") for name in ("", "second-"))
    assert 1200 <= second - first <= 2000
    assert len(set(part_ids(scene))) == len(part_ids(scene))
    for name in ("insulator-inclined", "steady-arm", "messenger-seat", "clevis-top", "dropper-1"):
        assert {f"m#{name}", f"m#second-{name}"} <= set(part_ids(scene))


def test_a_single_mast_has_one_cantilever_in_its_middle():
    scene, _ = built()
    assert axis_x(scene, "m#insulator-flat") == 0
    assert not any("second" in part_id for part_id in part_ids(scene))


@pytest.mark.parametrize("changes", [{"double": 1.0}, {"tunnel": 1.0, "distractors": 1.0}])
def test_the_same_seed_builds_the_same_scene(changes):
    (first, places), (again, same) = (built(7, **changes) for _ in range(2))
    assert places.droppers[0][0].tolist() == same.droppers[0][0].tolist()
    assert len(first.bodies) == len(again.bodies)
    for one, other in zip(first.bodies, again.bodies, strict=True):
        assert np.array_equal(one.mesh.corners, other.mesh.corners)


# ---- the span


@given(
    load=st.floats(8, 40),
    span=st.floats(30e3, 70e3),
    tension=st.floats(10e3, 30e3),
)
def test_a_hanging_wire_is_in_equilibrium_with_its_load(load, span, tension):
    wire = Span(span, sag(load, span, tension), 0, 5000, 8000)
    xs = np.linspace(0, span, 101)
    heights = np.array([wire.hanging(point(0, 0, 0), wire.sag, x, 1)[2] for x in xs])
    step = (xs[1] - xs[0]) / 1000  # m
    bend = np.diff(heights / 1000, 2) / step**2  # 1/m
    assert tension * bend == pytest.approx(load, rel=1e-6)


@given(
    weights=st.tuples(st.floats(9, 14), st.floats(9, 14)),
    tensions=st.tuples(st.floats(15e3, 25e3), st.floats(15e3, 25e3)),
    presag=st.floats(0, 40),
)
def test_both_wires_together_hold_both_weights(weights, tensions, presag):
    depth = carried_sag(weights, tensions, 50e3, presag)
    moment = tensions[0] * depth / 1000 + tensions[1] * presag / 1000  # N m at mid-span
    assert moment == pytest.approx(sum(weights) * 50**2 / 8)


@given(
    length=st.floats(20e3, 70e3),
    first=st.floats(3e3, 6e3),
    widest=st.floats(5e3, 10e3),
)
def test_droppers_stand_equally_far_apart_and_not_too_far(length, first, widest):
    places = Span(length, 500, 0, first, widest).droppers()
    assert places[0] == pytest.approx(first)
    assert places[-1] == pytest.approx(length - first)
    gaps = np.diff(places)
    assert gaps == pytest.approx(gaps[0])
    assert gaps[0] <= widest * (1 + 1e-9)
    assert gaps[0] * len(gaps) / (len(gaps) - 1 or 0.5) > widest * (1 - 1e-9)  # nor too many


@given(seed=st.integers(0, 10_000), system=st.floats(750, 1700))
def test_the_shortest_dropper_of_a_span_can_be_made(seed, system):
    span = drawn_span(system, (45, 62), np.random.default_rng(seed))
    assert system - span.sag + span.presag >= 319
    assert 150 < span.sag < 1000
    assert 0 <= span.presag <= span.length / 2000


@given(seed=st.integers(0, 10_000), system=st.floats(400, 750))
def test_a_low_messenger_wire_gets_a_short_span(seed, system):
    span = drawn_span(system, (60, 90), np.random.default_rng(seed))
    assert system - span.sag + span.presag >= 0.42 * system
    assert span.length > 24e3  # wires are drawn so far
    taller = drawn_span(system + 600, (60, 90), np.random.default_rng(seed))
    assert span.length < taller.length <= 90e3


def test_dropper_lengths_follow_from_system_height_and_sag():
    mast = build(3)
    seat = point(0, mast.stagger, mast.contact + 1400)
    wires = add_wires(mast, seat)
    ahead = sorted(end[0][0] for end in wires.droppers if end[0][0] > 0)
    assert np.diff(ahead) == pytest.approx(ahead[1] - ahead[0])
    lengths = [top[2] - bottom[2] for top, bottom in wires.droppers if top[0] > 0]
    assert all(longer > shorter for longer, shorter in pairwise(lengths))  # up to mid-span
    # Lengths of a parabola through the mast: 1400 - a x + b x², found from two, met by the third.
    x = np.array(ahead[:3])
    slope, bend = np.linalg.solve(
        np.stack([x[:2], x[:2] ** 2], axis=1), np.array(lengths[:2]) - 1400
    )
    assert lengths[2] == pytest.approx(1400 + slope * x[2] + bend * x[2] ** 2, abs=0.01)


def test_wires_are_found_between_their_points():
    mast = build(3)
    wires = add_wires(mast, point(0, mast.stagger, mast.contact + 1400))
    top, bottom = wires.at(0)
    assert top[2] - bottom[2] == pytest.approx(1400, abs=1)
    assert top[1] == pytest.approx(mast.stagger, abs=1)


# ---- what carries the cantilever


@pytest.mark.parametrize("post", list(Post))
def test_a_mast_stands_on_the_ground_and_a_davit_hangs(post):
    mast = build(1)
    mast.post = post
    top = posts.add_post(mast, 8000.0)
    reach = np.concatenate([body.mesh.corners for body in mast.scene.bodies]).reshape(-1, 3)
    assert top > mast.contact + mast.system
    if post is Post.DAVIT:
        assert top == 8000
        assert mast.contact - 1400 < reach[:, 2].min() < mast.contact - 1000
    else:
        assert reach[:, 2].min() == pytest.approx(0, abs=60)
    assert np.abs(reach[:, 1] - mast.mast_y).max() < 210


@pytest.mark.parametrize("post", list(Post))
def test_seats_close_the_gap_between_post_and_cantilever(post):
    mast = build(1)
    mast.post = post
    roots = tuple(point(0, mast.mast_y - mast.side * 140, z) for z in (5000, 6500))
    posts.add_seats(mast, roots)
    reach = np.concatenate([body.mesh.corners for body in mast.scene.bodies]).reshape(-1, 3)
    for root in roots:
        near = reach[np.abs(reach[:, 2] - root[2]) < 130]
        beyond = (root[1] - near[:, 1]) * mast.side  # towards the track
        assert beyond.min() < 0 < beyond.max()


def test_a_davit_in_the_open_hangs_from_a_portal_beam_over_both_tracks():
    mast = build(1)
    mast.post = Post.DAVIT
    under = posts.add_post(mast, None)
    beam = corners(mast.scene, material="mast")
    beam = beam[beam[:, 2] > under + 30]
    assert beam[:, 1].max() - beam[:, 1].min() > 10e3
    assert under > mast.contact + mast.system + 500


def test_feeders_hang_from_the_masts_top_in_the_open_only():
    found = {seed: built(seed) for seed in range(5)}
    feeders = {seed: one for seed, one in found.items() if one[1].suspension is not None}
    assert 0 < len(feeders) < 5
    for scene, places in feeders.values():
        assert places.suspension[2] > places.seat[2] - 700
        assert "m#insulator-feeder" in part_ids(scene)
    for elsewhere in ({"tunnel": 1.0}, {"bridge": 1.0}):
        assert all(built(seed, **elsewhere)[1].suspension is None for seed in feeders)


def test_parts_of_the_next_track_are_normal_and_far_away():
    rates = {"dropper": {"broken": 1.0}, "insulator": {"flashover": 1.0}}
    settings = replace(PLAIN, rates=rates)
    found = [mast_scene(settings, "m", np.random.default_rng(seed))[0] for seed in range(4)]
    for item in (item for scene in found for item in scene.items if item.component == "insulator"):
        is_next = "track-2" in item.part_id
        assert (item.state.condition == "normal") is is_next
        assert (np.abs(item.lines[0][1][0, 1]) > 4500) is np.bool_(is_next)
    assert {"track-2" in " ".join(part_ids(scene)) for scene in found} == {True, False}


def test_the_camera_of_the_suspension_looks_at_its_insulator():
    places = next(
        one for one in (built(seed)[1] for seed in range(9)) if one.suspension is not None
    )
    role = Role.ADDITIONAL_SUSPENSION
    camera = mast_camera(role, None, places, (320, 256), np.random.default_rng(0))
    (pixel,), (depth,) = camera.project(places.suspension[None])
    assert np.abs(pixel - [160, 128]).max() < 60
    assert depth > 1000


def test_a_slack_cable_ends_at_its_clamps_and_bulges_between():
    mast = build()
    start, end = point(0, 0, 6000), point(400, 0, 5000)
    slack_cable(mast, start, end, point(200, 0, 0), 5)
    cable = corners(mast.scene, material="cable")
    for at in (start, end):
        assert np.linalg.norm(cable - at, axis=1).min() < 6
    assert cable[:, 0].max() > 400


@pytest.mark.parametrize("seed", range(8))
def test_an_equipotential_wire_ends_on_the_flat_tube(seed):
    mast = build(seed)
    wires = add_wires(mast, add_cantilever(mast).seat)
    (flat,) = mast.straights("tube-flat")
    before = len(mast.scene.bodies)
    add_equipotential(mast, wires)
    cable = mast.scene.bodies[before].mesh.corners.reshape(-1, 3)
    ends = np.linalg.norm(np.cross(cable - flat.start, flat.along), axis=1)
    assert ends.min() < flat.radius + 8
    assert np.abs(cable - wires.at(cable[0, 0])[0]).sum(axis=1).min() < 30


# ---- tunnels and bridges


def test_in_a_tunnel_hardly_any_pixel_is_black():
    frames = [render_frame(replace(PLAIN, tunnel=share), 1).pixels for share in (0.0, 1.0)]
    assert (frames[0] < 4).mean() > 0.5
    assert (frames[1] < 4).mean() < 0.1


def test_no_daylight_reaches_into_a_tunnel():
    day = replace(PLAIN, tunnel=1.0, light={Light.SKY: 1.0})
    assert np.median(render_frame(day, 0).pixels) < 100
    assert np.median(render_frame(replace(day, tunnel=0.0), 0).pixels) > 100


@pytest.mark.parametrize("seed", range(6))
def test_a_tunnels_wall_stays_clear_of_wires_and_mast(seed):
    mast = build(seed, tunnel=1.0)
    roof = add_tunnel(mast)
    wall = corners(mast.scene, material="wall")
    assert mast.cover is Cover.TUNNEL
    assert mast.post is Post.DAVIT
    assert roof > mast.contact + mast.system + 300
    at_mast = wall[np.abs(wall[:, 0]) < 1]
    assert np.hypot(at_mast[:, 1] - mast.mast_y, at_mast[:, 2] - mast.contact).min() > 1300
    assert np.hypot(at_mast[:, 1], at_mast[:, 2] - mast.contact).min() > 1300


@pytest.mark.parametrize("seed", range(4))
def test_a_bridge_spans_the_wires_beside_the_mast(seed):
    mast = build(seed, bridge=1.0)
    add_bridge(mast)
    wall = corners(mast.scene, material="wall")
    above_ground = wall[wall[:, 2] > 100]
    assert above_ground[:, 2].min() > mast.contact + mast.system + 150
    assert np.abs(wall[:, 0]).min() >= 1490


# ---- distractors


def of_parts(scene: Scene) -> dict[str, State]:
    return {item.part_id: item.state for item in scene.items if item.component}


def test_distractors_change_the_picture_and_no_condition():
    rates = {"dropper": {"broken": 0.4}, "insulator": {"flashover": 0.4}}
    for index in range(2):
        without, with_them = (
            render_frame(replace(PLAIN, rates=rates, distractors=share), index)
            for share in (0.0, 1.0)
        )
        assert not np.array_equal(without.pixels, with_them.pixels)
        before = {label.part_id: label.condition for label in without.labels}
        for label in with_them.labels:
            assert label.condition == before.get(label.part_id, "normal")


@pytest.mark.parametrize("seed", range(3))
def test_distractors_leave_every_part_of_the_mast_as_it_was(seed):
    rates = {"dropper": {"broken": 0.5}, "insulator": {"shed_broken": 0.5}}
    settings = replace(PLAIN, rates=rates)
    draws = [np.random.default_rng(seed) for _ in range(2)]
    without, with_them = (
        mast_scene(replace(settings, distractors=share), "m", draw)[0]
        for share, draw in zip((0.0, 1.0), draws, strict=True)
    )
    assert draws[0].random() == draws[1].random()  # nor do they disturb what is drawn next
    new = set(of_parts(with_them)) - set(of_parts(without))
    assert new <= {"m#spare-clamp", "m#plate-hanging"}
    assert {name: of_parts(with_them)[name] for name in of_parts(without)} == of_parts(without)
    assert len(with_them.bodies) > len(without.bodies) + 10
    for one, other in zip(without.bodies, with_them.bodies, strict=False):
        assert np.array_equal(one.mesh.corners, other.mesh.corners)


def test_nothing_hangs_on_a_broken_dropper():
    broken = replace(PLAIN, rates={"dropper": {"broken": 1.0}}, distractors=1.0)
    scene, _ = mast_scene(broken, "m", np.random.default_rng(4))
    plain, _ = mast_scene(replace(broken, distractors=0.0), "m", np.random.default_rng(4))
    added = scene.bodies[len(plain.bodies) :]
    lines = [line for item in plain.items if item.component == "dropper" for _, line in item.lines]
    own = np.concatenate(lines)
    own = own[np.abs(own[:, 1]) < 2000]  # of this track
    for body in added:
        if body.material == "cable" and np.ptp(body.mesh.corners[..., 2]) < 600:
            reach = body.mesh.corners.reshape(-1, 1, 3) - own
            assert np.linalg.norm(reach, axis=2).min() > 30


@pytest.mark.parametrize("seed", range(4))
def test_nothing_sits_on_the_damaged_stretch_of_a_wire(seed):
    rates = {"contact_wire": {"kinked": 1.0}, "messenger_wire": {"burned": 1.0}}
    hurt = replace(PLAIN, rates=rates, distractors=1.0)
    scene, _ = mast_scene(hurt, "m", np.random.default_rng(seed))
    plain, _ = mast_scene(replace(hurt, distractors=0.0), "m", np.random.default_rng(seed))
    damages = [line for item in plain.items for role, line in item.lines if role == "damage"]
    assert len(damages) == 2
    own = np.concatenate(damages)
    for body in scene.bodies[len(plain.bodies) :]:
        reach = body.mesh.corners.reshape(-1, 1, 3) - own
        assert np.linalg.norm(reach, axis=2).min() > 100


def test_a_hanging_plate_bears_the_masts_number():
    mast = build()
    ends = (point(0, 2500, 6000), point(0, 2000, 6000))
    sites = distractors._Sites(mast, None, (), [ends], np.random.default_rng(0))
    distractors._plate_before_insulator(sites)
    (item,) = [k for k, one in enumerate(mast.scene.items) if one.part_id == "m#plate-hanging"]
    assert {body.material for body in mast.scene.bodies if body.item == item} == {"plate", "ink"}


def test_a_shadow_falls_across_an_insulator_that_stays_normal():
    scene = Scene()
    ends = np.array([[0.0, 3000, -250], [0.0, 3000, 250]])
    item = scene.item(Item("insulator", "one", State(), (("axis", ends),)))
    scene.add(item, "porcelain", egg(ends[0], ends[1], 90, 24))
    camera = look_at(np.zeros(3), point(0, 3000, 0), 600.0, (160, 128))
    lamp = Lamp(point(700, 0, 300), 1.0)
    levels = []
    for is_shaded in (False, True):
        if is_shaded:
            distractors.shade_insulator(scene, lamp.position, np.random.default_rng(1))
        seen = render(Caster(scene, 0), camera, Lighting((lamp,)), 2, np.random.default_rng(0))
        levels.append(seen.radiance[seen.items == item])
    assert len(levels[0]) == len(levels[1])  # the bar itself is out of view
    assert 0.3 < levels[1].mean() / levels[0].mean() < 0.99
    assert scene.items[item].state == State()


def test_a_defective_insulator_is_not_shaded():
    scene = Scene()
    ends = np.array([[0.0, 3000, -250], [0.0, 3000, 250]])
    scene.item(Item("insulator", "one", State("shed_broken", 0.5), (("axis", ends),)))
    distractors.shade_insulator(scene, point(0, 0, 0), np.random.default_rng(1))
    assert not scene.bodies


# ---- the car


def test_the_car_shows_low_in_a_wide_picture_only():
    for focal, is_seen in ((300.0, True), (900.0, False)):
        scene = Scene()
        camera = look_at(np.zeros(3), point(5000, 0, 1500), focal, (320, 256))
        car_roof(scene, camera, np.random.default_rng(2))
        assert bool(scene.bodies) is is_seen
    scene = Scene()
    camera = look_at(np.zeros(3), point(5000, 0, 1500), 300.0, (320, 256))
    for seed in range(3):
        car_roof(scene, camera, np.random.default_rng(seed))
    lit = Lighting((Lamp(np.zeros(3), 1.0),))
    seen = render(Caster(scene, 0), camera, lit, 1, np.random.default_rng(0)).items
    assert (seen[: int(0.65 * 256)] == -1).all()
    assert (seen[int(0.8 * 256) :] >= 0).mean() > 0.2


# ---- meshes


def test_a_sheet_has_two_triangles_a_cell():
    grid = np.stack(np.meshgrid(np.arange(3.0), np.arange(4.0), [0.0], indexing="ij"), axis=-1)
    points = grid[:, :, 0]
    mesh = sheet(points, np.broadcast_to([0.0, 0, 1], points.shape))
    sides = mesh.corners[:, 1:] - mesh.corners[:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    assert areas.tolist() == [0.5] * 12


def test_a_loop_of_cable_is_as_thick_where_it_runs_upwards():
    t = np.linspace(0, 2 * np.pi, 24)
    loop = np.stack([60 * np.cos(t), 10 * t, 60 * np.sin(t)], axis=1)
    middles = tube(loop, 3.0, 8).corners[: 23 * 16].mean(axis=1)  # of the skin, not of the ends
    fine = np.linspace(0, 2 * np.pi, 2000)
    axis = np.stack([60 * np.cos(fine), 10 * fine, 60 * np.sin(fine)], axis=1)
    assert np.linalg.norm(middles[:, None] - axis, axis=2).min(axis=1).min() > 2


# ---- settings


def test_impossible_shares_are_all_named():
    with pytest.raises(ImpossibleSettingsError, match="double: must be") as caught:
        replace(PLAIN, double=1.5, bridge=-0.1, tunnel=2.0, distractors=7.0)
    for name in ("bridge: must be", "tunnel: must be", "distractors: must be"):
        assert name in str(caught.value)
    with pytest.raises(ImpossibleSettingsError, match="tunnel: and bridge exclude each other"):
        replace(PLAIN, bridge=0.6, tunnel=0.6)
