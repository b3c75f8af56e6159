"""Random numbers of a run: a generator for each purpose, so that none disturbs another."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers decide; of one mast, one camera or one frame."""

    MAST = 1  # geometry and conditions, by mast
    VIEW = 2  # stand, aim and lens, by frame or (bolted on) by camera
    LIGHT = 3  # kind of light, by frame or mast
    LAMPS = 4  # by frame or camera
    WEATHER = 5  # by mast
    BACKGROUND = 6  # by frame
    RAYS = 7  # by frame
    SENSOR = 8  # by frame
    PATTERN = 9  # what is fixed in a sensor, by frame or camera
    TILE = 10  # by frame
    TRIGGER = 11  # scatter of a bolted camera, by frame
    ROOF = 12  # by frame or camera
    STRING = 13  # by frame
    GLASS = 14  # rain, by frame
    SHADE = 15  # a thing near a lamp that throws a shadow, by frame


def generator(seed: int, number: int, purpose: Purpose) -> np.random.Generator:
    """Return the generator of a purpose; ``number`` is that of the mast, camera or frame."""
    return np.random.default_rng([seed, number, purpose])
