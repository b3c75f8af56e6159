"""Sort the names of a folder however many there are."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO

_HELD = 50_000  # names in memory at once, some megabytes; our starting value


def in_order(names: Iterable[str], held: int = _HELD) -> Iterator[str]:
    """Yield file names sorted; more than ``held`` go through sorted temporary files.

    >>> list(in_order(["c", "a", "d", "b", "e"], held=2))
    ['a', 'b', 'c', 'd', 'e']
    """
    iterator = iter(names)
    some = sorted(islice(iterator, held))
    if len(some) < held:
        yield from some
        return
    with ExitStack() as stack:
        files: list[IO[str]] = []
        while some:
            files.append(stack.enter_context(_emptied()))
            _store(some, files[-1])
            some = sorted(islice(iterator, held))
        yield from heapq.merge(*map(_restored, files))


def _emptied() -> IO[str]:
    """Return a file that is gone once it is closed; names may hold bytes that are no text."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape", newline="\n")


def _store(names: list[str], file: IO[str]) -> None:
    """Write a name a line; line breaks inside become slashes, which no name holds."""
    file.writelines(name.replace("\n", "/") + "\n" for name in names)
    file.seek(0)


def _restored(file: IO[str]) -> Iterator[str]:
    return (line[:-1].replace("/", "\n") for line in file)
