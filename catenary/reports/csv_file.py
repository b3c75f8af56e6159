"""Tables as CSV files that spreadsheets open safely."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from catenary.reports import atomic
from catenary.reports.wording import printable, unformula


def write(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table as UTF-8 with a byte-order mark, row by row, so that memory stays flat.

    A text that a spreadsheet would take for a formula gets a leading apostrophe.

    Args:
        path: File to write, or to replace.
        header: Names of the columns.
        rows: Cells in the order of the columns; None is empty.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    with (
        atomic.replaced(path) as partial,
        partial.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(map(_safe, row) for row in rows)


def _safe(cell: object) -> object:
    return unformula(printable(cell)) if isinstance(cell, str) else cell
