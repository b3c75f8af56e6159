"""The notice 通知书 as a Word document, from a template that the railway edits in Word."""

import io
import zipfile
from pathlib import Path

from docx.shared import Cm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from catenary.domain.errors import ConfigError
from catenary.reports import atomic, notice
from catenary.reports.data import ReportData
from catenary.reports.pictures import Picture

_WIDTH_CM, _HEIGHT_CM = 15.0, 7.5  # of a picture at most: two or three items on an A4 page


def write_docx(data: ReportData, path: Path, template: Path) -> None:
    """Write the notice of a run's defects.

    Args:
        data: What a report is made of.
        path: File to write; replaced whole or not at all.
        template: Word document with Jinja2 tags, see docs/formats.md; ``picture`` of an item is
            its evidence picture, or empty.

    Raises:
        ConfigError: If the template cannot be read, or names what a notice does not have.
        StoreError: If the file cannot be written.
    """
    told, parts = notice.notice_of(data)
    document = _opened(template)
    # Names and notes come from files that strangers made: they are escaped, and a template can call
    # nothing that is not made for templates.
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    context = told.context()
    context["items"] = [
        {**item, "picture": _picture(document, picture)}
        for item, picture in zip(told.item_rows(), notice.pictures_of(data, parts), strict=True)
    ]
    try:
        document.render(context, environment, autoescape=True)
    except TemplateError as error:
        raise ConfigError(f"{template}: {error}; docs/formats.md lists the fields") from error
    buffer = io.BytesIO()
    document.save(buffer)
    with atomic.replaced(path) as partial:
        partial.write_bytes(buffer.getvalue())


def _opened(template: Path) -> DocxTemplate:
    """Return the template, found readable as Word."""
    try:
        document = DocxTemplate(io.BytesIO(template.read_bytes()))
        document.init_docx()
    except OSError as error:
        raise ConfigError(f"cannot read the template {template}: {error.strerror}") from error
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ConfigError(f"{template} is no Word document (.docx)") from error
    return document


def _picture(document: DocxTemplate, picture: Picture | None) -> InlineImage | str:
    if picture is None:
        return ""
    scale = min(_WIDTH_CM / picture.shown_width, _HEIGHT_CM / picture.shown_height)
    width = Cm(scale * picture.shown_width)
    return InlineImage(document, io.BytesIO(picture.content), width=width)
