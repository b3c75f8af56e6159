"""Is a picture like those that a fusion was fitted on?

A network's score is only as good as it was seen to be on such pictures. Method: distance to the
nearest picture seen (Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML
2022, arXiv:2204.06507), here of the crop's appearance, against those of masts left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class Familiar:
    """The pictures of one component that a fusion was fitted on.

    Attributes:
        usual: Mean of each number of the appearance.
        spread: Its standard deviation, above 0.
        seen: Appearance of each picture, in spreads from the mean.
        limit: Distance to the nearest of them, in spreads, beyond which a picture is unlike all.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    usual: tuple[float, ...]
    spread: tuple[float, ...]
    seen: tuple[tuple[float, ...], ...]
    limit: float

    def distance(self, appearance: Sequence[float]) -> float:
        """Return how far the nearest picture is, in spreads.

        Args:
            appearance: See `catenary.imaging.appearance.appearance`.
        """
        own = [
            (value - usual) / spread
            for value, usual, spread in zip(appearance, self.usual, self.spread, strict=True)
        ]
        return min(math.dist(own, one) for one in self.seen)
