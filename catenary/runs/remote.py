"""Files of a run behind an fsspec URL: ``s3://``, ``sftp://``, ``memory://`` and others."""

import logging
import re
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

import fsspec  # type: ignore[import-untyped]  # the package carries no types

from catenary.domain.errors import SourceError, SourceGoneError, UnreadableImageError
from catenary.runs import sftp
from catenary.runs.files import is_image

log = logging.getLogger(__name__)

_TRIES = 3  # of one file or folder while the rest can be reached
_PAUSE_S = 0.5  # before the second try, then twice as long each time. Our starting values
_LONGEST_PAUSE_S = 30.0
_LISTING_WAIT_S = 3600.0  # for a store that goes away while a run is listed; as the scan's --wait
# A store that does not answer is told from a slow one after these times, where it lets us choose.
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60}},
}
# What the stores call the time, or another mark, of a version of a file.
_CHANGED = ("ETag", "etag", "md5", "LastModified", "mtime", "last_modified", "created")
_PASSWORD = re.compile(r"(?<=://)([^/@]*?):[^/@]*@")


class _FileSystem(Protocol):
    """The part of an fsspec file system that is used here."""

    def ls(self, path: str, *, detail: bool, **options: float) -> list[dict[str, object]]: ...

    def cat_file(self, path: str, **options: float) -> bytes: ...

    def info(self, path: str) -> dict[str, object]: ...

    def invalidate_cache(self) -> None: ...


class RemoteFiles:
    """Files below a URL; see `Files`."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            SourceError: If the protocol is not known, its package is not installed, or the server
                cannot be reached, is not trusted or does not let us in.
        """
        self.url = redacted(url)
        self._given = url
        self._lock = threading.Lock()
        # One connection is held for all files: another is made when it is lost.
        self._is_held = url.partition("://")[0] in sftp.SCHEMES
        self._limits = {"timeout": sftp.READ_S} if self._is_held else {}
        try:
            self._file_system, self._root = _connected(url)
        except Exception as error:  # each store has errors of its own
            raise SourceError(f"cannot open {self.url}: {sftp.explained(error)}") from error

    def walk(self) -> Iterator[str]:
        """See `Files`; a store that goes away meanwhile is waited for."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            entries = self._waited_for(folder)
            yield from (folder + name for name, is_folder in entries if not is_folder)
            folders = (f"{folder}{name}/" for name, is_folder in reversed(entries) if is_folder)
            waiting.extend(folders)

    def _waited_for(self, folder: str) -> list[tuple[str, bool]]:
        """Return `listed`, as soon as the store is there."""
        since, pause, tries = time.monotonic(), _PAUSE_S, 0
        while True:
            try:
                return self.listed(folder)
            except SourceError as error:
                tries += self._is_there()
                if tries == _TRIES or time.monotonic() - since > _LISTING_WAIT_S:
                    raise
                log.warning("listing waits: %s", error)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def listed(self, folder: str) -> list[tuple[str, bool]]:
        """Return names of images and of subfolders (True), sorted.

        Raises:
            SourceError: If the folder cannot be listed.
        """
        path = f"{self._root}/{folder}".rstrip("/")
        try:
            entries = self._file_system.ls(path, detail=True, **self._limits)
        except Exception as error:  # each store has errors of its own for a lost connection
            told = sftp.explained(error)
            raise SourceError(f"cannot list {self.url}/{folder}: {told}") from error
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
                return bytes(self._file_system.cat_file(f"{self._root}/{path}", **self._limits))
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
        if not self._is_there():
            told = sftp.explained(error)
            message = f"{self.url} cannot be reached ({told}); check the connection"
            raise SourceGoneError(message) from error

    def _is_there(self) -> bool:
        """Tell whether the folder of the run holds anything now; connect anew if that is lost."""
        former = self._file_system
        if self._holds_something(former):
            return True
        if not self._is_held:
            return False
        with self._lock:
            if self._file_system is former:  # else another thread did it
                try:
                    self._file_system, _ = _connected(self._given, skip_instance_cache=True)
                except Exception:  # noqa: BLE001 - as in `listed`
                    return False
        return self._holds_something(self._file_system)

    def _holds_something(self, file_system: _FileSystem) -> bool:
        try:
            file_system.invalidate_cache()  # a listing from memory tells nothing
            return bool(file_system.ls(self._root, detail=True, **self._limits))
        except Exception:  # noqa: BLE001 - as in `listed`
            return False

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


def _connected(url: str, **options: Any) -> tuple[_FileSystem, str]:  # noqa: ANN401 - fsspec's own
    """Return the file system of a URL, and the path of the run in it."""
    scheme = url.partition("://")[0]
    own = sftp.options() if scheme in sftp.SCHEMES else _TIMEOUTS.get(scheme, {})
    file_system, root = fsspec.core.url_to_fs(url, **own, **options)
    return file_system, str(root).rstrip("/")


def redacted(url: str) -> str:
    """Return a URL without the password in it, for messages, the database and reports.

    >>> redacted("sftp://me:secret@host/run")
    'sftp://me@host/run'
    """
    return _PASSWORD.sub(r"\1@", url)
