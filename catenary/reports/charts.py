"""Charts as numbers that an SVG template only has to write down; no plotting program needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 380, 280  # px of the whole chart
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 20, 40  # px kept free for axes and their words
_MOST_POINTS = 400  # of one line that are drawn
_MOST_MARKS = 40  # of one line; more would hide it
_WANTED_TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line.

    Attributes:
        name: For the legend.
        points: (x, y) in the chart's units, x never falling.
        style: Colour, from 0 to 7, where charts beside each other leave out different lines;
            None takes the line's place in the chart.
    """

    name: str
    points: Sequence[Point]
    style: int | None = None


@dataclass(frozen=True, slots=True)
class Dot:
    """One measured point with its interval.

    Attributes:
        x: In the chart's units.
        y: In the chart's units.
        low: Lower end of y.
        high: Upper end of y.
        words: Shown beside it.
    """

    x: float
    y: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw; both axes begin at 0.

    Attributes:
        title: Above it.
        x_name: Below it, with unit.
        y_name: At its side.
        x_most: Largest x drawn, greater than 0; what lies beyond is cut off.
        lines: At most eight.
        dots: Measured points.
        has_diagonal: Draw the line y = x.
        y_most: Largest y drawn, greater than 0.
        is_stepped: Draw lines as steps, else straight from point to point with the points marked.
    """

    title: str
    x_name: str
    y_name: str
    x_most: float = 1.0
    lines: tuple[Series, ...] = ()
    dots: tuple[Dot, ...] = ()
    has_diagonal: bool = False
    y_most: float = 1.0
    is_stepped: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where, and what stands there."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line in px of the chart; ``style`` numbers its colour, ``marks`` are points to mark."""

    name: str
    points: str
    style: int
    marks: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawnDot:
    """A point in px of the chart."""

    x: float
    y: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart in px, origin at the top left, as the template wants it."""

    chart: Chart
    left: float
    right: float
    top: float
    bottom: float
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...]
    dots: tuple[DrawnDot, ...]


def drawing(chart: Chart) -> Drawing:
    """Place a chart on its pixels."""
    return Drawing(
        chart,
        _LEFT,
        WIDTH - _RIGHT,
        _TOP,
        HEIGHT - _BOTTOM,
        tuple(Tick(_x(chart, value), f"{value:g}") for value in ticks(chart.x_most)),
        tuple(Tick(_y(chart, value), f"{value:g}") for value in ticks(chart.y_most)),
        tuple(
            DrawnLine(
                line.name,
                _path(chart, line.points),
                number if line.style is None else line.style,
                _marks(chart, line.points),
            )
            for number, line in enumerate(chart.lines)
        ),
        tuple(
            DrawnDot(
                _x(chart, one.x),
                _y(chart, one.y),
                _y(chart, one.low),
                _y(chart, one.high),
                one.words,
            )
            for one in chart.dots
        ),
    )


def ticks(most: float) -> list[float]:
    """Return round numbers from 0 to ``most``, some five of them.

    >>> ticks(1.0), ticks(3.0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    """
    rough = most / _WANTED_TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= rough * 0.7)
    return [round(step * number, 10) for number in range(int(most / step + 1e-9) + 1)]


def _x(chart: Chart, value: float) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * value / chart.x_most, 1)


def _y(chart: Chart, value: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / chart.y_most, 1)


def _marks(chart: Chart, points: Sequence[Point]) -> tuple[Point, ...]:
    if chart.is_stepped or len(points) > _MOST_MARKS:
        return ()
    return tuple((_x(chart, x), _y(chart, y)) for x, y in points if x <= chart.x_most)


def _path(chart: Chart, points: Sequence[Point]) -> str:
    """Return the corners of a line, thinned out where there are more than can be seen."""
    inside = [point for point in points if point[0] <= chart.x_most]
    kept = inside[:: max(1, math.ceil(len(inside) / _MOST_POINTS))]
    if inside and kept[-1] != inside[-1]:
        kept.append(inside[-1])
    if kept and len(inside) < len(points):  # goes on beyond the right edge
        kept.append((chart.x_most, kept[-1][1]))
    corners: list[Point] = []
    for x, y in kept:
        if corners and chart.is_stepped:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return " ".join(f"{_x(chart, x)},{_y(chart, y)}" for x, y in corners)
