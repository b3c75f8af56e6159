"""Charts as one SVG file that any browser shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.reports import charts
from catenary.reports.templating import write_page

_COLUMNS = 2  # charts, and names of lines, beside each other
_TITLE_PX, _KEY_PX, _GAP_PX = 22, 16, 16


@dataclass(frozen=True, slots=True)
class Key:
    """The name of a line in px of its panel; ``style`` numbers the line's colour."""

    x: float
    y: float
    name: str
    style: int


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its title above and the names of its lines below, in px of the figure."""

    x: float
    y: float
    drawn: charts.Drawing
    keys: tuple[Key, ...]


def write_figure(title: str, plots: Sequence[charts.Chart], path: Path) -> None:
    """Write charts beside and below each other; every text is escaped.

    Args:
        title: Of the figure; browsers show it as the name of the tab.
        plots: In order, row by row.
        path: SVG file to write.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    rows = max((math.ceil(len(one.lines) / _COLUMNS) for one in plots), default=0)
    step_x = charts.WIDTH + _GAP_PX
    step_y = _TITLE_PX + charts.HEIGHT + rows * _KEY_PX + _GAP_PX
    panels = [
        Panel(
            number % _COLUMNS * step_x,
            number // _COLUMNS * step_y,
            one,
            tuple(_keys(one)),
        )
        for number, one in enumerate(map(charts.drawing, plots))
    ]
    write_page(
        "figure.svg.j2",
        path,
        title=title,
        panels=panels,
        width=step_x * min(max(len(plots), 1), _COLUMNS),
        height=step_y * math.ceil(max(len(plots), 1) / _COLUMNS),
        title_px=_TITLE_PX,
        chart_height=charts.HEIGHT,
    )


def _keys(drawn: charts.Drawing) -> list[Key]:
    top = _TITLE_PX + charts.HEIGHT + _KEY_PX / 2
    return [
        Key(
            46 + number % _COLUMNS * (charts.WIDTH - 46) / _COLUMNS,
            top + number // _COLUMNS * _KEY_PX,
            line.name,
            line.style,
        )
        for number, line in enumerate(drawn.lines)
    ]
