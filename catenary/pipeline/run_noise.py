"""How unchanged parts differ between two photographs of a run: what a change is held against."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.change import Part, Shot
from catenary.domain.geometry import Similarity
from catenary.pipeline import registration as registrations
from catenary.pipeline.registration import (
    Floats,
    Located,
    Registration,
    RegistrationSettings,
    located,
)

_MOST_TAKEN = 0.8  # by the fit, above which what is left over says nothing of a part
LEAST_SAMPLES = 8  # of a kind, below which the noise of all kinds stands for it


@dataclass(frozen=True, slots=True)
class Noise:
    """How unchanged parts differ between two photographs, measured over a whole run.

    Factors on what `RegistrationSettings` assumes, by kind of part.

    Attributes:
        place: Of the middles.
        size: Of the logarithm of the diagonal.
        angle: Of the diagonal's angle.
        odds: Standard deviation of the log-odds of a defect.
        samples: Parts that were found again.
        usual: The same four for kinds with too few samples.
    """

    place: Mapping[str, float]
    size: Mapping[str, float]
    angle: Mapping[str, float]
    odds: Mapping[str, float]
    samples: Mapping[str, int]
    usual: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.5)


def noise_of(
    pairs: Iterable[tuple[Shot, Shot, Registration]], settings: RegistrationSettings
) -> Noise:
    """Measure the noise of a run on parts that were found again, most of which are unchanged.

    Robust: the larger of two estimates, by the median and by the ninth decile of what is left
    over, so that neither changed parts nor a heavy tail mislead it.

    Args:
        pairs: Earlier and later photographs, registered with the assumed noise.
        settings: That they were registered with.
    """
    left: dict[str, list[list[float]]] = {}
    odds: dict[str, list[float]] = {}
    for earlier, later, registered in pairs:
        before, after = located(earlier), located(later)
        one, two = registered.pairs.T
        places = registrations.left_over(registered.transform, registered.pairs, before, after)
        noise = registered.noise_px[one]
        _, covariance = registered.fitted(before.centres[one], after.centres[two], noise)
        taken = registrations.leverages(before.centres[one], noise, covariance)
        growth, turn = shape_changes(registered.transform, before, after, registered.pairs)
        shape = shape_noise(before, settings)[one]
        for row, (first, second) in enumerate(zip(one, two, strict=True)):
            found = left.setdefault(str(before.kinds[first]), [[], [], []])
            # What the fit took up is given back, or few parts would seem to be exact.
            found[0] += [
                value / deviation / math.sqrt(1 - share)
                for value, deviation, share in (
                    (places[row].real, noise[row].real, taken[row].real),
                    (places[row].imag, noise[row].imag, taken[row].imag),
                )
                if share < _MOST_TAKEN
            ]
            found[1].append(growth[row] / shape[row])
            found[2].append(turn[row] / shape[row])
            step = odds_step(earlier.parts[first], later.parts[second])
            if step is not None:
                odds.setdefault(str(before.kinds[first]), []).append(step)
    return _summed_up(left, odds)


def _summed_up(
    left: Mapping[str, Sequence[Sequence[float]]], odds: Mapping[str, Sequence[float]]
) -> Noise:
    """Return the noise by kind; kinds with few samples share that of all."""
    enough = LEAST_SAMPLES
    everything = [[value for rows in left.values() for value in rows[n]] for n in range(3)]
    steps = [value for row in odds.values() for value in row]
    default = Noise({}, {}, {}, {}, {}).usual
    usual = [
        _deviation(row) if len(row) >= enough else former
        for row, former in zip((*everything, steps), default, strict=True)
    ]
    place, size, angle = (
        {kind: _deviation(rows[n]) for kind, rows in left.items() if len(rows[n]) >= enough}
        for n in range(3)
    )
    return Noise(
        place,
        size,
        angle,
        {kind: _deviation(row) for kind, row in odds.items() if len(row) >= enough},
        {kind: len(rows[1]) for kind, rows in left.items()},
        (usual[0], usual[1], usual[2], usual[3]),
    )


def _deviation(values: Sequence[float]) -> float:
    """Return a standard deviation around 0 that a tenth of outliers does not move."""
    middle, high = np.quantile(np.abs(values), [0.5, 0.9])
    return float(max(middle / 0.6745, high / 1.6449, 0.05))


def shape_changes(
    transform: Similarity, before: Located, after: Located, pairs: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return (K,) logarithm of the diagonals' ratio, and the angle between them in radians."""
    old, new = before.sides[pairs[:, 0]], after.sides[pairs[:, 1]]
    growth = np.log(np.hypot(*new.T) / np.hypot(*old.T) / transform.scale)
    turn = np.arctan2(new[:, 1], new[:, 0]) - np.arctan2(old[:, 1], old[:, 0])
    return growth, turn


def shape_noise(located: Located, settings: RegistrationSettings) -> Floats:
    """Return (N,) what is assumed of both: two edges, each as exact as a middle."""
    noise: Floats = np.abs(registrations.noise_px(located, settings)) / np.hypot(*located.sides.T)
    return noise * math.sqrt(2)


def odds_step(one: Part, two: Part) -> float | None:
    """Return the change of the log-odds of a defect, or None where one was not judged."""
    if one.probability is None or two.probability is None:
        return None
    return _log_odds(two.probability) - _log_odds(one.probability)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(kept / (1 - kept))
