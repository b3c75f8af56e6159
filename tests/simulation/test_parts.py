from functools import cache

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.simulation.bolts import M16, Hole, add_bolt, plain_bolt
from catenary.simulation.build import Build
from catenary.simulation.cameras import look_at, mast_camera
from catenary.simulation.cantilever import add_cantilever
from catenary.simulation.contact_wire import grooved
from catenary.simulation.droppers import dropper
from catenary.simulation.fittings import PinEnd, split_pin
from catenary.simulation.foreign import Perch, add_foreign_object
from catenary.simulation.insulators import insulator
from catenary.simulation.labels import labels
from catenary.simulation.masts import mast_scene
from catenary.simulation.meshes import tube
from catenary.simulation.plates import add_plate
from catenary.simulation.render import Caster, render
from catenary.simulation.scene import Item, Scene, State, point, unit
from catenary.simulation.settings import MADE, Role, SimulationSettings
from catenary.simulation.shading import Lamp, Lighting
from catenary.simulation.sight import Sight
from catenary.simulation.span import add_wires
from catenary.simulation.tubes import add_tube

PAIRS = [(component, condition) for component, known in MADE.items() for condition in known]
SIZE = (480, 384)


def mast(rates, seed=3, **changes):
    plain = {"double": 0.0, "bridge": 0.0, "tunnel": 0.0, "distractors": 0.0, "crossing": 0.0}
    settings = SimulationSettings(rates=rates, **{**plain, **changes})
    return mast_scene(settings, "模拟线/up/甲站/D046", np.random.default_rng(seed))


@cache
def sound_mast(seed=3):
    return mast({}, seed)[0]


@cache
def sound_caster():
    return Caster(sound_mast(), 0)


def rendered(caster, camera):
    """Return (H, W) light in [0, 1] and the items; two lamps beside the camera."""
    right, down, _ = camera.rotation
    power = 2.0 * (camera.lens.focus_mm / 5000) ** 2  # the same at any distance
    lamps = tuple(Lamp(camera.position + right * k - down * 100, power) for k in (-400, 700))
    light = Lighting(lamps, 0.05)
    picture = render(caster, camera, light, 1, np.random.default_rng(0))
    # Neither dark wires are lost nor bright plates burnt out.
    return picture.radiance / (picture.radiance + 0.2), picture.items


def labelled(scene, camera, caster=None):
    """Return light and labels of a scene."""
    caster = caster or Caster(scene, 0)
    light, items = rendered(caster, camera)
    return light, labels(scene, items, camera, (light * 255).astype(np.uint8), caster)


def cameras_around(scene, index):
    """Yield cameras below, before, behind and beside a part that are aimed at it."""
    points = [one.mesh.corners.reshape(-1, 3) for one in scene.bodies if one.item == index]
    item, damage = scene.items[index], scene.damages[index]
    points = np.concatenate([*points, damage.points, *([] if item.hull is None else [item.hull])])
    low, high = points.min(axis=0), points.max(axis=0)
    reach = float(np.linalg.norm(high - low)) / 2
    distance = max(4 * reach, 1200.0)
    ways = [(-1, 0.4, -0.5), (1, 0.4, -0.5), (-1, -0.4, -0.5), (1, -0.4, -0.5), (0.2, 1, -0.4)]
    if damage.outward is not None:
        ways = [1.5 * damage.outward + unit(way) for way in ways]
    for way in ways:
        stand = (low + high) / 2 + unit(way) * distance
        focal = 0.32 * SIZE[1] * distance / reach
        yield look_at(stand, (low + high) / 2, focal, SIZE)


def damage_shows(scene, index, camera, caster):
    """Tell whether nothing stands before one of the places where a part is damaged."""
    mouths = [points for role, points in scene.items[index].lines if role.startswith("hole")]
    spots = np.concatenate([scene.damages[index].points, *mouths])
    return not Sight(scene, camera, caster).hidden(spots, index).all()


