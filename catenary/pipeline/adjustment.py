"""Bundle adjustment of cameras that are bolted to one car, up to a projective frame.

Places in the picture of one camera, the reference, and the parallax from a plane tell where a part
is: (u, v, k). Any other camera shows it at a projective function of these. No focal length and no
stand is needed for that, and none is found: it is enough to tell where a part that two cameras show
lies in the picture of a third.

Sources: Shashua & Navab, Relative affine structure, IEEE PAMI 18(9), 1996; Triggs et al., Bundle
adjustment: a modern synthesis, 2000 (Schur complement, robust weights).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TERMS = 12  # of a camera: 3 + 3 of the numerators, 2 + 1 of the denominator, 2 of k, 1 distortion
_MIDDLE = np.array([0.5, 0.4])  # of a picture over its width; the lens distorts around it
# How far the terms of a camera are believed to lie from where they start.
_FREEDOM = np.array([0.3, 1, 1, 0.3, 1, 1, 1, 1, 10, 10, 10, 0.1])
_SHIFT = 0.03  # by which the car may have moved between two exposures, as seen by the reference
_HORIZON = 2.0
_TAIL = 9.0  # squared standard deviations beyond which an observation loses weight (Cauchy)
_STEP = 1e-6  # of numeric derivatives
_LEAST_GAIN = 1e-4  # of the cost, below which nothing more is to be had
_MOST_DAMPING = 1e8


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """N places at which cameras show points, as parallel arrays.

    Attributes:
        camera: (N,) index of the camera.
        point: (N,) index of the point.
        shift: (N,) index of the car's own way since the reference flashed; -1 for none.
        xy: (N, 2) place over the width of the picture.
        noise: (N,) standard deviation of it.
    """

    camera: Ints
    point: Ints
    shift: Ints
    xy: Floats
    noise: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is adjusted.

    Attributes:
        cameras: (C, 12) terms.
        points: (P, 3) u, v, k.
        shifts: (S, 3) ways of the car, as u, v, k, for cameras that flashed at another time.
        horizon: (3,) of u, v, k in the plane at infinity, (., ., 1, .): a way seen from far off
            moves a part less.
    """

    cameras: Floats
    points: Floats
    shifts: Floats
    horizon: Floats


def reference() -> Floats:
    """Return the terms of a camera that shows (u, v, k) at (u, v)."""
    terms = np.zeros(TERMS)
    terms[[1, 5]] = 1
    return terms


def project(cameras: Floats, points: Floats) -> Floats:
    """Return where cameras (N, 12) show points (N, 3): (N, 2), over the width of the picture."""
    u, v, k = points.T
    c = cameras.T
    below = 1 + c[6] * u + c[7] * v + c[8] * k
    x = (c[0] + c[1] * u + c[2] * v + c[9] * k) / below - _MIDDLE[0]
    y = (c[3] + c[4] * u + c[5] * v + c[10] * k) / below - _MIDDLE[1]
    bent = 1 + c[11] * (x**2 + y**2)
    shown: Floats = np.stack([x * bent, y * bent], axis=1) + _MIDDLE
    return shown


