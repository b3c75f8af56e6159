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
