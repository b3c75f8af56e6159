"""How a measurement against a limit becomes evidence."""

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline

_STEEPNESS = 3.0  # of the score around the limit, in its logarithm


def judged(
    source: str,
    condition: str,
    ratio: float,
    numbers: tuple[Measurement, ...],
    lines: tuple[Polyline, ...],
) -> Evidence:
    """Return evidence whose score is 0.5 where ``ratio``, measurement over limit, is 1."""
    score = 1 / (1 + max(ratio, 0.02) ** -_STEEPNESS)
    verdict = Verdict.DEFECT if ratio > 1 else Verdict.NORMAL
    return Evidence(source, condition, verdict, min(score, 1.0), numbers, lines)
