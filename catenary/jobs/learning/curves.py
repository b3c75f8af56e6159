"""How a training went, drawn from the table that it keeps of its rounds."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catenary.domain.errors import ConfigError
from catenary.reports.charts import Chart, Series
from catenary.reports.figure import write_figure
from catenary.training.run import METRICS

CURVES = "curves.svg"
_MOST_LINES = 8  # of one chart
_NO_CURVE = frozenset({"epoch", "step", "seconds"})

Curves = Mapping[str, Sequence[tuple[float, float]]]


def write_curves(run: Path) -> Path:
    """Draw losses and validation figures of a run folder over its steps; return the SVG file.

    A resumed run is one line from its first round to its last.

    Raises:
        ConfigError: If the folder holds no table of rounds.
        StoreError: If the file cannot be written.
    """
    found = curves(run / METRICS)
    write_figure(f"Training {run.name}", list(_charts(found)), run / CURVES)
    return run / CURVES


def curves(table: Path) -> Curves:
    """Return (step, value) of each figure, rounds in order.

    A round that was killed before it was saved stands twice, once it is repeated: the later row
    holds. A figure that is missing or not finite leaves a gap.

    Raises:
        ConfigError: If the table cannot be read.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = {row.get("step"): row for row in csv.DictReader(file)}
    except OSError as error:
        raise ConfigError(f"cannot read {table}: {error.strerror}") from error
    found: dict[str, list[tuple[float, float]]] = {}
    for row in sorted(rows.values(), key=lambda row: _number(row.get("step"))):
        for name, text in row.items():
            value = _number(text)
            if isinstance(name, str) and name not in _NO_CURVE and math.isfinite(value):
                found.setdefault(name, []).append((_number(row.get("step")), value))
    return found


def _number(text: object) -> float:
    """Return the number that a cell holds; NaN for none.

    >>> _number("0.5"), _number(None)
    (0.5, nan)
    """
    try:
        return float(str(text))
    except ValueError:
        return math.nan


def _charts(found: Curves) -> Iterator[Chart]:
    losses = [name for name in found if name.endswith("_loss")]
    limits = [name for name in found if name.endswith("_limit")]  # the score of a measured recall
    figures = [name for name in found if name not in {*losses, *limits}]
    last = max((points[-1][0] for points in found.values()), default=1.0)
    for title, names in (("Losses, mean of a round", losses), ("On validation frames", figures)):
        for start in range(0, len(names), _MOST_LINES):
            lines = tuple(Series(one, found[one]) for one in names[start : start + _MOST_LINES])
            highest = max(value for line in lines for _, value in line.points)
            most = _above(highest) if names is losses else max(1.0, highest)
            yield Chart(title, "steps", "", last, lines, y_most=most, is_stepped=False)


def _above(value: float) -> float:
    """Return a round number at or above a loss.

    >>> _above(2.3), _above(0.041), _above(0.0)
    (3.0, 0.05, 1.0)
    """
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return round(math.ceil(value / unit - 1e-9) * unit, 12)