def seen_damaged(component, condition):
    """Return camera, light, label and boxes of what a damaged part shows."""
    scene, _ = mast({component: {condition: 1.0}})
    caster = Caster(scene, 0)
    for index, item in enumerate(scene.items):
        if (item.component, item.state.condition) != (component, condition):
            continue
        for camera in cameras_around(scene, index):
            if not damage_shows(scene, index, camera, caster):
                continue
            light, found = labelled(scene, camera, caster)
            own = [one for one in found if one.part_id == item.part_id and one.is_evident]
            if own and not own[0].is_ignored:
                hanging = [one.box for one in found if one.part_id == f"{item.part_id}-object"]
                return camera, light, own[0], [own[0].box, *hanging]
    raise AssertionError(f"no camera shows {component} {condition}")


def test_every_condition_of_the_taxonomy_can_be_made():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    kinds = {name: set(kind.conditions) for name, kind in taxonomy.components.items()}
    assert {name: set(made) for name, made in MADE.items()} == kinds


@pytest.mark.parametrize(("component", "condition"), PAIRS)
def test_a_camera_sees_each_condition_where_its_label_says(component, condition):
    camera, light, label, boxes = seen_damaged(component, condition)
    assert (label.component, label.condition) == (component, condition)
    assert 0 < label.severity <= 1
    sound, _ = rendered(sound_caster(), camera)
    # Rays fall at other places in the pixel, so edges differ a little: blur before comparing.
    change = np.abs(cv2.GaussianBlur(light, (0, 0), 1.5) - cv2.GaussianBlur(sound, (0, 0), 1.5))
    inside = np.zeros(change.shape, bool)
    for box in boxes:
        rows = slice(max(int(box.y0) - 3, 0), int(box.y1) + 3)
        inside[rows, max(int(box.x0) - 3, 0) : int(box.x1) + 3] = True
    assert change[inside].max() > 0.05
    assert change[inside].mean() > 2 * change[~inside].mean()


def corners_by_part(scene):
    """Return the drawn points of each labelled part."""
    parts: dict[str, list] = {}
    for body in scene.bodies:
        parts.setdefault(scene.items[body.item].part_id, []).append(body.mesh.corners)
    return parts


@pytest.mark.parametrize(
    ("component", "condition"),
    [("dropper", "broken"), ("insulator", "flashover"), ("bolt", "loose")],
)
def test_a_defect_of_one_part_changes_no_other_part(component, condition):
    sound = corners_by_part(sound_mast())
    damaged, _ = mast({component: {condition: 1.0}})
    others = {one.part_id for one in damaged.items if one.component not in ("", component)}
    drawn = corners_by_part(damaged)
    assert len(others) > 8
    for part in others:
        assert all(np.array_equal(a, b) for a, b in zip(sound[part], drawn[part], strict=True))


def test_a_loose_bolt_moves_nothing_that_only_looks_like_a_defect():
    busy = {"distractors": 1.0, "double": 1.0, "crossing": 1.0}
    scenes = [mast(rates, **busy)[0] for rates in ({}, {"bolt": {"loose": 1.0}})]
    sound, damaged = (corners_by_part(scene) for scene in scenes)
    assert {one for one in sound if "spare" in one or "hanging" in one}
    bolts = {one.part_id for one in scenes[0].items if one.component == "bolt"}
    assert len(bolts) > 10
    for part in set(sound) - bolts:
        assert all(np.array_equal(a, b) for a, b in zip(sound[part], damaged[part], strict=True))


class Staged(Build):
    """A mast on which one component has a given state and all others are sound."""

    def __init__(self, component, state):
        super().__init__(SimulationSettings(rates={}), "线/up/站/D046", np.random.default_rng(4))
        self.staged = (component, state)

    def state(self, component, part):
        return self.staged[1] if component == self.staged[0] else State()


def item_of(scene, component, condition):
    return next(
        index
        for index, one in enumerate(scene.items)
        if (one.component, one.state.condition) == (component, condition)
    )


def lines_of(scene, component, condition, role):
    item = scene.items[item_of(scene, component, condition)]
    return [points for name, points in item.lines if name == role]


def points_of(scene, component, condition, materials=()):
    index = item_of(scene, component, condition)
    own = [one for one in scene.bodies if one.item == index]
    own = [one for one in own if not materials or one.material in materials]
    return np.concatenate([one.mesh.corners.reshape(-1, 3) for one in own])


