"""What changed on a mast between two photographs: parts and defects, beyond what noise explains."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from catenary.domain.change import Change, DefectChange, Incomparable, PartChange, Shot
from catenary.domain.finding import Component
from catenary.domain.geometry import Box, Similarity
from catenary.pipeline import registration as registrations
from catenary.pipeline.defect_history import HistorySettings, defects
from catenary.pipeline.registration import (
    Floats,
    Located,
    Points,
    Registration,
    RegistrationSettings,
    located,
)
from catenary.pipeline.run_noise import LEAST_SAMPLES, Noise, shape_changes, shape_noise


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """All of ``configs/compare.yaml``."""

    registration: RegistrationSettings = field(default_factory=RegistrationSettings)
    history: HistorySettings = field(default_factory=HistorySettings)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two photographs of one mast, compared.

    Attributes:
        registration: With the noise of the run.
        pairs: (K, 2) indices of the same part, those that moved away included.
        parts: What became of every part of either.
        defects: What became of every defect of either.
    """

    registration: Registration
    pairs: NDArray[np.intp]
    parts: tuple[PartChange, ...]
    defects: tuple[DefectChange, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Which part is which: every index of either photograph at most once."""

    pairs: NDArray[np.intp]  # (K, 2) that the registration rests on
    far: NDArray[np.intp]  # (F, 2) farther from their place than noise lets them be

    @property
    def all(self) -> NDArray[np.intp]:
        return np.concatenate([self.pairs, self.far])


def compare(
    earlier: Shot,
    later: Shot,
    registered: Registration,
    noise: Noise,
    registering: RegistrationSettings,
    settings: HistorySettings,
) -> Compared:
    """Say what became of every part and every defect of two registered photographs.

    Args:
        earlier: Photograph of the earlier run.
        later: The same mast and camera in the later run.
        registered: How the first lies on the second.
        noise: Of the run.
        registering: Settings of the registration.
        settings: When a change is reported.
    """
    before, after = located(earlier), located(later)
    px = registrations.noise_px(before, registering) * _factors(before, noise.place, noise.usual[0])
    tester = _Tester(before, after, px, noise, registering, settings, registered)
    registered, tested = tester.run(registered)
    joined = _joined(registered, before, after, settings)
    shots, there = (earlier, later), registered.transform
    parts = [
        *(
            _found_again(pair, test, shots, there, settings)
            for pair, test in zip(registered.pairs, tested, strict=True)
        ),
        *(
            _found_again(pair, tester.far(registered, pair), shots, there, settings)
            for pair in joined.far
        ),
        *_lost(earlier, later, registered.transform, joined, settings),
    ]
    told = Compared(registered, joined.all, (), ())
    return with_parts(told, earlier, later, parts, noise, settings)


def with_parts(
    compared: Compared,
    earlier: Shot,
    later: Shot,
    parts: Sequence[PartChange],
    noise: Noise,
    settings: HistorySettings,
) -> Compared:
    """Return a comparison with other changes of parts, and what follows of them for defects."""
    found = defects(earlier, later, compared.pairs, parts, noise, settings)
    return replace(compared, parts=tuple(parts), defects=tuple(found))


@dataclass(frozen=True, slots=True)
class _Test:
    """The most significant change of a part, or what was measured of one without."""

    change: Change
    value: float
    limit: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class _Tester:
    """Tests parts that were found again for place, size and angle."""

    before: Located
    after: Located
    noise_px: Points
    noise: Noise
    registering: RegistrationSettings
    settings: HistorySettings
    laid: Registration

    def run(self, registered: Registration) -> tuple[Registration, list[_Test]]:
        """Return the registration that rests on unchanged parts, and a test of every pair.

        Each part is held against the others' fit, not its own (deleted residuals, Belsley, Kuh
        and Welsch, "Regression Diagnostics", 1980): with three parts, one that moved would draw
        the fit after it.
        """
        pairs = registered.pairs
        is_firm = np.ones(len(pairs), bool)
        tests: list[_Test] = []
        for _ in range(2):  # once more without those that have moved
            tests = [self._tested(pairs, is_firm, row) for row in range(len(pairs))]
            firm = np.array([one.change is not Change.MOVED for one in tests], bool)
            if firm.sum() < self.registering.least_parts or np.array_equal(firm, is_firm):
                break
            is_firm = firm
        return self._refitted(registered, pairs[is_firm]), tests

    def far(self, registered: Registration, pair: NDArray[np.intp]) -> _Test:
        """Test a part that the registration does not rest on."""
        rows = np.concatenate([registered.pairs, pair[None]])
        is_firm = np.ones(len(rows), bool)
        is_firm[-1] = False
        return self._tested(rows, is_firm, len(rows) - 1)

    def _refitted(self, registered: Registration, firm: NDArray[np.intp]) -> Registration:
        if registered.is_exact:
            return replace(registered, noise_px=self.noise_px)
        p, q = self.before.centres[firm[:, 0]], self.after.centres[firm[:, 1]]
        noise = self.noise_px[firm[:, 0]]
        transform, _ = registrations.fitted(p, q, noise)
        left = registrations.left_over(transform, firm, self.before, self.after)
        spread, freedom = registrations.spread_of(left, noise, self.registering)
        error = float(np.sqrt(np.sum(np.abs(left) ** 2) / (2 * len(firm) - 4)))
        return replace(
            registered,
            transform=transform,
            noise_px=self.noise_px,
            spread=spread,
            freedom=freedom,
            error_px=error,
        )

    def _tested(self, pairs: NDArray[np.intp], is_firm: NDArray[np.bool_], row: int) -> _Test:
        others = is_firm.copy()
        others[row] = False
        firm = pairs[others]
        noise = self.noise_px[firm[:, 0]]
        transform, covariance = self.laid.fitted(
            self.before.centres[firm[:, 0]], self.after.centres[firm[:, 1]], noise
        )
        left = registrations.left_over(transform, firm, self.before, self.after)
        spread, freedom = registrations.spread_of(left, noise, self.registering)
        place = self._place(pairs[row], transform, covariance * spread, spread, freedom)
        shape = self._shape(pairs[row], transform, covariance * spread)
        changed = [one for one in (place, *shape) if one.change is not Change.UNCHANGED]
        return max(changed or [place], key=lambda one: one.value / one.limit)

    def _place(
        self,
        pair: NDArray[np.intp],
        transform: Similarity,
        covariance: Floats,
        spread: float,
        freedom: float,
    ) -> _Test:
        """Test the displacement; its limit is that in the direction in which it moved."""
        point = self.before.centres[pair[0] : pair[0] + 1]
        rows = registrations.rows_of(point)  # (2, 4)
        own = self.noise_px[pair[0]]
        fit = np.einsum("ij,jk,ik->i", rows, covariance, rows)
        scatter = math.sqrt(spread) * np.array([own.real, own.imag])
        # Parts that happen to fit well do not make any box exacter than a box is.
        exact = self.registering.floor * self.after.side_px
        deviation = np.hypot(np.sqrt(fit), np.maximum(scatter, exact))
        step = complex(registrations.left_over(transform, pair[None], self.before, self.after)[0])
        far = math.hypot(step.real / deviation[0], step.imag / deviation[1])
        most = _most_apart(self.settings.chance, freedom)
        value = abs(step)
        limit = value * most / far if far > 0 else float(most * deviation.min())
        return _Test(Change.MOVED if far > most else Change.UNCHANGED, value, limit, "px")

    def _shape(
        self, pair: NDArray[np.intp], transform: Similarity, covariance: Floats
    ) -> Iterator[_Test]:
        """Test size and, of long parts, angle."""
        if abs(transform.rotation_deg) > self.settings.upright_deg:
            return
        growth, turn = shape_changes(transform, self.before, self.after, pair[None])
        usual = float(shape_noise(self.before, self.registering)[pair[0]])
        kind = str(self.before.kinds[pair[0]])
        samples = max(self.noise.samples.get(kind, 0), LEAST_SAMPLES)
        most = _most(self.settings.chance, samples)
        fit = math.sqrt(covariance[0, 0]) / transform.scale
        factor = self.noise.size.get(kind, self.noise.usual[1])
        limit = most * math.hypot(factor * usual, fit)
        change = Change.GROWN if growth[0] > 0 else Change.SHRUNK
        is_changed = abs(growth[0]) > limit
        value = math.expm1(abs(growth[0]))
        yield _Test(change if is_changed else Change.UNCHANGED, value, math.expm1(limit), "1")
        sides = self.before.sides[pair[0]]
        if sides.max() < self.settings.long * sides.min():
            return
        factor = self.noise.angle.get(kind, self.noise.usual[2])
        limit = most * math.hypot(factor * usual, math.sqrt(covariance[1, 1]) / transform.scale)
        is_changed = abs(turn[0]) > limit
        yield _Test(
            Change.TURNED if is_changed else Change.UNCHANGED,
            math.degrees(abs(turn[0])),
            math.degrees(limit),
            "deg",
        )


@lru_cache(maxsize=4096)  # scipy takes longer over these than over all the rest
def _most_apart(chance: float, freedom: float) -> float:
    """Return the distance, in standard deviations of both axes, that chance passes so often."""
    return math.sqrt(2 * float(stats.f.ppf(1 - chance, 2, freedom)))


@lru_cache(maxsize=4096)
def _most(chance: float, freedom: float) -> float:
    return float(stats.t.ppf(1 - chance / 2, freedom))


def _factors(located: Located, by_kind: Mapping[str, float], usual: float) -> Floats:
    return np.array([by_kind.get(str(kind), usual) for kind in located.kinds], np.float64)


def _joined(
    registered: Registration, before: Located, after: Located, settings: HistorySettings
) -> _Joined:
    """Pair what is left: a part and one of its kind and size nearest to its place, mutually."""
    pairs = registered.pairs
    old = np.setdiff1d(np.arange(len(before.kinds)), pairs[:, 0])
    new = np.setdiff1d(np.arange(len(after.kinds)), pairs[:, 1])
    if not len(old) or not len(new):
        return _Joined(pairs, np.empty((0, 2), np.intp))
    places = registered.transform.alpha * before.centres[old] + registered.transform.beta
    misses = np.abs(places[:, None] - after.centres[new][None, :])
    ratio = registrations.growths(before, after)[np.ix_(old, new)]
    reach = np.maximum(settings.far * after.side_px, before.sides[old].max(axis=1))
    fits = before.kinds[old][:, None] == after.kinds[new][None, :]
    fits &= (ratio < math.log(1.5)) & (misses < reach[:, None])
    misses = np.where(fits, misses, np.inf)
    best = misses.argmin(axis=1)
    is_mutual = misses.argmin(axis=0)[best] == np.arange(len(old))
    is_near = np.isfinite(misses[np.arange(len(old)), best])
    chosen = is_mutual & is_near
    return _Joined(pairs, np.stack([old[chosen], new[best[chosen]]], axis=1))


def _found_again(
    pair: NDArray[np.intp],
    test: _Test,
    shots: tuple[Shot, Shot],
    transform: Similarity,
    settings: HistorySettings,
) -> PartChange:
    """Return what became of a part that both show; boxes that are not sure prove no change."""
    one, two = (shot.parts[index].component for shot, index in zip(shots, pair, strict=True))
    reason = None
    if test.change is not Change.UNCHANGED:
        edge = 2.0  # px: a box that ends here may be cut by the frame
        if min(one.score, two.score) < settings.sure:
            reason = Incomparable.WEAK
        elif _is_cut(one.box, shots[0], edge) or _is_cut(two.box, shots[1], edge):
            reason = Incomparable.NEAR_EDGE
    return PartChange(
        Change.NOT_COMPARABLE if reason else test.change,
        one.kind,
        one.box,
        two.box,
        transform.placed(one.box),
        min(one.score, two.score),
        test.value,
        test.limit,
        test.unit,
        reason,
        one.score,
    )


def _is_cut(box: Box, shot: Shot, edge: float) -> bool:
    return box.grown(edge).clipped(shot.width, shot.height) != box.grown(edge)


def _lost(
    earlier: Shot,
    later: Shot,
    transform: Similarity,
    joined: _Joined,
    settings: HistorySettings,
) -> Iterator[PartChange]:
    """Yield parts that only one of the photographs shows."""
    for index in sorted(set(range(len(earlier.parts))) - set(joined.all[:, 0].tolist())):
        one = earlier.parts[index].component
        place = transform.placed(one.box)
        reason = _why_not(one, place, later, settings)
        change = Change.NOT_COMPARABLE if reason else Change.GONE
        score = one.score
        yield PartChange(
            change, one.kind, one.box, None, place, score, reason=reason, earlier_score=score
        )
    back = transform.inverse()
    for index in sorted(set(range(len(later.parts))) - set(joined.all[:, 1].tolist())):
        one = later.parts[index].component
        reason = _why_not(one, back.placed(one.box), earlier, settings)
        change = Change.NOT_COMPARABLE if reason else Change.NEW
        yield PartChange(change, one.kind, None, one.box, one.box, one.score, reason=reason)


def _why_not(
    one: Component, place: Box, other: Shot, settings: HistorySettings
) -> Incomparable | None:
    """Return why a part that the other photograph lacks there may be there for all that."""
    inside = place.clipped(other.width, other.height)
    if inside is None:
        return Incomparable.OUTSIDE
    margin = settings.edge * max(other.width, other.height)
    if _is_cut(place, other, margin):
        return Incomparable.NEAR_EDGE
    if one.score < settings.sure:
        return Incomparable.WEAK
    if any(part.component.box.iou(place) > 0.3 for part in other.parts):
        return Incomparable.OTHER_KIND
    return None
