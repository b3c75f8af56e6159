"""The report as one HTML file that needs nothing beside it and asks the network for nothing."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catenary.reports import atomic
from catenary.reports.data import ReportData
from catenary.reports.page import page

_TEMPLATES = Path(__file__).parent / "templates"


def write_html(data: ReportData, path: Path) -> None:
    """Write the contact sheet of findings with their evidence drawn in.

    Every text is escaped. Pictures are read and written one after another, so memory does not
    grow with the findings.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    with atomic.replaced(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(template.generate(page=page(data)))