def seen(model: Model, at: Sightings) -> Floats:
    """Return where the model says that the points are seen, (N, 2)."""
    points = moved(model.points[at.point], _ways(model, at), model.horizon)
    return project(model.cameras[at.camera], points)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What may be adjusted.

    Attributes:
        reference: The camera of which the distortion alone is free; None where all are known, and
            only points and shifts are looked for.
        parallax: Standard deviation of k; a tiny one keeps all points in one plane.
    """

    reference: int | None
    parallax: float = 0.1


def adjust(model: Model, at: Sightings, terms: Terms, rounds: int = 40) -> Model:
    """Return cameras, points and shifts that explain the sightings best.

    Levenberg-Marquardt; the points are eliminated by Schur's complement, and what lies far off
    counts little.

    Args:
        model: To start from.
        at: What was seen.
        terms: What is free.
        rounds: At most.
    """
    start, damping = model, 1e-3
    now = _cost(model, start, at, terms)
    for _ in range(rounds):
        normal = _normal(model, start, at, terms)
        better = None
        while better is None and damping < _MOST_DAMPING:
            tried = normal.step(model, damping)
            cost = _cost(tried, start, at, terms)
            better = tried if cost < now else None
            damping = max(damping / 5, 1e-9) if better else damping * 5
        if better is None:
            break
        gain, model, now = now - cost, better, cost
        if gain < _LEAST_GAIN * now:
            break
    return model


def moved(points: Floats, ways: Floats, horizon: Floats) -> Floats:
    """Return points (N, 3) as seen after the car has gone some ways (N, 3).

    A translation keeps the plane at infinity, point by point: X becomes X + (h X) d with h d = 0,
    for homogeneous X = (u, v, 1, k).
    """
    weight = 1 + points @ horizon
    below = 1 - weight * (ways @ horizon)
    gone: Floats = (points + weight[:, None] * ways) / below[:, None]
    return gone


def _ways(model: Model, at: Sightings) -> Floats:
    ways: Floats = np.concatenate([model.shifts, np.zeros((1, 3))])[at.shift]
    return ways


def _cost(model: Model, start: Model, at: Sightings, terms: Terms) -> float:
    far = (((seen(model, at) - at.xy) / at.noise[:, None]) ** 2).sum(axis=1)
    if not np.isfinite(far).all():
        return float("inf")
    prior = (((model.cameras - start.cameras) / _FREEDOM) ** 2).sum()
    prior += ((model.points[:, 2] / terms.parallax) ** 2).sum() + (
        (model.shifts / _SHIFT) ** 2
    ).sum()
    prior += ((model.horizon / _HORIZON) ** 2).sum()
    return float(_TAIL * np.log1p(far / _TAIL).sum() + prior)


@dataclass(frozen=True, slots=True, eq=False)
class _Normal:
    """The normal equations of one round: cameras and shifts (A unknowns) beside P points."""

    outer: Floats  # (A, A)
    outer_slope: Floats  # (A,)
    inner: Floats  # (P, 3, 3)
    inner_slope: Floats  # (P, 3)
    mixed: Floats  # (P, A, 3)
    free: NDArray[np.bool_]  # (A,)

    def step(self, model: Model, damping: float) -> Model:
        """Return the model after one damped step."""
        trace = np.einsum("pii->pi", self.inner)
        inverse = np.linalg.inv(self.inner + damping * trace[:, :, None] * np.eye(3))
        weighed = np.einsum("pai,pij->paj", self.mixed, inverse)
        count = len(self.inner_slope)
        flat = weighed.transpose(1, 0, 2).reshape(-1, 3 * count)
        left = self.outer + damping * np.diag(np.diag(self.outer))
        left = left - flat @ self.mixed.transpose(1, 0, 2).reshape(-1, 3 * count).T
        right = self.outer_slope - flat @ self.inner_slope.reshape(-1)
        outer = np.zeros(len(right))
        outer[self.free] = -np.linalg.solve(left[np.ix_(self.free, self.free)], right[self.free])
        rest = self.inner_slope + np.einsum("pai,a->pi", self.mixed, outer)
        split = model.cameras.size
        return Model(
            model.cameras + outer[:split].reshape(model.cameras.shape),
            model.points - np.einsum("pij,pj->pi", inverse, rest),
            model.shifts + outer[split:-3].reshape(model.shifts.shape),
            model.horizon + outer[-3:],
        )


def _normal(model: Model, start: Model, at: Sightings, terms: Terms) -> _Normal:
    missed = (seen(model, at) - at.xy) / at.noise[:, None]
    root = 1 / np.sqrt(1 + (missed**2).sum(axis=1) / _TAIL)
    missed = missed * root[:, None]
    scale = (root / at.noise)[:, None, None]
    by_camera, by_point, by_way, by_horizon = (one * scale for one in _slopes(model, at))
    cameras, split = len(model.cameras), model.cameras.size
    size = split + model.shifts.size + 3
    rows = np.zeros((len(at.point), 2, size))  # slopes by cameras, shifts and horizon
    each = np.arange(len(at.point))
    for term in range(TERMS):
        rows[each, :, at.camera * TERMS + term] = by_camera[:, :, term]
    gone = np.flatnonzero(at.shift >= 0)
    for axis in range(3):
        rows[gone, :, split + at.shift[gone] * 3 + axis] = by_way[gone, :, axis]
    rows[:, :, -3:] = by_horizon
    beliefs = [np.tile(_FREEDOM, cameras), np.full(model.shifts.size, _SHIFT), np.full(3, _HORIZON)]
    prior = np.concatenate(beliefs) ** -2
    away = np.concatenate(
        [(model.cameras - start.cameras).ravel(), model.shifts.ravel(), model.horizon]
    )
    flat = rows.reshape(-1, size)
    count = len(model.points)
    inner, slope = np.zeros((count, 3, 3)), np.zeros((count, 3))
    np.add.at(inner, at.point, np.einsum("nki,nkj->nij", by_point, by_point))
    np.add.at(slope, at.point, np.einsum("nki,nk->ni", by_point, missed))
    inner[:, 2, 2] += terms.parallax**-2
    slope[:, 2] += model.points[:, 2] * terms.parallax**-2
    return _Normal(
        flat.T @ flat + np.diag(prior),
        flat.T @ missed.ravel() + prior * away,
        inner + 1e-6 * np.eye(3),
        slope,
        _mixed(model, at, (by_camera, by_way, by_horizon), by_point),
        _free(model, terms.reference),
    )


def _mixed(
    model: Model, at: Sightings, outer: tuple[Floats, Floats, Floats], by_point: Floats
) -> Floats:
    """Return the products (P, A, 3) of both kinds of slopes; ``outer`` by camera, way, horizon."""
    each = [np.einsum("nka,nki->nai", one, by_point) for one in outer]
    count = len(model.points)
    cameras = np.zeros((count, len(model.cameras), TERMS, 3))
    ways = np.zeros((count, len(model.shifts) + 1, 3, 3))  # the last: of those that have none
    horizon = np.zeros((count, 3, 3))
    np.add.at(cameras, (at.point, at.camera), each[0])
    np.add.at(ways, (at.point, at.shift), each[1])
    np.add.at(horizon, at.point, each[2])
    by_way = ways[:, :-1].reshape(count, -1, 3)
    return np.concatenate([cameras.reshape(count, -1, 3), by_way, horizon], axis=1)


def _free(model: Model, reference: int | None) -> NDArray[np.bool_]:
    free = np.ones(model.cameras.size + model.shifts.size + 3, bool)
    if reference is None:
        free[: model.cameras.size] = free[-3:] = False
    else:
        free[reference * TERMS : (reference + 1) * TERMS - 1] = False
    return free


def _slopes(model: Model, at: Sightings) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the slopes by the camera (N, 2, 12), the point, the way and the horizon (N, 2, 3)."""
    cameras, points, ways = model.cameras[at.camera], model.points[at.point], _ways(model, at)
    horizon = model.horizon
    there = moved(points, ways, horizon)
    base = project(cameras, there)

    def slope(changed: Floats) -> Floats:
        steep: Floats = (changed - base) / _STEP
        return steep

    units = np.eye(TERMS) * _STEP
    axes = np.eye(3) * _STEP
    return (
        np.stack([slope(project(cameras + one, there)) for one in units], axis=2),
        np.stack(
            [slope(project(cameras, moved(points + one, ways, horizon))) for one in axes], axis=2
        ),
        np.stack(
            [slope(project(cameras, moved(points, ways + one, horizon))) for one in axes], axis=2
        ),
        np.stack(
            [slope(project(cameras, moved(points, ways, horizon + one))) for one in axes], axis=2
        ),
    )
