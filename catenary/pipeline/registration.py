"""Lay an earlier photograph of a mast over a later one by the parts that both show.

Points are complex numbers, x + iy in pixels: a similarity is then ``alpha * p + beta``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from catenary.domain.change import Shot, Uncompared
from catenary.domain.geometry import Similarity

Floats = NDArray[np.float64]
Points = NDArray[np.complex128]
_SEED = 0  # which hypotheses are tried must not differ from one run of the program to the next
_ROUNDS = 4  # of matching and fitting by turns; it settles after two or three
_PARAMETERS = 4  # of a similarity


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """N located parts of one photograph, as parallel arrays.

    Attributes:
        kinds: (N,) component ids.
        boxes: (N, 4) x0 y0 x1 y1 in full-frame px.
        width: Of the photograph, px.
        height: Of the photograph, px.
    """

    kinds: NDArray[np.str_]
    boxes: Floats
    width: int
    height: int

    @property
    def side_px(self) -> int:
        """Longer side of the photograph, px."""
        return max(self.width, self.height)

    @property
    def centres(self) -> Points:
        """(N,) middles of the boxes."""
        middles: Points = (self.boxes[:, 0] + self.boxes[:, 2]) / 2 + 0.5j * (
            self.boxes[:, 1] + self.boxes[:, 3]
        )
        return middles

    @property
    def sides(self) -> Floats:
        """(N, 2) width and height of the boxes, px."""
        return self.boxes[:, 2:] - self.boxes[:, :2]


def located(shot: Shot) -> Located:
    """Return the parts of a photograph as arrays."""
    boxes = [one.component.box for one in shot.parts]
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
    kinds = np.array([one.component.kind for one in shot.parts], dtype=np.str_)
    return Located(kinds, np.array(corners, np.float64).reshape(-1, 4), shot.width, shot.height)


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """How photographs are laid over each other; all numbers are our starting values.

    Attributes:
        floor: Noise of a box's middle that does not grow with the box, as a share of the
            photograph's longer side: a detector works on a reduced picture.
        share: Noise that grows with the box, as a share of its extent on the same axis.
        reach: How far from its place a part is looked for at first, as a share of the longer side.
        least_parts: Pairs of parts that a registration rests on.
        least_share: Of the parts that should be seen in both photographs, how many are.
        scales: Least and greatest scale: the same camera at about the same distance.
        rotation_deg: Greatest rotation: the camera is bolted on.
        tries: Hypotheses that are tried at most.
        prior: Degrees of freedom with which the noise of the whole run counts in that of one pair.
    """

    floor: float = 0.0008
    share: float = 0.04
    reach: float = 0.012
    least_parts: int = 3
    least_share: float = 0.5
    scales: tuple[float, float] = (0.6, 1.67)
    rotation_deg: float = 10.0
    tries: int = 1500
    prior: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How an earlier photograph lies on a later one.

    Attributes:
        transform: From the earlier to the later.
        pairs: (K, 2) indices of the same part, earlier and later.
        noise_px: (N,) expected standard deviation of a middle of the earlier parts along (x, y)
            as complex numbers, in px of the later photograph, before ``spread``.
        spread: Variance of what is left over after the fit, in units of ``noise_px`` squared.
        freedom: Degrees of freedom behind ``spread``, those of the whole run included.
        error_px: Root mean square of what is left over along one axis, in px of the later
            photograph, corrected for what the fit took up.
        share: Of the parts that should be seen in both, how many are.
        is_exact: True where both are one photograph, so that nothing was fitted.
    """

    transform: Similarity
    pairs: NDArray[np.intp]
    noise_px: Points
    spread: float
    freedom: float
    error_px: float
    share: float
    is_exact: bool = False

    def fitted(self, earlier: Points, later: Points, noise: Points) -> tuple[Similarity, Floats]:
        """Fit to some of the pairs, see `fitted`; one photograph lies on itself without error."""
        if self.is_exact:
            return self.transform, np.zeros((_PARAMETERS, _PARAMETERS))
        return fitted(earlier, later, noise)


def noise_px(located: Located, settings: RegistrationSettings) -> Points:
    """Return the (N,) noise of the middles that is assumed before any was measured."""
    floor = settings.floor * located.side_px
    by_axis = np.hypot(floor, settings.share * located.sides)
    noise: Points = by_axis[:, 0] + 1j * by_axis[:, 1]
    return noise


