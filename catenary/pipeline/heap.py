"""Keep the memory that networks and pictures take and give back all the time.

A photograph's layers and pixels come and go in pieces of 10 to 70 MB. The C library of Linux gives
such pieces back to the system at once, from threads even smaller ones, and the system clears each
page anew when it is asked for the next time.
"""

import ctypes
import logging
import platform

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # numbers of malloc.h
# Never make the heap smaller; no piece outside of it, however large; one heap for all threads,
# since those of the other threads are cut into 64 MB and given back whenever one is empty.
_SETTINGS = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1))

log = logging.getLogger(__name__)


def keep() -> bool:
    """Make this process keep freed memory for itself; for one that scans until it ends.

    Best called before threads are started: each that has a heap of its own by then keeps it.

    Returns:
        Whether it does: with the GNU C library only, elsewhere nothing changes.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    set_option = ctypes.CDLL(None).mallopt
    refused = [name for name, value in _SETTINGS if not set_option(name, value)]
    if refused:
        log.warning(
            "the C library refuses to keep memory (mallopt %s); the scan is slower", refused
        )
    return not refused
