"""A car with three cameras on each side of the mast, and what they show of bolts in a row."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catenary.pipeline.transfers import Place

Floats = NDArray[np.float64]

# Millimetres: x along the track, y across it, z up. The car passes masts at x = 0.
FRONTS = {"01": (-3600, -900, 4200), "02": (-3300, 700, 4000), "03": (-3900, 200, 4900)}
BACKS = {"16": (3500, -700, 4100), "17": (3300, 900, 4300), "18": (3900, 0, 5000)}
CAMERAS = {**FRONTS, **BACKS}
AIM, FOCAL = np.array([0.0, 1200.0, 6300.0]), 1.4
ROW = 90.0  # from one bolt to the next, along the track
SPOTS = {
    "clevis": ((0, 300, 6900), (10, 1500, 6000), (-10, 2300, 6800)),
    "split_pin": ((30, 300, 6850), (-20, 1500, 5950), (25, 2300, 6750)),
    "insulator": ((0, 2000, 6950), (0, 1900, 5600)),
    "clamp": ((40, -200, 5600), (-40, 900, 6400)),
    "messenger_seat": ((0, -100, 7000),),
}


def shown(camera: str, at: Floats, gone: Floats) -> tuple[float, float]:
    """Return where a pinhole camera shows a point when the car is ``gone`` from its usual place."""
    position = np.array(CAMERAS[camera], float) + gone
    ahead = AIM - np.array(CAMERAS[camera])
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    x, y, deep = np.array([right, -np.cross(right, ahead), ahead]) @ (at - position)
    return 0.5 + FOCAL * x / deep, 0.4 + FOCAL * y / deep


def mast(number: int, seen: Callable[[str, int], bool] = lambda camera, bolt: True) -> list[Place]:
    """Return what all cameras show of a mast; a key ends in its part's name: truth.

    Args:
        number: Of the mast.
        seen: Whether a camera shows a bolt of the row.
    """
    random = np.random.default_rng(number)
    sway = random.uniform(-150, 150, 3) * (0.1, 1, 1)
    parts = [
        (kind, f"{kind}-{n}", np.array(spot) + sway + random.normal(0, 25, 3))
        for kind, spots in SPOTS.items()
        for n, spot in enumerate(spots)
    ]
    row = np.array([0.0, 600.0, 6600.0]) + sway + random.normal(0, 10, 3)
    parts += [("bolt", f"bolt-{n}", row + np.array([ROW * (n - 1), 0, 0])) for n in range(3)]
    went = {side: random.normal(0, (25, 12, 6)) for side in (True, False)}
    found = []
    for camera in CAMERAS:
        for kind, name, at in parts:
            if kind != "bolt" or seen(camera, int(name[-1])):
                x, y = shown(camera, at, went[camera in FRONTS]) + random.normal(0, 1e-4, 2)
                found.append(
                    Place(f"{number}-{camera}#{name}", (camera, 0), kind, x, y, tall=0.012)
                )
    return found
