"""Write a file whole or not at all."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from catenary.domain.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Lend an open file that takes the place of ``path`` when the block succeeds.

    A kill leaves a hidden partial file at most, which the next writing of ``path`` replaces.

    Raises:
        StoreError: If it cannot be written; says where, why and what to do.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> StoreError:
    """Return what to tell a user who cannot write to ``path``."""
    remedy = "free some space" if error.errno in _FULL else "check the place and its rights"
    return StoreError(
        f"cannot write {path}: {error.strerror or error}; {remedy} and run the same command again, "
        f"what is finished is kept"
    )
