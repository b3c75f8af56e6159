"""One mast with its cantilever, and the span of wires and droppers on both sides of it.

Axes: x along the track, y across it towards the mast side, z up from the rail; millimetres.
Dimensions are our starting values for a 25 kV line: contact wire at 5.25-6 m, system height
1-1.6 m, spans of 45-62 m, stagger up to 320 mm, mast 2.7-3.3 m beside the track.
"""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.build import Build, Cover, Post
from catenary.simulation.cantilever import Cantilever, add_cantilever
from catenary.simulation.distractors import add_distractors
from catenary.simulation.foreign import Perch, add_foreign_object
from catenary.simulation.jumpers import add_equipotential, add_jumper, add_midpoint_ropes
from catenary.simulation.posts import add_post, add_seats
from catenary.simulation.scene import Scene, Vector, point
from catenary.simulation.settings import SimulationSettings
from catenary.simulation.span import Wires, add_wires
from catenary.simulation.surroundings import add_surroundings
from catenary.simulation.suspension import add_stays, add_suspension
from catenary.simulation.tunnel import add_bridge, add_tunnel


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where cameras look: (x, y, z) in mm.

    Attributes:
        side: +1 or -1: the side of the mast.
        contact_height: Of the contact wire at the mast.
        flat_insulator: Middle.
        inclined_insulator: Middle.
        seat: Messenger-wire seat.
        steady: Lower end of the steady-arm fitting.
        joints: Split pins of the clevises.
        droppers: Upper and lower end of each.
        mast: Middle of the mast, at the height of the rail.
        plate: Middle of the number plate; None on masts without.
        suspension: Middle of the additional suspension's insulator; None on masts without.
    """

    side: float
    contact_height: float
    flat_insulator: Vector
    inclined_insulator: Vector
    seat: Vector
    steady: Vector
    joints: tuple[Vector, ...]
    droppers: tuple[tuple[Vector, Vector], ...]
    mast: Vector
    plate: Vector | None
    suspension: Vector | None


def mast_scene(
    settings: SimulationSettings, mast_id: str, random: np.random.Generator
) -> tuple[Scene, Places]:
    """Build a mast and its span.

    Args:
        settings: Rates of conditions and shares of what stands around.
        mast_id: Prefix of the part ids.
        random: Decides everything; the same state gives the same scene.
    """
    build = Build(settings, mast_id, random)
    double = settings.double > random.random()
    roof = _cover(build)
    top = add_post(build, roof)
    gap = random.uniform(1200, 2000) if double else 0.0
    build.x = -gap / 2
    arms, wires = _carried(build)
    droppers = list(wires.droppers)
    add_foreign_object(build, _perches(build, wires))
    if double:
        droppers += _carried(_raised(build, gap / 2))[1].droppers
    suspension = None
    if build.cover is Cover.OPEN and build.post is not Post.DAVIT:
        if random.random() < 0.5:
            suspension = add_suspension(build, top)
        if random.random() < 0.12:
            add_stays(build, top)
    add_surroundings(build, wires)
    add_distractors(build, wires)
    places = Places(
        build.side,
        build.contact,
        arms.flat_insulator,
        arms.inclined_insulator,
        arms.seat,
        arms.steady,
        tuple(build.joints),
        tuple(droppers),
        point(0, build.mast_y, 0),
        build.plate,
        suspension,
    )
    return build.scene, places


def _raised(build: Build, x: float) -> Build:
    """Return the mast ready for the second cantilever of an overlap section.

    Its wires are those that the pantograph does not touch here: our starting values, about 0.5 m
    higher and nearer to the mast than the others.
    """
    other = build.second(x, "second-")
    other.contact += build.random.uniform(450, 550)
    other.stagger += build.side * build.random.uniform(400, 550)
    return other


def _cover(build: Build) -> float | None:
    """Add a tunnel or a bridge; return the height of a tunnel's roof over the post, mm."""
    match build.cover:
        case Cover.TUNNEL:
            build.scene.is_enclosed = True
            return add_tunnel(build)
        case Cover.BRIDGE:
            add_bridge(build)
    return None


def _carried(build: Build) -> tuple[Cantilever, Wires]:
    """Add one cantilever with its seats, wires and slack cables."""
    random = build.random
    arms = add_cantilever(build)
    add_seats(build, arms.roots)
    wires = add_wires(build, arms.seat)
    if random.random() < 0.3:
        add_jumper(build, wires)
    if random.random() < 0.5:
        add_equipotential(build, wires)
    if random.random() < 0.06:
        add_midpoint_ropes(build, wires)
    return arms, wires


def _perches(build: Build, wires: Wires) -> dict[str, list[Perch]]:
    """Return where each foreign object may hang: nests on the arms, the others on wires too."""
    share, tubes = build.own("perch").uniform(0.3, 0.65), []
    for name in ("tube-flat", "tube-inclined", "tube-registration"):
        longest = max(
            build.straights(name), key=lambda one: float(np.linalg.norm(one.end - one.start))
        )
        tubes.append(Perch(longest.at(share), longest.along, longest.radius))
    hung = [Perch(at, point(1, 0, 0), 7.0) for ends in wires.droppers for at in ends]
    return {"nest": tubes[:2], "film": tubes + hung, "branch": tubes + hung}
