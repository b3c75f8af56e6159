"""The report of an evaluation as one HTML file: tables, and charts drawn as SVG.

What stands in it is handed over; nothing is computed here but pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.reports import charts
from catenary.reports.templating import write_page


@dataclass(frozen=True, slots=True)
class Named:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        title: Above it; may be empty.
        head: Column names; the first column is words, the others numbers.
        rows: As many cells each as ``head``.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Refuse rows of another length."""
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"table {self.title!r} needs {len(self.head)} cells a row")


@dataclass(frozen=True, slots=True)
class Chapter:
    """One question and its answer.

    Attributes:
        title: Heading.
        note: How to read it.
        grids: Tables.
        plots: Drawn beside each other.
    """

    title: str
    note: str
    grids: tuple[Grid, ...] = ()
    plots: tuple[charts.Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """All of the report.

    Attributes:
        title: Heading.
        data_kind: Which kind of photographs the figures rest on; shown at the top.
        facts: Model, rules, labels.
        tiles: The figures that are read first.
        notes: What must be known before a figure is quoted.
        chapters: In order.
    """

    title: str
    data_kind: str
    facts: tuple[Named, ...]
    tiles: tuple[Named, ...]
    notes: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def write_evaluation(page: EvaluationPage, path: Path) -> None:
    """Write one file without scripts or outside resources; every text is escaped.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    size = {"width": charts.WIDTH, "height": charts.HEIGHT}
    write_page("evaluation.html.j2", path, page=page, drawn=_drawn, **size)


def _drawn(chapter: Chapter) -> Sequence[charts.Drawing]:
    return [charts.drawing(chart) for chart in chapter.plots]
