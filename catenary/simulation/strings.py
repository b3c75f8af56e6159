"""Long insulator strings alone, as on rectified close-ups."""

from collections.abc import Mapping

import numpy as np

from catenary.simulation.build import drawn_state
from catenary.simulation.insulators import insulator
from catenary.simulation.scene import Scene, point

_Z = point(0, 0, 1)


def string_scene(
    rates: Mapping[str, Mapping[str, float]], part_id: str, random: np.random.Generator
) -> tuple[Scene, float, float]:
    """Build one or two long insulator strings alone; return the scene, length and radius in mm."""
    scene, length = Scene(), random.uniform(1500, 4200)
    kind = str(random.choice(["disc", "composite", "porcelain"], p=[0.75, 0.15, 0.1]))
    for number in range(1 if random.random() < 0.6 else 2):
        state = drawn_state(rates, "insulator", random)
        lift = _Z * number * random.uniform(320, 500)
        ends = (point(-length / 2, 0, 0) + lift, point(length / 2, 0, 0) + lift)
        insulator(scene, ends, f"{part_id}#insulator-{number}", state, random, kind)
    return scene, length, 125.0
