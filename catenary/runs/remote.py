"""Files of a run behind an fsspec URL: ``s3://``, ``sftp://``, ``memory://`` and others."""

import re
import time
from collections.abc import Iterator
from typing import Any, Protocol

import fsspec  # type: ignore[import-untyped]  # the package carries no types

from catenary.domain.errors import SourceError, SourceGoneError, UnreadableImageError
from catenary.runs.files import is_image

_TRIES = 3  # of one file while the rest can be reached
_PAUSE_S = 0.5  # before the second try, then twice as long each time. Our starting values
# A store that does not answer is told from a slow one after these times, where it lets us choose.
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60}},
}
# What the stores call the time, or another mark, of a version of a file.
_CHANGED = ("ETag", "etag", "md5", "LastModified", "mtime", "last_modified", "created")
_PASSWORD = re.compile(r"(?<=://)([^/@]*?):[^/@]*@")


class _FileSystem(Protocol):
    """The part of an fsspec file system that is used here."""

    def ls(self, path: str, *, detail: bool) -> list[dict[str, object]]: ...

    def cat_file(self, path: str) -> bytes: ...

    def info(self, path: str) -> dict[str, object]: ...

    def invalidate_cache(self) -> None: ...


class RemoteFiles:
    """Files below a URL; see `Files`."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            SourceError: If the protocol is not known, or its package is not installed.
        """
        self.url = redacted(url)
        try:
            scheme = url.partition("://")[0]
            file_system, root = fsspec.core.url_to_fs(url, **_TIMEOUTS.get(scheme, {}))
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
        except Exception as error:  # each store has errors of its own for a lost connection
            raise SourceError(f"cannot list {self.url}/{folder}: {error}") from error
        found = (
            (str(entry["name"]).rstrip("/").rpartition("/")[2], entry["type"] == "directory")
            for entry in entries
            if str(entry["name"]).strip("/") != path.strip("/")  # some stores list the folder too
        )
        return sorted((name, is_folder) for name, is_folder in found if is_folder or is_image(name))

    def read(self, path: str) -> bytes:
        """See `Files`; a file that fails while others can be reached is tried again."""
        for attempt in range(1, _TRIES + 1):
            try:
                return bytes(self._file_system.cat_file(f"{self._root}/{path}"))
            except Exception as error:  # as in `listed`
                self._require(error)
                if isinstance(error, (FileNotFoundError, PermissionError)) or attempt == _TRIES:
                    raise self._unreadable(path, error) from error
            time.sleep(_PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("the last try returns or raises")

    def stamp(self, path: str) -> str:
        """See `Files`; mostly from the listing that is in memory."""
        try:
            told = self._file_system.info(f"{self._root}/{path}")
        except Exception:  # noqa: BLE001 - as in `listed`; reading it tells why
            return ""
        changed = next((told[key] for key in _CHANGED if told.get(key)), None)
        return "" if changed is None else f"{told.get('size')}@{changed}"

    def _require(self, error: Exception) -> None:
        """Raise if nothing can be reached; see `catenary.runs.presence`."""
        try:
            self._file_system.invalidate_cache()  # a listing from memory tells nothing
            is_there = bool(self._file_system.ls(self._root, detail=True))
        except Exception:  # noqa: BLE001 - as in `listed`
            is_there = False
        if not is_there:
            message = f"{self.url} cannot be reached ({error}); check the connection"
            raise SourceGoneError(message) from error

    def _unreadable(self, path: str, error: Exception) -> UnreadableImageError:
        match error:
            case FileNotFoundError():
                return UnreadableImageError("missing", f"{path} is missing in {self.url}")
            case PermissionError():
                message = f"{path} in {self.url} is not permitted ({error})"
                return UnreadableImageError("locked", message)
            case _:
                message = f"{path} in {self.url} cannot be read ({error}); check the connection"
                return UnreadableImageError("damaged", message)


def redacted(url: str) -> str:
    """Return a URL without the password in it, for messages, the database and reports.

    >>> redacted("sftp://me:secret@host/run")
    'sftp://me@host/run'
    """
    return _PASSWORD.sub(r"\1@", url)