def register(
    earlier: Located,
    later: Located,
    settings: RegistrationSettings,
    noise: Points | None = None,
) -> Registration | Uncompared:
    """Lay the earlier photograph over the later one.

    Pairs of two parts each give a hypothesis, the one on which most parts agree is refined by
    weighted least squares over one-to-one pairs (RANSAC, Fischler and Bolles, CACM 1981, with the
    soft score of MLESAC, Torr and Zisserman, CVIU 2000). Not OpenCV's, which needs the pairs
    beforehand, weighs all alike and tells no error.

    Args:
        earlier: Parts of the earlier photograph.
        later: Parts of the later one.
        settings: Limits.
        noise: (N,) of the earlier middles, along x and y; None: `noise_px`.

    Returns:
        The registration, or why there is none.
    """
    if noise is None:
        noise = noise_px(earlier, settings)
    candidates = _candidates(earlier, later)
    least = settings.least_parts
    if min(len(set(candidates[:, 0])), len(set(candidates[:, 1]))) < least:
        return Uncompared.FEW_PARTS
    start = _best_hypothesis(earlier, later, candidates, settings)
    if isinstance(start, Uncompared):
        return start
    transform, pairs = _refined(start, earlier, later, candidates, noise, settings)
    share = _share(transform, pairs, earlier, later)
    if len(pairs) < least or share < settings.least_share:
        return Uncompared.NOT_ALIKE
    left = left_over(transform, pairs, earlier, later)
    spread, freedom = spread_of(left, noise[pairs[:, 0]], settings)
    error = float(np.sqrt(np.sum(np.abs(left) ** 2) / (2 * len(pairs) - _PARAMETERS)))
    return Registration(transform, pairs, noise, spread, freedom, error, share)


def same(earlier: Located, later: Located, settings: RegistrationSettings) -> Registration:
    """Lay a photograph over itself, in which parts were located twice.

    Nothing has to be fitted, so that two parts, one or none are enough.

    Args:
        earlier: Parts that were located in it once.
        later: Parts that were located in it another time.
        settings: Limits.
    """
    noise = noise_px(earlier, settings)
    reach = np.minimum(4 * np.maximum(noise.real, noise.imag), settings.reach * later.side_px)
    here = Similarity(complex(1), complex(0))
    pairs = _matched(here, earlier, later, _candidates(earlier, later), reach)
    share = _share(here, pairs, earlier, later)
    return Registration(here, pairs, noise, 1.0, settings.prior, 0.0, share, is_exact=True)


def left_over(
    transform: Similarity, pairs: NDArray[np.intp], earlier: Located, later: Located
) -> Points:
    """Return (K,) how far the later parts lie from where the earlier ones come to lie, px."""
    expected = _moved(transform, earlier.centres[pairs[:, 0]])
    left: Points = later.centres[pairs[:, 1]] - expected
    return left


def fitted(earlier: Points, later: Points, noise: Points) -> tuple[Similarity, Floats]:
    """Fit a similarity to K >= 2 pairs of points by weighted least squares.

    Args:
        earlier: (K,) points.
        later: (K,) points.
        noise: (K,) standard deviations along x and y.

    Returns:
        The similarity and the (4, 4) covariance of (alpha.real, alpha.imag, beta.real, beta.imag).
    """
    rows = rows_of(earlier) / _stacked(noise)[:, None]
    aims = _stacked(later) / _stacked(noise)
    solved = np.linalg.lstsq(rows, aims, rcond=None)[0]
    covariance = np.asarray(np.linalg.pinv(rows.T @ rows), np.float64)
    return Similarity(complex(*solved[:2]), complex(*solved[2:])), covariance


def rows_of(points: Points) -> Floats:
    """Return (2 K, 4): how x (first K rows) and y of moved points depend on the parameters."""
    x, y = points.real, points.imag
    one, zero = np.ones_like(x), np.zeros_like(x)
    return np.vstack([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])


def spread_of(left: Points, noise: Points, settings: RegistrationSettings) -> tuple[float, float]:
    """Return the variance of residuals in units of the noise, and its degrees of freedom.

    Three pairs alone say hardly anything of it, so the run's own (1 by definition of the noise)
    counts as ``settings.prior`` further ones. Source: Smyth, "Linear models and empirical Bayes
    methods", Stat. Appl. Genet. Mol. Biol. 3 (2004), doi:10.2202/1544-6115.1027.
    """
    own = max(2 * len(left) - _PARAMETERS, 0)
    total = float(np.sum((_stacked(left) / _stacked(noise)) ** 2)) if own else 0.0
    freedom = settings.prior + own
    return (settings.prior + total) / freedom, freedom


def _stacked(points: Points) -> Floats:
    return np.concatenate([points.real, points.imag])


def _moved(transform: Similarity, points: Points) -> Points:
    moved: Points = transform.alpha * points + transform.beta
    return moved


def _candidates(earlier: Located, later: Located) -> NDArray[np.intp]:
    """Return (C, 2) indices of parts of one kind and about one size."""
    is_kind = earlier.kinds[:, None] == later.kinds[None, :]
    return np.argwhere(is_kind & (growths(earlier, later) < np.log(2.5)))


def growths(earlier: Located, later: Located) -> Floats:
    """Return (N, M) how the diagonals differ, as absolute logarithms of their ratios.

    Not the sides: a long part that turns a little becomes many times wider.
    """
    before, after = np.hypot(*earlier.sides.T), np.hypot(*later.sides.T)
    grown: Floats = np.abs(np.log(after[None, :] / before[:, None]))
    return grown


def leverages(points: Points, noise: Points, covariance: Floats) -> Points:
    """Return (K,) what share of a point's own noise a fit took up, along x and y."""
    rows = rows_of(points) / _stacked(noise)[:, None]
    taken = np.einsum("ij,jk,ik->i", rows, covariance, rows)
    shares: Points = taken[: len(points)] + 1j * taken[len(points) :]
    return shares


