"""Files of a run behind an fsspec URL: ``s3://``, ``sftp://``, ``memory://`` and others."""

import re
from collections.abc import Iterator
from typing import Protocol

import fsspec  # type: ignore[import-untyped]  # the package carries no types

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.runs.files import is_image

_PASSWORD = re.compile(r"(?<=://)([^/@]*?):[^/@]*@")


class _FileSystem(Protocol):
    """The part of an fsspec file system that is used here."""

    def ls(self, path: str, *, detail: bool) -> list[dict[str, object]]: ...

    def cat_file(self, path: str) -> bytes: ...


class RemoteFiles:
    """Files below a URL; see `Files`."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            SourceError: If the protocol is not known, or its package is not installed.
        """
        self.url = redacted(url)
        try:
            file_system, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:
            raise SourceError(f"cannot open {self.url}: {error}") from error
        self._file_system: _FileSystem = file_system
        self._root = str(root).rstrip("/")

    def walk(self) -> Iterator[str]:
        """See `Files`."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            entries = self.listed(folder)
            yield from (folder + name for name, is_folder in entries if not is_folder)
            folders = (f"{folder}{name}/" for name, is_folder in reversed(entries) if is_folder)
            waiting.extend(folders)

    def listed(self, folder: str) -> list[tuple[str, bool]]:
        """Return names of images and of subfolders (True), sorted.

        Raises:
            SourceError: If the folder cannot be listed.
        """
        path = f"{self._root}/{folder}".rstrip("/")
        try:
            entries = self._file_system.ls(path, detail=True)
        except OSError as error:
            raise SourceError(f"cannot list {self.url}/{folder}: {error}") from error
        found = (
            (str(entry["name"]).rstrip("/").rpartition("/")[2], entry["type"] == "directory")
            for entry in entries
            if str(entry["name"]).strip("/") != path.strip("/")  # some stores list the folder too
        )
        return sorted((name, is_folder) for name, is_folder in found if is_folder or is_image(name))

    def read(self, path: str) -> bytes:
        """See `Files`."""
        try:
            return bytes(self._file_system.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError as error:
            message = f"{path} is missing in {self.url}"
            raise UnreadableImageError("missing", message) from error
        except PermissionError as error:
            message = f"{path} in {self.url} is not permitted ({error})"
            raise UnreadableImageError("locked", message) from error
        except OSError as error:
            message = f"{path} in {self.url} cannot be read ({error}); check the connection"
            raise UnreadableImageError("damaged", message) from error


def redacted(url: str) -> str:
    """Return a URL without the password in it, for messages, the database and reports.

    >>> redacted("sftp://me:secret@host/run")
    'sftp://me@host/run'
    """
    return _PASSWORD.sub(r"\1@", url)
