"""The templates of all pages, loaded one way: escaped, and strict about what is missing."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catenary.reports import atomic

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(template: str, path: Path, **values: object) -> None:
    """Write one HTML file from a template, piece by piece, so that memory does not grow with it.

    Args:
        template: Its file name.
        path: File to write.
        **values: What the template names; every text is escaped.

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
    pieces: Iterator[str] = environment.get_template(template).generate(**values)
    with atomic.replaced(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