def bow(path):
    """Return the greatest distance of a course (P, 3) from its chord, mm."""
    chord = (path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0])
    return np.linalg.norm(np.cross(path - path[0], chord), axis=1).max()


def staged(component, condition, severity):
    return Staged(component, State(condition, severity))


def bolt_line(condition, severity, role):
    build = staged("bolt", condition, severity)
    add_bolt(build, "one", Hole(np.zeros(3), point(0, 0, 1), 20.0, M16))
    return lines_of(build.scene, "bolt", condition, role)[0][0, 2]


def wire(component, condition, severity):
    build = staged(component, condition, severity)
    add_wires(build, point(0, 100, 7000))
    return build.scene


def arm(component, condition, severity, role):
    build = staged(component, condition, severity)
    add_cantilever(build)
    return lines_of(build.scene, component, condition, role)[0]


def moved(component, severity, role):
    """Return how far a part that is off lies from where it belongs, mm."""
    off = arm(component, "off", severity, role)
    sound = arm(component, "normal", 0.0, role)
    return np.linalg.norm(off - sound, axis=1).max()


def seat_drop(severity):
    build = staged("messenger_seat", "off", severity)
    seat = add_cantilever(build).seat
    hanging = build.scene.damages[item_of(build.scene, "messenger_seat", "off")].points[0] - seat
    return np.linalg.norm(hanging - point(0, 0, -np.linalg.norm(hanging)))


def tube_bow(severity):
    build = staged("cantilever", "bent", severity)
    add_tube(build, "one", (np.zeros(3), point(0, 2000, 0)), 1.0, [0.2])
    return bow(lines_of(build.scene, "cantilever", "bent", "axis")[0])


def plate_dirt(severity):
    build = staged("number_plate", "unreadable", severity)
    build.mast_id = "线/up/站/D047"
    add_plate(build, point(-200, 3000, 5000))
    pieces = points_of(build.scene, "number_plate", "unreadable", ("rust",)).reshape(-1, 3, 3)
    sides = pieces[:, 1:] - pieces[:, :1]
    return np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum()


def foreign_size(condition, severity):
    build = staged("foreign_object", condition, severity)
    perch = Perch(np.zeros(3), point(0, 1, 0), 30.0)
    add_foreign_object(build, {condition: [perch]})
    return np.ptp(points_of(build.scene, "foreign_object", condition), axis=0).max()


def insulator_scene(condition, severity):
    scene = Scene()
    ends = (np.zeros(3), point(0, 500, 0))
    state = State(condition, severity)
    insulator(scene, ends, "one", state, np.random.default_rng(2), "porcelain")
    return scene


def porcelain(condition, severity):
    """Return how far an insulator's points lie from its axis in all, mm; less when some is lost."""
    scene = insulator_scene(condition, severity)
    return -np.linalg.norm(points_of(scene, "insulator", condition)[:, [0, 2]], axis=1).sum()


def hanging_dropper(condition, severity):
    scene = Scene()
    ends = (point(0, 0, 6500), point(0, 0, 5300))
    # This seed leaves both ends of a broken dropper hanging, so that the gap can be measured.
    dropper(scene, *ends, "one", State(condition, severity), np.random.default_rng(9))
    return scene


def pin(condition, severity, roles):
    scene = Scene()
    end = PinEnd(np.zeros(3), point(1, 0, 0), point(0, 0, 1), 10.0)
    split_pin(scene, end, "one", State(condition, severity), np.random.default_rng(2))
    return np.concatenate([lines_of(scene, "split_pin", condition, role)[0] for role in roles])


def wire_line(component, condition, severity, role="damage"):
    return lines_of(wire(component, condition, severity), component, condition, role)


def roles_of_frayed(severity):
    scene = wire("messenger_wire", "strand_broken", severity)
    index = item_of(scene, "messenger_wire", "strand_broken")
    return [role for role, _ in scene.items[index].lines]


def worn_face(severity):
    face = points_of(wire("contact_wire", "worn", severity), "contact_wire", "worn", ("polished",))
    return np.median(face[:, 2])


def cord(condition, severity):
    """Return the damaged points of a dropper 1200 mm long."""
    return hanging_dropper(condition, severity).damages[0].points


