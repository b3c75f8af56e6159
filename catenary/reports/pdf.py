"""The notice 通知书 as PDF, typeset by Typst from a template that the railway edits."""

import json
import shutil
import tempfile
from pathlib import Path

import typst

from catenary.domain.errors import ConfigError
from catenary.reports import atomic, notice
from catenary.reports.data import ReportData

# With Chinese, in the order of preference: serif faces first, as official letters are set.
CHINESE_FONTS = (
    "Noto Serif CJK SC",
    "Noto Serif SC",
    "Source Han Serif SC",
    "SimSun",
    "Songti SC",
    "FandolSong",
    "AR PL UMing CN",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
)
_BESIDE = (".typ", ".svg", ".png", ".jpg", ".jpeg")  # what a template may use from its folder


def write_pdf(data: ReportData, path: Path, template: Path, fonts: Path | None = None) -> None:
    """Write the notice of a run's defects.

    Args:
        data: What a report is made of.
        path: File to write; replaced whole or not at all.
        template: Typst source, see docs/formats.md; it reads ``notice.json`` and may use the
            pictures and sources that lie beside it.
        fonts: Folder of font files to use beside those of the system.

    Raises:
        ConfigError: If the template cannot be read or set, or no font has Chinese characters.
        StoreError: If the file cannot be written.
    """
    folders = [] if fonts is None else [fonts]
    chosen = _chinese_font(folders)
    with tempfile.TemporaryDirectory(prefix="catenary-notice-") as name:
        folder = Path(name)
        _lay_out(data, template, folder, chosen)
        content = _typeset(folder / template.name, template, folders)
    with atomic.replaced(path) as partial:
        partial.write_bytes(content)


def _chinese_font(folders: list[Path]) -> str:
    known = set(typst.Fonts(font_paths=folders).families())
    for family in CHINESE_FONTS:
        if family in known:
            return family
    raise ConfigError(
        "no font with Chinese characters found for the PDF; install one (Debian: fonts-noto-cjk)"
        " or name a folder with one with --fonts"
    )


def _lay_out(data: ReportData, template: Path, folder: Path, font: str) -> None:
    """Put the template, what lies beside it, the pictures and ``notice.json`` into a folder."""
    try:
        beside = [one for one in template.parent.iterdir() if one.suffix.lower() in _BESIDE]
        for one in (template, *beside):
            shutil.copyfile(one, folder / one.name)
    except OSError as error:
        raise ConfigError(f"cannot read the template {template}: {error.strerror}") from error
    told, parts = notice.notice_of(data)
    rows = []
    for item, picture in zip(told.item_rows(), notice.pictures_of(data, parts), strict=True):
        name = f"notice-picture-{item['number']}.jpg"
        if picture is not None:
            (folder / name).write_bytes(picture.content)
        rows.append({**item, "picture": name if picture is not None else ""})
    content = {**told.context(), "items": rows, "font": font}
    (folder / "notice.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _typeset(source: Path, template: Path, fonts: list[Path]) -> bytes:
    try:
        made = typst.compile(source, root=source.parent, font_paths=fonts, format="pdf")
    except typst.TypstError as error:
        raise ConfigError(f"{template}: {error}; docs/formats.md lists the fields") from error
    if not isinstance(made, bytes):
        raise TypeError(f"Typst returned {type(made).__name__} for a PDF")
    return made
