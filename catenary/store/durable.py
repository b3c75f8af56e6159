"""Files that are there, whole, once a function returns: after a kill and after a power cut."""

import os
from pathlib import Path

from catenary.domain.errors import StoreError

PARTIAL = ".partial"  # ending of a file that is being written; what a kill leaves is swept


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made when missing.

    Both file and folder are flushed to the disk: the database may remember a file longer than
    the disk does, since a rename alone can be lost with the power.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        _made(path.parent)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _flush(path.parent)
    except OSError as error:
        _removed(partial)
        raise StoreError(
            f"cannot write {path}: {error.strerror}; free some space and start again"
        ) from error


def _made(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _flush(folder.parent)


def _flush(folder: Path) -> None:
    """Have the disk remember the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _removed(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:  # the folder was never there, or the disk is gone
        return
