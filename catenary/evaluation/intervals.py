"""Confidence intervals of counted shares."""

import math
from dataclasses import dataclass

_Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """A counted share with its Wilson 95 % interval.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212.

    Attributes:
        hits: Counted events.
        total: Trials.
    """

    hits: int
    total: int

    def __post_init__(self) -> None:
        """Refuse impossible counts."""
        if not 0 <= self.hits <= self.total:
            raise ValueError(f"share needs 0 <= hits <= total, got {self.hits} of {self.total}")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval in [0, 1]; (0, 1) when nothing was tried.

        >>> [round(bound, 3) for bound in Share(96, 100).interval]
        [0.902, 0.984]
        """
        if self.total == 0:
            return 0.0, 1.0
        share, z2n = self.hits / self.total, _Z95**2 / self.total
        centre = (share + z2n / 2) / (1 + z2n)
        half = math.sqrt(share * (1 - share) * z2n + z2n**2 / 4) / (1 + z2n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        """Return e.g. ``96/100 = 96.0 % [90.2, 98.4]``."""
        if self.total == 0:
            return "0/0"
        low, high = self.interval
        percent = 100 * self.hits / self.total
        return f"{self.hits}/{self.total} = {percent:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


@dataclass(frozen=True, slots=True)
class Gap:
    """Difference of two counted shares with its 95 % interval.

    Attributes:
        value: First minus second, in [-1, 1].
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def gap(first: Share, second: Share) -> Gap | None:
    """Return first minus second of shares that were counted on different things.

    Source: R. G. Newcombe, Stat. Med. 17 (1998) 873-890, method 10: from Wilson's intervals.

    Returns:
        None when one of them was never tried.

    >>> one = gap(Share(56, 70), Share(48, 80))
    >>> round(one.value, 4), round(one.low, 4), round(one.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if not first.total or not second.total:
        return None
    p, q = first.hits / first.total, second.hits / second.total
    (p_low, p_high), (q_low, q_high) = first.interval, second.interval
    value = p - q
    return Gap(
        value,
        value - math.hypot(p - p_low, q_high - q),
        value + math.hypot(p_high - p, q - q_low),
    )
