"""Tell a photograph that cannot be read from a run that cannot be reached.

A share that is unmounted shows every file as missing. Written down as such, a night without network
would end as a million failed photographs.
"""

import errno
import os
from pathlib import Path

from catenary.domain.errors import SourceGoneError

# What Linux says of files behind a connection that is lost.
_LOST = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENODEV,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)


def require(root: Path, error: BaseException | None = None) -> None:
    """Do nothing if the folder of a run can be reached.

    Args:
        root: Folder that held the run when it was opened; an empty one is the mount point of a
            share that is not mounted.
        error: Why a file of it could not be read.

    Raises:
        SourceGoneError: If the folder cannot be listed, is empty, or the connection to it is lost.
    """
    is_lost = isinstance(error, OSError) and error.errno in _LOST
    if is_lost or not _holds_something(root):
        raise SourceGoneError(
            f"{root} cannot be reached; check the network and that it is mounted"
        ) from error


def _holds_something(root: Path) -> bool:
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
