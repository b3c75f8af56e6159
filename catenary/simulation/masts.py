"""One mast with its cantilever, and the span of wires and droppers on both sides of it.

Axes: x along the track, y across it towards the mast side, z up from the rail; millimetres.
Dimensions are our starting values for a 25 kV line: contact wire at 5.25-6 m, system height
1-1.6 m, spans of 45-62 m, stagger up to 320 mm, mast 2.7-3.3 m beside the track.
"""

from dataclasses import dataclass

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.cantilever import Cantilever, add_cantilever
from catenary.simulation.foreign import Perch, add_foreign_object
from catenary.simulation.posts import add_mast
from catenary.simulation.scene import Scene, Vector, point
from catenary.simulation.settings import SimulationSettings
from catenary.simulation.span import add_wires
from catenary.simulation.surroundings import add_surroundings


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
    """

    side: float
    contact_height: float
    flat_insulator: Vector
    inclined_insulator: Vector
    seat: Vector
    steady: Vector
    joints: tuple[Vector, ...]
    droppers: tuple[tuple[Vector, Vector], ...]


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
    add_mast(build)
    arms = add_cantilever(build)
    ends = add_wires(build, arms.seat)
    add_foreign_object(build, _perches(arms, ends))
    add_surroundings(build, ends)
    places = Places(
        build.side,
        build.contact,
        arms.flat_insulator,
        arms.inclined_insulator,
        arms.seat,
        arms.steady,
        tuple(build.joints),
        tuple(ends),
    )
    return build.scene, places


def _perches(arms: Cantilever, droppers: list[tuple[Vector, Vector]]) -> dict[str, list[Perch]]:
    """Return where each foreign object may hang: nests on the arms, the others on wires too."""
    tubes = list(arms.tubes)
    wires = [Perch(at, point(1, 0, 0), 7.0) for ends in droppers for at in ends]
    return {"nest": tubes[:2], "film": tubes + wires, "branch": tubes + wires}