def hung_size(severity):
    scene = insulator_scene("foreign_object", severity)
    return np.ptp(points_of(scene, "foreign_object", hung(severity)), axis=0).max()


GROWS = {  # what severity says, measured on what was built
    "a loose nut's gap": lambda s: bolt_line("loose", s, "nut"),
    "how far a bolt without nut slid back": lambda s: -bolt_line("nut_missing", s, "bolt_head"),
    "cut strands": lambda s: sum("strand_end" in role for role in roles_of_frayed(s)),
    "burn of a messenger wire": lambda s: np.ptp(wire_line("messenger_wire", "burned", s)[0][:, 0]),
    "burn of a contact wire": lambda s: np.ptp(wire_line("contact_wire", "burned", s)[0][:, 0]),
    "depth worn off": worn_face,
    "angle of a kink": lambda s: bow(wire_line("contact_wire", "kinked", s)[0]),
    "drop of a steady arm": lambda s: moved("steady_arm", s, "arm"),
    "bow of a steady arm": lambda s: bow(arm("steady_arm", "bent", s, "arm")),
    "way of a clamp off its wire": lambda s: moved("clamp", s, "clamp"),
    "way of a clevis off its tube": lambda s: moved("clevis", s, "pin_axis"),
    "way of a seat off its tube": seat_drop,
    "bow of a tube": tube_bow,
    "dirt on a plate": plate_dirt,
    "size of a nest": lambda s: foreign_size("nest", s),
    "size of a film": lambda s: foreign_size("film", s),
    "size of a branch": lambda s: foreign_size("branch", s),
    "lost share of a shed": lambda s: porcelain("shed_missing", s),
    "broken sector of a shed": lambda s: porcelain("shed_broken", s),
    "size of what hangs on an insulator": hung_size,
    "gap of a dropper": lambda s: np.ptp(cord("broken", s)[:, 2]),
    "bow of a slack dropper": lambda s: np.abs(cord("slack", s)[:, :2]).max(),
    "way of a dropper's clamp off its wire": lambda s: cord("clamp_off", s)[0, 2],
    "way of a split pin out of its hole": lambda s: -pin("loose", s, ("head",))[0, 2],
    "closed legs of a split pin": lambda s: (
        -np.ptp(pin("not_opened", s, ("leg_1", "leg_2")), axis=0).max()
    ),
}


def hung(severity):
    items = insulator_scene("foreign_object", severity).items
    return next(one.state.condition for one in items if one.component == "foreign_object")


@pytest.mark.parametrize("what", GROWS)
def test_severity_says_how_bad_it_is(what):
    slight, medium, severe = (GROWS[what](severity) for severity in (0.1, 0.5, 1.0))
    assert slight < medium < severe


@pytest.mark.parametrize(("condition", "is_ignored"), [("normal", True), ("burned", False)])
def test_only_the_damaged_stretch_of_a_wire_has_a_box_that_counts(condition, is_ignored):
    scene, course = Scene(), np.array([[-200.0, 1000, 0], [200, 1000, 0]])
    item = Item("contact_wire", "one", State(condition, 0.5), (("wire", course),))
    index = scene.item(item)
    scene.add(index, "plate", tube(course, 20))
    camera = look_at(np.zeros(3), point(0, 1000, 0), 500.0, SIZE)
    _, (label,) = labelled(scene, camera)
    assert label.is_ignored is is_ignored
    assert label.lines[0].role == "wire"


def test_the_course_of_a_wire_ends_before_the_camera():
    scene, course = Scene(), np.array([[0.0, -1000, 50], [0, 500, 50], [0, 1000, 50]])
    index = scene.item(Item("contact_wire", "one", lines=(("wire", course),)))
    scene.add(index, "plate", tube(course, 20))
    camera = look_at(np.zeros(3), point(0, 1000, 0), 500.0, SIZE)
    _, (label,) = labelled(scene, camera)
    assert len(label.lines[0].points) == 2


def test_the_label_of_a_damaged_wire_is_the_damage_and_not_the_wire():
    scene = wire("contact_wire", "burned", 0.5)
    (damage,) = lines_of(scene, "contact_wire", "burned", "damage")
    drawn = points_of(scene, "contact_wire", "burned")
    assert np.ptp(drawn[:, 0]) == pytest.approx(np.ptp(damage[:, 0]), abs=2)
    assert np.ptp(drawn[:, 0]) == pytest.approx(210, abs=5)


