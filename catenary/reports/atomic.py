"""Write a file whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catenary.domain.errors import StoreError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Lend a new file beside ``path`` that takes its place when the block succeeds.

    Whatever goes wrong, ``path`` is as it was and nothing is left beside it.

    Raises:
        StoreError: If it cannot be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"cannot write report {path}: {error.strerror or error}; "
            f"free some space or choose another place with --output"
        ) from error
    finally:
        _removed(partial)


def _removed(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except NotADirectoryError:  # the folder was never there
        return
