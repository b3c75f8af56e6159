"""Which photographs were taken at one moment, and which cameras then show one dropper.

The two ends of a dropper lie in the pictures of different cameras, each cut off where the other
begins, so that no place in one picture tells the place in the other. What they share is the flash.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from catenary.pipeline.transfers import Place, Slot

CameraPair = tuple[str, str]  # the smaller first
Shots = Mapping[str, Sequence[Place]]  # the droppers that each camera shows at one moment

KIND = "dropper"
# All are our starting values, chosen on simulated cars.
FLASH = timedelta(milliseconds=50)  # 1.1 m at 80 km/h: no two droppers hang so near each other
LEAST_MASTS = 8
LEAST_MOMENTS = 20
LEAST_A_MAST = 2.0  # moments, on average: a camera triggered by masts has one
_AIMED = 0.25  # widest spread of a camera's droppers, as a share of its width: evenly is 0.37
_GATE = 2.5  # such spreads within which the dropper that a camera is aimed at hangs
_LEAST_TALL = 0.4  # of the camera's usual dropper, as much as is seen of it
_MOST_BESIDE = 0.5  # of the dropper's height: what is less is in the background, or none
_LEAST_TOLD = 0.7  # least share of the photographs with droppers that tell which one is meant
_LEAST_TRUST = 0.95
_SPREAD = 1.4826  # median distance to standard deviation


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a camera usually shows the dropper that triggered it; lengths over its width.

    Attributes:
        x: Middle of the dropper's box.
        spread: Standard deviation of that.
        tall: Height of its box.
    """

    x: float
    spread: float
    tall: float


@dataclass(frozen=True, slots=True)
class Together:
    """What is known of the cameras that droppers trigger.

    Attributes:
        aims: By camera.
        trust: By pair of cameras: how often the droppers that both are aimed at, at one moment,
            are one, in [0, 1]; estimated.
    """

    aims: Mapping[str, Aim] = field(default_factory=dict)
    trust: Mapping[CameraPair, float] = field(default_factory=dict)


NONE = Together()


def moments(taken: Mapping[str, datetime | None]) -> dict[str, int]:
    """Number the moments at which the photographs of one mast were taken, from 0.

    A moment lasts 50 ms from its first photograph on.

    Args:
        taken: Time of each photograph by its id; one without a time has no moment. Where all are
            whole seconds, in which a car passes three droppers, none has.

    >>> start = datetime.fromisoformat("2022-03-06T23:26:50.844")
    >>> moments({"a": start, "b": start + timedelta(milliseconds=3), "c": None})
    {'a': 0, 'b': 0}
    """
    found: dict[str, int] = {}
    began, number = None, -1
    timed = sorted((time, name) for name, time in taken.items() if time is not None)
    if all(time.microsecond == 0 for time, _ in timed):
        return found
    for time, name in timed:
        if began is None or time - began > FLASH:
            began, number = time, number + 1
        found[name] = number
    return found


def learn(masts: Iterable[Sequence[Place]]) -> Together:
    """Learn which cameras show one dropper whenever they flash together.

    A car's dropper cameras are triggered by the dropper that they are aimed at. Droppers hang at
    distances that vary, so a camera that were aimed elsewhere would see now none, now several, now
    here, now there. Believed are cameras that flash together over eight masts, twice a mast or
    more, and show one dropper near the same place of the picture nearly always.

    Args:
        masts: What was located at each mast, with its moments.
    """
    seen = [(mast, shots) for mast, places in enumerate(masts) for shots in _shots(places)]
    by_camera: dict[str, list[Sequence[Place]]] = defaultdict(list)
    by_pair: dict[CameraPair, list[tuple[int, Shots]]] = defaultdict(list)
    for mast, shots in seen:
        for camera, droppers in shots.items():
            if droppers:
                by_camera[camera].append(droppers)
        for pair in itertools.combinations(sorted(shots), 2):
            by_pair[pair].append((mast, shots))
    aims = {one: aim for one, shown in by_camera.items() if (aim := _aim(shown)) is not None}
    trust = {
        pair: known
        for pair, met in sorted(by_pair.items())
        if (known := _trust(pair, met, aims)) is not None
    }
    return Together(aims, trust)