def test_a_contact_wire_has_two_grooves_above_its_middle():
    outline = grooved(7.2, 0.0)
    assert np.ptp(outline, axis=0) == pytest.approx([14.4, 14.4], abs=0.15)
    right = outline[outline[:, 0] > 0]
    heights = ((-1, 2.9), (3, 4.5), (5, 5.5))
    below, groove, head = (
        right[(right[:, 1] > low) & (right[:, 1] < high), 0] for low, high in heights
    )
    assert groove.min() == pytest.approx(3.4)
    assert head.max() == pytest.approx(4.85)
    assert below.max() > 6
    assert grooved(7.2, 3.0)[:, 1].min() == pytest.approx(-4.2)


@pytest.mark.parametrize("kind", ["porcelain", "composite"])
def test_a_rod_insulator_has_8_to_30_sheds(kind):
    counts = set()
    for seed in range(40):
        scene, random = Scene(), np.random.default_rng(seed)
        ends = (np.zeros(3), point(0, random.uniform(430, 640), 0))
        insulator(scene, ends, "one", State(), random, kind)
        counts.add(sum(one.material != "steel" for one in scene.bodies))
    assert 8 <= min(counts) < max(counts) <= 30
    assert max(counts) > 15


def test_a_nut_has_the_size_of_its_standard():
    build = staged("bolt", "normal", 0.0)
    add_bolt(build, "one", Hole(np.zeros(3), point(0, 0, 1), 20.0, M16))
    corners = points_of(build.scene, "bolt", "normal", ("steel",))
    nut = corners[(corners[:, 2] > 5) & (corners[:, 2] < 17)]
    width = 2 * np.linalg.norm(nut[:, :2], axis=1).max()
    assert width == pytest.approx(24 / np.cos(np.pi / 6), 0.01)


def test_bolts_too_small_to_judge_do_not_count():
    scene, places = mast({}, 0)
    camera = mast_camera(Role.GLOBAL, None, places, SIZE, np.random.default_rng(1))
    bolts = [one for one in labelled(scene, camera)[1] if one.component == "bolt"]
    assert len(bolts) > 3
    assert all(one.is_ignored for one in bolts)


def test_two_masts_carry_different_numbers():
    drawn = []
    for number in ("D046", "D047"):
        build = staged("number_plate", "normal", 0.0)
        build.mast_id = f"线/up/站/{number}"
        build.own = lambda part: np.random.default_rng(1)
        add_plate(build, point(-200, 3000, 5000))
        drawn.append(points_of(build.scene, "number_plate", "normal", ("ink",)))
    assert not np.array_equal(*drawn)


@pytest.mark.parametrize("severity", [0.2, 1.0])
def test_things_sit_on_a_bent_tube_where_it_is_straight(severity):
    build = staged("cantilever", "bent", severity)
    add_tube(build, "one", (np.zeros(3), point(0, 2000, 0)), 1.0, [0.2])
    drawn = points_of(build.scene, "cantilever", "bent")
    assert len(build.tubes) == 2
    for piece in build.tubes:
        for share in (0.0, 0.5, 1.0):
            assert np.linalg.norm(np.cross(piece.at(share), point(0, 1, 0))) < 1e-6
        assert np.linalg.norm(drawn - piece.end, axis=1).min() <= piece.radius + 1e-6


def test_plain_bolts_are_as_large_as_labelled_ones_and_much_lighter():
    build, plain = staged("bolt", "normal", 0.0), Scene()
    hole = Hole(np.zeros(3), point(0, 0, 1), 20.0, M16)
    add_bolt(build, "one", hole)
    plain_bolt(plain, plain.item(Item()), hole, build.own("one"))
    sizes, counts = zip(
        *(
            (
                np.ptp(np.concatenate([one.mesh.corners for one in bodies]).reshape(-1, 3), axis=0),
                sum(len(one.mesh.corners) for one in bodies),
            )
            for bodies in (build.scene.bodies, plain.bodies)
        ),
        strict=True,
    )
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)
    assert counts[1] < 0.6 * counts[0]
