"""Write a folder completely or not at all."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from catenary.domain.errors import SourceError

# Not allowed in names on the Windows disks that runs are carried on.
_FORBIDDEN = frozenset('/\\:*?"<>|') | {chr(code) for code in range(32)}


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a new sibling folder to write into, renamed to ``folder`` at the end.

    On any error, a full disk too, the sibling is removed and ``folder`` is as it was.

    Raises:
        SourceError: If the folder holds something already, or writing fails.
    """
    partial = folder.absolute().with_name(f".partial-{token_hex(4)}")
    try:
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise SourceError(f"{folder} is in use; name a new folder for the run")
        partial.mkdir(parents=True)
    except OSError as error:
        raise SourceError(f"cannot write the run {folder}: {error.strerror}") from error
    try:
        yield partial
        if folder.is_dir():
            folder.rmdir()  # empty: seen above
        partial.rename(folder)
    except (OSError, sqlite3.Error) as error:
        raise SourceError(
            f"cannot write the run {folder}: {error}; nothing of it is left: free some space or "
            f"check the place and its rights, and run the same command again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_portable(name: str, what: str) -> str:
    """Return the name, refusing one that Windows disks or a path could not hold.

    Raises:
        ValueError: If it is empty or has a character that is not allowed.

    >>> require_portable("Z2-25", "mast number")
    'Z2-25'
    """
    if not name or not _FORBIDDEN.isdisjoint(name) or name in {".", ".."}:
        raise ValueError(f"{what} {name!r} cannot be part of a file name")
    return name