def pairs(places: Iterable[Place], known: Together) -> list[tuple[Place, Place, float]]:
    """Return the droppers of one mast that two cameras are aimed at at one moment.

    Args:
        places: Of the mast.
        known: Learnt from the run.

    Returns:
        Two places each, and how far it is to be believed that they are one dropper, in [0, 1].
    """
    found = []
    for shots in _shots(places):
        meant = {
            camera: one
            for camera, droppers in sorted(shots.items())
            if camera in known.aims and (one := _meant(droppers, known.aims[camera])) is not None
        }
        for first, second in itertools.combinations(meant, 2):
            if (trust := known.trust.get((first, second))) is not None:
                found.append((meant[first], meant[second], trust))
    return found


def _shots(places: Iterable[Place]) -> list[Shots]:
    """Return the droppers by camera, for each moment of a mast at which anything was located.

    A moment at which a camera took two photographs was none.
    """
    found: dict[int, dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
    slots: dict[int, set[Slot]] = defaultdict(set)
    for one in sorted(places, key=lambda place: place.key):
        if one.moment is not None:
            slots[one.moment].add(one.slot)
            droppers = found[one.moment][one.slot[0]]
            if one.kind == KIND:
                droppers.append(one)
    return [shots for moment, shots in sorted(found.items()) if len(slots[moment]) == len(shots)]


def _aim(shown: Sequence[Sequence[Place]]) -> Aim | None:
    """Return where a camera's droppers hang, None where it is not aimed at one each time."""
    if len(shown) < LEAST_MOMENTS:
        return None
    tallest = [max(droppers, key=lambda one: one.tall) for droppers in shown]
    x = np.array([one.x for one in tallest])
    middle = float(np.median(x))
    spread = _SPREAD * float(np.median(np.abs(x - middle)))
    aim = Aim(middle, max(spread, 1e-3), float(np.median([one.tall for one in tallest])))
    told = sum(_meant(droppers, aim) is not None for droppers in shown)
    return aim if spread <= _AIMED and told >= _LEAST_TOLD * len(shown) else None


def _meant(droppers: Sequence[Place], aim: Aim) -> Place | None:
    """Return the dropper that a camera is aimed at, None where that is not clear."""
    framed = _framed(droppers, aim)
    if len(framed) != 1:
        return None
    most = _MOST_BESIDE * framed[0].tall
    return framed[0] if all(one.tall < most for one in droppers if one is not framed[0]) else None


def _framed(droppers: Sequence[Place], aim: Aim) -> list[Place]:
    return [
        one
        for one in droppers
        if abs(one.x - aim.x) < _GATE * aim.spread and one.tall > _LEAST_TALL * aim.tall
    ]


def _trust(
    pair: CameraPair, met: Sequence[tuple[int, Shots]], aims: Mapping[str, Aim]
) -> float | None:
    """Return how far two cameras are to be believed, None where they are not."""
    masts = {mast for mast, _ in met}
    if not all(camera in aims for camera in pair) or len(masts) < LEAST_MASTS:
        return None
    if len(met) < max(LEAST_MOMENTS, LEAST_A_MAST * len(masts)):
        return None
    meant = [[_meant(shots[camera], aims[camera]) for camera in pair] for _, shots in met]
    both = sum(None not in one for one in meant)
    several = [
        sum(len(_framed(shots[camera], aims[camera])) > 1 for _, shots in met) for camera in pair
    ]
    rival = (max(several) + 1) / (len(met) + 2)  # one more than was seen
    matched = (both + 1) / (len(met) + 2)
    trust = matched / (matched + (1 - matched) * rival)
    return trust if trust >= _LEAST_TRUST else None
