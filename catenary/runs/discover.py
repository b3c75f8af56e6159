"""Find the reader for a run: the only place that knows every way a run lies on disk."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from catenary.domain.errors import SourceError
from catenary.runs import mast_folders, name_form, plain
from catenary.runs.mast_folders import MastFoldersLayout
from catenary.runs.name_form import NameFormLayout
from catenary.runs.plain import PlainLayout
from catenary.runs.remote import RemoteFiles
from catenary.runs.source import Layout, Source
from catenary.runs.workstation import WorkstationLayout

WORKSTATION: Layout = WorkstationLayout()
MAST_FOLDERS: Layout = MastFoldersLayout()
NAME_FORM: Layout = NameFormLayout()
PLAIN: Layout = PlainLayout()
# Tried in this order; the last takes any folder with photographs.
LAYOUTS: tuple[Layout, ...] = (WORKSTATION, MAST_FOLDERS, NAME_FORM, PLAIN)
_SUBFOLDERS_LOOKED_AT = 50  # enough to notice that a folder of runs was given


def open_source(path: str | Path) -> Source:
    """Open a run with the first reader that recognises it.

    Args:
        path: A folder, a single photograph, or an fsspec URL.

    Raises:
        SourceError: If there is nothing, several runs, or nothing that a reader knows.
    """
    text = str(path)
    if isinstance(path, str) and "://" in text:
        scheme, _, _ = text.partition("://")
        if scheme not in {"file", "local"}:
            return _open_url(text)
        path = url2pathname(unquote(urlsplit(text).path))
    # Links are kept: the name that was given may tell line and direction.
    root = Path(os.path.normpath(Path(path).absolute()))
    if root.is_file():
        return plain.open_image(root)
    if not root.is_dir():
        raise SourceError(f"no such folder or file: {path}; check the path and that it is mounted")
    return _open_folder(root)


def _open_folder(root: Path) -> Source:
    for layout in LAYOUTS:
        if layout is PLAIN:
            _refuse_folder_of_runs(root)
        if layout.recognises(root):
            return layout.open(root)
    tried = "\n".join(f"  {layout.name}: {layout.looks_for}" for layout in LAYOUTS)
    raise SourceError(f"no run in {root}; looked for\n{tried}")


def _refuse_folder_of_runs(root: Path) -> None:
    """Refuse a folder one off, whose pictures would pass for a run without masts."""
    if root.name.casefold() == "db" and WORKSTATION.recognises(root.parent):
        raise SourceError(f"{root} is part of a workstation package; open {root.parent}")
    runs = [
        folder.name
        for folder in _subfolders(root)
        if WORKSTATION.recognises(folder) or MAST_FOLDERS.recognises(folder)
    ]
    if runs:
        raise SourceError(f"{root} holds whole runs; open one of them: {', '.join(runs)}")


def _subfolders(root: Path) -> Iterator[Path]:
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise SourceError(f"cannot list folder {root}: {error.strerror}") from error
    yield from folders[:_SUBFOLDERS_LOOKED_AT]


def _open_url(url: str) -> Source:
    files = RemoteFiles(url)
    name = files.url.rstrip("/").rpartition("/")[2]
    if any(is_folder and entry.casefold() == "db" for entry, is_folder in files.listed("")):
        raise SourceError(
            f"{files.url} looks like a workstation package, which is read from a disk only; "
            f"mount or copy it (mast folders, name form and plain folders work on URLs)"
        )
    if mast_folders.form_of(files):
        return mast_folders.open_files(files, name, files.url)
    if name_form.has_form(files):
        return name_form.open_files(files, name, files.url)
    return plain.open_files(files, name, files.url)
