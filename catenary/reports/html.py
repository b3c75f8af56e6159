"""The report as one HTML file that needs nothing beside it and asks the network for nothing."""

from pathlib import Path

from catenary.reports.data import ReportData
from catenary.reports.page import page
from catenary.reports.templating import write_page


def write_html(data: ReportData, path: Path) -> None:
    """Write the contact sheet of findings with their evidence drawn in.

    Every text is escaped. Pictures are read and written one after another, so memory does not
    grow with the findings.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    write_page("report.html.j2", path, page=page(data))
