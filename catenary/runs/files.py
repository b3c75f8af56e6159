"""The files of a run that lies as a folder tree: walk them in a stable order, read one."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.image import ImageRef
from catenary.runs import presence, sorting
from catenary.runs.source import RunDescription
from catenary.runs.task_name import TaskName

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_MOST_BYTES = 1_000_000_000  # of a file: above 200 megapixels of four bytes. Our starting value
_ESCAPED_BYTE = re.compile(rb"\\x([89a-f][0-9a-f]|5c)")  # what `_portable` writes


class Files(Protocol):
    """A tree of files, on a disk or elsewhere; paths are relative and use ``/``."""

    def walk(self) -> Iterator[str]:
        """Yield every file with an image ending: sorted by name, a folder before its subfolders.

        Raises:
            SourceError: If a folder cannot be listed.
        """
        ...

    def read(self, path: str) -> bytes:
        """Return the content of one file.

        Raises:
            UnreadableImageError: ``"missing"``, ``"locked"`` or ``"damaged"``.
            SourceGoneError: If no file can be read for now.
        """
        ...

    def stamp(self, path: str) -> str:
        """Return a text that changes with the file, empty when unknown; see `Source.stamp`."""
        ...


class FolderRun:
    """A run whose photographs are files and whose facts are in their paths."""

    def __init__(
        self, files: Files, description: RunDescription, ref: Callable[[str], ImageRef]
    ) -> None:
        """Read the facts of each path by ``ref``; nothing is opened yet."""
        self._files = files
        self._description = description
        self._ref = ref

    @property
    def description(self) -> RunDescription:
        """See `Source`."""
        return self._description

    def frames(self) -> Iterator[ImageRef]:
        """See `Source`."""
        return map(self._ref, self._files.walk())

    def read(self, ref: ImageRef) -> bytes:
        """See `Source`; safe to call from several threads."""
        return self._files.read(ref.location)

    def stamp(self, ref: ImageRef) -> str:
        """See `Source`."""
        return self._files.stamp(ref.location)


class LocalFiles:
    """Files below a folder of this machine.

    Links to folders elsewhere are followed, and what they show is listed once. Links to folders
    inside or above are not: their photographs are listed already, or are no part of the run.
    """

    def __init__(self, root: Path) -> None:
        """Keep the folder; nothing is listed yet."""
        self._root = root

    def walk(self) -> Iterator[str]:
        """See `Files`."""
        seen: set[str] = set()
        waiting = [("", False)]
        while waiting:
            folder, is_linked = waiting.pop()
            if is_linked and not self._is_new(folder, seen):
                continue
            folders: list[tuple[str, bool]] = []
            names = sorting.in_order(self._names(folder, folders))
            yield from (_portable(folder + name) for name in names)
            folders.sort()
            waiting.extend(
                (f"{folder}{name}/", is_linked or is_link) for name, is_link in reversed(folders)
            )

    def read(self, path: str) -> bytes:
        """See `Files`."""
        try:
            return _content(self._full(path), path)
        except OSError as error:
            presence.require(self._root, error)
            raise _unreadable(path, error) from error

    def stamp(self, path: str) -> str:
        """See `Files`."""
        return stamp_of(self._full(path))

    def _full(self, path: str) -> Path:
        full = self._root / path
        if "\\x" in path and os.path.lexists(self._root / _unportable(path)):
            return self._root / _unportable(path)
        return full

    def _is_new(self, folder: str, seen: set[str]) -> bool:
        """Tell whether a folder behind a link is neither seen yet nor inside or above the root."""
        root, target = os.path.realpath(self._root), os.path.realpath(self._root / folder)
        if target in seen or _contains(root, target) or _contains(target, root):
            return False
        seen.add(target)
        return True

    def _names(self, folder: str, folders: list[tuple[str, bool]]) -> Iterator[str]:
        """Yield the image names; add the subfolders to a list, and whether each is a link."""
        path = self._root / folder
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if _is_folder(entry):
                        folders.append((entry.name, entry.is_symlink()))
                    elif is_image(entry.name):  # also pipes and the like: each fails by its name
                        yield entry.name
        except OSError as error:
            raise SourceError(
                f"cannot list folder {path}: {error.strerror}; check its rights and the disk"
            ) from error


def _content(full: Path, path: str) -> bytes:
    """Return the content of a file; a pipe or device, which never ends or never begins, is none."""
    with open(full, "rb", opener=_opened_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            message = f"{path} is no file but a pipe, socket or device; remove it from the run"
            raise UnreadableImageError("not_an_image", message)
        if status.st_size > _MOST_BYTES:
            message = f"{path} has {status.st_size:,} bytes, a photograph at most {_MOST_BYTES:,}"
            raise UnreadableImageError("too_large", message)
        return file.read()


def _opened_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for somebody to write into it, as a pipe would."""
    return os.open(path, flags | os.O_NONBLOCK)


def stamp_of(path: Path) -> str:
    """Return size and time of a file of this machine, empty when it cannot be looked at."""
    try:
        told = path.stat()
    except OSError:
        return ""
    return f"{told.st_size}@{told.st_mtime_ns}"


def _unreadable(path: str, error: OSError) -> UnreadableImageError:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            message = f"{path} is missing; copy it again or scan the run anew"
            return UnreadableImageError("missing", message)
        case PermissionError():
            message = f"{path} is locked or not permitted ({error.strerror})"
            return UnreadableImageError("locked", message)
        case _:
            message = f"{path} cannot be read ({error.strerror}); check the disk, copy it again"
            return UnreadableImageError("damaged", message)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle: listed as a file that is missing
        return False


def is_image(name: str) -> bool:
    """Tell by its ending whether a file is meant to be a photograph.

    >>> is_image("a/B.JPG"), is_image("a/jpg")
    (True, False)
    """
    return name.lower().endswith(IMAGE_ENDINGS)


def describe(name: str, layout: str, source: str, task: TaskName) -> RunDescription:
    """Return the description of a run from what its folder name tells."""
    is_told = bool(task.line) or task.direction != "other"
    direction = str(task.direction) if is_told else ""
    return RunDescription(name, layout, source, task.line, direction, task.iso_day)


def _contains(folder: str, other: str) -> bool:
    return other == folder or other.startswith(folder.rstrip(os.sep) + os.sep)


def _portable(path: str) -> str:
    r"""Spell bytes that are no UTF-8 (names from a GBK archive) so that a database can hold them.

    No two names are spelled alike: one that has the letters ``\xd6`` itself gets ``\x5cxd6``.
    """
    raw = os.fsencode(path)
    if _ESCAPED_BYTE.search(raw):
        raw = _ESCAPED_BYTE.sub(rb"\\x5cx\1", raw)
    elif path.isascii():
        return path
    return raw.decode("utf-8", "backslashreplace")


def _unportable(path: str) -> str:
    raw = _ESCAPED_BYTE.sub(lambda match: bytes([int(match[1], 16)]), path.encode())
    return os.fsdecode(raw)
