"""Are the probabilities honest: of the parts called 30 %, are 30 % defective?"""

from collections.abc import Sequence
from dataclasses import dataclass

from catenary.domain.finding import NORMAL
from catenary.evaluation.compared import Compared
from catenary.evaluation.intervals import Share

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Parts whose probability lies in one tenth of [0, 1].

    Attributes:
        low: Lower end, inclusive.
        high: Upper end, exclusive but in the last bin.
        mean: Mean probability; None in an empty bin.
        defective: Those that are.
    """

    low: float
    high: float
    mean: float | None
    defective: Share


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram.

    Attributes:
        bins: Ten, of equal width.
        ece: Expected calibration error in [0, 1]: mean over parts of the gap between what was
            said and what is, bin by bin; None without parts. It grows by chance alone in bins
            of few parts: read it with their counts.
        brier: Mean squared error of the probabilities; None without parts.
    """

    bins: tuple[Bin, ...]
    ece: float | None
    brier: float | None


def reliability(said: Sequence[tuple[float, bool]]) -> Reliability:
    """Compare probabilities with what is true.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", AAAI 2015 (expected calibration error).

    Args:
        said: (probability of a defect in [0, 1], whether there is one) of each part.
    """
    filled: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for odds, is_defect in said:
        filled[min(int(odds * BINS), BINS - 1)].append((odds, is_defect))
    bins = tuple(_bin(number, rows) for number, rows in enumerate(filled))
    if not said:
        return Reliability(bins, None, None)
    gaps = sum(abs(sum(odds for odds, _ in rows) - sum(d for _, d in rows)) for rows in filled)
    brier = sum((odds - is_defect) ** 2 for odds, is_defect in said) / len(said)
    return Reliability(bins, gaps / len(said), brier)


def judged_parts(compared: Sequence[Compared], component: str) -> list[tuple[float, bool]]:
    """Return probability and truth of every judged part whose truth is known.

    A box on no part is no defect; one on a label that is ignored or does not show the damage
    is left out.
    """
    rows = []
    for one in compared:
        for part in one.parts(component):
            label = one.nearest(part)
            if part.probability is None:
                continue
            if label is None or (label.is_evident and not label.is_ignored):
                rows.append((part.probability, label is not None and label.condition != NORMAL))
    return rows


def _bin(number: int, rows: Sequence[tuple[float, bool]]) -> Bin:
    mean = sum(odds for odds, _ in rows) / len(rows) if rows else None
    share = Share(sum(is_defect for _, is_defect in rows), len(rows))
    return Bin(number / BINS, (number + 1) / BINS, mean, share)