def _best_hypothesis(
    earlier: Located, later: Located, candidates: NDArray[np.intp], settings: RegistrationSettings
) -> Similarity | Uncompared:
    """Return the similarity through two pairs on which most parts agree."""
    first, second = _drawn(candidates, settings.tries)
    p, q = earlier.centres[candidates[:, 0]], later.centres[candidates[:, 1]]
    apart = p[second] - p[first]
    is_far = np.abs(apart) > 0.02 * earlier.side_px
    first, second, apart = first[is_far], second[is_far], apart[is_far]
    alpha = (q[second] - q[first]) / apart
    low, high = settings.scales
    is_likely = (low <= np.abs(alpha)) & (np.abs(alpha) <= high)
    is_likely &= np.abs(np.degrees(np.angle(alpha))) <= settings.rotation_deg
    alpha, first = alpha[is_likely], first[is_likely]
    if not len(alpha):
        return Uncompared.NOT_ALIKE
    beta = q[first] - alpha * p[first]
    reach = settings.reach * later.side_px
    misses = np.abs(alpha[:, None] * p[None, :] + beta[:, None] - q[None, :]) / reach  # (M, C)
    gain = np.clip(1 - misses**2, 0, None)
    score = _summed(gain, candidates)
    best = int(np.argmax(score))
    middle = complex(later.side_px, later.side_px) / 2
    elsewhere = np.abs((alpha - alpha[best]) * middle + beta - beta[best]) > 3 * reach
    if np.any(score[elsewhere] >= 0.9 * score[best]):
        return Uncompared.AMBIGUOUS
    return Similarity(complex(alpha[best]), complex(beta[best]))


def _drawn(candidates: NDArray[np.intp], tries: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return two candidates for each try: all, or drawn, those of lone parts the more often."""
    count = len(candidates)
    if count * (count - 1) // 2 <= tries:
        first, second = np.triu_indices(count, 1)
    else:
        random = np.random.default_rng(_SEED)
        rivals = np.bincount(candidates[:, 0])[candidates[:, 0]]
        odds = 1 / rivals / np.sum(1 / rivals)
        first, second = random.choice(count, (2, tries), p=odds)
    is_apart = np.all(candidates[first] != candidates[second], axis=1)
    return first[is_apart], second[is_apart]


def _summed(gain: Floats, candidates: NDArray[np.intp]) -> Floats:
    """Return (M,) the gains of every earlier part's best candidate, summed."""
    starts = np.flatnonzero(np.diff(candidates[:, 0], prepend=-1))
    best: Floats = np.maximum.reduceat(gain, starts, axis=1)
    total: Floats = best.sum(axis=1)
    return total


def _refined(
    start: Similarity,
    earlier: Located,
    later: Located,
    candidates: NDArray[np.intp],
    noise: Points,
    settings: RegistrationSettings,
) -> tuple[Similarity, NDArray[np.intp]]:
    """Match and fit by turns; return the fit and the pairs that it rests on."""
    transform, pairs = start, np.empty((0, 2), np.intp)
    reach = np.full(len(earlier.kinds), settings.reach * later.side_px)
    for _ in range(_ROUNDS):
        pairs = _matched(transform, earlier, later, candidates, reach)
        if len(pairs) < settings.least_parts:
            break
        p, q = earlier.centres[pairs[:, 0]], later.centres[pairs[:, 1]]
        transform, _ = fitted(p, q, noise[pairs[:, 0]])
        left = q - _moved(transform, p)
        spread, _ = spread_of(left, noise[pairs[:, 0]], settings)
        usual = np.maximum(noise.real, noise.imag) * np.sqrt(spread)
        reach = np.minimum(4 * usual, 2 * settings.reach * later.side_px)
    return transform, pairs


def _matched(
    transform: Similarity,
    earlier: Located,
    later: Located,
    candidates: NDArray[np.intp],
    reach: Floats,
) -> NDArray[np.intp]:
    """Return (K, 2) one-to-one pairs within reach, the nearest on the whole."""
    cost = np.ones((len(earlier.kinds), len(later.kinds)))
    first, second = candidates.T
    misses = np.abs(_moved(transform, earlier.centres)[first] - later.centres[second])
    cost[first, second] = np.minimum((misses / reach[first]) ** 2, 1.0)
    rows, columns = linear_sum_assignment(cost)
    is_near = cost[rows, columns] < 1
    return np.stack([rows[is_near], columns[is_near]], axis=1)


def _share(
    transform: Similarity, pairs: NDArray[np.intp], earlier: Located, later: Located
) -> float:
    """Return how many parts are paired, of those in the smaller of the two common views."""
    there = _inside(_moved(transform, earlier.centres), later)
    back = _inside(_moved(transform.inverse(), later.centres), earlier)
    return len(pairs) / max(min(there, back), len(pairs), 1)


def _inside(points: Points, located: Located) -> int:
    x, y = points.real, points.imag
    return int(np.sum((x >= 0) & (y >= 0) & (x < located.width) & (y < located.height)))
